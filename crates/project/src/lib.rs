//! Programmes (정부 지원사업). A project is one edition of a programme.
//!
//! - [`project`]: the aggregate with all its rules. [`series`]: which editions belong to one
//!   programme. [`period`]: application periods. `regions`, `letters`: helpers of these.
//! - [`import`]: parses files of programmes, and plans what a row would do. `importer`: a leader
//!   task that carries plans out.
//! - `http`: the routes and views. [`permissions`]: who may call which.
//! - `policies`: reactions to events of this and other services.
//! - `store`: the only SQL.
//! - `search`, `hangul`: search columns. [`reindex`]: recomputes them when their rules change.
//! - `filter`: the conditions of a list. `facets`: how many projects each choice of them would
//!   show. `recent`: answers of the last seconds.
//! - `visit_card`: what a salesman can talk about with a customer.

mod facets;
mod filter;
mod hangul;
mod http;
pub mod import;
mod importer;
mod letters;
pub mod period;
pub mod permissions;
mod policies;
pub mod project;
mod recent;
mod regions;
pub mod reindex;
mod search;
pub mod series;
mod store;
mod visit_card;

use std::time::Duration;

use events::{SalesmanMatched, SalesmanRegistered, SalesmanUnmatched, SalesmanUpdated};
use service_kit::{Context, Service};

/// For receiving a file: 32 MiB take a minute at 5 Mbit/s. The gateway's timeout is a little
/// longer.
const FILE_TIMEOUT: Duration = Duration::from_secs(110);

/// The service as a value. Building it does no I/O.
pub fn service() -> Service {
    Service::new("project", 8084, sqlx::migrate!())
        .routes(http::routes)
        .permissions(permissions::TABLE)
        .examples(include_str!("http/examples.json"))
        .problems(http::problems)
        .request_timeout("/projects/imports", FILE_TIMEOUT)
        .whenever(policies::annual_project_create)
        .whenever(policies::keep_new_interest)
        .whenever(policies::keep_interest)
        .whenever(policies::keep_new_consultation)
        .whenever(policies::keep_desired_date)
        .whenever(policies::keep_step)
        .whenever(policies::keep_match::<SalesmanMatched>)
        .whenever(policies::keep_match::<SalesmanUnmatched>)
        .whenever(policies::keep_salesmen::<SalesmanRegistered>)
        .whenever(policies::keep_salesmen::<SalesmanUpdated>)
        .task(reindex::run)
        .task(importer::run)
}

/// Carries out one batch of the oldest committed import, as the importer does; returns whether
/// there was one. For tests.
///
/// # Errors
/// When the database fails.
pub async fn carry_out_imports(context: &Context) -> Result<bool, sqlx::Error> {
    importer::carry_out_next(&context.db, None).await
}

/// Deletes abandoned imports, as the importer does. For tests.
///
/// # Errors
/// When the database fails.
pub async fn delete_expired_imports(context: &Context) -> Result<(), sqlx::Error> {
    importer::delete_expired(&context.db).await
}
