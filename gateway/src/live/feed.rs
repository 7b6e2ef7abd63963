//! Reads every partition of every domain topic, and tells the hub; of salesmen and consultants, it tells who there is.
//!
//! Assigned and not in a group: every gateway needs every event, and none of them commits anything. It starts five minutes back, so that
//! browsers of a replica that has gone can go on here; with salesmen it starts at their beginning, because who may sign in is older than that,
//! and the hub is told only of what it covers. It has a thread of its own: the client's calls block, and dropping it with the broker
//! away blocked for 10 to 45 s when measured.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use events::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use service_kit::messaging::kafka;
use tokio::sync::{oneshot, watch};

use crate::auth::staff_directory::People;
use crate::live::audience::{Fact, Untold};
use crate::live::hub::Hub;
use crate::upstream::tokens::now;

/// How far back it starts.
const BACK: Duration = Duration::from_mins(5);

/// How long one look for a record takes at most, and so how late a stop or a coalesced message can be.
const LOOK: Duration = Duration::from_millis(100);

/// How long a broker may take to tell where to start.
const ASK: Duration = Duration::from_secs(5);

/// How long it waits before it tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// Marks a record whose event was sent before, by a relay that sends its whole ledger again.
const REPLAY: &str = "ktgg-replay";

/// From when on a feed that is started now knows everything, in milliseconds.
pub(crate) fn start_of_coverage() -> i64 {
    now().timestamp_millis() - i64::try_from(BACK.as_millis()).unwrap_or_default()
}

/// The running feed.
pub(crate) struct Feed {
    stop: Arc<AtomicBool>,
    ended: oneshot::Receiver<()>,
}

impl Feed {
    /// Starts reading, and tells `following` once every partition is followed. A broker that is away is tried again for ever.
    pub(crate) fn start(
        settings: kafka::Settings,
        hub: Arc<Hub>,
        people: Arc<People>,
        following: watch::Sender<bool>,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (ends, ended) = oneshot::channel();
        let from = hub.covered_from();
        let mut reader = Reader {
            settings,
            hub,
            people,
            following,
            stop: stop.clone(),
            from,
            next: HashMap::new(),
            has_told: false,
        };
        thread::spawn(move || {
            // A record that makes this panic must not silence the stream for good: it goes on behind that record.
            while catch_unwind(AssertUnwindSafe(|| reader.run())).is_err() && !reader.is_stopped() {
                tracing::error!("reading the topics panicked: going on");
            }
            // Nobody waits any more when the broker was away for too long.
            let _ = ends.send(());
        });
        Self { stop, ended }
    }

    /// Asks it to end and waits a little for that. What is left ends with the process: nothing was committed that could be lost.
    pub(crate) async fn stop(self, patience: Duration) {
        self.stop.store(true, Ordering::Relaxed);
        if tokio::time::timeout(patience, self.ended).await.is_err() {
            tracing::debug!("the Kafka client is still closing");
        }
    }
}

struct Reader {
    settings: kafka::Settings,
    hub: Arc<Hub>,
    people: Arc<People>,
    following: watch::Sender<bool>,
    stop: Arc<AtomicBool>,
    /// Where a partition starts that nothing was read of yet.
    from: i64,
    /// Where a partition goes on after the client had to be made anew.
    next: HashMap<(String, i32), i64>,
    /// Whether it was said that the topics cannot be followed just now: once is enough.
    has_told: bool,
}

