//! Consultations (상담): from the request to a closed step.
//!
//! - [`consultation`]: the aggregate with all its rules.
//! - [`timeline`]: what the timeline of a consultation contains; `timeline_order`: its order;
//!   `names`: display names in it.
//! - [`known_project`]: the projection of projects, compared with the name that was sent.
//! - [`holidays`]: the mark on a desired date.
//! - [`permissions`]: which role may call which operation.
//! - `http`: the operations; `http::access`: which consultations a caller sees.
//! - `policies`: reactions to events of other services.
//! - `store`: all SQL.

pub mod consultation;
pub mod holidays;
mod http;
pub mod known_project;
mod names;
pub mod permissions;
mod policies;
mod store;
pub mod timeline;
mod timeline_order;

use events::{
    ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanMatched,
    SalesmanRegistered, SalesmanUnmatched, SalesmanUpdated,
};
use service_kit::Service;

pub use consultation::MAX_OPEN_CONSULTATIONS;

/// Everything that a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("consultation", 8083, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .identifies_customers()
        .number(MAX_OPEN_CONSULTATIONS, 5)
        .whenever(policies::edit_salesman::<SalesmanMatched>)
        .whenever(policies::edit_salesman::<SalesmanUnmatched>)
        .whenever(policies::keep_projects::<ProjectCreated>)
        .whenever(policies::keep_projects::<ProjectStarted>)
        .whenever(policies::keep_projects::<ProjectEnded>)
        .whenever(policies::keep_projects::<ProjectEdited>)
        .whenever(policies::keep_salesmen::<SalesmanRegistered>)
        .whenever(policies::keep_salesmen::<SalesmanUpdated>)
}
