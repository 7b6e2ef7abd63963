//! Every rule about matches, and nothing else: no I/O, no clock, no ids made here.

use events::{
    Actor, CustomerRef, MatchId, Origin, PersonRef, ProjectId, SalesmanId, SalesmanMatched,
    Strategy,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Who serves one interest or one consultation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesmanMatch {
    /// Its id.
    pub id: MatchId,
    /// What it was made for.
    pub origin: Origin,
    /// How far it has followed that: the version of the last event by which it was requested or closed.
    pub origin_version: i64,
    /// What that is about.
    pub project_id: ProjectId,
    /// Its name, where the project service told it.
    pub project_name: Option<String>,
    /// Whose; nobody's once he was erased. Then it is closed for good.
    pub customer: Option<CustomerRef>,
    /// The salesman who brought the customer in, where one did.
    pub brought_by: Option<SalesmanId>,
    /// Nobody at first.
    pub salesman: Option<PersonRef>,
    /// Nobody at first.
    pub consultant: Option<PersonRef>,
    /// Who had the salesman's place when it was closed, from when it is open again until it is told who has it now.
    pub previous_salesman: Option<SalesmanId>,
    /// The same for the consultant's place.
    pub previous_consultant: Option<SalesmanId>,
    /// How the salesman was chosen.
    pub strategy: Option<Strategy>,
    /// Closed matches are not filled any more, and nobody is counted for them.
    pub closed: bool,
    /// How many events it has: 0 while nobody was ever on it.
    pub version: i64,
}

/// What can be done to a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// What it was made for is wanted again: a closed match is open again, with nobody on it.
    OpenAgain {
        /// The version of the event that tells so.
        origin_version: i64,
    },
    /// `MatchSalesman`: puts people on it. A place that is `None` stays as it is.
    MatchSalesman {
        /// The salesman.
        salesman: Option<PersonRef>,
        /// The consultant.
        consultant: Option<PersonRef>,
        /// How they were chosen.
        strategy: Strategy,
    },
    /// `CloseMatch`: what it was made for is over. Its people stay to be seen, and have room again.
    CloseMatch {
        /// The version of the event that tells so.
        origin_version: i64,
    },
}

/// What happened to a match. Only who is on it is told to others: they know what it was made for better than it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is open again.
    OpenedAgain {
        /// How far it has followed what it was made for.
        origin_version: i64,
    },
    /// Other people are on it.
    Matched(Box<SalesmanMatched>),
    /// It is closed.
    Closed {
        /// How far it has followed what it was made for.
        origin_version: i64,
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

/// A place on a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = PlaceName)]
pub enum Place {
    /// 영업대표.
    Salesman,
    /// 컨설턴트.
    Consultant,
}

/// The places that the assigner has still to fill: none, once both are filled or the match is closed.
pub fn lacking(is_closed: bool, has_salesman: bool, has_consultant: bool) -> Vec<Place> {
    let places = [
        (Place::Salesman, has_salesman),
        (Place::Consultant, has_consultant),
    ];
    places
        .into_iter()
        .filter(|(_, is_filled)| !is_closed && !is_filled)
        .map(|(place, _)| place)
        .collect()
}

impl SalesmanMatch {
    /// The places that the assigner has still to fill.
    pub fn lacks(&self) -> Vec<Place> {
        lacking(
            self.closed,
            self.salesman.is_some(),
            self.consultant.is_some(),
        )
    }

    /// Whether people can be put on it.
    ///
    /// # Errors
    /// When it is closed.
    pub fn check_open(&self) -> Result<(), Refusal> {
        if self.closed {
            Err(Refusal::Closed)
        } else {
            Ok(())
        }
    }

    /// Decides what a command means here. Pure; `Ok(None)` is "already so".
    ///
    /// # Errors
    /// The obstacle.
    pub fn handle(&self, command: Command, actor: Actor) -> Result<Option<Change>, Refusal> {
        match command {
            Command::OpenAgain { origin_version } => {
                let is_news =
                    self.closed && self.customer.is_some() && origin_version > self.origin_version;
                Ok(is_news.then_some(Change::OpenedAgain { origin_version }))
            }
            Command::CloseMatch { origin_version } => {
                let is_news = !self.closed && origin_version > self.origin_version;
                Ok(is_news.then_some(Change::Closed { origin_version }))
            }
            Command::MatchSalesman {
                salesman,
                consultant,
                strategy,
            } => {
                self.check_open()?;
                let event = self.matched(salesman, consultant, strategy, actor)?;
                Ok(event.map(|event| Change::Matched(Box::new(event))))
            }
        }
    }

    fn matched(
        &self,
        salesman: Option<PersonRef>,
        consultant: Option<PersonRef>,
        strategy: Strategy,
        actor: Actor,
    ) -> Result<Option<SalesmanMatched>, Refusal> {
        let customer = self.customer.clone().ok_or(Refusal::Closed)?;
        let new_salesman = salesman
            .or_else(|| self.salesman.clone())
            .ok_or(Refusal::NoSalesman)?;
        let new_consultant = consultant.or_else(|| self.consultant.clone());
        let stays = is_same(self.salesman.as_ref(), Some(&new_salesman));
        if stays && is_same(self.consultant.as_ref(), new_consultant.as_ref()) {
            return Ok(None);
        }
        // Whoever fills the consultant's place later says nothing about how the salesman was chosen; staff did choose who stays.
        let strategy = match self.strategy {
            Some(before) if stays && strategy != Strategy::ByHand => before,
            _ => strategy,
        };
        let id = |person: &Option<PersonRef>| person.as_ref().map(|person| person.id);
        Ok(Some(SalesmanMatched {
            match_id: self.id,
            origin: self.origin,
            origin_version: Some(self.origin_version),
            project_id: self.project_id,
            project_name: self.project_name.clone(),
            customer,
            previous_salesman_id: id(&self.salesman).or(self.previous_salesman),
            previous_consultant_id: id(&self.consultant).or(self.previous_consultant),
            salesman: new_salesman,
            consultant: new_consultant,
            strategy,
            actor,
        }))
    }

    /// Folds a decided change into the state. Cannot refuse.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::OpenedAgain { origin_version } => {
                self.origin_version = *origin_version;
                self.closed = false;
                // Who was told of before it was closed may still be waiting to be told that he is off it.
                self.previous_salesman = self
                    .salesman
                    .take()
                    .map(|person| person.id)
                    .or(self.previous_salesman);
                self.previous_consultant = self
                    .consultant
                    .take()
                    .map(|person| person.id)
                    .or(self.previous_consultant);
                self.strategy = None;
            }
            Change::Matched(event) => {
                self.salesman = Some(event.salesman.clone());
                self.consultant.clone_from(&event.consultant);
                (self.previous_salesman, self.previous_consultant) = (None, None);
                self.strategy = Some(event.strategy);
                self.version += 1;
            }
            Change::Closed { origin_version } => {
                self.origin_version = *origin_version;
                self.closed = true;
            }
        }
    }
}

