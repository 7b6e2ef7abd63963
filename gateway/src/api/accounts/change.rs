//! Closing and opening an account.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::auth::Staff;
use service_kit::http::problem::Text;
use service_kit::http::{Field, Fields, IfMatch, Json, Path, Versioned};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::accounts::view::AccountView;
use crate::auth::security_log::About;
use crate::auth::{accounts, invitations, sessions};
use crate::edge::client_ip::ClientIp;
use crate::state::AppState;

/// A change of an account.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChangeAccount {
    /// Whether the account is open. A closed one has no sessions, no streams and no invitation.
    #[serde(default)]
    #[schema(value_type = bool)]
    active: Field<bool>,
}

/// `ChangeAccount`: closes an account, which ends its sessions and streams, or opens it again.
#[utoipa::path(
    patch, path = "/api/accounts/{id}", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account's id"), IfMatch),
    request_body = ChangeAccount,
    responses((status = 200, body = AccountView, description = "The changed account")),
    extensions(
        ("x-command" = json!("ChangeAccount")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["own-account", "last-staff"])),
    ),
)]
pub(crate) async fn change(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    Staff(caller): Staff,
    Path(id): Path<Uuid>,
    if_match: IfMatch,
    Json { body, .. }: Json<ChangeAccount>,
) -> Result<Versioned<AccountView>, Problem> {
    let mut fields = Fields::default();
    let active = fields.required("/active", body.active);
    let Some(active) = active.filter(|_| fields.is_valid()) else {
        return Err(fields.problem());
    };
    let mut tx = state.db.begin().await?;
    // Serializes these changes, so that two members of staff cannot close each other's accounts.
    let staff = accounts::lock_active_staff(&mut tx).await?;
    // The caller's account may have been closed meanwhile. In tests a caller may have none.
    if !staff.contains(&caller.0) && accounts::lock(&mut tx, caller.0).await?.is_some() {
        return Err(Problem::unauthorized());
    }
    let (version, was_active) = accounts::lock(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if !if_match.allows(version) {
        return Err(Problem::stale(version));
    }
    let mut ended = Vec::new();
    if was_active && !active {
        if id == caller.0 {
            return Err(own_account());
        }
        if staff == [id] {
            return Err(last_staff());
        }
        invitations::revoke(&mut tx, id).await?;
        ended = sessions::end_of_account(&mut tx, id).await?;
    }
    if was_active != active {
        accounts::set_active(&mut tx, id, active).await?;
    }
    let account = accounts::find(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let now = tx.now();
    tx.commit().await?;
    let about = About::client(client);
    state
        .security
        .sessions_ended(&ended, &about, "account-closed");
    Ok(AccountView::versioned(account, now))
}

/// 409: the caller could not open it again.
pub(super) fn own_account() -> Problem {
    let title = Text::new(
        "자신의 계정은 비활성화할 수 없습니다",
        "You cannot close your own account",
    );
    Problem::conflict("own-account", title)
}

/// 409: no staff would be left to open it again.
pub(super) fn last_staff() -> Problem {
    let title = Text::new(
        "활성 관리자가 한 명은 있어야 합니다",
        "One active member of staff must remain",
    );
    Problem::conflict("last-staff", title)
}
