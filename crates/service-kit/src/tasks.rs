//! Spawned tasks.

use std::time::Duration;

use tokio::task::JoinHandle;

/// Spawns a task. The caller keeps the handle, and waits for it when it stops.
#[expect(clippy::disallowed_methods, reason = "all tasks are spawned here")]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}

/// Waits for the future for at most `timeout`, and logs when it takes longer.
pub(crate) async fn finish<F: IntoFuture>(what: &str, timeout: Duration, future: F) {
    if tokio::time::timeout(timeout, future).await.is_err() {
        tracing::warn!(what, "did not finish in time");
    }
}
