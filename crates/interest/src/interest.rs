//! Every rule about interests, and nothing else: no I/O, no clock, no ids made here.

use chrono::{DateTime, Utc};
use events::{Actor, CustomerId, CustomerRef, InterestCreated, InterestId, InterestUpdated, PersonRef, ProjectId, SeriesId};
use service_kit::auth::Role;
use service_kit::phone::Phone;
use uuid::Uuid;

/// One customer's interest in one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// Its id.
    pub id: InterestId,
    /// The programme, over all of its editions; not known while the edition is not.
    pub series_id: Option<SeriesId>,
    /// The edition that was marked first. It tells the series, and never changes.
    pub marked_project_id: ProjectId,
    /// The newest edition that has not ended, or the newest of all.
    pub project_id: ProjectId,
    /// Its name.
    pub project_name: String,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// The customer's number; never in an event.
    pub phone: Phone,
    /// The customer's name, where it was told; never in an event.
    pub customer_name: Option<String>,
    /// On or off.
    pub interested: bool,
    /// Who is on it; nobody until matched.
    pub salesman: Option<PersonRef>,
    /// The consultant who is on it.
    pub consultant: Option<PersonRef>,
    /// That the customer agreed to it, where a colleague entered it.
    pub consent: Option<Consent>,
    /// The older interest of the same customer in the same series, where it turned out that there is one: then this one is off for good.
    pub merged_into: Option<InterestId>,
    /// How many events it has.
    pub version: i64,
}

/// Who vouches that a customer agreed to be entered, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// What he is: staff or a salesman.
    pub role: Role,
    /// His id.
    pub by: Uuid,
    /// When he recorded it.
    pub at: DateTime<Utc>,
}

/// What somebody marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The new interest's id.
    pub id: InterestId,
    /// The programme, where it is known.
    pub series_id: Option<SeriesId>,
    /// The edition that is marked.
    pub marked_project_id: ProjectId,
    /// The newest edition of its series that has not ended: the same one, unless an old one is marked.
    pub project_id: ProjectId,
    /// The name of that.
    pub project_name: String,
    /// Who marks it.
    pub customer_id: CustomerId,
    /// His number.
    pub phone: Phone,
    /// His name, where he told it.
    pub customer_name: Option<String>,
    /// That he agreed, where a colleague enters it.
    pub consent: Option<Consent>,
}

/// What can be done to an interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `UpdateInterest`, or `CreateInterest` once more: off, or on again.
    Turn {
        /// Which of the two.
        interested: bool,
        /// That the customer agreed, where a colleague enters it once more.
        consent: Option<Consent>,
    },
    /// `EditSalesman`: a match came.
    EditSalesman {
        /// Who is on it now.
        salesman: PersonRef,
        /// The consultant, where one was free.
        consultant: Option<PersonRef>,
    },
    /// It turned out that the customer has an older interest in the same series.
    Merge {
        /// The older one.
        into: InterestId,
    },
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Off, or on again.
    Turned {
        /// What is told of it.
        event: InterestUpdated,
        /// That the customer agreed, where a colleague turned it on.
        consent: Option<Consent>,
    },
    /// Other people. No event of this service: [`events::SalesmanMatched`] has told it.
    SalesmanStored {
        /// The salesman.
        salesman: PersonRef,
        /// The consultant.
        consultant: Option<PersonRef>,
    },
    /// The older one stands for it from now on.
    Merged {
        /// The older one.
        into: InterestId,
        /// That it is off now, if it was on.
        event: Option<InterestUpdated>,
    },
}

impl Change {
    /// What is told of it.
    pub fn event(&self) -> Option<&InterestUpdated> {
        match self {
            Self::Turned { event, .. } => Some(event),
            Self::Merged { event, .. } => event.as_ref(),
            Self::SalesmanStored { .. } => None,
        }
    }
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only the one that stands for it can be turned on.
    #[error("the interest was merged into an older one of the same programme")]
    Merged {
        /// That one.
        into: InterestId,
    },
}

impl Interest {
    /// `CreateInterest`: the new interest, and what is told of it.
    pub fn create(mark: Mark, actor: Actor) -> (Self, InterestCreated) {
        let it = Self {
            id: mark.id,
            series_id: mark.series_id,
            marked_project_id: mark.marked_project_id,
            project_id: mark.project_id,
            project_name: mark.project_name,
            customer_id: mark.customer_id,
            phone: mark.phone,
            customer_name: mark.customer_name,
            interested: true,
            salesman: None,
            consultant: None,
            consent: mark.consent,
            merged_into: None,
            version: 1,
        };
        let event = InterestCreated {
            interest_id: it.id,
            series_id: it.series_id,
            project_id: it.project_id,
            project_name: it.told_name(),
            customer: it.customer(),
            actor,
        };
        (it, event)
    }

    /// Decides what a command means here. Pure; `Ok(None)` is "already so".
    pub fn handle(&self, command: Command, actor: Actor) -> Result<Option<Change>, Refusal> {
        match command {
            Command::Turn { interested, .. } if interested == self.interested => Ok(None),
            Command::Turn { interested, consent } => match self.merged_into {
                Some(into) => Err(Refusal::Merged { into }),
                None => Ok(Some(Change::Turned { event: self.turned(interested, actor), consent })),
            },
            // Also while it is off: who is on it must be there when it is turned on again, for the match is not made twice.
            Command::EditSalesman { salesman, consultant } => {
                let is_so = self.salesman.as_ref() == Some(&salesman) && self.consultant == consultant;
                Ok((!is_so).then_some(Change::SalesmanStored { salesman, consultant }))
            }
            Command::Merge { .. } if self.merged_into.is_some() => Ok(None),
            Command::Merge { into } => {
                Ok(Some(Change::Merged { into, event: self.interested.then(|| self.turned(false, actor)) }))
            }
        }
    }

