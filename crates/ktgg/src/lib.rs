//! All of KT.GG in one process: the fastest local loop, the host of the end-to-end tests, and a demo in one pod.
//!
//! - [`host`]: the five services and the gateway, each with its own schema, group and port, as in five deployments.
//! - [`keys`]: the secrets of a data folder.
//! - [`client`]: a caller over HTTP, and a reader of the stream.
//! - [`import`]: a file of programmes, imported as staff do.
//! - [`topic`]: what is on a domain topic.
//! - [`demo`]: people and programmes to try things on.
//! - [`contract`]: what others read instead of the code.
//! - [`mod@bench`]: how long a change takes to reach a browser.
//!
//! Nothing in here knows more of a service than its value, and no service can tell that it is not alone.

pub mod bench;
pub mod client;
pub mod contract;
pub mod demo;
pub mod host;
pub mod import;
pub mod inbox;
pub mod keys;
pub mod topic;

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
    gateway::openapi::merge(
        services
            .iter()
            .map(|service| (service.name(), service.description()))
            .collect(),
    )
}
