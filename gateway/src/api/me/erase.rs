//! The erasure of a customer's data.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use events::CustomerId;
use service_kit::Problem;
use service_kit::auth::Identity;

use crate::api::session::{signed_out, with_cookie};
use crate::auth::security_log::About;
use crate::edge::client_ip::ClientIp;
use crate::erasure::store;
use crate::state::AppState;

/// `EraseCustomer`: erases the customer in all services. Signs out immediately; the rest continues
/// in the background.
#[utoipa::path(
    delete,
    path = "/api/me",
    tag = "me",
    responses((
        status = ACCEPTED,
        description = "The erasure has begun, and continues until it is complete",
    )),
    extensions(("x-command" = json!("EraseCustomer")), ("x-events" = json!([]))),
)]
pub(crate) async fn erase(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    customer: Identity,
) -> Result<Response, Problem> {
    let mut tx = state.db.begin().await?;
    let ended = store::request(&mut tx, CustomerId(customer.subject)).await?;
    tx.commit().await?;
    state
        .security
        .sessions_ended(&ended, &About::client(client), "erasure");
    let response = signed_out(&state, StatusCode::ACCEPTED);
    Ok(with_cookie(response, &state.device_cookie.remove()))
}