impl Reader {
    fn run(&mut self) {
        while !self.is_stopped() {
            let Err(error) = self.follow() else { return };
            if std::mem::replace(&mut self.has_told, true) {
                tracing::debug!(
                    error = format!("{error:#}"),
                    "the stream cannot follow the topics yet"
                );
            } else {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the stream cannot follow the topics: trying until it can"
                );
            }
            let again = Instant::now() + AGAIN;
            while Instant::now() < again && !self.is_stopped() {
                thread::sleep(LOOK);
                self.hub.tick(Instant::now());
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Follows until told to stop. It ends earlier only when this client cannot go on.
    fn follow(&mut self) -> anyhow::Result<()> {
        let consumer = self.consumer()?;
        consumer
            .assign(&self.starts(&consumer)?)
            .context("cannot assign the partitions")?;
        self.following.send_replace(true);
        self.has_told = false;
        tracing::info!("the stream follows every topic");
        while !self.is_stopped() {
            match consumer.poll(LOOK) {
                None => {}
                Some(Ok(record)) => self.take(&record),
                Some(Err(error)) if ends_the_client(&error) => return Err(error.into()),
                // The client connects again by itself.
                Some(Err(error)) => tracing::debug!(%error, "reading the topics"),
            }
            self.hub.tick(Instant::now());
        }
        Ok(())
    }

    fn consumer(&self) -> anyhow::Result<BaseConsumer> {
        let mut config = self.settings.client();
        config
            // The client wants a name even where there is no group: it never joins one and never commits.
            .set("group.id", self.settings.group("gateway"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A topic that was made anew is read from its start; what it holds again is marked or was seen.
            .set("auto.offset.reset", "earliest")
            // Nothing here falls behind for long: what is read is handed on at once.
            .set("queued.max.messages.kbytes", "8192");
        config.create().context("cannot make a Kafka client")
    }

    /// Where each partition starts.
    fn starts(&self, consumer: &BaseConsumer) -> anyhow::Result<TopicPartitionList> {
        let at = |offset: Offset| -> anyhow::Result<TopicPartitionList> {
            let mut list = TopicPartitionList::new();
            for topic in Topic::ALL {
                for partition in 0..Topic::PARTITIONS {
                    list.add_partition_offset(
                        &topic.name(&self.settings.topic_prefix),
                        partition,
                        offset,
                    )?;
                }
            }
            Ok(list)
        };
        // The ends are asked for first: a partition without a record of that time starts at the end it had before it was asked about the
        // time, so that a record which arrives in between is not skipped.
        let ends = consumer
            .offsets_for_times(at(Offset::End)?, ASK)
            .context("cannot ask for the topics' ends")?;
        let found = consumer
            .offsets_for_times(at(Offset::Offset(self.from))?, ASK)
            .context("cannot ask where to start")?;
        let salesmen = self.salesmen();
        let mut starts = TopicPartitionList::new();
        for element in found.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            element
                .error()
                .with_context(|| format!("{topic}/{partition}"))?;
            let end = ends
                .find_partition(topic, partition)
                .map(|element| element.offset());
            let start = match (
                self.next.get(&(topic.to_owned(), partition)),
                element.offset(),
                end,
            ) {
                (Some(next), _, _) => Offset::Offset(*next),
                _ if topic == salesmen => Offset::Beginning,
                (None, Offset::Offset(offset), _) | (None, _, Some(Offset::Offset(offset))) => {
                    Offset::Offset(offset)
                }
                _ => bail!("{topic}/{partition} has no end"),
            };
            starts.add_partition_offset(topic, partition, start)?;
        }
        Ok(starts)
    }

    /// The topic that is read from its beginning.
    fn salesmen(&self) -> String {
        Topic::Salesman.name(&self.settings.topic_prefix)
    }

    fn take(&mut self, record: &BorrowedMessage<'_>) {
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        self.next.insert((topic.to_owned(), partition), offset + 1);
        // A record without a time counts as new.
        let ms = record
            .timestamp()
            .to_millis()
            .unwrap_or_else(|| now().timestamp_millis());
        let is_of_salesmen = topic == self.salesmen();
        // Browsers are told of what this feed covers; before that there is only who there is.
        let is_covered = !is_of_salesmen || ms >= self.from;
        let headers = kafka::header_map(record.headers());
        let is_replay = headers.contains_key(REPLAY);
        if is_replay && is_covered {
            self.hub.replayed(Instant::now());
        }
        if is_replay && !is_of_salesmen {
            return;
        }
        let envelope = match kafka::envelope(&headers) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::warn!(
                    topic,
                    partition,
                    offset,
                    error,
                    "a record without an envelope is not told"
                );
                return;
            }
        };
        match Fact::read(&envelope, record.payload().unwrap_or_default()) {
            Ok(fact) => {
                if let Fact::Salesman(id, profile, _) = &fact {
                    self.people.keep(*id, profile, envelope.version);
                }
                if is_covered && !is_replay {
                    self.hub.tell(ms, &envelope, &fact);
                }
            }
            // What is wrong with a payload could repeat its content, so it is not said.
            Err(why) => {
                let why = match why {
                    Untold::UnknownType => "this build does not know its type",
                    Untold::Unreadable => "its payload is not what its type says",
                };
                tracing::warn!(
                    topic,
                    partition,
                    offset,
                    event = envelope.type_name,
                    why,
                    "an event is not told"
                );
            }
        }
    }
}

/// A fatal client never recovers, and one whose topic was deleted does not look for it again.
fn ends_the_client(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownPartition
            )
        )
}
