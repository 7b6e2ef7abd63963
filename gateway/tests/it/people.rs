//! Who there is among salesmen and consultants, with a real Kafka.

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

use crate::fixture::{Running, config, in_time, somebody, start_with};
use crate::stream::Stream;

/// Topics of its own.
struct Broker {
    settings: kafka::Settings,
    producer: FutureProducer,
}

impl Broker {
    async fn new() -> Self {
        let settings = testing::kafka().await;
        let producer = settings.client().create().unwrap();
        Self { settings, producer }
    }

    async fn gateway(&self) -> Running {
        let mut config = config().await;
        config.kafka = self.settings.clone();
        start_with(config).await
    }

    /// Publishes an event that is so old, marked as sent again or not.
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
        in_time(
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

/// What the gateway knows of somebody, once it is this.
async fn known(gateway: &Running, id: Uuid, expected: (&str, &str, bool, i64)) {
    let arrives = async {
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
    in_time(&format!("{expected:?} is known"), arrives).await;
}

fn inactive(name: &str) -> Profile {
    Profile {
        active: false,
        ..a_profile(name, PersonRole::Salesman, 10)
    }
}

#[tokio::test]
async fn whoever_was_registered_long_ago_is_known_to_a_gateway_that_starts_now() {
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
    known(&gateway, salesman, ("하늘", "salesman", true, 1)).await;
    known(&gateway, consultant, ("바다", "consultant", true, 1)).await;
    known(&gateway, replayed, ("구름", "salesman", true, 1)).await;
}

#[tokio::test]
async fn browsers_are_told_nothing_of_what_is_older_than_what_the_feed_covers() {
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
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let mut stream = Stream::of(staff.get("/api/stream").open().await);
    known(&gateway, old, ("하늘", "salesman", false, 2)).await;
    broker
        .register(new, a_profile("바다", PersonRole::Salesman, 10), 0)
        .await;
    let told = stream.next().await;
    assert_eq!(
        (told.event.as_str(), &told.data["aggregateId"]),
        ("SalesmanRegistered", &json!(new))
    );
}

#[tokio::test]
async fn the_newest_version_of_somebody_stands_whatever_comes_after_it() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let (id, mark) = (Uuid::new_v4(), Uuid::new_v4());
    broker
        .update(id, 3, a_profile("셋", PersonRole::Salesman, 10))
        .await;
    known(&gateway, id, ("셋", "salesman", true, 3)).await;
    broker.update(id, 2, inactive("둘")).await;
    broker.update(id, 3, inactive("셋 다시")).await;
    broker
        .update(id, 4, a_profile("넷", PersonRole::Salesman, 10))
        .await;
    broker
        .register(mark, a_profile("끝", PersonRole::Salesman, 10), 0)
        .await;
    known(&gateway, mark, ("끝", "salesman", true, 1)).await;
    known(&gateway, id, ("넷", "salesman", true, 4)).await;
}

#[tokio::test]
async fn somebody_who_is_made_inactive_loses_his_session_and_his_stream_within_two_seconds() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let (gone, other) = (Uuid::new_v4(), Uuid::new_v4());
    for (id, name) in [(gone, "하늘"), (other, "바다")] {
        broker
            .register(id, a_profile(name, PersonRole::Salesman, 10), 0)
            .await;
        known(&gateway, id, (name, "salesman", true, 1)).await;
    }
    let caller = gateway
        .as_(&Identity {
            role: Role::Salesman,
            subject: gone,
            phone: None,
        })
        .await;
    let unharmed = gateway
        .as_(&Identity {
            role: Role::Salesman,
            subject: other,
            phone: None,
        })
        .await;
    let mut stream = Stream::of(caller.get("/api/stream").open().await);
    let mut stays = Stream::of(unharmed.get("/api/stream").open().await);
    assert!(stream.block().await.is_some() && stays.block().await.is_some());

    broker.update(gone, 2, inactive("하늘")).await;
    let ended = async { while stream.block().await.is_some() {} };
    timeout(Duration::from_secs(2), ended)
        .await
        .expect("the stream ends within two seconds");
    assert_eq!(
        caller.get("/api/interests").send().await.problem(),
        (401, "sign-in-required".to_owned())
    );
    assert_eq!(unharmed.get("/api/interests").send().await.status, 200);

    // Who comes back signs in anew.
    broker
        .update(gone, 3, a_profile("하늘", PersonRole::Salesman, 10))
        .await;
    known(&gateway, gone, ("하늘", "salesman", true, 3)).await;
    assert_eq!(caller.get("/api/interests").send().await.status, 401);
}

#[tokio::test]
async fn a_database_that_is_away_holds_back_nothing_but_who_there_is() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let mut stream = Stream::of(staff.get("/api/stream").open().await);
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
    known(&gateway, first, ("하늘이", "salesman", true, 2)).await;
    known(&gateway, second, ("바다", "salesman", true, 1)).await;
}

#[tokio::test]
async fn a_topic_of_salesmen_holds_what_no_gateway_stumbles_over() {
    let broker = Broker::new().await;
    let name = Topic::Salesman.name(&broker.settings.topic_prefix);
    let id = Uuid::new_v4();
    for payload in [b"{}".as_slice(), b"\xff", b""] {
        let record: FutureRecord<'_, str, [u8]> =
            FutureRecord::to(&name).payload(payload).partition(0);
        in_time(
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
    known(&gateway, id, ("하늘", "salesman", true, 1)).await;
}
