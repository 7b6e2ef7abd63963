//! Salesmen (영업대표) and consultants (컨설턴트): the roster, their assignments, the outcomes, and
//! their notifications.
//!
//! - [`salesman`]: the aggregate and its rules.
//! - [`notification`]: the events that cause notifications, and their content.
//! - `http`: the operations; [`permissions`]: who may call them.
//! - `policies`: reactions to events of other services.
//! - `store`: all SQL.

mod http;
pub mod notification;
pub mod permissions;
mod policies;
pub mod salesman;
mod store;

use events::{
    ConsultationEdited, ConsultationProgressed, InterestUpdated, ProjectCreated, ProjectEdited,
    ProjectEnded, ProjectStarted, SalesmanMatched, SalesmanUnmatched,
};
use service_kit::Service;

/// The service as a value. Building it does no I/O.
pub fn service() -> Service {
    Service::new("salesman", 8086, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .whenever(policies::keep_assignment::<SalesmanMatched>)
        .whenever(policies::notify_assigned::<SalesmanMatched>)
        .whenever(policies::keep_assignment::<SalesmanUnmatched>)
        .whenever(policies::notify_assigned::<SalesmanUnmatched>)
        .whenever(policies::keep_interest_state)
        .whenever(policies::notify_assigned::<InterestUpdated>)
        .whenever(policies::notify_assigned::<ConsultationEdited>)
        .whenever(policies::keep_consultation_state)
        .whenever(policies::count_outcome)
        .whenever(policies::notify_assigned::<ConsultationProgressed>)
        // Before the projection: an event that is in the projection has been notified.
        .whenever(policies::notify_series::<ProjectStarted>)
        .whenever(policies::notify_series::<ProjectEnded>)
        .whenever(policies::notify_series::<ProjectEdited>)
        .whenever(policies::notify_series::<ProjectCreated>)
        .whenever(policies::keep_projects::<ProjectCreated>)
        .whenever(policies::keep_projects::<ProjectStarted>)
        .whenever(policies::keep_projects::<ProjectEdited>)
        .whenever(policies::keep_projects::<ProjectEnded>)
}
