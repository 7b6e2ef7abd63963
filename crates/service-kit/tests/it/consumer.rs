//! The consumer: from Kafka into the service.

use events::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use service_kit::messaging::kafka;
use service_kit::testing;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{World, a_project, produce, produce_enveloped, produce_event, tallying};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_from_before_the_start_are_applied_once() {
    let world = World::new().await;
    world.db().await;
    let producer = world.producer();
    for aggregate in 0..20 {
        let project = a_project(Uuid::from_u128(aggregate));
        for version in 1..=5 {
            let envelope = testing::envelope(Uuid::new_v4(), version, &project);
            produce_enveloped(&producer, &world.kafka, &envelope, &project).await;
            produce_enveloped(&producer, &world.kafka, &envelope, &project).await;
        }
    }
    let replica = world.run(tallying().await).await;
    world
        .until("all are tallied", "select count(*) >= 100 from tally")
        .await;
    produce_event(&producer, &world.kafka, 1, &a_project(Uuid::from_u128(99))).await;
    world
        .until("the last is tallied", "select count(*) >= 101 from tally")
        .await;
    replica.stop().await;
    for aggregate in 0..20 {
        assert_eq!(
            world.tallied(Uuid::from_u128(aggregate)).await,
            [1, 2, 3, 4, 5]
        );
    }
    assert_eq!(
        (world.count("inbox").await, world.count("parked").await),
        (101, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_service_continues_where_it_stopped() {
    let world = World::new().await;
    world.db().await;
    let (producer, project) = (world.producer(), a_project(Uuid::from_u128(1)));
    for version in 1..=3_i64 {
        produce_event(&producer, &world.kafka, version, &project).await;
        let replica = world.run(tallying().await).await;
        world
            .until(
                "all are tallied",
                match version {
                    1 => "select count(*) = 1 from tally",
                    2 => "select count(*) = 2 from tally",
                    _ => "select count(*) = 3 from tally",
                },
            )
            .await;
        replica.stop().await;
    }
    assert_eq!(world.tallied(Uuid::from_u128(1)).await, [1, 2, 3]);
    assert_eq!(committed_offsets(&world).await, 3);
}

/// The sum of the committed offsets of the service's group.
async fn committed_offsets(world: &World) -> i64 {
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    let (settings, topic) = (
        world.kafka.clone(),
        Topic::Project.name(&world.kafka.topic_prefix),
    );
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = settings
            .client()
            .set("group.id", settings.group(crate::NAME))
            .create()
            .unwrap();
        let mut partitions = rdkafka::TopicPartitionList::new();
        partitions.add_partition_range(&topic, 0, Topic::PARTITIONS - 1);
        let offsets = consumer
            .committed_offsets(partitions, crate::TIMEOUT)
            .unwrap();
        offsets
            .elements()
            .iter()
            .filter_map(|element| element.offset().to_raw())
            .filter(|offset| *offset > 0)
            .sum()
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retried_policy_is_applied_once_and_in_order() {
    let world = World::new().await;
    world.db().await;
    let blocked = Uuid::from_u128(1);
    sqlx::query("insert into obstacle values ($1, 1)")
        .bind(blocked)
        .execute(&world.pool)
        .await
        .unwrap();
    let (producer, project) = (world.producer(), a_project(blocked));
    for version in 1..=5 {
        produce_event(&producer, &world.kafka, version, &project).await;
    }
    // Another partition does not wait.
    let key = |id: Uuid| kafka::partition(id.to_string().as_bytes());
    let other = (2..1000)
        .map(Uuid::from_u128)
        .find(|id| key(*id) != key(blocked))
        .unwrap();
    produce_event(&producer, &world.kafka, 1, &a_project(other)).await;
    let replica = world.run(tallying().await).await;
    world
        .until(
            "the other partition is consumed",
            "select count(*) = 1 from tally",
        )
        .await;
    assert_eq!(world.tallied(blocked).await, Vec::<i64>::new());
    sqlx::query("update obstacle set tries_left = 0")
        .execute(&world.pool)
        .await
        .unwrap();
    world
        .until("all are tallied", "select count(*) = 6 from tally")
        .await;
    assert_eq!(world.tallied(blocked).await, [1, 2, 3, 4, 5]);
    assert_eq!(world.count("parked").await, 0);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_records_are_parked_and_hold_only_their_aggregate() {
    let world = World::new().await;
    world.db().await;
    // All in one partition, which a blocked record would hold up.
    let partition = |id: &Uuid| kafka::partition(id.to_string().as_bytes());
    let first = partition(&Uuid::from_u128(0));
    let ids: Vec<Uuid> = (0..10_000)
        .map(Uuid::from_u128)
        .filter(|id| partition(id) == first)
        .take(8)
        .collect();
    let producer = world.producer();
    let good = |id: Uuid| testing::envelope(Uuid::new_v4(), 1, &a_project(id));
    let payload = |id: Uuid| serde_json::to_vec(&a_project(id)).unwrap();
    let with = |id: Uuid, name: &'static str, value: &'static [u8]| {
        kafka::headers(&good(id)).insert(Header {
            key: name,
            value: Some(value),
        })
    };
    // No headers; a header with NUL, one that is not UTF-8, a null one; an empty payload, one with
    // a NUL that the error quotes; and one that the policy refuses.
    produce(&producer, &world.kafka, ids[0], OwnedHeaders::new(), b"{}").await;
    produce(
        &producer,
        &world.kafka,
        ids[1],
        with(ids[1], "ce_type", b"a\0b"),
        &payload(ids[1]),
    )
    .await;
    produce(
        &producer,
        &world.kafka,
        ids[2],
        with(ids[2], "ce_subject", b"\xff\xfe"),
        &payload(ids[2]),
    )
    .await;
    let null = kafka::headers(&good(ids[3])).insert(Header {
        key: "ce_id",
        value: None::<&[u8]>,
    });
    produce(&producer, &world.kafka, ids[3], null, &payload(ids[3])).await;
    produce(
        &producer,
        &world.kafka,
        ids[4],
        kafka::headers(&good(ids[4])),
        b"",
    )
    .await;
    let invalid = String::from_utf8(payload(ids[5]))
        .unwrap()
        .replace("planned", "pl\\u0000nned");
    produce(
        &producer,
        &world.kafka,
        ids[5],
        kafka::headers(&good(ids[5])),
        invalid.as_bytes(),
    )
    .await;
    let mut nameless = a_project(ids[6]);
    nameless.edition.name.clear();
    produce_event(&producer, &world.kafka, 1, &nameless).await;
    for id in &ids[..7] {
        produce_event(&producer, &world.kafka, 2, &a_project(*id)).await;
    }
    produce_event(&producer, &world.kafka, 1, &a_project(ids[7])).await;

    let replica = world.run(tallying().await).await;
    world
        .until("the last is applied", "select exists (select 1 from tally)")
        .await;
    assert_eq!(world.tallied(ids[7]).await, [1]);
    assert_eq!(world.count("tally").await, 1);
    let parked: Vec<(String, Uuid)> =
        sqlx::query_as("select reason, aggregateid from parked order by \"offset\"")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let reasons: Vec<&str> = parked.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(reasons[..4], ["unreadable"; 4]);
    assert_eq!(reasons[4..7], ["refused"; 3]);
    assert_eq!(reasons[7..], ["held"; 7]);
    assert_eq!(
        parked.iter().map(|(_, id)| *id).collect::<Vec<_>>(),
        [&ids[..7], &ids[..7]].concat()
    );
    replica.stop().await;
    // Parked records are committed, too.
    assert_eq!(committed_offsets(&world).await, 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_with_refused_records_applies_the_others() {
    let world = World::new().await;
    world.db().await;
    let producer = world.producer();
    let mut sending = Vec::new();
    for aggregate in 0..600_u128 {
        let mut project = a_project(Uuid::from_u128(aggregate));
        if aggregate % 7 == 0 {
            project.edition.name.clear();
        }
        sending.push(async {
            let project = project;
            produce_event(&producer, &world.kafka, 1, &project).await;
        });
    }
    futures_util::future::join_all(sending).await;
    let replica = world.run(tallying().await).await;
    world
        .until(
            "all are applied or parked",
            "select (select count(*) from tally) + (select count(*) from parked) = 600",
        )
        .await;
    assert_eq!(world.count("parked where reason = 'refused'").await, 86);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_applied_once_in_order_while_replicas_roll() {
    const AGGREGATES: u128 = 40;
    const EVENTS: i64 = 30;
    let world = World::new().await;
    world.db().await;
    let producer = world.producer();
    let sending = async {
        for version in 1..=EVENTS {
            let all = (0..AGGREGATES).map(|id| {
                let (producer, kafka) = (&producer, &world.kafka);
                async move {
                    produce_event(producer, kafka, version, &a_project(Uuid::from_u128(id))).await;
                }
            });
            futures_util::future::join_all(all).await;
        }
    };
    let rolling = async {
        let mut old = world.run(tallying().await).await;
        for _ in 0..3 {
            let new = world.start(tallying().await, &[]).await;
            world
                .until("some are left", "select count(*) < 1200 from tally")
                .await;
            old.stop().await;
            old = new;
        }
        old
    };
    let (last, ()) = tokio::join!(rolling, sending);
    world
        .until("all are tallied", "select count(*) >= 1200 from tally")
        .await;
    last.stop().await;
    for id in 0..AGGREGATES {
        assert_eq!(
            world.tallied(Uuid::from_u128(id)).await,
            (1..=EVENTS).collect::<Vec<_>>(),
            "{id}"
        );
    }
    assert_eq!(world.count("parked").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_partition_is_consumed_after_it_moved_and_came_back() {
    const EVENTS: i64 = 2500;
    let world = World::new().await;
    world.db().await;
    let project = a_project(Uuid::from_u128(1));
    sqlx::query("insert into obstacle values ($1, 1)")
        .bind(Uuid::from_u128(1))
        .execute(&world.pool)
        .await
        .unwrap();
    let (producer, kafka) = (world.producer(), &world.kafka);
    for first in (1..=EVENTS).step_by(500) {
        // Sent before any acknowledgement, so that the producer keeps the order.
        let sent =
            (first..first + 500).map(|version| produce_event(&producer, kafka, version, &project));
        futures_util::future::join_all(sent).await;
    }
    let staying = world.run(tallying().await).await;
    // That a partition is paused (1,000 records wait behind the obstacle), and which replica has
    // it, is not visible from outside. With too short a wait, the test would only miss a fault.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    for _ in 0..2 {
        let passing = world.start(tallying().await, &[]).await;
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        passing.stop().await;
    }
    sqlx::query("delete from obstacle")
        .execute(&world.pool)
        .await
        .unwrap();
    world
        .until("all are tallied", "select count(*) >= 2500 from tally")
        .await;
    assert_eq!(
        world.tallied(Uuid::from_u128(1)).await,
        (1..=EVENTS).collect::<Vec<_>>()
    );
    staying.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_database_connections_only_delay_events() {
    let world = World::new().await;
    world.db().await;
    let replica = world.run(tallying().await).await;
    let (producer, project) = (world.producer(), a_project(Uuid::from_u128(1)));
    for version in 1..=60 {
        produce_event(&producer, &world.kafka, version, &project).await;
        if version % 10 == 0 {
            sqlx::query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where application_name = 'ktgg-project' and datname = current_database()
                   and pid <> pg_backend_pid()",
            )
            .execute(&world.pool)
            .await
            .unwrap();
        }
    }
    world
        .until("all are tallied", "select count(*) >= 60 from tally")
        .await;
    assert_eq!(
        world.tallied(Uuid::from_u128(1)).await,
        (1..=60).collect::<Vec<_>>()
    );
    assert_eq!(world.count("parked").await, 0);
    replica.stop().await;
}

/// The Kafka of the tests, with a prefix of topics that do not exist.
async fn without_topics() -> kafka::Settings {
    // A small broker needs memory for each set of topics, so these tests share one.
    static SHARED: OnceCell<kafka::Settings> = OnceCell::const_new();
    let topic_prefix = format!("test-{}", Uuid::new_v4().simple());
    kafka::Settings {
        topic_prefix,
        ..SHARED.get_or_init(testing::kafka).await.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topic_with_wrong_partition_count_ends_the_service() {
    let kafka = without_topics().await;
    let admin: AdminClient<DefaultClientContext> = kafka.client().create().unwrap();
    let name = Topic::Project.name(&kafka.topic_prefix);
    let topic = NewTopic::new(&name, 3, TopicReplication::Fixed(1))
        .set("retention.ms", "-1")
        .set("cleanup.policy", "delete");
    admin
        .create_topics(&[topic], &AdminOptions::new())
        .await
        .unwrap();
    let world = World::with(kafka).await;
    let error = world
        .start(tallying().await, &[])
        .await
        .end()
        .await
        .unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains(&format!("{name} must always have 12 partitions, but has 3")),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topic_with_limited_retention_ends_the_service() {
    let kafka = without_topics().await;
    let admin: AdminClient<DefaultClientContext> = kafka.client().create().unwrap();
    let name = Topic::Project.name(&kafka.topic_prefix);
    let topic = NewTopic::new(&name, 12, TopicReplication::Fixed(1)).set("retention.ms", "1000");
    admin
        .create_topics(&[topic], &AdminOptions::new())
        .await
        .unwrap();
    let world = World::with(kafka).await;
    let error = format!(
        "{:#}",
        world
            .start(tallying().await, &[])
            .await
            .end()
            .await
            .unwrap_err()
    );
    assert!(
        error.contains(&format!("{name} must have cleanup.policy=delete")),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_serves_while_it_waits_for_its_topics() {
    let kafka = without_topics().await;
    let world = World::with(kafka).await;
    let replica = world.start(tallying().await, &[]).await;
    world
        .until(
            "the schema exists",
            "select true from tally union all select true limit 1",
        )
        .await;
    world.kafka.create_topics().await.unwrap();
    replica.ready().await;
    produce_event(
        &world.producer(),
        &world.kafka,
        1,
        &a_project(Uuid::from_u128(1)),
    )
    .await;
    world
        .until("it is tallied", "select count(*) = 1 from tally")
        .await;
    replica.stop().await;
}
