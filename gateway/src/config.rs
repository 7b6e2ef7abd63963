//! What the gateway needs from outside.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::{Authority, Scheme};
use service_kit::auth::Signer;
use service_kit::config::{ADMIN_OFFSET, DatabaseUrl, Env, Migrate};
use service_kit::forms::phone::CustomerIdKey;
use service_kit::messaging::kafka;

pub use crate::edge::rate_limit::{Limits, Rate, SignInKey};
use crate::sms::{WebhookKey, WebhookUrl};
use crate::upstream::routes::Service;

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
    /// `GATEWAY_DATABASE_URL`: its own role, whose `search_path` is its own schema.
    pub database_url: DatabaseUrl,
    /// `MIGRATE`.
    pub migrate: Migrate,
    /// `PUBLIC_ORIGIN`: what browsers know it by.
    pub public_origin: PublicOrigin,
    /// `TRUSTED_PROXIES`: how many proxies in front of it append to `X-Forwarded-For`. The address of whoever asks is the one that the
    /// outermost of them has seen.
    pub trusted_proxies: usize,
    /// `SIGN_IN_KEY`.
    pub sign_in_key: SignInKey,
    /// `CUSTOMER_ID_KEY`: the same as the services'.
    pub customer_ids: CustomerIdKey,
    /// `SENDER_URL`: the webhook by which codes leave. Its path may be a secret.
    pub sender_url: WebhookUrl,
    /// `SENDER_KEY`: signs what is sent there.
    pub sender_key: WebhookKey,
    /// `LIMIT_WRITES` and so on.
    pub limits: Limits,
    /// How long it waits for others.
    pub patience: Patience,
    /// How many browsers and how large heads it takes in.
    pub room: Room,
}

/// Where each service is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is the base URL of the service it is named after"
)]
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
            (Some(scheme), Some(authority))
                if scheme == Scheme::HTTP && is_bare && !authority.as_str().contains('@') =>
            {
                Ok(Self(authority))
            }
            _ => Err(WRONG),
        }
    }
}

impl From<SocketAddr> for BaseUrl {
    fn from(address: SocketAddr) -> Self {
        // An address is always a valid authority.
        Self(
            Authority::try_from(address.to_string())
                .unwrap_or_else(|_| Authority::from_static("localhost")),
        )
    }
}

/// How long the gateway waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// `TIMEOUT_CONNECT`, in seconds as the others: for a connection to a service. They are near: a second without one means that nobody is there.
    pub connect: Duration,
    /// `TIMEOUT_ANSWER`: from a request to the head of its answer, the retry included. Longer than a service's own time-out, so that the service's answer wins.
    pub answer: Duration,
    /// `TIMEOUT_HEAD`: for a browser to send the head of a request; an idle connection is closed after the same time.
    pub headers: Duration,
    /// `TIMEOUT_READING`: for a browser to take in anything at all of what it is sent.
    pub reading: Duration,
}

impl Patience {
    /// What the gateway runs with.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(1),
        answer: Duration::from_secs(20),
        headers: Duration::from_secs(30),
        reading: Duration::from_secs(30),
    };

    /// What the environment says, in whole seconds.
    fn read(env: &mut Env) -> Self {
        let mut seconds = |name: &str, usual: Duration, least: u64| {
            let seconds = env.or(name, usual.as_secs());
            if !(least..=LONGEST_SECONDS).contains(&seconds) {
                env.refuse(format!(
                    "{name}={seconds} is wrong: it is {least} to {LONGEST_SECONDS} seconds"
                ));
            }
            Duration::from_secs(seconds)
        };
        Self {
            connect: seconds("TIMEOUT_CONNECT", Self::USUAL.connect, 1),
            answer: seconds("TIMEOUT_ANSWER", Self::USUAL.answer, LEAST_ANSWER_SECONDS),
            headers: seconds("TIMEOUT_HEAD", Self::USUAL.headers, 1),
            reading: seconds("TIMEOUT_READING", Self::USUAL.reading, 1),
        }
    }
}

/// Nothing is waited for longer than five minutes.
const LONGEST_SECONDS: u64 = 300;

/// A service answers within 15 s, with a time-out of its own at the latest: that answer is to win.
const LEAST_ANSWER_SECONDS: u64 = 16;

/// How much of itself the gateway gives to browsers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// `LIMIT_CONNECTIONS`: browsers hold one each for the stream. Further ones wait in the kernel's queue.
    pub connections: u32,
    /// `LIMIT_HEAD`, in bytes: all headers of a request together. A session's cookie and what browsers send besides fit into a tenth of it.
    pub head: u32,
}

