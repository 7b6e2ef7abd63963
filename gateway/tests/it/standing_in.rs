//! Services that keep something of a customer, for as long as nobody asks them to forget it.

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
use gateway::config::{BaseUrl, Services};
use gateway::upstream::routes::Service;
use serde_json::{Value, json};
use service_kit::auth::{Identity, Verifier};
use service_kit::tasks;
use tokio::net::TcpListener;

use crate::fixture::in_time;

pub(crate) struct StandIn {
    pub(crate) service: Service,
    verifier: Verifier,
    /// Answers 503 for as long as it is away.
    pub(crate) is_away: AtomicBool,
    /// Answers not at all for as long as it hangs.
    pub(crate) hangs: AtomicBool,
    /// Answers when it waits no longer.
    pub(crate) waits: AtomicBool,
    /// What it was asked, and as whom.
    asked: Mutex<Vec<(Method, Identity)>>,
    /// What it answers to `GET /me/data`.
    pub(crate) data: Mutex<String>,
    /// What it answers to `GET /me/disclosures`.
    pub(crate) disclosures: Mutex<Value>,
}

/// Five of them, behind the gateway of this configuration.
pub(crate) struct StandIns(Vec<Arc<StandIn>>);

impl StandIns {
    pub(crate) async fn behind(config: &mut Config) -> Self {
        let mut all = Vec::new();
        let mut urls = Vec::new();
        for service in Service::ALL {
            let it = Arc::new(StandIn {
                service,
                verifier: config.signer.public_pem().unwrap().parse().unwrap(),
                is_away: AtomicBool::new(false),
                hangs: AtomicBool::new(false),
                waits: AtomicBool::new(false),
                asked: Mutex::default(),
                data: Mutex::new(json!({ "kept": service.name() }).to_string()),
                disclosures: Mutex::new(json!({ "items": [] })),
            });
            let router = Router::new()
                .route("/me", delete(forget))
                .route("/me/data", get(data))
                .route("/me/disclosures", get(disclosures))
                .with_state(it.clone());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.push(BaseUrl::from(listener.local_addr().unwrap()));
            drop(tasks::spawn(axum::serve(listener, router).into_future()));
            all.push(it);
        }
        let url = |service: Service| {
            urls[all
                .iter()
                .position(|it: &Arc<StandIn>| it.service == service)
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

    pub(crate) fn of(&self, service: Service) -> &StandIn {
        self.0.iter().find(|it| it.service == service).unwrap()
    }

    /// How often each was asked to forget somebody.
    pub(crate) fn forgot(&self) -> Vec<usize> {
        self.0
            .iter()
            .map(|it| it.asked_to(&Method::DELETE).len())
            .collect()
    }

    /// Waits until each was asked so often to forget somebody.
    pub(crate) async fn forget(&self, times: [usize; 5]) {
        let what = format!("the services are asked {times:?} times");
        in_time(&what, async {
            while self.forgot() != times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

impl StandIn {
    pub(crate) fn asked_to(&self, method: &Method) -> Vec<Identity> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|(asked, _)| asked == method)
            .map(|(_, who)| who.clone())
            .collect()
    }

    /// Notes who asks, and answers what there is to say before anything is done.
    async fn authorize(&self, method: Method, headers: &HeaderMap) -> Option<Response> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let Some(who) = token.and_then(|token| self.verifier.verify(token, self.service.name()))
        else {
            return Some(StatusCode::UNAUTHORIZED.into_response());
        };
        self.asked.lock().unwrap().push((method, who));
        if self.hangs.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        while self.waits.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.is_away
            .load(Ordering::SeqCst)
            .then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
    }
}

async fn forget(State(it): State<Arc<StandIn>>, headers: HeaderMap) -> Response {
    it.authorize(Method::DELETE, &headers)
        .await
        .unwrap_or_else(|| StatusCode::NO_CONTENT.into_response())
}

async fn data(State(it): State<Arc<StandIn>>, headers: HeaderMap) -> Response {
    let told = it.data.lock().unwrap().clone();
    it.authorize(Method::GET, &headers)
        .await
        .unwrap_or_else(|| Body::from(told).into_response())
}

async fn disclosures(State(it): State<Arc<StandIn>>, headers: HeaderMap) -> Response {
    let told = it.disclosures.lock().unwrap().to_string();
    it.authorize(Method::GET, &headers)
        .await
        .unwrap_or_else(|| Body::from(told).into_response())
}
