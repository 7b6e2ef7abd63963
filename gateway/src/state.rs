//! What every request shares.

use std::sync::Arc;

use service_kit::Db;
use service_kit::forms::phone::CustomerIdKey;
use tokio_util::sync::CancellationToken;

use crate::api::proxy::Upstream;
use crate::auth::passwords::Passwords;
use crate::auth::sessions::{Cookies, Sessions};
use crate::auth::staff_directory::People;
use crate::config::{Limits, PublicOrigin, SignInKey};
use crate::edge::rate_limit::Writers;
use crate::live::hub::Hub;
use crate::live::session_watch::Onlookers;
use crate::openapi::Descriptions;
use crate::sms::Post;
use crate::upstream::tokens::Tokens;

/// What every request shares.
pub(crate) struct AppState {
    pub(crate) db: Db,
    pub(crate) sessions: Sessions,
    pub(crate) cookies: Cookies,
    /// What browsers know this gateway by.
    pub(crate) origin: PublicOrigin,
    pub(crate) trusted_proxies: usize,
    pub(crate) sign_in_key: SignInKey,
    pub(crate) customer_ids: CustomerIdKey,
    pub(crate) limits: Limits,
    pub(crate) writers: Writers,
    pub(crate) post: Post,
    pub(crate) passwords: Passwords,
    pub(crate) people: Arc<People>,
    pub(crate) tokens: Tokens,
    pub(crate) upstream: Upstream,
    pub(crate) descriptions: Descriptions,
    pub(crate) hub: Arc<Hub>,
    pub(crate) onlookers: Arc<Onlookers>,
    /// Cancelled when streams must end: browsers come back to another replica.
    pub(crate) streams_end: CancellationToken,
}
