//! Matches: the queue of interests and consultations, and the assigner that gives them people.
//!
//! - [`salesman_match`]: the aggregate, with every rule about it.
//! - [`strategy`]: who is chosen; pure functions of request and roster.
//! - `assigner`: the leader task that fills the queue; `hand_over`: what it does first.
//! - `http`: the routes; [`permissions`]: who may call them.
//! - `policies`: reactions to other services' events.
//! - `store`: the only SQL.

mod assigner;
mod failures;
mod hand_over;
mod http;
pub mod permissions;
mod policies;
pub mod salesman_match;
mod store;
pub mod strategy;

use events::{
    ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanRegistered,
    SalesmanUpdated,
};
use service_kit::{Context, Service};

pub use assigner::run as run_assigner;

/// The service, without any I/O yet.
pub fn service() -> Service {
    Service::new("salesman-match", 8085, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .whenever(policies::match_salesman_to_interest)
        .whenever(policies::match_salesman_to_interest_again)
        .whenever(policies::match_salesman_to_consultation)
        .whenever(policies::close_match_of_interest)
        .whenever(policies::close_match_of_consultation)
        .whenever(policies::keep_salesmen::<SalesmanRegistered>)
        .whenever(policies::keep_salesmen::<SalesmanUpdated>)
        .whenever(policies::keep_projects::<ProjectCreated>)
        .whenever(policies::keep_projects::<ProjectStarted>)
        .whenever(policies::keep_projects::<ProjectEnded>)
        .whenever(policies::keep_projects::<ProjectEdited>)
        .task(assigner::run)
}

/// Runs one round of the assigner without leadership, for tests. Returns how many matches changed.
///
/// # Errors
/// A failed statement.
pub async fn assign_waiting(context: &Context) -> Result<usize, sqlx::Error> {
    assigner::assign_waiting(&context.db, None, &mut failures::Failures::default()).await
}
