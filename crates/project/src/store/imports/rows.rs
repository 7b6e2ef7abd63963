//! The SQL of the rows of imports: what each would do, and what became of it.

use std::collections::HashMap;

use events::SeriesId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::Tx;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use super::Outcome;
use crate::import::plan::{Action, Decision, Difference, Imported};
use crate::import::{Column, Fault, Row};
use crate::project::{Project, Source};
use crate::store::{COLUMNS, Row as ProjectRow, Stored, word};

/// Why a row cannot be imported, or what may be wrong with it, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredFault {
    pub(crate) column: Option<Column>,
    pub(crate) code: String,
    pub(crate) ko: String,
    pub(crate) en: String,
}

impl From<Fault> for StoredFault {
    fn from(fault: Fault) -> Self {
        let Fault {
            column,
            code,
            message,
        } = fault;
        Self {
            column,
            code: code.to_owned(),
            ko: message.ko.into_owned(),
            en: message.en.into_owned(),
        }
    }
}

/// A row of a plan on its way into its table.
#[derive(Debug)]
pub(crate) struct PlannedRow {
    pub(crate) number: u64,
    pub(crate) line: u64,
    pub(crate) row: Option<Row>,
    pub(crate) decision: Decision,
    pub(crate) warnings: Vec<Fault>,
}

fn stored(faults: Vec<Fault>) -> Json<Vec<StoredFault>> {
    Json(faults.into_iter().map(StoredFault::from).collect())
}

/// Stores rows of a plan.
pub(crate) async fn add(
    tx: &mut Tx,
    import: Uuid,
    rows: Vec<PlannedRow>,
) -> Result<(), sqlx::Error> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let source = |it: &PlannedRow| it.row.as_ref().map(Row::source);
    let fills = |it: &PlannedRow| {
        it.decision
            .edition
            .filter(|_| it.decision.action == Action::FillsPlanned)
            .map(|(id, _)| id.0)
    };
    let query = sqlx::query(
        "insert into import_row (import_id, number, line, source_name, source_id, year, content, action, project_id, project_version,
                                 expected_id, differences, faults, warnings)
         select $1, * from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::integer[], $7::jsonb[], $8::text[],
                                  $9::uuid[], $10::bigint[], $11::uuid[], $12::jsonb[], $13::jsonb[], $14::jsonb[])",
    )
    .bind(import)
    .bind(rows.iter().map(|it| signed(it.number)).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| signed(it.line)).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| source(it).map(|source| source.name)).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| source(it).map(|source| source.id)).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.row.as_ref().map(|row| row.year)).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.row.as_ref().map(Json)).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.decision.action.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.decision.edition.map(|(id, _)| id.0)).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.decision.edition.map(|(_, version)| version)).collect::<Vec<_>>())
    .bind(rows.iter().map(fills).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| Json(&it.decision.differences)).collect::<Vec<_>>());
    let (faults, warnings): (Vec<_>, Vec<_>) = rows
        .iter()
        .map(|it| {
            (
                stored(it.decision.faults.clone()),
                stored(it.warnings.clone()),
            )
        })
        .unzip();
    query.bind(faults).bind(warnings).execute(&mut **tx).await?;
    Ok(())
}

fn names_and_ids(sources: &[Source]) -> (Vec<&str>, Vec<&str>) {
    sources
        .iter()
        .map(|source| (source.name.as_str(), source.id.as_str()))
        .unzip()
}

/// What is there with these keys: rows of the same import, and editions.
pub(crate) async fn known_by_source(
    tx: &mut Tx,
    import: Uuid,
    sources: &[Source],
) -> Result<(HashMap<Source, Row>, HashMap<Source, Imported>), sqlx::Error> {
    let (names, ids) = names_and_ids(sources);
    let above: Vec<(String, String, Json<Row>)> = sqlx::query_as(
        "select distinct on (source_name, source_id) source_name, source_id, content from import_row
         where import_id = $1 and (source_name, source_id) in (select * from unnest($2::text[], $3::text[]))
         order by source_name, source_id, number",
    )
    .bind(import)
    .bind(&names)
    .bind(&ids)
    .fetch_all(&mut **tx)
    .await?;
    let above = above
        .into_iter()
        .map(|(name, id, row)| (Source { name, id }, row.0))
        .collect();
    Ok((above, imported(tx, sources).await?))
}

/// Whether a project is over by an import alone.
const ENDED_BY_IMPORT: &str = "status = 'ended' and source_name is not null and ended_on = ends_on
    and not exists (select 1 from project later where later.predecessor = project.id)
    and not exists (select 1 from event_log where aggregateid = project.id and type = 'ktgg.ProjectEnded.v1')";

#[derive(Debug, sqlx::FromRow)]
struct ImportedColumns {
    #[sqlx(flatten)]
    project: ProjectRow,
    ended_by_import: Option<bool>,
}

impl TryFrom<ImportedColumns> for Imported {
    type Error = sqlx::Error;

    fn try_from(columns: ImportedColumns) -> Result<Self, sqlx::Error> {
        let it = Stored::try_from(columns.project)?.it;
        Ok(Self {
            it,
            ended_by_import: columns.ended_by_import.unwrap_or_default(),
        })
    }
}

