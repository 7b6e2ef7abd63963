//! The events of the stream: audience, replay and resync, with a real Kafka.

use std::sync::Arc;

use chrono::TimeDelta;
use events::{
    Actor, ConsultationId, CustomerId, CustomerRef, Event, InterestId, LastFour, MatchId, Origin,
    PersonRef, PersonRole, ProjectId, SalesmanId, SalesmanMatched, SalesmanRegistered, Strategy,
    Topic,
};
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use service_kit::auth::{Identity, Role};
use service_kit::clock::{DatabaseClock, SystemClock};
use service_kit::messaging::kafka;
use service_kit::testing::MockClock;
use service_kit::{Clock as _, testing};
use uuid::Uuid;

use crate::stream_connection::{Stream, StreamEvent};
use crate::test_gateway::{TestGateway, config, identity, start_at, start_with, with_timeout};

const CUSTOMER: Uuid = Uuid::from_u128(1);
const SALESMAN: Uuid = Uuid::from_u128(2);
const PREVIOUS: Uuid = Uuid::from_u128(3);
const STAFF: Uuid = Uuid::from_u128(4);

/// A client with its own topics on the broker of `cargo xtask test`.
struct Broker {
    settings: kafka::Settings,
    producer: FutureProducer,
}

impl Broker {
    async fn new() -> Self {
        let broker = Self::without_topics();
        broker.settings.create_topics().await.unwrap();
        broker
    }

    /// Its records have the time that they are sent with.
    async fn with_host_time() -> Self {
        let broker = Self::without_topics();
        let created = broker.settings.create_topics_with_host_time();
        created.await.unwrap();
        broker
    }

    fn without_topics() -> Self {
        let settings = testing::kafka_without_topics();
        let producer = settings.client().create().unwrap();
        Self { settings, producer }
    }

    async fn gateway(&self) -> TestGateway {
        let mut config = config().await;
        config.kafka = self.settings.clone();
        start_with(config).await
    }

    async fn send(&self, topic: Topic, key: Uuid, headers: OwnedHeaders, payload: &[u8]) {
        let (name, key) = (topic.name(&self.settings.topic_prefix), kafka::key(key));
        let record = FutureRecord::to(&name)
            .key(&key)
            .payload(payload)
            .headers(headers)
            .partition(kafka::partition(key.as_bytes()));
        with_timeout(
            "the record is acknowledged",
            self.producer.send_result(record).unwrap(),
        )
        .await
        .unwrap()
        .unwrap();
    }

    /// Publishes an event with the time of a host whose clock is so many hours ahead.
    async fn publish_at<E: Event>(&self, hours: i64, version: i64, event: &E) {
        let id = event.aggregate_id();
        let (topic, key) = (E::TOPIC.name(&self.settings.topic_prefix), kafka::key(id));
        let payload = serde_json::to_vec(event).unwrap();
        let at = SystemClock.now() + chrono::TimeDelta::hours(hours);
        let record = FutureRecord::to(&topic)
            .key(&key)
            .payload(&payload)
            .headers(kafka::headers(&envelope(E::TYPE, E::TOPIC, id, version)))
            .timestamp(at.timestamp_millis())
            .partition(kafka::partition(key.as_bytes()));
        let sent = self.producer.send_result(record).unwrap();
        let sent = with_timeout("the record is acknowledged", sent).await;
        sent.unwrap().unwrap();
    }

    async fn publish<E: Event>(&self, version: i64, event: &E) {
        let headers = kafka::headers(&envelope(E::TYPE, E::TOPIC, event.aggregate_id(), version));
        self.send(
            E::TOPIC,
            event.aggregate_id(),
            headers,
            &serde_json::to_vec(event).unwrap(),
        )
        .await;
    }
}

fn envelope(type_name: &str, topic: Topic, aggregate_id: Uuid, version: i64) -> events::Envelope {
    events::Envelope {
        id: Uuid::new_v4(),
        type_name: type_name.to_owned(),
        aggregate_type: topic.aggregate().to_owned(),
        aggregate_id,
        version,
        recorded_at: SystemClock.now(),
        traceparent: None,
    }
}

fn salesman_matched(id: u128) -> SalesmanMatched {
    SalesmanMatched {
        match_id: MatchId(Uuid::from_u128(id)),
        origin: Origin::Consultation(ConsultationId(Uuid::from_u128(id + 1))),
        origin_version: None,
        project_id: ProjectId(Uuid::from_u128(50)),
        project_name: Some("스마트상점 기술보급사업".to_owned()),
        customer: CustomerRef {
            customer_id: CustomerId(CUSTOMER),
            last_four: LastFour::try_from("5678".to_owned()).unwrap(),
        },
        salesman: PersonRef {
            id: SalesmanId(SALESMAN),
            display_name: "김영업".to_owned(),
        },
        consultant: None,
        previous_salesman_id: Some(SalesmanId(PREVIOUS)),
        previous_consultant_id: None,
        strategy: Strategy::PhoneSuffix,
        actor: Actor::System,
    }
}

