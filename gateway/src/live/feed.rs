//! The feed reads every partition of every domain topic for the hub, and the salesmen topic also
//! for the staff directory.
//!
//! Partitions are assigned, without a consumer group: every gateway needs every event, and commits
//! nothing. The feed starts five minutes back, so that browsers of a replaced replica can resume
//! here. The salesmen topic starts at its beginning, because accounts are older; of its records the
//! hub gets only those of the last five minutes. The feed has its own thread: the client's calls
//! block, and dropping the client with the broker unreachable took 10 to 45 s when measured.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use events::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use service_kit::Clock;
use service_kit::messaging::kafka::{self, Refusals};
use tokio::sync::{oneshot, watch};

use crate::auth::staff_directory::StaffDirectory;
use crate::live::audience::{DecodeError, StreamEvent};
use crate::live::hub::Hub;

/// How far back the feed starts.
const LOOKBACK: TimeDelta = TimeDelta::minutes(5);

/// The longest wait for a record, and so the delay of a stop or of a coalesced event.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

const OFFSETS_TIMEOUT: Duration = Duration::from_secs(5);

const RETRY_BACKOFF: Duration = Duration::from_secs(1);

/// The header of records that a relay sends again with its whole event log.
const RESEND_HEADER: &str = "ktgg-replay";

pub(crate) struct Feed {
    stop: Arc<AtomicBool>,
    stopped: oneshot::Receiver<()>,
}

impl Feed {
    /// Starts reading, and makes the hub cover what is recorded since [`LOOKBACK`] before the time
    /// of `clock`. `following` becomes true when every partition is assigned. Retries without end
    /// while the broker is unreachable.
    pub(crate) fn start(
        settings: kafka::Settings,
        hub: Arc<Hub>,
        directory: Arc<StaffDirectory>,
        clock: Arc<dyn Clock>,
        following: watch::Sender<bool>,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, stopped) = oneshot::channel();
        let start = (clock.now() - LOOKBACK).timestamp_millis();
        hub.cover_from(start);
        let mut reader = Reader {
            settings,
            start,
            hub,
            directory,
            clock,
            following,
            stop: stop.clone(),
            next_offsets: HashMap::new(),
            is_failing: false,
        };
        thread::spawn(move || {
            // After a record that causes a panic, the feed goes on with the next one.
            while catch_unwind(AssertUnwindSafe(|| reader.run())).is_err() && !reader.is_stopped() {
                tracing::error!("the feed panicked: going on after that record");
            }
            // `stop` may have timed out.
            let _ = sender.send(());
        });
        Self { stop, stopped }
    }

    /// Stops the feed, and waits for it until `timeout`. The thread ends with the process at the
    /// latest, and nothing is lost: the feed commits nothing.
    pub(crate) async fn stop(self, timeout: Duration) {
        self.stop.store(true, Ordering::Relaxed);
        if tokio::time::timeout(timeout, self.stopped).await.is_err() {
            tracing::debug!("the Kafka client is still closing");
        }
    }
}

struct Reader {
    settings: kafka::Settings,
    /// The time, in milliseconds, where partitions start that have no next offset.
    start: i64,
    hub: Arc<Hub>,
    directory: Arc<StaffDirectory>,
    clock: Arc<dyn Clock>,
    following: watch::Sender<bool>,
    stop: Arc<AtomicBool>,
    /// Where partitions go on with a new client.
    next_offsets: HashMap<(String, i32), i64>,
    /// Whether a warning was logged since the feed last worked.
    is_failing: bool,
}

