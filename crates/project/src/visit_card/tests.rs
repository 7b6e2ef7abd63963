use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, ProjectId, ProjectStatus, Region, SeriesId};
use service_kit::http::problem::Language;
use uuid::Uuid;

use super::*;
use crate::project::{Details, Project};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn a_programme() -> Project {
    Project {
        id: ProjectId(Uuid::from_u128(1)),
        series_id: SeriesId(Uuid::from_u128(2)),
        details: Details {
            name: "스마트상점".to_owned(),
            year: 2026,
            category: Category::Technology,
            regions: vec![Region::Seoul],
            target: Some("소상공인 및 중소기업".to_owned()),
            scale: None,
            agency: "중소벤처기업부".to_owned(),
            host: "소상공인시장진흥공단".to_owned(),
            summary: None,
            link: None,
            period: until("2026-11-26"),
        },
        status: ProjectStatus::Ongoing,
        started_on: None,
        ended_on: None,
        predecessor: None,
        source: None,
        source_list: None,
        version: 1,
    }
}

fn until(end: &str) -> Period {
    Period {
        kind: PeriodKind::Range,
        text: String::new(),
        starts_on: Some(day("2026-11-01")),
        ends_on: Some(day(end)),
    }
}

fn dateless(kind: PeriodKind) -> Period {
    Period {
        kind,
        text: String::new(),
        starts_on: None,
        ends_on: None,
    }
}

fn a_mark(name: &str, category: Category, region: Region, target: &str) -> Mark {
    Mark {
        series_id: Uuid::from_u128(9),
        name: name.to_owned(),
        category,
        regions: vec![region],
        target_words: target_words(target),
    }
}

fn line(project: &Project, marks: &[Mark], language: Language) -> String {
    pitch_line(
        project,
        &Traits::of_marks(marks),
        marks,
        day("2026-11-23"),
        language,
    )
}

#[test]
fn target_words_are_the_distinctive_ones() {
    assert_eq!(
        target_words("소상공인, 중소기업 및 창업 7년 이내 기업 등"),
        ["소상공인", "중소기업", "창업"]
    );
    assert_eq!(target_words("중소·중견기업"), ["중견기업", "중소"]);
    assert!(target_words("기업 등").is_empty());
}

#[test]
fn line_names_deadline_and_shared_trait() {
    let project = a_programme();
    for (mark, ko, en) in [
        (
            a_mark("수출바우처", Category::Technology, Region::Busan, ""),
            "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 「수출바우처」와 같은 기술 분야예요.",
            "“스마트상점” closes in 3 days. It is in the field 기술, like “수출바우처”, which you marked.",
        ),
        (
            a_mark("기술보급사업", Category::Technology, Region::Busan, ""),
            "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 「기술보급사업」과 같은 기술 분야예요.",
            "“스마트상점” closes in 3 days. It is in the field 기술, like “기술보급사업”, which you marked.",
        ),
        (
            a_mark("경영안정자금", Category::Finance, Region::Busan, "소상공인"),
            "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 「경영안정자금」처럼 소상공인이 대상이에요.",
            "“스마트상점” closes in 3 days. It is for 소상공인, like “경영안정자금”, which you marked.",
        ),
        (
            a_mark("경영안정자금", Category::Finance, Region::Seoul, ""),
            "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 「경영안정자금」처럼 서울에서 신청할 수 있어요.",
            "“스마트상점” closes in 3 days. It applies in 서울, like “경영안정자금”, which you marked.",
        ),
    ] {
        assert_eq!(
            line(&project, std::slice::from_ref(&mark), Language::Korean),
            ko
        );
        assert_eq!(line(&project, &[mark], Language::English), en);
    }
}

#[test]
fn line_says_that_programme_is_marked() {
    let mut mark = a_mark("2025년 스마트상점", Category::Technology, Region::Seoul, "");
    mark.series_id = Uuid::from_u128(2);
    let line = line(&a_programme(), &[mark], Language::Korean);
    assert_eq!(
        line,
        "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 사업이에요."
    );
}

