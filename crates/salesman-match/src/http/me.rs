//! The routes for the gateway: a customer's data, and its erasure.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use events::CustomerId;
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::http::{NoStore, View};
use service_kit::privacy::{erased_customers, erasure};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::{OriginView, StrategyName};
use crate::store::erasure as store;
use crate::store::row::MatchRow;

/// Everything that this service stores about the customer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MatchDataView {
    /// Open and closed matches, oldest first.
    matches: Vec<MatchedView>,
}

/// A match in the customer's data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatchedView {
    id: Uuid,
    /// The interest or consultation of the match.
    origin: OriginView,
    project_id: Uuid,
    /// The current name. Absent while the project is unknown.
    project_name: Option<String>,
    /// The last four digits of the customer's number.
    last_four: Option<String>,
    /// Null until matched.
    salesman: Option<PersonView>,
    /// Null until matched.
    consultant: Option<PersonView>,
    /// How the salesman was chosen.
    #[schema(value_type = Option<StrategyName>)]
    strategy: Option<String>,
    /// When the match was requested the last time.
    requested_at: DateTime<Utc>,
    /// When the current people were matched.
    matched_at: Option<DateTime<Utc>>,
    /// When the interest was turned off, or the consultation closed.
    closed_at: Option<DateTime<Utc>>,
}

impl From<MatchRow> for MatchedView {
    fn from(row: MatchRow) -> Self {
        Self {
            id: row.id,
            salesman: row.salesman().map(PersonView::from),
            consultant: row.consultant().map(PersonView::from),
            origin: OriginView {
                kind: row.origin_kind,
                id: row.origin_id,
            },
            project_id: row.project_id,
            project_name: row.project_name,
            last_four: row.last_four,
            strategy: row.strategy,
            requested_at: row.requested_at,
            matched_at: row.matched_at,
            closed_at: row.closed_at,
        }
    }
}

/// Get everything that this service stores about the caller.
#[utoipa::path(
    get, path = "/me/data", tag = "salesman-match",
    responses((
        status = 200, body = MatchDataView, description = "Without data that was erased before",
        headers(("Cache-Control" = String, description = "`no-store`")),
    )),
    extensions(("x-internal" = json!(true))),
)]
pub(super) async fn data(
    State(context): State<Context>,
    caller: Identity,
) -> Result<NoStore<View<MatchDataView>>, Problem> {
    let rows = store::data(context.db.pool(), CustomerId(caller.subject)).await?;
    let matches = rows.into_iter().map(MatchedView::from).collect();
    Ok(NoStore(View(MatchDataView { matches })))
}

/// `EraseCustomer`: erase the caller. Their matches are closed; only staff still see them.
///
/// Idempotent.
#[utoipa::path(
    delete, path = "/me", tag = "salesman-match",
    responses((status = 204, description = "Nothing here identifies the caller any more")),
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
    // The people of the closed matches have free capacity again.
    tx.notify_on_commit();
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