impl Reader {
    fn run(&mut self) {
        while !self.is_stopped() {
            let Err(error) = self.follow() else { return };
            let error = format!("{error:#}");
            if std::mem::replace(&mut self.is_failing, true) {
                tracing::debug!(error, "the feed cannot read the topics yet");
            } else {
                tracing::warn!(error, "the feed cannot read the topics: retrying");
            }
            let retry_at = Instant::now() + RETRY_BACKOFF;
            while Instant::now() < retry_at && !self.is_stopped() {
                thread::sleep(POLL_TIMEOUT);
                self.hub.tick(Instant::now());
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Reads until it is stopped, or until this client fails permanently.
    fn follow(&mut self) -> anyhow::Result<()> {
        let consumer = self.consumer()?;
        consumer
            .assign(&self.start_offsets(&consumer)?)
            .context("cannot assign the partitions")?;
        self.following.send_replace(true);
        self.is_failing = false;
        tracing::info!("the feed follows every topic");
        while !self.is_stopped() {
            match consumer.poll(POLL_TIMEOUT) {
                None => {}
                Some(Ok(record)) => self.read(&record),
                Some(Err(error)) if is_permanent(&error) => return Err(error.into()),
                // The client reconnects by itself.
                Some(Err(error)) => tracing::debug!(%error, "reading the topics failed"),
            }
            self.hub.tick(Instant::now());
        }
        Ok(())
    }

    fn consumer(&self) -> anyhow::Result<BaseConsumer<Refusals>> {
        let mut config = self.settings.client();
        config
            // The client requires a group id, but it never joins the group.
            .set("group.id", self.settings.group("gateway"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A topic that was created again is read from its start. Its records are marked as
            // resent, or their versions are known.
            .set("auto.offset.reset", "earliest")
            // Records are handled immediately, so the queue stays short.
            .set("queued.max.messages.kbytes", "8192");
        config
            .create_with_context(Refusals::default())
            .context("cannot create the Kafka client")
    }

    fn start_offsets(
        &self,
        consumer: &BaseConsumer<Refusals>,
    ) -> anyhow::Result<TopicPartitionList> {
        let offsets_at = |offset: Offset| -> anyhow::Result<TopicPartitionList> {
            let mut list = TopicPartitionList::new();
            for topic in Topic::ALL {
                let topic = topic.name(&self.settings.topic_prefix);
                for partition in 0..Topic::PARTITIONS {
                    list.add_partition_offset(&topic, partition, offset)?;
                }
            }
            consumer
                .offsets_for_times(list, OFFSETS_TIMEOUT)
                .context("cannot get the topics' offsets")
        };
        // A partition without a record since `start` starts at its end. The ends are read first, so
        // that a record which arrives between the two requests is not skipped.
        let ends = offsets_at(Offset::End)?;
        let found = offsets_at(Offset::Offset(self.start))?;
        let salesmen = self.salesmen_topic();
        let mut starts = TopicPartitionList::new();
        for element in found.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            element
                .error()
                .with_context(|| format!("{topic}/{partition}"))?;
            let end = ends
                .find_partition(topic, partition)
                .map(|element| element.offset());
            let next = self.next_offsets.get(&(topic.to_owned(), partition));
            let start = match (next, element.offset(), end) {
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

    fn salesmen_topic(&self) -> String {
        Topic::Salesman.name(&self.settings.topic_prefix)
    }

    fn read(&mut self, record: &BorrowedMessage<'_>) {
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        self.next_offsets
            .insert((topic.to_owned(), partition), offset + 1);
        // A record is read after it was recorded. One that says otherwise, of a host whose clock is
        // ahead, would move cursors over what others record until then.
        let now = self.clock.now().timestamp_millis();
        let ms = record.timestamp().to_millis().map_or(now, |ms| ms.min(now));
        let is_salesmen = topic == self.salesmen_topic();
        let is_covered = !is_salesmen || ms >= self.start;
        let headers = kafka::header_map(record.headers());
        let is_resent = headers.contains_key(RESEND_HEADER);
        if is_resent && is_covered {
            self.hub.note_resend(Instant::now());
        }
        if is_resent && !is_salesmen {
            return;
        }
        let envelope = match kafka::envelope(&headers) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::warn!(topic, partition, offset, error, "a record has no envelope");
                return;
            }
        };
        match StreamEvent::decode(&envelope, record.payload().unwrap_or_default()) {
            Ok(event) => {
                if let StreamEvent::Salesman(id, profile, _) = &event {
                    self.directory.update(*id, profile, envelope.version);
                }
                if is_covered && !is_resent {
                    self.hub.publish(ms, &envelope, &event);
                }
            }
            // serde's error could repeat the payload, so it is not logged.
            Err(error) => {
                let event = envelope.type_name;
                let why = match error {
                    DecodeError::UnknownType => "unknown type",
                    DecodeError::Unreadable => "unreadable payload",
                };
                tracing::warn!(
                    topic,
                    partition,
                    offset,
                    event,
                    why,
                    "an event is not published"
                );
            }
        }
    }
}

/// A fatal client never recovers, and one whose topic was deleted does not look for it again.
fn is_permanent(error: &KafkaError) -> bool {
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
