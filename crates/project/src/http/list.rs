//! What anyone sees: the list and one project.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{Category, Phase, ProjectId, ProjectStatus, Region};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, PhaseName, RegionName, StatusName};
use service_kit::http::page::{decode_cursor, parse_limit};
use service_kit::http::problem::Text;
use service_kit::http::problem::invalid_query;
use service_kit::http::{Paged, Path, Query, Versioned};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{PeriodView, ProjectView, shown};
use crate::hangul;
use crate::letters::is_unprintable;
use crate::store::{self, Place, Sort, Stored, Wanted};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
}

/// The longest thing to search for, in characters.
const LONGEST_SEARCH: usize = 100;

/// Which projects, in which order, from where on. What is empty is as if it were not there.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Words that all occur in name, agency, host or summary. The last one may still be being typed (`스마트사` finds 스마트상점). A word of
    /// nothing but consonants is looked for among the initials of name, agency and host (`ㅅㅁㅌ`).
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>, max_length = 100, example = "스마트")]
    q: Option<String>,
    /// 분야.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<CategoryName>)]
    category: Option<Category>,
    /// 시도: those that apply there, the nationwide ones included.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<RegionName>)]
    region: Option<Region>,
    /// 지원대상: those whose target holds this.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>, max_length = 100, example = "소상공인")]
    target: Option<String>,
    /// Where it stands.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<StatusName>)]
    status: Option<ProjectStatus>,
    /// What people see of it today.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<PhaseName>)]
    phase: Option<Phase>,
    /// `newest` unless given; `deadline`: the soonest deadline that is still to come first, passed ones later, those without a date last; `name`.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<SortName>, inline)]
    sort: Option<Sort>,
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    #[serde(default, deserialize_with = "filled")]
    #[param(value_type = Option<String>)]
    after: Option<String>,
}

/// An order of projects.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the description uses it")]
pub(crate) enum SortName {
    Newest,
    Deadline,
    Name,
}

/// A form sends its empty fields, too.
pub(super) fn filled<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_value(Value::String(text))
        .map(Some)
        .map_err(D::Error::custom)
}

/// A text that somebody looks for. `ko` is what it is called, with its particle.
pub(super) fn sought(
    name: &str,
    ko: &str,
    text: Option<String>,
) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    if text.chars().count() > LONGEST_SEARCH || text.chars().any(is_unprintable) {
        let ko = format!("{ko} 제어 문자 없이 {LONGEST_SEARCH}자 이하로 적어 주세요");
        let en =
            format!("{name} is of at most {LONGEST_SEARCH} characters, without control characters");
        return Err(invalid_query(Text::new(ko, en)));
    }
    Ok(Some(text))
}

/// The projects that fulfil all conditions, in a stable order.
#[utoipa::path(
    get, path = "/projects", tag = "project", params(ListQuery),
    responses((status = 200, body = Paged<ProjectView>)),
)]
async fn list(
    State(context): State<Context>,
    Query(query): Query<ListQuery>,
) -> Result<Paged<ProjectView>, Problem> {
    let limit = parse_limit(query.limit)?;
    let sort = query.sort.unwrap_or_default();
    let after = query
        .after
        .as_deref()
        .map(decode_cursor::<Place>)
        .transpose()?;
    if after.as_ref().is_some_and(|after| !after.is_in(sort)) {
        let detail = Text::new(
            "after는 같은 sort의 next 값이어야 합니다",
            "after must be the `next` of the same sort",
        );
        return Err(invalid_query(detail));
    }
    let wanted = Wanted {
        words: sought("q", "검색어는", query.q)?
            .map(|text| hangul::words(&text))
            .unwrap_or_default(),
        category: query.category,
        region: query.region,
        target: sought("target", "지원대상은", query.target)?.map(|text| text.trim().to_owned()),
        status: query.status,
        phase: query.phase,
    };
    let today = seoul_date(context.db.now());
    let began = after.as_ref().and_then(Place::began).unwrap_or(today);
    let found = store::list(
        context.db.pool(),
        &wanted,
        (sort, after.as_ref()),
        (today, began),
        limit + 1,
    )
    .await?;
    let page = Paged::from_rows_by(found, limit, |stored: &Stored| {
        Place::of(&stored.it, sort, began)
    });
    Ok(Paged {
        items: page
            .items
            .into_iter()
            .map(|stored| ProjectView::on(stored, today))
            .collect(),
        next: page.next,
    })
}

/// A project with the editions of its series.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectWithEditionsView {
    #[serde(flatten)]
    project: ProjectView,
    /// All editions of the series, this one too, the newest year first; at most 100.
    editions: Vec<EditionView>,
}

/// An edition beside others of its series.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditionView {
    id: Uuid,
    name: String,
    year: i32,
    #[schema(value_type = StatusName)]
    status: ProjectStatus,
    /// What people see of it today in Seoul.
    #[schema(value_type = PhaseName)]
    phase: Phase,
    period: PeriodView,
}

impl EditionView {
    fn on(Stored { it, .. }: Stored, today: NaiveDate) -> Self {
        let phase = it.phase(today);
        Self {
            id: it.id.0,
            name: it.name,
            year: it.year,
            status: it.status,
            phase,
            period: it.period.into(),
        }
    }
}

/// One project, and the editions of its series.
#[utoipa::path(
    get, path = "/projects/{id}", tag = "project", params(("id" = Uuid, Path)),
    responses((status = 200, body = ProjectWithEditionsView)),
)]
async fn show(
    State(context): State<Context>,
    Path(id): Path<ProjectId>,
) -> Result<Versioned<ProjectWithEditionsView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let stored = store::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let editions = store::editions(&mut connection, stored.it.series_id).await?;
    let today = seoul_date(context.db.now());
    let Versioned {
        status,
        location,
        version,
        view,
    } = shown(StatusCode::OK, stored, today);
    let editions = editions
        .into_iter()
        .map(|stored| EditionView::on(stored, today))
        .collect();
    Ok(Versioned {
        status,
        location,
        version,
        view: ProjectWithEditionsView {
            project: view,
            editions,
        },
    })
}
