//! The edge: connections, client addresses, cookies, response headers, CSRF, rate limits and pages.

pub(crate) mod body;
pub(crate) mod caller_limit;
pub(crate) mod client_ip;
mod connections;
pub(crate) mod cookie;
pub(crate) mod csrf;
pub(crate) mod device_cookie;
pub(crate) mod networks;
pub(crate) mod pages;
pub(crate) mod rate_limit;
pub(crate) mod response_headers;
pub(crate) mod server;
mod write_timeout;
