//! Sends messages in the background, and retries until one arrives or is not useful any more.
//! Requests never wait for it.
//!
//! Text and number are never logged: a message is identified by its id and the last four digits.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::sms::webhook::{Message, SendError, Webhook};

/// The backoff doubles from the first to the last, and is shortened by up to a half at random, so
/// that a relay which recovers does not get all messages at the same time.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// More messages are dropped: after minutes of an unreachable relay they are not useful any more.
const MAX_MESSAGES: usize = 1024;

pub(crate) struct SmsQueue {
    webhook: Arc<Webhook>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl SmsQueue {
    pub(crate) fn new(webhook: Webhook) -> Self {
        Self {
            webhook: Arc::new(webhook),
            permits: Arc::new(Semaphore::new(MAX_MESSAGES)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Sends a message until it arrives or `useful_for` is over. Does not wait.
    pub(crate) fn dispatch(&self, message: Message, useful_for: Duration) {
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            tracing::warn!(message.id = %message.id, "too many messages: dropping this one");
            return;
        };
        let (webhook, stop) = (self.webhook.clone(), self.stop.clone());
        let sending = self.tasks.track_future(async move {
            tokio::select! {
                () = deliver(&webhook, &message, Instant::now() + useful_for) => {}
                () = stop.cancelled() => {
                    tracing::warn!(message.id = %message.id, "stopping before a message was sent");
                }
            }
            drop(permit);
        });
        drop(service_kit::tasks::spawn(sending));
    }

    /// Waits for running attempts until `limit`, and cancels the rest.
    pub(crate) async fn close(&self, limit: Duration) {
        self.tasks.close();
        if timeout(limit, self.tasks.wait()).await.is_err() {
            self.stop.cancel();
            self.tasks.wait().await;
        }
    }
}

async fn deliver(webhook: &Webhook, message: &Message, deadline: Instant) {
    let (id, to) = (message.id, message.to.last_four());
    let mut backoff = FIRST_BACKOFF;
    for attempt in 1_u32.. {
        let left = deadline.saturating_duration_since(Instant::now());
        let (error, retry_after) = match timeout(left, webhook.send(message)).await {
            Ok(Ok(())) => {
                tracing::info!(message.id = %id, message.to = %to, attempt, "sent a message");
                return;
            }
            Ok(Err(SendError::Permanent(error))) => {
                tracing::error!(
                    message.id = %id, message.to = %to, attempt, error, "a message was refused"
                );
                return;
            }
            Ok(Err(SendError::Transient { error, retry_after })) => (error, retry_after),
            Err(_) => ("deadline exceeded".to_owned(), Duration::ZERO),
        };
        let wait = backoff
            .mul_f64(rand::rng().random_range(0.5..=1.0))
            .max(retry_after);
        if wait >= deadline.saturating_duration_since(Instant::now()) {
            tracing::error!(
                message.id = %id, message.to = %to, attempt, error, "a message was not sent in time"
            );
            return;
        }
        tracing::warn!(
            message.id = %id, message.to = %to, attempt, error, "sending a message failed: retrying"
        );
        tokio::time::sleep(wait).await;
        backoff = (backoff * 2).min(MAX_BACKOFF);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::body::Bytes;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::routing::post;
    use serde_json::json;
    use service_kit::clock::SystemClock;
    use service_kit::{Clock as _, tasks};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;
    use crate::config::{WEBHOOK_ID, WebhookKey, WebhookUrl};
    use crate::sms::webhook::SIGN_IN_CODE;

    /// The key of the specification's example.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// A relay that answers with these statuses, one after the other, and records its requests.
    struct Relay {
        responses: Mutex<Vec<(StatusCode, &'static str)>>,
        requests: Mutex<Vec<(HeaderMap, Bytes)>>,
    }

    impl Relay {
        async fn responding(responses: &[(StatusCode, &'static str)]) -> (Arc<Self>, WebhookUrl) {
            let relay = Arc::new(Self {
                responses: Mutex::new(responses.to_vec()),
                requests: Mutex::default(),
            });
            let receive =
                async |State(relay): State<Arc<Self>>, headers: HeaderMap, body: Bytes| {
                    relay.requests.lock().unwrap().push((headers, body));
                    let mut responses = relay.responses.lock().unwrap();
                    let (status, retry_after) = if responses.len() > 1 {
                        responses.remove(0)
                    } else {
                        responses[0]
                    };
                    (status, [(header::RETRY_AFTER, retry_after)])
                };
            let router = Router::new()
                .route("/messages", post(receive))
                .with_state(relay.clone());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/messages", listener.local_addr().unwrap())
                .parse()
                .unwrap();
            drop(tasks::spawn(axum::serve(listener, router).into_future()));
            (relay, url)
        }

        fn requests(&self) -> Vec<(HeaderMap, Bytes)> {
            self.requests.lock().unwrap().clone()
        }
    }

    fn a_message() -> Message {
        let text = "[KT.GG] 인증번호 012345".to_owned();
        Message {
            id: Uuid::new_v4(),
            to: "010-1234-5678".parse().unwrap(),
            text,
            kind: SIGN_IN_CODE,
        }
    }

    fn queue_to(url: WebhookUrl) -> SmsQueue {
        SmsQueue::new(Webhook::new(url, KEY.parse().unwrap()))
    }

    #[tokio::test]
    async fn a_message_is_retried_with_the_same_id_until_accepted() {
        let (relay, url) = Relay::responding(&[
            (StatusCode::SERVICE_UNAVAILABLE, "0"),
            (StatusCode::TOO_MANY_REQUESTS, "1"),
            (StatusCode::ACCEPTED, ""),
        ])
        .await;
        let (queue, message) = (queue_to(url), a_message());
        let (id, started) = (message.id.to_string(), Instant::now());
        queue.dispatch(message, Duration::from_secs(30));
        queue.close(Duration::from_secs(20)).await;
        // The relay's Retry-After was respected.
        assert!(
            started.elapsed() >= Duration::from_secs(1),
            "{:?}",
            started.elapsed()
        );
        let requests = relay.requests();
        assert_eq!(requests.len(), 3);
        let key: WebhookKey = KEY.parse().unwrap();
        for (headers, body) in &requests {
            assert!(key.accepts(headers, body, SystemClock.now()));
            assert_eq!(headers[WEBHOOK_ID], *id);
            let expected = json!({
                "id": id,
                "to": "+821012345678",
                "text": "[KT.GG] 인증번호 012345",
                "kind": "sign-in-code",
            });
            assert_eq!(
                serde_json::from_slice::<serde_json::Value>(body).unwrap(),
                expected
            );
        }
    }

    #[tokio::test]
    async fn a_refused_message_is_not_retried() {
        let (relay, url) = Relay::responding(&[(StatusCode::UNAUTHORIZED, "")]).await;
        let queue = queue_to(url);
        queue.dispatch(a_message(), Duration::from_secs(30));
        queue.close(Duration::from_secs(20)).await;
        assert_eq!(relay.requests().len(), 1);
    }

    #[tokio::test]
    async fn a_message_is_dropped_when_it_is_not_useful_any_more() {
        let (relay, url) = Relay::responding(&[(StatusCode::INTERNAL_SERVER_ERROR, "0")]).await;
        let queue = queue_to(url);
        let started = Instant::now();
        queue.dispatch(a_message(), Duration::from_millis(1500));
        queue.close(Duration::from_secs(20)).await;
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "{:?}",
            started.elapsed()
        );
        assert!(relay.requests().len() >= 2, "{}", relay.requests().len());
    }

    #[tokio::test]
    async fn a_message_with_a_retry_after_its_deadline_is_dropped() {
        let (relay, url) =
            Relay::responding(&[(StatusCode::SERVICE_UNAVAILABLE, "18446744073709551615")]).await;
        let webhook = Webhook::new(url, KEY.parse().unwrap());
        deliver(
            &webhook,
            &a_message(),
            Instant::now() + Duration::from_mins(3),
        )
        .await;
        assert_eq!(relay.requests().len(), 1);
    }

    #[tokio::test]
    async fn stopping_does_not_wait_for_an_unreachable_relay() {
        let queue = queue_to("http://127.0.0.1:1/messages".parse().unwrap());
        queue.dispatch(a_message(), Duration::from_mins(3));
        let started = Instant::now();
        queue.close(Duration::from_millis(50)).await;
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{:?}",
            started.elapsed()
        );
    }

    #[tokio::test]
    async fn messages_over_the_limit_are_dropped() {
        let queue = queue_to("http://127.0.0.1:1/messages".parse().unwrap());
        for _ in 0..MAX_MESSAGES + 10 {
            queue.dispatch(a_message(), Duration::from_mins(3));
        }
        assert_eq!(queue.tasks.len(), MAX_MESSAGES);
        queue.close(Duration::ZERO).await;
    }
}
