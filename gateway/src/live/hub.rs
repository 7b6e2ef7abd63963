//! The hub keeps the latest events, and sends each to the browsers of those who may see it.
//!
//! Browsers are indexed by person, so an event costs only as much as its audience. Everything
//! happens under one lock, and nothing waits under it: each browser has a bounded queue, and a full
//! queue is replaced with one `resync`.
//!
//! **Reconnecting.** A browser sends the [`Cursor`] of its last event. At the same gateway it gets
//! exactly what it missed. Another gateway sends everything since [`SLACK_MS`] before the cursor's
//! time. That is more than was missed, and never less, as long as records of different topics are
//! not delayed against each other by more than the slack. Pages drop known events by
//! `(aggregate, version)`.
//!
//! **Access at the time of the event.** Browsers can send any cursor, and an event's audience is
//! that of the time when it was recorded. So nothing that was recorded before the session began is
//! replayed, only a `resync`; and nothing of an aggregate that the person has lost since.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use events::Envelope;
use uuid::Uuid;

use crate::live::audience::{Audience, StreamEvent, Subscriber, Visibility};
use crate::live::cursor::Cursor;
use crate::live::queue::Queue;
use crate::live::versions::Versions;
use crate::live::wire::{self, ChangedProject, MAX_NAMED_PROJECTS};

/// Events that can be replayed, in about 20 MB.
const MAX_STORED: usize = 20_000;

/// The largest delay of records of different topics against each other. The clocks of the brokers
/// and the database may differ by twice as much: a cursor's time starts this long before the
/// session, and a replay this long before the cursor's time.
const SLACK_MS: i64 = 10_000;

/// The shortest time between two `projects-changed`.
const PROJECTS_INTERVAL: Duration = Duration::from_secs(1);

/// A resend of the event log is over when no record of it has arrived for this long.
const RESEND_QUIET_PERIOD: Duration = Duration::from_secs(1);

/// When all browsers must fetch everything, they spread it over this time.
const RESYNC_SPREAD: Duration = Duration::from_secs(3);

pub(crate) struct Hub {
    /// Identifies this run of the gateway in cursors.
    feed: String,
    state: Mutex<State>,
}

struct State {
    /// The latest events, oldest first, with consecutive numbers.
    stored: VecDeque<Stored>,
    /// The number of the newest event.
    last: u64,
    /// Events up to this number are dropped.
    dropped_to: u64,
    /// Every record since this time, in milliseconds, is stored or will still be read.
    covered_from: i64,
    /// The time of the newest record.
    newest: i64,
    versions: Versions,
    queues: HashMap<Subscriber, Vec<Arc<Queue>>>,
    /// Changed projects that are not published yet.
    changed_projects: Vec<ChangedProject>,
    projects_published_at: Option<Instant>,
    /// When the last record of a resend of the event log was read.
    resent_at: Option<Instant>,
}

struct Stored {
    number: u64,
    ms: i64,
    content: Content,
}

/// What browsers see of an event.
#[derive(Default)]
struct Content {
    audience: Audience,
    /// One for each [`Visibility`], empty for one that no subscriber has.
    frames: [Bytes; 4],
    /// The event's aggregate, and the one that is removed with it.
    aggregates: [Uuid; 2],
    /// For everyone. Published as one frame each time, and coalesced in a replay.
    projects: Vec<ChangedProject>,
}

impl Content {
    fn frame_for(&self, subscriber: Subscriber) -> Option<&Bytes> {
        let visibility = self.audience.visibility(subscriber)?;
        Some(&self.frames[visibility as usize])
    }

    fn is_removed_for(&self, subscriber: Subscriber) -> bool {
        self.audience.visibility(subscriber) == Some(Visibility::Removed)
    }
}

/// One browser. Dropping it unsubscribes.
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    subscriber: Subscriber,
    /// When its session began, in milliseconds.
    session_began: i64,
    queue: Arc<Queue>,
}

impl Subscription {
    /// Waits for frames, and takes all of them in one piece.
    pub(crate) async fn next(&self) -> Bytes {
        self.queue.pop_all().await
    }

