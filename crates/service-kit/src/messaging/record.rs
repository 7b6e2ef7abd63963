//! A Kafka record, owned.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Message as _};
use serde_json::{Map, Value};

use crate::messaging::kafka;

/// A record as it came, owned.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Bytes>,
    pub(crate) headers: Map<String, Value>,
    pub(crate) payload: Option<Bytes>,
}

impl Record {
    pub(crate) fn from_message(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(Bytes::copy_from_slice),
            headers: readable_headers(message),
            payload: message.payload().map(Bytes::copy_from_slice),
        }
    }
}

/// The headers, or none: rdkafka panics on a header whose name is no UTF-8, and such a record must park like any other that cannot be read.
fn readable_headers(message: &BorrowedMessage<'_>) -> Map<String, Value> {
    catch_unwind(AssertUnwindSafe(|| kafka::header_map(message.headers()))).unwrap_or_default()
}
