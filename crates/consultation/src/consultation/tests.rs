use uuid::Uuid;

use super::*;

const STAFF: Actor = Actor::System;

fn today() -> NaiveDate {
    "2026-11-23".parse().unwrap()
}

fn new_consultation() -> NewConsultation {
    NewConsultation {
        id: ConsultationId(Uuid::from_u128(1)),
        project_id: ProjectId(Uuid::from_u128(2)),
        asked_project_id: None,
        project_name: "스마트상점".to_owned(),
        known_name: Some("스마트상점".to_owned()),
        customer_id: CustomerId(Uuid::from_u128(3)),
        phone: "010-1234-5678".parse().unwrap(),
        customer_name: None,
        consent: None,
        desired_on: today(),
        memo: "오전에 연락 주세요".to_owned(),
    }
}

fn person(id: u128) -> PersonRef {
    PersonRef {
        id: SalesmanId(Uuid::from_u128(id)),
        display_name: "김영업".to_owned(),
    }
}

fn requested() -> Consultation {
    Consultation::create(new_consultation(), today(), STAFF)
        .unwrap()
        .0
}

fn after(mut consultation: Consultation, command: Command) -> Consultation {
    if let Some(change) = consultation.handle(command, STAFF).unwrap() {
        consultation.apply(&change);
    }
    consultation
}

fn assign(salesman: u128) -> Command {
    Command::EditSalesman {
        salesman: Some(person(salesman)),
        consultant: None,
    }
}

fn matched() -> Consultation {
    after(requested(), assign(7))
}

fn move_to(step: Step) -> Command {
    Command::Progress {
        to: step,
        reason: Some("고객 요청".to_owned()),
    }
}

/// A consultation in each step, with and without a salesman.
fn in_every_step() -> impl Iterator<Item = Consultation> {
    Step::ALL.into_iter().flat_map(|step| {
        [matched(), requested()].map(|consultation| Consultation {
            step,
            ..consultation
        })
    })
}

#[test]
fn request_for_yesterday_is_refused() {
    let new = NewConsultation {
        desired_on: today().pred_opt().unwrap(),
        ..new_consultation()
    };
    assert_eq!(
        Consultation::create(new, today(), STAFF),
        Err(Refusal::DateInPast)
    );
}

#[test]
fn name_of_unknown_project_is_not_in_the_event() {
    let new = NewConsultation {
        known_name: None,
        ..new_consultation()
    };
    let (consultation, event) = Consultation::create(new, today(), STAFF).unwrap();
    assert_eq!(
        (consultation.project_name.as_str(), event.project_name),
        ("스마트상점", None)
    );
}

#[test]
fn edit_is_possible_in_step_apply_only() {
    let edit = Command::Edit {
        desired_on: None,
        memo: Some("오후에".to_owned()),
        today: today(),
    };
    assert_eq!(after(matched(), edit.clone()).memo, "오후에");
    let approved = after(matched(), move_to(Step::Approved));
    assert_eq!(
        approved.handle(edit, STAFF),
        Err(Refusal::NotEditable(Step::Approved))
    );
}

#[test]
fn past_date_may_stay_but_not_be_chosen() {
    let tomorrow = today().succ_opt().unwrap();
    let memo = Command::Edit {
        desired_on: Some(today()),
        memo: Some("x".to_owned()),
        today: tomorrow,
    };
    assert!(requested().handle(memo, STAFF).is_ok());
    let back = Command::Edit {
        desired_on: today().pred_opt(),
        memo: None,
        today: today(),
    };
    assert_eq!(requested().handle(back, STAFF), Err(Refusal::DateInPast));
}

#[test]
fn edit_without_difference_changes_nothing() {
    let same = Command::Edit {
        desired_on: Some(today()),
        memo: None,
        today: today(),
    };
    assert_eq!(requested().handle(same, STAFF), Ok(None));
}

