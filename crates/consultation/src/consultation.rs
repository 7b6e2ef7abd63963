//! Every rule about consultations, and nothing else: no I/O, no clock, no ids made here.

mod steps;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed,
    CustomerId, CustomerRef, PersonRef, ProjectId, Step,
};
use service_kit::auth::{Identity, Role};
use service_kit::forms::phone::Phone;
use uuid::Uuid;

/// The longest memo, in characters.
pub const LONGEST_MEMO: usize = 2000;

/// The longest reason, in characters.
pub const LONGEST_REASON: usize = 500;

/// Somebody vouches that the customer agreed to what was entered for him.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// What he is: staff or a salesman.
    pub role: Role,
    /// His id.
    pub by: Uuid,
    /// Since when.
    pub at: DateTime<Utc>,
}

impl Consent {
    /// Who vouches.
    pub fn actor(&self) -> Actor {
        Identity {
            role: self.role,
            subject: self.by,
            phone: None,
        }
        .actor()
    }
}

/// One consultation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consultation {
    /// Its id.
    pub id: ConsultationId,
    /// What it is about.
    pub project_id: ProjectId,
    /// The project's name as it was asked for: the one that the page sent, or where it sent none, the one that this service was told.
    /// Nothing since its customer was forgotten.
    pub project_name: String,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// The customer's number; never in an event. `None` since he was forgotten.
    pub phone: Option<Phone>,
    /// The customer's name, where it was told; never in an event.
    pub customer_name: Option<String>,
    /// Where a colleague entered it: who recorded the customer's consent, and when.
    pub consent: Option<Consent>,
    /// The day the customer wishes for, in Seoul.
    pub desired_on: NaiveDate,
    /// What the customer wrote; never in an event.
    pub memo: String,
    /// Where it stands.
    pub step: Step,
    /// Why it was cancelled, or failed; never in an event.
    pub reason: Option<String>,
    /// Who is on it; nobody until matched.
    pub salesman: Option<PersonRef>,
    /// The consultant who is on it.
    pub consultant: Option<PersonRef>,
    /// How many events it has.
    pub version: i64,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The new consultation's id.
    pub id: ConsultationId,
    /// What it shall be about.
    pub project_id: ProjectId,
    /// The project's name as it is asked for.
    pub project_name: String,
    /// The name that the project service told, where it has.
    pub told_name: Option<String>,
    /// For whom.
    pub customer_id: CustomerId,
    /// His number.
    pub phone: Phone,
    /// His name, where it was told.
    pub customer_name: Option<String>,
    /// Where a colleague enters it: who records the customer's consent, and when.
    pub consent: Option<Consent>,
    /// The day he wishes for.
    pub desired_on: NaiveDate,
    /// What he wrote.
    pub memo: String,
}

/// What can be done to a consultation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `EditConsultation`: its customer changes date or memo, while nobody has approved it.
    Edit {
        /// The new day; `None` leaves it.
        desired_on: Option<NaiveDate>,
        /// The new memo; `None` leaves it.
        memo: Option<String>,
        /// Today in Seoul.
        today: NaiveDate,
    },
    /// `ProgressConsultation`.
    Progress {
        /// Where to.
        to: Step,
        /// Why; cancelled and failed want one.
        reason: Option<String>,
    },
    /// `EditSalesman`: a match came.
    EditSalesman {
        /// Who is on it now.
        salesman: PersonRef,
        /// The consultant, where one was free.
        consultant: Option<PersonRef>,
    },
    /// `EraseCustomer`: its customer wants to be forgotten.
    Erase,
}

