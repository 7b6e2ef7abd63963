use events::PeriodKind;
use uuid::Uuid;

use super::*;

fn a_project() -> CreateProject {
    CreateProject {
        id: ProjectId(Uuid::from_u128(1)),
        series_id: SeriesId(Uuid::from_u128(2)),
        name: "2026년 스마트상점 기술보급사업".to_owned(),
        year: 2026,
        category: Category::Technology,
        regions: vec![],
        target: None,
        scale: None,
        agency: "중소벤처기업부".to_owned(),
        host: "소상공인시장진흥공단".to_owned(),
        summary: None,
        link: None,
        period: Period {
            kind: PeriodKind::Range,
            text: "2026-03-02 ~ 2026-03-31".to_owned(),
            starts_on: "2026-03-02".parse().ok(),
            ends_on: "2026-03-31".parse().ok(),
        },
        status: ProjectStatus::Planned,
        started_on: None,
        ended_on: None,
        predecessor: None,
        source: None,
        source_list: None,
    }
}

#[test]
fn a_new_project_is_planned_and_nationwide_unless_told_otherwise() {
    let (it, event) = Project::create(a_project(), Actor::System).unwrap();
    assert_eq!(
        (it.status, it.regions),
        (ProjectStatus::Planned, vec![Region::Nationwide])
    );
    assert_eq!(event.edition.regions, vec![Region::Nationwide]);
}

#[test]
fn a_period_cannot_end_before_it_starts_but_may_lack_either_end() {
    let mut command = a_project();
    command.period.ends_on = "2026-03-01".parse().ok();
    assert_eq!(
        Project::create(command.clone(), Actor::System),
        Err(Refusal::EndsBeforeItStarts)
    );
    command.period.starts_on = None;
    assert!(Project::create(command, Actor::System).is_ok());
}

#[test]
fn a_year_that_must_be_a_typing_error_is_refused() {
    for year in [0, 202, 20_266, -1] {
        let command = CreateProject {
            year,
            ..a_project()
        };
        assert_eq!(
            Project::create(command, Actor::System),
            Err(Refusal::NoSuchYear),
            "{year}"
        );
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The usual project, wherever it stands.
fn standing(status: ProjectStatus) -> Project {
    Project::create(
        CreateProject {
            status,
            ..a_project()
        },
        Actor::System,
    )
    .unwrap()
    .0
}

#[test]
fn an_imported_edition_may_stand_anywhere_but_not_end_before_it_started() {
    let mut command = CreateProject {
        status: ProjectStatus::Ended,
        started_on: Some(day("2026-03-02")),
        ended_on: Some(day("2026-03-31")),
        source: Some(Source {
            name: "bizinfo".to_owned(),
            id: "PBLN_1".to_owned(),
        }),
        ..a_project()
    };
    let (it, event) = Project::create(command.clone(), Actor::System).unwrap();
    assert_eq!(
        (it.status, event.edition.ended_on),
        (ProjectStatus::Ended, Some(day("2026-03-31")))
    );
    command.ended_on = Some(day("2026-03-01"));
    assert_eq!(
        Project::create(command, Actor::System),
        Err(Refusal::EndedBeforeStarted)
    );
}

#[test]
fn only_an_edition_that_was_expected_is_filled_and_its_source_is_told_as_changed() {
    let fill = || {
        let source = Some(Source {
            name: "bizinfo".to_owned(),
            id: "PBLN_1".to_owned(),
        });
        let name = Some("2026년 스마트상점 공고".to_owned());
        Command::Fill(Box::new(EditProject {
            name,
            source,
            ..EditProject::default()
        }))
    };
    let mut it = standing(ProjectStatus::Planned);
    let change = it.handle(fill(), Actor::System).unwrap().unwrap();
    let Told::Edited(event) = &change.told else {
        panic!("{change:?}")
    };
    assert_eq!(event.changed, [EditionField::Name, EditionField::Source]);
    it.apply(&change);
    assert_eq!(
        (it.version, it.handle(fill(), Actor::System)),
        (2, Ok(None))
    );
    for status in [ProjectStatus::Ongoing, ProjectStatus::Ended] {
        assert_eq!(
            standing(status).handle(fill(), Actor::System),
            Err(Refusal::NotPlanned(status))
        );
    }
}

#[test]
fn one_among_many_is_ended_only_if_it_runs_and_its_deadline_has_passed() {
    let end = |status, today| {
        standing(status).handle(Command::EndOverdue { today: day(today) }, Actor::System)
    };
    assert!(matches!(
        end(ProjectStatus::Ongoing, "2026-04-01"),
        Ok(Some(Change {
            told: Told::Ended(_),
            ..
        }))
    ));
    assert_eq!(
        end(ProjectStatus::Ongoing, "2026-03-31"),
        Err(Refusal::NotOverdue(Phase::Closing))
    );
    for status in [ProjectStatus::Planned, ProjectStatus::Ended] {
        assert_eq!(end(status, "2026-04-01"), Err(Refusal::NotOngoing(status)));
    }
}

#[test]
fn a_deadline_that_moved_is_told_with_the_one_before() {
    let it = standing(ProjectStatus::Ongoing);
    let period = Period {
        ends_on: Some(day("2026-04-10")),
        ..it.period.clone()
    };
    let edit = EditProject {
        period: Some(period),
        ..EditProject::default()
    };
    let change = it
        .handle(Command::Edit(Box::new(edit)), Actor::System)
        .unwrap()
        .unwrap();
    let Told::Edited(event) = &change.told else {
        panic!("{change:?}")
    };
    assert!(event.deadline_moved());
    assert_eq!(event.previous_period.as_ref(), Some(&it.period));
}

#[test]
fn the_period_of_the_next_edition_tells_the_dates_of_its_own_year() {
    let next = |text: &str| {
        let period = crate::period::read(text);
        let it = Project::create(
            CreateProject {
                period,
                ..a_project()
            },
            Actor::System,
        )
        .unwrap()
        .0;
        it.next_edition(ProjectId(Uuid::from_u128(3)))
            .unwrap()
            .period
    };
    let period = next("2026-04-01 ~ 예산 소진시까지");
    assert_eq!(
        (&*period.text, period.starts_on),
        ("2027-04-01 ~ 예산 소진시까지", Some(day("2027-04-01")))
    );
    let period = next("~ 2026-04-30");
    assert_eq!(
        (&*period.text, period.ends_on),
        ("~ 2027-04-30", Some(day("2027-04-30")))
    );
    assert_eq!(next("2026.3.2 ~ 3.31 18:00").text, "2027.3.2 ~ 3.31 18:00");
    assert_eq!(
        next("2024-02-01 ~ 2024-02-29").text,
        "2025-02-01 ~ 2025-02-28"
    );
    let entered = Period {
        text: "봄".to_owned(),
        ..a_project().period
    };
    let it = Project::create(
        CreateProject {
            period: entered,
            ..a_project()
        },
        Actor::System,
    )
    .unwrap()
    .0;
    assert_eq!(
        it.next_edition(ProjectId(Uuid::from_u128(3)))
            .unwrap()
            .period
            .text,
        "2027-03-02 ~ 2027-03-31"
    );
}

#[test]
fn a_day_that_must_be_a_typing_error_ends_nothing() {
    let end = |on| {
        standing(ProjectStatus::Ongoing).handle(
            Command::End {
                on: Some(day(on)),
                today: day("2026-04-01"),
            },
            Actor::System,
        )
    };
    assert_eq!(end("0206-03-31"), Err(Refusal::EndedNever));
    assert!(end("2026-03-31").is_ok());
}
