//! Every rule about salesmen and consultants, and nothing else: no I/O, no clock, no ids made here.

use std::ops::RangeInclusive;

use chrono::{Datelike as _, Months};
use events::{
    Actor, Category, DEFAULT_WEIGHT, Leave, PersonRole, Profile, Region, SalesmanId,
    SalesmanRegistered, SalesmanUpdated,
};
use service_kit::forms::phone::Phone;

/// More open matches than this nobody can hold.
pub const LARGEST_CAPACITY: u32 = 1000;

/// How many open matches somebody holds who was registered without saying.
pub const USUAL_CAPACITY: u32 = 30;

/// The shares of the turns that somebody can have: with 100 to 1 the one gets nothing worth telling, and zero is what `active` is for.
pub const WEIGHTS: RangeInclusive<u32> = 1..=100;

/// Whoever is away for longer than this many months is not on leave: he is not active.
const LONGEST_LEAVE_MONTHS: u32 = 12;

/// A leave outside of these years is a typing error.
const LEAVE_YEARS: RangeInclusive<i32> = 2000..=2100;

/// A salesman, or by role a consultant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salesman {
    /// His id.
    pub id: SalesmanId,
    /// His full name; never in an event.
    pub name: String,
    /// The name he is shown by.
    pub display_name: String,
    /// His number; never in an event.
    pub phone: Phone,
    /// What he does; for good.
    pub role: PersonRole,
    /// Where he works; nowhere in particular means everywhere.
    pub regions: Vec<Region>,
    /// What he knows.
    pub categories: Vec<Category>,
    /// How many open matches he can hold.
    pub capacity: u32,
    /// His share of the turns, for strategies that weigh.
    pub weight: u32,
    /// Whether he can be chosen at all.
    pub active: bool,
    /// When he is away.
    pub leave: Option<Leave>,
    /// How many events he has.
    pub version: i64,
}

/// `RegisterSalesman`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterSalesman {
    /// The new person's id.
    pub id: SalesmanId,
    /// His full name.
    pub name: String,
    /// The name he is shown by; his full name unless given.
    pub display_name: Option<String>,
    /// His number.
    pub phone: Phone,
    /// What he does.
    pub role: PersonRole,
    /// Where he works.
    pub regions: Vec<Region>,
    /// What he knows.
    pub categories: Vec<Category>,
    /// How many open matches he can hold.
    pub capacity: Option<u32>,
    /// His share of the turns.
    pub weight: Option<u32>,
}

/// `UpdateSalesman`: what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateSalesman {
    /// Another full name.
    pub name: Option<String>,
    /// Another name to be shown by.
    pub display_name: Option<String>,
    /// Another number.
    pub phone: Option<Phone>,
    /// His role, which must be the one he has.
    pub role: Option<PersonRole>,
    /// Other regions.
    pub regions: Option<Vec<Region>>,
    /// Other categories.
    pub categories: Option<Vec<Category>>,
    /// Another capacity.
    pub capacity: Option<u32>,
    /// Another share of the turns.
    pub weight: Option<u32>,
    /// Whether he can be chosen from now on.
    pub active: Option<bool>,
    /// Another leave, or none.
    pub leave: LeaveUpdate,
}

/// What an update does to somebody's leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LeaveUpdate {
    /// It stays as it is.
    #[default]
    Stays,
    /// There is none any more.
    Cleared,
    /// It is this one.
    Set(Leave),
}

impl LeaveUpdate {
    /// The leave that it sets.
    fn set(self) -> Option<Leave> {
        match self {
            Self::Set(leave) => Some(leave),
            Self::Stays | Self::Cleared => None,
        }
    }
}

/// Why a command is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What somebody did as a salesman stays counted for a salesman.
    #[error("the role cannot change")]
    RoleIsFixed,
    /// Nobody can look after so many.
    #[error("the capacity is more than {LARGEST_CAPACITY}")]
    CapacityTooLarge,
    /// A share that is none, or that leaves nothing for others.
    #[error("the weight is not {} to {}", WEIGHTS.start(), WEIGHTS.end())]
    WeightOutOfRange,
    /// It would be over before it begins.
    #[error("the leave ends before it begins")]
    LeaveBackwards,
    /// Longer than a year.
    #[error("the leave is longer than a year")]
    LeaveTooLong,
    /// A typing error.
    #[error("the leave is not between the years {} and {}", LEAVE_YEARS.start(), LEAVE_YEARS.end())]
    LeaveOutOfCalendar,
    /// Somebody has that number already: what only the store can tell.
    #[error("somebody is registered with this number already")]
    PhoneTaken,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is told.
    pub event: SalesmanUpdated,
    /// The full name, which is not.
    pub name: String,
    /// The number, which is not either.
    pub phone: Phone,
}

