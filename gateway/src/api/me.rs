//! A customer's own data: export, disclosures, and erasure.

mod data;
mod disclosures;
mod erase;
mod services;

use std::sync::Arc;

use service_kit::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::Service;
use crate::state::AppState;
use crate::upstream::problems::service_unavailable;

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(data::data))
        .routes(routes!(disclosures::disclosures))
        .routes(routes!(erase::erase))
}

/// An example of each problem of these operations.
pub(crate) fn problems() -> Vec<Problem> {
    vec![service_unavailable(Service::Interest)]
}
