//! What a sandbox starts, and where.

use std::path::PathBuf;

use anyhow::Result;

use crate::checkout_paths::CheckoutPaths;
use crate::interrupt::Interrupt;
use crate::ports;
use crate::secure::Secure;

#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder, created if it is missing. A relative path starts at the working directory.
    pub data: PathBuf,
    /// The folder of the downloaded servers; see [`CheckoutPaths::downloads`].
    pub downloads: PathBuf,
    /// The name of the caller, for the error of a second process that wants the same folder.
    pub holder: String,
    /// All ports are ports of 127.0.0.1.
    pub postgres_port: u16,
    pub kafka_port: u16,
    /// Kafka's controller, which keeps the cluster metadata.
    pub kafka_controller_port: u16,
    /// False if another Postgres is used instead.
    pub with_postgres: bool,
    /// False if another Kafka is used instead.
    pub with_kafka: bool,
    /// Adds listeners that demand TLS and a password.
    pub secure: Option<Secure>,
    /// Cancels every wait; what was started by then is stopped.
    pub interrupt: Interrupt,
}

impl Options {
    /// Both servers on unused ports, with the downloads of this checkout.
    pub fn on_free_ports(data: impl Into<PathBuf>) -> Result<Self> {
        let [postgres_port, kafka_port, kafka_controller_port] = ports::free()?;
        Ok(Self {
            data: data.into(),
            downloads: CheckoutPaths::of_this_checkout().downloads,
            holder: String::from("a test"),
            postgres_port,
            kafka_port,
            kafka_controller_port,
            with_postgres: true,
            with_kafka: true,
            secure: None,
            interrupt: Interrupt::default(),
        })
    }

    /// The ports to listen on, each with the name of its server.
    pub fn ports(&self) -> Vec<(u16, &'static str)> {
        let mut ports = Vec::new();
        if self.with_postgres {
            ports.push((self.postgres_port, "Postgres"));
        }
        if self.with_kafka {
            ports.push((self.kafka_port, "Kafka"));
            ports.push((self.kafka_controller_port, "Kafka's controller"));
            ports.extend(
                self.secure
                    .iter()
                    .map(|secure| (secure.kafka_port, "Kafka with TLS")),
            );
        }
        ports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_kafka_only_the_postgres_port_is_needed() {
        let mut options = Options::on_free_ports("x").expect("three ports are free");
        options.with_kafka = false;
        assert_eq!(options.ports(), [(options.postgres_port, "Postgres")]);
    }
}
