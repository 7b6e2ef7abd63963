//! The entries of the timeline, except notes.

use std::collections::HashMap;

use events::ConsultationId;
use service_kit::Tx;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use crate::timeline::{Entry, TimelineEvent};

/// How many entries are shown of one consultation, and how many notes.
pub(super) const MAX_ENTRIES: i64 = 500;

impl FromRow<'_, PgRow> for Entry {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let Json(actor) = row.try_get("actor")?;
        let Json::<TimelineEvent>(event) = row.try_get("what")?;
        Ok(Self {
            id: row.try_get("id")?,
            at: row.try_get("at")?,
            actor,
            version: row.try_get("version")?,
            event,
        })
    }
}

/// Stores an entry. The entry of an event that was consumed before exists already.
pub(super) async fn store(
    tx: &mut Tx,
    id: ConsultationId,
    entry: &Entry,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into timeline (id, consultation_id, at, actor, version, what)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do nothing",
    )
    .bind(entry.id)
    .bind(id.0)
    .bind(entry.at)
    .bind(Json(entry.actor))
    .bind(entry.version)
    .bind(Json(&entry.event))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest [`MAX_ENTRIES`], not sorted.
pub(super) async fn newest(
    connection: &mut PgConnection,
    id: ConsultationId,
) -> Result<Vec<Entry>, sqlx::Error> {
    sqlx::query_as(
        "select id, at, actor, version, what from timeline where consultation_id = $1
         order by at desc, id desc limit $2",
    )
    .bind(id.0)
    .bind(MAX_ENTRIES)
    .fetch_all(connection)
    .await
}

/// All entries of several consultations, not sorted.
pub(super) async fn all(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<ConsultationId, Vec<Entry>>, sqlx::Error> {
    let rows = sqlx::query(
        "select consultation_id, id, at, actor, version, what from timeline
         where consultation_id = any($1)",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let mut entries: HashMap<ConsultationId, Vec<Entry>> = HashMap::new();
    for row in &rows {
        let id = ConsultationId(row.try_get("consultation_id")?);
        entries.entry(id).or_default().push(Entry::from_row(row)?);
    }
    Ok(entries)
}

/// The entry of the request.
pub(super) async fn request(
    connection: &mut PgConnection,
    id: ConsultationId,
) -> Result<Option<Entry>, sqlx::Error> {
    sqlx::query_as(
        "select id, at, actor, version, what from timeline
         where consultation_id = $1 and what ->> 'kind' = 'requested'",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await
}
