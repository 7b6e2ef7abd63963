//! Accounts and invitations as they lie in their tables.

use chrono::{DateTime, TimeDelta, Utc};
use service_kit::Tx;
use service_kit::auth::{Identity, Role};
use service_kit::http::Page;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// How long a link can be used: whoever is invited on a Friday sets his password on Monday.
pub(crate) const INVITED: TimeDelta = TimeDelta::hours(72);

/// Somebody who signs in by login and password.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    /// In lower case.
    pub(crate) login: String,
    #[sqlx(try_from = "String")]
    pub(crate) role: KnownRole,
    /// Who he is at the salesman service; nobody there for a member of staff.
    pub(crate) person_id: Option<Uuid>,
    /// A person's name is the one that he is shown by now.
    pub(crate) name: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) active: bool,
    /// Whether the person is active at the salesman service; nothing for a member of staff.
    pub(crate) person_active: Option<bool>,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) signed_in_at: Option<DateTime<Utc>>,
    /// Until when his link can be used, if he has one.
    pub(crate) invited_until: Option<DateTime<Utc>>,
}

/// A role that an account can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownRole(pub(crate) Role);

impl TryFrom<String> for KnownRole {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl Account {
    /// Whether it lets anybody in.
    pub(crate) fn is_open(&self) -> bool {
        self.active && self.person_active.unwrap_or(self.person_id.is_none())
    }

    /// Who it signs in.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            role: self.role.0,
            subject: self.person_id.unwrap_or(self.id),
            phone: None,
        }
    }
}

const SELECT: &str =
    "select a.id, a.login, a.role, a.person_id, coalesce(p.display_name, a.name) as name, a.password_hash, a.active,
    p.active as person_active, a.version, a.created_at, a.signed_in_at, i.expires_at as invited_until
    from account a left join person p on p.id = a.person_id left join invitation i on i.account_id = a.id";

pub(crate) async fn by_login(pool: &PgPool, login: &str) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(format!("{SELECT} where a.login = $1")))
        .bind(login)
        .fetch_optional(pool)
        .await
}

pub(crate) async fn by_id(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(AssertSqlSafe(format!("{SELECT} where a.id = $1")))
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// What is wanted of a list.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) role: Option<Role>,
    pub(crate) active: Option<bool>,
}

/// A page, newest first, and one row more.
pub(crate) async fn list(
    pool: &PgPool,
    wanted: &Wanted,
    page: Page,
) -> Result<Vec<Account>, sqlx::Error> {
    let sql = format!(
        "{SELECT} where ($1::uuid is null or a.id < $1) and ($2::text is null or a.role = $2) and ($3::boolean is null or a.active = $3)
         order by a.id desc limit $4"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(page.after)
        .bind(wanted.role.map(Role::as_str))
        .bind(wanted.active)
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}

/// Somebody who is to have an account.
#[derive(Debug, Clone)]
pub(crate) struct Newcomer {
    pub(crate) login: String,
    pub(crate) role: Role,
    pub(crate) person_id: Option<Uuid>,
    pub(crate) name: String,
    /// Who made it; nobody who is signed in, on the command line.
    pub(crate) created_by: Option<Uuid>,
}

/// Makes the account, unless its login or its person has one, and tells its id.
pub(crate) async fn create(tx: &mut Tx, it: &Newcomer) -> Result<Option<Uuid>, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query_scalar(
        "insert into account (id, login, role, person_id, name, active, version, created_at, created_by)
         values ($1, $2, $3, $4, $5, true, 1, $6, $7)
         on conflict do nothing
         returning id",
    )
    .bind(id)
    .bind(&it.login)
    .bind(it.role.as_str())
    .bind(it.person_id)
    .bind(&it.name)
    .bind(now)
    .bind(it.created_by)
    .fetch_optional(&mut **tx)
    .await
}

/// The accounts that have this login or are this person's: two at most.
pub(crate) async fn alike(
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

/// Writes a link down, in the place of an older one, and tells until when it can be used.
pub(crate) async fn invite(
    tx: &mut Tx,
    account: Uuid,
    token_hash: &[u8],
) -> Result<DateTime<Utc>, sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into invitation (account_id, token_hash, created_at, expires_at) values ($1, $2, $3, $4)
         on conflict (account_id) do update
             set token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at",
    )
    .bind(account)
    .bind(token_hash)
    .bind(now)
    .bind(now + INVITED)
    .execute(&mut **tx)
    .await?;
    Ok(now + INVITED)
}

/// Whose link it is, if it can be used.
pub(crate) async fn invited(
    pool: &PgPool,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Account>, sqlx::Error> {
    let sql = format!("{SELECT} where i.token_hash = $1 and i.expires_at > $2 and a.active");
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(token_hash)
        .bind(now)
        .fetch_optional(pool)
        .await
}

/// Uses a link up. Of two who use it at once, one does.
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

/// Takes an unused link away.
pub(crate) async fn void(tx: &mut Tx, account: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from invitation where account_id = $1")
        .bind(account)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Sets the password of an active account; `false` when there is none.
pub(crate) async fn set_password(
    tx: &mut Tx,
    account: Uuid,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("update account set password_hash = $2 where id = $1 and active")
        .bind(account)
        .bind(hash)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets another password in the place of the one that was read; `false` when there is another by now, or the account is closed.
pub(crate) async fn change_password(
    tx: &mut Tx,
    account: &Account,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "update account set password_hash = $3 where id = $1 and password_hash = $2 and active",
    )
    .bind(account.id)
    .bind(&account.password_hash)
    .bind(hash)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes a sign-in, with the password's new hash if it has one; `false` when the account or its person is another by now. Holds both until the
/// end of the unit of work, so that whoever closes them at this moment ends the session too.
pub(crate) async fn signed_in(
    tx: &mut Tx,
    account: &Account,
    rehashed: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "update account set signed_in_at = $3, password_hash = coalesce($4, password_hash)
         where id = $1 and active and password_hash = $2",
    )
    .bind(account.id)
    .bind(&account.password_hash)
    .bind(now)
    .bind(rehashed)
    .execute(&mut **tx)
    .await?;
    let Some(person) = account.person_id.filter(|_| done.rows_affected() == 1) else {
        return Ok(done.rows_affected() == 1);
    };
    let there: Option<bool> =
        sqlx::query_scalar("select active from person where id = $1 for share")
            .bind(person)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(there == Some(true))
}

/// Holds every active member of staff until the end of the unit of work, and tells who they are.
pub(crate) async fn hold_staff(tx: &mut Tx) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "select id from account where role = 'staff' and active order by id for no key update",
    )
    .fetch_all(&mut **tx)
    .await
}

/// Holds an account until the end of the unit of work, and tells its version and whether it is active.
pub(crate) async fn hold(tx: &mut Tx, id: Uuid) -> Result<Option<(i64, bool)>, sqlx::Error> {
    sqlx::query_as("select version, active from account where id = $1 for no key update")
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
}

/// Opens or closes an account.
pub(crate) async fn set_active(tx: &mut Tx, id: Uuid, active: bool) -> Result<(), sqlx::Error> {
    sqlx::query("update account set active = $2, version = version + 1 where id = $1")
        .bind(id)
        .bind(active)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
