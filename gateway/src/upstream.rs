//! The services behind the gateway: the route table, the HTTP client, the internal tokens, and
//! their API descriptions.

pub(crate) mod client;
pub(crate) mod customer_request;
pub(crate) mod descriptions;
pub(crate) mod headers;
pub(crate) mod problems;
pub(crate) mod request_body;
pub mod routes;
mod tokens;
