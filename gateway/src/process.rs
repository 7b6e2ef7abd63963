//! The process that hosts only the gateway.

use std::sync::Arc;

use service_kit::clock::{DatabaseClock, SystemClock};
use service_kit::process::{self, Command};

use crate::app::{Gateway, NAME, migrations};
use crate::config::Config;

/// Runs the gateway, configured by its environment. `gateway migrate` applies its migrations
/// instead. Ends the process as [`service_kit::run`] does.
pub async fn run() {
    let (config, command) = process::start(Config::read);
    process::exit(match command {
        Command::Serve => serve(config).await,
        Command::Migrate => process::migrate(NAME, &config.database_url, &migrations()).await,
    })
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let stop = process::on_signal()?;
    let clock = Arc::new(DatabaseClock::new(Arc::new(SystemClock)));
    let gateway = Gateway::bind(config, clock).await?;
    gateway.run(stop).await
}
