//! A service in a test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::http::Method;
use events::{Envelope, Event};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::token::{Identity, Role, TOKEN_LIFETIME};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{DatabaseUrl, Migrate};
use crate::db::{self, Db};
use crate::http::permissions::{self, Access, Permission};
use crate::messaging::intake::Intake;
use crate::messaging::kafka;
use crate::messaging::record::Record;
use crate::service::{Context, Service};
use crate::testing::caller::Caller;
use crate::testing::clock::MockClock;
use crate::testing::fixtures::{customer, customer_id_key, envelope, signer, start_time};
use crate::testing::servers::database;

/// A service on a database of its own, called as by the gateway.
pub struct TestApp {
    name: &'static str,
    url: String,
    context: Context,
    clock: Arc<MockClock>,
    router: Router,
    intake: Intake,
    read_pos: AtomicI64,
    next_offset: AtomicI64,
}

impl TestApp {
    /// A migrated service without running consumer and relay: [`TestApp::deliver`] delivers events,
    /// and [`TestApp::new_events`] reads them.
    pub async fn start(service: Service) -> Self {
        let url = database(&[service.name()]).await;
        let clock = Arc::new(MockClock::at(start_time()));
        Self::on(service, url, clock).await
    }

    /// Another instance of the service, with the same database and clock.
    pub async fn replica(&self, service: Service) -> Self {
        Self::on(service, self.url.clone(), self.clock.clone()).await
    }

