use events::Strategy;
use proptest::prelude::{Just, any, prop, prop_assert, prop_assert_eq, prop_compose, proptest};
use proptest::strategy::Strategy as Generator;
use uuid::Uuid;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn request(last_four: &str) -> Request<'static> {
    Request {
        role: PersonRole::Salesman,
        last_four: LastFour::try_from(last_four.to_owned()).unwrap(),
        history: &[],
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
        role: PersonRole::Salesman,
        capacity: 2,
        open,
        active: true,
        leave: None,
    }
}

fn past(number: u128, is_open: bool) -> Assignment {
    Assignment {
        role: PersonRole::Salesman,
        person: id(number),
        is_open,
    }
}

fn picked(request: Request<'_>, roster: &[Candidate]) -> Option<(u128, Rule)> {
    let choice = choose(request, roster)?;
    Some((choice.person.id.0.as_u128(), choice.rule))
}

#[test]
fn last_digits_pick_in_id_order_for_any_roster_order() {
    let roster = [candidate(3, 0), candidate(1, 0), candidate(2, 0)];
    for (last_four, expected) in [("5678", 3), ("5679", 1), ("5680", 2), ("0000", 1)] {
        assert_eq!(
            picked(request(last_four), &roster),
            Some((expected, PHONE_SUFFIX))
        );
    }
}

