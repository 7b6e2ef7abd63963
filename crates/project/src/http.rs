//! What callers can do with projects.

mod imports;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, ProjectId, ProjectStatus, Region, SeriesId};
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Staff};
use service_kit::http::{Field, Fields, Json, PageQuery, Paged, Path, Query, Versioned};
use service_kit::problem::{ProblemDocument, Text};
use service_kit::{Context, Problem, idempotency};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::project::{self, Project, Refusal};
use crate::series;
use crate::store::{self, Stored};

/// The longest name, in characters. The longest real one has 96.
const LONGEST_NAME: usize = 200;

/// The longest text that is more than a name, in characters.
const LONGEST_TEXT: usize = 4000;

pub(crate) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(show)).merge(imports::routes())
}

/// One example of each problem of this service.
pub(crate) fn problems() -> Vec<Problem> {
    imports::problems()
}

/// A project as anyone sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectView {
    id: Uuid,
    series_id: Uuid,
    name: String,
    year: i32,
    /// 분야.
    #[schema(value_type = String, example = "기술")]
    category: Category,
    /// 시도, or 전국.
    #[schema(value_type = Vec<String>, example = json!(["전국"]))]
    regions: Vec<Region>,
    /// 지원대상.
    target: Option<String>,
    /// 지원규모, in KRW.
    scale: Option<i64>,
    /// 소관기관.
    agency: String,
    /// 수행기관.
    host: String,
    summary: Option<String>,
    link: Option<String>,
    period: PeriodView,
    #[schema(value_type = StatusName)]
    status: ProjectStatus,
    /// Also the `ETag`.
    version: i64,
}

/// When one can apply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeriodView {
    #[schema(value_type = PeriodKindName)]
    kind: PeriodKind,
    /// As it was written.
    text: String,
    starts_on: Option<NaiveDate>,
    ends_on: Option<NaiveDate>,
}

/// Planned, running, over.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the description uses it: events must not depend on utoipa")]
enum StatusName {
    Planned,
    Ongoing,
    Ended,
}

/// How an application period is written.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the description uses it: events must not depend on utoipa")]
enum PeriodKindName {
    Range,
    UntilBudget,
    Always,
    FirstCome,
    UntilFilled,
    AnnouncedLater,
    Varies,
    Recurring,
    Invalid,
    Missing,
    Other,
}

impl From<Stored> for ProjectView {
    fn from(Stored { it, .. }: Stored) -> Self {
        let Period { kind, text, starts_on, ends_on } = it.period;
        Self {
            id: it.id.0,
            series_id: it.series_id.0,
            name: it.name,
            year: it.year,
            category: it.category,
            regions: it.regions,
            target: it.target,
            scale: it.scale,
            agency: it.agency,
            host: it.host,
            summary: it.summary,
            link: it.link,
            period: PeriodView { kind, text, starts_on, ends_on },
            status: it.status,
            version: it.version,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut fields = Fields::default();
        note(&mut fields, refusal);
        fields.problem()
    }
}

/// Notes a refusal of the domain beside what else is wrong.
fn note(fields: &mut Fields, refusal: Refusal) {
    let (pointer, code, ko) = match refusal {
        Refusal::EndsBeforeItStarts => ("/period/endsOn", "ends-before-it-starts", "마감일이 시작일보다 빠릅니다"),
        Refusal::NoSuchDate => ("/period", "no-such-date", "신청기간의 날짜를 확인해 주세요"),
        Refusal::NoSuchYear => ("/year", "no-such-year", "연도를 확인해 주세요"),
        _ => ("", "refused", "할 수 없습니다"),
    };
    fields.refuse(pointer, code, Text::new(ko, refusal.to_string()));
}

/// What staff enter.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateProject {
    /// Its name as announced.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200)]
    name: Field<String>,
    /// The edition's year.
    #[serde(default)]
    #[schema(value_type = i32, minimum = 1990, maximum = 2100)]
    year: Field<i32>,
    /// 분야: 금융, 기술, 인력, 수출, 내수, 창업, 경영 or 기타.
    #[serde(default)]
    #[schema(value_type = String, example = "기술")]
    category: Field<Category>,
    /// 시도; none means 전국.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["서울"]))]
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
    /// 수행기관; the agency unless given.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    host: Field<String>,
    /// What it is about.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4000)]
    summary: Field<String>,
    /// Where it was announced: an http(s) address.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 4000)]
    link: Field<String>,
    /// When one can apply.
    #[serde(default)]
    #[schema(value_type = Option<PeriodBody>)]
    period: Field<PeriodBody>,
    /// The programme of an earlier edition; a new programme unless given.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    series_id: Field<SeriesId>,
}

/// When one can apply.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeriodBody {
    /// `range` when both dates are there, `missing` when nothing is, `other` unless given.
    #[serde(default)]
    #[schema(value_type = Option<PeriodKindName>)]
    kind: Field<PeriodKind>,
    /// As it is written in the announcement.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    text: Field<String>,
    /// First day.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    starts_on: Field<NaiveDate>,
    /// Last day; it ends at 23:59:59 in Seoul.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    ends_on: Field<NaiveDate>,
}

