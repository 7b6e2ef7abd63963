//! Accounts of staff, salesmen and consultants, who sign in with login and password.

use chrono::{DateTime, Utc};
use service_kit::Tx;
use service_kit::auth::{Identity, Role};
use service_kit::forms::text;
use service_kit::http::Page;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// In characters.
pub(crate) const MAX_LOGIN_LENGTH: usize = 64;
const MIN_LOGIN_LENGTH: usize = 3;

/// The rule of [`parse_login`], for people.
pub(crate) const LOGIN_RULE: &str =
    "a login has 3 to 64 letters, digits and . _ - + @, and begins with a letter or a digit";

/// A typed login as it is compared: NFKC without invisible characters, in lower case.
pub(crate) fn comparable_login(text: &str) -> String {
    text::searchable(text).to_lowercase()
}

/// The login as it is stored. E-mail addresses are valid logins.
pub(crate) fn parse_login(text: &str) -> Option<String> {
    let text = comparable_login(text);
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte);
    let is_valid = text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && (MIN_LOGIN_LENGTH..=MAX_LOGIN_LENGTH).contains(&text.len())
        && text.bytes().all(is_allowed);
    is_valid.then_some(text)
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    /// In lower case.
    pub(crate) login: String,
    #[sqlx(try_from = "String")]
    pub(crate) role: Role,
    /// The salesman's or consultant's id; `None` for staff.
    pub(crate) person_id: Option<Uuid>,
    /// For salesmen and consultants: their present display name.
    pub(crate) name: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) active: bool,
    /// Whether the salesman or consultant is active; `None` for staff.
    pub(crate) person_active: Option<bool>,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) signed_in_at: Option<DateTime<Utc>>,
    /// When the unused invitation link expires.
    pub(crate) invited_until: Option<DateTime<Utc>>,
}

impl Account {
    /// Whether its owner can sign in.
    pub(crate) fn is_open(&self) -> bool {
        self.active && self.person_active.unwrap_or(self.person_id.is_none())
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            role: self.role,
            subject: self.person_id.unwrap_or(self.id),
            phone: None,
        }
    }
}

pub(crate) const SELECT: &str = "
    select a.id, a.login, a.role, a.person_id, coalesce(p.display_name, a.name) as name,
        a.password_hash, a.active, p.active as person_active, a.version, a.created_at,
        a.signed_in_at, i.expires_at as invited_until
    from account a
        left join person p on p.id = a.person_id
        left join invitation i on i.account_id = a.id";

pub(crate) async fn find_by_login(
    pool: &PgPool,
    login: &str,
) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(format!("{SELECT} where a.login = $1")))
        .bind(login)
        .fetch_optional(pool)
        .await
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(format!("{SELECT} where a.id = $1")))
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// Which accounts are listed; all conditions must match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountFilter {
    pub(crate) role: Option<Role>,
    /// Open or closed ones.
    pub(crate) active: Option<bool>,
    /// The account of this salesman or consultant.
    pub(crate) person: Option<Uuid>,
}

/// A page of accounts, newest first, and one row more.
pub(crate) async fn list(
    pool: &PgPool,
    filter: AccountFilter,
    page: Page,
) -> Result<Vec<Account>, sqlx::Error> {
    let sql = format!(
        "{SELECT}
         where ($1::uuid is null or a.id < $1) and ($2::text is null or a.role = $2)
             and ($3::boolean is null or a.active = $3)
             and ($4::uuid is null or a.person_id = $4)
         order by a.id desc limit $5"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(page.after)
        .bind(filter.role.map(Role::as_str))
        .bind(filter.active)
        .bind(filter.person)
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}

#[derive(Debug, Clone)]
pub(crate) struct NewAccount {
    pub(crate) login: String,
    pub(crate) role: Role,
    pub(crate) person_id: Option<Uuid>,
    pub(crate) name: String,
    /// The member of staff who creates it; `None` on the command line.
    pub(crate) created_by: Option<Uuid>,
}

/// Returns the new account's id. `None` if its login or its person already has an account.
pub(crate) async fn create(tx: &mut Tx, account: &NewAccount) -> Result<Option<Uuid>, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query_scalar(
        "insert into account
             (id, login, role, person_id, name, active, version, created_at, created_by)
         values ($1, $2, $3, $4, $5, true, 1, $6, $7)
         on conflict do nothing
         returning id",
    )
    .bind(id)
    .bind(&account.login)
    .bind(account.role.as_str())
    .bind(account.person_id)
    .bind(&account.name)
    .bind(now)
    .bind(account.created_by)
    .fetch_optional(&mut **tx)
    .await
}

/// Locks and returns the accounts with this login or of this person: two at most.
pub(crate) async fn lock_by_login_or_person(
    tx: &mut Tx,
    login: &str,
    person: Option<Uuid>,
) -> Result<Vec<Account>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(format!(
        "{SELECT} where a.login = $1 or a.person_id = $2 order by a.id for no key update of a"
    )))
    .bind(login)
    .bind(person)
    .fetch_all(&mut **tx)
    .await
}

/// Returns `false` if the account is not active.
pub(crate) async fn set_password(
    tx: &mut Tx,
    account: Uuid,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let updated = sqlx::query("update account set password_hash = $2 where id = $1 and active")
        .bind(account)
        .bind(hash)
        .execute(&mut **tx)
        .await?;
    Ok(updated.rows_affected() == 1)
}

/// Replaces the password of `account`. Returns `false` if it was changed since `account` was read,
/// or if the account is not active any more.
pub(crate) async fn change_password(
    tx: &mut Tx,
    account: &Account,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let updated = sqlx::query(
        "update account set password_hash = $3 where id = $1 and password_hash = $2 and active",
    )
    .bind(account.id)
    .bind(&account.password_hash)
    .bind(hash)
    .execute(&mut **tx)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Records a sign-in, and stores the new hash of the same password, if there is one. Returns
/// `false` if the password was changed since `account` was read, or if account or person are not
/// active any more. Locks both, so that a concurrent deactivation also ends the new session.
pub(crate) async fn record_sign_in(
    tx: &mut Tx,
    account: &Account,
    rehashed: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let updated = sqlx::query(
        "update account set signed_in_at = $3, password_hash = coalesce($4, password_hash)
         where id = $1 and active and password_hash = $2",
    )
    .bind(account.id)
    .bind(&account.password_hash)
    .bind(now)
    .bind(rehashed)
    .execute(&mut **tx)
    .await?;
    let is_recorded = updated.rows_affected() == 1;
    let Some(person) = account.person_id.filter(|_| is_recorded) else {
        return Ok(is_recorded);
    };
    let is_active: Option<bool> =
        sqlx::query_scalar("select active from person where id = $1 for share")
            .bind(person)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(is_active == Some(true))
}

/// Locks every active account of staff.
pub(crate) async fn lock_active_staff(tx: &mut Tx) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "select id from account where role = 'staff' and active order by id for no key update",
    )
    .fetch_all(&mut **tx)
    .await
}

/// Locks an account. Returns its version, and whether it is active.
pub(crate) async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<(i64, bool)>, sqlx::Error> {
    sqlx::query_as("select version, active from account where id = $1 for no key update")
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
}

pub(crate) async fn set_active(tx: &mut Tx, id: Uuid, active: bool) -> Result<(), sqlx::Error> {
    sqlx::query("update account set active = $2, version = version + 1 where id = $1")
        .bind(id)
        .bind(active)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