#[test]
fn unavailable_people_are_never_chosen_by_any_rule() {
    let inactive = Candidate {
        active: false,
        ..candidate(1, 0)
    };
    let on_leave = Candidate {
        leave: Some(Leave {
            from: day("2026-11-20"),
            until: day("2026-11-23"),
            hand_over: false,
        }),
        ..candidate(2, 0)
    };
    let at_capacity = candidate(3, 2);
    let unavailable = [inactive, on_leave, at_capacity];
    for number in 0..50 {
        for person in 1..=3 {
            let history = [past(person, true), past(person, false)];
            let request = Request {
                history: &history,
                brought_by: Some(id(person)),
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
fn inactive_people_and_leaves_with_hand_over_hand_over() {
    let leave = |hand_over| Leave {
        from: day("2026-12-24"),
        until: day("2026-12-26"),
        hand_over,
    };
    let days = ["2026-12-23", "2026-12-24", "2026-12-26", "2026-12-27"].map(day);
    for (active, leave, expected) in [
        (true, None, [false; 4]),
        (true, Some(leave(false)), [false; 4]),
        (true, Some(leave(true)), [false, true, true, false]),
        (false, None, [true; 4]),
        (false, Some(leave(false)), [true; 4]),
    ] {
        let person = Candidate {
            active,
            leave,
            ..candidate(1, 0)
        };
        assert_eq!(days.map(|day| person.hands_over(day)), expected);
    }
}

#[test]
fn leave_includes_its_first_and_last_day() {
    let leave = Leave {
        from: day("2026-11-24"),
        until: day("2026-11-25"),
        hand_over: false,
    };
    let candidate = Candidate {
        leave: Some(leave),
        ..candidate(1, 0)
    };
    let days = ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"].map(day);
    let on_leave = Some(Unavailable::OnLeave(leave));
    assert_eq!(
        days.map(|today| candidate.unavailable(today)),
        [None, on_leave, on_leave, None]
    );
}

#[test]
fn customer_keeps_newest_eligible_person_of_open_matches_first() {
    let roster = [candidate(1, 0), candidate(2, 0), candidate(3, 0)];
    let kept = |history: &[Assignment], roster: &[Candidate]| {
        picked(
            Request {
                history,
                ..request("0000")
            },
            roster,
        )
    };
    assert_eq!(
        kept(&[past(2, false), past(3, false)], &roster),
        Some((2, Rule::Kept))
    );
    assert_eq!(
        kept(&[past(2, false), past(3, true)], &roster),
        Some((3, Rule::Kept))
    );
    assert_eq!(
        kept(&[past(3, true), past(2, true)], &roster),
        Some((3, Rule::Kept))
    );
    let busy = [candidate(1, 0), candidate(2, 0), candidate(3, 2)];
    assert_eq!(
        kept(&[past(2, false), past(3, true)], &busy),
        Some((2, Rule::Kept))
    );
    assert_eq!(kept(&[past(9, true)], &roster), Some((1, PHONE_SUFFIX)));
}

#[test]
fn bringing_salesman_comes_after_kept_and_before_the_strategy() {
    let roster = [candidate(1, 0), candidate(2, 0), candidate(3, 0)];
    let brought = Request {
        brought_by: Some(id(3)),
        ..request("0000")
    };
    assert_eq!(picked(brought, &roster), Some((3, Rule::Brought)));
    assert_eq!(
        picked(
            Request {
                history: &[past(2, false)],
                ..brought
            },
            &roster
        ),
        Some((2, Rule::Kept))
    );
}

#[test]
fn reason_lists_all_eligible_candidates_with_their_load() {
    let choice = choose(
        request("0004"),
        &[candidate(2, 0), candidate(1, 1), candidate(3, 2)],
    )
    .unwrap();
    let candidates: Vec<_> = choice
        .candidates
        .iter()
        .map(|candidate| (candidate.person.id, candidate.open, candidate.capacity))
        .collect();
    assert_eq!(candidates, [(id(1), 1, 2), (id(2), 0, 2)]);
    assert_eq!(
        (choice.picked, choice.last_four),
        (0, Some(request("0004").last_four))
    );
    let history = [past(2, true)];
    let choice = choose(
        Request {
            history: &history,
            ..request("0004")
        },
        &[candidate(2, 0), candidate(1, 1)],
    )
    .unwrap();
    assert_eq!((choice.picked, choice.last_four), (1, None));
}

#[test]
fn reason_of_a_long_roster_keeps_the_chosen_and_the_least_busy() {
    let roster: Vec<Candidate> = (1..=500)
        .map(|number| Candidate {
            capacity: 30,
            ..candidate(number, if number % 50 == 0 { 3 } else { 7 })
        })
        .collect();
    let choice = choose(request("0122"), &roster).unwrap();
    assert_eq!((choice.among, choice.picked), (500, 122));
    let shown: Vec<u128> = choice
        .candidates
        .iter()
        .map(|candidate| candidate.person.id.0.as_u128())
        .collect();
    assert_eq!(shown, [50, 100, 123, 150, 200, 250, 300, 350, 400, 450]);
}

#[test]
fn every_rule_has_a_unique_text_and_a_strategy() {
    let by_hand = Rule::Strategy(Strategy::ByHand);
    let rules = [Rule::Kept, Rule::Brought, PHONE_SUFFIX, by_hand];
    let texts = rules.map(|rule| serde_json::to_value(rule).unwrap());
    assert_eq!(texts, ["kept", "brought", "phone-suffix", "by-hand"]);
    let strategies = rules.map(|rule| rule.strategy().as_str());
    assert_eq!(
        strategies,
        ["phone-suffix", "phone-suffix", "phone-suffix", "by-hand"]
    );
    for strategy in Strategy::ALL {
        assert_eq!(strategy.as_str().parse(), Ok(strategy));
    }
    assert!("of a newer build".parse::<Strategy>().is_err());
}

prop_compose! {
    fn any_candidate(number: u128)(
        capacity in 0..3_i64,
        open in 0..3_i64,
        active in prop::bool::weighted(0.8),
        leave in prop::option::weighted(0.2, (20..25_u32, 20..26_u32)),
    ) -> Candidate {
        let leave = leave.map(|(from, until)| Leave {
            from: NaiveDate::from_ymd_opt(2026, 11, from).unwrap(),
            until: NaiveDate::from_ymd_opt(2026, 11, until).unwrap(),
            hand_over: false,
        });
        Candidate { capacity, open, active, leave, ..candidate(number, 0) }
    }
}

/// A roster, and the same roster in another order.
fn rosters() -> impl Generator<Value = (Vec<Candidate>, Vec<Candidate>)> {
    (1..=12_u128)
        .map(any_candidate)
        .collect::<Vec<_>>()
        .prop_flat_map(|roster| (Just(roster.clone()), Just(roster).prop_shuffle()))
}

proptest! {
    #[test]
    fn same_input_gives_the_same_choice_including_ties(
        (roster, shuffled) in rosters(),
        four in 0..10_000_u32,
        history in prop::collection::vec((1..15_u128, any::<bool>()), 0..4),
        brought_by in prop::option::of(1..15_u128),
    ) {
        let history: Vec<Assignment> =
            history.into_iter().map(|(number, is_open)| past(number, is_open)).collect();
        let request = Request {
            history: &history,
            brought_by: brought_by.map(id),
            ..request(&format!("{four:04}"))
        };
        let choice = choose(request, &roster);
        prop_assert_eq!(&choice, &choose(request, &shuffled));
        // The choice is always an eligible candidate, and there is one if any is eligible.
        let eligible: Vec<SalesmanId> = roster
            .iter()
            .filter(|candidate| candidate.is_eligible(PersonRole::Salesman, request.today))
            .map(|candidate| candidate.person.id)
            .collect();
        prop_assert_eq!(choice.is_none(), eligible.is_empty());
        prop_assert!(choice.is_none_or(|choice| eligible.contains(&choice.person.id)));
    }
}
