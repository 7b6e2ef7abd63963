//! What the gateway needs from outside.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::{Authority, Scheme};
use service_kit::auth::Signer;
use service_kit::config::{ADMIN_OFFSET, Env, WrongVariables};
use service_kit::kafka;

use crate::routes::Service;

/// Everything the gateway needs from outside. There is no `Default`: whoever starts it knows more.
#[derive(Debug, Clone)]
pub struct Config {
    /// `GATEWAY_LISTEN`: where it serves.
    pub listen: SocketAddr,
    /// `GATEWAY_ADMIN_LISTEN`: where it answers `/livez` and `/readyz`; 1000 above `listen` unless given.
    pub admin_listen: SocketAddr,
    /// `PROJECT_URL` and so on.
    pub services: Services,
    /// `KAFKA_BROKERS`, `TOPIC_PREFIX`.
    pub kafka: kafka::Settings,
    /// `INTERNAL_TOKEN_PRIVATE_KEY`: signs what the services believe.
    pub signer: Signer,
    /// `DRAIN_SECONDS`: how long it serves on after SIGTERM, until the load balancer has heard of it.
    pub drain: Duration,
    /// `SANDBOX`: whether it accepts the bearers that the sandbox mints for trying things out. Only on loopback.
    pub sandbox: bool,
    /// How long it waits for others. No variable: tests shorten it.
    pub patience: Patience,
}

/// Where each service is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the base URL of the service it is named after")]
pub struct Services {
    pub project: BaseUrl,
    pub interest: BaseUrl,
    pub consultation: BaseUrl,
    pub salesman_match: BaseUrl,
    pub salesman: BaseUrl,
}

impl Services {
    /// Where the service is.
    pub fn of(&self, service: Service) -> &BaseUrl {
        match service {
            Service::Project => &self.project,
            Service::Interest => &self.interest,
            Service::Consultation => &self.consultation,
            Service::SalesmanMatch => &self.salesman_match,
            Service::Salesman => &self.salesman,
        }
    }
}

/// `http://HOST:PORT`, and nothing behind it. Services serve no TLS: between pods that is the mesh's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Authority);

impl BaseUrl {
    /// The host and the port.
    pub fn authority(&self) -> &Authority {
        &self.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it is not of the form http://HOST:PORT";
        let parts = text.parse::<Uri>().map_err(|_| WRONG)?.into_parts();
        let is_bare = parts.path_and_query.is_none_or(|path| path == "/");
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if scheme == Scheme::HTTP && is_bare && !authority.as_str().contains('@') => {
                Ok(Self(authority))
            }
            _ => Err(WRONG),
        }
    }
}

impl From<SocketAddr> for BaseUrl {
    fn from(address: SocketAddr) -> Self {
        // An address is always a valid authority.
        Self(Authority::try_from(address.to_string()).unwrap_or_else(|_| Authority::from_static("localhost")))
    }
}

/// How long the gateway waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection to a service. They are near: a second without one means that nobody is there.
    pub connect: Duration,
    /// From a request to the head of its answer, the retry included. Longer than a service's own time-out, so that the service's answer wins.
    pub answer: Duration,
    /// For a browser to send the head of a request; an idle connection is closed after the same time.
    pub headers: Duration,
}

impl Patience {
    /// What the gateway runs with.
    pub const USUAL: Self =
        Self { connect: Duration::from_secs(1), answer: Duration::from_secs(20), headers: Duration::from_secs(30) };
}

