//! Salesmen (영업대표) and consultants (컨설턴트): the roster, what they are on, how it ended, and what they are told.
//!
//! - [`salesman`]: the aggregate, every rule about it.
//! - [`notification`]: who is told what, and what he can do about it.
//! - `http`: what callers can do; `http/notifications` and `http/card` are for the people themselves and for their customers, `http/customer`
//!   for the gateway, which asks for a customer. [`permissions`]: who may call what.
//! - `policies`: what other services' events do here.
//! - `store`: the only SQL; `store/assignments` and `store/notifications` hold what policies keep, and `store/erasure` forgets a customer.

mod http;
pub mod notification;
pub mod permissions;
mod policies;
pub mod salesman;
mod store;

use events::{ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted};
use service_kit::Service;

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("salesman", 8086, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .whenever(policies::keep_assignment)
        .whenever(policies::notify_salesman)
        .whenever(policies::keep_interest_state)
        .whenever(policies::notify_of_interest)
        .whenever(policies::notify_of_edit)
        .whenever(policies::keep_consultation_state)
        .whenever(policies::count_outcome)
        .whenever(policies::notify_of_progress)
        // Told first and kept after: what has been kept has been told.
        .whenever(policies::notify_of_start)
        .whenever(policies::notify_of_end)
        .whenever(policies::notify_of_deadline)
        .whenever(policies::notify_of_new_edition)
        .whenever(policies::keep_projects::<ProjectCreated>)
        .whenever(policies::keep_projects::<ProjectStarted>)
        .whenever(policies::keep_projects::<ProjectEdited>)
        .whenever(policies::keep_projects::<ProjectEnded>)
}
