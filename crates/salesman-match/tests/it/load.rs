//! Many requests at once, over several instances of the service, and people who cannot hold them all.

use std::ops::Range;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use events::Step;
use futures_util::future::join_all;
use service_kit::db::is_transient;
use service_kit::testing::{TestApp, envelope};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{a_consultation, consultant, progressed, salesman, start};

const REQUESTS: u128 = 1000;
const INSTANCES: usize = 4;

/// Twelve salesmen who can hold 600 matches between them, and four consultants who can hold 400.
const SALESMEN: u128 = 12;
const CONSULTANTS: Range<u128> = 101..105;
const HELD_BY_SALESMAN: u32 = 50;
const HELD_BY_CONSULTANT: u32 = 100;

/// Long enough for two cores that others use, too; a run takes seconds.
const PATIENCE: Duration = Duration::from_mins(2);

async fn instances() -> Vec<TestApp> {
    let mut instances = vec![start().await];
    while instances.len() < INSTANCES {
        let another = instances[0].beside(salesman_match::service()).await;
        instances.push(another);
    }
    for id in 1..=SALESMEN {
        salesman(&instances[0], id, HELD_BY_SALESMAN).await;
    }
    for id in CONSULTANTS {
        consultant(&instances[0], id, HELD_BY_CONSULTANT).await;
    }
    instances
}

/// Requests that many consultations of as many customers at once, each instance its share; they were recorded a millisecond apart.
async fn request_all(instances: &[TestApp]) {
    join_all(
        (0..REQUESTS)
            .zip(instances.iter().cycle())
            .map(|(number, instance)| async move {
                let event = a_consultation(origin(number), &format!("{number:04}"));
                let mut sent = envelope(Uuid::new_v4(), 1, &event);
                sent.recorded_at += TimeDelta::milliseconds(i64::try_from(number).unwrap());
                instance
                    .deliver_raw(&sent, serde_json::to_vec(&event).unwrap())
                    .await;
            }),
    )
    .await;
}

/// The number-th consultation: ids say nothing of its age.
fn origin(number: u128) -> Uuid {
    Uuid::from_u128((number * 7919 % REQUESTS) << 64 | number | 1 << 100)
}

/// Brings these consultations to their end at once, each instance its share.
async fn close_all(instances: &[TestApp], consultations: impl IntoIterator<Item = Uuid>) {
    join_all(consultations.into_iter().zip(instances.iter().cycle()).map(
        |(consultation, instance)| async move {
            instance
                .deliver(2, &progressed(consultation, Step::Succeeded))
                .await;
        },
    ))
    .await;
}

/// Every instance assigns, all at once, until none finds anything to do; tells how many matches were edited.
async fn assign_until_quiet(instances: &[TestApp]) -> usize {
    let assigned = instances.iter().map(|instance| async {
        let mut edited = 0;
        loop {
            match salesman_match::assign_waiting(instance.context()).await {
                Ok(0) => return edited,
                Ok(some) => edited += some,
                // On a busy machine the others may keep it waiting too long for its turn: as the assigner does, it tries again.
                Err(error) => assert!(is_transient(&error), "{error}"),
            }
        }
    });
    join_all(assigned).await.into_iter().sum()
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(app.pool())
        .await
        .unwrap()
}

/// How many people hold more than they can, in one look at everything.
const OVER_CAPACITY: &str = "select count(*) from known_salesman person
    where capacity < (select count(*) from salesman_match where closed_at is null and salesman_id = person.id)
       or capacity < (select count(*) from salesman_match where closed_at is null and consultant_id = person.id)";

/// Looks again and again until it is told to stop; tells how often it looked.
async fn watch_capacity(app: &TestApp, stop: &CancellationToken) -> u32 {
    let mut looks = 0;
    while !stop.is_cancelled() {
        assert_eq!(
            count(app, OVER_CAPACITY).await,
            0,
            "somebody holds more than he can"
        );
        looks += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    looks
}

/// What must be so whenever it is quiet.
async fn check(app: &TestApp) {
    assert_eq!(count(app, OVER_CAPACITY).await, 0);
    for place in ["salesman", "consultant"] {
        // Whose place was filled by which event: a place that stays with the same person is not filled again.
        let previous = if place == "salesman" {
            "previousSalesmanId"
        } else {
            "previousConsultantId"
        };
        let fillings = format!(
            "select aggregateid, pos, (payload -> '{place}' ->> 'id')::uuid person from event_log
             where payload -> '{place}' is not null and payload ->> '{previous}' is distinct from payload -> '{place}' ->> 'id'"
        );
        let twice = format!(
            "select count(*) from (select 1 from ({fillings}) f group by aggregateid having count(*) > 1) twice"
        );
        assert_eq!(
            count(app, &twice).await,
            0,
            "a {place}'s place was filled twice"
        );
        let differing = format!(
            "select count(*) from salesman_match it full join ({fillings}) f on f.aggregateid = it.id
             where it.{place}_id is distinct from f.person"
        );
        assert_eq!(
            count(app, &differing).await,
            0,
            "a {place} is on it and was not told of, or the other way round"
        );
        // In the order in which they were told of, each request is younger than the one before it.
        let overtaken = format!(
            "select count(*) from (select requested_at, lag(requested_at) over (order by pos) before
             from ({fillings}) f join salesman_match it on it.id = f.aggregateid) told
             where before > requested_at"
        );
        assert_eq!(
            count(app, &overtaken).await,
            0,
            "a younger request was given a {place} before an older one"
        );
    }
    let versions = "select count(*) from salesman_match it
        where version <> (select count(*) from event_log where aggregateid = it.id)
           or version <> coalesce((select max(version) from event_log where aggregateid = it.id), 0)";
    assert_eq!(
        count(app, versions).await,
        0,
        "a version is not its last event's"
    );
    assert_eq!(count(app, "select count(*) from parked").await, 0);
}