impl PeriodBody {
    fn read(self, fields: &mut Fields) -> Period {
        let kind = fields.optional("/period/kind", self.kind);
        let text = fields.optional_text("/period/text", self.text, LONGEST_NAME).unwrap_or_default();
        let starts_on = fields.optional("/period/startsOn", self.starts_on);
        let ends_on = fields.optional("/period/endsOn", self.ends_on);
        let written = match (starts_on, ends_on) {
            (Some(start), Some(end)) => format!("{start} ~ {end}"),
            _ => String::new(),
        };
        let obvious = match (&*text, &*written) {
            ("", "") => PeriodKind::Missing,
            (_, "") => PeriodKind::Other,
            _ => PeriodKind::Range,
        };
        let text = if text.is_empty() { written } else { text };
        Period { kind: kind.unwrap_or(obvious), text, starts_on, ends_on }
    }
}

/// `CreateProject`: staff enter an edition of a programme.
#[utoipa::path(
    post, path = "/projects", tag = "project", request_body = CreateProject,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    responses(
        (status = 201, body = ProjectView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn create(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    Json { body, retry }: Json<CreateProject>,
) -> Result<Versioned<ProjectView>, Problem> {
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) = idempotency::seen(&mut tx, who.subject, retry.as_ref()).await? {
        let it = store::load(&mut tx, ProjectId(id)).await?.ok_or_else(Problem::not_found)?;
        return Ok(shown(status, it));
    }
    let mut fields = Fields::default();
    let name = fields.text("/name", body.name, LONGEST_NAME);
    let year = fields.required("/year", body.year);
    let category = fields.required("/category", body.category);
    let regions = fields.optional("/regions", body.regions).unwrap_or_default();
    let target = fields.optional_text("/target", body.target, LONGEST_TEXT).filter(|text| !text.is_empty());
    let scale = fields.optional("/scale", body.scale);
    let agency = fields.text("/agency", body.agency, LONGEST_NAME);
    let host = fields.optional_text("/host", body.host, LONGEST_NAME).filter(|text| !text.is_empty());
    let summary = fields.optional_text("/summary", body.summary, LONGEST_TEXT).filter(|text| !text.is_empty());
    let link = fields.optional_text("/link", body.link, LONGEST_TEXT).filter(|text| !text.is_empty());
    let period = fields.optional("/period", body.period).unwrap_or_default().read(&mut fields);
    let series_id = fields.optional("/seriesId", body.series_id);
    for refused in [year.map_or(Ok(()), project::check_year), project::check_period(&period)] {
        if let Err(refusal) = refused {
            note(&mut fields, refusal);
        }
    }
    if scale.is_some_and(|scale| scale < 0) {
        fields.refuse("/scale", "negative", Text::new("0 이상이어야 합니다", "It is less than 0"));
    }
    if link.as_ref().is_some_and(|link| !link.starts_with("https://") && !link.starts_with("http://")) {
        let message = Text::new("http(s) 주소여야 합니다", "It must be an http(s) address");
        fields.refuse("/link", "not-a-link", message);
    }
    if let Some(series_id) = series_id
        && !store::series_exists(&mut tx, series_id).await?
    {
        fields.refuse("/seriesId", "unknown", Text::new("없는 사업 계열입니다", "There is no such series"));
    }
    let (Some(name), Some(year), Some(category), Some(agency), true) = (name, year, category, agency, fields.all_right()) else {
        return Err(fields.problem());
    };
    let host = host.unwrap_or_else(|| agency.clone());
    let series_id = if let Some(series_id) = series_id {
        series_id
    } else {
        let key = series::key(&name, &agency, &host, year);
        store::lock_key(&mut tx, &key).await?;
        store::recognise(&mut tx, &key).await?.unwrap_or_else(|| SeriesId(tx.new_id()))
    };
    store::lock_series(&mut tx, series_id).await?;
    let command = project::CreateProject {
        id: ProjectId(tx.new_id()),
        series_id,
        name,
        year,
        category,
        regions,
        target,
        scale,
        agency,
        host,
        summary,
        link,
        period,
        status: ProjectStatus::Planned,
        started_on: None,
        ended_on: None,
        predecessor: store::predecessor_of(&mut tx, series_id, year).await?,
        source: None,
    };
    let (it, event) = Project::create(command, who.actor())?;
    store::create(&mut tx, &it, &event).await?;
    idempotency::remember(&mut tx, who.subject, retry.as_ref(), StatusCode::CREATED, it.id.0).await?;
    tx.commit().await?;
    Ok(shown(StatusCode::CREATED, Stored { it, successor: None }))
}

fn shown(status: StatusCode, stored: Stored) -> Versioned<ProjectView> {
    let location = (status == StatusCode::CREATED).then(|| format!("/projects/{}", stored.it.id));
    Versioned { status, location, version: stored.it.version, view: stored.into() }
}

/// All projects, newest first.
#[utoipa::path(
    get, path = "/projects", tag = "project", params(PageQuery),
    responses(
        (status = 200, body = Paged<ProjectView>),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn list(State(context): State<Context>, Query(query): Query<PageQuery>) -> Result<Paged<ProjectView>, Problem> {
    let page = query.page()?;
    let views = store::list(context.db.pool(), page).await?.into_iter().map(ProjectView::from).collect();
    Ok(Paged::cut(views, page, |view: &ProjectView| view.id))
}

/// One project.
#[utoipa::path(
    get, path = "/projects/{id}", tag = "project", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = ProjectView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn show(State(context): State<Context>, Path(id): Path<ProjectId>) -> Result<Versioned<ProjectView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let it = store::load(&mut connection, id).await?.ok_or_else(Problem::not_found)?;
    Ok(shown(StatusCode::OK, it))
}
