//! The five services and the gateway in one process, each configured as it would be alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use gateway::config::{Limits, PublicOrigin};
use gateway::{Gateway, Sessions};
use service_kit::clock::{DatabaseClock, SystemClock};
use service_kit::config::{ADMIN_OFFSET, DatabaseUrl, Env};
use service_kit::messaging::kafka;
use service_kit::{Bound, Db, Service, db, process};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Inbox};
use crate::keys::Keys;

/// The servers, ports and limits of one installation.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The data folder, which contains the keys.
    pub data: PathBuf,
    /// The URL of a role that may create roles and schemas.
    pub postgres: String,
    /// The brokers, how they are reached, and the topic prefix.
    pub kafka: kafka::Settings,
    /// The gateway's port; the services' ports are below it.
    pub port: u16,
    /// The gateway's rate limits; unlimited for measurements and most tests.
    pub limits: Limits,
    /// The folder of the built pages; without it the gateway serves only the API.
    pub pages: Option<PathBuf>,
}

impl Installation {
    /// A client of the gateway.
    pub fn client(&self) -> Client {
        Client::new(format!("http://{}", loopback(self.port)))
    }

    /// A reader of the inbox.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(format!("http://{}", loopback(inbox_port(self.port))))
    }

    fn gateway_database(&self, keys: &Keys) -> Result<DatabaseUrl> {
        db::service_url(&self.postgres, gateway::NAME, &keys.database_password)
    }

    /// The gateway's SMS relay is the inbox.
    fn sender_url(&self) -> String {
        format!("http://{}/messages", loopback(inbox_port(self.port)))
    }
}

/// The gateway's database: for sessions without a sign-in, and for the first account.
///
/// # Errors
/// When the superuser's URL cannot be read.
pub fn gateway_db(installation: &Installation, keys: &Keys) -> Result<Db> {
    let url = installation.gateway_database(keys)?;
    Ok(Db::new(gateway::NAME, &url, Arc::new(SystemClock))?)
}

/// The session store of the gateway's database.
///
/// # Errors
/// When the superuser's URL cannot be read.
pub fn sessions(installation: &Installation, keys: &Keys) -> Result<Sessions> {
    Ok(Sessions::new(gateway_db(installation, keys)?))
}

/// The limits of a sandbox. All callers share one address and a few phone numbers there, so limits
/// per address, per number and over all callers are off. README.md says so.
pub const SANDBOX_LIMITS: Limits = Limits {
    writes: Limits::DEFAULT.writes,
    sign_ins_per_login: Limits::DEFAULT.sign_ins_per_login,
    ..Limits::UNLIMITED
};

/// The gateway's origin in browsers.
pub fn origin(gateway: u16) -> PublicOrigin {
    PublicOrigin::local(gateway)
}

/// The inbox's port is the one after the gateway's.
pub fn inbox_port(gateway: u16) -> u16 {
    gateway.saturating_add(1)
}

/// The gateway's default port.
pub const DEFAULT_PORT: u16 = 8088;

/// The services, and how far each port is below the gateway's: 8082 to 8086 for a gateway on 8088,
/// as in the original product.
const PORTS_BELOW: [(&str, u16); 5] = [
    ("interest", 6),
    ("consultation", 5),
    ("project", 4),
    ("salesman-match", 3),
    ("salesman", 2),
];

/// A service's port.
pub fn port_of(gateway: u16, service: &str) -> Option<u16> {
    let (_, below) = PORTS_BELOW.iter().find(|(name, _)| *name == service)?;
    gateway.checked_sub(*below)
}

/// Every port of an installation whose gateway listens on `gateway`, admin ports included.
fn ports(gateway: u16) -> Vec<u16> {
    let services = PORTS_BELOW.map(|(_, below)| gateway.saturating_sub(below));
    services
        .into_iter()
        .chain([gateway])
        .flat_map(|port| [port, port.saturating_add(ADMIN_OFFSET)])
        .chain([inbox_port(gateway)])
        .collect()
}

