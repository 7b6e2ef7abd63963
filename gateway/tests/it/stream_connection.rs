//! The stream as a connection: when it starts and ends. `stream_events` tests its events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gateway::{CUSTOMER_LIFETIME, IDLE_TIMEOUT};
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use service_kit::testing::MockClock;
use uuid::Uuid;

use crate::test_gateway::{
    TEST_TIMEOUT, config, identity, start, start_at, start_with, with_timeout,
};

/// The browser's end of a stream.
pub(crate) struct Stream {
    body: Incoming,
    text: String,
}

#[derive(Debug)]
pub(crate) struct StreamEvent {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl Stream {
    pub(crate) fn new(response: Response<Incoming>) -> Self {
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next block of lines, or `None` at the end of the stream.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = with_timeout("the stream continues", self.body.frame())
                .await?
                .unwrap();
            self.text
                .push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// The next event. Skips comments and blocks with only an id.
    pub(crate) async fn next(&mut self) -> StreamEvent {
        loop {
            let block = self.block().await.expect("the stream continues");
            let line = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::to_owned)
            };
            if let (Some(event), Some(data)) = (line("event: "), line("data: ")) {
                let id = line("id: ").unwrap_or_default();
                return StreamEvent {
                    id,
                    event,
                    data: serde_json::from_str(&data).unwrap(),
                };
            }
        }
    }
}

#[tokio::test]
async fn stream_begins_with_retry_and_cursor() {
    let gateway = start().await;
    let response = gateway
        .get("/api/stream")
        .cookie(&gateway.cookie(&identity(Role::Customer)).await)
        .open()
        .await;
    for (name, value) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    let first = Stream::new(response).block().await.unwrap();
    let (retry, id) = first.split_once('\n').unwrap();
    assert_eq!(retry, "retry: 3000");
    assert!(id.starts_with("id: "), "{id}");
}

#[tokio::test]
async fn anonymous_caller_gets_no_stream() {
    let gateway = start().await;
    assert_eq!(
        gateway.get("/api/stream").send().await.problem(),
        (401, "sign-in-required".to_owned())
    );
}

#[tokio::test]
async fn unknown_cursor_gets_a_resync() {
    let gateway = start().await;
    let request = gateway
        .get("/api/stream")
        .cookie(&gateway.cookie(&identity(Role::Customer)).await);
    let mut stream = Stream::new(request.header("last-event-id", "not a cursor").open().await);
    assert_eq!(stream.block().await.as_deref(), Some("retry: 3000"));
    assert_eq!(stream.next().await.event, "resync");
}

/// Reads the stream to its end, and returns how long that took.
async fn time_to_end(mut stream: Stream) -> Duration {
    let started = Instant::now();
    while stream.block().await.is_some() {}
    started.elapsed()
}

/// The longest time until a stream ends with its session.
const MAX_DELAY: Duration = Duration::from_secs(2);

#[tokio::test]
async fn sign_out_ends_streams_on_every_gateway_within_two_seconds() {
    let config = config().await;
    let (first, second) = (start_with(config.clone()).await, start_with(config).await);
    let other = first
        .caller(&Identity {
            subject: Uuid::from_u128(8),
            ..identity(Role::Customer)
        })
        .await;
    let mut other_stream = Stream::new(other.get("/api/stream").open().await);
    for path in ["/api/auth/sign-out", "/api/auth/sign-out-everywhere"] {
        let customer = first.caller(&identity(Role::Customer)).await;
        let streams = [
            Stream::new(customer.get("/api/stream").open().await),
            Stream::new(
                second
                    .get("/api/stream")
                    .cookie(&customer.cookie)
                    .open()
                    .await,
            ),
        ];
        assert_eq!(
            second
                .post(path)
                .cookie(&customer.cookie)
                .send()
                .await
                .status,
            204
        );
        for delay in join_all(streams.map(time_to_end)).await {
            assert!(delay < MAX_DELAY, "{path}: {delay:?}");
        }
    }
    // The stream of another customer continues.
    assert!(other_stream.block().await.is_some());
    let next_block = tokio::time::timeout(MAX_DELAY, other_stream.block()).await;
    assert!(next_block.is_err() || next_block.unwrap().is_some());
}

