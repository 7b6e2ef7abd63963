//! Authorizes every request: CSRF protection, the session, the permission table, and the rate
//! limits of writes and reads, in this order. Those of anonymous callers come before the table, so
//! that requests that it refuses count, too.
//!
//! Unknown paths and methods are not authorized: they get the same answer for all callers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use service_kit::auth::Role;
use service_kit::http::BODY_LIMIT;
use service_kit::http::permissions::{self, Access, Permission};
use service_kit::{Problem, trace};
use tokio::time::timeout;

use crate::api::operations::STREAM_PATH;
use crate::api::permissions::PERMISSIONS;
use crate::auth::security_log::{About, SecurityEvent};
use crate::auth::sessions::Session;
use crate::edge::body::read_within;
use crate::edge::caller_limit::Caller;
use crate::edge::client_ip::{ClientIp, PeerAddress};
use crate::edge::csrf;
use crate::state::AppState;
use crate::upstream::routes::{self, API, Route};

enum Operation {
    /// One of the gateway's own.
    Own(&'static Permission),
    /// A service's, which authorizes the request itself.
    Forwarded(&'static Route),
}

impl Operation {
    /// Its path, without the ids of a request.
    fn template(&self) -> String {
        match self {
            Self::Own(row) => row.path.to_owned(),
            Self::Forwarded(route) => route.template(),
        }
    }
}

/// Refuses a request, or adds [`ClientIp`], [`Session`] and
/// [`Identity`](service_kit::auth::Identity) as extensions.
pub(crate) async fn authorize(
    State(state): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let client = request
        .extensions()
        .get::<PeerAddress>()
        .map(|PeerAddress(peer)| ClientIp::new(*peer, request.headers(), &state.trusted_proxies));
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }
    let Some(operation) = find_operation(&request)? else {
        return Ok(next.run(request).await);
    };
    let log = &state.security;
    let about = client.map(About::client).unwrap_or_default();
    let is_write = !request.method().is_safe();
    let is_ours = if is_write {
        csrf::check_write(request.headers(), &state.public_origin)
    } else if request.uri().path() == STREAM_PATH {
        csrf::check_read(request.headers(), &state.public_origin)
    } else {
        Ok(())
    };
    is_ours.inspect_err(|_| {
        let event = SecurityEvent::CrossSiteRefused;
        log.write(event, &about, &operation.template());
    })?;
    let session = match state.session_cookie.read(request.headers()) {
        Some(id_hash) => {
            // Before the query: anybody can invent a cookie.
            if let Some(client) = client {
                let counted = state.lookup_limiter.take(Caller::from(client));
                counted.map_err(log.limited(&about))?;
            }
            state.sessions.find(id_hash).await?
        }
        None => None,
    };
    let identity = session.as_ref().map(|session| &session.identity);
    let role = identity.map(|identity| identity.role);
    trace::record_role(role.map(Role::as_str));
    let about = match &session {
        Some(session) => about.and_session(session),
        None => about,
    };
    let limiter = if is_write {
        &state.write_limiter
    } else {
        &state.read_limiter
    };
    let count = |caller: Option<Caller>| match caller {
        Some(caller) => limiter.take(caller).map_err(log.limited(&about)),
        None => Ok(()),
    };
    if identity.is_none() {
        count(client.map(Caller::from))?;
    }
    let is_allowed = match operation {
        Operation::Own(row) => check_permission(row, role),
        Operation::Forwarded(route) => route.callers.authorize(role),
    };
    let log_refusal = |status| {
        if status == StatusCode::FORBIDDEN {
            log.write(SecurityEvent::RoleRefused, &about, &operation.template());
        }
    };
    is_allowed.inspect_err(|problem| log_refusal(problem.status()))?;
    count(identity.map(Caller::from))?;
    let is_private = session.is_some()
        || matches!(operation, Operation::Own(row) if row.access(None) != Access::All);
    if let Some(session) = session {
        request.extensions_mut().insert(session.identity.clone());
        request.extensions_mut().insert(session);
    }
    let mut response = match operation {
        Operation::Own(_) => run_own(state.upstream.timeouts.response, request, next).await?,
        // The proxy has timeouts of its own.
        Operation::Forwarded(_) => next.run(request).await,
    };
    // Most of a service's permissions are its own.
    log_refusal(response.status());
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("cookie"));
    if is_private {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// How much longer an operation may take than its requests to services, so that their timeouts,
/// which name the service, come first.
const TIMEOUT_MARGIN: Duration = Duration::from_millis(500);

/// Runs one of the gateway's own operations with a timeout. A write's body, which is small, is read
/// completely before anything is changed.
async fn run_own(limit: Duration, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = if parts.method.is_safe() {
        body
    } else {
        Body::from(read_within(body, BODY_LIMIT, limit).await?)
    };
    let response = next.run(Request::from_parts(parts, body));
    timeout(limit + TIMEOUT_MARGIN, response)
        .await
        .map_err(|_| Problem::unavailable("an operation timed out"))
}

/// `None` for a public page, and for an unknown path or method.
fn find_operation(request: &Request) -> Result<Option<Operation>, Problem> {
    let method = request.method();
    match request.extensions().get().map(MatchedPath::as_str) {
        Some(path) if path.starts_with(API) => find_own(method, path),
        Some(_) => Ok(None),
        None => Ok(routes::find(request.uri().path())
            .filter(|_| routes::METHODS.contains(method))
            .map(|(route, _)| Operation::Forwarded(route))),
    }
}

fn find_own(method: &Method, path: &str) -> Result<Option<Operation>, Problem> {
    match permissions::find(PERMISSIONS, method.as_str(), path) {
        Some(row) => Ok(Some(Operation::Own(row))),
        // Another method has a row: the router answers with 405.
        None if PERMISSIONS.iter().any(|row| row.path == path) => Ok(None),
        None => {
            tracing::error!(%method, path, "refusing an operation without a permission row");
            Err(Problem::forbidden())
        }
    }
}

fn check_permission(row: &Permission, role: Option<Role>) -> Result<(), Problem> {
    match (row.access(role), role) {
        (Access::No, None) => Err(Problem::unauthorized()),
        (Access::No, Some(_)) => Err(Problem::forbidden()),
        (Access::Own | Access::All, _) => Ok(()),
    }
}

/// As a handler's argument, a `Session` refuses anonymous callers; an `Option<Session>` does not.
impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let session = parts.extensions.get().cloned();
        session.ok_or_else(Problem::unauthorized)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get().cloned())
    }
}
