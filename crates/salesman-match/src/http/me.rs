//! What the gateway asks for a customer: everything that is kept of him, and to forget it.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::View;
use service_kit::privacy::erased_customers;
use service_kit::privacy::erasure;
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::Stored;
use crate::store::erasure as store;
use crate::view::{OriginView, StrategyName};

/// Everything that this service keeps of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MatchDataView {
    /// Who serves him, and served him, oldest first.
    matches: Vec<MatchedView>,
}

/// A match as its customer gets it to take away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MatchedView {
    /// Its id.
    id: Uuid,
    /// What it was made for.
    origin: OriginView,
    /// What that is about.
    project_id: Uuid,
    /// Its newest name. Absent while the project is not known.
    project_name: Option<String>,
    /// The last four digits of his number.
    last_four: Option<String>,
    /// Nobody until matched.
    salesman: Option<PersonView>,
    /// Nobody until matched.
    consultant: Option<PersonView>,
    /// How the salesman was chosen.
    #[schema(value_type = Option<StrategyName>)]
    strategy: Option<String>,
    /// When it was asked for the last time.
    requested_at: DateTime<Utc>,
    /// When the people who are on it now came.
    matched_at: Option<DateTime<Utc>>,
    /// When what it was made for came to its end.
    closed_at: Option<DateTime<Utc>>,
}

impl From<Stored> for MatchedView {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            salesman: stored.salesman().map(PersonView::from),
            consultant: stored.consultant().map(PersonView::from),
            origin: OriginView {
                kind: stored.origin_kind,
                id: stored.origin_id,
            },
            project_id: stored.project_id,
            project_name: stored.project_name,
            last_four: stored.last_four,
            strategy: stored.strategy,
            requested_at: stored.requested_at,
            matched_at: stored.matched_at,
            closed_at: stored.closed_at,
        }
    }
}

/// Everything that this service keeps of the caller.
#[utoipa::path(
    get, path = "/me/data", tag = "salesman-match",
    responses((
        status = 200, body = MatchDataView, description = "Without what was erased before",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(super) async fn data(
    State(context): State<Context>,
    who: Identity,
) -> Result<impl IntoResponse, Problem> {
    let stored = store::held(context.db.pool(), CustomerId(who.subject)).await?;
    let view = MatchDataView {
        matches: stored.into_iter().map(MatchedView::from).collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], View(view)))
}

/// `EraseCustomer`: forget the caller. His matches are closed and stay with their ids, for staff alone. Saying it again is fine.
#[utoipa::path(
    delete, path = "/me", tag = "salesman-match",
    responses((status = 204, description = "Nothing here says any more who he is, or nothing ever did")),
    extensions(("x-internal" = json!(true)), ("x-command" = json!("EraseCustomer")), ("x-events" = json!([]))),
)]
pub(super) async fn erase(
    State(context): State<Context>,
    who: Identity,
) -> Result<StatusCode, Problem> {
    let customer = CustomerId(who.subject);
    let mut tx = context.db.begin().await?;
    erased_customers::record(&mut tx, customer).await?;
    store::erase(&mut tx, customer).await?;
    erasure::erase(&mut tx, customer, who.phone.as_ref()).await?;
    // Whoever was on something open of his has room again.
    tx.notify_on_commit();
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
