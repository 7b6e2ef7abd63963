//! The command line.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use gateway::config::Limits;
use ktgg::demo;
use ktgg::host::{self, Installation};
use service_kit::config::Env;
use service_kit::messaging::kafka;

#[derive(Parser)]
#[command(
    name = "ktgg",
    about = "All of KT.GG in one process",
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the five services and the gateway until SIGTERM or Ctrl-C
    Serve {
        #[command(flatten)]
        servers: Servers,
        /// The gateway's port; the services' ports are below it
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
        /// Do not load demo data
        #[arg(long)]
        no_demo: bool,
        #[command(flatten)]
        limits: LimitOptions,
        /// Stop when standard input ends
        #[arg(long)]
        supervised: bool,
    },
    /// Create missing roles, schemas and topics, and print the variables for each service alone
    Provision {
        #[command(flatten)]
        servers: Servers,
        /// The gateway's port; the services' ports are below it
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
    },
    /// Run the inbox that receives one-time codes, beside services that run alone
    Inbox {
        /// The folder of the keys [default: the data folder of `cargo xtask up`]
        #[arg(long)]
        data: Option<PathBuf>,
        /// The gateway's port; the inbox's port is the next one
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
    },
    /// Accounts that sign in by login and password
    Accounts {
        #[command(subcommand)]
        command: Accounts,
    },
    /// Plan the import of a file of programmes; --commit applies the plan
    Import {
        /// CSV of the public data portal, or a JSON response of 기업마당 or K-Startup
        file: PathBuf,
        /// A login of staff; the password is read from `KTGG_PASSWORD` [default: the demo's]
        #[arg(long, default_value = demo::STAFF.0)]
        login: String,
        /// The gateway's port
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
        /// Apply the plan
        #[arg(long)]
        commit: bool,
        /// Also apply rows that announce an expected edition
        #[arg(long, requires = "commit")]
        confirm: bool,
    },
    /// Print the events of a domain topic: type, aggregate, version and payload
    Topic {
        /// project, interest, consultation, salesman-match or salesman
        name: String,
        /// HOST:PORT
        #[arg(long, default_value = "127.0.0.1:8091")]
        kafka: String,
    },
    /// Print the `OpenAPI` description of all routes
    Openapi,
    /// Print every generated file as one JSON object from path to text
    Contract {
        /// The checkout
        root: PathBuf,
    },
    /// Print measured figures
    Bench {
        #[command(subcommand)]
        command: Bench,
    },
}

#[derive(Subcommand)]
pub(crate) enum Accounts {
    /// Create a member of staff and print a one-time link that sets the password; an existing login
    /// gets a new link
    ///
    /// Reads `GATEWAY_DATABASE_URL` and `PUBLIC_ORIGIN` like the gateway; with --postgres it uses
    /// the database and origin of `cargo xtask up`.
    Add {
        login: String,
        /// The name that is shown
        #[arg(long)]
        name: String,
        /// The URL of a role that may create roles and schemas, as `cargo xtask up` prints it
        #[arg(long)]
        postgres: Option<String>,
        /// The folder of the keys [default: the data folder of `cargo xtask up`]
        #[arg(long, requires = "postgres")]
        data: Option<PathBuf>,
        /// The gateway's port
        #[arg(long, default_value_t = host::DEFAULT_PORT)]
        port: u16,
    },
}

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The time from a request until the browser receives its events
    Live {
        #[command(flatten)]
        servers: Servers,
        /// Number of requests
        #[arg(long, default_value_t = 1000)]
        requests: u32,
        /// Requests per second
        #[arg(long, default_value_t = 50)]
        rate: u32,
    },
}

/// Which rate limits are on. By default those of a sandbox.
#[derive(clap::Args)]
#[group(multiple = false)]
pub(crate) struct LimitOptions {
    /// Keep all rate limits on, as without a sandbox
    #[arg(long)]
    limits: bool,
    /// Switch all rate limits off, for measurements and tests
    #[arg(long)]
    no_limits: bool,
}

impl From<LimitOptions> for Limits {
    fn from(options: LimitOptions) -> Self {
        match options {
            LimitOptions { limits: true, .. } => Self::DEFAULT,
            LimitOptions {
                no_limits: true, ..
            } => Self::UNLIMITED,
            _ => host::SANDBOX_LIMITS,
        }
    }
}

/// The servers, and the folder of the keys.
#[derive(clap::Args)]
pub(crate) struct Servers {
    /// The folder of the keys [default: the data folder of `cargo xtask up`]
    #[arg(long)]
    data: Option<PathBuf>,
    /// The URL of a role that may create roles and schemas
    #[arg(long)]
    postgres: String,
    /// HOST:PORT
    #[arg(long)]
    kafka: String,
}

impl Servers {
    pub(crate) fn installation(self, port: u16, limits: Limits) -> Result<Installation> {
        Ok(Installation {
            data: data_folder(self.data),
            postgres: self.postgres,
            kafka: kafka(self.kafka)?,
            port,
            limits,
            pages: pages(),
        })
    }
}

/// The brokers of an option, reached as the environment says: `KAFKA_SECURITY_PROTOCOL`.
pub(crate) fn kafka(brokers: String) -> Result<kafka::Settings> {
    let mut env = Env::process();
    let security = kafka::Security::read(&mut env);
    if let Some(invalid) = env.invalid() {
        return Err(invalid.into());
    }
    Ok(kafka::Settings {
        security: security.unwrap_or(kafka::Security::NONE),
        ..kafka::Settings::plain(brokers, kafka::DEFAULT_PREFIX)
    })
}

/// `PAGES_DIR`, which the gateway checks.
fn pages() -> Option<PathBuf> {
    let folder = Env::process().or("PAGES_DIR", PathBuf::new());
    (!folder.as_os_str().is_empty()).then_some(folder)
}

/// The given folder, or the one of `cargo xtask up` in this checkout.
pub(crate) fn data_folder(data: Option<PathBuf>) -> PathBuf {
    data.unwrap_or_else(|| sandbox::CheckoutPaths::of_this_checkout().data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits of `ktgg serve` with these options; `None` if they are refused.
    fn limits(options: &[&str]) -> Option<Limits> {
        let serve = ["ktgg", "serve", "--postgres", "p", "--kafka", "k"];
        let arguments = serve.iter().chain(options);
        match Arguments::try_parse_from(arguments).ok()?.command {
            Command::Serve { limits, .. } => Some(limits.into()),
            _ => None,
        }
    }

    #[test]
    fn a_sandbox_has_its_own_limits_or_all_or_none() {
        assert_eq!(limits(&[]), Some(host::SANDBOX_LIMITS));
        assert_eq!(limits(&["--limits"]), Some(Limits::DEFAULT));
        assert_eq!(limits(&["--no-limits"]), Some(Limits::UNLIMITED));
        assert_eq!(limits(&["--limits", "--no-limits"]), None);
    }
}
