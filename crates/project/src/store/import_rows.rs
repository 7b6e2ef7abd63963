//! The rows of imports: the plan for each, and its outcome.

use serde_json::Value;
use service_kit::Tx;
use service_kit::http::page::fetch_limit;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool, QueryBuilder, Row as _};
use uuid::Uuid;

use super::columns::{enum_column, optional_enum_column};
use super::imports::Outcome;
use crate::import::plan::{Action, Difference, RowPlan};
use crate::import::{Fault, Row};

/// A row of a file with its plan.
#[derive(Debug)]
pub(crate) struct PlannedRow {
    pub(crate) number: u64,
    pub(crate) line: u64,
    pub(crate) row: Option<Row>,
    pub(crate) plan: RowPlan,
    pub(crate) warnings: Vec<Fault>,
}

pub(crate) async fn insert(
    tx: &mut Tx,
    import: Uuid,
    rows: &[PlannedRow],
) -> Result<(), sqlx::Error> {
    fn column<'a, T>(rows: &'a [PlannedRow], value: impl Fn(&'a PlannedRow) -> T) -> Vec<T> {
        rows.iter().map(value).collect()
    }
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let edition_id = |planned: &PlannedRow| planned.plan.edition.map(|(id, _)| id.0);
    let expected_id = |planned: &PlannedRow| {
        edition_id(planned).filter(|_| planned.plan.action == Action::FillsPlanned)
    };
    sqlx::query(
        "insert into import_row
             (import_id, number, line, source_name, source_id, year, content, action, project_id,
              project_version, expected_id, differences, faults, warnings)
         select $1, * from unnest(
             $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::integer[], $7::jsonb[],
             $8::text[], $9::uuid[], $10::bigint[], $11::uuid[], $12::jsonb[], $13::jsonb[],
             $14::jsonb[])",
    )
    .bind(import)
    .bind(column(rows, |planned| signed(planned.number)))
    .bind(column(rows, |planned| signed(planned.line)))
    .bind(column(rows, |planned| {
        Some(planned.row.as_ref()?.portal.as_str())
    }))
    .bind(column(rows, |planned| {
        Some(planned.row.as_ref()?.source_id.as_str())
    }))
    .bind(column(rows, |planned| {
        Some(planned.row.as_ref()?.details.year)
    }))
    .bind(column(rows, |planned| planned.row.as_ref().map(Json)))
    .bind(column(rows, |planned| planned.plan.action.as_str()))
    .bind(column(rows, edition_id))
    .bind(column(rows, |planned| Some(planned.plan.edition?.1)))
    .bind(column(rows, expected_id))
    .bind(column(rows, |planned| Json(&planned.plan.differences)))
    .bind(column(rows, |planned| Json(&planned.plan.faults)))
    .bind(column(rows, |planned| Json(&planned.warnings)))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A row for display.
#[derive(Debug)]
pub(crate) struct ListedRow {
    pub(crate) number: i64,
    pub(crate) line: i64,
    pub(crate) action: Action,
    pub(crate) outcome: Option<Outcome>,
    /// `None` if it was invalid, was deleted, or cannot be decoded by this build.
    pub(crate) row: Option<Row>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
}

impl FromRow<'_, PgRow> for ListedRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let content: Option<Json<Value>> = row.try_get("content")?;
        let faults = |column: &str| -> Result<Vec<Fault>, sqlx::Error> {
            Ok(row.try_get::<Json<_>, _>(column)?.0)
        };
        Ok(Self {
            number: row.try_get("number")?,
            line: row.try_get("line")?,
            action: enum_column(row, "action")?,
            outcome: optional_enum_column(row, "outcome")?,
            row: content.and_then(|content| serde_json::from_value(content.0).ok()),
            project_id: row.try_get("project_id")?,
            differences: row.try_get::<Json<_>, _>("differences")?.0,
            faults: faults("faults")?,
            warnings: faults("warnings")?,
        })
    }
}

/// Which rows to list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowFilter {
    pub(crate) action: Option<Action>,
    pub(crate) only_warnings: bool,
}

