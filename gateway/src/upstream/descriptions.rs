//! The API descriptions of the services, fetched on request and cached.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::config::Service;
use crate::upstream::client::Upstream;

const FETCH_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a description is cached. It changes only when the service is replaced.
const MAX_AGE: Duration = Duration::from_secs(30);

/// How long it is cached that a service did not respond.
const UNAVAILABLE_MAX_AGE: Duration = Duration::from_secs(2);

const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Merges the descriptions of these services, and adds the gateway's own.
type Merge = fn(Vec<(&str, Value)>) -> Value;

pub(crate) struct Descriptions {
    upstream: Upstream,
    merge: Merge,
    /// Locked while descriptions are fetched, so that concurrent requests cause one fetch.
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    services: BTreeMap<Service, Fetched>,
    merged: Bytes,
}

struct Fetched {
    at: Instant,
    /// `None` if the service did not respond.
    description: Option<Value>,
}

impl Fetched {
    fn is_fresh(&self) -> bool {
        let is_available = self.description.is_some();
        let max_age = if is_available {
            MAX_AGE
        } else {
            UNAVAILABLE_MAX_AGE
        };
        self.at.elapsed() < max_age
    }
}

impl Descriptions {
    pub(crate) fn new(upstream: Upstream, merge: Merge) -> Self {
        Self {
            upstream,
            merge,
            cache: Mutex::default(),
        }
    }

    /// The merged description as JSON. Services that did not respond are listed in `x-unavailable`.
    pub(crate) async fn merged(&self) -> Bytes {
        let mut cache = self.cache.lock().await;
        let mut fetches = JoinSet::new();
        for service in Service::ALL {
            if !cache.services.get(&service).is_some_and(Fetched::is_fresh) {
                let upstream = self.upstream.clone();
                fetches.spawn(async move { (service, fetch(&upstream, service).await) });
            }
        }
        if fetches.is_empty() {
            return cache.merged.clone();
        }
        while let Some(fetched) = fetches.join_next().await {
            if let Ok((service, description)) = fetched {
                let at = Instant::now();
                cache.services.insert(service, Fetched { at, description });
            }
        }
        let (mut available, mut unavailable) = (Vec::new(), Vec::new());
        for (service, fetched) in &cache.services {
            match &fetched.description {
                Some(description) => available.push((service.as_str(), description.clone())),
                None => unavailable.push(service.as_str()),
            }
        }
        let mut merged = (self.merge)(available);
        if !unavailable.is_empty() {
            merged["x-unavailable"] = json!(unavailable);
        }
        cache.merged = Bytes::from(merged.to_string());
        cache.merged.clone()
    }
}

async fn fetch(upstream: &Upstream, service: Service) -> Option<Value> {
    let deadline = Instant::now() + FETCH_TIMEOUT;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = upstream.uri(service, PathAndQuery::from_static("/openapi.json"))?;
    let response = upstream.send(request, deadline).await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let body = Limited::new(response.into_body(), MAX_BYTES).collect();
    let bytes = timeout_at(deadline, body).await.ok()?.ok()?.to_bytes();
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}
