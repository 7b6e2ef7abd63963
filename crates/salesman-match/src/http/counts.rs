//! The length of the queue.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::auth::Staff;
use service_kit::http::View;
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use crate::store::counts;

/// Open matches that wait for people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueueCounts)]
pub(super) struct CountsView {
    /// All matches in the queue.
    unassigned: i64,
    /// Those without a salesman, counted up to 1,000.
    #[schema(minimum = 0, maximum = 1000)]
    lacks_salesman: i64,
    /// Those that have a salesman and lack only a consultant, counted up to 1,000.
    #[schema(minimum = 0, maximum = 1000)]
    lacks_consultant: i64,
    /// The `requestedAt` of the one that has waited longest; null while the queue is empty.
    oldest_requested_at: Option<DateTime<Utc>>,
}

/// How many matches wait for people, and since when.
#[utoipa::path(
    get, path = "/salesman-matches/counts", tag = "salesman-match",
    responses((status = 200, body = CountsView, description = "The queue now")),
)]
pub(super) async fn show(
    State(context): State<Context>,
    _: Staff,
) -> Result<View<CountsView>, Problem> {
    let queue = counts::queue(context.db.pool()).await?;
    Ok(View(CountsView {
        unassigned: queue.lacks_salesman + queue.lacks_consultant,
        lacks_salesman: queue.lacks_salesman,
        lacks_consultant: queue.lacks_consultant,
        oldest_requested_at: queue.oldest_requested_at,
    }))
}
