//! A request's body on its way to a service.

use axum::body::{Body, Bytes};
use axum::http::Method;
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body as _;
use service_kit::Problem;
use service_kit::http::body::{incomplete_body, too_large};
use tokio::time::{Instant, timeout_at};

use crate::edge::body::body_timeout;

/// Larger bodies are not buffered, and their requests not retried.
const MAX_BUFFERED_BYTES: usize = 64 * 1024;

pub(crate) enum RequestBody {
    /// Can be sent again.
    Buffered(Bytes),
    /// Forwarded as it arrives.
    Streamed(Option<Body>),
}

impl RequestBody {
    /// Buffers a small body of a request that can be retried: one without side effects, or one that
    /// the service recognises by its idempotency key.
    ///
    /// # Errors
    /// 413 over the limit; 400 or 408 for an incomplete body.
    pub(crate) async fn read(
        parts: &Parts,
        body: Body,
        limit: usize,
        deadline: Instant,
    ) -> Result<Self, Problem> {
        let size = body.size_hint();
        if size.lower() > limit as u64 {
            return Err(too_large(limit));
        }
        let has_key = parts.method == Method::POST && parts.headers.contains_key("idempotency-key");
        let is_read = matches!(parts.method, Method::GET | Method::HEAD);
        let is_small = size
            .upper()
            .is_some_and(|upper| upper <= MAX_BUFFERED_BYTES as u64);
        if !((is_read || has_key) && is_small) {
            return Ok(Self::Streamed(Some(Body::new(Limited::new(body, limit)))));
        }
        match timeout_at(deadline, body.collect()).await {
            Ok(Ok(body)) => Ok(Self::Buffered(body.to_bytes())),
            Ok(Err(_)) => Err(incomplete_body()),
            Err(_) => Err(body_timeout()),
        }
    }

    /// The body for the next attempt.
    pub(crate) fn next(&mut self) -> Body {
        match self {
            Self::Buffered(bytes) => Body::from(bytes.clone()),
            Self::Streamed(body) => body.take().unwrap_or_default(),
        }
    }

    pub(crate) fn can_be_retried(&self) -> bool {
        matches!(self, Self::Buffered(_))
    }
}
