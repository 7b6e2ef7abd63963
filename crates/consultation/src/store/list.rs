//! Lists of consultations. Each order has a cursor, so that every page costs the same.

use chrono::{DateTime, NaiveDate, Utc};
use events::{LastFour, SalesmanId, Step};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use sqlx::QueryBuilder;
use sqlx::postgres::{PgConnection, Postgres};
use uuid::Uuid;

use super::read::{Stored, select_page};

/// Conditions that all have to be true; `None` is no condition.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// One of these steps; all steps if empty.
    pub(crate) steps: Vec<Step>,
    pub(crate) project: Option<Uuid>,
    pub(crate) customer: Option<Uuid>,
    /// The first desired day.
    pub(crate) from: Option<NaiveDate>,
    /// The last desired day.
    pub(crate) until: Option<NaiveDate>,
    pub(crate) salesman: Option<SalesmanId>,
    pub(crate) consultant: Option<SalesmanId>,
    /// Open ones without a salesman.
    pub(crate) is_unassigned: bool,
    /// The last digits of the customer's number.
    pub(crate) last_four: Option<LastFour>,
}

/// The last row of a page by closing.
pub(crate) type ClosedCursor = (DateTime<Utc>, Uuid);

/// The last row of a page by desired date. The order is: coming days, soonest first; then past
/// days, latest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DateCursor {
    /// Today on the first page, so that the order stays the same after midnight.
    pub(crate) today: NaiveDate,
    pub(crate) desired_on: NaiveDate,
    pub(crate) id: Uuid,
}

impl DateCursor {
    fn is_past(&self) -> bool {
        self.desired_on < self.today
    }
}

/// Newest first.
pub(crate) async fn newest(
    connection: &mut PgConnection,
    caller: &Identity,
    filter: &Filter,
    page: Page,
) -> Result<Vec<Stored>, sqlx::Error> {
    let mut query = visible_to(caller, filter);
    query
        .push(" and consultation.id < ")
        .push_bind(page.before());
    let order = " order by consultation.id desc";
    fetch(connection, query, order, page.fetch_limit()).await
}

/// In the order of [`DateCursor`].
pub(crate) async fn by_desired_date(
    connection: &mut PgConnection,
    caller: &Identity,
    filter: &Filter,
    today: NaiveDate,
    after: Option<DateCursor>,
    fetch_limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let after_past = after.filter(DateCursor::is_past);
    let mut rows = Vec::new();
    if after_past.is_none() {
        let query = visible_to(caller, filter);
        rows = half(connection, query, COMING, today, after, fetch_limit).await?;
    }
    let missing = fetch_limit - i64::try_from(rows.len()).unwrap_or(fetch_limit);
    if missing > 0 {
        let query = visible_to(caller, filter);
        rows.extend(half(connection, query, PAST, today, after_past, missing).await?);
    }
    Ok(rows)
}

/// How a day compares with today, how a row compares with the cursor, and the direction.
const COMING: [&str; 3] = [">=", ">", "asc"];
const PAST: [&str; 3] = ["<", "<", "desc"];

async fn half(
    connection: &mut PgConnection,
    mut query: QueryBuilder<Postgres>,
    [range, beyond, direction]: [&str; 3],
    today: NaiveDate,
    after: Option<DateCursor>,
    limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    query
        .push(format!(" and consultation.desired_on {range} "))
        .push_bind(today);
    if let Some(cursor) = after {
        query
            .push(format!(
                " and (consultation.desired_on, consultation.id) {beyond} ("
            ))
            .push_bind(cursor.desired_on)
            .push(", ")
            .push_bind(cursor.id)
            .push(")");
    }
    let order =
        format!(" order by consultation.desired_on {direction}, consultation.id {direction}");
    fetch(connection, query, &order, limit).await
}

/// The closed ones, latest closing first.
pub(crate) async fn by_closing(
    connection: &mut PgConnection,
    caller: &Identity,
    filter: &Filter,
    after: Option<ClosedCursor>,
    fetch_limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let mut query = visible_to(caller, filter);
    query.push(" and consultation.closed_at is not null");
    if let Some((closed_at, id)) = after {
        query
            .push(" and (consultation.closed_at, consultation.id) < (")
            .push_bind(closed_at)
            .push(", ")
            .push_bind(id)
            .push(")");
    }
    let order = " order by consultation.closed_at desc, consultation.id desc";
    fetch(connection, query, order, fetch_limit).await
}

async fn fetch(
    connection: &mut PgConnection,
    mut query: QueryBuilder<Postgres>,
    order: &str,
    limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let (_, joined) = select_page();
    query.push(order).push(" limit ").push_bind(limit);
    query.push(joined).push(order);
    // Planned for its values each time: a range of days can be one day or all.
    let query = query.build_query_as().persistent(false);
    query.fetch_all(connection).await
}

/// What the caller may see (see `http::access::can_see`) and the filter selects.
fn visible_to(caller: &Identity, filter: &Filter) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(select_page().0);
    match caller.role {
        Role::Customer => query
            .push("consultation.customer_id = ")
            .push_bind(caller.subject),
        Role::Salesman => query
            .push("consultation.salesman_id = ")
            .push_bind(caller.subject),
        Role::Consultant => query
            .push("consultation.consultant_id = ")
            .push_bind(caller.subject),
        Role::Staff => query.push("true"),
    };
    if caller.role != Role::Staff {
        query.push(" and consultation.erased_at is null");
    }
    match filter.steps.as_slice() {
        [] => {}
        // An index by step has the order of a page only for one step.
        [step] => {
            query
                .push(" and consultation.step = ")
                .push_bind(step.as_str());
        }
        steps => {
            let names: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
            query
                .push(" and consultation.step = any(")
                .push_bind(names)
                .push(")");
        }
    }
    for (column, person) in [
        ("salesman_id", filter.salesman),
        ("consultant_id", filter.consultant),
    ] {
        if let Some(person) = person {
            query
                .push(format!(" and consultation.{column} = "))
                .push_bind(person.0);
        }
    }
    if filter.is_unassigned {
        query.push(
            " and consultation.salesman_id is null
              and consultation.step in ('apply', 'approved')",
        );
    }
    if let Some(last_four) = filter.last_four {
        query
            .push(" and right(consultation.phone, 4) = ")
            .push_bind(String::from(last_four));
    }
    if let Some(project) = filter.project {
        query
            .push(" and consultation.project_id = ")
            .push_bind(project);
    }
    if let Some(customer) = filter.customer {
        query
            .push(" and consultation.erased_at is null and consultation.customer_id = ")
            .push_bind(customer);
    }
    if let Some(from) = filter.from {
        query
            .push(" and consultation.desired_on >= ")
            .push_bind(from);
    }
    if let Some(until) = filter.until {
        query
            .push(" and consultation.desired_on <= ")
            .push_bind(until);
    }
    query
}
