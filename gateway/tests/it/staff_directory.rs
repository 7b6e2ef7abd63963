//! The staff directory: salesmen and consultants from Kafka, and what their deactivation ends.

use std::time::Duration;

use events::{
    Actor, Event, PersonRole, Profile, SalesmanId, SalesmanRegistered, SalesmanUpdated, Topic,
};
use rdkafka::message::Header;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use service_kit::auth::{Identity, Role};
use service_kit::messaging::kafka;
use service_kit::testing::{a_profile, envelope};
use service_kit::{Clock as _, clock::SystemClock, testing};
use tokio::time::timeout;
use uuid::Uuid;

use crate::accounts::AccountFixture;
use crate::stream_connection::Stream;
use crate::test_gateway::{TestGateway, config, identity, start_with, with_timeout};

/// A Kafka client with its own topics.
struct Broker {
    settings: kafka::Settings,
    producer: FutureProducer,
}

impl Broker {
    async fn new() -> Self {
        // With the times that these tests send.
        let settings = testing::kafka_without_topics();
        settings.create_topics_with_host_time().await.unwrap();
        let producer = settings.client().create().unwrap();
        Self { settings, producer }
    }

    async fn gateway(&self) -> TestGateway {
        let mut config = config().await;
        config.kafka = self.settings.clone();
        start_with(config).await
    }

    /// Publishes an event that is some minutes old, with or without the replay header.
    async fn publish<E: Event>(&self, version: i64, event: &E, minutes: i64, is_replay: bool) {
        let mut headers = kafka::headers(&envelope(Uuid::new_v4(), version, event));
        if is_replay {
            headers = headers.insert(Header {
                key: "ktgg-replay",
                value: Some("1"),
            });
        }
        let at = SystemClock.now() - chrono::TimeDelta::minutes(minutes);
        let (name, key) = (
            E::TOPIC.name(&self.settings.topic_prefix),
            kafka::key(event.aggregate_id()),
        );
        let payload = serde_json::to_vec(event).unwrap();
        let record = FutureRecord::to(&name)
            .key(&key)
            .payload(&payload)
            .headers(headers)
            .timestamp(at.timestamp_millis());
        let record = record.partition(kafka::partition(key.as_bytes()));
        with_timeout(
            "the record is acknowledged",
            self.producer.send_result(record).unwrap(),
        )
        .await
        .unwrap()
        .unwrap();
    }

    async fn register(&self, id: Uuid, profile: Profile, minutes: i64) {
        let event = SalesmanRegistered {
            salesman_id: SalesmanId(id),
            profile,
            actor: Actor::System,
        };
        self.publish(1, &event, minutes, false).await;
    }

    async fn update(&self, id: Uuid, version: i64, profile: Profile) {
        let event = SalesmanUpdated {
            salesman_id: SalesmanId(id),
            profile,
            actor: Actor::System,
        };
        self.publish(version, &event, 0, false).await;
    }
}

