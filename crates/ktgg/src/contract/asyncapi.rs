//! The topics and what is on them, as `AsyncAPI` 3.0.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use events::schema::Described;
use events::{Envelope, Topic};
use serde_json::{Map, Value, json};
use service_kit::Service;
use service_kit::messaging::kafka;
use uuid::Uuid;

use super::policies::Said;
use super::{first_sentence, golden, schema_path, short};

/// The whole description.
pub(super) fn describe(events: &[Described], services: &[Service], said: &Said) -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "KT.GG",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the five services tell each other: CloudEvents 1.0 in Kafka's binary mode. A topic keeps everything for \
                ever; one aggregate's events are in one partition, in the order of ce_aggregateversion (1, 2, 3, … without a hole). A \
                record may come twice: whoever has seen that version of that aggregate drops it. Between topics there is no order. \
                Fields are only ever added; whatever cannot be added becomes a new version of the type.",
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "servers": { "sandbox": {
            "host": "127.0.0.1:8091",
            "protocol": "kafka",
            "description": "The Kafka of `cargo xtask up`; elsewhere KAFKA_BROKERS.",
        } },
        "channels": channels(events),
        "operations": operations(events, services, said),
        "components": { "messages": messages(events), "schemas": schemas(events) },
    })
}

fn of_topic(events: &[Described], topic: Topic) -> impl Iterator<Item = &Described> {
    events.iter().filter(move |event| event.topic == topic)
}

fn channels(events: &[Described]) -> Value {
    let channel = |topic: Topic| {
        let messages: Map<String, Value> = of_topic(events, topic)
            .map(|event| {
                (
                    short(event.type_name).to_owned(),
                    json!({ "$ref": format!("#/components/messages/{}", event.type_name) }),
                )
            })
            .collect();
        json!({
            "address": topic.name(kafka::DEFAULT_PREFIX),
            "title": format!("What happens to a {topic}"),
            "description": format!("Key: `{}`. Partition: murmur2 of the key, as the Java client chooses it.", key_field(topic)),
            "messages": messages,
            "bindings": { "kafka": {
                "topic": topic.name(kafka::DEFAULT_PREFIX),
                "partitions": Topic::PARTITIONS,
                "topicConfiguration": { "cleanup.policy": ["delete"], "retention.ms": -1 },
                "bindingVersion": "0.5.0",
            } },
        })
    };
    Topic::ALL
        .iter()
        .map(|topic| (topic.to_string(), channel(*topic)))
        .collect::<Map<_, _>>()
        .into()
}

/// The field that names the aggregate: the record's key.
fn key_field(topic: Topic) -> &'static str {
    match topic {
        Topic::Project => "projectId",
        Topic::Interest => "interestId",
        Topic::Consultation => "consultationId",
        Topic::SalesmanMatch => "matchId",
        Topic::Salesman => "salesmanId",
    }
}

fn operations(events: &[Described], services: &[Service], said: &Said) -> Value {
    let mut operations = Map::new();
    let mut add = |name: String,
                   action: &str,
                   topic: Topic,
                   types: Vec<&str>,
                   summary: String,
                   bindings: Value| {
        let channel = format!("#/channels/{topic}");
        let messages: Vec<Value> = types
            .iter()
            .map(|name| json!({ "$ref": format!("{channel}/messages/{}", short(name)) }))
            .collect();
        operations.insert(
            name,
            json!({
                "action": action,
                "channel": { "$ref": channel },
                "messages": messages,
                "summary": summary,
                "bindings": { "kafka": bindings },
            }),
        );
    };
    for topic in Topic::ALL {
        let types: Vec<&str> = of_topic(events, topic)
            .map(|event| event.type_name)
            .collect();
        let summary = format!("The {topic} service tells what happened");
        add(
            format!("{topic}_send"),
            "send",
            topic,
            types.clone(),
            summary,
            json!({ "bindingVersion": "0.5.0" }),
        );
        let summary =
            "The gateway tells each browser what its person may see; it belongs to no group"
                .to_owned();
        add(
            format!("gateway_receive_{topic}"),
            "receive",
            topic,
            types,
            summary,
            json!({ "bindingVersion": "0.5.0" }),
        );
    }
    for service in services {
        let mut by_topic: BTreeMap<Topic, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
        for (type_name, function) in service.policies() {
            if let Some(event) = events.iter().find(|event| event.type_name == *type_name) {
                let policies = by_topic
                    .entry(event.topic)
                    .or_default()
                    .entry(event.type_name)
                    .or_default();
                policies.push(said.of(service.name(), function).name);
            }
        }
        for (topic, reactions) in by_topic {
            let names: BTreeSet<&str> = reactions.values().flatten().map(String::as_str).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let summary = format!(
                "The {} service reacts: {}",
                service.name(),
                names.join(", ")
            );
            let group = json!({ "groupId": { "type": "string", "const": service.name() }, "bindingVersion": "0.5.0" });
            let types = reactions.keys().copied().collect();
            add(
                format!("{}_receive_{topic}", service.name()),
                "receive",
                topic,
                types,
                summary,
                group,
            );
        }
    }
    Value::Object(operations)
}