    /// The cursor of a browser with an empty queue, which has everything so far. With it, a browser
    /// without events of its own does not have to fetch everything after it reconnects.
    pub(crate) fn cursor(&self) -> Option<String> {
        let state = self.hub.lock();
        let is_empty = self.queue.frames().is_empty();
        is_empty.then(|| self.hub.cursor(&state, self.session_began))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        if let Some(queues) = state.queues.get_mut(&self.subscriber) {
            queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
            if queues.is_empty() {
                state.queues.remove(&self.subscriber);
            }
        }
    }
}

impl Hub {
    /// A hub that covers nothing yet.
    pub(crate) fn new() -> Self {
        let state = State {
            stored: VecDeque::new(),
            last: 0,
            dropped_to: 0,
            covered_from: i64::MAX,
            newest: 0,
            versions: Versions::default(),
            queues: HashMap::new(),
            changed_projects: Vec::new(),
            projects_published_at: None,
            resent_at: None,
        };
        Self {
            feed: Uuid::new_v4().simple().to_string()[..8].to_owned(),
            state: Mutex::new(state),
        }
    }

    /// Notes that the feed reads every record since this time, in milliseconds. Called once, before
    /// the first record and browser.
    pub(crate) fn cover_from(&self, ms: i64) {
        let mut state = self.lock();
        state.covered_from = ms;
        state.newest = ms;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present cursor, for a session that began at `session_began` (0: any session). Nothing
    /// older is replayed to that session, so its time starts there even before the first record: by
    /// the database's clock, which may be ahead of the records'.
    fn cursor(&self, state: &State, session_began: i64) -> String {
        let cursor = Cursor {
            ms: state.newest.max(session_began - SLACK_MS),
            feed: self.feed.clone(),
            number: state.last,
        };
        cursor.to_string()
    }

    /// Adds a browser whose session began at `session_began`, in milliseconds. With a cursor, its
    /// queue starts with what it missed: all of it, or one `resync`.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        subscriber: Subscriber,
        session_began: i64,
        last_event_id: Option<&str>,
    ) -> Subscription {
        let queue = Arc::new(Queue::default());
        let mut state = self.lock();
        if let Some(text) = last_event_id {
            let missed = Cursor::parse(text)
                .and_then(|cursor| self.missed(&state, subscriber, session_began, &cursor));
            if let Some(missed) = missed {
                self.replay(&state, missed, subscriber, &queue);
            } else {
                let cursor = self.cursor(&state, session_began);
                queue.push(&wire::resync(&cursor, Duration::ZERO), Bytes::new);
            }
        }
        let queues = state.queues.entry(subscriber).or_default();
        queues.push(queue.clone());
        drop(state);
        Subscription {
            hub: self.clone(),
            subscriber,
            session_began,
            queue,
        }
    }

