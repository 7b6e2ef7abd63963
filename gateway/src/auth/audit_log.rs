//! The audit log: two tables that can be inserted into, and neither updated nor deleted from.
//!
//! An entry is written before its request is handled, and its outcome after it. Neither has values
//! of a request: see [`Entry`].

use axum::http::{Method, StatusCode};
use service_kit::auth::Role;
use service_kit::{Db, Tx};
use uuid::Uuid;

/// The role of entries by the command line, which has no session.
const SYSTEM: &str = "system";

/// One request.
pub(crate) struct Entry<'a> {
    pub(crate) role: &'a str,
    /// The account's id; `None` for the command line.
    pub(crate) actor: Option<Uuid>,
    pub(crate) method: &'a Method,
    /// Without segments that could be values.
    pub(crate) path: &'a str,
    /// The names of the body's fields.
    pub(crate) fields: &'a [String],
}

/// The path of an account.
pub(crate) fn account_location(account: Uuid) -> String {
    format!("/api/accounts/{account}")
}

/// Records that an account's owner has set the password with an invitation link, in the same
/// transaction as the password.
pub(crate) async fn password_set(
    tx: &mut Tx,
    account: Uuid,
    role: Role,
) -> Result<(), sqlx::Error> {
    let entry = Entry {
        role: role.as_str(),
        actor: Some(account),
        method: &Method::POST,
        path: "/api/auth/password",
        fields: &["password", "token"].map(str::to_owned),
    };
    insert_with_outcome(tx, &entry, StatusCode::NO_CONTENT, account).await
}

/// Records that an invitation was made on the command line, in the same transaction as the
/// invitation.
pub(crate) async fn invited_by_system(tx: &mut Tx, account: Uuid) -> Result<(), sqlx::Error> {
    let entry = Entry {
        role: SYSTEM,
        actor: None,
        method: &Method::POST,
        path: "/api/accounts/invitations",
        fields: &["login", "name", "role"].map(str::to_owned),
    };
    insert_with_outcome(tx, &entry, StatusCode::CREATED, account).await
}

async fn insert_with_outcome(
    tx: &mut Tx,
    entry: &Entry<'_>,
    status: StatusCode,
    account: Uuid,
) -> Result<(), sqlx::Error> {
    let id = insert(tx, entry).await?;
    insert_outcome(tx, id, status, Some(&account_location(account))).await
}

async fn insert(tx: &mut Tx, entry: &Entry<'_>) -> Result<Uuid, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into audit (id, at, role, actor, method, path, fields)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(now)
    .bind(entry.role)
    .bind(entry.actor)
    .bind(entry.method.as_str())
    .bind(entry.path)
    .bind(entry.fields)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// Commits an entry on its own.
pub(crate) async fn record(db: &Db, entry: &Entry<'_>) -> Result<Uuid, sqlx::Error> {
    let mut tx = db.begin().await?;
    let id = insert(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(id)
}

/// Commits the outcome of an entry on its own.
pub(crate) async fn record_outcome(
    db: &Db,
    id: Uuid,
    status: StatusCode,
    location: Option<&str>,
) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    insert_outcome(&mut tx, id, status, location).await?;
    tx.commit().await
}

async fn insert_outcome(
    tx: &mut Tx,
    id: Uuid,
    status: StatusCode,
    location: Option<&str>,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into audit_outcome (audit_id, status, at, location) values ($1, $2, $3, $4)",
    )
    .bind(id)
    .bind(i16::try_from(status.as_u16()).unwrap_or_default())
    .bind(now)
    .bind(location)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
