//! The session cookie.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use service_kit::Problem;
use service_kit::auth::Role;

use crate::auth::sessions::{CUSTOMER_LIFETIME, IdHash, NewSession, PresentedSession};
use crate::config::PublicOrigin;

/// The name with TLS. Browsers accept the prefix `__Host-` only over TLS, and send the cookie to
/// this host only.
const SECURE_NAME: &str = "__Host-ktgg";

/// The name on `http://localhost`.
const PLAIN_NAME: &str = "ktgg";

/// Reads and writes the session cookie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionCookie {
    is_secure: bool,
}

impl SessionCookie {
    pub(crate) fn new(origin: &PublicOrigin) -> Self {
        Self {
            is_secure: origin.is_https(),
        }
    }

    fn name(self) -> &'static str {
        if self.is_secure {
            SECURE_NAME
        } else {
            PLAIN_NAME
        }
    }

    pub(crate) fn read(self, headers: &HeaderMap) -> Option<IdHash> {
        id_hash(&CookieJar::from_headers(headers), self.name())
    }

    fn cookie(self, value: String) -> Cookie<'static> {
        Cookie::build((self.name(), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_secure)
            .build()
    }

    /// The cookie of a new session. Only a customer's outlives the browser, which for other roles
    /// may be shared.
    pub(crate) fn set(self, session: &NewSession) -> Cookie<'static> {
        let mut cookie = self.cookie(session.id().to_owned());
        if session.role == Role::Customer {
            let lifetime = CUSTOMER_LIFETIME.to_std().unwrap_or_default();
            cookie.set_max_age(lifetime.try_into().ok());
        }
        cookie
    }

    pub(crate) fn remove(self) -> Cookie<'static> {
        let mut cookie = self.cookie(String::new());
        cookie.make_removal();
        cookie
    }
}

fn id_hash(cookies: &CookieJar, name: &str) -> Option<IdHash> {
    IdHash::of(cookies.get(name)?.value())
}

/// By either name: the one that is not in use now may have been in use before.
impl<S: Send + Sync> FromRequestParts<S> for PresentedSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let names = [SECURE_NAME, PLAIN_NAME];
        Ok(Self(
            names
                .iter()
                .filter_map(|name| id_hash(&cookies, name))
                .collect(),
        ))
    }
}
