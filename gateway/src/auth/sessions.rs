//! Who is signed in. A page holds an opaque number of 256 bits in a cookie that its script cannot read; here is the hash of it.
//!
//! Each request looks its session up, so that what is ended is ended at once, whichever gateway ends it.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use events::CustomerId;
use rand::RngExt as _;
use service_kit::auth::{Identity, Role};
use service_kit::forms::phone::Phone;
use service_kit::{Db, Problem, Tx};
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::config::PublicOrigin;

/// How long staff, salesmen and consultants may leave their page alone.
pub const IDLE: TimeDelta = TimeDelta::minutes(30);

/// How long they are signed in at the most: a working day.
pub const WORKING_DAY: TimeDelta = TimeDelta::hours(12);

/// How long a customer is signed in.
pub const MONTH: TimeDelta = TimeDelta::days(30);

/// How often a session's use is written down at the most: a page asks many things in a row.
const NOTED: TimeDelta = TimeDelta::minutes(1);

/// The bytes of an id: 256 bits.
const ID_LENGTH: usize = 32;

/// What a session is looked up by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct IdHash([u8; ID_LENGTH]);

impl IdHash {
    /// The hash of a cookie's value, if it is of the form that ours have.
    pub(crate) fn of(id: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD
            .decode(id)
            .ok()
            .filter(|bytes| bytes.len() == ID_LENGTH)?;
        Some(Self(Sha256::digest(bytes).into()))
    }
}

impl fmt::Debug for IdHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Somebody who is signed in, by which session, and until when.
///
/// As an argument of a handler it refuses whoever is not signed in; `Option<Session>` does not.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) identity: Identity,
    /// By which account; a customer has none.
    pub(crate) account: Option<Uuid>,
    /// The account's login.
    pub(crate) login: Option<String>,
    /// What the account's owner is called.
    pub(crate) name: Option<String>,
    /// What was recorded before was not recorded for this session.
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) id_hash: IdHash,
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(Problem::unauthorized)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get().cloned())
    }
}

/// The session's cookie that came along with a request, whatever it is worth. Whoever signs in ends that session: a number that somebody
/// else put into the browser is nobody's afterwards.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brought(Vec<IdHash>);

impl<S: Send + Sync> FromRequestParts<S> for Brought {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::by(&parts.headers))
    }
}

impl Brought {
    /// What these headers hold of it: under either name, because the name that is not in use here may have been before.
    pub(crate) fn by(headers: &HeaderMap) -> Self {
        let jar = CookieJar::from_headers(headers);
        Self(
            [NAME, PLAIN_NAME]
                .into_iter()
                .filter_map(|name| IdHash::of(jar.get(name)?.value()))
                .collect(),
        )
    }
}

/// A session that has just begun.
pub struct Begun {
    id: String,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    role: Role,
}

impl Begun {
    /// What the cookie holds.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun")
            .field("role", &self.role)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The sessions there are.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: Db,
}

/// What is known of a session, besides its id.
#[derive(sqlx::FromRow)]
struct Row {
    role: String,
    subject: Uuid,
    phone: Option<String>,
    account_id: Option<Uuid>,
    login: Option<String>,
    name: Option<String>,
    created_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Which sessions hold at `$1`, if colleagues must have used theirs since `$2`: whoever is closed, here or at the salesman service, has none.
macro_rules! holding {
    ($select:literal, $more:literal) => {
        concat!(
            "select ",
            $select,
            " from session s
                left join account a on a.id = s.account_id
                left join person p on p.id = s.subject and s.role in ('salesman', 'consultant')
            where s.expires_at > $1 and (s.role = 'customer' or s.used_at > $2)
                and (s.account_id is null or a.active) and coalesce(p.active, true) and ",
            $more
        )
    };
}

impl Sessions {
    /// Those in this database of the gateway.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Signs somebody in: `account` is how, for everybody but customers. Whoever has none there (in a test) is signed in all the same.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin(
        &self,
        identity: &Identity,
        account: Option<Uuid>,
    ) -> Result<Begun, sqlx::Error> {
        let mut tx = self.db.begin().await?;
        let begun = begin(&mut tx, &Brought::default(), identity, account).await?;
        tx.commit().await?;
        Ok(begun)
    }

