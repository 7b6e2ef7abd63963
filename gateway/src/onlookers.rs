//! Ends a stream when its session ends, whichever gateway has ended it.
//!
//! Once a second one statement asks which of the sessions behind open streams still hold. A database that does not answer for a while ends all
//! of them: nobody knows then who may still look on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use service_kit::Problem;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::sessions::{IdHash, Sessions};

/// How often it asks. With what the question takes, a stream ends within two seconds.
const LOOK: Duration = Duration::from_secs(1);

/// How long a database may be silent before it is not known any more who holds a session: longer than a failover usually takes.
const SILENT: Duration = Duration::from_secs(15);

/// How many streams one session may have open: some tabs in each of some windows.
const STREAMS: usize = 32;

/// The open streams, by session.
#[derive(Default)]
pub(crate) struct Onlookers {
    open: Mutex<HashMap<IdHash, Streams>>,
}

struct Streams {
    count: usize,
    end: CancellationToken,
}

/// One stream, for as long as it is open.
pub(crate) struct Onlooker {
    all: Arc<Onlookers>,
    id_hash: IdHash,
    end: CancellationToken,
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
        if let Some(streams) = open.get_mut(&self.id_hash) {
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
        let streams = open.entry(id_hash).or_insert_with(|| Streams { count: 0, end: CancellationToken::new() });
        if streams.count >= STREAMS {
            return Err(limits::too_many(TimeDelta::seconds(1)));
        }
        streams.count += 1;
        Ok(Onlooker { all: self.clone(), id_hash, end: streams.end.clone() })
    }

    /// Watches until told to stop.
    pub(crate) async fn run(&self, sessions: &Sessions, ending: &CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut answered = Instant::now();
        loop {
            tokio::select! {
                () = ending.cancelled() => return,
                _ = looks.tick() => {}
            }
            let open: Vec<IdHash> = self.lock().keys().copied().collect();
            if open.is_empty() {
                answered = Instant::now();
                continue;
            }
            match tokio::time::timeout(SILENT, sessions.holding(&open)).await {
                Ok(Ok(holding)) => {
                    answered = Instant::now();
                    self.end(open.into_iter().filter(|id_hash| !holding.contains(id_hash)));
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
    }

    fn end(&self, sessions: impl IntoIterator<Item = IdHash>) {
        let open = self.lock();
        for streams in sessions.into_iter().filter_map(|id_hash| open.get(&id_hash)) {
            streams.end.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IdHash, Streams>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
