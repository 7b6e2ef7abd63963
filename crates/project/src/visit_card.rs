//! The visit card (Door Open Tool): what a salesman can talk about with a customer, and one line to begin with. Pure.

use chrono::{Datelike as _, NaiveDate};
use events::{Category, Phase, Region};
use service_kit::http::problem::Language;
use uuid::Uuid;

use crate::hangul;
use crate::project::Project;

/// Something that a customer marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) project_id: Uuid,
    pub(crate) series_id: Uuid,
    pub(crate) name: String,
    pub(crate) category: Category,
    pub(crate) regions: Vec<Region>,
    pub(crate) target_words: Vec<String>,
}

/// What a programme on a card has at least one of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) categories: Vec<Category>,
    /// Where any region is wanted, the whole country is among them: what applies everywhere applies there.
    pub(crate) regions: Vec<Region>,
    pub(crate) target_words: Vec<String>,
}

impl Traits {
    /// Those that a salesman picked.
    pub(crate) fn picked(
        category: Option<Category>,
        region: Option<Region>,
        target: Option<&str>,
    ) -> Self {
        let mut it = Self {
            categories: category.into_iter().collect(),
            ..Self::default()
        };
        it.add_regions(region.as_slice());
        if let Some(target) = target {
            it.target_words = target_words(target);
            if it.target_words.is_empty() {
                it.target_words.push(target.trim().to_lowercase());
            }
        }
        it
    }

    /// Those of everything that a customer marked.
    pub(crate) fn of(marks: &[Mark]) -> Self {
        let mut it = Self::default();
        for mark in marks {
            // 기타 is what has no category: two of it have nothing in common.
            if mark.category != Category::Other && !it.categories.contains(&mark.category) {
                it.categories.push(mark.category);
            }
            it.add_regions(&mark.regions);
            it.target_words.extend(mark.target_words.iter().cloned());
        }
        it.target_words.sort();
        it.target_words.dedup();
        it
    }

    fn add_regions(&mut self, regions: &[Region]) {
        if !regions.is_empty() {
            self.regions
                .extend([&[Region::Nationwide], regions].concat());
            self.regions.sort();
            self.regions.dedup();
        }
    }

    /// Which of them the programme has.
    pub(crate) fn shared_with(&self, it: &Project) -> Vec<Shared> {
        let words = it.target.as_deref().map(target_words).unwrap_or_default();
        [
            (Shared::Category, self.categories.contains(&it.category)),
            (
                Shared::Target,
                words.iter().any(|word| self.target_words.contains(word)),
            ),
            (
                Shared::Region,
                it.regions
                    .iter()
                    .any(|region| self.regions.contains(region)),
            ),
        ]
        .into_iter()
        .filter_map(|(shared, is_shared)| is_shared.then_some(shared))
        .collect()
    }
}

/// Something that a programme and what was marked or picked have in common. In the order in which one would speak of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shared {
    /// 분야.
    Category,
    /// 지원대상.
    Target,
    /// 지역.
    Region,
}

/// The words of a target (지원대상) that say who is meant.
pub(crate) fn target_words(target: &str) -> Vec<String> {
    /// They stand in most targets and tell them not apart.
    const SAY_NOTHING: [&str; 16] = [
        "및",
        "또는",
        "등",
        "기업",
        "기타",
        "대상",
        "관련",
        "지원",
        "지원대상",
        "소재",
        "이내",
        "이상",
        "미만",
        "해당",
        "누구나",
        "제한",
    ];
    let mut words: Vec<String> = target
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| {
            word.chars().count() > 1 && !word.contains(|letter: char| letter.is_ascii_digit())
        })
        .map(str::to_lowercase)
        .filter(|word| !SAY_NOTHING.contains(&&**word))
        .collect();
    words.sort();
    words.dedup();
    words
}

/// One line to say about the programme: until when, and why to this customer.
pub(crate) fn say(
    it: &Project,
    traits: &Traits,
    marks: &[Mark],
    today: NaiveDate,
    language: Language,
) -> String {
    let (when, why) = match language {
        Language::Korean => (when_ko(it, today), why_ko(it, traits, marks)),
        Language::English => (when_en(it, today), why_en(it, traits, marks)),
    };
    format!("{when} {why}").trim_end().to_owned()
}

fn when_ko(it: &Project, today: NaiveDate) -> String {
    let name = &it.name;
    let left = it.period.ends_on.map(|end| (end - today).num_days());
    let ahead = it
        .period
        .starts_on
        .map(|start| ((start - today).num_days(), start));
    match (it.phase(today), left, ahead) {
        (Phase::Upcoming, _, Some((0, _))) => format!("「{name}」 접수가 오늘 시작될 예정입니다."),
        (Phase::Upcoming, _, Some((days @ 1.., start))) => {
            format!(
                "「{name}」 접수가 {days}일 뒤인 {}월 {}일에 시작될 예정입니다.",
                start.month(),
                start.day()
            )
        }
        (Phase::Upcoming, ..) => format!("「{name}」 접수가 곧 시작될 예정입니다."),
        (_, Some(0), _) => format!("「{name}」 신청이 오늘 마감됩니다."),
        (_, Some(days), _) => format!("「{name}」 신청 마감이 {days}일 남았습니다."),
        (Phase::Always, ..) => format!("「{name}」, 언제든지 신청할 수 있습니다."),
        (Phase::UntilBudget, ..) => format!("「{name}」, 예산이 소진될 때까지 신청할 수 있습니다."),
        _ => format!("「{name}」, 지금 신청할 수 있습니다."),
    }
}

