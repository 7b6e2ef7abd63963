//! Asks one service something in the name of a customer, for an answer of the gateway's own: what is kept of him, and that it be forgotten.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use service_kit::Problem;
use service_kit::auth::Identity;
use service_kit::trace;
use tokio::time::{Instant, timeout_at};

use crate::api::proxy::service_unavailable;
use crate::state::AppState;
use crate::upstream::routes::Service;
use crate::upstream::tokens::now;

/// No service keeps more of one customer than this, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// What a service answered, whole.
pub(crate) struct Asked {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Asks once. 503 with the service's name when no whole answer came until the deadline.
pub(crate) async fn ask(
    door: &AppState,
    service: Service,
    method: Method,
    path: &'static str,
    who: &Identity,
    deadline: Instant,
) -> Result<Asked, Problem> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = door
        .upstream
        .uri(service, PathAndQuery::from_static(path))
        .ok_or_else(|| service_unavailable(service))?;
    let authorization = door.tokens.authorization(who, service, now())?;
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, authorization);
    if let Ok(traceparent) = HeaderValue::try_from(trace::current().unwrap_or_else(trace::start)) {
        headers.insert("traceparent", traceparent);
    }
    let answer = door
        .upstream
        .send(request, deadline)
        .await
        .map_err(|silence| {
            tracing::warn!(
                service = service.name(),
                path,
                ?silence,
                "a service cannot be asked"
            );
            service_unavailable(service)
        })?;
    let status = answer.status();
    let whole = timeout_at(
        deadline,
        Limited::new(answer.into_body(), LONGEST).collect(),
    )
    .await
    .ok()
    .and_then(Result::ok);
    let whole = whole.ok_or_else(|| {
        tracing::warn!(
            service = service.name(),
            path,
            "a service's answer did not arrive whole"
        );
        service_unavailable(service)
    })?;
    Ok(Asked {
        status,
        body: whole.to_bytes(),
    })
}
