//! The gateway's process, from its environment to its exit code.

use std::process;
use std::sync::Arc;

use service_kit::clock::SystemClock;
use service_kit::config::{Env, Migrate, WrongVariables};
use service_kit::{Db, telemetry};

use crate::app::{Gateway, NAME, migrations};
use crate::config::Config;

/// The whole life of a process that is the gateway, from its environment. `gateway migrate` brings its schema up to date instead.
///
/// Exit code 64 (`EX_USAGE`) for a wrong configuration, 1 for a failure, 0 for a stop that was asked for. It ends the process itself: a
/// Kafka client whose broker is away must not keep it alive.
pub async fn run() {
    let mut env = Env::process();
    let telemetry = telemetry::Settings::read(&mut env);
    let config = Config::read(&mut env);
    let (Some(config), None) = (config, env.wrong()) else {
        exit_wrong(&env.wrong().unwrap_or(WrongVariables(Vec::new())).into());
    };
    if let Err(error) = telemetry.start() {
        exit_wrong(&error);
    }
    let result = match std::env::args().nth(1).as_deref() {
        None => alone(config).await,
        Some("migrate") => migrate_only(&config).await,
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

async fn alone(config: Config) -> anyhow::Result<()> {
    let stop = service_kit::process::on_signal()?;
    let gateway = Gateway::bind(config, Arc::new(SystemClock)).await?;
    gateway.run(stop).await
}

async fn migrate_only(config: &Config) -> anyhow::Result<()> {
    Db::new(NAME, &config.database_url, Arc::new(SystemClock))?
        .migrate(&migrations(), Migrate::Apply)
        .await
}

#[expect(clippy::print_stderr, reason = "logging may be what could not start")]
fn exit_wrong(error: &anyhow::Error) -> ! {
    const EX_USAGE: i32 = 64;
    eprintln!("{error:#}");
    process::exit(EX_USAGE);
}
