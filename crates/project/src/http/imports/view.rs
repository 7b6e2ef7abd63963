//! How imports and their rows are shown.

use chrono::{DateTime, Utc};
use events::Category;
use serde::Serialize;
use service_kit::http::describe::CategoryName;
use service_kit::http::problem::Language;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::SourceView;
use crate::import::plan::{Action, Difference};
use crate::store::imports::rows::{ListedRow, StoredFault};
use crate::store::imports::{Import, ImportState, Outcome};

/// An import without its rows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportView {
    pub(super) id: Uuid,
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
    /// Those that something may be wrong with, although they can be imported.
    warnings: i64,
}

/// How far the carrying out is.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ImportProgressView)]
pub(crate) struct ProgressView {
    /// Rows carried out, failed ones included.
    done: i64,
    /// Rows to be carried out.
    total: i64,
}

impl From<Import> for ImportView {
    fn from(it: Import) -> Self {
        let (mut counts, mut progress) = (CountsView::default(), ProgressView::default());
        counts.warnings = it.counts.warnings;
        for count in &it.counts.of {
            let place = match count.action {
                Action::Create => &mut counts.create,
                Action::Edit => &mut counts.edit,
                Action::Same => &mut counts.same,
                Action::FillsPlanned => &mut counts.fills_planned,
                Action::Error => &mut counts.error,
            };
            *place += count.rows;
            let is_to_do = matches!(
                count.action,
                Action::Create | Action::Edit | Action::FillsPlanned
            );
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

/// A row of a plan: what importing it would do, or did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RowView {
    /// Its number in the file, headings and blank lines aside: what confirms it.
    id: String,
    /// The line of the file on which it begins.
    line: i64,
    action: Action,
    /// What became of it, once the plan was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// Where it comes from, if it can be read. What a row says is kept for 30 days after it was carried out.
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
    /// What may be wrong with it, although it can be imported.
    warnings: Vec<RowError>,
}

/// Why a row cannot be imported, or what may be wrong with it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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
    pub(super) fn new(it: ListedRow, language: Language) -> Self {
        let error = |fault: StoredFault| {
            let (column, column_number) = fault
                .column
                .map(|column| (column.name, column.number))
                .unzip();
            let message = match language {
                Language::Korean => fault.ko,
                Language::English => fault.en,
            };
            RowError {
                line: it.line,
                column,
                column_number: column_number.flatten(),
                code: fault.code,
                message,
            }
        };
        let source = it
            .row
            .as_ref()
            .map(|row| SourceView::of(row.source(), row.list));
        let (name, agency) = it
            .row
            .as_ref()
            .map(|row| (row.name.clone(), row.agency.clone()))
            .unzip();
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
            warnings: it.warnings.into_iter().map(error).collect(),
        }
    }
}
