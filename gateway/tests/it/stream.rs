//! The stream as a connection. What it tells is in `stream_kafka`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gateway::{IDLE, MONTH};
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use service_kit::testing::MockClock;
use uuid::Uuid;

use crate::fixture::{BOUND, config, in_time, somebody, start, start_at, start_with};

/// One browser's end.
pub(crate) struct Stream {
    body: Incoming,
    text: String,
}

#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl Stream {
    pub(crate) fn of(response: Response<Incoming>) -> Self {
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next block of lines; `None` at the end.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = in_time("the stream goes on", self.body.frame())
                .await?
                .unwrap();
            self.text
                .push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// The next event: what has an id alone, and comments, are passed over.
    pub(crate) async fn next(&mut self) -> Told {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let line = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::to_owned)
            };
            if let (Some(event), Some(data)) = (line("event: "), line("data: ")) {
                let id = line("id: ").unwrap_or_default();
                return Told {
                    id,
                    event,
                    data: serde_json::from_str(&data).unwrap(),
                };
            }
        }
    }
}

#[tokio::test]
async fn a_stream_begins_with_when_to_come_back_and_from_where() {
    let gateway = start().await;
    let response = gateway
        .get("/api/stream")
        .cookie(&gateway.cookie(&somebody(Role::Customer)).await)
        .open()
        .await;
    for (name, value) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    let first = Stream::of(response).block().await.unwrap();
    let (retry, id) = first.split_once('\n').unwrap();
    assert_eq!(retry, "retry: 3000");
    assert!(id.starts_with("id: "), "{id}");
}

#[tokio::test]
async fn nobody_gets_no_stream() {
    let gateway = start().await;
    assert_eq!(
        gateway.get("/api/stream").send().await.problem(),
        (401, "sign-in-required".to_owned())
    );
}

#[tokio::test]
async fn an_unknown_cursor_brings_one_resync() {
    let gateway = start().await;
    let ask = gateway
        .get("/api/stream")
        .cookie(&gateway.cookie(&somebody(Role::Customer)).await);
    let mut stream = Stream::of(
        ask.header("last-event-id", "from another life")
            .open()
            .await,
    );
    assert_eq!(stream.block().await.as_deref(), Some("retry: 3000"));
    assert_eq!(stream.next().await.event, "resync");
}

/// How long the rest of the stream takes.
async fn rest(mut stream: Stream) -> Duration {
    let started = Instant::now();
    while stream.block().await.is_some() {}
    started.elapsed()
}

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_stream_ends_within_two_seconds_of_its_session_whichever_gateway_ended_that() {
    let config = config().await;
    let (here, there) = (start_with(config.clone()).await, start_with(config).await);
    let other = here
        .as_(&Identity {
            subject: Uuid::from_u128(8),
            ..somebody(Role::Customer)
        })
        .await;
    let mut kept = Stream::of(other.get("/api/stream").open().await);
    for path in ["/api/auth/sign-out", "/api/auth/sign-out-everywhere"] {
        let customer = here.as_(&somebody(Role::Customer)).await;
        let streams = [
            Stream::of(customer.get("/api/stream").open().await),
            Stream::of(
                there
                    .get("/api/stream")
                    .cookie(&customer.cookie)
                    .open()
                    .await,
            ),
        ];
        assert_eq!(
            there
                .post(path)
                .cookie(&customer.cookie)
                .send()
                .await
                .status,
            204
        );
        for rest in join_all(streams.map(rest)).await {
            assert!(rest < SOON, "{path}: {rest:?}");
        }
    }
    // Nobody else's ends.
    assert!(kept.block().await.is_some());
    let going_on = tokio::time::timeout(SOON, kept.block()).await;
    assert!(going_on.is_err() || going_on.unwrap().is_some());
}

#[tokio::test]
async fn a_stream_ends_with_a_session_that_is_not_used_and_with_its_last_hour() {
    for (role, after) in [(Role::Staff, IDLE), (Role::Customer, MONTH)] {
        let clock = Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()));
        let gateway = start_at(config().await, clock.clone()).await;
        let stream = Stream::of(
            gateway
                .as_(&somebody(role))
                .await
                .get("/api/stream")
                .open()
                .await,
        );
        clock.advance(after);
        let rest = rest(stream).await;
        assert!(rest < SOON, "{role:?}: {rest:?}");
    }
}

#[tokio::test]
async fn requests_that_use_up_the_pool_keep_nobody_looking_on() {
    let mut config = config().await;
    config.patience.answer = BOUND;
    let gateway = start_with(config).await;
    let customer = gateway.as_(&somebody(Role::Customer)).await;
    let stream = Stream::of(customer.get("/api/stream").open().await);
    let mut held = gateway.db.begin().await.unwrap();
    sqlx::query("lock table rate_limit in access exclusive mode")
        .execute(&mut *held)
        .await
        .unwrap();
    let body = json!({ "login": "nobody", "password": "nothing at all" });
    let requests = join_all((0..40).map(|_| gateway.post("/api/auth/sign-in").json(&body).send()));
    let ended = async {
        let waiting =
            "select count(*) from pg_locks where relation = 'rate_limit'::regclass and not granted";
        let count = async || {
            sqlx::query_scalar::<_, i64>(waiting)
                .fetch_one(gateway.db.pool())
                .await
                .unwrap()
        };
        // Every connection of the pool.
        in_time("the pool is used up", async { while count().await < 12 {} }).await;
        gateway
            .sessions
            .end_all(Role::Customer, somebody(Role::Customer).subject)
            .await
            .unwrap();
        let rest = rest(stream).await;
        drop(held);
        rest
    };
    let (_, ended) = tokio::join!(requests, ended);
    assert!(ended < SOON, "{ended:?}");
}

#[tokio::test]
async fn a_stream_ends_soon_when_the_database_is_silent_and_not_when_a_connection_to_it_is_lost() {
    let gateway = start().await;
    let customer = gateway.as_(&somebody(Role::Customer)).await;
    let mut lost = Stream::of(customer.get("/api/stream").open().await);
    let end_it = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        sqlx::query(end_it)
            .execute(gateway.db.pool())
            .await
            .unwrap();
    }
    assert!(lost.block().await.is_some());
    assert!(tokio::time::timeout(SOON, lost.block()).await.is_err());

    let mut held = gateway.db.begin().await.unwrap();
    sqlx::query("lock table session in access exclusive mode")
        .execute(&mut *held)
        .await
        .unwrap();
    let rest = rest(lost).await;
    assert!(
        (Duration::from_secs(3)..Duration::from_secs(7)).contains(&rest),
        "{rest:?}"
    );
}

#[tokio::test]
async fn one_session_has_a_handful_of_streams_and_another_again_when_one_has_gone() {
    let gateway = start().await;
    let customer = gateway.as_(&somebody(Role::Customer)).await;
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(Stream::of(customer.get("/api/stream").open().await));
    }
    let refused = customer.get("/api/stream").send().await;
    assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
    let other = gateway.as_(&somebody(Role::Customer)).await;
    drop(Stream::of(other.get("/api/stream").open().await));
    streams.pop();
    in_time("another stream", async {
        while customer.get("/api/stream").open().await.status() != 200 {}
    })
    .await;
}