#[tokio::test]
async fn stream_ends_when_its_session_expires() {
    for (role, after) in [
        (Role::Staff, IDLE_TIMEOUT),
        (Role::Customer, CUSTOMER_LIFETIME),
    ] {
        let clock = Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()));
        let gateway = start_at(config().await, clock.clone()).await;
        let stream = Stream::new(
            gateway
                .caller(&identity(role))
                .await
                .get("/api/stream")
                .open()
                .await,
        );
        clock.advance(after);
        let delay = time_to_end(stream).await;
        assert!(delay < MAX_DELAY, "{role:?}: {delay:?}");
    }
}

#[tokio::test]
async fn stream_ends_with_its_session_even_if_the_pool_is_exhausted() {
    let mut config = config().await;
    config.timeouts.response = TEST_TIMEOUT;
    let gateway = start_with(config).await;
    let customer = gateway.caller(&identity(Role::Customer)).await;
    let stream = Stream::new(customer.get("/api/stream").open().await);
    let mut held = gateway.db.begin().await.unwrap();
    sqlx::query("lock table rate_limit in access exclusive mode")
        .execute(&mut *held)
        .await
        .unwrap();
    let body = json!({ "login": "unknown", "password": "nothing at all" });
    let requests = join_all((0..40).map(|_| gateway.post("/api/auth/sign-in").json(&body).send()));
    let ended = async {
        let waiting = "select count(*) from pg_locks
            where relation = 'rate_limit'::regclass and not granted";
        let count = async || {
            sqlx::query_scalar::<_, i64>(waiting)
                .fetch_one(gateway.db.pool())
                .await
                .unwrap()
        };
        // All connections of the pool.
        with_timeout("the pool is exhausted", async {
            while count().await < 12 {}
        })
        .await;
        gateway
            .sessions
            .end_all(Role::Customer, identity(Role::Customer).subject)
            .await
            .unwrap();
        let delay = time_to_end(stream).await;
        drop(held);
        delay
    };
    let (_, ended) = tokio::join!(requests, ended);
    assert!(ended < MAX_DELAY, "{ended:?}");
}

#[tokio::test]
async fn silent_database_ends_streams_but_lost_connections_do_not() {
    let gateway = start().await;
    let customer = gateway.caller(&identity(Role::Customer)).await;
    let mut stream = Stream::new(customer.get("/api/stream").open().await);
    let terminate = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        sqlx::query(terminate)
            .execute(gateway.db.pool())
            .await
            .unwrap();
    }
    assert!(stream.block().await.is_some());
    assert!(
        tokio::time::timeout(MAX_DELAY, stream.block())
            .await
            .is_err()
    );

    let mut held = gateway.db.begin().await.unwrap();
    sqlx::query("lock table session in access exclusive mode")
        .execute(&mut *held)
        .await
        .unwrap();
    let delay = time_to_end(stream).await;
    assert!(
        (Duration::from_secs(3)..Duration::from_secs(7)).contains(&delay),
        "{delay:?}"
    );
}

#[tokio::test]
async fn streams_per_session_are_limited() {
    let gateway = start().await;
    let customer = gateway.caller(&identity(Role::Customer)).await;
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(Stream::new(customer.get("/api/stream").open().await));
    }
    let refused = customer.get("/api/stream").send().await;
    assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
    let other = gateway.caller(&identity(Role::Customer)).await;
    drop(Stream::new(other.get("/api/stream").open().await));
    streams.pop();
    with_timeout("another stream", async {
        while customer.get("/api/stream").open().await.status() != 200 {}
    })
    .await;
}
