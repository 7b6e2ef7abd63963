//! The process: its configuration, signals and exit code.

use std::sync::Arc;
use std::time::Duration;
use std::{process, thread};

use sqlx::migrate::Migrator;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bound::Bound;
use crate::clock::SystemClock;
use crate::config::{Config, DatabaseUrl, Env, Migrate};
use crate::service::Service;
use crate::{Db, tasks, telemetry};

/// The maximum time from the signal to the end of the process.
///
/// Dropping a Kafka client whose broker is unreachable took 10 to 45 s, and librdkafka has no
/// timeout for it.
pub const HARD_DEADLINE: Duration = Duration::from_secs(22);

/// A token that is cancelled by SIGINT or SIGTERM.
///
/// A second signal, or the hard deadline, ends the process at once, with exit code 0: everything
/// that matters is in Postgres by then, and unacknowledged events are sent again after the start.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    drop(tasks::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("received a signal: draining");
        cancelled.cancel();
        // A thread, not a task: it must fire even when all threads of the runtime are blocked.
        thread::spawn(|| {
            thread::sleep(HARD_DEADLINE);
            process::exit(0);
        });
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::warn!("received a second signal: exiting");
        process::exit(0);
    }));
    Ok(stop)
}

/// Runs bound services until `stop`; when one fails, all of them stop.
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

/// What a process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Serve until a signal.
    Serve,
    /// `migrate`: apply the migrations and exit.
    Migrate,
}

/// Runs a process that hosts one service, configured by its environment. `SERVICE migrate` applies
/// its migrations instead.
///
/// Ends the process: with exit code 0 after a signal, 1 after a failure and 64 for an invalid
/// configuration.
pub async fn run(service: Service) {
    let (config, command) = start(|env| service.config(env));
    exit(match command {
        Command::Serve => serve(service, config).await,
        Command::Migrate => migrate(service.name, &config.database_url, &service.migrations).await,
    })
}

async fn serve(service: Service, config: Config) -> anyhow::Result<()> {
    let stop = on_signal()?;
    let bound = service.bind(config, Arc::new(SystemClock)).await?;
    host(vec![bound], &stop).await
}

/// Reads the configuration and the sub-command, and starts telemetry. Ends the process with exit
/// code 64 (`EX_USAGE`) if one of them is invalid.
pub fn start<C>(read: impl FnOnce(&mut Env) -> Option<C>) -> (C, Command) {
    let mut env = Env::process();
    let telemetry = telemetry::Settings::read(&mut env);
    let config = read(&mut env);
    let (Some(config), None) = (config, env.invalid()) else {
        exit_invalid(&env.invalid().map_or_else(
            || anyhow::anyhow!("invalid configuration"),
            anyhow::Error::from,
        ));
    };
    if let Err(error) = telemetry.start() {
        exit_invalid(&error);
    }
    let command = match std::env::args().nth(1).as_deref() {
        None => Command::Serve,
        Some("migrate") => Command::Migrate,
        Some(other) => exit_invalid(&anyhow::anyhow!(
            "{other} is not a sub-command: the only one is `migrate`"
        )),
    };
    (config, command)
}

/// Applies the migrations of the schema `name`.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub async fn migrate(
    name: &'static str,
    database_url: &DatabaseUrl,
    migrations: &Migrator,
) -> anyhow::Result<()> {
    Db::new(name, database_url, Arc::new(SystemClock))?
        .migrate(migrations, Migrate::Apply)
        .await
}

/// Ends the process: exit code 0, or 1 with the error in the log. It does not return from `main`,
/// because a Kafka client whose broker is unreachable would keep the process alive.
pub fn exit(result: anyhow::Result<()>) -> ! {
    process::exit(match result {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "failed");
            1
        }
    });
}

#[expect(clippy::print_stderr, reason = "telemetry may be what failed to start")]
fn exit_invalid(error: &anyhow::Error) -> ! {
    const EX_USAGE: i32 = 64;
    eprintln!("{error:#}");
    process::exit(EX_USAGE);
}
