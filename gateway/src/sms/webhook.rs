//! The webhook: what is sent there, and how either end signs and verifies it after the Standard Webhooks specification.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use sha2::Sha256;
use tokio::time::timeout;

use super::{Attempt, Message, Sender, Unsent};
use crate::config::is_loopback;
use crate::upstream::tokens::now;

/// The key that both ends of the webhook have. Its `Debug` is `***`.
#[derive(Clone)]
pub struct WebhookKey(Vec<u8>);

/// What a key begins with as it is written, by the specification.
const KEY_PREFIX: &str = "whsec_";

/// How far the sender's clock may be from the receiver's: the specification's libraries allow as much.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The specification's headers.
pub const WEBHOOK_ID: &str = "webhook-id";
/// When it was sent, in seconds.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
/// `v1,` and base64, or several of them with blanks between.
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";

impl WebhookKey {
    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        Some(mac)
    }

    /// The sender's half: the signature of one attempt. `None` only if the key were of no use at all.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
        self.mac(id, timestamp, body)
            .map(|mac| format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
    }

    /// Whether whoever has this key sent the body, and lately: the receiver's half.
    pub fn accepts(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(id), Some(timestamp), Some(signatures)) = (
            text(WEBHOOK_ID),
            text(WEBHOOK_TIMESTAMP),
            text(WEBHOOK_SIGNATURE),
        ) else {
            return false;
        };
        let sent = timestamp
            .parse()
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let is_recent = sent.is_some_and(|sent: DateTime<Utc>| (now - sent).abs() <= TOLERANCE);
        let given = signatures
            .split(' ')
            .filter_map(|signature| BASE64.decode(signature.strip_prefix("v1,")?).ok());
        is_recent
            && given.into_iter().any(|given| {
                self.mac(id, timestamp, body)
                    .is_some_and(|mac| mac.verify_slice(&given).is_ok())
            })
    }
}

impl FromStr for WebhookKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it is not of the form whsec_BASE64 with 24 to 64 bytes";
        let bytes = text
            .trim()
            .strip_prefix(KEY_PREFIX)
            .and_then(|text| BASE64.decode(text).ok())
            .ok_or(WRONG)?;
        if (24..=64).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(WRONG)
        }
    }
}

impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where the webhook is: `https://…`, or `http://…` for this machine and for names without a dot, which nobody has but a cluster. Codes and
/// numbers would be read on the way otherwise. It may hold a secret path, so that its `Debug` shows the host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Uri);

impl FromStr for WebhookUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it is not of the form http(s)://HOST/PATH";
        let uri: Uri = text.trim().parse().map_err(|_| WRONG)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_plain = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        if !(is_http && is_plain) {
            return Err(WRONG);
        }
        let host = uri.host().unwrap_or_default();
        let is_near = is_loopback(host)
            || (host.starts_with(|first: char| first.is_ascii_alphabetic()) && !host.contains('.'));
        if uri.scheme_str() == Some("http") && !is_near {
            return Err(
                "codes need TLS: it is https://…, and http:// for this machine or a name without a dot alone",
            );
        }
        Ok(Self(uri))
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}/…",
            self.0.scheme_str().unwrap_or_default(),
            self.0.host().unwrap_or_default()
        )
    }
}

