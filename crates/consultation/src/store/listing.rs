//! Lists of consultations: each order with a place to go on from, so that a page costs the same wherever it is.

use chrono::NaiveDate;
use events::Step;
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Role};
use sqlx::QueryBuilder;
use sqlx::postgres::{PgConnection, Postgres};
use uuid::Uuid;

use super::{COLUMNS, KNOWN, Row, SOURCES, Stored};

/// Which consultations; what is `None` is not asked about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) step: Option<Step>,
    pub(crate) project: Option<Uuid>,
    pub(crate) customer: Option<Uuid>,
    /// The first and the last desired day, both included.
    pub(crate) from: Option<NaiveDate>,
    pub(crate) until: Option<NaiveDate>,
}

/// Where a page of the list by desired date ended: the days to come, soonest first, and then those that have passed, latest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// What was today on the first page: a list that is read over midnight keeps its order.
    pub(crate) today: NaiveDate,
    pub(crate) desired_on: NaiveDate,
    pub(crate) id: Uuid,
}

impl Place {
    fn has_passed(&self) -> bool {
        self.desired_on < self.today
    }
}

/// The newest, below the id.
pub(crate) async fn newest(
    connection: &mut PgConnection,
    who: &Identity,
    filter: &Filter,
    after: Option<Uuid>,
    fetch: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let mut query = seen_by(who, filter);
    if let Some(after) = after {
        query.push(" and it.id < ").push_bind(after);
    }
    query.push(" order by it.id desc limit ").push_bind(fetch);
    read(connection, query).await
}

/// By desired date, coming ones first, behind the place.
pub(crate) async fn by_desired_date(
    connection: &mut PgConnection,
    who: &Identity,
    filter: &Filter,
    today: NaiveDate,
    after: Option<Place>,
    fetch: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let mut found = Vec::new();
    if !after.is_some_and(|place| place.has_passed()) {
        let mut query = seen_by(who, filter);
        query.push(" and it.desired_on >= ").push_bind(today);
        if let Some(after) = after {
            query
                .push(" and (it.desired_on, it.id) > (")
                .push_bind(after.desired_on)
                .push(", ")
                .push_bind(after.id)
                .push(")");
        }
        query
            .push(" order by it.desired_on, it.id limit ")
            .push_bind(fetch);
        found = read(connection, query).await?;
    }
    let missing = fetch - i64::try_from(found.len()).unwrap_or(fetch);
    if missing > 0 {
        let mut query = seen_by(who, filter);
        query.push(" and it.desired_on < ").push_bind(today);
        if let Some(after) = after.filter(Place::has_passed) {
            query
                .push(" and (it.desired_on, it.id) < (")
                .push_bind(after.desired_on)
                .push(", ")
                .push_bind(after.id)
                .push(")");
        }
        query
            .push(" order by it.desired_on desc, it.id desc limit ")
            .push_bind(missing);
        found.extend(read(connection, query).await?);
    }
    Ok(found)
}

/// A customer's own, a salesman's or consultant's assigned ones, all for staff; of these what the filter says.
fn seen_by(who: &Identity, filter: &Filter) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(format!("select {COLUMNS}, {KNOWN} from {SOURCES} where "));
    match who.role {
        Role::Customer => query.push("it.customer_id = ").push_bind(who.subject),
        Role::Salesman => query.push("it.salesman_id = ").push_bind(who.subject),
        Role::Consultant => query.push("it.consultant_id = ").push_bind(who.subject),
        Role::Staff => query.push("true"),
    };
    // What was erased is nobody's. Staff see that it was there.
    if who.role != Role::Staff {
        query.push(" and it.erased_at is null");
    }
    if let Some(step) = filter.step {
        query.push(" and it.step = ").push_bind(step.as_str());
    }
    if let Some(project) = filter.project {
        query.push(" and it.project_id = ").push_bind(project);
    }
    if let Some(customer) = filter.customer {
        query
            .push(" and it.erased_at is null and it.customer_id = ")
            .push_bind(customer);
    }
    if let Some(from) = filter.from {
        query.push(" and it.desired_on >= ").push_bind(from);
    }
    if let Some(until) = filter.until {
        query.push(" and it.desired_on <= ").push_bind(until);
    }
    query
}

async fn read(
    connection: &mut PgConnection,
    mut query: QueryBuilder<Postgres>,
) -> Result<Vec<Stored>, sqlx::Error> {
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(Stored::try_from).collect()
}
