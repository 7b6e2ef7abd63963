//! The device cookie: a browser that has signed in as a customer is known again, so that it has
//! limits of its own. It is no session.
//!
//! Its value is a random id and the time of the sign-in, signed for this customer. It names no
//! customer, and another `SIGN_IN_KEY` makes every one worthless.

use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use events::CustomerId;
use uuid::Uuid;

use crate::config::{PublicOrigin, SignInKey};

/// Without a sign-in. Each one renews it.
const LIFETIME: TimeDelta = TimeDelta::days(180);

/// As for the session cookie, the prefix needs TLS.
const SECURE_NAME: &str = "__Host-ktgg-device";
const PLAIN_NAME: &str = "ktgg-device";

/// Separates these MACs from others under the same key.
const PURPOSE: &str = "device";

const ID_BYTES: usize = 16;
const TIME_BYTES: usize = 8;

/// A browser in which this customer has signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Device(Uuid);

impl Device {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Reads and writes the device cookie.
#[derive(Debug, Clone)]
pub(crate) struct DeviceCookie {
    is_secure: bool,
    key: SignInKey,
}

impl DeviceCookie {
    pub(crate) fn new(origin: &PublicOrigin, key: SignInKey) -> Self {
        let is_secure = origin.is_https();
        Self { is_secure, key }
    }

    fn name(&self) -> &'static str {
        if self.is_secure {
            SECURE_NAME
        } else {
            PLAIN_NAME
        }
    }

    /// The browser, if this customer has signed in with it before.
    pub(crate) fn read(
        &self,
        headers: &HeaderMap,
        customer: CustomerId,
        now: DateTime<Utc>,
    ) -> Option<Device> {
        let cookies = CookieJar::from_headers(headers);
        let bytes = URL_SAFE_NO_PAD
            .decode(cookies.get(self.name())?.value())
            .ok()?;
        let (id, rest) = bytes.split_first_chunk::<ID_BYTES>()?;
        let (issued_at, mac) = rest.split_first_chunk::<TIME_BYTES>()?;
        let signed_in_at = DateTime::from_timestamp(i64::from_be_bytes(*issued_at), 0)?;
        let parts: [&[u8]; 3] = [customer.0.as_bytes(), id, issued_at];
        let is_valid = self.key.verifies(PURPOSE, &parts, mac) && now - signed_in_at < LIFETIME;
        is_valid.then_some(Device(Uuid::from_bytes(*id)))
    }

    /// The cookie after a sign-in. A known browser keeps its id, and its limits with it.
    pub(crate) fn set(
        &self,
        known: Option<Device>,
        customer: CustomerId,
        now: DateTime<Utc>,
    ) -> Cookie<'static> {
        let Device(id) = known.unwrap_or_else(|| Device(Uuid::new_v4()));
        let issued_at = now.timestamp().to_be_bytes();
        let parts: [&[u8]; 3] = [customer.0.as_bytes(), id.as_bytes(), &issued_at];
        let mac = self.key.mac(PURPOSE, &parts);
        let value = [id.as_bytes(), &issued_at[..], &mac].concat();
        let mut cookie = self.cookie(URL_SAFE_NO_PAD.encode(value));
        cookie.set_max_age(LIFETIME.to_std().ok().and_then(|age| age.try_into().ok()));
        cookie
    }

    pub(crate) fn remove(&self) -> Cookie<'static> {
        let mut cookie = self.cookie(String::new());
        cookie.make_removal();
        cookie
    }

    /// Sent with the pages' own requests only, unlike the session's, which links need too.
    fn cookie(&self, value: String) -> Cookie<'static> {
        Cookie::build((self.name(), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(self.is_secure)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::COOKIE;

    use super::*;

    const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(7));

    fn cookies(key: &str) -> DeviceCookie {
        let origin = "https://kt.gg".parse().unwrap();
        DeviceCookie::new(&origin, key.repeat(32).parse().unwrap())
    }

    fn headers(cookie: &Cookie<'_>) -> HeaderMap {
        let pair = format!("{}={}", cookie.name(), cookie.value());
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(pair).unwrap())])
    }

    #[test]
    fn a_browser_is_known_for_its_own_customer_for_180_days() {
        let (cookies, now) = (
            cookies("k"),
            DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        );
        let set = cookies.set(None, CUSTOMER, now);
        let read =
            |customer, days| cookies.read(&headers(&set), customer, now + TimeDelta::days(days));
        let device = read(CUSTOMER, 0).unwrap();
        assert_eq!(read(CUSTOMER, 179), Some(device));
        assert_eq!(read(CUSTOMER, 180), None);
        assert_eq!(read(CustomerId(Uuid::from_u128(8)), 0), None);
        let renewed = cookies.set(Some(device), CUSTOMER, now + TimeDelta::days(100));
        let later = now + TimeDelta::days(200);
        assert_eq!(
            cookies.read(&headers(&renewed), CUSTOMER, later),
            Some(device)
        );
    }

    #[test]
    fn a_forged_or_revoked_cookie_is_that_of_a_stranger() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let set = cookies("k").set(None, CUSTOMER, now);
        assert_eq!(cookies("o").read(&headers(&set), CUSTOMER, now), None);
        let bytes = URL_SAFE_NO_PAD.decode(set.value()).unwrap();
        for index in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[index] ^= 1;
            let forged = Cookie::new(SECURE_NAME, URL_SAFE_NO_PAD.encode(forged));
            assert_eq!(cookies("k").read(&headers(&forged), CUSTOMER, now), None);
        }
        for value in ["", "x", &URL_SAFE_NO_PAD.encode(&bytes[..24])] {
            let forged = Cookie::new(SECURE_NAME, value.to_owned());
            assert_eq!(cookies("k").read(&headers(&forged), CUSTOMER, now), None);
        }
    }

    #[test]
    fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let set = cookies("k").set(None, CUSTOMER, now).to_string();
        assert!(set.starts_with("__Host-ktgg-device="), "{set}");
        for attribute in [
            "HttpOnly",
            "SameSite=Strict",
            "Secure",
            "Path=/",
            "Max-Age=15552000",
        ] {
            assert!(set.contains(attribute), "{attribute}: {set}");
        }
    }
}