async fn stream(gateway: &TestGateway, role: Role, subject: Uuid) -> Stream {
    Stream::new(
        gateway
            .caller(&Identity {
                role,
                subject,
                phone: None,
            })
            .await
            .get("/api/stream")
            .open()
            .await,
    )
}

fn is_match(event: &StreamEvent, id: u128, version: i64) -> bool {
    event.event == "SalesmanMatched"
        && event.data["aggregateId"] == json!(Uuid::from_u128(id))
        && event.data["version"] == version
}

#[tokio::test]
async fn event_reaches_its_audience_on_every_gateway() {
    let broker = Broker::new().await;
    let gateways = [broker.gateway().await, broker.gateway().await];
    let mut browsers = Vec::new();
    for gateway in &gateways {
        let customer = stream(gateway, Role::Customer, CUSTOMER).await;
        let salesman = stream(gateway, Role::Salesman, SALESMAN).await;
        let previous = stream(gateway, Role::Salesman, PREVIOUS).await;
        let staff = stream(gateway, Role::Staff, STAFF).await;
        browsers.push((customer, salesman, previous, staff));
    }
    broker.publish(1, &salesman_matched(100)).await;
    for (mut customer, mut salesman, mut previous, mut staff) in browsers {
        let event = customer.next().await;
        assert!(is_match(&event, 100, 1), "{event:?}");
        assert_eq!(event.data["salesman"]["displayName"], "김영업");
        assert_eq!(event.data.get("previousSalesmanId"), None);
        assert!(is_match(&salesman.next().await, 100, 1));
        assert!(is_match(&staff.next().await, 100, 1));
        let removed = previous.next().await;
        assert_eq!(removed.event, "removed");
        assert_eq!(
            removed.data,
            json!({
                "type": "removed",
                "aggregate": "consultation",
                "aggregateId": Uuid::from_u128(101),
            })
        );
    }
}

#[tokio::test]
async fn unreadable_records_and_duplicates_are_skipped() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let mut customer = stream(&gateway, Role::Customer, CUSTOMER).await;
    let key = Uuid::from_u128(100);
    broker
        .send(Topic::SalesmanMatch, key, OwnedHeaders::new(), b"{}")
        .await;
    let null = OwnedHeaders::new().insert(Header {
        key: "ce_id",
        value: None::<&[u8]>,
    });
    broker.send(Topic::SalesmanMatch, key, null, b"{}").await;
    let unknown = kafka::headers(&envelope(
        "ktgg.SalesmanUnknown.v1",
        Topic::SalesmanMatch,
        key,
        1,
    ));
    broker.send(Topic::SalesmanMatch, key, unknown, b"{}").await;
    let not_json = kafka::headers(&envelope(
        SalesmanMatched::TYPE,
        Topic::SalesmanMatch,
        key,
        1,
    ));
    broker
        .send(Topic::SalesmanMatch, key, not_json, b"\xff")
        .await;
    for version in [1, 1, 2, 1, 3] {
        broker.publish(version, &salesman_matched(100)).await;
    }
    for version in [1, 2, 3] {
        let event = customer.next().await;
        assert!(is_match(&event, 100, version), "{version}: {event:?}");
    }
}

/// Opens the stream with a cursor.
async fn reconnect(gateway: &TestGateway, cookie: &str, last_seen: &str) -> Stream {
    Stream::new(
        gateway
            .get("/api/stream")
            .cookie(cookie)
            .header("last-event-id", last_seen)
            .open()
            .await,
    )
}

