//! What the stream tells, with a real Kafka.

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

use crate::fixture::{Running, config, in_time, start_with};
use crate::stream::{Stream, Told};

const CUSTOMER: Uuid = Uuid::from_u128(1);
const SALESMAN: Uuid = Uuid::from_u128(2);
const PREVIOUS: Uuid = Uuid::from_u128(3);
const STAFF: Uuid = Uuid::from_u128(4);

/// Topics of its own on the broker that `cargo xtask test` started.
struct Broker {
    settings: kafka::Settings,
    producer: FutureProducer,
}

impl Broker {
    async fn new() -> Self {
        let brokers: Option<String> = Env::process().required("KTGG_TEST_KAFKA");
        let brokers = brokers.expect("KTGG_TEST_KAFKA names no broker: run cargo xtask test");
        let settings = kafka::Settings {
            brokers,
            topic_prefix: format!("gateway-{}", Uuid::new_v4().simple()),
        };
        settings.create_topics().await.unwrap();
        let producer = settings.client().create().unwrap();
        Self { settings, producer }
    }

    async fn gateway(&self) -> Running {
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
        in_time(
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

fn a_match(id: u128) -> SalesmanMatched {
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

async fn stream(gateway: &Running, role: Role, subject: Uuid) -> Stream {
    Stream::of(
        gateway
            .as_(&Identity {
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

fn is_match(told: &Told, id: u128, version: i64) -> bool {
    told.event == "SalesmanMatched"
        && told.data["aggregateId"] == json!(Uuid::from_u128(id))
        && told.data["version"] == version
}

#[tokio::test]
async fn an_event_reaches_every_gateway_and_there_those_whom_it_names() {
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
    broker.publish(1, &a_match(100)).await;
    for (mut customer, mut salesman, mut previous, mut staff) in browsers {
        let told = customer.next().await;
        assert!(is_match(&told, 100, 1), "{told:?}");
        assert_eq!(told.data["salesman"]["displayName"], "김영업");
        assert_eq!(told.data.get("previousSalesmanId"), None);
        assert!(is_match(&salesman.next().await, 100, 1));
        assert!(is_match(&staff.next().await, 100, 1));
        let lost = previous.next().await;
        assert_eq!(lost.event, "removed");
        assert_eq!(
            lost.data,
            json!({ "type": "removed", "aggregate": "consultation", "aggregateId": Uuid::from_u128(101) })
        );
    }
}

#[tokio::test]
async fn what_cannot_be_told_is_passed_over_and_what_comes_twice_is_told_once() {
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
        "ktgg.SalesmanSang.v1",
        Topic::SalesmanMatch,
        key,
        1,
    ));
    broker.send(Topic::SalesmanMatch, key, unknown, b"{}").await;
    let wrong = kafka::headers(&envelope(
        SalesmanMatched::TYPE,
        Topic::SalesmanMatch,
        key,
        1,
    ));
    broker.send(Topic::SalesmanMatch, key, wrong, b"\xff").await;
    for version in [1, 1, 2, 1, 3] {
        broker.publish(version, &a_match(100)).await;
    }
    for version in [1, 2, 3] {
        let told = customer.next().await;
        assert!(is_match(&told, 100, version), "{version}: {told:?}");
    }
}

/// What one session is told, from where it says it was.
async fn again(gateway: &Running, cookie: &str, last_seen: &str) -> Stream {
    Stream::of(
        gateway
            .get("/api/stream")
            .cookie(cookie)
            .header("last-event-id", last_seen)
            .open()
            .await,
    )
}

#[tokio::test]
async fn whoever_signs_in_anew_is_sent_nothing_that_was_recorded_before_whatever_his_browser_says()
{
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let who = Identity {
        role: Role::Customer,
        subject: CUSTOMER,
        phone: None,
    };
    let before = gateway.cookie(&who).await;
    let mut first = Stream::of(gateway.get("/api/stream").cookie(&before).open().await);
    let start = first
        .block()
        .await
        .unwrap()
        .split_once("id: ")
        .unwrap()
        .1
        .to_owned();
    broker.publish(1, &a_match(100)).await;
    let seen = first.next().await.id;
    drop(first);
    gateway
        .sessions
        .end_all(Role::Customer, CUSTOMER)
        .await
        .unwrap();
    let anew = gateway.cookie(&who).await;
    let [_, feed, number] = start.splitn(3, '-').collect::<Vec<_>>().try_into().unwrap();
    let made_up = format!(
        "{}-{feed}-{number}",
        SystemClock.now().timestamp_millis() + 60_000
    );
    for last_seen in [&start, &seen, &made_up] {
        let mut stream = again(&gateway, &anew, last_seen).await;
        assert_eq!(stream.next().await.event, "resync", "{last_seen}");
    }
    // A page that signs in and looks at once has no cursor, and misses nothing from there on.
    let mut stream = Stream::of(gateway.get("/api/stream").cookie(&anew).open().await);
    broker.publish(2, &a_match(100)).await;
    let told = stream.next().await;
    assert!(is_match(&told, 100, 2), "{told:?}");
    broker.publish(3, &a_match(100)).await;
    assert!(is_match(&stream.next().await, 100, 3));
    assert!(is_match(
        &again(&gateway, &anew, &told.id).await.next().await,
        100,
        3
    ));
}

#[tokio::test]
async fn whoever_is_on_it_no_longer_is_told_that_when_he_comes_back_and_nothing_of_before() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let cookie = gateway
        .cookie(&Identity {
            role: Role::Salesman,
            subject: PREVIOUS,
            phone: None,
        })
        .await;
    let mut first = Stream::of(gateway.get("/api/stream").cookie(&cookie).open().await);
    let start = first
        .block()
        .await
        .unwrap()
        .split_once("id: ")
        .unwrap()
        .1
        .to_owned();
    let his = PersonRef {
        id: SalesmanId(PREVIOUS),
        display_name: "박영업".to_owned(),
    };
    broker
        .publish(
            1,
            &SalesmanMatched {
                salesman: his,
                previous_salesman_id: None,
                ..a_match(100)
            },
        )
        .await;
    assert!(is_match(&first.next().await, 100, 1));
    broker.publish(2, &a_match(100)).await;
    assert_eq!(first.next().await.event, "removed");
    drop(first);
    let lost = again(&gateway, &cookie, &start).await.next().await;
    assert_eq!(
        (lost.event.as_str(), &lost.data["aggregateId"]),
        ("removed", &json!(Uuid::from_u128(101)))
    );
}

#[tokio::test]
async fn a_browser_goes_on_at_a_gateway_that_started_after_it_had_gone() {
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
    let mut customer = Stream::of(first.get("/api/stream").cookie(&cookie).open().await);
    broker.publish(1, &a_match(100)).await;
    let last_seen = customer.next().await.id;
    drop(customer);
    first.stop.cancel();
    broker.publish(2, &a_match(100)).await;

    let second = start_with(config).await;
    let mut customer = again(&second, &cookie, &last_seen).await;
    loop {
        let told = customer.next().await;
        assert_ne!(told.event, "resync");
        if is_match(&told, 100, 2) {
            break;
        }
    }
}

#[tokio::test]
async fn a_partition_on_which_nothing_happened_lately_is_followed_from_its_end() {
    let broker = Broker::new().await;
    let (topic, old) = (
        Topic::SalesmanMatch.name(&broker.settings.topic_prefix),
        a_match(100),
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
    in_time(
        "the record is acknowledged",
        broker.producer.send_result(record).unwrap(),
    )
    .await
    .unwrap()
    .unwrap();

    let gateway = broker.gateway().await;
    let mut customer = stream(&gateway, Role::Customer, CUSTOMER).await;
    broker.publish(2, &a_match(100)).await;
    let told = customer.next().await;
    assert!(is_match(&told, 100, 2), "{told:?}");
}

#[tokio::test]
async fn a_ledger_sent_again_brings_one_resync_and_none_of_its_events() {
    let broker = Broker::new().await;
    let gateway = broker.gateway().await;
    let mut customer = stream(&gateway, Role::Customer, CUSTOMER).await;
    for version in 1..=3 {
        let event = a_match(100);
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
    broker.publish(4, &a_match(100)).await;
    let told = customer.next().await;
    assert!(is_match(&told, 100, 4), "{told:?}");
}

#[tokio::test]
async fn changed_projects_are_told_to_everybody_together() {
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
    let mut messages = 0;
    loop {
        let told = salesman.next().await;
        assert_eq!(told.event, "projects-changed");
        messages += 1;
        if told.data["changed"]
            .as_array()
            .unwrap()
            .iter()
            .any(|changed| changed["version"] == 20)
        {
            break;
        }
    }
    assert!(messages < 20, "{messages} messages for 20 changes");
}

#[tokio::test]
async fn a_stream_begins_to_tell_when_the_topics_come_to_exist() {
    let brokers: Option<String> = Env::process().required("KTGG_TEST_KAFKA");
    let settings = kafka::Settings {
        brokers: brokers.expect("KTGG_TEST_KAFKA names no broker: run cargo xtask test"),
        topic_prefix: format!("gateway-{}", Uuid::new_v4().simple()),
    };
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
                ..a_match(100)
            },
        )
        .await;
    assert!(is_match(&customer.next().await, 100, 1));
}
