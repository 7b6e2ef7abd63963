//! Every rule about matches, and nothing else: no I/O, no clock, no ids made here.

use events::{Actor, CustomerRef, MatchId, Origin, PersonRef, ProjectId, SalesmanMatched, Strategy};

/// Who serves one interest or one consultation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesmanMatch {
    /// Its id.
    pub id: MatchId,
    /// What it was made for.
    pub origin: Origin,
    /// What that is about.
    pub project_id: ProjectId,
    /// Its name, where the project service told it.
    pub project_name: Option<String>,
    /// Whose.
    pub customer: CustomerRef,
    /// Nobody at first.
    pub salesman: Option<PersonRef>,
    /// Nobody at first.
    pub consultant: Option<PersonRef>,
    /// Closed matches are not filled any more.
    pub closed: bool,
    /// How many events it has: 0 while nobody is on it.
    pub version: i64,
}

/// What can be done to a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `MatchSalesman`: puts people on it. A place that is `None` stays as it is.
    MatchSalesman {
        /// The salesman.
        salesman: Option<PersonRef>,
        /// The consultant.
        consultant: Option<PersonRef>,
        /// How they were chosen.
        strategy: Strategy,
    },
}

/// Why a command is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What it was made for is over.
    #[error("the match is closed")]
    Closed,
    /// A consultant alone is no match: the salesman's place is filled first.
    #[error("the match has no salesman yet")]
    NoSalesman,
}

impl SalesmanMatch {
    /// Decides what a command means here. Pure; `Ok(None)` is "already so".
    ///
    /// # Errors
    /// The obstacle.
    pub fn handle(&self, command: Command, actor: Actor) -> Result<Option<SalesmanMatched>, Refusal> {
        let Command::MatchSalesman { salesman, consultant, strategy } = command;
        if self.closed {
            return Err(Refusal::Closed);
        }
        let new_salesman = salesman.or_else(|| self.salesman.clone()).ok_or(Refusal::NoSalesman)?;
        let new_consultant = consultant.or_else(|| self.consultant.clone());
        if self.salesman.as_ref() == Some(&new_salesman) && self.consultant == new_consultant {
            return Ok(None);
        }
        Ok(Some(SalesmanMatched {
            match_id: self.id,
            origin: self.origin,
            project_id: self.project_id,
            project_name: self.project_name.clone(),
            customer: self.customer.clone(),
            previous_salesman_id: self.salesman.as_ref().map(|person| person.id),
            previous_consultant_id: self.consultant.as_ref().map(|person| person.id),
            salesman: new_salesman,
            consultant: new_consultant,
            strategy,
            actor,
        }))
    }

    /// Folds a decided event into the state. Cannot refuse.
    pub fn apply(&mut self, event: &SalesmanMatched) {
        self.salesman = Some(event.salesman.clone());
        self.consultant.clone_from(&event.consultant);
        self.version += 1;
    }
}

#[cfg(test)]
mod tests {
    use events::{ConsultationId, CustomerId, LastFour, SalesmanId};
    use uuid::Uuid;

    use super::*;

    fn a_match() -> SalesmanMatch {
        SalesmanMatch {
            id: MatchId(Uuid::from_u128(1)),
            origin: Origin::Consultation(ConsultationId(Uuid::from_u128(2))),
            project_id: ProjectId(Uuid::from_u128(3)),
            project_name: Some("스마트상점".to_owned()),
            customer: CustomerRef { customer_id: CustomerId(Uuid::from_u128(4)), last_four: LastFour::default() },
            salesman: None,
            consultant: None,
            closed: false,
            version: 0,
        }
    }

    fn person(id: u128) -> PersonRef {
        PersonRef { id: SalesmanId(Uuid::from_u128(id)), display_name: id.to_string() }
    }

    fn put(salesman: Option<u128>, consultant: Option<u128>) -> Command {
        Command::MatchSalesman {
            salesman: salesman.map(person),
            consultant: consultant.map(person),
            strategy: Strategy::PhoneSuffix,
        }
    }

    fn after(mut it: SalesmanMatch, command: Command) -> SalesmanMatch {
        let event = it.handle(command, Actor::System).unwrap().unwrap();
        it.apply(&event);
        it
    }

    #[test]
    fn the_salesman_is_published_while_no_consultant_is_free_and_the_consultant_later() {
        let it = after(a_match(), put(Some(7), None));
        assert_eq!((it.version, it.consultant.clone()), (1, None));
        let it = after(it, put(None, Some(9)));
        assert_eq!((it.version, it.salesman, it.consultant), (2, Some(person(7)), Some(person(9))));
    }

    #[test]
    fn whoever_is_replaced_leaves_and_whoever_stays_is_no_newcomer() {
        let it = after(a_match(), put(Some(7), Some(9)));
        let event = it.handle(put(Some(8), None), Actor::System).unwrap().unwrap();
        assert_eq!((event.newcomers(), event.leavers()), (vec![person(8).id], vec![person(7).id]));
        let first = a_match().handle(put(Some(7), Some(9)), Actor::System).unwrap().unwrap();
        assert_eq!((first.newcomers(), first.leavers()), (vec![person(7).id, person(9).id], vec![]));
    }

    #[test]
    fn a_consultant_alone_is_no_match() {
        assert_eq!(a_match().handle(put(None, Some(9)), Actor::System), Err(Refusal::NoSalesman));
    }

    #[test]
    fn the_same_people_again_are_already_so() {
        let it = after(a_match(), put(Some(7), Some(9)));
        assert_eq!(it.handle(put(Some(7), None), Actor::System), Ok(None));
    }

    #[test]
    fn a_closed_match_is_not_filled_any_more() {
        let it = SalesmanMatch { closed: true, ..a_match() };
        assert_eq!(it.handle(put(Some(7), None), Actor::System), Err(Refusal::Closed));
    }
}
