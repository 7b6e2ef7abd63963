//! Sessions. The browser has an opaque id of 256 bits in a cookie; the table has its hash.
//!
//! Every request reads its session, so that an ended session ends everywhere immediately.

use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt as _;
use service_kit::auth::{Identity, Role};
use service_kit::forms::phone::Phone;
use service_kit::{Db, Tx, redacted_debug};
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// Staff, salesmen and consultants are signed out after this long without a request.
pub const IDLE_TIMEOUT: TimeDelta = TimeDelta::minutes(30);

/// The longest session of staff, salesmen and consultants: a working day.
pub const STAFF_LIFETIME: TimeDelta = TimeDelta::hours(12);

/// The length of a customer's session.
pub const CUSTOMER_LIFETIME: TimeDelta = TimeDelta::days(30);

/// `used_at` is updated at most this often, because a page sends many requests in a row.
const USED_AT_PRECISION: TimeDelta = TimeDelta::minutes(1);

const ID_BYTES: usize = 32;

/// The hash of a session's id, which is its primary key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct IdHash([u8; ID_BYTES]);

redacted_debug!(IdHash);

impl IdHash {
    /// `None` if the text is not the form of an id.
    pub(crate) fn of(id: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        (bytes.len() == ID_BYTES).then(|| Self(Sha256::digest(bytes).into()))
    }
}

/// A signed-in person's session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id_hash: IdHash,
    pub(crate) identity: Identity,
    /// `None` for customers.
    pub(crate) account: Option<Uuid>,
    /// The account's login.
    pub(crate) login: Option<String>,
    /// The name of the account's owner.
    pub(crate) name: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// The session of the request's cookie, valid or not. A sign-in ends it, so that a session id that
/// an attacker has put into the browser (session fixation) is worthless afterwards.
#[derive(Debug, Clone, Default)]
pub(crate) struct PresentedSession(pub(crate) Vec<IdHash>);

/// A session that was ended.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct EndedSession {
    #[sqlx(try_from = "String")]
    role: Role,
    subject: Uuid,
    /// The account's login.
    pub(crate) login: Option<String>,
}

impl EndedSession {
    /// Without the customer's number.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            role: self.role,
            subject: self.subject,
            phone: None,
        }
    }
}

/// Deletes sessions and returns them as [`EndedSession`].
macro_rules! delete_where {
    ($condition:literal) => {
        concat!(
            "delete from session s where ",
            $condition,
            " returning s.role, s.subject,
                (select login from account a where a.id = s.account_id) as login"
        )
    };
}

/// A session that was just created.
pub struct NewSession {
    id: String,
    /// The presented sessions, which it replaces.
    pub(crate) replaced: Vec<EndedSession>,
    /// The end of its lifetime.
    pub expires_at: DateTime<Utc>,
    pub(crate) role: Role,
}

impl NewSession {
    /// The cookie's value.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession")
            .field("role", &self.role)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The session table.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: Db,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    role: Role,
    subject: Uuid,
    phone: Option<String>,
    account_id: Option<Uuid>,
    login: Option<String>,
    name: Option<String>,
    created_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Selects sessions that are valid at `$1`. Those of staff, salesmen and consultants must have been
/// used after `$2`. A deactivated account or person has no valid session.
macro_rules! select_valid {
    ($columns:literal, $condition:literal) => {
        concat!(
            "select ",
            $columns,
            " from session s
                left join account a on a.id = s.account_id
                left join person p on p.id = s.subject and s.role in ('salesman', 'consultant')
            where s.expires_at > $1 and (s.role = 'customer' or s.used_at > $2)
                and (s.account_id is null or a.active) and coalesce(p.active, true) and ",
            $condition
        )
    };
}

impl Sessions {
    /// The sessions in the gateway's database.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Creates a session. Everybody but customers has an `account`, except in tests.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn begin(
        &self,
        identity: &Identity,
        account: Option<Uuid>,
    ) -> Result<NewSession, sqlx::Error> {
        let mut tx = self.db.begin().await?;
        let session = begin(&mut tx, &PresentedSession::default(), identity, account).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// Ends the session with this id.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn end(&self, id: &str) -> Result<(), sqlx::Error> {
        self.end_presented(&PresentedSession(IdHash::of(id).into_iter().collect()))
            .await
            .map(drop)
    }

    pub(crate) async fn end_presented(
        &self,
        presented: &PresentedSession,
    ) -> Result<Vec<EndedSession>, sqlx::Error> {
        delete(self.db.pool(), presented).await
    }