/// How long one attempt may take, connection and all. A relay that answers later is asked again, by the same id.
const ATTEMPT: Duration = Duration::from_secs(10);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The webhook.
pub(crate) struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    url: WebhookUrl,
    key: WebhookKey,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// A webhook that nothing was sent to yet.
    pub(crate) fn new(url: WebhookUrl, key: WebhookKey) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        // A connection for each message: there are few, and one that a relay closed long ago costs an attempt.
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
        // The relay's clock is that of the world, whatever a test's shows.
        let timestamp = now().timestamp().to_string();
        let id = message.id.to_string();
        let signature = self.key.sign(&id, &timestamp, body.as_bytes())?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.0.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "ktgg-gateway")
            .header(WEBHOOK_ID, id)
            .header(WEBHOOK_TIMESTAMP, timestamp)
            .header(WEBHOOK_SIGNATURE, signature);
        request.body(Body::from(body)).ok()
    }

    async fn attempt(&self, message: &Message) -> Result<(), Unsent> {
        let later = |why: String| Unsent::ForNow {
            why,
            after: Duration::ZERO,
        };
        let request = self.request(message).ok_or_else(|| Unsent::ForGood {
            why: "it cannot be written".to_owned(),
        })?;
        let answer = match timeout(ATTEMPT, self.client.request(request)).await {
            Ok(Ok(answer)) => answer,
            // Errors of the client tell of connections, never of what was sent.
            Ok(Err(error)) => return Err(later(error.to_string())),
            Err(_) => return Err(later("the relay took too long".to_owned())),
        };
        let status = answer.status();
        let why = format!("the relay answered {status}");
        let can_change = status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
            );
        if status.is_success() {
            Ok(())
        } else if can_change {
            let after = answer
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            Err(Unsent::ForNow {
                why,
                after: Duration::from_secs(after.unwrap_or_default()),
            })
        } else {
            Err(Unsent::ForGood { why })
        }
    }
}

impl Sender for Webhook {
    fn send<'a>(&'a self, message: &'a Message) -> Attempt<'a> {
        Box::pin(self.attempt(message))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::sms::SIGN_IN_CODE;

    /// As in the specification's own example.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_signature_is_the_specifications() {
        let key: WebhookKey = KEY.parse().unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = key
            .sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
            .unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_what_was_signed_lately_with_the_same_key_is_accepted() {
        let (key, other): (WebhookKey, WebhookKey) = (
            KEY.parse().unwrap(),
            format!("whsec_{}", "A".repeat(32)).parse().unwrap(),
        );
        let now = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let signed = |key: &WebhookKey| {
            let mut headers = HeaderMap::new();
            headers.insert(WEBHOOK_ID, "m".parse().unwrap());
            headers.insert(WEBHOOK_TIMESTAMP, "1614265330".parse().unwrap());
            headers.insert(
                WEBHOOK_SIGNATURE,
                format!("v1a,x {}", key.sign("m", "1614265330", b"{}").unwrap())
                    .parse()
                    .unwrap(),
            );
            headers
        };
        assert!(key.accepts(&signed(&key), b"{}", now));
        assert!(!key.accepts(&signed(&other), b"{}", now));
        assert!(!key.accepts(&signed(&key), b"{ }", now));
        assert!(!key.accepts(&signed(&key), b"{}", now + TimeDelta::minutes(6)));
        assert!(!key.accepts(&signed(&key), b"{}", now - TimeDelta::minutes(6)));
        for name in [WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE] {
            let mut headers = signed(&key);
            headers.remove(name);
            assert!(!key.accepts(&headers, b"{}", now), "{name}");
        }
    }

    #[test]
    fn what_is_no_key_and_no_address_is_refused_and_neither_is_printed() {
        for text in [
            "",
            "whsec_",
            "whsec_MTIz",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!",
            &format!("whsec_{}", "A".repeat(100)),
        ] {
            assert!(text.parse::<WebhookKey>().is_err(), "{text}");
        }
        for text in [
            "",
            "/messages",
            "ftp://relay/x",
            "https://me:secret@relay/x",
            "relay",
            "http://relay.example/x",
            "http://relay./x",
            "http://10.0.0.7/x",
            "http://167772167/x",
            "http://[2001:db8::7]/x",
        ] {
            assert!(text.parse::<WebhookUrl>().is_err(), "{text}");
        }
        for text in [
            "https://relay.example/x",
            "http://relay/x",
            "http://127.0.0.1:8089/x",
            "http://[::1]/x",
            "http://localhost/x",
        ] {
            assert!(text.parse::<WebhookUrl>().is_ok(), "{text}");
        }
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
