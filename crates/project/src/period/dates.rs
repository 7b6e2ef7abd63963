//! Finds dates in the free text of an application period. Works on normalized characters.

use chrono::{Datelike as _, NaiveDate};

use crate::letters::{end_of_digits, parse_number, skip_blanks};

/// Years outside this range are typing errors.
pub const YEARS: std::ops::RangeInclusive<i32> = 1990..=2100;

/// A part of the text that is written like a date.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundDate {
    pub(super) at: usize,
    pub(super) end: usize,
    /// `None` if the calendar has no such date.
    pub(super) date: Option<NaiveDate>,
    /// How many digits of a year it starts with: 0 if the year was written before.
    pub(super) year_digits: usize,
}

/// Whether a text between or beside dates marks a range from one to the other.
pub(super) fn joins_range(text: &str) -> bool {
    text.contains(['~', '→']) || text.contains("부터") || text.trim() == "-"
}

/// All dates in the order in which they are written.
pub(super) fn find_dates(letters: &[char]) -> Vec<FoundDate> {
    let mut found: Vec<FoundDate> = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let end = end_of_digits(letters, at);
        if end == at {
            at += 1;
            continue;
        }
        let next = match end - at {
            8 => compact_date(letters, at),
            4 => long_date(letters, at, end),
            2 => short_date(letters, at, end).or_else(|| rest_of_range(letters, at, &found)),
            1 => rest_of_range(letters, at, &found),
            _ => None,
        };
        at = next.map_or(end, |date| date.end);
        found.extend(next);
    }
    found
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(year).ok()?;
    NaiveDate::from_ymd_opt(year, month, day).filter(|_| YEARS.contains(&year))
}

/// 20260401.
fn compact_date(letters: &[char], at: usize) -> Option<FoundDate> {
    let part = |from: usize, to: usize| parse_number(&letters[at + from..at + to]);
    Some(FoundDate {
        at,
        end: at + 8,
        date: date(part(0, 4)?, part(4, 6)?, part(6, 8)?),
        year_digits: 4,
    })
}

/// 2026-04-01, 2026.4.1., 2026/04/01, 2026년 4월 1일.
fn long_date(letters: &[char], at: usize, end: usize) -> Option<FoundDate> {
    let year = parse_number(&letters[at..end])?;
    let ((month, day), end) = month_and_day(letters, skip_separator(letters, end, '년')?)?;
    Some(FoundDate {
        at,
        end,
        date: date(year, month, day),
        year_digits: 4,
    })
}

/// 26.04.01 is in this century. "04.29. 18:00" is not a date of this form.
fn short_date(letters: &[char], at: usize, end: usize) -> Option<FoundDate> {
    let year = 2000 + parse_number(&letters[at..end])?;
    let ((month, day), end) = month_and_day(letters, skip_separator(letters, end, '년')?)?;
    let date = date(year, month, day).filter(|_| letters.get(end) != Some(&':'))?;
    Some(FoundDate {
        at,
        end,
        date: Some(date),
        year_digits: 2,
    })
}

/// "4.30", "4월 30일" or "30일" directly after "2026.4.1 ~": in the same year, or in the next one
/// if it would be before the start.
fn rest_of_range(letters: &[char], at: usize, found: &[FoundDate]) -> Option<FoundDate> {
    let before = found.last()?;
    let between: String = letters[before.end..at].iter().collect();
    let start = before.date.filter(|_| joins_range(&between))?;
    let year = start.year().unsigned_abs();
    if let Some(((month, day), end)) = month_and_day(letters, at) {
        let same_year = date(year, month, day);
        let not_before_start = same_year
            .filter(|end| *end >= start)
            .or_else(|| date(year + 1, month, day));
        return Some(FoundDate {
            at,
            end,
            date: same_year.and(not_before_start),
            year_digits: 0,
        });
    }
    let end = end_of_digits(letters, at);
    let day = parse_number(&letters[at..end])?;
    (letters.get(end) == Some(&'일')).then(|| FoundDate {
        at,
        end: end + 1,
        date: date(year, start.month(), day),
        year_digits: 0,
    })
}

/// Month and day at that position, and where they end.
fn month_and_day(letters: &[char], at: usize) -> Option<((u32, u32), usize)> {
    let (month, end) = one_or_two_digits(letters, at)?;
    let (day, end) = one_or_two_digits(letters, skip_separator(letters, end, '월')?)?;
    // The 일 of "4월 1일" and the last dot of "4.1." belong to the date; the one of "4.1.26" does not.
    let behind = skip_blanks(letters, end);
    let next_is_digit = letters.get(behind + 1).is_some_and(char::is_ascii_digit);
    let end = match letters.get(behind) {
        Some('일') => behind + 1,
        Some('.') if !next_is_digit => behind + 1,
        _ => end,
    };
    Some(((month, day), end))
}

fn one_or_two_digits(letters: &[char], at: usize) -> Option<(u32, usize)> {
    let end = end_of_digits(letters, at);
    let number = parse_number(&letters[at..end])?;
    (end - at <= 2).then_some((number, end))
}

/// The position after the separator of two parts of a date: a sign, or the unit `word`.
fn skip_separator(letters: &[char], at: usize, word: char) -> Option<usize> {
    let at = skip_blanks(letters, at);
    let is_separator = letters
        .get(at)
        .is_some_and(|letter| matches!(letter, '-' | '.' | '/') || *letter == word);
    is_separator.then(|| skip_blanks(letters, at + 1))
}
