//! A gateway on free ports and a database of its own, with five services behind it that repeat what they were sent.

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
use gateway::config::{BaseUrl, Limits, Patience, PublicOrigin, Room, Services};
use gateway::upstream::routes::Service;
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

/// No test waits longer than this for anything.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// Fails the test when it takes too long.
pub(crate) async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(BOUND, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// The configuration of a test's gateway, for a test to change before it starts one.
pub(crate) async fn config() -> Config {
    let somewhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        listen: somewhere,
        admin_listen: somewhere,
        services: Services {
            project: repeating(Service::Project).await,
            interest: repeating(Service::Interest).await,
            consultation: repeating(Service::Consultation).await,
            salesman_match: repeating(Service::SalesmanMatch).await,
            salesman: repeating(Service::Salesman).await,
        },
        // Nobody listens there: everything but the stream's events works without Kafka.
        kafka: kafka::Settings {
            brokers: "127.0.0.1:1".to_owned(),
            topic_prefix: "ktgg".to_owned(),
        },
        signer: testing::signer().clone(),
        drain: Duration::ZERO,
        database_url: database().await,
        migrate: Migrate::Apply,
        public_origin: PublicOrigin::local(ORIGIN_PORT),
        trusted_proxies: 0,
        sign_in_key: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        customer_ids: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        // Nobody listens there either.
        sender_url: "http://127.0.0.1:1/messages".parse().unwrap(),
        sender_key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap(),
        limits: Limits::GENEROUS,
        patience: Patience {
            connect: Duration::from_secs(1),
            answer: Duration::from_secs(2),
            headers: Duration::from_secs(5),
            reading: Duration::from_secs(5),
        },
        room: Room::USUAL,
    }
}

/// Whatever port it listens on, browsers know the gateway by this one.
const ORIGIN_PORT: u16 = 8088;

/// The origin of the gateway's own pages.
pub(crate) const ORIGIN: &str = "http://localhost:8088";

/// A new database with the gateway's schema in it, still empty.
pub(crate) async fn database() -> DatabaseUrl {
    service_kit::db::service_url(&testing::database(&[NAME]).await, NAME, "test").unwrap()
}

/// A gateway that runs until it is dropped.
pub(crate) struct Running {
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

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) async fn start() -> Running {
    start_with(config().await).await
}

pub(crate) async fn start_with(config: Config) -> Running {
    start_at(config, Arc::new(SystemClock)).await
}

/// One that goes by this clock. Internal tokens are signed by the machine's all the same.
pub(crate) async fn start_at(config: Config, clock: Arc<dyn Clock>) -> Running {
    let signer = config.signer.clone();
    let follows = !config.kafka.brokers.ends_with(":1");
    let db = Db::new(NAME, &config.database_url, clock.clone()).unwrap();
    db.migrate(&gateway::migrations(), Migrate::Apply)
        .await
        .unwrap();
    let gateway = Gateway::bind(config, clock).await.unwrap();
    let (address, admin) = (gateway.address().unwrap(), gateway.admin_address().unwrap());
    let ready = gateway.ready();
    let stop = CancellationToken::new();
    let task = tasks::spawn(gateway.run(stop.clone()));
    if follows {
        in_time("the gateway follows the topics", ready).await;
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let running = Running {
        address,
        admin,
        signer,
        stop,
        task,
        sessions: Sessions::new(db.clone()),
        db,
        client,
    };
    in_time("the gateway serves", async {
        while running.readyz().await != 200 {}
    })
    .await;
    running
}

/// A cookie as browsers send it.
pub(crate) fn cookie(id: &str) -> String {
    format!("ktgg={id}")
}

impl Running {
    /// The cookie of a session of theirs that has just begun.
    pub(crate) async fn cookie(&self, identity: &Identity) -> String {
        cookie(self.sessions.begin(identity, None).await.unwrap().id())
    }

    /// Somebody who is signed in.
    pub(crate) async fn as_(&self, identity: &Identity) -> Caller<'_> {
        Caller {
            gateway: self,
            cookie: self.cookie(identity).await,
        }
    }

    pub(crate) fn verifier(&self) -> Verifier {
        self.signer.public_pem().unwrap().parse().unwrap()
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        Ask {
            client: &self.client,
            request,
            body: Bytes::new(),
            is_of_a_page: true,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Ask<'_> {
        self.ask(Method::POST, path)
    }

    pub(crate) async fn readyz(&self) -> u16 {
        let uri = format!("http://{}/readyz", self.admin).parse().unwrap();
        in_time("readyz", self.client.get(uri))
            .await
            .unwrap()
            .status()
            .as_u16()
    }
}

/// Somebody who is signed in, and asks with the cookie of one session.
pub(crate) struct Caller<'a> {
    gateway: &'a Running,
    pub(crate) cookie: String,
}

