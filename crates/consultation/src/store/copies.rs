//! Copies of what other services own: every event about it tells all of it, so that each is one upsert.

use std::collections::HashMap;

use events::{Edition, Profile, ProjectId, SalesmanId};
use service_kit::Tx;
use service_kit::forms::project_ref::{MAX_CANDIDATES, ProjectRef, name_key};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{KNOWN, KnownRow};
use crate::known_project::KnownProject;

/// Of an id, the edition if this service has heard of it; of a name, the editions of it that are not ended, the newest first.
pub(crate) async fn projects_asked_for(
    connection: &mut PgConnection,
    asked: &ProjectRef,
) -> Result<Vec<KnownProject>, sqlx::Error> {
    let by_id = format!("select {KNOWN} from known_project project where project.id = $1");
    let by_name = format!(
        "select {KNOWN} from known_project project where name_key = $1 and status <> 'ended'
         order by year desc nulls last, id desc limit {MAX_CANDIDATES}"
    );
    let query = match asked {
        ProjectRef::ById { id, .. } => sqlx::query_as(AssertSqlSafe(by_id)).bind(id.0),
        ProjectRef::ByName(name) => sqlx::query_as(AssertSqlSafe(by_name)).bind(name_key(name)),
    };
    let rows: Vec<KnownRow> = query.fetch_all(connection).await?;
    rows.into_iter()
        .filter_map(|row| row.project().transpose())
        .collect()
}

/// Keeps what this service shows of an edition, and every name that it ever had.
pub(crate) async fn keep_project(
    tx: &mut Tx,
    id: ProjectId,
    edition: &Edition,
) -> Result<(), sqlx::Error> {
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
pub(crate) async fn keep_salesman(
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

/// The names of those of them whom this service has heard of.
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
