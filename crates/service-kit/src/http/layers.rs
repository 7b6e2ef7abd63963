//! The layers around every router.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::http::page::NextPage;
use crate::http::problem::{Language, Problem};
use crate::trace;

/// How long one request may take: longer than a statement's time-out, shorter than the gateway's patience.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The layers around every router of ours, the gateway's too: trace, time-out, panics, and problems in the caller's language.
pub fn layers(router: Router) -> Router {
    router
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| {
                Problem::internal("a handler panicked").into_response()
            },
        ))
        .layer(middleware::from_fn(traced))
}

async fn traced(request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let is_head = request.method() == Method::HEAD;
    let query = request.uri().query().unwrap_or_default().to_owned();
    let given = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .and_then(trace::valid);
    let traceparent = given.unwrap_or_else(trace::start);
    trace::within(Some(traceparent), async {
        let response = next.run(request).await;
        let status = response.status();
        let mut rendered = match response.extensions().get::<Problem>() {
            Some(problem) => carry(&response, problem.render(language)),
            // What the router itself refuses: no such path, no such method.
            None if status == StatusCode::NOT_FOUND && is_bare(&response) => {
                carry(&response, Problem::not_found().render(language))
            }
            None if status == StatusCode::METHOD_NOT_ALLOWED && is_bare(&response) => {
                carry(&response, Problem::method_not_allowed().render(language))
            }
            None => response,
        };
        if let Some(link) = rendered
            .extensions()
            .get::<NextPage>()
            .and_then(|next| next.link(&query))
        {
            rendered.headers_mut().insert(header::LINK, link);
        }
        if is_head {
            *rendered.body_mut() = Body::empty();
        }
        rendered
    })
    .await
}

/// A response the router made without a body of anybody's.
fn is_bare(response: &Response) -> bool {
    !response.headers().contains_key(header::CONTENT_TYPE)
}

/// Headers that a layer put on the refusal stay on it.
fn carry(from: &Response, mut to: Response) -> Response {
    for name in [header::ALLOW, header::CACHE_CONTROL, header::CONNECTION] {
        if let Some(value) = from.headers().get(&name) {
            to.headers_mut().insert(name, value.clone());
        }
    }
    // The language is not all that it depends on.
    for value in from.headers().get_all(header::VARY) {
        to.headers_mut().append(header::VARY, value.clone());
    }
    to
}

/// Paths whose requests may take longer than [`REQUEST_TIMEOUT`].
#[derive(Debug, Clone)]
pub(crate) struct Bounds(pub(crate) Arc<[(&'static str, Duration)]>);

/// Ends a request that takes too long, with a problem.
pub(crate) async fn bounded(
    State(Bounds(slow)): State<Bounds>,
    request: Request,
    next: Next,
) -> Response {
    let own = slow
        .iter()
        .find(|(path, _)| *path == request.uri().path())
        .map(|(_, bound)| *bound);
    match tokio::time::timeout(own.unwrap_or(REQUEST_TIMEOUT), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("a request took too long").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde::Serialize;
    use tower::ServiceExt as _;

    use super::*;
    use crate::http::respond::View;

    #[tokio::test]
    async fn a_path_may_have_a_bound_of_its_own() {
        let slow: Arc<[(&'static str, Duration)]> =
            Arc::new([("/files", Duration::from_millis(1))]);
        let never = axum::routing::get(std::future::pending::<()>);
        let router = Router::new()
            .route("/files", never)
            .route(
                "/other",
                axum::routing::get(|| tokio::time::sleep(Duration::from_millis(20))),
            )
            .layer(middleware::from_fn_with_state(Bounds(slow), bounded));
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
    async fn a_page_of_any_form_links_to_the_next() {
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
    async fn what_a_layer_says_of_keeping_an_answer_is_said_of_a_refusal_too() {
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
        let refuse = || async { Problem::forbidden() };
        let routes = Router::new()
            .route("/", axum::routing::get(refuse))
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
            let depends_on: Vec<_> = answer.headers().get_all(header::VARY).iter().collect();
            assert_eq!(depends_on, ["accept-language", "cookie"], "{path}");
        }
    }
}
