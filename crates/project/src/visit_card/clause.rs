//! What is known of a programme, one clause for each fact. A clause states nothing else.

use chrono::{Datelike as _, Month, NaiveDate, Weekday};
use events::{PeriodKind, Phase, Region};
use service_kit::http::problem::Language;

use super::money::{in_english, in_korean};
use super::programme::Programme;
use super::traits::{Mark, Shared, Traits};
use crate::hangul::ends_in_consonant;

/// What a clause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// A deadline within a week.
    Urgent,
    Timing,
    /// The customer marked it, or something with the same field or target.
    Fit,
    OnlyRegions,
    Nationwide,
    Years,
    Money,
    Agency,
}

/// A fact in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) subject: Subject,
    /// As the end of a sentence, without its period: `…입니다`.
    pub(super) last: String,
    /// Followed by another clause: `…이고,`.
    pub(super) linked: String,
}

/// A Korean clause: its stem, and how it ends and goes on.
fn korean(subject: Subject, stem: &str, (last, linked): (&str, &str)) -> Clause {
    Clause {
        subject,
        last: format!("{stem}{last}"),
        linked: format!("{stem}{linked},"),
    }
}

/// An English clause, which begins with a small letter.
fn english(subject: Subject, text: String) -> Clause {
    Clause {
        subject,
        linked: format!("{text} and"),
        last: text,
    }
}

const IS: (&str, &str) = ("입니다", "이고");
const CAN: (&str, &str) = ("있습니다", "있고");
const TAKES: (&str, &str) = ("받습니다", "받고");

/// All facts of a programme, the most important ones first.
pub(super) fn clauses(
    programme: &Programme<'_>,
    traits: &Traits,
    marks: &[Mark],
    today: NaiveDate,
    language: Language,
) -> Vec<Clause> {
    let facts = [
        Some(timing(programme, today, language)),
        fit(programme, traits, marks, language),
        place(programme, language),
        years(programme, today, language),
        money(programme, language),
        agency(programme, language),
    ];
    facts.into_iter().flatten().collect()
}

fn timing(programme: &Programme<'_>, today: NaiveDate, language: Language) -> Clause {
    let project = programme.project;
    let period = &project.details.period;
    let days_until = |day: Option<NaiveDate>| day.map(|day| (day, (day - today).num_days()));
    let (start, end) = (days_until(period.starts_on), days_until(period.ends_on));
    let phase = project.phase(today);
    let subject = match (phase, end) {
        (Phase::Closing, Some(_)) => Subject::Urgent,
        _ => Subject::Timing,
    };
    match language {
        Language::Korean => {
            let (stem, ends) = timing_ko(phase, period.kind, start, end, today);
            korean(subject, &stem, ends)
        }
        Language::English => english(subject, timing_en(phase, start, end)),
    }
}

type Ends = (&'static str, &'static str);

fn timing_ko(
    phase: Phase,
    kind: PeriodKind,
    start: Option<(NaiveDate, i64)>,
    end: Option<(NaiveDate, i64)>,
    today: NaiveDate,
) -> (String, Ends) {
    match (phase, start, end) {
        (Phase::Upcoming, Some((_, 0)), _) => ("접수가 오늘 시작될 예정".to_owned(), IS),
        (Phase::Upcoming, Some((day, days @ 1..)), _) => {
            let day = date_ko(day, today);
            (format!("접수가 {days}일 뒤인 {day}에 시작될 예정"), IS)
        }
        (Phase::Upcoming, ..) => ("접수가 아직 시작되지 ".to_owned(), ("않았습니다", "않았고")),
        (Phase::Closed | Phase::Ended, ..) => ("신청 기간이 ".to_owned(), ("지났습니다", "지났고")),
        (_, _, Some((_, 0))) => ("신청이 오늘 ".to_owned(), ("마감됩니다", "마감되고")),
        (_, _, Some((_, days @ 1..=7))) => {
            (format!("신청 마감이 {days}일 "), ("남았습니다", "남았고"))
        }
        (_, _, Some((day, 8..=30))) => {
            let weekday = weekday_ko(day.weekday());
            (
                format!("신청은 {} {weekday}까지 ", date_ko(day, today)),
                TAKES,
            )
        }
        (_, _, Some((day, _))) => {
            let day = date_ko(day, today);
            (format!("{day}까지 신청을 받아 여유가 "), CAN)
        }
        (Phase::Always, ..) => ("언제든지 신청할 수 ".to_owned(), CAN),
        (Phase::UntilBudget, ..) => ("예산이 소진될 때까지 신청할 수 ".to_owned(), CAN),
        _ => match kind {
            PeriodKind::FirstCome => ("지금 선착순으로 신청을 ".to_owned(), TAKES),
            PeriodKind::UntilFilled => ("모집이 완료될 때까지 신청을 ".to_owned(), TAKES),
            _ => ("지금 신청할 수 ".to_owned(), CAN),
        },
    }
}

