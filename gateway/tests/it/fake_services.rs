//! Fake services with a customer's data, which record requests and can fail or hang.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use gateway::Config;
use gateway::config::{BaseUrl, Service, Services};
use serde_json::{Value, json};
use service_kit::auth::{Identity, Verifier};
use service_kit::tasks;
use tokio::net::TcpListener;

use crate::test_gateway::with_timeout;

pub(crate) struct FakeService {
    pub(crate) service: Service,
    verifier: Verifier,
    /// While set, the service responds with 503.
    pub(crate) is_unavailable: AtomicBool,
    /// While set, requests never get a response, even after it is reset.
    pub(crate) hangs: AtomicBool,
    /// While set, requests wait for their response until it is reset.
    pub(crate) is_paused: AtomicBool,
    /// The method and caller of every request.
    requests: Mutex<Vec<(Method, Identity)>>,
    /// The response body of `GET /me/data`.
    pub(crate) data: Mutex<String>,
    /// The response body of `GET /me/disclosures`.
    pub(crate) disclosures: Mutex<Value>,
}

/// One fake for each of the five services.
pub(crate) struct FakeServices(Vec<Arc<FakeService>>);

impl FakeServices {
    /// Starts the services and puts their addresses into the configuration.
    pub(crate) async fn start(config: &mut Config) -> Self {
        let mut all = Vec::new();
        let mut urls = Vec::new();
        for service in Service::ALL {
            let fake = Arc::new(FakeService {
                service,
                verifier: config.signer.public_pem().unwrap().parse().unwrap(),
                is_unavailable: AtomicBool::new(false),
                hangs: AtomicBool::new(false),
                is_paused: AtomicBool::new(false),
                requests: Mutex::default(),
                data: Mutex::new(json!({ "data": service.as_str() }).to_string()),
                disclosures: Mutex::new(json!({ "items": [] })),
            });
            let router = Router::new()
                .route("/me", delete(erase))
                .route("/me/data", get(data))
                .route("/me/disclosures", get(disclosures))
                .with_state(fake.clone());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.push(BaseUrl::from(listener.local_addr().unwrap()));
            drop(tasks::spawn(axum::serve(listener, router).into_future()));
            all.push(fake);
        }
        let url = |service: Service| {
            urls[all
                .iter()
                .position(|fake: &Arc<FakeService>| fake.service == service)
                .unwrap()]
            .clone()
        };
        config.services = Services {
            project: url(Service::Project),
            interest: url(Service::Interest),
            consultation: url(Service::Consultation),
            salesman_match: url(Service::SalesmanMatch),
            salesman: url(Service::Salesman),
        };
        Self(all)
    }

    pub(crate) fn get(&self, service: Service) -> &FakeService {
        self.0.iter().find(|fake| fake.service == service).unwrap()
    }

    /// How often each service was asked to erase a customer.
    pub(crate) fn erasure_counts(&self) -> Vec<usize> {
        self.0
            .iter()
            .map(|fake| fake.callers(&Method::DELETE).len())
            .collect()
    }

    /// Waits until each service was asked this often to erase a customer.
    pub(crate) async fn wait_for_erasures(&self, counts: [usize; 5]) {
        let what = format!("the services are asked {counts:?} times");
        with_timeout(&what, async {
            while self.erasure_counts() != counts {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

impl FakeService {
    /// The callers of all requests with this method.
    pub(crate) fn callers(&self, method: &Method) -> Vec<Identity> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .filter(|(requested, _)| requested == method)
            .map(|(_, caller)| caller.clone())
            .collect()
    }

    /// Records the caller. Returns a response if the token is invalid or the service must fail.
    async fn authorize(&self, method: Method, headers: &HeaderMap) -> Option<Response> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let Some(caller) =
            token.and_then(|token| self.verifier.verify(token, self.service.as_str()))
        else {
            return Some(StatusCode::UNAUTHORIZED.into_response());
        };
        self.requests.lock().unwrap().push((method, caller));
        if self.hangs.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        while self.is_paused.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.is_unavailable
            .load(Ordering::SeqCst)
            .then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
    }
}

async fn erase(State(fake): State<Arc<FakeService>>, headers: HeaderMap) -> Response {
    fake.authorize(Method::DELETE, &headers)
        .await
        .unwrap_or_else(|| StatusCode::NO_CONTENT.into_response())
}

async fn data(State(fake): State<Arc<FakeService>>, headers: HeaderMap) -> Response {
    let body = fake.data.lock().unwrap().clone();
    fake.authorize(Method::GET, &headers)
        .await
        .unwrap_or_else(|| Body::from(body).into_response())
}

async fn disclosures(State(fake): State<Arc<FakeService>>, headers: HeaderMap) -> Response {
    let body = fake.disclosures.lock().unwrap().to_string();
    fake.authorize(Method::GET, &headers)
        .await
        .unwrap_or_else(|| Body::from(body).into_response())
}
