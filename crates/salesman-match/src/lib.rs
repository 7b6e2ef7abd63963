//! Who serves whom: the queue of matches, and the assigner that fills it.
//!
//! - [`salesman_match`]: the aggregate, every rule about it.
//! - [`strategy`]: who is chosen; pure functions of (request, roster).
//! - `assigner`: one leader takes the oldest open matches, chooses, and publishes.
//! - `http`: what callers can see, and match by hand; [`permissions`]: who may call what; `view`: what each of them sees of a match.
//! - `policies`: what other services' events do here.
//! - `store`: the only SQL.

mod assigner;
mod http;
pub mod permissions;
mod policies;
pub mod salesman_match;
mod store;
pub mod strategy;
mod view;

use events::{
    ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanRegistered,
    SalesmanUpdated,
};
use service_kit::{Context, Service};
use tokio_util::sync::CancellationToken;

/// Everything a process needs to host this service. Building it does no I/O.
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

/// Fills the oldest places in the queue that can be filled now, some dozens at most, and tells how many: what the assigner does each time
/// it is woken. For tests, which do not wait.
///
/// # Errors
/// When the store fails.
pub async fn assign_waiting(context: &Context) -> Result<usize, sqlx::Error> {
    assigner::assign_waiting(&context.db, None, &mut assigner::Faulty::default()).await
}

/// The assigner itself, until told to stop: leads whenever no other instance does. For tests, which run it without a broker.
pub async fn assign(context: Context, stop: CancellationToken) {
    assigner::run(context, stop).await;
}
