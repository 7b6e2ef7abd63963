//! The table of erasure jobs.
//!
//! Any replica can work on a job. A claim postpones the job's next attempt for as long as the
//! attempt may take, so that another replica continues it after a crash. `round` and `attempts` are
//! the claim's fencing token: after another claim, writes with the old token have no effect.

use chrono::{DateTime, TimeDelta, Utc};
use events::CustomerId;
use service_kit::auth::Role;
use service_kit::{Db, Tx};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use crate::auth::sessions::EndedSession;
use crate::auth::{consent, one_time_code, sessions};
use crate::config::Service;

/// Creates a job, and signs the customer out everywhere. An unfinished job is not created again.
/// Returns the sessions that it has ended.
pub(crate) async fn request(
    tx: &mut Tx,
    customer: CustomerId,
) -> Result<Vec<EndedSession>, sqlx::Error> {
    lock_customer(tx, customer).await?;
    let ended = sessions::end_all(&mut **tx, Role::Customer, customer.0).await?;
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into erasure (id, customer_id, requested_at, next_try_at) values ($1, $2, $3, $3)
         on conflict (customer_id) where finished_at is null do nothing",
    )
    .bind(id)
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    tx.notify_on_commit();
    Ok(ended)
}

/// Serializes sign-ins and erasure requests of a customer until `tx` ends, so that a request also
/// ends the session of a concurrent sign-in, and no session is created after the request.
pub(crate) async fn lock_customer(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended('gateway/customer/' || $1::text, 0))",
    )
    .bind(customer.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the customer has an unfinished job.
pub(crate) async fn is_unfinished(tx: &mut Tx, customer: CustomerId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from erasure where customer_id = $1 and finished_at is null)",
    )
    .bind(customer.0)
    .fetch_one(&mut **tx)
    .await
}

/// A claimed job.
#[derive(sqlx::FromRow)]
pub(super) struct Job {
    pub(super) id: Uuid,
    pub(super) customer_id: Uuid,
    pub(super) requested_at: DateTime<Utc>,
    /// 1 or 2.
    pub(super) round: i16,
    /// The services that have confirmed in this round.
    pub(super) done: Vec<String>,
    /// The attempts in this round, this one included.
    pub(super) attempts: i32,
}

/// Claims a job that is due, for the lease of its round.
///
/// Every attempt of the second round starts with all services, so that their order holds within one
/// attempt.
pub(super) async fn claim(
    db: &Db,
    now: DateTime<Utc>,
    [first, second]: [TimeDelta; 2],
) -> Result<Option<Job>, sqlx::Error> {
    sqlx::query_as(
        "update erasure set next_try_at = case round when 1 then $2 else $3 end,
             attempts = attempts + 1, done = case round when 1 then done else '{}' end
         where id = (select id from erasure where finished_at is null and next_try_at <= $1
                     order by next_try_at limit 1 for update skip locked)
         returning id, customer_id, requested_at, round, done, attempts",
    )
    .bind(now)
    .bind(now + first)
    .bind(now + second)
    .fetch_optional(db.pool())
    .await
}

/// A statement with the job's fencing token as `$1`, `$2` and `$3`.
fn fenced(job: &Job, sql: &'static str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql)
        .bind(job.id)
        .bind(job.round)
        .bind(job.attempts)
}

/// Records that a service has confirmed in this round.
pub(super) async fn record_done(db: &Db, job: &Job, service: Service) -> Result<(), sqlx::Error> {
    fenced(
        job,
        "update erasure set done = array_append(done, $4)
         where id = $1 and round = $2 and attempts = $3 and $4 <> all (done)",
    )
    .bind(service.as_str())
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Sets the time of the next attempt.
pub(super) async fn postpone(db: &Db, job: &Job, until: DateTime<Utc>) -> Result<(), sqlx::Error> {
    fenced(
        job,
        "update erasure set next_try_at = $4 where id = $1 and round = $2 and attempts = $3",
    )
    .bind(until)
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Ends the first round. The second starts at `start`.
pub(super) async fn start_second_round(
    db: &Db,
    job: &Job,
    start: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    fenced(
        job,
        "update erasure set round = 2, done = '{}', attempts = 0, next_try_at = $4
         where id = $1 and round = $2 and attempts = $3",
    )
    .bind(start)
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Finishes the job, and erases what the gateway itself stores. Returns `false` after another
/// claim: the data may then belong to a customer who has signed in again.
pub(super) async fn finish(db: &Db, job: &Job) -> Result<bool, sqlx::Error> {
    let customer = CustomerId(job.customer_id);
    let mut tx = db.begin().await?;
    let now = tx.now();
    let finished = fenced(
        job,
        "update erasure set finished_at = $4
         where id = $1 and round = $2 and attempts = $3 and finished_at is null",
    )
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if finished.rows_affected() == 0 {
        return Ok(false);
    }
    consent::withdraw(&mut tx, customer).await?;
    one_time_code::delete_all(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(true)
}