impl Room {
    /// What the gateway runs with.
    pub const USUAL: Self = Self {
        connections: 16_384,
        head: 32 * 1024,
    };

    fn read(env: &mut Env) -> Self {
        let mut within = |name: &str, usual: u32, least: u32, most: u32| {
            let value = env.or(name, usual);
            if !(least..=most).contains(&value) {
                env.refuse(format!("{name}={value} is wrong: it is {least} to {most}"));
            }
            value
        };
        Self {
            connections: within("LIMIT_CONNECTIONS", Self::USUAL.connections, 1, 1_000_000),
            // hyper reads no head into less than 8 KiB.
            head: within("LIMIT_HEAD", Self::USUAL.head, 8 * 1024, 1024 * 1024),
        }
    }
}

impl Config {
    /// Reads the configuration. Whatever is missing or wrong is noted in `env`, all of it.
    pub fn read(env: &mut Env) -> Option<Self> {
        let listen = env.or("GATEWAY_LISTEN", SocketAddr::from(([127, 0, 0, 1], PORT)));
        let admin_default =
            SocketAddr::new(listen.ip(), listen.port().saturating_add(ADMIN_OFFSET));
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
        let (patience, room) = (Patience::read(env), Room::read(env));
        let drain = service_kit::config::drain(env);
        let database_url = env.secret("GATEWAY_DATABASE_URL");
        let migrate = env.or("MIGRATE", Migrate::Check);
        let public_origin = env.or("PUBLIC_ORIGIN", PublicOrigin::local(listen.port()));
        if is_unset(env, "PUBLIC_ORIGIN") && !listen.ip().is_loopback() {
            env.refuse(format!(
                "PUBLIC_ORIGIN is missing: GATEWAY_LISTEN={listen} is reached from other machines, whose browsers know this one by another \
                 name than {public_origin}"
            ));
        }
        let trusted_proxies = env.or("TRUSTED_PROXIES", 0);
        if public_origin.is_https() && trusted_proxies == 0 {
            env.refuse(format!(
                "TRUSTED_PROXIES=0 is wrong with PUBLIC_ORIGIN={public_origin}: the gateway serves no TLS, so a proxy stands in front of it, \
                 and everybody would count as one address. It is 1, or as many as append to X-Forwarded-For"
            ));
        }
        let sign_in_key = env.secret("SIGN_IN_KEY");
        let customer_ids = env.secret("CUSTOMER_ID_KEY");
        let sender_url = env.secret("SENDER_URL");
        let sender_key = env.secret("SENDER_KEY");
        let limits = limits(env);
        Some(Self {
            listen,
            admin_listen,
            services,
            kafka: kafka::Settings {
                brokers: brokers?,
                topic_prefix,
            },
            signer: signer?,
            drain,
            database_url: database_url?,
            migrate,
            public_origin,
            trusted_proxies,
            sign_in_key: sign_in_key?,
            customer_ids: customer_ids?,
            sender_url: sender_url?,
            sender_key: sender_key?,
            limits,
            patience,
            room,
        })
    }
}

fn limits(env: &mut Env) -> Limits {
    let mut limits = Limits::USUAL;
    for (name, rate) in limits.by_variable() {
        *rate = env.or(name, *rate);
    }
    limits
}

/// Where browsers find the gateway: `https://HOST`, or `http://localhost:PORT` on this machine, as `Origin` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicOrigin(String);

impl PublicOrigin {
    /// The gateway on this machine.
    pub fn local(port: u16) -> Self {
        Self(format!("http://localhost:{port}"))
    }

    /// As `Origin` writes it, and as links begin.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether browsers come over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for PublicOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicOrigin {
    type Err = &'static str;

    /// Lower case and without the port that goes without saying, because so browsers send it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it is not of the form https://HOST, or http://localhost:PORT";
        let parts = text.trim().parse::<Uri>().map_err(|_| WRONG)?.into_parts();
        let is_bare = parts.path_and_query.is_none_or(|path| path == "/");
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(WRONG);
        };
        let host = authority.host().to_ascii_lowercase();
        if !is_bare || authority.as_str().contains('@') || host.is_empty() {
            return Err(WRONG);
        }
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" if is_loopback(&host) => 80,
            "http" => {
                return Err(
                    "cookies need TLS: it is https://…, and http:// for this machine alone",
                );
            }
            _ => return Err(WRONG),
        };
        let port = authority
            .port_u16()
            .filter(|port| *port != usual)
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}")))
    }
}

