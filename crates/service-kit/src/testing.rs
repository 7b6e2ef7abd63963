//! What tests of services stand on: a database of their own on the real Postgres, callers of every role, a clock that they move, and events
//! delivered without a broker. Feature `testing`.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use events::{
    Category, DEFAULT_WEIGHT, Edition, Envelope, Event, Period, PeriodKind, PersonRole, Profile,
    ProjectStatus, Region, SeriesId,
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::auth::{self, Identity, LIFETIME, Role, Signer};
use crate::config::{DatabaseUrl, Migrate};
use crate::forms::phone::{CustomerIdKey, Phone};
use crate::http::permissions::{self, Access, Permission};
use crate::messaging::intake::Intake;
use crate::messaging::kafka;
use crate::messaging::record::Record;
use crate::{Clock, Context, Db, Service};

/// The superuser's URL of the Postgres that tests use.
///
/// # Panics
/// When there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where their servers are"
)]
pub fn postgres_url() -> String {
    std::env::var("KTGG_TEST_POSTGRES")
        .expect("KTGG_TEST_POSTGRES is not set: run `cargo xtask test`, which starts a Postgres and a Kafka")
}

/// The Kafka that tests use, with topics of their own.
///
/// # Panics
/// When there is none, or when it cannot create topics.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where their servers are"
)]
pub async fn kafka() -> kafka::Settings {
    let brokers = std::env::var("KTGG_TEST_KAFKA").expect(
        "KTGG_TEST_KAFKA is not set: run `cargo xtask test`, which starts a Postgres and a Kafka",
    );
    let settings = kafka::Settings {
        brokers,
        topic_prefix: format!("test-{}", Uuid::new_v4().simple()),
    };
    settings.create_topics().await.unwrap();
    settings
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct MockClock(AtomicI64);

impl MockClock {
    /// A clock that shows this instant.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(AtomicI64::new(now.timestamp_micros()))
    }

    /// Moves it.
    pub fn advance(&self, by: TimeDelta) {
        self.0
            .fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for MockClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// Everything that is logged, at every level, from its making on: in a test whose runtime has no thread but the test's own.
pub struct Logs {
    written: Arc<Mutex<Vec<u8>>>,
    _until_dropped: tracing::subscriber::DefaultGuard,
}

impl Logs {
    /// Begins to listen.
    pub fn capture() -> Self {
        let written = Arc::new(Mutex::new(Vec::new()));
        let lines = Lines(written.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .finish();
        Self {
            written,
            _until_dropped: tracing::subscriber::set_default(subscriber),
        }
    }

    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }
}

#[derive(Clone)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A new database with the schemas and roles of these services, for one test.
pub async fn database(services: &[&str]) -> String {
    let admin = postgres_url();
    let name = format!("test_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&admin).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let url = in_database(&admin, &name);
    for service in services {
        crate::db::provision(&url, service, "test").await.unwrap();
    }
    url
}

/// The URL with another database's name at its end.
fn in_database(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{database}")
}

/// The key that signs what services believe in a test.
pub fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| auth::new_private_pem().parse().unwrap())
}

/// One service, called as its gateway would call it, on a database of its own.
pub struct TestApp {
    name: &'static str,
    url: String,
    context: Context,
    clock: Arc<MockClock>,
    router: Router,
    intake: Intake,
    read: AtomicI64,
    offset: AtomicI64,
}

/// When tests begin: ten in the morning of a Monday in Seoul.
const BEGINNING: &str = "2026-11-23T01:00:00Z";

impl TestApp {
    /// A migrated service whose consumer and relay do not run: events are delivered by [`TestApp::deliver`] and read by
    /// [`TestApp::new_events`].
    pub async fn start(service: Service) -> Self {
        let url = database(&[service.name()]).await;
        let clock = Arc::new(MockClock::at(BEGINNING.parse().unwrap()));
        Self::on(service, url, clock).await
    }

    /// Another instance of the service beside this one, on the same database and by the same clock.
    pub async fn beside(&self, service: Service) -> Self {
        Self::on(service, self.url.clone(), self.clock.clone()).await
    }

    async fn on(service: Service, database: String, clock: Arc<MockClock>) -> Self {
        let name = service.name();
        let url: DatabaseUrl = crate::db::service_url(&database, name, "test").unwrap();
        let db = Db::new(name, &url, clock.clone()).unwrap();
        db.migrate(service.migrations(), Migrate::Apply)
            .await
            .unwrap();
        let customer_ids = service.needs_customer_ids().then(customer_id_key);
        let context = Context::new(db.clone(), customer_ids);
        let verifier = signer().public_pem().unwrap().parse().unwrap();
        let router = service.router(context.clone(), verifier);
        let intake = service.into_intake(db);
        Self {
            name,
            url: database,
            context,
            clock,
            router,
            intake,
            read: AtomicI64::new(0),
            offset: AtomicI64::new(0),
        }
    }

    /// What handlers and tasks of the service get.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The clock the service goes by.
    pub fn clock(&self) -> &MockClock {
        &self.clock
    }

    /// The service's tables.
    pub fn pool(&self) -> &PgPool {
        self.context.db.pool()
    }

    /// A caller without a token.
    pub fn anyone(&self) -> Caller<'_> {
        Caller {
            app: self,
            token: None,
        }
    }

    /// A caller with this identity.
    pub fn with(&self, identity: &Identity) -> Caller<'_> {
        // The verifier goes by the machine's clock, whatever the test's shows.
        let now = crate::clock::SystemClock.now();
        Caller {
            app: self,
            token: Some(signer().sign(identity, self.name, now, LIFETIME).unwrap()),
        }
    }

    /// A customer by phone number.
    pub fn as_customer(&self, phone: &str) -> Caller<'_> {
        self.with(&customer(phone))
    }

    /// A member of staff.
    pub fn as_staff(&self) -> Caller<'_> {
        self.with(&Identity {
            role: Role::Staff,
            subject: Uuid::from_u128(0x57AFF),
            phone: None,
        })
    }

    /// A salesman by id.
    pub fn as_salesman(&self, id: Uuid) -> Caller<'_> {
        self.with(&Identity {
            role: Role::Salesman,
            subject: id,
            phone: None,
        })
    }

    /// A consultant by id.
    pub fn as_consultant(&self, id: Uuid) -> Caller<'_> {
        self.with(&Identity {
            role: Role::Consultant,
            subject: id,
            phone: None,
        })
    }

    /// Walks over every operation as everybody, and fails when a table has a row too few or too many, or when anybody but whom it refuses is
    /// refused. Things are named that nobody has, so that nothing is changed.
    ///
    /// # Panics
    /// With everything that is not as the table says.
    pub async fn walk(&self, description: &Value, table: &[Permission]) {
        let mut wrong = permissions::unmatched(description, table);
        for row in table {
            let path = nobodys(row.path);
            for role in [
                None,
                Some(Role::Customer),
                Some(Role::Salesman),
                Some(Role::Consultant),
                Some(Role::Staff),
            ] {
                let subject = Uuid::from_u128(0x0DD);
                let caller = match role {
                    None => self.anyone(),
                    Some(Role::Customer) => self.as_customer("010-0000-0000"),
                    Some(role) => self.with(&Identity {
                        role,
                        subject,
                        phone: None,
                    }),
                };
                let method = Method::from_bytes(row.method.as_bytes()).unwrap();
                let status = caller
                    .send(method, &path, &[], Vec::new())
                    .await
                    .status
                    .as_u16();
                let is_as_it_says = match (row.access(role), role) {
                    (Access::No, None) => status == 401,
                    (Access::No, Some(_)) => status == 403,
                    (Access::Own | Access::All, _) => !matches!(status, 401 | 403 | 405 | 500..),
                };
                if !is_as_it_says {
                    wrong.push(format!("{} {} as {role:?}: {status}", row.method, row.path));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Delivers an event as its aggregate's `version`-th: inbox, policies and commit in line, so that there is nothing to wait for.
    pub async fn deliver<E: Event>(&self, version: i64, event: &E) {
        self.deliver_as(Uuid::new_v4(), version, event).await;
    }

    /// Delivers an event with an id that the test chose, so that it can deliver it again.
    pub async fn deliver_as<E: Event>(&self, id: Uuid, version: i64, event: &E) {
        self.deliver_raw(
            &envelope(id, version, event),
            serde_json::to_vec(event).unwrap(),
        )
        .await;
    }

    /// Delivers a record with any envelope and any payload.
    pub async fn deliver_raw(&self, envelope: &Envelope, payload: Vec<u8>) {
        let record = self.record(
            kafka::header_map(Some(&kafka::headers(envelope))),
            &envelope.aggregate_id.to_string(),
            payload,
        );
        assert!(self.intake.take(&[record], &CancellationToken::new()).await);
    }

    /// Delivers a record whose headers the test made up.
    pub async fn deliver_headers(&self, headers: serde_json::Map<String, Value>, key: &str) {
        let record = self.record(headers, key, b"{}".to_vec());
        assert!(self.intake.take(&[record], &CancellationToken::new()).await);
    }

    fn record(
        &self,
        headers: serde_json::Map<String, Value>,
        key: &str,
        payload: Vec<u8>,
    ) -> Record {
        Record {
            topic: "test".to_owned(),
            partition: 0,
            offset: self.offset.fetch_add(1, Ordering::SeqCst),
            key: Some(key.to_owned().into()),
            headers,
            payload: Some(payload.into()),
        }
    }

    /// The reasons of what is parked, in the order in which it was parked.
    pub async fn parked(&self) -> Vec<String> {
        sqlx::query_scalar("select reason from parked order by id")
            .fetch_all(self.pool())
            .await
            .unwrap()
    }

    /// Every table of the schema but these, and whatever it holds as text: without ids and instants, which tell nothing of anybody, and bytes
    /// as what they spell.
    pub async fn tables(&self, unseen: &[&str]) -> BTreeMap<String, String> {
        let mut tx = self.pool().begin().await.unwrap();
        sqlx::raw_sql("set local bytea_output = 'escape'")
            .execute(&mut *tx)
            .await
            .unwrap();
        let names: Vec<String> = sqlx::query_scalar(
            "select table_name::text from information_schema.tables
             where table_schema = current_schema() and table_type = 'BASE TABLE' and table_name <> all($1)",
        )
        .bind(unseen)
        .fetch_all(&mut *tx)
        .await
        .unwrap();
        let mut tables = BTreeMap::new();
        for table in names {
            let sql = format!(
                "select coalesce(string_agg(regexp_replace(to_jsonb(t)::text, $1, '…', 'g'), E'\\n' order by to_jsonb(t)::text), '')
                 from {table} t"
            );
            let text = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(TELLS_NOTHING)
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            tables.insert(table, text);
        }
        tables
    }

    /// The events that were recorded since the last call: type, version, payload.
    pub async fn new_events(&self) -> Vec<(String, i64, Value)> {
        let rows: Vec<(i64, String, i64, Value)> = sqlx::query_as(
            "select pos, type, version, payload from event_log where pos > $1 order by pos",
        )
        .bind(self.read.load(Ordering::SeqCst))
        .fetch_all(self.pool())
        .await
        .unwrap();
        if let Some((pos, ..)) = rows.last() {
            self.read.store(*pos, Ordering::SeqCst);
        }
        rows.into_iter()
            .map(|(_, name, version, payload)| (name, version, payload))
            .collect()
    }
}

/// An id, or an instant.
const TELLS_NOTHING: &str = "[0-9a-f]{8}(-[0-9a-f]{4,12}){4}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+]+";

/// The path with ids that nobody has in the place of its parameters.
fn nobodys(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "01890a5d-ac96-774b-bcce-0000000000dd"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The envelope of an event that was recorded a moment ago.
pub fn envelope<E: Event>(id: Uuid, version: i64, event: &E) -> Envelope {
    Envelope {
        id,
        type_name: E::TYPE.to_owned(),
        aggregate_type: E::TOPIC.aggregate().to_owned(),
        aggregate_id: event.aggregate_id(),
        version,
        recorded_at: BEGINNING.parse().unwrap(),
        traceparent: None,
    }
}

/// The customer who has this number, by a key that only tests use.
pub fn customer(phone: &str) -> Identity {
    let phone: Phone = phone.parse().unwrap();
    Identity {
        role: Role::Customer,
        subject: customer_id_key().customer_id(&phone).0,
        phone: Some(phone),
    }
}

/// The key by which tests make customer ids.
fn customer_id_key() -> CustomerIdKey {
    "a key that nothing but tests uses".parse().unwrap()
}

/// Somebody who calls the service.
pub struct Caller<'a> {
    app: &'a TestApp,
    token: Option<String>,
}

impl Caller<'_> {
    /// `GET`.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> TestResponse {
        self.send(
            Method::POST,
            path,
            &[("content-type", "application/json")],
            body.to_string().into_bytes(),
        )
        .await
    }

    /// `POST` with a JSON body and an idempotency key.
    pub async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> TestResponse {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        self.send(Method::POST, path, &headers, body.to_string().into_bytes())
            .await
    }

    /// `POST` of a change to a version.
    pub async fn post_if(&self, path: &str, version: i64, body: &Value) -> TestResponse {
        let tag = format!("\"{version}\"");
        self.send(
            Method::POST,
            path,
            &[("content-type", "application/json"), ("if-match", &tag)],
            body.to_string().into_bytes(),
        )
        .await
    }

    /// `PATCH` of a version.
    pub async fn patch_if(&self, path: &str, version: i64, body: &Value) -> TestResponse {
        let tag = format!("\"{version}\"");
        self.send(
            Method::PATCH,
            path,
            &[("content-type", "application/json"), ("if-match", &tag)],
            body.to_string().into_bytes(),
        )
        .await
    }

    /// Any request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> TestResponse {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self
            .app
            .router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        TestResponse {
            status: parts.status,
            headers: parts.headers,
            json,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub struct TestResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null when that was no JSON.
    pub json: Value,
}

impl TestResponse {
    /// The body of an answer that has this status.
    ///
    /// # Panics
    /// When it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.json);
        self.json
    }

    /// The problem of an answer that has this status: its slug, and the wrong fields with their codes.
    ///
    /// # Panics
    /// When it has another status, or is no problem.
    #[track_caller]
    pub fn problem(self, status: u16) -> (String, Vec<(String, String)>) {
        assert_eq!(self.status.as_u16(), status, "{}", self.json);
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let slug = text(&self.json["type"])
            .trim_start_matches("/problems/")
            .to_owned();
        let errors = self.json["errors"].as_array().into_iter().flatten();
        (
            slug,
            errors
                .map(|error| (text(&error["pointer"]), text(&error["code"])))
                .collect(),
        )
    }
}

/// A pool on a whole test database, for a checker that reads every schema.
pub async fn superuser_pool(url: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(4)
        .connect(url)
        .await
        .unwrap()
}

/// An edition of a programme as events tell it: nationwide, planned, taken at any time.
pub fn an_edition(series: Uuid, name: &str) -> Edition {
    Edition {
        series_id: SeriesId(series),
        name: name.to_owned(),
        year: 2026,
        category: Category::Technology,
        regions: vec![Region::Nationwide],
        target: None,
        agency: "중소벤처기업부".to_owned(),
        host: "소상공인시장진흥공단".to_owned(),
        period: Period {
            kind: PeriodKind::Always,
            text: "상시".to_owned(),
            starts_on: None,
            ends_on: None,
        },
        status: ProjectStatus::Planned,
        started_on: None,
        ended_on: None,
        predecessor: None,
    }
}

/// Somebody of the salesman service as events tell him: active, never away.
pub fn a_profile(display_name: &str, role: PersonRole, capacity: u32) -> Profile {
    Profile {
        display_name: display_name.to_owned(),
        role,
        regions: Vec::new(),
        categories: Vec::new(),
        capacity,
        weight: DEFAULT_WEIGHT,
        active: true,
        leave: None,
    }
}
