//! The audit log: every write of staff with its outcome; every password that is set with an
//! invitation link, and every invitation by the command line. Without the last two, one member of
//! staff could become another unnoticed.

mod list;
pub(crate) mod record;
mod redact;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new().routes(routes!(list::list))
}
