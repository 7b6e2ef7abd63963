//! Setting a password with an invitation link.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, Json};
use utoipa::ToSchema;

use crate::auth::passwords::Password;
use crate::auth::security_log::About;
use crate::auth::{accounts, audit_log, invitations, sessions};
use crate::edge::client_ip::ClientIp;
use crate::state::AppState;

/// In characters.
const MAX_TOKEN_LENGTH: usize = 100;

/// A password and an invitation link.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SetPassword {
    /// The part of the link after `#`.
    #[serde(default)]
    #[schema(value_type = String)]
    token: Field<String>,
    /// 10 to 128 characters that are hard to guess. Spaces and case count.
    #[serde(default)]
    #[schema(value_type = String, min_length = 10, max_length = 128)]
    password: Field<Password>,
}

/// `SetPassword`: sets the password of the link's account, once. Ends the account's sessions.
#[utoipa::path(
    post, path = "/api/auth/password", tag = "auth", request_body = SetPassword,
    responses((status = 204, description = "The password is set")),
    extensions(
        ("x-command" = json!("SetPassword")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["wrong-link"])),
    ),
)]
pub(crate) async fn set_password(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    Json { body, .. }: Json<SetPassword>,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::default();
    let token = fields.text("/token", body.token, MAX_TOKEN_LENGTH);
    let password = fields.required("/password", body.password);
    let (Some(token), Some(password), true) = (token, password, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let token_hash = invitations::hash(&token);
    let account = invitations::find_account(state.db.pool(), &token_hash, state.db.now())
        .await?
        .ok_or_else(wrong_link)?;
    let slot = state.passwords.slot().await?;
    let weakness = slot
        .weakness(password.clone(), account.login, account.name)
        .await?;
    if let Some((code, text)) = weakness {
        fields.refuse("/password", code, text);
        return Err(fields.problem());
    }
    let password_hash = slot.hash(password).await?;
    drop(slot);
    let id = account.id;
    let mut tx = state.db.begin().await?;
    // Locks the account before its link, as a new invitation does. A concurrent invitation waits,
    // and then finds the password.
    accounts::lock(&mut tx, id).await?.ok_or_else(wrong_link)?;
    let is_used = invitations::use_up(&mut tx, &token_hash).await? == Some(id);
    if !is_used || !accounts::set_password(&mut tx, id, &password_hash).await? {
        return Err(wrong_link());
    }
    invitations::revoke(&mut tx, id).await?;
    let ended = sessions::end_of_account(&mut tx, id).await?;
    audit_log::password_set(&mut tx, id, account.role).await?;
    tx.commit().await?;
    state
        .security
        .sessions_ended(&ended, &About::client(client), "password-set");
    Ok(StatusCode::NO_CONTENT)
}

/// 422: the link is used, replaced, expired or unknown, or its account is closed. The answer does
/// not reveal which.
pub(super) fn wrong_link() -> Problem {
    let title = Text::new(
        "사용할 수 없는 링크입니다. 새 링크를 요청해 주세요",
        "This link cannot be used any more: ask for a new one",
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-link", title)
}