/// The editions that were imported with these keys.
pub(crate) async fn imported(
    tx: &mut Tx,
    sources: &[Source],
) -> Result<HashMap<Source, Imported>, sqlx::Error> {
    let (names, ids) = names_and_ids(sources);
    let sql = format!(
        "select {COLUMNS}, {ENDED_BY_IMPORT} as ended_by_import from project
         where (source_name, source_id) in (select * from unnest($1::text[], $2::text[]))"
    );
    let rows: Vec<ImportedColumns> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(&names)
        .bind(&ids)
        .fetch_all(&mut **tx)
        .await?;
    let mut imported = HashMap::new();
    for row in rows {
        let known = Imported::try_from(row)?;
        imported.extend(known.it.source.clone().map(|source| (source, known)));
    }
    Ok(imported)
}

/// One edition, and whether an import alone ended it.
pub(crate) async fn imported_edition(
    tx: &mut Tx,
    id: Uuid,
) -> Result<Option<Imported>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS}, {ENDED_BY_IMPORT} as ended_by_import from project where project.id = $1"
    );
    let row: Option<ImportedColumns> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Imported::try_from).transpose()
}

/// For each place of `sources` and `keys`, the editions of that series whose key begins like that one, or the other way round: one of the two
/// may be of a file that was cut off within it.
pub(crate) async fn alike(
    tx: &mut Tx,
    sources: &[Source],
    keys: &[String],
) -> Result<Vec<(usize, Imported)>, sqlx::Error> {
    let (names, ids) = names_and_ids(sources);
    let found: Vec<(i64, Uuid)> = sqlx::query_as(
        "select wanted.place, project.id
         from unnest($1::text[], $2::text[], $3::text[]) with ordinality wanted (name, id, key, place)
         join project on project.series_key = wanted.key and source_name = wanted.name
         where source_id <> wanted.id and (starts_with(wanted.id, source_id) or starts_with(source_id, wanted.id))
         order by wanted.place, project.id",
    )
    .bind(&names)
    .bind(&ids)
    .bind(keys)
    .fetch_all(&mut **tx)
    .await?;
    let mut alike = Vec::with_capacity(found.len());
    for (place, id) in found {
        alike.extend(
            imported_edition(tx, id)
                .await?
                .map(|known| (zero_based(place), known)),
        );
    }
    Ok(alike)
}

/// The place in a list, of one that SQL counted.
fn zero_based(place: i64) -> usize {
    usize::try_from(place - 1).unwrap_or_default()
}

/// For each place of `keys` and `years`, an edition of that series and year that is only expected, comes from no list, and is filled by no
/// other row of this import: the oldest for the first of them, the next for the second.
pub(crate) async fn expected(
    tx: &mut Tx,
    import: Uuid,
    keys: &[String],
    years: &[i32],
) -> Result<Vec<(usize, Project)>, sqlx::Error> {
    let found: Vec<(i64, Uuid)> = sqlx::query_as(
        "with wanted as (
             select place, series_id, year, row_number() over (partition by series_id, year order by place) as turn
             from unnest($2::text[], $3::integer[]) with ordinality wanted (key, year, place)
             cross join lateral (select series_id from project where series_key = key order by project.year desc, id desc limit 1) series
         ),
         expected as (
             select id, series_id, year, row_number() over (partition by series_id, year order by id) as turn
             from project
             where (series_id, year) in (select series_id, year from wanted) and status = 'planned' and source_name is null
               and not exists (select 1 from import_row where import_id = $1 and expected_id = project.id)
         )
         select place, id from wanted join expected using (series_id, year, turn)",
    )
    .bind(import)
    .bind(keys)
    .bind(years)
    .fetch_all(&mut **tx)
    .await?;
    let ids: Vec<Uuid> = found.iter().map(|(_, id)| *id).collect();
    let rows: Vec<ProjectRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "select {COLUMNS} from project where project.id = any($1)"
    )))
    .bind(&ids)
    .fetch_all(&mut **tx)
    .await?;
    let mut projects: HashMap<Uuid, Project> = HashMap::new();
    for row in rows {
        let it = Stored::try_from(row)?.it;
        projects.insert(it.id.0, it);
    }
    Ok(found
        .into_iter()
        .filter_map(|(at, id)| Some((zero_based(at), projects.get(&id)?.clone())))
        .collect())
}

/// Whether an edition of that series and year is expected of which the plan knew nothing: it came after it. Under
/// [`crate::store::lock_series`].
pub(crate) async fn is_newly_expected(
    tx: &mut Tx,
    import: Uuid,
    series: SeriesId,
    year: i32,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (
             select 1 from project
             where series_id = $2 and year = $3 and status = 'planned' and source_name is null
               and not exists (select 1 from import_row where import_id = $1 and expected_id = project.id))",
    )
    .bind(import)
    .bind(series.0)
    .bind(year)
    .fetch_one(&mut **tx)
    .await
}

