use super::*;
use crate::api::openapi::{gateway, merge};
use crate::api::operations::{OPENAPI_PATH, STREAM_PATH};

/// A service with one path, whose response has the schema `View`.
fn description(path: &str, view: &Value, others: &Value) -> Value {
    let mut schemas = json!({ "View": view });
    for (name, schema) in others.as_object().unwrap() {
        schemas[name] = schema.clone();
    }
    json!({
        "openapi": "3.1.0",
        "paths": { path: { "get": {
            "operationId": "list",
            "responses": { "200": { "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/View" },
            } } } },
        } } },
        "components": { "schemas": schemas },
    })
}

fn answer(merged: &Value, path: &str) -> String {
    let response = &merged["paths"][path]["get"]["responses"]["200"];
    response["content"]["application/json"]["schema"]["$ref"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// All schemas except the gateway's own.
fn schemas(merged: &Value) -> Vec<&str> {
    let own = gateway().components;
    let names = merged["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str);
    names
        .filter(|name| own["schemas"].get(name).is_none())
        .collect()
}

#[test]
fn equal_schemas_appear_once() {
    let view = json!({ "type": "object" });
    let merged = merge(vec![
        ("interest", description("/interests", &view, &json!({}))),
        (
            "salesman-match",
            description("/salesman-matches", &view, &json!({})),
        ),
    ]);
    assert_eq!(schemas(&merged), ["View"]);
    assert_eq!(
        answer(&merged, "/api/interests"),
        "#/components/schemas/View"
    );
}

#[test]
fn different_schemas_get_their_services_name() {
    let merged = merge(vec![
        (
            "salesman-match",
            description(
                "/salesman-matches",
                &json!({ "type": "string" }),
                &json!({}),
            ),
        ),
        (
            "interest",
            description("/interests", &json!({ "type": "object" }), &json!({})),
        ),
    ]);
    assert_eq!(schemas(&merged), ["InterestView", "SalesmanMatchView"]);
    assert_eq!(
        answer(&merged, "/api/interests"),
        "#/components/schemas/InterestView"
    );
    assert_eq!(
        answer(&merged, "/api/salesman-matches"),
        "#/components/schemas/SalesmanMatchView"
    );
}

#[test]
fn equal_schemas_that_refer_to_different_ones_are_different() {
    let view = json!({ "properties": { "step": { "$ref": "#/components/schemas/Step" } } });
    let page = json!({ "items": { "$ref": "#/components/schemas/View" } });
    let with = |step: &str| json!({ "Step": { "const": step }, "Page": page });
    let merged = merge(vec![
        ("interest", description("/interests", &view, &with("on"))),
        (
            "consultation",
            description("/consultations", &view, &with("apply")),
        ),
    ]);
    assert_eq!(
        schemas(&merged),
        [
            "ConsultationPage",
            "ConsultationStep",
            "ConsultationView",
            "InterestPage",
            "InterestStep",
            "InterestView"
        ]
    );
    let step = &merged["components"]["schemas"]["InterestView"]["properties"]["step"]["$ref"];
    assert_eq!(step, "#/components/schemas/InterestStep");
}

#[test]
fn writes_need_the_csrf_header() {
    let mut description = description("/interests", &json!({}), &json!({}));
    let list = description["paths"]["/interests"]["get"].clone();
    description["paths"]["/interests"]["post"] = list;
    let merged = merge(vec![("interest", description)]);
    for (path, method, is_required) in [
        ("/api/interests", "get", false),
        ("/api/interests", "post", true),
        ("/api/auth/me", "get", false),
        ("/api/auth/sign-out", "post", true),
    ] {
        let operation = &merged["paths"][path][method];
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let csrf: Vec<&Value> = parameters
            .filter(|parameter| parameter["name"] == "Ktgg-Csrf")
            .collect();
        assert_eq!(csrf.len(), usize::from(is_required), "{method} {path}");
        assert!(
            csrf.iter().all(|parameter| parameter["required"] == true),
            "{method} {path}"
        );
        assert_eq!(
            operation["responses"]["403"]
                .to_string()
                .contains("cross-site"),
            is_required,
            "{method} {path}"
        );
    }
}

#[test]
fn the_order_of_services_does_not_matter() {
    let one = (
        "interest",
        description("/interests", &json!({ "type": "object" }), &json!({})),
    );
    let other = (
        "project",
        description("/projects", &json!({ "type": "string" }), &json!({})),
    );
    assert_eq!(
        merge(vec![one.clone(), other.clone()]).to_string(),
        merge(vec![other, one]).to_string()
    );
}

#[test]
fn every_operation_has_a_unique_id_and_its_security() {
    let view = json!({});
    let merged = merge(vec![
        ("project", description("/projects", &view, &json!({}))),
        (
            "salesman-match",
            description("/salesman-matches", &view, &json!({})),
        ),
    ]);
    let operation = |path: &str| &merged["paths"][path]["get"];
    assert_eq!(operation("/api/projects")["operationId"], "project_list");
    assert_eq!(
        operation("/api/salesman-matches")["operationId"],
        "salesman_match_list"
    );
    assert_eq!(
        operation("/api/projects")["security"],
        json!([{}, { "session": [] }])
    );
    assert_eq!(
        operation("/api/salesman-matches")["security"],
        json!([{ "session": [] }])
    );
    assert_eq!(
        operation("/api/salesman-matches")["tags"],
        json!(["salesman-match"])
    );
}

#[test]
fn equal_ids_in_one_service_are_extended_by_the_path() {
    let mut description = description("/salesmen", &json!({}), &json!({}));
    let list = description["paths"]["/salesmen"].clone();
    description["paths"]["/salesmen/{id}/notifications"] = list;
    let merged = merge(vec![("salesman", description)]);
    let id = |path: &str| merged["paths"][path]["get"]["operationId"].clone();
    assert_eq!(id("/api/salesmen"), "salesman_list");
    assert_eq!(
        id("/api/salesmen/{id}/notifications"),
        "salesman_list_notifications"
    );
}

#[test]
fn the_gateways_problems_are_added_to_the_services() {
    let mut description = description("/interests", &json!({}), &json!({}));
    let unavailable = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "away",
        service_kit::http::problem::Text::new("없음", "Away"),
    );
    let operation = description["paths"]["/interests"]["get"]
        .as_object_mut()
        .unwrap();
    operation.insert("requestBody".to_owned(), json!({}));
    describe::add_problems(operation, &[unavailable]);
    let merged = merge(vec![("interest", description)]);
    let operation = &merged["paths"]["/api/interests"]["get"];
    let slugs = |status: &str| {
        let examples =
            &operation["responses"][status]["content"]["application/problem+json"]["examples"];
        examples
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(slugs("503"), ["away", "service-unavailable"]);
    assert_eq!(slugs("504"), ["service-timeout"]);
    assert_eq!(
        (slugs("413"), slugs("408")),
        (
            vec!["too-large".to_owned()],
            vec!["unreadable-body".to_owned()]
        )
    );
    let problem = &merged["components"]["schemas"]["Problem"];
    assert!(problem["properties"]["title"].is_object());
}

#[test]
fn a_schema_equal_to_the_gateways_keeps_its_name() {
    let mut description = description("/interests", &json!({}), &json!({}));
    for (name, schema) in describe::problem_schemas() {
        description["components"]["schemas"][name] = schema;
    }
    let merged = merge(vec![("interest", description)]);
    assert_eq!(schemas(&merged), ["View"]);
}

#[test]
fn a_services_security_scheme_becomes_the_session() {
    let mut description = description("/interests", &json!({}), &json!({}));
    description["components"]["securitySchemes"] =
        json!({ "internal": { "type": "http", "scheme": "bearer" } });
    description["paths"]["/interests"]["get"]["security"] = json!([{ "internal": [] }]);
    let merged = merge(vec![("interest", description)]);
    assert_eq!(
        merged["paths"]["/api/interests"]["get"]["security"],
        json!([{ "session": [] }])
    );
    let schemes = merged["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["session"]);
}

#[test]
fn without_services_the_gateway_describes_itself() {
    let merged = merge(Vec::new());
    assert_eq!(merged["info"]["title"], "KT.GG");
    assert!(
        merged["paths"][STREAM_PATH]["get"].is_object()
            && merged["paths"][OPENAPI_PATH]["get"].is_object()
    );
    assert!(merged["components"]["securitySchemes"]["session"].is_object());
}
