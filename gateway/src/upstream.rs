//! The services behind the gateway: the route table, the internal tokens, and requests to them.

pub(crate) mod customer_request;
pub mod routes;
pub(crate) mod tokens;
