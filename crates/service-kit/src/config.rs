//! Configuration from environment variables: read once at the start; all errors are reported
//! together.

mod ca_file;
mod database_url;
mod env;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::auth::Verifier;
use crate::forms::phone::CustomerIdKey;
use crate::messaging::kafka;

pub use ca_file::CaFile;
pub use database_url::DatabaseUrl;
pub use env::{Env, InvalidVariables};

events::text_enum! {
    /// What a service does with its schema at the start.
    pub enum Migrate {
        /// Refuse to serve when a migration is missing. The default: in production, `SERVICE
        /// migrate` runs before the roll-out.
        Check = "check",
        /// Apply missing migrations. For the sandbox.
        Apply = "apply",
    }
}

/// The configuration of one service. There is no `Default`: the caller has more context.
#[derive(Debug, Clone)]
pub struct Config {
    /// `NAME_DATABASE_URL`, with the service's own role, whose `search_path` is its schema.
    pub database_url: DatabaseUrl,
    /// `NAME_LISTEN`.
    pub listen: SocketAddr,
    /// `NAME_ADMIN_LISTEN`, for `/livez` and `/readyz`; by default [`ADMIN_OFFSET`] above `listen`.
    pub admin_listen: SocketAddr,
    /// `KAFKA_BROKERS`, `TOPIC_PREFIX`, `KAFKA_SECURITY_PROTOCOL`.
    pub kafka: kafka::Settings,
    /// `MIGRATE`.
    pub migrate: Migrate,
    /// `INTERNAL_TOKEN_PUBLIC_KEYS`: one PEM block, or two during a key rotation.
    pub verifier: Verifier,
    /// `DRAIN_SECONDS`: how long it serves on after SIGTERM, until load balancers have removed it.
    pub drain: Duration,
    /// `CUSTOMER_ID_KEY`: only for services that
    /// [identify customers](crate::Service::identifies_customers).
    pub customer_ids: Option<CustomerIdKey>,
    /// The [numbers](crate::Service::number) of the service.
    pub numbers: BTreeMap<&'static str, u32>,
}

impl Config {
    /// Reads the configuration of a service whose default port is `port`.
    pub fn read(
        env: &mut Env,
        service: &str,
        port: u16,
        identifies_customers: bool,
        numbers: &BTreeMap<&'static str, u32>,
    ) -> Option<Self> {
        let prefix = service.replace('-', "_").to_uppercase();
        let database_url = env.secret(&DatabaseUrl::variable(service));
        let listen = env.or(
            &format!("{prefix}_LISTEN"),
            SocketAddr::from(([127, 0, 0, 1], port)),
        );
        let admin_default =
            SocketAddr::new(listen.ip(), listen.port().saturating_add(ADMIN_OFFSET));
        let admin_listen = env.or(&format!("{prefix}_ADMIN_LISTEN"), admin_default);
        let kafka = kafka::Settings::read(env);
        let migrate = env.or("MIGRATE", Migrate::Check);
        let verifier = env.secret("INTERNAL_TOKEN_PUBLIC_KEYS");
        let drain = drain(env);
        let customer_ids = identifies_customers.then(|| env.secret("CUSTOMER_ID_KEY"));
        let numbers = numbers
            .iter()
            .map(|(name, default)| (*name, env.or(name, *default)))
            .collect();
        Some(Self {
            database_url: database_url?,
            listen,
            admin_listen,
            kafka: kafka?,
            migrate,
            verifier: verifier?,
            drain,
            customer_ids: match customer_ids {
                Some(key) => Some(key?),
                None => None,
            },
            numbers,
        })
    }
}

/// `DRAIN_SECONDS`.
pub fn drain(env: &mut Env) -> Duration {
    let seconds = env.or("DRAIN_SECONDS", DRAIN_SECONDS);
    if seconds > MAX_DRAIN_SECONDS {
        env.refuse(format!(
            "DRAIN_SECONDS={seconds} is invalid: at most {MAX_DRAIN_SECONDS}, to stop in time"
        ));
    }
    Duration::from_secs(seconds)
}

/// The default admin port is this much above the port.
pub const ADMIN_OFFSET: u16 = 1000;

/// Every node's proxy removes an endpoint within a few seconds; Kubernetes' own examples use five.
const DRAIN_SECONDS: u64 = 5;

/// After the drain, a stop takes up to 15 s, and must end within 22 s in all.
const MAX_DRAIN_SECONDS: u64 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_invalid_variables_are_reported_together() {
        let mut env = Env::from_pairs([
            ("CONSULTATION_DATABASE_URL", "mysql://x"),
            ("CONSULTATION_LISTEN", "here"),
            ("MIGRATE", "perhaps"),
            ("MAX_OPEN", "five"),
        ]);
        let numbers = BTreeMap::from([("MAX_OPEN", 5)]);
        assert!(Config::read(&mut env, "consultation", 8083, true, &numbers).is_none());
        let errors = env.invalid().unwrap().to_string();
        for name in [
            "CONSULTATION_DATABASE_URL",
            "CONSULTATION_LISTEN=here",
            "KAFKA_BROKERS is missing",
            "MIGRATE=perhaps",
            "MAX_OPEN=five",
            "INTERNAL_TOKEN_PUBLIC_KEYS is missing",
            "CUSTOMER_ID_KEY is missing",
        ] {
            assert!(errors.contains(name), "{name} is not in:\n{errors}");
        }
    }
}
