//! Notes that colleagues write for each other.

use events::ConsultationId;
use service_kit::Tx;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::timeline::MAX_ENTRIES;
use crate::timeline::Note;

impl FromRow<'_, PgRow> for Note {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let Json(actor) = row.try_get("actor")?;
        Ok(Self {
            id: row.try_get("id")?,
            at: row.try_get("at")?,
            actor,
            text: row.try_get("text")?,
        })
    }
}

pub(crate) async fn store(tx: &mut Tx, id: ConsultationId, note: &Note) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into note (id, consultation_id, at, actor, text) values ($1, $2, $3, $4, $5)",
    )
    .bind(note.id)
    .bind(id.0)
    .bind(note.at)
    .bind(Json(note.actor))
    .bind(&note.text)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    id: ConsultationId,
    note: Uuid,
) -> Result<Option<Note>, sqlx::Error> {
    sqlx::query_as("select id, at, actor, text from note where consultation_id = $1 and id = $2")
        .bind(id.0)
        .bind(note)
        .fetch_optional(connection)
        .await
}

/// The newest [`MAX_ENTRIES`], oldest first.
pub(super) async fn newest(
    connection: &mut PgConnection,
    id: ConsultationId,
) -> Result<Vec<Note>, sqlx::Error> {
    sqlx::query_as(
        "select id, at, actor, text
         from (select * from note where consultation_id = $1 order by at desc, id desc limit $2)
              newest
         order by at, id",
    )
    .bind(id.0)
    .bind(MAX_ENTRIES)
    .fetch_all(connection)
    .await
}
