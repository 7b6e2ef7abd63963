//! The Kafka consumer: one poll task, and one worker for each partition.
//!
//! The poll task polls always, so that the group never expels this member. A worker takes up to
//! [`BATCH`] records of its partition at a time into [`Intake`]; the offset is committed after that.
//! The partition of a worker that falls behind (its database is away, or slow) is paused, and the
//! poll goes on.

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
use crate::messaging::kafka::{self, TopicError};
use crate::messaging::record::Record;

/// Records taken into one transaction at most.
const BATCH: usize = 100;

/// Records a lane may hold before its partition is paused, and how few it must hold to go on.
const HIGH: usize = 1000;
const LOW: usize = 200;

/// Offsets are committed this often, not after each batch: what a crash redelivers because of it, progress drops.
const COMMIT_EVERY: Duration = Duration::from_millis(250);

/// How long lanes may take to finish their transaction once the service stops.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// A partition of a topic.
type Place = (String, i32);

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
    let mut pause = MIN_BACKOFF;
    loop {
        let verified = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            verified = settings.verify_topics(topics) => verified,
        };
        match verified {
            Ok(()) => return Ok(true),
            Err(error @ TopicError::Wrong(_)) => bail!(error),
            Err(TopicError::Away(why)) => {
                tracing::info!(service = db.service(), why, "waiting for the topics");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(MAX_BACKOFF),
        }
    }
}

async fn release_known(intake: &Intake, stop: &CancellationToken) -> bool {
    let mut pause = MIN_BACKOFF;
    while let Err(error) = intake.release_known().await {
        tracing::warn!(service = intake.db.service(), %error, "cannot look for what was kept aside yet");
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(MAX_BACKOFF),
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
