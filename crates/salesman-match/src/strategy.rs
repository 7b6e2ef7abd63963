//! Who is chosen: each strategy is one pure function of the request and the roster. The same input always gives the same choice.

use events::{LastFour, PersonRef};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Somebody who may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub person: PersonRef,
    /// How many open matches he can hold.
    pub capacity: i64,
    /// How many he holds.
    pub open: i64,
    /// Whether he works at all.
    pub active: bool,
}

impl Candidate {
    /// Inactive people and people at capacity are never chosen.
    pub fn is_eligible(&self) -> bool {
        self.active && self.open < self.capacity
    }
}

/// Why this one: stored with the match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The last four digits that picked.
    pub last_four: LastFour,
    /// Everybody who could have been picked, in the order in which they were counted.
    pub candidates: Vec<Uuid>,
    /// The place that was picked, counted from 0.
    pub picked: usize,
}

/// The seed's rule: the last digits of the phone pick from the active roster in id order.
///
/// `None` when nobody is eligible: the match stays in the queue.
pub fn phone_suffix(last_four: LastFour, roster: &[Candidate]) -> Option<(PersonRef, Reason)> {
    let mut eligible: Vec<&Candidate> = roster.iter().filter(|candidate| candidate.is_eligible()).collect();
    eligible.sort_by_key(|candidate| candidate.person.id);
    let picked = usize::from(last_four.number()).checked_rem(eligible.len())?;
    let candidates = eligible.iter().map(|candidate| candidate.person.id.0).collect();
    Some((eligible[picked].person.clone(), Reason { last_four, candidates, picked }))
}

#[cfg(test)]
mod tests {
    use events::SalesmanId;

    use super::*;

    fn four(text: &str) -> LastFour {
        LastFour::try_from(text.to_owned()).unwrap()
    }

    fn candidate(id: u128, open: i64) -> Candidate {
        let person = PersonRef { id: SalesmanId(Uuid::from_u128(id)), display_name: id.to_string() };
        Candidate { person, capacity: 2, open, active: true }
    }

    fn picked(last_four: &str, roster: &[Candidate]) -> Option<u128> {
        phone_suffix(four(last_four), roster).map(|(person, _)| person.id.0.as_u128())
    }

    #[test]
    fn the_last_digits_pick_from_the_roster_in_id_order_whatever_order_it_came_in() {
        let roster = [candidate(3, 0), candidate(1, 0), candidate(2, 0)];
        assert_eq!(picked("5678", &roster), Some(3));
        assert_eq!(picked("5679", &roster), Some(1));
        assert_eq!(picked("5680", &roster), Some(2));
        assert_eq!(picked("0000", &roster), Some(1));
    }

    #[test]
    fn nobody_inactive_or_at_capacity_is_chosen() {
        let resting = Candidate { active: false, ..candidate(1, 0) };
        let full = candidate(2, 2);
        for last_four in 0..50 {
            assert_eq!(picked(&format!("{last_four:04}"), &[resting.clone(), full.clone(), candidate(3, 1)]), Some(3));
        }
        assert_eq!(picked("1234", &[resting, full]), None);
        assert_eq!(picked("1234", &[]), None);
    }

    #[test]
    fn the_reason_names_everybody_who_could_have_been_picked() {
        let (_, reason) = phone_suffix(four("0004"), &[candidate(2, 0), candidate(1, 0), candidate(3, 2)]).unwrap();
        assert_eq!(reason.candidates, [Uuid::from_u128(1), Uuid::from_u128(2)]);
        assert_eq!(reason.picked, 0);
    }
}
