//! The merged `OpenAPI` description and its documentation page.

use serde_json::json;

use crate::test_gateway::{closed_port, config, start, start_with};

#[tokio::test]
async fn description_covers_all_services() {
    let gateway = start().await;
    let description = gateway.get("/api/openapi.json").send().await.json();
    for path in [
        "/api/projects",
        "/api/interests",
        "/api/salesman-matchs",
        "/api/stream",
        "/api/openapi.json",
    ] {
        assert!(
            description["paths"][path]["get"].is_object(),
            "{path}: {description}"
        );
    }
    assert_eq!(
        description["components"]["schemas"]["SalesmanMatchView"],
        json!({ "const": "salesman-match" })
    );
    assert!(description.get("x-unavailable").is_none());
    assert_eq!(
        gateway.get("/api/openapi.json").send().await.json(),
        description
    );
}

#[tokio::test]
async fn unavailable_service_is_left_out_and_named() {
    let mut config = config().await;
    config.services.interest = closed_port().await;
    let gateway = start_with(config).await;
    let description = gateway.get("/api/openapi.json").send().await.json();
    assert_eq!(description["x-unavailable"], json!(["interest"]));
    assert!(description["paths"].get("/api/interests").is_none());
    assert!(description["paths"]["/api/projects"].is_object());
}

#[tokio::test]
async fn documentation_page_is_served_with_its_assets() {
    let gateway = start().await;
    let redirect = gateway.get("/docs").send().await;
    assert_eq!(redirect.header("location"), Some("/docs/"));
    for path in [
        "/docs/",
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
    ] {
        let answer = gateway.get(path).send().await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path}");
    }
    let script = gateway.get("/docs/swagger-initializer.js").send().await;
    assert!(String::from_utf8_lossy(&script.body).contains("/api/openapi.json"));
}

#[tokio::test]
async fn own_operations_are_described_and_internal_ones_are_not() {
    let gateway = start().await;
    let description = gateway.get("/api/openapi.json").send().await.json();
    for row in gateway::api::permissions::PERMISSIONS {
        let operation = &description["paths"][row.path][row.method.to_lowercase()];
        assert_eq!(
            operation["x-actors"],
            json!(row.actors()),
            "{} {}",
            row.method,
            row.path
        );
    }
    assert!(
        description["paths"]
            .get("/api/interests/internal")
            .is_none(),
        "{description}"
    );
}

#[tokio::test]
async fn every_write_describes_the_csrf_header_and_its_refusals() {
    let gateway = start().await;
    let description = gateway.get("/api/openapi.json").send().await.json();
    let mut writes = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let has_csrf_header = parameters
                .iter()
                .any(|header| header["name"] == "Ktgg-Csrf" && header["required"] == true);
            let problems = |status: &str| {
                operation["responses"][status]["content"]["application/problem+json"]["examples"]
                    .clone()
            };
            let is_write = method != "get";
            writes += usize::from(is_write);
            assert_eq!(has_csrf_header, is_write, "{method} {path}");
            assert!(
                problems("429").get("too-many-requests").is_some(),
                "{method} {path}"
            );
            assert_eq!(
                problems("403").get("cross-site").is_some(),
                is_write || path == "/api/stream",
                "{method} {path}"
            );
        }
    }
    assert!(writes > 7, "{writes}");
}
