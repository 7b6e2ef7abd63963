//! How it ends.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use service_kit::auth::Role;

use crate::fixture::{config, in_time, somebody, start, start_with};

#[tokio::test]
async fn while_it_drains_it_serves_on_is_not_ready_and_lets_go_of_its_clients() {
    let mut config = config().await;
    config.drain = Duration::from_secs(2);
    let mut gateway = start_with(config).await;
    assert_eq!(gateway.readyz().await, 200);
    let staff = gateway.cookie(&somebody(Role::Staff)).await;
    let stream = gateway.get("/api/stream").cookie(&staff).open().await;
    gateway.stop.cancel();
    // The stream ends at once, and whole: the browser comes back elsewhere.
    in_time("the stream ends", stream.into_body().collect())
        .await
        .unwrap();
    assert_eq!(gateway.readyz().await, 503);
    let answer = gateway.get("/api/projects").send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("connection")),
        (200, Some("close"))
    );
    in_time("the gateway stops", &mut gateway.task)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_request_in_flight_is_finished_before_it_ends() {
    let mut config = config().await;
    config.patience.answer = Duration::from_secs(1);
    let gateway = start_with(config).await;
    let staff = gateway.cookie(&somebody(Role::Staff)).await;
    let asked = gateway.get("/api/interests/never").cookie(&staff).send();
    let stopping = async {
        // The request is there once another one on a later connection was answered.
        gateway.get("/api/projects").send().await;
        gateway.stop.cancel();
    };
    let (answer, ()) = tokio::join!(asked, stopping);
    assert_eq!(answer.problem(), (504, "service-timeout".to_owned()));
}

#[tokio::test]
async fn it_ends_soon_although_kafka_is_away_and_a_request_hangs() {
    let mut config = config().await;
    config.patience.answer = Duration::from_mins(1);
    let mut gateway = start_with(config).await;
    let staff = gateway.cookie(&somebody(Role::Staff)).await;
    let request = gateway.get("/api/interests/never").cookie(&staff).open();
    let stop = gateway.stop.clone();
    let started = Instant::now();
    tokio::select! {
        _ = request => panic!("nothing answers there"),
        () = tokio::time::sleep(Duration::from_millis(300)) => stop.cancel(),
    }
    in_time("the gateway stops", &mut gateway.task)
        .await
        .unwrap()
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn a_gateway_without_kafka_is_ready_and_alive() {
    let gateway = start().await;
    assert_eq!(gateway.readyz().await, 200);
}
