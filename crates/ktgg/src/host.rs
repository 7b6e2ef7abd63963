//! The five services and the gateway in one process, each configured as it would be alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway::config::{Limits, PublicOrigin, ServerLimits, Timeouts};
use gateway::{Gateway, Sessions};
use service_kit::clock::SystemClock;
use service_kit::config::{ADMIN_OFFSET, Config, DatabaseUrl, Migrate};
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
    /// The brokers and the topic prefix.
    pub kafka: kafka::Settings,
    /// The gateway's port; the services' ports are below it.
    pub port: u16,
    /// The gateway's rate limits; unlimited for measurements and most tests.
    pub limits: Limits,
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
    Ok(Db::new(
        gateway::NAME,
        &installation.gateway_database(keys)?,
        Arc::new(SystemClock),
    )?)
}

/// The session store of the gateway's database.
///
/// # Errors
/// When the superuser's URL cannot be read.
pub fn sessions(installation: &Installation, keys: &Keys) -> Result<Sessions> {
    Ok(Sessions::new(gateway_db(installation, keys)?))
}

/// The limits of a sandbox. All callers share one address and a few phone numbers there, so limits
/// per address and per number are off.
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

/// A service's port: 8082 to 8086 for a gateway on 8088, as in the original product.
pub fn port_of(gateway: u16, service: &str) -> Option<u16> {
    let below = match service {
        "interest" => 6,
        "consultation" => 5,
        "project" => 4,
        "salesman-match" => 3,
        "salesman" => 2,
        _ => return None,
    };
    gateway.checked_sub(below)
}

