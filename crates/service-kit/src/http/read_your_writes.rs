//! Read your writes: `Ktgg-After: salesman-match/ID@3` makes a read wait until the service has
//! consumed that version.
//!
//! A page receives an event from the gateway's stream, and then reads from a service that may not
//! have consumed the event yet. Only signed-in callers have a stream, so the header of anonymous
//! callers is ignored, as is one that is malformed. All reads that wait cost one query at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use events::Topic;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::auth::Identity;
use crate::{Db, tasks};

/// After this, a read answers with what the service has.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How often progress is read without a notification: another replica may have consumed the event.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The shortest interval between two reads of progress: a busy service commits very often.
const MIN_INTERVAL: Duration = Duration::from_millis(5);

/// The versions that are waited for at a time. Reads that wait for another one do not wait.
const MAX_AWAITED: usize = 256;

/// How many of them one caller can be the first to wait for.
const MAX_AWAITED_BY_CALLER: usize = 32;

/// The version of an aggregate that the read waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct After {
    aggregate_type: String,
    aggregate_id: Uuid,
    version: i64,
}

fn parse(text: &str) -> Option<After> {
    let (aggregate, version) = text.rsplit_once('@')?;
    let (aggregate_type, aggregate_id) = aggregate.split_once('/')?;
    Some(After {
        aggregate_type: aggregate_type.to_owned(),
        aggregate_id: aggregate_id.parse().ok()?,
        version: version.parse().ok().filter(|version| *version > 0)?,
    })
}

/// The state of [`wait`].
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    progress: Arc<Progress>,
    /// The aggregates that the service consumes, and so has progress of. Without its own, which it
    /// need not consume.
    consumed: Vec<&'static str>,
}

impl Reader {
    pub(crate) fn new(db: Db, topics: &[Topic]) -> Self {
        let own = db.service();
        Self {
            progress: Arc::new(Progress {
                db,
                awaited: Mutex::default(),
                added: Notify::new(),
            }),
            consumed: topics
                .iter()
                .map(|topic| topic.aggregate())
                .filter(|aggregate| *aggregate != own)
                .collect(),
        }
    }
}

/// Waits for the version, or adds `Ktgg-Stale: 1` to the answer. Runs after the authorization.
pub(crate) async fn wait(State(reader): State<Reader>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get().map(|by: &Identity| by.subject);
    let after = request
        .headers()
        .get("ktgg-after")
        .filter(|_| request.method() == Method::GET)
        .and_then(|value| value.to_str().ok())
        .and_then(parse)
        .filter(|after| reader.consumed.contains(&&*after.aggregate_type));
    let is_consumed = match after.zip(caller) {
        Some((after, caller)) => {
            let reaches = reader.progress.reaches(after, caller);
            let reached = tokio::time::timeout(TIMEOUT, reaches).await;
            reached.unwrap_or_default()
        }
        None => true,
    };
    let mut response = next.run(request).await;
    if !is_consumed {
        response
            .headers_mut()
            .insert("ktgg-stale", HeaderValue::from_static("1"));
    }
    response
}

/// What reads wait for. One task asks the database for all of it, as long as there is any.
#[derive(Debug)]
struct Progress {
    db: Db,
    awaited: Mutex<Awaited>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Awaited {
    versions: HashMap<After, AwaitedVersion>,
    is_polled: bool,
}

#[derive(Debug)]
struct AwaitedVersion {
    /// Who was the first to wait for it.
    caller: Uuid,
    /// Dropped when the version is consumed. Without receivers, all reads have given up.
    consumed: watch::Sender<()>,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Awaited> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the version is consumed. False, without waiting, if too many are awaited, of all
    /// callers or of this one.
    async fn reaches(self: &Arc<Self>, after: After, caller: Uuid) -> bool {
        let mut consumed = {
            let mut awaited = self.lock();
            let versions = &mut awaited.versions;
            let by_caller = versions.values().filter(|other| other.caller == caller);
            let is_full =
                by_caller.count() >= MAX_AWAITED_BY_CALLER || versions.len() >= MAX_AWAITED;
            if is_full && !versions.contains_key(&after) {
                return false;
            }
            let new = || AwaitedVersion {
                caller,
                consumed: watch::Sender::default(),
            };
            let consumed = versions
                .entry(after)
                .or_insert_with(new)
                .consumed
                .subscribe();
            if !std::mem::replace(&mut awaited.is_polled, true) {
                drop(tasks::spawn(self.clone().poll()));
            }
            consumed
        };
        self.added.notify_one();
        // Nothing is ever sent: it ends when the sender is dropped.
        while consumed.changed().await.is_ok() {}
        true
    }

