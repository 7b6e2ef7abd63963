//! The gateway's own operations.

use std::sync::Arc;

use chrono::TimeDelta;
use service_kit::Problem;
use utoipa_axum::router::OpenApiRouter;

use crate::api::{accounts, audit, me, otp, session};
use crate::edge::csrf::cross_site;
use crate::edge::rate_limit::too_many_requests;
use crate::state::AppState;

/// The live stream.
pub(crate) const STREAM_PATH: &str = "/api/stream";

/// The merged description.
pub(crate) const OPENAPI_PATH: &str = "/api/openapi.json";

/// All operations except for the stream and the merged description.
pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .merge(session::routes())
        .merge(accounts::routes())
        .merge(audit::routes())
        .merge(otp::routes())
        .merge(me::routes())
}

/// An example of each of their problems.
pub(crate) fn problems() -> Vec<Problem> {
    [
        vec![
            cross_site(),
            too_many_requests("writes", TimeDelta::seconds(30)),
        ],
        accounts::problems(),
        otp::problems(),
        me::problems(),
    ]
    .concat()
}
