//! The settings of our clients.

use rdkafka::config::ClientConfig;

use super::Security;
use crate::config::Env;

/// The default prefix of topic names.
pub const DEFAULT_PREFIX: &str = "ktgg";

/// The brokers, how they are reached, and the prefix of our topics on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// [`DEFAULT_PREFIX`], unless several installations share one cluster.
    pub topic_prefix: String,
    /// TLS and SASL.
    pub security: Security,
}

impl Settings {
    /// Reads `KAFKA_BROKERS`, `TOPIC_PREFIX`, and the variables of [`Security`].
    pub fn read(env: &mut Env) -> Option<Self> {
        let brokers = env.required("KAFKA_BROKERS");
        let topic_prefix = env.or("TOPIC_PREFIX", DEFAULT_PREFIX.to_owned());
        let security = Security::read(env);
        Some(Self {
            brokers: brokers?,
            topic_prefix,
            security: security?,
        })
    }

    /// Brokers that demand neither TLS nor a password.
    pub fn plain(brokers: impl Into<String>, topic_prefix: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            topic_prefix: topic_prefix.into(),
            security: Security::NONE,
        }
    }

    /// The settings that all our clients share.
    ///
    /// A broker that was unreachable is tried again within a second: librdkafka's default backoff
    /// of up to ten seconds would be the longest part of a recovery.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "ktgg")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true");
        self.security.apply(&mut config);
        config
    }

    /// The consumer group of a service.
    pub fn group(&self, service: &str) -> String {
        if self.topic_prefix == DEFAULT_PREFIX {
            service.to_owned()
        } else {
            format!("{}.{service}", self.topic_prefix)
        }
    }
}