    /// Runs while there is something to wait for.
    async fn poll(self: Arc<Self>) {
        let mut committed = self.db.committed();
        loop {
            committed.mark_unchanged();
            let Some((types, ids)) = self.aggregates() else {
                return;
            };
            match self.versions(&types, &ids).await {
                Ok(versions) => self.note(&versions),
                Err(error) => tracing::debug!(%error, "reading progress failed"),
            }
            tokio::select! {
                _ = committed.changed() => {}
                () = self.added.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            tokio::time::sleep(MIN_INTERVAL).await;
        }
    }

    /// The aggregates whose versions are awaited. If there are none, the task ends.
    fn aggregates(&self) -> Option<(Vec<String>, Vec<Uuid>)> {
        let mut awaited = self.lock();
        let is_awaited = |version: &AwaitedVersion| version.consumed.receiver_count() > 0;
        awaited.versions.retain(|_, version| is_awaited(version));
        awaited.is_polled = !awaited.versions.is_empty();
        awaited.is_polled.then(|| {
            let aggregates = awaited.versions.keys();
            aggregates
                .map(|after| (after.aggregate_type.clone(), after.aggregate_id))
                .unzip()
        })
    }

    async fn versions(
        &self,
        types: &[String],
        ids: &[Uuid],
    ) -> Result<HashMap<(String, Uuid), i64>, sqlx::Error> {
        let versions: Vec<(String, Uuid, i64)> = sqlx::query_as(
            "select p.aggregatetype, p.aggregateid, p.version
             from progress p join (select distinct * from unnest($1::text[], $2::uuid[])) a (t, id)
                 on p.aggregatetype = a.t and p.aggregateid = a.id",
        )
        .bind(types)
        .bind(ids)
        .fetch_all(self.db.pool())
        .await?;
        let by_aggregate = |(kind, id, version)| ((kind, id), version);
        Ok(versions.into_iter().map(by_aggregate).collect())
    }

    fn note(&self, versions: &HashMap<(String, Uuid), i64>) {
        self.lock().versions.retain(|after, _| {
            let aggregate = (after.aggregate_type.clone(), after.aggregate_id);
            versions
                .get(&aggregate)
                .is_none_or(|version| *version < after.version)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;
    use crate::clock::SystemClock;

    fn after(id: usize) -> After {
        After {
            aggregate_type: "salesman-match".to_owned(),
            aggregate_id: Uuid::from_u128(id as u128),
            version: 1,
        }
    }

    /// Nothing is read before the test ends.
    fn progress() -> Arc<Progress> {
        let url = "postgres://localhost:1/none".parse().unwrap();
        let db = Db::new("interest", &url, Arc::new(SystemClock)).unwrap();
        Reader::new(db, &[]).progress
    }

    #[tokio::test]
    async fn read_that_would_await_too_many_versions_does_not_wait() {
        let progress = progress();
        let caller = |id: usize| Uuid::from_u128((id / MAX_AWAITED_BY_CALLER) as u128);
        let mut waiting: Vec<_> = (0..MAX_AWAITED)
            .map(|id| Box::pin(progress.reaches(after(id), caller(id))))
            .collect();
        for read in &mut waiting {
            assert_eq!(read.now_or_never(), None);
        }
        let other = Uuid::from_u128(1000);
        let one_more = progress.reaches(after(MAX_AWAITED), other);
        assert_eq!(one_more.now_or_never(), Some(false));
        assert_eq!(progress.reaches(after(0), other).now_or_never(), None);
    }

    #[tokio::test]
    async fn one_caller_leaves_places_for_others() {
        let progress = progress();
        let caller = Uuid::from_u128(1);
        let mut waiting: Vec<_> = (0..=MAX_AWAITED_BY_CALLER)
            .map(|id| Box::pin(progress.reaches(after(id), caller)))
            .collect();
        let answers: Vec<_> = waiting.iter_mut().map(FutureExt::now_or_never).collect();
        let (last, before) = answers.split_last().unwrap();
        assert!(before.iter().all(Option::is_none));
        assert_eq!(*last, Some(false));
        let other = progress.reaches(after(MAX_AWAITED_BY_CALLER), Uuid::from_u128(2));
        assert_eq!(other.now_or_never(), None);
    }

    #[tokio::test]
    async fn version_is_awaited_until_the_last_read_gives_up() {
        let progress = progress();
        let read = || Box::pin(progress.reaches(after(1), Uuid::from_u128(1)));
        let mut waiting = [read(), read()];
        for read in &mut waiting {
            assert_eq!(read.now_or_never(), None);
        }
        let [first, second] = waiting;
        drop(first);
        assert!(progress.aggregates().is_some());
        drop(second);
        assert_eq!(progress.aggregates(), None);
        assert!(progress.lock().versions.is_empty());
    }

    #[test]
    fn invalid_header_is_ignored() {
        assert_eq!(
            parse("salesman-match/00000000-0000-0000-0000-000000000002@3"),
            Some(After {
                aggregate_type: "salesman-match".to_owned(),
                aggregate_id: Uuid::from_u128(2),
                version: 3
            })
        );
        for text in [
            "",
            "@",
            "salesman-match@3",
            "salesman-match/x@3",
            "salesman-match/00000000-0000-0000-0000-000000000002@",
            "salesman-match/00000000-0000-0000-0000-000000000002@0",
            "salesman-match/00000000-0000-0000-0000-000000000002@-3",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
