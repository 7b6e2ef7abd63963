//! From Kafka into the service.

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
async fn what_was_produced_before_the_service_started_is_taken_in_once_though_it_was_sent_twice() {
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
        .until("everything is tallied", "select count(*) >= 100 from tally")
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
async fn a_service_that_comes_back_goes_on_where_it_stopped() {
    let world = World::new().await;
    world.db().await;
    let (producer, project) = (world.producer(), a_project(Uuid::from_u128(1)));
    for version in 1..=3_i64 {
        produce_event(&producer, &world.kafka, version, &project).await;
        let replica = world.run(tallying().await).await;
        world
            .until(
                "it is tallied",
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
    assert_eq!(committed(&world).await, 3);
}

/// How many records of the topic the service's group is done with.
async fn committed(world: &World) -> i64 {
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
        let mut asked = rdkafka::TopicPartitionList::new();
        asked.add_partition_range(&topic, 0, Topic::PARTITIONS - 1);
        let offsets = consumer.committed_offsets(asked, crate::PATIENCE).unwrap();
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
async fn a_policy_that_asks_to_be_tried_again_is_in_the_end_applied_once_and_in_order() {
    let world = World::new().await;
    world.db().await;
    let stubborn = Uuid::from_u128(1);
    sqlx::query("insert into obstacle values ($1, 1)")
        .bind(stubborn)
        .execute(&world.pool)
        .await
        .unwrap();
    let (producer, project) = (world.producer(), a_project(stubborn));
    for version in 1..=5 {
        produce_event(&producer, &world.kafka, version, &project).await;
    }
    // One in another partition, which does not wait.
    let key = |id: Uuid| kafka::partition(id.to_string().as_bytes());
    let other = (2..1000)
        .map(Uuid::from_u128)
        .find(|id| key(*id) != key(stubborn))
        .unwrap();
    produce_event(&producer, &world.kafka, 1, &a_project(other)).await;
    let replica = world.run(tallying().await).await;
    world
        .until(
            "the other partition flows",
            "select count(*) = 1 from tally",
        )
        .await;
    assert_eq!(world.tallied(stubborn).await, Vec::<i64>::new());
    sqlx::query("update obstacle set tries_left = 0")
        .execute(&world.pool)
        .await
        .unwrap();
    world
        .until("everything is tallied", "select count(*) = 6 from tally")
        .await;
    assert_eq!(world.tallied(stubborn).await, [1, 2, 3, 4, 5]);
    assert_eq!(world.count("parked").await, 0);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_parks_with_its_successors_and_everything_else_flows_on() {
    let world = World::new().await;
    world.db().await;
    // All in one partition, so that whatever stood still would hold all of it up.
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
    // No headers at all; a header with NUL; one that is no UTF-8; a null one; a payload that is none; a NUL that a message repeats; refused.
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
    let odd = String::from_utf8(payload(ids[5]))
        .unwrap()
        .replace("planned", "pl\\u0000nned");
    produce(
        &producer,
        &world.kafka,
        ids[5],
        kafka::headers(&good(ids[5])),
        odd.as_bytes(),
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
        .until("the last flows", "select exists (select 1 from tally)")
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
    // What parked is done with: nothing of it comes again.
    assert_eq!(committed(&world).await, 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_with_many_refused_records_takes_all_the_others_in() {
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
            "everything is decided",
            "select (select count(*) from tally) + (select count(*) from parked) = 600",
        )
        .await;
    assert_eq!(world.count("parked where reason = 'refused'").await, 86);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_come_and_go_and_every_event_is_applied_once_and_in_order() {
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
                .until(
                    "something is left to do",
                    "select count(*) < 1200 from tally",
                )
                .await;
            old.stop().await;
            old = new;
        }
        old
    };
    let (last, ()) = tokio::join!(rolling, sending);
    world
        .until(
            "everything is tallied",
            "select count(*) >= 1200 from tally",
        )
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
async fn a_partition_that_was_paused_when_it_moved_away_flows_when_it_comes_back() {
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
        // One producer keeps their order: they are sent before any is waited for.
        let sent =
            (first..first + 500).map(|version| produce_event(&producer, kafka, version, &project));
        futures_util::future::join_all(sent).await;
    }
    let staying = world.run(tallying().await).await;
    // Nothing tells from outside that a lane has more than it may hold (1,000 records wait behind the obstacle), nor which replica has the
    // partition: this test waits, and would only miss the fault if it waited too short.
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
        .until(
            "everything is tallied",
            "select count(*) >= 2500 from tally",
        )
        .await;
    assert_eq!(
        world.tallied(Uuid::from_u128(1)).await,
        (1..=EVENTS).collect::<Vec<_>>()
    );
    staying.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_drops_its_connections_costs_nothing_but_time() {
    let world = World::new().await;
    world.db().await;
    let replica = world.run(tallying().await).await;
    let (producer, project) = (world.producer(), a_project(Uuid::from_u128(1)));
    for version in 1..=60 {
        produce_event(&producer, &world.kafka, version, &project).await;
        if version % 10 == 0 {
            sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ktgg-project' and datname = current_database() and pid <> pg_backend_pid()")
                .execute(&world.pool)
                .await
                .unwrap();
        }
    }
    world
        .until("everything is tallied", "select count(*) >= 60 from tally")
        .await;
    assert_eq!(
        world.tallied(Uuid::from_u128(1)).await,
        (1..=60).collect::<Vec<_>>()
    );
    assert_eq!(world.count("parked").await, 0);
    replica.stop().await;
}

/// The tests' Kafka, and the prefix of topics that are not there.
async fn without_topics() -> kafka::Settings {
    // Every set of topics costs a small broker memory, so one of them has to do for all who want only its address.
    static ANY: OnceCell<kafka::Settings> = OnceCell::const_new();
    let topic_prefix = format!("test-{}", Uuid::new_v4().simple());
    kafka::Settings {
        topic_prefix,
        ..ANY.get_or_init(testing::kafka).await.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_with_another_number_of_partitions_ends_the_service_and_is_named() {
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
    let said = format!("{error:#}");
    assert!(
        said.contains(&format!(
            "{name} must have 12 partitions for ever, but has 3"
        )),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_forgets_ends_the_service_and_is_named() {
    let kafka = without_topics().await;
    let admin: AdminClient<DefaultClientContext> = kafka.client().create().unwrap();
    let name = Topic::Project.name(&kafka.topic_prefix);
    let topic = NewTopic::new(&name, 12, TopicReplication::Fixed(1)).set("retention.ms", "1000");
    admin
        .create_topics(&[topic], &AdminOptions::new())
        .await
        .unwrap();
    let world = World::with(kafka).await;
    let said = format!(
        "{:#}",
        world
            .start(tallying().await, &[])
            .await
            .end()
            .await
            .unwrap_err()
    );
    assert!(
        said.contains(&format!("{name} must keep everything")),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_topics_are_not_there_yet_serves_and_waits_for_them() {
    let kafka = without_topics().await;
    let world = World::with(kafka).await;
    let replica = world.start(tallying().await, &[]).await;
    world
        .until(
            "its schema is there",
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
