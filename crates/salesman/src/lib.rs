//! Salesmen (영업대표) and consultants (컨설턴트): the roster, and what they are told.
//!
//! - [`salesman`]: the aggregate, every rule about it.
//! - `http`: what callers can do.
//! - `policies`: what other services' events do here.
//! - `store`: the only SQL.

mod http;
mod policies;
pub mod salesman;
mod store;

use service_kit::Service;

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("salesman", 8086, sqlx::migrate!()).routes(http::routes).whenever(policies::notify_salesman)
}