#[tokio::test]
async fn cursor_from_before_the_sign_in_replays_nothing() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let identity = Identity {
        role: Role::Customer,
        subject: CUSTOMER,
        phone: None,
    };
    let old_cookie = gateway.cookie(&identity).await;
    let mut first = Stream::new(gateway.get("/api/stream").cookie(&old_cookie).open().await);
    let start = first
        .block()
        .await
        .unwrap()
        .split_once("id: ")
        .unwrap()
        .1
        .to_owned();
    broker.publish(1, &salesman_matched(100)).await;
    let received = first.next().await.id;
    drop(first);
    gateway
        .sessions
        .end_all(Role::Customer, CUSTOMER)
        .await
        .unwrap();
    let new_cookie = gateway.cookie(&identity).await;
    let [_, feed, number] = start.splitn(3, '-').collect::<Vec<_>>().try_into().unwrap();
    let future = format!(
        "{}-{feed}-{number}",
        SystemClock.now().timestamp_millis() + 60_000
    );
    for last_seen in [&start, &future] {
        let mut stream = reconnect(&gateway, &new_cookie, last_seen).await;
        assert_eq!(stream.next().await.event, "resync", "{last_seen}");
    }
    // There is nothing between this one and the sign-in.
    let mut resumed = reconnect(&gateway, &new_cookie, &received).await;
    // After the sign-in, a stream without a cursor misses no event.
    let mut stream = Stream::new(gateway.get("/api/stream").cookie(&new_cookie).open().await);
    broker.publish(2, &salesman_matched(100)).await;
    let event = stream.next().await;
    assert!(is_match(&event, 100, 2), "{event:?}");
    assert!(is_match(&resumed.next().await, 100, 2));
    broker.publish(3, &salesman_matched(100)).await;
    assert!(is_match(&stream.next().await, 100, 3));
    assert!(is_match(
        &reconnect(&gateway, &new_cookie, &event.id)
            .await
            .next()
            .await,
        100,
        3
    ));
}

#[tokio::test]
async fn replay_after_losing_access_sends_only_removed() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let cookie = gateway
        .cookie(&Identity {
            role: Role::Salesman,
            subject: PREVIOUS,
            phone: None,
        })
        .await;
    let mut first = Stream::new(gateway.get("/api/stream").cookie(&cookie).open().await);
    let start = first
        .block()
        .await
        .unwrap()
        .split_once("id: ")
        .unwrap()
        .1
        .to_owned();
    let previous = PersonRef {
        id: SalesmanId(PREVIOUS),
        display_name: "박영업".to_owned(),
    };
    broker
        .publish(
            1,
            &SalesmanMatched {
                salesman: previous,
                previous_salesman_id: None,
                ..salesman_matched(100)
            },
        )
        .await;
    assert!(is_match(&first.next().await, 100, 1));
    broker.publish(2, &salesman_matched(100)).await;
    assert_eq!(first.next().await.event, "removed");
    drop(first);
    let removed = reconnect(&gateway, &cookie, &start).await.next().await;
    assert_eq!(
        (removed.event.as_str(), &removed.data["aggregateId"]),
        ("removed", &json!(Uuid::from_u128(101)))
    );
}

#[tokio::test]
async fn stream_resumes_at_a_gateway_that_started_later() {
    let broker = Broker::new().await;
    let mut config = config().await;
    config.kafka = broker.settings.clone();
    let first = start_with(config.clone()).await;
    let cookie = first
        .cookie(&Identity {
            role: Role::Customer,
            subject: CUSTOMER,
            phone: None,
        })
        .await;
    let mut customer = Stream::new(first.get("/api/stream").cookie(&cookie).open().await);
    broker.publish(1, &salesman_matched(100)).await;
    let last_seen = customer.next().await.id;
    drop(customer);
    first.stop.cancel();
    broker.publish(2, &salesman_matched(100)).await;

    let second = start_with(config).await;
    let mut customer = reconnect(&second, &cookie, &last_seen).await;
    loop {
        let event = customer.next().await;
        assert_ne!(event.event, "resync");
        if is_match(&event, 100, 2) {
            break;
        }
    }
}

#[tokio::test]
async fn idle_partition_is_followed_from_its_end() {
    let broker = Broker::with_host_time().await;
    broker.publish_at(-1, 1, &salesman_matched(100)).await;
    let gateway = broker.gateway().await;
    let mut customer = stream(&gateway, Role::Customer, CUSTOMER).await;
    broker.publish(2, &salesman_matched(100)).await;
    let event = customer.next().await;
    assert!(is_match(&event, 100, 2), "{event:?}");
}

#[tokio::test]
async fn record_of_a_host_whose_clock_is_ahead_does_not_move_cursors_ahead() {
    for broker in [Broker::with_host_time().await, Broker::new().await] {
        let gateway = broker.gateway().await;
        let mut customer = stream(&gateway, Role::Customer, CUSTOMER).await;
        broker.publish_at(1, 1, &salesman_matched(100)).await;
        let event = customer.next().await;
        let cursor: i64 = event.id.split('-').next().unwrap().parse().unwrap();
        let ahead = cursor - SystemClock.now().timestamp_millis();
        assert!((-10_000..1000).contains(&ahead), "{ahead} ms");
    }
}

