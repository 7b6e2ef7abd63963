//! Forwards a request to the service its path leads to, as somebody that service believes.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use service_kit::Problem;
use service_kit::http::body::{drain_body, too_large};
use service_kit::http::problem::Text;
use service_kit::trace;
use tokio::time::{Instant, timeout_at};

use crate::auth::sessions::Session;
use crate::config::{Patience, Services};
use crate::edge::client_ip::Address;
use crate::edge::response_headers::REQUEST_ID;
use crate::state::AppState;
use crate::upstream::routes::{self, API, Service};
use crate::upstream::tokens::now;

/// Larger than any body a service takes in but a whole file, so that the service's own limit is the one that people meet.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// A body up to this size is held until the answer comes, so that it can be sent once more.
const HELD: usize = 64 * 1024;

/// Idle connections to a service are dropped after this: services keep theirs open for as long as they live, and whatever stands between
/// forgets a connection after a minute at the earliest.
const POOLED: Duration = Duration::from_secs(15);

/// Idle connections kept for each service.
const POOL_SIZE: usize = 64;

/// The way to the services.
#[derive(Clone)]
pub(crate) struct Upstream {
    client: Client<HttpConnector, Body>,
    services: Services,
    pub(crate) patience: Patience,
}

/// Why a service did not answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// The connection could not be made, or broke before the answer's head.
    Broken(legacy::Error),
    /// It took too long.
    Late,
}

impl Upstream {
    pub(crate) fn new(services: Services, patience: Patience) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(patience.connect));
        connector.set_nodelay(true);
        // The client itself sends again only what it had not begun to send: a pooled connection that turned out to be closed.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOLED)
            .pool_max_idle_per_host(POOL_SIZE)
            .build(connector);
        Self {
            client,
            services,
            patience,
        }
    }

    /// Where a path of the service is.
    pub(crate) fn uri(&self, service: Service, path: PathAndQuery) -> Option<Uri> {
        let authority = self.services.of(service).authority().clone();
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(authority)
            .path_and_query(path)
            .build()
            .ok()
    }

    /// Sends once, and waits for the answer's head.
    pub(crate) async fn send(
        &self,
        request: Request,
        deadline: Instant,
    ) -> Result<hyper::Response<Incoming>, Silence> {
        match timeout_at(deadline, self.client.request(request)).await {
            Ok(answer) => answer.map_err(Silence::Broken),
            Err(_) => Err(Silence::Late),
        }
    }
}

/// Everything below `/api` that is not the gateway's own.
pub(crate) async fn forward(
    State(door): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (row, at_service) = routes::find(parts.uri.path()).ok_or_else(Problem::not_found)?;
    if !METHODS.contains(&parts.method) {
        let title = Text::new(
            "지원하지 않는 요청 방식입니다",
            "This path has no such method",
        );
        return Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            title,
        ));
    }
    let service = row.service;
    let target = match parts.uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{at_service}?{query}")),
        None => PathAndQuery::try_from(at_service),
    };
    let uri = target
        .ok()
        .and_then(|target| door.upstream.uri(service, target))
        .ok_or_else(Problem::not_found)?;

    let mut headers = outgoing_headers(&parts, &door);
    // Whoever may not come this far was refused at the door.
    if let Some(session) = parts.extensions.get::<Session>() {
        headers.insert(
            header::AUTHORIZATION,
            door.tokens
                .authorization(&session.identity, service, now())?,
        );
    }
    let upload = routes::upload(&parts.method, at_service);
    let deadline =
        Instant::now() + upload.map_or(door.upstream.patience.answer, |upload| upload.answer);
    let limit = upload.map_or(BODY_LIMIT, |upload| upload.body);
    let mut body = Outgoing::new(&parts, at_service, body, limit, deadline).await?;
    let mut send = async || {
        let mut request = Request::new(body.next());
        request.method_mut().clone_from(&parts.method);
        request.uri_mut().clone_from(&uri);
        request.headers_mut().clone_from(&headers);
        let answer = door.upstream.send(request, deadline).await;
        (answer, body.can_be_sent_again())
    };
    let answer = match send().await {
        (Err(Silence::Broken(error)), true) => {
            tracing::debug!(service = service.name(), %error, "trying once more");
            send().await.0
        }
        (answer, _) => answer,
    };
    match answer {
        Ok(answer) => Ok(returned(answer)),
        Err(Silence::Broken(error)) if is_too_large(&error) => Err(too_large(limit)),
        Err(Silence::Broken(error)) => Err(unavailable(service, &error)),
        Err(Silence::Late) => Err(late(service)),
    }
}

