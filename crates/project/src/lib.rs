//! Programmes (정부 지원사업): each project is one edition of one.
//!
//! - [`project`]: the aggregate, every rule about it.
//! - [`period`], [`series`]: how a period and a title are read; `regions`, `letters`: what both lean on.
//! - [`import`]: files of programmes, read as they arrive.
//! - `http`: what callers can do.
//! - `store`: the only SQL.

mod http;
pub mod import;
mod letters;
pub mod period;
pub mod project;
mod regions;
pub mod series;
mod store;

use service_kit::Service;

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("project", 8084, sqlx::migrate!()).routes(http::routes)
}