/// With the year only if it is another one.
fn date_ko(day: NaiveDate, today: NaiveDate) -> String {
    let in_year = format!("{}월 {}일", day.month(), day.day());
    if day.year() == today.year() {
        in_year
    } else {
        format!("{}년 {in_year}", day.year())
    }
}

fn weekday_ko(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "월요일",
        Weekday::Tue => "화요일",
        Weekday::Wed => "수요일",
        Weekday::Thu => "목요일",
        Weekday::Fri => "금요일",
        Weekday::Sat => "토요일",
        Weekday::Sun => "일요일",
    }
}

fn timing_en(
    phase: Phase,
    start: Option<(NaiveDate, i64)>,
    end: Option<(NaiveDate, i64)>,
) -> String {
    let in_days = |days: i64| match days {
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    };
    match (phase, start, end) {
        (Phase::Upcoming, Some((_, 0)), _) => "it is expected to open today".to_owned(),
        (Phase::Upcoming, Some((_, days @ 1..)), _) => {
            format!("it is expected to open in {}", in_days(days))
        }
        (Phase::Upcoming, ..) => "it has not opened yet".to_owned(),
        (Phase::Closed | Phase::Ended, ..) => "its period has passed".to_owned(),
        (_, _, Some((_, 0))) => "it closes today".to_owned(),
        (_, _, Some((_, days))) => format!("it closes in {}", in_days(days)),
        (Phase::Always, ..) => "you can apply at any time".to_owned(),
        (Phase::UntilBudget, ..) => "you can apply until its budget is used up".to_owned(),
        _ => "you can apply now".to_owned(),
    }
}

/// That the customer marked it, or what it shares with a mark or with the picks.
fn fit(
    programme: &Programme<'_>,
    traits: &Traits,
    marks: &[Mark],
    language: Language,
) -> Option<Clause> {
    let project = programme.project;
    let subject = Subject::Fit;
    let is_marked = |mark: &Mark| mark.series_id == project.series_id.0;
    if marks.iter().any(is_marked) {
        return Some(match language {
            Language::Korean => korean(subject, "관심 두신 사업", IS),
            Language::English => english(subject, "you marked it".to_owned()),
        });
    }
    // A shared region says little: it is named by itself.
    let shared = traits.shared_with(project);
    let shared = *shared.iter().find(|shared| **shared != Shared::Region)?;
    let mark = marks.iter().find(|mark| {
        let of_mark = Traits::of_marks(std::slice::from_ref(mark));
        of_mark.shared_with(project).contains(&shared)
    });
    let mark = mark.map(|mark| mark.name.as_str());
    let category = project.details.category.as_str();
    let target = match shared {
        Shared::Target => Some(traits.shared_target_word(project)?),
        Shared::Category | Shared::Region => None,
    };
    Some(match language {
        Language::Korean => korean(subject, &fit_ko(category, target, mark), IS),
        Language::English => {
            let what = match target {
                Some(target) => format!("it is for {target}"),
                None => format!("it is in the field {category}"),
            };
            let like = mark.map(|name| format!(", like “{name}”, which you marked"));
            english(subject, what + &like.unwrap_or_default())
        }
    })
}

