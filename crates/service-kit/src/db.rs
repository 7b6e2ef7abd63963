//! The pool, and the one unit of work.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgPool, Postgres, Transaction};
use tokio::sync::watch;
use uuid::Uuid;

use crate::Clock;
use crate::config::DatabaseUrl;

/// A service's database: a pool on its own schema, its clock, and a bell that rings when something was committed.
#[derive(Clone)]
pub struct Db {
    pool: PgPool,
    service: &'static str,
    clock: Arc<dyn Clock>,
    committed: Arc<watch::Sender<u64>>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// Enough for the eight requests that two cores can work on at once, the consumer's busiest partitions and some air.
const POOL_SIZE: u32 = 12;

/// After this a request gets 503 with `Retry-After` instead of waiting on.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

impl Db {
    /// A pool that has opened nothing yet.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn new(
        service: &'static str,
        url: &DatabaseUrl,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(url.expose())?
            .application_name(&format!("ktgg-{service}"))
            .options(SESSION)
            // sqlx would log every slow statement with its text; timings belong to metrics.
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(POOL_SIZE)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            service,
            clock,
            committed: Arc::new(watch::Sender::new(0)),
        })
    }

    /// The service this database belongs to.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// For reads that need no transaction.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The present instant, by this service's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Begins a unit of work.
    ///
    /// # Errors
    /// When no connection can be had in time.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        let inner = self.pool.begin().await?;
        Ok(Tx {
            inner,
            now: self.now(),
            db: self.clone(),
            rings: false,
        })
    }

    /// Rings after every commit that has something for somebody in this process: the relay, the assigner, a reader who waits.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// Rings without a commit of our own: another process said that it has committed.
    pub(crate) fn ring(&self) {
        self.committed
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A connection of its own, beside the pool: for a lock that must live as long as the connection, or for a question that must not wait
    /// until requests leave one.
    ///
    /// # Errors
    /// When the database cannot be reached in time.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        bounded(self.pool.connect_options().as_ref().clone().connect()).await
    }
}

/// Time-outs on the server's side, so that a client that vanished cannot hold a row; keepalives, so that the server notices it.
const SESSION: [(&str, &str); 5] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "20s"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
];

/// One unit of work: everything in it happens, or nothing.
///
/// The time is read once, when it begins: all that one unit of work writes carries the same instant.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    now: DateTime<Utc>,
    db: Db,
    rings: bool,
}

impl Tx {
    /// When this unit of work began.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// A new id, ordered by time.
    pub fn new_id(&self) -> Uuid {
        let since_epoch = self.now.timestamp_millis().max(0);
        uuid::Builder::from_unix_timestamp_millis(since_epoch.unsigned_abs(), &random_tail())
            .into_uuid()
    }

    /// Asks for the bell to ring once this is committed.
    pub fn notify_on_commit(&mut self) {
        self.rings = true;
    }

    /// Makes it so.
    ///
    /// # Errors
    /// When the connection was lost: then nobody knows whether it is so, and the caller must be able to ask again.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await?;
        if self.rings {
            self.db.ring();
        }
        Ok(())
    }
}

/// The random part of a version 7 id: the bytes of a version 4 id that hold neither its version nor its variant.
fn random_tail() -> [u8; 10] {
    let random = Uuid::new_v4().into_bytes();
    let mut tail = [0; 10];
    tail[..6].copy_from_slice(&random[..6]);
    tail[6..].copy_from_slice(&random[9..13]);
    tail
}

impl Deref for Tx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("service", &self.db.service)
            .finish_non_exhaustive()
    }
}

/// The name of a service's schema.
fn schema(service: &str) -> String {
    service.replace('-', "_")
}

/// Creates a service's role and schema, so that the role may touch that schema and nothing else, and the extension that searches lean on,
/// which a service may not create itself. For the sandbox and for tests; calling it again changes nothing but the password.
///
/// # Errors
/// When the URL is not a superuser's, or the database cannot be reached.
pub async fn provision(
    superuser_url: &str,
    service: &str,
    password: &str,
) -> Result<(), sqlx::Error> {
    const COLLIDED: &str = "XX000";
    let mut connection = PgConnectOptions::from_str(superuser_url)?.connect().await?;
    let schema = schema(service);
    let role = format!("ktgg_{schema}");
    check_password(password)?;
    let sql = format!(
        "do $$ begin create role {role} login; exception when duplicate_object or unique_violation then null; end $$;
         alter role {role} with login password '{password}';
         alter role {role} set search_path = {schema};
         create schema if not exists {schema} authorization {role};
         create extension if not exists pg_trgm schema public;"
    );
    loop {
        // Roles belong to the whole server: whoever provisions another database of it at the same time may be in the way.
        match sqlx::raw_sql(sqlx::AssertSqlSafe(sql.as_str()))
            .execute(&mut connection)
            .await
        {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(COLLIDED) => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    sqlx::Connection::close(connection).await
}

/// A password that goes into a statement as it is: letters and digits only.
fn check_password(password: &str) -> Result<(), sqlx::Error> {
    if password.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(sqlx::Error::Configuration(
            "the password must be letters and digits".into(),
        ))
    }
}

/// The URL of a service's role on the server and in the database of a superuser's URL.
///
/// # Errors
/// When that is no Postgres URL.
pub fn service_url(
    superuser_url: &str,
    service: &str,
    password: &str,
) -> anyhow::Result<DatabaseUrl> {
    let (scheme, rest) = superuser_url.split_once("://").context("it is no URL")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, "postgres"));
    let server = authority
        .rsplit_once('@')
        .map_or(authority, |(_, server)| server);
    let url = format!(
        "{scheme}://ktgg_{}:{password}@{server}/{path}",
        schema(service)
    );
    url.parse().map_err(anyhow::Error::msg)
}

/// How long one statement beside the pool is waited for: longer than the server lets it run.
const PATIENCE: Duration = Duration::from_secs(15);

/// The statement's result, or a time-out that counts as a lost connection: a server that vanished without a word never answers, and the
/// server's own time-outs do not help then.
pub(crate) async fn bounded<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(PATIENCE, statement)
        .await
        .map_err(late)?
}

/// Whether trying again can help: everything but what the data itself is at fault for.
///
/// Only a violated constraint (class 23) or a value that cannot be stored (class 22) is final. A lost connection, a serialization failure, a
/// deadlock, a time-out, a server that shuts down, and also a missing table or right, are conditions that end.
pub fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => !database
            .code()
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23")),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
            false
        }
        _ => true,
    }
}

/// Reads an enum from its text column. A field of a `FromRow` struct can use `#[sqlx(try_from = "String")]` instead.
///
/// # Errors
/// `Decode` when the text is not a value of the enum.
pub fn decode_enum<T>(text: impl AsRef<str>) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: Into<sqlx::error::BoxDynError>>,
{
    let text = text.as_ref();
    text.parse()
        .map_err(|error: T::Err| sqlx::Error::Decode(error.into()))
}
