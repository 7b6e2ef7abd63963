//! The only SQL of this service: here that of the projects themselves; `list`, `view` and `visit_card` are what is read of them.

pub(crate) mod erasure;
mod list;
pub(crate) mod view;
pub(crate) mod visit_card;

pub(crate) mod imports;

use chrono::NaiveDate;
use events::{Actor, Category, Period, ProjectCreated, ProjectId, ProjectStatus, Region, SeriesId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::http::problem::ChangeError;
use service_kit::messaging::event_log;
use service_kit::{Db, Tx};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::types::Json;
use sqlx::{PgPool, Postgres};
use uuid::Uuid;

pub(crate) use self::list::{Place, Sort, Wanted, list};
use crate::project::{
    Between, Command, EditProject, List, Neighbour, Project, Refusal, Source, Told,
};
use crate::search::{Computed, RULES};

/// A project as it lies in its table.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    series_id: Uuid,
    name: String,
    year: i32,
    category: String,
    regions: Json<Vec<Region>>,
    target: Option<String>,
    scale: Option<i64>,
    agency: String,
    host: String,
    summary: Option<String>,
    link: Option<String>,
    period: Json<Period>,
    status: String,
    started_on: Option<NaiveDate>,
    ended_on: Option<NaiveDate>,
    predecessor: Option<Uuid>,
    source_name: Option<String>,
    source_id: Option<String>,
    source_list: Option<String>,
    version: i64,
    successor: Option<Uuid>,
}

/// A project, and the edition that follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) it: Project,
    pub(crate) successor: Option<ProjectId>,
}

/// A word of the contract from its column.
fn word<T: DeserializeOwned>(text: String) -> Result<T, sqlx::Error> {
    serde_json::from_value(Value::String(text))
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

impl TryFrom<Row> for Stored {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let it = Project {
            id: ProjectId(row.id),
            series_id: SeriesId(row.series_id),
            name: row.name,
            year: row.year,
            category: word::<Category>(row.category)?,
            regions: row.regions.0,
            target: row.target,
            scale: row.scale,
            agency: row.agency,
            host: row.host,
            summary: row.summary,
            link: row.link,
            period: row.period.0,
            status: word::<ProjectStatus>(row.status)?,
            started_on: row.started_on,
            ended_on: row.ended_on,
            predecessor: row.predecessor.map(ProjectId),
            source: row
                .source_name
                .zip(row.source_id)
                .map(|(name, id)| Source { name, id }),
            source_list: row.source_list.map(word::<List>).transpose()?,
            version: row.version,
        };
        Ok(Self {
            it,
            successor: row.successor.map(ProjectId),
        })
    }
}

const COLUMNS: &str =
    "project.id, series_id, name, year, category, regions, target, scale, agency, host, summary, link, period, status,
    started_on, ended_on, predecessor, source_name, source_id, source_list, version,
    (select later.id from project later where later.predecessor = project.id) as successor";

/// What is written of a project, in the order of [`bound`].
const WRITTEN: [&str; 27] = [
    "series_id",
    "name",
    "year",
    "category",
    "regions",
    "target",
    "scale",
    "agency",
    "host",
    "summary",
    "link",
    "period",
    "starts_on",
    "ends_on",
    "status",
    "started_on",
    "ended_on",
    "predecessor",
    "source_name",
    "source_id",
    "source_list",
    "version",
    "series_key",
    "search",
    "initials",
    "target_words",
    "computed_by",
];

/// `$2, $3, …`: the places of [`WRITTEN`] behind the id.
fn places() -> String {
    let places: Vec<String> = (2..WRITTEN.len() + 2)
        .map(|place| format!("${place}"))
        .collect();
    places.join(", ")
}

/// The statement with the project's id as `$1` and all that is written of it behind.
fn bound(sql: String, it: &Project) -> Query<'_, Postgres, PgArguments> {
    let Computed {
        series_key,
        search,
        initials,
        target_words,
    } = it.into();
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(it.id.0)
        .bind(it.series_id.0)
        .bind(&it.name)
        .bind(it.year)
        .bind(it.category.as_str())
        .bind(Json(&it.regions))
        .bind(&it.target)
        .bind(it.scale)
        .bind(&it.agency)
        .bind(&it.host)
        .bind(&it.summary)
        .bind(&it.link)
        .bind(Json(&it.period))
        .bind(it.period.starts_on)
        .bind(it.period.ends_on)
        .bind(it.status.as_str())
        .bind(it.started_on)
        .bind(it.ended_on)
        .bind(it.predecessor.map(|id| id.0))
        .bind(it.source.as_ref().map(|source| &source.name))
        .bind(it.source.as_ref().map(|source| &source.id))
        .bind(it.source_list.map(List::as_str))
        .bind(it.version)
        .bind(series_key)
        .bind(search)
        .bind(initials)
        .bind(target_words)
        .bind(RULES)
}

