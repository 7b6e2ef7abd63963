//! Tasks beside the caller.

use std::time::Duration;

use tokio::task::JoinHandle;

/// Runs a task beside the caller. The caller keeps the handle and waits for it at shutdown.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that spawns"
)]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}

/// Waits for the future for at most `bound`, and logs when it did not finish.
pub(crate) async fn finish<F: IntoFuture>(what: &str, bound: Duration, future: F) {
    if tokio::time::timeout(bound, future).await.is_err() {
        tracing::warn!(what, "did not finish in time");
    }
}