/// Whether a URL with this host leads to this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn is_unset(env: &mut Env, name: &str) -> bool {
    env.or(name, String::new()).is_empty()
}

fn url(env: &mut Env, service: Service) -> BaseUrl {
    let name = format!("{}_URL", service.name().replace('-', "_").to_uppercase());
    env.or(
        &name,
        BaseUrl::from(SocketAddr::from(([127, 0, 0, 1], service.port()))),
    )
}

/// Where it listens unless told otherwise.
const PORT: u16 = 8088;

#[cfg(test)]
mod tests {
    use service_kit::auth::new_private_pem;

    use super::*;

    /// What has no default.
    fn required() -> Vec<(&'static str, String)> {
        vec![
            ("KAFKA_BROKERS", "localhost:9092".to_owned()),
            ("INTERNAL_TOKEN_PRIVATE_KEY", new_private_pem()),
            (
                "GATEWAY_DATABASE_URL",
                "postgres://ktgg_gateway@localhost/ktgg".to_owned(),
            ),
            ("SIGN_IN_KEY", "0123456789abcdef0123456789abcdef".to_owned()),
            (
                "CUSTOMER_ID_KEY",
                "0123456789abcdef0123456789abcdef".to_owned(),
            ),
            ("SENDER_URL", "http://127.0.0.1:8089/messages".to_owned()),
            (
                "SENDER_KEY",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            ),
        ]
    }

    fn read(more: &[(&'static str, &str)]) -> (Option<Config>, String) {
        let more = more
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let mut env = Env::of(required().into_iter().chain(more));
        let config = Config::read(&mut env);
        (
            config,
            env.wrong()
                .map(|wrong| wrong.to_string())
                .unwrap_or_default(),
        )
    }

    #[test]
    fn every_wrong_variable_is_reported_at_once() {
        let mut env = Env::of([
            ("GATEWAY_LISTEN", "here"),
            ("SALESMAN_MATCH_URL", "https://x/y"),
            ("PUBLIC_ORIGIN", "http://ktgg.example"),
            ("TRUSTED_PROXIES", "-1"),
            ("LIMIT_WRITES", "many"),
            ("LIMIT_CODES_PER_PHONE", "0/1"),
        ]);
        assert!(Config::read(&mut env).is_none());
        let wrong = env.wrong().unwrap().to_string();
        let missing = required()
            .into_iter()
            .map(|(name, _)| format!("{name} is missing"));
        let named = [
            "GATEWAY_LISTEN=here",
            "SALESMAN_MATCH_URL=",
            "PUBLIC_ORIGIN=",
            "TRUSTED_PROXIES=-1",
            "LIMIT_WRITES=many",
            "LIMIT_CODES_PER_PHONE=0/1",
        ];
        for name in named.into_iter().map(str::to_owned).chain(missing) {
            assert!(wrong.contains(&name), "{name} is not in:\n{wrong}");
        }
    }

    #[test]
    fn services_are_where_the_sandbox_puts_them_unless_told_otherwise() {
        let (config, wrong) = read(&[("INTEREST_URL", "http://interest:80/")]);
        assert_eq!(wrong, "");
        let config = config.unwrap();
        assert_eq!(
            config.services.of(Service::SalesmanMatch).to_string(),
            "http://127.0.0.1:8085"
        );
        assert_eq!(
            config.services.of(Service::Interest).to_string(),
            "http://interest:80"
        );
        assert_eq!(config.admin_listen.port(), 9088);
        assert_eq!(config.public_origin.as_str(), "http://localhost:8088");
        assert_eq!((config.trusted_proxies, config.limits), (0, Limits::USUAL));
    }

    #[test]
    fn every_limit_can_be_set_by_the_variable_that_it_is_given_out_by() {
        let mut set = Limits::USUAL;
        for (count, (_, rate)) in (1..).zip(set.by_variable()) {
            *rate = Rate::new(count, 10);
        }
        let variables = set.variables().map(|(name, rate)| (name, rate.to_string()));
        let more: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, rate)| (*name, rate.as_str()))
            .collect();
        let (config, wrong) = read(&more);
        assert_eq!(wrong, "");
        assert_eq!(config.unwrap().limits, set);
        let one = [("LIMIT_CODES_PER_PHONE_DAILY", "7/70")];
        let expected = Limits {
            codes_per_phone_daily: Rate::new(7, 70),
            ..Limits::USUAL
        };
        assert_eq!(read(&one).0.unwrap().limits, expected);
    }

