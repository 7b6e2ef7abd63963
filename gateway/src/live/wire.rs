//! Stream events in the format of server-sent events.

use std::time::Duration;

use axum::body::Bytes;
use chrono::SecondsFormat;
use events::Envelope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::live::audience::{StreamEvent, Visibility};

/// `projects-changed` names this many projects. A page with more changes fetches its list anyway.
pub(super) const MAX_NAMED_PROJECTS: usize = 50;

fn frame(id: &str, event: &str, data: &Value) -> Bytes {
    // Serialized JSON has no line breaks, so one `data:` line is enough.
    Bytes::from(format!("id: {id}\nevent: {event}\ndata: {data}\n\n"))
}

/// An event as it is visible to some of its audience.
pub(super) fn event(
    id: &str,
    envelope: &Envelope,
    event: &StreamEvent,
    visibility: Visibility,
) -> Bytes {
    if visibility == Visibility::Removed {
        let (aggregate, aggregate_id) = event.removed_aggregate(envelope);
        let data =
            json!({ "type": "removed", "aggregate": aggregate, "aggregateId": aggregate_id });
        return frame(id, "removed", &data);
    }
    let type_name = &envelope.type_name;
    let short_name = type_name.split('.').nth(1).unwrap_or(type_name);
    let recorded_at = envelope
        .recorded_at
        .to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut data = event.fields(visibility);
    data["type"] = json!(short_name);
    data["id"] = json!(envelope.id);
    data["aggregate"] = json!(envelope.aggregate_type);
    data["aggregateId"] = json!(envelope.aggregate_id);
    data["version"] = json!(envelope.version);
    data["at"] = json!(recorded_at);
    frame(id, short_name, &data)
}

/// Asks a browser to fetch everything it shows, at a random moment within `spread`.
pub(super) fn resync(id: &str, spread: Duration) -> Bytes {
    let spread = u64::try_from(spread.as_millis()).unwrap_or_default();
    frame(
        id,
        "resync",
        &json!({ "type": "resync", "spreadMs": spread }),
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChangedProject {
    pub(super) id: Uuid,
    pub(super) version: i64,
}

/// The last ones of `changed` are named.
pub(super) fn projects_changed(id: &str, changed: &[ChangedProject]) -> Bytes {
    let named: Vec<Value> = changed
        .iter()
        .rev()
        .take(MAX_NAMED_PROJECTS)
        .map(|project| json!({ "aggregateId": project.id, "version": project.version }))
        .collect();
    let data = json!({ "type": "projects-changed", "aggregate": "project", "changed": named });
    frame(id, "projects-changed", &data)
}
