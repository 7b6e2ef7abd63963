//! Files of programmes: receive one, look at what importing it would do, and have it carried out.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use events::Category;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use service_kit::auth::{Identity, Staff};
use service_kit::describe::CategoryName;
use service_kit::http::{
    self, Field, Fields, IfMatch, Json, PageQuery, Paged, Path, Query, Versioned, idempotency_key, read_on, unreadable_body,
};
use service_kit::idempotency::{self, Retry};
use service_kit::problem::{Language, Text};
use service_kit::{Context, Problem, Tx};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::SourceView;
use crate::import::plan::{self, Action, Decision, Difference, Known};
use crate::import::{LARGEST, Line, Reader, Row, Wrong};
use crate::project::{Project, Source};
use crate::series;
use crate::store::imports::{self, Confirmed, Import, ImportState, ListedRow, Outcome, PlannedRow, StoredFault};

/// How many rows are planned at once.
const BATCH: usize = 500;

/// The longest name of a file, in characters.
const LONGEST_FILE_NAME: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(receive, list)).routes(routes!(show)).routes(routes!(rows)).routes(routes!(commit))
}

/// One example of each problem of these routes.
pub(super) fn problems() -> Vec<Problem> {
    let (spreadsheet, cut_off) = (Wrong::Spreadsheet, Wrong::CutOff { line: 813 });
    vec![spreadsheet.into(), cut_off.into(), Wrong::TooLarge.into(), not_planned(ImportState::Committing)]
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        let problem = match wrong {
            Wrong::TooLarge => http::too_large(LARGEST),
            _ => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "wrong-file",
                Text::new("가져올 수 없는 파일입니다", "This file cannot be imported"),
            ),
        };
        let problem = problem.detail(wrong.sentence()).with("reason", wrong.reason());
        match wrong {
            Wrong::CutOff { line } | Wrong::EndlessRow { line } | Wrong::NotJson { line, .. } => problem.with("line", line),
            Wrong::MissingColumns(missing) => problem.with("missing", missing),
            _ => problem,
        }
    }
}

fn not_planned(state: ImportState) -> Problem {
    let title = match state {
        ImportState::Receiving => Text::new("파일을 아직 받고 있습니다", "The file has not arrived whole"),
        ImportState::Planned | ImportState::Committing => Text::new("이미 가져오고 있습니다", "It is being carried out already"),
        ImportState::Committed => Text::new("이미 가져왔습니다", "It was carried out already"),
    };
    Problem::conflict("import-not-planned", title).with("state", state.as_str())
}

/// An import without its rows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0199f2c4-7d00-7c3a-9a51-3f0e6c1b2a40", "name": "중소기업지원사업_20240331.csv", "state": "committing",
    "counts": { "create": 4850, "edit": 12, "same": 47, "fillsPlanned": 2, "error": 1, "skipped": 1 },
    "progress": { "done": 1300, "total": 4863 },
    "requestedBy": "0199f2c4-7d00-7c3a-9a51-000000000001", "requestedAt": "2026-11-23T01:00:00Z",
    "committedBy": "0199f2c4-7d00-7c3a-9a51-000000000001", "committedAt": "2026-11-23T01:02:10Z", "version": 2
}))]
pub(crate) struct ImportView {
    id: Uuid,
    /// As whoever sent it called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    state: ImportState,
    counts: CountsView,
    progress: ProgressView,
    /// The member of staff who sent the file.
    requested_by: Uuid,
    requested_at: DateTime<Utc>,
    /// The member of staff who had it carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    committed_by: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed_at: Option<DateTime<Utc>>,
    /// When the last row was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
    /// Also the `ETag`.
    version: i64,
}

/// How many rows there are of each kind.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({ "create": 4850, "edit": 12, "same": 47, "fillsPlanned": 2, "error": 1, "skipped": 1 }))]
pub(crate) struct CountsView {
    create: i64,
    edit: i64,
    same: i64,
    /// Those that staff have to confirm, skipped ones included.
    fills_planned: i64,
    /// Those that cannot be imported, and those that could not be carried out.
    error: i64,
    /// Of those that had to be confirmed, the ones that nobody confirmed.
    skipped: i64,
}

