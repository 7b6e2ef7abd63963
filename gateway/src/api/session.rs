//! The present session, and signing out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::Cookie;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::Problem;
use service_kit::auth::{Identity, Role};
use service_kit::forms::phone::Phone;
use service_kit::http::View;
use service_kit::http::describe::RoleName;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::security_log::{About, SecurityEvent};
use crate::auth::sessions::{self, NewSession, PresentedSession, Session};
use crate::edge::client_ip::ClientIp;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(sign_out))
        .routes(routes!(sign_out_everywhere))
}

/// Who is signed in. For an anonymous caller only `signedIn` is present.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedInView {
    /// Whether the caller is signed in.
    signed_in: bool,
    /// The caller's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoleName>)]
    role: Option<&'static str>,
    /// The customer's, staff member's, salesman's or consultant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    /// The name of a member of staff, salesman or consultant.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The login of a member of staff, salesman or consultant.
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<String>,
    /// A customer's phone number, with its middle digits hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    /// When the session expires. Those of staff, salesmen and consultants also end after half an
    /// hour without a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

impl SignedInView {
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

/// The present session.
///
/// Anonymous callers get 200 too, because every page needs to know.
#[utoipa::path(
    get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, body = SignedInView, description = "Who is signed in, if anybody is")),
)]
pub(crate) async fn me(session: Option<Session>) -> View<SignedInView> {
    View(session.map_or_else(SignedInView::default, |session| {
        let (name, login) = (session.name, session.login);
        SignedInView::new(&session.identity, session.expires_at, name, login)
    }))
}

/// `SignOut`: ends this session. It succeeds without a session too.
#[utoipa::path(
    post, path = "/api/auth/sign-out", tag = "auth",
    responses((status = 204, description = "Signed out")),
    extensions(("x-command" = json!("SignOut")), ("x-events" = json!([]))),
)]
pub(crate) async fn sign_out(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    presented: PresentedSession,
) -> Result<Response, Problem> {
    let ended = state.sessions.end_presented(&presented).await?;
    state
        .security
        .sessions_ended(&ended, &About::client(client), "sign-out");
    Ok(signed_out(&state, StatusCode::NO_CONTENT))
}

/// `SignOutEverywhere`: ends every session of the caller, on all devices, and their streams.
#[utoipa::path(
    post, path = "/api/auth/sign-out-everywhere", tag = "auth",
    responses((status = 204, description = "Signed out on all devices")),
    extensions(("x-command" = json!("SignOutEverywhere")), ("x-events" = json!([]))),
)]
pub(crate) async fn sign_out_everywhere(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    session: Session,
) -> Result<Response, Problem> {
    let Identity { role, subject, .. } = session.identity;
    let ended = sessions::end_all(state.db.pool(), role, subject).await?;
    state
        .security
        .sessions_ended(&ended, &About::client(client), "sign-out-everywhere");
    Ok(signed_out(&state, StatusCode::NO_CONTENT))
}

/// The answer to every sign-in, which it logs. The session must be committed.
pub(crate) fn signed_in(
    state: &AppState,
    session: &NewSession,
    about: &About,
    view: SignedInView,
) -> Response {
    let log = &state.security;
    let how = match session.role {
        Role::Customer => "code",
        Role::Staff | Role::Salesman | Role::Consultant => "password",
    };
    log.write(SecurityEvent::SignedIn, about, how);
    log.sessions_ended(&session.replaced, about, "replaced");
    with_cookie(
        View(view).into_response(),
        &state.session_cookie.set(session),
    )
}

/// An empty answer that removes the cookie.
pub(crate) fn signed_out(state: &AppState, status: StatusCode) -> Response {
    with_cookie(status.into_response(), &state.session_cookie.remove())
}

/// Adds a cookie. One that is not a valid header becomes a 500, because without it the caller would
/// not be signed in, or out.
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
    fn an_invalid_cookie_is_an_error_and_not_omitted() {
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
