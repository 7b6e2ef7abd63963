//! From Kafka into the service: inbox row, progress, effects and own events in one transaction; the offset is committed after it.
//!
//! One task polls always, so that the group never takes this member for dead. Each partition has a lane: a worker that takes up to
//! [`BATCH`] records at a time. A lane that falls behind (its database is away, or slow) is paused on the broker's side and the poll goes on.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use events::{Envelope, Topic};
use futures_util::FutureExt as _;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::http::trace;
use crate::kafka::{self, TopicError};
use crate::policy::{Policies, PolicyError};
use crate::taking::{self, Known, Taking};
use crate::{Db, Tx};

/// Records taken into one transaction at most.
const BATCH: usize = 100;

/// Records a lane may hold before its partition is paused, and how few it must hold to go on.
const HIGH: usize = 1000;
const LOW: usize = 200;

/// Offsets are committed this often, not after each batch: what a crash redelivers because of it, progress drops.
const COMMIT_EVERY: Duration = Duration::from_millis(250);

/// How long a batch that failed waits before it is tried again: doubled up to the second value.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long lanes may take to finish their transaction once the service stops.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// A partition of a topic.
type Place = (String, i32);

/// A record as it came, owned.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Bytes>,
    pub(crate) headers: Map<String, Value>,
    pub(crate) payload: Option<Bytes>,
}

impl Record {
    fn from_message(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(Bytes::copy_from_slice),
            headers: readable_headers(message),
            payload: message.payload().map(Bytes::copy_from_slice),
        }
    }
}

/// The headers, or none: rdkafka panics on a header whose name is no UTF-8, and such a record must park like any other that cannot be read.
fn readable_headers(message: &BorrowedMessage<'_>) -> Map<String, Value> {
    catch_unwind(AssertUnwindSafe(|| kafka::header_map(message.headers()))).unwrap_or_default()
}

/// Why a record could not be taken in. Also the `reason` column of `parked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parked {
    /// Its headers or payload cannot be read.
    Unreadable,
    /// Its type is not one of this build.
    UnknownType,
    /// The domain refused it, or a constraint did.
    Refused,
    /// A version before it is missing.
    Gap,
    /// An earlier record of its aggregate is parked.
    Held,
}

impl Parked {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnknownType => "unknown_type",
            Self::Refused => "refused",
            Self::Gap => "gap",
            Self::Held => "held",
        }
    }
}

/// Why a batch was not taken in. Nothing of it was committed.
enum Failure {
    /// The batch is tried again as it is.
    Retry(anyhow::Error),
    /// The record at this place is parked, the others are tried again without it.
    Park { index: usize, detail: String },
}

/// What takes records in: shared by the lanes, and by tests that deliver without a broker.
#[derive(Debug)]
pub(crate) struct Intake {
    db: Db,
    policies: Policies,
    deduplicates: bool,
    /// Catching up after an outage must leave connections to those who ask.
    at_once: Semaphore,
}

/// Batches that may be taken in at once: half of the pool.
const AT_ONCE: usize = 6;

/// How long one batch may take before its connection counts as lost. Longer than any statement may take on the server's side.
const BATCH_PATIENCE: Duration = Duration::from_secs(30);

impl Intake {
    pub(crate) fn new(db: Db, policies: Policies, deduplicates: bool) -> Self {
        Self {
            db,
            policies,
            deduplicates,
            at_once: Semaphore::new(AT_ONCE),
        }
    }