/// Waits until the gateway has stored this name, role, activity and version of a person.
async fn wait_for_person(gateway: &TestGateway, id: Uuid, expected: (&str, &str, bool, i64)) {
    let stored = async {
        loop {
            let row: Option<(String, String, bool, i64)> = sqlx::query_as(
                "select display_name, role, active, version from person where id = $1",
            )
            .bind(id)
            .fetch_optional(gateway.db.pool())
            .await
            .unwrap();
            if row.as_ref().map(|(name, role, active, version)| {
                (name.as_str(), role.as_str(), *active, *version)
            }) == Some(expected)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    with_timeout(&format!("{expected:?} is stored"), stored).await;
}

fn inactive(name: &str) -> Profile {
    Profile {
        active: false,
        ..a_profile(name, PersonRole::Salesman, 10)
    }
}

#[tokio::test]
async fn starting_gateway_reads_people_from_the_whole_topic() {
    let broker = Broker::new().await;
    let (salesman, consultant, replayed) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    broker
        .register(
            salesman,
            a_profile("하늘", PersonRole::Salesman, 10),
            60 * 24,
        )
        .await;
    broker
        .register(
            consultant,
            a_profile("바다", PersonRole::Consultant, 10),
            60 * 24,
        )
        .await;
    let profile = a_profile("구름", PersonRole::Salesman, 10);
    let event = SalesmanRegistered {
        salesman_id: SalesmanId(replayed),
        profile,
        actor: Actor::System,
    };
    broker.publish(1, &event, 60 * 24, true).await;
    let gateway = broker.gateway().await;
    wait_for_person(&gateway, salesman, ("하늘", "salesman", true, 1)).await;
    wait_for_person(&gateway, consultant, ("바다", "consultant", true, 1)).await;
    wait_for_person(&gateway, replayed, ("구름", "salesman", true, 1)).await;
}

#[tokio::test]
async fn events_from_before_the_feed_are_not_streamed() {
    let broker = Broker::new().await;
    let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
    broker
        .register(old, a_profile("하늘", PersonRole::Salesman, 10), 60)
        .await;
    let event = SalesmanUpdated {
        salesman_id: SalesmanId(old),
        profile: inactive("하늘"),
        actor: Actor::System,
    };
    broker.publish(2, &event, 60, true).await;
    let gateway = broker.gateway().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let mut stream = Stream::new(staff.get("/api/stream").open().await);
    wait_for_person(&gateway, old, ("하늘", "salesman", false, 2)).await;
    broker
        .register(new, a_profile("바다", PersonRole::Salesman, 10), 0)
        .await;
    let event = stream.next().await;
    assert_eq!(
        (event.event.as_str(), &event.data["aggregateId"]),
        ("SalesmanRegistered", &json!(new))
    );
}

#[tokio::test]
async fn older_version_does_not_overwrite_a_newer_one() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let (id, last) = (Uuid::new_v4(), Uuid::new_v4());
    broker
        .update(id, 3, a_profile("셋", PersonRole::Salesman, 10))
        .await;
    wait_for_person(&gateway, id, ("셋", "salesman", true, 3)).await;
    broker.update(id, 2, inactive("둘")).await;
    broker.update(id, 3, inactive("셋 다시")).await;
    broker
        .update(id, 4, a_profile("넷", PersonRole::Salesman, 10))
        .await;
    broker
        .register(last, a_profile("끝", PersonRole::Salesman, 10), 0)
        .await;
    wait_for_person(&gateway, last, ("끝", "salesman", true, 1)).await;
    wait_for_person(&gateway, id, ("넷", "salesman", true, 4)).await;
}

#[tokio::test]
async fn deactivation_ends_sessions_and_streams_within_two_seconds() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let (deactivated, other) = (Uuid::new_v4(), Uuid::new_v4());
    for (id, name) in [(deactivated, "하늘"), (other, "바다")] {
        broker
            .register(id, a_profile(name, PersonRole::Salesman, 10), 0)
            .await;
        wait_for_person(&gateway, id, (name, "salesman", true, 1)).await;
    }
    let caller = gateway
        .caller(&Identity {
            role: Role::Salesman,
            subject: deactivated,
            phone: None,
        })
        .await;
    let other_caller = gateway
        .caller(&Identity {
            role: Role::Salesman,
            subject: other,
            phone: None,
        })
        .await;
    let mut stream = Stream::new(caller.get("/api/stream").open().await);
    let mut other_stream = Stream::new(other_caller.get("/api/stream").open().await);
    assert!(stream.block().await.is_some() && other_stream.block().await.is_some());

    broker.update(deactivated, 2, inactive("하늘")).await;
    let ended = async { while stream.block().await.is_some() {} };
    timeout(Duration::from_secs(2), ended)
        .await
        .expect("the stream ends within two seconds");
    assert_eq!(
        caller.get("/api/interests").send().await.problem(),
        (401, "sign-in-required".to_owned())
    );
    assert_eq!(other_caller.get("/api/interests").send().await.status, 200);

    // After a reactivation, the old session stays invalid.
    broker
        .update(deactivated, 3, a_profile("하늘", PersonRole::Salesman, 10))
        .await;
    wait_for_person(&gateway, deactivated, ("하늘", "salesman", true, 3)).await;
    assert_eq!(caller.get("/api/interests").send().await.status, 401);
}

#[tokio::test]
async fn streams_continue_while_people_cannot_be_stored() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let mut stream = Stream::new(staff.get("/api/stream").open().await);
    sqlx::query("alter table person rename to elsewhere")
        .execute(gateway.db.pool())
        .await
        .unwrap();
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    broker
        .register(first, a_profile("하늘", PersonRole::Salesman, 10), 0)
        .await;
    assert_eq!(stream.next().await.data["aggregateId"], json!(first));
    broker
        .update(first, 2, a_profile("하늘이", PersonRole::Salesman, 10))
        .await;
    assert_eq!(stream.next().await.data["version"], 2);
    sqlx::query("alter table elsewhere rename to person")
        .execute(gateway.db.pool())
        .await
        .unwrap();
    broker
        .register(second, a_profile("바다", PersonRole::Salesman, 10), 0)
        .await;
    wait_for_person(&gateway, first, ("하늘이", "salesman", true, 2)).await;
    wait_for_person(&gateway, second, ("바다", "salesman", true, 1)).await;
}

#[tokio::test]
async fn unreadable_salesman_records_are_skipped() {
    let broker = Broker::new().await;
    let name = Topic::Salesman.name(&broker.settings.topic_prefix);
    let id = Uuid::new_v4();
    for payload in [b"{}".as_slice(), b"\xff", b""] {
        let record: FutureRecord<'_, str, [u8]> =
            FutureRecord::to(&name).payload(payload).partition(0);
        with_timeout(
            "the record is acknowledged",
            broker.producer.send_result(record).unwrap(),
        )
        .await
        .unwrap()
        .unwrap();
    }
    broker
        .register(id, a_profile("하늘", PersonRole::Salesman, 10), 60)
        .await;
    let gateway = broker.gateway().await;
    wait_for_person(&gateway, id, ("하늘", "salesman", true, 1)).await;
}

#[tokio::test]
async fn account_is_found_by_its_salesman_or_consultant() {
    let fixture = AccountFixture::new().await;
    let (person, account) = fixture
        .create_person_account("haneul", Role::Salesman)
        .await;
    fixture.create_staff_account("gwanri").await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let accounts = async |person: Uuid| {
        let answer = staff.get(&format!("/api/accounts?person={person}"));
        answer.send().await.json()["items"].clone()
    };
    let found = accounts(person).await;
    assert_eq!(found[0]["id"], json!(account));
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(accounts(Uuid::new_v4()).await, json!([]));
}
