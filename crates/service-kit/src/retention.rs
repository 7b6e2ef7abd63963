//! Retention: prunes old inbox rows and idempotency keys.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Db;
use crate::http::idempotency;

/// An event that is delivered again later is dropped by `progress` alone.
const INBOX_DAYS: i64 = 7;

/// Prunes every hour, until `stop`.
pub(crate) async fn prune(db: Db, stop: CancellationToken) -> anyhow::Result<()> {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = hours.tick() => {}
        }
        let pruned = async {
            let now = db.now();
            sqlx::query("delete from inbox where received_at < $1")
                .bind(now - chrono::TimeDelta::days(INBOX_DAYS))
                .execute(db.pool())
                .await?;
            sqlx::query("delete from idempotency_key where created_at < $1")
                .bind(now - idempotency::KEY_RETENTION)
                .execute(db.pool())
                .await
        };
        if let Err(error) = pruned.await {
            tracing::debug!(service = db.service(), %error, "cannot prune");
        }
    }
}
