//! Many concurrent requests on several instances, with too little capacity for all of them.

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

/// Twelve salesmen with a total capacity of 600, and four consultants with a total of 400.
const SALESMEN: u128 = 12;
const CONSULTANTS: Range<u128> = 101..105;
const SALESMAN_CAPACITY: u32 = 50;
const CONSULTANT_CAPACITY: u32 = 100;

/// Enough for a busy machine with two cores; a run takes seconds.
const TIMEOUT: Duration = Duration::from_mins(2);

async fn instances() -> Vec<TestApp> {
    let mut instances = vec![start().await];
    while instances.len() < INSTANCES {
        let another = instances[0].replica(salesman_match::service()).await;
        instances.push(another);
    }
    for id in 1..=SALESMEN {
        salesman(&instances[0], id, SALESMAN_CAPACITY).await;
    }
    for id in CONSULTANTS {
        consultant(&instances[0], id, CONSULTANT_CAPACITY).await;
    }
    instances
}

/// Requests consultations of different customers concurrently, spread over the instances. They were
/// recorded a millisecond apart.
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

/// The id of a consultation. Ids are not in the order of age.
fn origin(number: u128) -> Uuid {
    Uuid::from_u128((number * 7919 % REQUESTS) << 64 | number | 1 << 100)
}

/// Closes these consultations concurrently, spread over the instances.
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