/// A port for a gateway where every other port of the installation is free too.
///
/// # Errors
/// When none is found.
pub fn free_port() -> Result<u16> {
    const ATTEMPTS: usize = 50;
    for _ in 0..ATTEMPTS {
        let [port] = sandbox::free_ports()?;
        let needed: Vec<(u16, &str)> = ports(port).into_iter().map(|port| (port, "")).collect();
        if sandbox::check_ports(&needed).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no free range of ports was found")
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// All services and the gateway, bound to their ports.
pub struct Hosted {
    services: Vec<Bound>,
    gateway: Gateway,
}

/// Creates missing roles, schemas and topics, and binds every port. Services and gateway read their
/// configuration from the variables that they would read alone.
///
/// # Errors
/// When Postgres or Kafka cannot be reached, or a port is taken.
pub async fn bind(
    installation: &Installation,
    keys: &Keys,
    services: Vec<Service>,
) -> Result<Hosted> {
    let mut env = Env::from_pairs(provision(installation, keys).await?);
    let configs: Vec<_> = services
        .iter()
        .map(|service| service.config(&mut env))
        .collect();
    let gateway = gateway::Config::read(&mut env);
    if let Some(invalid) = env.invalid() {
        return Err(invalid.into());
    }
    let mut bound = Vec::new();
    for (service, config) in services.into_iter().zip(configs.into_iter().flatten()) {
        bound.push(service.bind(config, Arc::new(SystemClock)).await?);
    }
    let gateway = gateway.context("the gateway's configuration is incomplete")?;
    let clock = Arc::new(DatabaseClock::new(Arc::new(SystemClock)));
    let gateway = Gateway::bind(gateway, clock).await?;
    Ok(Hosted {
        services: bound,
        gateway,
    })
}

/// Creates missing roles, schemas and topics. Returns the variables for each service and the
/// gateway alone.
///
/// # Errors
/// When Postgres or Kafka cannot be reached.
pub async fn provision(installation: &Installation, keys: &Keys) -> Result<Vec<(String, String)>> {
    let (postgres, password) = (&installation.postgres, &keys.database_password);
    let schemas = async {
        for name in PORTS_BELOW
            .map(|(name, _)| name)
            .into_iter()
            .chain([gateway::NAME])
        {
            db::provision(postgres, name, password)
                .await
                .with_context(|| format!("cannot create the schema of {name}"))?;
        }
        Ok(())
    };
    tokio::try_join!(installation.kafka.create_topics(), schemas)?;
    let folder = installation.data.join("keys");
    let public = folder.join("internal-token.public.pem");
    std::fs::write(&public, keys.signer.public_pem()?)
        .with_context(|| format!("cannot write {}", public.display()))?;
    let file = |name: &str| folder.join(name).display().to_string();
    let gateway_database = installation.gateway_database(keys)?;
    let variables = [
        ("KAFKA_BROKERS", installation.kafka.brokers.clone()),
        ("TOPIC_PREFIX", installation.kafka.topic_prefix.clone()),
        ("MIGRATE", "apply".to_owned()),
        // No load balancer in front of a sandbox has to notice the drain.
        ("DRAIN_SECONDS", "0".to_owned()),
        ("CUSTOMER_ID_KEY_FILE", file("customer-id.key")),
        (
            "INTERNAL_TOKEN_PUBLIC_KEYS_FILE",
            file("internal-token.public.pem"),
        ),
        (
            "INTERNAL_TOKEN_PRIVATE_KEY_FILE",
            file("internal-token.pem"),
        ),
        ("GATEWAY_LISTEN", loopback(installation.port).to_string()),
        ("GATEWAY_DATABASE_URL", gateway_database.expose().to_owned()),
        ("SIGN_IN_KEY_FILE", file("sign-in.key")),
        ("SENDER_KEY_FILE", file("sender.key")),
        ("SENDER_URL", installation.sender_url()),
    ];
    let limits = installation
        .limits
        .variables()
        .map(|(name, rate)| (name, rate.to_string()));
    let pages = installation.pages.iter();
    let pages = pages.map(|folder| ("PAGES_DIR", folder.display().to_string()));
    let mut variables: Vec<(String, String)> = variables
        .into_iter()
        .chain(installation.kafka.security.variables())
        .chain(limits)
        .chain(pages)
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    for (service, _) in PORTS_BELOW {
        let port = port_of(installation.port, service)
            .context("the gateway's port is too low: the services' ports are below it")?;
        let url = db::service_url(postgres, service, password)?;
        let name = service.replace('-', "_").to_uppercase();
        variables.push((DatabaseUrl::variable(service), url.expose().to_owned()));
        variables.push((format!("{name}_LISTEN"), loopback(port).to_string()));
        variables.push((format!("{name}_URL"), format!("http://{}", loopback(port))));
    }
    Ok(variables)
}

impl Hosted {
    /// Resolves when every service serves, every consumer has its partitions, and the gateway reads
    /// every topic.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let services: Vec<_> = self.services.iter().map(Bound::ready).collect();
        let gateway = self.gateway.ready();
        async move {
            futures_util::future::join_all(services).await;
            gateway.await;
        }
    }

    /// Runs until `stop` is cancelled; the first part that fails stops all of them.
    ///
    /// # Errors
    /// The first failure.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let gateway = async {
            let ended = self.gateway.run(stop.clone()).await;
            if ended.is_err() {
                stop.cancel();
            }
            ended
        };
        let (services, gateway) = tokio::join!(process::host(self.services, &stop), gateway);
        services.and(gateway)
    }
}
