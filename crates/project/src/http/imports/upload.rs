//! `ImportProjects`: receives a file and plans it while it arrives.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::forms::text;
use service_kit::http::problem::{Text, invalid_query};
use service_kit::http::{IdempotencyKey, Query, Versioned, idempotency};
use service_kit::{Context, Problem};
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::file::{MAX_NAME_LENGTH, UploadedFile};
use super::planning::plan_batch;
use super::problems::load_import;
use super::views::ImportView;
use crate::http::problems::require_series_keys;
use crate::import::{ParsedRow, Reader};
use crate::store::imports;

const PATH: &str = "/projects/imports";

/// Rows per transaction.
const BATCH: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(receive))
}

/// The name of the file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FileQuery {
    /// The file's name, for display; by default the one that a form gives. The first bytes decide
    /// what the file is.
    #[param(max_length = 200)]
    name: Option<String>,
}

impl FileQuery {
    fn name(self) -> Result<Option<String>, Problem> {
        let Some(name) = self.name else {
            return Ok(None);
        };
        let name = text::clean_line(&name);
        if name.chars().count() > MAX_NAME_LENGTH || name.chars().any(char::is_control) {
            let detail = Text::new(
                "파일 이름은 200자까지입니다",
                "The name of a file has at most 200 characters",
            );
            return Err(invalid_query(detail));
        }
        Ok((!name.is_empty()).then_some(name))
    }
}

/// `ImportProjects`: staff upload a file of programmes and get the plan of what importing it would
/// do; nothing is imported yet.
///
/// The body is the file itself: the list of the public data portal as CSV (UTF-8 or CP949) or as a
/// workbook (xlsx), an answer of 기업마당, of the portal for it or of K-Startup (JSON), or records of
/// 기업마당 as JSON lines. At most 32 MiB. A form (`multipart/form-data`) with one file is read, too.
#[utoipa::path(
    post, path = "/projects/imports", tag = "project",
    params(FileQuery, IdempotencyKey),
    request_body(
        content = Vec<u8>, content_type = "application/octet-stream",
        description = "The file, of any content type; or a form with one file",
    ),
    responses((status = 201, body = ImportView, description = "The plan")),
    extensions(
        ("x-command" = json!("ImportProjects")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["wrong-file", "too-large"])),
    ),
)]
async fn receive(
    State(context): State<Context>,
    _: Staff,
    caller: Identity,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Versioned<ImportView>, Problem> {
    let key = idempotency::key(&headers)?;
    let name = query.name()?;
    require_series_keys(&context.db).await?;
    let file = UploadedFile::open(&headers, body).await?;
    let name = name.or_else(|| file.name());
    let mut tx = context.db.begin().await?;
    let id = imports::create(&mut tx, name.as_deref(), caller.subject).await?;
    tx.commit().await?;
    let result = match plan_file(&context, id, file).await {
        Ok(body_hash) => {
            let key = key.map(|key| IdempotencyKey { key, body_hash });
            finish(&context, &caller, id, key.as_ref()).await
        }
        Err(problem) => Err(problem),
    };
    if result.is_err() {
        // Should this fail, too, the import is deleted within the hour.
        if let Ok(mut connection) = context.db.pool().acquire().await {
            drop(imports::delete(&mut connection, id).await);
        }
    }
    result
}

/// Plans the rows in batches while they arrive. Returns the hash of path and file, for the
/// idempotency key.
async fn plan_file(
    context: &Context,
    id: Uuid,
    mut file: UploadedFile,
) -> Result<Vec<u8>, Problem> {
    let mut reader = Reader::new(seoul_date(context.db.now()));
    let mut batch = Vec::with_capacity(BATCH);
    let mut hash = Sha256::new().chain_update(PATH).chain_update([0]);
    while let Some(data) = file.next().await? {
        hash.update(&data);
        reader.push(&data)?;
        plan_full_batches(context, id, &mut reader, &mut batch).await?;
    }
    let mut reader = finish_file(reader).await?;
    plan_full_batches(context, id, &mut reader, &mut batch).await?;
    plan_batch(context, id, batch).await?;
    Ok(hash.finalize().to_vec())
}

/// Ends the file on a thread of its own, because parsing a workbook or an answer takes up to a
/// second.
async fn finish_file(mut reader: Reader) -> Result<Reader, Problem> {
    let finished = tokio::task::spawn_blocking(move || reader.finish().map(|()| reader)).await;
    // A panic there, which a bug causes.
    Ok(finished.map_err(Problem::internal)??)
}

async fn plan_full_batches(
    context: &Context,
    id: Uuid,
    reader: &mut Reader,
    batch: &mut Vec<ParsedRow>,
) -> Result<(), Problem> {
    while let Some(row) = reader.take()? {
        batch.push(row);
        if batch.len() == BATCH {
            plan_batch(context, id, std::mem::take(batch)).await?;
        }
    }
    Ok(())
}

/// Completes the plan. If the same file was planned with the same key before, that plan is the
/// answer and this one is deleted.
async fn finish(
    context: &Context,
    caller: &Identity,
    id: Uuid,
    key: Option<&IdempotencyKey>,
) -> Result<Versioned<ImportView>, Problem> {
    let mut tx = context.db.begin().await?;
    let earlier = idempotency::find(&mut tx, caller.subject, key).await?;
    if earlier.is_some() {
        imports::delete(&mut tx, id).await?;
    } else {
        imports::finish_plan(&mut tx, id).await?;
        idempotency::store(&mut tx, caller.subject, key, StatusCode::CREATED, id).await?;
    }
    let (status, id) = earlier.unwrap_or((StatusCode::CREATED, id));
    let import = load_import(&mut tx, id).await?;
    tx.commit().await?;
    Ok(ImportView::from(import).versioned(status))
}
