//! `ImportProjects`: commits a plan.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use service_kit::auth::{Identity, Staff};
use service_kit::http::problem::Text;
use service_kit::http::{
    Field, Fields, IdempotencyKey, IfMatch, Json, Path, Versioned, idempotency,
};
use service_kit::{Context, Problem, Tx};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::problems::{load_import, not_planned};
use super::views::ImportView;
use crate::store::import_rows::not_to_confirm;
use crate::store::imports::{self, Confirmation, ImportState};

pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(commit))
}

/// The decision about the rows that fill an expected edition.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CommitImport {
    /// The announcements of expected editions that staff confirm: `"all"`, or the ids of their
    /// rows; none by default. Rows that are neither confirmed nor in `asNew` are skipped.
    #[serde(default)]
    #[schema(value_type = Option<ConfirmBody>)]
    confirm: Field<ConfirmBody>,
    /// The ids of rows that announce another edition than the expected one. It is created. `"all"`
    /// means all others.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    as_new: Field<Vec<String>>,
}

/// `"all"`, or ids of rows.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum ConfirmBody {
    /// `"all"`.
    All(AllOfThem),
    /// Ids of rows.
    Rows(Vec<String>),
}

/// The word `all`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = "all")]
enum AllOfThem {
    All,
}

/// `ImportProjects`: staff have a plan carried out, exactly as planned.
///
/// Rows whose edition was changed since the plan become errors (`changed-meanwhile`). Rows are
/// carried out in the background: `progress` shows how far it is.
#[utoipa::path(
    post, path = "/projects/imports/{id}/commit", tag = "project", request_body = CommitImport,
    params(("id" = Uuid, Path), IfMatch, IdempotencyKey),
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
    caller: Identity,
    Path(id): Path<Uuid>,
    if_match: IfMatch,
    Json {
        body,
        idempotency_key,
    }: Json<CommitImport>,
) -> Result<Versioned<ImportView>, Problem> {
    let mut tx = context.db.begin().await?;
    let key = idempotency_key.as_ref();
    if let Some((status, id)) = idempotency::find(&mut tx, caller.subject, key).await? {
        let import = load_import(&mut tx, id).await?;
        return Ok(ImportView::from(import).versioned(status));
    }
    let mut fields = Fields::default();
    let confirmation = body.read(&mut fields);
    let import = imports::lock(&mut tx, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if import.state != ImportState::Planned {
        return Err(not_planned(import.state));
    }
    if !if_match.allows(import.version) {
        return Err(Problem::stale(import.version));
    }
    check_rows(&mut tx, id, &confirmation, &mut fields).await?;
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    imports::commit(&mut tx, id, &confirmation, caller.subject).await?;
    idempotency::store(&mut tx, caller.subject, key, StatusCode::ACCEPTED, id).await?;
    let import = load_import(&mut tx, id).await?;
    tx.commit().await?;
    Ok(ImportView::from(import).versioned(StatusCode::ACCEPTED))
}

impl CommitImport {
    fn read(self, fields: &mut Fields) -> Confirmation {
        let confirmed = match fields.optional("/confirm", self.confirm) {
            Some(ConfirmBody::All(AllOfThem::All)) => None,
            Some(ConfirmBody::Rows(rows)) => Some(parse_rows(fields, "/confirm", &rows)),
            None => Some(Vec::new()),
        };
        let as_new = fields.optional("/asNew", self.as_new).unwrap_or_default();
        Confirmation {
            confirmed,
            as_new: parse_rows(fields, "/asNew", &as_new),
        }
    }
}

fn parse_rows(fields: &mut Fields, pointer: &str, rows: &[String]) -> Vec<i64> {
    let numbers = rows.iter().enumerate().map(|(index, row)| {
        let number = row.parse().ok();
        if number.is_none() {
            unknown_row(fields, pointer, index);
        }
        number.unwrap_or_default()
    });
    numbers.collect()
}

/// Every row that is named must fill an expected edition, and be in one of the two lists only.
async fn check_rows(
    tx: &mut Tx,
    import: Uuid,
    confirmation: &Confirmation,
    fields: &mut Fields,
) -> Result<(), sqlx::Error> {
    let confirmed = confirmation.confirmed.as_deref().unwrap_or_default();
    for (pointer, rows) in [("/confirm", confirmed), ("/asNew", &*confirmation.as_new)] {
        let unknown = not_to_confirm(tx, import, rows).await?;
        for (index, row) in rows.iter().enumerate() {
            if unknown.contains(row) {
                unknown_row(fields, pointer, index);
            }
        }
    }
    for (index, row) in confirmation.as_new.iter().enumerate() {
        if confirmed.contains(row) {
            let message = Text::new(
                "확인한 행은 새 사업이 될 수 없습니다",
                "A confirmed row cannot be a new edition",
            );
            fields.refuse(&format!("/asNew/{index}"), "also-confirmed", message);
        }
    }
    Ok(())
}

fn unknown_row(fields: &mut Fields, pointer: &str, index: usize) {
    let message = Text::new("확인할 행이 아닙니다", "There is no such row to confirm");
    fields.refuse(&format!("{pointer}/{index}"), "unknown-row", message);
}
