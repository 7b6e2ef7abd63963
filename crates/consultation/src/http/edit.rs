//! `EditConsultation`.

use axum::extract::State;
use events::ConsultationId;
use serde::Deserialize;
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::http::{Date, Field, Fields, IfMatch, Json, Path, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::change::change;
use super::problems::add_to_fields;
use super::views::WholeConsultationView;
use crate::consultation::{Command, MAX_MEMO_LENGTH, Refusal, check_date};

/// Changes to a consultation. A field that is not sent stays unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditConsultation {
    /// Another desired day, today or later in Seoul.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    desired_date: Field<Date>,
    /// Another memo.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    memo: Field<String>,
}

/// `EditConsultation`: the customer changes date or memo, in step `apply` only.
#[utoipa::path(
    patch, path = "/consultations/{id}", tag = "consultation", request_body = EditConsultation,
    params(("id" = Uuid, Path), IfMatch),
    responses((status = 200, body = WholeConsultationView, description = "The new state")),
    extensions(
        ("x-command" = json!("EditConsultation")),
        ("x-events" = json!(["ConsultationEdited"])),
        ("x-problems" = json!(["consultation-not-editable"])),
    ),
)]
pub(super) async fn edit(
    State(context): State<Context>,
    caller: Identity,
    Path(id): Path<ConsultationId>,
    if_match: IfMatch,
    Json { body, .. }: Json<EditConsultation>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let mut fields = Fields::default();
    let desired_on = fields.optional_date("/desiredDate", body.desired_date);
    let memo = fields.optional_text("/memo", body.memo, MAX_MEMO_LENGTH);
    let today = seoul_date(context.db.now());
    // Whether a past date is refused depends on the stored one.
    let checked = desired_on.map(|date| check_date(date, today));
    if let Some(Err(refusal @ Refusal::DateTooLate)) = checked {
        add_to_fields(&mut fields, &refusal);
    }
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    let command = Command::Edit {
        desired_on,
        memo,
        today,
    };
    change(&context, &caller, id, if_match, command, None).await
}
