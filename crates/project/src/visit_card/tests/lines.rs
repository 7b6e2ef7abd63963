//! The lines of a whole card.

use std::collections::{BTreeSet, HashSet};

use chrono::{Datelike as _, NaiveDate};
use events::{Category, Period, PeriodKind, ProjectStatus, Region};
use proptest::prelude::*;
use service_kit::http::problem::Language;

use super::{TODAY, a_mark, a_programme, dateless, day};
use crate::project::Project;
use crate::visit_card::clause::clauses;
use crate::visit_card::{EarlierEdition, Programme, Traits, pitch_lines};

#[test]
fn lines_of_one_card_begin_differently() {
    let with = |scale, agency: &str| {
        let mut project = a_programme();
        project.details.scale = scale;
        project.details.agency = agency.to_owned();
        project
    };
    let projects = [
        with(None, "가상부"),
        with(Some(10_000_000), "가상부"),
        with(Some(10_000_000), "나라부"),
    ];
    let programmes = projects.each_ref().map(|project| Programme {
        project,
        earlier: &[],
    });
    let traits = Traits::default();
    let lines = pitch_lines(&programmes, &traits, &[], day(TODAY), Language::Korean);
    assert_eq!(
        lines,
        [
            "신청 마감이 3일 남았습니다. 서울에서만 하는 사업이고, 가상부 사업입니다.",
            "서울에서만 하는 사업입니다. 신청 마감이 3일 남았고, 지원 규모는 1,000만 원입니다.",
            "지원 규모는 1,000만 원입니다. 신청 마감이 3일 남았고, 서울에서만 하는 사업입니다.",
        ]
    );
}

/// Programmes that often have facts in common.
fn any_programme() -> impl Strategy<Value = (Project, Vec<EarlierEdition>)> {
    let period = prop_oneof![
        (0..400_u64).prop_map(|days| Period {
            kind: PeriodKind::Range,
            text: String::new(),
            starts_on: Some(day("2026-11-01")),
            ends_on: day(TODAY).checked_add_days(chrono::Days::new(days)),
        }),
        (0..30_u64).prop_map(|days| Period {
            kind: PeriodKind::Range,
            text: String::new(),
            starts_on: day(TODAY).checked_add_days(chrono::Days::new(days)),
            ends_on: Some(day("2027-03-31")),
        }),
        prop::sample::select(PeriodKind::ALL.to_vec()).prop_map(dateless),
    ];
    let scale = prop::option::of(prop_oneof![
        Just(10_000_000),
        1..200_i64,
        1..2_000_000_000_000_i64
    ]);
    let earlier = prop::collection::vec((2020..2028_i32, 1..13_u32), 0..4).prop_map(|editions| {
        let edition = |(year, month)| EarlierEdition {
            year,
            starts_on: NaiveDate::from_ymd_opt(year, month, 1),
        };
        editions.into_iter().map(edition).collect()
    });
    (
        period,
        scale,
        earlier,
        prop::collection::btree_set(prop::sample::select(Region::ALL.to_vec()), 0..6),
        prop::sample::select(Category::ALL.to_vec()),
        prop::sample::select(vec!["가상부", "나라청", ""]),
        prop::sample::select(vec![None, Some("소상공인"), Some("창업기업 AI")]),
        prop::bool::ANY,
    )
        .prop_map(
            |(period, scale, earlier, regions, category, agency, target, is_planned)| {
                let mut project = a_programme();
                project.details.period = period;
                project.details.scale = scale;
                project.details.regions = regions.into_iter().collect();
                project.details.category = category;
                project.details.agency = agency.to_owned();
                project.details.target = target.map(str::to_owned);
                if is_planned {
                    project.status = ProjectStatus::Planned;
                }
                (project, earlier)
            },
        )
}

/// The numbers in a text, without the commas in them.
fn numbers(text: &str) -> BTreeSet<i64> {
    let text = text.replace(',', "");
    let parts = text.split(|letter: char| !letter.is_ascii_digit());
    parts.filter_map(|digits| digits.parse().ok()).collect()
}

/// The numbers that may be said of a programme.
fn known_numbers(project: &Project, earlier: &[EarlierEdition]) -> BTreeSet<i64> {
    let mut known = BTreeSet::new();
    let period = &project.details.period;
    for date in [period.starts_on, period.ends_on].into_iter().flatten() {
        known.insert((date - day(TODAY)).num_days());
        let parts = [date.month(), date.day()].map(i64::from);
        known.extend(parts.into_iter().chain([date.year().into()]));
    }
    for edition in earlier {
        known.insert(edition.year.into());
        known.extend(edition.starts_on.map(|start| i64::from(start.month())));
    }
    let scale = project.details.scale.unwrap_or_default();
    let powers = [1, 10_000, 100_000_000, 1_000_000_000_000];
    known.extend(powers.map(|power| scale / power % 10_000));
    known.insert(scale);
    known.insert(i64::try_from(project.details.regions.len()).unwrap());
    known
}

proptest! {
    #[test]
    fn line_says_nothing_but_its_facts(
        found in prop::collection::vec(any_programme(), 1..20),
    ) {
        let marks = [a_mark("수출바우처", Category::Export, Region::Busan, "소상공인")];
        let traits = Traits::of_marks(&marks);
        let programmes: Vec<Programme<'_>> = found
            .iter()
            .map(|(project, earlier)| Programme { project, earlier })
            .collect();
        for language in [Language::Korean, Language::English] {
            let lines = pitch_lines(&programmes, &traits, &marks, day(TODAY), language);
            let mut said: HashSet<(String, String)> = HashSet::new();
            for (programme, line) in programmes.iter().zip(&lines) {
                let known = known_numbers(programme.project, programme.earlier);
                prop_assert!(numbers(line).is_subset(&known), "{line}");
                let facts = clauses(programme, &traits, &marks, day(TODAY), language);
                let facts: Vec<String> = facts.into_iter().map(|clause| clause.last).collect();
                let (opening, _) = line.split_once(". ").unwrap_or((line, ""));
                said.insert((opening.to_owned(), facts.join("/")));
                if language == Language::Korean {
                    let sentences = line.trim_end_matches('.').split(". ");
                    let mut sentences = sentences.filter(|text| !text.is_empty());
                    prop_assert!(sentences.all(|text| text.ends_with("니다")), "{line}");
                    let timing = programme.project.phase(day(TODAY)).is_open();
                    prop_assert!(!timing || line.contains("신청"), "{line}");
                }
            }
            let openings: HashSet<&str> = said.iter().map(|(opening, _)| &**opening).collect();
            prop_assert_eq!(openings.len(), said.len(), "{:#?}", lines);
        }
    }
}
