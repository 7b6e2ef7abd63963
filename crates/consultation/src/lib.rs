//! Consultations (상담), from the request to their end.
//!
//! - [`consultation`]: the aggregate, every rule about it.
//! - `http`: what callers can do.
//! - `policies`: what other services' events do here.
//! - `store`: the only SQL.

pub mod consultation;
mod http;
mod policies;
mod store;

use service_kit::Service;

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("consultation", 8083, sqlx::migrate!())
        .routes(http::routes)
        .identifies_customers()
        .whenever(policies::edit_salesman)
        .whenever(policies::keep_projects)
}
