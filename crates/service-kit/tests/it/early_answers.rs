//! Answers that are given before a request's body has arrived.

use axum::routing::{get, post};
use serde::Deserialize;
use service_kit::http::permissions::{All, No, Permission};
use service_kit::http::{Field, Json};
use service_kit::messaging::kafka;
use service_kit::testing::{RawAnswer, RawConnection};
use service_kit::{Context, Service};
use utoipa_axum::router::OpenApiRouter;

use crate::{NAME, Replica, World, migrations};

const TABLE: &[Permission] = &[
    Permission::new("POST", "/names", [All; 5]),
    Permission::new("POST", "/staff", [No, No, No, No, All]),
    Permission::new("GET", "/ping", [All; 5]),
];

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    #[expect(dead_code, reason = "only its reading is tested")]
    name: Field<String>,
}

async fn name(_: Json<Person>) -> &'static str {
    "read"
}

fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .route("/names", post(name))
        .route("/staff", post(name))
        .route("/ping", get(|| async { "pong" }))
}

/// A service without Kafka, which requests do not need.
async fn start() -> Replica {
    let world = World::with(kafka::Settings::plain("127.0.0.1:1", "ktgg")).await;
    let service = Service::new(NAME, 0, migrations().await)
        .routes(routes)
        .permissions(TABLE);
    world.start(service, &[]).await
}

fn head(target: &str, headers: &str) -> String {
    format!("{target} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")
}

#[tokio::test]
async fn request_whose_body_comes_after_its_answer_is_answered() {
    let service = start().await;
    let json = "content-type: application/json\r\n";
    for (status, target, headers) in [
        (401, "POST /staff", json),
        (401, "POST /names", "authorization: Bearer x\r\n"),
        (404, "POST /nothing", json),
        (405, "POST /ping", json),
        (415, "POST /names", "content-type: text/plain\r\n"),
    ] {
        let request = head(target, &format!("{headers}content-length: 4\r\n"));
        let mut connection = RawConnection::open(service.address).await;
        for count in 0..10 {
            connection.send(request.as_bytes()).await;
            let answer = connection.answer().await;
            let expected = RawAnswer {
                status,
                closes: false,
            };
            assert_eq!(answer, Some(expected), "{target}, request {count}");
            connection.send(b"body").await;
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn answer_before_a_long_body_says_that_it_closes() {
    let service = start().await;
    for (status, target, headers) in [
        (401, "POST /staff", "content-length: 900000\r\n"),
        (404, "POST /nothing", "transfer-encoding: chunked\r\n"),
        (
            415,
            "POST /names",
            "content-length: 4\r\nexpect: 100-continue\r\n",
        ),
    ] {
        let mut connection = RawConnection::open(service.address).await;
        connection.send(head(target, headers).as_bytes()).await;
        let expected = RawAnswer {
            status,
            closes: true,
        };
        assert_eq!(connection.answer().await, Some(expected), "{target}");
    }
    service.stop().await;
}

#[tokio::test]
async fn client_that_sends_a_long_body_before_it_reads_is_answered() {
    let service = start().await;
    for (status, target) in [(401, "POST /staff"), (413, "POST /names")] {
        let mut connection = RawConnection::open(service.address).await;
        let headers = "content-type: application/json\r\ncontent-length: 41943040\r\n";
        connection.send(head(target, headers).as_bytes()).await;
        for _ in 0..40 {
            connection.send(&vec![b'x'; 1 << 20]).await;
        }
        let expected = RawAnswer {
            status,
            closes: true,
        };
        assert_eq!(connection.answer().await, Some(expected), "{target}");
        assert!(connection.is_closed().await, "{target}");
    }
    service.stop().await;
}
