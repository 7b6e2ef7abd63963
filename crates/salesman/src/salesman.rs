//! Salesmen and consultants: the aggregate and its rules, without I/O, clock or id generation.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use chrono::{Datelike as _, Months};
use events::{
    Actor, Category, DEFAULT_WEIGHT, Leave, PersonRole, Profile, Region, SalesmanId,
    SalesmanRegistered, SalesmanUpdated,
};
use service_kit::forms::phone::Phone;

/// The maximum length of a name, in characters.
pub const MAX_NAME_LENGTH: usize = 100;

/// The maximum number of open matches of one person.
pub const MAX_CAPACITY: u32 = 1000;

/// The capacity of a person who is registered without one.
pub const DEFAULT_CAPACITY: u32 = 30;

/// The allowed weights. Beyond 100 to 1 the smaller share is negligible; `active` replaces zero.
pub const WEIGHTS: RangeInclusive<u32> = 1..=100;

/// A longer absence is not a leave: the person is set to inactive instead.
const MAX_LEAVE_MONTHS: u32 = 12;

/// A leave outside of these years is a typing error.
const LEAVE_YEARS: RangeInclusive<i32> = 2000..=2100;

/// A salesman or a consultant, depending on the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salesman {
    pub id: SalesmanId,
    /// The full name; not in any event.
    pub name: String,
    /// Not in any event.
    pub phone: Phone,
    /// Everything that events contain. The role never changes.
    pub profile: Profile,
    /// The number of events.
    pub version: i64,
}

/// The command `RegisterSalesman`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterSalesman {
    pub id: SalesmanId,
    /// The full name.
    pub name: String,
    /// Defaults to the full name.
    pub display_name: Option<String>,
    pub phone: Phone,
    pub role: PersonRole,
    /// Empty: the whole country.
    pub regions: Vec<Region>,
    pub categories: Vec<Category>,
    /// Defaults to [`DEFAULT_CAPACITY`].
    pub capacity: Option<u32>,
    /// Defaults to [`DEFAULT_WEIGHT`].
    pub weight: Option<u32>,
}

/// The command `UpdateSalesman`: `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateSalesman {
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub phone: Option<Phone>,
    /// Must equal the current role.
    pub role: Option<PersonRole>,
    pub regions: Option<Vec<Region>>,
    pub categories: Option<Vec<Category>>,
    pub capacity: Option<u32>,
    pub weight: Option<u32>,
    pub active: Option<bool>,
    pub leave: LeaveUpdate,
}

/// What an update does to the leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LeaveUpdate {
    #[default]
    Keep,
    Clear,
    Set(Leave),
}

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The outcomes of a salesman stay counted for a salesman.
    #[error("The role cannot change")]
    RoleIsFixed,
    #[error("The capacity is at most {MAX_CAPACITY}")]
    CapacityTooLarge,
    #[error("The weight is {} to {}", WEIGHTS.start(), WEIGHTS.end())]
    WeightOutOfRange,
    #[error("The leave ends before it starts")]
    LeaveBackwards,
    #[error("The leave is longer than a year")]
    LeaveTooLong,
    #[error("The leave is not between the years {} and {}", LEAVE_YEARS.start(), LEAVE_YEARS.end())]
    LeaveOutOfCalendar,
    /// Found by the store: phone numbers are unique.
    #[error("This phone number is already registered")]
    PhoneTaken,
}

/// A decided update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub event: SalesmanUpdated,
    /// The full name, which the event does not contain.
    pub name: String,
    /// The phone number, which the event does not contain.
    pub phone: Phone,
}

/// Every violated bound, so that the caller can report all of them at once.
pub fn out_of_bounds(
    capacity: Option<u32>,
    weight: Option<u32>,
    leave: Option<Leave>,
) -> Vec<Refusal> {
    let capacity = capacity
        .filter(|capacity| *capacity > MAX_CAPACITY)
        .map(|_| Refusal::CapacityTooLarge);
    let weight = weight
        .filter(|weight| !WEIGHTS.contains(weight))
        .map(|_| Refusal::WeightOutOfRange);
    let leave = leave.and_then(|leave| check_leave(leave).err());
    [capacity, weight, leave].into_iter().flatten().collect()
}

