//! The proxy: forwards a request to its service, with an internal token.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, header};
use axum::response::Response;
use service_kit::http::body::too_large;
use service_kit::{Problem, trace};
use tokio::time::Instant;

use crate::auth::sessions::Session;
use crate::state::AppState;
use crate::upstream::client::UpstreamError;
use crate::upstream::headers::{request_headers, rewrite_response_headers};
use crate::upstream::problems::service_unavailable;
use crate::upstream::request_body::RequestBody;
use crate::upstream::routes::{self, MAX_BODY_BYTES};

/// Every path that is not an operation of the gateway's own.
pub(crate) async fn forward(
    State(state): State<Arc<AppState>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (route, service_path) = routes::find(parts.uri.path()).ok_or_else(Problem::not_found)?;
    if !routes::METHODS.contains(&parts.method) {
        return Err(Problem::method_not_allowed());
    }
    trace::record_route(&route.template());
    let service = route.service;
    let target = match parts.uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{service_path}?{query}")),
        None => PathAndQuery::try_from(service_path),
    };
    let uri = target
        .ok()
        .and_then(|target| state.upstream.uri(service, target))
        .ok_or_else(Problem::not_found)?;
    let mut headers = request_headers(&parts, state.public_origin.is_https());
    if let Some(session) = parts.extensions.get::<Session>() {
        let authorization = state.upstream.authorization(&session.identity, service)?;
        headers.insert(header::AUTHORIZATION, authorization);
    } else {
        // Only signed-in callers have a stream to read after.
        headers.remove("ktgg-after");
    }
    let upload = routes::upload(&parts.method, service_path);
    let limit = upload.map_or(MAX_BODY_BYTES, |upload| upload.max_body_bytes);
    let timeout = upload.map_or(state.upstream.timeouts.response, |upload| upload.timeout);
    let deadline = Instant::now() + timeout;
    let mut body = RequestBody::read(&parts, body, limit, deadline).await?;
    let mut send = async || {
        let mut request = Request::new(body.next());
        request.method_mut().clone_from(&parts.method);
        request.uri_mut().clone_from(&uri);
        request.headers_mut().clone_from(&headers);
        let response = state.upstream.send(request, deadline).await;
        (response, body.can_be_retried())
    };
    let response = match send().await {
        (Err(UpstreamError::Connection(error)), true) => {
            tracing::debug!(service = service.as_str(), %error, "retrying a request");
            send().await.0
        }
        (response, _) => response,
    };
    let mut response = response.map_err(|error| {
        if error.is_body_too_large() {
            too_large(limit)
        } else {
            error.into_problem(service)
        }
    })?;
    let is_token_refused = response.status() == StatusCode::UNAUTHORIZED
        && parts.extensions.get::<Session>().is_some();
    if is_token_refused {
        tracing::error!(
            service = service.as_str(),
            "a service refuses the gateway's tokens: compare the clocks and the keys"
        );
        // The session is valid, so its page must not ask for a sign-in.
        return Err(service_unavailable(service));
    }
    rewrite_response_headers(response.headers_mut());
    Ok(response.map(Body::new))
}
