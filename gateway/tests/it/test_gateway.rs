//! A gateway on free ports with its own database and five services that echo their requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use gateway::config::{
    BaseUrl, Limits, PublicOrigin, ServerLimits, Service, Services, Timeouts, TrustedProxies,
};
use gateway::{Config, Gateway, NAME, Sessions};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value, json};
use service_kit::auth::{Identity, Role, Signer, Verifier};
use service_kit::clock::SystemClock;
use service_kit::config::{DatabaseUrl, Migrate};
use service_kit::messaging::kafka;
use service_kit::{Clock, Db, tasks, testing};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The limit of every wait in a test.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Fails the test if the future takes longer than [`TEST_TIMEOUT`].
pub(crate) async fn with_timeout<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(TEST_TIMEOUT, future)
        .await
        .unwrap_or_else(|_| panic!("timed out: {what}"))
}

/// A configuration that a test can change before it starts a gateway.
pub(crate) async fn config() -> Config {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        listen: any_port,
        admin_listen: any_port,
        services: Services {
            project: echo_service(Service::Project).await,
            interest: echo_service(Service::Interest).await,
            consultation: echo_service(Service::Consultation).await,
            salesman_match: echo_service(Service::SalesmanMatch).await,
            salesman: echo_service(Service::Salesman).await,
        },
        // A closed port: everything except the events of the stream works without Kafka.
        kafka: kafka::Settings::plain("127.0.0.1:1", "ktgg"),
        signer: testing::signer().clone(),
        drain: Duration::ZERO,
        database_url: database().await,
        migrate: Migrate::Apply,
        pages: None,
        public_origin: PublicOrigin::local(ORIGIN_PORT),
        trusted_proxies: TrustedProxies::NONE,
        sign_in_key: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        customer_ids: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        // A closed port, too.
        sender_url: "http://127.0.0.1:1/messages".parse().unwrap(),
        sender_key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap(),
        limits: Limits::UNLIMITED,
        timeouts: Timeouts {
            connect: Duration::from_secs(1),
            response: Duration::from_secs(2),
            request_head: Duration::from_secs(5),
            write: Duration::from_secs(5),
        },
        server: ServerLimits::DEFAULT,
        password_slots: 4,
    }
}

/// The port of the public origin, whatever port the gateway listens on.
const ORIGIN_PORT: u16 = 8088;

/// The public origin.
pub(crate) const ORIGIN: &str = "http://localhost:8088";

/// A new database with the gateway's schema and role, without tables.
pub(crate) async fn database() -> DatabaseUrl {
    service_kit::db::service_url(&testing::database(&[NAME]).await, NAME, "test").unwrap()
}

/// A gateway that runs until this is dropped.
pub(crate) struct TestGateway {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) signer: Signer,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<anyhow::Result<()>>,
    /// The gateway's own tables.
    pub(crate) db: Db,
    pub(crate) sessions: Sessions,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) async fn start() -> TestGateway {
    start_with(config().await).await
}

pub(crate) async fn start_with(config: Config) -> TestGateway {
    start_at(config, Arc::new(SystemClock)).await
}

/// Starts a gateway with this clock. Internal tokens use the system clock nevertheless.
pub(crate) async fn start_at(config: Config, clock: Arc<dyn Clock>) -> TestGateway {
    let signer = config.signer.clone();
    let has_kafka = !config.kafka.brokers.ends_with(":1");
    let db = Db::new(NAME, &config.database_url, clock.clone()).unwrap();
    db.migrate(&gateway::migrations(), Migrate::Apply)
        .await
        .unwrap();
    let gateway = Gateway::bind(config, clock).await.unwrap();
    let (address, admin) = (gateway.address().unwrap(), gateway.admin_address().unwrap());
    let ready = gateway.ready();
    let stop = CancellationToken::new();
    let task = tasks::spawn(gateway.run(stop.clone()));
    if has_kafka {
        with_timeout("the gateway follows the topics", ready).await;
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let running = TestGateway {
        address,
        admin,
        signer,
        stop,
        task,
        sessions: Sessions::new(db.clone()),
        db,
        client,
    };
    with_timeout("the gateway serves", async {
        while running.readyz().await != 200 {}
    })
    .await;
    running
}

/// The `Cookie` header of a session id.
pub(crate) fn cookie(id: &str) -> String {
    format!("ktgg={id}")
}

impl TestGateway {
    /// The cookie of a new session.
    pub(crate) async fn cookie(&self, identity: &Identity) -> String {
        cookie(self.sessions.begin(identity, None).await.unwrap().id())
    }

    pub(crate) async fn caller(&self, identity: &Identity) -> Caller<'_> {
        Caller {
            gateway: self,
            cookie: self.cookie(identity).await,
        }
    }

    pub(crate) fn verifier(&self) -> Verifier {
        self.signer.public_pem().unwrap().parse().unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> TestRequest<'_> {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        TestRequest {
            client: &self.client,
            request,
            body: Bytes::new(),
            has_csrf_header: true,
        }
    }

    pub(crate) fn get(&self, path: &str) -> TestRequest<'_> {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> TestRequest<'_> {
        self.request(Method::POST, path)
    }

    pub(crate) async fn readyz(&self) -> u16 {
        let uri = format!("http://{}/readyz", self.admin).parse().unwrap();
        with_timeout("readyz", self.client.get(uri))
            .await
            .unwrap()
            .status()
            .as_u16()
    }
}

