//! Requests and shutdown while Kafka, Postgres or other services are down.

use std::time::Duration;

use ktgg::host::Installation;
use ktgg::keys::Keys;
use serde_json::Value;

use crate::system::{self, Processes, Programs, Scratch, SessionIssuer, eventually};

/// The documented limit. The process itself stops after 22 s.
const STOPS_WITHIN: Duration = Duration::from_secs(25);

const PHONE: &str = "010-1234-5678";

/// Another customer: each has one open consultation about a programme.
const OTHER_PHONE: &str = "010-9999-0000";

/// Creates a consultation, and returns its id.
async fn create_consultation(installation: &Installation, customer: &str, body: &Value) -> String {
    let view = installation
        .client()
        .post("/api/consultations", customer, body)
        .await
        .unwrap();
    view["id"].as_str().unwrap().to_owned()
}

async fn wait_until_matched(installation: &Installation, customer: &str, id: &str) {
    eventually("the consultation has its salesman", async || {
        let view = installation
            .client()
            .get(&format!("/api/consultations/{id}"), customer)
            .await
            .ok()?;
        view["salesman"]["id"].as_str().map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_accepted_without_kafka_and_matched_afterwards() {
    let scratch = Scratch::new("no-kafka");
    let (installation, mut sandbox) = system::on_own_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let _processes = Processes::start(&installation, &keys, Programs::Real).await;
    let staff = system::wait_until_serving(&installation, &keys).await;
    let sessions = SessionIssuer::new(&installation, &keys);
    let customers = [
        sessions.customer(PHONE).await,
        sessions.customer(OTHER_PHONE).await,
    ];
    system::register(&installation.client(), &staff, 2, 1).await;
    let body = system::consultation_body(&installation.client(), &staff).await;
    let sandbox = tokio::task::spawn_blocking(move || {
        sandbox.kill_kafka();
        sandbox
    });
    let mut sandbox = sandbox.await.unwrap();

    let ids = [
        create_consultation(&installation, &customers[0], &body).await,
        create_consultation(&installation, &customers[1], &body).await,
    ];
    installation
        .client()
        .post("/api/interests", &customers[0], &body)
        .await
        .unwrap();

    let sandbox = tokio::task::spawn_blocking(move || {
        sandbox.start_kafka().unwrap();
        sandbox
    });
    let _sandbox = sandbox.await.unwrap();
    for (customer, id) in customers.iter().zip(ids) {
        wait_until_matched(&installation, customer, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consultation_is_accepted_while_all_other_services_are_down() {
    let scratch = Scratch::new("no-others");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let mut processes = Processes::start(&installation, &keys, Programs::Real).await;
    let (staff, customer) = (
        system::wait_until_serving(&installation, &keys).await,
        SessionIssuer::new(&installation, &keys)
            .customer(PHONE)
            .await,
    );
    system::register(&installation.client(), &staff, 2, 1).await;
    let body = system::consultation_body(&installation.client(), &staff).await;
    let others = ["interest", "project", "salesman-match", "salesman"];
    for name in others {
        processes.kill(name);
    }
    let id = create_consultation(&installation, &customer, &body).await;
    for name in others {
        processes.spawn(name).unwrap();
    }
    wait_until_matched(&installation, &customer, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_exit_0_in_time_without_kafka_or_postgres() {
    for (without_kafka, without_postgres) in [(true, false), (false, true)] {
        let scratch = Scratch::new("stopping");
        let (installation, mut sandbox) = system::on_own_servers(&scratch).await;
        let keys = Keys::of(&installation.data).unwrap();
        let mut processes = Processes::start(&installation, &keys, Programs::Real).await;
        let staff = system::wait_until_serving(&installation, &keys).await;
        let sessions = SessionIssuer::new(&installation, &keys);
        let customer = sessions.customer(PHONE).await;
        let other = sessions.customer(OTHER_PHONE).await;
        system::register(&installation.client(), &staff, 1, 1).await;
        let body = system::consultation_body(&installation.client(), &staff).await;
        create_consultation(&installation, &customer, &body).await;
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
            // Its event waits for an acknowledgement, which must not delay the exit.
            create_consultation(&installation, &other, &body).await;
        }
        for (name, status, took) in processes.terminate().await {
            assert!(
                status.success(),
                "{name} ended with {status}: {}",
                processes.log(name)
            );
            assert!(took < STOPS_WITHIN, "{name} took {took:?}");
        }
    }
}
