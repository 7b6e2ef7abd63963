//! The merged description and the page that shows it.

use serde_json::json;

use crate::fixture::{config, nobody, start, start_with};

#[tokio::test]
async fn the_description_is_one_for_all_services() {
    let gateway = start().await;
    let described = gateway.get("/api/openapi.json").send().await.json();
    for path in [
        "/api/projects",
        "/api/interests",
        "/api/salesman-matchs",
        "/api/stream",
        "/api/openapi.json",
    ] {
        assert!(
            described["paths"][path]["get"].is_object(),
            "{path}: {described}"
        );
    }
    assert_eq!(
        described["components"]["schemas"]["SalesmanMatchView"],
        json!({ "const": "salesman-match" })
    );
    assert!(described.get("x-unavailable").is_none());
    assert_eq!(
        gateway.get("/api/openapi.json").send().await.json(),
        described
    );
}

#[tokio::test]
async fn a_service_that_is_down_is_left_out_and_named() {
    let mut config = config().await;
    config.services.interest = nobody().await;
    let gateway = start_with(config).await;
    let described = gateway.get("/api/openapi.json").send().await.json();
    assert_eq!(described["x-unavailable"], json!(["interest"]));
    assert!(described["paths"].get("/api/interests").is_none());
    assert!(described["paths"]["/api/projects"].is_object());
}

#[tokio::test]
async fn the_page_comes_with_everything_it_needs() {
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
async fn the_gateways_own_operations_are_described_beside_the_services_and_what_is_internal_is_not()
{
    let gateway = start().await;
    let described = gateway.get("/api/openapi.json").send().await.json();
    for row in gateway::api::permissions::PERMISSIONS {
        let operation = &described["paths"][row.path][row.method.to_lowercase()];
        assert_eq!(
            operation["x-actors"],
            json!(row.actors()),
            "{} {}",
            row.method,
            row.path
        );
    }
    assert!(
        described["paths"].get("/api/interests/internal").is_none(),
        "{described}"
    );
}

#[tokio::test]
async fn every_write_says_by_what_header_a_page_of_ours_is_known_and_how_it_is_refused() {
    let gateway = start().await;
    let described = gateway.get("/api/openapi.json").send().await.json();
    let (mut writes, mut recorded) = (0, 0);
    for (path, item) in described["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let says = parameters
                .iter()
                .any(|it| it["name"] == "Ktgg-Csrf" && it["required"] == true);
            let refusals = |status: &str| {
                operation["responses"][status]["content"]["application/problem+json"]["examples"]
                    .clone()
            };
            let is_recorded = ["/api/interests/{id}/phone", "/api/consultations/{id}/phone"]
                .contains(&path.as_str());
            let is_write = method != "get" || is_recorded;
            writes += usize::from(is_write);
            recorded += usize::from(is_recorded);
            assert_eq!(says, is_write, "{method} {path}");
            // Some of what only reads has a limit of its own.
            let is_limited = is_write || path == "/api/stream";
            assert!(
                !is_limited || refusals("429").get("too-many-requests").is_some(),
                "{method} {path}"
            );
            assert_eq!(
                refusals("403").get("cross-site").is_some(),
                is_write || path == "/api/stream",
                "{method} {path}"
            );
        }
    }
    assert!(writes > 5 && recorded == 2, "{writes} {recorded}");
}
