//! Accounts of staff, salesmen and consultants: their administration by staff, invitations, and
//! signing in with a password.

mod attempt;
mod change;
mod change_password;
mod invite;
mod list;
mod set_password;
mod sign_in;
mod view;

use std::sync::Arc;

use service_kit::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(set_password::set_password))
        .routes(routes!(change_password::change_password))
        .routes(routes!(invite::invite))
        .routes(routes!(list::list))
        .routes(routes!(list::show, change::change))
}

/// An example of each problem of these operations.
pub(crate) fn problems() -> Vec<Problem> {
    let mut problems = vec![
        change::own_account(),
        change::last_staff(),
        set_password::wrong_link(),
        sign_in::wrong_credentials(),
    ];
    problems.extend(invite::problems());
    problems
}
