//! How a service starts, tells that it lives, and stops.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::StatusCode;
use service_kit::config::Migrate;
use uuid::Uuid;

use crate::{INSIDE, World, a_project, get, produce_event, publishing, tallying};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_older_than_the_build_is_refused_with_what_to_do() {
    let world = World::new().await;
    let error = world
        .start(publishing().await, &[("MIGRATE", "check")])
        .await
        .end()
        .await
        .unwrap_err();
    let said = format!("{error:#}");
    assert!(
        said.contains("run `project migrate` first") && said.contains("0001_event"),
        "{said}"
    );

    // One of two migrations is not enough.
    let db = world.db().await;
    sqlx::query("delete from _sqlx_migrations where version = 2")
        .execute(&world.pool)
        .await
        .unwrap();
    let error = db
        .migrate(&crate::migrations().await, Migrate::Check)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the schema of project lacks 0002_tally: run `project migrate` first"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_as_new_as_the_build_or_newer_is_served() {
    let world = World::new().await;
    world.db().await;
    sqlx::query("insert into _sqlx_migrations select 3, 'later', now(), true, '', 0")
        .execute(&world.pool)
        .await
        .unwrap();
    let replica = world
        .start(publishing().await, &[("MIGRATE", "check")])
        .await;
    replica.ready().await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_lives_before_it_is_ready_and_is_ready_until_it_drains() {
    let world = World::new().await;
    let mut elsewhere = world.config(&[]);
    // A server that nobody answers at: the database is away.
    let nobody = crate::free_address();
    elsewhere.database_url = format!("postgres://x:y@{nobody}/z").parse().unwrap();
    let admin = elsewhere.admin_listen;
    let bound = publishing()
        .await
        .bind(
            elsewhere,
            std::sync::Arc::new(service_kit::clock::SystemClock),
        )
        .await
        .unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let running = service_kit::tasks::spawn(bound.run(stop.clone()));
    assert_eq!(get(admin, "/livez").await.unwrap().0, StatusCode::OK);
    let (status, _, body) = get(admin, "/readyz").await.unwrap();
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"starting"}"#)
    );
    stop.cancel();
    tokio::time::timeout(crate::PATIENCE, running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();

    let replica = world
        .start(publishing().await, &[("DRAIN_SECONDS", "2")])
        .await;
    replica.ready().await;
    let ok = |answer: Option<(StatusCode, Option<String>, String)>| {
        answer.map(|(status, connection, _)| (status, connection))
    };
    assert_eq!(
        ok(get(replica.admin, "/livez").await),
        Some((StatusCode::OK, None))
    );
    assert_eq!(
        get(replica.admin, "/readyz").await.unwrap().2,
        r#"{"status":"ready"}"#
    );
    assert_eq!(
        ok(get(replica.address, "/ping").await),
        Some((StatusCode::OK, None))
    );
    replica.stop.cancel();
    let draining =
        async { while get(replica.admin, "/readyz").await.unwrap().0 == StatusCode::OK {} };
    tokio::time::timeout(crate::PATIENCE, draining)
        .await
        .unwrap();
    assert_eq!(
        get(replica.admin, "/readyz").await.unwrap().2,
        r#"{"status":"draining"}"#
    );
    assert_eq!(
        get(replica.admin, "/livez").await.unwrap().0,
        StatusCode::OK
    );
    // It serves on, and tells clients to go elsewhere; refusals too.
    assert_eq!(
        ok(get(replica.address, "/ping").await),
        Some((StatusCode::OK, Some("close".to_owned())))
    );
    assert_eq!(
        ok(get(replica.address, "/nothing").await),
        Some((StatusCode::NOT_FOUND, Some("close".to_owned())))
    );
    let address = replica.address;
    replica.end().await.unwrap();
    assert!(get(address, "/ping").await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_being_answered_when_the_service_stops_is_answered() {
    let world = World::new().await;
    let replica = world.run(publishing().await).await;
    let address = replica.address;
    let asked = service_kit::tasks::spawn(get(address, "/slow"));
    while INSIDE.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    replica.stop().await;
    assert_eq!(asked.await.unwrap().unwrap().2, "slow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_stuck_on_a_record_stops_within_its_bounds_and_loses_nothing() {
    let world = World::new().await;
    world.db().await;
    sqlx::query("insert into obstacle values ($1, 1)")
        .bind(Uuid::from_u128(1))
        .execute(&world.pool)
        .await
        .unwrap();
    produce_event(
        &world.producer(),
        &world.kafka,
        1,
        &a_project(Uuid::from_u128(1)),
    )
    .await;
    let replica = world.run(tallying().await).await;
    let started = tokio::time::Instant::now();
    replica.stop().await;
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    sqlx::query("delete from obstacle")
        .execute(&world.pool)
        .await
        .unwrap();
    let replica = world.run(tallying().await).await;
    world
        .until("it is tallied", "select count(*) = 1 from tally")
        .await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_could_not_start_never_says_that_it_is_ready() {
    let world = World::new().await;
    let replica = world
        .start(publishing().await, &[("MIGRATE", "check")])
        .await;
    let ready = replica.ready.lock().await.take().unwrap();
    replica.end().await.unwrap_err();
    assert!(
        tokio::time::timeout(Duration::from_millis(300), ready)
            .await
            .is_err(),
        "it said that it was ready"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_its_broker_serves_and_stops() {
    let kafka = service_kit::messaging::kafka::Settings {
        brokers: crate::free_address().to_string(),
        topic_prefix: "nobody".to_owned(),
    };
    let world = World::with(kafka).await;
    let db = world.db().await;
    crate::append(&db, 1, Uuid::from_u128(1)).await;
    let replica = world.start(tallying().await, &[]).await;
    let serving = async { while get(replica.address, "/ping").await.is_none() {} };
    tokio::time::timeout(crate::PATIENCE, serving)
        .await
        .unwrap();
    replica.stop().await;
    assert_eq!(world.count("outbox_pending").await, 1);
}
