//! Application periods: more often free text than two dates, in spellings of which no list is
//! complete. A text that is not understood becomes [`PeriodKind::Other`], never an error, and the
//! text itself is always stored.

mod dates;
#[cfg(test)]
mod tests;

use chrono::{Datelike as _, Months, NaiveDate};
use events::{Period, PeriodKind, ProjectStatus};

pub use self::dates::YEARS;
use self::dates::{FoundDate, find_dates, joins_range};
use crate::letters::{digit_runs, normalize, overwrite, skip_blanks};

/// Reads the kind and the dates of a period from its text.
///
/// [`PeriodKind::Range`] always has both dates. With only one date, the words beside it give the
/// kind.
pub fn parse(text: &str) -> Period {
    let text = text.trim();
    let (kind, starts_on, ends_on) = interpret(&normalize(text));
    Period {
        kind,
        text: text.to_owned(),
        starts_on,
        ends_on,
    }
}

/// A period that was read with the year of its notice at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub period: Period,
    /// The text has no year, and its dates have the given one: worth a warning.
    pub year_assumed: bool,
}

/// As [`parse`], but dates of a text without any year ("4. 2.(목) ~ 4. 29.(수)") are of that year: of
/// the notice's name or registration, else of the day of its import in Seoul.
pub fn parse_in_year(text: &str, year: i32) -> Reading {
    let _ = year;
    Reading {
        period: parse(text),
        year_assumed: false,
    }
}

/// The status that an edition with this period has on that day in Seoul, if no command set another.
pub fn status_on(period: &Period, today: NaiveDate) -> ProjectStatus {
    if period.ends_on.is_some_and(|end| end < today) {
        ProjectStatus::Ended
    } else if period.starts_on.is_some_and(|start| today < start)
        || period.kind == PeriodKind::AnnouncedLater
    {
        ProjectStatus::Planned
    } else {
        ProjectStatus::Ongoing
    }
}

/// The text of a period that was entered as two dates only.
pub fn format_range(starts_on: NaiveDate, ends_on: NaiveDate) -> String {
    format!("{starts_on} ~ {ends_on}")
}

/// The period one year later. 29 February becomes the 28th.
pub(crate) fn next_year(period: &Period) -> Period {
    let later =
        |date: Option<NaiveDate>| date.and_then(|date| date.checked_add_months(Months::new(12)));
    let (starts_on, ends_on) = (later(period.starts_on), later(period.ends_on));
    let text = shift_by_a_year(&period.text);
    let text = match (period.kind, starts_on, ends_on) {
        // The text has no dates, or others than the ones entered beside it.
        (PeriodKind::Range, Some(start), Some(end)) if !has_range(&text, start, end) => {
            format_range(start, end)
        }
        _ => text,
    };
    Period {
        kind: period.kind,
        text,
        starts_on,
        ends_on,
    }
}

fn has_range(text: &str, start: NaiveDate, end: NaiveDate) -> bool {
    let period = parse(text);
    (period.starts_on, period.ends_on) == (Some(start), Some(end))
}

/// From Monday on.
const WEEKDAYS: [char; 7] = ['월', '화', '수', '목', '금', '토', '일'];

/// The text with every date one year later, in the same spelling. The weekday in brackets after a
/// date becomes that of the new date.
fn shift_by_a_year(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let normalized = normalize(text);
    for found in find_dates(&normalized) {
        let Some((before, after)) = found
            .date
            .and_then(|date| Some((date, date.checked_add_months(Months::new(12))?)))
        else {
            continue;
        };
        let year = format!("{:04}", after.year());
        overwrite(&mut letters, found.at, &year[4 - found.year_digits..]);
        if before.day() != after.day() {
            // 29 February: the day is the last number of the date and has two digits.
            let day = digit_runs(&normalized[found.at..found.end])
                .last()
                .map_or(found.end, |(_, end)| found.at + end - 2);
            overwrite(&mut letters, day, &format!("{:02}", after.day()));
        }
        let bracket = skip_blanks(&normalized, found.end);
        if let Some(['(', weekday, ')']) = normalized.get(bracket..bracket + 3)
            && WEEKDAYS.contains(weekday)
        {
            letters[bracket + 1] = WEEKDAYS[after.weekday().num_days_from_monday() as usize];
        }
    }
    letters.into_iter().collect()
}

