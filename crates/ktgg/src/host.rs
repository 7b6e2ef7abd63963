//! The five services and the gateway in one process, each as it would be alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway::Gateway;
use gateway::config::Patience;
use service_kit::clock::SystemClock;
use service_kit::config::{ADMIN_OFFSET, Config, Migrate};
use service_kit::{Service, db, kafka, service};
use tokio_util::sync::CancellationToken;

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

/// Every port of an installation whose gateway listens on `gateway`: that one, the services', and the admin ports.
fn ports(gateway: u16) -> Vec<u16> {
    let services = [6, 5, 4, 3, 2, 0].map(|below| gateway.saturating_sub(below));
    services.into_iter().flat_map(|port| [port, port.saturating_add(ADMIN_OFFSET)]).collect()
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
    services: Vec<service::Bound>,
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
    let gateway = Gateway::bind(gateway_config(place, keys)?).await?;
    Ok(Hosted { services: bound, gateway })
}

async fn make_missing(place: &Place, keys: &Keys, services: &[Service]) -> Result<()> {
    let schemas = async {
        for service in services {
            db::provision(&place.postgres, service.name(), &keys.database_password)
                .await
                .with_context(|| format!("cannot make the schema of {}", service.name()))?;
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
pub async fn provision(place: &Place, keys: &Keys, services: &[Service]) -> Result<Vec<(String, String)>> {
    make_missing(place, keys, services).await?;
    let folder = place.data.join("keys");
    let public = folder.join("internal-token.public.pem");
    std::fs::write(&public, keys.signer.public_pem()?).with_context(|| format!("cannot write {}", public.display()))?;
    let file = |path: PathBuf| path.display().to_string();
    let mut variables = vec![
        ("KAFKA_BROKERS".to_owned(), place.kafka.brokers.clone()),
        ("TOPIC_PREFIX".to_owned(), place.kafka.topic_prefix.clone()),
        ("MIGRATE".to_owned(), "apply".to_owned()),
        ("DRAIN_SECONDS".to_owned(), "0".to_owned()),
        ("SANDBOX".to_owned(), "true".to_owned()),
        ("CUSTOMER_ID_KEY_FILE".to_owned(), file(folder.join("customer-id.key"))),
        ("INTERNAL_TOKEN_PUBLIC_KEYS_FILE".to_owned(), file(public)),
        ("INTERNAL_TOKEN_PRIVATE_KEY_FILE".to_owned(), file(folder.join("internal-token.pem"))),
        ("GATEWAY_LISTEN".to_owned(), loopback(place.port).to_string()),
    ];
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
    let port = port_of(place.port, name).context("the gateway's port is too low: the services' ports lie below it")?;
    Ok(Config {
        database_url: db::service_url(&place.postgres, name, &keys.database_password)?,
        listen: loopback(port),
        admin_listen: loopback(port.checked_add(ADMIN_OFFSET).context("the port is too high")?),
        kafka: place.kafka.clone(),
        migrate: Migrate::Apply,
        verifier: keys.signer.public_pem()?.parse().map_err(anyhow::Error::msg)?,
        // Nothing stands in front of a sandbox that would have to hear of its end first.
        drain: Duration::ZERO,
        customer_ids: service.needs_customer_ids().then(|| keys.customer_ids.clone()),
    })
}

fn gateway_config(place: &Place, keys: &Keys) -> Result<gateway::Config> {
    let base = |name: &str| Ok::<_, anyhow::Error>(loopback(port_of(place.port, name).context("the port is too low")?).into());
    Ok(gateway::Config {
        listen: loopback(place.port),
        admin_listen: loopback(place.port.checked_add(ADMIN_OFFSET).context("the port is too high")?),
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
        sandbox: true,
        patience: Patience::USUAL,
    })
}

impl Hosted {
    /// Tells when every service serves, every consumer holds its partitions and the gateway follows every topic.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + 'static {
        let services: Vec<_> = self.services.iter().map(service::Bound::ready).collect();
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
        let (services, gateway) = tokio::join!(service::host(self.services, &stop), self.gateway.run(stop.clone()));
        let () = gateway;
        services
    }
}
