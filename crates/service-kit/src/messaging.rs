//! The event path: from the event log to Kafka, and from Kafka to inbox, progress and policies.

pub(crate) mod consumer;
pub mod event_log;
pub(crate) mod intake;
pub mod kafka;
pub mod leader;
pub(crate) mod parked;
pub mod policy;
pub(crate) mod record;
pub(crate) mod relay;
pub(crate) mod sequencing;