/// How far the carrying out is.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({ "done": 1300, "total": 4863 }))]
pub(crate) struct ProgressView {
    /// Rows carried out, failed ones included.
    done: i64,
    /// Rows to be carried out.
    total: i64,
}

impl From<Import> for ImportView {
    fn from(it: Import) -> Self {
        let (mut counts, mut progress) = (CountsView::default(), ProgressView::default());
        for count in &it.counts {
            let place = match count.action {
                Action::Create => &mut counts.create,
                Action::Edit => &mut counts.edit,
                Action::Same => &mut counts.same,
                Action::FillsPlanned => &mut counts.fills_planned,
                Action::Error => &mut counts.error,
            };
            *place += count.rows;
            let is_to_do = matches!(count.action, Action::Create | Action::Edit | Action::FillsPlanned);
            match count.outcome {
                Some(Outcome::Skipped) => counts.skipped += count.rows,
                Some(Outcome::Done | Outcome::Failed) => {
                    progress.done += count.rows;
                    progress.total += count.rows;
                }
                None if is_to_do => progress.total += count.rows,
                None => {}
            }
        }
        Self {
            id: it.id,
            name: it.file_name,
            state: it.state,
            counts,
            progress,
            requested_by: it.requested_by,
            requested_at: it.requested_at,
            committed_by: it.committed_by,
            committed_at: it.committed_at,
            finished_at: it.finished_at,
            version: it.version,
        }
    }
}

fn shown(status: StatusCode, it: Import) -> Versioned<ImportView> {
    let location = (status == StatusCode::CREATED).then(|| format!("/projects/imports/{}", it.id));
    Versioned { status, location, version: it.version, view: it.into() }
}

/// What the file is called.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileQuery {
    /// The file's name, to be shown. What the file is, its first bytes tell.
    #[param(max_length = 200)]
    name: Option<String>,
}

impl FileQuery {
    fn name(self) -> Result<Option<String>, Problem> {
        let Some(name) = self.name else { return Ok(None) };
        let name = name.trim();
        if name.chars().count() > LONGEST_FILE_NAME || name.chars().any(char::is_control) {
            let detail = Text::new("파일 이름은 200자까지입니다", "The name of a file has at most 200 letters");
            return Err(http::wrong_query(detail));
        }
        Ok((!name.is_empty()).then(|| name.to_owned()))
    }
}

/// `ImportProjects`: staff send a file of programmes, and get the plan of what importing it would do; nothing is imported yet.
///
/// The body is the file itself: the CSV of the public data portal (UTF-8 or CP949), an answer of 기업마당, of the portal for it or of
/// K-Startup (JSON), or 기업마당's records one a line. At most 32 MiB.
#[utoipa::path(
    post, path = "/projects/imports", tag = "project",
    params(FileQuery, ("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file, of any content type"),
    responses((status = 201, body = ImportView, description = "The plan")),
    extensions(
        ("x-actors" = json!(["staff"])),
        ("x-command" = json!("ImportProjects")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["wrong-file", "too-large"])),
    ),
)]
async fn receive(
    State(context): State<Context>,
    _: Staff,
    who: Identity,
    Query(file): Query<FileQuery>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Versioned<ImportView>, Problem> {
    let key = idempotency_key(&headers)?;
    let name = file.name()?;
    let mut tx = context.db.begin().await?;
    let id = imports::begin(&mut tx, name.as_deref(), who.subject).await?;
    tx.commit().await?;
    let received = match read(&context, id, &mut body).await {
        Ok(body_hash) => finish(&context, &who, id, key.map(|key| Retry { key, body_hash })).await,
        Err(problem) => Err(problem),
    };
    if received.is_err() {
        // Nothing of it is kept. Should this fail too, it is forgotten within the hour.
        if let Ok(mut connection) = context.db.pool().acquire().await {
            drop(imports::forget(&mut connection, id).await);
        }
        // Whoever is still sending reads the answer only when he is through.
        read_on(body).await;
    }
    received
}

/// Reads the file as it arrives, and plans its rows batch by batch; gives the file's hash.
async fn read(context: &Context, id: Uuid, body: &mut Body) -> Result<Vec<u8>, Problem> {
    let (mut reader, mut hash, mut batch) = (Reader::default(), Sha256::new(), Vec::with_capacity(BATCH));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| unreadable_body())?.into_data() else { continue };
        hash.update(&data);
        reader.push(&data)?;
        plan_ready(context, id, &mut reader, &mut batch).await?;
    }
    reader.finish()?;
    plan_ready(context, id, &mut reader, &mut batch).await?;
    plan_batch(context, id, batch).await?;
    Ok(hash.finalize().to_vec())
}

