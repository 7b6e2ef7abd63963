//! The state of the request handlers.

use std::sync::Arc;

use service_kit::Db;
use service_kit::forms::phone::CustomerIdKey;
use tokio_util::sync::CancellationToken;

use crate::auth::passwords::Passwords;
use crate::auth::security_log::SecurityLog;
use crate::auth::sessions::Sessions;
use crate::config::{Limits, PublicOrigin, SignInKey, TrustedProxies};
use crate::edge::caller_limit::CallerLimiter;
use crate::edge::cookie::SessionCookie;
use crate::edge::device_cookie::DeviceCookie;
use crate::edge::rate_limit::RateLimits;
use crate::live::hub::Hub;
use crate::live::session_watch::SessionWatcher;
use crate::sms::queue::SmsQueue;
use crate::upstream::client::Upstream;
use crate::upstream::descriptions::Descriptions;

/// Only `api` and `app` use it; everything else gets what it needs as parameters.
pub(crate) struct AppState {
    pub(crate) db: Db,
    pub(crate) sessions: Sessions,
    pub(crate) session_cookie: SessionCookie,
    pub(crate) device_cookie: DeviceCookie,
    pub(crate) security: SecurityLog,
    pub(crate) public_origin: PublicOrigin,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) sign_in_key: SignInKey,
    pub(crate) customer_ids: CustomerIdKey,
    pub(crate) limits: Limits,
    pub(crate) rate_limits: RateLimits,
    pub(crate) write_limiter: CallerLimiter,
    pub(crate) read_limiter: CallerLimiter,
    /// Requests of an address with a session cookie, before it is known whose.
    pub(crate) lookup_limiter: CallerLimiter,
    pub(crate) sms: SmsQueue,
    pub(crate) passwords: Passwords,
    pub(crate) upstream: Upstream,
    pub(crate) descriptions: Descriptions,
    pub(crate) hub: Arc<Hub>,
    pub(crate) session_watcher: Arc<SessionWatcher>,
    /// Cancelled when the gateway stops: browsers reconnect to another replica.
    pub(crate) streams_stop: CancellationToken,
}
