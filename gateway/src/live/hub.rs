//! Keeps the last of what was read, and hands it to whoever may know.
//!
//! Clients are kept by person, so that an event touches those whom it names and nobody else. Everything happens under one lock, and nothing
//! waits under it: a client is a bounded queue, and one that is full is emptied and told to look for itself (`resync`).
//!
//! **The cursor.** The `id` of what is sent is `MS-FEED-NUMBER`: the newest record's time so far, the feed (one run of one gateway), and what
//! came how manyth in it. Back at the same feed, the number tells exactly what was missed. Another replica read the same records in another
//! order, so there the time has to do: everything from [`SLACK`] before it is sent again. That is more than was missed, and never less as
//! long as no two records were delayed against each other by more than the slack; pages drop what they know by (aggregate, version).
//!
//! **Who one was before.** A cursor is what a browser says, and an event names those whom it concerned when it was recorded. So a session is
//! sent nothing again that was recorded before it began, whatever its browser says, but asked to look for itself; nor anything of what its
//! person has lost since.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use chrono::SecondsFormat;
use events::Envelope;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::live::audience::{self, Access, Audience, Eyes, Fact, Who};

/// How many events are kept for browsers that come back; with what is told of each, about 20 MB.
const KEPT: usize = 20_000;

/// What a browser may have waiting. More than that, and fetching everything once is cheaper for both.
const QUEUE: usize = 256;

/// How much records may be delayed against each other from one replica to the next, in milliseconds.
const SLACK: i64 = 10_000;

/// Pages that list projects are told at most this often that some changed.
const PROJECTS_EVERY: Duration = Duration::from_secs(1);

/// Which projects changed is told for this many; a page that hears of more fetches its list anyway.
const PROJECTS_NAMED: usize = 50;

/// A ledger that is sent again is over when nothing more of it came for this long.
const REPLAY_QUIET: Duration = Duration::from_secs(1);

/// When all browsers must fetch at once, they are asked to spread it over this time.
const SPREAD: Duration = Duration::from_secs(3);

/// Of how many aggregates the last version is remembered, to drop what a relay sends twice; about 5 MB.
const REMEMBERED: usize = 50_000;

pub(crate) struct Hub {
    /// Tells one run of a gateway from every other.
    feed: String,
    store: Mutex<Store>,
}

struct Store {
    /// What came, oldest first, numbered without a hole.
    kept: VecDeque<Kept>,
    /// The number of the last that came.
    last: u64,
    /// Everything after this number is kept.
    lost_to: u64,
    /// Every record from this time on, in milliseconds, is kept or is yet to be read.
    covered_from: i64,
    /// The newest record's time.
    newest: i64,
    versions: Versions,
    clients: HashMap<Who, Vec<Arc<Queue>>>,
    projects: Projects,
    /// When the last record of a ledger that is being sent again came.
    replayed: Option<Instant>,
}

/// Changed projects that nobody has been told of yet.
#[derive(Default)]
struct Projects {
    changed: Vec<Changed>,
    told: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Changed {
    id: Uuid,
    version: i64,
}

struct Kept {
    number: u64,
    ms: i64,
    what: What,
}

enum What {
    /// What happened to an aggregate, or was lost with it.
    Event {
        audience: Audience,
        told: Box<Told>,
        about: [Uuid; 2],
    },
    Projects(Vec<Changed>),
}

/// An event as each kind of eyes sees it, ready to be sent. Empty where nobody of that kind may know.
struct Told {
    customer: Bytes,
    person: Bytes,
    staff: Bytes,
    removed: Bytes,
}

impl Kept {
    fn for_whom(&self, who: Who) -> Option<&Bytes> {
        let What::Event { audience, told, .. } = &self.what else {
            return None;
        };
        told.at(audience.access(who))
    }

    /// What this person has lost by it.
    fn lost_by(&self, who: Who) -> Option<[Uuid; 2]> {
        match &self.what {
            What::Event {
                audience, about, ..
            } if audience.access(who) == Access::Removed => Some(*about),
            _ => None,
        }
    }

