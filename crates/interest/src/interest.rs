//! Every rule about interests, and nothing else: no I/O, no clock, no ids made here.

use chrono::{DateTime, Utc};
use events::{
    Actor, CustomerId, CustomerRef, InterestCreated, InterestId, InterestUpdated, PersonRef,
    ProjectId, SeriesId,
};
use service_kit::auth::Role;
use service_kit::forms::phone::Phone;
use uuid::Uuid;

mod command;

pub use command::{Change, Command, Legacy, Mark, Refusal};

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
    /// The customer's number; never in an event. Nothing once he was erased.
    pub phone: Option<Phone>,
    /// The customer's name, where it was told; never in an event.
    pub customer_name: Option<String>,
    /// On or off.
    pub interested: bool,
    /// When it was turned on last: of what happened to the programme before that the customer is not told.
    pub on_since: DateTime<Utc>,
    /// The version of the event by which it was turned on last, to which a match answers.
    pub on_version: i64,
    /// Who is on it; nobody until matched.
    pub salesman: Option<PersonRef>,
    /// The consultant who is on it.
    pub consultant: Option<PersonRef>,
    /// That the customer agreed to it, where a colleague entered it.
    pub consent: Option<Consent>,
    /// The older interest of the same customer in the same series, where it turned out that there is one: then this one is off for good.
    pub merged_into: Option<InterestId>,
    /// When its customer was erased: since then it is off for good, and says no more whose it was.
    pub erased_at: Option<DateTime<Utc>>,
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
            phone: Some(mark.phone),
            customer_name: mark.customer_name,
            interested: true,
            on_since: mark.at,
            on_version: 1,
            salesman: None,
            consultant: None,
            consent: mark.consent,
            merged_into: None,
            erased_at: None,
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
            Command::Turn { .. } | Command::MarkAgain { .. } if self.erased_at.is_some() => {
                Err(Refusal::Erased)
            }
            // Whoever tells something of it was on his way when its customer was erased.
            _ if self.erased_at.is_some() => Ok(None),
            Command::Erase { at } => Ok(Some(Change::Erased {
                at,
                event: self.interested.then(|| self.turned(false, actor)),
            })),
            Command::Turn {
                interested: true, ..
            }
            | Command::MarkAgain { .. }
                if let Some(into) = self.merged_into =>
            {
                Err(Refusal::Merged { into })
            }
            Command::Turn {
                interested,
                consent,
                at,
            } => {
                let on_since = if interested { at } else { self.on_since };
                Ok(Some(self.turn(interested, on_since, None, consent, actor)))
            }
            Command::MarkAgain { customer_name, .. } if self.interested => {
                Ok(self.complete(self.on_since, customer_name, None))
            }
            Command::MarkAgain {
                customer_name,
                consent,
                at,
            } => Ok(Some(self.turn(true, at, customer_name, consent, actor))),
            // Who was on it before it was turned off: the match that was opened again names who is on it now.
            Command::EditSalesman { origin_version, .. } if origin_version < self.on_version => {
                Ok(None)
            }
            // Also while it is off: whichever of the two is read first, it ends in the same.
            Command::EditSalesman {
                salesman,
                consultant,
                ..
            } => {
                let is_so = is_same(self.salesman.as_ref(), Some(&salesman))
                    && is_same(self.consultant.as_ref(), consultant.as_ref());
                Ok((!is_so).then_some(Change::SalesmanStored {
                    salesman,
                    consultant,
                }))
            }
            Command::Merge { .. } if self.merged_into.is_some() => Ok(None),
            Command::Merge { into } => Ok(Some(Change::Merged {
                into,
                event: self.interested.then(|| self.turned(false, actor)),
            })),
            Command::TakeOver(Legacy {
                on_since: Some(since),
                customer_name,
                consent,
            }) if !self.interested => {
                Ok(Some(self.turn(true, since, customer_name, consent, actor)))
            }
            Command::TakeOver(Legacy {
                on_since,
                customer_name,
                consent,
            }) => {
                let on_since = on_since.map_or(self.on_since, |since| since.min(self.on_since));
                Ok(self.complete(on_since, customer_name, consent))
            }
        }
    }

    fn turn(
        &self,
        interested: bool,
        on_since: DateTime<Utc>,
        customer_name: Option<String>,
        consent: Option<Consent>,
        actor: Actor,
    ) -> Change {
        Change::Turned {
            event: self.turned(interested, actor),
            on_since,
            customer_name: self.customer_name.clone().or(customer_name),
            consent: consent.or(self.consent),
        }
    }

    /// What was not known of it until now, if that is anything.
    fn complete(
        &self,
        on_since: DateTime<Utc>,
        customer_name: Option<String>,
        consent: Option<Consent>,
    ) -> Option<Change> {
        let (customer_name, consent) = (
            self.customer_name.clone().or(customer_name),
            self.consent.or(consent),
        );
        let is_so = on_since == self.on_since
            && customer_name == self.customer_name
            && consent == self.consent;
        (!is_so).then_some(Change::Completed {
            on_since,
            customer_name,
            consent,
        })
    }

    /// Folds a decided change into the state. Cannot refuse. The version rises with an event, and only with one.
    pub fn apply(&mut self, change: &Change) {
        if let Some(event) = change.event() {
            self.interested = event.interested;
            self.version += 1;
        }
        match change {
            Change::Turned {
                on_since,
                customer_name,
                consent,
                ..
            } => {
                self.on_since = *on_since;
                self.customer_name.clone_from(customer_name);
                self.consent = *consent;
                if self.interested {
                    self.on_version = self.version;
                    (self.salesman, self.consultant) = (None, None);
                }
            }
            Change::Completed {
                on_since,
                customer_name,
                consent,
            } => {
                self.on_since = *on_since;
                self.customer_name.clone_from(customer_name);
                self.consent = *consent;
            }
            Change::SalesmanStored {
                salesman,
                consultant,
            } => {
                self.salesman = Some(salesman.clone());
                self.consultant.clone_from(consultant);
            }
            Change::Merged { into, .. } => self.merged_into = Some(*into),
            Change::Erased { at, .. } => {
                self.erased_at = Some(*at);
                (self.phone, self.customer_name, self.consent) = (None, None, None);
            }
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
        // Of one that is nobody's nothing is told.
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

/// Whether the same person is meant, whatever he is called now.
fn is_same(one: Option<&PersonRef>, other: Option<&PersonRef>) -> bool {
    one.map(|person| person.id) == other.map(|person| person.id)
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
            at: at(0),
        };
        Interest::create(mark, Actor::System).0
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn a_match(origin_version: i64) -> Command {
        let salesman = PersonRef {
            id: SalesmanId(Uuid::from_u128(7)),
            display_name: "김영업".to_owned(),
        };
        Command::EditSalesman {
            salesman,
            consultant: None,
            origin_version,
        }
    }

    fn turn(interested: bool) -> Command {
        Command::Turn {
            interested,
            consent: None,
            at: at(9),
        }
    }

    fn a_consent(by: u128) -> Consent {
        Consent {
            role: Role::Salesman,
            by: Uuid::from_u128(by),
            at: at(1),
        }
    }

    fn a_legacy(on_since: Option<i64>) -> Command {
        let (customer_name, consent) = (Some("홍길동".to_owned()), Some(a_consent(8)));
        Command::TakeOver(Legacy {
            on_since: on_since.map(at),
            customer_name,
            consent,
        })
    }

    const OLDER: InterestId = InterestId(Uuid::from_u128(0));

    const ERASE: Command = Command::Erase {
        at: DateTime::from_timestamp(9, 0).unwrap(),
    };

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
        let it = Interest {
            series_id: None,
            ..an_interest()
        };
        let change = it.handle(turn(false), Actor::System).unwrap().unwrap();
        assert_eq!(change.event().unwrap().project_name, None);
    }

    #[test]
    fn turning_on_what_is_on_is_already_so() {
        assert_eq!(an_interest().handle(turn(true), Actor::System), Ok(None));
        let again = Command::MarkAgain {
            customer_name: None,
            consent: Some(a_consent(7)),
            at: at(9),
        };
        assert_eq!(an_interest().handle(again, Actor::System), Ok(None));
    }

    #[test]
    fn turning_off_raises_the_version_and_a_match_does_not() {
        assert_eq!(after([a_match(1)]).version, 1);
        let it = after([a_match(1), turn(false)]);
        assert_eq!((it.version, it.interested, it.on_version), (2, false, 1));
    }

    #[test]
    fn turning_it_on_again_begins_with_nobody_and_tells_who_was_on_it() {
        let it = after([a_match(1), turn(false)]);
        let change = it.handle(turn(true), Actor::System).unwrap().unwrap();
        assert_eq!(
            change.event().unwrap().salesman_id,
            Some(SalesmanId(Uuid::from_u128(7)))
        );
        let it = after([a_match(1), turn(false), turn(true)]);
        assert_eq!(
            (&it.salesman, it.on_version, it.on_since),
            (&None, 3, at(9))
        );
    }

    #[test]
    fn a_match_of_before_it_was_turned_off_does_not_come_back() {
        let it = after([turn(false), turn(true)]);
        assert_eq!(it.handle(a_match(1), Actor::System), Ok(None));
        assert!(it.handle(a_match(3), Actor::System).unwrap().is_some());
        // While it is off the last of its people are seen, whichever is read first.
        assert!(after([turn(false), a_match(1)]).salesman.is_some());
    }

    #[test]
    fn a_match_that_comes_again_is_already_so_whatever_he_is_called_now() {
        assert_eq!(
            after([a_match(1)]).handle(a_match(1), Actor::System),
            Ok(None)
        );
        let renamed = PersonRef {
            id: SalesmanId(Uuid::from_u128(7)),
            display_name: "김바다".to_owned(),
        };
        let again = Command::EditSalesman {
            salesman: renamed,
            consultant: None,
            origin_version: 1,
        };
        assert_eq!(after([a_match(1)]).handle(again, Actor::System), Ok(None));
    }

    #[test]
    fn a_consent_that_was_recorded_stays_when_the_customer_turns_it_on_himself() {
        let vouched = Command::Turn {
            interested: true,
            consent: Some(a_consent(7)),
            at: at(9),
        };
        assert_eq!(
            after([turn(false), vouched, turn(false), turn(true)]).consent,
            Some(a_consent(7))
        );
    }

    #[test]
    fn a_name_that_comes_later_is_filled_in_and_none_is_written_over() {
        let named = |name: &str| Command::MarkAgain {
            customer_name: Some(name.to_owned()),
            consent: None,
            at: at(9),
        };
        let it = after([named("홍길동")]);
        assert_eq!(
            (it.customer_name.as_deref(), it.version),
            (Some("홍길동"), 1)
        );
        assert_eq!(it.handle(named("임꺽정"), Actor::System), Ok(None));
        assert_eq!(
            after([turn(false), named("홍길동"), turn(false), named("임꺽정")])
                .customer_name
                .as_deref(),
            Some("홍길동")
        );
    }

    #[test]
    fn one_that_is_merged_is_off_for_good_and_tells_it_once() {
        let it = after([Command::Merge { into: OLDER }]);
        assert_eq!(
            (it.interested, it.version, it.merged_into),
            (false, 2, Some(OLDER))
        );
        let again = Command::MarkAgain {
            customer_name: None,
            consent: None,
            at: at(9),
        };
        for on in [turn(true), again] {
            assert_eq!(
                it.handle(on, Actor::System),
                Err(Refusal::Merged { into: OLDER })
            );
        }
        assert_eq!(it.handle(turn(false), Actor::System), Ok(None));
        assert_eq!(
            it.handle(Command::Merge { into: OLDER }, Actor::System),
            Ok(None)
        );
    }

    #[test]
    fn one_that_was_off_is_merged_without_an_event() {
        assert_eq!(
            after([turn(false), Command::Merge { into: OLDER }]).version,
            2
        );
    }

    #[test]
    fn the_older_one_takes_over_what_it_does_not_know_and_since_when_the_customer_is_interested() {
        let kept = after([a_legacy(Some(5))]);
        assert_eq!(
            (kept.version, kept.customer_name.as_deref(), kept.consent),
            (1, Some("홍길동"), Some(a_consent(8)))
        );
        assert_eq!(kept.on_since, at(0));
        let turned = after([turn(false), a_legacy(Some(5))]);
        assert_eq!(
            (turned.interested, turned.version, turned.on_since),
            (true, 3, at(5))
        );
        assert_eq!(
            (turned.customer_name.as_deref(), turned.consent),
            (Some("홍길동"), Some(a_consent(8)))
        );
        // The newer of the two may be on for longer.
        assert_eq!(
            after([turn(false), turn(true), a_legacy(Some(5))]).on_since,
            at(5)
        );
        let off = after([turn(false), a_legacy(None)]);
        assert_eq!(
            (off.interested, off.version, off.consent),
            (false, 2, Some(a_consent(8)))
        );
    }

    #[test]
    fn one_whose_customer_is_erased_tells_once_that_it_is_off_and_says_no_more_whose_it_was() {
        let mut it = after([
            a_match(1),
            Command::TakeOver(Legacy {
                on_since: None,
                customer_name: Some("홍길동".to_owned()),
                consent: Some(a_consent(8)),
            }),
        ]);
        let change = it
            .handle(ERASE, Actor::Customer(it.customer_id))
            .unwrap()
            .unwrap();
        let told = change.event().unwrap();
        assert_eq!(
            (told.interested, told.salesman_id, told.actor),
            (
                false,
                Some(SalesmanId(Uuid::from_u128(7))),
                Actor::Customer(it.customer_id)
            )
        );
        assert_eq!(String::from(told.customer.last_four), "5678");
        it.apply(&change);
        assert_eq!(
            (it.interested, it.version, it.erased_at),
            (false, 2, Some(at(9)))
        );
        assert_eq!(
            (&it.phone, &it.customer_name, it.consent),
            (&None, &None, None)
        );
    }

    #[test]
    fn what_was_off_is_erased_without_an_event_and_nothing_is_erased_twice() {
        for off in [turn(false), Command::Merge { into: OLDER }] {
            let it = after([off, ERASE]);
            assert_eq!((it.version, it.erased_at), (2, Some(at(9))));
            assert_eq!(it.handle(ERASE, Actor::System), Ok(None));
        }
    }

    #[test]
    fn what_is_nobodys_stays_so_whatever_comes() {
        let it = after([turn(false), ERASE]);
        let again = Command::MarkAgain {
            customer_name: Some("홍길동".to_owned()),
            consent: None,
            at: at(10),
        };
        for on in [turn(true), again] {
            assert_eq!(it.handle(on, Actor::System), Err(Refusal::Erased));
        }
        for late in [
            turn(false),
            a_match(1),
            a_match(7),
            Command::Merge { into: OLDER },
            a_legacy(Some(5)),
            a_legacy(None),
        ] {
            assert_eq!(it.handle(late, Actor::System), Ok(None));
        }
    }
}