/// One page of the rows that follow the row `after`, in the order of the file.
pub(crate) async fn list(
    pool: &PgPool,
    import: Uuid,
    filter: RowFilter,
    after: i64,
    limit: usize,
) -> Result<Vec<ListedRow>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "select number, line, action, outcome, content, project_id, differences, faults, warnings
         from import_row where import_id = ",
    );
    query
        .push_bind(import)
        .push(" and number > ")
        .push_bind(after);
    let mut order = "number";
    if let Some(action) = filter.action {
        query.push(" and action = ").push_bind(action.as_str());
        // The action is one, and the order names its index.
        order = "action, number";
    }
    if filter.only_warnings {
        query.push(" and warnings <> '[]'");
    }
    query
        .push(format!(" order by {order} limit "))
        .push_bind(fetch_limit(limit));
    query.build_query_as().fetch_all(pool).await
}

/// Those of the given rows that do not fill an expected edition.
pub(crate) async fn not_to_confirm(
    tx: &mut Tx,
    import: Uuid,
    rows: &[i64],
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "select number from unnest($2::bigint[]) number
         where not exists (
             select 1 from import_row filling
             where filling.import_id = $1 and filling.number = number.number
               and action = 'fills-planned')",
    )
    .bind(import)
    .bind(rows)
    .fetch_all(&mut **tx)
    .await
}

/// A row that is not carried out yet.
#[derive(Debug)]
pub(crate) struct WaitingRow {
    pub(crate) number: i64,
    pub(crate) action: Action,
    pub(crate) row: Row,
    /// The edition it changes, and the version on which the plan is based.
    pub(crate) edition: Option<(Uuid, i64)>,
}

impl FromRow<'_, PgRow> for WaitingRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let id: Option<Uuid> = row.try_get("project_id")?;
        Ok(Self {
            number: row.try_get("number")?,
            action: enum_column(row, "action")?,
            row: row.try_get::<Json<_>, _>("content")?.0,
            edition: id.zip(row.try_get("project_version")?),
        })
    }
}

/// The next rows to carry out, earlier years first, so that an edition finds its predecessor.
pub(crate) async fn waiting(
    tx: &mut Tx,
    import: Uuid,
    limit: i64,
) -> Result<Vec<WaitingRow>, sqlx::Error> {
    sqlx::query_as(
        "select number, action, content, project_id, project_version from import_row
         where import_id = $1 and outcome is null and action in ('create', 'edit', 'fills-planned')
         order by year, number limit $2",
    )
    .bind(import)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await
}

/// The number of the first waiting row, without its content, which may not be decodable.
pub(crate) async fn next_waiting(tx: &mut Tx, import: Uuid) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "select number from import_row
         where import_id = $1 and outcome is null and action in ('create', 'edit', 'fills-planned')
         order by year, number limit 1",
    )
    .bind(import)
    .fetch_optional(&mut **tx)
    .await
}

/// Stores the edition of each row that was carried out, or why a row failed.
pub(crate) async fn store_outcomes(
    tx: &mut Tx,
    import: Uuid,
    outcomes: Vec<(i64, Result<Uuid, Fault>)>,
) -> Result<(), sqlx::Error> {
    let (mut done, mut projects) = (Vec::new(), Vec::new());
    let (mut failed, mut faults) = (Vec::new(), Vec::new());
    for (number, outcome) in outcomes {
        match outcome {
            Ok(project) => {
                done.push(number);
                projects.push(project);
            }
            Err(fault) => {
                failed.push(number);
                faults.push(Json([fault]));
            }
        }
    }
    sqlx::query(
        "update import_row set outcome = 'done', project_id = done.project_id
         from unnest($2::bigint[], $3::uuid[]) done (number, project_id)
         where import_row.import_id = $1 and import_row.number = done.number",
    )
    .bind(import)
    .bind(done)
    .bind(projects)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "update import_row set outcome = 'failed', action = 'error', faults = failed.faults
         from unnest($2::bigint[], $3::jsonb[]) failed (number, faults)
         where import_row.import_id = $1 and import_row.number = failed.number",
    )
    .bind(import)
    .bind(failed)
    .bind(faults)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