async fn plan_ready(context: &Context, id: Uuid, reader: &mut Reader, batch: &mut Vec<Line>) -> Result<(), Problem> {
    while let Some(line) = reader.take()? {
        batch.push(line);
        if batch.len() == BATCH {
            plan_batch(context, id, std::mem::take(batch)).await?;
        }
    }
    Ok(())
}

/// Decides what importing these rows would do, and stores it.
async fn plan_batch(context: &Context, id: Uuid, lines: Vec<Line>) -> Result<(), Problem> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    let sources: Vec<Source> = lines.iter().filter_map(|line| Some(line.read.as_ref().ok()?.source())).collect();
    let (mut above, imported) = imports::known_by_source(&mut tx, id, &sources).await?;
    let mut expected = expected_editions(&mut tx, id, &lines, &imported).await?;
    let mut rows = Vec::with_capacity(lines.len());
    for (place, Line { number, line, read }) in lines.into_iter().enumerate() {
        let planned =
            |action, edition, differences, faults, row| PlannedRow { number, line, row, action, edition, differences, faults };
        rows.push(match read {
            Ok(row) => {
                let source = row.source();
                let known = Known {
                    above: above.get(&source),
                    imported: imported.get(&source),
                    expected: expected.get(&place).filter(|_| !above.contains_key(&source)),
                };
                let Decision { action, edition, differences, fault } = plan::decide(&row, known);
                if let (Action::FillsPlanned, Some((edition, _))) = (action, edition) {
                    // The next row of the same programme is another announcement.
                    expected.retain(|_, it| it.id != edition);
                }
                above.entry(source).or_insert_with(|| row.clone());
                let faults = fault.map(StoredFault::from).into_iter().collect();
                planned(action, edition.map(|(id, version)| (id.0, version)), differences, faults, Some(row))
            }
            Err(faults) => planned(Action::Error, None, Vec::new(), faults.into_iter().map(StoredFault::from).collect(), None),
        });
    }
    imports::add_rows(&mut tx, id, &rows).await?;
    tx.commit().await?;
    Ok(())
}

/// By the place of the row in the batch, the edition that it could be the announcement of.
async fn expected_editions(
    tx: &mut Tx,
    id: Uuid,
    lines: &[Line],
    imported: &HashMap<Source, Project>,
) -> Result<HashMap<usize, Project>, sqlx::Error> {
    let (mut places, mut keys, mut years) = (Vec::new(), Vec::new(), Vec::new());
    for (place, line) in lines.iter().enumerate() {
        if let Ok(row) = &line.read
            && !imported.contains_key(&row.source())
        {
            places.push(place);
            keys.push(series::key(&row.name, &row.agency, &row.host, row.year));
            years.push(row.year);
        }
    }
    let found = imports::expected(tx, id, &keys, &years).await?;
    Ok(found.into_iter().filter_map(|(at, it)| Some((*places.get(at)?, it))).collect())
}

