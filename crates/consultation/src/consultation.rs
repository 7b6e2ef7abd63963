//! The consultation aggregate: all rules, without I/O, clock or id generation.

use chrono::{Datelike as _, NaiveDate};
use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed,
    CustomerId, CustomerRef, PersonRef, ProjectId, SalesmanId, Step,
};
use service_kit::forms::on_behalf_of::Consent;
use service_kit::forms::phone::Phone;

/// The variable with the number of open consultations that a customer may have.
pub const MAX_OPEN_CONSULTATIONS: &str = "MAX_OPEN_CONSULTATIONS";

/// Maximum length of a memo, in characters.
pub const MAX_MEMO_LENGTH: usize = 2000;

/// Maximum length of a reason, in characters.
pub const MAX_REASON_LENGTH: usize = 500;

/// Last year that a desired date may be in. A later one is a typing error, and some JSON readers
/// cannot parse dates after the year 9999.
pub const MAX_YEAR: i32 = 2100;

/// The state of one consultation. Phone, customer name, memo and reason are in no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consultation {
    pub id: ConsultationId,
    pub project_id: ProjectId,
    /// The ended edition that was asked for, if the consultation is about its successor.
    pub asked_project_id: Option<ProjectId>,
    /// The name that was sent with the request or, if none was sent, the name of the projection
    /// at that time. Empty after erasure.
    pub project_name: String,
    pub customer_id: CustomerId,
    /// `None` after erasure.
    pub phone: Option<Phone>,
    pub customer_name: Option<String>,
    /// Present if a colleague entered the consultation on behalf of the customer.
    pub consent: Option<Consent>,
    /// The desired day in Seoul.
    pub desired_on: NaiveDate,
    pub memo: String,
    pub step: Step,
    /// Why it was cancelled or failed.
    pub reason: Option<String>,
    /// `None` until matched, and while another is sought for one who left. The display names are
    /// those of the match.
    pub salesman: Option<PersonRef>,
    pub consultant: Option<PersonRef>,
    /// The number of its events.
    pub version: i64,
}

/// What a consultation is created from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsultation {
    pub id: ConsultationId,
    pub project_id: ProjectId,
    pub asked_project_id: Option<ProjectId>,
    /// See [`Consultation::project_name`].
    pub project_name: String,
    /// The name of the projection, if the project is known.
    pub known_name: Option<String>,
    pub customer_id: CustomerId,
    pub phone: Phone,
    pub customer_name: Option<String>,
    pub consent: Option<Consent>,
    pub desired_on: NaiveDate,
    pub memo: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `EditConsultation`: the customer changes date or memo. `None` means unchanged.
    Edit {
        desired_on: Option<NaiveDate>,
        memo: Option<String>,
        /// Today in Seoul.
        today: NaiveDate,
    },
    /// `ProgressConsultation`: move to another step.
    Progress { to: Step, reason: Option<String> },
    /// `EditSalesman`: people were matched, or left. `None` while a place waits.
    EditSalesman {
        salesman: Option<PersonRef>,
        consultant: Option<PersonRef>,
    },
    /// `EraseCustomer`: cancel without a reason.
    Erase,
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the desired date is in the past")]
    DateInPast,
    #[error("the desired date is after the year {MAX_YEAR}")]
    DateTooLate,
    /// A closed consultation never changes its step again.
    #[error("the consultation is closed ({0})")]
    Closed(Step),
    /// Date and memo can change in step `apply` only.
    #[error("a consultation in step {0} cannot be edited")]
    NotEditable(Step),
    #[error("no transition leads from {from} to {to}")]
    StepNotAllowed { from: Step, to: Step },
    /// Every step except `cancelled` needs a salesman.
    #[error("no salesman is assigned yet")]
    NotMatched,
    #[error("{0} requires a reason")]
    MissingReason(Step),
    #[error("the customer of the consultation was erased")]
    Erased,
    /// The programme has no later edition that has not ended.
    #[error("the project has ended")]
    ProjectEnded,
    /// The customer has as many open consultations as allowed.
    #[error("the customer has {limit} open consultations")]
    TooManyOpen { limit: u32 },
    /// The customer has an open consultation about the programme, which the caller may not see.
    #[error("the customer has an open consultation about the programme")]
    AlreadyRequested,
}

