//! The operations of this service.

mod access;
mod change;
mod counts;
mod create;
mod edit;
mod list;
mod me;
mod notes;
mod phone;
mod problems;
mod progress;
mod show;
mod views;

pub(crate) use problems::problems;

use service_kit::Context;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(counts::show))
        .routes(routes!(show::show, edit::edit))
        .routes(routes!(progress::progress))
        .routes(routes!(notes::add))
        .routes(routes!(phone::phone))
        .routes(routes!(me::data))
        .routes(routes!(me::disclosures))
        .routes(routes!(me::erase))
}
