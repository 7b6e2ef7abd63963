//! Headers of forwarded requests and responses.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use service_kit::http::REQUEST_ID;
use service_kit::trace;

use crate::edge::client_ip::ClientIp;
use crate::upstream::routes::{self, API};

/// RFC 9110, 7.6.1.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Request headers that are not forwarded: the gateway sets them itself, or they end here.
const NOT_FORWARDED: [HeaderName; 9] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::FORWARDED,
    header::EXPECT,
    // Derived from the body again, so that both sides agree on where it ends.
    header::CONTENT_LENGTH,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// Prefixes of headers that could claim an identity or an address.
const NOT_FORWARDED_PREFIXES: [&str; 6] = [
    "x-user",
    "x-forwarded-",
    "x-internal",
    "x-auth",
    "x-remote",
    "ktgg-identity",
];

/// The headers of the request to the service, except for `Authorization`.
pub(crate) fn request_headers(parts: &Parts, is_https: bool) -> HeaderMap {
    let mut headers = parts.headers.clone();
    strip_hop_by_hop(&mut headers);
    let names: Vec<HeaderName> = headers.keys().cloned().collect();
    for name in names {
        let has_prefix = |prefix: &&str| name.as_str().starts_with(prefix);
        if NOT_FORWARDED.contains(&name) || NOT_FORWARDED_PREFIXES.iter().any(has_prefix) {
            headers.remove(name);
        }
    }
    // `Connection` can name any header for removal, so these are set after that.
    let client = parts
        .extensions
        .get::<ClientIp>()
        .map(|client| client.0.to_string());
    let scheme = HeaderValue::from_static(if is_https { "https" } else { "http" });
    let set = [
        (REQUEST_ID, parts.headers.get(REQUEST_ID).cloned()),
        (HeaderName::from_static("traceparent"), traceparent()),
        (
            HeaderName::from_static("x-forwarded-for"),
            client.and_then(|client| HeaderValue::try_from(client).ok()),
        ),
        (HeaderName::from_static("x-forwarded-proto"), Some(scheme)),
        (
            HeaderName::from_static("x-forwarded-host"),
            parts.headers.get(header::HOST).cloned(),
        ),
    ];
    for (name, value) in set {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    headers
}

/// The current trace, or a new one.
pub(crate) fn traceparent() -> Option<HeaderValue> {
    HeaderValue::try_from(trace::current_or_start().to_string()).ok()
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Turns a service's response headers into the gateway's: its paths get the prefix `/api`.
pub(crate) fn rewrite_response_headers(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    // Only the gateway sets cookies.
    headers.remove(header::SET_COOKIE);
    let rewrite = |headers: &mut HeaderMap, name, rewrite: fn(&str) -> Option<String>| {
        let value = headers.get(&name).and_then(|value| value.to_str().ok());
        let rewritten = value.and_then(rewrite).map(HeaderValue::try_from);
        if let Some(Ok(value)) = rewritten {
            headers.insert(name, value);
        }
    };
    rewrite(headers, header::LOCATION, public_location);
    rewrite(headers, header::CONTENT_LOCATION, public_location);
    rewrite(headers, header::LINK, public_links);
}

/// A service's path with the prefix `/api`. `None` for everything else, which stays unchanged.
fn public_location(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next().unwrap_or(location);
    routes::find_by_service_path(path).map(|_| format!("{API}{location}"))
}

/// The same for the targets of `Link: </projects?after=…>; rel="next"`.
fn public_links(links: &str) -> Option<String> {
    let mut rewritten = String::with_capacity(links.len() + API.len());
    let mut rest = links;
    while let Some((before, link)) = rest.split_once('<') {
        let (target, after) = link.split_once('>')?;
        let target = public_location(target).unwrap_or_else(|| target.to_owned());
        rewritten.extend([before, "<", &target, ">"]);
        rest = after;
    }
    rewritten.push_str(rest);
    Some(rewritten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_location_gets_the_api_prefix() {
        assert_eq!(
            public_location("/consultations/7").as_deref(),
            Some("/api/consultations/7")
        );
        assert_eq!(
            public_location("/projects?after=x").as_deref(),
            Some("/api/projects?after=x")
        );
        for elsewhere in [
            "https://example.com/consultations",
            "//evil/consultations",
            "/docs",
            "consultations/7",
            "/consultationsx",
            "",
        ] {
            assert_eq!(public_location(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn every_service_link_gets_the_prefix_and_others_stay() {
        assert_eq!(
            public_links(
                "</projects?after=a,b>; rel=\"next\", <https://example.com>; rel=\"help\""
            )
            .as_deref(),
            Some("</api/projects?after=a,b>; rel=\"next\", <https://example.com>; rel=\"help\"")
        );
        assert_eq!(
            public_links("<?after=x>; rel=\"next\"").as_deref(),
            Some("<?after=x>; rel=\"next\"")
        );
        assert_eq!(public_links("<broken"), None);
    }

    #[test]
    fn headers_named_by_connection_are_not_forwarded() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "connection",
            HeaderValue::from_static("close, X-Secret-Hop"),
        );
        headers.insert("x-secret-hop", HeaderValue::from_static("1"));
        headers.insert("te", HeaderValue::from_static("trailers"));
        headers.insert("if-match", HeaderValue::from_static("\"3\""));
        strip_hop_by_hop(&mut headers);
        assert_eq!(
            headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["if-match"]
        );
    }
}
