mod lines;

use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, ProjectId, ProjectStatus, Region, SeriesId};
use service_kit::http::problem::Language;
use uuid::Uuid;

use super::clause::clauses;
use super::*;
use crate::project::{Details, Project};

const TODAY: &str = "2026-11-23";

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

fn edition(year: i32, starts_on: Option<&str>) -> EarlierEdition {
    EarlierEdition {
        year,
        starts_on: starts_on.map(day),
    }
}

/// The clauses about a programme, as ends of sentences.
fn said(
    project: &Project,
    earlier: &[EarlierEdition],
    marks: &[Mark],
    language: Language,
) -> Vec<String> {
    let programme = Programme { project, earlier };
    let traits = Traits::of_marks(marks);
    let found = clauses(&programme, &traits, marks, day(TODAY), language);
    found.into_iter().map(|clause| clause.last).collect()
}

/// The line of a programme that is alone on its card.
fn line(project: &Project, marks: &[Mark], language: Language) -> String {
    let programme = Programme {
        project,
        earlier: &[],
    };
    let traits = Traits::of_marks(marks);
    pitch_lines(&[programme], &traits, marks, day(TODAY), language).remove(0)
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
fn line_begins_with_an_urgent_deadline() {
    let mark = a_mark("수출바우처", Category::Technology, Region::Busan, "");
    assert_eq!(
        line(
            &a_programme(),
            std::slice::from_ref(&mark),
            Language::Korean
        ),
        "신청 마감이 3일 남았습니다. 관심 두신 「수출바우처」와 같은 기술 분야이고, \
         서울에서만 하는 사업입니다."
    );
    assert_eq!(
        line(&a_programme(), &[mark], Language::English),
        "It closes in 3 days. It is in the field 기술, like “수출바우처”, which you marked and \
         it applies in 서울 only."
    );
}

#[test]
fn line_with_time_left_begins_with_another_fact() {
    let mut project = a_programme();
    project.details.period = until("2026-12-20");
    project.details.scale = Some(20_000_000);
    assert_eq!(
        line(&project, &[], Language::Korean),
        "서울에서만 하는 사업입니다. 신청은 12월 20일 일요일까지 받고, \
         지원 규모는 2,000만 원입니다."
    );
}

#[test]
fn fit_has_the_particles_of_its_names() {
    for (name, category, target, ko, en) in [
        (
            "수출바우처",
            Category::Technology,
            "",
            "관심 두신 「수출바우처」와 같은 기술 분야입니다",
            "it is in the field 기술, like “수출바우처”, which you marked",
        ),
        (
            "기술보급사업",
            Category::Technology,
            "",
            "관심 두신 「기술보급사업」과 같은 기술 분야입니다",
            "it is in the field 기술, like “기술보급사업”, which you marked",
        ),
        (
            "스마트 AI",
            Category::Technology,
            "",
            "관심 두신 「스마트 AI」처럼 기술 분야입니다",
            "it is in the field 기술, like “스마트 AI”, which you marked",
        ),
        (
            "경영안정자금",
            Category::Finance,
            "소상공인",
            "관심 두신 「경영안정자금」처럼 소상공인이 대상입니다",
            "it is for 소상공인, like “경영안정자금”, which you marked",
        ),
    ] {
        let mark = [a_mark(name, category, Region::Busan, target)];
        assert_eq!(said(&a_programme(), &[], &mark, Language::Korean)[1], ko);
        assert_eq!(said(&a_programme(), &[], &mark, Language::English)[1], en);
    }
    let mut marked = a_mark("2025년 스마트상점", Category::Export, Region::Seoul, "");
    marked.series_id = Uuid::from_u128(2);
    assert_eq!(
        said(&a_programme(), &[], &[marked], Language::Korean)[1],
        "관심 두신 사업입니다"
    );
}

#[test]
fn every_phase_has_its_own_timing() {
    let mut project = a_programme();
    let mut found = Vec::new();
    let planned = |start: &str| Period {
        starts_on: Some(day(start)),
        ..until("2027-01-31")
    };
    for (status, period) in [
        (ProjectStatus::Ongoing, until(TODAY)),
        (ProjectStatus::Ongoing, until("2026-12-31")),
        (ProjectStatus::Ongoing, until("2027-01-31")),
        (ProjectStatus::Ongoing, until("2026-11-22")),
        (ProjectStatus::Ongoing, dateless(PeriodKind::Always)),
        (ProjectStatus::Ongoing, dateless(PeriodKind::UntilBudget)),
        (ProjectStatus::Ongoing, dateless(PeriodKind::FirstCome)),
        (ProjectStatus::Ongoing, dateless(PeriodKind::UntilFilled)),
        (ProjectStatus::Ongoing, dateless(PeriodKind::Other)),
        (ProjectStatus::Planned, planned("2026-12-01")),
        (ProjectStatus::Planned, planned(TODAY)),
        (ProjectStatus::Planned, dateless(PeriodKind::Missing)),
    ] {
        (project.status, project.details.period) = (status, period);
        let in_language = |language| said(&project, &[], &[], language).remove(0);
        found.push((
            in_language(Language::Korean),
            in_language(Language::English),
        ));
    }
    let expected = [
        ("신청이 오늘 마감됩니다", "it closes today"),
        (
            "12월 31일까지 신청을 받아 여유가 있습니다",
            "it closes in 38 days",
        ),
        (
            "2027년 1월 31일까지 신청을 받아 여유가 있습니다",
            "it closes in 69 days",
        ),
        ("신청 기간이 지났습니다", "its period has passed"),
        ("언제든지 신청할 수 있습니다", "you can apply at any time"),
        (
            "예산이 소진될 때까지 신청할 수 있습니다",
            "you can apply until its budget is used up",
        ),
        ("지금 선착순으로 신청을 받습니다", "you can apply now"),
        ("모집이 완료될 때까지 신청을 받습니다", "you can apply now"),
        ("지금 신청할 수 있습니다", "you can apply now"),
        (
            "접수가 8일 뒤인 12월 1일에 시작될 예정입니다",
            "it is expected to open in 8 days",
        ),
        (
            "접수가 오늘 시작될 예정입니다",
            "it is expected to open today",
        ),
        ("접수가 아직 시작되지 않았습니다", "it has not opened yet"),
    ];
    assert_eq!(
        found,
        expected.map(|(ko, en)| (ko.to_owned(), en.to_owned()))
    );
}

#[test]
fn place_names_up_to_three_regions() {
    let mut project = a_programme();
    for (regions, ko) in [
        (
            vec![Region::Nationwide],
            "전국 어디서나 신청하는 사업입니다",
        ),
        (
            vec![Region::Busan, Region::Ulsan],
            "부산, 울산에서만 하는 사업입니다",
        ),
        (
            vec![Region::Seoul, Region::Busan, Region::Ulsan, Region::Jeju],
            "서울 등 시도 4곳에서만 하는 사업입니다",
        ),
    ] {
        project.details.regions = regions;
        assert_eq!(said(&project, &[], &[], Language::Korean)[1], ko);
    }
}

#[test]
fn years_are_said_as_far_as_they_are_known() {
    let project = a_programme();
    let years = |earlier: &[EarlierEdition], language| {
        let found = said(&project, earlier, &[], language);
        found
            .into_iter()
            .find(|text| text.contains("열린") || text.contains("opened"))
    };
    for (earlier, ko, en) in [
        (vec![], None, None),
        // Its own year and the next one are no history.
        (vec![edition(2026, None), edition(2027, None)], None, None),
        (
            vec![edition(2025, Some("2025-03-02"))],
            Some("지난해에도 열린 사업입니다"),
            Some("it also opened in 2025"),
        ),
        (
            vec![edition(2023, None), edition(2021, None)],
            Some("2023년에도 열린 사업입니다"),
            Some("it also opened in 2023"),
        ),
        (
            vec![edition(2025, Some("2025-03-02")), edition(2024, None)],
            Some("2024년부터 해마다 열린 사업입니다"),
            Some("it has opened every year since 2024"),
        ),
        (
            vec![
                edition(2025, Some("2025-03-02")),
                edition(2024, Some("2024-03-20")),
            ],
            Some("해마다 3월에 열린 사업입니다"),
            Some("it has opened every year in March"),
        ),
    ] {
        assert_eq!(years(&earlier, Language::Korean).as_deref(), ko);
        assert_eq!(years(&earlier, Language::English).as_deref(), en);
    }
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
        "신청 마감이 3일 남았습니다. 서울에서만 하는 사업이고, 중소벤처기업부 사업입니다."
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
}
