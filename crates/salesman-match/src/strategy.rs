//! Who is chosen: pure functions of (request, roster). The same input always gives the same choice, ties included.
//!
//! Whom the customer has goes first, then who brought him in, then the strategy; each picks from those who are eligible, in id order.

use chrono::NaiveDate;
use events::{LastFour, Leave, PersonRef, SalesmanId};
use serde::{Serialize, Serializer};

/// For whom somebody is chosen.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The last four digits of the customer's phone number.
    pub last_four: LastFour,
    /// Who had this place on the customer's matches, the newest match first.
    pub had: &'a [Had],
    /// The salesman who brought the customer in; nobody, where a consultant is chosen.
    pub brought_by: Option<SalesmanId>,
    /// The day, in Seoul.
    pub today: NaiveDate,
}

/// Somebody whom the customer has, or had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Had {
    /// Who.
    pub who: SalesmanId,
    /// Whether that match is open, with him on it.
    pub is_open: bool,
}

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
    /// When he is away.
    pub leave: Option<Leave>,
}

/// Why somebody cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// He does not work any more.
    Inactive,
    /// He is away.
    OnLeave(Leave),
    /// He holds as much as he can.
    AtCapacity,
}

impl Candidate {
    /// Why he cannot be chosen on that day, if he cannot.
    pub fn unavailable(&self, today: NaiveDate) -> Option<Unavailable> {
        match self.leave {
            _ if !self.active => Some(Unavailable::Inactive),
            Some(leave) if leave.covers(today) => Some(Unavailable::OnLeave(leave)),
            _ if self.open >= self.capacity => Some(Unavailable::AtCapacity),
            _ => None,
        }
    }

    /// Inactive people, people on leave and people at capacity are never chosen.
    pub fn is_eligible(&self, today: NaiveDate) -> bool {
        self.unavailable(today).is_none()
    }
}

/// The strategy in force: what picks where no rule goes before it and staff do not choose by hand.
pub const IN_FORCE: events::Strategy = events::Strategy::PhoneSuffix;

/// By which rule somebody was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The customer has him already.
    Kept,
    /// He brought the customer in.
    Brought,
    /// A strategy picked, or staff did.
    By(events::Strategy),
}

impl Rule {
    /// All of them, in the order in which they are asked.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Kept, Self::Brought]
            .into_iter()
            .chain(events::Strategy::ALL.map(Self::By))
    }

    /// The rule's name; that of a strategy is the strategy's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Brought => "brought",
            Self::By(strategy) => strategy.as_str(),
        }
    }

    /// The strategy that is told of whoever was chosen: rules that go before it belong to the one in force.
    pub const fn strategy(self) -> events::Strategy {
        match self {
            Self::Kept | Self::Brought => IN_FORCE,
            Self::By(strategy) => strategy,
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why this one: stored with the match, for whoever reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The rule that picked.
    pub rule: Rule,
    /// The last four digits, where they picked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_four: Option<LastFour>,
    /// Everybody who could have been picked, in the order in which they were counted.
    pub candidates: Vec<Scored>,
    /// The place among them that was picked, counted from 0.
    pub picked: usize,
}

/// Somebody who could have been picked, as he stood at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scored {
    /// Who.
    #[serde(flatten)]
    pub person: PersonRef,
    /// How many open matches he held.
    pub open: i64,
    /// How many he could hold.
    pub capacity: i64,
}

impl From<&Candidate> for Scored {
    fn from(candidate: &Candidate) -> Self {
        Self {
            person: candidate.person.clone(),
            open: candidate.open,
            capacity: candidate.capacity,
        }
    }
}

/// Who was chosen, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Who.
    pub person: PersonRef,
    /// By which rule, and from whom.
    pub reason: Reason,
}

/// Chooses for one place. `None` when nobody is eligible: the place stays in the queue.
pub fn choose(request: Request<'_>, roster: &[Candidate]) -> Option<Choice> {
    let mut eligible: Vec<&Candidate> = roster
        .iter()
        .filter(|candidate| candidate.is_eligible(request.today))
        .collect();
    eligible.sort_by_key(|candidate| candidate.person.id);
    let (picked, rule) = None
        .or_else(|| kept(request, &eligible).map(|picked| (picked, Rule::Kept)))
        .or_else(|| brought(request, &eligible).map(|picked| (picked, Rule::Brought)))
        .or_else(|| {
            phone_suffix(request, &eligible)
                .map(|picked| (picked, Rule::By(events::Strategy::PhoneSuffix)))
        })?;
    let person = eligible.get(picked)?.person.clone();
    let last_four = (rule == Rule::By(events::Strategy::PhoneSuffix)).then_some(request.last_four);
    let candidates = eligible.into_iter().map(Scored::from).collect();
    Some(Choice {
        person,
        reason: Reason {
            rule,
            last_four,
            candidates,
            picked,
        },
    })
}

