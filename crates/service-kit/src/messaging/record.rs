//! Kafka records, owned.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use events::Envelope;
use rdkafka::message::{BorrowedMessage, Message as _};
use serde_json::{Map, Value};
use tracing::{Span, error_span};

use crate::messaging::kafka;
use crate::trace::TraceContext;

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

    pub(crate) fn payload(&self) -> &[u8] {
        self.payload.as_deref().unwrap_or_default()
    }

    /// The trace context and the span in which the record is consumed. Unreadable headers leave the
    /// event's fields empty.
    pub(crate) fn span(&self, envelope: Option<&Envelope>) -> (TraceContext, Span) {
        let context =
            TraceContext::child_of(envelope.and_then(|envelope| envelope.traceparent.as_deref()));
        // At the level `ERROR`, so that the span is enabled for every line that a filter lets pass.
        let span = error_span!(
            parent: None,
            "record",
            topic = self.topic,
            partition = self.partition,
            offset = self.offset,
            event.type = envelope.map(|envelope| &envelope.type_name),
            aggregate.id = envelope.map(|envelope| envelope.aggregate_id.to_string()),
            version = envelope.map(|envelope| envelope.version),
            trace.id = context.trace_id(),
        );
        (context, span)
    }
}

/// The headers, or none: rdkafka panics on a header name that is not UTF-8, but such a record must
/// be parked like any other unreadable one.
fn readable_headers(message: &BorrowedMessage<'_>) -> Map<String, Value> {
    catch_unwind(AssertUnwindSafe(|| kafka::header_map(message.headers()))).unwrap_or_default()
}
