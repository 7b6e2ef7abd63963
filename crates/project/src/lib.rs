//! Programmes (정부 지원사업): each project is one edition of one.
//!
//! - [`project`]: the aggregate, every rule about it; [`series`]: what makes editions of one programme one series.
//! - `http`: what callers can do.
//! - `store`: the only SQL; `search`, `hangul`: what is computed of a project so that it can be found.

mod hangul;
mod http;
mod letters;
pub mod project;
mod regions;
mod search;
pub mod series;
mod store;

use service_kit::Service;

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("project", 8084, sqlx::migrate!()).routes(http::routes)
}
