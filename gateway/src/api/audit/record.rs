//! The middleware that records what staff do.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::Body as _;
use service_kit::Problem;
use service_kit::auth::{Identity, Role};
use service_kit::http::body::{is_json, too_large};

use crate::api::audit::redact;
use crate::auth::audit_log::{self, Entry};
use crate::edge::body::read_within;
use crate::state::AppState;
use crate::upstream::routes::{self, MAX_BODY_BYTES};

/// Records a write by staff before it is handled, and its outcome after it.
pub(crate) async fn record(
    State(state): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let is_write = !request.method().is_safe();
    let staff = request
        .extensions()
        .get::<Identity>()
        .filter(|identity| is_write && identity.role == Role::Staff)
        .map(|identity| identity.subject);
    if staff.is_none() {
        return Ok(next.run(request).await);
    }
    let (request, fields) = read_field_names(&state, request).await?;
    let entry = Entry {
        role: Role::Staff.as_str(),
        actor: staff,
        method: request.method(),
        path: &redact::path(request.uri().path()),
        fields: &fields,
    };
    let id = audit_log::record(&state.db, &entry).await?;
    let response = next.run(request).await;
    let location = location(&response);
    let outcome =
        audit_log::record_outcome(&state.db, id, response.status(), location.as_deref()).await;
    // The request was carried out, so a missing outcome does not change the answer.
    if let Err(error) = outcome {
        tracing::error!(%error, audit = %id, "recording an outcome in the audit log failed");
    }
    Ok(response)
}

/// The field names of a JSON body, and the request with the same body. Other bodies, and uploads,
/// are not buffered.
async fn read_field_names(
    state: &AppState,
    request: Request,
) -> Result<(Request, Vec<String>), Problem> {
    let is_upload = routes::find(request.uri().path())
        .is_some_and(|(_, path)| routes::upload(request.method(), path).is_some());
    if !is_json(request.headers()) || is_upload {
        return Ok((request, Vec::new()));
    }
    let (parts, body) = request.into_parts();
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(too_large(MAX_BODY_BYTES));
    }
    let timeout = state.upstream.timeouts.response;
    let bytes = read_within(body, MAX_BODY_BYTES, timeout).await?;
    let names = redact::field_names(&bytes);
    Ok((Request::from_parts(parts, Body::from(bytes)), names))
}

/// The response's `Location`, such as the account of an invitation.
fn location(response: &Response) -> Option<String> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    location.starts_with('/').then(|| redact::path(location))
}
