//! Ends a stream when its session ends, whichever gateway has ended it.
//!
//! Once a second one statement asks which of the sessions behind open streams still hold, by a connection of its own: requests that use up the
//! pool must not keep anybody looking on. A database that does not answer for some seconds ends all streams: nobody knows then who may still
//! look on.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use service_kit::Problem;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::auth::sessions::{IdHash, Sessions};
use crate::edge::rate_limit;

/// How often it asks. With what the question takes, a stream ends within two seconds.
const LOOK: Duration = Duration::from_secs(1);

/// How long a database may be silent before it is not known any more who holds a session. Browsers whose streams end come back by themselves,
/// and are told what they missed.
const SILENT: Duration = Duration::from_secs(5);

/// How long one answer is waited for, a new connection included: short enough to ask another time within [`SILENT`].
const ANSWER: Duration = Duration::from_secs(2);

/// How long the connection may take to close.
const CLOSE: Duration = Duration::from_secs(1);

/// How many streams one session may have open: some tabs in each of some windows.
const STREAMS: usize = 32;

/// The open streams, by session.
#[derive(Default)]
pub(crate) struct Onlookers {
    open: Mutex<HashMap<IdHash, Streams>>,
}

struct Streams {
    count: usize,
    /// Its own for as long as some of these streams are open: by which it is told from those that were ended before.
    end: Arc<CancellationToken>,
}

/// One stream, for as long as it is open.
pub(crate) struct Onlooker {
    all: Arc<Onlookers>,
    id_hash: IdHash,
    end: Arc<CancellationToken>,
}

impl Onlooker {
    /// Waits for the end of the session.
    pub(crate) async fn ended(&self) {
        self.end.cancelled().await;
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        let mut open = self.all.lock();
        if let Some(streams) = open
            .get_mut(&self.id_hash)
            .filter(|streams| Arc::ptr_eq(&streams.end, &self.end))
        {
            streams.count -= 1;
            if streams.count == 0 {
                open.remove(&self.id_hash);
            }
        }
    }
}

impl Onlookers {
    /// Takes a stream in.
    ///
    /// # Errors
    /// 429 when the session has too many of them.
    pub(crate) fn join(self: &Arc<Self>, id_hash: IdHash) -> Result<Onlooker, Problem> {
        let mut open = self.lock();
        let streams = open.entry(id_hash).or_insert_with(|| Streams {
            count: 0,
            end: Arc::default(),
        });
        if streams.count >= STREAMS {
            return Err(rate_limit::too_many(TimeDelta::seconds(1)));
        }
        streams.count += 1;
        Ok(Onlooker {
            all: self.clone(),
            id_hash,
            end: streams.end.clone(),
        })
    }

    /// Watches until told to stop.
    pub(crate) async fn run(&self, sessions: &Sessions, ending: &CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut answered = Instant::now();
        let mut connection = None;
        loop {
            tokio::select! {
                () = ending.cancelled() => break,
                _ = looks.tick() => {}
            }
            let open: Vec<IdHash> = self.lock().keys().copied().collect();
            if open.is_empty() {
                answered = Instant::now();
                continue;
            }
            let until = (Instant::now() + ANSWER).min(answered + SILENT);
            match tokio::time::timeout_at(until, holding(sessions, &mut connection, &open)).await {
                Ok(Ok(holding)) => {
                    answered = Instant::now();
                    self.end(
                        open.into_iter()
                            .filter(|id_hash| !holding.contains(id_hash)),
                    );
                }
                Ok(Err(error)) => tracing::debug!(%error, "it is not known which sessions hold"),
                Err(_) => tracing::debug!("it takes too long to learn which sessions hold"),
            }
            if answered.elapsed() >= SILENT {
                tracing::warn!("the database is silent: every stream ends");
                let all: Vec<IdHash> = self.lock().keys().copied().collect();
                self.end(all);
                answered = Instant::now();
            }
        }
        if let Some(connection) = connection {
            drop(tokio::time::timeout(CLOSE, connection.close()).await);
        }
    }

    /// Ends the streams of these sessions. One that is slow to go is none of those that the session opens from now on.
    fn end(&self, sessions: impl IntoIterator<Item = IdHash>) {
        let mut open = self.lock();
        for streams in sessions
            .into_iter()
            .filter_map(|id_hash| open.remove(&id_hash))
        {
            streams.end.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IdHash, Streams>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of these sessions hold. A connection that fails, or whose answer is not waited for any longer, is dropped; one that was lost since it
/// was used last is made anew at once.
async fn holding(
    sessions: &Sessions,
    connection: &mut Option<PgConnection>,
    of: &[IdHash],
) -> Result<HashSet<IdHash>, sqlx::Error> {
    if let Some(mut used) = connection.take()
        && let Ok(holding) = sessions.holding(&mut used, of).await
    {
        *connection = Some(used);
        return Ok(holding);
    }
    let mut made = sessions.connect().await?;
    let holding = sessions.holding(&mut made, of).await?;
    *connection = Some(made);
    Ok(holding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_back_does_not_join_streams_that_were_ended() {
        let all = Arc::new(Onlookers::default());
        let session = IdHash::of(&"A".repeat(43)).unwrap();
        let old = all.join(session).unwrap();
        all.end([session]);
        let new = all.join(session).unwrap();
        assert!(old.end.is_cancelled() && !new.end.is_cancelled());
        // The old one is slow to go, and takes nothing away from the new ones when it does.
        drop(old);
        assert_eq!(all.lock()[&session].count, 1);
        let more: Vec<Onlooker> = (1..STREAMS).map(|_| all.join(session).unwrap()).collect();
        assert_eq!(
            all.join(session)
                .err()
                .map(|refused| refused.status().as_u16()),
            Some(429)
        );
        drop((new, more));
        assert!(all.lock().is_empty());
    }
}
