//! How a file is received: read as it arrives, and planned row by row.

use std::collections::{HashMap, HashSet};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use service_kit::auth::{Identity, Staff};
use service_kit::clock::seoul_date;
use service_kit::http::body::{drain_body, incomplete_body};
use service_kit::http::idempotency::{self, IdempotencyKey};
use service_kit::http::problem::Text;
use service_kit::http::{self, Query, Versioned};
use service_kit::{Context, Problem, Tx};
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::shown;
use super::view::ImportView;
use crate::http::change::wait_until_computed;
use crate::import::plan::{self, Action, Decision, Imported, Known};
use crate::import::{Line, MAYBE_CUT_OFF, Reader, Row};
use crate::project::{Project, Source};
use crate::store::imports;
use crate::store::imports::rows::{self, PlannedRow};

/// Where files are sent.
const PATH: &str = "/projects/imports";

/// How many rows are planned at once.
const BATCH: usize = 500;

/// The longest name of a file, in characters.
const LONGEST_FILE_NAME: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(receive))
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
        let Some(name) = self.name else {
            return Ok(None);
        };
        let name = name.trim();
        if name.chars().count() > LONGEST_FILE_NAME || name.chars().any(char::is_control) {
            let detail = Text::new(
                "파일 이름은 200자까지입니다",
                "The name of a file has at most 200 letters",
            );
            return Err(http::problem::invalid_query(detail));
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
    let key = idempotency::key(&headers)?;
    let name = file.name()?;
    wait_until_computed(&context).await?;
    let mut tx = context.db.begin().await?;
    let id = imports::begin(&mut tx, name.as_deref(), who.subject).await?;
    tx.commit().await?;
    let received = match read(&context, id, &mut body).await {
        Ok(body_hash) => {
            finish(
                &context,
                &who,
                id,
                key.map(|key| IdempotencyKey { key, body_hash }),
            )
            .await
        }
        Err(problem) => Err(problem),
    };
    if received.is_err() {
        // Nothing of it is kept. Should this fail too, it is forgotten within the hour.
        if let Ok(mut connection) = context.db.pool().acquire().await {
            drop(imports::forget(&mut connection, id).await);
        }
        // Whoever is still sending reads the answer only when he is through.
        drain_body(body).await;
    }
    received
}

/// Reads the file as it arrives, and plans its rows batch by batch; gives the hash that an idempotency key stands for: of path and file.
async fn read(context: &Context, id: Uuid, body: &mut Body) -> Result<Vec<u8>, Problem> {
    let (mut reader, mut batch) = (Reader::default(), Vec::with_capacity(BATCH));
    let mut hash = Sha256::new().chain_update(PATH).chain_update([0]);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| incomplete_body())?.into_data() else {
            continue;
        };
        hash.update(&data);
        reader.push(&data)?;
        plan_ready(context, id, &mut reader, &mut batch).await?;
    }
    reader.finish()?;
    plan_ready(context, id, &mut reader, &mut batch).await?;
    plan_batch(context, id, batch).await?;
    Ok(hash.finalize().to_vec())
}

async fn plan_ready(
    context: &Context,
    id: Uuid,
    reader: &mut Reader,
    batch: &mut Vec<Line>,
) -> Result<(), Problem> {
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
    let today = seoul_date(tx.now());
    let sources: Vec<Source> = lines
        .iter()
        .filter_map(|line| Some(line.read.as_ref().ok()?.source()))
        .collect();
    let (mut above, imported) = rows::known_by_source(&mut tx, id, &sources).await?;
    let first = first_seen(&lines, &above, &imported);
    let cut_off = cut_off_editions(&mut tx, &lines, &first).await?;
    let mut expected = expected_editions(&mut tx, id, &lines, &first).await?;
    let mut planned = Vec::with_capacity(lines.len());
    for (
        place,
        Line {
            number,
            line,
            read,
            warnings,
        },
    ) in lines.into_iter().enumerate()
    {
        let (row, decision) = match read {
            Ok(row) => {
                let source = row.source();
                let known = Known {
                    above: above.get(&source),
                    imported: imported.get(&source).or_else(|| cut_off.get(&place)),
                    expected: expected.get(&place),
                };
                let decision = plan::decide(&row, known, today);
                if let (Action::FillsPlanned, Some((edition, _))) =
                    (decision.action, decision.edition)
                {
                    // The next row of the same programme is another announcement.
                    expected.retain(|_, it| it.id != edition);
                }
                above.entry(source).or_insert_with(|| row.clone());
                (Some(row), decision)
            }
            Err(faults) => (None, Decision::error(faults)),
        };
        planned.push(PlannedRow {
            number,
            line,
            row,
            decision,
            warnings,
        });
    }
    rows::add(&mut tx, id, planned).await?;
    tx.commit().await?;
    Ok(())
}

