//! Every rule about salesmen and consultants, and nothing else: no I/O, no clock, no ids made here.

use events::{Actor, Category, PersonRole, Profile, Region, SalesmanId, SalesmanRegistered, USUAL_WEIGHT};
use service_kit::phone::Phone;

/// More open matches than this nobody can hold.
pub const LARGEST_CAPACITY: u32 = 1000;

/// How many open matches somebody holds who was registered without saying.
pub const USUAL_CAPACITY: u32 = 30;

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
    /// What he does.
    pub role: PersonRole,
    /// Where he works.
    pub regions: Vec<Region>,
    /// What he knows.
    pub categories: Vec<Category>,
    /// How many open matches he can hold.
    pub capacity: u32,
    /// Whether he can be chosen at all.
    pub active: bool,
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
    /// Where he works; nowhere in particular means everywhere.
    pub regions: Vec<Region>,
    /// What he knows.
    pub categories: Vec<Category>,
    /// How many open matches he can hold.
    pub capacity: Option<u32>,
}

impl Salesman {
    /// The new person, and what is told of him.
    pub fn register(command: RegisterSalesman, actor: Actor) -> (Self, SalesmanRegistered) {
        let it = Self {
            id: command.id,
            display_name: command.display_name.unwrap_or_else(|| command.name.clone()),
            name: command.name,
            phone: command.phone,
            role: command.role,
            regions: command.regions,
            categories: command.categories,
            capacity: command.capacity.unwrap_or(USUAL_CAPACITY).min(LARGEST_CAPACITY),
            active: true,
            version: 1,
        };
        let event = SalesmanRegistered {
            salesman_id: it.id,
            profile: Profile {
                display_name: it.display_name.clone(),
                role: it.role,
                regions: it.regions.clone(),
                categories: it.categories.clone(),
                capacity: it.capacity,
                weight: USUAL_WEIGHT,
                active: it.active,
                leave: None,
            },
            actor,
        };
        (it, event)
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
        }
    }

    #[test]
    fn whoever_is_registered_can_be_chosen_at_once() {
        let (it, event) = Salesman::register(a_registration(), Actor::System);
        assert!(it.active && event.profile.active);
        assert_eq!(event.profile.capacity, USUAL_CAPACITY);
        assert_eq!(it.version, 1);
    }

    #[test]
    fn he_is_shown_by_his_name_unless_he_chose_another() {
        let (_, event) = Salesman::register(a_registration(), Actor::System);
        assert_eq!(event.profile.display_name, "김영업");
        let chosen = RegisterSalesman { display_name: Some("영업 김".to_owned()), ..a_registration() };
        assert_eq!(Salesman::register(chosen, Actor::System).1.profile.display_name, "영업 김");
    }
}
