//! Numbers of interests and customers, without counting a table.

use chrono::{DateTime, Utc};
use service_kit::auth::{Identity, Role};
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

use crate::store::served;

/// Up to this number, customers are counted: more than the open matches that a person can have.
const MAX_CUSTOMERS: i64 = 1000;

/// Interests that the caller may see, without merged ones.
#[derive(Debug, Default, sqlx::FromRow)]
pub(crate) struct InterestCounts {
    pub(crate) interested: i64,
    pub(crate) not_interested: i64,
}

/// The customer's own ones are counted. A trigger keeps the numbers of all others.
pub(crate) async fn interests(
    pool: &PgPool,
    caller: &Identity,
) -> Result<InterestCounts, sqlx::Error> {
    let (sql, id) = match caller.role {
        Role::Customer => (
            "select count(*) filter (where interested) as interested,
                    count(*) filter (where not interested) as not_interested
             from interest where customer_id = $1 and merged_into is null and erased_at is null",
            caller.subject,
        ),
        Role::Salesman | Role::Consultant => (OF_PERSON, caller.subject),
        Role::Staff => (OF_PERSON, Uuid::nil()),
    };
    let counts: Option<InterestCounts> = sqlx::query_as(sql).bind(id).fetch_optional(pool).await?;
    Ok(counts.unwrap_or_default())
}

const OF_PERSON: &str = "select interested, not_interested from interest_count where person = $1";

/// The customers that the caller serves, or with `until` those without activity since then. For
/// staff, the customers of every salesman. Counted up to [`MAX_CUSTOMERS`].
pub(crate) async fn customers(
    pool: &PgPool,
    caller: &Identity,
    until: Option<DateTime<Utc>>,
) -> Result<i64, sqlx::Error> {
    let mut sql = QueryBuilder::new("select count(*) from (select from served");
    served::push_visible(&mut sql, caller);
    if let Some(until) = until {
        sql.push(" and last_activity_at <= ").push_bind(until);
    }
    sql.push(" limit ")
        .push_bind(MAX_CUSTOMERS)
        .push(") counted");
    sql.build_query_scalar().fetch_one(pool).await
}
