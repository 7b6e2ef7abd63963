use events::{Category, Period, PeriodKind};
use uuid::Uuid;

use super::*;

fn a_project() -> CreateProject {
    CreateProject {
        id: ProjectId(Uuid::from_u128(1)),
        series_id: SeriesId(Uuid::from_u128(2)),
        details: Details {
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
fn new_project_is_planned_and_nationwide_by_default() {
    let (project, event) = Project::create(a_project(), Actor::System).unwrap();
    assert_eq!(
        (project.status, project.details.regions),
        (ProjectStatus::Planned, vec![Region::Nationwide])
    );
    assert_eq!(event.edition.regions, vec![Region::Nationwide]);
}

#[test]
fn period_may_lack_an_end_but_not_be_reversed() {
    let mut command = a_project();
    command.details.period.ends_on = "2026-03-01".parse().ok();
    assert_eq!(
        Project::create(command.clone(), Actor::System),
        Err(Refusal::EndsBeforeItStarts)
    );
    command.details.period.starts_on = None;
    assert!(Project::create(command, Actor::System).is_ok());
}

#[test]
fn implausible_year_is_refused() {
    for year in [0, 202, 20_266, -1] {
        let mut command = a_project();
        command.details.year = year;
        assert_eq!(
            Project::create(command, Actor::System),
            Err(Refusal::ImplausibleYear),
            "{year}"
        );
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The usual project in that status.
fn a_project_with(status: ProjectStatus) -> Project {
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
fn imported_edition_cannot_end_before_its_start() {
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
    let (project, event) = Project::create(command.clone(), Actor::System).unwrap();
    assert_eq!(
        (project.status, event.edition.ended_on),
        (ProjectStatus::Ended, Some(day("2026-03-31")))
    );
    command.ended_on = Some(day("2026-03-01"));
    assert_eq!(
        Project::create(command, Actor::System),
        Err(Refusal::EndedBeforeStarted)
    );
}

#[test]
fn fill_changes_source_and_needs_planned_status() {
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
    let mut project = a_project_with(ProjectStatus::Planned);
    let change = project.handle(fill(), Actor::System).unwrap().unwrap();
    let ChangeEvent::Edited(event) = &change.event else {
        panic!("{change:?}")
    };
    assert_eq!(event.changed, [EditionField::Name, EditionField::Source]);
    project.apply(&change);
    assert_eq!(
        (project.version, project.handle(fill(), Actor::System)),
        (2, Ok(None))
    );
    for status in [ProjectStatus::Ongoing, ProjectStatus::Ended] {
        assert_eq!(
            a_project_with(status).handle(fill(), Actor::System),
            Err(Refusal::NotPlanned(status))
        );
    }
}

#[test]
fn end_overdue_needs_ongoing_and_passed_deadline() {
    let end = |status, today| {
        a_project_with(status).handle(Command::EndOverdue { today: day(today) }, Actor::System)
    };
    assert!(matches!(
        end(ProjectStatus::Ongoing, "2026-04-01"),
        Ok(Some(Change {
            event: ChangeEvent::Ended(_),
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
fn moved_deadline_is_published_with_previous_period() {
    let project = a_project_with(ProjectStatus::Ongoing);
    let period = Period {
        ends_on: Some(day("2026-04-10")),
        ..project.details.period.clone()
    };
    let edit = EditProject {
        period: Some(period),
        ..EditProject::default()
    };
    let change = project
        .handle(Command::Edit(Box::new(edit)), Actor::System)
        .unwrap()
        .unwrap();
    let ChangeEvent::Edited(event) = &change.event else {
        panic!("{change:?}")
    };
    assert!(event.deadline_moved());
    assert_eq!(
        event.previous_period.as_ref(),
        Some(&project.details.period)
    );
}

fn next_period(period: Period) -> Period {
    let mut command = a_project();
    command.details.period = period;
    let (project, _) = Project::create(command, Actor::System).unwrap();
    let next = project.next_edition(ProjectId(Uuid::from_u128(3)));
    next.unwrap().details.period
}

#[test]
fn next_edition_has_the_period_of_its_own_year() {
    let next = |text: &str| next_period(crate::period::parse(text));
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
        ..a_project().details.period
    };
    assert_eq!(next_period(entered).text, "2027-03-02 ~ 2027-03-31");
}

#[test]
fn implausible_end_day_is_refused() {
    let end = |on| {
        a_project_with(ProjectStatus::Ongoing).handle(
            Command::End {
                on: Some(day(on)),
                today: day("2026-04-01"),
            },
            Actor::System,
        )
    };
    assert_eq!(end("0206-03-31"), Err(Refusal::ImplausibleEndDay));
    assert!(end("2026-03-31").is_ok());
}
