//! The five services and the gateway in one process, each as it would be alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway::config::{Limits, Patience, PublicOrigin, Room};
use gateway::{Gateway, Sessions};
use service_kit::clock::SystemClock;
use service_kit::config::{ADMIN_OFFSET, Config, DatabaseUrl, Migrate};
use service_kit::messaging::kafka;
use service_kit::{Bound, Db, Service, db, process};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Inbox};
use crate::keys::Keys;

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Place {
    /// The data folder, for its keys.
    pub data: PathBuf,
    /// The URL of a role that may create roles and schemas.
    pub postgres: String,
    /// The brokers, and whose topics on them.
    pub kafka: kafka::Settings,
    /// The gateway's port; the services' lie below it.
    pub port: u16,
    /// What the gateway's limits are: what measures or tests something else comes up against none.
    pub limits: Limits,
}

impl Place {
    /// A caller of its gateway.
    pub fn client(&self) -> Client {
        Client::new(format!("http://{}", loopback(self.port)))
    }

    /// A reader of its inbox.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(format!("http://{}", loopback(inbox_port(self.port))))
    }

    fn gateway_database(&self, keys: &Keys) -> Result<DatabaseUrl> {
        db::service_url(&self.postgres, gateway::NAME, &keys.database_password)
    }

    /// Where the gateway sends what is for somebody's telephone: the inbox beside it.
    fn sender_url(&self) -> String {
        format!("http://{}/messages", loopback(inbox_port(self.port)))
    }
}

/// The gateway's database: for sessions that nobody has signed in for, and for the first account.
///
/// # Errors
/// When the superuser's URL cannot be read.
pub fn gateway_db(place: &Place, keys: &Keys) -> Result<Db> {
    Ok(Db::new(
        gateway::NAME,
        &place.gateway_database(keys)?,
        Arc::new(SystemClock),
    )?)
}

/// The sessions of the gateway's database.
///
/// # Errors
/// When the superuser's URL cannot be read.
pub fn sessions(place: &Place, keys: &Keys) -> Result<Sessions> {
    Ok(Sessions::new(gateway_db(place, keys)?))
}

/// The limits of a sandbox. Everybody comes from one address there, and takes turns at a few numbers: what counts by these has none.
pub const SANDBOX_LIMITS: Limits = Limits {
    writes: Limits::USUAL.writes,
    sign_ins_per_login: Limits::USUAL.sign_ins_per_login,
    ..Limits::GENEROUS
};

/// What browsers know the gateway by.
pub fn origin(gateway: u16) -> PublicOrigin {
    PublicOrigin::local(gateway)
}

/// The inbox's port is the one behind the gateway's.
pub fn inbox_port(gateway: u16) -> u16 {
    gateway.saturating_add(1)
}

/// The gateway's port unless told otherwise.
pub const DEFAULT_PORT: u16 = 8088;

/// The services' ports lie below the gateway's as far as the original's did: 8082 to 8086 below 8088.
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

/// Every port of an installation whose gateway listens on `gateway`: that one, the services', the inbox's, and the admin ports.
fn ports(gateway: u16) -> Vec<u16> {
    let services = [6, 5, 4, 3, 2, 0].map(|below| gateway.saturating_sub(below));
    let inbox = inbox_port(gateway);
    services
        .into_iter()
        .flat_map(|port| [port, port.saturating_add(ADMIN_OFFSET)])
        .chain([inbox])
        .collect()
}

/// A port for a gateway around which all the others are free too.
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

/// Everything that runs, ready or about to be.
pub struct Hosted {
    services: Vec<Bound>,
    gateway: Gateway,
}

/// Makes roles, schemas and topics where they are missing, and takes every port.
///
/// # Errors
/// When Postgres or Kafka cannot be reached, or a port is taken.
pub async fn bind(place: &Place, keys: &Keys, services: Vec<Service>) -> Result<Hosted> {
    make_missing(place, keys, &services).await?;
    let mut bound = Vec::new();
    for service in services {
        let config = config_of(place, keys, &service)?;
        bound.push(service.bind(config, Arc::new(SystemClock)).await?);
    }
    let gateway = Gateway::bind(gateway_config(place, keys)?, Arc::new(SystemClock)).await?;
    Ok(Hosted {
        services: bound,
        gateway,
    })
}

