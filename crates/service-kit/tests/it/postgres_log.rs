//! What Postgres writes to its own log.

use service_kit::db::service_url;
use service_kit::testing::{PostgresLog, database, superuser_pool};
use sqlx::{Executor as _, PgPool};

/// Violates both constraints with a row that contains the number. Returns what was logged.
async fn log_of_violations(pool: &PgPool, schema: &str, number: &str) -> String {
    let mut log = PostgresLog::start().await;
    let person = format!("{schema}.person");
    let create = format!(
        "create table {person} (phone text constraint {schema}_once unique, name text not null)"
    );
    let (insert, nameless) = (
        format!("insert into {person} (phone, name) values ($1, 'x')"),
        format!("insert into {person} (phone) values ($1)"),
    );
    pool.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
    let execute = async |sql: &str| {
        let query = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()));
        query.bind(number.to_owned()).execute(pool).await
    };
    execute(&insert).await.unwrap();
    execute(&insert).await.unwrap_err();
    execute(&nameless).await.unwrap_err();
    log.text().await
}

#[tokio::test]
async fn violated_constraint_of_a_service_is_logged_without_its_row() {
    let url = database(&["project"]).await;
    let own = service_url(&url, "project", "test").unwrap();
    let own = PgPool::connect(own.expose()).await.unwrap();
    let log = log_of_violations(&own, "project", "010-7391-8264").await;
    assert!(log.contains("project_once"), "{log}");
    assert!(!log.contains("010-7391-8264"), "{log}");
    // The control: any other role's row is quoted twice.
    let superuser = superuser_pool(&url).await;
    let log = log_of_violations(&superuser, "public", "010-4628-1937").await;
    assert_eq!(log.matches("010-4628-1937").count(), 2, "{log}");
}
