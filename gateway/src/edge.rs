//! The edge: connections, client addresses, headers, CSRF and rate limits.

pub(crate) mod client_ip;
pub(crate) mod csrf;
pub(crate) mod rate_limit;
pub(crate) mod response_headers;
pub(crate) mod server;
mod write_timeout;
