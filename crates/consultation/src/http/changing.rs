//! `EditConsultation` and `ProgressConsultation`.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use events::{ConsultationId, Step};
use serde::Deserialize;
use service_kit::auth::Identity;
use service_kit::clock::seoul_date;
use service_kit::http::describe::StepName;
use service_kit::http::idempotency;
use service_kit::http::idempotency::IdempotencyKey;
use service_kit::http::problem::{ChangeError, Text};
use service_kit::http::{Field, Fields, IfMatch, Json, Path, Versioned};
use service_kit::{Context, Problem};
use utoipa::ToSchema;

use super::views::WholeConsultationView;
use super::{moves_to, seen_by, sees, shown};
use crate::consultation::{
    self, Command, Consultation, LAST_YEAR, LONGEST_MEMO, LONGEST_REASON, Refusal,
};
use crate::store::{self, Cause};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let en = refusal.to_string();
        match refusal {
            Refusal::InThePast | Refusal::TooLate | Refusal::ReasonMissing(_) => {
                let mut fields = Fields::default();
                note_refusal(&mut fields, &refusal);
                fields.problem()
            }
            Refusal::Closed(step) => {
                Self::conflict("consultation-closed", Text::new("이미 끝난 상담입니다", en))
                    .with("step", step.as_str())
            }
            Refusal::NotEditable(step) => Self::conflict(
                "consultation-not-editable",
                Text::new("신청 상태에서만 고칠 수 있습니다", en),
            )
            .with("step", step.as_str()),
            Refusal::NoSuchWay { from, .. } => Self::conflict(
                "step-not-allowed",
                Text::new("지금 단계에서는 할 수 없습니다", en),
            )
            .with("step", from.as_str()),
            Refusal::NobodyOnIt => Self::conflict(
                "not-matched-yet",
                Text::new("아직 영업대표를 배정하고 있습니다", en),
            )
            .with("step", Step::Apply.as_str()),
            Refusal::Erased => Self::conflict(
                "consultation-erased",
                Text::new("고객의 요청으로 개인정보가 삭제된 상담입니다", en),
            ),
        }
    }
}

/// Notes a refusal that is about one field beside what else is wrong; the others are about the state.
pub(super) fn note_refusal(fields: &mut Fields, refusal: &Refusal) {
    let (pointer, code, ko) = match refusal {
        Refusal::InThePast => (
            "/desiredDate",
            "in-the-past",
            "지난 날짜는 고를 수 없습니다".into(),
        ),
        Refusal::TooLate => (
            "/desiredDate",
            "too-late",
            format!("{LAST_YEAR}년까지의 날짜를 골라 주세요").into(),
        ),
        Refusal::ReasonMissing(_) => ("/reason", "required", "사유를 적어 주세요".into()),
        Refusal::Closed(_)
        | Refusal::NotEditable(_)
        | Refusal::NoSuchWay { .. }
        | Refusal::NobodyOnIt
        | Refusal::Erased => {
            return;
        }
    };
    fields.refuse(
        pointer,
        code,
        Text {
            ko,
            en: refusal.to_string().into(),
        },
    );
}

/// What a customer changes. What is not sent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditConsultation {
    /// Another day, today or later in Seoul.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>)]
    desired_date: Field<NaiveDate>,
    /// Another memo.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    memo: Field<String>,
}

/// `EditConsultation`: its customer changes the date or the memo, while it is `apply`.
#[utoipa::path(
    patch, path = "/consultations/{id}", tag = "consultation", request_body = EditConsultation,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The version that is meant, as its ETag")),
    responses((status = 200, body = WholeConsultationView, description = "As it is now")),
    extensions(
        ("x-command" = json!("EditConsultation")),
        ("x-events" = json!(["ConsultationEdited"])),
        ("x-problems" = json!(["consultation-not-editable"])),
    ),
)]
pub(super) async fn edit(
    State(context): State<Context>,
    who: Identity,
    Path(id): Path<ConsultationId>,
    if_match: IfMatch,
    Json { body, .. }: Json<EditConsultation>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let mut fields = Fields::default();
    let desired_on = fields.optional("/desiredDate", body.desired_date);
    let memo = fields.optional_text("/memo", body.memo, LONGEST_MEMO);
    let today = seoul_date(context.db.now());
    // A date that has passed since it was chosen may stay, which only the consultation can tell.
    if let Some(Err(refusal @ Refusal::TooLate)) =
        desired_on.map(|date| consultation::check_date(date, today))
    {
        note_refusal(&mut fields, &refusal);
    }
    if !fields.is_valid() {
        return Err(fields.problem());
    }
    changed(
        &context,
        &who,
        id,
        if_match,
        Command::Edit {
            desired_on,
            memo,
            today,
        },
        None,
    )
    .await
}

/// Where a consultation shall go.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ProgressConsultation {
    /// The step.
    #[serde(default)]
    #[schema(value_type = StepName)]
    step: Field<Step>,
    /// Why; `cancelled` and `failed` want one.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Field<String>,
}

/// `ProgressConsultation`: the assigned salesman or staff move it; its customer may cancel it.
#[utoipa::path(
    post, path = "/consultations/{id}/progress", tag = "consultation", request_body = ProgressConsultation,
    params(
        ("id" = Uuid, Path),
        ("If-Match" = String, Header, description = "The version that is meant, as its ETag"),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again, the same answer comes again"),
    ),
    responses((status = 200, body = WholeConsultationView, description = "As it is now")),
    extensions(
        ("x-command" = json!("ProgressConsultation")),
        ("x-events" = json!(["ConsultationProgressed"])),
        ("x-problems" = json!(["consultation-closed", "step-not-allowed", "not-matched-yet"])),
    ),
)]
pub(super) async fn progress(
    State(context): State<Context>,
    who: Identity,
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
        .optional_text("/reason", body.reason, LONGEST_REASON)
        .filter(|reason| !reason.is_empty());
    let (Some(to), true) = (step, fields.is_valid()) else {
        return Err(fields.problem());
    };
    if !moves_to(who.role, to) {
        return Err(Problem::forbidden());
    }
    changed(
        &context,
        &who,
        id,
        if_match,
        Command::Progress { to, reason },
        idempotency_key.as_ref(),
    )
    .await
}

async fn changed(
    context: &Context,
    who: &Identity,
    id: ConsultationId,
    if_match: IfMatch,
    command: Command,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Versioned<WholeConsultationView>, Problem> {
    let mut tx = context.db.begin().await?;
    let today = seoul_date(tx.now());
    if idempotency::find(&mut tx, who.subject, idempotency_key)
        .await?
        .is_some()
    {
        let stored = seen_by(&mut tx, who, id).await?;
        return shown(&mut tx, who, today, StatusCode::OK, stored).await;
    }
    let may = |it: &Consultation| match it.version {
        _ if !sees(who, it) => Err(ChangeError::NotFound),
        current if !if_match.allows(current) => Err(ChangeError::Stale { current }),
        _ => Ok(()),
    };
    let cause = Cause::command(&tx, who.actor());
    store::change(&mut tx, id, may, command, cause).await?;
    idempotency::store(&mut tx, who.subject, idempotency_key, StatusCode::OK, id.0).await?;
    let stored = seen_by(&mut tx, who, id).await?;
    let answer = shown(&mut tx, who, today, StatusCode::OK, stored).await?;
    tx.commit().await?;
    Ok(answer)
}