/// The decision of a command: the event, and the state that no event contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Edited {
        event: ConsultationEdited,
        memo: String,
    },
    Progressed {
        event: ConsultationProgressed,
        reason: Option<String>,
    },
    /// Without an event: that of the match was published already.
    Assigned {
        salesman: Option<PersonRef>,
        consultant: Option<PersonRef>,
    },
}

/// Checks a desired date. Weekends and holidays are allowed.
///
/// # Errors
/// [`Refusal::DateInPast`], [`Refusal::DateTooLate`].
pub fn check_date(desired_on: NaiveDate, today: NaiveDate) -> Result<(), Refusal> {
    if desired_on < today {
        Err(Refusal::DateInPast)
    } else if desired_on.year() > MAX_YEAR {
        Err(Refusal::DateTooLate)
    } else {
        Ok(())
    }
}

/// Checks the number of a customer's open consultations before one more is created, so that one
/// customer does not take all salesmen. It is the same for every caller except staff.
///
/// # Errors
/// [`Refusal::TooManyOpen`].
pub fn check_open_count(open: i64, limit: u32, actor: Actor) -> Result<(), Refusal> {
    if open < i64::from(limit) || matches!(actor, Actor::Staff(_)) {
        Ok(())
    } else {
        Err(Refusal::TooManyOpen { limit })
    }
}

/// The steps that can follow a step. All but `cancelled` also need a salesman, which is checked
/// elsewhere.
const fn transitions(from: Step) -> &'static [Step] {
    match from {
        Step::Apply => &[Step::Approved, Step::Cancelled],
        Step::Approved => &[Step::Succeeded, Step::Failed, Step::Cancelled],
        Step::Succeeded | Step::Failed | Step::Cancelled => &[],
    }
}

impl Consultation {
    /// `CreateConsultation`: the new consultation and its first event. A request is possible
    /// whether or not the project is known.
    ///
    /// # Errors
    /// [`Refusal::DateInPast`], [`Refusal::DateTooLate`].
    pub fn create(
        new: NewConsultation,
        today: NaiveDate,
        actor: Actor,
    ) -> Result<(Self, ConsultationCreated), Refusal> {
        check_date(new.desired_on, today)?;
        let consultation = Self {
            id: new.id,
            project_id: new.project_id,
            asked_project_id: new.asked_project_id,
            project_name: new.project_name,
            customer_id: new.customer_id,
            phone: Some(new.phone),
            customer_name: new.customer_name,
            consent: new.consent,
            desired_on: new.desired_on,
            memo: new.memo,
            step: Step::Apply,
            reason: None,
            salesman: None,
            consultant: None,
            version: 1,
        };
        let event = ConsultationCreated {
            consultation_id: consultation.id,
            project_id: consultation.project_id,
            project_name: new.known_name,
            customer: consultation.customer(),
            desired_on: consultation.desired_on,
            actor,
        };
        Ok((consultation, event))
    }

    /// Decides what a command does. Pure; `Ok(None)` means that nothing has to change.
    ///
    /// # Errors
    /// The reason for refusing the command.
    pub fn handle(&self, command: Command, actor: Actor) -> Result<Option<Change>, Refusal> {
        match command {
            Command::Edit {
                desired_on,
                memo,
                today,
            } => self.edit(desired_on, memo, today, actor),
            Command::Progress { to, reason } => self.progress(to, reason, actor),
            Command::EditSalesman {
                salesman,
                consultant,
            } => {
                // A match that arrives after the end has no effect. Nor has one that only changes
                // display names: they belong to the salesman service.
                let is_assigned = self.salesman_id() == salesman.as_ref().map(|person| person.id)
                    && self.consultant_id() == consultant.as_ref().map(|person| person.id);
                let is_change = !self.step.is_closed() && !is_assigned;
                Ok(is_change.then_some(Change::Assigned {
                    salesman,
                    consultant,
                }))
            }
            Command::Erase if self.step.is_closed() => Ok(None),
            Command::Erase => Ok(Some(self.progressed(Step::Cancelled, None, actor))),
        }
    }

