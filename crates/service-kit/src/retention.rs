//! Pruning of what need not be kept.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Db;
use crate::http::idempotency;

/// Inbox rows older than this are pruned; progress still drops what comes again later.
const INBOX_DAYS: i64 = 7;

/// Prunes what need not be remembered, every hour.
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
            tracing::debug!(service = db.service(), %error, "nothing was pruned this time");
        }
    }
}
