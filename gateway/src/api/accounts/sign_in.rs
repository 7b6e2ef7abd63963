//! Signing in with login and password.
//!
//! Every wrong attempt gets the same answer after the same time, which does not reveal whether
//! there is such an account.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, Json};
use utoipa::ToSchema;

use crate::api::accounts::attempt::Attempt;
use crate::api::session::{SignedInView, signed_in};
use crate::auth::accounts::{self, MAX_LOGIN_LENGTH, comparable_login};
use crate::auth::passwords::{Password, Verification};
use crate::auth::security_log::{About, SecurityEvent};
use crate::auth::sessions::{self, PresentedSession};
use crate::edge::client_ip::ClientIp;
use crate::state::AppState;

/// A login and a password.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SignIn {
    /// In either case.
    #[serde(default)]
    #[schema(value_type = String, max_length = 64)]
    login: Field<String>,
    /// Spaces and case count.
    #[serde(default)]
    #[schema(value_type = String)]
    password: Field<Password>,
}

/// `SignIn`: signs in a member of staff, a salesman or a consultant. Ends the previous session.
///
/// The answer does not reveal whether there is such a login. After several wrong attempts callers
/// have to wait, longer each time.
#[utoipa::path(
    post, path = "/api/auth/sign-in", tag = "auth", request_body = SignIn,
    responses((
        status = 200,
        body = SignedInView,
        description = "Signed in. The session is in the cookie",
    )),
    extensions(
        ("x-command" = json!("SignIn")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["wrong-credentials", "too-many-requests"])),
    ),
)]
pub(crate) async fn sign_in(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    presented: PresentedSession,
    Json { body, .. }: Json<SignIn>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let login = fields.text("/login", body.login, MAX_LOGIN_LENGTH);
    let password = fields.required("/password", body.password);
    let (Some(login), Some(password), true) = (login, password, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let login = comparable_login(&login);
    let about = About::client(client).and_login(&login, None);
    count_for_client(&state, client)
        .await
        .map_err(state.security.limited(&about))?;
    let (slot, attempt) = Attempt::begin(&state, &login, client).await?;
    let account = accounts::find_by_login(state.db.pool(), &login).await?;
    let stored = account
        .as_ref()
        .and_then(|account| account.password_hash.clone());
    let verification = slot.verify(password, stored).await?;
    drop(slot);
    let failed = |reason| {
        let event = SecurityEvent::SignInFailed;
        state.security.write(event, &about, reason);
        wrong_credentials()
    };
    let Some(account) = account else {
        return Err(failed("no-account"));
    };
    let Verification::Right { rehashed } = verification else {
        return Err(failed("wrong-password"));
    };
    if !account.is_open() {
        return Err(failed("account-closed"));
    }
    let mut tx = state.db.begin().await?;
    if !accounts::record_sign_in(&mut tx, &account, rehashed.as_deref()).await? {
        return Err(failed("account-changed"));
    }
    let identity = account.identity();
    let session = sessions::begin(&mut tx, &presented, &identity, Some(account.id)).await?;
    attempt.succeed(&mut tx).await?;
    tx.commit().await?;
    let view = SignedInView::new(
        &identity,
        session.expires_at,
        Some(account.name),
        Some(account.login),
    );
    let about = about.and_login(&login, Some(identity.role));
    Ok(signed_in(&state, &session, &about, view))
}

/// Counts an attempt against the limit of its address and the networks around.
async fn count_for_client(state: &AppState, client: ClientIp) -> Result<(), Problem> {
    let rate = state.limits.sign_ins_per_address;
    let mut tx = state.db.begin().await?;
    state
        .rate_limits
        .take_for_client(&mut tx, "sign-ins-per-address", client, rate, None)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// 401: the login is unknown, its account is closed or has no password, or the password is wrong.
/// The answer does not reveal which.
pub(super) fn wrong_credentials() -> Problem {
    let title = Text::new(
        "아이디 또는 비밀번호가 올바르지 않습니다",
        "The login or the password is wrong",
    );
    Problem::new(StatusCode::UNAUTHORIZED, "wrong-credentials", title)
}
