//! Unattended customers: matched, but without activity for 30 days.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use service_kit::auth::Identity;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::forms::phone::Phone;
use service_kit::http::page::{decode_cursor, fetch_limit, parse_limit};
use service_kit::http::{PageQuery, Paged, Query};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::served::{self, Position, ServedCustomer};

/// A customer without activity for this long counts as unattended.
const UNATTENDED_AFTER: TimeDelta = TimeDelta::days(30);

/// A customer without activity for 30 days, and the person who serves the customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnattendedView {
    customer_id: Uuid,
    /// The last four digits of the phone number.
    last_four: String,
    /// Null if none of the customer's interests has a name.
    customer_name: Option<String>,
    /// With hidden middle digits; null for a customer without interests.
    phone: Option<String>,
    /// The salesman; if the caller is a consultant, the caller.
    served_by: PersonView,
    /// The customer's interests that are on and assigned to that person.
    interests: Vec<Uuid>,
    /// The customer's open consultations that are assigned to that person.
    consultations: Vec<Uuid>,
    /// The latest activity on these, or on any consultation of the customer.
    last_activity_at: DateTime<Utc>,
    /// Whole days since the last activity.
    #[schema(minimum = 30)]
    days_since: i64,
}

impl UnattendedView {
    fn new(row: ServedCustomer, now: DateTime<Utc>) -> Self {
        let phone = row.phone.and_then(|phone| phone.parse::<Phone>().ok());
        Self {
            customer_id: row.customer_id,
            last_four: row.last_four,
            customer_name: row.customer_name,
            phone: phone.map(|phone| phone.masked()),
            served_by: PersonView {
                id: row.person_id,
                display_name: row.person_name,
            },
            interests: row.interests,
            consultations: row.consultations,
            last_activity_at: row.last_activity_at,
            days_since: (now - row.last_activity_at).num_days(),
        }
    }
}

/// Matched customers without activity for 30 days, one row per customer and salesman, longest
/// without activity first.
///
/// Salesmen and consultants see their own customers, staff those of every salesman.
#[utoipa::path(
    get, path = "/interests/unattended", tag = "interest", params(PageQuery),
    responses((status = 200, body = Paged<UnattendedView>)),
)]
pub(crate) async fn unattended(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Paged<UnattendedView>, Problem> {
    let limit = parse_limit(query.limit)?;
    let after: Option<Position> = query.after.as_deref().map(decode_cursor).transpose()?;
    let now = context.db.now();
    let rows = served::unattended(
        context.db.pool(),
        &caller,
        now - UNATTENDED_AFTER,
        after,
        fetch_limit(limit),
    )
    .await?;
    let views = rows
        .into_iter()
        .map(|row| UnattendedView::new(row, now))
        .collect();
    Ok(Paged::from_rows_by(
        views,
        limit,
        |view: &UnattendedView| (view.last_activity_at, view.customer_id, view.served_by.id),
    ))
}