    fn is_about(&self, any_of: &HashSet<Uuid>) -> bool {
        matches!(&self.what, What::Event { about, .. } if about.iter().any(|id| any_of.contains(id)))
    }
}

impl Told {
    fn at(&self, access: Access) -> Option<&Bytes> {
        match access {
            Access::Event(Eyes::Customer) => Some(&self.customer),
            Access::Event(Eyes::Person) => Some(&self.person),
            Access::Event(Eyes::Staff) => Some(&self.staff),
            Access::Removed => Some(&self.removed),
            Access::Nothing => None,
        }
    }
}

/// Where a browser got to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    ms: i64,
    feed: String,
    number: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.ms, self.feed, self.number)
    }
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (ms, feed, number) = (
            parts.next()?.parse().ok()?,
            parts.next()?.to_owned(),
            parts.next()?.parse().ok()?,
        );
        (ms >= 0 && parts.next().is_none()).then_some(Self { ms, feed, number })
    }
}

/// One event of the stream, in the form of the wire.
fn frame(id: &str, event: &str, data: &Value) -> Bytes {
    // JSON text has no line break, so one `data:` line is enough.
    Bytes::from(format!("id: {id}\nevent: {event}\ndata: {data}\n\n"))
}

/// What waits for one browser.
#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<Bytes>>,
    bell: Notify,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Bytes>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never waits: a queue that is full is emptied, and what was in it is replaced by one `resync`.
    fn push(&self, frame: &Bytes, resync: impl FnOnce() -> Bytes) {
        let mut waiting = self.waiting();
        if waiting.len() >= QUEUE {
            waiting.clear();
            waiting.push_back(resync());
        } else {
            waiting.push_back(frame.clone());
        }
        drop(waiting);
        self.bell.notify_one();
    }
}

/// One browser's end of the hub. Dropping it is leaving.
pub(crate) struct Client {
    hub: Arc<Hub>,
    who: Who,
    /// When its session began, in milliseconds.
    since: i64,
    queue: Arc<Queue>,
}

impl Client {
    /// Everything that waits, in one piece; waits for something if nothing does.
    pub(crate) async fn next(&self) -> Bytes {
        loop {
            let heard = self.queue.bell.notified();
            let frames: Vec<Bytes> = self.queue.waiting().drain(..).collect();
            match frames.as_slice() {
                [] => heard.await,
                [one] => return one.clone(),
                many => return Bytes::from(many.concat()),
            }
        }
    }

    /// Where this browser is when nothing waits for it: then it has all that has come. A browser to which nothing happens moves on by this,
    /// and does not have to fetch everything when it comes back.
    pub(crate) fn position(&self) -> Option<String> {
        let store = self.hub.lock();
        self.queue
            .waiting()
            .is_empty()
            .then(|| self.hub.cursor_since(&store, self.since))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut store = self.hub.lock();
        if let Some(queues) = store.clients.get_mut(&self.who) {
            queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
            if queues.is_empty() {
                store.clients.remove(&self.who);
            }
        }
    }
}

impl Hub {
    /// A hub whose feed reads everything from this time on.
    pub(crate) fn new(covered_from: i64) -> Self {
        let store = Store {
            kept: VecDeque::new(),
            last: 0,
            lost_to: 0,
            covered_from,
            newest: covered_from,
            versions: Versions::default(),
            clients: HashMap::new(),
            projects: Projects::default(),
            replayed: None,
        };
        let feed = Uuid::new_v4().simple().to_string()[..8].to_owned();
        Self {
            feed,
            store: Mutex::new(store),
        }
    }

