//! A received message.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// A message as it is listed.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) kind: String,
    pub(super) received_at: DateTime<Utc>,
}