    /// The events after the cursor. `None` if some of them are dropped, or are visible to the
    /// subscriber but were recorded before the session began.
    ///
    /// A cursor from before the session belongs to another session; a forged later time is
    /// recognised by the events it would replay. If the clock of the records is behind that of the
    /// sessions, which is the database's, a browser gets an unnecessary `resync`.
    fn missed<'a>(
        &self,
        state: &'a State,
        subscriber: Subscriber,
        session_began: i64,
        cursor: &Cursor,
    ) -> Option<Vec<&'a Stored>> {
        if cursor.ms < session_began - SLACK_MS {
            return None;
        }
        let missed = self.after(state, cursor)?;
        let is_too_old = |event: &&Stored| {
            event.ms < session_began && event.content.frame_for(subscriber).is_some()
        };
        (!missed.iter().any(is_too_old)).then_some(missed)
    }

    /// The events after the cursor for all subscribers; `None` if some of them are dropped.
    fn after<'a>(&self, state: &'a State, cursor: &Cursor) -> Option<Vec<&'a Stored>> {
        let stored = &state.stored;
        if cursor.feed == self.feed {
            let is_complete = (state.dropped_to..=state.last).contains(&cursor.number);
            let first = stored.partition_point(|event| event.number <= cursor.number);
            is_complete.then(|| stored.range(first..).collect())
        } else {
            let from = cursor.ms.saturating_sub(SLACK_MS);
            let is_complete = from >= state.covered_from;
            is_complete.then(|| stored.iter().filter(|event| event.ms >= from).collect())
        }
    }

    /// Queues missed events, but nothing of an aggregate from before the subscriber lost it.
    fn replay(&self, state: &State, missed: Vec<&Stored>, subscriber: Subscriber, queue: &Queue) {
        let mut removed = HashSet::new();
        let mut visible = Vec::with_capacity(missed.len());
        for content in missed.into_iter().rev().map(|event| &event.content) {
            if content.is_removed_for(subscriber) {
                removed.extend(content.aggregates);
                visible.push(content);
            } else if !content.aggregates.iter().any(|id| removed.contains(id)) {
                visible.push(content);
            }
        }
        let mut projects = Vec::new();
        for content in visible.into_iter().rev() {
            projects.extend(&content.projects);
            if let Some(frame) = content.frame_for(subscriber) {
                self.push(state, queue, frame);
            }
        }
        if !projects.is_empty() {
            let frame = wire::projects_changed(&self.cursor(state, 0), &projects);
            self.push(state, queue, &frame);
        }
    }

    fn push(&self, state: &State, queue: &Queue, frame: &Bytes) {
        queue.push(frame, || {
            wire::resync(&self.cursor(state, 0), Duration::ZERO)
        });
    }

    /// Sends an event to its audience, and stores it. Drops versions that were published before: a
    /// relay may send an event twice.
    pub(crate) fn publish(&self, ms: i64, envelope: &Envelope, event: &StreamEvent) {
        let mut state = self.lock();
        let (id, version) = (envelope.aggregate_id, envelope.version);
        if !state.versions.update(id, version) {
            return;
        }
        state.newest = state.newest.max(ms);
        let audience = event.audience();
        if audience.everyone {
            state.changed_projects.push(ChangedProject { id, version });
            return;
        }
        state.last += 1;
        let cursor = self.cursor(&state, 0);
        let frames = Visibility::ALL.map(|visibility| {
            if audience.has(visibility) {
                wire::event(&cursor, envelope, event, visibility)
            } else {
                Bytes::new()
            }
        });
        for subscriber in audience.subscribers() {
            if let Some(visibility) = audience.visibility(subscriber) {
                for queue in state.queues.get(&subscriber).into_iter().flatten() {
                    self.push(&state, queue, &frames[visibility as usize]);
                }
            }
        }
        let content = Content {
            audience,
            frames,
            aggregates: [id, event.removed_aggregate(envelope).1],
            projects: Vec::new(),
        };
        state.store(ms, content);
    }

    /// Notes a record of a relay that sends its whole event log again.
    pub(crate) fn note_resend(&self, now: Instant) {
        self.lock().resent_at = Some(now);
    }

    /// Publishes what is coalesced over time: changed projects, and the `resync` after a resend.
    /// Called several times a second.
    pub(crate) fn tick(&self, now: Instant) {
        let mut state = self.lock();
        let is_due = state
            .projects_published_at
            .is_none_or(|published_at| now.duration_since(published_at) >= PROJECTS_INTERVAL);
        if is_due && !state.changed_projects.is_empty() {
            let mut changed = std::mem::take(&mut state.changed_projects);
            changed.truncate(MAX_NAMED_PROJECTS);
            state.projects_published_at = Some(now);
            state.last += 1;
            let frame = wire::projects_changed(&self.cursor(&state, 0), &changed);
            self.push_to_all(&state, &frame);
            let content = Content {
                projects: changed,
                ..Content::default()
            };
            let newest = state.newest;
            state.store(newest, content);
        }
        let is_resend_over = state
            .resent_at
            .is_some_and(|last| now.duration_since(last) >= RESEND_QUIET_PERIOD);
        if is_resend_over {
            state.resent_at = None;
            state.last += 1;
            // What happened before is unknown: browsers that reconnect from there resync too.
            state.stored.clear();
            state.dropped_to = state.last;
            state.covered_from = state.newest;
            let frame = wire::resync(&self.cursor(&state, 0), RESYNC_SPREAD);
            self.push_to_all(&state, &frame);
        }
    }

    fn push_to_all(&self, state: &State, frame: &Bytes) {
        for queue in state.queues.values().flatten() {
            self.push(state, queue, frame);
        }
    }
}

impl State {
    /// Stores the event with the number `last`.
    fn store(&mut self, ms: i64, content: Content) {
        if self.stored.len() >= MAX_STORED
            && let Some(dropped) = self.stored.pop_front()
        {
            self.dropped_to = dropped.number;
            self.covered_from = self.covered_from.max(dropped.ms + 1);
        }
        self.stored.push_back(Stored {
            number: self.last,
            ms,
            content,
        });
    }
}
