//! Headers of every response, problems included: the security headers, `Retry-After`, and the
//! challenge of a 401.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use service_kit::health::Phase;
use tokio::sync::watch;

use crate::edge::pages::is_of_pages;

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
    let policy = policy(request.uri().path());
    let mut response = next.run(request).await;
    let status = response.status();
    let headers = response.headers_mut();
    set_security_headers(headers, policy, state.is_https);
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

/// The `Content-Security-Policy` of a path. Not of a content type: a worker has the policy of its
/// own script, and a 304 replaces the headers that a browser has stored.
fn policy(path: &str) -> &'static str {
    if path == "/docs" || path.starts_with("/docs/") {
        DOCS_POLICY
    } else if is_of_pages(path) {
        PAGE_POLICY
    } else {
        DATA_POLICY
    }
}

/// The policy of the pages: only same-origin resources, nothing inline, and no text that becomes
/// script or HTML, except the constant parts of templates, for which Vue has the policy `vue`.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types vue";

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
fn set_security_headers(headers: &mut HeaderMap, policy: &'static str, is_https: bool) {
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

    #[test]
    fn no_policy_allows_inline_scripts() {
        for policy in [PAGE_POLICY, DOCS_POLICY, DATA_POLICY] {
            let scripts = policy
                .split("; ")
                .find(|part| part.starts_with("script-src") || *part == "default-src 'none'");
            assert!(!scripts.unwrap().contains("unsafe"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        }
        for (path, expected) in [
            ("/", PAGE_POLICY),
            ("/docsx", PAGE_POLICY),
            ("/assets/worker.js", PAGE_POLICY),
            ("/docs", DOCS_POLICY),
            ("/docs/", DOCS_POLICY),
            ("/api", DATA_POLICY),
            ("/api/interests", DATA_POLICY),
        ] {
            assert_eq!(policy(path), expected, "{path}");
        }
    }

    #[test]
    fn hsts_is_sent_only_behind_tls() {
        let mut headers = HeaderMap::new();
        set_security_headers(&mut headers, DATA_POLICY, false);
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        set_security_headers(&mut headers, DATA_POLICY, true);
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