/// What services speak. CONNECT and TRACE are for proxies of another kind.
pub(crate) const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// A request's body on its way to a service.
enum Outgoing {
    /// Whole, and small enough to be sent again.
    Held(Bytes),
    /// Passed on as it comes.
    Streamed(Option<Body>),
}

impl Outgoing {
    /// Holds a body that may have to be sent again: of a request that leaves nothing behind, or that the service recognises by its key.
    async fn new(
        parts: &Parts,
        at_service: &str,
        body: Body,
        limit: usize,
        deadline: Instant,
    ) -> Result<Self, Problem> {
        let announced = body.size_hint();
        if announced.lower() > limit as u64 {
            drain_body(body).await;
            return Err(too_large(limit));
        }
        let has_key = parts.method == Method::POST && parts.headers.contains_key("idempotency-key");
        let is_read = matches!(parts.method, Method::GET | Method::HEAD)
            && !routes::is_recorded_read(at_service);
        let is_repeatable = is_read || has_key;
        let is_small = announced.upper().is_some_and(|upper| upper <= HELD as u64);
        if !(is_repeatable && is_small) {
            return Ok(Self::Streamed(Some(Body::new(Limited::new(body, limit)))));
        }
        match timeout_at(deadline, body.collect()).await {
            Ok(Ok(whole)) => Ok(Self::Held(whole.to_bytes())),
            Ok(Err(_)) => Err(incomplete(StatusCode::BAD_REQUEST)),
            Err(_) => Err(incomplete(StatusCode::REQUEST_TIMEOUT)),
        }
    }

    fn next(&mut self) -> Body {
        match self {
            Self::Held(bytes) => Body::from(bytes.clone()),
            Self::Streamed(body) => body.take().unwrap_or_default(),
        }
    }

    fn can_be_sent_again(&self) -> bool {
        matches!(self, Self::Held(_))
    }
}

/// Headers that are about one connection and end with it (RFC 9110, 7.6.1).
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

/// Headers of a request that the gateway alone may say something with, or that end here.
const OURS: [HeaderName; 9] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::FORWARDED,
    header::EXPECT,
    // Known again from the body itself, so that two ends can never disagree about where it ends.
    header::CONTENT_LENGTH,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// Beginnings of names by which somebody might claim to be somebody.
const CLAIMS: [&str; 6] = [
    "x-user",
    "x-forwarded-",
    "x-internal",
    "x-auth",
    "x-remote",
    "ktgg-identity",
];

fn outgoing_headers(parts: &Parts, door: &AppState) -> HeaderMap {
    let mut headers = parts.headers.clone();
    strip_hop_by_hop(&mut headers);
    let stripped = |name: &HeaderName| {
        OURS.contains(name) || CLAIMS.iter().any(|claim| name.as_str().starts_with(claim))
    };
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| stripped(name))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
    // A connection-level option may name any header; the ones that must arrive are set after that.
    for name in [REQUEST_ID] {
        if let Some(value) = parts.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    if let Ok(traceparent) = HeaderValue::try_from(trace::current().unwrap_or_else(trace::start)) {
        headers.insert("traceparent", traceparent);
    }
    if let Some(Address(address)) = parts.extensions.get::<Address>()
        && let Ok(address) = HeaderValue::try_from(address.to_string())
    {
        headers.insert("x-forwarded-for", address);
    }
    headers.insert(
        "x-forwarded-proto",
        HeaderValue::from_static(if door.origin.is_https() {
            "https"
        } else {
            "http"
        }),
    );
    if let Some(host) = parts.headers.get(header::HOST) {
        headers.insert("x-forwarded-host", host.clone());
    }
    headers
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

/// The service's answer as the browser gets it: its body passed on as it comes, its paths below `/api`.
fn returned(answer: hyper::Response<Incoming>) -> Response {
    let mut response = answer.map(Body::new);
    let headers = response.headers_mut();
    strip_hop_by_hop(headers);
    // Nobody but the gateway signs anybody in.
    headers.remove(header::SET_COOKIE);
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let outside = headers
            .get(&name)
            .and_then(|value| value.to_str().ok())
            .and_then(location_outside);
        if let Some(outside) = outside.and_then(|outside| HeaderValue::try_from(outside).ok()) {
            headers.insert(name, outside);
        }
    }
    let links = headers
        .get(header::LINK)
        .and_then(|value| value.to_str().ok())
        .and_then(links_outside);
    if let Some(links) = links.and_then(|links| HeaderValue::try_from(links).ok()) {
        headers.insert(header::LINK, links);
    }
    response
}

