//! How a message leaves for somebody's telephone: the port, and the one way there is, an HTTP webhook.
//!
//! Relays of SMS and 알림톡 are driven by a small adapter behind that webhook, which is signed as the Standard Webhooks specification says, so
//! that libraries of many languages verify it. Whoever asked for the message never waits for it: it is sent in the background, again and
//! again until it arrives or is of no use any more. Neither text nor number is ever logged: a message is known by its id and last four digits.

mod webhook;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use service_kit::forms::phone::Phone;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub(crate) use webhook::Webhook;
pub use webhook::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, WebhookKey, WebhookUrl};

/// The kind of message that a one-time code is: by it a relay chooses its template.
pub(crate) const SIGN_IN_CODE: &str = "sign-in-code";

/// A message to somebody. Its `Debug` shows neither text nor number.
pub(crate) struct Message {
    /// The same at every attempt, so that a relay which has it already sends no second SMS.
    pub(crate) id: Uuid,
    /// Whose telephone.
    pub(crate) to: Phone,
    /// What is read there.
    pub(crate) text: String,
    /// Of what kind it is: [`SIGN_IN_CODE`].
    pub(crate) kind: &'static str,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Why a message did not leave this time. It repeats nothing of the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// Trying again can help, and not before so long.
    ForNow {
        /// What happened.
        why: String,
        /// What whoever refused it asked for.
        after: Duration,
    },
    /// It is refused for what it is.
    ForGood {
        /// What happened.
        why: String,
    },
}

/// What one attempt comes to.
pub(crate) type Attempt<'a> = Pin<Box<dyn Future<Output = Result<(), Unsent>> + Send + 'a>>;

/// The port: hands one message over, once.
pub(crate) trait Sender: Send + Sync + 'static {
    /// One attempt. Whoever calls it tries again.
    fn send<'a>(&'a self, message: &'a Message) -> Attempt<'a>;
}

/// The way from an attempt to the next: it doubles from the first to the last, and up to a half is taken off by chance, so that a relay
/// which comes back is not met by everybody at once.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How many messages are on their way at once. Further ones are dropped: a relay that is away for minutes would be met by what nobody waits
/// for any more.
const ON_THEIR_WAY: usize = 1024;

/// Sends in the background.
pub(crate) struct Post {
    sender: Arc<dyn Sender>,
    room: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Post {
    pub(crate) fn new(sender: Arc<dyn Sender>) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Self {
            sender,
            room: Arc::new(Semaphore::new(ON_THEIR_WAY)),
            tasks,
            stop,
        }
    }

    /// Sends until the message arrived or `useful` is over. Returns at once.
    pub(crate) fn dispatch(&self, message: Message, useful: Duration) {
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            tracing::warn!(message.id = %message.id, "too many messages are on their way: this one is dropped");
            return;
        };
        let (sender, stop) = (self.sender.clone(), self.stop.clone());
        let sending = self.tasks.track_future(async move {
            tokio::select! {
                () = deliver(&*sender, &message, Instant::now() + useful) => {}
                () = stop.cancelled() => tracing::warn!(message.id = %message.id, "the gateway stops before a message has left"),
            }
            drop(place);
        });
        drop(service_kit::tasks::spawn(sending));
    }

    /// Lets what is being handed over arrive, within `patience`.
    pub(crate) async fn close(&self, patience: Duration) {
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_err() {
            self.stop.cancel();
            self.tasks.wait().await;
        }
    }
}