fn when_en(it: &Project, today: NaiveDate) -> String {
    let name = &it.name;
    let left = it.period.ends_on.map(|end| (end - today).num_days());
    let ahead = it.period.starts_on.map(|start| (start - today).num_days());
    match (it.phase(today), left, ahead) {
        (Phase::Upcoming, _, Some(0)) => format!("“{name}” is expected to open today."),
        (Phase::Upcoming, _, Some(days @ 1..)) => {
            format!("“{name}” is expected to open in {}.", days_en(days))
        }
        (Phase::Upcoming, ..) => format!("“{name}” is expected to open soon."),
        (_, Some(0), _) => format!("“{name}” closes today."),
        (_, Some(days), _) => format!("“{name}” closes in {}.", days_en(days)),
        (Phase::Always, ..) => format!("One can apply for “{name}” at any time."),
        (Phase::UntilBudget, ..) => {
            format!("One can apply for “{name}” until its budget is used up.")
        }
        _ => format!("One can apply for “{name}” now."),
    }
}

fn days_en(days: i64) -> String {
    if days == 1 {
        "1 day".to_owned()
    } else {
        format!("{days} days")
    }
}

/// The mark that the programme shares that with, if it shares it with a mark at all.
fn marked_alike<'a>(it: &Project, marks: &'a [Mark], shared: Shared) -> Option<&'a Mark> {
    marks.iter().find(|mark| {
        Traits::of(std::slice::from_ref(mark))
            .shared_with(it)
            .contains(&shared)
    })
}

/// The first region of the programme that is wanted by name.
fn named_region(it: &Project, traits: &Traits) -> Option<Region> {
    it.regions
        .iter()
        .copied()
        .find(|region| *region != Region::Nationwide && traits.regions.contains(region))
}

/// The first word of the programme's target that is wanted.
fn named_target(it: &Project, traits: &Traits) -> Option<String> {
    let words = it.target.as_deref().map(target_words).unwrap_or_default();
    words
        .into_iter()
        .find(|word| traits.target_words.contains(word))
}

fn why_ko(it: &Project, traits: &Traits, marks: &[Mark]) -> String {
    if marks.iter().any(|mark| mark.series_id == it.series_id.0) {
        return "관심 두신 사업이에요.".to_owned();
    }
    let Some(shared) = traits.shared_with(it).first().copied() else {
        return String::new();
    };
    let mark = marked_alike(it, marks, shared).map(|mark| &mark.name);
    match shared {
        Shared::Category => {
            let category = it.category.as_str();
            mark.map_or_else(
                || format!("{category} 분야예요."),
                |name| {
                    let with = if hangul::ends_in_consonant(name) {
                        "과"
                    } else {
                        "와"
                    };
                    format!("관심 두신 「{name}」{with} 같은 {category} 분야예요.")
                },
            )
        }
        Shared::Target => {
            let Some(target) = named_target(it, traits) else {
                return String::new();
            };
            let subject = if hangul::ends_in_consonant(&target) {
                "이"
            } else {
                "가"
            };
            let like = mark
                .map(|name| format!("관심 두신 「{name}」처럼 "))
                .unwrap_or_default();
            format!("{like}{target}{subject} 대상이에요.")
        }
        Shared::Region => {
            let place = named_region(it, traits).map_or_else(
                || "전국 어디서나".to_owned(),
                |region| format!("{}에서", region.as_str()),
            );
            let like = mark
                .map(|name| format!("관심 두신 「{name}」처럼 "))
                .unwrap_or_default();
            format!("{like}{place} 신청할 수 있어요.")
        }
    }
}

fn why_en(it: &Project, traits: &Traits, marks: &[Mark]) -> String {
    if marks.iter().any(|mark| mark.series_id == it.series_id.0) {
        return "It is one that you marked.".to_owned();
    }
    let Some(shared) = traits.shared_with(it).first().copied() else {
        return String::new();
    };
    let like = marked_alike(it, marks, shared)
        .map(|mark| format!(", like “{}”, which you marked", mark.name))
        .unwrap_or_default();
    match shared {
        Shared::Category => format!("It is of the field {}{like}.", it.category.as_str()),
        Shared::Target => named_target(it, traits)
            .map(|target| format!("It is for {target}{like}."))
            .unwrap_or_default(),
        Shared::Region => {
            let place = named_region(it, traits).map_or("everywhere", Region::as_str);
            format!("It applies in {place}{like}.").replace("in everywhere", "everywhere")
        }
    }
}