fn check_leave(Leave { from, until, .. }: Leave) -> Result<(), Refusal> {
    if !LEAVE_YEARS.contains(&from.year()) || !LEAVE_YEARS.contains(&until.year()) {
        Err(Refusal::LeaveOutOfCalendar)
    } else if until < from {
        Err(Refusal::LeaveBackwards)
    } else if from
        .checked_add_months(Months::new(MAX_LEAVE_MONTHS))
        .is_none_or(|last| until > last)
    {
        Err(Refusal::LeaveTooLong)
    } else {
        Ok(())
    }
}

/// The chosen values in the order of `all` and without repeats, so that equal sets compare equal.
fn normalized<T: Copy + PartialEq>(all: &[T], chosen: &[T]) -> Vec<T> {
    let is_chosen = |value: &T| chosen.contains(value);
    all.iter().copied().filter(is_chosen).collect()
}

impl Salesman {
    /// Decides the first event of a new person, who can be matched from then on.
    ///
    /// # Errors
    /// The first value that is [out of bounds](out_of_bounds).
    pub fn register(
        command: RegisterSalesman,
        actor: Actor,
    ) -> Result<(Self, SalesmanRegistered), Refusal> {
        if let Some(refusal) = out_of_bounds(command.capacity, command.weight, None).first() {
            return Err(*refusal);
        }
        let profile = Profile {
            display_name: command.display_name.unwrap_or_else(|| command.name.clone()),
            role: command.role,
            regions: normalized(&Region::ALL, &command.regions),
            categories: normalized(&Category::ALL, &command.categories),
            capacity: command.capacity.unwrap_or(DEFAULT_CAPACITY),
            weight: command.weight.unwrap_or(DEFAULT_WEIGHT),
            active: true,
            leave: None,
        };
        let event = SalesmanRegistered {
            salesman_id: command.id,
            profile: profile.clone(),
            actor,
        };
        let salesman = Self {
            id: command.id,
            name: command.name,
            phone: command.phone,
            profile,
            version: 1,
        };
        Ok((salesman, event))
    }

    /// Every reason to refuse the update, so that the caller can report all of them at once.
    pub fn refusals(&self, update: &UpdateSalesman) -> Vec<Refusal> {
        let role = update
            .role
            .filter(|role| *role != self.profile.role)
            .map(|_| Refusal::RoleIsFixed);
        let leave = match update.leave {
            LeaveUpdate::Set(leave) => Some(leave),
            LeaveUpdate::Keep | LeaveUpdate::Clear => None,
        };
        let bounds = out_of_bounds(update.capacity, update.weight, leave);
        role.into_iter().chain(bounds).collect()
    }

    /// Decides an update. `Ok(None)` means that it would change nothing.
    ///
    /// # Errors
    /// The first of the [refusals](Self::refusals).
    pub fn handle(&self, update: UpdateSalesman, actor: Actor) -> Result<Option<Change>, Refusal> {
        if let Some(refusal) = self.refusals(&update).first() {
            return Err(*refusal);
        }
        let current = self.clone();
        let profile = current.profile;
        let next = Self {
            name: update.name.unwrap_or(current.name),
            phone: update.phone.unwrap_or(current.phone),
            profile: Profile {
                display_name: update.display_name.unwrap_or(profile.display_name),
                role: profile.role,
                regions: update
                    .regions
                    .map_or(profile.regions, |chosen| normalized(&Region::ALL, &chosen)),
                categories: update.categories.map_or(profile.categories, |chosen| {
                    normalized(&Category::ALL, &chosen)
                }),
                capacity: update.capacity.unwrap_or(profile.capacity),
                weight: update.weight.unwrap_or(profile.weight),
                active: update.active.unwrap_or(profile.active),
                leave: match update.leave {
                    LeaveUpdate::Keep => profile.leave,
                    LeaveUpdate::Clear => None,
                    LeaveUpdate::Set(leave) => Some(leave),
                },
            },
            ..*self
        };
        if next == *self {
            return Ok(None);
        }
        Ok(Some(Change {
            event: SalesmanUpdated {
                salesman_id: next.id,
                profile: next.profile,
                actor,
            },
            name: next.name,
            phone: next.phone,
        }))
    }

    /// Applies a decided change to the state. Cannot fail.
    pub fn apply(&mut self, change: &Change) {
        self.name.clone_from(&change.name);
        self.phone.clone_from(&change.phone);
        self.profile.clone_from(&change.event.profile);
        self.version += 1;
    }
}
