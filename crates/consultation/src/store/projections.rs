//! Projections of what other services own. Each event contains the complete state, so that
//! storing it is one upsert.

use std::collections::HashMap;

use events::{Edition, Profile, ProjectId, ProjectStatus, SalesmanId, SeriesId};
use service_kit::Tx;
use service_kit::forms::project_ref::{MAX_CANDIDATES, ProjectRef, name_key};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, Row as _};
use uuid::Uuid;

use crate::known_project::KnownProject;

/// The columns of [`KnownProject`] in a query that names the table `project`.
pub(super) const PROJECT_COLUMNS: &str = "
    project.id as known_id, project.series_id as known_series_id, project.name as known_name,
    project.name_keys,
    project.year as known_year, project.agency as known_agency, project.status as known_status,
    project.period as known_period";

impl FromRow<'_, PgRow> for KnownProject {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let status: &str = row.try_get("known_status")?;
        let status = ProjectStatus::ALL
            .into_iter()
            .find(|known| known.as_str() == status);
        let period: Option<Json<_>> = row.try_get("known_period")?;
        let series_id: Option<Uuid> = row.try_get("known_series_id")?;
        Ok(Self {
            id: ProjectId(row.try_get("known_id")?),
            series_id: series_id.map(SeriesId),
            name: row.try_get("known_name")?,
            name_keys: row.try_get("name_keys")?,
            year: row.try_get("known_year")?,
            agency: row.try_get("known_agency")?,
            status: status.ok_or_else(|| sqlx::Error::Decode("unknown status".into()))?,
            period: period.map(|Json(period)| period),
        })
    }
}

/// For an id, the project if it is known; for a name, its editions that have not ended, newest
/// first. Where all have ended, the newest of each programme.
pub(crate) async fn find_projects(
    connection: &mut PgConnection,
    reference: &ProjectRef,
) -> Result<Vec<KnownProject>, sqlx::Error> {
    let select = format!("select {PROJECT_COLUMNS} from known_project project where");
    let by_id = format!("{select} project.id = $1");
    let by_name = format!(
        "{select} name_key = $1 and status <> 'ended'
         order by year desc nulls last, id desc limit {MAX_CANDIDATES}"
    );
    let name = match reference {
        ProjectRef::ById { id, .. } => {
            let query = sqlx::query_as(AssertSqlSafe(by_id)).bind(id.0);
            return query.fetch_all(connection).await;
        }
        ProjectRef::ByName(name) => name_key(name),
    };
    let open: Vec<KnownProject> = sqlx::query_as(AssertSqlSafe(by_name))
        .bind(&name)
        .fetch_all(&mut *connection)
        .await?;
    if !open.is_empty() {
        return Ok(open);
    }
    let ended = format!(
        "select distinct on (coalesce(project.series_id, project.id)) {PROJECT_COLUMNS}
         from known_project project where name_key = $1
         order by coalesce(project.series_id, project.id), year desc, id desc
         limit {MAX_CANDIDATES}"
    );
    sqlx::query_as(AssertSqlSafe(ended))
        .bind(&name)
        .fetch_all(connection)
        .await
}

/// The edition of the programme that follows an ended one: the first of that year or a later one
/// that has not ended.
pub(crate) async fn successor(
    connection: &mut PgConnection,
    ended: &KnownProject,
) -> Result<Option<KnownProject>, sqlx::Error> {
    let select = format!(
        "select {PROJECT_COLUMNS} from known_project project
         where series_id = $1 and year >= $2 and status <> 'ended' order by year, id limit 1"
    );
    sqlx::query_as(AssertSqlSafe(select))
        .bind(ended.series_id.map(|series| series.0))
        .bind(ended.year)
        .fetch_optional(connection)
        .await
}

/// Stores an edition, and adds its name to those that it ever had.
pub(crate) async fn store_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_project as known
             (id, name, name_key, name_keys, year, agency, status, period, series_id)
         values ($1, $2, $3, array[$3], $4, $5, $6, $7, $8)
         on conflict (id) do update set
             name = excluded.name, name_key = excluded.name_key, year = excluded.year,
             agency = excluded.agency, status = excluded.status, period = excluded.period,
             series_id = excluded.series_id,
             name_keys = case when excluded.name_key = any(known.name_keys) then known.name_keys
                               else known.name_keys || excluded.name_key end",
    )
    .bind(id.0)
    .bind(&edition.name)
    .bind(name_key(&edition.name))
    .bind(edition.year)
    .bind(&edition.agency)
    .bind(edition.status.as_str())
    .bind(Json(&edition.period))
    .bind(edition.series_id.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores the display name of a salesman or consultant.
pub(crate) async fn store_salesman(
    tx: &mut Tx,
    id: SalesmanId,
    profile: &Profile,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_salesman (id, display_name) values ($1, $2)
         on conflict (id) do update set display_name = excluded.display_name",
    )
    .bind(id.0)
    .bind(&profile.display_name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The display names of those among the ids that are known.
pub(crate) async fn names(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, sqlx::Error> {
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("select id, display_name from known_salesman where id = any($1)")
            .bind(ids)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().collect())
}
