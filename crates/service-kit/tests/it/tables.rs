//! Constraints and privileges of the database.

use chrono::{DateTime, NaiveDate, Utc};
use service_kit::Problem;
use service_kit::messaging::event_log;
use service_kit::messaging::kafka::Settings;
use service_kit::testing::{database, postgres_url};
use uuid::Uuid;

use crate::{World, a_project, append};

/// A broker that does not exist.
fn nowhere() -> Settings {
    Settings::plain("127.0.0.1:1", "unused")
}

#[tokio::test]
async fn event_log_is_immutable() {
    let world = World::with(nowhere()).await;
    append(&world.db().await, 1, Uuid::from_u128(1)).await;
    for sql in [
        "update event_log set version = 2",
        "update event_log set payload = '{}'",
        "delete from event_log",
        "delete from event_log where false",
        "truncate event_log",
    ] {
        let error = sqlx::query(sql).execute(&world.pool).await.unwrap_err();
        assert!(
            error.to_string().contains("event_log is immutable"),
            "{sql}: {error}"
        );
    }
    assert_eq!(world.count("event_log").await, 1);
}

#[tokio::test]
async fn version_of_an_aggregate_is_unique() {
    let world = World::with(nowhere()).await;
    let db = world.db().await;
    append(&db, 1, Uuid::from_u128(1)).await;
    let mut tx = db.begin().await.unwrap();
    assert!(
        event_log::append(&mut tx, 1, &a_project(Uuid::from_u128(1)))
            .await
            .is_err()
    );
    drop(tx);
    assert_eq!(
        (
            world.count("event_log").await,
            world.count("outbox_pending").await
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn role_of_a_service_can_only_access_its_schema() {
    let url = database(&["project", "interest"]).await;
    let own = service_kit::db::service_url(&url, "project", "test").unwrap();
    let pool = sqlx::PgPool::connect(own.expose()).await.unwrap();
    assert!(
        sqlx::query("create table interest.x (id int)")
            .execute(&pool)
            .await
            .is_err()
    );
    assert!(
        sqlx::query("create table public.x (id int)")
            .execute(&pool)
            .await
            .is_err()
    );
    sqlx::query("create table x (id int)")
        .execute(&pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn databases_can_be_provisioned_concurrently() {
    assert!(!postgres_url().is_empty());
    let provisioned =
        futures_util::future::join_all((0..12).map(|_| database(&["project", "interest"]))).await;
    assert_eq!(provisioned.len(), 12);
}

#[tokio::test]
async fn date_out_of_range_is_the_callers_error() {
    let world = World::with(nowhere()).await;
    let date = sqlx::query("select $1::date")
        .bind(NaiveDate::MIN)
        .execute(&world.pool)
        .await
        .unwrap_err();
    let instant = sqlx::query("select $1::timestamptz")
        .bind(DateTime::<Utc>::MIN_UTC)
        .execute(&world.pool)
        .await
        .unwrap_err();
    for error in [date, instant] {
        let problem = Problem::from(error);
        assert_eq!(
            (problem.status().as_u16(), problem.slug()),
            (422, "wrong-query")
        );
    }
    let other = sqlx::query("select 1 / 0")
        .execute(&world.pool)
        .await
        .unwrap_err();
    assert_eq!(Problem::from(other).status().as_u16(), 500);
}

#[test]
fn first_migration_equals_the_event_path_of_the_kit() {
    assert_eq!(
        include_str!("migrations/0001_event_path.sql"),
        include_str!("../../sql/event_path.sql")
    );
}