    /// Folds a decided change into the state. Cannot refuse. The version rises with an event, and only with one.
    pub fn apply(&mut self, change: &Change) {
        if let Some(event) = change.event() {
            self.interested = event.interested;
            self.version += 1;
        }
        match change {
            Change::Turned { consent, .. } => self.consent = consent.or(self.consent),
            Change::SalesmanStored { salesman, consultant } => {
                self.salesman = Some(salesman.clone());
                self.consultant.clone_from(consultant);
            }
            Change::Merged { into, .. } => self.merged_into = Some(*into),
        }
    }

    fn turned(&self, interested: bool, actor: Actor) -> InterestUpdated {
        InterestUpdated {
            interest_id: self.id,
            series_id: self.series_id,
            project_id: self.project_id,
            project_name: self.told_name(),
            customer: self.customer(),
            interested,
            salesman_id: self.salesman.as_ref().map(|person| person.id),
            consultant_id: self.consultant.as_ref().map(|person| person.id),
            actor,
        }
    }

    /// The project's name, if the project service told it: then the series is known too.
    fn told_name(&self) -> Option<String> {
        self.series_id.map(|_| self.project_name.clone())
    }

    fn customer(&self) -> CustomerRef {
        CustomerRef { customer_id: self.customer_id, last_four: self.phone.last_four() }
    }
}

#[cfg(test)]
mod tests {
    use events::SalesmanId;

    use super::*;

    fn an_interest() -> Interest {
        let mark = Mark {
            id: InterestId(Uuid::from_u128(1)),
            series_id: Some(SeriesId(Uuid::from_u128(2))),
            marked_project_id: ProjectId(Uuid::from_u128(3)),
            project_id: ProjectId(Uuid::from_u128(3)),
            project_name: "스마트상점".to_owned(),
            customer_id: CustomerId(Uuid::from_u128(4)),
            phone: "010-1234-5678".parse().unwrap(),
            customer_name: None,
            consent: None,
        };
        Interest::create(mark, Actor::System).0
    }

    fn a_match() -> Command {
        let salesman = PersonRef { id: SalesmanId(Uuid::from_u128(7)), display_name: "김영업".to_owned() };
        Command::EditSalesman { salesman, consultant: None }
    }

    fn turn(interested: bool) -> Command {
        Command::Turn { interested, consent: None }
    }

    const OLDER: InterestId = InterestId(Uuid::from_u128(0));

    fn after(commands: impl IntoIterator<Item = Command>) -> Interest {
        let mut it = an_interest();
        for command in commands {
            let change = it.handle(command, Actor::System).unwrap().unwrap();
            it.apply(&change);
        }
        it
    }

    #[test]
    fn a_name_that_only_a_page_sent_is_in_no_event() {
        let it = Interest { series_id: None, ..an_interest() };
        let change = it.handle(turn(false), Actor::System).unwrap().unwrap();
        assert_eq!(change.event().unwrap().project_name, None);
    }

    #[test]
    fn turning_on_what_is_on_is_already_so() {
        assert_eq!(an_interest().handle(turn(true), Actor::System), Ok(None));
    }

    #[test]
    fn turning_off_raises_the_version_and_a_match_does_not() {
        assert_eq!(after([a_match()]).version, 1);
        let it = after([a_match(), turn(false)]);
        assert_eq!((it.version, it.interested), (2, false));
    }

    #[test]
    fn a_match_that_comes_while_it_is_off_is_there_when_it_is_turned_on_again() {
        let it = after([turn(false), a_match(), turn(true)]);
        assert!(it.interested && it.salesman.is_some());
    }

    #[test]
    fn a_match_that_comes_again_is_already_so() {
        assert_eq!(after([a_match()]).handle(a_match(), Actor::System), Ok(None));
    }

    #[test]
    fn a_consent_that_was_recorded_stays_when_the_customer_turns_it_on_himself() {
        let consent = Consent { role: Role::Salesman, by: Uuid::from_u128(7), at: DateTime::UNIX_EPOCH };
        let vouched = Command::Turn { interested: true, consent: Some(consent) };
        assert_eq!(after([turn(false), vouched, turn(false), turn(true)]).consent, Some(consent));
    }

    #[test]
    fn one_that_is_merged_is_off_for_good_and_tells_it_once() {
        let it = after([Command::Merge { into: OLDER }]);
        assert_eq!((it.interested, it.version, it.merged_into), (false, 2, Some(OLDER)));
        assert_eq!(it.handle(turn(true), Actor::System), Err(Refusal::Merged { into: OLDER }));
        assert_eq!(it.handle(turn(false), Actor::System), Ok(None));
        assert_eq!(it.handle(Command::Merge { into: OLDER }, Actor::System), Ok(None));
    }

    #[test]
    fn one_that_was_off_is_merged_without_an_event() {
        assert_eq!(after([turn(false), Command::Merge { into: OLDER }]).version, 2);
    }
}
