//! Recomputes the search columns of rows that were written by older rules.

use std::time::Duration;

use service_kit::{Context, Db};
use tokio_util::sync::CancellationToken;

use crate::store::reindex as store;

/// Recomputes all rows of older rules.
///
/// # Errors
/// When the database fails or a row cannot be decoded.
pub async fn recompute(db: &Db) -> Result<(), sqlx::Error> {
    while store::recompute_batch(db).await? {}
    Ok(())
}

/// Whether all series keys are current. Recomputes what is left, but not for longer than a request
/// may take.
pub(crate) async fn is_current(db: &Db) -> Result<bool, sqlx::Error> {
    /// Each takes about 20 ms.
    const MAX_BATCHES: usize = 200;
    const BACKOFF: Duration = Duration::from_millis(10);
    for _ in 0..MAX_BATCHES {
        if store::is_current(db.pool()).await? {
            return Ok(true);
        }
        if !store::recompute_batch(db).await? {
            // The remaining rows are locked by another transaction, which writes current columns.
            tokio::time::sleep(BACKOFF).await;
        }
    }
    store::is_current(db.pool()).await
}

/// Recomputes rows while the service runs: during an update, a build of older rules may still
/// write.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    const POLL_INTERVAL: Duration = Duration::from_secs(10);
    loop {
        match store::recompute_batch(&context.db).await {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => {
                let service = context.db.service();
                tracing::warn!(service, %error, "cannot recompute the search columns yet");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}
