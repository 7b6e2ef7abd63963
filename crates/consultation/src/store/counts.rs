//! Numbers of consultations, without counting a table.

use chrono::NaiveDate;
use events::Step;
use service_kit::auth::{Identity, Role};
use sqlx::QueryBuilder;
use sqlx::postgres::{PgConnection, Postgres};
use uuid::Uuid;

/// Up to this number, open consultations are counted: more than a person can have.
const MAX_OPEN: i64 = 1000;

/// How many consultations that the caller may see stand at each step; without those at which none
/// stands. The customer's own ones are counted. A trigger keeps the numbers of all others.
pub(crate) async fn by_step(
    connection: &mut PgConnection,
    caller: &Identity,
) -> Result<Vec<(Step, i64)>, sqlx::Error> {
    let sql = match caller.role {
        Role::Customer => {
            "select step, count(*) from consultation
             where customer_id = $1 and erased_at is null group by step"
        }
        _ => "select step, count from consultation_count where person = $1",
    };
    let id = match caller.role {
        Role::Staff => Uuid::nil(),
        _ => caller.subject,
    };
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(id).fetch_all(connection).await?;
    let known = |name: &str| Step::ALL.into_iter().find(|step| step.as_str() == name);
    let counts = rows
        .into_iter()
        .filter_map(|(step, count)| Some((known(&step)?, count)));
    Ok(counts.collect())
}

/// Open consultations that are due. Each is counted among the newest [`MAX_OPEN`].
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Due {
    /// For today.
    pub(crate) today: i64,
    /// For a day that has passed.
    pub(crate) overdue: i64,
    /// Of those, the ones that are not approved.
    pub(crate) apply_overdue: i64,
}

pub(crate) async fn due(
    connection: &mut PgConnection,
    caller: &Identity,
    today: NaiveDate,
) -> Result<Due, sqlx::Error> {
    let mut query = QueryBuilder::new("select count(*) filter (where desired_on = ");
    query
        .push_bind(today)
        .push(
            ") as today,
                count(*) filter (where desired_on < ",
        )
        .push_bind(today)
        .push(
            ") as overdue,
                count(*) filter (where step = 'apply' and desired_on < ",
        )
        .push_bind(today)
        .push(") as apply_overdue from (select desired_on, step from consultation where ");
    push_open_of(&mut query, caller);
    query
        .push(" and desired_on <= ")
        .push_bind(today)
        .push(" order by desired_on desc limit ")
        .push_bind(MAX_OPEN)
        .push(") due");
    query.build_query_as().fetch_one(connection).await
}

/// Open consultations that have no salesman, counted up to [`MAX_OPEN`].
pub(crate) async fn unassigned(
    connection: &mut PgConnection,
    caller: &Identity,
) -> Result<i64, sqlx::Error> {
    let mut query = QueryBuilder::new("select count(*) from (select from consultation where ");
    push_open_of(&mut query, caller);
    query
        .push(" and salesman_id is null limit ")
        .push_bind(MAX_OPEN)
        .push(") waiting");
    query.build_query_scalar().fetch_one(connection).await
}

/// The open consultations that the caller may see, as a text, so that the planner can use the
/// indexes of open ones. None of them is erased.
fn push_open_of(query: &mut QueryBuilder<Postgres>, caller: &Identity) {
    query.push("step in ('apply', 'approved')");
    let column = match caller.role {
        Role::Customer => "customer_id",
        Role::Salesman => "salesman_id",
        Role::Consultant => "consultant_id",
        Role::Staff => return,
    };
    query
        .push(format!(" and {column} = "))
        .push_bind(caller.subject);
}
