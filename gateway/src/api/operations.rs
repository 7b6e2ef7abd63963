//! The gateway's own operations: their routes, and what is said of them.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use service_kit::Problem;
use service_kit::http::describe;
use service_kit::http::permissions::{self, Permission};
use utoipa_axum::router::OpenApiRouter;

use crate::api::accounts;
use crate::api::audit;
use crate::api::me;
use crate::api::permissions::PERMISSIONS;
use crate::api::session;
use crate::auth::one_time_code;
use crate::edge::csrf;
use crate::edge::rate_limit::too_many;
use crate::openapi::{SCHEME, SCHEMES, components_of, reference};
use crate::state::AppState;
use crate::upstream::routes::{DESCRIPTION, STREAM};

/// Everything that is answered here, but for the stream and the description.
pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .merge(session::routes())
        .merge(accounts::routes())
        .merge(audit::routes())
        .merge(one_time_code::routes())
        .merge(me::routes())
}

/// One example of each problem of the gateway's own.
pub(crate) fn problems() -> Vec<Problem> {
    [
        vec![csrf::refused(), too_many(TimeDelta::seconds(30))],
        accounts::problems(),
        one_time_code::problems(),
        me::problems(),
    ]
    .concat()
}

/// The description of these routes.
pub(crate) fn description() -> Value {
    describe::complete(
        routes().into_openapi(),
        include_str!("examples.json"),
        &problems(),
        PERMISSIONS,
    )
}

/// What the gateway brings to the components of the merged description.
pub(crate) fn components() -> Map<String, Value> {
    let mut components = Map::new();
    let scheme = json!({
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-ktgg",
        "description": "로그인하면 받는 쿠키입니다. http://localhost에서는 이름이 ktgg입니다.",
    });
    components.insert(SCHEMES.to_owned(), json!({ SCHEME: scheme }));
    let mut schemas = describe::problem_schemas();
    for (kind, name, component) in components_of(&description()) {
        if kind == "schemas" {
            schemas.insert(name.to_owned(), component.clone());
        }
    }
    schemas.insert(
        "StreamEvent".to_owned(),
        json!({
                "type": "object",
                "description": "What `data` of the stream holds: the envelope and the few fields that this page shows. \
                    `resync` asks to fetch everything shown, at some moment within `spreadMs`; `removed` says that an aggregate is \
                    gone for this person; `projects-changed` comes at most once a second.",
                "required": ["type"],
                "properties": {
                    "type": { "type": "string", "examples": ["SalesmanMatched", "projects-changed", "removed", "resync"] },
                    "id": { "type": "string", "format": "uuid" },
                    "aggregate": { "type": "string", "examples": ["consultation"] },
                    "aggregateId": { "type": "string", "format": "uuid" },
                    "version": { "type": "integer", "format": "int64" },
                    "at": { "type": "string", "format": "date-time" },
                    "spreadMs": { "type": "integer" },
                    "changed": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["aggregateId", "version"],
                            "properties": {
                                "aggregateId": { "type": "string", "format": "uuid" },
                                "version": { "type": "integer", "format": "int64" },
                            },
                        },
                    },
                },
                "additionalProperties": true,
        }),
    );
    components.insert("schemas".to_owned(), Value::Object(schemas));
    components
}

/// The gateway's own paths, the stream and the description among them.
pub(crate) fn paths() -> Map<String, Value> {
    let mut paths = description()["paths"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let mut stream = json!({
        "get": {
            "operationId": "stream",
            "tags": ["gateway"],
            "x-actors": actors(STREAM),
            "summary": "What this person may see, as it happens",
            "description": "Server-sent events. `Last-Event-ID` goes on from where a stream ended, or brings one `resync`.",
            "parameters": [{ "name": "Last-Event-ID", "in": "header", "required": false, "schema": { "type": "string" } }],
            "responses": {
                "200": {
                    "description": "Events until the session ends",
                    "content": { "text/event-stream": {
                        "schema": { "$ref": reference("schemas", "StreamEvent") },
                        "example": {
                            "type": "SalesmanMatched",
                            "id": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01",
                            "aggregate": "salesman-match",
                            "aggregateId": "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d02",
                            "version": 1,
                            "at": "2026-11-24T01:00:00Z",
                        },
                    } },
                },
            },
        },
    });
    if let Some(operation) = stream["get"].as_object_mut() {
        describe::add_problems(
            operation,
            &[
                Problem::unauthorized(),
                csrf::refused(),
                too_many(TimeDelta::seconds(1)),
            ],
        );
    }
    let description = json!({
        "get": {
            "operationId": "openapi",
            "tags": ["gateway"],
            "x-actors": actors(DESCRIPTION),
            "summary": "This description",
            "responses": {
                "200": {
                    "description": "OpenAPI 3.1; services that do not answer are left out and named in `x-unavailable`",
                    "content": { "application/json": {
                        "schema": { "type": "object", "required": ["openapi", "info", "paths"] },
                        "example": { "openapi": "3.1.0", "info": { "title": "KT.GG", "version": env!("CARGO_PKG_VERSION") }, "paths": {} },
                    } },
                },
            },
        },
    });
    paths.insert(STREAM.to_owned(), stream);
    paths.insert(DESCRIPTION.to_owned(), description);
    paths
}

/// Who may call what is read here.
fn actors(path: &str) -> Vec<&'static str> {
    permissions::find(PERMISSIONS, "GET", path)
        .map(Permission::actors)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_row_and_every_row_an_operation() {
        assert_eq!(
            permissions::unmatched(&json!({ "paths": paths() }), PERMISSIONS),
            [""; 0]
        );
    }

    #[test]
    fn every_operation_says_what_it_does_and_every_write_which_command_it_is() {
        for (path, item) in paths() {
            for (method, operation) in item.as_object().unwrap() {
                let summary = operation["summary"].as_str().unwrap_or_default();
                assert!(!summary.is_empty(), "{method} {path}");
                if method != "get" {
                    let command = operation["x-command"].as_str().unwrap_or_default();
                    assert!(
                        !command.is_empty() && summary.starts_with(&format!("`{command}`")),
                        "{method} {path}: {summary}"
                    );
                }
            }
        }
    }
}
