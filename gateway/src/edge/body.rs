//! Request bodies with a timeout.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use service_kit::Problem;
use service_kit::http::body::read_body;
use service_kit::http::problem::Text;

/// The complete body.
///
/// # Errors
/// 413 over the limit, 408 after the timeout, 400 when the caller closes the connection.
pub(crate) async fn read_within(
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, Problem> {
    tokio::time::timeout(timeout, read_body(body, limit))
        .await
        .map_err(|_| body_timeout())?
}

/// 408.
pub(crate) fn body_timeout() -> Problem {
    let title = Text::new(
        "본문을 제때 받지 못했습니다",
        "The body did not arrive in time",
    );
    Problem::new(StatusCode::REQUEST_TIMEOUT, "unreadable-body", title)
}