    /// Ends every session of this person.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn end_all(&self, role: Role, subject: Uuid) -> Result<(), sqlx::Error> {
        end_all(self.db.pool(), role, subject).await.map(drop)
    }

    /// The session, if it is valid.
    pub(crate) async fn find(&self, id_hash: IdHash) -> Result<Option<Session>, sqlx::Error> {
        let now = self.db.now();
        let row: Option<Row> = sqlx::query_as(select_valid!(
            "s.role, s.subject, s.phone, s.account_id, a.login,
             coalesce(p.display_name, a.name) as name, s.created_at, s.used_at, s.expires_at",
            "s.id_hash = $3"
        ))
        .bind(now)
        .bind(now - IDLE_TIMEOUT)
        .bind(id_hash)
        .fetch_optional(self.db.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        if now - row.used_at >= USED_AT_PRECISION {
            sqlx::query("update session set used_at = greatest(used_at, $2) where id_hash = $1")
                .bind(id_hash)
                .bind(now)
                .execute(self.db.pool())
                .await?;
        }
        let phone = row.phone.map(|phone| phone.parse()).transpose();
        Ok(Some(Session {
            id_hash,
            identity: Identity {
                role: row.role,
                subject: row.subject,
                phone: phone.map_err(|_| sqlx::Error::Decode("a session's phone".into()))?,
            },
            account: row.account_id,
            login: row.login,
            name: row.name,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }))
    }

    /// A connection outside of the pool, for queries that must not wait for requests.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.db.connect().await
    }

    /// The valid ones of these sessions.
    pub(crate) async fn valid(
        &self,
        connection: &mut PgConnection,
        id_hashes: &[IdHash],
    ) -> Result<HashSet<IdHash>, sqlx::Error> {
        let now = self.db.now();
        let valid: Vec<IdHash> =
            sqlx::query_scalar(select_valid!("s.id_hash", "s.id_hash = any($3)"))
                .bind(now)
                .bind(now - IDLE_TIMEOUT)
                .bind(id_hashes)
                .fetch_all(connection)
                .await?;
        Ok(valid.into_iter().collect())
    }

    /// Deletes expired and idle sessions.
    pub(crate) async fn prune(&self) -> Result<Vec<EndedSession>, sqlx::Error> {
        let now = self.db.now();
        sqlx::query_as(delete_where!(
            "s.expires_at <= $1 or (s.role <> 'customer' and s.used_at <= $2)"
        ))
        .bind(now)
        .bind(now - IDLE_TIMEOUT)
        .fetch_all(self.db.pool())
        .await
    }
}

/// Creates a session, and ends the presented one.
pub(crate) async fn begin(
    tx: &mut Tx,
    presented: &PresentedSession,
    identity: &Identity,
    account: Option<Uuid>,
) -> Result<NewSession, sqlx::Error> {
    let bytes: [u8; ID_BYTES] = rand::rng().random();
    let now = tx.now();
    let lifetime = match identity.role {
        Role::Customer => CUSTOMER_LIFETIME,
        Role::Staff | Role::Salesman | Role::Consultant => STAFF_LIFETIME,
    };
    let replaced = delete(&mut **tx, presented).await?;
    sqlx::query(
        "insert into session
             (id_hash, role, subject, account_id, phone, created_at, used_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $6, $7)",
    )
    .bind(IdHash(Sha256::digest(bytes).into()))
    .bind(identity.role.as_str())
    .bind(identity.subject)
    .bind(account)
    .bind(identity.phone.as_ref().map(Phone::e164))
    .bind(now)
    .bind(now + lifetime)
    .execute(&mut **tx)
    .await?;
    Ok(NewSession {
        id: URL_SAFE_NO_PAD.encode(bytes),
        replaced,
        expires_at: now + lifetime,
        role: identity.role,
    })
}

async fn delete(
    db: impl PgExecutor<'_>,
    presented: &PresentedSession,
) -> Result<Vec<EndedSession>, sqlx::Error> {
    if presented.0.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(delete_where!("s.id_hash = any($1)"))
        .bind(&presented.0[..])
        .fetch_all(db)
        .await
}

/// Ends every session of this person.
pub(crate) async fn end_all(
    db: impl PgExecutor<'_>,
    role: Role,
    subject: Uuid,
) -> Result<Vec<EndedSession>, sqlx::Error> {
    sqlx::query_as(delete_where!("s.role = $1 and s.subject = $2"))
        .bind(role.as_str())
        .bind(subject)
        .fetch_all(db)
        .await
}

/// Ends every session of this account.
pub(crate) async fn end_of_account(
    tx: &mut Tx,
    account: Uuid,
) -> Result<Vec<EndedSession>, sqlx::Error> {
    sqlx::query_as(delete_where!("s.account_id = $1"))
        .bind(account)
        .fetch_all(&mut **tx)
        .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use service_kit::config::Migrate;
    use service_kit::db;
    use service_kit::testing::{self, MockClock};

    use super::*;

    #[tokio::test]
    async fn expired_and_idle_sessions_are_deleted_and_returned() {
        let database = testing::database(&[crate::NAME]).await;
        let url = db::service_url(&database, crate::NAME, "test").unwrap();
        let clock = Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()));
        let db = Db::new(crate::NAME, &url, clock.clone()).unwrap();
        db.migrate(&crate::migrations(), Migrate::Apply)
            .await
            .unwrap();
        let sessions = Sessions::new(db);
        for role in [Role::Customer, Role::Staff] {
            let identity = Identity {
                role,
                subject: Uuid::from_u128(7),
                phone: None,
            };
            sessions.begin(&identity, None).await.unwrap();
        }
        let mut pruned = Vec::new();
        for wait in [TimeDelta::zero(), IDLE_TIMEOUT, CUSTOMER_LIFETIME] {
            clock.advance(wait);
            let ended = sessions.prune().await.unwrap();
            pruned.push(ended.iter().map(|ended| ended.role).collect::<Vec<_>>());
        }
        assert_eq!(pruned, [vec![], vec![Role::Staff], vec![Role::Customer]]);
    }
}
