//! `GET /consultations/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::ConsultationId;
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::http::{Path, Versioned};
use service_kit::{Context, Problem};
use sqlx::postgres::PgConnection;

use super::access::{can_see, can_see_notes};
use super::views::WholeConsultationView;
use crate::store::{self, Detail, Stored};

/// The consultation with its timeline; for colleagues also with notes.
#[utoipa::path(
    get, path = "/consultations/{id}", tag = "consultation", params(("id" = Uuid, Path)),
    responses((status = 200, body = WholeConsultationView, description = "The consultation")),
)]
pub(super) async fn show(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<ConsultationId>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let stored = find(&mut connection, &caller, id).await?;
    let today = seoul_date(context.db.now());
    answer(&mut connection, &caller, today, StatusCode::OK, stored).await
}

/// The consultation, if the caller may see it.
///
/// # Errors
/// 404 otherwise.
pub(super) async fn find(
    connection: &mut PgConnection,
    caller: &Identity,
    id: ConsultationId,
) -> Result<Stored, Problem> {
    store::load(connection, id)
        .await?
        .filter(|stored| can_see(caller, &stored.consultation))
        .ok_or_else(Problem::not_found)
}

/// The answer that shows everything that the caller may see.
pub(super) async fn answer(
    connection: &mut PgConnection,
    caller: &Identity,
    today: NaiveDate,
    status: StatusCode,
    stored: Stored,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let detail = Detail::load(connection, stored, can_see_notes(caller.role)).await?;
    Ok(WholeConsultationView::new(detail, caller, today).into_answer(status))
}
