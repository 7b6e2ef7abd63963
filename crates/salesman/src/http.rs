//! The operations of this service.
//!
//! - `create`, `edit`, `list`, `show`: the roster.
//! - `card`: for the customers of a salesman or consultant.
//! - `notifications`: for salesmen and consultants.
//! - `me`: called by the gateway for a customer.

mod card;
mod create;
mod edit;
mod list;
mod me;
mod notifications;
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
