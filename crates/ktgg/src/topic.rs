//! What is on a domain topic, for people and for tests. Reads without a group, and so without a trace.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use events::{Envelope, Topic};
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use service_kit::messaging::kafka;
use uuid::Uuid;

/// A record of a domain topic.
#[derive(Debug)]
pub struct Record {
    /// Its headers.
    pub envelope: Envelope,
    /// What it tells.
    pub payload: Value,
}

/// Everything that is on a topic now, each partition in order.
///
/// # Errors
/// When the broker does not answer, or a record is not one of ours.
pub async fn read(settings: &kafka::Settings, topic: Topic) -> Result<Vec<Record>> {
    let name = topic.name(&settings.topic_prefix);
    let consumer: StreamConsumer = settings
        .client()
        .set("group.id", format!("reader-{}", Uuid::new_v4()))
        .create()?;
    let mut ends = HashMap::new();
    let mut all = TopicPartitionList::new();
    for partition in 0..Topic::PARTITIONS {
        let (low, high) = consumer.fetch_watermarks(&name, partition, Duration::from_secs(10))?;
        if high > low {
            ends.insert(partition, high);
            all.add_partition_offset(&name, partition, Offset::Beginning)?;
        }
    }
    consumer.assign(&all)?;
    let mut records = Vec::new();
    while !ends.is_empty() {
        let message = tokio::time::timeout(Duration::from_secs(30), consumer.recv())
            .await
            .context("the topic's end was not reached")??;
        if ends
            .get(&message.partition())
            .is_some_and(|end| message.offset() + 1 >= *end)
        {
            ends.remove(&message.partition());
        }
        let envelope =
            kafka::envelope(&kafka::header_map(message.headers())).map_err(anyhow::Error::msg)?;
        records.push(Record {
            envelope,
            payload: serde_json::from_slice(message.payload().unwrap_or_default())?,
        });
    }
    Ok(records)
}
