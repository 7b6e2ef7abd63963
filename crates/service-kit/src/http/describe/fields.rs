//! Which fields there are: where what utoipa reads from a type is not what serde reads and writes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::texts;

/// Names fields of schemas as serde writes them: all JSON of ours is in camelCase, and utoipa overlooks `rename_all_fields`.
pub(super) fn name_as_written(schema: &mut Value) {
    let camel = |name: &str| {
        let mut parts = name.split('_');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |mut name, part| {
            let mut letters = part.chars();
            name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            name.push_str(letters.as_str());
            name
        })
    };
    match schema {
        Value::Array(items) => items.iter_mut().for_each(name_as_written),
        Value::Object(fields) => {
            if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
                *properties = std::mem::take(properties)
                    .into_iter()
                    .map(|(name, property)| (camel(&name), property))
                    .collect();
            }
            if let Some(required) = fields.get_mut("required").and_then(Value::as_array_mut) {
                *required = texts(Some(&Value::Array(required.clone())))
                    .map(|name| json!(camel(name)))
                    .collect();
            }
            let described = fields.iter_mut().filter(|(name, _)| {
                !["example", "examples", "default", "enum"].contains(&name.as_str())
            });
            described.for_each(|(_, field)| name_as_written(field));
        }
        _ => {}
    }
}

/// Says which fields of a body must be there.
///
/// Every field of a body may be missing for serde, so that all wrong ones can be told at once: the description would say so too. A field that
/// may really be missing is described as one that may be null. What a PATCH does not name stays as it is, so that there the route's word counts.
pub(super) fn require_what_is_read(description: &mut Value) {
    let schemas = &description["components"]["schemas"];
    let (mut read, mut written, mut patched) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for item in description["paths"]
        .as_object()
        .into_iter()
        .flat_map(Map::values)
    {
        for (method, operation) in item.as_object().into_iter().flatten() {
            collect_schemas(&operation["requestBody"], schemas, &mut read);
            collect_schemas(&operation["responses"], schemas, &mut written);
            let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            patched.extend(
                body.as_str()
                    .filter(|_| method == "patch")
                    .and_then(|to| to.rsplit('/').next())
                    .map(str::to_owned),
            );
        }
    }
    for name in read
        .difference(&written)
        .filter(|name| !patched.contains(*name))
    {
        let schema = &mut description["components"]["schemas"][name];
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        let required: Vec<&String> = properties
            .iter()
            .filter(|(_, property)| !may_be_missing(property))
            .map(|(name, _)| name)
            .collect();
        schema["required"] = json!(required);
    }
}

fn may_be_missing(property: &Value) -> bool {
    let kinds = property["type"].as_array().into_iter().flatten();
    let choices = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|choice| property[choice].as_array())
        .flatten();
    property.get("default").is_some()
        || kinds
            .chain(choices.map(|choice| &choice["type"]))
            .any(|kind| kind == "null")
}

/// The names of all schemas that this leads to.
fn collect_schemas(value: &Value, schemas: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_schemas(item, schemas, found)),
        Value::Object(fields) => {
            if let Some(name) = fields
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|to| to.rsplit('/').next())
                && found.insert(name.to_owned())
            {
                collect_schemas(&schemas[name], schemas, found);
            }
            fields
                .values()
                .for_each(|field| collect_schemas(field, schemas, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_as_it_is_written() {
        let mut schema = json!({
            "properties": { "desired_date": { "properties": { "a_b": {} } }, "id": { "enum": ["until_budget"], "example": { "c_d": 1 } } },
            "required": ["id", "desired_date"],
        });
        name_as_written(&mut schema);
        let expected = json!({
            "properties": { "desiredDate": { "properties": { "aB": {} } }, "id": { "enum": ["until_budget"], "example": { "c_d": 1 } } },
            "required": ["id", "desiredDate"],
        });
        assert_eq!(schema, expected);
    }

    #[test]
    fn a_field_of_a_body_must_be_there_unless_it_may_be_null() {
        let mut description = json!({
            "paths": { "/things": { "post": {
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Make" } } } },
                "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Made" } } } } },
            }, "patch": {
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Change" } } } },
            } } },
            "components": { "schemas": {
                "Make": { "properties": {
                    "name": { "type": "string" },
                    "memo": { "type": ["string", "null"] },
                    "role": { "type": "string", "default": "salesman" },
                    "part": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Part" }] },
                } },
                "Change": { "properties": { "name": { "type": "string" } } },
                "Part": { "properties": { "kind": { "type": "string" } } },
                "Made": { "properties": { "id": { "type": "string" } } },
            } },
        });
        require_what_is_read(&mut description);
        let required = |name: &str| {
            description["components"]["schemas"][name]
                .get("required")
                .cloned()
        };
        assert_eq!(required("Make"), Some(json!(["name"])));
        assert_eq!(required("Part"), Some(json!(["kind"])));
        assert_eq!((required("Made"), required("Change")), (None, None));
    }
}