    async fn on(service: Service, database: String, clock: Arc<MockClock>) -> Self {
        let name = service.name();
        let url: DatabaseUrl = db::service_url(&database, name, "test").unwrap();
        let db = Db::new(name, &url, clock.clone()).unwrap();
        db.migrate(service.migrations(), Migrate::Apply)
            .await
            .unwrap();
        let customer_ids = service.needs_customer_ids().then(customer_id_key);
        let context = Context::new(db.clone(), customer_ids, service.numbers().clone());
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
            read_pos: AtomicI64::new(0),
            next_offset: AtomicI64::new(0),
        }
    }

    /// The URL of the superuser, in the database of the service.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The state of handlers and tasks.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The service's clock.
    pub fn clock(&self) -> &MockClock {
        &self.clock
    }

    /// The service's database.
    pub fn pool(&self) -> &PgPool {
        self.context.db.pool()
    }

    /// A caller without a token.
    pub fn anonymous(&self) -> Caller<'_> {
        Caller {
            router: &self.router,
            token: None,
        }
    }

    /// A caller with this identity.
    pub fn with(&self, identity: &Identity) -> Caller<'_> {
        // The verifier uses the system clock.
        let token = signer().sign(identity, self.name, SystemClock.now(), TOKEN_LIFETIME);
        Caller {
            router: &self.router,
            token: Some(token.unwrap()),
        }
    }

    /// A customer by phone number.
    pub fn as_customer(&self, phone: &str) -> Caller<'_> {
        self.with(&customer(phone))
    }

    /// A member of staff.
    pub fn as_staff(&self) -> Caller<'_> {
        self.as_role(Role::Staff, Uuid::from_u128(0x57AFF))
    }

    /// A salesman by id.
    pub fn as_salesman(&self, id: Uuid) -> Caller<'_> {
        self.as_role(Role::Salesman, id)
    }

    /// A consultant by id.
    pub fn as_consultant(&self, id: Uuid) -> Caller<'_> {
        self.as_role(Role::Consultant, id)
    }

    fn as_role(&self, role: Role, subject: Uuid) -> Caller<'_> {
        self.with(&Identity {
            role,
            subject,
            phone: None,
        })
    }

    /// Compares the table with the description, and calls every operation as every role, with ids
    /// that do not exist.
    ///
    /// # Panics
    /// With all differences from the table.
    pub async fn check_permissions(&self, description: &Value, table: &[Permission]) {
        let mut differences = permissions::unmatched(description, table);
        for row in table {
            let path = with_unknown_ids(row.path);
            for role in [None].into_iter().chain(Role::ALL.map(Some)) {
                let caller = match role {
                    None => self.anonymous(),
                    Some(Role::Customer) => self.as_customer("010-0000-0000"),
                    Some(role) => self.as_role(role, Uuid::from_u128(0x0DD)),
                };
                let method = Method::from_bytes(row.method.as_bytes()).unwrap();
                let status = caller
                    .send(method, &path, &[], Vec::new())
                    .await
                    .status
                    .as_u16();
                let is_expected = match (row.access(role), role) {
                    (Access::No, None) => status == 401,
                    (Access::No, Some(_)) => status == 403,
                    (Access::Own | Access::All, _) => !matches!(status, 401 | 403 | 405 | 500..),
                };
                if !is_expected {
                    differences.push(format!("{} {} as {role:?}: {status}", row.method, row.path));
                }
            }
        }
        assert!(differences.is_empty(), "{differences:#?}");
    }

    /// Consumes an event as its aggregate's `version`-th, without a broker.
    pub async fn deliver<E: Event>(&self, version: i64, event: &E) {
        self.deliver_with_id(Uuid::new_v4(), version, event).await;
    }

    /// Consumes an event with a given id, to be delivered again.
    pub async fn deliver_with_id<E: Event>(&self, id: Uuid, version: i64, event: &E) {
        self.deliver_raw(
            &envelope(id, version, event),
            serde_json::to_vec(event).unwrap(),
        )
        .await;
    }

    /// Consumes a record with any envelope and payload.
    pub async fn deliver_raw(&self, envelope: &Envelope, payload: Vec<u8>) {
        let record = self.record(
            kafka::header_map(Some(&kafka::headers(envelope))),
            &envelope.aggregate_id.to_string(),
            payload,
        );
        assert!(
            self.intake
                .consume(&[record], &CancellationToken::new())
                .await
        );
    }

    /// Consumes a record with any headers.
    pub async fn deliver_headers(&self, headers: Map<String, Value>, key: &str) {
        let record = self.record(headers, key, b"{}".to_vec());
        assert!(
            self.intake
                .consume(&[record], &CancellationToken::new())
                .await
        );
    }

    fn record(&self, headers: Map<String, Value>, key: &str, payload: Vec<u8>) -> Record {
        Record {
            topic: "test".to_owned(),
            partition: 0,
            offset: self.next_offset.fetch_add(1, Ordering::SeqCst),
            key: Some(key.to_owned().into()),
            headers,
            payload: Some(payload.into()),
        }
    }

    /// The reasons of the parked records, in order.
    pub async fn parked(&self) -> Vec<String> {
        sqlx::query_scalar("select reason from parked order by id")
            .fetch_all(self.pool())
            .await
            .unwrap()
    }

    /// The content of every table except these, as text: without ids and instants, which are not
    /// personal data, and with bytes decoded.
    pub async fn tables(&self, except: &[&str]) -> BTreeMap<String, String> {
        let mut tx = self.pool().begin().await.unwrap();
        sqlx::raw_sql("set local bytea_output = 'escape'")
            .execute(&mut *tx)
            .await
            .unwrap();
        let names: Vec<String> = sqlx::query_scalar(
            "select table_name::text from information_schema.tables
             where table_schema = current_schema() and table_type = 'BASE TABLE'
               and table_name <> all($1)",
        )
        .bind(except)
        .fetch_all(&mut *tx)
        .await
        .unwrap();
        let mut tables = BTreeMap::new();
        for table in names {
            let sql = format!(
                "select coalesce(string_agg(regexp_replace(to_jsonb(t)::text, $1, '…', 'g'), E'\\n'
                                            order by to_jsonb(t)::text), '')
                 from {table} t"
            );
            let text = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(ID_OR_INSTANT)
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            tables.insert(table, text);
        }
        tables
    }

    /// The events appended since the last call: type, version, payload.
    pub async fn new_events(&self) -> Vec<(String, i64, Value)> {
        let rows: Vec<(i64, String, i64, Value)> = sqlx::query_as(
            "select pos, type, version, payload from event_log where pos > $1 order by pos",
        )
        .bind(self.read_pos.load(Ordering::SeqCst))
        .fetch_all(self.pool())
        .await
        .unwrap();
        if let Some((pos, ..)) = rows.last() {
            self.read_pos.store(*pos, Ordering::SeqCst);
        }
        rows.into_iter()
            .map(|(_, name, version, payload)| (name, version, payload))
            .collect()
    }
}

/// A regular expression.
const ID_OR_INSTANT: &str = "[0-9a-f]{8}(-[0-9a-f]{4,12}){4}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+]+";

/// Replaces path parameters by an id that does not exist.
fn with_unknown_ids(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "01890a5d-ac96-774b-bcce-0000000000dd"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}