    /// Ends the session whose cookie holds this.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn end(&self, id: &str) -> Result<(), sqlx::Error> {
        self.end_brought(&Brought(IdHash::of(id).into_iter().collect()))
            .await
    }

    /// Ends whatever session came along with a request.
    pub(crate) async fn end_brought(&self, brought: &Brought) -> Result<(), sqlx::Error> {
        if brought.0.is_empty() {
            return Ok(());
        }
        sqlx::query("delete from session where id_hash = any($1)")
            .bind(&brought.0[..])
            .execute(self.db.pool())
            .await?;
        Ok(())
    }

    /// Signs somebody out everywhere.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn end_all(&self, role: Role, subject: Uuid) -> Result<(), sqlx::Error> {
        sqlx::query("delete from session where role = $1 and subject = $2")
            .bind(role.as_str())
            .bind(subject)
            .execute(self.db.pool())
            .await?;
        Ok(())
    }

    /// Who asks, if the session holds. It asks the database for nothing but a cookie that could be ours.
    pub(crate) async fn who(
        &self,
        cookies: Cookies,
        headers: &HeaderMap,
    ) -> Result<Option<Session>, sqlx::Error> {
        let Some(id_hash) = cookies.read(headers) else {
            return Ok(None);
        };
        let now = self.db.now();
        let row: Option<Row> = sqlx::query_as(holding!(
            "s.role, s.subject, s.phone, s.account_id, a.login, coalesce(p.display_name, a.name) as name, s.created_at, s.used_at, s.expires_at",
            "s.id_hash = $3"
        ))
        .bind(now)
        .bind(now - IDLE)
        .bind(id_hash)
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        if now - row.used_at >= NOTED {
            sqlx::query("update session set used_at = greatest(used_at, $2) where id_hash = $1")
                .bind(id_hash)
                .bind(now)
                .execute(self.pool())
                .await?;
        }
        let role: Role = row
            .role
            .parse()
            .map_err(|why: &str| sqlx::Error::Decode(why.into()))?;
        let phone: Option<Phone> = row
            .phone
            .map(|phone| phone.parse())
            .transpose()
            .map_err(|_| sqlx::Error::Decode("a session's phone".into()))?;
        Ok(Some(Session {
            identity: Identity {
                role,
                subject: row.subject,
                phone,
            },
            account: row.account_id,
            login: row.login,
            name: row.name,
            created_at: row.created_at,
            expires_at: row.expires_at,
            id_hash,
        }))
    }

    /// A connection beside the pool, for a question that must not wait for whoever uses all of that.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.db.connect().await
    }

    /// Which of these sessions still hold.
    pub(crate) async fn holding(
        &self,
        connection: &mut PgConnection,
        of: &[IdHash],
    ) -> Result<HashSet<IdHash>, sqlx::Error> {
        let now = self.db.now();
        let hold: Vec<IdHash> = sqlx::query_scalar(holding!("s.id_hash", "s.id_hash = any($3)"))
            .bind(now)
            .bind(now - IDLE)
            .bind(of)
            .fetch_all(connection)
            .await?;
        Ok(hold.into_iter().collect())
    }

    /// Drops what has ended by itself.
    pub(crate) async fn prune(&self) -> Result<(), sqlx::Error> {
        let now = self.db.now();
        sqlx::query(
            "delete from session where expires_at <= $1 or (role <> 'customer' and used_at <= $2)",
        )
        .bind(now)
        .bind(now - IDLE)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    fn pool(&self) -> &PgPool {
        self.db.pool()
    }
}

/// Signs somebody in within a unit of work; the session that came along ends with it.
pub(crate) async fn begin(
    tx: &mut Tx,
    brought: &Brought,
    identity: &Identity,
    account: Option<Uuid>,
) -> Result<Begun, sqlx::Error> {
    let bytes: [u8; ID_LENGTH] = rand::rng().random();
    let now = tx.now();
    let expires_at = now
        + if identity.role == Role::Customer {
            MONTH
        } else {
            WORKING_DAY
        };
    if !brought.0.is_empty() {
        sqlx::query("delete from session where id_hash = any($1)")
            .bind(&brought.0[..])
            .execute(&mut **tx)
            .await?;
    }
    sqlx::query(
        "insert into session (id_hash, role, subject, account_id, phone, created_at, used_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $6, $7)",
    )
    .bind(IdHash(Sha256::digest(bytes).into()))
    .bind(identity.role.as_str())
    .bind(identity.subject)
    .bind(account)
    .bind(identity.phone.as_ref().map(Phone::e164))
    .bind(now)
    .bind(expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(Begun {
        id: URL_SAFE_NO_PAD.encode(bytes),
        expires_at,
        role: identity.role,
    })
}

/// Signs an account's owner out everywhere, within a unit of work.
pub(crate) async fn end_of_account(tx: &mut Tx, account: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from session where account_id = $1")
        .bind(account)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Signs a customer out everywhere, within a unit of work.
pub(crate) async fn end_of_customer(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from session where role = 'customer' and subject = $1")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The cookie's name behind TLS: a browser takes it only from this very host, over TLS, and sends it to no other.
const NAME: &str = "__Host-ktgg";

/// Its name on `http://localhost`, where there is no TLS.
const PLAIN_NAME: &str = "ktgg";

/// How the session's cookie is written and read here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    is_secure: bool,
}

impl Cookies {
    pub(crate) fn new(origin: &PublicOrigin) -> Self {
        Self {
            is_secure: origin.is_https(),
        }
    }

    const fn name(self) -> &'static str {
        if self.is_secure { NAME } else { PLAIN_NAME }
    }

    fn read(self, headers: &HeaderMap) -> Option<IdHash> {
        IdHash::of(CookieJar::from_headers(headers).get(self.name())?.value())
    }

    fn cookie(self, value: String, kept: Option<Duration>) -> Cookie<'static> {
        let cookie = Cookie::build((self.name(), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_secure);
        match kept {
            Some(kept) => cookie.max_age(kept.try_into().unwrap_or_default()).build(),
            None => cookie.build(),
        }
    }

    /// The cookie of a session that has just begun. A colleague's ends with the browser, whose machine may not be his own.
    pub(crate) fn begun(self, begun: &Begun) -> Cookie<'static> {
        let kept = (begun.role == Role::Customer).then(|| MONTH.to_std().unwrap_or_default());
        self.cookie(begun.id.clone(), kept)
    }

    /// Takes the cookie away.
    pub(crate) fn ended(self) -> Cookie<'static> {
        let mut cookie = self.cookie(String::new(), None);
        cookie.make_removal();
        cookie
    }
}