/// Why a command is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The desired day has passed already.
    #[error("the desired date lies in the past")]
    InThePast,
    /// A typing error.
    #[error("the desired date is later than the year {}", LAST_YEAR)]
    TooLate,
    /// Closed steps never change again.
    #[error("the consultation is closed ({0})")]
    Closed(Step),
    /// Its date and memo can be edited while it is `apply` only.
    #[error("a consultation can be edited while it is apply, and this is {0}")]
    NotEditable(Step),
    /// There is no such way.
    #[error("there is no way from {from} to {to}")]
    NoSuchWay {
        /// Where it is.
        from: Step,
        /// Where it should have gone.
        to: Step,
    },
    /// Approve, succeed and fail need a salesman.
    #[error("nobody is on the consultation yet")]
    NobodyOnIt,
    /// Cancelled and failed want a reason.
    #[error("{0} wants a reason")]
    ReasonMissing(Step),
    /// Nobody writes about whoever wanted to be forgotten.
    #[error("the consultation was erased at its customer's wish")]
    Erased,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Date or memo.
    Edited {
        /// What is told.
        event: ConsultationEdited,
        /// What is not.
        memo: String,
    },
    /// Another step.
    Progressed {
        /// What is told.
        event: ConsultationProgressed,
        /// What is not.
        reason: Option<String>,
    },
    /// Other people. No event of this service: [`events::SalesmanMatched`] has told it.
    SalesmanStored {
        /// The salesman.
        salesman: PersonRef,
        /// The consultant.
        consultant: Option<PersonRef>,
    },
}

/// Dates beyond this year are typing errors, and beyond 9999 not even every reader of JSON can read them.
pub const LAST_YEAR: i32 = 2100;

/// Whether somebody can wish for that day. Weekends and holidays are allowed.
///
/// # Errors
/// [`Refusal::InThePast`], [`Refusal::TooLate`].
pub fn check_date(desired_on: NaiveDate, today: NaiveDate) -> Result<(), Refusal> {
    if desired_on < today {
        Err(Refusal::InThePast)
    } else if desired_on.year() > LAST_YEAR {
        Err(Refusal::TooLate)
    } else {
        Ok(())
    }
}

impl Consultation {
    /// `CreateConsultation`: the new consultation, and what is told of it. It can always be requested, whoever or whatever is away.
    ///
    /// # Errors
    /// [`Refusal::InThePast`], [`Refusal::TooLate`].
    pub fn create(
        request: Request,
        today: NaiveDate,
        actor: Actor,
    ) -> Result<(Self, ConsultationCreated), Refusal> {
        check_date(request.desired_on, today)?;
        let it = Self {
            id: request.id,
            project_id: request.project_id,
            project_name: request.project_name,
            customer_id: request.customer_id,
            phone: Some(request.phone),
            customer_name: request.customer_name,
            consent: request.consent,
            desired_on: request.desired_on,
            memo: request.memo,
            step: Step::Apply,
            reason: None,
            salesman: None,
            consultant: None,
            version: 1,
        };
        let event = ConsultationCreated {
            consultation_id: it.id,
            project_id: it.project_id,
            project_name: request.told_name,
            customer: it.customer(),
            desired_on: it.desired_on,
            actor,
        };
        Ok((it, event))
    }

    /// Decides what a command means here. Pure; `Ok(None)` is "already so".
    ///
    /// # Errors
    /// The obstacle.
    pub fn handle(&self, command: Command, actor: Actor) -> Result<Option<Change>, Refusal> {
        match command {
            // It was closed before the match came: nothing to do, and no error.
            Command::EditSalesman { .. } if self.step.is_closed() => Ok(None),
            Command::EditSalesman {
                salesman,
                consultant,
            } => {
                // By what names they are shown is the salesman service's to tell.
                let ids = |one: Option<&PersonRef>, other: Option<&PersonRef>| {
                    (one.map(|it| it.id), other.map(|it| it.id))
                };
                let is_so = ids(self.salesman.as_ref(), self.consultant.as_ref())
                    == ids(Some(&salesman), consultant.as_ref());
                Ok((!is_so).then_some(Change::SalesmanStored {
                    salesman,
                    consultant,
                }))
            }
            Command::Edit {
                desired_on,
                memo,
                today,
            } => self.edit(desired_on, memo, today, actor),
            Command::Progress { to, reason } => self.progress(to, reason, actor),
            Command::Erase => Ok(self.cancel_for_good(actor)),
        }
    }

    /// Whether a colleague may note something about it, also when it is closed.
    ///
    /// # Errors
    /// [`Refusal::Erased`].
    pub fn check_note(&self) -> Result<(), Refusal> {
        if self.is_erased() {
            Err(Refusal::Erased)
        } else {
            Ok(())
        }
    }

