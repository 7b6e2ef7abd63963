//! The backoff after wrong passwords and codes: the wait doubles, but nothing is ever locked.
//!
//! An attempt is counted before its password is verified, in one statement, so that concurrent
//! attempts get no more tries than sequential ones. Attempts are counted by login and address
//! together, so that guessing from one address delays no other; those of codes by number, or by
//! number and known browser (`api/otp/limits.rs`). Against guessing passwords from many addresses
//! there is a limit for each login (`LIMIT_SIGN_INS_PER_LOGIN`). While that is used up, the owner
//! competes for each refill, one every 30 seconds by default; existing sessions go on.

use chrono::{DateTime, TimeDelta, Utc};
use service_kit::{Db, Tx};
use sqlx::PgExecutor;

/// How waits grow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// The failure with the first wait: those before it are typing errors.
    pub(crate) first_failure: u32,
    pub(crate) first_wait: TimeDelta,
    pub(crate) max_wait: TimeDelta,
}

/// The growth after wrong passwords.
pub(crate) const PASSWORDS: Growth = Growth {
    first_failure: 5,
    first_wait: TimeDelta::seconds(1),
    max_wait: TimeDelta::minutes(15),
};

/// Failures are forgotten after this long without another.
const RETENTION: TimeDelta = TimeDelta::days(1);

/// The counter stops here, where the wait has long reached its maximum.
const MAX_FAILURES: i32 = 2_000_000;

/// Where a wait doubles no more, so that it does not overflow.
const MAX_DOUBLINGS: i32 = 30;

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
    growth: Growth,
) -> Result<Option<TimeDelta>, sqlx::Error> {
    let now = tx.now();
    let after_the_first = if growth.first_failure > 1 {
        TimeDelta::zero()
    } else {
        growth.first_wait
    };
    let counted = sqlx::query(
        "insert into sign_in_delay as stored (key, failures, next_at, failed_at)
         values ($1, 1, $2::timestamptz + $9::interval, $2)
         on conflict (key) do update set
             failures = case when stored.failed_at < $3 then 1
                 else least(stored.failures + 1, $4) end,
             next_at = case
                 when stored.failed_at < $3 then excluded.next_at
                 when stored.failures + 1 < $5 then $2
                 else $2 + least($6::interval * power(2, least(stored.failures + 1 - $5, $8)),
                     $7::interval) end,
             failed_at = $2
         where stored.next_at <= $2",
    )
    .bind(key)
    .bind(now)
    .bind(now - RETENTION)
    .bind(MAX_FAILURES)
    .bind(i32::try_from(growth.first_failure).unwrap_or(i32::MAX))
    .bind(growth.first_wait)
    .bind(growth.max_wait)
    .bind(MAX_DOUBLINGS)
    .bind(after_the_first)
    .execute(&mut **tx)
    .await?;
    if counted.rows_affected() == 1 {
        return Ok(None);
    }
    Ok(Some(
        remaining(&mut **tx, key, now).await?.unwrap_or_default(),
    ))
}

/// Forgets the failures, after the right password or code.
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
