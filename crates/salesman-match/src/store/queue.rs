//! The queue: open matches with a free place, oldest first. Those that lack a salesman and those that lack only a consultant are two looks, each
//! by an index of its own, merged by age: neither reads what waits for the other.

use chrono::{DateTime, Utc};
use service_kit::Tx;
use service_kit::auth::Identity;
use sqlx::PgPool;
use uuid::Uuid;

use super::lists::{Filter, visible};
use super::{COLUMNS, Stored};
use crate::salesman_match::SalesmanMatch;

/// The condition of `salesman_match_lacks_salesman`.
const LACKS_SALESMAN: &str = "closed_at is null and salesman_id is null";

/// The condition of `salesman_match_lacks_consultant`.
const LACKS_CONSULTANT: &str =
    "closed_at is null and salesman_id is not null and consultant_id is null";

/// Both looks under these conditions, merged: as many as `limit` says, the oldest of all.
fn oldest(of_salesman: &str, of_consultant: &str, limit: &str, locking: &str) -> String {
    let look = |lacks: &str, condition: &str| {
        format!(
            "select * from (
                 select {COLUMNS} from salesman_match it where {lacks} and {condition}
                 order by requested_at, it.id limit {limit} {locking}
             ) look"
        )
    };
    let (salesman, consultant) = (
        look(LACKS_SALESMAN, of_salesman),
        look(LACKS_CONSULTANT, of_consultant),
    );
    format!("{salesman} union all {consultant} order by requested_at, id limit {limit}")
}

/// Which places somebody could fill, which matches to leave out, and how many to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fillable<'a> {
    /// Whether any salesman could be chosen.
    pub(crate) has_salesman: bool,
    /// Whether any consultant could.
    pub(crate) has_consultant: bool,
    /// Matches that were looked at already in this unit of work.
    pub(crate) passed_over: &'a [Uuid],
    /// How many at most.
    pub(crate) limit: i64,
}

/// A match with a free place, if its row can be read.
pub(crate) type Waiting = (Uuid, Result<SalesmanMatch, sqlx::Error>);

/// Locks the oldest open matches with a place that somebody could fill.
///
/// A match that lacks only a consultant does not stand in the way of those that lack a salesman while no consultant is free. One that is
/// being closed or opened just now is left for the next look: waiting for it could be waiting for one who waits for us.
pub(crate) async fn lock_waiting(
    tx: &mut Tx,
    fillable: Fillable<'_>,
) -> Result<Vec<Waiting>, sqlx::Error> {
    let rows: Vec<Stored> = sqlx::query_as(sqlx::AssertSqlSafe(waiting_sql()))
        .bind(fillable.has_salesman)
        .bind(fillable.has_consultant)
        .bind(fillable.passed_over)
        .bind(fillable.limit)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|stored| (stored.id, stored.to_decide()))
        .collect())
}

fn waiting_sql() -> String {
    oldest(
        "$1 and it.id <> all($3)",
        "$2 and it.id <> all($3)",
        "$4",
        "for update of it skip locked",
    )
}

