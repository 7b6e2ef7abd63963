//! The list of projects.

use axum::extract::State;
use events::{Category, Phase, ProjectStatus, Region};
use serde::Deserialize;
use service_kit::clock::seoul_date;
use service_kit::http::describe::{CategoryName, PhaseName, RegionName, StatusName};
use service_kit::http::page::{decode_cursor, fetch_limit, parse_limit};
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{Paged, Query};
use service_kit::{Context, Problem};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::query::search_text;
use super::views::ProjectView;
use crate::store::list::{self as store, Filter, Position, Sort};
use crate::store::projects::StoredProject;
use crate::{regions, search};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Filters, order and page. Empty parameters count as absent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Words that all occur in name, agency, host or summary. The last one may be incomplete
    /// (`스마트사` finds 스마트상점). A word of consonants only is searched among the initials of name,
    /// agency and host (`ㅅㅁㅌ`).
    #[param(value_type = Option<String>, max_length = 100, example = "스마트")]
    q: Option<String>,
    /// 분야.
    #[param(value_type = Option<CategoryName>)]
    category: Option<Category>,
    /// 시도. Projects of what it replaced or what replaced it match, too, and nationwide ones.
    #[param(value_type = Option<RegionName>)]
    region: Option<Region>,
    /// Contained in 지원대상.
    #[param(value_type = Option<String>, max_length = 100, example = "소상공인")]
    target: Option<String>,
    #[param(value_type = Option<StatusName>)]
    status: Option<ProjectStatus>,
    /// What people see today.
    #[param(value_type = Option<PhaseName>)]
    phase: Option<Phase>,
    /// `newest` by default. `deadline`: coming deadlines first, the soonest first; then passed
    /// ones; then projects without a date. `name`: by name.
    #[param(value_type = Option<Sort>, inline)]
    sort: Option<Sort>,
    /// The size of the page: 1 to 100, 50 by default.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(value_type = Option<String>)]
    after: Option<String>,
}

/// Projects that meet all conditions, in a stable order.
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
        .map(decode_cursor::<Position>)
        .transpose()?;
    if after.as_ref().is_some_and(|after| after.sort() != sort) {
        let detail = Text::new(
            "after는 같은 sort의 next 값이어야 합니다",
            "after must be the `next` of the same sort",
        );
        return Err(invalid_query(detail));
    }
    let q = search_text("q", "검색어는", query.q)?;
    let target = search_text("target", "지원대상은", query.target)?;
    let filter = Filter {
        terms: q.map(|text| search::terms(&text)).unwrap_or_default(),
        category: query.category,
        regions: query.region.map(regions::that_apply_in).unwrap_or_default(),
        target: target.map(|text| search::target(&text)),
        status: query.status,
        phase: query.phase,
    };
    let today = seoul_date(context.db.now());
    let as_of = after.as_ref().and_then(Position::as_of).unwrap_or(today);
    let mut tx = context.db.begin_public_read().await?;
    let found = store::list(
        &mut tx,
        &filter,
        (sort, after.as_ref()),
        (today, as_of),
        fetch_limit(limit),
    )
    .await?;
    let page = Paged::from_rows_by(found, limit, |stored: &StoredProject| {
        Position::of(&stored.project, sort, as_of)
    });
    Ok(page.map(|stored| ProjectView::new(stored, today)))
}
