//! Asks several services for a customer's data.

use axum::http::{Method, StatusCode};
use futures_util::future::try_join_all;
use serde::de::DeserializeOwned;
use service_kit::Problem;
use service_kit::auth::Identity;
use tokio::time::Instant;

use crate::auth::security_log::About;
use crate::config::Service;
use crate::edge::client_ip::ClientIp;
use crate::state::AppState;
use crate::upstream::problems::service_unavailable;

/// The responses of all these services. Counts against the customer's limit `name`.
///
/// # Errors
/// 503 if one service does not respond with 200, or 429.
pub(super) async fn get_all<T: DeserializeOwned>(
    state: &AppState,
    name: &'static str,
    services: impl IntoIterator<Item = Service>,
    path: &'static str,
    (client, customer): (ClientIp, &Identity),
) -> Result<Vec<(Service, T)>, Problem> {
    let upstream = &state.upstream;
    let deadline = Instant::now() + upstream.timeouts.response;
    let subject = customer.subject.to_string();
    let about = About::client(client).and_person(customer, None);
    state
        .rate_limits
        .take(name, &subject, state.limits.data)
        .await
        .map_err(state.security.limited(&about))?;
    let requests = services.into_iter().map(async |service| {
        let response = upstream
            .request_as(customer, service, Method::GET, path, deadline)
            .await?;
        let status = response.status();
        let body = serde_json::from_slice(response.body());
        match body {
            Ok(body) if status == StatusCode::OK => Ok((service, body)),
            _ => {
                let name = service.as_str();
                tracing::warn!(service = name, path, %status, "unexpected response of a service");
                Err(service_unavailable(service))
            }
        }
    });
    try_join_all(requests).await
}
