//! The gateway's configuration.

mod bounds;
mod keys;
mod limits;
mod network;
mod pages_dir;
mod proxies;
mod services;
#[cfg(test)]
mod tests;
mod urls;

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use service_kit::auth::Signer;
use service_kit::config::{ADMIN_OFFSET, DatabaseUrl, Env, Migrate};
use service_kit::forms::phone::CustomerIdKey;
use service_kit::messaging::kafka;

pub use bounds::{ServerLimits, Timeouts};
pub use keys::{SignInKey, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, WebhookKey};
pub use limits::{Limits, Rate};
pub(crate) use network::Network;
pub use pages_dir::PagesDir;
pub use proxies::{ProxyNetworks, TrustedProxies};
pub use services::{Service, Services};
pub use urls::{BaseUrl, PublicOrigin, WebhookUrl};

/// The default port.
const PORT: u16 = 8088;

/// The gateway's configuration. It has no `Default`: callers decide on every value.
#[derive(Debug, Clone)]
pub struct Config {
    /// `GATEWAY_LISTEN`.
    pub listen: SocketAddr,
    /// `GATEWAY_ADMIN_LISTEN`, for `/livez` and `/readyz`. The default port is that of `listen` +
    /// 1000.
    pub admin_listen: SocketAddr,
    /// `PROJECT_URL` and so on.
    pub services: Services,
    /// `KAFKA_BROKERS`, `TOPIC_PREFIX`.
    pub kafka: kafka::Settings,
    /// `INTERNAL_TOKEN_PRIVATE_KEY`: signs the tokens for the services.
    pub signer: Signer,
    /// `DRAIN_SECONDS`: how long it serves after SIGTERM, until load balancers send no more
    /// requests.
    pub drain: Duration,
    /// `GATEWAY_DATABASE_URL`, with a role whose `search_path` is the gateway's schema.
    pub database_url: DatabaseUrl,
    /// `MIGRATE`.
    pub migrate: Migrate,
    /// `PAGES_DIR`: the built pages. Without it, only the API is served.
    pub pages: Option<PagesDir>,
    /// `PUBLIC_ORIGIN`.
    pub public_origin: PublicOrigin,
    /// `TRUSTED_PROXIES`, `TRUSTED_PROXY_ADDRESSES`.
    pub trusted_proxies: TrustedProxies,
    /// `SIGN_IN_KEY`.
    pub sign_in_key: SignInKey,
    /// `CUSTOMER_ID_KEY`: equal to that of the services.
    pub customer_ids: CustomerIdKey,
    /// `SENDER_URL`: the SMS webhook.
    pub sender_url: WebhookUrl,
    /// `SENDER_KEY`: signs requests to the SMS webhook.
    pub sender_key: WebhookKey,
    /// `LIMIT_WRITES` and so on.
    pub limits: Limits,
    /// `TIMEOUT_CONNECT` and so on.
    pub timeouts: Timeouts,
    /// `LIMIT_CONNECTIONS` and so on.
    pub server: ServerLimits,
    /// How many passwords are hashed at the same time. Without a variable.
    pub password_slots: usize,
}

impl Config {
    /// Reads the configuration. `env` collects every missing and invalid variable.
    pub fn read(env: &mut Env) -> Option<Self> {
        let listen = env.or(
            "GATEWAY_LISTEN",
            SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
        );
        let admin_port = listen.port().saturating_add(ADMIN_OFFSET);
        let admin_listen = env.or(
            "GATEWAY_ADMIN_LISTEN",
            SocketAddr::new(listen.ip(), admin_port),
        );
        let services = Services::read(env);
        let kafka = kafka::Settings::read(env);
        let signer = env.secret("INTERNAL_TOKEN_PRIVATE_KEY");
        let (timeouts, server) = (Timeouts::read(env), ServerLimits::read(env));
        let drain = service_kit::config::drain(env);
        let database_url = env.secret("GATEWAY_DATABASE_URL");
        let migrate = env.or("MIGRATE", Migrate::Check);
        let pages = if env.is_set("PAGES_DIR") {
            env.required("PAGES_DIR")
        } else {
            None
        };
        let public_origin = read_public_origin(env, listen);
        let trusted_proxies = TrustedProxies {
            count: env.or("TRUSTED_PROXIES", 0),
            addresses: env.or("TRUSTED_PROXY_ADDRESSES", ProxyNetworks::default()),
        };
        if public_origin.is_https() && trusted_proxies.count == 0 {
            env.refuse(format!(
                "TRUSTED_PROXIES=0 is invalid with PUBLIC_ORIGIN={public_origin}: \
                 the gateway serves no TLS, so there is a proxy in front of it, and all clients \
                 would have the proxy's address. Set the number of proxies that append to \
                 X-Forwarded-For"
            ));
        }
        if trusted_proxies.count == 0 && trusted_proxies.addresses != ProxyNetworks::default() {
            env.refuse(
                "TRUSTED_PROXY_ADDRESSES is invalid with TRUSTED_PROXIES=0: nothing that these \
                 proxies report would be believed. Set their number"
                    .to_owned(),
            );
        }
        let sign_in_key = env.secret("SIGN_IN_KEY");
        let customer_ids = env.secret("CUSTOMER_ID_KEY");
        let sender_url = env.secret("SENDER_URL");
        let sender_key = env.secret("SENDER_KEY");
        let limits = Limits::read(env);
        Some(Self {
            listen,
            admin_listen,
            services,
            kafka: kafka?,
            signer: signer?,
            drain,
            database_url: database_url?,
            migrate,
            pages,
            public_origin,
            trusted_proxies,
            sign_in_key: sign_in_key?,
            customer_ids: customer_ids?,
            sender_url: sender_url?,
            sender_key: sender_key?,
            limits,
            timeouts,
            server,
            password_slots: Self::password_slots(),
        })
    }

    /// One for each core but one, which stays free, and one on a single core.
    fn password_slots() -> usize {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        cores.saturating_sub(1).max(1)
    }
}

fn read_public_origin(env: &mut Env, listen: SocketAddr) -> PublicOrigin {
    let is_set = !env.or("PUBLIC_ORIGIN", String::new()).is_empty();
    let origin = env.or("PUBLIC_ORIGIN", PublicOrigin::local(listen.port()));
    if !is_set && !listen.ip().is_loopback() {
        env.refuse(format!(
            "PUBLIC_ORIGIN is missing: GATEWAY_LISTEN={listen} accepts other machines, whose \
             browsers use another origin than {origin}"
        ));
    }
    origin
}
