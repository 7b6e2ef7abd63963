//! The connection pool and the transaction.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool, Postgres, Transaction};
use tokio::sync::watch;
use uuid::{NoContext, Timestamp, Uuid};

use crate::Clock;
use crate::config::DatabaseUrl;

/// A service's database: a pool on its own schema, its clock, and notifications of commits.
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

/// Eight requests that two cores work on at a time, the consumer's batches, and some more.
const POOL_SIZE: u32 = 12;

/// After this, a request is answered with 503 and `Retry-After`.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Of a statement of [`Db::begin_public_read`].
pub const PUBLIC_READ_TIMEOUT: Duration = Duration::from_secs(2);

impl Db {
    /// A pool without connections yet.
    ///
    /// # Errors
    /// When the URL is invalid.
    pub fn new(
        service: &'static str,
        url: &DatabaseUrl,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(url.expose())?
            .application_name(&format!("ktgg-{service}"))
            .options(SESSION)
            // sqlx would log slow statements with their text.
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

    /// The name of the service.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The pool, for reads without a transaction.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The current instant, by the service's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The clock, for what needs no connection: a clone of the database keeps the pool open.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Reads the database's clock, for a clock that follows it: once before the first request, and
    /// again from time to time.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn read_clock(&self) -> Result<(), sqlx::Error> {
        // The wait for a connection says nothing about the way of the answer.
        let mut connection = self.pool.acquire().await?;
        let started = Instant::now();
        let now: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
            .fetch_one(&mut *connection)
            .await?;
        // On average, the answer was half as long on its way as the whole took.
        self.clock
            .follow(now + TimeDelta::from_std(started.elapsed() / 2).unwrap_or_default());
        Ok(())
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When there is no connection in time.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        let inner = self.pool.begin().await?;
        Ok(Tx {
            inner,
            now: self.now(),
            db: self.clone(),
            notifies: false,
        })
    }

    /// Begins a read that anybody may cause. Each of its statements may take
    /// [`PUBLIC_READ_TIMEOUT`], so that it soon gives back the connection that others wait for.
    ///
    /// # Errors
    /// When there is no connection in time.
    pub async fn begin_public_read(&self) -> Result<Tx, sqlx::Error> {
        let mut tx = self.begin().await?;
        let millis = PUBLIC_READ_TIMEOUT.as_millis();
        let sql = format!("set transaction read only; set local statement_timeout = {millis}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        Ok(tx)
    }

    /// Changes after each commit that other tasks of this process wait for, such as the relay.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    fn notify_committed(&self) {
        self.committed
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A connection outside the pool: for a lock that lives as long as its connection, or for a
    /// query that must not wait for the pool.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        bounded(self.pool.connect_options().as_ref().clone().connect()).await
    }
}

/// Timeouts on the server, so that a lost client cannot hold a lock; keepalives, so that the server
/// notices the loss.
const SESSION: [(&str, &str); 5] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "20s"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
];

/// A transaction.
///
/// The time is read once, at its beginning: everything that it writes has the same instant.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    now: DateTime<Utc>,
    db: Db,
    notifies: bool,
}

impl Tx {
    /// The instant at which the transaction began.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// A new UUID of version 7.
    pub fn new_id(&self) -> Uuid {
        let millis = self.now.timestamp_millis().max(0).unsigned_abs();
        let nanos = self.now.timestamp_subsec_nanos();
        Uuid::new_v7(Timestamp::from_unix(NoContext, millis / 1000, nanos))
    }

    /// Takes the service's advisory lock of that name until the transaction ends. What is read
    /// under it needs a later statement, which sees what was committed while this one waited.
    ///
    /// # Errors
    /// When the wait for the lock times out, or the connection was lost.
    pub async fn lock(&mut self, name: &str) -> Result<(), sqlx::Error> {
        self.advisory_lock("pg_advisory_xact_lock", name).await
    }

