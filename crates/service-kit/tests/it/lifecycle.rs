//! The life cycle of a service: start, health, stop.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::StatusCode;
use service_kit::config::Migrate;
use uuid::Uuid;

use crate::{SLOW_REQUESTS, World, a_project, get, produce_event, publishing, tallying};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outdated_schema_is_refused_with_what_to_do() {
    let world = World::new().await;
    let error = world
        .start(publishing().await, &[("MIGRATE", "check")])
        .await
        .end()
        .await
        .unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("run `project migrate` first") && error.contains("0001_event"),
        "{error}"
    );

    // A single missing migration is enough.
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
async fn current_or_newer_schema_is_served() {
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
async fn service_is_live_before_it_is_ready_and_ready_until_draining() {
    let world = World::new().await;
    let mut config = world.config(&[]);
    // No server listens there.
    let unreachable = crate::free_address();
    config.database_url = format!("postgres://x:y@{unreachable}/z").parse().unwrap();
    let admin = config.admin_listen;
    let bound = publishing()
        .await
        .bind(config, std::sync::Arc::new(service_kit::clock::SystemClock))
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
    tokio::time::timeout(crate::TIMEOUT, running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();

    let replica = world
        .start(publishing().await, &[("DRAIN_SECONDS", "2")])
        .await;
    replica.ready().await;
    let ok = |response: Option<(StatusCode, Option<String>, String)>| {
        response.map(|(status, connection, _)| (status, connection))
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
    tokio::time::timeout(crate::TIMEOUT, draining)
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
    // It serves on, and closes connections, also with problems.
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
async fn request_in_progress_is_answered_before_the_stop() {
    let world = World::new().await;
    let replica = world.run(publishing().await).await;
    let address = replica.address;
    let response = service_kit::tasks::spawn(get(address, "/slow"));
    while SLOW_REQUESTS.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    replica.stop().await;
    assert_eq!(response.await.unwrap().unwrap().2, "slow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_with_a_blocked_record_stops_in_time() {
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
        .until("the record is tallied", "select count(*) = 1 from tally")
        .await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_that_failed_to_start_is_never_ready() {
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
        "the service reported that it was ready"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_without_broker_serves_and_stops() {
    let brokers = crate::free_address().to_string();
    let kafka = service_kit::messaging::kafka::Settings::plain(brokers, "unused");
    let world = World::with(kafka).await;
    let db = world.db().await;
    crate::append(&db, 1, Uuid::from_u128(1)).await;
    let replica = world.start(tallying().await, &[]).await;
    let serving = async { while get(replica.address, "/ping").await.is_none() {} };
    tokio::time::timeout(crate::TIMEOUT, serving).await.unwrap();
    replica.stop().await;
    assert_eq!(world.count("outbox_pending").await, 1);
}
