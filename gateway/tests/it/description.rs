//! The merged description and the page that shows it.

use serde_json::json;

use crate::fixture::{config, nobody, start, start_with};

#[tokio::test]
async fn the_description_is_one_for_all_services() {
    let gateway = start().await;
    let described = gateway.get("/api/openapi.json").send().await.json();
    for path in ["/api/projects", "/api/interests", "/api/salesman-matchs", "/api/stream", "/api/openapi.json"] {
        assert!(described["paths"][path]["get"].is_object(), "{path}: {described}");
    }
    assert_eq!(described["components"]["schemas"]["SalesmanMatchView"], json!({ "const": "salesman-match" }));
    assert!(described.get("x-unavailable").is_none());
    assert_eq!(gateway.get("/api/openapi.json").send().await.json(), described);
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
    for path in ["/docs/", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"] {
        let answer = gateway.get(path).send().await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path}");
    }
    let script = gateway.get("/docs/swagger-initializer.js").send().await;
    assert!(String::from_utf8_lossy(&script.body).contains("/api/openapi.json"));
}
