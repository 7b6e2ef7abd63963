//! Rules of the aggregate.

use events::SalesmanId;
use service_kit::auth::Role;
use uuid::Uuid;

use super::*;

fn new_interest() -> Interest {
    let new = NewInterest {
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
    Interest::create(new, Actor::System).0
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn assign(origin_version: i64) -> Command {
    let salesman = PersonRef {
        id: SalesmanId(Uuid::from_u128(7)),
        display_name: "김영업".to_owned(),
    };
    Command::EditSalesman {
        salesman: Some(salesman),
        consultant: None,
        origin_version,
    }
}

fn set_interested(interested: bool) -> Command {
    Command::SetInterested {
        interested,
        consent: None,
        at: at(9),
    }
}

fn consent_by(by: u128) -> Consent {
    Consent {
        role: Role::Salesman,
        by: Uuid::from_u128(by),
        at: at(1),
    }
}

/// Hands over what a newer interest leaves behind; `None` if the newer one is off.
fn take_over(on_since: Option<i64>) -> Command {
    Command::TakeOver {
        interested: on_since.is_some(),
        details: Details {
            on_since: at(on_since.unwrap_or(0)),
            customer_name: Some("홍길동".to_owned()),
            consent: Some(consent_by(8)),
        },
    }
}

const OLDER: InterestId = InterestId(Uuid::from_u128(0));

const ERASE: Command = Command::Erase {
    at: DateTime::from_timestamp(9, 0).unwrap(),
};

fn interest_after(commands: impl IntoIterator<Item = Command>) -> Interest {
    let mut interest = new_interest();
    for command in commands {
        let change = interest.handle(command, Actor::System).unwrap().unwrap();
        interest.apply(&change);
    }
    interest
}

#[test]
fn name_from_a_request_is_never_published() {
    let interest = Interest {
        series_id: None,
        ..new_interest()
    };
    let change = interest
        .handle(set_interested(false), Actor::System)
        .unwrap()
        .unwrap();
    assert_eq!(change.event().unwrap().project_name, None);
}

#[test]
fn turning_on_twice_changes_nothing() {
    assert_eq!(
        new_interest().handle(set_interested(true), Actor::System),
        Ok(None)
    );
    let again = Command::MarkAgain {
        customer_name: None,
        consent: Some(consent_by(7)),
        at: at(9),
    };
    assert_eq!(new_interest().handle(again, Actor::System), Ok(None));
}

#[test]
fn turning_off_raises_the_version_but_a_match_does_not() {
    assert_eq!(interest_after([assign(1)]).version, 1);
    let interest = interest_after([assign(1), set_interested(false)]);
    assert_eq!(
        (interest.version, interest.interested, interest.on_version),
        (2, false, 1)
    );
}

#[test]
fn turning_on_again_clears_people_but_publishes_them() {
    let interest = interest_after([assign(1), set_interested(false)]);
    let change = interest
        .handle(set_interested(true), Actor::System)
        .unwrap()
        .unwrap();
    assert_eq!(
        change.event().unwrap().salesman_id,
        Some(SalesmanId(Uuid::from_u128(7)))
    );
    let interest = interest_after([assign(1), set_interested(false), set_interested(true)]);
    assert_eq!(
        (&interest.salesman, interest.on_version, interest.on_since),
        (&None, 3, at(9))
    );
}

#[test]
fn match_made_before_turning_off_is_ignored() {
    let interest = interest_after([set_interested(false), set_interested(true)]);
    assert_eq!(interest.handle(assign(1), Actor::System), Ok(None));
    assert!(interest.handle(assign(3), Actor::System).unwrap().is_some());
    // While it is off, the last assigned people stay visible, whichever event is read first.
    assert!(
        interest_after([set_interested(false), assign(1)])
            .salesman
            .is_some()
    );
}

#[test]
fn repeated_match_changes_nothing_even_with_a_new_name() {
    assert_eq!(
        interest_after([assign(1)]).handle(assign(1), Actor::System),
        Ok(None)
    );
    let renamed = PersonRef {
        id: SalesmanId(Uuid::from_u128(7)),
        display_name: "김바다".to_owned(),
    };
    let again = Command::EditSalesman {
        salesman: Some(renamed),
        consultant: None,
        origin_version: 1,
    };
    assert_eq!(
        interest_after([assign(1)]).handle(again, Actor::System),
        Ok(None)
    );
}

#[test]
fn recorded_consent_stays_when_the_customer_turns_on() {
    let with_consent = Command::SetInterested {
        interested: true,
        consent: Some(consent_by(7)),
        at: at(9),
    };
    assert_eq!(
        interest_after([
            set_interested(false),
            with_consent,
            set_interested(false),
            set_interested(true)
        ])
        .consent,
        Some(consent_by(7))
    );
}

#[test]
fn later_name_fills_a_gap_but_overwrites_nothing() {
    let named = |name: &str| Command::MarkAgain {
        customer_name: Some(name.to_owned()),
        consent: None,
        at: at(9),
    };
    let interest = interest_after([named("홍길동")]);
    assert_eq!(
        (interest.customer_name.as_deref(), interest.version),
        (Some("홍길동"), 1)
    );
    assert_eq!(interest.handle(named("임꺽정"), Actor::System), Ok(None));
    assert_eq!(
        interest_after([
            set_interested(false),
            named("홍길동"),
            set_interested(false),
            named("임꺽정")
        ])
        .customer_name
        .as_deref(),
        Some("홍길동")
    );
}

#[test]
fn merged_interest_is_off_permanently_and_publishes_once() {
    let interest = interest_after([Command::Merge { into: OLDER }]);
    assert_eq!(
        (interest.interested, interest.version, interest.merged_into),
        (false, 2, Some(OLDER))
    );
    let again = Command::MarkAgain {
        customer_name: None,
        consent: None,
        at: at(9),
    };
    for on in [set_interested(true), again] {
        assert_eq!(
            interest.handle(on, Actor::System),
            Err(Refusal::Merged { into: OLDER })
        );
    }
    assert_eq!(
        interest.handle(set_interested(false), Actor::System),
        Ok(None)
    );
    assert_eq!(
        interest.handle(Command::Merge { into: OLDER }, Actor::System),
        Ok(None)
    );
}

#[test]
fn merging_an_interest_that_is_off_publishes_nothing() {
    assert_eq!(
        interest_after([set_interested(false), Command::Merge { into: OLDER }]).version,
        2
    );
}

#[test]
fn older_interest_takes_over_missing_details_and_start() {
    let stays_on = interest_after([take_over(Some(5))]);
    assert_eq!(
        (
            stays_on.version,
            stays_on.customer_name.as_deref(),
            stays_on.consent
        ),
        (1, Some("홍길동"), Some(consent_by(8)))
    );
    assert_eq!(stays_on.on_since, at(0));
    let turned_on = interest_after([set_interested(false), take_over(Some(5))]);
    assert_eq!(
        (turned_on.interested, turned_on.version, turned_on.on_since),
        (true, 3, at(5))
    );
    assert_eq!(
        (turned_on.customer_name.as_deref(), turned_on.consent),
        (Some("홍길동"), Some(consent_by(8)))
    );
    // The newer one may have been on for longer.
    assert_eq!(
        interest_after([
            set_interested(false),
            set_interested(true),
            take_over(Some(5))
        ])
        .on_since,
        at(5)
    );
    let off = interest_after([set_interested(false), take_over(None)]);
    assert_eq!(
        (off.interested, off.version, off.consent),
        (false, 2, Some(consent_by(8)))
    );
}

#[test]
fn erasing_turns_off_once_and_removes_personal_data() {
    let mut interest = interest_after([assign(1), take_over(None)]);
    let change = interest
        .handle(ERASE, Actor::Customer(interest.customer_id))
        .unwrap()
        .unwrap();
    let event = change.event().unwrap();
    assert_eq!(
        (event.interested, event.salesman_id, event.actor),
        (
            false,
            Some(SalesmanId(Uuid::from_u128(7))),
            Actor::Customer(interest.customer_id)
        )
    );
    assert_eq!(String::from(event.customer.last_four), "5678");
    interest.apply(&change);
    assert_eq!(
        (interest.interested, interest.version, interest.erased_at),
        (false, 2, Some(at(9)))
    );
    assert_eq!(
        (&interest.phone, &interest.customer_name, interest.consent),
        (&None, &None, None)
    );
}

#[test]
fn erasing_an_interest_that_is_off_publishes_nothing() {
    for off in [set_interested(false), Command::Merge { into: OLDER }] {
        let interest = interest_after([off, ERASE]);
        assert_eq!((interest.version, interest.erased_at), (2, Some(at(9))));
        assert_eq!(interest.handle(ERASE, Actor::System), Ok(None));
    }
}

#[test]
fn erased_interest_refuses_or_ignores_every_command() {
    let interest = interest_after([set_interested(false), ERASE]);
    let again = Command::MarkAgain {
        customer_name: Some("홍길동".to_owned()),
        consent: None,
        at: at(10),
    };
    for on in [set_interested(true), again] {
        assert_eq!(interest.handle(on, Actor::System), Err(Refusal::Erased));
    }
    for late in [
        set_interested(false),
        assign(1),
        assign(7),
        Command::Merge { into: OLDER },
        take_over(Some(5)),
        take_over(None),
    ] {
        assert_eq!(interest.handle(late, Actor::System), Ok(None));
    }
}
