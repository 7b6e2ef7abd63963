//! The length and the age of the queue.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgPool};

use super::queue::{LACKS_CONSULTANT, LACKS_SALESMAN};

/// Up to this number, the matches that lack a role are counted.
const MAX_WAITING: i64 = 1000;

/// The queue.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct QueueCounts {
    pub(crate) lacks_salesman: i64,
    /// Matches that have a salesman and lack only a consultant.
    pub(crate) lacks_consultant: i64,
    /// The oldest request in the queue.
    pub(crate) oldest_requested_at: Option<DateTime<Utc>>,
}

/// Counts each part of the queue up to [`MAX_WAITING`].
pub(crate) async fn queue(pool: &PgPool) -> Result<QueueCounts, sqlx::Error> {
    let count = |lacks: &str| {
        format!(
            "(select count(*) from (
                 select from salesman_match m where {lacks} limit $1) waiting)"
        )
    };
    let oldest = |lacks: &str| {
        format!(
            "(select requested_at from salesman_match m where {lacks}
              order by requested_at, m.id limit 1)"
        )
    };
    let sql = format!(
        "select {} as lacks_salesman, {} as lacks_consultant,
                least({}, {}) as oldest_requested_at",
        count(LACKS_SALESMAN),
        count(LACKS_CONSULTANT),
        oldest(LACKS_SALESMAN),
        oldest(LACKS_CONSULTANT)
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(MAX_WAITING)
        .fetch_one(pool)
        .await
}
