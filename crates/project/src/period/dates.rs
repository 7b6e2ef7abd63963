//! The spellings of dates in application periods. Works on normalized characters.

use chrono::{Datelike as _, NaiveDate};

use crate::letters::{end_of_digits, parse_number, skip_blanks};

/// Years outside this range are typing errors.
pub const YEARS: std::ops::RangeInclusive<i32> = 1990..=2100;

/// From Monday on.
pub(super) const WEEKDAYS: [char; 7] = ['월', '화', '수', '목', '금', '토', '일'];

/// Portals write 9999-12-31 where a period has no end.
const NO_END: u32 = 9999;

/// A part of the text that is written like a date.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundDate {
    pub(super) at: usize,
    pub(super) end: usize,
    /// `None` if the calendar has no such date.
    pub(super) date: Option<NaiveDate>,
    /// How many digits of a year it starts with: 0 if it has none of its own.
    pub(super) year_digits: usize,
    /// Whether it is 9999-12-31 or the like. It has no `date`.
    pub(super) is_no_end: bool,
}

/// A date with its year at that position, where a number starts.
pub(super) fn date_at(letters: &[char], at: usize) -> Option<FoundDate> {
    let end = end_of_digits(letters, at);
    match end - at {
        8 => compact_date(letters, at),
        4 => long_date(letters, at, end),
        2 => short_date(letters, at, end),
        _ => None,
    }
}

fn found((at, end): (usize, usize), year_digits: usize, parts: (u32, u32, u32)) -> FoundDate {
    let (year, month, day) = parts;
    FoundDate {
        at,
        end,
        date: date(year, month, day),
        year_digits,
        is_no_end: year == NO_END,
    }
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(year).ok()?;
    NaiveDate::from_ymd_opt(year, month, day).filter(|_| YEARS.contains(&year))
}

/// 20260401.
fn compact_date(letters: &[char], at: usize) -> Option<FoundDate> {
    let part = |from: usize, to: usize| parse_number(&letters[at + from..at + to]);
    let parts = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    Some(found((at, at + 8), 4, parts))
}

/// 2026-04-01, 2026.4.1., 2026/04/01, 2026년 4월 1일.
fn long_date(letters: &[char], at: usize, end: usize) -> Option<FoundDate> {
    let year = parse_number(&letters[at..end])?;
    let ((month, day), end) = month_and_day(letters, skip_separator(letters, end, '년')?)?;
    Some(found((at, end), 4, (year, month, day)))
}

/// 26.04.01 is in this century. "04.29. 18:00" and "04.09. 10시" are not dates of this form.
fn short_date(letters: &[char], at: usize, end: usize) -> Option<FoundDate> {
    let year = 2000 + parse_number(&letters[at..end])?;
    let ((month, day), end) = month_and_day(letters, skip_separator(letters, end, '년')?)?;
    let is_time = matches!(letters.get(end), Some(':' | '시'));
    let date = found((at, end), 2, (year, month, day));
    (date.date.is_some() && !is_time).then_some(date)
}

/// "4.30", "4월 30일" or "30일" as the end of a range that starts on that day: in the same year, or in
/// the next one if it would be before the start.
pub(super) fn end_of_range_at(letters: &[char], at: usize, start: NaiveDate) -> Option<FoundDate> {
    let year = start.year().unsigned_abs();
    if let Some(((month, day), end)) = month_and_day(letters, at) {
        let same_year = date(year, month, day);
        let is_before_start = same_year.is_some_and(|end| end < start);
        let year = if is_before_start { year + 1 } else { year };
        return Some(found((at, end), 0, (year, month, day)));
    }
    let end = end_of_digits(letters, at);
    let day = parse_number(&letters[at..end])?;
    let is_day = letters.get(end) == Some(&'일');
    is_day.then(|| found((at, end + 1), 0, (year, start.month(), day)))
}

/// "4월 2일", "4. 2.", "4/2(목)", "4.2 ~": a date without a year in a text without one. Two numbers
/// with a dot may be anything else, and need a sign that they are a date.
pub(super) fn date_without_year_at(letters: &[char], at: usize, year: i32) -> Option<FoundDate> {
    let follows_number = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '.');
    let ((month, day), end) = month_and_day(letters, at).filter(|_| !follows_number)?;
    let separator = letters.get(skip_blanks(letters, end_of_digits(letters, at)))?;
    let next = letters.get(skip_blanks(letters, end)..).unwrap_or_default();
    let found = found((at, end), 0, (year.unsigned_abs(), month, day));
    let is_date = match separator {
        '월' => true,
        '.' | '/' => {
            let before = letters[..at].iter().rev().find(|letter| **letter != ' ');
            let is_marked = before == Some(&'~')
                || matches!(next, ['~' | '→', ..] | ['(', _, ')', ..])
                || matches!(next, ['부', '터', ..] | ['까', '지', ..])
                || has_time(next)
                || letters.get(end - 1) == Some(&'.');
            is_marked && found.date.is_some()
        }
        _ => false,
    };
    is_date.then_some(found)
}

/// "18:00" or "18시".
fn has_time(letters: &[char]) -> bool {
    let end = end_of_digits(letters, 0);
    matches!(end, 1 | 2) && matches!(letters.get(end), Some(':' | '시'))
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
