//! Imports without their rows.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use service_kit::Tx;
use service_kit::db::decode_enum;
use service_kit::http::Page;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::import::plan::Action;

events::text_enum! {
    /// How far an import is.
    #[derive(ToSchema)]
    pub(crate) enum ImportState {
        /// The file is arriving.
        Receiving = "receiving",
        /// The plan is complete; staff check it.
        Planned = "planned",
        /// The importer carries it out.
        Committing = "committing",
        /// It was carried out.
        Committed = "committed",
    }
}

events::text_enum! {
    /// The result of a row.
    #[derive(ToSchema)]
    #[schema(as = ImportOutcome)]
    pub(crate) enum Outcome {
        /// It was carried out.
        Done = "done",
        /// It was not confirmed.
        Skipped = "skipped",
        /// It could not be carried out.
        Failed = "failed",
    }
}

#[derive(Debug, Clone, FromRow)]
pub(crate) struct Import {
    pub(crate) id: Uuid,
    pub(crate) file_name: Option<String>,
    #[sqlx(try_from = "String")]
    pub(crate) state: ImportState,
    pub(crate) requested_by: Uuid,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) committed_by: Option<Uuid>,
    pub(crate) committed_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) version: i64,
    #[sqlx(json)]
    pub(crate) counts: Counts,
}

const IMPORT: &str = "id, file_name, state, requested_by, requested_at, committed_by, \
    committed_at, finished_at, version, counts";

/// How many rows an import has of each kind. Stored, because a plan of a hundred thousand rows is
/// read every second while it is carried out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    #[serde(rename = "of")]
    pub(crate) by_kind: Vec<Count>,
    /// Rows with warnings.
    pub(crate) warnings: i64,
}

/// The rows of one action and one outcome.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) action: Action,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) rows: i64,
}

impl Counts {
    /// Moves one waiting row of that action to its outcome.
    pub(crate) fn carry_out(&mut self, action: Action, is_done: bool) {
        let (new_action, outcome) = if is_done {
            (action, Outcome::Done)
        } else {
            (Action::Error, Outcome::Failed)
        };
        self.add(action, None, -1);
        self.add(new_action, Some(outcome), 1);
    }

    fn add(&mut self, action: Action, outcome: Option<Outcome>, rows: i64) {
        let mut counts = self.by_kind.iter_mut();
        match counts.find(|count| count.action == action && count.outcome == outcome) {
            Some(count) => count.rows += rows,
            None => self.by_kind.push(Count {
                action,
                outcome,
                rows,
            }),
        }
    }
}

/// Counts the rows and stores the counts.
pub(crate) async fn recount(tx: &mut Tx, import: Uuid) -> Result<(), sqlx::Error> {
    let found: Vec<(String, Option<String>, i64, i64)> = sqlx::query_as(
        "select action, outcome, count(*), count(*) filter (where warnings <> '[]')
         from import_row where import_id = $1 group by action, outcome",
    )
    .bind(import)
    .fetch_all(&mut **tx)
    .await?;
    let mut counts = Counts::default();
    for (action, outcome, rows, warnings) in found {
        let outcome = outcome.map(decode_enum).transpose()?;
        counts.add(decode_enum(action)?, outcome, rows);
        counts.warnings += warnings;
    }
    store_counts(tx, import, &counts).await
}

pub(crate) async fn store_counts(
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

/// Creates an import whose file is arriving.
pub(crate) async fn create(
    tx: &mut Tx,
    file_name: Option<&str>,
    requested_by: Uuid,
) -> Result<Uuid, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into import (id, file_name, state, requested_by, requested_at, version)
         values ($1, $2, 'receiving', $3, $4, 0)",
    )
    .bind(id)
    .bind(file_name)
    .bind(requested_by)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// The file has arrived completely and its plan can be checked.
pub(crate) async fn finish_plan(tx: &mut Tx, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("update import set state = 'planned', version = 1 where id = $1")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    recount(tx, id).await
}

