//! From the event log to Kafka: one leader for each service, in `pos` order, waiting for every acknowledgement.
//!
//! There is no cursor over `pos` (transactions commit out of order, so a cursor skips: it lost 6,192 of 20,000 events in a stress), no
//! ordering by transaction id and no parallel relays (both reorder). What is pending is a row of its own; it goes when its record is
//! acknowledged. What is sent twice, consumers drop.

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
use crate::messaging::kafka;
use crate::messaging::leader::{self, Duty, Lease};

/// Rows read at once. At most this many records are in flight, far below librdkafka's own queue.
const BATCH: i64 = 500;

/// The safety net below the bells: how long a pending row can go unnoticed.
const POLL: Duration = Duration::from_millis(250);

/// How long acknowledgements are waited for once the service stops.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// The longest pause before a refused record is sent again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often a follower tells the leader at most that something was committed here.
const NOTIFY_EVERY: Duration = Duration::from_millis(5);

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

/// One row after its record was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    pos: i64,
    partition: i32,
    acknowledged: bool,
}

/// Relays until told to stop, and then once more what is left.
pub(crate) async fn run(db: Db, kafka: kafka::Settings, stop: CancellationToken) {
    let channel = format!("ktgg_{}", db.service());
    let bell = db.committed();
    let mut relay = Relay {
        db: db.clone(),
        kafka,
        stop: stop.clone(),
        producer: None,
        channel,
        bell,
        listener: None,
        pause: POLL,
    };
    leader::lead(&db, &stop, &mut relay).await;
}

struct Relay {
    db: Db,
    kafka: kafka::Settings,
    stop: CancellationToken,
    producer: Option<FutureProducer>,
    /// Where other processes of this service say that they have committed.
    channel: String,
    bell: watch::Receiver<u64>,
    listener: Option<PgListener>,
    /// How long to wait before what was refused is sent again.
    pause: Duration,
}

impl Duty for Relay {
    const NAME: &'static str = "relay";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        let turn = self.turn(lease).await;
        if turn.is_err() {
            self.forget_producer();
        }
        turn
    }

    /// Passes every commit on to the leader in another process, coalesced, on a connection beside the business transaction.
    ///
    /// NOTIFY inside the business transaction takes a lock over all of the database: 3,178 transactions/s became 606 when measured.
    async fn follow(&mut self) {
        self.listener = None;
        while self.bell.changed().await.is_ok() {
            let told = sqlx::query("select pg_notify($1, '')")
                .bind(&self.channel)
                .execute(self.db.pool())
                .await;
            if told.is_err() {
                return;
            }
            tokio::time::sleep(NOTIFY_EVERY).await;
        }
    }
}

impl Relay {
    /// Sends what is pending, or waits for something to become pending.
    async fn turn(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        if self.listener.is_none() {
            let mut listener = PgListener::connect_with(self.db.pool()).await?;
            listener.listen(&self.channel).await?;
            self.listener = Some(listener);
        }
        // Before the first event: an idempotent producer takes half a second until the broker has given it its id.
        drop(self.producer()?);
        self.bell.mark_unchanged();
        if self.drain(lease).await? && !self.stop.is_cancelled() {
            return Ok(());
        }
        lease.beat().await?;
        let stop = self.stop.clone();
        let heard = async {
            match &mut self.listener {
                Some(listener) => listener.recv().await.map(drop),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // First of all: whatever else happens, what was committed while the service stopped is still sent.
            biased;
            () = stop.cancelled() => {
                drop(tokio::time::timeout(LAST_WAIT, async { while self.drain(lease).await? {} anyhow::Ok(()) }).await);
            }
            changed = self.bell.changed() => changed?,
            result = heard => {
                if result.is_err() {
                    self.listener = None;
                }
            }
            () = tokio::time::sleep(POLL) => {}
        }
        Ok(())
    }

    /// The next lead begins with a producer of its own: what this one still holds would be sent beside it.
    fn forget_producer(&mut self) {
        // Dropping it purges its queue and may block.
        let producer = self.producer.take();
        drop(tokio::task::spawn_blocking(move || drop(producer)));
    }

    /// Sends one batch. `false`: there was nothing to send.
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
            self.pause = POLL;
        } else {
            // What is behind a refused record was sent, and will be again: not four times a second, onto a topic that keeps everything.
            let paused = tokio::time::Instant::now();
            while paused.elapsed() < self.pause && !self.stop.is_cancelled() {
                tokio::time::sleep(POLL).await;
                lease.beat().await?;
            }
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(true)
    }

