//! Files of programmes: receive one, look at what importing it would do, and have it carried out.

mod receive;
mod view;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use service_kit::auth::{Identity, Staff};
use service_kit::http::idempotency;
use service_kit::http::problem::{Language, Text};
use service_kit::http::{
    self, Field, Fields, IfMatch, Json, PageQuery, Paged, Path, Query, Versioned,
};
use service_kit::{Context, Problem};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::view::{ImportView, RowView};
use crate::import::plan::Action;
use crate::import::{LARGEST, Wrong};
use crate::store::imports::{self, Confirmed, Decided, Import, ImportState};

pub(super) fn routes() -> OpenApiRouter<Context> {
    receive::routes()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(rows))
        .routes(routes!(commit))
}

/// One example of each problem of these routes.
pub(super) fn problems() -> Vec<Problem> {
    let (spreadsheet, cut_off) = (Wrong::Spreadsheet, Wrong::CutOff { line: 813 });
    vec![
        spreadsheet.into(),
        cut_off.into(),
        Wrong::TooLarge.into(),
        not_planned(ImportState::Committing),
    ]
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        let problem = match wrong {
            Wrong::TooLarge => http::body::too_large(LARGEST),
            _ => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "wrong-file",
                Text::new("가져올 수 없는 파일입니다", "This file cannot be imported"),
            ),
        };
        let problem = problem
            .detail(wrong.sentence())
            .with("reason", wrong.reason());
        match wrong {
            Wrong::CutOff { line } | Wrong::EndlessRow { line } | Wrong::NotJson { line } => {
                problem.with("line", line)
            }
            Wrong::MissingColumns(missing) => problem.with("missing", missing),
            _ => problem,
        }
    }
}

fn not_planned(state: ImportState) -> Problem {
    let title = match state {
        ImportState::Receiving => Text::new(
            "파일을 아직 받고 있습니다",
            "The file has not arrived whole",
        ),
        ImportState::Planned | ImportState::Committing => {
            Text::new("이미 가져오고 있습니다", "It is being carried out already")
        }
        ImportState::Committed => Text::new("이미 가져왔습니다", "It was carried out already"),
    };
    Problem::conflict("import-not-planned", title).with("state", state.as_str())
}

fn shown(status: StatusCode, it: Import) -> Versioned<ImportView> {
    let location = (status == StatusCode::CREATED).then(|| format!("/projects/imports/{}", it.id));
    Versioned {
        status,
        location,
        version: it.version,
        view: it.into(),
    }
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
    let views = imports::list(context.db.pool(), page)
        .await?
        .into_iter()
        .map(ImportView::from)
        .collect();
    Ok(Paged::from_rows(views, page, |view: &ImportView| view.id))
}

/// One import: how far it is, and how many rows there are of each kind.
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
    let it = imports::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(shown(StatusCode::OK, it))
}

/// Which rows of a plan.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RowsQuery {
    /// Only these.
    action: Option<Action>,
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
}

/// The rows of one import, in the order of the file.
#[utoipa::path(
    get, path = "/projects/imports/{id}/rows", tag = "project", params(("id" = Uuid, Path), RowsQuery),
    responses((status = 200, body = Paged<RowView>, description = "One page")),
)]
async fn rows(
    State(context): State<Context>,
    _: Staff,
    Path(id): Path<Uuid>,
    Query(query): Query<RowsQuery>,
    headers: HeaderMap,
) -> Result<Paged<RowView>, Problem> {
    let limit = http::page::parse_limit(query.limit)?;
    let after: i64 = query
        .after
        .as_deref()
        .map(http::page::decode_cursor)
        .transpose()?
        .unwrap_or_default();
    let mut connection = context.db.pool().acquire().await?;
    imports::load(&mut connection, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    drop(connection);
    let rows = imports::rows::list(context.db.pool(), id, query.action, after, limit).await?;
    let page = Paged::from_rows_by(rows, limit, |row| row.number);
    let language = Language::of(&headers);
    Ok(Paged {
        items: page
            .items
            .into_iter()
            .map(|row| RowView::new(row, language))
            .collect(),
        next: page.next,
    })
}

/// What the rows that fill an expected edition are.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitImport {
    /// The announcements of expected editions that staff confirm: `"all"`, or the ids of their rows; none unless given. What is neither
    /// confirmed nor named in `asNew` is skipped.
    #[serde(default)]
    #[schema(value_type = Option<ConfirmBody>)]
    confirm: Field<ConfirmBody>,
    /// The ids of rows that are no announcement of the expected edition but of another one, which is created. `"all"` means all others.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    as_new: Field<Vec<String>>,
}

