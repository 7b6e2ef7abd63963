//! Who gets through the door. In this order: is there such an operation, does a page of ours ask, who asks, may he, and not too often.
//!
//! What nobody could be let in to, because there is no such path or method, is not judged here: it is answered as it would be to anybody.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use service_kit::Problem;
use service_kit::auth::Role;
use service_kit::http::BODY_LIMIT;
use service_kit::http::body::read_body;
use service_kit::http::permissions::{self, Access, Permission};
use tokio::time::timeout;

use crate::api::permissions::PERMISSIONS;
use crate::api::proxy;
use crate::edge::client_ip::{Address, Peer};
use crate::edge::csrf;
use crate::edge::rate_limit::Writer;
use crate::state::AppState;
use crate::upstream::routes::{self, API, STREAM};

/// What is asked for.
enum Operation {
    /// One of the gateway's own.
    Own(&'static Permission),
    /// Something of a service's, that judges further.
    Forwarded(&'static routes::Row),
    /// A page that is no business of anybody's, or nothing at all.
    Open,
}

/// Lets a request through, with [`Address`], [`Session`](crate::auth::sessions::Session) and [`Identity`](service_kit::auth::Identity) on it.
pub(crate) async fn authorize(
    State(door): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() {
        let address = Address::of(peer, request.headers(), door.trusted_proxies);
        request.extensions_mut().insert(address);
    }
    let operation = operation(&request)?;
    if matches!(operation, Operation::Open) {
        return Ok(next.run(request).await);
    }
    let is_write = routes::leaves_a_trace(request.method(), request.uri().path());
    if is_write {
        csrf::check_write(request.headers(), &door.origin)?;
    } else if request.uri().path() == STREAM {
        csrf::check_read(request.headers(), &door.origin)?;
    }
    let session = door.sessions.who(door.cookies, request.headers()).await?;
    let role = session.as_ref().map(|session| session.identity.role);
    match operation {
        Operation::Own(row) => may(row, role)?,
        Operation::Forwarded(row) => row.callers.authorize(role)?,
        Operation::Open => {}
    }
    if is_write {
        let address = request.extensions().get::<Address>();
        let writer = match (&session, address) {
            (Some(session), _) => Some(Writer::Person(
                session.identity.role,
                session.identity.subject,
            )),
            (None, address) => address.map(|address| Writer::at(address.0)),
        };
        writer.map_or(Ok(()), |writer| door.writers.take(writer))?;
    }
    let is_private =
        session.is_some() || matches!(operation, Operation::Own(row) if row.anyone != Access::All);
    if let Some(session) = session {
        request.extensions_mut().insert(session.identity.clone());
        request.extensions_mut().insert(session);
    }
    let mut response = match operation {
        Operation::Own(_) => answer(&door, request, next).await?,
        // The services' time is measured where they are asked.
        Operation::Forwarded(_) | Operation::Open => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("cookie"));
    if is_private {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// How much longer an answer may take than what is asked of services for it: whoever asks them says which was silent.
const LONGER: Duration = Duration::from_millis(500);

/// Answers what is the gateway's own, in time: its bodies are small, and held before anything is done with them.
async fn answer(door: &AppState, request: Request, next: Next) -> Result<Response, Problem> {
    let patience = door.upstream.patience.answer;
    let (parts, body) = request.into_parts();
    let body = if parts.method.is_safe() {
        body
    } else {
        let whole = timeout(patience, read_body(body, BODY_LIMIT)).await;
        Body::from(whole.map_err(|_| proxy::incomplete(StatusCode::REQUEST_TIMEOUT))??)
    };
    let answer = timeout(
        patience + LONGER,
        next.run(Request::from_parts(parts, body)),
    )
    .await;
    answer.map_err(|_| Problem::unavailable("a request took too long"))
}

fn operation(request: &Request) -> Result<Operation, Problem> {
    let method = request.method();
    match request
        .extensions()
        .get::<MatchedPath>()
        .map(MatchedPath::as_str)
    {
        None => {
            let row = routes::find(request.uri().path())
                .map(|(row, _)| row)
                .filter(|_| proxy::METHODS.contains(method));
            Ok(row.map_or(Operation::Open, Operation::Forwarded))
        }
        Some(path) if path.starts_with(API) => own(method, path),
        Some(_) => Ok(Operation::Open),
    }
}

fn own(method: &Method, path: &str) -> Result<Operation, Problem> {
    if let Some(row) = permissions::find(PERMISSIONS, method.as_str(), path) {
        return Ok(Operation::Own(row));
    }
    if PERMISSIONS.iter().any(|row| row.path == path) {
        // 405 is the router's to say.
        return Ok(Operation::Open);
    }
    tracing::error!(%method, path, "a path without permissions is refused to everybody");
    Err(Problem::forbidden())
}

fn may(row: &Permission, role: Option<Role>) -> Result<(), Problem> {
    match (row.access(role), role) {
        (Access::No, None) => Err(Problem::unauthorized()),
        (Access::No, Some(_)) => Err(Problem::forbidden()),
        (Access::Own | Access::All, _) => Ok(()),
    }
}
