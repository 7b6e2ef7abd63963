//! What the tables themselves refuse.

use chrono::{DateTime, NaiveDate, Utc};
use service_kit::Problem;
use service_kit::messaging::event_log;
use service_kit::messaging::kafka::Settings;
use service_kit::testing::{database, postgres_url};
use uuid::Uuid;

use crate::{World, a_project, append};

/// A broker that these tests do not need.
fn nowhere() -> Settings {
    Settings {
        brokers: "127.0.0.1:1".to_owned(),
        topic_prefix: "nobody".to_owned(),
    }
}

#[tokio::test]
async fn the_ledger_refuses_to_be_rewritten() {
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
async fn one_version_of_an_aggregate_is_recorded_once() {
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
async fn a_services_role_touches_no_schema_but_its_own() {
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
async fn databases_that_are_provisioned_at_once_do_not_collide() {
    assert!(!postgres_url().is_empty());
    let made =
        futures_util::future::join_all((0..12).map(|_| database(&["project", "interest"]))).await;
    assert_eq!(made.len(), 12);
}

#[tokio::test]
async fn a_date_that_the_store_has_no_number_for_is_no_fault_of_ours() {
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

/// `tests/it/migrations` begins with the kit's event path, as every service's do.
#[test]
fn the_tests_service_has_the_kits_event_path() {
    assert_eq!(
        include_str!("migrations/0001_event_path.sql"),
        include_str!("../../sql/event_path.sql")
    );
}
