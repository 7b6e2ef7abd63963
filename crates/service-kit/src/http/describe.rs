//! The description (`OpenAPI`) of a service's routes.
//!
//! Whatever all operations have in common is added here: problems, examples and response headers,
//! which follow from an operation's parameters, body and permissions. A route adds, in
//! `extensions(…)` of `#[utoipa::path]`:
//!
//! | extension | content |
//! | --- | --- |
//! | `x-command` | the domain's name of a change: `StartProject` |
//! | `x-events` | the event types that it can cause: `["ProjectStarted"]` |
//! | `x-problems` | slugs of this operation's own [problems](crate::Service::problems) |
//! | `x-internal` | only the gateway calls it |
//!
//! A route without an id in its path names `not-found` in `x-problems` if it can answer with it.
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
