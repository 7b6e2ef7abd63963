//! From the event log to Kafka.

use std::collections::BTreeMap;
use std::time::Duration;

use events::Topic;
use service_kit::messaging::event_log;
use service_kit::tasks::spawn;
use service_kit::trace;
use sqlx::Connection as _;
use uuid::Uuid;

use crate::{World, a_project, append, publishing};

const EMPTY: &str = "select not exists (select 1 from outbox_pending)";

/// Every aggregate's versions in the order in which they first came, with how many records there were.
async fn first_copies(world: &World) -> (BTreeMap<String, Vec<i64>>, usize) {
    let mut versions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let records = world.records(Topic::Project).await;
    for record in &records {
        let seen = versions.entry(record.key.clone()).or_default();
        if !seen.contains(&record.version()) {
            seen.push(record.version());
        }
    }
    (versions, records.len())
}

async fn epoch(world: &World) -> i64 {
    sqlx::query_scalar("select epoch from leader where name = 'relay'")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appended_event_reaches_its_topic_as_a_cloud_event_in_the_partition_of_its_key() {
    let world = World::new().await;
    let db = world.db().await;
    let id = Uuid::from_u128(0x77);
    let parent = trace::start();
    trace::within(Some(parent.clone()), append(&db, 1, id)).await;
    let replica = world.run(publishing().await).await;
    world.until("nothing is pending", EMPTY).await;
    let records = world.records(Topic::Project).await;
    assert_eq!(records.len(), 1);
    let record = &records[0];
    let (logged, at): (Uuid, String) =
        sqlx::query_as("select id, to_char(recorded_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from event_log")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", &logged.to_string()),
        ("ce_source", "/ktgg/project"),
        ("ce_type", "ktgg.ProjectCreated.v1"),
        ("ce_subject", &id.to_string()),
        ("ce_time", &at),
        ("ce_aggregatetype", "project"),
        ("ce_aggregateversion", "1"),
        ("content-type", "application/json"),
        ("traceparent", &parent),
    ] {
        assert_eq!(record.header(name), value, "{name}");
    }
    assert_eq!(record.headers.len(), 10);
    assert_eq!(record.key, id.to_string());
    assert_eq!(
        record.partition,
        service_kit::messaging::kafka::partition(id.to_string().as_bytes())
    );
    assert_eq!(
        serde_json::from_slice::<events::ProjectCreated>(&record.payload).unwrap(),
        a_project(id)
    );
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_aggregate_arrive_in_order_while_transactions_append_side_by_side() {
    const AGGREGATES: u128 = 25;
    const EVENTS: i64 = 20;
    let world = World::new().await;
    let db = world.db().await;
    let replica = world.run(publishing().await).await;
    let appending: Vec<_> = (0..AGGREGATES)
        .map(|aggregate| {
            let db = db.clone();
            spawn(async move {
                for version in 1..=EVENTS {
                    let mut tx = db.begin().await.unwrap();
                    event_log::append(&mut tx, version, &a_project(Uuid::from_u128(aggregate)))
                        .await
                        .unwrap();
                    // Others commit between this one's append and its commit: `pos` is not the order of commits.
                    tokio::task::yield_now().await;
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for one in appending {
        one.await.unwrap();
    }
    world.until("nothing is pending", EMPTY).await;
    let (versions, records) = first_copies(&world).await;
    assert_eq!((versions.len(), records), (25, 500));
    for (key, versions) in versions {
        assert_eq!(versions, (1..=EVENTS).collect::<Vec<_>>(), "{key}");
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolled_back_event_is_neither_logged_nor_sent() {
    let world = World::new().await;
    let db = world.db().await;
    let replica = world.run(publishing().await).await;
    let mut tx = db.begin().await.unwrap();
    event_log::append(&mut tx, 1, &a_project(Uuid::from_u128(1)))
        .await
        .unwrap();
    drop(tx);
    append(&db, 1, Uuid::from_u128(2)).await;
    world
        .until(
            "nothing is pending",
            "select not exists (select 1 from outbox_pending) and exists (select 1 from event_log)",
        )
        .await;
    let (versions, _) = first_copies(&world).await;
    assert_eq!(
        versions.into_keys().collect::<Vec<_>>(),
        [Uuid::from_u128(2).to_string()]
    );
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_one_leads_undisturbed_and_the_other_takes_over_when_it_stops() {
    let world = World::new().await;
    let db = world.db().await;
    let first = world.run(publishing().await).await;
    world
        .until(
            "the first leads",
            "select exists (select 1 from leader where name = 'relay')",
        )
        .await;
    let second = world.run(publishing().await).await;
    append(&db, 1, Uuid::from_u128(1)).await;
    world.until("nothing is pending", EMPTY).await;
    // The follower tries once a second: long enough for it to have tried, and too short for a silence.
    world
        .until("a heartbeat", "select beat_at > pg_postmaster_start_time() and clock_timestamp() - beat_at < '1 s' from leader")
        .await;
    let before: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("select beat_at from leader")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let beats = async {
        loop {
            let now: chrono::DateTime<chrono::Utc> =
                sqlx::query_scalar("select beat_at from leader")
                    .fetch_one(&world.pool)
                    .await
                    .unwrap();
            if (now - before).num_seconds() >= 4 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(crate::PATIENCE, beats)
        .await
        .expect("the leader's heart does not beat");
    assert_eq!(
        epoch(&world).await,
        1,
        "a leader that is well was ended by its follower"
    );

    first.stop().await;
    append(&db, 2, Uuid::from_u128(1)).await;
    world.until("nothing is pending", EMPTY).await;
    assert_eq!(epoch(&world).await, 2);
    second.stop().await;
    let (versions, records) = first_copies(&world).await;
    assert_eq!(
        (versions.into_values().collect::<Vec<_>>(), records),
        (vec![vec![1, 2]], 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_connection_is_ended_is_replaced_and_nothing_is_lost() {
    let world = World::new().await;
    let db = world.db().await;
    let (first, second) = (
        world.run(publishing().await).await,
        world.run(publishing().await).await,
    );
    for round in 1..=3_i64 {
        for version in (round - 1) * 20 + 1..=round * 20 {
            append(&db, version, Uuid::from_u128(1)).await;
            if version % 20 == 10 {
                sqlx::query(
                    "select pg_terminate_backend(backend_pid) from leader where name = 'relay'",
                )
                .execute(&world.pool)
                .await
                .unwrap();
            }
        }
        world.until("nothing is pending", EMPTY).await;
        assert!(epoch(&world).await > round);
    }
    let (versions, _) = first_copies(&world).await;
    assert_eq!(
        versions.into_values().collect::<Vec<_>>(),
        [(1..=60).collect::<Vec<_>>()]
    );
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_went_silent_is_ended_by_a_follower() {
    let world = World::new().await;
    let db = world.db().await;
    append(&db, 1, Uuid::from_u128(1)).await;
    // A process that froze just after it began to lead: its connection lives, its heart does not beat.
    let mut frozen = sqlx::PgConnection::connect(world.config(&[]).database_url.expose())
        .await
        .unwrap();
    sqlx::query("select pg_advisory_lock(hashtextextended('ktgg/project/relay', 0))")
        .execute(&mut frozen)
        .await
        .unwrap();
    sqlx::query("insert into leader values ('relay', 7, pg_backend_pid(), clock_timestamp())")
        .execute(&mut frozen)
        .await
        .unwrap();
    let replica = world.run(publishing().await).await;
    sqlx::query("update leader set beat_at = clock_timestamp() - interval '11 s'")
        .execute(&world.pool)
        .await
        .unwrap();
    world.until("nothing is pending", EMPTY).await;
    assert_eq!(epoch(&world).await, 8);
    assert!(
        sqlx::query("select 1").execute(&mut frozen).await.is_err(),
        "the silent leader still has its connection"
    );
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pending_when_the_service_stops_is_still_sent() {
    let world = World::new().await;
    let db = world.db().await;
    let replica = world.run(publishing().await).await;
    append(&db, 1, Uuid::from_u128(1)).await;
    world.until("it leads", EMPTY).await;
    let mut tx = db.begin().await.unwrap();
    for version in 2..=2001 {
        event_log::append(&mut tx, version, &a_project(Uuid::from_u128(1)))
            .await
            .unwrap();
    }
    // By another process: no bell rings in the one that leads.
    tx.commit().await.unwrap();
    replica.stop().await;
    assert_eq!(world.count("outbox_pending").await, 0);
    let (versions, _) = first_copies(&world).await;
    assert_eq!(
        versions.into_values().collect::<Vec<_>>(),
        [(1..=2001).collect::<Vec<_>>()]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_rang_for_is_found_by_the_leaders_own_look() {
    let world = World::new().await;
    let db = world.db().await;
    let leading = world.run(publishing().await).await;
    append(&db, 1, Uuid::from_u128(1)).await;
    world.until("it leads", EMPTY).await;
    let following = world.run(publishing().await).await;
    // The tests' own process appends to the ledger of both: the leader's poll finds it if no bell does.
    for version in 2..=20 {
        append(&db, version, Uuid::from_u128(1)).await;
        world.until("nothing is pending", EMPTY).await;
    }
    assert_eq!(first_copies(&world).await.1, 20);
    following.stop().await;
    leading.stop().await;
}
