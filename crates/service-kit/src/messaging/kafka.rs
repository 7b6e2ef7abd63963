//! Client settings, topics, and record headers (`CloudEvents` 1.0, Kafka binary mode).

mod refusal;
mod security;
mod settings;
mod topics;

use chrono::{DateTime, SecondsFormat, Utc};
use events::{Envelope, Topic};
use rdkafka::message::{Header, OwnedHeaders};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use refusal::{Refusals, Refused};
pub use security::Security;
pub use settings::{DEFAULT_PREFIX, Settings};
pub use topics::TopicError;

/// The partition of a key: murmur2, as in the Java client and in Debezium, so that every producer
/// puts an aggregate into the same partition.
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

/// A record's key: the aggregate's id as text.
pub fn key(aggregate_id: Uuid) -> String {
    aggregate_id.to_string()
}

/// The envelope as record headers.
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

/// Headers as JSON, to read the envelope from and to store with a parked record.
///
/// A header becomes null if it has no value or one that Postgres cannot store as text (UTF-8
/// without NUL): such a record can still be parked and inspected.
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
/// Names the first attribute that is missing or invalid.
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
        .ok_or("header ce_aggregateversion is not a positive number")?;
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
    fn murmur2_equals_the_java_client() {
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
    fn envelope_survives_the_round_trip_through_headers() {
        let written = headers(&an_envelope());
        assert_eq!(envelope(&header_map(Some(&written))), Ok(an_envelope()));
    }

    #[test]
    fn missing_null_or_invalid_header_is_named() {
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
