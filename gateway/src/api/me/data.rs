//! The export of a customer's data.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use service_kit::Problem;
use service_kit::auth::Identity;
use service_kit::forms::phone::Phone;
use service_kit::http::{NoStore, View};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::me::services::get_all;
use crate::config::Service;
use crate::edge::client_ip::ClientIp;
use crate::state::AppState;

/// Everything that is stored about a customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataView {
    /// The customer's id in all services.
    customer_id: Uuid,
    /// The phone number of this session.
    #[schema(value_type = Option<String>)]
    phone: Option<String>,
    /// When this export was created.
    collected_at: DateTime<Utc>,
    /// The customer's consents.
    consents: Vec<ConsentGiven>,
    /// The customer's sessions.
    sessions: Vec<SessionView>,
    /// What each service stores, by its name.
    #[schema(value_type = Object)]
    services: Map<String, Value>,
}

/// A customer's consent.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsentGiven {
    /// The version of the text.
    version: String,
    /// When the customer agreed.
    given_at: DateTime<Utc>,
}

/// A browser in which a customer is signed in.
#[expect(
    clippy::struct_field_names,
    reason = "instants have the same suffix everywhere"
)]
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// When the session began.
    created_at: DateTime<Utc>,
    /// The last request, to the minute.
    used_at: DateTime<Utc>,
    /// When the session expires.
    expires_at: DateTime<Utc>,
}

/// Everything that is stored about the customer, as a file. Complete, or an error.
#[utoipa::path(
    get,
    path = "/api/me/data",
    tag = "me",
    responses((
        status = OK,
        description = "JSON to save as a file",
        body = DataView,
        headers(("Content-Disposition" = String, description = "The file's name")),
    )),
    extensions(("x-problems" = json!(["service-unavailable", "too-many-requests"]))),
)]
pub(crate) async fn data(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    customer: Identity,
) -> Result<Response, Problem> {
    let services = get_all(
        &state,
        "data",
        Service::ALL,
        "/me/data",
        (client, &customer),
    )
    .await?;
    let services = services
        .into_iter()
        .map(|(service, data)| (service.as_str().to_owned(), Value::Object(data)))
        .collect();
    let consents = sqlx::query_as(
        "select version, given_at from consent
         where customer_id = $1 and withdrawn_at is null order by given_at",
    )
    .bind(customer.subject)
    .fetch_all(state.db.pool())
    .await?;
    let sessions = sqlx::query_as(
        "select created_at, used_at, expires_at from session
         where role = 'customer' and subject = $1 order by created_at",
    )
    .bind(customer.subject)
    .fetch_all(state.db.pool())
    .await?;
    let view = DataView {
        customer_id: customer.subject,
        phone: customer.phone.as_ref().map(Phone::national),
        collected_at: state.db.now(),
        consents,
        sessions,
        services,
    };
    let file_name = "attachment; filename=\"ktgg-my-data.json\"";
    let headers = [(header::CONTENT_DISPOSITION, file_name)];
    Ok((headers, NoStore(View(view))).into_response())
}