    /// Whether its customer was forgotten: then it is nobody's, and says nothing of him.
    pub const fn is_erased(&self) -> bool {
        self.phone.is_none()
    }

    fn edit(
        &self,
        desired_on: Option<NaiveDate>,
        memo: Option<String>,
        today: NaiveDate,
        actor: Actor,
    ) -> Result<Option<Change>, Refusal> {
        if self.step != Step::Apply {
            return Err(Refusal::NotEditable(self.step));
        }
        let (desired_on, memo) = (
            desired_on.unwrap_or(self.desired_on),
            memo.unwrap_or_else(|| self.memo.clone()),
        );
        let (date_changed, memo_changed) = (desired_on != self.desired_on, memo != self.memo);
        // A date that has passed since it was chosen may stay while the memo changes.
        if date_changed {
            check_date(desired_on, today)?;
        }
        let event = ConsultationEdited {
            consultation_id: self.id,
            project_id: self.project_id,
            customer: self.customer(),
            desired_on,
            memo_changed,
            salesman_id: self.salesman.as_ref().map(|person| person.id),
            consultant_id: self.consultant.as_ref().map(|person| person.id),
            actor,
        };
        Ok((date_changed || memo_changed).then_some(Change::Edited { event, memo }))
    }

    /// Folds a decided change into the state. Cannot refuse. The version rises with an event, and only with one.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Edited { event, memo } => {
                self.desired_on = event.desired_on;
                self.memo.clone_from(memo);
                self.version += 1;
            }
            Change::Progressed { event, reason } => {
                self.step = event.to;
                self.reason.clone_from(reason);
                self.version += 1;
            }
            Change::SalesmanStored {
                salesman,
                consultant,
            } => {
                self.salesman = Some(salesman.clone());
                self.consultant.clone_from(consultant);
            }
        }
    }

    /// As it was when it was requested, with that day and memo: all that whoever entered it knows of it, whatever has happened since.
    #[must_use]
    pub fn into_requested(self, desired_on: NaiveDate, memo: String) -> Self {
        Self {
            desired_on,
            memo,
            step: Step::Apply,
            reason: None,
            salesman: None,
            consultant: None,
            version: 1,
            ..self
        }
    }

    /// Who is on it.
    pub fn people(&self) -> impl Iterator<Item = &PersonRef> {
        self.salesman.iter().chain(&self.consultant)
    }

    fn customer(&self) -> CustomerRef {
        // What is erased is closed, and nothing more is told of it.
        let last_four = self
            .phone
            .as_ref()
            .map(Phone::last_four)
            .unwrap_or_default();
        CustomerRef {
            customer_id: self.customer_id,
            last_four,
        }
    }
}

#[cfg(test)]
mod tests {
    use events::SalesmanId;

    use super::*;

    pub(super) const STAFF: Actor = Actor::System;

    fn today() -> NaiveDate {
        "2026-11-23".parse().unwrap()
    }

    fn a_request() -> Request {
        Request {
            id: ConsultationId(Uuid::from_u128(1)),
            project_id: ProjectId(Uuid::from_u128(2)),
            project_name: "스마트상점".to_owned(),
            told_name: Some("스마트상점".to_owned()),
            customer_id: CustomerId(Uuid::from_u128(3)),
            phone: "010-1234-5678".parse().unwrap(),
            customer_name: None,
            consent: None,
            desired_on: today(),
            memo: "오전에 연락 주세요".to_owned(),
        }
    }

    pub(super) fn a_person(id: u128) -> PersonRef {
        PersonRef {
            id: SalesmanId(Uuid::from_u128(id)),
            display_name: "김영업".to_owned(),
        }
    }

    pub(super) fn requested() -> Consultation {
        Consultation::create(a_request(), today(), STAFF).unwrap().0
    }

    pub(super) fn after(mut it: Consultation, command: Command) -> Consultation {
        if let Some(change) = it.handle(command, STAFF).unwrap() {
            it.apply(&change);
        }
        it
    }

