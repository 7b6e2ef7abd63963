//! One browser's end of the live stream: `GET /api/stream`, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use service_kit::Problem;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::auth::sessions::Session;
use crate::live::audience::Who;
use crate::live::hub::Client;
use crate::live::session_watch::Onlooker;
use crate::state::AppState;

/// How long a browser waits before it comes back, in milliseconds.
const RETRY: u32 = 3000;

/// A connection on which nothing happens for longer is taken for dead by what stands between.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Tells a signed-in browser what it may know, as it happens, until its session ends or the gateway stops.
pub(crate) async fn open(
    State(door): State<Arc<AppState>>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let onlooker = door.onlookers.join(session.id_hash)?;
    // A cursor that is no text is one that nobody gave out: the browser starts anew.
    let last_seen = headers
        .get("last-event-id")
        .map(|value| value.to_str().unwrap_or_default());
    let client = door.hub.join(
        Who::of(&session.identity),
        session.created_at.timestamp_millis(),
        last_seen,
    );
    let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let open = Open {
        client,
        heartbeat,
        onlooker,
        ends: door.streams_end.clone(),
        is_greeted: false,
    };
    let chunks = stream::unfold(open, |mut open| async {
        open.next()
            .await
            .map(|chunk| (Ok::<_, Infallible>(chunk), open))
    });
    let headers = [
        (
            header::CONTENT_TYPE.as_str(),
            "text/event-stream; charset=utf-8",
        ),
        (header::CACHE_CONTROL.as_str(), "no-cache, no-transform"),
        // Asks nginx, and what copies it, not to hold events back.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

struct Open {
    client: Client,
    heartbeat: Interval,
    onlooker: Onlooker,
    ends: CancellationToken,
    is_greeted: bool,
}

impl Open {
    /// What is sent next; `None` ends the stream, and the browser comes back: signed in anew, or to another replica.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.is_greeted {
            self.is_greeted = true;
            return Some(Bytes::from(format!(
                "retry: {RETRY}\n{}\n",
                self.position()
            )));
        }
        tokio::select! {
            biased;
            () = self.ends.cancelled() => None,
            () = self.onlooker.ended() => None,
            waiting = self.client.next() => Some(waiting),
            _ = self.heartbeat.tick() => Some(Bytes::from(format!(":\n{}\n", self.position()))),
        }
    }

    /// An id without an event: the browser remembers it and does nothing else.
    fn position(&self) -> String {
        self.client
            .position()
            .map(|id| format!("id: {id}\n"))
            .unwrap_or_default()
    }
}