#[test]
fn every_phase_has_its_own_line() {
    let mark = a_mark("수출바우처", Category::Technology, Region::Busan, "");
    let mut project = a_programme();
    let mut lines = Vec::new();
    for (status, period) in [
        (ProjectStatus::Ongoing, until("2026-11-23")),
        (ProjectStatus::Ongoing, dateless(PeriodKind::Always)),
        (ProjectStatus::Ongoing, dateless(PeriodKind::UntilBudget)),
        (ProjectStatus::Ongoing, dateless(PeriodKind::FirstCome)),
        (
            ProjectStatus::Planned,
            Period {
                starts_on: Some(day("2026-12-01")),
                ..until("2026-12-31")
            },
        ),
        (
            ProjectStatus::Planned,
            Period {
                starts_on: Some(day("2026-11-23")),
                ..until("2026-12-31")
            },
        ),
        (ProjectStatus::Planned, dateless(PeriodKind::Missing)),
    ] {
        (project.status, project.details.period) = (status, period);
        let (ko, en) = (
            line(&project, std::slice::from_ref(&mark), Language::Korean),
            line(&project, std::slice::from_ref(&mark), Language::English),
        );
        let before = |line: &str, end: &str| line.split_once(end).unwrap().0.to_owned();
        lines.push((before(&ko, " 관심"), before(&en, " It is in")));
    }
    let expected = [
        (
            "「스마트상점」 신청이 오늘 마감됩니다.",
            "“스마트상점” closes today.",
        ),
        (
            "「스마트상점」, 언제든지 신청할 수 있습니다.",
            "You can apply for “스마트상점” at any time.",
        ),
        (
            "「스마트상점」, 예산이 소진될 때까지 신청할 수 있습니다.",
            "You can apply for “스마트상점” until its budget is used up.",
        ),
        (
            "「스마트상점」, 지금 신청할 수 있습니다.",
            "You can apply for “스마트상점” now.",
        ),
        (
            "「스마트상점」 접수가 8일 뒤인 12월 1일에 시작될 예정입니다.",
            "“스마트상점” is expected to open in 8 days.",
        ),
        (
            "「스마트상점」 접수가 오늘 시작될 예정입니다.",
            "“스마트상점” is expected to open today.",
        ),
        (
            "「스마트상점」 접수가 곧 시작될 예정입니다.",
            "“스마트상점” is expected to open soon.",
        ),
    ];
    assert_eq!(
        lines,
        expected.map(|(ko, en)| (ko.to_owned(), en.to_owned()))
    );
}

#[test]
fn picks_are_shared_where_they_apply() {
    let project = a_programme();
    let shared = |traits: &Traits| traits.shared_with(&project);
    assert_eq!(
        shared(&Traits::picked(
            Some(Category::Technology),
            Some(Region::Seoul),
            Some("소상공인")
        )),
        [Shared::Category, Shared::Target, Shared::Region]
    );
    assert_eq!(shared(&Traits::picked(None, Some(Region::Busan), None)), []);
    let mut nationwide = a_programme();
    nationwide.details.regions = vec![Region::Nationwide];
    let picked = Traits::picked(None, Some(Region::Busan), None);
    assert_eq!(picked.shared_with(&nationwide), [Shared::Region]);
    let line = pitch_line(
        &nationwide,
        &picked,
        &[],
        day("2026-11-23"),
        Language::Korean,
    );
    assert_eq!(
        line,
        "「스마트상점」 신청 마감이 3일 남았습니다. 전국 어디서나 신청할 수 있어요."
    );
    let line = pitch_line(
        &nationwide,
        &picked,
        &[],
        day("2026-11-25"),
        Language::English,
    );
    assert_eq!(line, "“스마트상점” closes in 1 day. It applies everywhere.");
    assert_eq!(
        Traits::picked(None, None, Some("기업 등")).target_words,
        ["기업 등"]
    );
}

#[test]
fn other_category_is_not_shared_between_marks() {
    let mut project = a_programme();
    project.details.category = Category::Other;
    let marks = [a_mark("수출바우처", Category::Other, Region::Busan, "")];
    assert_eq!(Traits::of_marks(&marks).shared_with(&project), []);
    assert_eq!(
        line(&project, &marks, Language::Korean),
        "「스마트상점」 신청 마감이 3일 남았습니다."
    );
    // Picked, it counts.
    assert_eq!(
        Traits::picked(Some(Category::Other), None, None).shared_with(&project),
        [Shared::Category]
    );
}

#[test]
fn region_that_replaced_others_is_shared_with_them() {
    let mut project = a_programme();
    for (of_project, picked, is_shared) in [
        (Region::JeonnamGwangju, Region::Gwangju, true),
        (Region::Jeonnam, Region::JeonnamGwangju, true),
        (Region::Jeonnam, Region::Gwangju, false),
    ] {
        project.details.regions = vec![of_project];
        let shared = Traits::picked(None, Some(picked), None).shared_with(&project);
        assert_eq!(
            shared == [Shared::Region],
            is_shared,
            "{of_project:?} {picked:?}"
        );
    }
    project.details.regions = vec![Region::JeonnamGwangju];
    let marks = [a_mark("옛 사업", Category::Other, Region::Jeonnam, "")];
    assert_eq!(
        line(&project, &marks, Language::Korean),
        "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 「옛 사업」처럼 전남광주에서 신청할 수 있어요."
    );
}
