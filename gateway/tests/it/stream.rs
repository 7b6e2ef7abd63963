//! The stream as a connection. What it tells is in `stream_kafka`.

use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use serde_json::Value;
use service_kit::auth::Role;

use crate::fixture::{in_time, somebody, start};

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
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next block of lines; `None` at the end.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = in_time("the stream goes on", self.body.frame()).await?.unwrap();
            self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// The next event: what has an id alone, and comments, are passed over.
    pub(crate) async fn next(&mut self) -> Told {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(event), Some(data)) = (line("event: "), line("data: ")) {
                let id = line("id: ").unwrap_or_default();
                return Told { id, event, data: serde_json::from_str(&data).unwrap() };
            }
        }
    }
}

#[tokio::test]
async fn a_stream_begins_with_when_to_come_back_and_from_where() {
    let gateway = start().await;
    let response = gateway.get("/api/stream").cookie(&gateway.cookie(&somebody(Role::Customer)).await).open().await;
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
    assert_eq!(gateway.get("/api/stream").send().await.problem(), (401, "sign-in-required".to_owned()));
}

#[tokio::test]
async fn an_unknown_cursor_brings_one_resync() {
    let gateway = start().await;
    let ask = gateway.get("/api/stream").cookie(&gateway.cookie(&somebody(Role::Customer)).await);
    let mut stream = Stream::of(ask.header("last-event-id", "from another life").open().await);
    assert_eq!(stream.block().await.as_deref(), Some("retry: 3000"));
    assert_eq!(stream.next().await.event, "resync");
}

#[tokio::test]
async fn a_stream_ends_with_the_sign_in() {
    let gateway = start().await;
    let customer = gateway.as_(&somebody(Role::Customer)).await;
    let mut stream = Stream::of(customer.get("/api/stream").open().await);
    gateway.sessions.end_all(Role::Customer, somebody(Role::Customer).subject).await.unwrap();
    while stream.block().await.is_some() {}
}
