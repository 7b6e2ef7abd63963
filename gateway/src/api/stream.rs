//! `GET /api/stream`: the live stream of one browser, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use service_kit::Problem;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::auth::security_log::About;
use crate::auth::sessions::Session;
use crate::edge::client_ip::ClientIp;
use crate::live::audience::Subscriber;
use crate::live::hub::Subscription;
use crate::live::session_watch::WatchedStream;
use crate::state::AppState;

/// The delay before a browser reconnects.
const RETRY_MS: u32 = 3000;

/// Proxies close connections that are idle for longer.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// Sends visible events until the session ends or the gateway stops.
pub(crate) async fn open(
    State(state): State<Arc<AppState>>,
    client: ClientIp,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let about = About::client(client).and_session(&session);
    let watched = state
        .session_watcher
        .watch(session.id_hash)
        .map_err(state.security.limited(&about))?;
    // A header that is not text is treated as an unknown cursor, with a resync.
    let last_event_id = headers
        .get("last-event-id")
        .map(|value| value.to_str().unwrap_or_default());
    let subscription = state.hub.subscribe(
        Subscriber::from(&session.identity),
        session.created_at.timestamp_millis(),
        last_event_id,
    );
    let first_beat = Instant::now() + HEARTBEAT_INTERVAL;
    let mut heartbeat = tokio::time::interval_at(first_beat, HEARTBEAT_INTERVAL);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let connection = Connection {
        subscription,
        heartbeat,
        watched,
        stop: state.streams_stop.clone(),
        is_started: false,
    };
    let chunks = stream::unfold(connection, |mut connection| async {
        let chunk = connection.next().await?;
        Some((Ok::<_, Infallible>(chunk), connection))
    });
    let headers = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache, no-transform"),
        // Disables response buffering in nginx and compatible proxies.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

struct Connection {
    subscription: Subscription,
    heartbeat: Interval,
    watched: WatchedStream,
    stop: CancellationToken,
    is_started: bool,
}

impl Connection {
    /// The next chunk. `None` ends the stream, and the browser reconnects: after signing in again,
    /// or to another replica.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.is_started {
            self.is_started = true;
            let id = self.id_field();
            return Some(Bytes::from(format!("retry: {RETRY_MS}\n{id}\n")));
        }
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            () = self.watched.ended() => None,
            frames = self.subscription.next() => Some(frames),
            _ = self.heartbeat.tick() => Some(Bytes::from(format!(":\n{}\n", self.id_field()))),
        }
    }

    /// An id without an event updates only the browser's last event id.
    fn id_field(&self) -> String {
        let cursor = self.subscription.cursor();
        cursor.map(|id| format!("id: {id}\n")).unwrap_or_default()
    }
}
