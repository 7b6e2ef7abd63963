//! `ProgressConsultation`.

use axum::extract::State;
use events::{ConsultationId, Step};
use serde::Deserialize;
use service_kit::auth::Identity;
use service_kit::http::describe::StepName;
use service_kit::http::{Field, Fields, IdempotencyKey, IfMatch, Json, Path, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::access::can_move_to;
use super::change::change;
use super::views::WholeConsultationView;
use crate::consultation::{Command, MAX_REASON_LENGTH};

/// The next step of a consultation.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ProgressConsultation {
    #[serde(default)]
    #[schema(value_type = StepName)]
    step: Field<Step>,
    /// Required for `cancelled` and `failed`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Field<String>,
}

/// `ProgressConsultation`: the assigned salesman or staff change the step; the customer can cancel.
#[utoipa::path(
    post, path = "/consultations/{id}/progress", tag = "consultation",
    request_body = ProgressConsultation,
    params(("id" = Uuid, Path), IfMatch, IdempotencyKey),
    responses((status = 200, body = WholeConsultationView, description = "The new state")),
    extensions(
        ("x-command" = json!("ProgressConsultation")),
        ("x-events" = json!(["ConsultationProgressed"])),
        ("x-problems" = json!(["consultation-closed", "step-not-allowed", "not-matched-yet"])),
    ),
)]
pub(super) async fn progress(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<ConsultationId>,
    if_match: IfMatch,
    Json {
        body,
        idempotency_key,
    }: Json<ProgressConsultation>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let mut fields = Fields::default();
    let step = fields.required("/step", body.step);
    let reason = fields
        .optional_text("/reason", body.reason, MAX_REASON_LENGTH)
        .filter(|reason| !reason.is_empty());
    let (Some(to), true) = (step, fields.is_valid()) else {
        return Err(fields.problem());
    };
    if !can_move_to(caller.role, to) {
        return Err(Problem::forbidden());
    }
    let command = Command::Progress { to, reason };
    let key = idempotency_key.as_ref();
    change(&context, &caller, id, if_match, command, key).await
}
