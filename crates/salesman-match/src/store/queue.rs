//! The queue: open matches that lack a salesman or a consultant, oldest first.
//!
//! Matches without a salesman and matches that lack only a consultant are two queries, each with an
//! index of its own, merged by age: neither reads the rows of the other.

use chrono::{DateTime, Utc};
use service_kit::Tx;
use service_kit::auth::Identity;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::list::{Filter, visible_filtered};
use super::row::{COLUMNS, MatchRow};
use crate::salesman_match::SalesmanMatch;

/// The condition of the index `salesman_match_lacks_salesman`.
const LACKS_SALESMAN: &str = "closed_at is null and salesman_id is null";

/// The condition of the index `salesman_match_lacks_consultant`.
const LACKS_CONSULTANT: &str =
    "closed_at is null and salesman_id is not null and consultant_id is null";

/// Both queries, each with its own condition, merged. `limit` bounds each and the result.
fn queue_sql(salesman: &str, consultant: &str, limit: &str, locking: &str) -> String {
    let query = |lacks: &str, condition: &str| {
        format!(
            "select * from (
                 select {COLUMNS} from salesman_match m where {lacks} and {condition}
                 order by requested_at, m.id limit {limit} {locking}
             ) waiting"
        )
    };
    format!(
        "{} union all {} order by requested_at, id limit {limit}",
        query(LACKS_SALESMAN, salesman),
        query(LACKS_CONSULTANT, consultant)
    )
}

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

fn waiting_sql() -> String {
    queue_sql(
        "$1 and m.id <> all($3)",
        "$2 and m.id <> all($3)",
        "$4",
        "for update of m skip locked",
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

/// Before every request: none is older than the epoch.
const START: QueuePosition = (DateTime::UNIX_EPOCH, Uuid::nil());

/// The part of the queue that the caller may see, filtered, oldest first.
pub(crate) async fn list(
    pool: &PgPool,
    caller: &Identity,
    filter: Filter,
    after: Option<QueuePosition>,
    limit: i64,
) -> Result<Vec<MatchRow>, sqlx::Error> {
    let (requested_at, id) = after.unwrap_or(START);
    sqlx::query_as(AssertSqlSafe(list_sql(caller)))
        .bind(caller.subject)
        .bind(filter.origin)
        .bind(filter.person)
        .bind(filter.open)
        .bind(requested_at)
        .bind(id)
        .bind(limit)
        .fetch_all(pool)
        .await
}

fn list_sql(caller: &Identity) -> String {
    let condition = format!(
        "{} and (requested_at, m.id) > ($5, $6)",
        visible_filtered(caller.role)
    );
    queue_sql(&condition, &condition, "$7", "")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use service_kit::auth::Role;
    use service_kit::testing::TestApp;
    use sqlx::PgConnection;

    use super::*;

    /// The number of matches of each kind: closed, complete, without a consultant, and without
    /// both, which are the newest.
    const ROWS_PER_KIND: i64 = 3000;

    const LIMIT: i64 = 60;

    async fn start_with_long_queue() -> TestApp {
        let app = TestApp::start(crate::service()).await;
        let sql = "
            insert into salesman_match (id, origin_kind, origin_id, project_id, customer_id,
                                        last_four, salesman_id, salesman_name, consultant_id,
                                        consultant_name, requested_at, closed_at, version)
            select gen_random_uuid(), 'consultation', gen_random_uuid(), gen_random_uuid(),
                   gen_random_uuid(), '0000',
                   case when kind < 3 then gen_random_uuid() end, case when kind < 3 then 'x' end,
                   case when kind < 2 then gen_random_uuid() end, case when kind < 2 then 'x' end,
                   timestamptz '2026-11-01' + kind * interval '1 day' + number * interval '1 s',
                   case when kind = 0 then timestamptz '2026-11-20' end, 1
            from generate_series(0, 3) kind, generate_series(1, $1) number";
        sqlx::query(sql)
            .bind(ROWS_PER_KIND)
            .execute(app.pool())
            .await
            .unwrap();
        sqlx::raw_sql("analyze").execute(app.pool()).await.unwrap();
        app
    }

    /// The number of rows of `salesman_match` that a plan read, including filtered ones.
    fn rows_read(plan: &Value) -> f64 {
        let number = |name: &str| plan[name].as_f64().unwrap_or_default();
        let below: f64 = plan["Plans"]
            .as_array()
            .into_iter()
            .flatten()
            .map(rows_read)
            .sum();
        let own = if plan["Relation Name"] == "salesman_match" {
            (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")
        } else {
            0.0
        };
        own + below
    }

    async fn set_plan_mode(connection: &mut PgConnection, mode: &str) {
        let sql = format!("set plan_cache_mode = {mode}");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(connection)
            .await
            .unwrap();
    }

    /// Plans for the given parameters, and plans for any.
    const MODES: [&str; 2] = ["force_custom_plan", "force_generic_plan"];

    #[tokio::test]
    async fn assigner_query_reads_only_the_rows_it_returns() {
        let app = start_with_long_queue().await;
        let mut connection = app.pool().acquire().await.unwrap();
        for mode in MODES {
            set_plan_mode(&mut connection, mode).await;
            for (has_salesman, has_consultant, queries) in
                [(true, false, 1), (false, true, 1), (true, true, 2)]
            {
                let sql = format!("explain (analyze, format json) {}", waiting_sql());
                let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                    .bind(has_salesman)
                    .bind(has_consultant)
                    .bind(Vec::<Uuid>::new())
                    .bind(LIMIT)
                    .fetch_one(&mut *connection)
                    .await
                    .unwrap();
                let read = rows_read(&plan[0]["Plan"]);
                assert!(
                    read > 0.0 && read <= f64::from(queries) * 61.0,
                    "{read} rows in {mode}: {plan:#}"
                );
            }
        }
    }

    #[tokio::test]
    async fn queue_page_reads_only_the_rows_it_shows() {
        let app = start_with_long_queue().await;
        let staff = Identity {
            role: Role::Staff,
            subject: Uuid::nil(),
            phone: None,
        };
        let mut connection = app.pool().acquire().await.unwrap();
        let late: QueuePosition = ("2026-11-04T00:30:00Z".parse().unwrap(), Uuid::nil());
        for mode in MODES {
            set_plan_mode(&mut connection, mode).await;
            for (requested_at, id) in [START, late] {
                let sql = format!("explain (analyze, format json) {}", list_sql(&staff));
                let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                    .bind(staff.subject)
                    .bind(None::<Uuid>)
                    .bind(None::<Uuid>)
                    .bind(None::<bool>)
                    .bind(requested_at)
                    .bind(id)
                    .bind(LIMIT)
                    .fetch_one(&mut *connection)
                    .await
                    .unwrap();
                let read = rows_read(&plan[0]["Plan"]);
                assert!(
                    read > 0.0 && read <= 122.0,
                    "{read} rows in {mode}: {plan:#}"
                );
            }
        }
    }
}