    /// The same, together with others that share it.
    ///
    /// # Errors
    /// As [`Self::lock`].
    pub async fn lock_shared(&mut self, name: &str) -> Result<(), sqlx::Error> {
        self.advisory_lock("pg_advisory_xact_lock_shared", name)
            .await
    }

    async fn advisory_lock(
        &mut self,
        function: &'static str,
        name: &str,
    ) -> Result<(), sqlx::Error> {
        // The seed is not that of other users of the database's advisory locks.
        let sql = format!("select {function}(hashtextextended(current_schema() || '/' || $1, 2))");
        sqlx::query(AssertSqlSafe(sql))
            .bind(name)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Makes the commit change [`Db::committed`].
    pub fn notify_on_commit(&mut self) {
        self.notifies = true;
    }

    /// Commits.
    ///
    /// # Errors
    /// When the connection was lost: then the outcome is unknown, and the caller must be able to
    /// retry.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await?;
        if self.notifies {
            self.db.notify_committed();
        }
        Ok(())
    }
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

/// The schema of a service.
fn schema(service: &str) -> String {
    service.replace('-', "_")
}

/// Creates a service's schema, a role that can access only this schema, and the extension for
/// searches, which the role may not create. For the sandbox and for tests. A repeated call changes
/// only the password.
///
/// What Postgres logs about the role's errors is terse: without the `DETAIL` that quotes the row of
/// a violated constraint.
///
/// # Errors
/// When the URL is not a superuser's, or the database is unreachable.
pub async fn provision(
    superuser_url: &str,
    service: &str,
    password: &str,
) -> Result<(), sqlx::Error> {
    /// "tuple concurrently updated".
    const CONCURRENT_UPDATE: &str = "XX000";
    let mut connection = PgConnectOptions::from_str(superuser_url)?.connect().await?;
    let schema = schema(service);
    let role = format!("ktgg_{schema}");
    check_password(password)?;
    let sql = format!(
        "do $$ begin create role {role} login;
         exception when duplicate_object or unique_violation then null; end $$;
         alter role {role} with login password '{password}';
         alter role {role} set search_path = {schema};
         do $$ begin alter role {role} set log_error_verbosity = terse;
         exception when insufficient_privilege then null; end $$;
         create schema if not exists {schema} authorization {role};
         create extension if not exists pg_trgm schema public;"
    );
    loop {
        // Roles belong to the whole server, and another database may be provisioned at the same
        // time.
        match sqlx::raw_sql(AssertSqlSafe(sql.as_str()))
            .execute(&mut connection)
            .await
        {
            Err(sqlx::Error::Database(error))
                if error.code().as_deref() == Some(CONCURRENT_UPDATE) => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    sqlx::Connection::close(connection).await
}

/// The password becomes part of a statement.
fn check_password(password: &str) -> Result<(), sqlx::Error> {
    if password.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(sqlx::Error::Configuration(
            "the password must be letters and digits".into(),
        ))
    }
}

/// The URL of a service's role, for the server and database of a superuser's URL.
///
/// # Errors
/// When that is not a Postgres URL.
pub fn service_url(
    superuser_url: &str,
    service: &str,
    password: &str,
) -> anyhow::Result<DatabaseUrl> {
    let (scheme, rest) = superuser_url.split_once("://").context("not a URL")?;
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

/// For one statement outside the pool: longer than the server lets it run.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// Bounds a statement on the client, for when the server is lost without closing the connection.
pub(crate) async fn bounded<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let timed_out = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(STATEMENT_TIMEOUT, statement)
        .await
        .map_err(timed_out)?
}

/// Whether a retry can help: always, except when the data is the cause.
///
/// That is a violated constraint (class 23), or a value that cannot be stored (class 22) or
/// decoded. Temporary are a lost connection, a serialization failure, a deadlock, a timeout, a
/// server that shuts down, and a missing table or privilege, too.
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

/// Reads an enum from its text column. In a `FromRow` struct, `#[sqlx(try_from = "String")]` does
/// the same.
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
