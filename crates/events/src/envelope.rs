//! What is known of an event besides what it tells.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{
    ConsultationCreated, ConsultationEdited, ConsultationProgressed, InterestCreated,
    InterestUpdated, ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanMatched,
    SalesmanRegistered, SalesmanUpdated, Topic,
};

/// A past fact of one aggregate, in the words of the domain.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type's name with its version, as in `ktgg.ProjectEnded.v1`. Additive changes keep the version.
    const TYPE: TypeName;
    /// Where it is published.
    const TOPIC: Topic;
    /// The aggregate it is a fact of: the record's key, so that the facts of one aggregate stay in order.
    fn aggregate_id(&self) -> Uuid;
}

/// The name of an event's type with its version.
pub type TypeName = &'static str;

/// Every type this build knows. What is not listed is kept aside by consumers until a build comes that lists it.
pub const TYPES: [TypeName; 12] = [
    ProjectCreated::TYPE,
    ProjectStarted::TYPE,
    ProjectEnded::TYPE,
    ProjectEdited::TYPE,
    InterestCreated::TYPE,
    InterestUpdated::TYPE,
    ConsultationCreated::TYPE,
    ConsultationEdited::TYPE,
    ConsultationProgressed::TYPE,
    SalesmanMatched::TYPE,
    SalesmanRegistered::TYPE,
    SalesmanUpdated::TYPE,
];

/// Whether this build knows the type.
pub fn is_known_type(type_name: &str) -> bool {
    TYPES.contains(&type_name)
}

/// The attributes that travel in a record's headers (`CloudEvents` 1.0, Kafka binary mode).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// `ce_id`: `UUIDv7`, the same however often the record is sent.
    pub id: Uuid,
    /// `ce_type`.
    pub type_name: String,
    /// `ce_aggregatetype`: which kind of aggregate, and so which service.
    pub aggregate_type: String,
    /// `ce_subject`, and the record's key.
    pub aggregate_id: Uuid,
    /// `ce_aggregateversion`: 1, 2, 3, … for each aggregate, without a hole.
    pub version: i64,
    /// `ce_time`: when it was recorded, not when it was sent.
    pub recorded_at: DateTime<Utc>,
    /// `traceparent` (W3C), where the command came with one.
    pub traceparent: Option<String>,
}
