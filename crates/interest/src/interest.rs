//! Every rule about interests, and nothing else: no I/O, no clock, no ids made here.

use events::{Actor, CustomerId, CustomerRef, InterestCreated, InterestId, InterestUpdated, PersonRef, ProjectId, SeriesId};
use service_kit::phone::Phone;

/// One customer's interest in one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// Its id.
    pub id: InterestId,
    /// The programme, over all of its editions; not known while the edition is not.
    pub series_id: Option<SeriesId>,
    /// The newest edition that has not ended.
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
    /// How many events it has.
    pub version: i64,
}

/// What somebody marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The new interest's id.
    pub id: InterestId,
    /// The programme, where it is known.
    pub series_id: Option<SeriesId>,
    /// The edition that was marked.
    pub project_id: ProjectId,
    /// Its name.
    pub project_name: String,
    /// Who marks it.
    pub customer_id: CustomerId,
    /// His number.
    pub phone: Phone,
    /// His name, where he told it.
    pub customer_name: Option<String>,
}

/// What can be done to an interest. Neither can be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `UpdateInterest`: off, or on again.
    Turn {
        /// Which of the two.
        interested: bool,
    },
    /// `EditSalesman`: a match came.
    EditSalesman {
        /// Who is on it now.
        salesman: PersonRef,
        /// The consultant, where one was free.
        consultant: Option<PersonRef>,
    },
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Off, or on again.
    Turned(InterestUpdated),
    /// Other people. No event of this service: [`events::SalesmanMatched`] has told it.
    SalesmanStored {
        /// The salesman.
        salesman: PersonRef,
        /// The consultant.
        consultant: Option<PersonRef>,
    },
}

impl Interest {
    /// `CreateInterest`: the new interest, and what is told of it.
    pub fn create(mark: Mark, actor: Actor) -> (Self, InterestCreated) {
        let it = Self {
            id: mark.id,
            series_id: mark.series_id,
            project_id: mark.project_id,
            project_name: mark.project_name,
            customer_id: mark.customer_id,
            phone: mark.phone,
            customer_name: mark.customer_name,
            interested: true,
            salesman: None,
            consultant: None,
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

    /// Decides what a command means here. Pure; `None` is "already so".
    pub fn handle(&self, command: Command, actor: Actor) -> Option<Change> {
        match command {
            Command::Turn { interested } => (interested != self.interested).then(|| {
                Change::Turned(InterestUpdated {
                    interest_id: self.id,
                    series_id: self.series_id,
                    project_id: self.project_id,
                    project_name: self.told_name(),
                    customer: self.customer(),
                    interested,
                    salesman_id: self.salesman.as_ref().map(|person| person.id),
                    consultant_id: self.consultant.as_ref().map(|person| person.id),
                    actor,
                })
            }),
            // Also while it is off: who is on it must be there when it is turned on again, for the match is not made twice.
            Command::EditSalesman { salesman, consultant } => {
                let is_so = self.salesman.as_ref() == Some(&salesman) && self.consultant == consultant;
                (!is_so).then_some(Change::SalesmanStored { salesman, consultant })
            }
        }
    }

    /// Folds a decided change into the state. Cannot refuse. The version rises with an event, and only with one.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Turned(event) => {
                self.interested = event.interested;
                self.version += 1;
            }
            Change::SalesmanStored { salesman, consultant } => {
                self.salesman = Some(salesman.clone());
                self.consultant.clone_from(consultant);
            }
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
    use uuid::Uuid;

    use super::*;

    fn an_interest() -> Interest {
        let mark = Mark {
            id: InterestId(Uuid::from_u128(1)),
            series_id: Some(SeriesId(Uuid::from_u128(2))),
            project_id: ProjectId(Uuid::from_u128(3)),
            project_name: "스마트상점".to_owned(),
            customer_id: CustomerId(Uuid::from_u128(4)),
            phone: "010-1234-5678".parse().unwrap(),
            customer_name: None,
        };
        Interest::create(mark, Actor::System).0
    }

    fn a_match() -> Command {
        let salesman = PersonRef { id: SalesmanId(Uuid::from_u128(7)), display_name: "김영업".to_owned() };
        Command::EditSalesman { salesman, consultant: None }
    }

    #[test]
    fn a_name_that_only_a_page_sent_is_in_no_event() {
        let it = Interest { series_id: None, ..an_interest() };
        let Some(Change::Turned(event)) = it.handle(Command::Turn { interested: false }, Actor::System) else {
            panic!("it was not turned off");
        };
        assert_eq!(event.project_name, None);
    }

    #[test]
    fn turning_on_what_is_on_is_already_so() {
        assert_eq!(an_interest().handle(Command::Turn { interested: true }, Actor::System), None);
    }

    #[test]
    fn turning_off_raises_the_version_and_a_match_does_not() {
        let mut it = an_interest();
        let change = it.handle(a_match(), Actor::System).unwrap();
        it.apply(&change);
        assert_eq!(it.version, 1);
        let change = it.handle(Command::Turn { interested: false }, Actor::System).unwrap();
        it.apply(&change);
        assert_eq!((it.version, it.interested), (2, false));
    }

    #[test]
    fn a_match_that_comes_while_it_is_off_is_there_when_it_is_turned_on_again() {
        let mut it = an_interest();
        for command in [Command::Turn { interested: false }, a_match(), Command::Turn { interested: true }] {
            let change = it.handle(command, Actor::System).unwrap();
            it.apply(&change);
        }
        assert!(it.interested && it.salesman.is_some());
    }

    #[test]
    fn a_match_that_comes_again_is_already_so() {
        let mut it = an_interest();
        let change = it.handle(a_match(), Actor::System).unwrap();
        it.apply(&change);
        assert_eq!(it.handle(a_match(), Actor::System), None);
    }
}