/// `"all"`, or ids of rows.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ConfirmBody {
    /// `"all"`.
    All(AllOfThem),
    /// Ids of rows.
    Rows(Vec<String>),
}

/// The word `all`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = "all")]
pub(crate) enum AllOfThem {
    /// All of them.
    All,
}

/// `ImportProjects`: staff have a plan carried out, exactly as it was planned.
///
/// Rows whose edition was changed since are errors then (`changed-meanwhile`). Rows are carried out in the background: `progress` tells how
/// far it is.
#[utoipa::path(
    post, path = "/projects/imports/{id}/commit", tag = "project", request_body = CommitImport,
    params(
        ("id" = Uuid, Path),
        ("If-Match" = String, Header, description = "The version that is meant, as its ETag"),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again"),
    ),
    responses((status = 202, body = ImportView, description = "It is being carried out")),
    extensions(
        ("x-command" = json!("ImportProjects")),
        ("x-events" = json!(["ProjectCreated", "ProjectEdited", "ProjectStarted"])),
        ("x-problems" = json!(["import-not-planned"])),
    ),
)]
async fn commit(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    Path(id): Path<Uuid>,
    if_match: IfMatch,
    Json {
        body,
        idempotency_key,
    }: Json<CommitImport>,
) -> Result<Versioned<ImportView>, Problem> {
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) =
        idempotency::find(&mut tx, who.subject, idempotency_key.as_ref()).await?
    {
        let it = imports::load(&mut tx, id)
            .await?
            .ok_or_else(Problem::not_found)?;
        return Ok(shown(status, it));
    }
    let mut fields = Fields::default();
    let confirmed = match fields.optional("/confirm", body.confirm) {
        Some(ConfirmBody::All(AllOfThem::All)) => Confirmed::All,
        Some(ConfirmBody::Rows(rows)) => Confirmed::Rows(numbers(&mut fields, "/confirm", &rows)),
        None => Confirmed::Rows(Vec::new()),
    };
    let as_new = fields.optional("/asNew", body.as_new).unwrap_or_default();
    let decided = Decided {
        confirmed,
        as_new: numbers(&mut fields, "/asNew", &as_new),
    };
    let it = imports::lock(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if it.state != ImportState::Planned {
        return Err(not_planned(it.state));
    }
    if !if_match.allows(it.version) {
        return Err(Problem::stale(it.version));
    }
    let confirmed = if let Confirmed::Rows(rows) = &decided.confirmed {
        rows.as_slice()
    } else {
        &[]
    };
    for (pointer, rows) in [("/confirm", confirmed), ("/asNew", &*decided.as_new)] {
        let unknown = imports::rows::not_to_confirm(&mut tx, id, rows).await?;
        for (place, _) in rows
            .iter()
            .enumerate()
            .filter(|(_, row)| unknown.contains(row))
        {
            unknown_row(&mut fields, pointer, place);
        }
    }
    for (place, _) in decided
        .as_new
        .iter()
        .enumerate()
        .filter(|(_, row)| confirmed.contains(row))
    {
        let message = Text::new(
            "확인한 행은 새 사업이 될 수 없습니다",
            "A row that is confirmed is no other edition",
        );
        fields.refuse(&format!("/asNew/{place}"), "also-confirmed", message);
    }
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    imports::commit(&mut tx, id, &decided, who.subject).await?;
    idempotency::store(
        &mut tx,
        who.subject,
        idempotency_key.as_ref(),
        StatusCode::ACCEPTED,
        id,
    )
    .await?;
    let it = imports::load(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(shown(StatusCode::ACCEPTED, it))
}

/// The numbers of rows that are named by their ids; what is none is noted.
fn numbers(fields: &mut Fields, pointer: &str, rows: &[String]) -> Vec<i64> {
    let numbers = rows.iter().enumerate().map(|(place, row)| {
        let number = row.parse().ok();
        if number.is_none() {
            unknown_row(fields, pointer, place);
        }
        number.unwrap_or_default()
    });
    numbers.collect()
}

fn unknown_row(fields: &mut Fields, pointer: &str, place: usize) {
    let message = Text::new("확인할 행이 아닙니다", "There is no such row to confirm");
    fields.refuse(&format!("{pointer}/{place}"), "unknown-row", message);
}
