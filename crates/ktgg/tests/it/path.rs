//! The path that the product exists for, the same in both shapes.

use std::time::Duration;

use events::Topic;
use hyper::{Method, StatusCode};
use ktgg::client::{Stream, StreamEvent};
use ktgg::host::Installation;
use ktgg::keys::Keys;
use ktgg::topic;
use serde_json::{Value, json};

use crate::system::{self, Alone, LetIn, Programs, Scratch, Together, eventually};

const PHONE: &str = "010-1234-5678";

/// The next event of this kind about this id.
async fn told(
    stream: &mut Stream,
    event: &str,
    about: impl Fn(&StreamEvent) -> bool,
) -> StreamEvent {
    let next = async {
        loop {
            let told = stream.next().await.unwrap().expect("the stream goes on");
            if told.event == event && about(&told) {
                return told;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), next)
        .await
        .unwrap_or_else(|_| panic!("nobody was told of {event}"))
}

/// A request becomes a matched salesman, and everybody concerned is told.
async fn a_request_becomes_a_match(place: &Installation, keys: &Keys) {
    let (client, let_in) = (place.client(), LetIn::to(place, keys));
    let (customer, staff, stranger) = (
        let_in.customer(PHONE).await,
        let_in.staff().await,
        let_in.customer("010-0000-0000").await,
    );
    let (salesmen, consultants) = system::register(&client, &staff, 2, 1).await;
    system::until_on_the_roster(&client, &staff, salesmen.iter().chain(&consultants)).await;
    let body = system::consultation_body(&client, &staff).await;
    let mut stream = client.stream(&customer).await.unwrap();

    let asked = client
        .post("/api/consultations", &customer, &body)
        .await
        .unwrap();
    let id = asked["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&asked["step"], &asked["salesman"]),
        (&json!("apply"), &Value::Null)
    );

    let created = told(&mut stream, "ConsultationCreated", |told| {
        told.data["aggregateId"] == id.as_str()
    })
    .await;
    assert_eq!(created.data["version"], 1);
    let matched = told(&mut stream, "SalesmanMatched", |told| {
        told.data["origin"]["id"] == id.as_str()
    })
    .await;

    // The page refetches after the event, and waits for it.
    let after = format!(
        "salesman-match/{}@{}",
        matched.data["aggregateId"].as_str().unwrap(),
        matched.data["version"]
    );
    let path = format!("/api/consultations/{id}");
    let shown = client
        .call(
            Method::GET,
            &path,
            &customer,
            &[("ktgg-after", &after)],
            None,
        )
        .await
        .unwrap();
    assert_eq!(
        (shown.status, shown.headers.get("ktgg-stale")),
        (StatusCode::OK, None)
    );
    // 5678 picks the first of two in id order, and the only consultant.
    let first = salesmen.iter().min().unwrap().to_string();
    assert_eq!(shown.json["salesman"]["id"], first);
    assert_eq!(shown.json["consultant"]["id"], consultants[0].to_string());

    let interest_body =
        json!({ "projectId": body["projectId"], "projectName": body["projectName"] });
    let interest = client
        .post("/api/interests", &customer, &interest_body)
        .await
        .unwrap();
    let interest_path = format!("/api/interests/{}", interest["id"].as_str().unwrap());
    eventually("the interest has its salesman", async || {
        let shown = client.get(&interest_path, &customer).await.unwrap();
        (shown["salesman"]["id"] == first.as_str()).then_some(())
    })
    .await;

    let salesman = let_in.salesman(*salesmen.iter().min().unwrap()).await;
    let notifications = eventually("the salesman is told of both", async || {
        let list = client
            .get("/api/salesmen/me/notifications", &salesman)
            .await
            .unwrap();
        list["items"]
            .as_array()
            .filter(|items| items.len() == 2)
            .cloned()
    })
    .await;
    assert!(
        notifications
            .iter()
            .any(|told| told["link"]["id"] == id.as_str() && told["kind"] == "assigned")
    );
    let mine = client.get("/api/consultations", &salesman).await.unwrap();
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(1));
    let consultant = let_in.consultant(consultants[0]).await;
    assert_eq!(
        client.get("/api/consultations", &consultant).await.unwrap()["items"][0]["id"],
        id.as_str()
    );

    let matches = client
        .get(&format!("/api/salesman-matches?origin={id}"), &staff)
        .await
        .unwrap();
    assert_eq!(matches["items"][0]["strategy"], "phone-suffix");
    assert_eq!(
        matches["items"][0]["reason"]["salesman"]["lastFour"],
        "5678"
    );

    // Another customer cannot tell that any of it exists.
    let hidden = client
        .call(Method::GET, &path, &stranger, &[], None)
        .await
        .unwrap();
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    assert_eq!(
        client.get("/api/consultations", &stranger).await.unwrap()["items"],
        json!([])
    );

    let records = topic::read(&place.kafka, Topic::SalesmanMatch)
        .await
        .unwrap();
    let record = records
        .iter()
        .find(|record| record.payload["origin"]["id"] == id.as_str())
        .expect("the match is on its topic");
    assert_eq!(record.envelope.type_name, "ktgg.SalesmanMatched.v1");
    for each in Topic::ALL {
        for record in topic::read(&place.kafka, each).await.unwrap() {
            tells_nothing(&record.payload.to_string());
        }
    }
}