/// Stores a new project with its first event.
pub(crate) async fn create(
    tx: &mut Tx,
    it: &Project,
    event: &ProjectCreated,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    let (written, places, last) = (WRITTEN.join(", "), places(), WRITTEN.len() + 2);
    let sql =
        format!("insert into project (id, {written}, created_at) values ($1, {places}, ${last})");
    bound(sql, it).bind(now).execute(&mut **tx).await?;
    event_log::append(tx, it.version, event).await
}

async fn save(connection: &mut PgConnection, it: &Project) -> Result<(), sqlx::Error> {
    let sql = format!(
        "update project set ({}) = ({}) where id = $1",
        WRITTEN.join(", "),
        places()
    );
    bound(sql, it).execute(connection).await?;
    Ok(())
}

/// The one way to change a project: lock, decide, save, and append the event, in the caller's transaction.
pub(crate) async fn change(
    tx: &mut Tx,
    id: ProjectId,
    may: impl FnOnce(&Project) -> Result<(), ChangeError<Refusal>>,
    command: Command,
    actor: Actor,
) -> Result<Project, ChangeError<Refusal>> {
    sqlx::query("select 1 from project where id = $1 for update")
        .bind(id.0)
        .execute(&mut **tx)
        .await?;
    let Stored { mut it, successor } = load(tx, id).await?.ok_or(ChangeError::NotFound)?;
    may(&it)?;
    let command = between(tx, command, &it, successor).await?;
    if let Some(change) = it.handle(command, actor).map_err(ChangeError::Refused)? {
        it.apply(&change);
        save(tx, &it).await?;
        match &change.told {
            Told::Started(event) => event_log::append(tx, it.version, event).await?,
            Told::Ended(event) => event_log::append(tx, it.version, event).await?,
            Told::Edited(event) => event_log::append(tx, it.version, event).await?,
        }
    }
    Ok(it)
}

/// The command with what it has to know of the editions before and after.
async fn between(
    tx: &mut Tx,
    command: Command,
    it: &Project,
    successor: Option<ProjectId>,
) -> Result<Command, sqlx::Error> {
    let with = async |tx: &mut Tx, edit: Box<EditProject>| {
        let between = Between {
            predecessor: neighbour(tx, it.predecessor).await?,
            successor: neighbour(tx, successor).await?,
        };
        Ok::<_, sqlx::Error>(Box::new(EditProject { between, ..*edit }))
    };
    Ok(match command {
        Command::Edit(edit) => Command::Edit(with(tx, edit).await?),
        Command::Fill(edit) => Command::Fill(with(tx, edit).await?),
        other => other,
    })
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

/// One project.
pub(crate) async fn load(
    connection: &mut PgConnection,
    id: ProjectId,
) -> Result<Option<Stored>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "select {COLUMNS} from project where id = $1"
    )))
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    row.map(Stored::try_from).transpose()
}

/// Whether the series has an edition.
pub(crate) async fn series_exists(
    connection: &mut PgConnection,
    id: SeriesId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select 1 from project where series_id = $1)")
        .bind(id.0)
        .fetch_one(connection)
        .await
}

/// The series whose editions have this key ([`Project::series_key`]): of several, that of the newest edition.
pub(crate) async fn recognise(
    connection: &mut PgConnection,
    key: &str,
) -> Result<Option<SeriesId>, sqlx::Error> {
    let found: Option<Uuid> = sqlx::query_scalar(
        "select series_id from project where series_key = $1 order by year desc, id desc limit 1",
    )
    .bind(key)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(SeriesId))
}

/// Waits for whoever creates an edition with this key, so that two that come at once become one series. Always before [`lock_series`].
pub(crate) async fn lock_key(tx: &mut Tx, key: &str) -> Result<(), sqlx::Error> {
    lock(tx, "series-key", key).await
}

