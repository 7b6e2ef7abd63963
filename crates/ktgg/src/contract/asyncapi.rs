//! The topics and their messages, as `AsyncAPI` 3.0.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use events::schema::EventSchema;
use events::{Envelope, Topic};
use serde_json::{Map, Value, json};
use service_kit::Service;
use service_kit::messaging::kafka;
use uuid::Uuid;

use super::board::of_topic;
use super::names::{first_sentence, golden, schema_path, short};
use super::policies::PolicyDocs;

/// The description of all topics.
pub(super) fn describe(events: &[EventSchema], services: &[Service], docs: &PolicyDocs) -> Value {
    let mut document = template();
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    document["channels"] = channels(events);
    document["operations"] = operations(events, services, docs);
    let headers = document["components"]["schemas"][HEADERS].take();
    document["components"] =
        json!({ "messages": messages(events), "schemas": schemas(events, headers) });
    document
}

/// The parts that do not depend on the events: info, servers, and the schema of the headers.
fn template() -> Value {
    serde_json::from_str(include_str!("asyncapi.json")).unwrap_or_default()
}

fn channels(events: &[EventSchema]) -> Value {
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
            "title": format!("Events of the {topic} aggregate"),
            "description": format!("Key: `{}`. Partition: murmur2 of the key, like the Java client.", key_field(topic)),
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

/// The payload field whose value is the record's key.
fn key_field(topic: Topic) -> &'static str {
    match topic {
        Topic::Project => "projectId",
        Topic::Interest => "interestId",
        Topic::Consultation => "consultationId",
        Topic::SalesmanMatch => "matchId",
        Topic::Salesman => "salesmanId",
    }
}

fn operations(events: &[EventSchema], services: &[Service], docs: &PolicyDocs) -> Value {
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
        let summary = format!("The {topic} service publishes its events");
        add(
            format!("{topic}_send"),
            "send",
            topic,
            types.clone(),
            summary,
            json!({ "bindingVersion": "0.5.0" }),
        );
        let summary =
            "The gateway sends each browser what its user may see; it joins no group".to_owned();
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
                policies.push(docs.of(service.name(), function).name);
            }
        }
        for (topic, policies) in by_topic {
            let names: BTreeSet<&str> = policies.values().flatten().map(String::as_str).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let summary = format!(
                "Policies of the {} service: {}",
                service.name(),
                names.join(", ")
            );
            let group = json!({ "groupId": { "type": "string", "const": service.name() }, "bindingVersion": "0.5.0" });
            let types = policies.keys().copied().collect();
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

fn messages(events: &[EventSchema]) -> Value {
    let message = |event: &EventSchema| {
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

/// The headers that the relay writes.
fn example_headers(event: &EventSchema, payload: &Value) -> Value {
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

/// Every payload, the parts that they share, and the headers.
fn schemas(events: &[EventSchema], headers: Value) -> Value {
    let mut schemas = Map::from_iter([(HEADERS.to_owned(), headers)]);
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

/// Turns references to a schema's own parts into references to components.
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
