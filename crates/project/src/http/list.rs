//! The list of projects.

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::http::page::{decode_cursor, fetch_limit, parse_limit};
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{Paged, Query};
use service_kit::{Context, Problem};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::filters::FilterQuery;
use super::views::ListedProjectView;
use crate::store::figures;
use crate::store::list::{self as store, Position, Sort, allow_time_left};
use crate::store::projects::StoredProject;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Order and page. Empty parameters count as absent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only projects that count for this salesman, as in their views. For staff; 422 for others.
    salesman: Option<Uuid>,
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
///
/// Staff also see how many interests and consultations each has, and who serves them.
#[utoipa::path(
    get, path = "/projects", tag = "project", params(FilterQuery, ListQuery),
    responses((status = 200, body = Paged<ListedProjectView>)),
)]
async fn list(
    State(context): State<Context>,
    caller: Option<Extension<Identity>>,
    Query(filter): Query<FilterQuery>,
    Query(query): Query<ListQuery>,
) -> Result<Paged<ListedProjectView>, Problem> {
    let is_staff = caller.is_some_and(|caller| caller.role == Role::Staff);
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
    let mut filter = filter.read()?;
    filter.salesman = query.salesman;
    if filter.salesman.is_some() && !is_staff {
        let detail = Text::new(
            "salesman 조건은 관리자만 쓸 수 있습니다",
            "only staff may filter by salesman",
        );
        return Err(invalid_query(detail));
    }
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
    let mut figures = None;
    if is_staff {
        let ids: Vec<Uuid> = found.iter().map(|stored| stored.project.id.0).collect();
        allow_time_left(&mut tx).await?;
        figures = Some(figures::of_projects(&mut tx, &ids).await?);
    }
    let page = Paged::from_rows_by(found, limit, |stored: &StoredProject| {
        Position::of(&stored.project, sort, as_of)
    });
    Ok(page.map(|stored| {
        let id = stored.project.id.0;
        let own = figures.as_mut();
        let own = own.map(|figures| figures.remove(&id).unwrap_or_default());
        ListedProjectView::new(stored, today, own)
    }))
}
