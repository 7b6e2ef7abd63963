//! The kit's own test service, on a real Postgres and a real Kafka.

mod authentication;
mod clock;
mod consumer;
mod early_answers;
mod erasure;
mod lifecycle;
mod notify;
mod postgres_log;
mod read_your_writes;
mod relay;
mod tables;
mod topics;
mod traces;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use events::{Actor, Envelope, Event, ProjectCreated, ProjectId, Topic};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use service_kit::auth::{Signer, new_private_pem};
use service_kit::clock::SystemClock;
use service_kit::config::{Config, Env};
use service_kit::http::permissions::{All, Permission};
use service_kit::messaging::{event_log, kafka};
use service_kit::tasks::spawn;
use service_kit::{Context, Db, PolicyError, Received, Service, Tx, testing};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

/// The test service publishes and consumes the events of projects.
const NAME: &str = "project";

/// After this, a test fails.
const TIMEOUT: Duration = Duration::from_secs(40);

fn a_project(id: Uuid) -> ProjectCreated {
    ProjectCreated {
        project_id: ProjectId(id),
        edition: testing::an_edition(id, "스마트상점"),
        actor: Actor::System,
    }
}

/// Requests that have reached [`slow`].
static SLOW_REQUESTS: AtomicUsize = AtomicUsize::new(0);

async fn slow() -> &'static str {
    SLOW_REQUESTS.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(500)).await;
    "slow"
}

fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .route("/ping", axum::routing::get(|| async { "pong" }))
        .route("/slow", axum::routing::get(slow))
}

const OPEN: &[Permission] = &[
    Permission::new("GET", "/ping", [All; 5]),
    Permission::new("GET", "/slow", [All; 5]),
];

async fn migrations() -> sqlx::migrate::Migrator {
    sqlx::migrate::Migrator::new(std::path::Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/migrations"
    )))
    .await
    .unwrap()
}

/// A service that only publishes.
async fn publishing() -> Service {
    Service::new(NAME, 0, migrations().await)
        .routes(routes)
        .permissions(OPEN)
}

/// A service that also tallies projects.
async fn tallying() -> Service {
    publishing().await.whenever(tally)
}

