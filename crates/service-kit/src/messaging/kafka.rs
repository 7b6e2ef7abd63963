//! Client settings, topics, and the headers of a record (`CloudEvents` 1.0, Kafka binary mode).

use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use events::{Envelope, Topic};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The prefix of the domain topics' names.
pub const DEFAULT_PREFIX: &str = "ktgg";

/// Which brokers, and whose topics on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// [`DEFAULT_PREFIX`], unless one cluster serves two installations.
    pub topic_prefix: String,
}

impl Settings {
    /// What every client of ours has in common.
    ///
    /// A broker that comes back is tried again within a second: the default back-off of up to ten would be the longest part of a recovery.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "ktgg")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true");
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

    /// Creates the domain topics that are not there yet. For the sandbox and for tests; production creates them as code.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn create_topics(&self) -> anyhow::Result<()> {
        let names = Topic::ALL.map(|topic| topic.name(&self.topic_prefix));
        self.create(&names, Topic::PARTITIONS).await
    }

    /// Creates one topic more, for a test or a measurement.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn create_topic(&self, name: &str, partitions: i32) -> anyhow::Result<()> {
        self.create(&[name.to_owned()], partitions).await
    }

    async fn create(&self, names: &[String], partitions: i32) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let topics: Vec<_> = names
            .iter()
            .map(|name| {
                let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
                topic
                    .set("retention.ms", "-1")
                    .set("cleanup.policy", "delete")
            })
            .collect();
        let options = AdminOptions::new()
            .operation_timeout(Some(ADMIN_TIMEOUT))
            .request_timeout(Some(ADMIN_TIMEOUT));
        for result in admin
            .create_topics(&topics, &options)
            .await
            .context("cannot create the topics")?
        {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => bail!("cannot create topic {name}: {code}"),
            }
        }
        Ok(())
    }

    /// Makes sure that the topics are what they must be for ever: all of their partitions, and nothing thrown away.
    ///
    /// # Errors
    /// [`TopicError::Wrong`] when a topic is not as it must be: no waiting mends that. [`TopicError::Away`] when the broker cannot say.
    pub async fn verify_topics(&self, topics: &[Topic]) -> Result<(), TopicError> {
        let away = |error: &dyn std::fmt::Display| TopicError::Away(error.to_string());
        let admin: AdminClient<DefaultClientContext> =
            self.client().create().map_err(|error| away(&error))?;
        let names: Vec<String> = topics
            .iter()
            .map(|topic| topic.name(&self.topic_prefix))
            .collect();
        let specifiers: Vec<_> = names
            .iter()
            .map(|name| ResourceSpecifier::Topic(name))
            .collect();
        let options = AdminOptions::new().request_timeout(Some(ADMIN_TIMEOUT));
        let configs = admin
            .describe_configs(&specifiers, &options)
            .await
            .map_err(|error| away(&error))?;
        for (name, config) in names.iter().zip(configs) {
            let config = match config {
                Ok(config) => config,
                Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                    return Err(TopicError::Away(format!("topic {name} does not exist yet")));
                }
                Err(code) => return Err(away(&code)),
            };
            let entry = |key: &str| {
                config
                    .get(key)
                    .and_then(|entry| entry.value.clone())
                    .unwrap_or_default()
            };
            if entry("cleanup.policy").is_empty() {
                // Created a moment ago: the broker has not heard of it everywhere yet.
                return Err(TopicError::Away(format!(
                    "topic {name} has no configuration yet"
                )));
            }
            if entry("cleanup.policy") != "delete" || entry("retention.ms") != "-1" {
                return Err(TopicError::Wrong(format!(
                    "topic {name} must keep everything (cleanup.policy=delete, retention.ms=-1), but has {} and {}",
                    entry("cleanup.policy"),
                    entry("retention.ms"),
                )));
            }
        }
        let counted = names.clone();
        // The metadata call blocks its thread.
        let partitions = tokio::task::spawn_blocking(move || {
            counted
                .iter()
                .map(|name| {
                    let metadata = admin.inner().fetch_metadata(Some(name), ADMIN_TIMEOUT)?;
                    Ok(metadata
                        .topics()
                        .first()
                        .map_or(0, |topic| topic.partitions().len()))
                })
                .collect::<Result<Vec<_>, rdkafka::error::KafkaError>>()
        })
        .await
        .map_err(|error| away(&error))?
        .map_err(|error| away(&error))?;
        for (name, count) in names.iter().zip(partitions) {
            if count == 0 {
                // Created a moment ago: a broker knows the configuration of a topic before it knows its partitions.
                return Err(TopicError::Away(format!(
                    "topic {name} has no partitions yet"
                )));
            }
            if i32::try_from(count) != Ok(Topic::PARTITIONS) {
                return Err(TopicError::Wrong(format!(
                    "topic {name} must have {} partitions for ever, but has {count}",
                    Topic::PARTITIONS,
                )));
            }
        }
        Ok(())
    }
}

