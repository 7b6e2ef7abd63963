//! Copies of what other services own: every event about it tells all of it, so that each is one upsert.

use std::collections::HashMap;

use events::{Edition, Profile, ProjectId, SalesmanId};
use service_kit::Tx;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{KNOWN, KnownRow};
use crate::known_project::{KnownProject, name_key};

/// A customer is shown this many editions of one name at most.
const MOST_CANDIDATES: i64 = 20;

/// The edition, if this service has heard of it.
pub(crate) async fn project(connection: &mut PgConnection, id: ProjectId) -> Result<Option<KnownProject>, sqlx::Error> {
    let sql = format!("select {KNOWN} from known_project project where project.id = $1");
    let row: Option<KnownRow> = sqlx::query_as(AssertSqlSafe(sql)).bind(id.0).fetch_optional(connection).await?;
    Ok(row.map(KnownRow::project).transpose()?.flatten())
}

/// The editions of that name that are not ended, the newest first.
pub(crate) async fn projects_named(connection: &mut PgConnection, name: &str) -> Result<Vec<KnownProject>, sqlx::Error> {
    let sql = format!(
        "select {KNOWN} from known_project project where name_key = $1 and status <> 'ended'
         order by year desc nulls last, id desc limit {MOST_CANDIDATES}"
    );
    let rows: Vec<KnownRow> = sqlx::query_as(AssertSqlSafe(sql)).bind(name_key(name)).fetch_all(connection).await?;
    rows.into_iter().filter_map(|row| row.project().transpose()).collect()
}

/// Keeps what this service shows of an edition, and every name that it ever had.
pub(crate) async fn keep_project(tx: &mut Tx, id: ProjectId, edition: &Edition) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into known_project as known (id, name, name_key, names_told, year, agency, status, period)
         values ($1, $2, $3, array[$3], $4, $5, $6, $7)
         on conflict (id) do update set
             name = excluded.name, name_key = excluded.name_key, year = excluded.year, agency = excluded.agency,
             status = excluded.status, period = excluded.period,
             names_told = case when excluded.name_key = any(known.names_told) then known.names_told
                               else known.names_told || excluded.name_key end",
    )
    .bind(id.0)
    .bind(&edition.name)
    .bind(name_key(&edition.name))
    .bind(edition.year)
    .bind(&edition.agency)
    .bind(edition.status.as_str())
    .bind(Json(&edition.period))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps by what name a salesman or consultant is shown.
pub(crate) async fn keep_salesman(tx: &mut Tx, id: SalesmanId, profile: &Profile) -> Result<(), sqlx::Error> {
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

/// The names of those of them whom this service has heard of.
pub(crate) async fn names(connection: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, String>, sqlx::Error> {
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("select id, display_name from known_salesman where id = any($1)").bind(ids).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}
