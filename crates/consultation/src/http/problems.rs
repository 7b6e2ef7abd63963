//! Refusals as problems.

use events::{ProjectStatus, Step};
use service_kit::Problem;
use service_kit::forms::project_ref;
use service_kit::http::Fields;
use service_kit::http::problem::Text;

use crate::consultation::{MAX_YEAR, Refusal};

/// One example of each problem of this service.
pub(crate) fn problems() -> Vec<Problem> {
    vec![
        Refusal::Closed(Step::Cancelled).into(),
        Refusal::NotEditable(Step::Approved).into(),
        Refusal::StepNotAllowed {
            from: Step::Apply,
            to: Step::Succeeded,
        }
        .into(),
        Refusal::NotMatched.into(),
        Refusal::Erased.into(),
        Refusal::ProjectEnded.into(),
        Refusal::TooManyOpen { limit: 5 }.into(),
        Refusal::AlreadyRequested.into(),
        project_ref::ambiguous_example(),
    ]
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (slug, ko, en, step) = match refusal {
            Refusal::DateInPast | Refusal::DateTooLate | Refusal::MissingReason(_) => {
                let mut fields = Fields::default();
                add_to_fields(&mut fields, &refusal);
                return fields.problem();
            }
            Refusal::Closed(step) => (
                "consultation-closed",
                "이미 끝난 상담입니다",
                "This consultation is closed",
                Some(step),
            ),
            Refusal::NotEditable(step) => (
                "consultation-not-editable",
                "신청 상태에서만 고칠 수 있습니다",
                "A consultation can be edited in step apply only",
                Some(step),
            ),
            Refusal::StepNotAllowed { from, .. } => (
                "step-not-allowed",
                "지금 단계에서는 할 수 없습니다",
                "The consultation cannot move from its current step to this one",
                Some(from),
            ),
            Refusal::NotMatched => (
                "not-matched-yet",
                "아직 영업대표를 배정하고 있습니다",
                "No salesman is assigned yet: try again later",
                Some(Step::Apply),
            ),
            Refusal::Erased => (
                "consultation-erased",
                "고객의 요청으로 개인정보가 삭제된 상담입니다",
                "The personal data of this consultation was erased at the customer's request",
                None,
            ),
            Refusal::ProjectEnded => {
                return Self::conflict(
                    "project-ended",
                    Text::new(
                        "이미 끝난 지원사업이고 다음 회차가 아직 없습니다. 다음 회차가 등록되면 신청해 주세요",
                        "This project has ended and no next edition is known yet: ask for that one",
                    ),
                )
                .with("projectStatus", ProjectStatus::Ended.as_str());
            }
            Refusal::TooManyOpen { limit } => {
                return Self::conflict(
                    "too-many-consultations",
                    Text::new(
                        format!(
                            "진행 중인 상담은 {limit}건까지 신청할 수 있습니다. 끝나거나 취소한 뒤에 신청해 주세요"
                        ),
                        format!(
                            "At most {limit} consultations can be open: wait for one to end, or cancel one"
                        ),
                    ),
                )
                .with("limit", limit);
            }
            Refusal::AlreadyRequested => (
                "already-requested",
                "이 고객은 이 지원사업의 상담을 이미 신청했습니다",
                "This customer has an open consultation about this programme already",
                None,
            ),
        };
        let problem = Self::conflict(slug, Text::new(ko, en));
        match step {
            Some(step) => problem.with("step", step.as_str()),
            None => problem,
        }
    }
}

/// Adds a refusal of one field to the other invalid fields. Refusals because of the state are not
/// added.
pub(super) fn add_to_fields(fields: &mut Fields, refusal: &Refusal) {
    let (pointer, code, message) = match refusal {
        Refusal::DateInPast => (
            "/desiredDate",
            "in-the-past",
            Text::new(
                "지난 날짜는 고를 수 없습니다",
                "This date is in the past: choose today or a later day",
            ),
        ),
        Refusal::DateTooLate => (
            "/desiredDate",
            "too-late",
            Text::new(
                format!("{MAX_YEAR}년까지의 날짜를 골라 주세요"),
                format!("Choose a date up to the year {MAX_YEAR}"),
            ),
        ),
        Refusal::MissingReason(_) => (
            "/reason",
            "required",
            Text::new("사유를 적어 주세요", "Enter a reason"),
        ),
        Refusal::Closed(_)
        | Refusal::NotEditable(_)
        | Refusal::StepNotAllowed { .. }
        | Refusal::NotMatched
        | Refusal::Erased
        | Refusal::ProjectEnded
        | Refusal::TooManyOpen { .. }
        | Refusal::AlreadyRequested => return,
    };
    fields.refuse(pointer, code, message);
}
