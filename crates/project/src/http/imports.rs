//! Files of programmes: upload one, check its plan, and commit it.

mod commit;
mod file;
mod list;
mod planning;
mod problems;
mod upload;
mod views;

use service_kit::Context;
use utoipa_axum::router::OpenApiRouter;

pub(super) use self::problems::examples as problems;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .merge(upload::routes())
        .merge(list::routes())
        .merge(commit::routes())
}
