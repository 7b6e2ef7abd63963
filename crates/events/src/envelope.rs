//! Event types and the envelope.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::Topic;

/// A past fact of one aggregate.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name with its version, as in `ktgg.ProjectEnded.v1`. Additive changes keep the version.
    const TYPE: TypeName;
    /// Where it is published.
    const TOPIC: Topic;
    /// The aggregate's id: the record's key, which keeps the events of one aggregate in order.
    fn aggregate_id(&self) -> Uuid;
}

/// The name of an event's type with its version.
pub type TypeName = &'static str;

/// The attributes that travel in a record's headers (`CloudEvents` 1.0, Kafka binary mode).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// `ce_id`: `UUIDv7`, the same when the record is sent again.
    pub id: Uuid,
    /// `ce_type`.
    pub type_name: String,
    /// `ce_aggregatetype`: the kind of aggregate, which is the name of its service.
    pub aggregate_type: String,
    /// `ce_subject`, and the record's key.
    pub aggregate_id: Uuid,
    /// `ce_aggregateversion`: 1, 2, 3, … for each aggregate, without a gap.
    pub version: i64,
    /// `ce_time`: when it was recorded, not when it was sent.
    pub recorded_at: DateTime<Utc>,
    /// `traceparent` (W3C) of the request or record that caused the event.
    pub traceparent: Option<String>,
}
