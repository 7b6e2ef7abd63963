//! Everybody's telephone: a relay at the other end of the webhook, which keeps what it is sent, and can be out of order.

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

use crate::fixture::in_time;

pub(crate) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Default)]
struct Ears {
    /// What it answers before it takes a message; `None` is no answer at all.
    answers: Mutex<VecDeque<Option<StatusCode>>>,
    /// Every attempt that was signed as it must be: id, body.
    heard: Mutex<Vec<(String, Value)>>,
}

#[derive(Clone)]
pub(crate) struct Telephone {
    ears: Arc<Ears>,
    /// `SENDER_URL`.
    pub(crate) url: String,
}

impl Telephone {
    /// One that answers so before it takes a message.
    pub(crate) async fn answering(answers: &[Option<StatusCode>]) -> Self {
        let ears = Arc::new(Ears {
            answers: Mutex::new(answers.iter().copied().collect()),
            heard: Mutex::default(),
        });
        let router = Router::new()
            .route("/messages", post(hear))
            .with_state(ears.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/messages", listener.local_addr().unwrap());
        drop(tasks::spawn(axum::serve(listener, router).into_future()));
        Self { ears, url }
    }

    pub(crate) async fn new() -> Self {
        Self::answering(&[]).await
    }

    /// Every attempt so far: the message's id, and its body.
    pub(crate) fn heard(&self) -> Vec<(String, Value)> {
        self.ears.heard.lock().unwrap().clone()
    }

    /// Waits for so many attempts.
    pub(crate) async fn hears(&self, count: usize) -> Vec<(String, Value)> {
        in_time("a message arrives", async {
            while self.heard().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        self.heard()
    }

    /// The code in the `number`-th message, counted from one.
    pub(crate) async fn code(&self, number: usize) -> String {
        code_in(&self.hears(number).await[number - 1].1)
    }
}

/// The six digits of a message.
pub(crate) fn code_in(message: &Value) -> String {
    let text = message["text"].as_str().unwrap();
    let codes: Vec<&str> = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| part.len() == 6)
        .collect();
    assert_eq!(codes.len(), 1, "{text}");
    codes[0].to_owned()
}

async fn hear(State(ears): State<Arc<Ears>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let key: WebhookKey = KEY.parse().unwrap();
    if !key.accepts(&headers, &body, SystemClock.now()) {
        return StatusCode::UNAUTHORIZED;
    }
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    ears.heard
        .lock()
        .unwrap()
        .push((id, serde_json::from_slice(&body).unwrap()));
    let answer = ears.answers.lock().unwrap().pop_front();
    match answer {
        None => StatusCode::NO_CONTENT,
        Some(Some(status)) => status,
        Some(None) => std::future::pending().await,
    }
}
