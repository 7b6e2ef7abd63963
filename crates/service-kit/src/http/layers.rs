//! The layers around every router, the gateway's too.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::error_span;
use uuid::Uuid;

use crate::http::page::NextPage;
use crate::http::problem::{Language, Problem};
use crate::http::unread_body::keep_answer;
use crate::trace::{self, TRACEPARENT, TraceContext};

/// Longer than a statement's timeout, shorter than the gateway's.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Identifies a request in the logs. Set by the client or by the first of our processes, kept by
/// the next ones, and sent with the response.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds to a router: the span of a request, rendered problems, links to the next page, and 500 for
/// a panic; and keeps the connection for an answer that is given before the request was read.
pub fn layers(router: Router) -> Router {
    let panicked = |_: Box<dyn Any + Send>| Problem::internal("a handler panicked").into_response();
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(in_span))
        .layer(middleware::from_fn(keep_answer))
}

/// Handles the request in its trace context and span, and logs its status and duration.
async fn in_span(mut request: Request, next: Next) -> Response {
    let request_id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, request_id.clone());
    let traceparent = request.headers().get(TRACEPARENT);
    let context = TraceContext::child_of(traceparent.and_then(|value| value.to_str().ok()));
    // At the level `ERROR`, so that the span is enabled for every line that a filter lets pass. The
    // route is the template: a path may contain ids, and a query anything.
    let span = error_span!(
        "request",
        request.id = request_id.to_str().unwrap_or_default(),
        trace.id = context.trace_id(),
        http.method = request.method().as_str(),
        http.route = request.extensions().get().map(MatchedPath::as_str),
        role = tracing::field::Empty,
    );
    let answered = async {
        let started = Instant::now();
        let mut response = answer(request, next).await;
        let duration_ms = started.elapsed().as_millis();
        tracing::info!(status = response.status().as_u16(), duration_ms, "answered");
        response.headers_mut().insert(REQUEST_ID, request_id);
        response
    };
    trace::instrument(context, span, answered).await
}

/// The request's id, or a new one. An id is logged as it is, so that it must not forge log lines.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let is_valid = |id: &[u8]| (1..=64).contains(&id.len()) && id.iter().all(is_allowed);
    let sent = headers.get(REQUEST_ID);
    match sent.filter(|id| is_valid(id.as_bytes())) {
        Some(id) => id.clone(),
        None => HeaderValue::try_from(Uuid::new_v4().to_string())
            .unwrap_or(HeaderValue::from_static("-")),
    }
}

async fn answer(request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let is_head = request.method() == Method::HEAD;
    let query = request.uri().query().unwrap_or_default().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    let mut rendered = match response.extensions().get::<Problem>() {
        Some(problem) => with_headers_of(&response, problem.render(language)),
        // Answered by the router itself: no such path, no such method.
        None if status == StatusCode::NOT_FOUND && is_bare(&response) => {
            with_headers_of(&response, Problem::not_found().render(language))
        }
        None if status == StatusCode::METHOD_NOT_ALLOWED && is_bare(&response) => {
            with_headers_of(&response, Problem::method_not_allowed().render(language))
        }
        None => response,
    };
    let next_page = rendered.extensions().get::<NextPage>();
    if let Some(link) = next_page.and_then(|next| next.link(&query)) {
        rendered.headers_mut().insert(header::LINK, link);
    }
    if is_head {
        *rendered.body_mut() = Body::empty();
    }
    rendered
}

fn is_bare(response: &Response) -> bool {
    !response.headers().contains_key(header::CONTENT_TYPE)
}

/// Copies the headers that inner layers added to the response.
fn with_headers_of(response: &Response, mut rendered: Response) -> Response {
    for name in [header::ALLOW, header::CACHE_CONTROL] {
        if let Some(value) = response.headers().get(&name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    // Rendering adds `accept-language`.
    for value in response.headers().get_all(header::VARY) {
        rendered.headers_mut().append(header::VARY, value.clone());
    }
    rendered
}

/// The timeouts of paths that may take longer than [`REQUEST_TIMEOUT`].
#[derive(Debug, Clone)]
pub(crate) struct Timeouts(pub(crate) Arc<[(&'static str, Duration)]>);

/// Answers with 503 when the request takes too long.
pub(crate) async fn limit_time(
    State(Timeouts(timeouts)): State<Timeouts>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let timeout = timeouts.iter().find(|(of_path, _)| *of_path == path);
    let timeout = timeout.map_or(REQUEST_TIMEOUT, |(_, timeout)| *timeout);
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("request timed out").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde::Serialize;
    use tower::ServiceExt as _;

    use super::*;
    use crate::http::respond::View;

    #[test]
    fn request_id_that_could_forge_a_log_line_is_replaced() {
        let kept = |id: &str| {
            let value = HeaderValue::from_bytes(id.as_bytes()).unwrap();
            request_id(&HeaderMap::from_iter([(REQUEST_ID, value)])) == id
        };
        assert!(kept("page-7.retry_2"));
        for bad in ["", "a b", "a\tb", "a=b", "가", &"x".repeat(65)] {
            assert!(!kept(bad), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn path_can_have_its_own_timeout() {
        let timeouts = Timeouts(Arc::new([("/files", Duration::from_millis(1))]));
        let never = axum::routing::get(std::future::pending::<()>);
        let router = Router::new()
            .route("/files", never)
            .route(
                "/other",
                axum::routing::get(|| tokio::time::sleep(Duration::from_millis(20))),
            )
            .layer(middleware::from_fn_with_state(timeouts, limit_time));
        for (path, status) in [
            ("/files", StatusCode::SERVICE_UNAVAILABLE),
            ("/other", StatusCode::OK),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(
                router.clone().oneshot(request).await.unwrap().status(),
                status,
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn any_kind_of_page_links_to_the_next() {
        #[derive(Serialize)]
        struct Count {
            next: Option<String>,
        }
        for next in [None, Some("abc".to_owned())] {
            let link = next
                .as_ref()
                .map(|next| format!("<?q=a&after={next}>; rel=\"next\""));
            let handler = async move || (next.clone().map(NextPage), View(Count { next }));
            let router = layers(Router::new().route("/", axum::routing::get(handler)));
            let response = router
                .oneshot(Request::get("/?q=a&after=x").body(Body::empty()).unwrap())
                .await
                .unwrap();
            assert_eq!(
                response
                    .headers()
                    .get(header::LINK)
                    .map(|link| link.to_str().unwrap().to_owned()),
                link
            );
        }
    }

    #[tokio::test]
    async fn problems_keep_cache_headers_of_inner_layers() {
        async fn private(request: Request, next: Next) -> Response {
            let mut response = next.run(request).await;
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
                .headers_mut()
                .append(header::VARY, HeaderValue::from_static("cookie"));
            response
        }
        let forbidden = || async { Problem::forbidden() };
        let routes = Router::new()
            .route("/", axum::routing::get(forbidden))
            .layer(middleware::from_fn(private));
        for (method, path, status) in [
            ("GET", "/", 403),
            ("GET", "/nothing", 404),
            ("POST", "/", 405),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .unwrap();
            let answer = layers(routes.clone()).oneshot(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
            assert_eq!(
                answer.headers()[header::CACHE_CONTROL],
                "no-store",
                "{path}"
            );
            let vary: Vec<_> = answer.headers().get_all(header::VARY).iter().collect();
            assert_eq!(vary, ["accept-language", "cookie"], "{path}");
        }
    }
}
