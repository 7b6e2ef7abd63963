//! Looking for somebody everywhere: in every table, on every topic, in every log, however he is written.

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

use crate::system::PATIENCE;

/// What is looked for.
pub(crate) struct Sought {
    /// As they were said, and in every way in which something could have written them down.
    written: Vec<Vec<u8>>,
    /// The number as its digits alone: however it was grouped.
    digits: String,
}

impl Sought {
    /// A number, and whatever was said of its owner.
    pub(crate) fn new(phone: &Phone, said: &[&str]) -> Self {
        let spellings = phone.spellings();
        let mut written = Vec::new();
        for text in spellings
            .iter()
            .map(String::as_str)
            .chain(said.iter().copied())
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
            written.extend(
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
        // Without what differs between home and abroad.
        let digits = spellings[0].trim_start_matches('0').to_owned();
        Self { written, digits }
    }

    /// Whether anything of it is there.
    pub(crate) fn is_in(&self, there: &[u8]) -> bool {
        let is_there = |sought: &Vec<u8>| {
            there
                .windows(sought.len())
                .any(|window| window == &sought[..])
        };
        if self.written.iter().any(is_there) {
            return true;
        }
        let separates = |byte: &&u8| matches!(byte, b' ' | b'-' | b'.' | b'(' | b')');
        let grouped: Vec<u8> = there
            .iter()
            .filter(|byte| !separates(byte))
            .copied()
            .collect();
        grouped
            .windows(self.digits.len())
            .any(|window| window == self.digits.as_bytes())
    }
}

/// In how many rows of which tables it is: of every schema, all columns as text, bytes as hexadecimal digits.
pub(crate) async fn in_tables(pool: &PgPool, sought: &Sought) -> BTreeMap<String, usize> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables
         where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(tables.len() > 50, "{tables:?}");
    let mut found = BTreeMap::new();
    for table in tables {
        let sql = format!("select it::text from {table} it");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(pool)
            .await
            .unwrap();
        let count = rows
            .iter()
            .filter(|row| sought.is_in(row.as_bytes()))
            .count();
        if count > 0 {
            found.insert(table, count);
        }
    }
    found
}

/// Every record of every topic as it is there: key, headers and payload.
pub(crate) fn records(settings: &kafka::Settings) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = settings
        .client()
        .set("group.id", format!("grep-{}", Uuid::new_v4()))
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
    let (mut records, begun) = (Vec::new(), Instant::now());
    while !ends.is_empty() {
        assert!(
            begun.elapsed() < PATIENCE,
            "the ends are not reached: {ends:?}"
        );
        // Nothing is not the end: it may have been something else that it was told.
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
        let place = (message.topic().to_owned(), message.partition());
        if ends
            .get(&place)
            .is_some_and(|end| message.offset() + 1 >= *end)
        {
            ends.remove(&place);
        }
    }
    records
}

/// On how many records it is.
pub(crate) fn on_topics(settings: &kafka::Settings, sought: &Sought) -> usize {
    records(settings)
        .iter()
        .filter(|record| sought.is_in(record))
        .count()
}

#[test]
fn somebody_is_found_however_he_is_written() {
    let phone: Phone = "010-3141-5926".parse().unwrap();
    let sought = Sought::new(&phone, &["표상길동무"]);
    for there in [
        "01031415926",
        "call +82 10-3141-5926 now",
        "010.3141.5926",
        "(010) 3141 5926",
        r#"{"name":"표상길동무"}"#,
        r#""\ud45c\uc0c1\uae38\ub3d9\ubb34""#,
        "?name=%ED%91%9C%EC%83%81%EA%B8%B8%EB%8F%99%EB%AC%B4",
        r"\xed919cec8381eab8b8eb8f99ebacb4",
    ] {
        assert!(sought.is_in(there.as_bytes()), "{there}");
    }
    for other in ["", "010-****-5926", "010-2718-2845", "0103141592", "길동무"] {
        assert!(!sought.is_in(other.as_bytes()), "{other}");
    }
}
