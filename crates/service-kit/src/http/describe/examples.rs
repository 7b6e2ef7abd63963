//! Examples of bodies, built from the examples of their parts.

use serde_json::{Map, Value, json};

/// Adds the examples of schemas, also to the items of their pages.
pub(super) fn add_schema_examples(schemas: &mut Value, examples: &str) {
    let examples: Map<String, Value> = serde_json::from_str(examples).unwrap_or_default();
    for (name, schema) in schemas.as_object_mut().into_iter().flatten() {
        if let Some(example) = examples.get(name) {
            schema["example"] = example.clone();
        }
        // A generic page contains the schema of its items instead of a reference.
        let item = name.split_once('_').map_or("", |(_, item)| item);
        if let Some(example) = examples.get(item) {
            schema["properties"]["items"]["items"]["example"] = example.clone();
        }
    }
}

/// Adds an example to each body without one.
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
    // The request body needs another mutable borrow of the map.
    for body in media {
        add_example(body, schemas);
    }
    if let Some(body) = operation.get_mut("requestBody") {
        add_example(body, schemas);
    }
}

fn add_example(body: &mut Value, schemas: &Value) {
    let Some(media) = body
        .get_mut("content")
        .and_then(|content| content.get_mut("application/json"))
    else {
        return;
    };
    if media.get("example").is_none() && media.get("examples").is_none() {
        media["example"] = example(&media["schema"], schemas, MAX_DEPTH);
    }
}

/// No view nests deeper.
const MAX_DEPTH: usize = 12;

/// The example of a schema, or one built from those of its parts.
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
        if let Some(choice) = choices.rev().find(|choice| choice["type"] != "null") {
            return example(choice, schemas, depth);
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
    fn example_is_built_from_those_of_the_parts() {
        let schemas = json!({ "Person": { "type": "object", "example": { "name": "김하늘" } } });
        let page = json!({ "type": "object", "properties": {
            "items": { "type": "array", "items": { "$ref": "#/components/schemas/Person" } },
            "next": { "type": ["string", "null"], "example": "abc" },
            "by": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Person" }] },
        } });
        let expected =
            json!({ "items": [{ "name": "김하늘" }], "next": "abc", "by": { "name": "김하늘" } });
        assert_eq!(example(&page, &schemas, MAX_DEPTH), expected);
    }

    #[test]
    fn example_of_a_recursive_schema_ends() {
        let reference = json!({ "$ref": "#/components/schemas/Loop" });
        let schemas = json!({ "Loop": { "properties": { "next": reference } } });
        assert!(example(&reference, &schemas, MAX_DEPTH).is_object());
    }
}
