use uuid::Uuid;

use super::*;

fn registration() -> RegisterSalesman {
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

fn salesman() -> Salesman {
    Salesman::register(registration(), Actor::System).unwrap().0
}

fn leave(from: &str, until: &str) -> Leave {
    Leave {
        from: from.parse().unwrap(),
        until: until.parse().unwrap(),
        hand_over: false,
    }
}

/// One update for each field, and whether the event's profile differs after it.
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
fn register_without_limits_is_active_with_defaults() {
    let (salesman, event) = Salesman::register(registration(), Actor::System).unwrap();
    assert!(salesman.profile.active && event.profile.active);
    assert_eq!(
        (
            event.profile.capacity,
            event.profile.weight,
            event.profile.leave
        ),
        (DEFAULT_CAPACITY, DEFAULT_WEIGHT, None)
    );
    assert_eq!(salesman.version, 1);
}

#[test]
fn display_name_defaults_to_full_name() {
    let (_, event) = Salesman::register(registration(), Actor::System).unwrap();
    assert_eq!(event.profile.display_name, "김영업");
    let chosen = RegisterSalesman {
        display_name: Some("영업 김".to_owned()),
        ..registration()
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
fn register_out_of_bounds_is_refused() {
    let too_large = RegisterSalesman {
        capacity: Some(MAX_CAPACITY + 1),
        ..registration()
    };
    assert_eq!(
        Salesman::register(too_large, Actor::System),
        Err(Refusal::CapacityTooLarge)
    );
    for weight in [0, 101] {
        let out_of_range = RegisterSalesman {
            weight: Some(weight),
            ..registration()
        };
        assert_eq!(
            Salesman::register(out_of_range, Actor::System),
            Err(Refusal::WeightOutOfRange)
        );
    }
}

#[test]
fn applied_update_equals_event_and_repeating_it_changes_nothing() {
    for (update, changes_profile) in updates() {
        let before = salesman();
        let change = before
            .handle(update.clone(), Actor::System)
            .unwrap()
            .expect("the update changes a field");
        assert_eq!(
            change.event.profile != before.profile,
            changes_profile,
            "{update:?}"
        );
        let mut after = before.clone();
        after.apply(&change);
        assert_eq!((after.version, &after.profile), (2, &change.event.profile));
        assert_eq!(
            after.handle(update, Actor::System),
            Ok(None),
            "the second time nothing changes"
        );
    }
}

#[test]
fn update_with_current_values_changes_nothing() {
    let same = UpdateSalesman {
        name: Some("김영업".to_owned()),
        display_name: Some("김영업".to_owned()),
        phone: Some("01012345678".parse().unwrap()),
        role: Some(PersonRole::Salesman),
        regions: Some(vec![Region::Seoul, Region::Seoul]),
        categories: Some(vec![]),
        capacity: Some(DEFAULT_CAPACITY),
        weight: Some(DEFAULT_WEIGHT),
        active: Some(true),
        leave: LeaveUpdate::Clear,
    };
    assert_eq!(salesman().handle(same, Actor::System), Ok(None));
    assert_eq!(
        salesman().handle(UpdateSalesman::default(), Actor::System),
        Ok(None)
    );
}

#[test]
fn leave_can_be_cleared() {
    let mut on_leave = salesman();
    on_leave.profile.leave = Some(leave("2026-12-01", "2026-12-05"));
    let change = on_leave
        .handle(
            UpdateSalesman {
                leave: LeaveUpdate::Clear,
                ..UpdateSalesman::default()
            },
            Actor::System,
        )
        .unwrap();
    assert_eq!(change.unwrap().event.profile.leave, None);
}

#[test]
fn regions_and_categories_ignore_repeats_and_order() {
    let many = RegisterSalesman {
        regions: Region::ALL.into_iter().rev().chain(Region::ALL).collect(),
        categories: Category::ALL
            .into_iter()
            .rev()
            .chain(Category::ALL)
            .collect(),
        ..registration()
    };
    let (salesman, _) = Salesman::register(many, Actor::System).unwrap();
    assert_eq!(
        (
            salesman.profile.regions.as_slice(),
            salesman.profile.categories.as_slice()
        ),
        (&Region::ALL[..], &Category::ALL[..])
    );
    let reversed = UpdateSalesman {
        regions: Some(Region::ALL.into_iter().rev().collect()),
        ..UpdateSalesman::default()
    };
    assert_eq!(salesman.handle(reversed, Actor::System), Ok(None));
}

#[test]
fn leave_is_at_least_a_day_and_at_most_a_year() {
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
fn refused_update_reports_every_reason() {
    let update = UpdateSalesman {
        name: Some("김대표".to_owned()),
        role: Some(PersonRole::Consultant),
        capacity: Some(MAX_CAPACITY + 1),
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
    assert_eq!(salesman().refusals(&update), all);
    assert_eq!(
        salesman().handle(update, Actor::System),
        Err(Refusal::RoleIsFixed)
    );
}
