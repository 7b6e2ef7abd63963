//! The Kafka consumer: one poll task, and one worker per assigned partition.
//!
//! The poll task never stops polling, so that the group does not expel this member. A worker passes
//! up to [`BATCH`] records of its partition to [`Intake`]; their offset is committed after that.
//! When a worker falls behind (its database is unreachable, or slow), its partition is paused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use events::Topic;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Db;
use crate::messaging::intake::{Intake, MAX_BACKOFF, MIN_BACKOFF};
use crate::messaging::kafka::{self, Refusals, TopicError};
use crate::messaging::record::Record;

/// Records per transaction.
const BATCH: usize = 100;

/// A partition is paused when this many of its records are queued, …
const PAUSE_AT: usize = 1000;

/// … and resumed when the queue is down to this many.
const RESUME_AT: usize = 200;

/// Offsets are committed at this interval, not after each batch: progress drops what a crash makes
/// Kafka deliver again.
const COMMIT_INTERVAL: Duration = Duration::from_millis(250);

/// How long workers may take to finish their transaction when the service stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often records that were parked with an unknown type are tried again: while two builds run
/// side by side, the older one may park after the newer one started.
const RELEASE_INTERVAL: Duration = Duration::from_mins(1);

type TopicPartition = (String, i32);

/// The part of the consumer that librdkafka's callbacks and the poll task share.
struct Membership {
    refusals: Refusals,
    revoked: mpsc::UnboundedSender<Vec<TopicPartition>>,
    assigned_partitions: watch::Sender<usize>,
    consumed: Offsets,
}

/// The next offset of each partition whose consumed records are not committed to Kafka yet.
type Offsets = Arc<Mutex<HashMap<TopicPartition, i64>>>;

impl ClientContext for Membership {
    fn error(&self, error: KafkaError, reason: &str) {
        self.refusals.error(error, reason);
    }
}

impl ConsumerContext for Membership {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            let revoked: Vec<TopicPartition> = partitions
                .elements()
                .iter()
                .map(|element| (element.topic().to_owned(), element.partition()))
                .collect();
            // The next owner starts where this one stopped, not up to one interval before. The
            // commit is asynchronous, because this callback runs on a thread of the runtime.
            if let Some(offsets) =
                take_offsets(&self.consumed, |partition| revoked.contains(partition))
            {
                drop(consumer.commit(&offsets, CommitMode::Async));
            }
            drop(self.revoked.send(revoked));
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        let assignment = consumer.assignment();
        let count = assignment.map_or(0, |assignment| assignment.count());
        self.assigned_partitions.send_replace(count);
    }
}

/// Removes and returns the offsets of the chosen partitions.
fn take_offsets(
    consumed: &Offsets,
    is_chosen: impl Fn(&TopicPartition) -> bool,
) -> Option<TopicPartitionList> {
    let mut consumed = consumed.lock().unwrap_or_else(PoisonError::into_inner);
    let mut offsets = TopicPartitionList::new();
    for ((topic, partition), offset) in consumed.extract_if(|partition, _| is_chosen(partition)) {
        drop(offsets.add_partition_offset(&topic, partition, Offset::Offset(offset)));
    }
    (offsets.count() > 0).then_some(offsets)
}

/// The worker of one partition, as the poll task sees it.
struct PartitionWorker {
    records: mpsc::UnboundedSender<Record>,
    queued: usize,
    is_paused: bool,
    stop: CancellationToken,
}

/// A worker has consumed a batch.
struct BatchDone {
    partition: TopicPartition,
    worker: CancellationToken,
    records: usize,
    next_offset: i64,
}

