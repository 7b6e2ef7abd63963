//! Logging: started once per process, not by a service.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use crate::config::Env;

/// The logging configuration.
#[derive(Debug)]
pub struct Settings {
    filter: Filter,
    format: Format,
}

events::text_enum! {
    enum Format {
        Text = "text",
        Json = "json",
    }
}

/// A filter that has been parsed once, so that an invalid one is reported with the other variables.
#[derive(Debug)]
struct Filter(String);

impl FromStr for Filter {
    type Err = tracing_subscriber::filter::ParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EnvFilter::try_new(text).map(|_| Self(text.to_owned()))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Settings {
    /// `LOG`, in the syntax of `RUST_LOG`, and `LOG_FORMAT`.
    pub fn read(env: &mut Env) -> Self {
        let filter = env.or("LOG", Filter(DEFAULT_FILTER.to_owned()));
        let format = env.or("LOG_FORMAT", Format::Text);
        Self { filter, format }
    }

    /// Starts logging to standard error.
    ///
    /// # Errors
    /// When logging is started already.
    pub fn start(self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(self.filter.to_string())?;
        let logs = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        let started = match self.format {
            Format::Json => logs.json().try_init(),
            Format::Text => logs.with_ansi(false).try_init(),
        };
        started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
    }
}

/// librdkafka would log every refused connection to an unreachable broker; the services log that
/// themselves.
const DEFAULT_FILTER: &str = "info,sqlx=warn,librdkafka=error,rdkafka=error";
