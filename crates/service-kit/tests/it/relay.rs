//! The relay: from the event log to Kafka.

use std::collections::BTreeMap;
use std::time::Duration;

use events::Topic;
use service_kit::messaging::event_log;
use service_kit::tasks::spawn;
use service_kit::trace::{self, TraceContext};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::{World, a_project, append, publishing};

const NOTHING_PENDING: &str = "select not exists (select 1 from outbox_pending)";

/// The versions of each aggregate in the order of their first copies, and the number of records.
async fn first_copies(world: &World) -> (BTreeMap<String, Vec<i64>>, usize) {
    let mut versions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let records = world.records(Topic::Project).await;
    for record in &records {
        let versions = versions.entry(record.key.clone()).or_default();
        if !versions.contains(&record.version()) {
            versions.push(record.version());
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
async fn event_becomes_a_cloud_event_in_the_partition_of_its_key() {
    let world = World::new().await;
    let db = world.db().await;
    let id = Uuid::from_u128(0x77);
    let context = TraceContext::start();
    trace::within(context, append(&db, 1, id)).await;
    let replica = world.run(publishing().await).await;
    world.until("nothing is pending", NOTHING_PENDING).await;
    let records = world.records(Topic::Project).await;
    assert_eq!(records.len(), 1);
    let record = &records[0];
    let (event_id, time): (Uuid, String) = sqlx::query_as(
        "select id, to_char(recorded_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')
         from event_log",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", &event_id.to_string()),
        ("ce_source", "/ktgg/project"),
        ("ce_type", "ktgg.ProjectCreated.v1"),
        ("ce_subject", &id.to_string()),
        ("ce_time", &time),
        ("ce_aggregatetype", "project"),
        ("ce_aggregateversion", "1"),
        ("content-type", "application/json"),
        ("traceparent", &context.to_string()),
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
async fn concurrent_transactions_keep_each_aggregates_order() {
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
                    // Other transactions commit in between: `pos` is not the order of commits.
                    tokio::task::yield_now().await;
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for task in appending {
        task.await.unwrap();
    }
    world.until("nothing is pending", NOTHING_PENDING).await;
    let (versions, records) = first_copies(&world).await;
    assert_eq!((versions.len(), records), (25, 500));
    for (key, versions) in versions {
        assert_eq!(versions, (1..=EVENTS).collect::<Vec<_>>(), "{key}");
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolled_back_event_is_neither_logged_nor_sent() {
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
async fn follower_takes_over_only_when_the_leader_stops() {
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
    world.until("nothing is pending", NOTHING_PENDING).await;
    // A follower tries once a second: the test waits long enough for an attempt.
    world
        .until(
            "a heartbeat",
            "select beat_at > pg_postmaster_start_time()
                    and clock_timestamp() - beat_at < '1 s' from leader",
        )
        .await;
    let before: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("select beat_at from leader")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let heartbeats = async {
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
    tokio::time::timeout(crate::TIMEOUT, heartbeats)
        .await
        .expect("the leader writes no heartbeat");
    assert_eq!(
        epoch(&world).await,
        1,
        "the follower terminated a healthy leader"
    );

    first.stop().await;
    append(&db, 2, Uuid::from_u128(1)).await;
    world.until("nothing is pending", NOTHING_PENDING).await;
    assert_eq!(epoch(&world).await, 2);
    second.stop().await;
    let (versions, records) = first_copies(&world).await;
    assert_eq!(
        (versions.into_values().collect::<Vec<_>>(), records),
        (vec![vec![1, 2]], 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_without_connection_is_replaced_and_nothing_is_lost() {
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
        world.until("nothing is pending", NOTHING_PENDING).await;
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
async fn follower_terminates_a_leader_without_heartbeat() {
    let world = World::new().await;
    let db = world.db().await;
    append(&db, 1, Uuid::from_u128(1)).await;
    // A frozen process: it keeps its connection, but writes no heartbeat.
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
    world.until("nothing is pending", NOTHING_PENDING).await;
    assert_eq!(epoch(&world).await, 8);
    assert!(
        sqlx::query("select 1").execute(&mut frozen).await.is_err(),
        "the silent leader still has its connection"
    );
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pending_events_are_sent_during_the_stop() {
    let world = World::new().await;
    let db = world.db().await;
    let replica = world.run(publishing().await).await;
    append(&db, 1, Uuid::from_u128(1)).await;
    world.until("it leads", NOTHING_PENDING).await;
    let mut tx = db.begin().await.unwrap();
    for version in 2..=2001 {
        event_log::append(&mut tx, version, &a_project(Uuid::from_u128(1)))
            .await
            .unwrap();
    }
    // Committed outside the replica, which is not notified.
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
async fn leader_finds_events_without_a_notification() {
    let world = World::new().await;
    let db = world.db().await;
    let leading = world.run(publishing().await).await;
    append(&db, 1, Uuid::from_u128(1)).await;
    world.until("it leads", NOTHING_PENDING).await;
    let following = world.run(publishing().await).await;
    // This process, which is neither replica, appends: only the leader's poll can find it.
    for version in 2..=20 {
        append(&db, version, Uuid::from_u128(1)).await;
        world.until("nothing is pending", NOTHING_PENDING).await;
    }
    assert_eq!(first_copies(&world).await.1, 20);
    following.stop().await;
    leading.stop().await;
}
