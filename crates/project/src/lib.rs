//! Programmes (정부 지원사업): each project is one edition of one.
//!
//! - [`project`]: the aggregate, every rule about it; [`series`]: what makes editions of one programme one series, and `regions` and `letters`,
//!   which it leans on.
//! - `http`: what callers can do, and how it is shown.
//! - `policies`: what this and other services' events do here.
//! - `store`: the only SQL.
//! - [`search`], `hangul`: what is computed of a project so that it can be found; `visit_card`: what a salesman can talk about.

mod hangul;
mod http;
mod letters;
mod policies;
pub mod project;
mod regions;
pub mod search;
pub mod series;
mod store;
mod visit_card;

use events::{SalesmanRegistered, SalesmanUpdated};
use service_kit::Service;

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("project", 8084, sqlx::migrate!())
        .routes(http::routes)
        .problems(http::problems)
        .whenever(policies::annual_project_create)
        .whenever(policies::keep_new_interest)
        .whenever(policies::keep_interest)
        .whenever(policies::keep_new_consultation)
        .whenever(policies::keep_desired_date)
        .whenever(policies::keep_step)
        .whenever(policies::keep_match)
        .whenever(policies::keep_salesmen::<SalesmanRegistered>)
        .whenever(policies::keep_salesmen::<SalesmanUpdated>)
        .task(search::compute_at_start)
}