    /// Every record from this time on is kept, or is yet to be read.
    pub(crate) fn covered_from(&self) -> i64 {
        self.lock().covered_from
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cursor(&self, store: &Store) -> String {
        self.cursor_since(store, 0)
    }

    /// The cursor of a session that began then. What was recorded before that is not sent to it again, so its time counts from there, even
    /// while nothing has been recorded since.
    fn cursor_since(&self, store: &Store, since: i64) -> String {
        Cursor {
            ms: store.newest.max(since),
            feed: self.feed.clone(),
            number: store.last,
        }
        .to_string()
    }

    /// Adds a browser whose session began at `since`, in milliseconds. With a cursor, what it missed waits for it already: all of it, or one
    /// `resync`.
    pub(crate) fn join(self: &Arc<Self>, who: Who, since: i64, last_seen: Option<&str>) -> Client {
        let queue = Arc::new(Queue::default());
        let mut store = self.lock();
        if let Some(text) = last_seen {
            match Cursor::parse(text).and_then(|cursor| self.missed(&store, who, since, &cursor)) {
                Some(missed) => self.catch_up(&store, missed, who, &queue),
                None => queue.push(
                    &resync(&self.cursor_since(&store, since), Duration::ZERO),
                    Bytes::new,
                ),
            }
        }
        store.clients.entry(who).or_default().push(queue.clone());
        drop(store);
        Client {
            hub: self.clone(),
            who,
            since,
            queue,
        }
    }

    /// What came after the cursor; `None` when some of that is not kept any more, or never was, or was recorded before the session began.
    ///
    /// A cursor from before the session is not this session's. One that only says that it is later is found out by what it would bring. Where
    /// the clock of the records is behind that of the sessions, this asks to look once more than needed; nothing is lost by it.
    fn missed<'a>(
        &self,
        store: &'a Store,
        who: Who,
        since: i64,
        cursor: &Cursor,
    ) -> Option<Vec<&'a Kept>> {
        if cursor.ms < since {
            return None;
        }
        let missed = self.after(store, cursor)?;
        let is_of_before = |kept: &&Kept| kept.ms < since && kept.for_whom(who).is_some();
        (!missed.iter().any(is_of_before)).then_some(missed)
    }

    /// What came after the cursor, to whomever; `None` when some of that is not kept any more, or never was.
    fn after<'a>(&self, store: &'a Store, cursor: &Cursor) -> Option<Vec<&'a Kept>> {
        if cursor.feed == self.feed {
            let is_kept = (store.lost_to..=store.last).contains(&cursor.number);
            let first = store
                .kept
                .partition_point(|kept| kept.number <= cursor.number);
            is_kept.then(|| store.kept.range(first..).collect())
        } else {
            let from = cursor.ms.saturating_sub(SLACK);
            (from >= store.covered_from)
                .then(|| store.kept.iter().filter(|kept| kept.ms >= from).collect())
        }
    }

    fn catch_up(&self, store: &Store, missed: Vec<&Kept>, who: Who, queue: &Queue) {
        let mut lost = HashSet::new();
        let mut still_seen = Vec::with_capacity(missed.len());
        for kept in missed.into_iter().rev() {
            if let Some(about) = kept.lost_by(who) {
                lost.extend(about);
                still_seen.push(kept);
            } else if !kept.is_about(&lost) {
                still_seen.push(kept);
            }
        }
        let mut projects = Vec::new();
        for kept in still_seen.into_iter().rev() {
            if let What::Projects(changed) = &kept.what {
                projects.extend(changed);
            } else if let Some(frame) = kept.for_whom(who) {
                queue.push(frame, || self.resync(store, Duration::ZERO));
            }
        }
        if !projects.is_empty() {
            let frame = projects_changed(&self.cursor(store), &projects);
            queue.push(&frame, || self.resync(store, Duration::ZERO));
        }
    }

    /// Tells an event to whoever may know, and keeps it. What came before is dropped: a relay may send an event twice.
    pub(crate) fn tell(&self, ms: i64, envelope: &Envelope, fact: &Fact) {
        let mut store = self.lock();
        let store = &mut *store;
        if !store
            .versions
            .is_new(envelope.aggregate_id, envelope.version)
        {
            return;
        }
        store.newest = store.newest.max(ms);
        let audience = audience::audience(fact);
        if audience.everybody {
            store.projects.changed.push(Changed {
                id: envelope.aggregate_id,
                version: envelope.version,
            });
            return;
        }
        store.last += 1;
        let told = told(&self.cursor(store), envelope, fact, &audience);
        let whom = audience.customer.iter().map(|id| Who::Customer(id.0));
        let whom = whom.chain(
            audience
                .people
                .iter()
                .chain(&audience.removed)
                .map(|id| Who::Person(id.0)),
        );
        for who in whom.chain(audience.staff.then_some(Who::Staff)) {
            if let Some(frame) = told.at(audience.access(who)) {
                for queue in store.clients.get(&who).into_iter().flatten() {
                    queue.push(frame, || self.resync(store, Duration::ZERO));
                }
            }
        }
        let about = [envelope.aggregate_id, audience::lost(fact, envelope).1];
        store.keep(
            ms,
            What::Event {
                audience,
                told: Box::new(told),
                about,
            },
        );
    }

    /// Notes that a record came whose event was sent before, by a relay that sends its whole ledger again.
    pub(crate) fn replayed(&self, now: Instant) {
        self.lock().replayed = Some(now);
    }

    /// Tells what is told for many events at once, when it is time. Called some times a second.
    pub(crate) fn tick(&self, now: Instant) {
        let mut store = self.lock();
        let store = &mut *store;
        let may_tell = store
            .projects
            .told
            .is_none_or(|told| now.duration_since(told) >= PROJECTS_EVERY);
        if may_tell && !store.projects.changed.is_empty() {
            let mut changed = std::mem::take(&mut store.projects.changed);
            changed.truncate(PROJECTS_NAMED);
            store.projects.told = Some(now);
            store.last += 1;
            let frame = projects_changed(&self.cursor(store), &changed);
            self.tell_everybody(store, &frame);
            store.keep(store.newest, What::Projects(changed));
        }
        if store
            .replayed
            .is_some_and(|last| now.duration_since(last) >= REPLAY_QUIET)
        {
            store.replayed = None;
            store.last += 1;
            // Nothing can be said about what lies before: browsers that come back from there fetch everything too.
            store.kept.clear();
            store.lost_to = store.last;
            store.covered_from = store.newest;
            let frame = self.resync(store, SPREAD);
            self.tell_everybody(store, &frame);
        }
    }

    fn tell_everybody(&self, store: &Store, frame: &Bytes) {
        for queue in store.clients.values().flatten() {
            queue.push(frame, || self.resync(store, Duration::ZERO));
        }
    }

    /// Asks a browser to fetch everything it shows, at a moment of its choice within `spread`.
    fn resync(&self, store: &Store, spread: Duration) -> Bytes {
        resync(&self.cursor(store), spread)
    }
}

