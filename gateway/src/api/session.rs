//! Who is signed in, as a page is told, and signing out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::Cookie;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::Problem;
use service_kit::auth::Identity;
use service_kit::forms::phone::Phone;
use service_kit::http::View;
use service_kit::http::describe::RoleName;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::sessions::{Begun, Brought, Session};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(sign_out))
        .routes(routes!(sign_out_everywhere))
}

/// Who is signed in. Of nobody it says that alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedInView {
    /// Whether anybody is.
    signed_in: bool,
    /// What he is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoleName>)]
    role: Option<&'static str>,
    /// The customer's, staff member's, salesman's or consultant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    /// What a colleague is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// What a colleague signs in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<String>,
    /// A customer's number, with its middle hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    /// Until when, if it is used: a colleague's session ends earlier when it is not used for half an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

impl SignedInView {
    fn nobody() -> Self {
        Self {
            signed_in: false,
            role: None,
            id: None,
            name: None,
            login: None,
            phone: None,
            expires_at: None,
        }
    }

    /// Of a customer, or of somebody whose account has this name and login.
    pub(crate) fn new(
        identity: &Identity,
        expires_at: DateTime<Utc>,
        name: Option<String>,
        login: Option<String>,
    ) -> Self {
        Self {
            signed_in: true,
            role: Some(identity.role.as_str()),
            id: Some(identity.subject),
            name,
            login,
            phone: identity.phone.as_ref().map(Phone::masked),
            expires_at: Some(expires_at),
        }
    }
}

impl From<Session> for SignedInView {
    fn from(session: Session) -> Self {
        Self::new(
            &session.identity,
            session.expires_at,
            session.name,
            session.login,
        )
    }
}

/// Who is signed in here.
///
/// Nobody is no refusal: a page asks this to know what to show.
#[utoipa::path(
    get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, body = SignedInView, description = "Who is signed in, or that nobody is")),
)]
pub(crate) async fn me(session: Option<Session>) -> View<SignedInView> {
    View(session.map_or_else(SignedInView::nobody, SignedInView::from))
}

/// `SignOut`: ends this session. Without one there is nothing to end, which is as good.
#[utoipa::path(
    post, path = "/api/auth/sign-out", tag = "auth",
    responses((status = 204, description = "Nobody is signed in here any more")),
    extensions(("x-command" = json!("SignOut")), ("x-events" = json!([]))),
)]
pub(crate) async fn sign_out(
    State(door): State<Arc<AppState>>,
    brought: Brought,
) -> Result<Response, Problem> {
    door.sessions.end_brought(&brought).await?;
    Ok(signed_out(&door, StatusCode::NO_CONTENT))
}

/// `SignOutEverywhere`: ends every session of whoever is signed in, on whatever device, and their streams.
#[utoipa::path(
    post, path = "/api/auth/sign-out-everywhere", tag = "auth",
    responses((status = 204, description = "He is signed in nowhere any more")),
    extensions(("x-command" = json!("SignOutEverywhere")), ("x-events" = json!([]))),
)]
pub(crate) async fn sign_out_everywhere(
    State(door): State<Arc<AppState>>,
    session: Session,
) -> Result<Response, Problem> {
    door.sessions
        .end_all(session.identity.role, session.identity.subject)
        .await?;
    Ok(signed_out(&door, StatusCode::NO_CONTENT))
}

/// How every sign-in is answered: who it is, and the cookie of the session that was just committed.
pub(crate) fn signed_in(door: &AppState, begun: &Begun, view: SignedInView) -> Response {
    with_cookie(View(view).into_response(), &door.cookies.begun(begun))
}

/// An answer without a body that takes the cookie away.
pub(crate) fn signed_out(door: &AppState, status: StatusCode) -> Response {
    with_cookie(status.into_response(), &door.cookies.ended())
}

/// Puts a cookie on an answer. One that cannot be written is an answer of its own: without it nobody would be signed in, or out.
pub(crate) fn with_cookie(mut response: Response, cookie: &Cookie<'_>) -> Response {
    match HeaderValue::try_from(cookie.encoded().to_string()) {
        Ok(value) => {
            response.headers_mut().append(header::SET_COOKIE, value);
            response
        }
        Err(error) => Problem::internal(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_cannot_be_written_is_not_left_out() {
        let cookie = |path| Cookie::build(("ktgg", "x")).path(path).build();
        let set = with_cookie(StatusCode::NO_CONTENT.into_response(), &cookie("/"));
        assert_eq!(
            (set.status().as_u16(), &set.headers()["set-cookie"]),
            (204, &HeaderValue::from_static("ktgg=x; Path=/"))
        );
        assert_eq!(
            with_cookie(StatusCode::NO_CONTENT.into_response(), &cookie("\n")).status(),
            500
        );
    }
}