/// The plan is whole. The same file with the same key was planned before: then that plan is the answer, and this one is forgotten.
async fn finish(context: &Context, who: &Identity, id: Uuid, retry: Option<Retry>) -> Result<Versioned<ImportView>, Problem> {
    let mut tx = context.db.begin().await?;
    let seen = idempotency::seen(&mut tx, who.subject, retry.as_ref()).await?;
    if seen.is_some() {
        imports::forget(&mut tx, id).await?;
    } else {
        imports::planned(&mut tx, id).await?;
        idempotency::remember(&mut tx, who.subject, retry.as_ref(), StatusCode::CREATED, id).await?;
    }
    let (status, id) = seen.unwrap_or((StatusCode::CREATED, id));
    let it = imports::load(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(shown(status, it))
}

/// All imports, newest first.
#[utoipa::path(
    get, path = "/projects/imports", tag = "project", params(PageQuery),
    responses((status = 200, body = Paged<ImportView>, description = "One page")),
    extensions(("x-actors" = json!(["staff"]))),
)]
async fn list(State(context): State<Context>, _: Staff, Query(query): Query<PageQuery>) -> Result<Paged<ImportView>, Problem> {
    let page = query.page()?;
    let views = imports::list(context.db.pool(), page).await?.into_iter().map(ImportView::from).collect();
    Ok(Paged::cut(views, page, |view: &ImportView| view.id))
}

/// One import: how far it is, and how many rows there are of each kind.
#[utoipa::path(
    get, path = "/projects/imports/{id}", tag = "project", params(("id" = Uuid, Path)),
    responses((status = 200, body = ImportView, description = "The import")),
    extensions(("x-actors" = json!(["staff"]))),
)]
async fn show(State(context): State<Context>, _: Staff, Path(id): Path<Uuid>) -> Result<Versioned<ImportView>, Problem> {
    let mut connection = context.db.pool().acquire().await?;
    let it = imports::load(&mut connection, id).await?.ok_or_else(Problem::not_found)?;
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

/// A row of a plan: what importing it would do, or did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "17", "line": 18, "action": "edit", "outcome": "done", 
    "source": { "name": "bizinfo", "id": "PBLN_000000000096371", "line": "출처: 중소벤처기업부 기업마당(bizinfo.go.kr)" },
    "name": "2024년 1차 중소기업 품질시스템 구축 지원사업 시행 공고", "year": 2024, "category": "기술", "agency": "가상산업부",
    "projectId": "0199f2c4-7d00-7c3a-9a51-3f0e6c1b2a41",
    "differences": [{ "field": "host", "from": "가상원자력협회", "to": "가상산업협회" }], "errors": []
}))]
pub(crate) struct RowView {
    /// Its number in the file, headings and blank lines aside: what confirms it.
    id: String,
    /// The line of the file on which it begins.
    line: i64,
    action: Action,
    /// What became of it, once the plan was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// Where it comes from, if it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<i32>,
    /// 분야.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CategoryName>)]
    category: Option<Category>,
    /// 소관기관.
    #[serde(skip_serializing_if = "Option::is_none")]
    agency: Option<String>,
    /// The edition it is about: the one to be changed, or the one it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<Uuid>,
    /// What would be different of that edition.
    differences: Vec<Difference>,
    /// Why it cannot be imported.
    errors: Vec<RowError>,
}

/// Why a row cannot be imported.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({ "line": 18, "column": "사업명", "columnNumber": 3, "code": "too-long", "message": "200자를 넘습니다" }))]
pub(crate) struct RowError {
    /// The line of the file on which the row begins.
    line: i64,
    /// The heading, or the record's own name of the field; absent when it is the row as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    /// The column counted from 1; records have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    column_number: Option<usize>,
    /// Which rule it breaks, for a program.
    code: String,
    /// The same for a person, in the caller's language.
    message: String,
}

impl RowView {
    fn new(it: ListedRow, language: Language) -> Self {
        let error = |fault: StoredFault| {
            let (column, column_number) = fault.column.map(|column| (column.name, column.number)).unzip();
            let message = match language {
                Language::Korean => fault.ko,
                Language::English => fault.en,
            };
            RowError { line: it.line, column, column_number: column_number.flatten(), code: fault.code, message }
        };
        let source = it.row.as_ref().map(Row::source).map(SourceView::from);
        let (name, agency) = it.row.as_ref().map(|row| (row.name.clone(), row.agency.clone())).unzip();
        Self {
            id: it.number.to_string(),
            line: it.line,
            action: it.action,
            outcome: it.outcome,
            source,
            name,
            year: it.row.as_ref().map(|row| row.year),
            category: it.row.as_ref().map(|row| row.category),
            agency,
            project_id: it.project_id,
            differences: it.differences,
            errors: it.faults.into_iter().map(error).collect(),
        }
    }
}

