//! The five services, and their merged description.

use service_kit::Service;

/// The five services.
pub fn services() -> [Service; 5] {
    [
        interest::service(),
        consultation::service(),
        project::service(),
        salesman_match::service(),
        salesman::service(),
    ]
}

/// The description of all routes, as the gateway serves it.
pub fn openapi() -> serde_json::Value {
    let services = services();
    gateway::api::openapi::merge(
        services
            .iter()
            .map(|service| (service.name(), service.description()))
            .collect(),
    )
}