fn resync(id: &str, spread: Duration) -> Bytes {
    let spread = u64::try_from(spread.as_millis()).unwrap_or_default();
    frame(
        id,
        "resync",
        &json!({ "type": "resync", "spreadMs": spread }),
    )
}

impl Store {
    fn keep(&mut self, ms: i64, what: What) {
        if self.kept.len() >= KEPT
            && let Some(gone) = self.kept.pop_front()
        {
            self.lost_to = gone.number;
            self.covered_from = self.covered_from.max(gone.ms + 1);
        }
        self.kept.push_back(Kept {
            number: self.last,
            ms,
            what,
        });
    }
}

fn projects_changed(id: &str, changed: &[Changed]) -> Bytes {
    let named: Vec<Value> = changed
        .iter()
        .rev()
        .take(PROJECTS_NAMED)
        .map(|changed| json!({ "aggregateId": changed.id, "version": changed.version }))
        .collect();
    frame(
        id,
        "projects-changed",
        &json!({ "type": "projects-changed", "aggregate": "project", "changed": named }),
    )
}

fn told(id: &str, envelope: &Envelope, fact: &Fact, audience: &Audience) -> Told {
    let short = envelope
        .type_name
        .split('.')
        .nth(1)
        .unwrap_or(&envelope.type_name);
    let seen_by = |eyes| {
        let mut data = audience::fields(fact, eyes);
        data.insert("type".to_owned(), json!(short));
        data.insert("id".to_owned(), json!(envelope.id));
        data.insert("aggregate".to_owned(), json!(envelope.aggregate_type));
        data.insert("aggregateId".to_owned(), json!(envelope.aggregate_id));
        data.insert("version".to_owned(), json!(envelope.version));
        data.insert(
            "at".to_owned(),
            json!(
                envelope
                    .recorded_at
                    .to_rfc3339_opts(SecondsFormat::Millis, true)
            ),
        );
        frame(id, short, &Value::Object(data))
    };
    let removed = || {
        let (aggregate, aggregate_id) = audience::lost(fact, envelope);
        frame(
            id,
            "removed",
            &json!({ "type": "removed", "aggregate": aggregate, "aggregateId": aggregate_id }),
        )
    };
    Told {
        customer: audience
            .customer
            .map(|_| seen_by(Eyes::Customer))
            .unwrap_or_default(),
        person: if audience.people.is_empty() {
            Bytes::new()
        } else {
            seen_by(Eyes::Person)
        },
        staff: if audience.staff {
            seen_by(Eyes::Staff)
        } else {
            Bytes::new()
        },
        removed: if audience.removed.is_empty() {
            Bytes::new()
        } else {
            removed()
        },
    }
}

/// The last version of each aggregate that was told, for the aggregates that came first most recently.
#[derive(Default)]
struct Versions {
    last: HashMap<Uuid, i64>,
    order: VecDeque<Uuid>,
}

impl Versions {
    fn is_new(&mut self, id: Uuid, version: i64) -> bool {
        if let Some(last) = self.last.get_mut(&id) {
            let is_new = version > *last;
            *last = version.max(*last);
            return is_new;
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.last.remove(&oldest);
        }
        self.last.insert(id, version);
        self.order.push_back(id);
        true
    }
}

