//! Rows whose search columns were computed by older rules.

use service_kit::Db;
use sqlx::PgPool;

use super::projects::{COLUMNS, StoredProject, update};
use crate::search::RULES_VERSION;

/// Rows per transaction.
const BATCH: i64 = 200;

/// Recomputes some rows of older rules; returns whether there may be more. Rows of newer rules
/// stay: another build runs at the same time.
pub(crate) async fn recompute_batch(db: &Db) -> Result<bool, sqlx::Error> {
    let mut tx = db.begin().await?;
    // A locked row is recomputed by the transaction that holds it.
    let sql = format!(
        "select {COLUMNS} from project where computed_by < $1
         order by id limit $2 for update skip locked"
    );
    let rows: Vec<StoredProject> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(RULES_VERSION)
        .bind(BATCH)
        .fetch_all(&mut *tx)
        .await?;
    for row in &rows {
        update(&mut tx, &row.project).await?;
    }
    tx.commit().await?;
    Ok(!rows.is_empty())
}

/// Whether all rows were computed by these rules or newer ones.
pub(crate) async fn is_current(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select not exists (select 1 from project where computed_by < $1)")
        .bind(RULES_VERSION)
        .fetch_one(pool)
        .await
}