impl Config {
    /// Reads the configuration. Whatever is missing or wrong is noted in `env`, all of it.
    pub fn read(env: &mut Env) -> Option<Self> {
        let listen = env.or("GATEWAY_LISTEN", SocketAddr::from(([127, 0, 0, 1], PORT)));
        let admin_default = SocketAddr::new(listen.ip(), listen.port().saturating_add(ADMIN_OFFSET));
        let admin_listen = env.or("GATEWAY_ADMIN_LISTEN", admin_default);
        let services = Services {
            project: url(env, Service::Project),
            interest: url(env, Service::Interest),
            consultation: url(env, Service::Consultation),
            salesman_match: url(env, Service::SalesmanMatch),
            salesman: url(env, Service::Salesman),
        };
        let brokers = env.required("KAFKA_BROKERS");
        let topic_prefix = env.or("TOPIC_PREFIX", kafka::DEFAULT_PREFIX.to_owned());
        let signer = env.secret("INTERNAL_TOKEN_PRIVATE_KEY");
        let drain = service_kit::config::drain(env);
        let sandbox = env.or("SANDBOX", false);
        Some(Self {
            listen,
            admin_listen,
            services,
            kafka: kafka::Settings { brokers: brokers?, topic_prefix },
            signer: signer?,
            drain,
            sandbox,
            patience: Patience::USUAL,
        })
    }

    /// What no single variable can tell: the sandbox's bearers make anybody anyone, so that door must open to this machine only.
    ///
    /// # Errors
    /// When the sandbox would be reachable from elsewhere.
    pub fn check(&self) -> Result<(), WrongVariables> {
        if self.sandbox && !self.listen.ip().is_loopback() {
            return Err(WrongVariables(vec![format!(
                "SANDBOX=true is for loopback addresses only, and GATEWAY_LISTEN is {}",
                self.listen
            )]));
        }
        Ok(())
    }
}

fn url(env: &mut Env, service: Service) -> BaseUrl {
    let name = format!("{}_URL", service.name().replace('-', "_").to_uppercase());
    env.or(&name, BaseUrl::from(SocketAddr::from(([127, 0, 0, 1], service.port()))))
}

/// Where it listens unless told otherwise.
const PORT: u16 = 8088;

#[cfg(test)]
mod tests {
    use service_kit::auth::new_private_pem;

    use super::*;

    #[test]
    fn every_wrong_variable_is_reported_at_once() {
        let mut env = Env::of([("GATEWAY_LISTEN", "here"), ("SALESMAN_MATCH_URL", "https://x/y"), ("SANDBOX", "yes")]);
        assert!(Config::read(&mut env).is_none());
        let wrong = env.wrong().unwrap().to_string();
        for name in [
            "GATEWAY_LISTEN=here",
            "SALESMAN_MATCH_URL=",
            "KAFKA_BROKERS is missing",
            "INTERNAL_TOKEN_PRIVATE_KEY is missing",
            "SANDBOX=yes",
        ] {
            assert!(wrong.contains(name), "{name} is not in:\n{wrong}");
        }
    }

    #[test]
    fn services_are_where_the_sandbox_puts_them_unless_told_otherwise() {
        let key = new_private_pem();
        let mut env = Env::of([
            ("KAFKA_BROKERS", "localhost:9092"),
            ("INTERNAL_TOKEN_PRIVATE_KEY", key.as_str()),
            ("INTEREST_URL", "http://interest:80/"),
        ]);
        let config = Config::read(&mut env).unwrap();
        assert_eq!(config.services.of(Service::SalesmanMatch).to_string(), "http://127.0.0.1:8085");
        assert_eq!(config.services.of(Service::Interest).to_string(), "http://interest:80");
        assert_eq!(config.admin_listen.port(), 9088);
        assert!(!config.sandbox);
    }

    #[test]
    fn the_sandbox_refuses_to_be_reachable_from_elsewhere() {
        let key = new_private_pem();
        for (listen, may) in [("127.0.0.1:8088", true), ("[::1]:8088", true), ("0.0.0.0:8088", false), ("10.0.0.7:8088", false)] {
            let mut env = Env::of([
                ("KAFKA_BROKERS", "localhost:9092"),
                ("INTERNAL_TOKEN_PRIVATE_KEY", key.as_str()),
                ("SANDBOX", "true"),
                ("GATEWAY_LISTEN", listen),
            ]);
            assert_eq!(Config::read(&mut env).unwrap().check().is_ok(), may, "{listen}");
        }
    }
}
