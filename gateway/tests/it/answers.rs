//! What browsers are told to heed with every answer.

use axum::http::Method;
use serde_json::json;
use service_kit::auth::Role;

use crate::accounts::Office;
use crate::fixture::{TestResponse, config, somebody, start, start_with};

/// Every kind of answer: data, a refusal, nothing, a page, a stylesheet, a redirect.
const ASKED: [(&str, &str, u16); 8] = [
    ("GET", "/api/projects", 200),
    ("GET", "/api/interests", 401),
    ("GET", "/api/nothing", 404),
    ("POST", "/api/stream", 405),
    ("POST", "/api/auth/sign-out", 204),
    ("GET", "/docs/", 200),
    ("GET", "/docs/swagger-ui.css", 200),
    ("GET", "/docs", 303),
];

fn directive<'a>(answer: &'a TestResponse, name: &str) -> Option<&'a str> {
    let policy = answer.header("content-security-policy").unwrap();
    policy
        .split(';')
        .map(str::trim)
        .find_map(|it| it.strip_prefix(name))
}

#[tokio::test]
async fn every_answer_is_protected() {
    let gateway = start().await;
    for (method, path, status) in ASKED {
        let answer = gateway.ask(method.parse().unwrap(), path).send().await;
        assert_eq!(answer.status, status, "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
            assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{path}");
        }
        let machine = answer.header("permissions-policy").unwrap();
        assert!(
            machine.contains("camera=()") && machine.contains("geolocation=()"),
            "{machine}"
        );
        assert_eq!(
            directive(&answer, "frame-ancestors "),
            Some("'none'"),
            "{path}"
        );
        let scripts =
            directive(&answer, "script-src ").or_else(|| directive(&answer, "default-src "));
        assert!(
            matches!(scripts, Some("'self'" | "'none'")),
            "{path}: {scripts:?}"
        );
        // There is no TLS here that a browser could be told to keep to.
        assert_eq!(answer.header("strict-transport-security"), None);
    }
}

#[tokio::test]
async fn data_is_no_page_and_a_refusal_is_data() {
    let gateway = start().await;
    for path in [
        "/api/projects",
        "/api/interests",
        "/api/nothing",
        "/api/auth/me",
        "/api/openapi.json",
    ] {
        let answer = gateway.get(path).send().await;
        assert_eq!(
            answer.header("content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn behind_tls_browsers_are_told_to_come_by_nothing_else() {
    let mut config = config().await;
    config.public_origin = "https://kt.gg".parse().unwrap();
    let gateway = start_with(config).await;
    for path in ["/api/projects", "/api/nothing", "/docs/"] {
        let answer = gateway.get(path).send().await;
        assert_eq!(
            answer.header("strict-transport-security"),
            Some("max-age=31536000"),
            "{path}"
        );
    }
    assert_eq!(
        gateway.get("/api/projects").send().await.json()["headers"]["x-forwarded-proto"],
        "https"
    );
}

#[tokio::test]
async fn what_somebody_is_shown_is_kept_by_no_cache() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    for path in [
        "/api/projects",
        "/api/interests/1",
        "/api/auth/me",
        "/api/accounts",
    ] {
        let answer = staff.get(path).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("cache-control")),
            (200, Some("no-store")),
            "{path}"
        );
    }
    // What a service says of it itself stands.
    let created = staff
        .ask(Method::POST, "/api/consultations/cached")
        .send()
        .await;
    assert_eq!(created.header("cache-control"), Some("private, max-age=5"));
    // A stranger sees what everybody sees, and a cache must not hand it to somebody who sees more.
    let open = gateway.get("/api/projects").send().await;
    assert_eq!(open.header("cache-control"), None);
    assert!(
        open.headers
            .get_all("vary")
            .iter()
            .any(|value| value == "cookie")
    );
    assert_eq!(
        gateway
            .get("/api/auth/me")
            .send()
            .await
            .header("cache-control"),
        Some("no-store")
    );
}

#[tokio::test]
async fn a_refusal_is_kept_by_no_cache_either() {
    let office = Office::open().await;
    let id = office.staff("gwanri").await;
    let cookie = office.cookie("gwanri").await;
    let ask = |method, path: &str| office.gateway.ask(method, path).cookie(&cookie);
    let nobodys = "/api/accounts/0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01";
    let own = format!("/api/accounts/{id}");
    let missing = ask(Method::GET, nobodys).send().await;
    let conflict = ask(Method::PATCH, &own)
        .header("if-match", "*")
        .json(&json!({ "active": false }))
        .send()
        .await;
    assert_eq!((missing.problem().0, conflict.problem().0), (404, 409));
    for answer in [missing, conflict] {
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{answer:?}"
        );
        let depends_on: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert_eq!(depends_on, ["accept-language", "cookie"]);
    }
}

#[tokio::test]
async fn a_refusal_asks_for_no_token() {
    let gateway = start().await;
    for path in ["/api/interests", "/api/accounts"] {
        let answer = gateway.get(path).send().await;
        assert_eq!(answer.problem(), (401, "sign-in-required".to_owned()));
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Cookie realm=\"KT.GG\""),
            "{path}"
        );
    }
}
