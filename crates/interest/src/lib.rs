//! Which customer follows which programme (관심), and the customer's notifications about it.
//!
//! - [`interest`]: the aggregate, with every rule about interests.
//! - `http`: the HTTP API; [`permissions`]: who may call it.
//! - `policies`: reactions to events of other services.
//! - `reminder`: the leader task that sends deadline reminders.
//! - `store`: all SQL.

mod http;
pub mod interest;
pub mod permissions;
mod policies;
mod reminder;
mod store;

use events::{
    ConsultationCreated, ConsultationEdited, ConsultationProgressed, ProjectCreated, ProjectEdited,
    ProjectEnded, ProjectStarted, SalesmanMatched, SalesmanRegistered, SalesmanUnmatched,
    SalesmanUpdated,
};
use service_kit::{Context, Service};

/// The service, ready to be bound and run. Building it does no I/O.
pub fn service() -> Service {
    Service::new("interest", 8082, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .identifies_customers()
        // Before the customer is notified of it: it takes the batch lock, before any row is locked.
        .whenever(policies::edit_salesman::<SalesmanMatched>)
        .whenever(policies::edit_salesman::<SalesmanUnmatched>)
        .whenever(policies::notify_customer_of_people::<SalesmanMatched>)
        .whenever(policies::notify_customer_of_people::<SalesmanUnmatched>)
        // An edition is stored before customers are notified of it, so that interests that marked
        // it by id are already in its series.
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
        .whenever(policies::notify_customer_of_step)
        .task(reminder::run)
}

/// Sends the deadline reminders that are due, as the leader does at each poll, and returns their
/// number. For tests.
///
/// # Errors
/// When the store fails.
pub async fn remind_deadlines(context: &Context) -> Result<i64, sqlx::Error> {
    reminder::remind(&context.db, None).await
}