    #[test]
    fn what_cannot_be_together_is_refused() {
        for (more, why) in [
            (
                vec![("PUBLIC_ORIGIN", "https://kt.gg")],
                "TRUSTED_PROXIES=0 is wrong with PUBLIC_ORIGIN=https://kt.gg",
            ),
            (
                vec![("PUBLIC_ORIGIN", "https://kt.gg"), ("TRUSTED_PROXIES", "0")],
                "the gateway serves no TLS",
            ),
            (
                vec![("GATEWAY_LISTEN", "0.0.0.0:8088")],
                "PUBLIC_ORIGIN is missing: GATEWAY_LISTEN=0.0.0.0:8088",
            ),
            (
                vec![("GATEWAY_LISTEN", "[::]:8088"), ("PUBLIC_ORIGIN", " ")],
                "PUBLIC_ORIGIN is missing",
            ),
        ] {
            let wrong = read(&more).1;
            assert!(wrong.contains(why), "{more:?}: {wrong}");
            assert_eq!(wrong.lines().count(), 2, "{wrong}");
        }
        for more in [
            vec![
                ("GATEWAY_LISTEN", "0.0.0.0:8088"),
                ("PUBLIC_ORIGIN", "https://kt.gg"),
                ("TRUSTED_PROXIES", "1"),
            ],
            vec![
                ("GATEWAY_LISTEN", "0.0.0.0:8088"),
                ("PUBLIC_ORIGIN", "http://localhost:8088"),
            ],
            vec![("GATEWAY_LISTEN", "[::1]:8088")],
        ] {
            assert_eq!(read(&more).1, "", "{more:?}");
        }
    }

    #[test]
    fn a_wrong_address_of_the_sender_is_not_repeated() {
        let mut env = Env::of([("SENDER_URL", "http://relay.example/hunter2")]);
        assert!(Config::read(&mut env).is_none());
        let wrong = env.wrong().unwrap().to_string();
        assert!(
            wrong.contains("SENDER_URL is wrong") && !wrong.contains("hunter2"),
            "{wrong}"
        );
    }

    #[test]
    fn the_public_origin_is_as_browsers_send_it() {
        let origin = |text: &str| {
            text.parse::<PublicOrigin>()
                .map(|origin| origin.to_string())
        };
        for (text, sent) in [
            ("https://KT.gg", "https://kt.gg"),
            ("https://kt.gg:443/", "https://kt.gg"),
            ("https://kt.gg:8443", "https://kt.gg:8443"),
            ("http://localhost:8088", "http://localhost:8088"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8088", "http://[::1]:8088"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(sent));
        }
        for wrong in [
            "",
            "kt.gg",
            "https://kt.gg/path",
            "https://kt.gg?q",
            "https://u@kt.gg",
            "http://kt.gg",
            "http://10.0.0.7:8088",
            "ftp://kt.gg",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_waited_for_and_how_many_there_is_room_for_can_be_set_within_reason() {
        let (config, wrong) = read(&[
            ("TIMEOUT_CONNECT", "2"),
            ("TIMEOUT_ANSWER", "30"),
            ("TIMEOUT_HEAD", "10"),
            ("TIMEOUT_READING", "20"),
            ("LIMIT_CONNECTIONS", "100"),
            ("LIMIT_HEAD", "16384"),
        ]);
        assert_eq!(wrong, "");
        let config = config.unwrap();
        let Patience {
            connect,
            answer,
            headers,
            reading,
        } = config.patience;
        assert_eq!(
            [connect, answer, headers, reading].map(|it| it.as_secs()),
            [2, 30, 10, 20]
        );
        assert_eq!(
            config.room,
            Room {
                connections: 100,
                head: 16_384
            }
        );
        let (_, wrong) = read(&[
            ("TIMEOUT_ANSWER", "15"),
            ("TIMEOUT_HEAD", "0"),
            ("LIMIT_HEAD", "4096"),
            ("LIMIT_CONNECTIONS", "0"),
        ]);
        for name in [
            "TIMEOUT_ANSWER=15",
            "TIMEOUT_HEAD=0",
            "LIMIT_HEAD=4096",
            "LIMIT_CONNECTIONS=0",
        ] {
            assert!(wrong.contains(name), "{name} is not in:\n{wrong}");
        }
    }
}
