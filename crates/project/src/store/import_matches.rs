//! The editions and earlier rows that the rows of an import match.

use std::collections::HashMap;

use events::SeriesId;
use service_kit::Tx;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::projects::{COLUMNS, StoredProject};
use crate::import::Row;
use crate::import::plan::ImportedProject;
use crate::project::{Project, Source};

fn names_and_ids(sources: &[Source]) -> (Vec<&str>, Vec<&str>) {
    sources
        .iter()
        .map(|source| (source.name.as_str(), source.id.as_str()))
        .unzip()
}

/// The first row of this import with each of these sources.
pub(crate) async fn earlier_rows(
    tx: &mut Tx,
    import: Uuid,
    sources: &[Source],
) -> Result<HashMap<Source, Row>, sqlx::Error> {
    let (names, ids) = names_and_ids(sources);
    let rows: Vec<(String, String, Json<Row>)> = sqlx::query_as(
        "select distinct on (source_name, source_id) source_name, source_id, content
         from import_row
         where import_id = $1
           and (source_name, source_id) in (select * from unnest($2::text[], $3::text[]))
         order by source_name, source_id, number",
    )
    .bind(import)
    .bind(&names)
    .bind(&ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(name, id, row)| (Source { name, id }, row.0))
        .collect())
}

/// Whether a project was ended by an import alone.
const ENDED_BY_IMPORT: &str = "status = 'ended' and source_name is not null and ended_on = ends_on
    and not exists (select 1 from project later where later.predecessor = project.id)
    and not exists (select 1 from event_log
                    where aggregateid = project.id and type = 'ktgg.ProjectEnded.v1')";

impl FromRow<'_, PgRow> for ImportedProject {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            project: StoredProject::from_row(row)?.project,
            ended_by_import: row.try_get("ended_by_import")?,
        })
    }
}

/// The editions that were imported with these sources.
pub(crate) async fn imported(
    tx: &mut Tx,
    sources: &[Source],
) -> Result<HashMap<Source, ImportedProject>, sqlx::Error> {
    let (names, ids) = names_and_ids(sources);
    let sql = format!(
        "select {COLUMNS}, ({ENDED_BY_IMPORT}) is true as ended_by_import from project
         where (source_name, source_id) in (select * from unnest($1::text[], $2::text[]))"
    );
    let found: Vec<ImportedProject> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(&names)
        .bind(&ids)
        .fetch_all(&mut **tx)
        .await?;
    Ok(found
        .into_iter()
        .filter_map(|imported| Some((imported.project.source.clone()?, imported)))
        .collect())
}

pub(crate) async fn imported_by_id(
    tx: &mut Tx,
    id: Uuid,
) -> Result<Option<ImportedProject>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS}, ({ENDED_BY_IMPORT}) is true as ended_by_import from project
         where project.id = $1"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
}

/// For each index of `sources` and `series_keys`, the editions of that series whose id is the start
/// of that id, or the other way round: one of the two may be from a file that was cut off within
/// it.
pub(crate) async fn with_shortened_id(
    tx: &mut Tx,
    sources: &[Source],
    series_keys: &[String],
) -> Result<Vec<(usize, ImportedProject)>, sqlx::Error> {
    let (names, ids) = names_and_ids(sources);
    let found: Vec<(i64, Uuid)> = sqlx::query_as(
        "select wanted.place, project.id
         from unnest($1::text[], $2::text[], $3::text[])
              with ordinality wanted (name, id, key, place)
         join project on project.series_key = wanted.key and source_name = wanted.name
         where source_id <> wanted.id
           and (starts_with(wanted.id, source_id) or starts_with(source_id, wanted.id))
         order by wanted.place, project.id",
    )
    .bind(&names)
    .bind(&ids)
    .bind(series_keys)
    .fetch_all(&mut **tx)
    .await?;
    let mut matches = Vec::with_capacity(found.len());
    for (place, id) in found {
        if let Some(imported) = imported_by_id(tx, id).await? {
            matches.push((index(place), imported));
        }
    }
    Ok(matches)
}

/// The index of an SQL ordinality, which counts from 1.
fn index(place: i64) -> usize {
    usize::try_from(place - 1).unwrap_or_default()
}

/// For each index of `series_keys` and `years`, an expected edition of that series and year that
/// comes from no list and is not filled by another row of this import: the oldest for the first of
/// them, the next for the second.
pub(crate) async fn expected(
    tx: &mut Tx,
    import: Uuid,
    series_keys: &[String],
    years: &[i32],
) -> Result<Vec<(usize, Project)>, sqlx::Error> {
    let found: Vec<(i64, Uuid)> = sqlx::query_as(
        "with wanted as (
             select place, series_id, year,
                    row_number() over (partition by series_id, year order by place) as turn
             from unnest($2::text[], $3::integer[]) with ordinality wanted (key, year, place)
             cross join lateral (
                 select series_id from project where series_key = key
                 order by project.year desc, id desc limit 1
             ) series
         ),
         expected as (
             select id, series_id, year,
                    row_number() over (partition by series_id, year order by id) as turn
             from project
             where (series_id, year) in (select series_id, year from wanted)
               and status = 'planned' and source_name is null
               and not exists (
                   select 1 from import_row where import_id = $1 and expected_id = project.id)
         )
         select place, id from wanted join expected using (series_id, year, turn)",
    )
    .bind(import)
    .bind(series_keys)
    .bind(years)
    .fetch_all(&mut **tx)
    .await?;
    let ids: Vec<Uuid> = found.iter().map(|(_, id)| *id).collect();
    let sql = format!("select {COLUMNS} from project where project.id = any($1)");
    let projects: Vec<StoredProject> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(&ids)
        .fetch_all(&mut **tx)
        .await?;
    let projects: HashMap<Uuid, Project> = projects
        .into_iter()
        .map(|stored| (stored.project.id.0, stored.project))
        .collect();
    Ok(found
        .into_iter()
        .filter_map(|(place, id)| Some((index(place), projects.get(&id)?.clone())))
        .collect())
}

/// Whether the series has an expected edition of that year that was created after the plan. Needs
/// [`super::series::lock`].
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
               and not exists (
                   select 1 from import_row where import_id = $1 and expected_id = project.id))",
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
