//! Headers of every response, problems included: the security headers, `Retry-After`, and the
//! challenge of a 401.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use service_kit::health::Phase;
use tokio::sync::watch;

/// `WWW-Authenticate` of a 401, which RFC 9110 requires.
pub(crate) const CHALLENGE: &str = "Cookie realm=\"KT.GG\"";

/// The state of [`add_headers`].
#[derive(Debug, Clone)]
pub(crate) struct ResponseHeaders {
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) is_https: bool,
}

/// The outermost middleware.
pub(crate) async fn add_headers(
    State(state): State<ResponseHeaders>,
    request: Request,
    next: Next,
) -> Response {
    let is_docs = is_docs(request.uri().path());
    let mut response = next.run(request).await;
    let status = response.status();
    let headers = response.headers_mut();
    set_security_headers(headers, is_docs, state.is_https);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers
            .entry(header::RETRY_AFTER)
            .or_insert(HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        // Replaces the challenge of a service, which wants the gateway's internal token.
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(CHALLENGE),
        );
    }
    if *state.phase.borrow() == Phase::Draining {
        // Makes clients with a pooled connection open another one, to another replica.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether this is a path of Swagger UI.
fn is_docs(path: &str) -> bool {
    path == "/docs" || path.starts_with("/docs/")
}

/// The policy of the gateway's pages: only same-origin resources, nothing inline, and no text that
/// becomes script.
const PAGE_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-src 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Swagger UI renders sanitised HTML with inline styles. Its scripts are same-origin.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Headers that do not depend on the request.
const FIXED: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), \
         geolocation=(), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), \
         microphone=(), midi=(), payment=(), serial=(), usb=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// One year.
const HSTS: &str = "max-age=31536000";

/// Sets the headers that tell browsers what not to do, and replaces those of a service.
fn set_security_headers(headers: &mut HeaderMap, is_docs: bool, is_https: bool) {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_page = content_type.starts_with("text/html")
        || content_type.starts_with("image/svg")
        || content_type.contains("xml");
    let policy = match (is_page, is_docs) {
        (_, true) => DOCS_POLICY,
        (true, false) => PAGE_POLICY,
        (false, false) => DATA_POLICY,
    };
    let hsts = is_https.then_some(("strict-transport-security", HSTS));
    let policy = ("content-security-policy", policy);
    for (name, value) in FIXED.into_iter().chain([policy]).chain(hsts) {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(content_type: &'static str, path: &str) -> String {
        let mut headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        set_security_headers(&mut headers, is_docs(path), false);
        headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn no_policy_allows_inline_scripts() {
        for (content_type, path) in [
            ("text/html; charset=utf-8", "/"),
            ("text/html", "/docs/"),
            ("application/json", "/api/interests"),
        ] {
            let policy = policy(content_type, path);
            let scripts = policy
                .split("; ")
                .find(|part| part.starts_with("script-src") || *part == "default-src 'none'");
            assert!(!scripts.unwrap().contains("unsafe"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        }
        assert!(policy("text/html", "/").contains("require-trusted-types-for 'script'"));
        assert_eq!(policy("application/problem+json", "/api/x"), DATA_POLICY);
        assert_eq!(policy("text/html", "/docsx"), PAGE_POLICY);
        assert_eq!(policy("image/svg+xml", "/x"), PAGE_POLICY);
    }

    #[test]
    fn hsts_is_sent_only_behind_tls() {
        let mut headers = HeaderMap::new();
        set_security_headers(&mut headers, false, false);
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        set_security_headers(&mut headers, false, true);
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