/// The places of the rows whose key stands nowhere yet: neither further up in the file, nor in an edition.
fn first_seen(
    lines: &[Line],
    above: &HashMap<Source, Row>,
    imported: &HashMap<Source, Imported>,
) -> Vec<usize> {
    let mut seen = HashSet::new();
    let is_new = |source: &Source| !above.contains_key(source) && !imported.contains_key(source);
    let rows = lines
        .iter()
        .enumerate()
        .filter_map(|(place, line)| Some((place, line.read.as_ref().ok()?.source())));
    rows.filter(|(_, source)| is_new(source) && seen.insert(source.clone()))
        .map(|(place, _)| place)
        .collect()
}

fn row_at(lines: &[Line], place: usize) -> Option<&Row> {
    lines.get(place)?.read.as_ref().ok()
}

/// By the place of the row in the batch, the edition that it is, where either was cut off within its key.
async fn cut_off_editions(
    tx: &mut Tx,
    lines: &[Line],
    places: &[usize],
) -> Result<HashMap<usize, Imported>, sqlx::Error> {
    let rows: Vec<&Row> = places
        .iter()
        .filter_map(|place| row_at(lines, *place))
        .collect();
    let sources: Vec<Source> = rows.iter().map(|row| row.source()).collect();
    let keys: Vec<String> = rows.iter().map(|row| row.series_key()).collect();
    let (mut found, mut taken) = (HashMap::new(), HashSet::new());
    for (at, known) in rows::alike(tx, &sources, &keys).await? {
        let Some(place) = places.get(at) else {
            continue;
        };
        let Some(line) = lines.get(*place) else {
            continue;
        };
        let may_be_cut = line
            .warnings
            .iter()
            .any(|warning| warning.code == MAYBE_CUT_OFF);
        let is_one = line
            .read
            .as_ref()
            .is_ok_and(|row| plan::is_one_cut_off(row, may_be_cut, &known.it));
        if is_one && !found.contains_key(place) && taken.insert(known.it.id) {
            found.insert(*place, known);
        }
    }
    Ok(found)
}

/// By the place of the row in the batch, the edition that it could be the announcement of.
async fn expected_editions(
    tx: &mut Tx,
    id: Uuid,
    lines: &[Line],
    places: &[usize],
) -> Result<HashMap<usize, Project>, sqlx::Error> {
    let rows: Vec<&Row> = places
        .iter()
        .filter_map(|place| row_at(lines, *place))
        .collect();
    let keys: Vec<String> = rows.iter().map(|row| row.series_key()).collect();
    let years: Vec<i32> = rows.iter().map(|row| row.year).collect();
    let found = rows::expected(tx, id, &keys, &years).await?;
    Ok(found
        .into_iter()
        .filter_map(|(at, it)| Some((*places.get(at)?, it)))
        .collect())
}

/// The plan is whole. The same file with the same key was planned before: then that plan is the answer, and this one is forgotten.
async fn finish(
    context: &Context,
    who: &Identity,
    id: Uuid,
    idempotency_key: Option<IdempotencyKey>,
) -> Result<Versioned<ImportView>, Problem> {
    let mut tx = context.db.begin().await?;
    let seen = idempotency::find(&mut tx, who.subject, idempotency_key.as_ref()).await?;
    if seen.is_some() {
        imports::forget(&mut tx, id).await?;
    } else {
        imports::planned(&mut tx, id).await?;
        idempotency::store(
            &mut tx,
            who.subject,
            idempotency_key.as_ref(),
            StatusCode::CREATED,
            id,
        )
        .await?;
    }
    let (status, id) = seen.unwrap_or((StatusCode::CREATED, id));
    let it = imports::load(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    Ok(shown(status, it))
}