#[cfg(test)]
mod tests {
    use events::{
        Actor, ConsultationId, ConsultationProgressed, CustomerId, CustomerRef, LastFour, MatchId,
        Origin, PersonRef, ProjectId, SalesmanId, SalesmanMatched, Step, Strategy, Topic,
    };

    use super::*;

    const START: i64 = 1_000_000;

    /// When the sessions began of which it does not matter.
    const LONG_AGO: i64 = 0;

    fn customer(id: u128) -> Who {
        Who::Customer(Uuid::from_u128(id))
    }

    fn envelope(aggregate: Topic, id: u128, version: i64) -> Envelope {
        Envelope {
            id: Uuid::from_u128(id * 1000 + u128::try_from(version).unwrap()),
            type_name: match aggregate {
                Topic::Project => "ktgg.ProjectCreated.v1",
                Topic::SalesmanMatch => "ktgg.SalesmanMatched.v1",
                _ => "ktgg.ConsultationProgressed.v1",
            }
            .to_owned(),
            aggregate_type: aggregate.aggregate().to_owned(),
            aggregate_id: Uuid::from_u128(id),
            version,
            recorded_at: "2026-11-23T01:02:03Z".parse().unwrap(),
            traceparent: None,
        }
    }

    /// The consultation `id` of the customer with the same number moves on.
    fn progress(hub: &Hub, ms: i64, id: u128, version: i64) {
        let fact = Fact::ConsultationProgressed(ConsultationProgressed {
            consultation_id: ConsultationId(Uuid::from_u128(id)),
            project_id: ProjectId(Uuid::from_u128(77)),
            customer: CustomerRef {
                customer_id: CustomerId(Uuid::from_u128(id)),
                last_four: LastFour::try_from("5678".to_owned()).unwrap(),
            },
            from: Step::Apply,
            to: Step::Approved,
            salesman_id: Some(SalesmanId(Uuid::from_u128(500))),
            consultant_id: None,
            actor: Actor::System,
        });
        hub.tell(ms, &envelope(Topic::Consultation, id, version), &fact);
    }

    /// The consultation `id` of the customer with the same number goes to the salesman 501 from the salesman 500.
    fn hand_over(hub: &Hub, ms: i64, id: u128, version: i64) {
        let person = |id| SalesmanId(Uuid::from_u128(id));
        let fact = Fact::SalesmanMatched(SalesmanMatched {
            match_id: MatchId(Uuid::from_u128(id + 9000)),
            origin: Origin::Consultation(ConsultationId(Uuid::from_u128(id))),
            origin_version: None,
            project_id: ProjectId(Uuid::from_u128(77)),
            project_name: None,
            customer: CustomerRef {
                customer_id: CustomerId(Uuid::from_u128(id)),
                last_four: LastFour::try_from("5678".to_owned()).unwrap(),
            },
            salesman: PersonRef {
                id: person(501),
                display_name: "김영업".to_owned(),
            },
            consultant: None,
            previous_salesman_id: Some(person(500)),
            previous_consultant_id: None,
            strategy: Strategy::PhoneSuffix,
            actor: Actor::System,
        });
        hub.tell(
            ms,
            &envelope(Topic::SalesmanMatch, id + 9000, version),
            &fact,
        );
    }

    struct Sent {
        id: String,
        event: String,
        data: Value,
    }

