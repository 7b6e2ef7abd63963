//! `/livez` and `/readyz`, on a port of their own that no route of the gateway leads to.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::sync::watch;

use crate::Db;
use crate::http::View;

/// Where a service is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its schema is not known to be right yet.
    Starting,
    /// It serves.
    Ready,
    /// It was told to stop, and serves on for a little while.
    Draining,
}

/// How long readiness waits for the database before it calls it lost.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Clone)]
struct Health {
    db: Db,
    phase: watch::Receiver<Phase>,
}

/// The admin routes of a service.
pub(crate) fn router(db: Db, phase: watch::Receiver<Phase>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .with_state(Health { db, phase })
}

/// Ready means: migrated, the pool was opened once, not draining. A database that is lost later makes it `degraded`, and still 200: all
/// replicas share that database, and taking all of them out of service would be the outage.
async fn readyz(State(health): State<Health>) -> Response {
    let phase = *health.phase.borrow();
    match phase {
        Phase::Starting => (
            StatusCode::SERVICE_UNAVAILABLE,
            View(json!({ "status": "starting" })),
        )
            .into_response(),
        Phase::Draining => (
            StatusCode::SERVICE_UNAVAILABLE,
            View(json!({ "status": "draining" })),
        )
            .into_response(),
        Phase::Ready => {
            let asked =
                tokio::time::timeout(LOOK, sqlx::query("select 1").execute(health.db.pool())).await;
            let status = if matches!(asked, Ok(Ok(_))) {
                "ready"
            } else {
                "degraded"
            };
            View(json!({ "status": status })).into_response()
        }
    }
}
