//! Which customer follows which programme (관심), and what he is told of it.
//!
//! - [`interest`]: the aggregate, every rule about it.
//! - `http`: what callers can do; [`permissions`]: which of them.
//! - `policies`: what other services' events do here.
//! - `reminder`: one leader reminds of deadlines.
//! - `store`: the only SQL.

mod http;
pub mod interest;
pub mod permissions;
mod policies;
mod reminder;
mod store;

use events::{
    ConsultationCreated, ConsultationEdited, ConsultationProgressed, ProjectCreated, ProjectEdited,
    ProjectEnded, ProjectStarted, SalesmanRegistered, SalesmanUpdated,
};
use service_kit::{Context, Service};

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("interest", 8082, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .identifies_customers()
        .whenever(policies::edit_salesman)
        // An event about an edition is kept before anybody is told of it: what was marked by its id learns its series first.
        .whenever(policies::keep_projects::<ProjectCreated>)
        .whenever(policies::keep_projects::<ProjectStarted>)
        .whenever(policies::keep_projects::<ProjectEnded>)
        .whenever(policies::keep_projects::<ProjectEdited>)
        .whenever(policies::notify_customer_of_new_edition)
        .whenever(policies::notify_customer_of_start)
        .whenever(policies::notify_customer_of_end)
        .whenever(policies::notify_customer_of_edit)
        .whenever(policies::keep_salesmen::<SalesmanRegistered>)
        .whenever(policies::keep_salesmen::<SalesmanUpdated>)
        .whenever(policies::keep_activity::<ConsultationCreated>)
        .whenever(policies::keep_activity::<ConsultationEdited>)
        .whenever(policies::keep_activity::<ConsultationProgressed>)
        .task(reminder::run)
}

/// Reminds whoever is to be reminded of a deadline now, and tells how many reminders that were: what the leader does each time it looks. For
/// tests, which do not wait.
///
/// # Errors
/// When the store fails.
pub async fn remind_deadlines(context: &Context) -> Result<i64, sqlx::Error> {
    reminder::remind(&context.db, None).await
}