impl<'a> Caller<'a> {
    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask<'a> {
        self.gateway.ask(method, path).cookie(&self.cookie)
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'a> {
        self.ask(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Ask<'a> {
        self.ask(Method::POST, path)
    }
}

pub(crate) struct Ask<'a> {
    client: &'a Client<HttpConnector, Full<Bytes>>,
    request: axum::http::request::Builder,
    body: Bytes,
    is_of_a_page: bool,
}

impl Ask<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn cookie(self, value: &str) -> Self {
        self.header("cookie", value)
    }

    /// Without the header by which a page of ours is known.
    pub(crate) fn of_no_page(mut self) -> Self {
        self.is_of_a_page = false;
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

    /// The answer's head; its body is still to be read.
    pub(crate) async fn open(mut self) -> hyper::Response<Incoming> {
        if self.is_of_a_page {
            self = self.header("ktgg-csrf", "1");
        }
        let request = self.request.body(Full::new(self.body)).unwrap();
        in_time("an answer", self.client.request(request))
            .await
            .unwrap()
    }

    pub(crate) async fn send(self) -> TestResponse {
        let (head, body) = self.open().await.into_parts();
        let body = in_time("a body", body.collect()).await.unwrap().to_bytes();
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

    /// The session's cookie that it sets, as a browser sends it back.
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

    /// The refusal's status and slug; fails the test when it is none of ours.
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

pub(crate) fn somebody(role: Role) -> Identity {
    let phone = (role == Role::Customer).then(|| "010-1234-5678".parse().unwrap());
    Identity {
        role,
        subject: Uuid::from_u128(7),
        phone,
    }
}

/// A service that answers with what it was sent.
pub(crate) async fn repeating(service: Service) -> BaseUrl {
    let router = Router::new()
        .route("/openapi.json", get(describe))
        .route("/interests/never", get(std::future::pending::<StatusCode>))
        .route("/consultations/created", axum::routing::post(created))
        .route(
            "/consultations/cached",
            axum::routing::post(async || [("cache-control", "private, max-age=5")]),
        )
        .fallback(repeat)
        .with_state(service.name());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(tasks::spawn(axum::serve(listener, router).into_future()));
    BaseUrl::from(address)
}

async fn repeat(State(service): State<&'static str>, request: Request) -> Response {
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
    let repeated = json!({
        "service": service,
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body.to_bytes()),
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        repeated.to_string(),
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
    let described = json!({
        "openapi": "3.1.0",
        "paths": {
            format!("/{service}s"): {
                "get": { "operationId": "list", "responses": {} },
                "post": { "operationId": "create", "responses": {} },
            },
            format!("/{service}s/{{id}}/phone"): { "get": { "operationId": "phone", "responses": {} } },
            format!("/{service}s/internal"): { "get": { "operationId": "internal", "x-internal": true, "responses": {} } },
        },
        "components": { "schemas": { "View": { "const": service } } },
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        described.to_string(),
    )
        .into_response()
}

/// An address at which nobody listens.
pub(crate) async fn nobody() -> BaseUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    BaseUrl::from(listener.local_addr().unwrap())
}
