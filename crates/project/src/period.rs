//! Application periods: more often free text than two dates, in spellings of which no list is
//! complete. A text that is not understood becomes [`PeriodKind::Other`], never an error, and the
//! text itself is always stored.

mod dates;
mod interpret;
#[cfg(test)]
mod tests;
mod tokens;
mod words;

use chrono::{Datelike as _, Months, NaiveDate};
use events::{Period, PeriodKind, ProjectStatus};

pub use self::dates::YEARS;
use self::dates::{FoundDate, WEEKDAYS};
use self::interpret::interpret;
use self::tokens::{Token, tokens};
use self::words::Word;
use crate::letters::{digit_runs, normalize, overwrite, skip_blanks};

/// Reads the kind and the dates of a period from its text.
///
/// [`PeriodKind::Range`] always has both dates. With only one date, the words beside it give the
/// kind, and say whether it is the first day or the last.
pub fn parse(text: &str) -> Period {
    read(text, None).period
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
    read(text, Some(year))
}

fn read(text: &str, given_year: Option<i32>) -> Reading {
    let text = text.trim();
    let letters = normalize(text);
    let mut tokens = tokens(&letters, None);
    let written_year = year_before_dates(&tokens);
    let year = written_year.or(given_year);
    let takes_year = year.is_some() && !needs_no_year(&tokens);
    if takes_year {
        tokens = self::tokens::tokens(&letters, year);
    }
    let (kind, starts_on, ends_on) = if letters.is_empty() {
        (PeriodKind::Missing, None, None)
    } else {
        interpret(&tokens)
    };
    let has_dates = starts_on.is_some() || ends_on.is_some() || kind == PeriodKind::Invalid;
    Reading {
        period: Period {
            kind,
            text: text.to_owned(),
            starts_on,
            ends_on,
        },
        year_assumed: takes_year && written_year.is_none() && has_dates,
    }
}

/// The year that is written alone before the dates: "2026년 접수: 4. 2. ~ 4. 29.".
fn year_before_dates(tokens: &[Token]) -> Option<i32> {
    let place = tokens
        .iter()
        .position(|token| matches!(token, Token::Year(_)))?;
    let mut behind = tokens[place + 1..]
        .iter()
        .skip_while(|token| token.is_light() || matches!(token, Token::Colon));
    match (tokens[place], behind.next()) {
        (Token::Year(year), Some(Token::Number)) => Some(year),
        _ => None,
    }
}

/// Whether the dates have a year, or are those of every year.
fn needs_no_year(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| {
        matches!(
            token,
            Token::Date(_) | Token::Word(Word::Kind(PeriodKind::Recurring))
        )
    })
}

fn find_dates(letters: &[char]) -> Vec<FoundDate> {
    let found = tokens(letters, None).into_iter();
    found
        .filter_map(|token| match token {
            Token::Date(date) => Some(date),
            _ => None,
        })
        .collect()
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
