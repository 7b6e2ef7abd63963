//! Changing one's own password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, Json};
use utoipa::ToSchema;

use crate::api::accounts::attempt::Attempt;
use crate::api::session::with_cookie;
use crate::auth::passwords::{Password, Verification};
use crate::auth::security_log::{About, SecurityEvent};
use crate::auth::sessions::{self, PresentedSession, Session};
use crate::auth::{accounts, invitations};
use crate::edge::client_ip::ClientIp;
use crate::state::AppState;

/// The present and the new password.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChangePassword {
    /// The present password.
    #[serde(default)]
    #[schema(value_type = String)]
    current: Field<Password>,
    /// The new password: 10 to 128 characters that are hard to guess. Spaces and case count.
    #[serde(default)]
    #[schema(value_type = String, min_length = 10, max_length = 128)]
    password: Field<Password>,
}

/// `ChangePassword`: replaces the caller's password. Ends their other sessions, and gives this one
/// a new id.
#[utoipa::path(
    post, path = "/api/auth/password/change", tag = "auth", request_body = ChangePassword,
    responses((status = 204, description = "Changed. The session is in a new cookie")),
    extensions(
        ("x-command" = json!("ChangePassword")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["too-many-requests"])),
    ),
)]
pub(crate) async fn change_password(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    session: Session,
    presented: PresentedSession,
    Json { body, .. }: Json<ChangePassword>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let current = fields.required("/current", body.current);
    let password = fields.required("/password", body.password);
    let (Some(current), Some(password), true) = (current, password, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let id = session.account.ok_or_else(Problem::forbidden)?;
    let mut connection = state.db.pool().acquire().await?;
    let account = accounts::find(&mut connection, id)
        .await?
        .ok_or_else(Problem::forbidden)?;
    drop(connection);
    let (slot, attempt) = Attempt::begin(&state, &account.login, client).await?;
    let is_same = current == password;
    let stored = account.password_hash.clone();
    let is_right = slot.verify(current, stored).await? != Verification::Wrong;
    if !is_right {
        let about = About::client(client).and_session(&session);
        let event = SecurityEvent::SignInFailed;
        state.security.write(event, &about, "wrong-password");
        refuse_current(&mut fields);
    }
    if is_right && is_same {
        let text = Text::new(
            "지금 쓰는 비밀번호와 같습니다",
            "It is equal to the present password",
        );
        fields.refuse("/password", "the-same", text);
    } else {
        let (login, name) = (account.login.clone(), account.name.clone());
        let weakness = slot.weakness(password.clone(), login, name).await?;
        if let Some((code, text)) = weakness {
            fields.refuse("/password", code, text);
        }
    }
    if !fields.is_valid() {
        if is_right {
            // Another try with a better new password does not have to wait.
            let mut tx = state.db.begin().await?;
            attempt.succeed(&mut tx).await?;
            tx.commit().await?;
        }
        return Err(fields.problem());
    }
    let hash = slot.hash(password).await?;
    drop(slot);
    let mut tx = state.db.begin().await?;
    if !accounts::change_password(&mut tx, &account, &hash).await? {
        // A concurrent request has changed the password.
        refuse_current(&mut fields);
        return Err(fields.problem());
    }
    // A link that others may have seen must not replace this password.
    invitations::revoke(&mut tx, id).await?;
    attempt.succeed(&mut tx).await?;
    let ended = sessions::end_of_account(&mut tx, id).await?;
    let session = sessions::begin(&mut tx, &presented, &session.identity, Some(id)).await?;
    tx.commit().await?;
    let about = About::client(client);
    state
        .security
        .sessions_ended(&ended, &about, "password-changed");
    Ok(with_cookie(
        StatusCode::NO_CONTENT.into_response(),
        &state.session_cookie.set(&session),
    ))
}

fn refuse_current(fields: &mut Fields) {
    let text = Text::new("현재 비밀번호가 아닙니다", "It is not the present password");
    fields.refuse("/current", "wrong-password", text);
}