/// Whether the same person is meant, whatever he is called now.
fn is_same(one: Option<&PersonRef>, other: Option<&PersonRef>) -> bool {
    one.map(|person| person.id) == other.map(|person| person.id)
}

#[cfg(test)]
mod tests {
    use events::{ConsultationId, CustomerId, LastFour};
    use uuid::Uuid;

    use super::*;

    fn a_match() -> SalesmanMatch {
        SalesmanMatch {
            id: MatchId(Uuid::from_u128(1)),
            origin: Origin::Consultation(ConsultationId(Uuid::from_u128(2))),
            origin_version: 1,
            project_id: ProjectId(Uuid::from_u128(3)),
            project_name: Some("스마트상점".to_owned()),
            customer: Some(CustomerRef {
                customer_id: CustomerId(Uuid::from_u128(4)),
                last_four: LastFour::default(),
            }),
            brought_by: None,
            salesman: None,
            consultant: None,
            previous_salesman: None,
            previous_consultant: None,
            strategy: None,
            closed: false,
            version: 0,
        }
    }

    fn person(id: u128) -> PersonRef {
        PersonRef {
            id: SalesmanId(Uuid::from_u128(id)),
            display_name: id.to_string(),
        }
    }

    fn put_by(strategy: Strategy, salesman: Option<u128>, consultant: Option<u128>) -> Command {
        Command::MatchSalesman {
            salesman: salesman.map(person),
            consultant: consultant.map(person),
            strategy,
        }
    }

    fn put(salesman: Option<u128>, consultant: Option<u128>) -> Command {
        put_by(Strategy::PhoneSuffix, salesman, consultant)
    }

    fn after(mut it: SalesmanMatch, command: Command) -> SalesmanMatch {
        let change = it.handle(command, Actor::System).unwrap().unwrap();
        it.apply(&change);
        it
    }

