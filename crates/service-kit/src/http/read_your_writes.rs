//! Reading after an event: a page that was told of an event by the stream asks the owner of what it shows, and that service may not have
//! taken the event in yet. `Ktgg-After: salesman-match/ID@3` makes the read wait for it.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use events::Topic;
use uuid::Uuid;

use crate::Db;

/// How long a read waits before it answers with what it has.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it looks when no bell rings: another replica of this service may have taken the event in.
const LOOK: Duration = Duration::from_millis(50);

/// The shortest time between two looks.
const BREATH: Duration = Duration::from_millis(5);

/// Which event a reader wants to see the effect of.
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

/// A service as a place to read from.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    db: Db,
    /// The aggregates whose events it takes in. Of others it will never have any progress; its own events are there as soon as they exist,
    /// whether or not it also reacts to them.
    follows: Vec<&'static str>,
}

impl Reader {
    pub(crate) fn new(db: Db, topics: &[Topic]) -> Self {
        let own = db.service();
        Self {
            db,
            follows: topics
                .iter()
                .map(|topic| topic.aggregate())
                .filter(|aggregate| *aggregate != own)
                .collect(),
        }
    }
}

/// Waits until progress is there, or marks the answer with `Ktgg-Stale: 1`.
pub(crate) async fn wait(State(reader): State<Reader>, request: Request, next: Next) -> Response {
    let after = request
        .headers()
        .get("ktgg-after")
        .filter(|_| request.method() == Method::GET)
        .and_then(|value| value.to_str().ok())
        .and_then(parse)
        .filter(|after| reader.follows.contains(&&*after.aggregate_type));
    let is_there = match &after {
        Some(after) => tokio::time::timeout(PATIENCE, taken_in(&reader.db, after))
            .await
            .is_ok(),
        None => true,
    };
    let mut response = next.run(request).await;
    if !is_there {
        response
            .headers_mut()
            .insert("ktgg-stale", HeaderValue::from_static("1"));
    }
    response
}

async fn taken_in(db: &Db, after: &After) {
    let mut bell = db.committed();
    loop {
        bell.mark_unchanged();
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
        drop(tokio::time::timeout(LOOK, bell.changed()).await);
        // A busy service rings for every commit; one look each few milliseconds is enough.
        tokio::time::sleep(BREATH).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_ignored() {
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
