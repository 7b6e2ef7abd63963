//! Programmes (정부 지원사업): each project is one edition of one.
//!
//! - [`project`]: the aggregate, every rule about it; [`series`]: what makes editions of one programme one series; [`period`]: how an
//!   application period is read; `regions` and `letters`, which both lean on.
//! - [`import`]: files of programmes, read as they arrive, and what a row would do; `importer`: one leader carries it out.
//! - `http`: what callers can do, and how it is shown; [`permissions`]: who may call what.
//! - `policies`: what this and other services' events do here.
//! - `store`: the only SQL.
//! - [`search`], `hangul`: what is computed of a project so that it can be found; `visit_card`: what a salesman can talk about.

mod hangul;
mod http;
pub mod import;
mod importer;
mod letters;
pub mod period;
pub mod permissions;
mod policies;
pub mod project;
mod regions;
pub mod search;
pub mod series;
mod store;
mod visit_card;

use std::time::Duration;

use events::{SalesmanRegistered, SalesmanUpdated};
use service_kit::{Context, Service};

/// How long a file may take to arrive: 32 MiB take a minute on a line that uploads 5 Mbit/s. The gateway waits a little longer.
const FILE_TIMEOUT: Duration = Duration::from_secs(110);

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("project", 8084, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .slow("/projects/imports", FILE_TIMEOUT)
        .whenever(policies::annual_project_create)
        .whenever(policies::keep_new_interest)
        .whenever(policies::keep_interest)
        .whenever(policies::keep_new_consultation)
        .whenever(policies::keep_desired_date)
        .whenever(policies::keep_step)
        .whenever(policies::keep_match)
        .whenever(policies::keep_salesmen::<SalesmanRegistered>)
        .whenever(policies::keep_salesmen::<SalesmanUpdated>)
        .task(search::keep_computed)
        .task(importer::run)
}

/// Carries out one batch of the oldest import that was committed, and tells whether there was one: what the importer does each time it is
/// woken. For tests, which do not wait.
///
/// # Errors
/// When the store fails.
pub async fn carry_out_imports(context: &Context) -> Result<bool, sqlx::Error> {
    importer::carry_out_next(&context.db, None).await
}

/// Forgets the imports that nobody finishes. For tests, which do not wait.
///
/// # Errors
/// When the store fails.
pub async fn forget_imports(context: &Context) -> Result<(), sqlx::Error> {
    importer::forget_abandoned(&context.db).await
}
