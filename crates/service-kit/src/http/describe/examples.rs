//! An example of every body, from the examples of what it is made of.

use serde_json::{Map, Value, json};

/// Adds to each schema that `examples` names its example, and to the items of its pages.
pub(super) fn add_schema_examples(schemas: &mut Value, examples: &str) {
    let examples: Map<String, Value> = serde_json::from_str(examples).unwrap_or_default();
    for (name, schema) in schemas.as_object_mut().into_iter().flatten() {
        if let Some(example) = examples.get(name) {
            schema["example"] = example.clone();
        }
        // A generic page repeats the schema of its items instead of referring to it.
        let item = name.split_once('_').map_or("", |(_, item)| item);
        if let Some(example) = examples.get(item) {
            schema["properties"]["items"]["items"]["example"] = example.clone();
        }
    }
}

/// An example of each body that has none of its own, from the examples of what it is made of.
pub(super) fn add_examples(operation: &mut Map<String, Value>, schemas: &Value) {
    let mut media: Vec<&mut Value> = Vec::new();
    if let Some(Value::Object(responses)) = operation.get_mut("responses") {
        media.extend(
            responses
                .iter_mut()
                .filter(|(status, _)| status.starts_with('2'))
                .map(|(_, response)| response),
        );
    }
    // A map is borrowed whole: the request's body comes in a second round.
    for body in media {
        give_example(body, schemas);
    }
    if let Some(body) = operation.get_mut("requestBody") {
        give_example(body, schemas);
    }
}

fn give_example(body: &mut Value, schemas: &Value) {
    let Some(media) = body
        .get_mut("content")
        .and_then(|content| content.get_mut("application/json"))
    else {
        return;
    };
    if media.get("example").is_none() && media.get("examples").is_none() {
        media["example"] = example(&media["schema"], schemas, DEEPEST);
    }
}

/// Views do not nest deeper than this.
const DEEPEST: usize = 12;

/// An example of what the schema describes: its own, or one put together from those of its parts.
fn example(schema: &Value, schemas: &Value, depth: usize) -> Value {
    if let Some(example) = schema
        .get("example")
        .or_else(|| schema["examples"].get(0))
        .or_else(|| schema.get("default"))
    {
        return example.clone();
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Value::Null;
    };
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return example(&schemas[name], schemas, depth);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let fields = properties
            .iter()
            .map(|(name, property)| (name.clone(), example(property, schemas, depth)));
        return Value::Object(fields.collect());
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let choices = schema[choice].as_array().into_iter().flatten();
        if let Some(chosen) = choices.rev().find(|choice| choice["type"] != "null") {
            return example(chosen, schemas, depth);
        }
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = schema["type"]
        .as_str()
        .or_else(|| schema["type"].get(0).and_then(Value::as_str));
    match (kind, schema["format"].as_str()) {
        (Some("array"), _) => json!([example(&schema["items"], schemas, depth)]),
        (Some("integer" | "number"), _) => {
            schema.get("minimum").cloned().unwrap_or_else(|| json!(1))
        }
        (Some("boolean"), _) => json!(true),
        (Some("string"), Some("uuid")) => json!("0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01"),
        (Some("string"), Some("date")) => json!("2026-12-01"),
        (Some("string"), Some("date-time")) => json!("2026-11-24T01:00:00Z"),
        (Some("string"), _) => json!("…"),
        (Some("object"), _) => json!({}),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_put_together_from_those_of_the_parts() {
        let schemas = json!({ "Person": { "type": "object", "example": { "name": "김하늘" } } });
        let page = json!({ "type": "object", "properties": {
            "items": { "type": "array", "items": { "$ref": "#/components/schemas/Person" } },
            "next": { "type": ["string", "null"], "example": "abc" },
            "by": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Person" }] },
        } });
        let expected =
            json!({ "items": [{ "name": "김하늘" }], "next": "abc", "by": { "name": "김하늘" } });
        assert_eq!(example(&page, &schemas, DEEPEST), expected);
    }

    #[test]
    fn a_schema_that_leads_to_itself_has_an_end() {
        let schemas = json!({ "Loop": { "properties": { "again": { "$ref": "#/components/schemas/Loop" } } } });
        assert!(
            example(
                &json!({ "$ref": "#/components/schemas/Loop" }),
                &schemas,
                DEEPEST
            )
            .is_object()
        );
    }
}
