//! The table of projects, and the one way to change it.

use events::{Actor, Period, ProjectCreated, ProjectId, SeriesId, WrittenRegions};
use service_kit::Tx;
use service_kit::http::problem::ChangeError;
use service_kit::messaging::event_log;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::types::Json;
use sqlx::{FromRow, Postgres, Row as _};
use uuid::Uuid;

use super::columns::{enum_column, optional_enum_column, regions_columns};
use crate::project::{
    ChangeEvent, Command, Details, Neighbour, Neighbours, Project, Refusal, Source, SourceList,
};
use crate::search::{RULES_VERSION, SearchColumns};

/// A project and its next edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredProject {
    pub(crate) project: Project,
    pub(crate) successor: Option<ProjectId>,
}

/// The columns of [`StoredProject`].
pub(super) const COLUMNS: &str = "project.id, series_id, name, year, category, regions, \
    region_names, target, scale, agency, host, summary, link, period, status, started_on, \
    ended_on, predecessor, source_name, source_id, source_list, version, \
    (select later.id from project later where later.predecessor = project.id) as successor";

impl FromRow<'_, PgRow> for StoredProject {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let source_name: Option<String> = row.try_get("source_name")?;
        let source_id: Option<String> = row.try_get("source_id")?;
        let project_id = |column: &str| -> Result<Option<ProjectId>, sqlx::Error> {
            Ok(row.try_get::<Option<Uuid>, _>(column)?.map(ProjectId))
        };
        let project = Project {
            id: ProjectId(row.try_get("id")?),
            series_id: SeriesId(row.try_get("series_id")?),
            details: Details {
                name: row.try_get("name")?,
                year: row.try_get("year")?,
                category: enum_column(row, "category")?,
                regions: regions_columns(row)?,
                target: row.try_get("target")?,
                scale: row.try_get("scale")?,
                agency: row.try_get("agency")?,
                host: row.try_get("host")?,
                summary: row.try_get("summary")?,
                link: row.try_get("link")?,
                period: row.try_get::<Json<Period>, _>("period")?.0,
            },
            status: enum_column(row, "status")?,
            started_on: row.try_get("started_on")?,
            ended_on: row.try_get("ended_on")?,
            predecessor: project_id("predecessor")?,
            source: source_name
                .zip(source_id)
                .map(|(name, id)| Source { name, id }),
            source_list: optional_enum_column(row, "source_list")?,
            version: row.try_get("version")?,
        };
        Ok(Self {
            project,
            successor: project_id("successor")?,
        })
    }
}

/// The written columns, in the order of [`bind_columns`].
const WRITTEN: &str = "series_id, name, year, category, regions, region_names, target, scale, \
    agency, host, summary, link, period, starts_on, ends_on, status, started_on, ended_on, \
    predecessor, source_name, source_id, source_list, version, series_key, search, initials, \
    target_search, short_parts, target_words, target_kinds, computed_by";

/// `$2, $3, …` for the [`WRITTEN`] columns, and the number of the parameter after them.
fn placeholders() -> (String, usize) {
    let end = WRITTEN.split(',').count() + 2;
    let placeholders: Vec<String> = (2..end).map(|number| format!("${number}")).collect();
    (placeholders.join(", "), end)
}

/// A statement with the project's id as `$1` and the [`WRITTEN`] columns after it.
fn bind_columns(sql: String, project: &Project) -> Query<'_, Postgres, PgArguments> {
    let details = &project.details;
    let source = project.source.as_ref();
    let search = SearchColumns::from(project);
    let regions = WrittenRegions::from(&*details.regions);
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(project.id.0)
        .bind(project.series_id.0)
        .bind(&details.name)
        .bind(details.year)
        .bind(details.category.as_str())
        .bind(Json(regions.regions))
        .bind(regions.region_names.map(Json))
        .bind(&details.target)
        .bind(details.scale)
        .bind(&details.agency)
        .bind(&details.host)
        .bind(&details.summary)
        .bind(&details.link)
        .bind(Json(&details.period))
        .bind(details.period.starts_on)
        .bind(details.period.ends_on)
        .bind(project.status.as_str())
        .bind(project.started_on)
        .bind(project.ended_on)
        .bind(project.predecessor.map(|id| id.0))
        .bind(source.map(|source| &source.name))
        .bind(source.map(|source| &source.id))
        .bind(project.source_list.map(SourceList::as_str))
        .bind(project.version)
        .bind(search.series_key)
        .bind(search.search)
        .bind(search.initials)
        .bind(search.target_search)
        .bind(search.short_parts)
        .bind(search.target_words)
        .bind(search.target_kinds)
        .bind(RULES_VERSION)
}

/// Stores a new project and its first event.
pub(crate) async fn create(
    tx: &mut Tx,
    project: &Project,
    event: &ProjectCreated,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    let (values, last) = placeholders();
    let sql =
        format!("insert into project (id, {WRITTEN}, created_at) values ($1, {values}, ${last})");
    bind_columns(sql, project)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    event_log::append(tx, project.version, event).await
}

/// Writes the columns of an existing project without an event.
pub(super) async fn update(
    connection: &mut PgConnection,
    project: &Project,
) -> Result<(), sqlx::Error> {
    let (values, _) = placeholders();
    let sql = format!("update project set ({WRITTEN}) = ({values}) where id = $1");
    bind_columns(sql, project).execute(connection).await?;
    Ok(())
}

/// The one way to change a project: locks it, decides the command, saves the result and appends the
/// event, in the caller's transaction.
pub(crate) async fn change(
    tx: &mut Tx,
    id: ProjectId,
    accepts_version: impl FnOnce(i64) -> bool,
    mut command: Command,
    actor: Actor,
) -> Result<Project, ChangeError<Refusal>> {
    sqlx::query("select 1 from project where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let StoredProject {
        mut project,
        successor,
    } = load(tx, id).await?.ok_or(ChangeError::NotFound)?;
    if !accepts_version(project.version) {
        return Err(ChangeError::Stale {
            current: project.version,
        });
    }
    if let Command::Edit(edit) | Command::Fill(edit) = &mut command {
        edit.neighbours = Neighbours {
            predecessor: neighbour(tx, project.predecessor).await?,
            successor: neighbour(tx, successor).await?,
        };
    }
    let change = project
        .handle(command, actor)
        .map_err(ChangeError::Refused)?;
    if let Some(change) = change {
        project.apply(&change);
        update(tx, &project).await?;
        match &change.event {
            ChangeEvent::Started(event) => event_log::append(tx, project.version, event).await?,
            ChangeEvent::Ended(event) => event_log::append(tx, project.version, event).await?,
            ChangeEvent::Edited(event) => event_log::append(tx, project.version, event).await?,
        }
    }
    Ok(project)
}

async fn neighbour(tx: &mut Tx, id: Option<ProjectId>) -> Result<Option<Neighbour>, sqlx::Error> {
    let Some(id) = id else { return Ok(None) };
    let found: Option<(Uuid, i32)> =
        sqlx::query_as("select series_id, year from project where id = $1")
            .bind(id.0)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(found.map(|(series_id, year)| Neighbour {
        id,
        series_id: SeriesId(series_id),
        year,
    }))
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    id: ProjectId,
) -> Result<Option<StoredProject>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from project where id = $1");
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}
