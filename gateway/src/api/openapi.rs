//! `GET /api/openapi.json`, the merged description, and `/docs`, its page.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use service_kit::Problem;
use service_kit::http::describe;
use service_kit::http::permissions::{self, Permission};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::api::operations::{self, OPENAPI_PATH, STREAM_PATH};
use crate::api::permissions::PERMISSIONS;
use crate::edge::csrf::cross_site;
use crate::edge::rate_limit::too_many_requests;
use crate::openapi::merge::{self, GatewayDescription, SECURITY_SCHEMES, SESSION_SCHEME};
use crate::state::AppState;

/// Swagger UI, at `/docs`.
pub(crate) fn swagger_ui<S: Clone + Send + Sync + 'static>() -> Router<S> {
    SwaggerUi::new("/docs")
        .config(Config::from(OPENAPI_PATH))
        .into()
}

/// Serves the merged description. Services that do not respond are omitted and listed.
pub(crate) async fn show(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    let merged = state.descriptions.merged().await;
    ([(header::CONTENT_TYPE, "application/json")], merged)
}

/// Merges the services' descriptions, by service name, with the gateway's own.
pub fn merge(services: Vec<(&str, Value)>) -> Value {
    merge::merge(gateway(), services)
}

/// The gateway's own description: of its [`operations`], and of those that utoipa cannot describe.
pub(crate) fn gateway() -> GatewayDescription {
    let described = describe::complete(
        operations::routes().into_openapi(),
        include_str!("examples.json"),
        &operations::problems(),
        PERMISSIONS,
    );
    let mut written: Value =
        serde_json::from_str(include_str!("openapi/gateway.json")).unwrap_or_default();
    for path in [STREAM_PATH, OPENAPI_PATH] {
        let row = permissions::find(PERMISSIONS, "GET", path);
        written["paths"][path]["get"]["x-actors"] = json!(row.map(Permission::actors));
    }
    let example = "/get/responses/200/content/application~1json/example/info";
    if let Some(info) = written["paths"][OPENAPI_PATH].pointer_mut(example) {
        info["version"] = json!(env!("CARGO_PKG_VERSION"));
    }
    if let Some(stream) = written["paths"][STREAM_PATH]["get"].as_object_mut() {
        let too_many_streams = too_many_requests("streams", TimeDelta::seconds(1));
        let problems = [Problem::unauthorized(), cross_site(), too_many_streams];
        describe::add_problems(stream, &problems);
    }
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut schemas = describe::problem_schemas();
    schemas.extend(object(&described["components"]["schemas"]));
    schemas.extend(object(&written["schemas"]));
    let session = json!({
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-ktgg",
        "description": "로그인하면 받는 쿠키입니다. http://localhost에서는 이름이 ktgg입니다.",
    });
    let mut paths = object(&described["paths"]);
    paths.extend(object(&written["paths"]));
    GatewayDescription {
        paths,
        components: Map::from_iter([
            (
                SECURITY_SCHEMES.to_owned(),
                json!({ SESSION_SCHEME: session }),
            ),
            ("schemas".to_owned(), Value::Object(schemas)),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_permission_and_vice_versa() {
        assert_eq!(
            permissions::unmatched(&json!({ "paths": gateway().paths }), PERMISSIONS),
            [""; 0]
        );
    }

    #[test]
    fn operations_have_a_summary_and_writes_a_command() {
        for (path, item) in gateway().paths {
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
