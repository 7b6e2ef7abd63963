//! Which customer follows which programme (관심).
//!
//! - [`interest`]: the aggregate, every rule about it.
//! - `http`: what callers can do.
//! - `policies`: what other services' events do here.
//! - `store`: the only SQL.

mod http;
pub mod interest;
mod policies;
mod store;

use service_kit::Service;

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("interest", 8082, sqlx::migrate!())
        .routes(http::routes)
        .identifies_customers()
        .whenever(policies::edit_salesman)
        .whenever(policies::keep_projects)
}
