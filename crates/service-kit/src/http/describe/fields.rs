//! Fields of schemas, where utoipa differs from serde.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Renames fields to camelCase, as serde writes them: utoipa ignores `rename_all_fields`.
pub(super) fn rename_to_camel_case(schema: &mut Value) {
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
        Value::Array(items) => items.iter_mut().for_each(rename_to_camel_case),
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
            let schemas = fields.iter_mut().filter(|(name, _)| {
                !["example", "examples", "default", "enum"].contains(&name.as_str())
            });
            schemas.for_each(|(_, field)| rename_to_camel_case(field));
        }
        _ => {}
    }
}

/// Adds `required` to the schemas of request bodies.
///
/// For serde, all fields are optional, so that all errors can be reported together. Here, a field
/// is required unless it is nullable. The body of a PATCH is left as it is: there, fields are
/// optional.
pub(super) fn require_fields(description: &mut Value) {
    let schemas = &description["components"]["schemas"];
    let (mut requests, mut responses, mut patches) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for item in description["paths"]
        .as_object()
        .into_iter()
        .flat_map(Map::values)
    {
        for (method, operation) in item.as_object().into_iter().flatten() {
            collect_schemas(&operation["requestBody"], schemas, &mut requests);
            collect_schemas(&operation["responses"], schemas, &mut responses);
            let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            patches.extend(
                body.as_str()
                    .filter(|_| method == "patch")
                    .and_then(|to| to.rsplit('/').next())
                    .map(str::to_owned),
            );
        }
    }
    for name in requests
        .difference(&responses)
        .filter(|name| !patches.contains(*name))
    {
        let schema = &mut description["components"]["schemas"][name];
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        let required: Vec<&String> = properties
            .iter()
            .filter(|(_, property)| !is_optional(property))
            .map(|(name, _)| name)
            .collect();
        schema["required"] = json!(required);
    }
}

fn is_optional(property: &Value) -> bool {
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

/// Collects the names of all schemas that are referred to, also through others.
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

/// The texts of an array.
pub(super) fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_renamed_to_camel_case() {
        let mut schema = json!({
            "properties": {
                "desired_date": { "properties": { "a_b": {} } },
                "id": { "enum": ["until_budget"], "example": { "c_d": 1 } },
            },
            "required": ["id", "desired_date"],
        });
        rename_to_camel_case(&mut schema);
        let expected = json!({
            "properties": {
                "desiredDate": { "properties": { "aB": {} } },
                "id": { "enum": ["until_budget"], "example": { "c_d": 1 } },
            },
            "required": ["id", "desiredDate"],
        });
        assert_eq!(schema, expected);
    }

    #[test]
    fn field_of_a_request_is_required_unless_nullable() {
        let content = |name: &str| {
            let schema = format!("#/components/schemas/{name}");
            json!({ "content": { "application/json": { "schema": { "$ref": schema } } } })
        };
        let mut description = json!({
            "paths": { "/items": {
                "post": {
                    "requestBody": content("Make"),
                    "responses": { "200": content("Made") },
                },
                "patch": { "requestBody": content("Change") },
            } },
            "components": { "schemas": {
                "Make": { "properties": {
                    "name": { "type": "string" },
                    "memo": { "type": ["string", "null"] },
                    "role": { "type": "string", "default": "salesman" },
                    "part": {
                        "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Part" }],
                    },
                } },
                "Change": { "properties": { "name": { "type": "string" } } },
                "Part": { "properties": { "kind": { "type": "string" } } },
                "Made": { "properties": { "id": { "type": "string" } } },
            } },
        });
        require_fields(&mut description);
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
