//! How imports and their rows are shown.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use events::Category;
use serde::Serialize;
use service_kit::http::Versioned;
use service_kit::http::describe::CategoryName;
use service_kit::http::problem::Language;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::views::SourceView;
use crate::import::Fault;
use crate::import::plan::{Action, Difference};
use crate::store::import_rows::ListedRow;
use crate::store::imports::{Import, ImportState, Outcome};

/// An import without its rows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportView {
    pub(super) id: Uuid,
    /// The name of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    state: ImportState,
    counts: CountsView,
    progress: ProgressView,
    /// The member of staff who uploaded the file.
    requested_by: Uuid,
    requested_at: DateTime<Utc>,
    /// The member of staff who committed the plan.
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

/// The number of rows of each kind.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountsView {
    create: i64,
    edit: i64,
    same: i64,
    /// To be confirmed by staff, including skipped ones.
    fills_planned: i64,
    /// Invalid, or failed when carried out.
    error: i64,
    /// Not confirmed.
    skipped: i64,
    /// Importable, but with warnings.
    warnings: i64,
}

/// How far the import is.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ImportProgressView)]
pub(crate) struct ProgressView {
    /// Rows that were carried out, including failed ones.
    done: i64,
    /// Rows to carry out in total.
    total: i64,
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        let (mut counts, mut progress) = (CountsView::default(), ProgressView::default());
        counts.warnings = import.counts.warnings;
        for count in &import.counts.by_kind {
            let rows = match count.action {
                Action::Create => &mut counts.create,
                Action::Edit => &mut counts.edit,
                Action::Same => &mut counts.same,
                Action::FillsPlanned => &mut counts.fills_planned,
                Action::Error => &mut counts.error,
            };
            *rows += count.rows;
            let is_waiting = matches!(
                count.action,
                Action::Create | Action::Edit | Action::FillsPlanned
            );
            match count.outcome {
                Some(Outcome::Skipped) => counts.skipped += count.rows,
                Some(Outcome::Done | Outcome::Failed) => {
                    progress.done += count.rows;
                    progress.total += count.rows;
                }
                None if is_waiting => progress.total += count.rows,
                None => {}
            }
        }
        Self {
            id: import.id,
            name: import.file_name,
            state: import.state,
            counts,
            progress,
            requested_by: import.requested_by,
            requested_at: import.requested_at,
            committed_by: import.committed_by,
            committed_at: import.committed_at,
            finished_at: import.finished_at,
            version: import.version,
        }
    }
}

impl ImportView {
    /// The answer with its `ETag`, and its `Location` if it was created.
    pub(super) fn versioned(self, status: StatusCode) -> Versioned<Self> {
        let is_created = status == StatusCode::CREATED;
        Versioned {
            status,
            location: is_created.then(|| format!("/projects/imports/{}", self.id)),
            version: self.version,
            view: self,
        }
    }
}

/// A row of a plan: what importing it would do, or did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RowView {
    /// The number of the row without headings and blank lines; used to confirm it.
    id: String,
    /// The line of the file on which it starts.
    line: i64,
    action: Action,
    /// The result, once it was carried out or skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// Absent if the row is invalid. The content of a row is stored for 30 days after its import.
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
    /// The edition that it changes or created.
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<Uuid>,
    /// The changes to that edition.
    differences: Vec<Difference>,
    /// Why it cannot be imported.
    errors: Vec<RowError>,
    /// Possible mistakes that do not prevent the import.
    warnings: Vec<RowError>,
}

/// Why a row cannot be imported, or a warning about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RowError {
    /// The line of the file on which the row starts.
    line: i64,
    /// The heading, or the name of the field of a record. Absent if it concerns the row as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    /// Counted from 1. Absent for records.
    #[serde(skip_serializing_if = "Option::is_none")]
    column_number: Option<usize>,
    /// The broken rule, for programs.
    code: String,
    /// For people, in the caller's language.
    message: String,
}

impl RowView {
    pub(super) fn new(listed: ListedRow, language: Language) -> Self {
        let error = |fault: Fault| {
            let (column, column_number) = match fault.column {
                Some(column) => (Some(column.name), column.number),
                None => (None, None),
            };
            let message = match language {
                Language::Korean => fault.ko,
                Language::English => fault.en,
            };
            RowError {
                line: listed.line,
                column,
                column_number,
                code: fault.code.into_owned(),
                message: message.into_owned(),
            }
        };
        let errors = listed.faults.into_iter().map(error).collect();
        let warnings = listed.warnings.into_iter().map(error).collect();
        let row = listed.row.as_ref();
        let details = row.map(|row| &row.details);
        Self {
            id: listed.number.to_string(),
            line: listed.line,
            action: listed.action,
            outcome: listed.outcome,
            source: row.map(|row| SourceView::new(row.source(), row.list)),
            name: details.map(|details| details.name.clone()),
            year: details.map(|details| details.year),
            category: details.map(|details| details.category),
            agency: details.map(|details| details.agency.clone()),
            project_id: listed.project_id,
            differences: listed.differences,
            errors,
            warnings,
        }
    }
}