/// Waits for whoever else decides which edition of the series follows which. Always before a row of it is locked.
pub(crate) async fn lock_series(tx: &mut Tx, id: SeriesId) -> Result<(), sqlx::Error> {
    lock(tx, "series", &id.to_string()).await
}

/// One project, under [`lock_series`] of the series that it is of now: it may be moved while that is waited for.
pub(crate) async fn load_with_series(
    tx: &mut Tx,
    id: ProjectId,
) -> Result<Option<Stored>, sqlx::Error> {
    let mut locked = None;
    loop {
        let Some(found) = load(tx, id).await? else {
            return Ok(None);
        };
        if locked == Some(found.it.series_id) {
            return Ok(Some(found));
        }
        lock_series(tx, found.it.series_id).await?;
        locked = Some(found.it.series_id);
    }
}

async fn lock(tx: &mut Tx, kind: &str, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/' || $1 || '/' || $2, 2))")
        .bind(kind)
        .bind(name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The newest edition of the year before that nothing follows yet: what a new one of that year follows. Under [`lock_series`].
pub(crate) async fn predecessor_of(
    connection: &mut PgConnection,
    series: SeriesId,
    year: i32,
) -> Result<Option<ProjectId>, sqlx::Error> {
    let found: Option<Uuid> = sqlx::query_scalar(
        "select id from project
         where series_id = $1 and year = $2 and not exists (select 1 from project later where later.predecessor = project.id)
         order by id desc limit 1",
    )
    .bind(series.0)
    .bind(year - 1)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(ProjectId))
}

/// The edition of that year that shall follow one of the year before: the oldest that follows none yet, or else any. Under [`lock_series`].
pub(crate) async fn edition_of(
    connection: &mut PgConnection,
    series: SeriesId,
    year: i32,
) -> Result<Option<(ProjectId, Option<ProjectId>)>, sqlx::Error> {
    let found: Option<(Uuid, Option<Uuid>)> = sqlx::query_as(
        "select id, predecessor from project where series_id = $1 and year = $2 order by predecessor is not null, id limit 1",
    )
    .bind(series.0)
    .bind(year)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|(id, predecessor)| (ProjectId(id), predecessor.map(ProjectId))))
}

/// How many editions of a series are shown: a programme that is announced every month for eight years has so many.
const MOST_EDITIONS: i64 = 100;

/// The editions of the series, the newest year first.
pub(crate) async fn editions(
    connection: &mut PgConnection,
    series: SeriesId,
) -> Result<Vec<Stored>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS} from project where series_id = $1 order by year desc, id desc limit $2"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(series.0)
        .bind(MOST_EDITIONS)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Ongoing projects whose deadline has passed, the longest ago first: id and name.
pub(crate) async fn overdue(
    pool: &PgPool,
    today: NaiveDate,
    limit: usize,
) -> Result<Vec<(ProjectId, String)>, sqlx::Error> {
    let found: Vec<(Uuid, String)> =
        sqlx::query_as("select id, name from project where status = 'ongoing' and ends_on < $1 order by ends_on, id limit $2")
            .bind(today)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(pool)
            .await?;
    Ok(found
        .into_iter()
        .map(|(id, name)| (ProjectId(id), name))
        .collect())
}

/// How many rows one unit of work computes again.
const AT_ONCE: i64 = 200;

/// Computes the searched columns of some rows that older rules computed; whether there may be more. Rows of newer rules stay: another build
/// runs beside this one.
pub(crate) async fn compute_again(db: &Db) -> Result<bool, sqlx::Error> {
    let mut tx = db.begin().await?;
    // Whoever else writes one of them computes it, too.
    let sql = format!(
        "select {COLUMNS} from project where computed_by < $1 order by id limit $2 for update skip locked"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(RULES)
        .bind(AT_ONCE)
        .fetch_all(&mut *tx)
        .await?;
    let found = !rows.is_empty();
    for row in rows {
        save(&mut tx, &Stored::try_from(row)?.it).await?;
    }
    tx.commit().await?;
    Ok(found)
}

/// Whether every row is computed by these rules or newer ones.
pub(crate) async fn is_computed(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select not exists (select 1 from project where computed_by < $1)")
        .bind(RULES)
        .fetch_one(pool)
        .await
}