/// Every port of an installation whose gateway listens on `gateway`, admin ports included.
fn ports(gateway: u16) -> Vec<u16> {
    let services = [6, 5, 4, 3, 2, 0].map(|below| gateway.saturating_sub(below));
    let inbox = inbox_port(gateway);
    services
        .into_iter()
        .flat_map(|port| [port, port.saturating_add(ADMIN_OFFSET)])
        .chain([inbox])
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

/// Creates missing roles, schemas and topics, and binds every port.
///
/// # Errors
/// When Postgres or Kafka cannot be reached, or a port is taken.
pub async fn bind(
    installation: &Installation,
    keys: &Keys,
    services: Vec<Service>,
) -> Result<Hosted> {
    create_missing(installation, keys, &services).await?;
    let mut bound = Vec::new();
    for service in services {
        let config = config_of(installation, keys, &service)?;
        bound.push(service.bind(config, Arc::new(SystemClock)).await?);
    }
    let gateway = Gateway::bind(gateway_config(installation, keys)?, Arc::new(SystemClock)).await?;
    Ok(Hosted {
        services: bound,
        gateway,
    })
}

async fn create_missing(
    installation: &Installation,
    keys: &Keys,
    services: &[Service],
) -> Result<()> {
    let schemas = async {
        for name in services.iter().map(Service::name).chain([gateway::NAME]) {
            db::provision(&installation.postgres, name, &keys.database_password)
                .await
                .with_context(|| format!("cannot create the schema of {name}"))?;
        }
        Ok(())
    };
    tokio::try_join!(installation.kafka.create_topics(), schemas)?;
    Ok(())
}

/// Creates missing roles, schemas and topics. Returns the variables for each service and the
/// gateway alone.
///
/// # Errors
/// When Postgres or Kafka cannot be reached.
pub async fn provision(
    installation: &Installation,
    keys: &Keys,
    services: &[Service],
) -> Result<Vec<(String, String)>> {
    create_missing(installation, keys, services).await?;
    let folder = installation.data.join("keys");
    let public = folder.join("internal-token.public.pem");
    std::fs::write(&public, keys.signer.public_pem()?)
        .with_context(|| format!("cannot write {}", public.display()))?;
    let file = |path: PathBuf| path.display().to_string();
    let mut variables = vec![
        (
            "KAFKA_BROKERS".to_owned(),
            installation.kafka.brokers.clone(),
        ),
        (
            "TOPIC_PREFIX".to_owned(),
            installation.kafka.topic_prefix.clone(),
        ),
        ("MIGRATE".to_owned(), "apply".to_owned()),
        ("DRAIN_SECONDS".to_owned(), "0".to_owned()),
        (
            "CUSTOMER_ID_KEY_FILE".to_owned(),
            file(folder.join("customer-id.key")),
        ),
        ("INTERNAL_TOKEN_PUBLIC_KEYS_FILE".to_owned(), file(public)),
        (
            "INTERNAL_TOKEN_PRIVATE_KEY_FILE".to_owned(),
            file(folder.join("internal-token.pem")),
        ),
        (
            "GATEWAY_LISTEN".to_owned(),
            loopback(installation.port).to_string(),
        ),
        (
            "GATEWAY_DATABASE_URL".to_owned(),
            installation.gateway_database(keys)?.expose().to_owned(),
        ),
        (
            "SIGN_IN_KEY_FILE".to_owned(),
            file(folder.join("sign-in.key")),
        ),
        (
            "SENDER_KEY_FILE".to_owned(),
            file(folder.join("sender.key")),
        ),
        ("SENDER_URL".to_owned(), installation.sender_url()),
    ];
    variables.extend(
        installation
            .limits
            .variables()
            .map(|(name, rate)| (name.to_owned(), rate.to_string())),
    );
    for service in services {
        let name = service.name().replace('-', "_").to_uppercase();
        let port =
            port_of(installation.port, service.name()).context("the gateway's port is too low")?;
        let url = db::service_url(
            &installation.postgres,
            service.name(),
            &keys.database_password,
        )?;
        variables.push((format!("{name}_DATABASE_URL"), url.expose().to_owned()));
        variables.push((format!("{name}_LISTEN"), loopback(port).to_string()));
        variables.push((format!("{name}_URL"), format!("http://{}", loopback(port))));
    }
    Ok(variables)
}

fn config_of(installation: &Installation, keys: &Keys, service: &Service) -> Result<Config> {
    let name = service.name();
    let port = port_of(installation.port, name)
        .context("the gateway's port is too low: the services' ports are below it")?;
    Ok(Config {
        database_url: db::service_url(&installation.postgres, name, &keys.database_password)?,
        listen: loopback(port),
        admin_listen: loopback(
            port.checked_add(ADMIN_OFFSET)
                .context("the port is too high")?,
        ),
        kafka: installation.kafka.clone(),
        migrate: Migrate::Apply,
        verifier: keys
            .signer
            .public_pem()?
            .parse()
            .map_err(anyhow::Error::msg)?,
        // No load balancer in front of a sandbox has to notice the drain.
        drain: Duration::ZERO,
        customer_ids: service
            .needs_customer_ids()
            .then(|| keys.customer_ids.clone()),
    })
}

fn gateway_config(installation: &Installation, keys: &Keys) -> Result<gateway::Config> {
    let base = |name: &str| {
        Ok::<_, anyhow::Error>(
            loopback(port_of(installation.port, name).context("the port is too low")?).into(),
        )
    };
    Ok(gateway::Config {
        listen: loopback(installation.port),
        admin_listen: loopback(
            installation
                .port
                .checked_add(ADMIN_OFFSET)
                .context("the port is too high")?,
        ),
        services: gateway::config::Services {
            project: base("project")?,
            interest: base("interest")?,
            consultation: base("consultation")?,
            salesman_match: base("salesman-match")?,
            salesman: base("salesman")?,
        },
        kafka: installation.kafka.clone(),
        signer: keys.signer.clone(),
        drain: Duration::ZERO,
        database_url: installation.gateway_database(keys)?,
        migrate: Migrate::Apply,
        public_origin: origin(installation.port),
        trusted_proxies: 0,
        sign_in_key: keys.sign_in.clone(),
        customer_ids: keys.customer_ids.clone(),
        sender_url: installation
            .sender_url()
            .parse()
            .map_err(anyhow::Error::msg)?,
        sender_key: keys.sender.clone(),
        limits: installation.limits,
        timeouts: Timeouts::DEFAULT,
        server: ServerLimits::DEFAULT,
    })
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
