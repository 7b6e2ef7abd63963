//! The session watcher ends the streams of ended sessions, whichever gateway has ended them.
//!
//! Once a second, one query checks the sessions of all open streams. It uses its own connection, so
//! that it does not wait for requests that use up the pool. If the database does not respond for
//! some seconds, all streams end, because it is unknown whose sessions are valid.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use service_kit::Problem;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::auth::sessions::{IdHash, Sessions};
use crate::edge::rate_limit::too_many_requests;

/// With the time of the query, a stream ends within two seconds.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// After this long without a response, all streams end. Browsers reconnect by themselves, and get
/// what they missed.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of one query, a new connection included. It leaves time for a second attempt.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// For each session: some tabs in each of some windows.
const MAX_STREAMS: usize = 32;

/// The open streams by session.
#[derive(Default)]
pub(crate) struct SessionWatcher {
    open: Mutex<HashMap<IdHash, Streams>>,
}

struct Streams {
    count: usize,
    /// Also identifies these streams: a session whose streams were ended gets another one.
    ended: Arc<CancellationToken>,
}

/// An open stream.
pub(crate) struct WatchedStream {
    watcher: Arc<SessionWatcher>,
    id_hash: IdHash,
    ended: Arc<CancellationToken>,
}

impl WatchedStream {
    /// Waits for the end of the session.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for WatchedStream {
    fn drop(&mut self) {
        let mut open = self.watcher.lock();
        if let Some(streams) = open.get_mut(&self.id_hash)
            && Arc::ptr_eq(&streams.ended, &self.ended)
        {
            streams.count -= 1;
            if streams.count == 0 {
                open.remove(&self.id_hash);
            }
        }
    }
}

impl SessionWatcher {
    /// Adds a stream.
    ///
    /// # Errors
    /// 429 when the session has too many.
    pub(crate) fn watch(self: &Arc<Self>, id_hash: IdHash) -> Result<WatchedStream, Problem> {
        let mut open = self.lock();
        let streams = open.entry(id_hash).or_insert_with(|| Streams {
            count: 0,
            ended: Arc::default(),
        });
        if streams.count >= MAX_STREAMS {
            return Err(too_many_requests("streams", TimeDelta::seconds(1)));
        }
        streams.count += 1;
        Ok(WatchedStream {
            watcher: self.clone(),
            id_hash,
            ended: streams.ended.clone(),
        })
    }

    /// Watches until `stop`.
    pub(crate) async fn run(&self, sessions: &Sessions, stop: &CancellationToken) {
        let mut poll = tokio::time::interval(POLL_INTERVAL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_response = Instant::now();
        let mut connection = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = poll.tick() => {}
            }
            let open = self.open_sessions();
            if open.is_empty() {
                last_response = Instant::now();
                continue;
            }
            let deadline = (Instant::now() + QUERY_TIMEOUT).min(last_response + DATABASE_TIMEOUT);
            let query = valid_sessions(sessions, &mut connection, &open);
            match tokio::time::timeout_at(deadline, query).await {
                Ok(Ok(valid)) => {
                    last_response = Instant::now();
                    self.end(open.into_iter().filter(|id_hash| !valid.contains(id_hash)));
                }
                Ok(Err(error)) => tracing::debug!(%error, "checking sessions failed"),
                Err(_) => tracing::debug!("checking sessions timed out"),
            }
            if last_response.elapsed() >= DATABASE_TIMEOUT {
                tracing::warn!("the database does not respond: all streams end");
                self.end(self.open_sessions());
                last_response = Instant::now();
            }
        }
        if let Some(connection) = connection {
            drop(tokio::time::timeout(CLOSE_TIMEOUT, connection.close()).await);
        }
    }

    /// Ends the present streams of these sessions, but none that are opened later.
    fn end(&self, sessions: impl IntoIterator<Item = IdHash>) {
        let mut open = self.lock();
        for id_hash in sessions {
            if let Some(streams) = open.remove(&id_hash) {
                streams.ended.cancel();
            }
        }
    }

    fn open_sessions(&self) -> Vec<IdHash> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IdHash, Streams>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the connection after an error or a timeout. If it was lost since its last use, the query
/// is repeated on a new one.
async fn valid_sessions(
    sessions: &Sessions,
    connection: &mut Option<PgConnection>,
    id_hashes: &[IdHash],
) -> Result<HashSet<IdHash>, sqlx::Error> {
    if let Some(mut used) = connection.take()
        && let Ok(valid) = sessions.valid(&mut used, id_hashes).await
    {
        *connection = Some(used);
        return Ok(valid);
    }
    let mut new = sessions.connect().await?;
    let valid = sessions.valid(&mut new, id_hashes).await?;
    *connection = Some(new);
    Ok(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_stream_does_not_join_ended_ones() {
        let watcher = Arc::new(SessionWatcher::default());
        let session = IdHash::of(&"A".repeat(43)).unwrap();
        let old = watcher.watch(session).unwrap();
        watcher.end([session]);
        let new = watcher.watch(session).unwrap();
        assert!(old.ended.is_cancelled() && !new.ended.is_cancelled());
        // The old stream closes late, and does not count among the new ones.
        drop(old);
        assert_eq!(watcher.lock()[&session].count, 1);
        let more: Vec<WatchedStream> = (1..MAX_STREAMS)
            .map(|_| watcher.watch(session).unwrap())
            .collect();
        assert_eq!(
            watcher
                .watch(session)
                .err()
                .map(|problem| problem.status().as_u16()),
            Some(429)
        );
        drop((new, more));
        assert!(watcher.lock().is_empty());
    }
}
