//! The relay: sends the outbox to Kafka, one leader per service, in `pos` order, and waits for
//! every acknowledgement.
//!
//! Each pending event is a row of its own, deleted after the acknowledgement. A cursor over `pos`
//! would skip events, because transactions commit out of order (a stress test lost 6,192 of
//! 20,000). Ordering by transaction id and several relays would reorder them. Consumers drop
//! duplicates.

use std::collections::BTreeSet;
use std::time::Duration;

use events::{Envelope, Topic};
use futures_util::future::join_all;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use serde_json::Value;
use sqlx::postgres::{PgConnection, PgListener};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Db;
use crate::db::bounded;
use crate::messaging::kafka::{self, Refusals};
use crate::messaging::leader::{self, Duty, Lease};

/// Rows per query, and so the maximum of records in flight: far below librdkafka's own queue.
const BATCH: i64 = 500;

/// How often the leader looks for pending rows when it is not notified.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How long a stopping relay waits for acknowledgements.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest backoff after a record that was not acknowledged.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// The shortest interval between two notifications from a follower to the leader.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(5);

#[derive(sqlx::FromRow)]
struct Pending {
    pos: i64,
    id: uuid::Uuid,
    aggregatetype: String,
    aggregateid: uuid::Uuid,
    version: i64,
    #[sqlx(rename = "type")]
    type_name: String,
    payload: String,
    headers: Value,
    recorded_at: chrono::DateTime<chrono::Utc>,
}

/// A row whose record was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    pos: i64,
    partition: i32,
    acknowledged: bool,
}

/// Runs until `stop`, then sends what is still pending.
pub(crate) async fn run(db: Db, kafka: kafka::Settings, stop: CancellationToken) {
    let mut relay = Relay {
        db: db.clone(),
        kafka,
        stop: stop.clone(),
        producer: None,
        channel: format!("ktgg_{}", db.service()),
        committed: db.committed(),
        listener: None,
        backoff: POLL_INTERVAL,
    };
    leader::lead(&db, &stop, &mut relay).await;
}

type Producer = FutureProducer<Refusals>;

struct Relay {
    db: Db,
    kafka: kafka::Settings,
    stop: CancellationToken,
    producer: Option<Producer>,
    /// The Postgres channel on which other processes of this service notify the leader.
    channel: String,
    committed: watch::Receiver<u64>,
    listener: Option<PgListener>,
    backoff: Duration,
}

impl Duty for Relay {
    const NAME: &'static str = "relay";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        let result = self.relay_or_wait(lease).await;
        if result.is_err() {
            self.drop_producer();
        }
        result
    }

    /// Notifies the leader, in another process, of the commits in this one.
    ///
    /// It uses a connection of its own: NOTIFY inside the business transaction takes a lock on the
    /// whole database (3,178 transactions/s became 606).
    async fn follow(&mut self) {
        self.listener = None;
        while self.committed.changed().await.is_ok() {
            let notified = sqlx::query("select pg_notify($1, '')")
                .bind(&self.channel)
                .execute(self.db.pool())
                .await;
            if notified.is_err() {
                return;
            }
            tokio::time::sleep(NOTIFY_INTERVAL).await;
        }
    }
}

