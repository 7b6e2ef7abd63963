//! The caller of a request: the middleware and the extractors.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use events::StaffId;

use crate::auth::token::{Identity, Role, Verifier};
use crate::http::problem::Problem;
use crate::trace;

/// The state of [`identify`].
#[derive(Debug, Clone)]
pub(crate) struct TokenCheck {
    pub(crate) verifier: Verifier,
    pub(crate) service: &'static str,
}

/// Adds the [`Identity`] of a valid token to the request. Refuses an invalid token: such a caller
/// is not treated as anonymous.
pub(crate) async fn identify(
    State(check): State<TokenCheck>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut role = None;
    if let Some(value) = request.headers().get(header::AUTHORIZATION) {
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix("Bearer "));
        let identity = token.and_then(|token| check.verifier.verify(token, check.service));
        let Some(identity) = identity else {
            return Problem::unauthorized().into_response();
        };
        role = Some(identity.role.as_str());
        request.extensions_mut().insert(identity);
    }
    trace::record_role(role);
    next.run(request).await
}

/// Refuses an anonymous caller with 401, before the body is read.
impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Problem::unauthorized)
    }
}

/// A member of staff, for handlers that need the id. The permission table refuses other callers.
#[derive(Debug, Clone, Copy)]
pub struct Staff(pub StaffId);

impl<S: Send + Sync> FromRequestParts<S> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let identity = Identity::from_request_parts(parts, state).await?;
        if identity.role == Role::Staff {
            Ok(Self(StaffId(identity.subject)))
        } else {
            Err(Problem::forbidden())
        }
    }
}
