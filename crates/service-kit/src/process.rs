//! The life of a process: its configuration, its signals, its exit code.

use std::sync::Arc;
use std::time::Duration;
use std::{process, thread};

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bound::Bound;
use crate::clock::SystemClock;
use crate::config::{Config, Env, Migrate};
use crate::service::Service;
use crate::{Db, tasks, telemetry};

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
    drop(tasks::spawn(async move {
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

/// Runs bound services until told to stop; the first that fails ends all of them.
///
/// # Errors
/// The first failure.
pub async fn host(services: Vec<Bound>, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    for service in services {
        running.spawn(service.run(stop.clone()));
    }
    let mut failure = None;
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended.map_err(anyhow::Error::from).flatten() {
            failure.get_or_insert(error);
            stop.cancel();
        }
    }
    failure.map_or(Ok(()), Err)
}

/// The whole life of a process that hosts one service from its environment. `SERVICE migrate` brings its schema up to date instead.
///
/// Exit code 64 (`EX_USAGE`) for a wrong configuration, 1 for a failure, 0 for a stop that was asked for. It ends the process itself: a Kafka
/// client whose broker is away must not keep it alive.
pub async fn run(service: Service) {
    let mut env = Env::process();
    let telemetry = telemetry::Settings::read(&mut env);
    let config = service.config(&mut env);
    let (Some(config), None) = (config, env.wrong()) else {
        exit_wrong(&env.wrong().map_or_else(
            || anyhow::anyhow!("the configuration is wrong"),
            anyhow::Error::from,
        ));
    };
    if let Err(error) = telemetry.start() {
        exit_wrong(&error);
    }
    let result = match std::env::args().nth(1).as_deref() {
        None => alone(service, config).await,
        Some("migrate") => migrate_only(&service, &config).await,
        Some(other) => exit_wrong(&anyhow::anyhow!(
            "{other} is no sub-command: there is only `migrate`"
        )),
    };
    process::exit(match result {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "failed");
            1
        }
    });
}

async fn alone(service: Service, config: Config) -> anyhow::Result<()> {
    let stop = on_signal()?;
    let bound = service.bind(config, Arc::new(SystemClock)).await?;
    host(vec![bound], &stop).await
}

async fn migrate_only(service: &Service, config: &Config) -> anyhow::Result<()> {
    let db = Db::new(service.name, &config.database_url, Arc::new(SystemClock))?;
    db.migrate(&service.migrations, Migrate::Apply).await
}

#[expect(clippy::print_stderr, reason = "logging may be what could not start")]
fn exit_wrong(error: &anyhow::Error) -> ! {
    const EX_USAGE: i32 = 64;
    eprintln!("{error:#}");
    process::exit(EX_USAGE);
}
