//! What goes on while a part of the system is away.

use std::time::Duration;

use ktgg::host::Installation;
use ktgg::keys::Keys;
use serde_json::Value;

use crate::system::{self, Alone, LetIn, Programs, Scratch, eventually};

/// The promise is 25 s; the process keeps three of them as a margin.
const STOPS_WITHIN: Duration = Duration::from_secs(25);

const PHONE: &str = "010-1234-5678";

/// The id of a consultation that was accepted just now.
async fn ask(place: &Installation, customer: &str, body: &Value) -> String {
    let view = place
        .client()
        .post("/api/consultations", customer, body)
        .await
        .unwrap();
    view["id"].as_str().unwrap().to_owned()
}

async fn until_matched(place: &Installation, customer: &str, id: &str) {
    eventually("the consultation has its salesman", async || {
        let view = place
            .client()
            .get(&format!("/api/consultations/{id}"), customer)
            .await
            .ok()?;
        view["salesman"]["id"].as_str().map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consultations_and_interests_are_accepted_while_kafka_is_away_and_catch_up_by_themselves() {
    let scratch = Scratch::new("no-kafka");
    let (place, mut sandbox) = system::own_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let _alone = Alone::start(&place, &keys, Programs::Real).await;
    let (staff, customer) = (
        system::until_serving(&place, &keys).await,
        LetIn::to(&place, &keys).customer(PHONE).await,
    );
    system::register(&place.client(), &staff, 2, 1).await;
    let body = system::consultation_body(&place.client(), &staff).await;
    let sandbox = tokio::task::spawn_blocking(move || {
        sandbox.kill_kafka();
        sandbox
    });
    let mut sandbox = sandbox.await.unwrap();

    let ids = [
        ask(&place, &customer, &body).await,
        ask(&place, &customer, &body).await,
    ];
    place
        .client()
        .post("/api/interests", &customer, &body)
        .await
        .unwrap();

    let sandbox = tokio::task::spawn_blocking(move || {
        sandbox.start_kafka().unwrap();
        sandbox
    });
    let _sandbox = sandbox.await.unwrap();
    for id in ids {
        until_matched(&place, &customer, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consultations_are_accepted_while_every_other_service_is_away_and_catch_up_by_themselves() {
    let scratch = Scratch::new("no-others");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let mut alone = Alone::start(&place, &keys, Programs::Real).await;
    let (staff, customer) = (
        system::until_serving(&place, &keys).await,
        LetIn::to(&place, &keys).customer(PHONE).await,
    );
    system::register(&place.client(), &staff, 2, 1).await;
    let body = system::consultation_body(&place.client(), &staff).await;
    let others = ["interest", "project", "salesman-match", "salesman"];
    for name in others {
        alone.kill(name);
    }
    let id = ask(&place, &customer, &body).await;
    for name in others {
        alone.spawn(name).unwrap();
    }
    until_matched(&place, &customer, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_ends_in_time_and_with_exit_code_0_while_kafka_and_postgres_are_away() {
    for (without_kafka, without_postgres) in [(true, false), (false, true)] {
        let scratch = Scratch::new("stopping");
        let (place, mut sandbox) = system::own_place(&scratch).await;
        let keys = Keys::of(&place.data).unwrap();
        let mut alone = Alone::start(&place, &keys, Programs::Real).await;
        let (staff, customer) = (
            system::until_serving(&place, &keys).await,
            LetIn::to(&place, &keys).customer(PHONE).await,
        );
        system::register(&place.client(), &staff, 1, 1).await;
        let body = system::consultation_body(&place.client(), &staff).await;
        ask(&place, &customer, &body).await;
        let sandbox = tokio::task::spawn_blocking(move || {
            if without_kafka {
                sandbox.kill_kafka();
            }
            if without_postgres {
                sandbox.kill_postgres();
            }
            sandbox
        });
        let _sandbox = sandbox.await.unwrap();
        if without_kafka {
            // Something waits for its acknowledgement, and must not hold the process.
            ask(&place, &customer, &body).await;
        }
        for (name, status, took) in alone.terminate().await {
            assert!(
                status.success(),
                "{name} ended with {status}: {}",
                alone.log(name)
            );
            assert!(took < STOPS_WITHIN, "{name} took {took:?}");
        }
    }
}