    fn sent(client: &Client) -> Vec<Sent> {
        let all: Vec<u8> = client.queue.waiting().drain(..).flatten().collect();
        let text = String::from_utf8(all).unwrap();
        let line = |block: &str, name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap()
                .to_owned()
        };
        text.split_terminator("\n\n")
            .map(|block| Sent {
                id: line(block, "id: "),
                event: line(block, "event: "),
                data: serde_json::from_str(&line(block, "data: ")).unwrap(),
            })
            .collect()
    }

    fn names(client: &Client) -> Vec<String> {
        sent(client).into_iter().map(|sent| sent.event).collect()
    }

    fn versions(client: &Client) -> Vec<i64> {
        sent(client)
            .iter()
            .map(|sent| sent.data["version"].as_i64().unwrap())
            .collect()
    }

    fn a_hub() -> Arc<Hub> {
        Arc::new(Hub::new(START))
    }

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_is_one() {
        let cursor = Cursor {
            ms: 1_763_900_000_000,
            feed: "0a1b2c3d".to_owned(),
            number: 42,
        };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for text in [
            "",
            "1",
            "1-2",
            "x-a-1",
            "1-a-x",
            "1-a-2-3",
            "-1-a-2",
            "99999999999999999999-a-1",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_event_reaches_those_whom_it_names_and_nobody_else() {
        let hub = a_hub();
        let [own, other] = [1, 2].map(|id| hub.join(customer(id), LONG_AGO, None));
        let [salesman, stranger] =
            [500, 1].map(|id| hub.join(Who::Person(Uuid::from_u128(id)), LONG_AGO, None));
        let staff = hub.join(Who::Staff, LONG_AGO, None);
        progress(&hub, START, 1, 1);
        let told = sent(&own);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].event, "ConsultationProgressed");
        assert_eq!(told[0].data["aggregateId"], json!(Uuid::from_u128(1)));
        assert_eq!(told[0].data["to"], "approved");
        assert_eq!((names(&salesman).len(), names(&staff).len()), (1, 1));
        assert_eq!((names(&other).len(), names(&stranger).len()), (0, 0));
    }

    #[test]
    fn what_a_relay_sends_twice_is_told_once() {
        let hub = a_hub();
        let own = hub.join(customer(1), LONG_AGO, None);
        for version in [1, 2, 2, 1, 3] {
            progress(&hub, START, 1, version);
        }
        assert_eq!(versions(&own), [1, 2, 3]);
    }

    #[test]
    fn ids_rise_even_when_records_come_out_of_order() {
        let hub = a_hub();
        let own = hub.join(Who::Staff, LONG_AGO, None);
        for (ms, id) in [(30, 1), (10, 2), (20, 3)] {
            progress(&hub, START + ms, id, 1);
        }
        let cursors: Vec<Cursor> = sent(&own)
            .iter()
            .map(|sent| Cursor::parse(&sent.id).unwrap())
            .collect();
        assert_eq!(
            cursors
                .iter()
                .map(|it| (it.ms - START, it.number))
                .collect::<Vec<_>>(),
            [(30, 1), (30, 2), (30, 3)]
        );
    }

    #[test]
    fn back_at_the_same_gateway_a_browser_gets_exactly_what_it_missed() {
        let hub = a_hub();
        let own = hub.join(customer(1), LONG_AGO, None);
        progress(&hub, START, 1, 1);
        let last_seen = sent(&own).pop().unwrap().id;
        drop(own);
        progress(&hub, START, 2, 1);
        progress(&hub, START, 1, 2);
        progress(&hub, START, 1, 3);
        assert_eq!(
            versions(&hub.join(customer(1), LONG_AGO, Some(&last_seen))),
            [2, 3]
        );
    }

    #[test]
    fn at_another_gateway_it_gets_at_least_what_it_missed() {
        let (first, second) = (a_hub(), a_hub());
        let own = first.join(customer(1), LONG_AGO, None);
        progress(&first, START + 20_000, 1, 1);
        let last_seen = sent(&own).pop().unwrap().id;
        for (ms, version) in [(9_000, 1), (15_000, 2), (21_000, 3)] {
            progress(&second, START + ms, 1, version);
        }
        assert_eq!(
            versions(&second.join(customer(1), LONG_AGO, Some(&last_seen))),
            [2, 3]
        );
    }

    #[test]
    fn what_is_older_than_all_that_is_kept_gets_one_resync() {
        let (first, second) = (Arc::new(Hub::new(0)), a_hub());
        let own = first.join(customer(1), LONG_AGO, None);
        progress(&first, START, 1, 1);
        let too_old = sent(&own).pop().unwrap().id;
        progress(&second, START, 1, 1);
        for last_seen in [
            too_old.as_str(),
            "nonsense",
            "",
            &format!("{START}-{}-9", second.feed),
        ] {
            assert_eq!(
                names(&second.join(customer(1), LONG_AGO, Some(last_seen))),
                ["resync"],
                "{last_seen}"
            );
        }
    }

    #[test]
    fn nothing_is_sent_again_that_was_recorded_before_the_session_began() {
        let hub = a_hub();
        progress(&hub, START + 10, 1, 1);
        progress(&hub, START + 20, 1, 2);
        let began = START + 30;
        let at = |ms: i64, feed: &str, number: u64| format!("{ms}-{feed}-{number}");
        // From before; made up to be later; made up to come from elsewhere.
        for last_seen in [
            at(START, &hub.feed, 0),
            at(began, &hub.feed, 0),
            at(began, &hub.feed, 1),
            at(began + 5, "0000beef", 1),
        ] {
            for who in [customer(1), Who::Person(Uuid::from_u128(500)), Who::Staff] {
                assert_eq!(
                    names(&hub.join(who, began, Some(&last_seen))),
                    ["resync"],
                    "{last_seen} {who:?}"
                );
            }
        }
        // To others nothing happened: theirs holds.
        assert_eq!(
            names(&hub.join(customer(2), began, Some(&at(began, &hub.feed, 0)))),
            [""; 0]
        );
        progress(&hub, began, 1, 3);
        assert_eq!(
            versions(&hub.join(customer(1), began, Some(&at(began, &hub.feed, 2)))),
            [3]
        );
        assert_eq!(
            versions(&hub.join(customer(1), LONG_AGO, Some(&at(START, &hub.feed, 0)))),
            [1, 2, 3]
        );
    }

    #[test]
    fn a_session_that_began_while_nothing_happened_goes_on_at_either_gateway() {
        let hubs = [a_hub(), a_hub()];
        let began = START + 60_000;
        let quiet = hubs[0].join(customer(1), began, None).position().unwrap();
        for hub in &hubs {
            assert_eq!(names(&hub.join(customer(1), began, Some(&quiet))), [""; 0]);
            progress(hub, began + 1, 1, 1);
            assert_eq!(versions(&hub.join(customer(1), began, Some(&quiet))), [1]);
        }
        let anew = hubs[0].join(customer(1), began, Some("nonsense"));
        let resync = sent(&anew).pop().unwrap();
        assert_eq!(
            names(&hubs[0].join(customer(1), began, Some(&resync.id))),
            [""; 0]
        );
    }

    #[test]
    fn of_what_somebody_has_lost_he_is_told_that_it_is_gone_and_nothing_that_was_before() {
        let hub = a_hub();
        let before = hub.join(Who::Staff, LONG_AGO, None).position().unwrap();
        progress(&hub, START, 1, 1);
        progress(&hub, START, 2, 1);
        hand_over(&hub, START, 1, 1);
        progress(&hub, START, 2, 2);
        let told = |who: u128| {
            let client = hub.join(Who::Person(Uuid::from_u128(who)), LONG_AGO, Some(&before));
            sent(&client)
                .into_iter()
                .map(|sent| (sent.event, sent.data["aggregateId"].clone()))
                .collect::<Vec<_>>()
        };
        let progressed = |id| {
            (
                "ConsultationProgressed".to_owned(),
                json!(Uuid::from_u128(id)),
            )
        };
        assert_eq!(
            told(500),
            [
                progressed(2),
                ("removed".to_owned(), json!(Uuid::from_u128(1))),
                progressed(2)
            ]
        );
        assert_eq!(
            told(501),
            [("SalesmanMatched".to_owned(), json!(Uuid::from_u128(9001)))]
        );
        // Given back to him, he is told of it again, from there on.
        progress(&hub, START, 1, 2);
        assert_eq!(
            told(500)[1..],
            [
                ("removed".to_owned(), json!(Uuid::from_u128(1))),
                progressed(2),
                progressed(1)
            ]
        );
        let staff = hub.join(Who::Staff, LONG_AGO, Some(&before));
        assert_eq!(sent(&staff).len(), 5);
    }

    #[test]
    fn after_a_resync_a_browser_goes_on_from_there() {
        let hub = a_hub();
        let own = hub.join(customer(1), LONG_AGO, Some("nonsense"));
        let resync = sent(&own).pop().unwrap();
        drop(own);
        progress(&hub, START, 1, 1);
        assert_eq!(
            versions(&hub.join(customer(1), LONG_AGO, Some(&resync.id))),
            [1]
        );
    }

    #[test]
    fn the_number_of_kept_events_is_bounded_and_what_fell_out_means_resync() {
        let hub = a_hub();
        let at = |number: u64| format!("{START}-{}-{number}", hub.feed);
        for id in 1..=(KEPT as u128 + 10) {
            progress(&hub, START, id, 1);
        }
        assert_eq!(hub.lock().kept.len(), KEPT);
        assert_eq!(
            names(&hub.join(customer(1), LONG_AGO, Some(&at(9)))),
            ["resync"]
        );
        assert_eq!(
            names(&hub.join(customer(1), LONG_AGO, Some(&at(10)))),
            [""; 0]
        );
        let foreign = format!("{}-0000beef-1", START + SLACK);
        assert_eq!(
            names(&hub.join(customer(1), LONG_AGO, Some(&foreign))),
            ["resync"]
        );
    }

    #[test]
    fn a_slow_browser_gets_one_resync_and_slows_nobody() {
        let hub = a_hub();
        let (slow, quick) = (
            hub.join(customer(1), LONG_AGO, None),
            hub.join(customer(1), LONG_AGO, None),
        );
        for version in 1..=i64::try_from(QUEUE).unwrap() + 1 {
            progress(&hub, START, 1, version);
            assert_eq!(versions(&quick), [version]);
        }
        progress(&hub, START, 1, 1000);
        assert_eq!(names(&slow), ["resync", "ConsultationProgressed"]);
    }

    #[test]
    fn changed_projects_are_told_to_everybody_at_most_once_a_second() {
        let hub = a_hub();
        let browsers = [
            hub.join(customer(1), LONG_AGO, None),
            hub.join(Who::Staff, LONG_AGO, None),
        ];
        let start = Instant::now();
        for (version, after) in [(1, 0), (2, 10), (3, 500), (4, 999)] {
            hub.tell(START, &envelope(Topic::Project, 8, version), &Fact::Project);
            hub.tick(start + Duration::from_millis(after));
        }
        for browser in &browsers {
            assert_eq!(names(browser), ["projects-changed"]);
        }
        hub.tick(start + Duration::from_secs(1));
        hub.tick(start + Duration::from_secs(5));
        for browser in &browsers {
            let told = sent(browser);
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].data["changed"].as_array().unwrap().len(), 3);
            assert_eq!(told[0].data["changed"][0]["version"], 4);
        }
    }

    #[test]
    fn whoever_was_away_hears_once_that_projects_changed() {
        let hub = a_hub();
        let start = Instant::now();
        let last_seen = hub.join(customer(1), LONG_AGO, None).position().unwrap();
        for version in 1..=3 {
            hub.tell(START, &envelope(Topic::Project, 8, version), &Fact::Project);
            hub.tick(start + Duration::from_secs(u64::try_from(version).unwrap()));
        }
        assert_eq!(
            names(&hub.join(customer(1), LONG_AGO, Some(&last_seen))),
            ["projects-changed"]
        );
    }

    #[test]
    fn a_ledger_sent_again_means_one_resync_for_each_browser() {
        let hub = a_hub();
        let own = hub.join(customer(1), LONG_AGO, None);
        progress(&hub, START, 1, 1);
        let before = sent(&own).pop().unwrap().id;
        let start = Instant::now();
        for after in [0, 500, 1000] {
            hub.replayed(start + Duration::from_millis(after));
            hub.tick(start + Duration::from_millis(after));
        }
        assert_eq!(names(&own), [""; 0]);
        hub.tick(start + Duration::from_secs(2));
        hub.tick(start + Duration::from_secs(9));
        assert_eq!(names(&own), ["resync"]);
        assert_eq!(
            names(&hub.join(customer(1), LONG_AGO, Some(&before))),
            ["resync"]
        );
    }

    #[test]
    fn a_browser_to_which_nothing_happens_still_moves_on() {
        let hub = a_hub();
        let quiet = hub.join(customer(1), LONG_AGO, None);
        progress(&hub, START + 5, 2, 1);
        let position = Cursor::parse(&quiet.position().unwrap()).unwrap();
        assert_eq!((position.ms, position.number), (START + 5, 1));
        progress(&hub, START + 6, 1, 1);
        assert_eq!(quiet.position(), None);
    }

    #[test]
    fn whoever_leaves_is_forgotten() {
        let hub = a_hub();
        let (one, two) = (
            hub.join(customer(1), LONG_AGO, None),
            hub.join(customer(1), LONG_AGO, None),
        );
        drop(one);
        assert_eq!(hub.lock().clients[&customer(1)].len(), 1);
        drop(two);
        assert!(hub.lock().clients.is_empty());
    }

    #[test]
    fn remembered_versions_are_bounded() {
        let mut versions = Versions::default();
        for id in 0..(REMEMBERED as u128 + 5) {
            assert!(versions.is_new(Uuid::from_u128(id), 1));
        }
        assert_eq!(
            (versions.last.len(), versions.order.len()),
            (REMEMBERED, REMEMBERED)
        );
        assert!(!versions.is_new(Uuid::from_u128(REMEMBERED as u128), 1));
    }
}