/// A signed-in caller: sends the cookie of one session.
pub(crate) struct Caller<'a> {
    gateway: &'a TestGateway,
    pub(crate) cookie: String,
}

impl<'a> Caller<'a> {
    pub(crate) fn request(&self, method: Method, path: &str) -> TestRequest<'a> {
        self.gateway.request(method, path).cookie(&self.cookie)
    }

    pub(crate) fn get(&self, path: &str) -> TestRequest<'a> {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> TestRequest<'a> {
        self.request(Method::POST, path)
    }
}

pub(crate) struct TestRequest<'a> {
    client: &'a Client<HttpConnector, Full<Bytes>>,
    request: axum::http::request::Builder,
    body: Bytes,
    has_csrf_header: bool,
}

impl TestRequest<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn cookie(self, value: &str) -> Self {
        self.header("cookie", value)
    }

    /// Leaves out `Ktgg-Csrf`, which every request has by default.
    pub(crate) fn without_csrf_header(mut self) -> Self {
        self.has_csrf_header = false;
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request and returns the response without reading its body.
    pub(crate) async fn open(mut self) -> hyper::Response<Incoming> {
        if self.has_csrf_header {
            self = self.header("ktgg-csrf", "1");
        }
        let request = self.request.body(Full::new(self.body)).unwrap();
        with_timeout("a response", self.client.request(request))
            .await
            .unwrap()
    }

    pub(crate) async fn send(self) -> TestResponse {
        let (head, body) = self.open().await.into_parts();
        let body = with_timeout("a body", body.collect())
            .await
            .unwrap()
            .to_bytes();
        TestResponse {
            status: head.status,
            headers: head.headers,
            body,
        }
    }
}

#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl TestResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The session cookie that the response sets, as a browser sends it back.
    pub(crate) fn cookie(&self) -> Option<String> {
        let set = self
            .headers
            .get_all("set-cookie")
            .iter()
            .filter_map(|value| value.to_str().ok());
        set.filter_map(|set| set.split(';').next())
            .find(|pair| pair.contains("ktgg="))
            .map(str::to_owned)
    }

    /// The status and slug of a problem; fails the test if the response is not one.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let slug = self.json()["type"]
            .as_str()
            .unwrap()
            .trim_start_matches("/problems/")
            .to_owned();
        (self.status.as_u16(), slug)
    }
}

pub(crate) fn identity(role: Role) -> Identity {
    let phone = (role == Role::Customer).then(|| "010-1234-5678".parse().unwrap());
    Identity {
        role,
        subject: Uuid::from_u128(7),
        phone,
    }
}

/// Starts a service that responds with the request that it received.
pub(crate) async fn echo_service(service: Service) -> BaseUrl {
    let router = Router::new()
        .route("/openapi.json", get(describe))
        .route(
            "/interests/hanging",
            get(std::future::pending::<StatusCode>),
        )
        .route(
            "/interests/refusing",
            get(async || StatusCode::UNAUTHORIZED),
        )
        .route("/consultations/created", axum::routing::post(created))
        .route(
            "/consultations/cached",
            axum::routing::post(async || [("cache-control", "private, max-age=5")]),
        )
        .fallback(echo)
        .with_state(service.as_str());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(tasks::spawn(axum::serve(listener, router).into_future()));
    BaseUrl::from(address)
}

async fn echo(State(service): State<&'static str>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let headers: Map<String, Value> = head
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                json!(value.to_str().unwrap_or_default()),
            )
        })
        .collect();
    let Ok(body) = body.collect().await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let echoed = json!({
        "service": service,
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body.to_bytes()),
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        echoed.to_string(),
    )
        .into_response()
}

async fn created() -> Response {
    Response::builder()
        .status(StatusCode::CREATED)
        .header("location", "/consultations/7")
        .header("link", "</consultations?after=7>; rel=\"next\"")
        .header("etag", "\"1\"")
        .header("set-cookie", "session=1")
        .header("x-hop", "1")
        .header("connection", "x-hop")
        .body(Body::empty())
        .unwrap()
}

async fn describe(State(service): State<&'static str>) -> Response {
    let description = json!({
        "openapi": "3.1.0",
        "paths": {
            format!("/{service}s"): {
                "get": { "operationId": "list", "responses": {} },
                "post": { "operationId": "create", "responses": {} },
            },
            format!("/{service}s/{{id}}/phone"): {
                "post": { "operationId": "phone", "responses": {} },
            },
            format!("/{service}s/internal"): {
                "get": { "operationId": "internal", "x-internal": true, "responses": {} },
            },
        },
        "components": { "schemas": { "View": { "const": service } } },
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        description.to_string(),
    )
        .into_response()
}

/// An address with a closed port.
pub(crate) async fn closed_port() -> BaseUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    BaseUrl::from(listener.local_addr().unwrap())
}
