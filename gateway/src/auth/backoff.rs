//! The backoff after wrong passwords: the wait doubles, but no account is ever locked.
//!
//! An attempt is counted before its password is verified, in one statement, so that concurrent
//! attempts get no more tries than sequential ones. Attempts are counted by login and address
//! together, so that guessing from one address delays no other. Against guessing from many
//! addresses there is a limit for each login (`LIMIT_SIGN_INS_PER_LOGIN`). While that is used up,
//! the owner competes for each refill, one every 30 seconds by default; existing sessions go on.

use chrono::{DateTime, TimeDelta, Utc};
use service_kit::{Db, Tx};
use sqlx::PgExecutor;

/// Failures without a wait, for typing errors.
const FREE_FAILURES: i32 = 5;

/// The first wait is one second.
const MAX_WAIT_SECONDS: i32 = 15 * 60;

/// Failures are forgotten after this long without another.
const RETENTION: TimeDelta = TimeDelta::days(1);

/// The counter stops here, where the wait has long reached its maximum.
const MAX_FAILURES: i32 = 100;

/// The remaining wait; `None` if an attempt is allowed.
pub(crate) async fn remaining(
    db: impl PgExecutor<'_>,
    key: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<TimeDelta>, sqlx::Error> {
    let next: Option<DateTime<Utc>> =
        sqlx::query_scalar("select next_at from sign_in_delay where key = $1 and next_at > $2")
            .bind(key)
            .bind(now)
            .fetch_optional(db)
            .await?;
    Ok(next.map(|next| next - now))
}

/// Counts an attempt as a failure and returns `None`. If it has to wait, counts nothing and returns
/// the remaining wait.
pub(crate) async fn count_failure(
    tx: &mut Tx,
    key: &[u8],
) -> Result<Option<TimeDelta>, sqlx::Error> {
    let now = tx.now();
    let counted = sqlx::query(
        "insert into sign_in_delay as stored (key, failures, next_at, failed_at)
         values ($1, 1, $2, $2)
         on conflict (key) do update set
             failures = case when stored.failed_at < $3 then 1
                 else least(stored.failures + 1, $4) end,
             next_at = $2 + make_interval(secs => case
                 when stored.failed_at < $3 or stored.failures + 1 < $5 then 0
                 else least(power(2, stored.failures + 1 - $5), $6) end),
             failed_at = $2
         where stored.next_at <= $2",
    )
    .bind(key)
    .bind(now)
    .bind(now - RETENTION)
    .bind(MAX_FAILURES)
    .bind(FREE_FAILURES)
    .bind(MAX_WAIT_SECONDS)
    .execute(&mut **tx)
    .await?;
    if counted.rows_affected() == 1 {
        return Ok(None);
    }
    Ok(Some(
        remaining(&mut **tx, key, now).await?.unwrap_or_default(),
    ))
}

/// Forgets the failures, after the right password.
pub(crate) async fn clear(tx: &mut Tx, key: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query("delete from sign_in_delay where key = $1")
        .bind(key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes failures older than [`RETENTION`].
pub(crate) async fn prune(db: &Db) -> Result<(), sqlx::Error> {
    sqlx::query("delete from sign_in_delay where failed_at < $1")
        .bind(db.now() - RETENTION)
        .execute(db.pool())
        .await?;
    Ok(())
}