/// Deletes an import and its rows.
pub(crate) async fn delete(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from import where id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// After this, an incomplete file counts as abandoned. Requests live much shorter.
const RECEIVING_RETENTION: TimeDelta = TimeDelta::hours(1);

/// For plans that are not committed.
const PLAN_RETENTION: TimeDelta = TimeDelta::days(30);

/// For the content of rows after their import was carried out.
const CONTENT_RETENTION: TimeDelta = TimeDelta::days(30);

/// Deletes abandoned imports, and the content of the rows of old ones. Their outcome stays.
pub(crate) async fn delete_expired(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from import
         where (state = 'receiving' and requested_at < $1)
            or (state = 'planned' and requested_at < $2)",
    )
    .bind(now - RECEIVING_RETENTION)
    .bind(now - PLAN_RETENTION)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "with old as (
             update import set keeps_content = false
             where state = 'committed' and keeps_content and finished_at < $1 returning id
         )
         update import_row set content = null, differences = '[]'
         from old where import_row.import_id = old.id",
    )
    .bind(now - CONTENT_RETENTION)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<Import>, sqlx::Error> {
    let sql = format!("select {IMPORT} from import where id = $1");
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// [`load`] with a lock on the row.
pub(crate) async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Import>, sqlx::Error> {
    sqlx::query("select 1 from import where id = $1 for update")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    load(tx, id).await
}

/// All imports whose file has arrived, newest first.
pub(crate) async fn list(pool: &PgPool, page: Page) -> Result<Vec<Import>, sqlx::Error> {
    let sql = format!(
        "select {IMPORT} from import
         where state <> 'receiving' and id < $1 order by id desc limit $2"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(page.before())
        .bind(page.fetch_limit())
        .fetch_all(pool)
        .await
}

/// What staff decide about the rows that fill an expected edition. All others of them are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// Rows that are the announcement of the expected edition; `None` means all but `as_new`.
    pub(crate) confirmed: Option<Vec<i64>>,
    /// Rows that are another edition, which is created.
    pub(crate) as_new: Vec<i64>,
}

/// Hands the plan over to the importer.
pub(crate) async fn commit(
    tx: &mut Tx,
    import: Uuid,
    confirmation: &Confirmation,
    committed_by: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update import_row
         set action = 'create', project_id = null, project_version = null, differences = '[]'
         where import_id = $1 and action = 'fills-planned' and number = any($2)",
    )
    .bind(import)
    .bind(&confirmation.as_new)
    .execute(&mut **tx)
    .await?;
    if let Some(rows) = &confirmation.confirmed {
        sqlx::query(
            "update import_row set outcome = 'skipped'
             where import_id = $1 and action = 'fills-planned' and not number = any($2)",
        )
        .bind(import)
        .bind(rows)
        .execute(&mut **tx)
        .await?;
    }
    recount(tx, import).await?;
    let now = tx.now();
    sqlx::query(
        "update import
         set state = 'committing', committed_by = $2, committed_at = $3, version = version + 1
         where id = $1",
    )
    .bind(import)
    .bind(committed_by)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    tx.notify_on_commit();
    Ok(())
}

/// An import that the importer carries out.
#[derive(Debug, FromRow)]
pub(crate) struct CommittedImport {
    pub(crate) id: Uuid,
    pub(crate) committed_by: Uuid,
    #[sqlx(json)]
    pub(crate) counts: Counts,
}

/// Locks the import that was committed first.
pub(crate) async fn lock_next_committed(
    tx: &mut Tx,
) -> Result<Option<CommittedImport>, sqlx::Error> {
    sqlx::query_as(
        "select id, committed_by, counts from import where state = 'committing'
         order by committed_at, id limit 1 for update",
    )
    .fetch_optional(&mut **tx)
    .await
}

/// All rows were carried out.
pub(crate) async fn finish(tx: &mut Tx, import: Uuid) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update import set state = 'committed', finished_at = $2, version = version + 1
         where id = $1",
    )
    .bind(import)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    recount(tx, import).await
}