    pub(super) fn matched() -> Consultation {
        after(
            requested(),
            Command::EditSalesman {
                salesman: a_person(7),
                consultant: None,
            },
        )
    }

    pub(super) fn to(step: Step) -> Command {
        Command::Progress {
            to: step,
            reason: Some("고객 요청".to_owned()),
        }
    }

    #[test]
    fn a_consultation_cannot_be_requested_for_yesterday() {
        let request = Request {
            desired_on: today().pred_opt().unwrap(),
            ..a_request()
        };
        assert_eq!(
            Consultation::create(request, today(), STAFF),
            Err(Refusal::InThePast)
        );
    }

    #[test]
    fn a_name_that_only_a_page_sent_is_in_no_event() {
        let request = Request {
            told_name: None,
            ..a_request()
        };
        let (it, event) = Consultation::create(request, today(), STAFF).unwrap();
        assert_eq!(
            (it.project_name.as_str(), event.project_name),
            ("스마트상점", None)
        );
    }

    #[test]
    fn it_is_edited_while_it_is_apply_only() {
        let edit = Command::Edit {
            desired_on: None,
            memo: Some("오후에".to_owned()),
            today: today(),
        };
        assert_eq!(after(matched(), edit.clone()).memo, "오후에");
        let approved = after(matched(), to(Step::Approved));
        assert_eq!(
            approved.handle(edit, STAFF),
            Err(Refusal::NotEditable(Step::Approved))
        );
    }

    #[test]
    fn a_date_that_has_passed_meanwhile_may_stay_but_not_be_chosen() {
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
        assert_eq!(requested().handle(back, STAFF), Err(Refusal::InThePast));
    }

    #[test]
    fn an_edit_that_changes_nothing_is_already_so() {
        let same = Command::Edit {
            desired_on: Some(today()),
            memo: None,
            today: today(),
        };
        assert_eq!(requested().handle(same, STAFF), Ok(None));
    }

    #[test]
    fn a_match_that_comes_after_the_end_changes_nothing_and_is_no_error() {
        let cancelled = after(requested(), to(Step::Cancelled));
        assert_eq!(
            cancelled.handle(
                Command::EditSalesman {
                    salesman: a_person(7),
                    consultant: None
                },
                STAFF
            ),
            Ok(None)
        );
    }

    #[test]
    fn whatever_is_open_is_cancelled_when_its_customer_is_forgotten_and_nothing_else_changes() {
        for it in Step::ALL.into_iter().flat_map(|step| {
            [
                Consultation { step, ..matched() },
                Consultation {
                    step,
                    ..requested()
                },
            ]
        }) {
            let (step, people, is_closed) = (
                it.step,
                (it.salesman.clone(), it.consultant.clone()),
                it.step.is_closed(),
            );
            let forgotten = after(it, Command::Erase);
            assert_eq!(
                forgotten.step,
                if is_closed { step } else { Step::Cancelled }
            );
            assert_eq!(
                (forgotten.reason, forgotten.version),
                (None, if is_closed { 1 } else { 2 })
            );
            assert_eq!((forgotten.salesman, forgotten.consultant), people);
        }
    }

    #[test]
    fn nobody_writes_about_whoever_is_forgotten_and_a_match_changes_nothing() {
        let it = Consultation {
            phone: None,
            step: Step::Cancelled,
            ..matched()
        };
        assert_eq!(
            (it.check_note(), requested().check_note()),
            (Err(Refusal::Erased), Ok(()))
        );
        assert_eq!(
            it.handle(
                Command::EditSalesman {
                    salesman: a_person(8),
                    consultant: None
                },
                STAFF
            ),
            Ok(None)
        );
        assert_eq!(it.handle(Command::Erase, STAFF), Ok(None));
    }

    #[test]
    fn a_match_that_comes_again_is_already_so_and_raises_no_version() {
        let it = matched();
        assert_eq!(it.version, 1);
        assert_eq!(
            it.handle(
                Command::EditSalesman {
                    salesman: a_person(7),
                    consultant: None
                },
                STAFF
            ),
            Ok(None)
        );
    }
}