    /// The producer, or a new one: an idempotent producer that lost its sequence never sends again.
    fn producer(&mut self) -> Result<FutureProducer, KafkaError> {
        if let Some(producer) = self
            .producer
            .as_ref()
            .filter(|producer| producer.client().fatal_error().is_none())
        {
            return Ok(producer.clone());
        }
        self.forget_producer();
        let producer: FutureProducer = self
            .kafka
            .client()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            // A record waits for its broker for as long as it takes; it is in Postgres anyway.
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .create()?;
        Ok(self.producer.insert(producer).clone())
    }

    /// Sends the rows one by one, in order, then waits for all of the acknowledgements, keeping the lead meanwhile.
    async fn send(
        &self,
        lease: &mut Lease,
        producer: &FutureProducer,
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
                        tracing::warn!(event.pos = row.pos, %error, "a record was not acknowledged: it will be sent again");
                        false
                    }
                    Err(_) => false,
                };
                Sent { pos: row.pos, partition, acknowledged }
            });
        }
        let mut all = std::pin::pin!(join_all(waiting));
        let mut stopping = std::pin::pin!(async {
            self.stop.cancelled().await;
            tokio::time::sleep(LAST_WAIT).await;
        });
        loop {
            tokio::select! {
                sent = &mut all => return Ok(sent),
                () = &mut stopping => anyhow::bail!("stopping: {} records wait for their acknowledgement", pending.len()),
                () = tokio::time::sleep(POLL) => lease.beat().await?,
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
        "select pos, id, aggregatetype, aggregateid, version, type, payload::text as payload, headers, recorded_at
         from outbox_pending join event_log using (pos)
         order by pos limit $1",
    )
    .bind(BATCH)
    .fetch_all(connection)
    .await
}

/// Which rows are done: acknowledged, with no earlier row of the same partition that is not.
///
/// A row behind a failed one of its partition stays, although it was acknowledged: it is sent again behind it, so that a consumer that
/// starts afresh finds the two in order.
fn deletable(sent: &[Sent]) -> Vec<i64> {
    let mut stuck = BTreeSet::new();
    let mut done = Vec::with_capacity(sent.len());
    for row in sent {
        if !row.acknowledged {
            stuck.insert(row.partition);
        } else if !stuck.contains(&row.partition) {
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
        fn nothing_unacknowledged_is_deleted_and_nothing_behind_it(rows in rows()) {
            let done = deletable(&rows);
            let mut first_failed = BTreeMap::new();
            for row in rows.iter().filter(|row| !row.acknowledged) {
                first_failed.entry(row.partition).or_insert(row.pos);
            }
            for row in &rows {
                let before_any_failure = first_failed.get(&row.partition).is_none_or(|failed| row.pos < *failed);
                prop_assert_eq!(done.contains(&row.pos), before_any_failure);
            }
        }

        /// Whatever fails, sending again until all is done puts every version's first copy in order.
        #[test]
        fn first_copies_reach_a_partition_in_order(failures in prop::collection::vec(rows(), 0..6), count in 1..30_i64) {
            let mut left: Vec<i64> = (1..=count).collect();
            let mut topic: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
            let mut rounds = failures.into_iter();
            while !left.is_empty() {
                let fates = rounds.next().unwrap_or_default();
                let sent: Vec<Sent> = left
                    .iter()
                    .enumerate()
                    .map(|(index, pos)| Sent {
                        pos: *pos,
                        partition: i32::try_from(pos % 3).unwrap(),
                        acknowledged: fates.get(index).is_none_or(|fate| fate.acknowledged),
                    })
                    .collect();
                // The producer is idempotent: behind a record that failed, nothing of the partition is written in that round.
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
