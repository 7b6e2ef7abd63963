//! Customers sign in with a one-time code.
//!
//! The answers do not reveal whether a number is known: a caller who can read the SMS is the
//! customer.

mod consent;
mod limits;
mod request;
mod verify;

use std::sync::Arc;

use service_kit::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(consent::show))
        .routes(routes!(request::request))
        .routes(routes!(verify::verify))
}

/// An example of each problem of these operations.
pub(crate) fn problems() -> Vec<Problem> {
    vec![
        verify::wrong_code(4),
        verify::expired(),
        consent::outdated(),
        verify::erasure_in_progress(),
    ]
}
