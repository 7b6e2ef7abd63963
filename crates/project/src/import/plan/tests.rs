use events::{Actor, Category, Region};
use uuid::Uuid;

use super::*;
use crate::import::Portal;
use crate::project::Details;

fn a_row() -> Row {
    Row {
        portal: Portal::Bizinfo,
        source_id: "PBLN_1".to_owned(),
        list: None,
        details: Details {
            name: "2026년 수출바우처 참여기업 모집 공고".to_owned(),
            year: 2026,
            category: Category::Export,
            regions: vec![Region::Nationwide],
            target: None,
            scale: None,
            agency: "가상부".to_owned(),
            host: "가상원".to_owned(),
            summary: None,
            link: Some("https://a.kr/view.do?pblancId=PBLN_1".to_owned()),
            period: period::parse("2026-03-02 ~ 2026-03-31"),
        },
        has_category: true,
        has_regions: false,
        has_year: true,
        registered_on: None,
    }
}

fn row_with(change: impl FnOnce(&mut Row)) -> Row {
    let mut row = a_row();
    change(&mut row);
    row
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn an_edition_of(row: &Row) -> Project {
    let ids = (ProjectId(Uuid::from_u128(1)), SeriesId(Uuid::from_u128(2)));
    Project::create(
        create(row.clone(), ids.0, ids.1, None, day("2026-03-10")),
        Actor::System,
    )
    .unwrap()
    .0
}

fn known(project: &Project) -> ImportedProject {
    ImportedProject {
        project: project.clone(),
        ended_by_import: project.status == ProjectStatus::Ended,
    }
}

/// Within the period of the row.
fn plan_row(row: &Row, known: Matches<'_>) -> RowPlan {
    super::plan_row(row, known, day("2026-03-10"))
}

fn fields(plan: &RowPlan) -> Vec<EditionField> {
    plan.differences
        .iter()
        .map(|difference| difference.field)
        .collect()
}

#[test]
fn other_spelling_of_known_row_is_same() {
    let row = a_row();
    let project = an_edition_of(&row);
    let imported = known(&project);
    let known = Matches {
        imported: Some(&imported),
        ..Matches::default()
    };
    assert_eq!(plan_row(&row, known).action, Action::Same);
    let other = row_with(|row| {
        row.details.link = Some("https://b.kr/detail.do?x=1&pblancId=PBLN_1".to_owned());
        row.details.period = period::parse("20260302 ~ 20260331");
        row.details.regions = vec![Region::Busan];
        row.details.category = Category::Other;
        row.has_category = false;
    });
    assert_eq!(plan_row(&other, known).action, Action::Same);
}

#[test]
fn edit_lists_differences_with_both_values() {
    let row = a_row();
    let project = an_edition_of(&row);
    let row = row_with(|row| {
        row.details.category = Category::Finance;
        row.details.target = Some("소상공인".to_owned());
        row.details.summary = Some("새로".to_owned());
        row.details.host = "나라원".to_owned();
        row.details.regions = vec![Region::Busan];
        row.has_regions = true;
        row.details.period = period::parse("2026-03-02 ~ 2026-04-15");
    });
    let plan = plan_row(
        &row,
        Matches {
            imported: Some(&known(&project)),
            ..Matches::default()
        },
    );
    assert_eq!(
        (plan.action, plan.edition),
        (Action::Edit, Some((project.id, 1)))
    );
    assert_eq!(
        fields(&plan),
        [
            EditionField::Category,
            EditionField::Regions,
            EditionField::Target,
            EditionField::Host,
            EditionField::Summary,
            EditionField::Period
        ]
    );
    assert_eq!(
        (&plan.differences[0].from, &plan.differences[0].to),
        (&json!("수출"), &json!("금융"))
    );
    assert_eq!(plan.differences[5].to["endsOn"], "2026-04-15");
}

#[test]
fn missing_values_of_a_source_clear_nothing() {
    let given = row_with(|row| {
        row.details.target = Some("소상공인".to_owned());
        row.details.summary = Some("가".to_owned());
    });
    let project = an_edition_of(&given);
    let without = row_with(|row| {
        row.details.link = None;
    });
    assert_eq!(
        plan_row(
            &without,
            Matches {
                imported: Some(&known(&project)),
                ..Matches::default()
            }
        )
        .action,
        Action::Same
    );
}

#[test]
fn time_of_day_is_a_difference_of_a_range() {
    let row = a_row();
    let project = an_edition_of(&row);
    let row = row_with(|row| {
        row.details.period = period::parse("2026-03-02 ~ 2026-03-31 18:00");
    });
    assert_eq!(
        fields(&plan_row(
            &row,
            Matches {
                imported: Some(&known(&project)),
                ..Matches::default()
            }
        )),
        [EditionField::Period]
    );
}

#[test]
fn imported_edition_is_preferred_to_expected_one() {
    let row = a_row();
    let mut expected = an_edition_of(&row);
    expected.status = ProjectStatus::Planned;
    expected.source = None;
    expected.details.link = None;
    let known = Matches {
        expected: Some(&expected),
        ..Matches::default()
    };
    let plan = plan_row(&row, known);
    assert_eq!(
        (plan.action, fields(&plan)),
        (
            Action::FillsPlanned,
            vec![EditionField::Link, EditionField::Status]
        )
    );
    let imported = self::known(&an_edition_of(&row));
    assert_eq!(
        plan_row(
            &row,
            Matches {
                imported: Some(&imported),
                ..known
            }
        )
        .action,
        Action::Same
    );
    assert_eq!(plan_row(&row, Matches::default()).action, Action::Create);
}

#[test]
fn second_row_with_same_key_is_same_or_error() {
    let row = a_row();
    let earlier = |row| Matches {
        earlier_row: Some(row),
        ..Matches::default()
    };
    assert_eq!(plan_row(&row, earlier(&row)).action, Action::Same);
    let other = row_with(|row| {
        row.details.name = "다른 이름".to_owned();
    });
    let plan = plan_row(&other, earlier(&row));
    assert_eq!(
        (plan.action, &*plan.faults[0].code),
        (Action::Error, "duplicate")
    );
}

#[test]
fn status_of_new_edition_follows_its_period() {
    let on = |today: &str| {
        let project = create(
            a_row(),
            ProjectId(Uuid::nil()),
            SeriesId(Uuid::nil()),
            None,
            day(today),
        );
        (
            project.status,
            project.started_on.map(|day| day.to_string()),
            project.ended_on.map(|day| day.to_string()),
        )
    };
    let text = |day: &str| Some(day.to_owned());
    assert_eq!(on("2026-03-01"), (ProjectStatus::Planned, None, None));
    assert_eq!(
        on("2026-03-02"),
        (ProjectStatus::Ongoing, text("2026-03-02"), None)
    );
    assert_eq!(
        on("2026-04-01"),
        (ProjectStatus::Ended, text("2026-03-02"), text("2026-03-31"))
    );
    let late = row_with(|row| {
        row.details.period = period::parse("~ 2026-03-31");
        row.registered_on = Some(day("2026-04-05"));
    });
    let project = create(
        late,
        ProjectId(Uuid::nil()),
        SeriesId(Uuid::nil()),
        None,
        day("2026-05-01"),
    );
    assert_eq!(
        (project.started_on, project.ended_on),
        (None, Some(day("2026-03-31")))
    );
}

#[test]
fn planned_edition_starts_once_its_period_began() {
    let row = a_row();
    let planned = Project {
        status: ProjectStatus::Planned,
        started_on: None,
        ..an_edition_of(&row)
    };
    let on = |project: &Project, today: &str| {
        let known = known(project);
        super::plan_row(
            &row,
            Matches {
                imported: Some(&known),
                ..Matches::default()
            },
            day(today),
        )
    };
    assert_eq!(on(&planned, "2026-03-01").action, Action::Same);
    let plan = on(&planned, "2026-03-02");
    assert_eq!(
        (plan.action, fields(&plan)),
        (Action::Edit, vec![EditionField::Status])
    );
    assert_eq!(
        (&plan.differences[0].from, &plan.differences[0].to),
        (&json!("planned"), &json!("ongoing"))
    );
    assert_eq!(
        on(
            &Project {
                status: ProjectStatus::Ongoing,
                ..planned
            },
            "2026-03-02"
        )
        .action,
        Action::Same
    );
}

#[test]
fn later_deadline_reopens_only_what_import_ended() {
    let ended = Project {
        status: ProjectStatus::Ended,
        ended_on: Some(day("2026-03-31")),
        ..an_edition_of(&a_row())
    };
    let extended = |until: &str, ended_by_import| {
        let row = row_with(|row| {
            row.details.period = period::parse(&format!("2026-03-02 ~ {until}"));
        });
        let known = ImportedProject {
            project: ended.clone(),
            ended_by_import,
        };
        let today = day("2026-04-10");
        let fields = fields(&super::plan_row(
            &row,
            Matches {
                imported: Some(&known),
                ..Matches::default()
            },
            today,
        ));
        let command = Command::Edit(Box::new(edit_imported(&row, &known, today)));
        let mut after = ended.clone();
        after.apply(&after.handle(command, Actor::System).unwrap().unwrap());
        (fields, after.status, after.ended_on)
    };
    let both = vec![EditionField::Period, EditionField::Status];
    assert_eq!(
        extended("2026-04-10", true),
        (both, ProjectStatus::Ongoing, None)
    );
    let period = || vec![EditionField::Period];
    assert_eq!(
        extended("2026-04-09", true),
        (period(), ProjectStatus::Ended, Some(day("2026-04-09")))
    );
    assert_eq!(
        extended("2026-04-10", false),
        (period(), ProjectStatus::Ended, Some(day("2026-03-31")))
    );
}
