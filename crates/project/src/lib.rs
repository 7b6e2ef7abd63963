//! Programmes (정부 지원사업): each project is one edition of one.
//!
//! - [`project`]: the aggregate, every rule about it; [`series`]: what makes editions of one programme one series.
//! - [`period`]: how an application period is read; `regions`, `letters`: what it and `series` lean on.
//! - [`import`]: files of programmes, read as they arrive, and what a row would do; `importer`: one leader carries it out.
//! - `http`: what callers can do.
//! - `store`: the only SQL; `search`, `hangul`: what is computed of a project so that it can be found.

mod hangul;
mod http;
pub mod import;
mod importer;
mod letters;
pub mod period;
pub mod project;
mod regions;
mod search;
pub mod series;
mod store;

use std::time::Duration;

use service_kit::{Context, Service};

/// How long a file may take to arrive: 32 MiB take a minute on a line that uploads 5 Mbit/s. The gateway waits a little longer.
const FILE_TIMEOUT: Duration = Duration::from_secs(110);

/// Everything a process needs to host this service. Building it does no I/O.
pub fn service() -> Service {
    Service::new("project", 8084, sqlx::migrate!())
        .routes(http::routes)
        .problems(http::problems)
        .slow("/projects/imports", FILE_TIMEOUT)
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
