//! Answers that are given before the request's body was read.
//!
//! hyper closes a connection whose body is not read, without a word: the next request gets no
//! answer. What arrives at a closed socket makes the system discard the answer, too. So the rest of
//! a body is read and discarded after the answer, and the answer says `Connection: close` if that
//! rest may be long.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;

use crate::http::BODY_LIMIT;
use crate::tasks::spawn;

/// A connection is kept if at most this many bytes are left.
const MAX_KEPT: u64 = BODY_LIMIT as u64;

/// More than the largest upload. Clients that send more may lose the answer.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

/// For everything that is discarded.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest pause of a body that is discarded.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps the connection for the answer. The outermost layer.
pub(super) async fn keep_answer(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // Without `100 Continue`, the client may leave the body out.
    let waits = parts.headers.contains_key(header::EXPECT);
    let body = WatchedBody {
        rest: Some(body),
        progress: Progress::default(),
    };
    body.note(false);
    let progress = body.progress.clone();
    let mut response = next.run(Request::from_parts(parts, Body::new(body))).await;
    let mut state = progress.lock();
    let can_follow = state.is_short && (state.is_started || !waits);
    if !(state.is_complete || can_follow) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    let phase = std::mem::replace(&mut state.phase, Phase::Answered);
    if let Phase::Dropped(rest) = phase {
        drop(spawn(discard(rest)));
    }
    response
}

/// How far a body was read.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_started: bool,
    is_complete: bool,
    /// Whether at most [`MAX_KEPT`] bytes are left.
    is_short: bool,
    phase: Phase,
}

#[derive(Default)]
enum Phase {
    /// There is no answer yet.
    #[default]
    Handled,
    /// Neither, and the handler has dropped the rest.
    Dropped(Body),
    Answered,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's body. Its rest is discarded when it is dropped, but not before the answer: reading
/// would send `100 Continue`.
struct WatchedBody {
    rest: Option<Body>,
    progress: Progress,
}

impl WatchedBody {
    fn note(&self, is_started: bool) {
        let hint = self.size_hint();
        let mut state = self.progress.lock();
        state.is_started |= is_started;
        state.is_complete |= self.is_end_stream();
        state.is_short = hint.upper().is_some_and(|bytes| bytes <= MAX_KEPT);
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.rest = None;
        }
        self.note(true);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.rest
            .as_ref()
            .map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        let Some(rest) = self.rest.take().filter(|rest| !rest.is_end_stream()) else {
            return;
        };
        let mut state = self.progress.lock();
        if !matches!(state.phase, Phase::Answered) {
            state.phase = Phase::Dropped(rest);
        } else if Handle::try_current().is_ok() {
            drop(spawn(discard(rest)));
        }
    }
}

/// Reads on, within the bounds.
async fn discard(mut body: Body) {
    let rest = async {
        let mut read = 0;
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(PAUSE_TIMEOUT, body.frame()).await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > MAX_DISCARDED {
                return;
            }
        }
    };
    drop(tokio::time::timeout(DISCARD_TIMEOUT, rest).await);
}