/// How many of the open matches have somebody in this place; those are the oldest, and no other.
async fn oldest_served(app: &TestApp, place: &str) -> usize {
    let sql = format!(
        "select {place}_id is not null from salesman_match where closed_at is null order by requested_at"
    );
    let served: Vec<bool> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert!(
        served.is_sorted_by(|older, younger| older >= younger),
        "a younger request has a {place} and an older one has none"
    );
    served.into_iter().filter(|served| *served).count()
}

#[expect(
    clippy::print_stderr,
    reason = "how long it takes is for whoever runs it to see"
)]
fn say(what: &str, began: Instant) {
    eprintln!("{what}: {:.1} s", began.elapsed().as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_requests_at_once_the_oldest_are_served_by_four_instances_and_nobody_is_given_too_many()
 {
    let instances = instances().await;
    let app = &instances[0];
    let began = Instant::now();
    request_all(&instances).await;
    say("1,000 requests taken in by four instances", began);
    let watched = CancellationToken::new();
    let work = async {
        let began = Instant::now();
        assert_eq!(assign_until_quiet(&instances).await, 600);
        say("600 of them matched", began);
        check(app).await;
        assert_eq!(oldest_served(app, "salesman").await, 600);
        assert_eq!(oldest_served(app, "consultant").await, 400);
        // No event told of anybody more often than he can hold: closing has not begun yet.
        let at_any_time = "select count(*) from (
                select person, count(*) over (partition by person order by pos) held from (
                    select pos, (payload -> 'salesman' ->> 'id')::uuid person from event_log where payload ->> 'previousSalesmanId' is null
                    union all
                    select pos, (payload -> 'consultant' ->> 'id')::uuid from event_log
                    where payload -> 'consultant' is not null and payload ->> 'previousConsultantId' is null
                ) told
            ) held join known_salesman on id = person where held > capacity";
        assert_eq!(count(app, at_any_time).await, 0);

        // Every second of the first 500 comes to its end while everybody assigns: 250 salesmen's and 200 consultants' places.
        let began = Instant::now();
        let closing = close_all(&instances, (0..500).step_by(2).map(origin));
        let ((), while_closing) = tokio::join!(closing, assign_until_quiet(&instances));
        let after_it = assign_until_quiet(&instances).await;
        // A salesman's place for each that was closed, and some consultants' later.
        assert!(while_closing + after_it >= 250);
        say("250 of them closed, and as many matched", began);
        check(app).await;
        assert_eq!(oldest_served(app, "salesman").await, 600);
        assert_eq!(oldest_served(app, "consultant").await, 400);

        close_all(
            &instances,
            (0..1000)
                .filter(|number| number % 2 == 1 || *number >= 500)
                .map(origin),
        )
        .await;
        assign_until_quiet(&instances).await;
        assert_eq!(
            count(
                app,
                "select count(*) from salesman_match where closed_at is null"
            )
            .await,
            0
        );
        check(app).await;
        watched.cancel();
    };
    let (looks, ()) = tokio::join!(watch_capacity(app, &watched), work);
    assert!(looks > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_instances_with_one_leader_serve_them_while_they_come_and_when_the_leader_stops() {
    let instances = instances().await;
    let app = &instances[0];
    let began = Instant::now();
    let until = async |sql: &str, expected: i64| {
        let reached = async {
            while count(app, sql).await < expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .expect("the queue does not move");
    };
    let (epochs, matched) = (
        "select coalesce(max(epoch), 0) from leader",
        "select count(*) from salesman_match where salesman_id is not null",
    );
    let (mut running, mut stops) = (JoinSet::new(), Vec::new());
    for instance in &instances {
        let stop = CancellationToken::new();
        running.spawn(salesman_match::assign(
            instance.context().clone(),
            stop.clone(),
        ));
        stops.push(stop);
        // The first leads, so that stopping it means something.
        until(epochs, 1).await;
    }
    let watched = CancellationToken::new();
    let work = async {
        request_all(&instances).await;
        until(matched, 600).await;
        say(
            "1,000 requests taken in, and 600 matched by the leader of four instances",
            began,
        );
        assert_eq!(count(app, epochs).await, 1);
        // One after the other stops, the leader first; whoever is left takes over.
        let began = Instant::now();
        for (last, stop) in stops.iter().enumerate().take(INSTANCES - 1) {
            stop.cancel();
            let served: Vec<Uuid> = sqlx::query_scalar(
                "select origin_id from salesman_match where closed_at is null and salesman_id is not null limit 50",
            )
            .fetch_all(app.pool())
            .await
            .unwrap();
            close_all(&instances, served).await;
            until(matched, 600 + (i64::try_from(last).unwrap() + 1) * 50).await;
        }
        say(
            "three instances stopped, 150 closed and as many matched",
            began,
        );
        assert!(count(app, epochs).await > 1, "nobody took over");
        for stop in &stops {
            stop.cancel();
        }
        watched.cancel();
    };
    let (looks, ()) = tokio::join!(watch_capacity(app, &watched), work);
    running.join_all().await;
    assert!(looks > 1);
    assert_eq!(count(app, OVER_CAPACITY).await, 0);
    assert_eq!(count(app, matched).await, 750);
    let told_twice = "select count(*) from (select 1 from event_log where payload ->> 'previousSalesmanId' is null
                      group by aggregateid having count(*) > 1) twice";
    assert_eq!(count(app, told_twice).await, 0);
}
