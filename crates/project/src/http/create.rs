//! `CreateProject`.

use axum::extract::State;
use axum::http::StatusCode;
use events::{Category, ProjectId, Region, SeriesId};
use serde::Deserialize;
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, RegionName};
use service_kit::http::{Field, Fields, IdempotencyKey, Json, Versioned, idempotency};
use service_kit::{Context, Problem, Tx};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::fields::{PeriodBody, check, check_series};
use super::problems::{load_project, require_series_keys};
use super::views::ProjectView;
use crate::project::{self, Details, MAX_NAME_LENGTH, MAX_TEXT_LENGTH, Project};
use crate::store::projects::{self, StoredProject};
use crate::store::series;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(create))
}

/// An edition as staff enter it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreateProject {
    /// As announced.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200)]
    name: Field<String>,
    /// The year of the edition.
    #[serde(default)]
    #[schema(value_type = i32, minimum = 1990, maximum = 2100)]
    year: Field<i32>,
    /// 분야.
    #[serde(default)]
    #[schema(value_type = CategoryName)]
    category: Field<Category>,
    /// 시도; 전국 by default.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RegionName>>)]
    regions: Field<Vec<Region>>,
    /// 지원대상.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4000)]
    target: Field<String>,
    /// 지원규모, in KRW.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0)]
    scale: Field<i64>,
    /// 소관기관.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200)]
    agency: Field<String>,
    /// 수행기관; the agency by default.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    host: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4000)]
    summary: Field<String>,
    /// The http(s) address of the announcement.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4000)]
    link: Field<String>,
    /// When customers can apply.
    #[serde(default)]
    #[schema(value_type = Option<PeriodBody>)]
    period: Field<PeriodBody>,
    /// The series of an earlier edition. By default the one whose editions have the same agency and
    /// host, and the same name except for year, 차수 and the like; else a new one.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    series_id: Field<SeriesId>,
}

impl CreateProject {
    fn read(self, mut fields: Fields) -> Result<Details, Problem> {
        fn text(
            fields: &mut Fields,
            pointer: &str,
            field: Field<String>,
            max_length: usize,
        ) -> Option<String> {
            let text = fields.optional_text(pointer, field, max_length);
            text.filter(|text| !text.is_empty())
        }
        let name = fields.name("/name", self.name, MAX_NAME_LENGTH);
        let year = fields.required("/year", self.year);
        let category = fields.required("/category", self.category);
        let regions = fields.regions("/regions", self.regions);
        let target = text(&mut fields, "/target", self.target, MAX_TEXT_LENGTH);
        let scale = fields.optional("/scale", self.scale);
        let agency = fields.name("/agency", self.agency, MAX_NAME_LENGTH);
        let host = text(&mut fields, "/host", self.host.one_line(), MAX_NAME_LENGTH);
        let summary = text(&mut fields, "/summary", self.summary, MAX_TEXT_LENGTH);
        let link = text(&mut fields, "/link", self.link, MAX_TEXT_LENGTH);
        let period = fields.optional("/period", self.period);
        let period = period.unwrap_or_default().read(&mut fields);
        check(&mut fields, year, Some(&period), scale, link.as_deref());
        let (Some(name), Some(year), Some(category), Some(agency), true) =
            (name, year, category, agency, fields.is_valid())
        else {
            return Err(fields.problem());
        };
        Ok(Details {
            name,
            year,
            category,
            regions: regions.unwrap_or_default(),
            target,
            scale,
            host: host.unwrap_or_else(|| agency.clone()),
            agency,
            summary,
            link,
            period,
        })
    }
}

/// `CreateProject`: staff enter an edition of a programme.
///
/// An edition of the previous year in the same series that has no successor becomes its
/// predecessor.
#[utoipa::path(
    post, path = "/projects", tag = "project", request_body = CreateProject,
    params(IdempotencyKey),
    responses((status = 201, body = ProjectView)),
    extensions(
        ("x-command" = json!("CreateProject")),
        ("x-events" = json!(["ProjectCreated"])),
    ),
)]
async fn create(
    State(context): State<Context>,
    _: Staff,
    caller: Identity,
    Json {
        mut body,
        idempotency_key,
    }: Json<CreateProject>,
) -> Result<Versioned<ProjectView>, Problem> {
    require_series_keys(&context.db).await?;
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    let key = idempotency_key.as_ref();
    if let Some((status, id)) = idempotency::find(&mut tx, caller.subject, key).await? {
        let stored = load_project(&mut tx, ProjectId(id)).await?;
        return Ok(ProjectView::new(stored, today).versioned(status));
    }
    let mut fields = Fields::default();
    let series_id = fields.optional("/seriesId", std::mem::take(&mut body.series_id));
    check_series(&mut tx, series_id, &mut fields).await?;
    let details = body.read(fields)?;
    let series_id = match series_id {
        Some(id) => id,
        None => recognize_series(&mut tx, &details).await?,
    };
    series::lock(&mut tx, series_id).await?;
    let predecessor = series::predecessor_for(&mut tx, series_id, details.year).await?;
    let id = ProjectId(tx.new_id());
    let command = project::CreateProject::planned(id, series_id, details, predecessor);
    let (project, event) = Project::create(command, caller.actor())?;
    projects::create(&mut tx, &project, &event).await?;
    idempotency::store(&mut tx, caller.subject, key, StatusCode::CREATED, id.0).await?;
    tx.commit().await?;
    let stored = StoredProject {
        project,
        successor: None,
    };
    Ok(ProjectView::new(stored, today).versioned(StatusCode::CREATED))
}

/// The series with the key of these details, or a new one.
async fn recognize_series(tx: &mut Tx, details: &Details) -> Result<SeriesId, sqlx::Error> {
    let key = details.series_key();
    series::lock_key(tx, &key).await?;
    series::find_or_new(tx, &key).await
}