    fn told(it: &SalesmanMatch, command: Command) -> SalesmanMatched {
        match it.handle(command, Actor::System) {
            Ok(Some(Change::Matched(event))) => *event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_salesman_is_published_while_no_consultant_is_free_and_the_consultant_later() {
        let it = after(a_match(), put(Some(7), None));
        assert_eq!((it.version, it.consultant.clone()), (1, None));
        assert_eq!(it.lacks(), [Place::Consultant]);
        let it = after(it, put(None, Some(9)));
        assert_eq!((it.version, it.lacks()), (2, vec![]));
        assert_eq!(
            (it.salesman, it.consultant),
            (Some(person(7)), Some(person(9)))
        );
    }

    #[test]
    fn whoever_is_replaced_leaves_and_whoever_stays_is_no_newcomer() {
        let it = after(a_match(), put(Some(7), Some(9)));
        let event = told(&it, put(Some(8), None));
        assert_eq!(
            (event.newly_assigned(), event.unassigned()),
            (vec![person(8).id], vec![person(7).id])
        );
        let first = told(&a_match(), put(Some(7), Some(9)));
        assert_eq!(
            (first.newly_assigned(), first.unassigned()),
            (vec![person(7).id, person(9).id], vec![])
        );
    }

    #[test]
    fn a_consultant_alone_is_no_match() {
        assert_eq!(
            a_match().handle(put(None, Some(9)), Actor::System),
            Err(Refusal::NoSalesman)
        );
    }

    #[test]
    fn the_same_people_again_are_already_so_whatever_they_are_called_now() {
        let it = after(a_match(), put(Some(7), Some(9)));
        assert_eq!(it.handle(put(Some(7), None), Actor::System), Ok(None));
        let renamed = PersonRef {
            display_name: "another name".to_owned(),
            ..person(7)
        };
        let again = Command::MatchSalesman {
            salesman: Some(renamed),
            consultant: None,
            strategy: Strategy::ByHand,
        };
        assert_eq!(it.handle(again, Actor::System), Ok(None));
    }

    #[test]
    fn a_closed_match_is_not_filled_any_more() {
        let it = after(
            after(a_match(), put(Some(7), None)),
            Command::CloseMatch { origin_version: 2 },
        );
        assert_eq!(
            it.handle(put(Some(7), None), Actor::System),
            Err(Refusal::Closed)
        );
        assert_eq!(
            (it.lacks(), it.version, it.salesman),
            (vec![], 1, Some(person(7)))
        );
    }

    #[test]
    fn how_the_salesman_was_chosen_stays_when_the_consultants_place_is_filled_later() {
        let it = after(a_match(), put_by(Strategy::ByHand, Some(7), None));
        assert_eq!(told(&it, put(None, Some(9))).strategy, Strategy::ByHand);
        let it = after(a_match(), put(Some(7), None));
        assert_eq!(
            told(&it, put(None, Some(9))).strategy,
            Strategy::PhoneSuffix
        );
        assert_eq!(
            told(&it, put_by(Strategy::ByHand, None, Some(9))).strategy,
            Strategy::ByHand
        );
    }

    #[test]
    fn a_match_that_is_open_again_has_nobody_on_it_and_names_its_previous_people_once() {
        let closed = after(
            after(a_match(), put(Some(7), Some(9))),
            Command::CloseMatch { origin_version: 2 },
        );
        let it = after(closed, Command::OpenAgain { origin_version: 3 });
        assert_eq!(
            (&it.salesman, &it.consultant, it.strategy, it.version),
            (&None, &None, None, 1)
        );
        let same = told(&it, put(Some(7), Some(9)));
        assert_eq!(
            (same.previous_salesman_id, same.previous_consultant_id),
            (Some(person(7).id), Some(person(9).id))
        );
        assert!(same.newly_assigned().is_empty() && same.unassigned().is_empty());
        let other = told(&it, put(Some(8), None));
        assert_eq!(
            (other.newly_assigned(), other.unassigned()),
            (vec![person(8).id], vec![person(7).id, person(9).id])
        );
        let it = after(it, put(Some(8), None));
        let later = told(&it, put(None, Some(9)));
        assert_eq!(
            (later.newly_assigned(), later.unassigned()),
            (vec![person(9).id], vec![])
        );
    }

    #[test]
    fn people_who_were_not_told_yet_that_they_are_off_it_are_named_after_a_second_close() {
        let mut it = after(a_match(), put(Some(7), None));
        for origin_version in [2, 4] {
            it = after(it, Command::CloseMatch { origin_version });
            it = after(
                it,
                Command::OpenAgain {
                    origin_version: origin_version + 1,
                },
            );
        }
        assert_eq!(told(&it, put(Some(8), None)).unassigned(), [person(7).id]);
    }

    #[test]
    fn what_was_heard_before_changes_nothing_in_either_direction() {
        let open = after(a_match(), put(Some(7), None));
        let closed = after(open.clone(), Command::CloseMatch { origin_version: 2 });
        let again = after(closed.clone(), Command::OpenAgain { origin_version: 3 });
        let nothing = |it: &SalesmanMatch, command| {
            assert_eq!(it.handle(command, Actor::System), Ok(None), "{it:?}");
        };
        nothing(&open, Command::OpenAgain { origin_version: 2 });
        nothing(&closed, Command::CloseMatch { origin_version: 2 });
        nothing(&closed, Command::CloseMatch { origin_version: 4 });
        nothing(&closed, Command::OpenAgain { origin_version: 2 });
        nothing(&again, Command::CloseMatch { origin_version: 2 });
        nothing(&again, Command::OpenAgain { origin_version: 3 });
    }

    #[test]
    fn the_match_of_a_customer_who_was_erased_is_closed_for_good() {
        let closed = after(
            after(a_match(), put(Some(7), None)),
            Command::CloseMatch { origin_version: 2 },
        );
        let erased = SalesmanMatch {
            customer: None,
            ..closed
        };
        assert_eq!(
            erased.handle(Command::OpenAgain { origin_version: 3 }, Actor::System),
            Ok(None)
        );
        assert_eq!(
            erased.handle(Command::CloseMatch { origin_version: 3 }, Actor::System),
            Ok(None)
        );
        assert_eq!(
            erased.handle(put(Some(8), None), Actor::System),
            Err(Refusal::Closed)
        );
        assert_eq!(
            SalesmanMatch {
                closed: false,
                ..erased
            }
            .handle(put(Some(8), None), Actor::System),
            Err(Refusal::Closed)
        );
    }
}
