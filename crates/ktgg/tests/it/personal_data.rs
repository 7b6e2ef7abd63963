//! Searches every table, topic and log for the personal data of a customer, in any spelling.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use events::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use service_kit::forms::phone::Phone;
use service_kit::messaging::kafka;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::system::TIMEOUT;

/// The texts to search for.
pub(crate) struct PersonalData {
    /// As sent, and encoded as hex, percent-encoding, JSON escapes and Rust escapes.
    encoded: Vec<Vec<u8>>,
    /// The digits of the number, to find it in any grouping.
    digits: String,
}

impl PersonalData {
    /// A phone number, and other texts about its owner.
    pub(crate) fn new(phone: &Phone, texts: &[&str]) -> Self {
        let spellings = phone.spellings();
        let mut encoded = Vec::new();
        for text in spellings
            .iter()
            .map(String::as_str)
            .chain(texts.iter().copied())
        {
            let hex = text.bytes().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            let percent: String = text.bytes().fold(String::new(), |mut percent, byte| {
                let _ = write!(percent, "%{byte:02X}");
                percent
            });
            let escaped = text
                .encode_utf16()
                .fold(String::new(), |mut escaped, unit| {
                    let _ = write!(escaped, "\\u{unit:04x}");
                    escaped
                });
            let debug = text.escape_unicode().to_string();
            encoded.extend(
                [
                    text.to_owned(),
                    hex,
                    percent.to_lowercase(),
                    percent,
                    escaped,
                    debug,
                ]
                .map(String::into_bytes),
            );
        }
        // Without the 0 that the international format omits.
        let digits = spellings[0].trim_start_matches('0').to_owned();
        Self { encoded, digits }
    }

    /// Whether the bytes contain any of it.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        let is_contained =
            |text: &Vec<u8>| bytes.windows(text.len()).any(|window| window == &text[..]);
        if self.encoded.iter().any(is_contained) {
            return true;
        }
        let separates = |byte: &&u8| matches!(byte, b' ' | b'-' | b'.' | b'(' | b')');
        let ungrouped: Vec<u8> = bytes
            .iter()
            .filter(|byte| !separates(byte))
            .copied()
            .collect();
        ungrouped
            .windows(self.digits.len())
            .any(|window| window == self.digits.as_bytes())
    }
}

/// The number of matching rows by table, over all schemas and columns. Bytes are searched as hex.
pub(crate) async fn in_tables(
    pool: &PgPool,
    personal_data: &PersonalData,
) -> BTreeMap<String, usize> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables
         where table_type = 'BASE TABLE'
           and table_schema not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(tables.len() > 50, "{tables:?}");
    let mut counts = BTreeMap::new();
    for table in tables {
        let sql = format!("select t::text from {table} t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(pool)
            .await
            .unwrap();
        let count = rows
            .iter()
            .filter(|row| personal_data.is_in(row.as_bytes()))
            .count();
        if count > 0 {
            counts.insert(table, count);
        }
    }
    counts
}

/// Every record of every topic: its key, headers and payload.
pub(crate) fn records(settings: &kafka::Settings) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = settings
        .client()
        .set("group.id", format!("search-{}", Uuid::new_v4()))
        .create()
        .unwrap();
    let (mut ends, mut all) = (HashMap::new(), TopicPartitionList::new());
    for topic in Topic::ALL.map(|topic| topic.name(&settings.topic_prefix)) {
        for partition in 0..Topic::PARTITIONS {
            let (low, high) = consumer
                .fetch_watermarks(&topic, partition, Duration::from_secs(10))
                .unwrap();
            if high > low {
                all.add_partition_offset(&topic, partition, Offset::Beginning)
                    .unwrap();
                ends.insert((topic.clone(), partition), high);
            }
        }
    }
    consumer.assign(&all).unwrap();
    let (mut records, started) = (Vec::new(), Instant::now());
    while !ends.is_empty() {
        assert!(started.elapsed() < TIMEOUT, "not read to the end: {ends:?}");
        // `None` does not mean the end: the poll may have handled another event of the client.
        let Some(message) = consumer.poll(Duration::from_secs(1)) else {
            continue;
        };
        let message = message.unwrap();
        let mut record = message.key().unwrap_or_default().to_vec();
        for header in message
            .headers()
            .into_iter()
            .flat_map(|headers| headers.iter())
        {
            record.extend(format!("\n{}: ", header.key).into_bytes());
            record.extend(header.value.unwrap_or_default());
        }
        record.push(b'\n');
        record.extend(message.payload().unwrap_or_default());
        records.push(record);
        let partition = (message.topic().to_owned(), message.partition());
        if ends
            .get(&partition)
            .is_some_and(|end| message.offset() + 1 >= *end)
        {
            ends.remove(&partition);
        }
    }
    records
}

/// The number of matching records.
pub(crate) fn on_topics(settings: &kafka::Settings, personal_data: &PersonalData) -> usize {
    records(settings)
        .iter()
        .filter(|record| personal_data.is_in(record))
        .count()
}

#[test]
fn personal_data_is_found_in_every_encoding() {
    let phone: Phone = "010-3141-5926".parse().unwrap();
    let personal_data = PersonalData::new(&phone, &["표상길동무"]);
    for text in [
        "01031415926",
        "call +82 10-3141-5926 now",
        "010.3141.5926",
        "(010) 3141 5926",
        r#"{"name":"표상길동무"}"#,
        r#""\ud45c\uc0c1\uae38\ub3d9\ubb34""#,
        "?name=%ED%91%9C%EC%83%81%EA%B8%B8%EB%8F%99%EB%AC%B4",
        r"\xed919cec8381eab8b8eb8f99ebacb4",
    ] {
        assert!(personal_data.is_in(text.as_bytes()), "{text}");
    }
    for other in ["", "010-****-5926", "010-2718-2845", "0103141592", "길동무"] {
        assert!(!personal_data.is_in(other.as_bytes()), "{other}");
    }
}
