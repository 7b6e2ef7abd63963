//! The description (`OpenAPI`) of a service's routes.
//!
//! Whatever all operations have in common is added here: problems, examples and response headers,
//! which follow from an operation's parameters, body and permissions. A route adds, in `extensions(…)`
//! of `#[utoipa::path]`:
//!
//! | extension | content |
//! | --- | --- |
//! | `x-command` | the domain's name of a change: `StartProject` |
//! | `x-events` | the event types that it can cause: `["ProjectStarted"]` |
//! | `x-problems` | slugs of the [problems](crate::Service::problems) that only this operation has; `not-found`, too, for a route without an id in its path |
//! | `x-internal` | only the gateway calls it |
//!
//! The [permissions](crate::http::permissions) add `x-actors`: `["anyone"]`, or roles.

mod complete;
mod enums;
mod examples;
mod fields;
mod headers;

pub use complete::{add_problems, complete, problem_schemas};
pub use enums::{
    CategoryName, PeriodKindName, PersonRoleName, PhaseName, RegionName, RoleName, StatusName,
    StepName,
};
