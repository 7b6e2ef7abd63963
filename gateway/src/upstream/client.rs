//! The HTTP client for the services.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderValue, Uri};
use http_body_util::LengthLimitError;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use service_kit::Problem;
use service_kit::auth::{Identity, Signer};
use tokio::time::{Instant, timeout_at};

use crate::config::{Service, Services, Timeouts};
use crate::upstream::problems::{service_timeout, service_unavailable};
use crate::upstream::tokens::Tokens;

/// Idle connections are closed after this. Services keep theirs open, and network devices drop idle
/// connections after a minute at the earliest.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// For each service.
const MAX_IDLE_CONNECTIONS: usize = 64;

#[derive(Clone)]
pub(crate) struct Upstream {
    client: Client<HttpConnector, Body>,
    services: Services,
    tokens: Arc<Tokens>,
    pub(crate) timeouts: Timeouts,
}

/// Why there is no response from a service.
#[derive(Debug)]
pub(crate) enum UpstreamError {
    /// The connection failed, or was closed before the response's head.
    Connection(legacy::Error),
    Timeout,
}

impl Upstream {
    pub(crate) fn new(services: Services, signer: Signer, timeouts: Timeouts) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeouts.connect));
        connector.set_nodelay(true);
        // The client retries by itself only where it has sent nothing yet: on a pooled connection
        // that turned out to be closed.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .build(connector);
        Self {
            client,
            services,
            tokens: Arc::new(Tokens::new(signer)),
            timeouts,
        }
    }

    /// The URI of a service's path.
    pub(crate) fn uri(&self, service: Service, path: PathAndQuery) -> Option<Uri> {
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.services.url(service).authority().clone())
            .path_and_query(path)
            .build()
            .ok()
    }

    /// The `Authorization` header for this service.
    ///
    /// # Errors
    /// 500 when signing fails.
    pub(crate) fn authorization(
        &self,
        identity: &Identity,
        service: Service,
    ) -> Result<HeaderValue, Problem> {
        self.tokens.authorization(identity, service)
    }

    /// Sends a request once, and waits for the response's head.
    pub(crate) async fn send(
        &self,
        request: Request,
        deadline: Instant,
    ) -> Result<hyper::Response<Incoming>, UpstreamError> {
        match timeout_at(deadline, self.client.request(request)).await {
            Ok(response) => response.map_err(UpstreamError::Connection),
            Err(_) => Err(UpstreamError::Timeout),
        }
    }
}

impl UpstreamError {
    /// Whether the request's body exceeded its limit while it was sent.
    pub(crate) fn is_body_too_large(&self) -> bool {
        let Self::Connection(error) = self else {
            return false;
        };
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if error.is::<LengthLimitError>() {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// Logs the error, and returns the answer for the caller.
    pub(crate) fn into_problem(self, service: Service) -> Problem {
        let name = service.as_str();
        match self {
            Self::Connection(error) => {
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(service = name, %error, cause, "a service did not respond");
                service_unavailable(service)
            }
            Self::Timeout => {
                tracing::warn!(service = name, "a service did not respond in time");
                service_timeout(service)
            }
        }
    }
}
