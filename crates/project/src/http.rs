//! The routes of this service.
//!
//! - `list`, `facets`, `show`, `work`, `dashboard`, `visit_card`: reads. `create`, `edit`,
//!   `status`, `end_overdue`: writes of staff. `imports`: files of programmes. `me`: a customer's
//!   data and its erasure.
//! - `views`: how projects are shown. `problems`: refusals as problems. `fields`, `filters`,
//!   `query`: input that several routes share.

mod create;
mod dashboard;
mod edit;
mod end_overdue;
mod facets;
mod fields;
mod filters;
mod imports;
mod list;
mod me;
mod problems;
mod query;
mod show;
mod status;
mod views;
mod visit_card;
mod work;

use service_kit::{Context, Problem};
use utoipa_axum::router::OpenApiRouter;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .merge(list::routes())
        .merge(facets::routes())
        .merge(show::routes())
        .merge(create::routes())
        .merge(edit::routes())
        .merge(status::routes())
        .merge(end_overdue::routes())
        .merge(work::routes())
        .merge(dashboard::routes())
        .merge(visit_card::routes())
        .merge(imports::routes())
        .merge(me::routes())
}

/// Examples of this service's own problems.
pub(crate) fn problems() -> Vec<Problem> {
    let mut problems = problems::examples();
    problems.extend(imports::problems());
    problems
}
