//! From a consultation request to a match, in one process and in six.

use std::time::Duration;

use events::Topic;
use hyper::{Method, StatusCode};
use ktgg::client::{Client, Stream, StreamEvent};
use ktgg::host::Installation;
use ktgg::keys::Keys;
use ktgg::topic;
use serde_json::{Value, json};

use crate::actors::get_after;
use crate::system::{self, InProcess, Processes, Programs, Scratch, SessionIssuer, eventually};

const PHONE: &str = "010-1234-5678";

/// The next event of this type that satisfies the condition.
async fn next_event(
    stream: &mut Stream,
    event: &str,
    is_match: impl Fn(&StreamEvent) -> bool,
) -> StreamEvent {
    let next = async {
        loop {
            let next = stream.next().await.unwrap().expect("the stream ended");
            if next.event == event && is_match(&next) {
                return next;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), next)
        .await
        .unwrap_or_else(|_| panic!("no {event} on the stream"))
}

/// Creates a consultation and an interest, and checks the views, stream events and notifications of
/// everyone involved.
pub(crate) async fn check_request_to_match(installation: &Installation, keys: &Keys) {
    let (client, sessions) = (
        installation.client(),
        SessionIssuer::new(installation, keys),
    );
    let (customer, staff, other_customer) = (
        sessions.customer(PHONE).await,
        sessions.staff().await,
        sessions.customer("010-0000-0000").await,
    );
    let (salesmen, consultants) = system::register(&client, &staff, 2, 1).await;
    system::wait_until_on_roster(&client, &staff, salesmen.iter().chain(&consultants)).await;
    let body = system::consultation_body(&client, &staff).await;
    let mut stream = client.stream(&customer).await.unwrap();

    let created = client
        .post("/api/consultations", &customer, &body)
        .await
        .unwrap();
    let id = created["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&created["step"], &created["salesman"]),
        (&json!("apply"), &Value::Null)
    );

    let event = next_event(&mut stream, "ConsultationCreated", |event| {
        event.data["aggregateId"] == id.as_str()
    })
    .await;
    assert_eq!(event.data["version"], 1);
    let matched = next_event(&mut stream, "SalesmanMatched", |event| {
        event.data["origin"]["id"] == id.as_str()
    })
    .await;

    // As the page does, read the consultation with `Ktgg-After` for the event.
    let after = format!(
        "salesman-match/{}@{}",
        matched.data["aggregateId"].as_str().unwrap(),
        matched.data["version"]
    );
    let path = format!("/api/consultations/{id}");
    let shown = get_after(&client, &path, &customer, &after).await;
    assert_eq!(
        (shown.status, shown.headers.get("ktgg-stale")),
        (StatusCode::OK, None)
    );
    // 5678 is even, so it picks the first of two salesmen in id order, and the only consultant.
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

    let salesman = sessions.salesman(*salesmen.iter().min().unwrap()).await;
    let notifications = eventually("the salesman has both notifications", async || {
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
            .any(|item| item["link"]["id"] == id.as_str() && item["kind"] == "assigned")
    );
    let mine = client.get("/api/consultations", &salesman).await.unwrap();
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(1));
    let consultant = sessions.consultant(consultants[0]).await;
    assert_eq!(
        client.get("/api/consultations", &consultant).await.unwrap()["items"][0]["id"],
        id.as_str()
    );

    let matches = client
        .get(&format!("/api/salesman-matches?origin={id}"), &staff)
        .await
        .unwrap();
    let matched = &matches["items"][0];
    assert_eq!(matched["strategy"], "phone-suffix");
    assert_eq!(matched["reason"]["salesman"]["lastFour"], "5678");

    check_hidden(&client, &path, &other_customer).await;
    check_topics(installation, &id).await;
}

/// The consultation does not exist for another customer.
async fn check_hidden(client: &Client, path: &str, other_customer: &str) {
    let hidden = client
        .call(Method::GET, path, other_customer, &[], None)
        .await
        .unwrap();
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    assert_eq!(
        client
            .get("/api/consultations", other_customer)
            .await
            .unwrap()["items"],
        json!([])
    );
}

/// The match of the consultation is on its topic, and no topic contains personal data.
async fn check_topics(installation: &Installation, id: &str) {
    let records = topic::read(&installation.kafka, Topic::SalesmanMatch)
        .await
        .unwrap();
    let record = records
        .iter()
        .find(|record| record.payload["origin"]["id"] == id)
        .expect("the match is on its topic");
    assert_eq!(record.envelope.type_name, "ktgg.SalesmanMatched.v1");
    for each in Topic::ALL {
        for record in topic::read(&installation.kafka, each).await.unwrap() {
            assert_no_personal_data(&record.payload.to_string());
        }
    }
}

/// Events and logs contain no phone number, memo or reason.
fn assert_no_personal_data(text: &str) {
    for word in ["12345678", "1234-5678", "오전에"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
}

/// Requests that the gateway refuses itself.
async fn check_refused_requests(installation: &Installation, keys: &Keys) {
    let client = installation.client();
    let staff = SessionIssuer::new(installation, keys).staff().await;
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
        ("/api/unknown", staff.as_str(), StatusCode::NOT_FOUND),
        (
            "/api/consultations/not-an-id",
            staff.as_str(),
            StatusCode::NOT_FOUND,
        ),
    ] {
        let response = call(Method::GET, path, session).await;
        assert_eq!(response.status, status, "{path}");
        assert_eq!(
            response.headers["content-type"], "application/problem+json",
            "{path}"
        );
    }
    let large = json!({ "name": "x".repeat(2 * 1024 * 1024) });
    let response = client
        .call(Method::POST, "/api/projects", &staff, &[], Some(&large))
        .await
        .unwrap();
    assert_eq!(response.status, StatusCode::PAYLOAD_TOO_LARGE);
    let described = client.get("/api/openapi.json", "").await.unwrap();
    assert!(described["paths"]["/api/consultations"]["post"].is_object());
    assert_eq!(call(Method::GET, "/docs/", "").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_becomes_match_in_one_process() {
    let scratch = Scratch::new("one-process");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let system = InProcess::start(&installation, &keys).await;
    check_request_to_match(&installation, &keys).await;
    check_refused_requests(&installation, &keys).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_becomes_match_in_six_processes() {
    let scratch = Scratch::new("six-processes");
    let installation = system::on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let mut processes = Processes::start(&installation, &keys, Programs::Real).await;
    system::wait_until_serving(&installation, &keys).await;
    check_request_to_match(&installation, &keys).await;
    check_refused_requests(&installation, &keys).await;
    for (name, status, _) in processes.terminate().await {
        assert!(
            status.success(),
            "{name} ended with {status}: {}",
            processes.log(name)
        );
        assert_no_personal_data(&processes.log(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_systems_in_one_process_do_not_interfere() {
    let (first, second) = (Scratch::new("first"), Scratch::new("second"));
    let (one, other) = (
        system::on_shared_servers(&first).await,
        system::on_shared_servers(&second).await,
    );
    let (one_keys, other_keys) = (Keys::of(&one.data).unwrap(), Keys::of(&other.data).unwrap());
    let both = (
        InProcess::start(&one, &one_keys).await,
        InProcess::start(&other, &other_keys).await,
    );
    tokio::join!(
        check_request_to_match(&one, &one_keys),
        check_request_to_match(&other, &other_keys)
    );
    tokio::join!(both.0.stop(), both.1.stop());
}
