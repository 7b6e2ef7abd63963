//! What every answer gets, refusals included: the request's id, and what tells a browser to do nothing with it that is not meant.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::watch;
use uuid::Uuid;

use crate::app::Phase;

/// By which a request is found again in the logs of the gateway and of the service.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a 401 asks for (RFC 9110 wants it to ask for something).
pub(crate) const CHALLENGE: &str = "Cookie realm=\"KT.GG\"";

/// What answers are made with.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    pub(crate) phase: watch::Receiver<Phase>,
    /// Whether browsers come over TLS.
    pub(crate) is_https: bool,
}

/// The layer around everything.
pub(crate) async fn around(
    State(answers): State<Answers>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| is_sane(id.as_bytes()))
        .cloned();
    let id = id.or_else(|| HeaderValue::from_str(&Uuid::new_v4().to_string()).ok());
    request.headers_mut().remove(REQUEST_ID);
    if let Some(id) = &id {
        request.headers_mut().insert(REQUEST_ID, id.clone());
    }
    let is_docs = is_docs(request.uri().path());
    let mut response = next.run(request).await;
    let is_draining = *answers.phase.borrow() == Phase::Draining;
    let status = response.status();
    let headers = response.headers_mut();
    protect(headers, is_docs, answers.is_https);
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE && !headers.contains_key(header::RETRY_AFTER) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        // Services ask for a token of the gateway's. A browser has none, and never will.
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(CHALLENGE),
        );
    }
    if is_draining {
        // A client with a pooled connection does not hear of a removed endpoint; this makes it open another.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A caller's id goes into logs as it is, so it must be harmless there.
fn is_sane(id: &[u8]) -> bool {
    (1..=64).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

/// Where the description is read and tried out.
fn is_docs(path: &str) -> bool {
    path == "/docs" || path.starts_with("/docs/")
}

/// A page of ours: everything it needs is beside it, none of it is written into it, and no text becomes script.
const PAGE: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-src 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Swagger UI makes elements of text after cleaning it, and gives some of them a style of their own. Its script is its own all the same.
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Data is never a page.
const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// A year.
const ONLY_TLS: &str = "max-age=31536000";

/// Nothing that a page here needs of a machine.
const NOTHING_OF_THE_MACHINE: &str = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), \
    gyroscope=(), hid=(), idle-detection=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// Puts there what a browser is to heed, whatever a service said of it.
fn protect(headers: &mut HeaderMap, is_docs: bool, is_https: bool) {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let is_page =
        kind.starts_with("text/html") || kind.starts_with("image/svg") || kind.contains("xml");
    let policy = match (is_page, is_docs) {
        (_, true) => DOCS,
        (true, false) => PAGE,
        (false, false) => DATA,
    };
    let mut set =
        |name: HeaderName, value| drop(headers.insert(name, HeaderValue::from_static(value)));
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // To our own pages it is told where somebody comes from, and to nobody else.
    set(header::REFERRER_POLICY, "same-origin");
    set(
        HeaderName::from_static("permissions-policy"),
        NOTHING_OF_THE_MACHINE,
    );
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    if is_https {
        set(header::STRICT_TRANSPORT_SECURITY, ONLY_TLS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_that_could_forge_a_log_line_is_not_kept() {
        assert!(is_sane(b"page-7.retry_2"));
        for bad in ["", "a b", "a\nb", "a=b", "가", &"x".repeat(65)] {
            assert!(!is_sane(bad.as_bytes()), "{bad:?}");
        }
    }

    fn policy(kind: &'static str, path: &str) -> String {
        let mut headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        protect(&mut headers, is_docs(path), false);
        headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn no_policy_allows_a_script_that_is_written_into_a_page() {
        for (kind, path) in [
            ("text/html; charset=utf-8", "/"),
            ("text/html", "/docs/"),
            ("application/json", "/api/interests"),
        ] {
            let policy = policy(kind, path);
            let scripts = policy
                .split("; ")
                .find(|part| part.starts_with("script-src") || *part == "default-src 'none'");
            assert!(!scripts.unwrap().contains("unsafe"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        }
        assert!(policy("text/html", "/").contains("require-trusted-types-for 'script'"));
        assert_eq!(policy("application/problem+json", "/api/x"), DATA);
        assert_eq!(policy("text/html", "/docsx"), PAGE);
        assert_eq!(policy("image/svg+xml", "/x"), PAGE);
    }

    #[test]
    fn only_behind_tls_browsers_are_told_to_come_by_nothing_else() {
        let mut headers = HeaderMap::new();
        protect(&mut headers, false, false);
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        protect(&mut headers, false, true);
        assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