async fn make_missing(place: &Place, keys: &Keys, services: &[Service]) -> Result<()> {
    let schemas = async {
        for name in services.iter().map(Service::name).chain([gateway::NAME]) {
            db::provision(&place.postgres, name, &keys.database_password)
                .await
                .with_context(|| format!("cannot make the schema of {name}"))?;
        }
        Ok(())
    };
    tokio::try_join!(place.kafka.create_topics(), schemas)?;
    Ok(())
}

/// Makes roles, schemas and topics where they are missing; gives the variables by which each service and the gateway run alone.
///
/// # Errors
/// When Postgres or Kafka cannot be reached.
pub async fn provision(
    place: &Place,
    keys: &Keys,
    services: &[Service],
) -> Result<Vec<(String, String)>> {
    make_missing(place, keys, services).await?;
    let folder = place.data.join("keys");
    let public = folder.join("internal-token.public.pem");
    std::fs::write(&public, keys.signer.public_pem()?)
        .with_context(|| format!("cannot write {}", public.display()))?;
    let file = |path: PathBuf| path.display().to_string();
    let mut variables = vec![
        ("KAFKA_BROKERS".to_owned(), place.kafka.brokers.clone()),
        ("TOPIC_PREFIX".to_owned(), place.kafka.topic_prefix.clone()),
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
            loopback(place.port).to_string(),
        ),
        (
            "GATEWAY_DATABASE_URL".to_owned(),
            place.gateway_database(keys)?.expose().to_owned(),
        ),
        (
            "SIGN_IN_KEY_FILE".to_owned(),
            file(folder.join("sign-in.key")),
        ),
        (
            "SENDER_KEY_FILE".to_owned(),
            file(folder.join("sender.key")),
        ),
        ("SENDER_URL".to_owned(), place.sender_url()),
    ];
    variables.extend(
        place
            .limits
            .variables()
            .map(|(name, rate)| (name.to_owned(), rate.to_string())),
    );
    for service in services {
        let name = service.name().replace('-', "_").to_uppercase();
        let port = port_of(place.port, service.name()).context("the gateway's port is too low")?;
        let url = db::service_url(&place.postgres, service.name(), &keys.database_password)?;
        variables.push((format!("{name}_DATABASE_URL"), url.expose().to_owned()));
        variables.push((format!("{name}_LISTEN"), loopback(port).to_string()));
        variables.push((format!("{name}_URL"), format!("http://{}", loopback(port))));
    }
    Ok(variables)
}

fn config_of(place: &Place, keys: &Keys, service: &Service) -> Result<Config> {
    let name = service.name();
    let port = port_of(place.port, name)
        .context("the gateway's port is too low: the services' ports lie below it")?;
    Ok(Config {
        database_url: db::service_url(&place.postgres, name, &keys.database_password)?,
        listen: loopback(port),
        admin_listen: loopback(
            port.checked_add(ADMIN_OFFSET)
                .context("the port is too high")?,
        ),
        kafka: place.kafka.clone(),
        migrate: Migrate::Apply,
        verifier: keys
            .signer
            .public_pem()?
            .parse()
            .map_err(anyhow::Error::msg)?,
        // Nothing stands in front of a sandbox that would have to hear of its end first.
        drain: Duration::ZERO,
        customer_ids: service
            .needs_customer_ids()
            .then(|| keys.customer_ids.clone()),
    })
}

fn gateway_config(place: &Place, keys: &Keys) -> Result<gateway::Config> {
    let base = |name: &str| {
        Ok::<_, anyhow::Error>(
            loopback(port_of(place.port, name).context("the port is too low")?).into(),
        )
    };
    Ok(gateway::Config {
        listen: loopback(place.port),
        admin_listen: loopback(
            place
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
        kafka: place.kafka.clone(),
        signer: keys.signer.clone(),
        drain: Duration::ZERO,
        database_url: place.gateway_database(keys)?,
        migrate: Migrate::Apply,
        public_origin: origin(place.port),
        trusted_proxies: 0,
        sign_in_key: keys.sign_in.clone(),
        customer_ids: keys.customer_ids.clone(),
        sender_url: place.sender_url().parse().map_err(anyhow::Error::msg)?,
        sender_key: keys.sender.clone(),
        limits: place.limits,
        patience: Patience::USUAL,
        room: Room::USUAL,
    })
}

impl Hosted {
    /// Tells when every service serves, every consumer holds its partitions and the gateway follows every topic.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let services: Vec<_> = self.services.iter().map(Bound::ready).collect();
        let gateway = self.gateway.ready();
        async move {
            futures_util::future::join_all(services).await;
            gateway.await;
        }
    }

    /// Runs until told to stop; the first part that fails ends all of them.
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
