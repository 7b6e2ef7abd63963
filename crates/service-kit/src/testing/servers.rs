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
#[expect(
    clippy::disallowed_methods,
    reason = "the environment names the servers of the tests"
)]
pub async fn kafka() -> kafka::Settings {
    let brokers = std::env::var("KTGG_TEST_KAFKA").expect(
        "KTGG_TEST_KAFKA is not set: run `cargo xtask test`, which starts Postgres and Kafka",
    );
    let settings = kafka::Settings {
        brokers,
        topic_prefix: format!("test-{}", Uuid::new_v4().simple()),
    };
    settings.create_topics().await.unwrap();
    settings
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
