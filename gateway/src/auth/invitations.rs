//! Invitations: links with which an account's owner sets a password.
//!
//! A link is shown once, to its creator, and can be used once. A newer link replaces it, so a
//! forgotten password needs only a new invitation. But staff cannot create a link for a member of
//! staff who has a password, because they could use it to become that person: such a link is
//! created on the command line. Every link, and every password set with one, is in the audit log.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt as _;
use serde::Serialize;
use service_kit::auth::Role;
use service_kit::forms::text;
use service_kit::http::problem::ChangeError;
use service_kit::{Db, Tx};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::accounts::{self, Account, LOGIN_RULE, NewAccount, parse_login};
use crate::auth::audit_log;
use crate::config::PublicOrigin;

/// A link made on a Friday can be used on Monday.
const LIFETIME: TimeDelta = TimeDelta::hours(72);

/// In characters.
pub(crate) const MAX_NAME_LENGTH: usize = 100;

/// An invitation link, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// The account.
    pub account_id: Uuid,
    /// The page to set the password. It works once.
    pub link: String,
    /// When the link expires.
    pub expires_at: DateTime<Utc>,
}

/// Why there is no link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("This login belongs to another account")]
    LoginTaken,
    #[error("This person already has the login {0}")]
    OtherLogin(String),
    #[error("The account is closed: open it first")]
    AccountClosed,
    /// A member of staff's account.
    #[error("This member of staff has a password: only the command line can make a link for them")]
    PasswordSet,
}

/// Creates a link, and the account if there is none.
pub(crate) async fn create(
    db: &Db,
    origin: &PublicOrigin,
    account: &NewAccount,
) -> Result<Invited, ChangeError<Refusal>> {
    let mut tx = db.begin().await?;
    let account_id = match accounts::create(&mut tx, account).await? {
        Some(id) => id,
        None => existing_account(&mut tx, account)
            .await?
            .map_err(ChangeError::Refused)?,
    };
    let bytes: [u8; 32] = rand::rng().random();
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let expires_at = insert(&mut tx, account_id, &hash(&token)).await?;
    if account.created_by.is_none() {
        audit_log::invited_by_system(&mut tx, account_id).await?;
    }
    tx.commit().await?;
    Ok(Invited {
        account_id,
        // In the fragment, which browsers send to no server: it is in no log and no `Referer`.
        link: format!("{origin}/set-password#{token}"),
        expires_at,
    })
}

/// The id of the person's account, if it has the login of `invited` and can get a link.
async fn existing_account(
    tx: &mut Tx,
    invited: &NewAccount,
) -> Result<Result<Uuid, Refusal>, sqlx::Error> {
    let found = accounts::lock_by_login_or_person(tx, &invited.login, invited.person_id).await?;
    let is_same = |account: &Account| match invited.person_id {
        Some(person) => account.person_id == Some(person),
        None => account.role == invited.role && account.login == invited.login,
    };
    let is_by_staff = invited.created_by.is_some();
    Ok(match found.into_iter().find(is_same) {
        None => Err(Refusal::LoginTaken),
        Some(account) if account.login != invited.login => Err(Refusal::OtherLogin(account.login)),
        Some(account) if !account.active => Err(Refusal::AccountClosed),
        Some(account)
            if is_by_staff && account.role == Role::Staff && account.password_hash.is_some() =>
        {
            Err(Refusal::PasswordSet)
        }
        Some(account) => Ok(account.id),
    })
}

/// Creates a link for a member of staff, and the account if there is none. For the command line.
///
/// # Errors
/// When login or name are invalid, the login belongs to another role, the account is closed, or
/// the database is unreachable.
pub async fn invite_staff(
    db: &Db,
    origin: &PublicOrigin,
    login: &str,
    name: &str,
) -> anyhow::Result<Invited> {
    let login =
        parse_login(login).with_context(|| format!("invalid login {login:?}: {LOGIN_RULE}"))?;
    let name = text::clean_line(name);
    ensure!(
        (1..=MAX_NAME_LENGTH).contains(&name.chars().count()),
        "a name has 1 to {MAX_NAME_LENGTH} characters"
    );
    ensure!(
        !name.chars().any(char::is_control),
        "a name has no control characters"
    );
    let account = NewAccount {
        login,
        role: Role::Staff,
        person_id: None,
        name,
        created_by: None,
    };
    create(db, origin, &account)
        .await
        .map_err(|error| match error {
            ChangeError::Refused(refusal) => anyhow::anyhow!("{refusal}"),
            ChangeError::Store(error) => error.into(),
            ChangeError::NotFound | ChangeError::Stale { .. } => {
                anyhow::anyhow!("the account was changed in the meantime")
            }
        })
}

/// The stored form of a token.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// Stores a link in place of an older one. Returns when it expires.
async fn insert(
    tx: &mut Tx,
    account: Uuid,
    token_hash: &[u8],
) -> Result<DateTime<Utc>, sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into invitation (account_id, token_hash, created_at, expires_at)
         values ($1, $2, $3, $4)
         on conflict (account_id) do update
             set token_hash = excluded.token_hash, created_at = excluded.created_at,
                 expires_at = excluded.expires_at",
    )
    .bind(account)
    .bind(token_hash)
    .bind(now)
    .bind(now + LIFETIME)
    .execute(&mut **tx)
    .await?;
    Ok(now + LIFETIME)
}

/// The account of a link that can be used.
pub(crate) async fn find_account(
    pool: &PgPool,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Account>, sqlx::Error> {
    let select = accounts::SELECT;
    let sql = format!("{select} where i.token_hash = $1 and i.expires_at > $2 and a.active");
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(token_hash)
        .bind(now)
        .fetch_optional(pool)
        .await
}

/// Deletes a link, and returns its account. Concurrent requests with the same link get `None`.
pub(crate) async fn use_up(tx: &mut Tx, token_hash: &[u8]) -> Result<Option<Uuid>, sqlx::Error> {
    let now = tx.now();
    sqlx::query_scalar(
        "delete from invitation where token_hash = $1 and expires_at > $2 returning account_id",
    )
    .bind(token_hash)
    .bind(now)
    .fetch_optional(&mut **tx)
    .await
}

/// Deletes the account's link, if there is one.
pub(crate) async fn revoke(tx: &mut Tx, account: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from invitation where account_id = $1")
        .bind(account)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
