//! An account as staff see it.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::auth::Role;
use service_kit::http::Versioned;
use service_kit::http::describe::RoleName;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::accounts::Account;

/// An account of staff, a salesman or a consultant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    /// The account's id, which is also a staff member's id everywhere.
    pub(super) id: Uuid,
    /// The login, in lower case.
    login: String,
    /// The owner's name.
    name: String,
    /// The owner's role, which never changes.
    #[schema(value_type = RoleName)]
    role: Role,
    /// The salesman's or consultant's id; null for staff.
    person_id: Option<Uuid>,
    /// Whether the account is open.
    active: bool,
    /// Whether the salesman or consultant is active. Only active ones can sign in. Null for staff.
    person_active: Option<bool>,
    /// Whether a password is set.
    password_set: bool,
    /// When the latest invitation link expires; null without an unused one.
    invited_until: Option<DateTime<Utc>>,
    /// When the account was created.
    created_at: DateTime<Utc>,
    /// The last sign-in.
    signed_in_at: Option<DateTime<Utc>>,
    /// Also the `ETag`. It changes when the account is closed or opened.
    version: i64,
}

impl AccountView {
    pub(super) fn new(account: Account, now: DateTime<Utc>) -> Self {
        Self {
            id: account.id,
            login: account.login,
            name: account.name,
            role: account.role,
            person_id: account.person_id,
            active: account.active,
            person_active: account.person_active,
            password_set: account.password_hash.is_some(),
            invited_until: account.invited_until.filter(|until| *until > now),
            created_at: account.created_at,
            signed_in_at: account.signed_in_at,
            version: account.version,
        }
    }

    pub(super) fn versioned(account: Account, now: DateTime<Utc>) -> Versioned<Self> {
        Versioned {
            status: StatusCode::OK,
            location: None,
            version: account.version,
            view: Self::new(account, now),
        }
    }
}
