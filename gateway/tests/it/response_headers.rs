//! Headers of every response: security headers, caching and authentication challenges.

use axum::http::Method;
use serde_json::json;
use service_kit::auth::Role;

use crate::accounts::AccountFixture;
use crate::test_gateway::{TestResponse, config, identity, start, start_with};

/// Every kind of response: data, a problem, no content, a page, a stylesheet, a redirect.
const REQUESTS: [(&str, &str, u16); 8] = [
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
        .find_map(|directive| directive.strip_prefix(name))
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let gateway = start().await;
    for (method, path, status) in REQUESTS {
        let answer = gateway.request(method.parse().unwrap(), path).send().await;
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
        let permissions = answer.header("permissions-policy").unwrap();
        assert!(
            permissions.contains("camera=()") && permissions.contains("geolocation=()"),
            "{permissions}"
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
        // The public origin of this gateway has no TLS.
        assert_eq!(answer.header("strict-transport-security"), None);
    }
}

#[tokio::test]
async fn api_responses_have_a_policy_that_allows_no_content() {
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
async fn behind_tls_responses_require_https() {
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
async fn responses_to_signed_in_callers_are_not_cached() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
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
    // A service's own `Cache-Control` is kept.
    let created = staff
        .request(Method::POST, "/api/consultations/cached")
        .send()
        .await;
    assert_eq!(created.header("cache-control"), Some("private, max-age=5"));
    // An anonymous response may be cached, but not for requests with a cookie.
    let anonymous = gateway.get("/api/projects").send().await;
    assert_eq!(anonymous.header("cache-control"), None);
    assert!(
        anonymous
            .headers
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
async fn problems_are_not_cached() {
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    let cookie = fixture.cookie("gwanri").await;
    let request = |method, path: &str| fixture.gateway.request(method, path).cookie(&cookie);
    let unknown = "/api/accounts/0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01";
    let own = format!("/api/accounts/{id}");
    let missing = request(Method::GET, unknown).send().await;
    let conflict = request(Method::PATCH, &own)
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
        let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["accept-language", "cookie"]);
    }
}

#[tokio::test]
async fn unauthenticated_requests_are_challenged_for_a_cookie() {
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
