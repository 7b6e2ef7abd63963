//! The queue: open matches that lack a salesman or a consultant, oldest first.
//!
//! Matches without a salesman and matches that lack only a consultant are two queries, each with an
//! index of its own, merged by age: neither reads the rows of the other.

use chrono::{DateTime, Utc};
use service_kit::Tx;
use service_kit::auth::Identity;
use sqlx::{AssertSqlSafe, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::list::{Filter, own_column, push_filter};
use super::row::{COLUMNS, MatchRow};
use crate::salesman_match::SalesmanMatch;

/// The condition of the index `salesman_match_lacks_salesman`.
pub(super) const LACKS_SALESMAN: &str = "closed_at is null and salesman_id is null";

/// The condition of the index `salesman_match_lacks_consultant`.
pub(super) const LACKS_CONSULTANT: &str =
    "closed_at is null and salesman_id is not null and consultant_id is null";

/// Which matches the assigner can fill now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fillable<'a> {
    /// Whether a salesman is eligible.
    pub(crate) has_salesman: bool,
    /// Whether a consultant is eligible.
    pub(crate) has_consultant: bool,
    /// Matches that this unit of work has skipped.
    pub(crate) skipped: &'a [Uuid],
    pub(crate) limit: i64,
}

/// A match with its id. An error if its row cannot be decoded.
pub(crate) type Waiting = (Uuid, Result<SalesmanMatch, sqlx::Error>);

/// Locks the oldest matches that can be filled.
///
/// While no consultant is eligible, matches that lack only a consultant do not delay those that
/// lack a salesman. Rows that another transaction has locked are skipped until the next call,
/// because waiting for them could deadlock.
pub(crate) async fn lock_waiting(
    tx: &mut Tx,
    fillable: Fillable<'_>,
) -> Result<Vec<Waiting>, sqlx::Error> {
    let rows: Vec<MatchRow> = sqlx::query_as(AssertSqlSafe(waiting_sql()))
        .bind(fillable.has_salesman)
        .bind(fillable.has_consultant)
        .bind(fillable.skipped)
        .bind(fillable.limit)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.iter().map(|row| (row.id, row.to_match())).collect())
}

/// Both queries, each with its own condition, merged. The limit bounds each and the result.
fn waiting_sql() -> String {
    let query = |lacks: &str, can_fill: &str| {
        format!(
            "select * from (
                 select {COLUMNS} from salesman_match m
                 where {lacks} and {can_fill} and m.id <> all($3)
                 order by requested_at, m.id limit $4 for update of m skip locked
             ) waiting"
        )
    };
    format!(
        "{} union all {} order by requested_at, id limit $4",
        query(LACKS_SALESMAN, "$1"),
        query(LACKS_CONSULTANT, "$2")
    )
}

/// Statements for a savepoint around one match, so that it can fail alone.
pub(crate) const SAVEPOINT: &str = "savepoint one_match";
pub(crate) const ROLLBACK: &str = "rollback to savepoint one_match";
pub(crate) const RELEASE: &str = "release savepoint one_match";

pub(crate) async fn execute(tx: &mut Tx, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(&mut **tx).await.map(drop)
}

/// A position in the queue: the instant of the request, and the id for equal instants.
pub(crate) type QueuePosition = (DateTime<Utc>, Uuid);

/// The part of the queue that the caller may see, filtered, oldest first.
pub(crate) async fn list(
    pool: &PgPool,
    caller: &Identity,
    filter: Filter,
    after: Option<QueuePosition>,
    limit: i64,
) -> Result<Vec<MatchRow>, sqlx::Error> {
    if filter.open == Some(false) {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("");
    let parts = [LACKS_SALESMAN, LACKS_CONSULTANT];
    for (lacks, separator) in parts.into_iter().zip(["", " union all "]) {
        query.push(format!(
            "{separator}select * from (
                 select {COLUMNS} from salesman_match m where {lacks}"
        ));
        push_conditions(&mut query, caller, filter);
        if let Some((requested_at, id)) = after {
            query
                .push(" and (requested_at, m.id) > (")
                .push_bind(requested_at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        query
            .push(" order by requested_at, m.id limit ")
            .push_bind(limit)
            .push(") waiting");
    }
    query
        .push(" order by requested_at, id limit ")
        .push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

fn push_conditions(query: &mut QueryBuilder<Postgres>, caller: &Identity, filter: Filter) {
    push_filter(query, filter);
    match own_column(caller.role) {
        Some("customer_id") => {
            query
                .push(" and erased_at is null and customer_id = ")
                .push_bind(caller.subject);
        }
        Some(column) => push_open_of(query, &[column], caller.subject),
        None => {}
    }
    if let Some(person) = filter.person {
        push_open_of(query, &["salesman_id", "consultant_id"], person);
    }
}

/// Restricts to the open matches with this person in one of the columns. They are looked up first,
/// because their number is bounded by the person's capacity, and the queue is not.
fn push_open_of(query: &mut QueryBuilder<Postgres>, columns: &[&str], person: Uuid) {
    query.push(" and m.id = any(array(");
    for (number, column) in columns.iter().enumerate() {
        let separator = if number > 0 { " union all " } else { "" };
        query
            .push(format!(
                "{separator}select id from salesman_match where closed_at is null and {column} = "
            ))
            .push_bind(person);
    }
    query.push("))");
}
