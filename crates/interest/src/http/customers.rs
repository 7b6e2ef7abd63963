//! The customers that salesmen and consultants serve, and those who are unattended: without
//! activity for 30 days.

use axum::extract::State;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::{LastFour, SalesmanId};
use serde::{Deserialize, Serialize};
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::forms::on_behalf_of::PersonView;
use service_kit::forms::phone::Phone;
use service_kit::http::page::{decode_cursor, fetch_limit, parse_limit};
use service_kit::http::{PageQuery, Paged, Query};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::views::ProjectStateView;
use crate::store::served::{self, NewestInterest, Position, ServedCustomer, ServedFilter};

/// A customer without activity for this long counts as unattended.
pub(crate) const UNATTENDED_AFTER: TimeDelta = TimeDelta::days(30);

/// A customer, and the person who serves the customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServedCustomer)]
pub(crate) struct CustomerView {
    customer_id: Uuid,
    /// The last four digits of the phone number.
    last_four: String,
    /// Null if none of the customer's interests has a name.
    customer_name: Option<String>,
    /// With hidden middle digits; null for a customer without interests.
    phone: Option<String>,
    /// The salesman; if the caller is a consultant, the caller.
    served_by: PersonView,
    /// The customer's interests that are on and assigned to that person, oldest first.
    interests: Vec<Uuid>,
    /// The last of `interests`; null without one.
    newest_interest: Option<NewestInterestView>,
    /// The customer's open consultations that are assigned to that person.
    consultations: Vec<Uuid>,
    /// The latest activity on these, or on any consultation of the customer.
    last_activity_at: DateTime<Utc>,
    /// Whole days since the last activity.
    #[schema(minimum = 0)]
    days_since: i64,
}

/// A programme that a customer marked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewestInterest)]
pub(crate) struct NewestInterestView {
    /// The interest.
    id: Uuid,
    /// The newest edition of the series that has not ended; if all have ended, the newest.
    project_id: Uuid,
    project_name: String,
    /// The state of the edition; null while the project is unknown.
    project: Option<ProjectStateView>,
    /// When the interest was last turned on.
    on_since: DateTime<Utc>,
}

impl NewestInterestView {
    fn new(interest: NewestInterest, today: NaiveDate) -> Self {
        let state = interest.project;
        Self {
            id: interest.id,
            project_id: interest.project_id,
            project_name: interest.project_name,
            project: state.map(|state| ProjectStateView::new(state, today)),
            on_since: interest.on_since,
        }
    }
}

impl CustomerView {
    fn new(row: ServedCustomer, now: DateTime<Utc>) -> Self {
        let phone = row.phone.and_then(|phone| phone.parse::<Phone>().ok());
        let today = seoul_date(now);
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
            newest_interest: row
                .newest_interest
                .map(|interest| NewestInterestView::new(interest, today)),
            consultations: row.consultations,
            last_activity_at: row.last_activity_at,
            days_since: (now - row.last_activity_at).num_days().max(0),
        }
    }
}

/// Filters of the customers; all of them must match.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomerFilter {
    /// Only customers of this salesman.
    #[param(value_type = Option<Uuid>)]
    salesman: Option<SalesmanId>,
    /// Only customers whose number ends with these four digits.
    #[param(value_type = Option<String>, pattern = r"^\d{4}$", example = "5678")]
    last_four: Option<LastFour>,
}

/// The customers who are served now, one row per customer and salesman, latest activity first: with
/// an interest that is on, or an open consultation.
///
/// Salesmen and consultants see their own customers, staff those of every salesman.
#[utoipa::path(
    get, path = "/interests/customers", tag = "interest", params(PageQuery, CustomerFilter),
    responses((status = 200, body = Paged<CustomerView>, description = "A page of customers")),
)]
pub(crate) async fn customers(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<PageQuery>,
    Query(filter): Query<CustomerFilter>,
) -> Result<Paged<CustomerView>, Problem> {
    let filter = ServedFilter {
        salesman: filter.salesman.map(|id| id.0),
        last_four: filter.last_four,
        inactive_since: None,
    };
    page(&context, &caller, query, filter).await
}

/// Matched customers without activity for 30 days, one row per customer and salesman, longest
/// without activity first.
///
/// Salesmen and consultants see their own customers, staff those of every salesman.
#[utoipa::path(
    get, path = "/interests/unattended", tag = "interest", params(PageQuery),
    responses((status = 200, body = Paged<CustomerView>)),
)]
pub(crate) async fn unattended(
    State(context): State<Context>,
    caller: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Paged<CustomerView>, Problem> {
    let filter = ServedFilter {
        inactive_since: Some(context.db.now() - UNATTENDED_AFTER),
        ..ServedFilter::default()
    };
    page(&context, &caller, query, filter).await
}

async fn page(
    context: &Context,
    caller: &Identity,
    query: PageQuery,
    filter: ServedFilter,
) -> Result<Paged<CustomerView>, Problem> {
    let limit = parse_limit(query.limit)?;
    let after: Option<Position> = query.after.as_deref().map(decode_cursor).transpose()?;
    let (pool, now) = (context.db.pool(), context.db.now());
    let rows = served::list(pool, caller, filter, after, fetch_limit(limit)).await?;
    let views = rows.into_iter().map(|row| CustomerView::new(row, now));
    Ok(Paged::from_rows_by(
        views.collect(),
        limit,
        |view: &CustomerView| (view.last_activity_at, view.customer_id, view.served_by.id),
    ))
}
