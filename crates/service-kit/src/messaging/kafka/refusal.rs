//! Brokers that refuse a client: a wrong certificate, password or protocol.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::settings::Settings;

/// Clients retry every second.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The context of our clients: logs why the brokers refuse them, as the client only says that it
/// cannot connect.
#[derive(Debug, Default)]
pub struct Refusals {
    last: Mutex<Option<(Instant, Refused)>>,
}

/// Why the brokers refuse this client, and which variables to check.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Kafka refuses this client: check {variables} ({reason})")]
pub struct Refused {
    variables: &'static str,
    /// librdkafka's text. It contains no password.
    reason: String,
}

impl Refused {
    fn from_error(code: Option<RDKafkaErrorCode>, reason: &str) -> Option<Self> {
        let variables = match code? {
            RDKafkaErrorCode::SSL => {
                "KAFKA_SECURITY_PROTOCOL, KAFKA_SSL_CA_FILE and the host names in KAFKA_BROKERS"
            }
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => {
                "KAFKA_SASL_MECHANISM, KAFKA_SASL_USER and KAFKA_SASL_PASSWORD"
            }
            // A listener without TLS closes the connection.
            _ if reason.contains("SSL_HANDSHAKE") => "KAFKA_SECURITY_PROTOCOL",
            _ => return None,
        };
        let reason = reason.to_owned();
        Some(Self { variables, reason })
    }

    /// A listener with TLS closes a connection without it at the first request, which is no error
    /// for the client.
    fn from_log(message: &str) -> Option<Self> {
        let is_closed = message.contains("Disconnected") && message.contains("APIVERSION_QUERY");
        is_closed.then(|| Self {
            variables: "KAFKA_SECURITY_PROTOCOL",
            reason: message.to_owned(),
        })
    }
}

impl Refusals {
    fn last(&self) -> Option<Refused> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|(_, refused)| refused.clone())
    }

    fn note(&self, refused: Refused) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last
            .as_ref()
            .is_none_or(|(logged, _)| logged.elapsed() > LOG_INTERVAL)
        {
            tracing::error!("{refused}");
            *last = Some((Instant::now(), refused));
        }
    }
}

impl ClientContext for Refusals {
    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(refused) = Refused::from_error(error.rdkafka_error_code(), reason) {
            self.note(refused);
        } else {
            tracing::debug!(%error, reason, "Kafka client");
        }
    }

    fn log(&self, _: RDKafkaLogLevel, _: &str, message: &str) {
        if let Some(refused) = Refused::from_log(message) {
            self.note(refused);
        }
    }
}

impl ConsumerContext for Refusals {}

/// How long a client without a connection may take before it is asked why.
const PATIENCE: Duration = Duration::from_secs(1);

/// Bounds the question: brokers that cannot be reached do not refuse.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

const POLL_INTERVAL: Duration = Duration::from_millis(100);

impl Settings {
    /// Does the work, unless the brokers refuse this client: its result would be a timeout.
    pub(super) async fn unless_refused<T, E: From<Refused>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let refusal = async {
            tokio::time::sleep(PATIENCE).await;
            self.refusal().await
        };
        tokio::select! {
            result = work => result,
            Some(refused) = refusal => Err(refused.into()),
        }
    }

    /// Why the brokers refuse this client; `None` when they accept it or cannot be reached.
    pub async fn refusal(&self) -> Option<Refused> {
        let mut config = self.client();
        let client: BaseConsumer<Refusals> = config
            .set("group.id", "none")
            .set_log_level(RDKafkaLogLevel::Info)
            .create_with_context(Refusals::default())
            .ok()?;
        let topic = format!("{}.refusal", self.topic_prefix);
        let probe = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            let mut refused = None;
            while refused.is_none() && started.elapsed() < PROBE_TIMEOUT {
                // A topic that does not exist is an answer, too.
                if client.fetch_metadata(Some(&topic), POLL_INTERVAL).is_ok() {
                    break;
                }
                drop(client.poll(Duration::ZERO));
                refused = client.context().last();
            }
            (client, refused)
        });
        let (client, refused) = probe.await.ok()?;
        // It blocks while the brokers are unreachable.
        drop(tokio::task::spawn_blocking(move || drop(client)));
        refused
    }
}
