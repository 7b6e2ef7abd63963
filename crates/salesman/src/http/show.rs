//! One salesman or consultant.

use axum::extract::State;
use axum::http::StatusCode;
use events::SalesmanId;
use service_kit::auth::{Identity, Staff};
use service_kit::http::{Path, Versioned};
use service_kit::{Context, Problem};

use super::views::{SalesmanDetail, SalesmanView};
use crate::store::{assignments, roster};

/// One salesman or consultant with the newest open and closed assignments.
#[utoipa::path(
    get, path = "/salesmen/{id}", tag = "salesman",
    params(("id" = Uuid, Path, description = "The id of the salesman or consultant")),
    responses((status = 200, body = SalesmanDetail, description = "The salesman or consultant")),
)]
pub(super) async fn show(
    State(context): State<Context>,
    _: Staff,
    Path(id): Path<SalesmanId>,
) -> Result<Versioned<SalesmanDetail>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let entry = roster::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let view = SalesmanDetail {
        open_assignments: assignments::newest(&mut connection, id, true).await?,
        closed_assignments: assignments::newest(&mut connection, id, false).await?,
        person: SalesmanView::new(entry, context.db.now()),
    };
    Ok(Versioned {
        status: StatusCode::OK,
        location: None,
        version: view.person.version,
        view,
    })
}

/// The calling salesman or consultant, with their counts.
#[utoipa::path(
    get, path = "/salesmen/me", tag = "salesman",
    responses((status = 200, body = SalesmanView, description = "The caller")),
)]
pub(super) async fn me(
    State(context): State<Context>,
    caller: Identity,
) -> Result<Versioned<SalesmanView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let entry = roster::load(&mut connection, SalesmanId(caller.subject))
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(SalesmanView::new(entry, context.db.now()).respond(StatusCode::OK))
}
