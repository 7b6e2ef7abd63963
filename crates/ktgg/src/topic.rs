//! The records of a domain topic, for people and tests. Reads without a consumer group.

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
    /// From the headers.
    pub envelope: Envelope,
    pub payload: Value,
}

/// Every record that is on the topic now, each partition in order.
///
/// # Errors
/// When the broker does not answer, or a record cannot be decoded.
pub async fn read(settings: &kafka::Settings, topic: Topic) -> Result<Vec<Record>> {
    if let Some(refused) = settings.refusal().await {
        return Err(refused.into());
    }
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
            .context("the end of the topic was not reached")??;
        if ends
            .get(&message.partition())
            .is_some_and(|end| message.offset() + 1 >= *end)
        {
            ends.remove(&message.partition());
        }
        let envelope =
            kafka::envelope(&kafka::header_map(message.headers())).map_err(anyhow::Error::msg)?;
        let payload = serde_json::from_slice(message.payload().unwrap_or_default())?;
        records.push(Record { envelope, payload });
    }
    Ok(records)
}
