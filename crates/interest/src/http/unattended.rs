//! Who was left alone: matched customers with whom nothing has happened for a while.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::forms::phone::Phone;
use service_kit::http::page::{decode_cursor, parse_limit};
use service_kit::http::{PageQuery, Paged, Query};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::served::{self, Place, Served};

/// After this long without anything a customer counts as left alone.
const PATIENCE: TimeDelta = TimeDelta::days(30);

/// A customer with whom nothing has happened for a while, and who it is that serves him.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnattendedView {
    /// Whom nobody attended to.
    customer_id: Uuid,
    /// The last four digits of his number.
    last_four: String,
    /// Null where none of his interests tells it.
    customer_name: Option<String>,
    /// The middle is hidden; null for a customer who asked for consultations only.
    phone: Option<String>,
    /// The salesman; for a consultant himself.
    served_by: PersonView,
    /// His interests that are on, in which that person serves him.
    interests: Vec<Uuid>,
    /// His open consultations, in which that person serves him.
    consultations: Vec<Uuid>,
    /// When something last happened: on one of these, or on any consultation of the customer.
    last_activity_at: DateTime<Utc>,
    /// Whole days since.
    #[schema(minimum = 30)]
    days_since: i64,
}

impl UnattendedView {
    fn at(it: Served, now: DateTime<Utc>) -> Self {
        Self {
            customer_id: it.customer_id,
            last_four: it.last_four,
            customer_name: it.customer_name,
            phone: it
                .phone
                .and_then(|phone| phone.parse::<Phone>().ok())
                .map(|phone| phone.masked()),
            served_by: PersonView {
                id: it.person_id,
                display_name: it.person_name,
            },
            interests: it.interests,
            consultations: it.consultations,
            last_activity_at: it.last_activity_at,
            days_since: (now - it.last_activity_at).num_days(),
        }
    }
}

/// Matched customers with whom nothing has happened for 30 days, one row for each customer and salesman, the one left alone the longest first.
///
/// A salesman or consultant sees his own, staff those of every salesman.
#[utoipa::path(
    get, path = "/interests/unattended", tag = "interest", params(PageQuery),
    responses((status = 200, body = Paged<UnattendedView>)),
)]
pub(crate) async fn unattended(
    State(context): State<Context>,
    who: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Paged<UnattendedView>, Problem> {
    let limit = parse_limit(query.limit)?;
    let after: Option<Place> = query.after.as_deref().map(decode_cursor).transpose()?;
    let now = context.db.now();
    let fetch = i64::try_from(limit).unwrap_or(100) + 1;
    let rows = served::unattended(context.db.pool(), &who, now - PATIENCE, after, fetch).await?;
    let views = rows
        .into_iter()
        .map(|row| UnattendedView::at(row, now))
        .collect();
    Ok(Paged::from_rows_by(
        views,
        limit,
        |view: &UnattendedView| (view.last_activity_at, view.customer_id, view.served_by.id),
    ))
}