/// Inserts a row. Refuses a project without a name, and retries while there is an obstacle.
async fn tally(tx: &mut Tx, received: &Received<ProjectCreated>) -> Result<(), PolicyError> {
    let id = received.envelope.aggregate_id;
    if received.event.edition.name.is_empty() {
        return Err(PolicyError::Park("a project without a name".to_owned()));
    }
    let obstacle: Option<i64> = sqlx::query_scalar(
        "select tries_left from obstacle where aggregate_id = $1 and tries_left > 0",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    if obstacle.is_some() {
        return Err(PolicyError::Retry(anyhow::anyhow!("there is an obstacle")));
    }
    sqlx::query("insert into tally (aggregate_id, version) values ($1, $2)")
        .bind(id)
        .bind(received.envelope.version)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A database and topics for one test, for replicas of the service.
struct World {
    url: String,
    kafka: kafka::Settings,
    pool: PgPool,
}

impl World {
    async fn new() -> Self {
        Self::with(testing::kafka().await).await
    }

    async fn with(kafka: kafka::Settings) -> Self {
        let url = testing::database(&[NAME]).await;
        let own = service_kit::db::service_url(&url, NAME, "test").unwrap();
        let pool = PgPool::connect(own.expose()).await.unwrap();
        Self { url, kafka, pool }
    }

    fn config(&self, more: &[(&str, &str)]) -> Config {
        let signer: Signer = new_private_pem().parse().unwrap();
        let url = service_kit::db::service_url(&self.url, NAME, "test").unwrap();
        let (listen, keys) = (free_address().to_string(), signer.public_pem().unwrap());
        let admin = free_address().to_string();
        let mut pairs = vec![
            ("PROJECT_DATABASE_URL", url.expose()),
            ("PROJECT_LISTEN", &listen),
            ("PROJECT_ADMIN_LISTEN", &admin),
            ("KAFKA_BROKERS", &self.kafka.brokers),
            ("TOPIC_PREFIX", &self.kafka.topic_prefix),
            ("MIGRATE", "apply"),
            ("INTERNAL_TOKEN_PUBLIC_KEYS", &keys),
            ("DRAIN_SECONDS", "0"),
        ];
        pairs.extend(more);
        let mut env = Env::from_pairs(pairs);
        Config::read(&mut env, NAME, 0, false, &BTreeMap::new())
            .unwrap_or_else(|| panic!("{:?}", env.invalid()))
    }

    /// The migrated database, without a running service.
    async fn db(&self) -> Db {
        let config = self.config(&[]);
        let db = Db::new(NAME, &config.database_url, Arc::new(SystemClock)).unwrap();
        db.migrate(&migrations().await, config.migrate)
            .await
            .unwrap();
        db
    }

    /// Starts a replica, and waits until it serves and has its partitions assigned.
    async fn run(&self, service: Service) -> Replica {
        let replica = self.start(service, &[]).await;
        replica.ready().await;
        replica
    }

    async fn start(&self, service: Service, more: &[(&str, &str)]) -> Replica {
        let config = self.config(more);
        let (address, admin) = (config.listen, config.admin_listen);
        let bound = service.bind(config, Arc::new(SystemClock)).await.unwrap();
        let ready = spawn(bound.ready());
        let stop = CancellationToken::new();
        let running = spawn(bound.run(stop.clone()));
        Replica {
            address,
            admin,
            ready: tokio::sync::Mutex::new(Some(ready)),
            stop,
            running,
        }
    }

    async fn count(&self, table: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn until(&self, what: &str, sql: &'static str) {
        let fulfilled = async {
            while !sqlx::query_scalar::<_, bool>(sql)
                .fetch_one(&self.pool)
                .await
                .unwrap_or(false)
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(
            tokio::time::timeout(TIMEOUT, fulfilled).await.is_ok(),
            "{what}"
        );
    }

    /// The versions of an aggregate in the order of the tally.
    async fn tallied(&self, id: Uuid) -> Vec<i64> {
        sqlx::query_scalar("select version from tally where aggregate_id = $1 order by id")
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    fn producer(&self) -> FutureProducer {
        self.kafka.client().create().unwrap()
    }

    /// All records of a topic.
    async fn records(&self, topic: Topic) -> Vec<Record> {
        let (settings, name) = (self.kafka.clone(), topic.name(&self.kafka.topic_prefix));
        tokio::task::spawn_blocking(move || read_all(&settings, &name))
            .await
            .unwrap()
    }
}

/// A free port. With port 0, a test would not know the port of the service.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A running service.
struct Replica {
    address: SocketAddr,
    admin: SocketAddr,
    ready: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Replica {
    async fn ready(&self) {
        let ready = self.ready.lock().await.take().unwrap();
        tokio::time::timeout(TIMEOUT, ready)
            .await
            .expect("the service did not become ready")
            .unwrap();
    }

    /// Stops the service, within the hard deadline.
    async fn stop(self) {
        self.stop.cancel();
        self.end().await.unwrap();
    }

    async fn end(self) -> anyhow::Result<()> {
        tokio::time::timeout(service_kit::process::HARD_DEADLINE, self.running)
            .await
            .expect("the service did not end")
            .unwrap()
    }
}

/// `GET` on a new connection: status, `Connection` header, body.
async fn get(address: SocketAddr, path: &str) -> Option<(StatusCode, Option<String>, String)> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
    let response = client
        .get(format!("http://{address}{path}").parse().unwrap())
        .await
        .ok()?;
    let connection = response
        .headers()
        .get("connection")
        .map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((
        status,
        connection,
        String::from_utf8(body.to_vec()).unwrap(),
    ))
}

/// A record on a topic.
struct Record {
    partition: i32,
    key: String,
    headers: Vec<(String, String)>,
    payload: Vec<u8>,
}

impl Record {
    fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    fn version(&self) -> i64 {
        self.header("ce_aggregateversion").parse().unwrap()
    }
}

fn read_all(settings: &kafka::Settings, topic: &str) -> Vec<Record> {
    let consumer: BaseConsumer = settings
        .client()
        .set("group.id", format!("{topic}-reader"))
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut count = 0;
    let mut from = TopicPartitionList::new();
    for partition in 0..Topic::PARTITIONS {
        count += usize::try_from(high_watermark(&consumer, topic, partition)).unwrap();
        from.add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&from).unwrap();
    let mut records = Vec::new();
    while records.len() < count {
        let message = consumer
            .poll(TIMEOUT)
            .expect("the topic ends too early")
            .unwrap();
        let text =
            |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
        records.push(Record {
            partition: message.partition(),
            key: text(message.key()),
            headers: message
                .headers()
                .map(|headers| {
                    headers
                        .iter()
                        .map(|header| (header.key.to_owned(), text(header.value)))
                        .collect()
                })
                .unwrap_or_default(),
            payload: message.payload().unwrap_or_default().to_vec(),
        });
    }
    records
}

/// Retries, because a partition of a new topic may not have a leader yet.
fn high_watermark(consumer: &BaseConsumer, topic: &str, partition: i32) -> i64 {
    let started = std::time::Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, TIMEOUT) {
            Ok((_, high)) => return high,
            Err(error) => assert!(started.elapsed() < TIMEOUT, "{error}"),
        }
    }
}

/// Sends a record to the topic of projects, into the partition of its key.
async fn produce(
    producer: &FutureProducer,
    kafka: &kafka::Settings,
    key: Uuid,
    headers: OwnedHeaders,
    payload: &[u8],
) {
    let (key, topic) = (key.to_string(), Topic::Project.name(&kafka.topic_prefix));
    let record = FutureRecord::to(&topic)
        .key(&key)
        .partition(kafka::partition(key.as_bytes()))
        .headers(headers)
        .payload(payload);
    producer
        .send(record, Timeout::After(TIMEOUT))
        .await
        .unwrap();
}

/// Sends an event as the relay of another service does.
async fn produce_event(
    producer: &FutureProducer,
    kafka: &kafka::Settings,
    version: i64,
    event: &ProjectCreated,
) {
    let envelope = testing::envelope(Uuid::new_v4(), version, event);
    produce_enveloped(producer, kafka, &envelope, event).await;
}

async fn produce_enveloped(
    producer: &FutureProducer,
    kafka: &kafka::Settings,
    envelope: &Envelope,
    event: &ProjectCreated,
) {
    let payload = serde_json::to_vec(event).unwrap();
    produce(
        producer,
        kafka,
        event.aggregate_id(),
        kafka::headers(envelope),
        &payload,
    )
    .await;
}

/// Appends an event in a transaction of its own.
async fn append(db: &Db, version: i64, id: Uuid) {
    let mut tx = db.begin().await.unwrap();
    event_log::append(&mut tx, version, &a_project(id))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