impl Relay {
    /// Sends what is pending, or waits until something may be.
    async fn relay_or_wait(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        if self.listener.is_none() {
            let mut listener = PgListener::connect_with(self.db.pool()).await?;
            listener.listen(&self.channel).await?;
            self.listener = Some(listener);
        }
        // Before the first event: an idempotent producer needs half a second to get its id.
        drop(self.producer()?);
        self.committed.mark_unchanged();
        if self.drain(lease).await? && !self.stop.is_cancelled() {
            return Ok(());
        }
        lease.beat().await?;
        let stop = self.stop.clone();
        let notified = async {
            match &mut self.listener {
                Some(listener) => listener.recv().await.map(drop),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // A stop goes first, so that everything committed before it is still sent.
            biased;
            () = stop.cancelled() => {
                let drained = async { while self.drain(lease).await? {} anyhow::Ok(()) };
                drop(tokio::time::timeout(STOP_TIMEOUT, drained).await);
            }
            changed = self.committed.changed() => changed?,
            result = notified => {
                if result.is_err() {
                    self.listener = None;
                }
            }
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
        Ok(())
    }

    /// The next producer must not send beside the records that this one still has queued.
    fn drop_producer(&mut self) {
        // Dropping purges the queue, and may block.
        let producer = self.producer.take();
        drop(tokio::task::spawn_blocking(move || drop(producer)));
    }

    /// Sends one batch; `false` when there was nothing to send.
    async fn drain(&mut self, lease: &mut Lease) -> anyhow::Result<bool> {
        let pending = bounded(pending(lease.connection())).await?;
        if pending.is_empty() {
            return Ok(false);
        }
        let producer = self.producer()?;
        let sent = self.send(lease, &producer, &pending).await?;
        let done = deletable(&sent);
        let delete = sqlx::query("delete from outbox_pending where pos = any($1)")
            .bind(&done)
            .execute(lease.connection());
        bounded(delete).await?;
        if done.len() == pending.len() {
            self.backoff = POLL_INTERVAL;
        } else {
            // The rows behind an unacknowledged one are sent again: back off, because the topic
            // keeps every duplicate.
            let started = tokio::time::Instant::now();
            while started.elapsed() < self.backoff && !self.stop.is_cancelled() {
                tokio::time::sleep(POLL_INTERVAL).await;
                lease.beat().await?;
            }
            self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
        }
        Ok(true)
    }

    /// The current producer, or a new one after a fatal error: an idempotent producer does not
    /// recover.
    fn producer(&mut self) -> Result<Producer, KafkaError> {
        if let Some(producer) = self
            .producer
            .as_ref()
            .filter(|producer| producer.client().fatal_error().is_none())
        {
            return Ok(producer.clone());
        }
        self.drop_producer();
        let producer: Producer = self
            .kafka
            .client()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            // No timeout: the event stays in Postgres until it is acknowledged.
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .create_with_context(Refusals::default())?;
        Ok(self.producer.insert(producer).clone())
    }

    /// Sends the rows in order, then waits for all acknowledgements, and writes heartbeats
    /// meanwhile.
    async fn send(
        &self,
        lease: &mut Lease,
        producer: &Producer,
        pending: &[Pending],
    ) -> anyhow::Result<Vec<Sent>> {
        let mut waiting = Vec::with_capacity(pending.len());
        for row in pending {
            let key = kafka::key(row.aggregateid);
            let partition = kafka::partition(key.as_bytes());
            let topic = Topic::of_aggregate(&row.aggregatetype)
                .ok_or_else(|| anyhow::anyhow!("no topic for {}", row.aggregatetype))?
                .name(&self.kafka.topic_prefix);
            let record = FutureRecord::to(&topic)
                .key(&key)
                .partition(partition)
                .payload(&row.payload)
                .headers(kafka::headers(&row.envelope()));
            let delivery = producer.send_result(record).map_err(|(error, _)| error)?;
            waiting.push(async move {
                let acknowledged = match delivery.await {
                    Ok(Ok(_)) => true,
                    Ok(Err((error, _))) => {
                        tracing::warn!(
                            event.pos = row.pos,
                            %error,
                            "a record was not acknowledged, and will be sent again"
                        );
                        false
                    }
                    Err(_) => false,
                };
                Sent {
                    pos: row.pos,
                    partition,
                    acknowledged,
                }
            });
        }
        let mut acknowledged = std::pin::pin!(join_all(waiting));
        let mut stopped = std::pin::pin!(async {
            self.stop.cancelled().await;
            tokio::time::sleep(STOP_TIMEOUT).await;
        });
        loop {
            tokio::select! {
                sent = &mut acknowledged => return Ok(sent),
                () = &mut stopped => {
                    anyhow::bail!("stopped with up to {} records unacknowledged", pending.len())
                }
                () = tokio::time::sleep(POLL_INTERVAL) => lease.beat().await?,
            }
        }
    }
}

impl Pending {
    fn envelope(&self) -> Envelope {
        Envelope {
            id: self.id,
            type_name: self.type_name.clone(),
            aggregate_type: self.aggregatetype.clone(),
            aggregate_id: self.aggregateid,
            version: self.version,
            recorded_at: self.recorded_at,
            traceparent: self
                .headers
                .get("traceparent")
                .and_then(Value::as_str)
                .map(str::to_owned),
        }
    }
}

async fn pending(connection: &mut PgConnection) -> Result<Vec<Pending>, sqlx::Error> {
    sqlx::query_as(
        "select pos, id, aggregatetype, aggregateid, version, type, payload::text as payload,
                headers, recorded_at
         from outbox_pending join event_log using (pos)
         order by pos limit $1",
    )
    .bind(BATCH)
    .fetch_all(connection)
    .await
}

/// The rows to delete: acknowledged, without an earlier unacknowledged row in the same partition.
///
/// An acknowledged row behind an unacknowledged one is sent again, so that a consumer that reads
/// from the beginning finds the two in order.
fn deletable(sent: &[Sent]) -> Vec<i64> {
    let mut blocked = BTreeSet::new();
    let mut done = Vec::with_capacity(sent.len());
    for row in sent {
        if !row.acknowledged {
            blocked.insert(row.partition);
        } else if !blocked.contains(&row.partition) {
            done.push(row.pos);
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Vec<Sent>> {
        prop::collection::vec((0..4, any::<bool>()), 0..50).prop_map(|rows| {
            (1..)
                .zip(rows)
                .map(|(pos, (partition, acknowledged))| Sent {
                    pos,
                    partition,
                    acknowledged,
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn rows_are_deleted_only_before_the_first_failure(rows in rows()) {
            let done = deletable(&rows);
            let mut first_failed = BTreeMap::new();
            for row in rows.iter().filter(|row| !row.acknowledged) {
                first_failed.entry(row.partition).or_insert(row.pos);
            }
            for row in &rows {
                let before_any_failure =
                    first_failed.get(&row.partition).is_none_or(|failed| row.pos < *failed);
                prop_assert_eq!(done.contains(&row.pos), before_any_failure);
            }
        }

        /// Whatever fails, resending until all is done puts the first copies into version order.
        #[test]
        fn first_copies_reach_a_partition_in_order(
            failures in prop::collection::vec(rows(), 0..6),
            count in 1..30_i64,
        ) {
            let mut left: Vec<i64> = (1..=count).collect();
            let mut topic: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
            let mut rounds = failures.into_iter();
            while !left.is_empty() {
                let outcomes = rounds.next().unwrap_or_default();
                let sent: Vec<Sent> = left
                    .iter()
                    .enumerate()
                    .map(|(index, pos)| Sent {
                        pos: *pos,
                        partition: i32::try_from(pos % 3).unwrap(),
                        acknowledged: outcomes.get(index).is_none_or(|row| row.acknowledged),
                    })
                    .collect();
                // The producer is idempotent: after a failed record, it writes nothing to the
                // partition.
                let mut failed = BTreeSet::new();
                for row in &sent {
                    if !row.acknowledged {
                        failed.insert(row.partition);
                    } else if !failed.contains(&row.partition) {
                        topic.entry(row.partition).or_default().push(row.pos);
                    }
                }
                let done = deletable(&sent);
                left.retain(|pos| !done.contains(pos));
            }
            for records in topic.values() {
                let mut firsts = Vec::new();
                for pos in records {
                    if !firsts.contains(pos) {
                        firsts.push(*pos);
                    }
                }
                prop_assert!(firsts.is_sorted());
            }
        }
    }
}