/// The series of these editions.
pub(crate) async fn series_of(
    tx: &mut Tx,
    editions: &[Uuid],
) -> Result<Vec<SeriesId>, sqlx::Error> {
    let found: Vec<Uuid> =
        sqlx::query_scalar("select distinct series_id from project where id = any($1)")
            .bind(editions)
            .fetch_all(&mut **tx)
            .await?;
    Ok(found.into_iter().map(SeriesId).collect())
}

/// A row of a plan as its readers see it.
#[derive(Debug)]
pub(crate) struct ListedRow {
    pub(crate) number: i64,
    pub(crate) line: i64,
    pub(crate) action: Action,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) row: Option<Row>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) faults: Vec<StoredFault>,
    pub(crate) warnings: Vec<StoredFault>,
}

#[derive(Debug, sqlx::FromRow)]
struct ListedColumns {
    number: i64,
    line: i64,
    action: String,
    outcome: Option<String>,
    content: Option<Json<Value>>,
    project_id: Option<Uuid>,
    differences: Json<Vec<Difference>>,
    faults: Json<Vec<StoredFault>>,
    warnings: Json<Vec<StoredFault>>,
}

/// The rows of an import in the order of the file, of one action or of all, behind the row `after`.
pub(crate) async fn list(
    pool: &PgPool,
    import: Uuid,
    action: Option<Action>,
    after: i64,
    limit: usize,
) -> Result<Vec<ListedRow>, sqlx::Error> {
    let rows: Vec<ListedColumns> = sqlx::query_as(
        "select number, line, action, outcome, content, project_id, differences, faults, warnings from import_row
         where import_id = $1 and number > $2 and ($3::text is null or action = $3)
         order by number limit $4",
    )
    .bind(import)
    .bind(after)
    .bind(action.map(Action::as_str))
    .bind(i64::try_from(limit).unwrap_or(100) + 1)
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|it| {
            Ok(ListedRow {
                number: it.number,
                line: it.line,
                action: word(it.action)?,
                outcome: it.outcome.map(word).transpose()?,
                // One that this build cannot read is shown without what it says.
                row: it
                    .content
                    .and_then(|content| serde_json::from_value(content.0).ok()),
                project_id: it.project_id,
                differences: it.differences.0,
                faults: it.faults.0,
                warnings: it.warnings.0,
            })
        })
        .collect()
}

/// Which of these rows fill no expected edition.
pub(crate) async fn not_to_confirm(
    tx: &mut Tx,
    import: Uuid,
    rows: &[i64],
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "select number from unnest($2::bigint[]) number
         where not exists (select 1 from import_row it where it.import_id = $1 and it.number = number.number and action = 'fills-planned')",
    )
    .bind(import)
    .bind(rows)
    .fetch_all(&mut **tx)
    .await
}

/// A row that waits to be carried out.
#[derive(Debug)]
pub(crate) struct WaitingRow {
    pub(crate) number: i64,
    pub(crate) action: Action,
    pub(crate) row: Row,
    /// Which edition it is about, in which version.
    pub(crate) edition: Option<(Uuid, i64)>,
}

#[derive(Debug, sqlx::FromRow)]
struct WaitingColumns {
    number: i64,
    action: String,
    content: Json<Row>,
    project_id: Option<Uuid>,
    project_version: Option<i64>,
}

/// The next rows to be carried out, earlier years first: then an edition finds the one that it follows.
pub(crate) async fn waiting(
    tx: &mut Tx,
    import: Uuid,
    most: i64,
) -> Result<Vec<WaitingRow>, sqlx::Error> {
    let rows: Vec<WaitingColumns> = sqlx::query_as(
        "select number, action, content, project_id, project_version from import_row
         where import_id = $1 and outcome is null and action in ('create', 'edit', 'fills-planned')
         order by year, number limit $2",
    )
    .bind(import)
    .bind(most)
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|it| {
            let edition = it.project_id.zip(it.project_version);
            Ok(WaitingRow {
                number: it.number,
                action: word(it.action)?,
                row: it.content.0,
                edition,
            })
        })
        .collect()
}

/// The next row to be carried out, whatever is in it.
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

/// Notes what became of rows: which edition each is of now, or why it could not be carried out.
pub(crate) async fn carried_out(
    tx: &mut Tx,
    import: Uuid,
    results: Vec<(i64, Result<Uuid, StoredFault>)>,
) -> Result<(), sqlx::Error> {
    let (mut done, mut failed) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for (number, result) in results {
        match result {
            Ok(project) => {
                done.0.push(number);
                done.1.push(project);
            }
            Err(fault) => {
                failed.0.push(number);
                failed.1.push(Json([fault]));
            }
        }
    }
    sqlx::query(
        "update import_row set outcome = 'done', project_id = it.project_id
         from unnest($2::bigint[], $3::uuid[]) it (number, project_id)
         where import_row.import_id = $1 and import_row.number = it.number",
    )
    .bind(import)
    .bind(done.0)
    .bind(done.1)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "update import_row set outcome = 'failed', action = 'error', faults = it.faults
         from unnest($2::bigint[], $3::jsonb[]) it (number, faults)
         where import_row.import_id = $1 and import_row.number = it.number",
    )
    .bind(import)
    .bind(failed.0)
    .bind(failed.1)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
