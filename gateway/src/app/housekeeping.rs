//! Deletes expired rows, and follows the database's clock.

use std::sync::Arc;
use std::time::Duration;

use service_kit::Db;
use tokio_util::sync::CancellationToken;

use crate::auth::security_log::About;
use crate::auth::{backoff, one_time_code};
use crate::state::AppState;

const INTERVAL: Duration = Duration::from_mins(1);

/// In this time, clocks drift apart by less than a millisecond.
const CLOCK_INTERVAL: Duration = Duration::from_secs(10);

/// The wait after a failed first reading of the clock.
const CLOCK_RETRY: Duration = Duration::from_secs(1);

/// Reads the database's clock for the first time. Until then the time is the host's, so it retries.
/// False if it was stopped before.
pub(super) async fn read_clock(db: &Db, stop: &CancellationToken) -> bool {
    while let Err(error) = db.read_clock().await {
        tracing::warn!(%error, "reading the database's clock failed: retrying");
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(CLOCK_RETRY) => {}
        }
    }
    true
}

/// Reads the database's clock again and again until `stop`.
pub(super) async fn follow_clock(state: Arc<AppState>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CLOCK_INTERVAL) => {}
        }
        if let Err(error) = state.db.read_clock().await {
            tracing::debug!(%error, "reading the database's clock failed");
        }
    }
}

/// Runs until `stop`.
pub(super) async fn run(state: Arc<AppState>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        state.write_limiter.prune();
        state.read_limiter.prune();
        state.lookup_limiter.prune();
        let ended = state.sessions.prune().await.map(|ended| {
            let about = About::default();
            state.security.sessions_ended(&ended, &about, "expired");
        });
        // Each on its own, so that one failure does not keep the other tables' rows.
        for (table, pruned) in [
            ("one_time_code", one_time_code::prune(&state.db).await),
            ("session", ended),
            ("sign_in_delay", backoff::prune(&state.db).await),
            ("rate_limit", state.rate_limits.prune().await),
        ] {
            if let Err(error) = pruned {
                tracing::warn!(%error, table, "deleting expired rows failed");
            }
        }
    }
}