fn messages(events: &[Described]) -> Value {
    let message = |event: &Described| {
        let payload = golden(event);
        json!({
            "name": event.type_name,
            "title": short(event.type_name),
            "summary": first_sentence(description(event.schema.as_value())),
            "contentType": "application/json",
            "headers": { "$ref": format!("#/components/schemas/{HEADERS}") },
            "payload": { "$ref": format!("#/components/schemas/{}", short(event.type_name)) },
            "bindings": { "kafka": {
                "key": { "type": "string", "format": "uuid", "description": format!("`{}`", key_field(event.topic)) },
                "bindingVersion": "0.5.0",
            } },
            "x-schema": schema_path(event.type_name),
            "examples": [{ "name": "golden", "headers": example_headers(event, &payload), "payload": payload }],
        })
    };
    events
        .iter()
        .map(|event| (event.type_name.to_owned(), message(event)))
        .collect::<Map<_, _>>()
        .into()
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// Headers as the relay writes them.
fn example_headers(event: &Described, payload: &Value) -> Value {
    let key = payload[key_field(event.topic)]
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap_or_default();
    let envelope = Envelope {
        id: Uuid::from_u128(0x0193_5b1e_4f00_7a10_8b11_0000_0000_0001),
        type_name: event.type_name.to_owned(),
        aggregate_type: event.topic.aggregate().to_owned(),
        aggregate_id: key,
        version: 1,
        recorded_at: DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::days(20_780),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    };
    Value::Object(kafka::header_map(Some(&kafka::headers(&envelope))))
}

const HEADERS: &str = "Headers";

/// Every payload, the parts they share once, and the headers.
fn schemas(events: &[Described]) -> Value {
    let mut schemas = Map::from_iter([(HEADERS.to_owned(), headers())]);
    for event in events {
        let mut payload = event.schema.clone().to_value();
        if let Some(payload) = payload.as_object_mut() {
            payload.remove("$schema");
            for (name, part) in payload
                .remove("$defs")
                .as_ref()
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                schemas.insert(name.clone(), at_components(part.clone()));
            }
        }
        schemas.insert(short(event.type_name).to_owned(), at_components(payload));
    }
    Value::Object(schemas)
}

/// References to a schema's own parts as references to components.
fn at_components(value: Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix("#/$defs/") {
            Some(name) => json!(format!("#/components/schemas/{name}")),
            None => Value::String(text),
        },
        Value::Array(items) => items.into_iter().map(at_components).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, field)| (name, at_components(field)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

fn headers() -> Value {
    let uuid = |description: &str| json!({ "type": "string", "format": "uuid", "description": description });
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "CloudEvents 1.0 attributes, all as text.",
        "required": [
            "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_aggregatetype", "ce_aggregateversion",
            "content-type",
        ],
        "properties": {
            "ce_specversion": { "type": "string", "const": "1.0" },
            "ce_id": uuid("UUIDv7, the same however often the record is sent"),
            "ce_source": text("Which service: `/ktgg/project`"),
            "ce_type": text("The type's name with its version: `ktgg.ProjectEnded.v1`"),
            "ce_subject": uuid("The aggregate's id, which is also the record's key"),
            "ce_time": { "type": "string", "format": "date-time", "description": "When it was recorded, not when it was sent" },
            "ce_aggregatetype": { "type": "string", "enum": Topic::ALL.map(Topic::aggregate) },
            "ce_aggregateversion": {
                "type": "string", "pattern": "^[1-9][0-9]*$", "description": "1, 2, 3, … for each aggregate, without a hole",
            },
            "content-type": { "type": "string", "const": "application/json" },
            "traceparent": {
                "type": "string",
                "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
                "description": "W3C trace context, where the command came with one",
            },
        },
    })
}