    /// Applies a decided change. Only a change with an event increments the version.
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
            Change::Assigned {
                salesman,
                consultant,
            } => {
                self.salesman.clone_from(salesman);
                self.consultant.clone_from(consultant);
            }
        }
    }

    /// Whether a note may be added, in any step.
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

    /// Whether the customer was erased.
    pub const fn is_erased(&self) -> bool {
        self.phone.is_none()
    }

    /// The steps that a `Progress` command can lead to.
    pub fn next_steps(&self) -> impl Iterator<Item = Step> {
        let is_matched = self.salesman.is_some();
        transitions(self.step)
            .iter()
            .copied()
            .filter(move |to| is_matched || *to == Step::Cancelled)
    }

    /// The state right after the request, with the given day and memo. A colleague who entered the
    /// consultation and is not assigned may see no more than this.
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

    /// The salesman and the consultant.
    pub fn assignees(&self) -> impl Iterator<Item = &PersonRef> {
        self.salesman.iter().chain(&self.consultant)
    }

    fn salesman_id(&self) -> Option<SalesmanId> {
        self.salesman.as_ref().map(|person| person.id)
    }

    fn consultant_id(&self) -> Option<SalesmanId> {
        self.consultant.as_ref().map(|person| person.id)
    }

    fn customer(&self) -> CustomerRef {
        let last_four = self.phone.as_ref().map(Phone::last_four);
        CustomerRef {
            customer_id: self.customer_id,
            // No event follows the erasure of the phone.
            last_four: last_four.unwrap_or_default(),
        }
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
        let desired_on = desired_on.unwrap_or(self.desired_on);
        let memo = memo.unwrap_or_else(|| self.memo.clone());
        let (date_changed, memo_changed) = (desired_on != self.desired_on, memo != self.memo);
        // A stored date that has passed since may remain while the memo changes.
        if date_changed {
            check_date(desired_on, today)?;
        }
        let event = ConsultationEdited {
            consultation_id: self.id,
            project_id: self.project_id,
            customer: self.customer(),
            desired_on,
            memo_changed,
            salesman_id: self.salesman_id(),
            consultant_id: self.consultant_id(),
            actor,
        };
        Ok((date_changed || memo_changed).then_some(Change::Edited { event, memo }))
    }

    fn progress(
        &self,
        to: Step,
        reason: Option<String>,
        actor: Actor,
    ) -> Result<Option<Change>, Refusal> {
        let from = self.step;
        if from == to {
            return Ok(None);
        }
        if from.is_closed() {
            return Err(Refusal::Closed(from));
        }
        if !transitions(from).contains(&to) {
            return Err(Refusal::StepNotAllowed { from, to });
        }
        if to != Step::Cancelled && self.salesman.is_none() {
            return Err(Refusal::NotMatched);
        }
        if matches!(to, Step::Cancelled | Step::Failed) && reason.is_none() {
            return Err(Refusal::MissingReason(to));
        }
        Ok(Some(self.progressed(to, reason, actor)))
    }

    fn progressed(&self, to: Step, reason: Option<String>, actor: Actor) -> Change {
        let event = ConsultationProgressed {
            consultation_id: self.id,
            project_id: self.project_id,
            customer: self.customer(),
            from: self.step,
            to,
            salesman_id: self.salesman_id(),
            consultant_id: self.consultant_id(),
            actor,
        };
        Change::Progressed { event, reason }
    }
}

#[cfg(test)]
mod tests;
