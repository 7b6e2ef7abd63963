//! Who was left alone: matched customers with whom nothing has happened for a while.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use service_kit::auth::{Only, Team};
use service_kit::clock::seoul_date;
use service_kit::http::{PageQuery, Paged, Query, limit, place};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::InterestView;
use crate::store::{self, Unattended};

/// After this long without anything a customer counts as left alone.
const PATIENCE: TimeDelta = TimeDelta::days(30);

/// An interest on which nothing has happened for a while.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnattendedView {
    interest: InterestView,
    /// When something last happened: on the interest itself, or on any consultation of its customer.
    #[schema(example = "2026-10-12T01:00:00Z")]
    last_activity_at: DateTime<Utc>,
    /// Whole days since.
    #[schema(example = 42, minimum = 30)]
    days_since: i64,
}

/// Matched customers with whom nothing has happened for 30 days, the one left alone the longest first.
///
/// A salesman or consultant sees those he is on, staff all.
#[utoipa::path(
    get, path = "/interests/unattended", tag = "interest", params(PageQuery),
    responses((status = 200, body = Paged<UnattendedView>)),
    extensions(("x-actors" = json!(["staff", "salesman", "consultant"]))),
)]
pub(crate) async fn unattended(
    State(context): State<Context>,
    Only { 0: who, .. }: Only<Team>,
    Query(query): Query<PageQuery>,
) -> Result<Paged<UnattendedView>, Problem> {
    let limit = limit(query.limit)?;
    let after: Option<(DateTime<Utc>, Uuid)> = query.after.as_deref().map(place).transpose()?;
    let now = context.db.now();
    let fetch = i64::try_from(limit).unwrap_or(100) + 1;
    let rows = store::unattended(context.db.pool(), &who, now - PATIENCE, after, fetch).await?;
    let today = seoul_date(now);
    let views = rows.into_iter().map(|Unattended { stored, last_activity_at }| UnattendedView {
        interest: InterestView::on(stored, today),
        last_activity_at,
        days_since: (now - last_activity_at).num_days(),
    });
    Ok(Paged::cut_by(views.collect(), limit, |view: &UnattendedView| (view.last_activity_at, view.interest.id)))
}
