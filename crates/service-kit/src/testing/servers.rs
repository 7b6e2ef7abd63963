//! The real Postgres and Kafka that tests use.

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use uuid::Uuid;

use crate::messaging::kafka;

/// The URL of the superuser.
///
/// # Panics
/// Without `KTGG_TEST_POSTGRES`.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment names the servers of the tests"
)]
pub fn postgres_url() -> String {
    std::env::var("KTGG_TEST_POSTGRES").expect(
        "KTGG_TEST_POSTGRES is not set: run `cargo xtask test`, which starts Postgres and Kafka",
    )
}

/// The brokers, with topics for one test.
///
/// # Panics
/// Without `KTGG_TEST_KAFKA`, or when the topics cannot be created.
pub async fn kafka() -> kafka::Settings {
    let settings = kafka_without_topics();
    settings.create_topics().await.unwrap();
    settings
}

/// The broker of the tests, and a prefix of topics that do not exist yet.
///
/// # Panics
/// Without `KTGG_TEST_KAFKA`.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment names the servers of the tests"
)]
pub fn kafka_without_topics() -> kafka::Settings {
    let brokers = std::env::var("KTGG_TEST_KAFKA").expect(
        "KTGG_TEST_KAFKA is not set: run `cargo xtask test`, which starts Postgres and Kafka",
    );
    let prefix = format!("test-{}", Uuid::new_v4().simple());
    kafka::Settings::plain(brokers, prefix)
}

/// A new database with the schemas and roles of these services.
pub async fn database(services: &[&str]) -> String {
    let admin = postgres_url();
    let name = format!("test_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&admin).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let url = in_database(&admin, &name);
    for service in services {
        crate::db::provision(&url, service, "test").await.unwrap();
    }
    url
}

/// What the sandbox's Postgres writes to its own log, also for other tests.
#[derive(Debug)]
pub struct PostgresLog {
    connection: PgConnection,
    /// The length of the log at the start, in bytes.
    start: i64,
}

impl PostgresLog {
    /// Relative to the server's data directory, as in `sandbox`.
    const PATH: &str = "../../log/postgres.log";

    /// From now on.
    ///
    /// # Panics
    /// When the server is not the sandbox's.
    pub async fn start() -> Self {
        let mut connection = PgConnection::connect(&postgres_url()).await.unwrap();
        let start = sqlx::query_scalar("select size from pg_stat_file($1)")
            .bind(Self::PATH)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        Self { connection, start }
    }

    /// What was written since the start. An error that this causes first shows that errors are
    /// written.
    ///
    /// # Panics
    /// When that error is not in the log.
    pub async fn text(&mut self) -> String {
        let marker = format!("marker_{}", Uuid::new_v4().simple());
        sqlx::query(AssertSqlSafe(format!("select {marker}()")))
            .execute(&mut self.connection)
            .await
            .unwrap_err();
        let bytes: Vec<u8> = sqlx::query_scalar("select pg_read_binary_file($1, $2, $3)")
            .bind(Self::PATH)
            .bind(self.start)
            .bind(i64::from(i32::MAX / 4))
            .fetch_one(&mut self.connection)
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.contains(&marker), "Postgres logs its errors elsewhere");
        text
    }
}

/// Replaces the name of the database.
fn in_database(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{database}")
}

/// A pool with access to all schemas of a test database.
pub async fn superuser_pool(url: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(4)
        .connect(url)
        .await
        .unwrap()
}
