//! Who serves whom: the queue of matches, and the assigner that fills it.
//!
//! - [`salesman_match`]: the aggregate, every rule about it.
//! - [`strategy`]: who is chosen; pure functions of (request, roster).
//! - `assigner`: one leader takes the oldest open matches, chooses, and publishes.
//! - `http`: what callers can see.
//! - `policies`: what other services' events do here.
//! - `store`: the only SQL.

mod assigner;
mod http;
mod policies;
pub mod salesman_match;
mod store;
pub mod strategy;

use service_kit::{Context, Service};

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("salesman-match", 8085, sqlx::migrate!())
        .routes(http::routes)
        .whenever(policies::match_salesman_to_interest)
        .whenever(policies::match_salesman_to_consultation)
        .whenever(policies::keep_salesmen)
        .task(assigner::run)
}

/// Fills the oldest places in the queue that can be filled now, a hundred at most, and tells how many: what the assigner does each time it is
/// woken. For tests, which do not wait.
///
/// # Errors
/// When the store fails.
pub async fn assign_waiting(context: &Context) -> Result<usize, sqlx::Error> {
    assigner::assign_waiting(&context.db, None).await
}
