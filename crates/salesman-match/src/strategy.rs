//! Who is chosen for a match: pure functions of a request and the roster.
//!
//! The same input always gives the same choice, ties included. The rules apply in this order: the
//! customer's current person, the salesman who brought the customer in, the strategy in force. Each
//! rule picks from the eligible candidates in id order.

use chrono::NaiveDate;
use events::{LastFour, Leave, PersonRef, PersonRole, SalesmanId, Strategy};
use serde::Serialize;

use crate::salesman_match::Command;

/// What the choice for one role depends on, besides the roster.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub role: PersonRole,
    /// The last four digits of the customer's phone number.
    pub last_four: LastFour,
    /// The people of the customer's matches, newest match first.
    pub history: &'a [Assignment],
    /// The salesman who brought the customer in.
    pub brought_by: Option<SalesmanId>,
    /// The current day in Seoul.
    pub today: NaiveDate,
}

/// A person who is or was on one of the customer's matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    pub role: PersonRole,
    pub person: SalesmanId,
    /// Whether that match is open and still has this person.
    pub is_open: bool,
}

/// A salesman or consultant of the roster. Serialized as the stored reason shows candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    #[serde(flatten)]
    pub person: PersonRef,
    #[serde(skip)]
    pub role: PersonRole,
    /// The maximum number of open matches.
    pub capacity: i64,
    /// The current number of open matches.
    pub open: i64,
    #[serde(skip)]
    pub active: bool,
    #[serde(skip)]
    pub leave: Option<Leave>,
}

/// Why a candidate cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    Inactive,
    OnLeave(Leave),
    AtCapacity,
}

impl Candidate {
    /// Why the candidate cannot be chosen on that day; `None` for an eligible one.
    pub fn unavailable(&self, today: NaiveDate) -> Option<Unavailable> {
        match self.leave {
            _ if !self.active => Some(Unavailable::Inactive),
            Some(leave) if leave.covers(today) => Some(Unavailable::OnLeave(leave)),
            _ if self.open >= self.capacity => Some(Unavailable::AtCapacity),
            _ => None,
        }
    }

    /// Whether the open matches of the person go to others on that day (인계).
    pub fn hands_over(&self, today: NaiveDate) -> bool {
        let leaves = |leave: Leave| leave.hand_over && leave.covers(today);
        !self.active || self.leave.is_some_and(leaves)
    }

    pub fn is_eligible(&self, role: PersonRole, today: NaiveDate) -> bool {
        self.role == role && self.unavailable(today).is_none()
    }
}

/// The strategy that the assigner uses where no other rule picks.
pub const IN_FORCE: Strategy = Strategy::PhoneSuffix;

/// The rule that picked a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The customer already has this person.
    Kept,
    /// This salesman brought the customer in.
    Brought,
    /// A strategy picked, or staff did.
    #[serde(untagged)]
    Strategy(Strategy),
}

const PHONE_SUFFIX: Rule = Rule::Strategy(Strategy::PhoneSuffix);

impl Rule {
    /// The strategy to publish: the rules that come first belong to the strategy in force.
    pub const fn strategy(self) -> Strategy {
        match self {
            Self::Kept | Self::Brought => IN_FORCE,
            Self::Strategy(strategy) => strategy,
        }
    }
}

/// A chosen person. Serialized as the reason that is stored with the match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    #[serde(skip)]
    pub person: PersonRef,
    pub rule: Rule,
    /// The last four digits, if they picked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_four: Option<LastFour>,
    /// The number of eligible candidates.
    pub among: usize,
    /// The index of the chosen person among them, in id order.
    pub picked: usize,
    /// The chosen person and those with the most free capacity, in id order, as of the choice: at
    /// most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
}

/// How many candidates are stored with a choice. A whole roster with every match would be most of
/// the database.
pub const MAX_CANDIDATES: usize = 10;

/// The people newly chosen for a match. `None` leaves a role as it is.
#[derive(Debug, Serialize)]
pub struct Choices {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salesman: Option<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consultant: Option<Choice>,
}

impl Choices {
    /// The command that puts these people on a match.
    pub fn command(&self) -> Command {
        let person = |choice: &Option<Choice>| choice.as_ref().map(|choice| choice.person.clone());
        let first = self.salesman.as_ref().or(self.consultant.as_ref());
        Command::MatchSalesman {
            salesman: person(&self.salesman),
            consultant: person(&self.consultant),
            strategy: first.map_or(IN_FORCE, |choice| choice.rule.strategy()),
        }
    }
}

/// Chooses a person for one role. `None` if no candidate is eligible: the match stays in the queue.
pub fn choose(request: Request<'_>, roster: &[Candidate]) -> Option<Choice> {
    let mut candidates: Vec<&Candidate> = roster
        .iter()
        .filter(|candidate| candidate.is_eligible(request.role, request.today))
        .collect();
    candidates.sort_by_key(|candidate| candidate.person.id);
    let (picked, rule) = if let Some(index) = kept(request, &candidates) {
        (index, Rule::Kept)
    } else if let Some(index) = brought(request, &candidates) {
        (index, Rule::Brought)
    } else {
        (phone_suffix(request, &candidates)?, PHONE_SUFFIX)
    };
    Some(Choice {
        person: candidates.get(picked)?.person.clone(),
        rule,
        last_four: (rule == PHONE_SUFFIX).then_some(request.last_four),
        among: candidates.len(),
        picked,
        candidates: shown(candidates, picked),
    })
}

/// The candidates that are stored. `candidates` are in id order.
fn shown(candidates: Vec<&Candidate>, picked: usize) -> Vec<Candidate> {
    let mut places: Vec<(usize, &Candidate)> = candidates.into_iter().enumerate().collect();
    places
        .sort_by_key(|(place, candidate)| (*place != picked, candidate.open - candidate.capacity));
    places.truncate(MAX_CANDIDATES);
    places.sort_by_key(|(place, _)| *place);
    places
        .into_iter()
        .map(|(_, candidate)| candidate.clone())
        .collect()
}

/// The choice of staff: the chosen person is the only candidate.
pub fn by_hand(candidate: Candidate) -> Choice {
    Choice {
        person: candidate.person.clone(),
        rule: Rule::Strategy(Strategy::ByHand),
        last_four: None,
        among: 1,
        picked: 0,
        candidates: vec![candidate],
    }
}

/// The person of the customer's newest open match, else of the newest closed one, who is eligible.
fn kept(request: Request<'_>, candidates: &[&Candidate]) -> Option<usize> {
    let people = |is_open| {
        let history = request.history.iter();
        history.filter(move |past| past.role == request.role && past.is_open == is_open)
    };
    people(true)
        .chain(people(false))
        .find_map(|past| index_of(past.person, candidates))
}

/// The salesman who brought the customer in. Consultants bring no customers in.
fn brought(request: Request<'_>, candidates: &[&Candidate]) -> Option<usize> {
    let is_salesman = request.role == PersonRole::Salesman;
    index_of(request.brought_by.filter(|_| is_salesman)?, candidates)
}

/// The rule of the seed document: the last four digits modulo the number of candidates.
fn phone_suffix(request: Request<'_>, candidates: &[&Candidate]) -> Option<usize> {
    usize::from(request.last_four.number()).checked_rem(candidates.len())
}

fn index_of(person: SalesmanId, candidates: &[&Candidate]) -> Option<usize> {
    candidates
        .iter()
        .position(|candidate| candidate.person.id == person)
}

#[cfg(test)]
mod tests;
