//! `AddNote`: notes that colleagues write for each other.

use axum::extract::State;
use axum::http::StatusCode;
use events::ConsultationId;
use serde::Deserialize;
use service_kit::auth::Identity;
use service_kit::http::{Field, Fields, IdempotencyKey, Json, Path, View, idempotency};
use service_kit::{Context, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::can_see;
use super::views::NoteView;
use crate::consultation::Consultation;
use crate::names::Names;
use crate::store::{self, notes, projections};
use crate::timeline::{Note, colleague};

/// In characters.
const MAX_NOTE_LENGTH: usize = 2000;

/// A new note.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AddNote {
    #[serde(default)]
    #[schema(value_type = String, max_length = 2000)]
    text: Field<String>,
}

/// `AddNote`: the assigned salesman or consultant, or staff, add a note in any step. Customers do
/// not see it.
#[utoipa::path(
    post, path = "/consultations/{id}/notes", tag = "consultation", request_body = AddNote,
    params(("id" = Uuid, Path), IdempotencyKey),
    responses((status = 201, body = NoteView, description = "The note")),
    extensions(
        ("x-command" = json!("AddNote")),
        ("x-events" = json!([])),
        ("x-problems" = json!(["consultation-erased"])),
    ),
)]
pub(super) async fn add(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<ConsultationId>,
    Json {
        body,
        idempotency_key,
    }: Json<AddNote>,
) -> Result<(StatusCode, View<NoteView>), Problem> {
    let mut fields = Fields::default();
    let text = fields.text("/text", body.text, MAX_NOTE_LENGTH);
    let (Some(text), true) = (text, fields.is_valid()) else {
        return Err(fields.problem());
    };
    let key = idempotency_key.as_ref();
    let mut tx = context.db.begin().await?;
    let earlier = idempotency::find(&mut tx, caller.subject, key).await?;
    // A repeated request gets its answer even if the caller is not assigned any more.
    let may_add = |consultation: &Consultation| {
        can_see(&caller, consultation) || (earlier.is_some() && !consultation.is_erased())
    };
    let consultation = store::load_shared(&mut tx, id)
        .await?
        .map(|stored| stored.consultation)
        .filter(may_add)
        .ok_or_else(Problem::not_found)?;
    consultation.check_note()?;
    let note = if let Some((_, note)) = earlier {
        notes::load(&mut tx, id, note)
            .await?
            .ok_or_else(Problem::not_found)?
    } else {
        let note = Note {
            id: tx.new_id(),
            at: tx.now(),
            actor: caller.actor(),
            text: Some(text),
        };
        notes::store(&mut tx, id, &note).await?;
        idempotency::store(&mut tx, caller.subject, key, StatusCode::CREATED, note.id).await?;
        note
    };
    let author: Vec<Uuid> = colleague(note.actor).into_iter().map(|id| id.0).collect();
    let current = projections::names(&mut tx, &author).await?;
    let names = Names::new(consultation.assignees(), &[], current);
    let view = NoteView::new(note, &names, caller.role);
    tx.commit().await?;
    Ok((StatusCode::CREATED, View(view)))
}
