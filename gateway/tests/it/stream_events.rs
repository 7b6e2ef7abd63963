//! The events of the stream: audience, replay and resync, with a real Kafka.

use events::{
    Actor, ConsultationId, CustomerId, CustomerRef, Event, InterestId, LastFour, MatchId, Origin,
    PersonRef, ProjectId, SalesmanId, SalesmanMatched, Strategy, Topic,
};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use service_kit::auth::{Identity, Role};
use service_kit::config::Env;
use service_kit::messaging::kafka;
use service_kit::{Clock as _, clock::SystemClock};
use uuid::Uuid;

use crate::stream_connection::{Stream, StreamEvent};
use crate::test_gateway::{TestGateway, config, start_with, with_timeout};

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
        let brokers: Option<String> = Env::process().required("KTGG_TEST_KAFKA");
        let brokers = brokers.expect("KTGG_TEST_KAFKA is not set: run cargo xtask test");
        let prefix = format!("gateway-{}", Uuid::new_v4().simple());
        let settings = kafka::Settings::plain(brokers, prefix);
        settings.create_topics().await.unwrap();
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
    for last_seen in [&start, &received, &future] {
        let mut stream = reconnect(&gateway, &new_cookie, last_seen).await;
        assert_eq!(stream.next().await.event, "resync", "{last_seen}");
    }
    // After the sign-in, a stream without a cursor misses no event.
    let mut stream = Stream::new(gateway.get("/api/stream").cookie(&new_cookie).open().await);
    broker.publish(2, &salesman_matched(100)).await;
    let event = stream.next().await;
    assert!(is_match(&event, 100, 2), "{event:?}");
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
    let broker = Broker::new().await;
    let (topic, old) = (
        Topic::SalesmanMatch.name(&broker.settings.topic_prefix),
        salesman_matched(100),
    );
    let (headers, key) = (
        kafka::headers(&envelope(
            SalesmanMatched::TYPE,
            Topic::SalesmanMatch,
            old.aggregate_id(),
            1,
        )),
        kafka::key(old.aggregate_id()),
    );
    let payload = serde_json::to_vec(&old).unwrap();
    let an_hour_ago = (SystemClock.now() - chrono::TimeDelta::hours(1)).timestamp_millis();
    let record = FutureRecord::to(&topic)
        .key(&key)
        .payload(&payload)
        .headers(headers)
        .timestamp(an_hour_ago);
    let record = record.partition(kafka::partition(key.as_bytes()));
    with_timeout(
        "the record is acknowledged",
        broker.producer.send_result(record).unwrap(),
    )
    .await
    .unwrap()
    .unwrap();

    let gateway = broker.gateway().await;
    let mut customer = stream(&gateway, Role::Customer, CUSTOMER).await;
    broker.publish(2, &salesman_matched(100)).await;
    let event = customer.next().await;
    assert!(is_match(&event, 100, 2), "{event:?}");
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
    let brokers: Option<String> = Env::process().required("KTGG_TEST_KAFKA");
    let brokers = brokers.expect("KTGG_TEST_KAFKA is not set: run cargo xtask test");
    let prefix = format!("gateway-{}", Uuid::new_v4().simple());
    let settings = kafka::Settings::plain(brokers, prefix);
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
