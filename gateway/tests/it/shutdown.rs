//! Draining and stopping.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use service_kit::auth::Role;

use crate::test_gateway::{config, identity, start, start_with, with_timeout};

#[tokio::test]
async fn draining_gateway_serves_is_not_ready_and_closes_connections() {
    let mut config = config().await;
    config.drain = Duration::from_secs(2);
    let mut gateway = start_with(config).await;
    assert_eq!(gateway.readyz().await, 200);
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let stream = gateway.get("/api/stream").cookie(&staff).open().await;
    gateway.stop.cancel();
    // The stream ends cleanly and at once, so that the browser reconnects to another gateway.
    with_timeout("the stream ends", stream.into_body().collect())
        .await
        .unwrap();
    assert_eq!(gateway.readyz().await, 503);
    let answer = gateway.get("/api/projects").send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("connection")),
        (200, Some("close"))
    );
    with_timeout("the gateway stops", &mut gateway.task)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn request_in_progress_is_answered_before_the_stop() {
    let mut config = config().await;
    config.timeouts.response = Duration::from_secs(1);
    let gateway = start_with(config).await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let hanging = gateway.get("/api/interests/hanging").cookie(&staff).send();
    let stopping = async {
        // The first request has arrived once one on a later connection is answered.
        gateway.get("/api/projects").send().await;
        gateway.stop.cancel();
    };
    let (answer, ()) = tokio::join!(hanging, stopping);
    assert_eq!(answer.problem(), (504, "service-timeout".to_owned()));
}

#[tokio::test]
async fn stop_is_bounded_without_kafka_and_with_a_hanging_request() {
    let mut config = config().await;
    config.timeouts.response = Duration::from_mins(1);
    let mut gateway = start_with(config).await;
    let staff = gateway.cookie(&identity(Role::Staff)).await;
    let request = gateway.get("/api/interests/hanging").cookie(&staff).open();
    let stop = gateway.stop.clone();
    let started = Instant::now();
    tokio::select! {
        _ = request => panic!("the service responded"),
        () = tokio::time::sleep(Duration::from_millis(300)) => stop.cancel(),
    }
    with_timeout("the gateway stops", &mut gateway.task)
        .await
        .unwrap()
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn gateway_without_kafka_is_ready() {
    let gateway = start().await;
    assert_eq!(gateway.readyz().await, 200);
}