/// All instances assign concurrently until nothing is left. Returns the number of changed matches.
async fn assign_until_quiet(instances: &[TestApp]) -> usize {
    let assigned = instances.iter().map(|instance| async {
        let mut total = 0;
        loop {
            match salesman_match::assign_waiting(instance.context()).await {
                Ok(0) => return total,
                Ok(changed) => total += changed,
                // A lock timeout on a busy machine. The assigner retries too.
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

/// The number of people over capacity, in one snapshot.
const OVER_CAPACITY: &str = "select count(*) from known_salesman person
    where capacity < (select count(*) from salesman_match
                      where closed_at is null and salesman_id = person.id)
       or capacity < (select count(*) from salesman_match
                      where closed_at is null and consultant_id = person.id)";

/// Checks capacities repeatedly until cancelled. Returns the number of checks.
async fn watch_capacity(app: &TestApp, stop: &CancellationToken) -> u32 {
    let mut checks = 0;
    while !stop.is_cancelled() {
        assert_eq!(
            count(app, OVER_CAPACITY).await,
            0,
            "a person is over capacity"
        );
        checks += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    checks
}

/// The invariants between two phases.
async fn check(app: &TestApp) {
    assert_eq!(count(app, OVER_CAPACITY).await, 0);
    for role in ["salesman", "consultant"] {
        // The events that put another person into this role.
        let previous = if role == "salesman" {
            "previousSalesmanId"
        } else {
            "previousConsultantId"
        };
        let assignments = format!(
            "select aggregateid, pos, (payload -> '{role}' ->> 'id')::uuid person from event_log
             where payload -> '{role}' is not null
               and payload ->> '{previous}' is distinct from payload -> '{role}' ->> 'id'"
        );
        let twice = format!(
            "select count(*) from (select 1 from ({assignments}) a
                                   group by aggregateid having count(*) > 1) twice"
        );
        assert_eq!(count(app, &twice).await, 0, "a {role} was assigned twice");
        let differing = format!(
            "select count(*) from salesman_match m
             full join ({assignments}) a on a.aggregateid = m.id
             where m.{role}_id is distinct from a.person"
        );
        assert_eq!(
            count(app, &differing).await,
            0,
            "the {role} of a match differs from its events"
        );
        // In the order of the events, no request is older than the one before.
        let overtaken = format!(
            "select count(*) from (select requested_at, lag(requested_at) over (order by pos) before
             from ({assignments}) a join salesman_match m on m.id = a.aggregateid) assigned
             where before > requested_at"
        );
        assert_eq!(
            count(app, &overtaken).await,
            0,
            "a newer request got a {role} before an older one"
        );
    }
    let versions = "select count(*) from salesman_match m
        where version <> (select count(*) from event_log where aggregateid = m.id)
           or version <> coalesce(
                  (select max(version) from event_log where aggregateid = m.id), 0)";
    assert_eq!(
        count(app, versions).await,
        0,
        "the version of a match differs from its last event"
    );
    assert_eq!(count(app, "select count(*) from parked").await, 0);
}

/// The number of open matches with this role filled, which must be the oldest ones.
async fn oldest_matched(app: &TestApp, role: &str) -> usize {
    let sql = format!(
        "select {role}_id is not null from salesman_match
         where closed_at is null order by requested_at"
    );
    let matched: Vec<bool> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert!(
        matched.is_sorted_by(|older, younger| older >= younger),
        "a newer request has a {role} and an older one has none"
    );
    matched.into_iter().filter(|matched| *matched).count()
}

#[expect(
    clippy::print_stderr,
    reason = "durations are shown to those who run the test"
)]
fn report(phase: &str, start: Instant) {
    eprintln!("{phase}: {:.1} s", start.elapsed().as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thousand_requests_on_four_instances_respect_capacity() {
    let instances = instances().await;
    let app = &instances[0];
    let start = Instant::now();
    request_all(&instances).await;
    report("1,000 requests consumed by four instances", start);
    let watched = CancellationToken::new();
    let work = async {
        let start = Instant::now();
        assert_eq!(assign_until_quiet(&instances).await, 600);
        report("600 of them matched", start);
        check(app).await;
        assert_eq!(oldest_matched(app, "salesman").await, 600);
        assert_eq!(oldest_matched(app, "consultant").await, 400);
        // Before the first closing, events alone must not exceed any capacity.
        let over_capacity = "select count(*) from (
                select person, count(*) over (partition by person order by pos) load from (
                    select pos, (payload -> 'salesman' ->> 'id')::uuid person from event_log
                    where payload ->> 'previousSalesmanId' is null
                    union all
                    select pos, (payload -> 'consultant' ->> 'id')::uuid from event_log
                    where payload -> 'consultant' is not null
                      and payload ->> 'previousConsultantId' is null
                ) assigned
            ) loads join known_salesman on id = person where load > capacity";
        assert_eq!(count(app, over_capacity).await, 0);

        // Half of the first 500 close while all instances assign: this frees the capacity of 250
        // salesmen and 200 consultants.
        let start = Instant::now();
        let closing = close_all(&instances, (0..500).step_by(2).map(origin));
        let ((), while_closing) = tokio::join!(closing, assign_until_quiet(&instances));
        let afterwards = assign_until_quiet(&instances).await;
        // A salesman for each closed match, and some consultants later.
        assert!(while_closing + afterwards >= 250);
        report("250 of them closed, and as many matched", start);
        check(app).await;
        assert_eq!(oldest_matched(app, "salesman").await, 600);
        assert_eq!(oldest_matched(app, "consultant").await, 400);

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
    let (checks, ()) = tokio::join!(watch_capacity(app, &watched), work);
    assert!(checks > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn leader_of_four_instances_assigns_and_fails_over() {
    let instances = instances().await;
    let app = &instances[0];
    let start = Instant::now();
    let until = async |sql: &str, expected: i64| {
        let reached = async {
            while count(app, sql).await < expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, reached)
            .await
            .expect("the queue does not move in time");
    };
    let (epochs, matched) = (
        "select coalesce(max(epoch), 0) from leader",
        "select count(*) from salesman_match where salesman_id is not null",
    );
    let (mut running, mut stops) = (JoinSet::new(), Vec::new());
    for instance in &instances {
        let stop = CancellationToken::new();
        running.spawn(salesman_match::run_assigner(
            instance.context().clone(),
            stop.clone(),
        ));
        stops.push(stop);
        // The first instance is the leader, so that stopping it forces a failover.
        until(epochs, 1).await;
    }
    let watched = CancellationToken::new();
    let work = async {
        request_all(&instances).await;
        until(matched, 600).await;
        report(
            "1,000 requests consumed, and 600 matched by the leader of four instances",
            start,
        );
        assert_eq!(count(app, epochs).await, 1);
        // Instances stop one after the other, the leader first. The rest take over.
        let start = Instant::now();
        for (index, stop) in stops.iter().enumerate().take(INSTANCES - 1) {
            stop.cancel();
            let open: Vec<Uuid> = sqlx::query_scalar(
                "select origin_id from salesman_match
                 where closed_at is null and salesman_id is not null limit 50",
            )
            .fetch_all(app.pool())
            .await
            .unwrap();
            close_all(&instances, open).await;
            until(matched, 600 + (i64::try_from(index).unwrap() + 1) * 50).await;
        }
        report(
            "three instances stopped, 150 closed and as many matched",
            start,
        );
        assert!(count(app, epochs).await > 1, "no instance took over");
        for stop in &stops {
            stop.cancel();
        }
        watched.cancel();
    };
    let (checks, ()) = tokio::join!(watch_capacity(app, &watched), work);
    running.join_all().await;
    assert!(checks > 1);
    assert_eq!(count(app, OVER_CAPACITY).await, 0);
    assert_eq!(count(app, matched).await, 750);
    let matched_twice = "select count(*) from (
            select 1 from event_log where payload ->> 'previousSalesmanId' is null
            group by aggregateid having count(*) > 1
        ) twice";
    assert_eq!(count(app, matched_twice).await, 0);
}