#[cfg(test)]
mod tests {
    use events::{Period, PeriodKind, ProjectId, ProjectStatus, SeriesId};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn a_programme() -> Project {
        Project {
            id: ProjectId(Uuid::from_u128(1)),
            series_id: SeriesId(Uuid::from_u128(2)),
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
            project_id: Uuid::from_u128(8),
            series_id: Uuid::from_u128(9),
            name: name.to_owned(),
            category,
            regions: vec![region],
            target_words: target_words(target),
        }
    }

    fn said(it: &Project, marks: &[Mark], language: Language) -> String {
        say(it, &Traits::of(marks), marks, day("2026-11-23"), language)
    }

    #[test]
    fn the_words_of_a_target_are_those_that_tell_targets_apart() {
        assert_eq!(
            target_words("소상공인, 중소기업 및 창업 7년 이내 기업 등"),
            ["소상공인", "중소기업", "창업"]
        );
        assert_eq!(target_words("중소·중견기업"), ["중견기업", "중소"]);
        assert!(target_words("기업 등").is_empty());
    }

    #[test]
    fn it_says_until_when_and_what_it_has_in_common_with_a_mark() {
        let it = a_programme();
        for (mark, ko, en) in [
            (
                a_mark("수출바우처", Category::Technology, Region::Busan, ""),
                "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 「수출바우처」와 같은 기술 분야예요.",
                "“스마트상점” closes in 3 days. It is of the field 기술, like “수출바우처”, which you marked.",
            ),
            (
                a_mark("기술보급사업", Category::Technology, Region::Busan, ""),
                "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 「기술보급사업」과 같은 기술 분야예요.",
                "“스마트상점” closes in 3 days. It is of the field 기술, like “기술보급사업”, which you marked.",
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
            assert_eq!(said(&it, std::slice::from_ref(&mark), Language::Korean), ko);
            assert_eq!(said(&it, &[mark], Language::English), en);
        }
    }

    #[test]
    fn what_was_marked_itself_is_said_to_be_it() {
        let mut mark = a_mark("2025년 스마트상점", Category::Technology, Region::Seoul, "");
        mark.series_id = Uuid::from_u128(2);
        let line = said(&a_programme(), &[mark], Language::Korean);
        assert_eq!(
            line,
            "「스마트상점」 신청 마감이 3일 남았습니다. 관심 두신 사업이에요."
        );
    }

    #[test]
    fn every_phase_has_words_of_its_own() {
        let mark = a_mark("수출바우처", Category::Technology, Region::Busan, "");
        let mut it = a_programme();
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
            (it.status, it.period) = (status, period);
            let (ko, en) = (
                said(&it, std::slice::from_ref(&mark), Language::Korean),
                said(&it, std::slice::from_ref(&mark), Language::English),
            );
            let of = |line: &str, end: &str| line.split_once(end).unwrap().0.to_owned();
            lines.push((of(&ko, " 관심"), of(&en, " It is of")));
        }
        let expected = [
            (
                "「스마트상점」 신청이 오늘 마감됩니다.",
                "“스마트상점” closes today.",
            ),
            (
                "「스마트상점」, 언제든지 신청할 수 있습니다.",
                "One can apply for “스마트상점” at any time.",
            ),
            (
                "「스마트상점」, 예산이 소진될 때까지 신청할 수 있습니다.",
                "One can apply for “스마트상점” until its budget is used up.",
            ),
            (
                "「스마트상점」, 지금 신청할 수 있습니다.",
                "One can apply for “스마트상점” now.",
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
    fn what_a_salesman_picked_is_shared_where_it_applies() {
        let it = a_programme();
        let shared = |traits: &Traits| traits.shared_with(&it);
        assert_eq!(
            shared(&Traits::picked(
                Some(Category::Technology),
                Some(Region::Seoul),
                Some("소상공인")
            )),
            [Shared::Category, Shared::Target, Shared::Region]
        );
        assert_eq!(shared(&Traits::picked(None, Some(Region::Busan), None)), []);
        let nationwide = Project {
            regions: vec![Region::Nationwide],
            ..a_programme()
        };
        let picked = Traits::picked(None, Some(Region::Busan), None);
        assert_eq!(picked.shared_with(&nationwide), [Shared::Region]);
        let line = say(
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
        let line = say(
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
    fn what_has_no_category_has_none_in_common() {
        let it = Project {
            category: Category::Other,
            ..a_programme()
        };
        let marks = [a_mark("수출바우처", Category::Other, Region::Busan, "")];
        assert_eq!(Traits::of(&marks).shared_with(&it), []);
        assert_eq!(
            said(&it, &marks, Language::Korean),
            "「스마트상점」 신청 마감이 3일 남았습니다."
        );
        // Whoever picks it wants it.
        assert_eq!(
            Traits::picked(Some(Category::Other), None, None).shared_with(&it),
            [Shared::Category]
        );
    }
}
