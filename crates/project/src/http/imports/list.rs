//! The list of imports, one import, and its rows.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use service_kit::auth::Staff;
use service_kit::http::page::{decode_cursor, parse_limit};
use service_kit::http::problem::Language;
use service_kit::http::{PageQuery, Paged, Path, Query, Versioned};
use service_kit::{Context, Problem};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::problems::load_import;
use super::views::{ImportView, RowView};
use crate::import::plan::Action;
use crate::store::import_rows::{self, RowFilter};
use crate::store::imports;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(rows))
}

/// All imports, newest first.
#[utoipa::path(
    get, path = "/projects/imports", tag = "project", params(PageQuery),
    responses((status = 200, body = Paged<ImportView>, description = "One page")),
)]
async fn list(
    State(context): State<Context>,
    _: Staff,
    Query(query): Query<PageQuery>,
) -> Result<Paged<ImportView>, Problem> {
    let page = query.page()?;
    let found = imports::list(context.db.pool(), page).await?;
    let views = found.into_iter().map(ImportView::from).collect();
    Ok(Paged::from_rows(views, page, |view: &ImportView| view.id))
}

/// One import: how far it is, and the number of rows of each kind.
#[utoipa::path(
    get, path = "/projects/imports/{id}", tag = "project", params(("id" = Uuid, Path)),
    responses((status = 200, body = ImportView, description = "The import")),
)]
async fn show(
    State(context): State<Context>,
    _: Staff,
    Path(id): Path<Uuid>,
) -> Result<Versioned<ImportView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let import = load_import(&mut connection, id).await?;
    Ok(ImportView::from(import).versioned(StatusCode::OK))
}

/// Filter and page of rows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RowsQuery {
    /// Only rows with this action.
    action: Option<Action>,
    /// Only rows with warnings.
    #[serde(default)]
    #[param(required = false)]
    warnings: bool,
    /// The size of the page: 1 to 100, 50 by default.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// The rows of one import, in the order of the file.
#[utoipa::path(
    get, path = "/projects/imports/{id}/rows", tag = "project",
    params(("id" = Uuid, Path), RowsQuery),
    responses((status = 200, body = Paged<RowView>, description = "One page")),
)]
async fn rows(
    State(context): State<Context>,
    _: Staff,
    Path(id): Path<Uuid>,
    Query(query): Query<RowsQuery>,
    headers: HeaderMap,
) -> Result<Paged<RowView>, Problem> {
    let limit = parse_limit(query.limit)?;
    let after = query.after.as_deref().map(decode_cursor).transpose()?;
    let mut connection = context.db.pool().acquire().await?;
    load_import(&mut connection, id).await?;
    drop(connection);
    let after = after.unwrap_or_default();
    let filter = RowFilter {
        action: query.action,
        only_warnings: query.warnings,
    };
    let rows = import_rows::list(context.db.pool(), id, filter, after, limit).await?;
    let page = Paged::from_rows_by(rows, limit, |row| row.number);
    let language = Language::of(&headers);
    Ok(page.map(|row| RowView::new(row, language)))
}
