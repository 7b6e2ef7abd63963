use events::{
    Actor, ConsultationId, ConsultationProgressed, CustomerId, CustomerRef, LastFour, MatchId,
    Origin, PersonRef, ProjectId, SalesmanId, SalesmanMatched, Step, Strategy, Topic,
};
use serde_json::{Value, json};

use super::*;
use crate::live::queue::MAX_FRAMES;

const START: i64 = 1_000_000;

/// The start of sessions for which it does not matter.
const LONG_AGO: i64 = 0;

fn customer(id: u128) -> Subscriber {
    Subscriber::Customer(Uuid::from_u128(id))
}

fn person(id: u128) -> Subscriber {
    Subscriber::Person(Uuid::from_u128(id))
}

fn customer_ref(id: u128) -> CustomerRef {
    CustomerRef {
        customer_id: CustomerId(Uuid::from_u128(id)),
        last_four: LastFour::try_from("5678".to_owned()).unwrap(),
    }
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

/// Publishes progress of the consultation `id` of the customer with the same number.
fn progress(hub: &Hub, ms: i64, id: u128, version: i64) {
    let event = StreamEvent::ConsultationProgressed(ConsultationProgressed {
        consultation_id: ConsultationId(Uuid::from_u128(id)),
        project_id: ProjectId(Uuid::from_u128(77)),
        customer: customer_ref(id),
        from: Step::Apply,
        to: Step::Approved,
        salesman_id: Some(SalesmanId(Uuid::from_u128(500))),
        consultant_id: None,
        actor: Actor::System,
    });
    hub.publish(ms, &envelope(Topic::Consultation, id, version), &event);
}

/// Publishes that the consultation `id` of the customer with the same number is handed over from
/// salesman 500 to salesman 501.
fn hand_over(hub: &Hub, ms: i64, id: u128, version: i64) {
    let salesman = |id| SalesmanId(Uuid::from_u128(id));
    let event = StreamEvent::SalesmanMatched(SalesmanMatched {
        match_id: MatchId(Uuid::from_u128(id + 9000)),
        origin: Origin::Consultation(ConsultationId(Uuid::from_u128(id))),
        origin_version: None,
        project_id: ProjectId(Uuid::from_u128(77)),
        project_name: None,
        customer: customer_ref(id),
        salesman: PersonRef {
            id: salesman(501),
            display_name: "김영업".to_owned(),
        },
        consultant: None,
        previous_salesman_id: Some(salesman(500)),
        previous_consultant_id: None,
        strategy: Strategy::PhoneSuffix,
        actor: Actor::System,
    });
    hub.publish(
        ms,
        &envelope(Topic::SalesmanMatch, id + 9000, version),
        &event,
    );
}

struct Sent {
    id: String,
    event: String,
    data: Value,
}

fn sent(client: &Subscription) -> Vec<Sent> {
    let all: Vec<u8> = client.queue.frames().drain(..).flatten().collect();
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

fn last_id(client: &Subscription) -> String {
    sent(client).pop().unwrap().id
}

fn names(client: &Subscription) -> Vec<String> {
    sent(client).into_iter().map(|sent| sent.event).collect()
}

fn versions(client: &Subscription) -> Vec<i64> {
    sent(client)
        .iter()
        .map(|sent| sent.data["version"].as_i64().unwrap())
        .collect()
}

/// A browser whose session began long ago.
fn connect(hub: &Arc<Hub>, subscriber: Subscriber) -> Subscription {
    hub.subscribe(subscriber, LONG_AGO, None)
}

fn reconnect(hub: &Arc<Hub>, subscriber: Subscriber, id: &str) -> Subscription {
    hub.subscribe(subscriber, LONG_AGO, Some(id))
}

fn a_hub() -> Arc<Hub> {
    let hub = Arc::new(Hub::new());
    hub.cover_from(START);
    hub
}

#[test]
fn an_event_reaches_only_its_audience() {
    let hub = a_hub();
    let [own, other] = [1, 2].map(|id| connect(&hub, customer(id)));
    let [salesman, stranger] = [500, 1].map(|id| connect(&hub, person(id)));
    let staff = connect(&hub, Subscriber::Staff);
    progress(&hub, START, 1, 1);
    let sent_events = sent(&own);
    assert_eq!(sent_events.len(), 1);
    assert_eq!(sent_events[0].event, "ConsultationProgressed");
    assert_eq!(
        sent_events[0].data["aggregateId"],
        json!(Uuid::from_u128(1))
    );
    assert_eq!(sent_events[0].data["to"], "approved");
    assert_eq!((names(&salesman).len(), names(&staff).len()), (1, 1));
    assert_eq!((names(&other).len(), names(&stranger).len()), (0, 0));
}

#[test]
fn an_event_that_is_sent_twice_is_published_once() {
    let hub = a_hub();
    let own = connect(&hub, customer(1));
    for version in [1, 2, 2, 1, 3] {
        progress(&hub, START, 1, version);
    }
    assert_eq!(versions(&own), [1, 2, 3]);
}

#[test]
fn ids_rise_when_records_arrive_out_of_order() {
    let hub = a_hub();
    let own = connect(&hub, Subscriber::Staff);
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
            .map(|cursor| (cursor.ms - START, cursor.number))
            .collect::<Vec<_>>(),
        [(30, 1), (30, 2), (30, 3)]
    );
}

#[test]
fn a_slow_browser_gets_one_resync_and_delays_no_other() {
    let hub = a_hub();
    let (slow, fast) = (connect(&hub, customer(1)), connect(&hub, customer(1)));
    for version in 1..=i64::try_from(MAX_FRAMES).unwrap() + 1 {
        progress(&hub, START, 1, version);
        assert_eq!(versions(&fast), [version]);
    }
    progress(&hub, START, 1, 1000);
    assert_eq!(names(&slow), ["resync", "ConsultationProgressed"]);
}

#[test]
fn changed_projects_are_published_at_most_once_a_second() {
    let hub = a_hub();
    let browsers = [connect(&hub, customer(1)), connect(&hub, Subscriber::Staff)];
    let start = Instant::now();
    for (version, after) in [(1, 0), (2, 10), (3, 500), (4, 999)] {
        hub.publish(
            START,
            &envelope(Topic::Project, 8, version),
            &StreamEvent::Project,
        );
        hub.tick(start + Duration::from_millis(after));
    }
    for browser in &browsers {
        assert_eq!(names(browser), ["projects-changed"]);
    }
    hub.tick(start + Duration::from_secs(1));
    hub.tick(start + Duration::from_secs(5));
    for browser in &browsers {
        let sent_events = sent(browser);
        assert_eq!(sent_events.len(), 1);
        assert_eq!(sent_events[0].data["changed"].as_array().unwrap().len(), 3);
        assert_eq!(sent_events[0].data["changed"][0]["version"], 4);
    }
}

#[test]
fn a_resent_event_log_means_one_resync_for_each_browser() {
    let hub = a_hub();
    let own = connect(&hub, customer(1));
    progress(&hub, START, 1, 1);
    let before = last_id(&own);
    let start = Instant::now();
    for after in [0, 500, 1000] {
        hub.note_resend(start + Duration::from_millis(after));
        hub.tick(start + Duration::from_millis(after));
    }
    assert_eq!(names(&own), [""; 0]);
    hub.tick(start + Duration::from_secs(2));
    hub.tick(start + Duration::from_secs(9));
    assert_eq!(names(&own), ["resync"]);
    assert_eq!(names(&reconnect(&hub, customer(1), &before)), ["resync"]);
}

#[test]
fn the_cursor_of_a_browser_without_events_advances() {
    let hub = a_hub();
    let quiet = connect(&hub, customer(1));
    progress(&hub, START + 5, 2, 1);
    let cursor = Cursor::parse(&quiet.cursor().unwrap()).unwrap();
    assert_eq!((cursor.ms, cursor.number), (START + 5, 1));
    progress(&hub, START + 6, 1, 1);
    assert_eq!(quiet.cursor(), None);
}

#[test]
fn a_dropped_subscription_is_removed() {
    let hub = a_hub();
    let (one, two) = (connect(&hub, customer(1)), connect(&hub, customer(1)));
    drop(one);
    assert_eq!(hub.lock().queues[&customer(1)].len(), 1);
    drop(two);
    assert!(hub.lock().queues.is_empty());
}

#[test]
fn reconnecting_to_the_same_gateway_replays_exactly_the_missed() {
    let hub = a_hub();
    let own = connect(&hub, customer(1));
    progress(&hub, START, 1, 1);
    let id = last_id(&own);
    drop(own);
    progress(&hub, START, 2, 1);
    progress(&hub, START, 1, 2);
    progress(&hub, START, 1, 3);
    assert_eq!(versions(&reconnect(&hub, customer(1), &id)), [2, 3]);
}

#[test]
fn reconnecting_to_another_gateway_replays_at_least_the_missed() {
    let (first, second) = (a_hub(), a_hub());
    let own = connect(&first, customer(1));
    progress(&first, START + 20_000, 1, 1);
    let id = last_id(&own);
    for (ms, version) in [(9_000, 1), (15_000, 2), (21_000, 3)] {
        progress(&second, START + ms, 1, version);
    }
    assert_eq!(versions(&reconnect(&second, customer(1), &id)), [2, 3]);
}

#[test]
fn a_cursor_older_than_the_stored_events_gets_one_resync() {
    let (first, second) = (a_hub(), a_hub());
    first.cover_from(0);
    let own = connect(&first, customer(1));
    progress(&first, START, 1, 1);
    let too_old = last_id(&own);
    progress(&second, START, 1, 1);
    for id in [
        too_old.as_str(),
        "nonsense",
        "",
        &format!("{START}-{}-9", second.feed),
    ] {
        let reconnected = reconnect(&second, customer(1), id);
        assert_eq!(names(&reconnected), ["resync"], "{id}");
    }
}

#[test]
fn events_from_before_the_session_are_not_replayed() {
    let hub = a_hub();
    progress(&hub, START + 10, 1, 1);
    progress(&hub, START + 20, 1, 2);
    let began = START + 30;
    let at = |ms: i64, feed: &str, number: u64| format!("{ms}-{feed}-{number}");
    // From before the session; with a forged time; with a forged feed.
    for id in [
        at(START, &hub.feed, 0),
        at(began, &hub.feed, 0),
        at(began, &hub.feed, 1),
        at(began + 5, "0000beef", 1),
    ] {
        for who in [customer(1), person(500), Subscriber::Staff] {
            assert_eq!(
                names(&hub.subscribe(who, began, Some(&id))),
                ["resync"],
                "{id} {who:?}"
            );
        }
    }
    // Other customers had no event: their cursor is valid.
    assert_eq!(
        names(&hub.subscribe(customer(2), began, Some(&at(began, &hub.feed, 0)))),
        [""; 0]
    );
    progress(&hub, began, 1, 3);
    assert_eq!(
        versions(&hub.subscribe(customer(1), began, Some(&at(began, &hub.feed, 2)))),
        [3]
    );
    assert_eq!(
        versions(&reconnect(&hub, customer(1), &at(START, &hub.feed, 0))),
        [1, 2, 3]
    );
}

#[test]
fn a_session_without_events_resumes_at_either_gateway() {
    let hubs = [a_hub(), a_hub()];
    let began = START + 60_000;
    let browser = hubs[0].subscribe(customer(1), began, None);
    let quiet = browser.cursor().unwrap();
    for hub in &hubs {
        let resumed = hub.subscribe(customer(1), began, Some(&quiet));
        assert_eq!(names(&resumed), [""; 0]);
        progress(hub, began + 1, 1, 1);
        let resumed = hub.subscribe(customer(1), began, Some(&quiet));
        assert_eq!(versions(&resumed), [1]);
    }
    let resynced = hubs[0].subscribe(customer(1), began, Some("nonsense"));
    let resync = sent(&resynced).pop().unwrap();
    let resumed = hubs[0].subscribe(customer(1), began, Some(&resync.id));
    assert_eq!(names(&resumed), [""; 0]);
    // Recorded after the session began, by a broker whose clock is behind.
    let elsewhere = a_hub();
    progress(&elsewhere, began - 15_000, 1, 1);
    let resumed = elsewhere.subscribe(customer(1), began, Some(&quiet));
    assert_eq!(names(&resumed), ["resync"]);
}

#[test]
fn replay_after_losing_access_sends_only_removed() {
    let hub = a_hub();
    let before = connect(&hub, Subscriber::Staff).cursor().unwrap();
    progress(&hub, START, 1, 1);
    progress(&hub, START, 2, 1);
    hand_over(&hub, START, 1, 1);
    progress(&hub, START, 2, 2);
    let replayed = |id: u128| {
        let client = reconnect(&hub, person(id), &before);
        sent(&client)
            .into_iter()
            .map(|sent| (sent.event, sent.data["aggregateId"].clone()))
            .collect::<Vec<_>>()
    };
    let event = |name: &str, id: u128| (name.to_owned(), json!(Uuid::from_u128(id)));
    let progressed = |id| event("ConsultationProgressed", id);
    assert_eq!(
        replayed(500),
        [progressed(2), event("removed", 1), progressed(2)]
    );
    assert_eq!(replayed(501), [event("SalesmanMatched", 9001)]);
    // After it is handed back, its later events are replayed.
    progress(&hub, START, 1, 2);
    assert_eq!(
        replayed(500)[1..],
        [event("removed", 1), progressed(2), progressed(1)]
    );
    let staff = reconnect(&hub, Subscriber::Staff, &before);
    assert_eq!(sent(&staff).len(), 5);
}

#[test]
fn a_browser_resumes_from_a_resync() {
    let hub = a_hub();
    let own = reconnect(&hub, customer(1), "nonsense");
    let resync = sent(&own).pop().unwrap();
    drop(own);
    progress(&hub, START, 1, 1);
    assert_eq!(versions(&reconnect(&hub, customer(1), &resync.id)), [1]);
}

#[test]
fn stored_events_are_bounded_and_dropped_ones_mean_resync() {
    let hub = a_hub();
    let at = |number: u64| format!("{START}-{}-{number}", hub.feed);
    for id in 1..=(MAX_STORED as u128 + 10) {
        progress(&hub, START, id, 1);
    }
    assert_eq!(hub.lock().stored.len(), MAX_STORED);
    assert_eq!(names(&reconnect(&hub, customer(1), &at(9))), ["resync"]);
    assert_eq!(names(&reconnect(&hub, customer(1), &at(10))), [""; 0]);
    let foreign = format!("{}-0000beef-1", START + SLACK_MS);
    assert_eq!(names(&reconnect(&hub, customer(1), &foreign)), ["resync"]);
}

#[test]
fn a_reconnecting_browser_gets_one_projects_changed() {
    let hub = a_hub();
    let start = Instant::now();
    let id = connect(&hub, customer(1)).cursor().unwrap();
    for version in 1..=3 {
        hub.publish(
            START,
            &envelope(Topic::Project, 8, version),
            &StreamEvent::Project,
        );
        hub.tick(start + Duration::from_secs(u64::try_from(version).unwrap()));
    }
    assert_eq!(
        names(&reconnect(&hub, customer(1), &id)),
        ["projects-changed"]
    );
}
