//! A fake SMS relay behind the webhook, which stores its messages and can fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use gateway::WebhookKey;
use serde_json::Value;
use service_kit::clock::SystemClock;
use service_kit::{Clock as _, tasks};
use tokio::net::TcpListener;

use crate::test_gateway::with_timeout;

pub(crate) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Default)]
struct Received {
    /// The first responses; `None` never responds. Later messages are accepted.
    responses: Mutex<VecDeque<Option<StatusCode>>>,
    /// The id and body of every attempt with a valid signature.
    attempts: Mutex<Vec<(String, Value)>>,
}

#[derive(Clone)]
pub(crate) struct SmsRelay {
    received: Arc<Received>,
    /// `SENDER_URL`.
    pub(crate) url: String,
}

impl SmsRelay {
    /// A relay with these responses to the first attempts; `None` never responds.
    pub(crate) async fn with_responses(responses: &[Option<StatusCode>]) -> Self {
        let received = Arc::new(Received {
            responses: Mutex::new(responses.iter().copied().collect()),
            attempts: Mutex::default(),
        });
        let router = Router::new()
            .route("/messages", post(receive))
            .with_state(received.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/messages", listener.local_addr().unwrap());
        drop(tasks::spawn(axum::serve(listener, router).into_future()));
        Self { received, url }
    }

    pub(crate) async fn new() -> Self {
        Self::with_responses(&[]).await
    }

    /// The message id and body of every attempt so far.
    pub(crate) fn attempts(&self) -> Vec<(String, Value)> {
        self.received.attempts.lock().unwrap().clone()
    }

    /// Waits until there were at least `count` attempts.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<(String, Value)> {
        with_timeout("a message arrives", async {
            while self.attempts().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        self.attempts()
    }

    /// The code in the `number`-th message, counted from 1. Waits for the message.
    pub(crate) async fn code(&self, number: usize) -> String {
        code_in(&self.wait_for(number).await[number - 1].1)
    }
}

/// The six-digit code in a message.
pub(crate) fn code_in(message: &Value) -> String {
    let text = message["text"].as_str().unwrap();
    let codes: Vec<&str> = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| part.len() == 6)
        .collect();
    assert_eq!(codes.len(), 1, "{text}");
    codes[0].to_owned()
}

async fn receive(
    State(received): State<Arc<Received>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let key: WebhookKey = KEY.parse().unwrap();
    if !key.accepts(&headers, &body, SystemClock.now()) {
        return StatusCode::UNAUTHORIZED;
    }
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    received
        .attempts
        .lock()
        .unwrap()
        .push((id, serde_json::from_slice(&body).unwrap()));
    let response = received.responses.lock().unwrap().pop_front();
    match response {
        None => StatusCode::NO_CONTENT,
        Some(Some(status)) => status,
        Some(None) => std::future::pending().await,
    }
}