    /// Takes the records in, in order, however long it takes. `false`: told to stop before it was done.
    pub(crate) async fn take(&self, records: &[Record], stop: &CancellationToken) -> bool {
        let mut pause = FIRST_PAUSE;
        let mut rest = records;
        let mut size = rest.len();
        while !rest.is_empty() {
            let batch = &rest[..size.min(rest.len())];
            match self.take_bounded(batch).await {
                Ok(()) => {
                    rest = &rest[batch.len()..];
                    size = rest.len();
                    pause = FIRST_PAUSE;
                    continue;
                }
                Err(Failure::Park { index: 0, detail }) => {
                    match self.park_one(&batch[0], &detail).await {
                        Ok(()) => {
                            rest = &rest[1..];
                            size = rest.len();
                            continue;
                        }
                        Err(error) => {
                            tracing::warn!(
                                service = self.db.service(),
                                error = format!("{error:#}"),
                                "cannot park a record yet"
                            );
                        }
                    }
                }
                // What lies before the culprit is taken in without it; then the culprit is first.
                Err(Failure::Park { index, .. }) => {
                    size = index;
                    continue;
                }
                Err(Failure::Retry(error)) => {
                    tracing::warn!(
                        service = self.db.service(),
                        records = batch.len(),
                        error = format!("{error:#}"),
                        "a batch will be tried again"
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
        true
    }

    async fn take_bounded(&self, records: &[Record]) -> Result<(), Failure> {
        let _place = self
            .at_once
            .acquire()
            .await
            .map_err(|error| Failure::Retry(error.into()))?;
        let taken = tokio::time::timeout(BATCH_PATIENCE, self.take_batch(records)).await;
        taken.unwrap_or_else(|late| Err(Failure::Retry(late.into())))
    }

    async fn take_batch(&self, records: &[Record]) -> Result<(), Failure> {
        let retry = |error: sqlx::Error| Failure::Retry(error.into());
        let mut tx = self.db.begin().await.map_err(retry)?;
        for (index, record) in records.iter().enumerate() {
            // A policy that panics on a record must not take the process, and after its restart the next one, with it.
            let taken = AssertUnwindSafe(self.take_one(&mut tx, record))
                .catch_unwind()
                .await;
            let taken =
                taken.unwrap_or_else(|_| Err(PolicyError::Park("a policy panicked".to_owned())));
            taken.map_err(|error| match error {
                PolicyError::Retry(error) => Failure::Retry(error),
                PolicyError::Park(detail) => Failure::Park { index, detail },
            })?;
        }
        tx.ring_on_commit();
        match tx.commit().await {
            Ok(()) => Ok(()),
            // A deferred constraint: the culprit is unknown, so halve until it stands alone at the front.
            Err(error) if !crate::db::is_transient(&error) => Err(Failure::Park {
                index: records.len() / 2,
                detail: error.to_string(),
            }),
            Err(error) => Err(retry(error)),
        }
    }

    async fn take_one(&self, tx: &mut Tx, record: &Record) -> Result<(), PolicyError> {
        let envelope = match kafka::envelope(&record.headers) {
            Ok(envelope) if self.deduplicates => envelope,
            Ok(envelope) => {
                return self
                    .apply(tx, &envelope, record.payload.as_deref().unwrap_or_default())
                    .await;
            }
            Err(detail) => return Ok(park(tx, record, None, Parked::Unreadable, &detail).await?),
        };
        let known = known(tx, &envelope).await?;
        match taking::decide(envelope.version, known) {
            // An older build may have kept it aside: this one may know its type.
            Taking::Drop if known.parked_itself => {
                self.release(tx, &envelope.aggregate_type, envelope.aggregate_id)
                    .await
            }
            Taking::Drop => Ok(()),
            Taking::Hold => {
                park(
                    tx,
                    record,
                    Some(&envelope),
                    Parked::Held,
                    "an earlier record of its aggregate is parked",
                )
                .await?;
                // What an older replica kept aside may be what this build waits behind.
                self.release(tx, &envelope.aggregate_type, envelope.aggregate_id)
                    .await
            }
            Taking::Gap => {
                tracing::error!(
                    service = self.db.service(), aggregate = %envelope.aggregate_id, version = envelope.version,
                    "an event is missing before this one: parked"
                );
                Ok(park(
                    tx,
                    record,
                    Some(&envelope),
                    Parked::Gap,
                    "an earlier version of its aggregate is missing",
                )
                .await?)
            }
            Taking::Apply if !events::known(&envelope.type_name) => {
                tracing::warn!(service = self.db.service(), event.type = envelope.type_name, "a type of a newer build: kept aside");
                Ok(park(
                    tx,
                    record,
                    Some(&envelope),
                    Parked::UnknownType,
                    "this build does not know the type",
                )
                .await?)
            }
            Taking::Apply => {
                self.apply_next(tx, &envelope, record.payload.as_deref().unwrap_or_default())
                    .await?;
                self.release(tx, &envelope.aggregate_type, envelope.aggregate_id)
                    .await
            }
        }
    }

    /// Inbox, progress and effects of the next event of an aggregate.
    async fn apply_next(
        &self,
        tx: &mut Tx,
        envelope: &Envelope,
        payload: &[u8],
    ) -> Result<(), PolicyError> {
        let moved = sqlx::query(
            "insert into progress (aggregatetype, aggregateid, version)
             select $1, $2, $3 where $3 = 1 or exists (
                 select 1 from progress where aggregateid = $2 and aggregatetype = $1)
             on conflict (aggregateid, aggregatetype) do update set version = excluded.version
                 where progress.version = excluded.version - 1",
        )
        .bind(&envelope.aggregate_type)
        .bind(envelope.aggregate_id)
        .bind(envelope.version)
        .execute(&mut **tx)
        .await?
        .rows_affected();
        if moved != 1 {
            // Another member took it in between our look and our update: look again.
            return Err(PolicyError::Retry(anyhow::anyhow!(
                "progress of {} moved meanwhile",
                envelope.aggregate_id
            )));
        }
        let now = tx.now();
        let fresh = sqlx::query(
            "insert into inbox (event_id, received_at) values ($1, $2) on conflict do nothing",
        )
        .bind(envelope.id)
        .bind(now)
        .execute(&mut **tx)
        .await?
        .rows_affected();
        if fresh == 0 {
            return Ok(());
        }
        self.apply(tx, envelope, payload).await
    }

    async fn apply(
        &self,
        tx: &mut Tx,
        envelope: &Envelope,
        payload: &[u8],
    ) -> Result<(), PolicyError> {
        trace::within(
            envelope.traceparent.clone(),
            self.policies.react(tx, envelope, payload),
        )
        .await
    }

    /// Applies what was parked behind a record that has just been applied, as far as it is next in order.
    async fn release(
        &self,
        tx: &mut Tx,
        aggregate_type: &str,
        aggregate_id: Uuid,
    ) -> Result<(), PolicyError> {
        loop {
            let next: Option<(i64, Value, Option<Vec<u8>>)> = sqlx::query_as(
                "select parked.id, parked.headers, parked.payload
                 from parked left join progress using (aggregatetype, aggregateid)
                 where aggregatetype = $1 and aggregateid = $2
                   and parked.version = coalesce(progress.version, 0) + 1 and reason in ('gap', 'held', 'unknown_type')",
            )
            .bind(aggregate_type)
            .bind(aggregate_id)
            .fetch_optional(&mut **tx)
            .await?;
            let Some((id, Value::Object(headers), payload)) = next else {
                return Ok(());
            };
            let envelope = kafka::envelope(&headers).map_err(PolicyError::Park)?;
            if !events::known(&envelope.type_name) {
                return Ok(());
            }
            sqlx::query("savepoint parked").execute(&mut **tx).await?;
            match self
                .apply_next(tx, &envelope, payload.as_deref().unwrap_or_default())
                .await
            {
                Ok(()) => {
                    sqlx::query("delete from parked where id = $1")
                        .bind(id)
                        .execute(&mut **tx)
                        .await?;
                    sqlx::query("release savepoint parked")
                        .execute(&mut **tx)
                        .await?;
                }
                // It is at fault itself, and not the record that it waited for: it stays, and what is behind it too.
                Err(PolicyError::Park(detail)) => {
                    sqlx::query("rollback to savepoint parked")
                        .execute(&mut **tx)
                        .await?;
                    tracing::error!(service = self.db.service(), aggregate = %aggregate_id, detail, "a parked record was refused");
                    sqlx::query("update parked set reason = $2, detail = $3 where id = $1")
                        .bind(id)
                        .bind(Parked::Refused.as_str())
                        .bind(storable(&detail))
                        .execute(&mut **tx)
                        .await?;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes in what an older build kept aside and this one knows.
    async fn release_known(&self) -> Result<(), PolicyError> {
        let aside: Vec<(String, Uuid)> = sqlx::query_as(
            "select distinct aggregatetype, aggregateid from parked where reason = 'unknown_type' and type = any($1)",
        )
        .bind(events::TYPES.map(str::to_owned).to_vec())
        .fetch_all(self.db.pool())
        .await?;
        for (aggregate_type, aggregate_id) in aside {
            let mut tx = self.db.begin().await?;
            match self.release(&mut tx, &aggregate_type, aggregate_id).await {
                Ok(()) => tx.commit().await?,
                Err(PolicyError::Park(detail)) => {
                    tracing::error!(service = self.db.service(), aggregate = %aggregate_id, detail, "what was kept aside cannot be taken in");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Parks a record that the domain refused, in a transaction of its own.
    async fn park_one(&self, record: &Record, detail: &str) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        let envelope = kafka::envelope(&record.headers).ok();
        tracing::error!(
            service = self.db.service(),
            topic = record.topic,
            partition = record.partition,
            offset = record.offset,
            detail,
            "a record was refused: parked"
        );
        park(&mut tx, record, envelope.as_ref(), Parked::Refused, detail).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn known(tx: &mut Tx, envelope: &Envelope) -> Result<Known, sqlx::Error> {
    let (last, parked_itself, parked_any): (i64, bool, bool) = sqlx::query_as(
        "select coalesce((select version from progress where aggregatetype = $1 and aggregateid = $2), 0),
                exists (select 1 from parked where aggregateid = $2 and event_id = $3),
                exists (select 1 from parked where aggregateid = $2 and version is distinct from $4)",
    )
    .bind(&envelope.aggregate_type)
    .bind(envelope.aggregate_id)
    .bind(envelope.id)
    .bind(envelope.version)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Known {
        last,
        parked_itself,
        parked_any,
    })
}

async fn park(
    tx: &mut Tx,
    record: &Record,
    envelope: Option<&Envelope>,
    why: Parked,
    detail: &str,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    // Without an envelope the key still tells whose record it is: everything later of that aggregate waits behind it.
    let from_key = record
        .key
        .as_deref()
        .and_then(|key| std::str::from_utf8(key).ok())
        .and_then(|key| key.parse::<Uuid>().ok());
    sqlx::query(
        "insert into parked (topic, partition, \"offset\", key, headers, payload, event_id, aggregatetype, aggregateid, version, type,
                             reason, detail, parked_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict (topic, partition, \"offset\") do nothing",
    )
    .bind(&record.topic)
    .bind(record.partition)
    .bind(record.offset)
    .bind(record.key.as_deref())
    .bind(Value::Object(record.headers.clone()))
    .bind(record.payload.as_deref())
    .bind(envelope.map(|envelope| envelope.id))
    .bind(envelope.map(|envelope| envelope.aggregate_type.as_str()))
    .bind(envelope.map(|envelope| envelope.aggregate_id).or(from_key))
    .bind(envelope.map(|envelope| envelope.version))
    .bind(envelope.map(|envelope| envelope.type_name.as_str()))
    .bind(why.as_str())
    .bind(storable(detail))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A detail may repeat a piece of the payload, and Postgres keeps no NUL in a text.
fn storable(detail: &str) -> String {
    detail.replace('\0', "\u{fffd}")
}

/// What the poll task and librdkafka's callbacks tell each other.
struct Membership {
    rebalanced: mpsc::UnboundedSender<Vec<Place>>,
    held: watch::Sender<usize>,
    done: Done,
}

/// The next offset of each partition whose records are taken in but whose offset is not committed yet.
type Done = Arc<Mutex<HashMap<Place, i64>>>;

impl ClientContext for Membership {}

impl ConsumerContext for Membership {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            let lost: Vec<Place> = partitions
                .elements()
                .iter()
                .map(|element| (element.topic().to_owned(), element.partition()))
                .collect();
            // The next owner starts where this one stopped, and not 250 ms earlier. Not waited for: this runs on a thread of the runtime.
            if let Some(offsets) = take_done(&self.done, |place| lost.contains(place)) {
                drop(consumer.commit(&offsets, CommitMode::Async));
            }
            drop(self.rebalanced.send(lost));
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        let held = consumer
            .assignment()
            .map_or(0, |assignment| assignment.count());
        self.held.send_replace(held);
    }
}

/// Takes the offsets of the chosen partitions out of `done`.
fn take_done(done: &Done, chosen: impl Fn(&Place) -> bool) -> Option<TopicPartitionList> {
    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
    let mut offsets = TopicPartitionList::new();
    done.retain(|place, offset| {
        let take = chosen(place);
        if take {
            drop(offsets.add_partition_offset(&place.0, place.1, Offset::Offset(*offset)));
        }
        !take
    });
    (offsets.count() > 0).then_some(offsets)
}

/// The worker of one partition, as the poll task sees it.
struct Lane {
    records: mpsc::UnboundedSender<Record>,
    waiting: usize,
    paused: bool,
    ends: CancellationToken,
}

/// One batch of a lane is taken in.
struct Took {
    place: Place,
    lane: CancellationToken,
    count: usize,
    next: i64,
}

/// Consumes until told to stop. `held` tells how many partitions this member holds.
///
/// # Errors
/// On what no waiting can mend: a fatal client error, or topics that are not as they must be. The process must end then.
pub(crate) async fn run(
    intake: Arc<Intake>,
    settings: kafka::Settings,
    held: watch::Sender<usize>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let topics = intake.policies.topics().to_vec();
    if topics.is_empty() {
        return Ok(());
    }
    if !wait_for_topics(&intake.db, &settings, &topics, &stop).await?
        || !release_known(&intake, &stop).await
    {
        return Ok(());
    }
    let (rebalanced, changes) = mpsc::unbounded_channel();
    let done = Done::default();
    let membership = Membership {
        rebalanced,
        held,
        done: done.clone(),
    };
    let consumer: StreamConsumer<Membership> = settings
        .client()
        .set("group.id", settings.group(intake.db.service()))
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        // Measured on a real broker: a rolling restart of three members stalls for 0.5 to 1.0 s at most with these, for 3 s with the
        // default heartbeat.
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "500")
        .set("fetch.wait.max.ms", "100")
        .create_with_context(membership)?;
    let names: Vec<String> = topics
        .iter()
        .map(|topic| topic.name(&settings.topic_prefix))
        .collect();
    consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let consumer = Arc::new(consumer);
    let (took, taken) = mpsc::unbounded_channel();
    let poll = Poll {
        intake,
        consumer: consumer.clone(),
        lanes: HashMap::new(),
        workers: JoinSet::new(),
        done,
        took,
        stop,
    };
    let result = poll.run(changes, taken).await;
    // Leaving the group blocks, and for long when the broker is away: neither may hold up the rest of the process.
    let leaving = tokio::task::spawn_blocking(move || drop(consumer));
    drop(tokio::time::timeout(LAST_WAIT, leaving).await);
    result
}

async fn wait_for_topics(
    db: &Db,
    settings: &kafka::Settings,
    topics: &[Topic],
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    let mut pause = FIRST_PAUSE;
    loop {
        let verified = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            verified = settings.verify_topics(topics) => verified,
        };
        match verified {
            Ok(()) => return Ok(true),
            Err(error @ TopicError::Wrong(_)) => bail!(error),
            Err(TopicError::Away(why)) => {
                tracing::info!(service = db.service(), why, "waiting for the topics")
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

async fn release_known(intake: &Intake, stop: &CancellationToken) -> bool {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = intake.release_known().await {
        tracing::warn!(service = intake.db.service(), %error, "cannot look for what was kept aside yet");
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
    true
}

/// How often it looks for what another build kept aside: while two builds run side by side, the older one may park after the newer started.
const RELEASE_EVERY: Duration = Duration::from_mins(1);

async fn release_again(intake: Arc<Intake>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RELEASE_EVERY) => {}
        }
        if let Err(error) = intake.release_known().await {
            tracing::debug!(service = intake.db.service(), %error, "cannot look for what was kept aside");
        }
    }
}

struct Poll {
    intake: Arc<Intake>,
    consumer: Arc<StreamConsumer<Membership>>,
    lanes: HashMap<Place, Lane>,
    workers: JoinSet<()>,
    done: Done,
    took: mpsc::UnboundedSender<Took>,
    stop: CancellationToken,
}

impl Poll {
    async fn run(
        mut self,
        mut rebalances: mpsc::UnboundedReceiver<Vec<Place>>,
        mut taken: mpsc::UnboundedReceiver<Took>,
    ) -> anyhow::Result<()> {
        let mut commits = tokio::time::interval(COMMIT_EVERY);
        self.workers
            .spawn(release_again(self.intake.clone(), self.stop.clone()));
        loop {
            let consumer = self.consumer.clone();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Some(lost) = rebalances.recv() => self.end_lanes(&lost),
                Some(took) = taken.recv() => self.finished(took),
                _ = commits.tick() => self.commit(CommitMode::Async),
                message = consumer.recv() => {
                    // A revocation that came with this very poll ends the old lane before the new owner's record is queued.
                    while let Ok(lost) = rebalances.try_recv() {
                        self.end_lanes(&lost);
                    }
                    match message {
                        Ok(message) => self.dispatch(Record::from_message(&message)),
                        Err(error) => self.survive(&error)?,
                    }
                }
                Some(ended) = self.workers.join_next() => ended?,
            }
        }
        for lane in self.lanes.values() {
            lane.ends.cancel();
        }
        drop(
            tokio::time::timeout(LAST_WAIT, async {
                while self.workers.join_next().await.is_some() {}
            })
            .await,
        );
        while let Ok(took) = taken.try_recv() {
            self.finished(took);
        }
        let last = tokio::task::spawn_blocking(move || self.commit(CommitMode::Sync));
        drop(tokio::time::timeout(LAST_WAIT, last).await);
        Ok(())
    }

    /// Errors of the client are conditions that pass, except the fatal one.
    fn survive(&self, error: &KafkaError) -> anyhow::Result<()> {
        if let Some((code, reason)) = self.consumer.client().fatal_error() {
            bail!("the consumer cannot go on: {code}: {reason}");
        }
        let is_away = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::Resolve
            )
        );
        if is_away {
            tracing::debug!(service = self.intake.db.service(), %error, "the broker is away");
        } else {
            tracing::warn!(service = self.intake.db.service(), %error, "consuming goes on after an error");
        }
        Ok(())
    }

    fn dispatch(&mut self, record: Record) {
        let place = (record.topic.clone(), record.partition);
        if !self.lanes.contains_key(&place) {
            let lane = self.open_lane(place.clone());
            self.lanes.insert(place.clone(), lane);
        }
        let Some(lane) = self.lanes.get_mut(&place) else {
            return;
        };
        lane.waiting += 1;
        drop(lane.records.send(record));
        if lane.waiting >= HIGH && !lane.paused {
            lane.paused = self.consumer.pause(&only(&place)).is_ok();
        }
    }

    fn open_lane(&mut self, place: Place) -> Lane {
        let (records, queue) = mpsc::unbounded_channel();
        let ends = self.stop.child_token();
        self.workers.spawn(work(
            self.intake.clone(),
            place,
            queue,
            self.took.clone(),
            ends.clone(),
        ));
        Lane {
            records,
            waiting: 0,
            paused: false,
            ends,
        }
    }

    /// A lane that lost its partition finishes its transaction and drops the rest: the next owner reads it again.
    fn end_lanes(&mut self, lost: &[Place]) {
        for place in lost {
            if let Some(lane) = self.lanes.remove(place) {
                lane.ends.cancel();
                // librdkafka remembers a pause over a rebalance: a partition that came back would stand still for ever.
                if lane.paused
                    && let Err(error) = self.consumer.resume(&only(place))
                {
                    tracing::debug!(service = self.intake.db.service(), %error, "a lost partition was not resumed");
                }
            }
        }
    }

    fn finished(&mut self, took: Took) {
        // A lane that lost its partition in the meantime has no say about the offset any more.
        let Some(lane) = self
            .lanes
            .get_mut(&took.place)
            .filter(|_| !took.lane.is_cancelled() || self.stop.is_cancelled())
        else {
            return;
        };
        lane.waiting -= took.count.min(lane.waiting);
        if lane.paused && lane.waiting <= LOW {
            lane.paused = self.consumer.resume(&only(&took.place)).is_err();
        }
        self.done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(took.place, took.next);
    }

    fn commit(&self, mode: CommitMode) {
        if let Some(offsets) = take_done(&self.done, |_| true)
            && let Err(error) = self.consumer.commit(&offsets, mode)
        {
            tracing::debug!(service = self.intake.db.service(), %error, "offsets were not committed: progress will drop what comes again");
        }
    }
}

fn only(place: &Place) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(&place.0, place.1);
    list
}

async fn work(
    intake: Arc<Intake>,
    place: Place,
    mut queue: mpsc::UnboundedReceiver<Record>,
    took: mpsc::UnboundedSender<Took>,
    ends: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        batch.clear();
        tokio::select! {
            biased;
            () = ends.cancelled() => return,
            count = queue.recv_many(&mut batch, BATCH) => if count == 0 { return },
        }
        if !intake.take(&batch, &ends).await {
            return;
        }
        if let Some(last) = batch.last() {
            let took_in = Took {
                place: place.clone(),
                lane: ends.clone(),
                count: batch.len(),
                next: last.offset + 1,
            };
            if took.send(took_in).is_err() {
                return;
            }
        }
    }
}
