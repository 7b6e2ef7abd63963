//! Consultations (상담), from the request to their end.
//!
//! - [`consultation`]: the aggregate, every rule about it.
//! - [`known_project`], [`holidays`], [`timeline`]: what a project's name means here, which days are marked, what happened.
//! - [`permissions`]: who may call what.
//! - `http`: what callers can do.
//! - `policies`: what other services' events do here.
//! - `store`: the only SQL.

pub mod consultation;
pub mod holidays;
mod http;
pub mod known_project;
pub mod permissions;
mod policies;
mod store;
pub mod timeline;

use events::{
    ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanRegistered,
    SalesmanUpdated,
};
use service_kit::Service;

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("consultation", 8083, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .identifies_customers()
        .whenever(policies::edit_salesman)
        .whenever(policies::keep_projects::<ProjectCreated>)
        .whenever(policies::keep_projects::<ProjectStarted>)
        .whenever(policies::keep_projects::<ProjectEnded>)
        .whenever(policies::keep_projects::<ProjectEdited>)
        .whenever(policies::keep_salesmen::<SalesmanRegistered>)
        .whenever(policies::keep_salesmen::<SalesmanUpdated>)
}