/// Everything in these that nobody can have, so that all of it can be told at once.
pub fn out_of_bounds(
    capacity: Option<u32>,
    weight: Option<u32>,
    leave: Option<Leave>,
) -> Vec<Refusal> {
    let capacity = capacity
        .filter(|capacity| *capacity > LARGEST_CAPACITY)
        .map(|_| Refusal::CapacityTooLarge);
    let weight = weight
        .filter(|weight| !WEIGHTS.contains(weight))
        .map(|_| Refusal::WeightOutOfRange);
    let leave = leave.and_then(|leave| check_leave(leave).err());
    [capacity, weight, leave].into_iter().flatten().collect()
}

fn check_leave(Leave { from, until }: Leave) -> Result<(), Refusal> {
    if !LEAVE_YEARS.contains(&from.year()) || !LEAVE_YEARS.contains(&until.year()) {
        Err(Refusal::LeaveOutOfCalendar)
    } else if until < from {
        Err(Refusal::LeaveBackwards)
    } else if from
        .checked_add_months(Months::new(LONGEST_LEAVE_MONTHS))
        .is_none_or(|last| until > last)
    {
        Err(Refusal::LeaveTooLong)
    } else {
        Ok(())
    }
}

/// Each once, in the contract's order: in another order they say the same.
fn folded_regions(given: &[Region]) -> Vec<Region> {
    Region::ALL
        .into_iter()
        .filter(|region| given.contains(region))
        .collect()
}

fn folded_categories(given: &[Category]) -> Vec<Category> {
    Category::ALL
        .into_iter()
        .filter(|category| given.contains(category))
        .collect()
}

impl Salesman {
    /// The new person, and what is told of him.
    ///
    /// # Errors
    /// What is [out of bounds](out_of_bounds).
    pub fn register(
        command: RegisterSalesman,
        actor: Actor,
    ) -> Result<(Self, SalesmanRegistered), Refusal> {
        if let Some(refusal) = out_of_bounds(command.capacity, command.weight, None)
            .into_iter()
            .next()
        {
            return Err(refusal);
        }
        let it = Self {
            id: command.id,
            display_name: command.display_name.unwrap_or_else(|| command.name.clone()),
            name: command.name,
            phone: command.phone,
            role: command.role,
            regions: folded_regions(&command.regions),
            categories: folded_categories(&command.categories),
            capacity: command.capacity.unwrap_or(USUAL_CAPACITY),
            weight: command.weight.unwrap_or(DEFAULT_WEIGHT),
            active: true,
            leave: None,
            version: 1,
        };
        let event = SalesmanRegistered {
            salesman_id: it.id,
            profile: it.profile(),
            actor,
        };
        Ok((it, event))
    }

    /// Everything that stands against the update, so that all of it can be told at once.
    pub fn obstacles(&self, update: &UpdateSalesman) -> Vec<Refusal> {
        let role = update
            .role
            .filter(|role| *role != self.role)
            .map(|_| Refusal::RoleIsFixed);
        role.into_iter()
            .chain(out_of_bounds(
                update.capacity,
                update.weight,
                update.leave.set(),
            ))
            .collect()
    }

    /// Decides what an update means here. Pure; `Ok(None)` is "already so".
    ///
    /// # Errors
    /// The first of its [obstacles](Self::obstacles).
    pub fn handle(&self, update: UpdateSalesman, actor: Actor) -> Result<Option<Change>, Refusal> {
        if let Some(refusal) = self.obstacles(&update).into_iter().next() {
            return Err(refusal);
        }
        let next = Self {
            id: self.id,
            name: update.name.unwrap_or_else(|| self.name.clone()),
            display_name: update
                .display_name
                .unwrap_or_else(|| self.display_name.clone()),
            phone: update.phone.unwrap_or_else(|| self.phone.clone()),
            role: self.role,
            regions: update
                .regions
                .map_or_else(|| self.regions.clone(), |regions| folded_regions(&regions)),
            categories: update.categories.map_or_else(
                || self.categories.clone(),
                |categories| folded_categories(&categories),
            ),
            capacity: update.capacity.unwrap_or(self.capacity),
            weight: update.weight.unwrap_or(self.weight),
            active: update.active.unwrap_or(self.active),
            leave: if update.leave == LeaveUpdate::Stays {
                self.leave
            } else {
                update.leave.set()
            },
            version: self.version,
        };
        if next == *self {
            return Ok(None);
        }
        let event = SalesmanUpdated {
            salesman_id: self.id,
            profile: next.profile(),
            actor,
        };
        Ok(Some(Change {
            event,
            name: next.name,
            phone: next.phone,
        }))
    }