/// How long an administrative call may take.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the topics could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// They are not as they must be. Nothing may be consumed.
    #[error("{0}")]
    Wrong(String),
    /// The broker is away, or the topics are not there yet.
    #[error("{0}")]
    Away(String),
}

/// The partition of a key: murmur2, as the Java client and Debezium choose it, so that any producer puts an aggregate in the same place.
pub fn partition(key: &[u8]) -> i32 {
    (murmur2(key) & 0x7fff_ffff).cast_signed() % Topic::PARTITIONS
}

/// Kafka's variant of `MurmurHash2` (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        k = k.wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// A record's key: the aggregate's id as text, readable in any tool.
pub fn key(aggregate_id: Uuid) -> String {
    aggregate_id.to_string()
}

/// The envelope as headers.
pub fn headers(envelope: &Envelope) -> OwnedHeaders {
    let pairs = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", envelope.id.to_string()),
        ("ce_source", format!("/ktgg/{}", envelope.aggregate_type)),
        ("ce_type", envelope.type_name.clone()),
        ("ce_subject", envelope.aggregate_id.to_string()),
        (
            "ce_time",
            envelope
                .recorded_at
                .to_rfc3339_opts(SecondsFormat::Micros, true),
        ),
        ("ce_aggregatetype", envelope.aggregate_type.clone()),
        ("ce_aggregateversion", envelope.version.to_string()),
        ("content-type", "application/json".to_owned()),
    ];
    let mut headers = OwnedHeaders::new_with_capacity(pairs.len() + 1);
    for (key, value) in &pairs {
        headers = headers.insert(Header {
            key,
            value: Some(value),
        });
    }
    if let Some(traceparent) = &envelope.traceparent {
        headers = headers.insert(Header {
            key: "traceparent",
            value: Some(traceparent),
        });
    }
    headers
}

/// Headers as text, for reading an envelope from them and for keeping them beside a parked record.
///
/// A header without a value, or with one that is no text that Postgres can keep (UTF-8 without NUL), becomes null: it must be possible to
/// look at whatever was sent.
pub fn header_map<H: rdkafka::message::Headers>(headers: Option<&H>) -> Map<String, Value> {
    headers
        .into_iter()
        .flat_map(rdkafka::message::Headers::iter)
        .map(|header| {
            let text = header
                .value
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .filter(|text| !text.contains('\0'));
            (header.key.to_owned(), text.map_or(Value::Null, Value::from))
        })
        .collect()
}

/// Reads the envelope from a record's headers.
///
/// # Errors
/// With the first attribute that is missing or wrong, by name.
pub fn envelope(headers: &Map<String, Value>) -> Result<Envelope, String> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| format!("header {name} is missing"))
    };
    let uuid = |name: &str| {
        text(name)?
            .parse::<Uuid>()
            .map_err(|error| format!("header {name}: {error}"))
    };
    if text("ce_specversion")? != "1.0" {
        return Err("header ce_specversion is not 1.0".to_owned());
    }
    let version = text("ce_aggregateversion")?
        .parse::<i64>()
        .ok()
        .filter(|version| *version > 0)
        .ok_or("header ce_aggregateversion is no positive number")?;
    let recorded_at = DateTime::parse_from_rfc3339(text("ce_time")?)
        .map_err(|error| format!("header ce_time: {error}"))?;
    Ok(Envelope {
        id: uuid("ce_id")?,
        type_name: text("ce_type")?.to_owned(),
        aggregate_type: text("ce_aggregatetype")?.to_owned(),
        aggregate_id: uuid("ce_subject")?,
        version,
        recorded_at: recorded_at.with_timezone(&Utc),
        traceparent: text("traceparent").ok().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from `org.apache.kafka.common.utils.UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_is_the_java_clients() {
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }

    fn an_envelope() -> Envelope {
        Envelope {
            id: Uuid::from_u128(1),
            type_name: "ktgg.ProjectCreated.v1".to_owned(),
            aggregate_type: "project".to_owned(),
            aggregate_id: Uuid::from_u128(2),
            version: 3,
            recorded_at: "2026-11-23T01:02:03.456789Z".parse().unwrap(),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        }
    }

    #[test]
    fn an_envelope_survives_its_headers() {
        let written = headers(&an_envelope());
        assert_eq!(envelope(&header_map(Some(&written))), Ok(an_envelope()));
    }

    #[test]
    fn a_missing_or_null_or_wrong_header_is_named() {
        let written = header_map(Some(&headers(&an_envelope())));
        for name in [
            "ce_specversion",
            "ce_id",
            "ce_type",
            "ce_subject",
            "ce_time",
            "ce_aggregatetype",
            "ce_aggregateversion",
        ] {
            let mut without = written.clone();
            without.remove(name);
            assert!(envelope(&without).unwrap_err().contains(name));
            let mut null = written.clone();
            null[name] = Value::Null;
            assert!(envelope(&null).unwrap_err().contains(name));
        }
        let mut backwards = written;
        backwards["ce_aggregateversion"] = Value::from("-1");
        assert!(
            envelope(&backwards)
                .unwrap_err()
                .contains("ce_aggregateversion")
        );
    }
}
