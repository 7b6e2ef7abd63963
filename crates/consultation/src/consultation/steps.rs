//! From step to step.

use events::{Actor, ConsultationProgressed, Step};

use super::{Change, Consultation, Refusal};

impl Consultation {
    /// `ProgressConsultation`.
    pub(super) fn progress(
        &self,
        to: Step,
        reason: Option<String>,
        actor: Actor,
    ) -> Result<Option<Change>, Refusal> {
        let from = self.step;
        match (from, to) {
            (from, to) if from == to => return Ok(None),
            (from, _) if from.is_closed() => return Err(Refusal::Closed(from)),
            (Step::Apply, Step::Approved | Step::Cancelled)
            | (Step::Approved, Step::Succeeded | Step::Failed | Step::Cancelled) => {}
            (from, to) => return Err(Refusal::NoSuchWay { from, to }),
        }
        if to != Step::Cancelled && self.salesman.is_none() {
            return Err(Refusal::NobodyOnIt);
        }
        if matches!(to, Step::Cancelled | Step::Failed) && reason.is_none() {
            return Err(Refusal::ReasonMissing(to));
        }
        Ok(Some(Change::Progressed {
            event: self.progressed(to, actor),
            reason,
        }))
    }

    /// `EraseCustomer`: whoever is forgotten waits for nobody. No reason: it would be forgotten with everything else that was said.
    pub(super) fn cancel_for_good(&self, actor: Actor) -> Option<Change> {
        let event = self.progressed(Step::Cancelled, actor);
        (!self.step.is_closed()).then_some(Change::Progressed {
            event,
            reason: None,
        })
    }

    fn progressed(&self, to: Step, actor: Actor) -> ConsultationProgressed {
        ConsultationProgressed {
            consultation_id: self.id,
            project_id: self.project_id,
            customer: self.customer(),
            from: self.step,
            to,
            salesman_id: self.salesman.as_ref().map(|person| person.id),
            consultant_id: self.consultant.as_ref().map(|person| person.id),
            actor,
        }
    }

    /// The steps it can go to from here, legal for whoever may move it.
    pub fn next_steps(&self) -> &'static [Step] {
        match self.step {
            Step::Apply if self.salesman.is_none() => &[Step::Cancelled],
            Step::Apply => &[Step::Approved, Step::Cancelled],
            Step::Approved => &[Step::Succeeded, Step::Failed, Step::Cancelled],
            Step::Succeeded | Step::Failed | Step::Cancelled => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Command;
    use super::super::tests::{STAFF, a_person, after, matched, requested, to};
    use super::*;

    #[test]
    fn every_way_that_is_not_drawn_is_refused() {
        let drawn = [
            (Step::Apply, Step::Approved),
            (Step::Apply, Step::Cancelled),
            (Step::Approved, Step::Succeeded),
            (Step::Approved, Step::Failed),
            (Step::Approved, Step::Cancelled),
        ];
        for from in Step::ALL {
            for step in Step::ALL {
                let it = Consultation {
                    step: from,
                    ..matched()
                };
                match it.handle(to(step), STAFF) {
                    Ok(Some(_)) => assert!(drawn.contains(&(from, step)), "{from} → {step}"),
                    Ok(None) => assert_eq!(from, step),
                    Err(Refusal::Closed(_)) => assert!(from.is_closed()),
                    Err(Refusal::NoSuchWay { .. }) => {
                        assert!(!drawn.contains(&(from, step)) && !from.is_closed());
                    }
                    Err(other) => panic!("{from} → {step}: {other}"),
                }
            }
        }
    }

    #[test]
    fn the_next_steps_are_exactly_those_that_are_not_refused() {
        for it in Step::ALL.into_iter().flat_map(|step| {
            [
                Consultation { step, ..matched() },
                Consultation {
                    step,
                    ..requested()
                },
            ]
        }) {
            for step in Step::ALL {
                let goes = matches!(it.handle(to(step), STAFF), Ok(Some(_)));
                if it.salesman.is_some() || it.step == Step::Apply {
                    assert_eq!(
                        goes,
                        it.next_steps().contains(&step),
                        "{} → {step}",
                        it.step
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_is_approved_while_nobody_is_on_it_but_it_can_be_cancelled() {
        assert_eq!(
            requested().handle(to(Step::Approved), STAFF),
            Err(Refusal::NobodyOnIt)
        );
        assert_eq!(
            after(requested(), to(Step::Cancelled)).step,
            Step::Cancelled
        );
    }

    #[test]
    fn cancelling_and_failing_want_a_reason() {
        let approved = after(matched(), to(Step::Approved));
        for step in [Step::Cancelled, Step::Failed] {
            let silent = Command::Progress {
                to: step,
                reason: None,
            };
            assert_eq!(
                approved.handle(silent, STAFF),
                Err(Refusal::ReasonMissing(step))
            );
        }
    }

    #[test]
    fn progress_names_the_salesman_of_that_moment() {
        let Ok(Some(Change::Progressed { event, .. })) =
            matched().handle(to(Step::Approved), STAFF)
        else {
            panic!("it was not approved");
        };
        assert_eq!(event.salesman_id, Some(a_person(7).id));
    }
}
