//! What happened to a consultation, and what colleagues wrote about it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use events::{Actor, ConsultationId};
use service_kit::Tx;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::timeline::{Entry, Happening, Note};

/// Nobody reads more than this of either; the newest are shown.
const LONGEST: i64 = 500;

/// Writes an entry down. An event that was taken in before is there already.
pub(super) async fn write(
    tx: &mut Tx,
    id: ConsultationId,
    entry: &Entry,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into timeline (id, consultation_id, at, actor, version, what) values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do nothing",
    )
    .bind(entry.id)
    .bind(id.0)
    .bind(entry.at)
    .bind(Json(entry.actor))
    .bind(entry.version)
    .bind(Json(&entry.what))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes a note down.
pub(crate) async fn write_note(
    tx: &mut Tx,
    id: ConsultationId,
    note: &Note,
) -> Result<(), sqlx::Error> {
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

/// One note of a consultation.
pub(crate) async fn note(
    connection: &mut PgConnection,
    id: ConsultationId,
    note: Uuid,
) -> Result<Option<Note>, sqlx::Error> {
    let row: Option<NoteRow> = sqlx::query_as(
        "select id, at, actor, text from note where consultation_id = $1 and id = $2",
    )
    .bind(id.0)
    .bind(note)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(note_of))
}

/// What happened, in no order.
pub(crate) async fn entries(
    connection: &mut PgConnection,
    id: ConsultationId,
) -> Result<Vec<Entry>, sqlx::Error> {
    let rows: Vec<EntryRow> = sqlx::query_as(
        "select id, at, actor, version, what from timeline where consultation_id = $1 order by at desc, id desc limit $2",
    )
    .bind(id.0)
    .bind(LONGEST)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(entry_of).collect())
}

/// All that happened to each of them, however much, in no order.
pub(crate) async fn all_entries(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<ConsultationId, Vec<Entry>>, sqlx::Error> {
    let rows: Vec<RowOf> =
        sqlx::query_as("select consultation_id, id, at, actor, version, what from timeline where consultation_id = any($1)")
            .bind(ids)
            .fetch_all(connection)
            .await?;
    let mut entries: HashMap<ConsultationId, Vec<Entry>> = HashMap::new();
    for (of, id, at, actor, version, what) in rows {
        entries
            .entry(ConsultationId(of))
            .or_default()
            .push(entry_of((id, at, actor, version, what)));
    }
    Ok(entries)
}

/// The request alone.
pub(crate) async fn request(
    connection: &mut PgConnection,
    id: ConsultationId,
) -> Result<Option<Entry>, sqlx::Error> {
    let row: Option<EntryRow> = sqlx::query_as(
        "select id, at, actor, version, what from timeline where consultation_id = $1 and what ->> 'kind' = 'requested'",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(entry_of))
}

/// The notes, in no order.
pub(crate) async fn notes(
    connection: &mut PgConnection,
    id: ConsultationId,
) -> Result<Vec<Note>, sqlx::Error> {
    let rows: Vec<NoteRow> =
        sqlx::query_as("select id, at, actor, text from note where consultation_id = $1 order by at desc, id desc limit $2")
            .bind(id.0)
            .bind(LONGEST)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(note_of).collect())
}

/// An [`EntryRow`] behind the consultation that it is of.
type RowOf = (Uuid, Uuid, DateTime<Utc>, Json<Actor>, i64, Json<Happening>);

type EntryRow = (Uuid, DateTime<Utc>, Json<Actor>, i64, Json<Happening>);

fn entry_of((id, at, Json(actor), version, Json(what)): EntryRow) -> Entry {
    Entry {
        id,
        at,
        actor,
        version,
        what,
    }
}

type NoteRow = (Uuid, DateTime<Utc>, Json<Actor>, Option<String>);

fn note_of((id, at, Json(actor), text): NoteRow) -> Note {
    Note {
        id,
        at,
        actor,
        text,
    }
}
