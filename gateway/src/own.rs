//! The gateway's own operations: their routes, and what is said of them.

use std::sync::Arc;

use serde_json::Value;
use service_kit::{Problem, describe};
use utoipa_axum::router::OpenApiRouter;

use crate::permissions::PERMISSIONS;
use crate::{Door, cross_site, signed_in};

/// Everything that is answered here, but for the stream and the description.
pub(crate) fn routes() -> OpenApiRouter<Arc<Door>> {
    OpenApiRouter::new().merge(signed_in::routes())
}

/// One example of each problem of the gateway's own.
pub(crate) fn problems() -> Vec<Problem> {
    vec![cross_site::refused()]
}

/// The description of these routes.
pub(crate) fn description() -> Value {
    describe::complete(routes().into_openapi(), &problems(), PERMISSIONS)
}
