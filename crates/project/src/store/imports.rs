//! The SQL of imports; that of their rows is in [`rows`].

pub(crate) mod rows;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use service_kit::Tx;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::word;
use crate::import::plan::Action;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ImportState {
    /// The file arrives.
    Receiving,
    /// The plan is made: staff look at it.
    Planned,
    /// The importer carries it out.
    Committing,
    /// It is carried out.
    Committed,
}

impl ImportState {
    /// The state's name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Planned => "planned",
            Self::Committing => "committing",
            Self::Committed => "committed",
        }
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ImportOutcome)]
pub(crate) enum Outcome {
    /// It was carried out.
    Done,
    /// Nobody confirmed it.
    Skipped,
    /// It could not be carried out.
    Failed,
}

/// An import without its rows.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    pub(crate) id: Uuid,
    pub(crate) file_name: Option<String>,
    pub(crate) state: ImportState,
    pub(crate) requested_by: Uuid,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) committed_by: Option<Uuid>,
    pub(crate) committed_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) version: i64,
    pub(crate) counts: Vec<Count>,
}

/// How many rows there are of one action and one outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) action: Action,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) rows: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct ImportRow {
    id: Uuid,
    file_name: Option<String>,
    state: String,
    requested_by: Uuid,
    requested_at: DateTime<Utc>,
    committed_by: Option<Uuid>,
    committed_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    version: i64,
}

const IMPORT: &str = "id, file_name, state, requested_by, requested_at, committed_by, committed_at, finished_at, version";

/// With their counts, in the same order.
async fn counted(connection: &mut PgConnection, rows: Vec<ImportRow>) -> Result<Vec<Import>, sqlx::Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let found: Vec<(Uuid, String, Option<String>, i64)> = sqlx::query_as(
        "select import_id, action, outcome, count(*) from import_row where import_id = any($1) group by import_id, action, outcome",
    )
    .bind(&ids)
    .fetch_all(connection)
    .await?;
    let mut counts: HashMap<Uuid, Vec<Count>> = HashMap::new();
    for (id, action, outcome, rows) in found {
        let count = Count { action: word(action)?, outcome: outcome.map(word).transpose()?, rows };
        counts.entry(id).or_default().push(count);
    }
    rows.into_iter()
        .map(|row| {
            Ok(Import {
                counts: counts.remove(&row.id).unwrap_or_default(),
                id: row.id,
                file_name: row.file_name,
                state: word(row.state)?,
                requested_by: row.requested_by,
                requested_at: row.requested_at,
                committed_by: row.committed_by,
                committed_at: row.committed_at,
                finished_at: row.finished_at,
                version: row.version,
            })
        })
        .collect()
}

/// Notes that a file arrives.
pub(crate) async fn begin(tx: &mut Tx, file_name: Option<&str>, requested_by: Uuid) -> Result<Uuid, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into import (id, file_name, state, requested_by, requested_at, version) values ($1, $2, 'receiving', $3, $4, 0)",
    )
    .bind(id)
    .bind(file_name)
    .bind(requested_by)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// The whole file has arrived: its plan can be looked at.
pub(crate) async fn planned(tx: &mut Tx, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("update import set state = 'planned', version = 1 where id = $1").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// Forgets an import and all its rows.
pub(crate) async fn forget(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from import where id = $1").bind(id).execute(connection).await?;
    Ok(())
}

/// How long a file may take to arrive before it is taken for abandoned: much longer than a request lives.
const RECEIVED_WITHIN: TimeDelta = TimeDelta::hours(1);

/// How long a plan that nobody carries out is kept.
const PLANNED_WITHIN: TimeDelta = TimeDelta::days(30);

/// Forgets what nobody finishes.
pub(crate) async fn forget_abandoned(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from import where (state = 'receiving' and requested_at < $1) or (state = 'planned' and requested_at < $2)",
    )
    .bind(now - RECEIVED_WITHIN)
    .bind(now - PLANNED_WITHIN)
    .execute(connection)
    .await?;
    Ok(())
}

/// One import.
pub(crate) async fn load(connection: &mut PgConnection, id: Uuid) -> Result<Option<Import>, sqlx::Error> {
    let row: Option<ImportRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("select {IMPORT} from import where id = $1")))
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    Ok(counted(connection, row.into_iter().collect()).await?.pop())
}

/// The same, while nobody else changes it.
pub(crate) async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Import>, sqlx::Error> {
    sqlx::query("select 1 from import where id = $1 for update").bind(id).execute(&mut **tx).await?;
    load(tx, id).await
}

/// All imports whose file has arrived, newest first.
pub(crate) async fn list(pool: &PgPool, page: service_kit::http::Page) -> Result<Vec<Import>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let sql = format!(
        "select {IMPORT} from import where state <> 'receiving' and ($1::uuid is null or id < $1) order by id desc limit $2"
    );
    let rows: Vec<ImportRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(page.after).bind(page.fetch()).fetch_all(&mut *connection).await?;
    counted(&mut connection, rows).await
}

/// Which rows that fill an expected edition staff confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// All of them.
    All,
    /// These.
    Rows(Vec<i64>),
}

/// Gives the plan to the importer.
pub(crate) async fn commit(tx: &mut Tx, import: Uuid, confirmed: &Confirmed, by: Uuid) -> Result<(), sqlx::Error> {
    if let Confirmed::Rows(rows) = confirmed {
        sqlx::query(
            "update import_row set outcome = 'skipped'
             where import_id = $1 and action = 'fills-planned' and not number = any($2)",
        )
        .bind(import)
        .bind(rows)
        .execute(&mut **tx)
        .await?;
    }
    let now = tx.now();
    sqlx::query(
        "update import set state = 'committing', committed_by = $2, committed_at = $3, version = version + 1 where id = $1",
    )
    .bind(import)
    .bind(by)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    tx.ring_on_commit();
    Ok(())
}

/// Locks the import that was committed first, and who committed it.
pub(crate) async fn lock_committed(tx: &mut Tx) -> Result<Option<(Uuid, Uuid)>, sqlx::Error> {
    sqlx::query_as("select id, committed_by from import where state = 'committing' order by committed_at, id limit 1 for update")
        .fetch_optional(&mut **tx)
        .await
}

/// Everything is carried out.
pub(crate) async fn finish(tx: &mut Tx, import: Uuid) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("update import set state = 'committed', finished_at = $2, version = version + 1 where id = $1")
        .bind(import)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