#[tokio::test]
async fn host_whose_clock_is_ahead_loses_no_event() {
    let broker = Broker::new().await;
    let mut config = config().await;
    config.kafka = broker.settings.clone();
    let host = Arc::new(MockClock::at(SystemClock.now() + TimeDelta::minutes(40)));
    let ahead = start_at(config.clone(), Arc::new(DatabaseClock::new(host))).await;
    let other = start_with(config).await;

    let mut staff = stream(&ahead, Role::Staff, STAFF).await;
    let registered = SalesmanRegistered {
        salesman_id: SalesmanId(SALESMAN),
        profile: testing::a_profile("김영업", PersonRole::Salesman, 1),
        actor: Actor::System,
    };
    broker.publish(1, &registered).await;
    let event = staff.next().await;
    assert_eq!(event.event, "SalesmanRegistered");

    let cookie = ahead.cookie(&identity(Role::Customer)).await;
    let quiet = Stream::new(ahead.get("/api/stream").cookie(&cookie).open().await);
    let first = { quiet }.block().await.unwrap();
    let (_, cursor) = first.split_once("id: ").unwrap();
    let subject = identity(Role::Customer).subject;
    let mut event = salesman_matched(100);
    event.customer.customer_id = CustomerId(subject);
    broker.publish(1, &event).await;
    let mut resumed = reconnect(&other, &cookie, cursor).await;
    let event = resumed.next().await;
    assert!(is_match(&event, 100, 1), "{cursor}: {event:?}");
}

#[tokio::test]
async fn topics_of_the_build_before_get_append_time() {
    let broker = Broker::with_host_time().await;
    broker.settings.create_topics().await.unwrap();
    let admin: AdminClient<DefaultClientContext> = broker.settings.client().create().unwrap();
    let topic = Topic::SalesmanMatch.name(&broker.settings.topic_prefix);
    with_timeout("the configuration is known", async {
        loop {
            let (specifiers, options) = ([ResourceSpecifier::Topic(&topic)], AdminOptions::new());
            let described = admin.describe_configs(&specifiers, &options).await.unwrap();
            let config = described.into_iter().next().unwrap().unwrap();
            // A new topic has no configuration yet.
            let value = |name| config.get(name).and_then(|entry| entry.value.clone());
            if value("message.timestamp.type").as_deref() == Some("LogAppendTime") {
                assert_eq!(value("retention.ms").as_deref(), Some("-1"));
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn replayed_event_log_sends_one_resync_and_no_events() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let mut customer = stream(&gateway, Role::Customer, CUSTOMER).await;
    for version in 1..=3 {
        let event = salesman_matched(100);
        let headers = kafka::headers(&envelope(
            SalesmanMatched::TYPE,
            Topic::SalesmanMatch,
            event.aggregate_id(),
            version,
        ));
        let headers = headers.insert(Header {
            key: "ktgg-replay",
            value: Some("1"),
        });
        broker
            .send(
                Topic::SalesmanMatch,
                event.aggregate_id(),
                headers,
                &serde_json::to_vec(&event).unwrap(),
            )
            .await;
    }
    assert_eq!(customer.next().await.event, "resync");
    broker.publish(4, &salesman_matched(100)).await;
    let event = customer.next().await;
    assert!(is_match(&event, 100, 4), "{event:?}");
}

#[tokio::test]
async fn project_changes_are_batched_for_every_caller() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let mut salesman = stream(&gateway, Role::Salesman, SALESMAN).await;
    let project = Uuid::from_u128(50);
    for version in 1..=20 {
        let headers = kafka::headers(&envelope(
            "ktgg.ProjectCreated.v1",
            Topic::Project,
            project,
            version,
        ));
        broker.send(Topic::Project, project, headers, b"{}").await;
    }
    let mut batches = 0;
    loop {
        let event = salesman.next().await;
        assert_eq!(event.event, "projects-changed");
        batches += 1;
        if event.data["changed"]
            .as_array()
            .unwrap()
            .iter()
            .any(|changed| changed["version"] == 20)
        {
            break;
        }
    }
    assert!(batches < 20, "{batches} events for 20 changes");
}

#[tokio::test]
async fn stream_starts_once_the_topics_are_created() {
    let settings = testing::kafka_without_topics();
    let mut config = config().await;
    config.kafka = settings.clone();
    let starting = start_with(config);
    let (gateway, created) = tokio::join!(starting, settings.create_topics());
    created.unwrap();
    let producer = settings.client().create().unwrap();
    let broker = Broker { settings, producer };
    let mut customer = stream(&gateway, Role::Customer, CUSTOMER).await;
    broker
        .publish(
            1,
            &SalesmanMatched {
                origin: Origin::Interest(InterestId(Uuid::from_u128(9))),
                ..salesman_matched(100)
            },
        )
        .await;
    assert!(is_match(&customer.next().await, 100, 1));
}