/// The rows of one import, in the order of the file.
#[utoipa::path(
    get, path = "/projects/imports/{id}/rows", tag = "project", params(("id" = Uuid, Path), RowsQuery),
    responses((status = 200, body = Paged<RowView>, description = "One page")),
    extensions(("x-actors" = json!(["staff"]))),
)]
async fn rows(
    State(context): State<Context>,
    _: Staff,
    Path(id): Path<Uuid>,
    Query(query): Query<RowsQuery>,
    headers: HeaderMap,
) -> Result<Paged<RowView>, Problem> {
    let limit = http::limit(query.limit)?;
    let after: i64 = query.after.as_deref().map(http::place).transpose()?.unwrap_or_default();
    let mut connection = context.db.pool().acquire().await?;
    imports::load(&mut connection, id).await?.ok_or_else(Problem::not_found)?;
    drop(connection);
    let rows = imports::rows(context.db.pool(), id, query.action, after, limit).await?;
    let page = Paged::cut_by(rows, limit, |row| row.number);
    let language = Language::of(&headers);
    Ok(Paged { items: page.items.into_iter().map(|row| RowView::new(row, language)).collect(), next: page.next })
}

/// Which rows that fill an expected edition staff confirm.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "confirm": ["17", "204"] }))]
pub(crate) struct CommitImport {
    /// The announcements of expected editions that staff confirm: `"all"`, or the ids of their rows; none unless given. What is not confirmed
    /// is skipped.
    #[serde(default)]
    #[schema(value_type = Option<ConfirmBody>)]
    confirm: Field<ConfirmBody>,
}

/// `"all"`, or ids of rows.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(example = json!(["17", "204"]))]
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
        ("x-actors" = json!(["staff"])),
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
    Json { body, retry }: Json<CommitImport>,
) -> Result<Versioned<ImportView>, Problem> {
    let mut tx = context.db.begin().await?;
    if let Some((status, id)) = idempotency::seen(&mut tx, who.subject, retry.as_ref()).await? {
        let it = imports::load(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
        return Ok(shown(status, it));
    }
    let mut fields = Fields::default();
    let confirmed = match fields.optional("/confirm", body.confirm) {
        Some(ConfirmBody::All(AllOfThem::All)) => Confirmed::All,
        Some(ConfirmBody::Rows(rows)) => {
            let numbers = rows.iter().enumerate().map(|(place, row)| {
                let number = row.parse().ok();
                if number.is_none() {
                    unknown_row(&mut fields, place);
                }
                number.unwrap_or_default()
            });
            Confirmed::Rows(numbers.collect())
        }
        None => Confirmed::Rows(Vec::new()),
    };
    let it = imports::lock(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    if it.state != ImportState::Planned {
        return Err(not_planned(it.state));
    }
    if !if_match.allows(it.version) {
        return Err(Problem::stale(it.version));
    }
    if let Confirmed::Rows(rows) = &confirmed {
        let unknown = imports::not_to_confirm(&mut tx, id, rows).await?;
        for (place, _) in rows.iter().enumerate().filter(|(_, row)| unknown.contains(row)) {
            unknown_row(&mut fields, place);
        }
    }
    if !fields.all_right() {
        return Err(fields.problem());
    }
    imports::commit(&mut tx, id, &confirmed, who.subject).await?;
    idempotency::remember(&mut tx, who.subject, retry.as_ref(), StatusCode::ACCEPTED, id).await?;
    let it = imports::load(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(shown(StatusCode::ACCEPTED, it))
}

fn unknown_row(fields: &mut Fields, place: usize) {
    let message = Text::new("확인할 행이 아닙니다", "There is no such row to confirm");
    fields.refuse(&format!("/confirm/{place}"), "unknown-row", message);
}
