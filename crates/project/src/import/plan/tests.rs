use events::{Actor, Category, Region};
use uuid::Uuid;

use super::*;
use crate::import::Portal;

fn a_row() -> Row {
    Row {
        portal: Portal::Bizinfo,
        source_id: "PBLN_1".to_owned(),
        list: None,
        name: "2026년 수출바우처 참여기업 모집 공고".to_owned(),
        year: 2026,
        category: Category::Export,
        category_told: true,
        regions: vec![Region::Nationwide],
        regions_told: false,
        target: None,
        agency: "가상부".to_owned(),
        host: "가상원".to_owned(),
        summary: None,
        link: Some("https://a.kr/view.do?pblancId=PBLN_1".to_owned()),
        period: period::read("2026-03-02 ~ 2026-03-31"),
        registered_on: None,
    }
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

fn known(it: &Project) -> Imported {
    Imported {
        it: it.clone(),
        ended_by_import: it.status == ProjectStatus::Ended,
    }
}

/// While the row's period runs.
fn decide(row: &Row, known: Known<'_>) -> Decision {
    super::decide(row, known, day("2026-03-10"))
}

fn fields(decision: &Decision) -> Vec<EditionField> {
    decision
        .differences
        .iter()
        .map(|difference| difference.field)
        .collect()
}

#[test]
fn what_is_known_is_the_same_however_it_is_written() {
    let row = a_row();
    let it = an_edition_of(&row);
    let it = known(&it);
    let known = Known {
        imported: Some(&it),
        ..Known::default()
    };
    assert_eq!(decide(&row, known).action, Action::Same);
    let other = Row {
        link: Some("https://b.kr/detail.do?x=1&pblancId=PBLN_1".to_owned()),
        period: period::read("20260302 ~ 20260331"),
        regions: vec![Region::Busan],
        category: Category::Other,
        category_told: false,
        ..row
    };
    assert_eq!(decide(&other, known).action, Action::Same);
}

#[test]
fn an_edit_tells_what_is_and_what_would_be() {
    let row = a_row();
    let it = an_edition_of(&row);
    let row = Row {
        category: Category::Finance,
        target: Some("소상공인".to_owned()),
        summary: Some("새로".to_owned()),
        host: "나라원".to_owned(),
        regions: vec![Region::Busan],
        regions_told: true,
        period: period::read("2026-03-02 ~ 2026-04-15"),
        ..row
    };
    let decision = decide(
        &row,
        Known {
            imported: Some(&known(&it)),
            ..Known::default()
        },
    );
    assert_eq!(
        (decision.action, decision.edition),
        (Action::Edit, Some((it.id, 1)))
    );
    assert_eq!(
        fields(&decision),
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
        (&decision.differences[0].from, &decision.differences[0].to),
        (&json!("수출"), &json!("금융"))
    );
    assert_eq!(decision.differences[5].to["endsOn"], "2026-04-15");
}

#[test]
fn what_a_source_does_not_tell_it_does_not_empty() {
    let told = Row {
        target: Some("소상공인".to_owned()),
        summary: Some("가".to_owned()),
        ..a_row()
    };
    let it = an_edition_of(&told);
    let silent = Row {
        link: None,
        ..a_row()
    };
    assert_eq!(
        decide(
            &silent,
            Known {
                imported: Some(&known(&it)),
                ..Known::default()
            }
        )
        .action,
        Action::Same
    );
}

#[test]
fn a_time_of_day_is_a_difference_of_a_range() {
    let row = a_row();
    let it = an_edition_of(&row);
    let row = Row {
        period: period::read("2026-03-02 ~ 2026-03-31 18:00"),
        ..row
    };
    assert_eq!(
        fields(&decide(
            &row,
            Known {
                imported: Some(&known(&it)),
                ..Known::default()
            }
        )),
        [EditionField::Period]
    );
}

#[test]
fn an_expected_edition_is_filled_and_an_imported_one_is_edited_first() {
    let row = a_row();
    let expected = Project {
        status: ProjectStatus::Planned,
        source: None,
        link: None,
        ..an_edition_of(&row)
    };
    let known = Known {
        expected: Some(&expected),
        ..Known::default()
    };
    let decision = decide(&row, known);
    assert_eq!(
        (decision.action, fields(&decision)),
        (
            Action::FillsPlanned,
            vec![EditionField::Link, EditionField::Status]
        )
    );
    let imported = self::known(&an_edition_of(&row));
    assert_eq!(
        decide(
            &row,
            Known {
                imported: Some(&imported),
                ..known
            }
        )
        .action,
        Action::Same
    );
    assert_eq!(decide(&row, Known::default()).action, Action::Create);
}

#[test]
fn a_second_row_with_the_key_is_the_same_or_an_error() {
    let row = a_row();
    let above = |above| Known {
        above: Some(above),
        ..Known::default()
    };
    assert_eq!(decide(&row, above(&row)).action, Action::Same);
    let other = Row {
        name: "다른 이름".to_owned(),
        ..a_row()
    };
    let decision = decide(&other, above(&row));
    assert_eq!(
        (decision.action, decision.faults[0].code),
        (Action::Error, "duplicate")
    );
}

#[test]
fn the_status_of_a_new_edition_follows_its_period() {
    let on = |today: &str| {
        let it = create(
            a_row(),
            ProjectId(Uuid::nil()),
            SeriesId(Uuid::nil()),
            None,
            day(today),
        );
        (
            it.status,
            it.started_on.map(|day| day.to_string()),
            it.ended_on.map(|day| day.to_string()),
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
    let late = Row {
        period: period::read("~ 2026-03-31"),
        registered_on: Some(day("2026-04-05")),
        ..a_row()
    };
    let it = create(
        late,
        ProjectId(Uuid::nil()),
        SeriesId(Uuid::nil()),
        None,
        day("2026-05-01"),
    );
    assert_eq!(
        (it.started_on, it.ended_on),
        (None, Some(day("2026-03-31")))
    );
}

#[test]
fn a_planned_edition_starts_once_its_announced_period_has_begun() {
    let row = a_row();
    let planned = Project {
        status: ProjectStatus::Planned,
        started_on: None,
        ..an_edition_of(&row)
    };
    let on = |it: &Project, today: &str| {
        let known = known(it);
        super::decide(
            &row,
            Known {
                imported: Some(&known),
                ..Known::default()
            },
            day(today),
        )
    };
    assert_eq!(on(&planned, "2026-03-01").action, Action::Same);
    let decision = on(&planned, "2026-03-02");
    assert_eq!(
        (decision.action, fields(&decision)),
        (Action::Edit, vec![EditionField::Status])
    );
    assert_eq!(
        (&decision.differences[0].from, &decision.differences[0].to),
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
fn only_what_an_import_alone_ended_goes_by_a_later_deadline() {
    let ended = Project {
        status: ProjectStatus::Ended,
        ended_on: Some(day("2026-03-31")),
        ..an_edition_of(&a_row())
    };
    let extended = |until: &str, ended_by_import| {
        let row = Row {
            period: period::read(&format!("2026-03-02 ~ {until}")),
            ..a_row()
        };
        let known = Imported {
            it: ended.clone(),
            ended_by_import,
        };
        let today = day("2026-04-10");
        let fields = fields(&super::decide(
            &row,
            Known {
                imported: Some(&known),
                ..Known::default()
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
