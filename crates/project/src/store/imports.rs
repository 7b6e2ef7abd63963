//! The SQL of imports; that of their rows is in [`rows`].

pub(crate) mod rows;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use service_kit::Tx;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
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
    pub(crate) counts: Counts,
}

/// How many rows an import has of each kind, as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) of: Vec<Count>,
    /// Those that something may be wrong with.
    pub(crate) warnings: i64,
}

impl Counts {
    /// One row of that action that waited is carried out.
    pub(crate) fn carried_out(&mut self, action: Action, is_done: bool) {
        let (action_then, outcome) = if is_done {
            (action, Outcome::Done)
        } else {
            (Action::Error, Outcome::Failed)
        };
        self.add(action, None, -1);
        self.add(action_then, Some(outcome), 1);
    }

    fn add(&mut self, action: Action, outcome: Option<Outcome>, rows: i64) {
        match self
            .of
            .iter_mut()
            .find(|it| it.action == action && it.outcome == outcome)
        {
            Some(it) => it.rows += rows,
            None => self.of.push(Count {
                action,
                outcome,
                rows,
            }),
        }
    }
}

/// How many rows there are of one action and one outcome.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
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
    counts: Json<Counts>,
}

const IMPORT: &str = "id, file_name, state, requested_by, requested_at, committed_by, committed_at, finished_at, version, counts";

impl TryFrom<ImportRow> for Import {
    type Error = sqlx::Error;

    fn try_from(row: ImportRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            file_name: row.file_name,
            state: word(row.state)?,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            committed_by: row.committed_by,
            committed_at: row.committed_at,
            finished_at: row.finished_at,
            version: row.version,
            counts: row.counts.0,
        })
    }
}

/// Counts the rows, and keeps how many there are: a plan of a hundred thousand rows is looked at every second while it is carried out.
pub(crate) async fn count(tx: &mut Tx, import: Uuid) -> Result<(), sqlx::Error> {
    let found: Vec<(String, Option<String>, i64, i64)> = sqlx::query_as(
        "select action, outcome, count(*), count(*) filter (where warnings <> '[]') from import_row where import_id = $1
         group by action, outcome",
    )
    .bind(import)
    .fetch_all(&mut **tx)
    .await?;
    let mut counts = Counts::default();
    for (action, outcome, rows, warnings) in found {
        counts.add(word(action)?, outcome.map(word).transpose()?, rows);
        counts.warnings += warnings;
    }
    keep_counts(tx, import, &counts).await
}

/// Keeps how many rows there are of each kind.
pub(crate) async fn keep_counts(
    tx: &mut Tx,
    import: Uuid,
    counts: &Counts,
) -> Result<(), sqlx::Error> {
    sqlx::query("update import set counts = $2 where id = $1")
        .bind(import)
        .bind(Json(counts))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes that a file arrives.
pub(crate) async fn begin(
    tx: &mut Tx,
    file_name: Option<&str>,
    requested_by: Uuid,
) -> Result<Uuid, sqlx::Error> {
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
    sqlx::query("update import set state = 'planned', version = 1 where id = $1")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    count(tx, id).await
}

/// Forgets an import and all its rows.
pub(crate) async fn forget(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from import where id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// How long a file may take to arrive before it is taken for abandoned: much longer than a request lives.
const RECEIVED_WITHIN: TimeDelta = TimeDelta::hours(1);

/// How long a plan that nobody carries out is kept.
const PLANNED_WITHIN: TimeDelta = TimeDelta::days(30);

/// How long what its rows say is kept after an import was carried out: whoever wants to know why an edition is as it is asks within days.
const CONTENT_WITHIN: TimeDelta = TimeDelta::days(30);

/// Forgets what nobody finishes, and what the rows of old imports said; what became of them stays.
pub(crate) async fn forget_abandoned(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from import where (state = 'receiving' and requested_at < $1) or (state = 'planned' and requested_at < $2)",
    )
    .bind(now - RECEIVED_WITHIN)
    .bind(now - PLANNED_WITHIN)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "with old as (
             update import set keeps_content = false where state = 'committed' and keeps_content and finished_at < $1 returning id
         )
         update import_row set content = null, differences = '[]' from old where import_row.import_id = old.id",
    )
    .bind(now - CONTENT_WITHIN)
    .execute(connection)
    .await?;
    Ok(())
}

/// One import.
pub(crate) async fn load(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<Import>, sqlx::Error> {
    let row: Option<ImportRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "select {IMPORT} from import where id = $1"
    )))
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(Import::try_from).transpose()
}

/// The same, while nobody else changes it.
pub(crate) async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Import>, sqlx::Error> {
    sqlx::query("select 1 from import where id = $1 for update")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    load(tx, id).await
}

/// All imports whose file has arrived, newest first.
pub(crate) async fn list(
    pool: &PgPool,
    page: service_kit::http::Page,
) -> Result<Vec<Import>, sqlx::Error> {
    let sql = format!(
        "select {IMPORT} from import where state <> 'receiving' and ($1::uuid is null or id < $1) order by id desc limit $2"
    );
    let rows: Vec<ImportRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(page.after)
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Import::try_from).collect()
}

/// What staff say of the rows that fill an expected edition; those of which they say nothing are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    /// Those that fill it indeed.
    pub(crate) confirmed: Confirmed,
    /// Those that are another edition.
    pub(crate) as_new: Vec<i64>,
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
pub(crate) async fn commit(
    tx: &mut Tx,
    import: Uuid,
    decided: &Decided,
    by: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update import_row set action = 'create', project_id = null, project_version = null, differences = '[]'
         where import_id = $1 and action = 'fills-planned' and number = any($2)",
    )
    .bind(import)
    .bind(&decided.as_new)
    .execute(&mut **tx)
    .await?;
    if let Confirmed::Rows(rows) = &decided.confirmed {
        sqlx::query(
            "update import_row set outcome = 'skipped'
             where import_id = $1 and action = 'fills-planned' and not number = any($2)",
        )
        .bind(import)
        .bind(rows)
        .execute(&mut **tx)
        .await?;
    }
    count(tx, import).await?;
    let now = tx.now();
    sqlx::query(
        "update import set state = 'committing', committed_by = $2, committed_at = $3, version = version + 1 where id = $1",
    )
    .bind(import)
    .bind(by)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    tx.notify_on_commit();
    Ok(())
}

/// An import that is carried out.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) id: Uuid,
    pub(crate) by: Uuid,
    pub(crate) counts: Counts,
}

/// Locks the import that was committed first.
pub(crate) async fn lock_committed(tx: &mut Tx) -> Result<Option<Committed>, sqlx::Error> {
    let found: Option<(Uuid, Uuid, Json<Counts>)> = sqlx::query_as(
        "select id, committed_by, counts from import where state = 'committing' order by committed_at, id limit 1 for update",
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(id, by, counts)| Committed {
        id,
        by,
        counts: counts.0,
    }))
}

/// Everything is carried out.
pub(crate) async fn finish(tx: &mut Tx, import: Uuid) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("update import set state = 'committed', finished_at = $2, version = version + 1 where id = $1")
        .bind(import)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    count(tx, import).await
}
