//! The routes of this service.

mod candidates;
mod counts;
mod edit;
mod list;
mod me;
mod views;

use service_kit::Context;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use edit::problems;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(candidates::list))
        .routes(routes!(counts::show))
        .routes(routes!(list::show, edit::match_by_hand))
        .routes(routes!(me::data))
        .routes(routes!(me::erase))
}
