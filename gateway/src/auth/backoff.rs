//! Whoever tells a wrong password has to wait, longer each time; nobody is ever shut out.
//!
//! An attempt is charged before it is judged, in one statement, so that no number of attempts at once is judged more often than as many in a
//! row. It counts by login and address together: whoever guesses from one address makes nobody wait elsewhere. Whoever guesses from many can:
//! what is judged for one login is limited over all of them (`LIMIT_SIGN_INS_PER_LOGIN`), and while they use that up, its owner gets in only when
//! he is the next to ask as one is given back, every half minute with the usual limit. Sessions that he has go on.

use chrono::{DateTime, TimeDelta, Utc};
use service_kit::Tx;
use sqlx::{PgExecutor, PgPool};

/// So many failures are free: of typing errors.
const FREE: i32 = 5;

/// The longest wait, in seconds: a quarter of an hour. The shortest is one second, and each failure doubles it.
const LONGEST: i32 = 15 * 60;

/// Failures are forgotten after this long without one.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

/// Counting ends here, far beyond the longest wait.
const COUNTED: i32 = 100;

/// How long there still is to wait; `None` when an attempt would be judged.
pub(crate) async fn left(
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

/// Charges an attempt as one that failed. Otherwise tells how long there is to wait, and charges nothing.
pub(crate) async fn charge(
    tx: &mut Tx,
    key: &[u8],
    now: DateTime<Utc>,
) -> Result<Result<(), TimeDelta>, sqlx::Error> {
    let charged = sqlx::query(
        "insert into sign_in_delay as it (key, failures, next_at, failed_at) values ($1, 1, $2, $2)
         on conflict (key) do update set
             failures = case when it.failed_at < $3 then 1 else least(it.failures + 1, $4) end,
             next_at = $2 + make_interval(secs => case
                 when it.failed_at < $3 or it.failures + 1 < $5 then 0
                 else least(power(2, it.failures + 1 - $5), $6) end),
             failed_at = $2
         where it.next_at <= $2",
    )
    .bind(key)
    .bind(now)
    .bind(now - REMEMBERED)
    .bind(COUNTED)
    .bind(FREE)
    .bind(LONGEST)
    .execute(&mut **tx)
    .await?;
    if charged.rows_affected() == 1 {
        return Ok(Ok(()));
    }
    Ok(Err(left(&mut **tx, key, now).await?.unwrap_or_default()))
}

/// Forgets the failures: the password was right.
pub(crate) async fn clear(tx: &mut Tx, key: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query("delete from sign_in_delay where key = $1")
        .bind(key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Drops what need not be remembered.
pub(crate) async fn prune(pool: &PgPool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query("delete from sign_in_delay where failed_at < $1")
        .bind(now - REMEMBERED)
        .execute(pool)
        .await?;
    Ok(())
}
