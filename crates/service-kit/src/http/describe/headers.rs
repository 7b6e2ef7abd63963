//! Response headers.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// Adds the headers of successful responses.
pub(super) fn add_headers(operation: &mut Map<String, Value>, schemas: &Value, has_location: bool) {
    for (status, response) in operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        if !status.starts_with('2') {
            continue;
        }
        if response["description"]
            .as_str()
            .unwrap_or_default()
            .is_empty()
        {
            let reason = StatusCode::from_bytes(status.as_bytes())
                .ok()
                .and_then(|status| status.canonical_reason());
            response["description"] = json!(reason.unwrap_or(status));
        }
        let properties =
            &resolved(&response["content"]["application/json"]["schema"], schemas)["properties"];
        let mut headers = Map::new();
        // Another kind of version, such as that of a consent text, is not an integer.
        if properties["version"]["type"] == "integer" {
            let tag = json!({ "type": "string", "pattern": "^\"[0-9]+\"$" });
            headers.insert(
                "ETag".to_owned(),
                header("The version, for `If-Match`", true, &tag),
            );
        }
        if properties.get("items").is_some() && properties.get("next").is_some() {
            let link = json!({ "type": "string", "example": "<?limit=50&after=…>; rel=\"next\"" });
            headers.insert(
                "Link".to_owned(),
                header("The next page, if there is one", false, &link),
            );
        }
        if status == "201" && has_location {
            headers.insert(
                "Location".to_owned(),
                header(
                    "The path of the new resource",
                    true,
                    &json!({ "type": "string" }),
                ),
            );
        }
        if !headers.is_empty() {
            let existing = response["headers"].as_object().cloned().unwrap_or_default();
            headers.extend(existing);
            response["headers"] = Value::Object(headers);
        }
    }
}

/// Adds the request header `Ktgg-After` and the response header `Ktgg-Stale`.
pub(super) fn add_ktgg_after(operation: &mut Map<String, Value>) {
    for (_, response) in operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
        .filter(|(status, _)| status.starts_with('2'))
    {
        let stale = json!({ "type": "string", "const": "1" });
        response["headers"]["Ktgg-Stale"] = header(
            "The response does not contain the version in `Ktgg-After`",
            false,
            &stale,
        );
    }
    if let Some(parameters) = operation
        .entry("parameters")
        .or_insert_with(|| json!([]))
        .as_array_mut()
    {
        parameters.push(json!({
            "name": "Ktgg-After",
            "in": "header",
            "required": false,
            "description":
                "Waits up to two seconds until this version is consumed: `salesman-match/ID@3`",
            "schema": {
                "type": "string",
                "example": "consultation/0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01@2",
            },
        }));
    }
}

/// The description of a response header.
fn header(description: &str, required: bool, schema: &Value) -> Value {
    json!({ "description": description, "required": required, "schema": schema })
}

pub(super) fn problem_headers(status: StatusCode) -> Value {
    let language = json!({ "type": "string", "enum": ["ko", "en"] });
    let mut headers = json!({
        "Content-Language": header("From `Accept-Language`", true, &language),
    });
    if status == StatusCode::UNAUTHORIZED {
        headers["WWW-Authenticate"] = header(
            "How to sign in",
            true,
            &json!({ "type": "string", "const": "Bearer" }),
        );
    }
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = json!({ "type": "integer", "minimum": 1 });
        headers["Retry-After"] = header("When to try again, in seconds", true, &seconds);
    }
    headers
}

/// Resolves a reference.
fn resolved<'a>(schema: &'a Value, schemas: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => &schemas[reference.rsplit('/').next().unwrap_or_default()],
        None => schema,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_has_etag_location_and_link() {
        let schemas = json!({
            "Item": { "properties": { "version": { "type": "integer" } } },
            "Page": { "properties": { "items": {}, "next": {} } },
        });
        let response = |name: &str| {
            let schema = format!("#/components/schemas/{name}");
            json!({ "content": { "application/json": { "schema": { "$ref": schema } } } })
        };
        let mut operation = Map::from_iter([(
            "responses".to_owned(),
            json!({ "200": response("Page"), "201": response("Item"), "404": {} }),
        )]);
        add_headers(&mut operation, &schemas, true);
        let headers = |status: &str| {
            let headers = operation["responses"][status]["headers"].as_object();
            headers
                .into_iter()
                .flat_map(Map::keys)
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(headers("200"), ["Link"]);
        assert_eq!(headers("201"), ["ETag", "Location"]);
        assert!(headers("404").is_empty());
        assert_eq!(operation["responses"]["201"]["description"], "Created");
    }
}