/// Where a path of a service is for the browser; `None` for what is no such path and stays as it is.
fn location_outside(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next().unwrap_or(location);
    routes::row_of(path).map(|_| format!("{API}{location}"))
}

/// The same within `Link: </projects?after=…>; rel="next"`.
fn links_outside(links: &str) -> Option<String> {
    let mut outside = String::with_capacity(links.len() + API.len());
    let mut rest = links;
    while let Some((before, link)) = rest.split_once('<') {
        let (target, after) = link.split_once('>')?;
        outside.push_str(before);
        outside.push('<');
        outside.push_str(&location_outside(target).unwrap_or_else(|| target.to_owned()));
        outside.push('>');
        rest = after;
    }
    outside.push_str(rest);
    Some(outside)
}

fn is_too_large(error: &legacy::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// 400 when the caller broke off, 408 when it took too long.
pub(crate) fn incomplete(status: StatusCode) -> Problem {
    Problem::new(
        status,
        "unreadable-body",
        Text::new(
            "본문을 끝까지 받지 못했습니다",
            "The body did not arrive whole",
        ),
    )
}

fn unavailable(service: Service, error: &legacy::Error) -> Problem {
    let cause = error.source().map(ToString::to_string);
    tracing::warn!(service = service.name(), %error, cause, "a service did not answer");
    service_unavailable(service)
}

fn late(service: Service) -> Problem {
    tracing::warn!(service = service.name(), "a service took too long");
    service_timeout(service)
}

/// 503. The time to come back is told by the layer around everything.
pub(crate) fn service_unavailable(service: Service) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "service-unavailable",
        Text::new(
            "지금은 이 기능을 쓸 수 없습니다. 잠시 후 다시 시도해 주세요",
            "This part is not available just now. Try again in a moment",
        ),
    )
    .with("service", service.name())
}

/// 504: it may have been done.
pub(crate) fn service_timeout(service: Service) -> Problem {
    Problem::new(
        StatusCode::GATEWAY_TIMEOUT,
        "service-timeout",
        Text::new(
            "응답이 늦어지고 있습니다. 처리되었는지 확인해 주세요",
            "The answer took too long. Check whether it was done",
        ),
    )
    .with("service", service.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_at_the_service_becomes_one_below_api() {
        assert_eq!(
            location_outside("/consultations/7").as_deref(),
            Some("/api/consultations/7")
        );
        assert_eq!(
            location_outside("/projects?after=x").as_deref(),
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
            assert_eq!(location_outside(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn every_link_is_rewritten_and_nothing_else() {
        assert_eq!(
            links_outside(
                "</projects?after=a,b>; rel=\"next\", <https://example.com>; rel=\"help\""
            )
            .as_deref(),
            Some("</api/projects?after=a,b>; rel=\"next\", <https://example.com>; rel=\"help\"")
        );
        assert_eq!(
            links_outside("<?after=x>; rel=\"next\"").as_deref(),
            Some("<?after=x>; rel=\"next\"")
        );
        assert_eq!(links_outside("<broken"), None);
    }

    #[test]
    fn headers_named_by_the_connection_end_with_it() {
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