/// Staff choose: whoever is chosen is the only candidate.
pub fn by_hand(candidate: &Candidate) -> Choice {
    let rule = Rule::By(events::Strategy::ByHand);
    let reason = Reason {
        rule,
        last_four: None,
        candidates: vec![candidate.into()],
        picked: 0,
    };
    Choice {
        person: candidate.person.clone(),
        reason,
    }
}

/// A customer keeps whom he has: the person of his newest open match, else of his newest; if that one is not eligible, the next.
fn kept(request: Request<'_>, eligible: &[&Candidate]) -> Option<usize> {
    let (open, over): (Vec<&Had>, Vec<&Had>) = request.had.iter().partition(|had| had.is_open);
    open.into_iter()
        .chain(over)
        .find_map(|had| place_of(had.who, eligible))
}

/// Whoever brought the customer in keeps him.
fn brought(request: Request<'_>, eligible: &[&Candidate]) -> Option<usize> {
    place_of(request.brought_by?, eligible)
}

/// The seed's rule: the last digits of the phone pick from the active roster in id order.
fn phone_suffix(request: Request<'_>, eligible: &[&Candidate]) -> Option<usize> {
    usize::from(request.last_four.number()).checked_rem(eligible.len())
}

fn place_of(who: SalesmanId, eligible: &[&Candidate]) -> Option<usize> {
    eligible
        .iter()
        .position(|candidate| candidate.person.id == who)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const PHONE_SUFFIX: Rule = Rule::By(events::Strategy::PhoneSuffix);

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn request(last_four: &str) -> Request<'static> {
        let last_four = LastFour::try_from(last_four.to_owned()).unwrap();
        Request {
            last_four,
            had: &[],
            brought_by: None,
            today: day("2026-11-23"),
        }
    }

    fn id(number: u128) -> SalesmanId {
        SalesmanId(Uuid::from_u128(number))
    }

    fn candidate(number: u128, open: i64) -> Candidate {
        let person = PersonRef {
            id: id(number),
            display_name: number.to_string(),
        };
        Candidate {
            person,
            capacity: 2,
            open,
            active: true,
            leave: None,
        }
    }

    fn had(number: u128, is_open: bool) -> Had {
        Had {
            who: id(number),
            is_open,
        }
    }

    fn picked(request: Request<'_>, roster: &[Candidate]) -> Option<(u128, Rule)> {
        choose(request, roster)
            .map(|Choice { person, reason }| (person.id.0.as_u128(), reason.rule))
    }

    #[test]
    fn the_last_digits_pick_from_the_roster_in_id_order_whatever_order_it_came_in() {
        let roster = [candidate(3, 0), candidate(1, 0), candidate(2, 0)];
        for (last_four, expected) in [("5678", 3), ("5679", 1), ("5680", 2), ("0000", 1)] {
            assert_eq!(
                picked(request(last_four), &roster),
                Some((expected, PHONE_SUFFIX))
            );
        }
    }

    #[test]
    fn nobody_inactive_on_leave_or_at_capacity_is_chosen_by_any_rule() {
        let resting = Candidate {
            active: false,
            ..candidate(1, 0)
        };
        let away = Candidate {
            leave: Some(Leave {
                from: day("2026-11-20"),
                until: day("2026-11-23"),
            }),
            ..candidate(2, 0)
        };
        let full = candidate(3, 2);
        let unavailable = [resting, away, full];
        for number in 0..50 {
            for who in 1..=3 {
                let had = [had(who, true), had(who, false)];
                let request = Request {
                    had: &had,
                    brought_by: Some(id(who)),
                    ..request(&format!("{number:04}"))
                };
                assert_eq!(picked(request, &unavailable), None);
                assert_eq!(
                    picked(request, &[&unavailable[..], &[candidate(4, 1)]].concat()),
                    Some((4, PHONE_SUFFIX))
                );
            }
        }
        assert_eq!(picked(request("1234"), &[]), None);
    }

    #[test]
    fn a_leave_lasts_from_its_first_day_to_its_last() {
        let leave = Leave {
            from: day("2026-11-24"),
            until: day("2026-11-25"),
        };
        let away = Candidate {
            leave: Some(leave),
            ..candidate(1, 0)
        };
        let days = ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"].map(day);
        let off = Some(Unavailable::OnLeave(leave));
        assert_eq!(
            days.map(|today| away.unavailable(today)),
            [None, off, off, None]
        );
    }

    #[test]
    fn a_customer_keeps_whom_he_has_open_matches_first_then_the_newest_who_is_eligible() {
        let roster = [candidate(1, 0), candidate(2, 0), candidate(3, 0)];
        let kept = |had: &[Had], roster: &[Candidate]| {
            picked(
                Request {
                    had,
                    ..request("0000")
                },
                roster,
            )
        };
        assert_eq!(
            kept(&[had(2, false), had(3, false)], &roster),
            Some((2, Rule::Kept))
        );
        assert_eq!(
            kept(&[had(2, false), had(3, true)], &roster),
            Some((3, Rule::Kept))
        );
        assert_eq!(
            kept(&[had(3, true), had(2, true)], &roster),
            Some((3, Rule::Kept))
        );
        let busy = [candidate(1, 0), candidate(2, 0), candidate(3, 2)];
        assert_eq!(
            kept(&[had(2, false), had(3, true)], &busy),
            Some((2, Rule::Kept))
        );
        assert_eq!(kept(&[had(9, true)], &roster), Some((1, PHONE_SUFFIX)));
    }

    #[test]
    fn whoever_brought_the_customer_in_goes_before_the_strategy_and_after_whom_the_customer_has() {
        let roster = [candidate(1, 0), candidate(2, 0), candidate(3, 0)];
        let brought = Request {
            brought_by: Some(id(3)),
            ..request("0000")
        };
        assert_eq!(picked(brought, &roster), Some((3, Rule::Brought)));
        assert_eq!(
            picked(
                Request {
                    had: &[had(2, false)],
                    ..brought
                },
                &roster
            ),
            Some((2, Rule::Kept))
        );
    }

    #[test]
    fn the_reason_names_everybody_who_could_have_been_picked_and_what_he_held() {
        let Choice { reason, .. } = choose(
            request("0004"),
            &[candidate(2, 0), candidate(1, 1), candidate(3, 2)],
        )
        .unwrap();
        let stood: Vec<_> = reason
            .candidates
            .iter()
            .map(|it| (it.person.id, it.open, it.capacity))
            .collect();
        assert_eq!(stood, [(id(1), 1, 2), (id(2), 0, 2)]);
        assert_eq!(
            (reason.picked, reason.last_four),
            (0, Some(request("0004").last_four))
        );
        let had = [had(2, true)];
        let Choice { reason, .. } = choose(
            Request {
                had: &had,
                ..request("0004")
            },
            &[candidate(2, 0), candidate(1, 1)],
        )
        .unwrap();
        assert_eq!((reason.picked, reason.last_four), (1, None));
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_and_tells_a_strategy() {
        let names: Vec<&str> = Rule::all().map(Rule::as_str).collect();
        assert_eq!(names, ["kept", "brought", "phone-suffix", "by-hand"]);
        let told: Vec<&str> = Rule::all().map(|rule| rule.strategy().as_str()).collect();
        assert_eq!(
            told,
            ["phone-suffix", "phone-suffix", "phone-suffix", "by-hand"]
        );
        for strategy in events::Strategy::ALL {
            assert_eq!(
                events::Strategy::from_name(strategy.as_str()),
                Some(strategy)
            );
        }
        assert_eq!(events::Strategy::from_name("of a newer build"), None);
    }

    prop_compose! {
        fn anybody(number: u128)(
            capacity in 0..3_i64,
            open in 0..3_i64,
            active in prop::bool::weighted(0.8),
            leave in prop::option::weighted(0.2, (20..25_u32, 20..26_u32)),
        ) -> Candidate {
            let leave = leave.map(|(from, until)| Leave {
                from: NaiveDate::from_ymd_opt(2026, 11, from).unwrap(),
                until: NaiveDate::from_ymd_opt(2026, 11, until).unwrap(),
            });
            Candidate { capacity, open, active, leave, ..candidate(number, 0) }
        }
    }

    /// A roster, and the same in another order.
    fn rosters() -> impl proptest::strategy::Strategy<Value = (Vec<Candidate>, Vec<Candidate>)> {
        (1..=12_u128)
            .map(anybody)
            .collect::<Vec<_>>()
            .prop_flat_map(|roster| (Just(roster.clone()), Just(roster).prop_shuffle()))
    }

    proptest! {
        #[test]
        fn the_same_input_gives_the_same_choice_ties_included(
            (roster, shuffled) in rosters(),
            four in 0..10_000_u32,
            had in prop::collection::vec((1..15_u128, any::<bool>()), 0..4),
            brought_by in prop::option::of(1..15_u128),
        ) {
            let had: Vec<Had> = had.into_iter().map(|(who, is_open)| self::had(who, is_open)).collect();
            let request = Request { had: &had, brought_by: brought_by.map(id), ..request(&format!("{four:04}")) };
            let choice = choose(request, &roster);
            prop_assert_eq!(&choice, &choose(request, &shuffled));
            // Somebody is chosen whenever somebody could be, and never anybody else.
            let eligible: Vec<SalesmanId> =
                roster.iter().filter(|it| it.is_eligible(request.today)).map(|it| it.person.id).collect();
            prop_assert_eq!(choice.is_none(), eligible.is_empty());
            prop_assert!(choice.is_none_or(|choice| eligible.contains(&choice.person.id)));
        }
    }
}
