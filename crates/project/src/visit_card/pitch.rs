//! The line that a salesman can begin with: until when the programme is open, and why it may
//! interest this customer.

use chrono::{Datelike as _, NaiveDate};
use events::{Phase, Region};
use service_kit::http::problem::Language;

use super::traits::{Mark, Shared, Traits};
use crate::hangul::ends_in_consonant;
use crate::project::Project;

pub(crate) fn pitch_line(
    project: &Project,
    traits: &Traits,
    marks: &[Mark],
    today: NaiveDate,
    language: Language,
) -> String {
    let reason = reason(project, traits, marks);
    let (timing, reason) = match language {
        Language::Korean => (timing_ko(project, today), reason.map(reason_ko)),
        Language::English => (timing_en(project, today), reason.map(reason_en)),
    };
    format!("{timing} {}", reason.unwrap_or_default())
        .trim_end()
        .to_owned()
}

/// Days until the last day and until the first day of the period.
fn days_until(project: &Project, today: NaiveDate) -> (Option<i64>, Option<i64>) {
    let period = &project.details.period;
    let days = |date: Option<NaiveDate>| date.map(|date| (date - today).num_days());
    (days(period.ends_on), days(period.starts_on))
}

fn timing_ko(project: &Project, today: NaiveDate) -> String {
    let name = &project.details.name;
    let (until_end, until_start) = days_until(project, today);
    match (project.phase(today), until_end, until_start) {
        (Phase::Upcoming, _, Some(0)) => format!("「{name}」 접수가 오늘 시작될 예정입니다."),
        (Phase::Upcoming, _, Some(days @ 1..)) => {
            let start = today + chrono::TimeDelta::days(days);
            let (month, day) = (start.month(), start.day());
            format!("「{name}」 접수가 {days}일 뒤인 {month}월 {day}일에 시작될 예정입니다.")
        }
        (Phase::Upcoming, ..) => format!("「{name}」 접수가 곧 시작될 예정입니다."),
        (_, Some(0), _) => format!("「{name}」 신청이 오늘 마감됩니다."),
        (_, Some(days), _) => format!("「{name}」 신청 마감이 {days}일 남았습니다."),
        (Phase::Always, ..) => format!("「{name}」, 언제든지 신청할 수 있습니다."),
        (Phase::UntilBudget, ..) => format!("「{name}」, 예산이 소진될 때까지 신청할 수 있습니다."),
        _ => format!("「{name}」, 지금 신청할 수 있습니다."),
    }
}

fn timing_en(project: &Project, today: NaiveDate) -> String {
    let name = &project.details.name;
    let (until_end, until_start) = days_until(project, today);
    let in_days = |days: i64| match days {
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    };
    match (project.phase(today), until_end, until_start) {
        (Phase::Upcoming, _, Some(0)) => format!("“{name}” is expected to open today."),
        (Phase::Upcoming, _, Some(days @ 1..)) => {
            format!("“{name}” is expected to open in {}.", in_days(days))
        }
        (Phase::Upcoming, ..) => format!("“{name}” is expected to open soon."),
        (_, Some(0), _) => format!("“{name}” closes today."),
        (_, Some(days), _) => format!("“{name}” closes in {}.", in_days(days)),
        (Phase::Always, ..) => format!("You can apply for “{name}” at any time."),
        (Phase::UntilBudget, ..) => {
            format!("You can apply for “{name}” until its budget is used up.")
        }
        _ => format!("You can apply for “{name}” now."),
    }
}

/// Why a programme may interest the customer.
enum Reason<'a> {
    /// The customer marked this programme.
    Marked,
    /// It shares something with the picks or, if there is one, with the mark of this name.
    Shares(SharedTrait, Option<&'a str>),
}

enum SharedTrait {
    Category(&'static str),
    Target(String),
    /// `None` for a nationwide programme.
    Region(Option<&'static str>),
}

fn reason<'a>(project: &Project, traits: &Traits, marks: &'a [Mark]) -> Option<Reason<'a>> {
    if marks
        .iter()
        .any(|mark| mark.series_id == project.series_id.0)
    {
        return Some(Reason::Marked);
    }
    let shared = *traits.shared_with(project).first()?;
    let shared_trait = match shared {
        Shared::Category => SharedTrait::Category(project.details.category.as_str()),
        Shared::Target => SharedTrait::Target(traits.shared_target_word(project)?),
        Shared::Region => {
            let mut regions = project.details.regions.iter();
            let named = regions
                .find(|region| **region != Region::Nationwide && traits.regions.contains(region));
            SharedTrait::Region(named.map(|region| region.as_str()))
        }
    };
    let mark = marks.iter().find(|mark| {
        let of_mark = Traits::of_marks(std::slice::from_ref(mark));
        of_mark.shared_with(project).contains(&shared)
    });
    Some(Reason::Shares(
        shared_trait,
        mark.map(|mark| mark.name.as_str()),
    ))
}

fn reason_ko(reason: Reason<'_>) -> String {
    let like = |mark: Option<&str>| {
        mark.map_or_else(String::new, |name| format!("관심 두신 「{name}」처럼 "))
    };
    match reason {
        Reason::Marked => "관심 두신 사업이에요.".to_owned(),
        Reason::Shares(SharedTrait::Category(category), None) => format!("{category} 분야예요."),
        Reason::Shares(SharedTrait::Category(category), Some(name)) => {
            let with = if ends_in_consonant(name) {
                "과"
            } else {
                "와"
            };
            format!("관심 두신 「{name}」{with} 같은 {category} 분야예요.")
        }
        Reason::Shares(SharedTrait::Target(target), mark) => {
            let subject = if ends_in_consonant(&target) {
                "이"
            } else {
                "가"
            };
            format!("{}{target}{subject} 대상이에요.", like(mark))
        }
        Reason::Shares(SharedTrait::Region(None), mark) => {
            format!("{}전국 어디서나 신청할 수 있어요.", like(mark))
        }
        Reason::Shares(SharedTrait::Region(Some(region)), mark) => {
            format!("{}{region}에서 신청할 수 있어요.", like(mark))
        }
    }
}

fn reason_en(reason: Reason<'_>) -> String {
    let (what, mark) = match reason {
        Reason::Marked => return "You marked it.".to_owned(),
        Reason::Shares(SharedTrait::Category(category), mark) => {
            (format!("It is in the field {category}"), mark)
        }
        Reason::Shares(SharedTrait::Target(target), mark) => (format!("It is for {target}"), mark),
        Reason::Shares(SharedTrait::Region(None), mark) => {
            ("It applies everywhere".to_owned(), mark)
        }
        Reason::Shares(SharedTrait::Region(Some(region)), mark) => {
            (format!("It applies in {region}"), mark)
        }
    };
    match mark {
        Some(name) => format!("{what}, like “{name}”, which you marked."),
        None => format!("{what}."),
    }
}
