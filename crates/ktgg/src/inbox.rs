//! The phones of a sandbox: receives the messages of the gateway's webhook, and shows them on a
//! page.
//!
//! The gateway treats it as any SMS relay, so a production gateway contains no code that shows a
//! message. It keeps a hundred messages in memory, and answers only requests whose `Host` is
//! loopback, so that a web page cannot read them by DNS rebinding.

mod message;
mod page;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use gateway::WebhookKey;
use serde::Deserialize;
use serde_json::json;
use service_kit::Clock;
use service_kit::forms::phone::Phone;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::message::Message;

/// Receives messages by POST, and lists them as JSON by GET.
pub const MESSAGES: &str = "/messages";

/// Older messages are dropped.
const MAX_MESSAGES: usize = 100;

/// In bytes. An SMS has 90, an 알림톡 a thousand characters.
const MAX_BODY: usize = 16 * 1024;

/// The body of the webhook.
#[derive(Deserialize)]
struct WebhookBody {
    id: String,
    to: Phone,
    text: String,
    kind: String,
}

struct Inbox {
    key: WebhookKey,
    clock: Arc<dyn Clock>,
    /// Newest first.
    messages: Mutex<VecDeque<Message>>,
}

impl Inbox {
    fn messages(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives and shows messages until `stop` is cancelled.
///
/// # Errors
/// When the listener is not on loopback, or fails.
pub async fn serve(
    listener: TcpListener,
    key: WebhookKey,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<()> {
    let address = listener.local_addr()?;
    anyhow::ensure!(
        address.ip().is_loopback(),
        "the inbox only listens on loopback, not on {address}"
    );
    let inbox = Arc::new(Inbox {
        key,
        clock,
        messages: Mutex::default(),
    });
    axum::serve(listener, router(inbox))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("the inbox ended early")
}

/// Binds the inbox's port on loopback.
///
/// # Errors
/// When the port is in use.
pub async fn listen(port: u16) -> Result<TcpListener> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpListener::bind(address)
        .await
        .with_context(|| format!("the inbox cannot listen on {address}"))
}

fn router(inbox: Arc<Inbox>) -> Router {
    Router::new()
        .route("/", get(page))
        .route(
            "/inbox.css",
            get(async || {
                (
                    [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
                    page::STYLE,
                )
            }),
        )
        .route(MESSAGES, get(messages).post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(loopback_only))
        .with_state(inbox)
}

/// Refuses requests to another host name, and forbids scripts, framing and caching.
async fn loopback_only(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    if !host.is_some_and(|host| is_loopback(host.host())) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}

fn is_loopback(host: &str) -> bool {
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// `POST /messages`
async fn receive(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let now = inbox.clock.now();
    if !inbox.key.accepts(&headers, &body, now) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(sent) = serde_json::from_slice::<WebhookBody>(&body) else {
        return StatusCode::UNPROCESSABLE_ENTITY;
    };
    let mut messages = inbox.messages();
    // A message is sent again when the gateway did not receive the response.
    if messages.iter().all(|message| message.id != sent.id) {
        messages.truncate(MAX_MESSAGES - 1);
        messages.push_front(Message {
            id: sent.id,
            to: sent.to.e164().to_owned(),
            text: sent.text,
            kind: sent.kind,
            received_at: now,
        });
    }
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

/// `GET /messages?to=010-1234-5678`, newest first; without `to`, all messages.
async fn messages(State(inbox): State<Arc<Inbox>>, Query(filter): Query<Filter>) -> Response {
    // An unencoded `+` in a query is a space.
    let to = match filter.to.map(|to| to.trim().parse::<Phone>()).transpose() {
        Ok(to) => to,
        Err(error) => {
            let text = format!("invalid `to`: {error}\n");
            return (StatusCode::UNPROCESSABLE_ENTITY, text).into_response();
        }
    };
    let messages = inbox.messages();
    let items: Vec<&Message> = messages
        .iter()
        .filter(|message| to.as_ref().is_none_or(|to| to.e164() == message.to))
        .collect();
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, json!({ "items": items }).to_string()).into_response()
}

/// `GET /`
async fn page(State(inbox): State<Arc<Inbox>>) -> Response {
    let page = page::render(&inbox.messages());
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use gateway::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
    use http_body_util::BodyExt as _;
    use serde_json::Value;
    use service_kit::clock::SystemClock;
    use tower::ServiceExt as _;

    use super::*;

    fn key() -> WebhookKey {
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap()
    }

    fn inbox() -> Router {
        router(Arc::new(Inbox {
            key: key(),
            clock: Arc::new(SystemClock),
            messages: Mutex::default(),
        }))
    }

    async fn respond(inbox: &Router, request: Request) -> (StatusCode, HeaderMap, String) {
        let (head, body) = inbox.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            head.status,
            head.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    async fn read(inbox: &Router, path: &str) -> (StatusCode, HeaderMap, String) {
        respond(
            inbox,
            Request::get(path)
                .header("host", "127.0.0.1:8089")
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    /// A request of the gateway, signed with this key.
    fn sent(key: &WebhookKey, id: &str, to: &str, text: &str) -> Request {
        let body = json!({ "id": id, "to": to, "text": text, "kind": "sign-in-code" }).to_string();
        let timestamp = SystemClock.now().timestamp().to_string();
        Request::post(MESSAGES)
            .header("host", "localhost:8089")
            .header(WEBHOOK_ID, id)
            .header(
                WEBHOOK_SIGNATURE,
                key.sign(id, &timestamp, body.as_bytes()).unwrap(),
            )
            .header(WEBHOOK_TIMESTAMP, timestamp)
            .body(Body::from(body))
            .unwrap()
    }

    async fn texts(inbox: &Router, path: &str) -> Vec<String> {
        let list: Value = serde_json::from_str(&read(inbox, path).await.2).unwrap();
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["text"].as_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test]
    async fn messages_are_listed_by_number_newest_first_and_once() {
        let inbox = inbox();
        for (id, to, text) in [
            ("1", "+821012345678", "하나"),
            ("2", "+821087654321", "둘"),
            ("3", "+821012345678", "셋"),
            ("1", "+821012345678", "하나"),
        ] {
            assert_eq!(
                respond(&inbox, sent(&key(), id, to, text)).await.0,
                StatusCode::NO_CONTENT
            );
        }
        assert_eq!(texts(&inbox, "/messages").await, ["셋", "둘", "하나"]);
        for to in ["010-1234-5678", "%2B821012345678", "+821012345678"] {
            assert_eq!(
                texts(&inbox, &format!("/messages?to={to}")).await,
                ["셋", "하나"],
                "{to}"
            );
        }
        assert!(texts(&inbox, "/messages?to=02-123-4567").await.is_empty());
        assert_eq!(
            read(&inbox, "/messages?to=me").await.0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }

    #[tokio::test]
    async fn an_unsigned_message_is_refused() {
        let inbox = inbox();
        let other: WebhookKey = format!("whsec_{}", "A".repeat(32)).parse().unwrap();
        assert_eq!(
            respond(&inbox, sent(&other, "1", "+821012345678", "x"))
                .await
                .0,
            StatusCode::UNAUTHORIZED
        );
        let unsigned = Request::post(MESSAGES)
            .header("host", "localhost")
            .body(Body::from("{}"))
            .unwrap();
        assert_eq!(respond(&inbox, unsigned).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(
            respond(&inbox, sent(&key(), "1", "not a number", "x"))
                .await
                .0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let huge = sent(&key(), "1", "+821012345678", &"x".repeat(MAX_BODY));
        assert_eq!(respond(&inbox, huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(texts(&inbox, "/messages").await.is_empty());
    }

    #[tokio::test]
    async fn the_page_escapes_messages_and_allows_no_script() {
        let inbox = inbox();
        assert!(
            read(&inbox, "/")
                .await
                .2
                .contains("아직 받은 문자가 없습니다")
        );
        respond(
            &inbox,
            sent(
                &key(),
                "1",
                "+821012345678",
                "<script>alert(\"인증번호\")</script>",
            ),
        )
        .await;
        let (status, headers, page) = read(&inbox, "/").await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            page.contains("010-1234-5678")
                && page.contains("&lt;script&gt;alert(&quot;인증번호&quot;)&lt;/script&gt;"),
            "{page}"
        );
        assert!(!page.contains("<script"));
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'")
        );
        assert_eq!(
            read(&inbox, "/inbox.css").await.1["content-type"],
            "text/css; charset=utf-8"
        );
    }

    #[tokio::test]
    async fn only_loopback_hosts_are_answered() {
        let inbox = inbox();
        for (host, status) in [
            ("localhost:8089", 200),
            ("127.0.0.1:8089", 200),
            ("[::1]:8089", 200),
            ("inbox.example", 421),
            ("127.0.0.1.example:8089", 421),
            ("10.0.0.7:8089", 421),
        ] {
            let request = Request::get(MESSAGES)
                .header("host", host)
                .body(Body::empty())
                .unwrap();
            assert_eq!(respond(&inbox, request).await.0.as_u16(), status, "{host}");
        }
        assert_eq!(
            respond(&inbox, Request::get(MESSAGES).body(Body::empty()).unwrap())
                .await
                .0
                .as_u16(),
            421
        );
        let public = TcpListener::bind("0.0.0.0:0").await.unwrap();
        assert!(
            serve(
                public,
                key(),
                Arc::new(SystemClock),
                CancellationToken::new()
            )
            .await
            .is_err()
        );
    }

    #[tokio::test]
    async fn the_oldest_messages_are_dropped() {
        let inbox = inbox();
        for id in 0..MAX_MESSAGES + 5 {
            respond(
                &inbox,
                sent(&key(), &id.to_string(), "+821012345678", &id.to_string()),
            )
            .await;
        }
        let texts = texts(&inbox, "/messages").await;
        assert_eq!(
            (
                texts.len(),
                texts.first().unwrap().as_str(),
                texts.last().unwrap().as_str()
            ),
            (MAX_MESSAGES, "104", "5")
        );
    }
}
