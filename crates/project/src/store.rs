//! The only SQL of this service.

use events::{Category, Period, ProjectCreated, ProjectId, ProjectStatus, Region, SeriesId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::http::Page;
use service_kit::{Tx, event_log};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::project::Project;

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
    version: i64,
}

/// A word of the contract from its column.
fn word<T: DeserializeOwned>(text: String) -> Result<T, sqlx::Error> {
    serde_json::from_value(Value::String(text)).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

impl TryFrom<Row> for Project {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
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
            version: row.version,
        })
    }
}

const COLUMNS: &str =
    "id, series_id, name, year, category, regions, target, scale, agency, host, summary, link, period, status, version";

/// Stores a new project with its first event.
pub(crate) async fn create(tx: &mut Tx, it: &Project, event: &ProjectCreated) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into project (id, series_id, name, year, category, regions, target, scale, agency, host, summary, link, period, status,
                              version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
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
    .bind(it.status.as_str())
    .bind(it.version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    event_log::append(tx, it.version, event).await
}

/// One project.
pub(crate) async fn load(connection: &mut PgConnection, id: ProjectId) -> Result<Option<Project>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("select {COLUMNS} from project where id = $1")))
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    row.map(Project::try_from).transpose()
}

/// Whether the series has an edition.
pub(crate) async fn series_exists(tx: &mut Tx, id: SeriesId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select 1 from project where series_id = $1)").bind(id.0).fetch_one(&mut **tx).await
}

/// All projects, newest first.
pub(crate) async fn list(pool: &PgPool, page: Page) -> Result<Vec<Project>, sqlx::Error> {
    let sql = format!("select {COLUMNS} from project where $1::uuid is null or id < $1 order by id desc limit $2");
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(page.after).bind(page.fetch()).fetch_all(pool).await?;
    rows.into_iter().map(Project::try_from).collect()
}
