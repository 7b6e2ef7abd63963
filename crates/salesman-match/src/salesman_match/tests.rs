use events::{ConsultationId, CustomerId, HasPeople as _, LastFour};
use uuid::Uuid;

use super::*;

fn new_match() -> SalesmanMatch {
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

fn assign_by(strategy: Strategy, salesman: Option<u128>, consultant: Option<u128>) -> Command {
    Command::MatchSalesman {
        salesman: salesman.map(person),
        consultant: consultant.map(person),
        strategy,
    }
}

fn assign(salesman: Option<u128>, consultant: Option<u128>) -> Command {
    assign_by(Strategy::PhoneSuffix, salesman, consultant)
}

fn after(mut salesman_match: SalesmanMatch, command: Command) -> SalesmanMatch {
    let change = salesman_match
        .handle(command, Actor::System)
        .unwrap()
        .unwrap();
    salesman_match.apply(&change);
    salesman_match
}

fn missing(salesman_match: &SalesmanMatch) -> Vec<PersonRole> {
    missing_roles(
        salesman_match.closed,
        salesman_match.salesman.is_some(),
        salesman_match.consultant.is_some(),
    )
}

fn event_of(salesman_match: &SalesmanMatch, command: Command) -> SalesmanMatched {
    match salesman_match.handle(command, Actor::System) {
        Ok(Some(Change::Matched(event))) => *event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn salesman_is_matched_first_and_consultant_later() {
    let matched = after(new_match(), assign(Some(7), None));
    assert_eq!((matched.version, matched.consultant.clone()), (1, None));
    assert_eq!(missing(&matched), [PersonRole::Consultant]);
    let matched = after(matched, assign(None, Some(9)));
    assert_eq!((matched.version, missing(&matched)), (2, vec![]));
    assert_eq!(
        (matched.salesman, matched.consultant),
        (Some(person(7)), Some(person(9)))
    );
}

#[test]
fn replacing_reports_only_the_new_and_the_replaced_person() {
    let matched = after(new_match(), assign(Some(7), Some(9)));
    let event = event_of(&matched, assign(Some(8), None));
    assert_eq!(
        (event.people().newly_assigned(), event.people().unassigned()),
        (vec![person(8).id], vec![person(7).id])
    );
    let first = event_of(&new_match(), assign(Some(7), Some(9)));
    assert_eq!(
        (first.people().newly_assigned(), first.people().unassigned()),
        (vec![person(7).id, person(9).id], vec![])
    );
}

#[test]
fn consultant_without_salesman_is_refused() {
    assert_eq!(
        new_match().handle(assign(None, Some(9)), Actor::System),
        Err(Refusal::NoSalesman)
    );
}

#[test]
fn same_people_under_other_names_change_nothing() {
    let matched = after(new_match(), assign(Some(7), Some(9)));
    assert_eq!(
        matched.handle(assign(Some(7), None), Actor::System),
        Ok(None)
    );
    let renamed = PersonRef {
        display_name: "another name".to_owned(),
        ..person(7)
    };
    let again = Command::MatchSalesman {
        salesman: Some(renamed),
        consultant: None,
        strategy: Strategy::ByHand,
    };
    assert_eq!(matched.handle(again, Actor::System), Ok(None));
}

#[test]
fn closed_match_refuses_people_and_has_no_missing_role() {
    let matched = after(
        after(new_match(), assign(Some(7), None)),
        Command::CloseMatch { origin_version: 2 },
    );
    assert_eq!(
        matched.handle(assign(Some(7), None), Actor::System),
        Err(Refusal::Closed)
    );
    assert_eq!(
        (missing(&matched), matched.version, matched.salesman),
        (vec![], 1, Some(person(7)))
    );
}

#[test]
fn adding_a_consultant_keeps_the_strategy_of_the_salesman() {
    let matched = after(new_match(), assign_by(Strategy::ByHand, Some(7), None));
    assert_eq!(
        event_of(&matched, assign(None, Some(9))).strategy,
        Strategy::ByHand
    );
    let matched = after(new_match(), assign(Some(7), None));
    assert_eq!(
        event_of(&matched, assign(None, Some(9))).strategy,
        Strategy::PhoneSuffix
    );
    assert_eq!(
        event_of(&matched, assign_by(Strategy::ByHand, None, Some(9))).strategy,
        Strategy::ByHand
    );
}

#[test]
fn reopened_match_is_empty_and_names_previous_people_once() {
    let closed = after(
        after(new_match(), assign(Some(7), Some(9))),
        Command::CloseMatch { origin_version: 2 },
    );
    let reopened = after(closed, Command::Reopen { origin_version: 3 });
    assert_eq!(
        (
            &reopened.salesman,
            &reopened.consultant,
            reopened.strategy,
            reopened.version
        ),
        (&None, &None, None, 1)
    );
    let same_people = event_of(&reopened, assign(Some(7), Some(9)));
    assert_eq!(
        (
            same_people.previous_salesman_id,
            same_people.previous_consultant_id
        ),
        (Some(person(7).id), Some(person(9).id))
    );
    assert!(
        same_people.people().newly_assigned().is_empty()
            && same_people.people().unassigned().is_empty()
    );
    let other_people = event_of(&reopened, assign(Some(8), None));
    assert_eq!(
        (
            other_people.people().newly_assigned(),
            other_people.people().unassigned()
        ),
        (vec![person(8).id], vec![person(7).id, person(9).id])
    );
    let reopened = after(reopened, assign(Some(8), None));
    let later = event_of(&reopened, assign(None, Some(9)));
    assert_eq!(
        (later.people().newly_assigned(), later.people().unassigned()),
        (vec![person(9).id], vec![])
    );
}

#[test]
fn previous_people_survive_a_second_close_and_reopen() {
    let mut matched = after(new_match(), assign(Some(7), None));
    for origin_version in [2, 4] {
        matched = after(matched, Command::CloseMatch { origin_version });
        matched = after(
            matched,
            Command::Reopen {
                origin_version: origin_version + 1,
            },
        );
    }
    assert_eq!(
        event_of(&matched, assign(Some(8), None))
            .people()
            .unassigned(),
        [person(7).id]
    );
}

#[test]
fn older_versions_neither_close_nor_reopen() {
    let open = after(new_match(), assign(Some(7), None));
    let closed = after(open.clone(), Command::CloseMatch { origin_version: 2 });
    let again = after(closed.clone(), Command::Reopen { origin_version: 3 });
    let ignores = |salesman_match: &SalesmanMatch, command| {
        let result = salesman_match.handle(command, Actor::System);
        assert_eq!(result, Ok(None), "{salesman_match:?}");
    };
    ignores(&open, Command::Reopen { origin_version: 2 });
    ignores(&closed, Command::CloseMatch { origin_version: 2 });
    ignores(&closed, Command::CloseMatch { origin_version: 4 });
    ignores(&closed, Command::Reopen { origin_version: 2 });
    ignores(&again, Command::CloseMatch { origin_version: 2 });
    ignores(&again, Command::Reopen { origin_version: 3 });
}

#[test]
fn match_of_an_erased_customer_stays_closed() {
    let closed = after(
        after(new_match(), assign(Some(7), None)),
        Command::CloseMatch { origin_version: 2 },
    );
    let erased = SalesmanMatch {
        customer: None,
        ..closed
    };
    assert_eq!(
        erased.handle(Command::Reopen { origin_version: 3 }, Actor::System),
        Ok(None)
    );
    assert_eq!(
        erased.handle(Command::CloseMatch { origin_version: 3 }, Actor::System),
        Ok(None)
    );
    assert_eq!(
        erased.handle(assign(Some(8), None), Actor::System),
        Err(Refusal::Closed)
    );
    assert_eq!(
        SalesmanMatch {
            closed: false,
            ..erased
        }
        .handle(assign(Some(8), None), Actor::System),
        Err(Refusal::Closed)
    );
}

fn hand_over(left: &[u128]) -> Command {
    Command::HandOver {
        left: left.iter().map(|id| person(*id).id).collect(),
    }
}

fn unmatched(salesman_match: &SalesmanMatch, left: &[u128]) -> Option<SalesmanUnmatched> {
    match salesman_match.handle(hand_over(left), Actor::System) {
        Ok(Some(Change::Unmatched(event))) => Some(*event),
        Ok(None) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn handing_over_removes_only_those_who_left() {
    let matched = after(new_match(), assign(Some(7), Some(9)));
    for (left, stays, missing_after) in [
        (
            &[7, 1][..],
            (None, Some(person(9))),
            vec![PersonRole::Salesman],
        ),
        (&[9], (Some(person(7)), None), vec![PersonRole::Consultant]),
        (&[9, 7], (None, None), PersonRole::ALL.to_vec()),
    ] {
        let event = unmatched(&matched, left).unwrap();
        assert_eq!(
            (event.salesman.clone(), event.consultant.clone()),
            stays,
            "{left:?}"
        );
        let removed = [7, 9].into_iter().filter(|id| left.contains(id));
        assert_eq!(
            event.people().unassigned(),
            removed.map(|id| person(id).id).collect::<Vec<_>>()
        );
        assert_eq!(event.people().newly_assigned(), []);
        let waiting = after(matched.clone(), hand_over(left));
        assert_eq!((waiting.version, missing(&waiting)), (2, missing_after));
        assert_eq!(waiting.strategy.is_some(), waiting.salesman.is_some());
        assert_eq!(unmatched(&waiting, left), None, "again");
    }
}

#[test]
fn nothing_is_handed_over_of_others_and_of_closed_matches() {
    assert_eq!(unmatched(&new_match(), &[7]), None);
    let matched = after(new_match(), assign(Some(7), Some(9)));
    assert_eq!(unmatched(&matched, &[8]), None);
    let closed = after(matched, Command::CloseMatch { origin_version: 2 });
    assert_eq!(unmatched(&closed, &[7, 9]), None);
}

#[test]
fn next_person_is_newly_assigned_even_if_it_is_the_same() {
    let waiting = after(
        after(new_match(), assign(Some(7), Some(9))),
        hand_over(&[7]),
    );
    let event = event_of(&waiting, assign(Some(7), None));
    assert_eq!(event.people().newly_assigned(), [person(7).id]);
    assert_eq!(event.people().unassigned(), []);
    assert_eq!(
        (event.previous_salesman_id, event.previous_consultant_id),
        (None, Some(person(9).id))
    );
}
