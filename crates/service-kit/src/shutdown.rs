//! How a process ends: told once, it drains; told twice, or too slow, it just ends.

use std::process;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// From the signal to the end of the process at the latest.
///
/// Dropping a Kafka client with its broker away blocked for 10 to 45 s when measured, and no bound of ours reaches into librdkafka.
pub const HARD_DEADLINE: Duration = Duration::from_secs(22);

/// A token that is cancelled by SIGINT (people) or SIGTERM (Kubernetes).
///
/// A second signal ends the process at once, and so does the hard deadline: with exit code 0, because everything that matters is in
/// Postgres by then, and what was not acknowledged is sent again at the next start.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    drop(crate::service::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("told to stop: draining");
        told.cancel();
        // A thread and not a task: it must fire even when every worker thread of the runtime is blocked.
        thread::spawn(|| {
            thread::sleep(HARD_DEADLINE);
            process::exit(0);
        });
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::warn!("told to stop twice: ending at once");
        process::exit(0);
    }));
    Ok(stop)
}