/// Consumes until `stop`, and reports how many partitions are assigned to this member.
///
/// # Errors
/// When waiting does not help: a fatal client error, or invalid topics. The process must end then.
pub(crate) async fn run(
    intake: Arc<Intake>,
    settings: kafka::Settings,
    assigned_partitions: watch::Sender<usize>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let topics = intake.policies.topics().to_vec();
    if topics.is_empty() {
        return Ok(());
    }
    if !wait_for_topics(&intake.db, &settings, &topics, &stop).await?
        || !release_at_start(&intake, &stop).await
    {
        return Ok(());
    }
    let (revoked, revocations) = mpsc::unbounded_channel();
    let consumed = Offsets::default();
    let consumer: StreamConsumer<Membership> = settings
        .client()
        .set("group.id", settings.group(intake.db.service()))
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        // Measured with a real broker: a rolling restart of three members stalls for 0.5 to 1.0 s
        // with these values, and for 3 s with the default heartbeat.
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "500")
        .set("fetch.wait.max.ms", "100")
        .create_with_context(Membership {
            refusals: Refusals::default(),
            revoked,
            assigned_partitions,
            consumed: consumed.clone(),
        })?;
    let names: Vec<String> = topics
        .iter()
        .map(|topic| topic.name(&settings.topic_prefix))
        .collect();
    consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let consumer = Arc::new(consumer);
    let (done, batches) = mpsc::unbounded_channel();
    let poll = Poll {
        intake,
        consumer: consumer.clone(),
        workers: HashMap::new(),
        tasks: JoinSet::new(),
        consumed,
        done,
        stop,
    };
    let result = poll.run(revocations, batches).await;
    // Leaving the group blocks, for long if the broker is unreachable.
    let left = tokio::task::spawn_blocking(move || drop(consumer));
    drop(tokio::time::timeout(STOP_TIMEOUT, left).await);
    result
}

/// `false` when `stop` came first.
async fn wait_for_topics(
    db: &Db,
    settings: &kafka::Settings,
    topics: &[Topic],
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    let mut backoff = MIN_BACKOFF;
    loop {
        let verified = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            verified = settings.verify_topics(topics) => verified,
        };
        match verified {
            Ok(()) => return Ok(true),
            Err(error @ TopicError::Invalid(_)) => bail!(error),
            // Requests are served meanwhile: they do not wait for Kafka.
            Err(TopicError::Refused(error)) => tracing::error!(service = db.service(), "{error}"),
            Err(error @ TopicError::Unavailable(_)) => {
                tracing::info!(service = db.service(), %error, "waiting for the topics");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(MAX_BACKOFF),
        }
    }
}

/// `false` when `stop` came first.
async fn release_at_start(intake: &Intake, stop: &CancellationToken) -> bool {
    let mut backoff = MIN_BACKOFF;
    while let Err(error) = intake.release_known().await {
        tracing::warn!(service = intake.db.service(), %error, "cannot release parked records yet");
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(MAX_BACKOFF),
        }
    }
    true
}

async fn release_repeatedly(intake: Arc<Intake>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RELEASE_INTERVAL) => {}
        }
        if let Err(error) = intake.release_known().await {
            tracing::debug!(service = intake.db.service(), %error, "cannot release parked records");
        }
    }
}

struct Poll {
    intake: Arc<Intake>,
    consumer: Arc<StreamConsumer<Membership>>,
    workers: HashMap<TopicPartition, PartitionWorker>,
    tasks: JoinSet<()>,
    consumed: Offsets,
    done: mpsc::UnboundedSender<BatchDone>,
    stop: CancellationToken,
}

