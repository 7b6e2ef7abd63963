//! A customer's data and its erasure, called by the gateway.

use axum::extract::State;
use axum::http::StatusCode;
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::http::{NoStore, View};
use service_kit::privacy::{erased_customers, erasure};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use crate::store::erasure::{self as store, AssignedView, ToldView};

/// Everything that this service stores about a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentDataView {
    /// The customer's interests and consultations, with the people assigned to them.
    assignments: Vec<AssignedView>,
    /// The notifications of salesmen and consultants about the customer, oldest first.
    notifications: Vec<ToldView>,
}

/// Everything that this service stores about the caller.
#[utoipa::path(
    get, path = "/me/data", tag = "salesman",
    responses((
        status = 200, body = AssignmentDataView, description = "The data, without erased data",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(super) async fn data(
    State(context): State<Context>,
    caller: Identity,
) -> Result<NoStore<View<AssignmentDataView>>, Problem> {
    let customer = CustomerId(caller.subject);
    Ok(NoStore(View(AssignmentDataView {
        assignments: store::assignments(context.db.pool(), customer).await?,
        notifications: store::notifications(context.db.pool(), customer).await?,
    })))
}

/// `EraseCustomer`: erase the caller. Notifications about the caller are deleted. Assignments stay
/// with their ids and counts, visible to staff only. Repeating it has no further effect.
#[utoipa::path(
    delete, path = "/me", tag = "salesman",
    responses((status = 204, description = "Nothing that identifies the caller is stored")),
    extensions(
        ("x-internal" = json!(true)),
        ("x-command" = json!("EraseCustomer")),
        ("x-events" = json!([])),
    ),
)]
pub(super) async fn erase(
    State(context): State<Context>,
    caller: Identity,
) -> Result<StatusCode, Problem> {
    let customer = CustomerId(caller.subject);
    let mut tx = context.db.begin().await?;
    erased_customers::record(&mut tx, customer).await?;
    store::erase(&mut tx, customer).await?;
    erasure::erase(&mut tx, customer, caller.phone.as_ref()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
