//! The operations of this service.
//!
//! - `create`, `edit`, `list`, `show`: the roster.
//! - `outcomes`, `dashboard`: how consultations ended, by month and in a period.
//! - `card`: for the customers of a salesman or consultant.
//! - `notifications`: for salesmen and consultants.
//! - `me`: called by the gateway for a customer.

mod card;
mod create;
mod dashboard;
mod edit;
mod list;
mod me;
mod notifications;
mod outcomes;
mod refusals;
mod show;
mod views;

use service_kit::{Context, Problem};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::salesman::Refusal;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(create::register, list::list))
        .routes(routes!(show::show, edit::update))
        .routes(routes!(show::me))
        .routes(routes!(outcomes::own))
        .routes(routes!(outcomes::show))
        .routes(routes!(dashboard::show))
        .routes(routes!(card::show))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::read))
        .routes(routes!(me::data))
        .routes(routes!(me::erase))
}

/// One example of each problem that only this service has.
pub(crate) fn problems() -> Vec<Problem> {
    vec![Refusal::PhoneTaken.into()]
}