impl Poll {
    async fn run(
        mut self,
        mut revocations: mpsc::UnboundedReceiver<Vec<TopicPartition>>,
        mut batches: mpsc::UnboundedReceiver<BatchDone>,
    ) -> anyhow::Result<()> {
        let mut commits = tokio::time::interval(COMMIT_INTERVAL);
        self.tasks
            .spawn(release_repeatedly(self.intake.clone(), self.stop.clone()));
        loop {
            let consumer = self.consumer.clone();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Some(revoked) = revocations.recv() => self.stop_workers(&revoked),
                Some(batch) = batches.recv() => self.finish_batch(batch),
                _ = commits.tick() => self.commit(CommitMode::Async),
                message = consumer.recv() => {
                    // A revocation in this very poll must stop the old worker before the record of
                    // a new assignment is queued.
                    while let Ok(revoked) = revocations.try_recv() {
                        self.stop_workers(&revoked);
                    }
                    match message {
                        Ok(message) => self.dispatch(Record::from_message(&message)),
                        Err(error) => self.check_error(&error)?,
                    }
                }
                Some(ended) = self.tasks.join_next() => ended?,
            }
        }
        for worker in self.workers.values() {
            worker.stop.cancel();
        }
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        drop(tokio::time::timeout(STOP_TIMEOUT, ended).await);
        while let Ok(batch) = batches.try_recv() {
            self.finish_batch(batch);
        }
        let committed = tokio::task::spawn_blocking(move || self.commit(CommitMode::Sync));
        drop(tokio::time::timeout(STOP_TIMEOUT, committed).await);
        Ok(())
    }

    /// Client errors are temporary, except for a fatal one.
    fn check_error(&self, error: &KafkaError) -> anyhow::Result<()> {
        if let Some((code, reason)) = self.consumer.client().fatal_error() {
            bail!("fatal consumer error: {code}: {reason}");
        }
        let is_unreachable = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::Resolve
            )
        );
        if is_unreachable {
            tracing::debug!(service = self.intake.db.service(), %error, "broker unreachable");
        } else {
            tracing::warn!(service = self.intake.db.service(), %error, "consumer error");
        }
        Ok(())
    }

    fn dispatch(&mut self, record: Record) {
        let partition = (record.topic.clone(), record.partition);
        if !self.workers.contains_key(&partition) {
            let worker = self.start_worker(partition.clone());
            self.workers.insert(partition.clone(), worker);
        }
        let Some(worker) = self.workers.get_mut(&partition) else {
            return;
        };
        worker.queued += 1;
        drop(worker.records.send(record));
        if worker.queued >= PAUSE_AT && !worker.is_paused {
            worker.is_paused = self.consumer.pause(&only(&partition)).is_ok();
        }
    }

    fn start_worker(&mut self, partition: TopicPartition) -> PartitionWorker {
        let (records, queue) = mpsc::unbounded_channel();
        let stop = self.stop.child_token();
        self.tasks.spawn(work(
            self.intake.clone(),
            partition,
            queue,
            self.done.clone(),
            stop.clone(),
        ));
        PartitionWorker {
            records,
            queued: 0,
            is_paused: false,
            stop,
        }
    }

    /// A worker of a revoked partition finishes its transaction, and drops the queued records: the
    /// next owner reads them again.
    fn stop_workers(&mut self, revoked: &[TopicPartition]) {
        for partition in revoked {
            if let Some(worker) = self.workers.remove(partition) {
                worker.stop.cancel();
                // librdkafka remembers a pause beyond the rebalance: when the partition is assigned
                // again, it would stay paused.
                if worker.is_paused
                    && let Err(error) = self.consumer.resume(&only(partition))
                {
                    tracing::debug!(
                        service = self.intake.db.service(),
                        %error,
                        "cannot resume a revoked partition"
                    );
                }
            }
        }
    }

    fn finish_batch(&mut self, batch: BatchDone) {
        // A worker whose partition was revoked meanwhile must not move the offset any more.
        let Some(worker) = self
            .workers
            .get_mut(&batch.partition)
            .filter(|_| !batch.worker.is_cancelled() || self.stop.is_cancelled())
        else {
            return;
        };
        worker.queued = worker.queued.saturating_sub(batch.records);
        if worker.is_paused && worker.queued <= RESUME_AT {
            worker.is_paused = self.consumer.resume(&only(&batch.partition)).is_err();
        }
        self.consumed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(batch.partition, batch.next_offset);
    }

    fn commit(&self, mode: CommitMode) {
        if let Some(offsets) = take_offsets(&self.consumed, |_| true)
            && let Err(error) = self.consumer.commit(&offsets, mode)
        {
            tracing::debug!(
                service = self.intake.db.service(),
                %error,
                "cannot commit offsets: progress will drop the redelivered records"
            );
        }
    }
}

fn only((topic, partition): &TopicPartition) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, *partition);
    list
}

/// Runs the worker of a partition.
async fn work(
    intake: Arc<Intake>,
    partition: TopicPartition,
    mut queue: mpsc::UnboundedReceiver<Record>,
    done: mpsc::UnboundedSender<BatchDone>,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        batch.clear();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            count = queue.recv_many(&mut batch, BATCH) => if count == 0 { return },
        }
        if !intake.consume(&batch, &stop).await {
            return;
        }
        if let Some(last) = batch.last() {
            let batch_done = BatchDone {
                partition: partition.clone(),
                worker: stop.clone(),
                records: batch.len(),
                next_offset: last.offset + 1,
            };
            if done.send(batch_done).is_err() {
                return;
            }
        }
    }
}
