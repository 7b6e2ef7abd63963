//! One project with the editions of its series.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{Phase, ProjectId, ProjectStatus};
use serde::Serialize;
use service_kit::clock::seoul_date;
use service_kit::http::describe::{PhaseName, StatusName};
use service_kit::http::{Path, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::problems::load_project;
use super::views::{PeriodView, ProjectView};
use crate::project::Project;
use crate::store::series;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(show))
}

/// A project with the editions of its series.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectWithEditionsView {
    #[serde(flatten)]
    project: ProjectView,
    /// All editions of the series including this one, the newest year first; at most 100.
    editions: Vec<EditionView>,
}

/// An edition of a series.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EditionView {
    id: Uuid,
    name: String,
    year: i32,
    #[schema(value_type = StatusName)]
    status: ProjectStatus,
    /// What people see today in Seoul.
    #[schema(value_type = PhaseName)]
    phase: Phase,
    period: PeriodView,
}

impl EditionView {
    fn new(project: Project, today: NaiveDate) -> Self {
        Self {
            id: project.id.0,
            phase: project.phase(today),
            status: project.status,
            name: project.details.name,
            year: project.details.year,
            period: project.details.period.into(),
        }
    }
}

/// One project with the editions of its series.
#[utoipa::path(
    get, path = "/projects/{id}", tag = "project", params(("id" = Uuid, Path)),
    responses((status = 200, body = ProjectWithEditionsView)),
)]
async fn show(
    State(context): State<Context>,
    Path(id): Path<ProjectId>,
) -> Result<Versioned<ProjectWithEditionsView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let stored = load_project(&mut connection, id).await?;
    let editions = series::editions(&mut connection, stored.project.series_id).await?;
    let today = seoul_date(context.db.now());
    Ok(Versioned {
        status: StatusCode::OK,
        location: None,
        version: stored.project.version,
        view: ProjectWithEditionsView {
            project: ProjectView::new(stored, today),
            editions: editions
                .into_iter()
                .map(|edition| EditionView::new(edition.project, today))
                .collect(),
        },
    })
}
