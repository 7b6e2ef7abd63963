//! The interest aggregate: every rule about interests, without I/O, clock or id generation.

use chrono::{DateTime, Utc};
use events::{
    Actor, CustomerId, CustomerRef, InterestCreated, InterestId, InterestUpdated, PersonRef,
    ProjectId, SeriesId,
};
use service_kit::forms::on_behalf_of::Consent;
use service_kit::forms::phone::Phone;

mod command;
#[cfg(test)]
mod tests;

pub use command::{Change, Command, Details, NewInterest, Refusal};

/// One customer's interest in one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    pub id: InterestId,
    /// `None` while the marked project is unknown.
    pub series_id: Option<SeriesId>,
    /// The edition that was marked first. It determines the series and never changes.
    pub marked_project_id: ProjectId,
    /// The newest edition of the series that has not ended, or the newest of all.
    pub project_id: ProjectId,
    pub project_name: String,
    pub customer_id: CustomerId,
    /// Never in an event. `None` once the customer was erased.
    pub phone: Option<Phone>,
    /// Never in an event.
    pub customer_name: Option<String>,
    pub interested: bool,
    /// When the interest was last turned on. The customer gets no notification of earlier events.
    pub on_since: DateTime<Utc>,
    /// The version of the event that last turned the interest on. A match answers this version.
    pub on_version: i64,
    pub salesman: Option<PersonRef>,
    pub consultant: Option<PersonRef>,
    /// Present if staff or a salesman created the interest or turned it on.
    pub consent: Option<Consent>,
    /// The older interest of the same customer in the same series that replaced this one.
    /// A merged interest is off permanently.
    pub merged_into: Option<InterestId>,
    /// When the customer was erased. An erased interest is off permanently.
    pub erased_at: Option<DateTime<Utc>>,
    /// The number of events.
    pub version: i64,
}

impl Interest {
    /// `CreateInterest`: the new interest and its first event.
    pub fn create(new: NewInterest, actor: Actor) -> (Self, InterestCreated) {
        let interest = Self {
            id: new.id,
            series_id: new.series_id,
            marked_project_id: new.marked_project_id,
            project_id: new.project_id,
            project_name: new.project_name,
            customer_id: new.customer_id,
            phone: Some(new.phone),
            customer_name: new.customer_name,
            interested: true,
            on_since: new.at,
            on_version: 1,
            salesman: None,
            consultant: None,
            consent: new.consent,
            merged_into: None,
            erased_at: None,
            version: 1,
        };
        let event = InterestCreated {
            interest_id: interest.id,
            series_id: interest.series_id,
            project_id: interest.project_id,
            project_name: interest.published_name(),
            customer: interest.customer(),
            actor,
        };
        (interest, event)
    }

    /// Decides what a command changes, without applying it. `Ok(None)`: nothing to change.
    pub fn handle(&self, command: Command, actor: Actor) -> Result<Option<Change>, Refusal> {
        let turns_on = matches!(
            command,
            Command::SetInterested {
                interested: true,
                ..
            } | Command::MarkAgain { .. }
        );
        if self.erased_at.is_some() {
            // Late events of an erased customer have no effect.
            return if turns_on {
                Err(Refusal::Erased)
            } else {
                Ok(None)
            };
        }
        if turns_on && let Some(into) = self.merged_into {
            return Err(Refusal::Merged { into });
        }
        Ok(match command {
            Command::SetInterested { interested, .. } if interested == self.interested => None,
            Command::SetInterested {
                interested,
                consent,
                at,
            } => {
                let on_since = if interested { at } else { self.on_since };
                Some(self.toggle(interested, on_since, None, consent, actor))
            }
            Command::MarkAgain { customer_name, .. } if self.interested => {
                self.complete(self.on_since, customer_name, None)
            }
            Command::MarkAgain {
                customer_name,
                consent,
                at,
            } => Some(self.toggle(true, at, customer_name, consent, actor)),
            // The match was made before the interest was turned off; the reopened match follows.
            Command::EditSalesman { origin_version, .. } if origin_version < self.on_version => {
                None
            }
            // Also while the interest is off, so that both orders of events have the same result.
            Command::EditSalesman {
                salesman,
                consultant,
                ..
            } => {
                let is_assigned = is_same_person(self.salesman.as_ref(), salesman.as_ref())
                    && is_same_person(self.consultant.as_ref(), consultant.as_ref());
                (!is_assigned).then_some(Change::Assigned {
                    salesman,
                    consultant,
                })
            }
            Command::Merge { into } => self.merged_into.is_none().then(|| Change::Merged {
                into,
                event: self.turn_off(actor),
            }),
            Command::TakeOver {
                interested: true,
                details,
            } if !self.interested => Some(self.toggle(
                true,
                details.on_since,
                details.customer_name,
                details.consent,
                actor,
            )),
            Command::TakeOver {
                interested,
                details,
            } => {
                let on_since = if interested {
                    self.on_since.min(details.on_since)
                } else {
                    self.on_since
                };
                self.complete(on_since, details.customer_name, details.consent)
            }
            Command::Erase { at } => Some(Change::Erased {
                at,
                event: self.turn_off(actor),
            }),
        })
    }