/// Marks this place in the unit of work, so that one match can fail alone.
pub(crate) async fn mark(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query("savepoint one_match")
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Undoes what was done since the mark.
pub(crate) async fn back_to_mark(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query("rollback to savepoint one_match")
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Keeps what was done since the mark.
pub(crate) async fn forget_mark(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query("release savepoint one_match")
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// A place in the queue: when it was requested, and which match, where two were requested at once.
pub(crate) type QueuePlace = (DateTime<Utc>, Uuid);

/// Before everything that can wait: nothing was requested before the epoch.
const BEGINNING: QueuePlace = (DateTime::UNIX_EPOCH, Uuid::nil());

/// What of the queue a reader may see and asks for, as the assigner takes it.
pub(crate) async fn list(
    pool: &PgPool,
    who: &Identity,
    filter: Filter,
    after: Option<QueuePlace>,
    limit: usize,
) -> Result<Vec<Stored>, sqlx::Error> {
    let (requested_at, id) = after.unwrap_or(BEGINNING);
    sqlx::query_as(sqlx::AssertSqlSafe(list_sql(who)))
        .bind(who.subject)
        .bind(filter.origin)
        .bind(filter.person)
        .bind(filter.open)
        .bind(requested_at)
        .bind(id)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await
}

fn list_sql(who: &Identity) -> String {
    let wanted = format!("{} and (requested_at, it.id) > ($5, $6)", visible(who.role));
    oldest(&wanted, &wanted, "$7", "")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use service_kit::auth::Role;
    use service_kit::testing::TestApp;
    use sqlx::PgConnection;

    use super::*;

    /// Of each sort so many: closed, complete, lacking only a consultant, and lacking both, which are the youngest.
    const OF_EACH: i64 = 3000;

    /// So many are taken at once.
    const LIMIT: i64 = 60;

    async fn a_long_queue() -> TestApp {
        let app = TestApp::start(crate::service()).await;
        let sql = "insert into salesman_match (id, origin_kind, origin_id, project_id, customer_id, last_four, salesman_id, salesman_name,
                                               consultant_id, consultant_name, requested_at, closed_at, version)
                   select gen_random_uuid(), 'consultation', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '0000',
                          case when sort < 3 then gen_random_uuid() end, case when sort < 3 then 'x' end,
                          case when sort < 2 then gen_random_uuid() end, case when sort < 2 then 'x' end,
                          timestamptz '2026-11-01' + sort * interval '1 day' + number * interval '1 second',
                          case when sort = 0 then timestamptz '2026-11-20' end, 1
                   from generate_series(0, 3) sort, generate_series(1, $1) number";
        sqlx::query(sql)
            .bind(OF_EACH)
            .execute(app.pool())
            .await
            .unwrap();
        sqlx::raw_sql("analyze").execute(app.pool()).await.unwrap();
        app
    }

    /// How many rows of matches a plan read, those that it left out included.
    fn read(plan: &Value) -> f64 {
        let number = |name: &str| plan[name].as_f64().unwrap_or_default();
        let below: f64 = plan["Plans"]
            .as_array()
            .into_iter()
            .flatten()
            .map(read)
            .sum();
        let own = if plan["Relation Name"] == "salesman_match" {
            (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")
        } else {
            0.0
        };
        own + below
    }

    async fn generic(connection: &mut PgConnection, mode: &str) {
        let sql = format!("set plan_cache_mode = {mode}");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(connection)
            .await
            .unwrap();
    }

    /// Whatever is known of the parameters when it is planned.
    const MODES: [&str; 2] = ["force_custom_plan", "force_generic_plan"];

    #[tokio::test]
    async fn no_look_of_the_assigner_reads_more_than_it_takes() {
        let app = a_long_queue().await;
        let mut connection = app.pool().acquire().await.unwrap();
        for mode in MODES {
            generic(&mut connection, mode).await;
            for (has_salesman, has_consultant, looks) in
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
                let read = read(&plan[0]["Plan"]);
                assert!(
                    read > 0.0 && read <= f64::from(looks) * 61.0,
                    "{read} rows in {mode}: {plan:#}"
                );
            }
        }
    }

    #[tokio::test]
    async fn no_page_of_the_queue_reads_more_than_it_shows() {
        let app = a_long_queue().await;
        let staff = Identity {
            role: Role::Staff,
            subject: Uuid::nil(),
            phone: None,
        };
        let mut connection = app.pool().acquire().await.unwrap();
        let late: QueuePlace = ("2026-11-04T00:30:00Z".parse().unwrap(), Uuid::nil());
        for mode in MODES {
            generic(&mut connection, mode).await;
            for (requested_at, id) in [BEGINNING, late] {
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
                let read = read(&plan[0]["Plan"]);
                assert!(
                    read > 0.0 && read <= 122.0,
                    "{read} rows in {mode}: {plan:#}"
                );
            }
        }
    }
}