async fn deliver(sender: &dyn Sender, message: &Message, until: Instant) {
    let to = message.to.last_four();
    let mut pause = FIRST_PAUSE;
    for attempt in 1_u32.. {
        let left = until.saturating_duration_since(Instant::now());
        let result = timeout(left, sender.send(message)).await;
        let (why, after) = match result {
            Ok(Ok(())) => {
                tracing::info!(message.id = %message.id, message.to = %to, attempt, "a message left");
                return;
            }
            Ok(Err(Unsent::ForGood { why })) => {
                tracing::error!(message.id = %message.id, message.to = %to, attempt, why, "a message is refused");
                return;
            }
            Ok(Err(Unsent::ForNow { why, after })) => (why, after),
            Err(_) => ("its time was over".to_owned(), Duration::ZERO),
        };
        let shortened = rand::rng().random_range(0.5..=1.0);
        let left = until.saturating_duration_since(Instant::now());
        let wait = pause.mul_f64(shortened).max(after);
        if wait >= left {
            tracing::error!(message.id = %message.id, message.to = %to, attempt, why, "a message did not leave in time");
            return;
        }
        tracing::warn!(message.id = %message.id, message.to = %to, attempt, why, "a message did not leave: trying again");
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
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
    use service_kit::tasks;
    use tokio::net::TcpListener;

    use super::*;
    use crate::upstream::tokens::now;

    /// As in the specification's own example.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// A relay that answers with these statuses, one after the other, and keeps what it got.
    struct Relay {
        answers: Mutex<Vec<(StatusCode, &'static str)>>,
        got: Mutex<Vec<(HeaderMap, Bytes)>>,
    }

    impl Relay {
        async fn answering(answers: &[(StatusCode, &'static str)]) -> (Arc<Self>, WebhookUrl) {
            let relay = Arc::new(Self {
                answers: Mutex::new(answers.to_vec()),
                got: Mutex::default(),
            });
            let receive =
                async |State(relay): State<Arc<Self>>, headers: HeaderMap, body: Bytes| {
                    relay.got.lock().unwrap().push((headers, body));
                    let mut answers = relay.answers.lock().unwrap();
                    let (status, after) = if answers.len() > 1 {
                        answers.remove(0)
                    } else {
                        answers[0]
                    };
                    (status, [(header::RETRY_AFTER, after)])
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

        fn got(&self) -> Vec<(HeaderMap, Bytes)> {
            self.got.lock().unwrap().clone()
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

    fn post_to(url: WebhookUrl) -> Post {
        Post::new(Arc::new(Webhook::new(url, KEY.parse().unwrap())))
    }

    #[tokio::test]
    async fn a_message_is_signed_and_sent_again_by_the_same_id_until_the_relay_takes_it() {
        let (relay, url) = Relay::answering(&[
            (StatusCode::SERVICE_UNAVAILABLE, "0"),
            (StatusCode::TOO_MANY_REQUESTS, "1"),
            (StatusCode::ACCEPTED, ""),
        ])
        .await;
        let (post, message) = (post_to(url), a_message());
        let (id, started) = (message.id.to_string(), Instant::now());
        post.dispatch(message, Duration::from_secs(30));
        post.close(Duration::from_secs(20)).await;
        // What the relay asked for was waited for.
        assert!(
            started.elapsed() >= Duration::from_secs(1),
            "{:?}",
            started.elapsed()
        );
        let got = relay.got();
        assert_eq!(got.len(), 3);
        let key: WebhookKey = KEY.parse().unwrap();
        for (headers, body) in &got {
            assert!(key.accepts(headers, body, now()));
            assert_eq!(headers[WEBHOOK_ID], *id);
            let expected = json!({ "id": id, "to": "+821012345678", "text": "[KT.GG] 인증번호 012345", "kind": "sign-in-code" });
            assert_eq!(
                serde_json::from_slice::<serde_json::Value>(body).unwrap(),
                expected
            );
        }
    }

    #[tokio::test]
    async fn what_a_relay_refuses_for_what_it_is_is_not_sent_again() {
        let (relay, url) = Relay::answering(&[(StatusCode::UNAUTHORIZED, "")]).await;
        let post = post_to(url);
        post.dispatch(a_message(), Duration::from_secs(30));
        post.close(Duration::from_secs(20)).await;
        assert_eq!(relay.got().len(), 1);
    }

    #[tokio::test]
    async fn a_message_is_given_up_when_it_is_of_no_use_any_more() {
        let (relay, url) = Relay::answering(&[(StatusCode::INTERNAL_SERVER_ERROR, "0")]).await;
        let post = post_to(url);
        let started = Instant::now();
        post.dispatch(a_message(), Duration::from_millis(1500));
        post.close(Duration::from_secs(20)).await;
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "{:?}",
            started.elapsed()
        );
        assert!(relay.got().len() >= 2, "{}", relay.got().len());
    }

    #[tokio::test]
    async fn a_relay_that_asks_for_longer_than_there_is_is_given_up() {
        let (relay, url) =
            Relay::answering(&[(StatusCode::SERVICE_UNAVAILABLE, "18446744073709551615")]).await;
        let webhook = Webhook::new(url, KEY.parse().unwrap());
        deliver(
            &webhook,
            &a_message(),
            Instant::now() + Duration::from_mins(3),
        )
        .await;
        assert_eq!(relay.got().len(), 1);
    }

    #[tokio::test]
    async fn a_gateway_that_stops_does_not_wait_for_a_relay_that_is_away() {
        let post = post_to("http://127.0.0.1:1/messages".parse().unwrap());
        post.dispatch(a_message(), Duration::from_mins(3));
        let started = Instant::now();
        post.close(Duration::from_millis(50)).await;
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{:?}",
            started.elapsed()
        );
    }

    #[tokio::test]
    async fn more_messages_than_there_is_room_for_are_dropped() {
        let post = post_to("http://127.0.0.1:1/messages".parse().unwrap());
        for _ in 0..ON_THEIR_WAY + 10 {
            post.dispatch(a_message(), Duration::from_mins(3));
        }
        assert_eq!(post.tasks.len(), ON_THEIR_WAY);
        post.close(Duration::ZERO).await;
    }
}