    /// Folds a decided change into the state. Cannot refuse.
    pub fn apply(&mut self, change: &Change) {
        let Profile {
            display_name,
            role,
            regions,
            categories,
            capacity,
            weight,
            active,
            leave,
        } = change.event.profile.clone();
        *self = Self {
            id: self.id,
            name: change.name.clone(),
            display_name,
            phone: change.phone.clone(),
            role,
            regions,
            categories,
            capacity,
            weight,
            active,
            leave,
            version: self.version + 1,
        };
    }

    /// What others know of him.
    fn profile(&self) -> Profile {
        Profile {
            display_name: self.display_name.clone(),
            role: self.role,
            regions: self.regions.clone(),
            categories: self.categories.clone(),
            capacity: self.capacity,
            weight: self.weight,
            active: self.active,
            leave: self.leave,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn a_registration() -> RegisterSalesman {
        RegisterSalesman {
            id: SalesmanId(Uuid::from_u128(1)),
            name: "김영업".to_owned(),
            display_name: None,
            phone: "010-1234-5678".parse().unwrap(),
            role: PersonRole::Salesman,
            regions: vec![Region::Seoul],
            categories: vec![],
            capacity: None,
            weight: None,
        }
    }

    fn somebody() -> Salesman {
        Salesman::register(a_registration(), Actor::System)
            .unwrap()
            .0
    }

    fn leave(from: &str, until: &str) -> Leave {
        Leave {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
        }
    }

    /// Everything that can be changed, one by one, and whether others are told what it is.
    fn updates() -> Vec<(UpdateSalesman, bool)> {
        let update = UpdateSalesman::default;
        vec![
            (
                UpdateSalesman {
                    name: Some("김대표".to_owned()),
                    ..update()
                },
                false,
            ),
            (
                UpdateSalesman {
                    phone: Some("010-2222-3333".parse().unwrap()),
                    ..update()
                },
                false,
            ),
            (
                UpdateSalesman {
                    display_name: Some("영업 김".to_owned()),
                    ..update()
                },
                true,
            ),
            (
                UpdateSalesman {
                    regions: Some(vec![]),
                    ..update()
                },
                true,
            ),
            (
                UpdateSalesman {
                    categories: Some(vec![Category::Export]),
                    ..update()
                },
                true,
            ),
            (
                UpdateSalesman {
                    capacity: Some(0),
                    ..update()
                },
                true,
            ),
            (
                UpdateSalesman {
                    weight: Some(100),
                    ..update()
                },
                true,
            ),
            (
                UpdateSalesman {
                    active: Some(false),
                    ..update()
                },
                true,
            ),
            (
                UpdateSalesman {
                    leave: LeaveUpdate::Set(leave("2026-12-01", "2026-12-05")),
                    ..update()
                },
                true,
            ),
        ]
    }

    #[test]
    fn whoever_is_registered_can_be_chosen_at_once() {
        let (it, event) = Salesman::register(a_registration(), Actor::System).unwrap();
        assert!(it.active && event.profile.active);
        assert_eq!(
            (
                event.profile.capacity,
                event.profile.weight,
                event.profile.leave
            ),
            (USUAL_CAPACITY, DEFAULT_WEIGHT, None)
        );
        assert_eq!(it.version, 1);
    }

    #[test]
    fn he_is_shown_by_his_name_unless_he_chose_another() {
        let (_, event) = Salesman::register(a_registration(), Actor::System).unwrap();
        assert_eq!(event.profile.display_name, "김영업");
        let chosen = RegisterSalesman {
            display_name: Some("영업 김".to_owned()),
            ..a_registration()
        };
        assert_eq!(
            Salesman::register(chosen, Actor::System)
                .unwrap()
                .1
                .profile
                .display_name,
            "영업 김"
        );
    }

    #[test]
    fn what_nobody_can_have_is_refused_when_registering_too() {
        let large = RegisterSalesman {
            capacity: Some(LARGEST_CAPACITY + 1),
            ..a_registration()
        };
        assert_eq!(
            Salesman::register(large, Actor::System),
            Err(Refusal::CapacityTooLarge)
        );
        for weight in [0, 101] {
            let odd = RegisterSalesman {
                weight: Some(weight),
                ..a_registration()
            };
            assert_eq!(
                Salesman::register(odd, Actor::System),
                Err(Refusal::WeightOutOfRange)
            );
        }
    }

    #[test]
    fn an_update_leaves_him_as_it_says_and_nothing_else_differs() {
        for (update, is_told) in updates() {
            let before = somebody();
            let change = before
                .handle(update.clone(), Actor::System)
                .unwrap()
                .expect("something differs");
            assert_eq!(
                change.event.profile != before.profile(),
                is_told,
                "{update:?}"
            );
            let mut after = before.clone();
            after.apply(&change);
            assert_eq!((after.version, after.profile()), (2, change.event.profile));
            assert_eq!(
                after.handle(update, Actor::System),
                Ok(None),
                "it is already so"
            );
        }
    }

    #[test]
    fn an_update_that_says_what_is_so_is_already_so() {
        let same = UpdateSalesman {
            name: Some("김영업".to_owned()),
            display_name: Some("김영업".to_owned()),
            phone: Some("01012345678".parse().unwrap()),
            role: Some(PersonRole::Salesman),
            regions: Some(vec![Region::Seoul, Region::Seoul]),
            categories: Some(vec![]),
            capacity: Some(USUAL_CAPACITY),
            weight: Some(DEFAULT_WEIGHT),
            active: Some(true),
            leave: LeaveUpdate::Cleared,
        };
        assert_eq!(somebody().handle(same, Actor::System), Ok(None));
        assert_eq!(
            somebody().handle(UpdateSalesman::default(), Actor::System),
            Ok(None)
        );
    }

    #[test]
    fn a_leave_can_be_taken_away_again() {
        let away = Salesman {
            leave: Some(leave("2026-12-01", "2026-12-05")),
            ..somebody()
        };
        let change = away
            .handle(
                UpdateSalesman {
                    leave: LeaveUpdate::Cleared,
                    ..UpdateSalesman::default()
                },
                Actor::System,
            )
            .unwrap();
        assert_eq!(change.unwrap().event.profile.leave, None);
    }

    #[test]
    fn repeats_are_folded_and_the_order_says_nothing() {
        let many = RegisterSalesman {
            regions: Region::ALL.into_iter().rev().chain(Region::ALL).collect(),
            categories: Category::ALL
                .into_iter()
                .rev()
                .chain(Category::ALL)
                .collect(),
            ..a_registration()
        };
        let (it, _) = Salesman::register(many, Actor::System).unwrap();
        assert_eq!(
            (it.regions.as_slice(), it.categories.as_slice()),
            (&Region::ALL[..], &Category::ALL[..])
        );
        let turned = UpdateSalesman {
            regions: Some(Region::ALL.into_iter().rev().collect()),
            ..UpdateSalesman::default()
        };
        assert_eq!(it.handle(turned, Actor::System), Ok(None));
    }

    #[test]
    fn a_leave_is_a_day_long_at_least_and_a_year_at_most() {
        for (from, until, expected) in [
            ("2026-12-01", "2026-12-01", Ok(())),
            ("2026-12-01", "2027-12-01", Ok(())),
            ("2026-12-01", "2027-12-02", Err(Refusal::LeaveTooLong)),
            ("2028-02-29", "2029-02-28", Ok(())),
            ("2028-02-29", "2029-03-01", Err(Refusal::LeaveTooLong)),
            ("2026-12-02", "2026-12-01", Err(Refusal::LeaveBackwards)),
            ("1999-12-31", "2000-01-01", Err(Refusal::LeaveOutOfCalendar)),
            ("2100-12-31", "2101-01-01", Err(Refusal::LeaveOutOfCalendar)),
        ] {
            assert_eq!(
                check_leave(leave(from, until)),
                expected,
                "{from} to {until}"
            );
        }
    }

    #[test]
    fn everything_that_stands_against_an_update_is_told_at_once_and_none_of_it_happens() {
        let update = UpdateSalesman {
            name: Some("김대표".to_owned()),
            role: Some(PersonRole::Consultant),
            capacity: Some(LARGEST_CAPACITY + 1),
            weight: Some(0),
            leave: LeaveUpdate::Set(leave("2026-12-02", "2026-12-01")),
            ..UpdateSalesman::default()
        };
        let all = [
            Refusal::RoleIsFixed,
            Refusal::CapacityTooLarge,
            Refusal::WeightOutOfRange,
            Refusal::LeaveBackwards,
        ];
        assert_eq!(somebody().obstacles(&update), all);
        assert_eq!(
            somebody().handle(update, Actor::System),
            Err(Refusal::RoleIsFixed)
        );
    }
}
