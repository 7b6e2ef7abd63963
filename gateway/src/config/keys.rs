//! Secret keys, and what is computed with them.

use std::str::FromStr;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use service_kit::redacted_debug;
use sha2::Sha256;

type HmacSha256 = Hmac<Sha256>;

redacted_debug!(SignInKey, WebhookKey);

/// `SIGN_IN_KEY`: one-time codes and rate limit keys are stored as HMACs under it, so that a reader
/// of those tables cannot find codes or phone numbers by trying them out.
#[derive(Clone)]
pub struct SignInKey(Vec<u8>);

impl SignInKey {
    /// HMAC-SHA256 of the purpose and the parts, each prefixed with its length.
    pub(crate) fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
        // `hash` never fails: HMAC accepts keys of any length.
        self.hash(purpose, parts)
            .map(|mac| mac.finalize().into_bytes().to_vec())
            .unwrap_or_default()
    }

    /// Compares a MAC in constant time.
    pub(crate) fn verifies(&self, purpose: &str, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.hash(purpose, parts)
            .is_some_and(|expected| expected.verify_slice(mac).is_ok())
    }

    fn hash(&self, purpose: &str, parts: &[&[u8]]) -> Option<HmacSha256> {
        let mut mac = HmacSha256::new_from_slice(&self.0).ok()?;
        for part in [purpose.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }
}

impl FromStr for SignInKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.len() >= 32 {
            Ok(Self(text.as_bytes().to_vec()))
        } else {
            Err("shorter than 32 characters")
        }
    }
}

/// `SENDER_KEY`: signs requests to the SMS webhook as [Standard Webhooks] specifies.
///
/// [Standard Webhooks]: https://www.standardwebhooks.com
#[derive(Clone)]
pub struct WebhookKey(Vec<u8>);

/// The largest difference between the clocks of sender and receiver, as in the specification's
/// libraries.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Header with the message's id.
pub const WEBHOOK_ID: &str = "webhook-id";
/// Header with the time of the attempt, in Unix seconds.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
/// Header with one or more signatures, separated by blanks: `v1,BASE64`.
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";

impl WebhookKey {
    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<HmacSha256> {
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        let mut mac = HmacSha256::new_from_slice(&self.0).ok()?;
        for part in signed {
            mac.update(part);
        }
        Some(mac)
    }

    /// The signature of one attempt.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
        self.mac(id, timestamp, body)
            .map(|mac| format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
    }

    /// Whether the body is signed with this key and the timestamp is recent.
    pub fn accepts(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> bool {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let verify = || {
            let (id, timestamp) = (text(WEBHOOK_ID)?, text(WEBHOOK_TIMESTAMP)?);
            let sent_at = DateTime::from_timestamp(timestamp.parse().ok()?, 0)?;
            let is_recent = (now - sent_at).abs() <= CLOCK_TOLERANCE;
            let mac = self.mac(id, timestamp, body)?;
            let mut signatures = text(WEBHOOK_SIGNATURE)?
                .split(' ')
                .filter_map(|signature| BASE64.decode(signature.strip_prefix("v1,")?).ok());
            let is_signed =
                signatures.any(|signature| mac.clone().verify_slice(&signature).is_ok());
            Some(is_recent && is_signed)
        };
        verify().unwrap_or(false)
    }
}

impl FromStr for WebhookKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim()
            .strip_prefix("whsec_")
            .and_then(|text| BASE64.decode(text).ok())
            .filter(|bytes| (24..=64).contains(&bytes.len()))
            .map(Self)
            .ok_or("expected whsec_BASE64 with 24 to 64 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of the specification's example.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn signature_equals_the_specifications_example() {
        let key: WebhookKey = KEY.parse().unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = key
            .sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
            .unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_recent_requests_signed_with_the_key_are_accepted() {
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
    fn invalid_webhook_keys_are_refused() {
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
        assert_eq!(format!("{:?}", KEY.parse::<WebhookKey>().unwrap()), "***");
    }

    #[test]
    fn a_mac_separates_its_parts() {
        let key: SignInKey = "0123456789abcdef0123456789abcdef".parse().unwrap();
        assert_ne!(key.mac("p", &[b"ab", b"c"]), key.mac("p", &[b"a", b"bc"]));
        assert_eq!(format!("{key:?}"), "***");
        assert!("short".parse::<SignInKey>().is_err());
    }
}
