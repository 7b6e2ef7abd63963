//! Logs: set up once for each process, never by a service.

use tracing_subscriber::EnvFilter;

use crate::config::Env;

/// Starts logging to standard error: `LOG` filters as `RUST_LOG` would, `LOG_FORMAT` is `text` or `json`.
///
/// # Errors
/// When the filter cannot be read, or when logging was started before.
pub fn init(env: &mut Env) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(env.or("LOG", DEFAULT_FILTER.to_owned()))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started =
        if env.or("LOG_FORMAT", "text".to_owned()) == "json" { logs.json().try_init() } else { logs.with_ansi(false).try_init() };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}

/// librdkafka reports every refused connection while a broker is away; the services say it once themselves.
const DEFAULT_FILTER: &str = "info,sqlx=warn,librdkafka=error,rdkafka=error";
