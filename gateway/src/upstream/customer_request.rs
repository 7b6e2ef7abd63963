//! Requests of the gateway itself to a service, on behalf of a customer: data export, disclosures
//! and erasure.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Response, header};
use http_body_util::{BodyExt as _, Limited};
use service_kit::Problem;
use service_kit::auth::Identity;
use tokio::time::{Instant, timeout_at};

use crate::config::Service;
use crate::upstream::client::Upstream;
use crate::upstream::headers::traceparent;
use crate::upstream::problems::service_unavailable;

/// No service stores more of one customer.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

impl Upstream {
    /// Sends a request once, and reads the complete response.
    ///
    /// # Errors
    /// 503 with the service's name if there is none before the deadline.
    pub(crate) async fn request_as(
        &self,
        customer: &Identity,
        service: Service,
        method: Method,
        path: &'static str,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Problem> {
        let name = service.as_str();
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = self
            .uri(service, PathAndQuery::from_static(path))
            .ok_or_else(|| service_unavailable(service))?;
        let authorization = self.authorization(customer, service)?;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, authorization);
        if let Some(traceparent) = traceparent() {
            headers.insert("traceparent", traceparent);
        }
        let response = self.send(request, deadline).await.map_err(|error| {
            tracing::warn!(service = name, path, ?error, "a service did not respond");
            service_unavailable(service)
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_RESPONSE_BYTES).collect();
        let Ok(Ok(body)) = timeout_at(deadline, body).await else {
            tracing::warn!(service = name, path, "a service's response is incomplete");
            return Err(service_unavailable(service));
        };
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}
