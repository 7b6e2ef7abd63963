//! `/livez` and `/readyz`, on the admin port, which the gateway does not route to.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::Db;
use crate::http::View;

/// The life cycle of a service or of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Bound, but not serving: the schema is not checked yet.
    Starting,
    /// Serving.
    Ready,
    /// Stopping, but still serving for the drain period.
    Draining,
}

/// After this, readiness reports the database as unreachable.
const DATABASE_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Clone)]
struct Health {
    phase: watch::Receiver<Phase>,
    db: Option<Db>,
}

/// The admin routes. Without a `db`, readiness depends on the phase alone.
pub fn router(phase: watch::Receiver<Phase>, db: Option<Db>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .with_state(Health { phase, db })
}

/// An unreachable database makes a ready service `degraded`, but still 200: all replicas share that
/// database, so 503 would take all of them out of service at once.
async fn readyz(State(health): State<Health>) -> (StatusCode, View<Value>) {
    let phase = *health.phase.borrow();
    let (status, text) = match phase {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        Phase::Ready if is_reachable(health.db.as_ref()).await => (StatusCode::OK, "ready"),
        Phase::Ready => (StatusCode::OK, "degraded"),
    };
    (status, View(json!({ "status": text })))
}

async fn is_reachable(db: Option<&Db>) -> bool {
    let Some(db) = db else { return true };
    let query = sqlx::query("select 1").execute(db.pool());
    matches!(
        tokio::time::timeout(DATABASE_TIMEOUT, query).await,
        Ok(Ok(_))
    )
}
