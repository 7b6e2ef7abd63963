//! Read your writes: `Ktgg-After: salesman-match/ID@3` makes a read wait until the service has
//! consumed that version.
//!
//! A page receives an event from the gateway's stream, and then reads from a service that may not
//! have consumed the event yet.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use events::Topic;
use uuid::Uuid;

use crate::Db;

/// After this, a read answers with what the service has.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How often progress is read without a notification: another replica may have consumed the event.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The shortest interval between two reads of progress: a busy service commits very often.
const MIN_INTERVAL: Duration = Duration::from_millis(5);

/// The version of an aggregate that the read waits for.
#[derive(Debug, PartialEq, Eq)]
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
        version: version.parse().ok()?,
    })
}

/// The state of [`wait`].
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    db: Db,
    /// The aggregates that the service consumes, and so has progress of. Without its own, which it
    /// need not consume.
    consumed: Vec<&'static str>,
}

impl Reader {
    pub(crate) fn new(db: Db, topics: &[Topic]) -> Self {
        let own = db.service();
        Self {
            db,
            consumed: topics
                .iter()
                .map(|topic| topic.aggregate())
                .filter(|aggregate| *aggregate != own)
                .collect(),
        }
    }
}

/// Waits for the version, or adds `Ktgg-Stale: 1` to the answer after a timeout.
pub(crate) async fn wait(State(reader): State<Reader>, request: Request, next: Next) -> Response {
    let after = request
        .headers()
        .get("ktgg-after")
        .filter(|_| request.method() == Method::GET)
        .and_then(|value| value.to_str().ok())
        .and_then(parse)
        .filter(|after| reader.consumed.contains(&&*after.aggregate_type));
    let is_consumed = match &after {
        Some(after) => tokio::time::timeout(TIMEOUT, consumed(&reader.db, after))
            .await
            .is_ok(),
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

async fn consumed(db: &Db, after: &After) {
    let mut committed = db.committed();
    loop {
        committed.mark_unchanged();
        let version: Result<Option<i64>, _> = sqlx::query_scalar(
            "select version from progress where aggregatetype = $1 and aggregateid = $2",
        )
        .bind(&after.aggregate_type)
        .bind(after.aggregate_id)
        .fetch_optional(db.pool())
        .await;
        if matches!(version, Ok(Some(version)) if version >= after.version) {
            return;
        }
        drop(tokio::time::timeout(POLL_INTERVAL, committed.changed()).await);
        tokio::time::sleep(MIN_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