/// The first date in a text, if the calendar has it.
pub(crate) fn first_date(text: &str) -> Option<NaiveDate> {
    find_dates(&normalize(text)).first()?.date
}

/// Kind, first day and last day of a period.
type Interpretation = (PeriodKind, Option<NaiveDate>, Option<NaiveDate>);

/// One of the dates is impossible: neither is used.
const INVALID: Interpretation = (PeriodKind::Invalid, None, None);

fn interpret(letters: &[char]) -> Interpretation {
    let found = find_dates(letters);
    match (ranges(letters, &found).as_slice(), found.as_slice()) {
        ([], [single]) => interpret_single_date(letters, *single),
        // Dates that form no range may be those of a result or of a meeting.
        ([], _) => (kind_by_words(letters), None, None),
        (ranges, _) => interpret_ranges(ranges),
    }
}

/// Pairs of dates that are joined to a range.
fn ranges(letters: &[char], found: &[FoundDate]) -> Vec<(Option<NaiveDate>, Option<NaiveDate>)> {
    let mut ranges = Vec::new();
    let mut rest = found;
    while let [first, second, behind @ ..] = rest {
        let between: String = letters[first.end..second.at].iter().collect();
        if joins_range(&between) {
            ranges.push((first.date, second.date));
            rest = behind;
        } else {
            rest = &rest[1..];
        }
    }
    ranges
}

/// One range, or several (1차, 2차): then from the first day of all to the last.
fn interpret_ranges(ranges: &[(Option<NaiveDate>, Option<NaiveDate>)]) -> Interpretation {
    let valid: Option<Vec<(NaiveDate, NaiveDate)>> = ranges
        .iter()
        .map(|(start, end)| start.zip(*end).filter(|(start, end)| start <= end))
        .collect();
    let Some(valid) = valid else { return INVALID };
    let kind = if valid.len() == 1 {
        PeriodKind::Range
    } else {
        PeriodKind::Recurring
    };
    let start = valid.iter().map(|(start, _)| *start).min();
    let end = valid.iter().map(|(_, end)| *end).max();
    (kind, start, end)
}

/// "2026-04-01 ~ 예산 소진시까지", "공고일 ~ 2026-04-30", "2026-04-30 18:00까지".
fn interpret_single_date(letters: &[char], found: FoundDate) -> Interpretation {
    if found.date.is_none() {
        return INVALID;
    }
    let before: String = letters[..found.at].iter().collect();
    let after: String = letters[found.end..].iter().collect();
    let kind = kind_by_words(letters);
    if joins_range(&after) {
        (kind, found.date, None)
    } else if joins_range(&before) || after.contains("까지") || after.contains("마감") {
        (kind, None, found.date)
    } else {
        (kind, None, None)
    }
}

/// The kind that the words give, ignoring blanks. The order matters: "상시 접수(예산 소진시까지)"
/// ends with the budget.
fn kind_by_words(letters: &[char]) -> PeriodKind {
    const WORDS: [(PeriodKind, &[&str]); 7] = [
        (
            PeriodKind::Recurring,
            &["매월", "매주", "매년", "매분기", "매반기", "격월"],
        ),
        (PeriodKind::UntilBudget, &["소진"]),
        (
            PeriodKind::UntilFilled,
            &[
                "충족",
                "충원",
                "정원",
                "모집완료",
                "모집마감",
                "모집시",
                "인원마감",
            ],
        ),
        (PeriodKind::FirstCome, &["선착순", "선순"]),
        (PeriodKind::Varies, &["상이", "다름", "별도접수"]),
        (
            PeriodKind::AnnouncedLater,
            &["추후", "별도공지", "별도공고", "별도안내", "미정"],
        ),
        (PeriodKind::Always, &["상시", "수시", "연중"]),
    ];
    let text: String = letters.iter().filter(|letter| **letter != ' ').collect();
    if text.is_empty() {
        return PeriodKind::Missing;
    }
    WORDS
        .into_iter()
        .find(|(_, words)| words.iter().any(|word| text.contains(word)))
        .map_or(PeriodKind::Other, |(kind, _)| kind)
}