    /// Turns the interest on or off. A new consent replaces the recorded one.
    fn toggle(
        &self,
        interested: bool,
        on_since: DateTime<Utc>,
        customer_name: Option<String>,
        consent: Option<Consent>,
        actor: Actor,
    ) -> Change {
        Change::Toggled {
            event: self.updated(interested, actor),
            details: Details {
                on_since,
                customer_name: self.customer_name.clone().or(customer_name),
                consent: consent.or(self.consent),
            },
        }
    }

    /// Fills in missing details. A recorded name or consent is never overwritten.
    fn complete(
        &self,
        on_since: DateTime<Utc>,
        customer_name: Option<String>,
        consent: Option<Consent>,
    ) -> Option<Change> {
        let details = Details {
            on_since,
            customer_name: self.customer_name.clone().or(customer_name),
            consent: self.consent.or(consent),
        };
        (details != self.details()).then_some(Change::Completed(details))
    }

    /// Applies a decided change. The version rises exactly if there is an event.
    pub fn apply(&mut self, change: &Change) {
        if let Some(event) = change.event() {
            self.interested = event.interested;
            self.version += 1;
        }
        match change {
            Change::Toggled { details, .. } => {
                self.set_details(details);
                if self.interested {
                    self.on_version = self.version;
                    (self.salesman, self.consultant) = (None, None);
                }
            }
            Change::Completed(details) => self.set_details(details),
            Change::Assigned {
                salesman,
                consultant,
            } => {
                self.salesman.clone_from(salesman);
                self.consultant.clone_from(consultant);
            }
            Change::Merged { into, .. } => self.merged_into = Some(*into),
            Change::Erased { at, .. } => {
                self.erased_at = Some(*at);
                (self.phone, self.customer_name, self.consent) = (None, None, None);
            }
        }
    }

    /// The details that an older interest takes over in a merge.
    pub fn details(&self) -> Details {
        Details {
            on_since: self.on_since,
            customer_name: self.customer_name.clone(),
            consent: self.consent,
        }
    }

    fn set_details(&mut self, details: &Details) {
        self.on_since = details.on_since;
        self.customer_name.clone_from(&details.customer_name);
        self.consent = details.consent;
    }

    fn turn_off(&self, actor: Actor) -> Option<InterestUpdated> {
        self.interested.then(|| self.updated(false, actor))
    }

    fn updated(&self, interested: bool, actor: Actor) -> InterestUpdated {
        InterestUpdated {
            interest_id: self.id,
            series_id: self.series_id,
            project_id: self.project_id,
            project_name: self.published_name(),
            customer: self.customer(),
            interested,
            salesman_id: self.salesman.as_ref().map(|person| person.id),
            consultant_id: self.consultant.as_ref().map(|person| person.id),
            actor,
        }
    }

    /// The project's name, if the project is known: a name from a request is never published.
    fn published_name(&self) -> Option<String> {
        self.series_id.map(|_| self.project_name.clone())
    }

    fn customer(&self) -> CustomerRef {
        CustomerRef {
            customer_id: self.customer_id,
            last_four: self
                .phone
                .as_ref()
                .map(Phone::last_four)
                .unwrap_or_default(),
        }
    }
}

/// Compares by id: a person may have been renamed.
fn is_same_person(one: Option<&PersonRef>, other: Option<&PersonRef>) -> bool {
    one.map(|person| person.id) == other.map(|person| person.id)
}