#[test]
fn match_after_the_end_changes_nothing() {
    let cancelled = after(requested(), move_to(Step::Cancelled));
    assert_eq!(cancelled.handle(assign(7), STAFF), Ok(None));
}

#[test]
fn erasure_cancels_open_consultations_and_changes_nothing_else() {
    for consultation in in_every_step() {
        let (step, is_closed) = (consultation.step, consultation.step.is_closed());
        let people = (
            consultation.salesman.clone(),
            consultation.consultant.clone(),
        );
        let erased = after(consultation, Command::Erase);
        assert_eq!(erased.step, if is_closed { step } else { Step::Cancelled });
        assert_eq!(
            (erased.reason, erased.version),
            (None, if is_closed { 1 } else { 2 })
        );
        assert_eq!((erased.salesman, erased.consultant), people);
    }
}

#[test]
fn note_on_erased_consultation_is_refused() {
    let erased = Consultation {
        phone: None,
        step: Step::Cancelled,
        ..matched()
    };
    assert_eq!(
        (erased.check_note(), requested().check_note()),
        (Err(Refusal::Erased), Ok(()))
    );
    assert_eq!(erased.handle(assign(8), STAFF), Ok(None));
    assert_eq!(erased.handle(Command::Erase, STAFF), Ok(None));
}

#[test]
fn repeated_match_changes_nothing() {
    let consultation = matched();
    assert_eq!(consultation.version, 1);
    assert_eq!(consultation.handle(assign(7), STAFF), Ok(None));
}

#[test]
fn transitions_outside_of_the_diagram_are_refused() {
    let allowed = [
        (Step::Apply, Step::Approved),
        (Step::Apply, Step::Cancelled),
        (Step::Approved, Step::Succeeded),
        (Step::Approved, Step::Failed),
        (Step::Approved, Step::Cancelled),
    ];
    for from in Step::ALL {
        for step in Step::ALL {
            let consultation = Consultation {
                step: from,
                ..matched()
            };
            match consultation.handle(move_to(step), STAFF) {
                Ok(Some(_)) => assert!(allowed.contains(&(from, step)), "{from} → {step}"),
                Ok(None) => assert_eq!(from, step),
                Err(Refusal::Closed(_)) => assert!(from.is_closed()),
                Err(Refusal::StepNotAllowed { .. }) => {
                    assert!(!allowed.contains(&(from, step)) && !from.is_closed());
                }
                Err(other) => panic!("{from} → {step}: {other}"),
            }
        }
    }
}

#[test]
fn next_steps_are_those_that_are_not_refused() {
    for consultation in in_every_step() {
        let from = consultation.step;
        for step in Step::ALL {
            let is_possible = matches!(consultation.handle(move_to(step), STAFF), Ok(Some(_)));
            let is_next = consultation.next_steps().any(|next| next == step);
            assert_eq!(is_possible, is_next, "{from} → {step}");
        }
    }
}

#[test]
fn unmatched_consultation_can_be_cancelled_but_not_approved() {
    assert_eq!(
        requested().handle(move_to(Step::Approved), STAFF),
        Err(Refusal::NotMatched)
    );
    assert_eq!(
        after(requested(), move_to(Step::Cancelled)).step,
        Step::Cancelled
    );
}

#[test]
fn cancelling_and_failing_require_a_reason() {
    let approved = after(matched(), move_to(Step::Approved));
    for step in [Step::Cancelled, Step::Failed] {
        let silent = Command::Progress {
            to: step,
            reason: None,
        };
        assert_eq!(
            approved.handle(silent, STAFF),
            Err(Refusal::MissingReason(step))
        );
    }
}

#[test]
fn progress_event_names_the_current_salesman() {
    let Ok(Some(Change::Progressed { event, .. })) =
        matched().handle(move_to(Step::Approved), STAFF)
    else {
        panic!("the consultation was not approved");
    };
    assert_eq!(event.salesman_id, Some(person(7).id));
}