fn fit_ko(category: &str, target: Option<String>, mark: Option<&str>) -> String {
    match (target, mark) {
        (Some(target), mark) => {
            let like = mark.map(|name| format!("관심 두신 「{name}」처럼 "));
            let is_target = match ends_in_consonant(&target) {
                Some(true) => format!("{target}이 대상"),
                Some(false) => format!("{target}가 대상"),
                // Without a particle that depends on the sound.
                None => format!("{target} 대상 사업"),
            };
            like.unwrap_or_default() + &is_target
        }
        (None, None) => format!("{category} 분야 사업"),
        (None, Some(name)) => match ends_in_consonant(name) {
            Some(true) => format!("관심 두신 「{name}」과 같은 {category} 분야"),
            Some(false) => format!("관심 두신 「{name}」와 같은 {category} 분야"),
            None => format!("관심 두신 「{name}」처럼 {category} 분야"),
        },
    }
}

/// More than these are counted.
const MAX_NAMED_REGIONS: usize = 3;

fn place(programme: &Programme<'_>, language: Language) -> Option<Clause> {
    let regions = &programme.project.details.regions;
    let first = *regions.first()?;
    if regions.contains(&Region::Nationwide) {
        return Some(match language {
            Language::Korean => korean(Subject::Nationwide, "전국 어디서나 신청하는 사업", IS),
            Language::English => english(Subject::Nationwide, "it applies everywhere".to_owned()),
        });
    }
    let names: Vec<&str> = regions.iter().map(|region| region.as_str()).collect();
    let count = names.len();
    let subject = Subject::OnlyRegions;
    Some(match language {
        Language::Korean if count > MAX_NAMED_REGIONS => {
            let first = first.as_str();
            korean(
                subject,
                &format!("{first} 등 시도 {count}곳에서만 하는 사업"),
                IS,
            )
        }
        Language::Korean => korean(
            subject,
            &format!("{}에서만 하는 사업", names.join(", ")),
            IS,
        ),
        Language::English => english(subject, format!("it applies in {} only", names.join(", "))),
    })
}

/// In which years the programme opened before.
fn years(programme: &Programme<'_>, today: NaiveDate, language: Language) -> Option<Clause> {
    let year = programme.project.details.year;
    let earlier = || {
        programme
            .earlier
            .iter()
            .filter(|edition| edition.year < year)
    };
    let mut opened: Vec<i32> = earlier().map(|edition| edition.year).collect();
    opened.sort_unstable();
    opened.dedup();
    let (first, last) = (*opened.first()?, *opened.last()?);
    let is_every_year = last == year - 1
        && opened.len() > 1
        && opened.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    let mut months = earlier().map(|edition| edition.starts_on.map(|start| start.month()));
    let month = months.next().flatten();
    let month = month.filter(|month| is_every_year && months.all(|other| other == Some(*month)));
    let korean = |stem: String| korean(Subject::Years, &stem, IS);
    let english = |text: String| english(Subject::Years, text);
    let english_month = month.and_then(|month| Month::try_from(u8::try_from(month).ok()?).ok());
    Some(match language {
        Language::Korean => match month {
            Some(month) => korean(format!("해마다 {month}월에 열린 사업")),
            None if is_every_year => korean(format!("{first}년부터 해마다 열린 사업")),
            None if last == today.year() - 1 => korean("지난해에도 열린 사업".to_owned()),
            None => korean(format!("{last}년에도 열린 사업")),
        },
        Language::English => match english_month {
            Some(month) => english(format!("it has opened every year in {}", month.name())),
            None if is_every_year => english(format!("it has opened every year since {first}")),
            None => english(format!("it also opened in {last}")),
        },
    })
}

fn money(programme: &Programme<'_>, language: Language) -> Option<Clause> {
    let scale = programme.project.details.scale.filter(|scale| *scale > 0)?;
    let subject = Subject::Money;
    Some(match language {
        Language::Korean => korean(subject, &format!("지원 규모는 {}", in_korean(scale)), IS),
        Language::English => english(subject, format!("its scale is {}", in_english(scale))),
    })
}

fn agency(programme: &Programme<'_>, language: Language) -> Option<Clause> {
    let agency = programme.project.details.agency.trim();
    let subject = Subject::Agency;
    (!agency.is_empty()).then(|| match language {
        Language::Korean => korean(subject, &format!("{agency} 사업"), IS),
        Language::English => english(subject, format!("it is run by {agency}")),
    })
}
