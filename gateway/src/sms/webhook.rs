//! The webhook: one attempt to send one message.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use service_kit::Clock as _;
use service_kit::clock::SystemClock;
use service_kit::forms::phone::Phone;
use tokio::time::timeout;
use uuid::Uuid;

use crate::config::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, WebhookKey, WebhookUrl};

/// The kind of messages with a one-time code, by which a relay chooses its template.
pub(crate) const SIGN_IN_CODE: &str = "sign-in-code";

/// A message. Its `Debug` has neither text nor number.
pub(crate) struct Message {
    /// The same for all attempts, so that a relay can recognise a repeated message.
    pub(crate) id: Uuid,
    pub(crate) to: Phone,
    pub(crate) text: String,
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

/// Why an attempt failed, without anything of the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    Transient {
        error: String,
        /// Zero if the relay did not send `Retry-After`.
        retry_after: Duration,
    },
    Permanent(String),
}

/// The timeout of one attempt. It is repeated with the same id, even if the relay accepted it late.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    url: WebhookUrl,
    key: WebhookKey,
}

impl Webhook {
    pub(crate) fn new(url: WebhookUrl, key: WebhookKey) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        // A new connection for each message: there are few, and a pooled one that the relay has
        // closed would cost an attempt.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self { client, url, key }
    }

    fn request(&self, message: &Message) -> Option<Request<Body>> {
        let body = json!({
            "id": message.id,
            "to": message.to.e164(),
            "text": message.text,
            "kind": message.kind,
        })
        .to_string();
        // The machine's clock, which the relay checks against, and not a test's.
        let timestamp = SystemClock.now().timestamp().to_string();
        let id = message.id.to_string();
        let signature = self.key.sign(&id, &timestamp, body.as_bytes())?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.uri().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "ktgg-gateway")
            .header(WEBHOOK_ID, id)
            .header(WEBHOOK_TIMESTAMP, timestamp)
            .header(WEBHOOK_SIGNATURE, signature);
        request.body(Body::from(body)).ok()
    }

    /// Sends a message once.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), SendError> {
        let transient = |error: String, retry_after| SendError::Transient { error, retry_after };
        let request = self
            .request(message)
            .ok_or_else(|| SendError::Permanent("the request is invalid".to_owned()))?;
        let response = match timeout(ATTEMPT_TIMEOUT, self.client.request(request)).await {
            Ok(Ok(response)) => response,
            // The client's errors are about connections, and have nothing of the message.
            Ok(Err(error)) => return Err(transient(error.to_string(), Duration::ZERO)),
            Err(_) => return Err(transient("the relay timed out".to_owned(), Duration::ZERO)),
        };
        let status = response.status();
        let error = format!("the relay answered {status}");
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Err(transient(error, retry_after(response.headers())))
            }
            _ if status.is_server_error() => Err(transient(error, retry_after(response.headers()))),
            _ => Err(SendError::Permanent(error)),
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let value = headers.get(header::RETRY_AFTER);
    let seconds = value.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let webhook = Webhook::new(
            "https://relay.example/secret".parse().unwrap(),
            KEY.parse().unwrap(),
        );
        let text = "[KT.GG] 인증번호 012345".to_owned();
        let message = Message {
            id: Uuid::nil(),
            to: "010-1234-5678".parse().unwrap(),
            text,
            kind: SIGN_IN_CODE,
        };
        let printed = format!(
            "{webhook:?} {:?} {:?}",
            KEY.parse::<WebhookKey>().unwrap(),
            message
        );
        for secret in ["secret", "MfKQ", "5678", "012345"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
