//! What colleagues write for each other.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use events::ConsultationId;
use serde::Deserialize;
use service_kit::auth::Identity;
use service_kit::http::idempotency;
use service_kit::http::{Field, Fields, Json, Path, View};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::sees;
use super::views::NoteView;
use crate::consultation::Consultation;
use crate::store::{self, copies, timeline};
use crate::timeline::{Names, Note, colleague};

/// The longest note, in characters.
const LONGEST_NOTE: usize = 2000;

/// A note.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AddNote {
    /// What it says.
    #[serde(default)]
    #[schema(value_type = String, max_length = 2000)]
    text: Field<String>,
}

/// `AddNote`: a salesman or consultant who is on it, or staff, write a note, also when it is closed. No customer is shown it.
#[utoipa::path(
    post, path = "/consultations/{id}/notes", tag = "consultation", request_body = AddNote,
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again"),
    ),
    responses((status = 201, body = NoteView, description = "The note")),
    extensions(("x-command" = json!("AddNote")), ("x-events" = json!([])), ("x-problems" = json!(["consultation-erased"]))),
)]
pub(super) async fn add(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<ConsultationId>,
    Json {
        body,
        idempotency_key,
    }: Json<AddNote>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let text = fields.text("/text", body.text, LONGEST_NOTE);
    let (Some(text), true) = (text, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let mut tx = context.db.begin().await?;
    let sent_before = idempotency::find(&mut tx, who.subject, idempotency_key.as_ref()).await?;
    // Whoever is off it meanwhile is told again what he wrote while he was on it.
    let is_told = |it: &Consultation| sees(&who, it) || (sent_before.is_some() && !it.is_erased());
    let it = store::held(&mut tx, id)
        .await?
        .map(|stored| stored.it)
        .filter(is_told)
        .ok_or_else(Problem::not_found)?;
    it.check_note()?;
    let note = if let Some((_, note)) = sent_before {
        timeline::note(&mut tx, id, note)
            .await?
            .ok_or_else(Problem::not_found)?
    } else {
        let note = Note {
            id: tx.new_id(),
            at: tx.now(),
            actor: who.actor(),
            text: Some(text),
        };
        timeline::write_note(&mut tx, id, &note).await?;
        idempotency::store(
            &mut tx,
            who.subject,
            idempotency_key.as_ref(),
            StatusCode::CREATED,
            note.id,
        )
        .await?;
        note
    };
    let writer: Vec<Uuid> = colleague(note.actor).into_iter().map(|id| id.0).collect();
    let names = Names::of(&[], it.people(), copies::names(&mut tx, &writer).await?);
    let view = NoteView::of(note, &names, &who);
    tx.commit().await?;
    Ok((StatusCode::CREATED, View(view)).into_response())
}