/// No number, memo or reason in an event or a log.
fn tells_nothing(text: &str) {
    for word in ["12345678", "1234-5678", "오전에"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
}

/// What is refused at the door, the same whatever stands behind it.
async fn the_door_refuses_what_it_must(place: &Installation, keys: &Keys) {
    let client = place.client();
    let staff = LetIn::to(place, keys).staff().await;
    let call = async |method: Method, path: &str, session: &str| {
        client.call(method, path, session, &[], None).await.unwrap()
    };
    assert_eq!(
        call(Method::GET, "/api/projects", "").await.status,
        StatusCode::OK
    );
    for (path, session, status) in [
        ("/api/consultations", "", StatusCode::UNAUTHORIZED),
        (
            "/api/consultations",
            "not-a-session",
            StatusCode::UNAUTHORIZED,
        ),
        ("/api/stream", "", StatusCode::UNAUTHORIZED),
        ("/api/nothing", staff.as_str(), StatusCode::NOT_FOUND),
        (
            "/api/consultations/not-an-id",
            staff.as_str(),
            StatusCode::NOT_FOUND,
        ),
    ] {
        let answer = call(Method::GET, path, session).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(
            answer.headers["content-type"], "application/problem+json",
            "{path}"
        );
    }
    let large = json!({ "name": "x".repeat(2 * 1024 * 1024) });
    let answer = client
        .call(Method::POST, "/api/projects", &staff, &[], Some(&large))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let described = client.get("/api/openapi.json", "").await.unwrap();
    assert!(described["paths"]["/api/consultations"]["post"].is_object());
    assert_eq!(call(Method::GET, "/docs/", "").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_one_process_a_request_becomes_a_match_and_everybody_concerned_is_told() {
    let scratch = Scratch::new("together");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let together = Together::start(&place, &keys).await;
    a_request_becomes_a_match(&place, &keys).await;
    the_door_refuses_what_it_must(&place, &keys).await;
    together.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_six_processes_a_request_becomes_a_match_and_everybody_concerned_is_told() {
    let scratch = Scratch::new("alone");
    let place = system::shared_place(&scratch).await;
    let keys = Keys::of(&place.data).unwrap();
    let mut alone = Alone::start(&place, &keys, Programs::Real).await;
    system::until_serving(&place, &keys).await;
    a_request_becomes_a_match(&place, &keys).await;
    the_door_refuses_what_it_must(&place, &keys).await;
    for (name, status, _) in alone.terminate().await {
        assert!(
            status.success(),
            "{name} ended with {status}: {}",
            alone.log(name)
        );
        tells_nothing(&alone.log(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_whole_systems_live_in_one_process_without_noticing_each_other() {
    let (first, second) = (Scratch::new("first"), Scratch::new("second"));
    let (one, other) = (
        system::shared_place(&first).await,
        system::shared_place(&second).await,
    );
    let (one_keys, other_keys) = (Keys::of(&one.data).unwrap(), Keys::of(&other.data).unwrap());
    let both = (
        Together::start(&one, &one_keys).await,
        Together::start(&other, &other_keys).await,
    );
    tokio::join!(
        a_request_becomes_a_match(&one, &one_keys),
        a_request_becomes_a_match(&other, &other_keys)
    );
    tokio::join!(both.0.stop(), both.1.stop());
}
