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
    let is_signed_in = request.extensions().get::<Identity>().is_some();
    let after = request
        .headers()
        .get("ktgg-after")
        .filter(|_| is_signed_in && request.method() == Method::GET)
        .and_then(|value| value.to_str().ok())
        .and_then(parse)
        .filter(|after| reader.consumed.contains(&&*after.aggregate_type));
    let is_consumed = match after {
        Some(after) => tokio::time::timeout(TIMEOUT, reader.progress.reaches(after))
            .await
            .unwrap_or_default(),
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
    /// Closed when the version is consumed.
    versions: HashMap<After, watch::Sender<()>>,
    is_polled: bool,
}

/// A read that waits. The version of the last one that gives up is not awaited any more.
struct Waiting<'a> {
    progress: &'a Progress,
    after: After,
    consumed: watch::Receiver<()>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut awaited = self.progress.lock();
        if let Some(sender) = awaited.versions.get(&self.after)
            && sender.receiver_count() == 1
        {
            awaited.versions.remove(&self.after);
        }
    }
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Awaited> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the version is consumed. False, without waiting, if too many are awaited.
    async fn reaches(self: &Arc<Self>, after: After) -> bool {
        let mut waiting = {
            let mut awaited = self.lock();
            let is_full = awaited.versions.len() >= MAX_AWAITED;
            if is_full && !awaited.versions.contains_key(&after) {
                return false;
            }
            let sender = awaited.versions.entry(after.clone());
            let consumed = sender.or_default().subscribe();
            if !std::mem::replace(&mut awaited.is_polled, true) {
                drop(tasks::spawn(self.clone().poll()));
            }
            Waiting {
                progress: self,
                after,
                consumed,
            }
        };
        self.added.notify_one();
        // Nothing is ever sent: it ends when the sender is dropped.
        while waiting.consumed.changed().await.is_ok() {}
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

    use futures_util::FutureExt as _;

    use super::*;
    use crate::clock::SystemClock;

    fn after(id: usize) -> After {
        After {
            aggregate_type: "salesman-match".to_owned(),
            aggregate_id: Uuid::from_u128(id as u128),
            version: 1,
        }
    }

    #[tokio::test]
    async fn read_that_would_await_too_many_versions_does_not_wait() {
        // Nothing is read before the test ends.
        let url = "postgres://localhost:1/none".parse().unwrap();
        let db = Db::new("interest", &url, Arc::new(SystemClock)).unwrap();
        let progress = Reader::new(db, &[]).progress;
        let mut waiting: Vec<_> = (0..MAX_AWAITED)
            .map(|id| Box::pin(progress.reaches(after(id))))
            .collect();
        for read in &mut waiting {
            assert_eq!(read.now_or_never(), None);
        }
        assert_eq!(
            progress.reaches(after(MAX_AWAITED)).now_or_never(),
            Some(false)
        );
        assert_eq!(progress.reaches(after(0)).now_or_never(), None);
        drop(waiting);
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
