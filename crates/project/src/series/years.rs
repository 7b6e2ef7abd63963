//! Finds the years in a title. Works on normalized characters.

use crate::letters::{digit_runs, end_of_digits, has_word_at, parse_number, skip_blanks};

/// A number in a title that can be a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Year {
    pub(super) value: i32,
    /// Where its digits start and end.
    pub(super) at: usize,
    pub(super) end: usize,
    /// Where the 년, 년도, 연도 or 학년도 after it ends; equal to `end` without one.
    pub(super) marked_to: usize,
}

impl Year {
    pub(super) fn is_marked(&self) -> bool {
        self.marked_to > self.end
    }

    pub(super) fn has_four_digits(&self) -> bool {
        self.end - self.at == 4
    }
}

/// All numbers that can be years: 2024, 2024년, 2024-2025, 24년, '24. Not a part of a longer number
/// or of a phone number, and not a number before a unit.
pub(super) fn find_years(letters: &[char]) -> Vec<Year> {
    let mut years: Vec<Year> = Vec::new();
    for (at, end) in digit_runs(letters) {
        let Some(digits) =
            parse_number(&letters[at..end]).and_then(|digits| i32::try_from(digits).ok())
        else {
            continue;
        };
        let marked_to = end_of_mark(letters, end);
        let value = match end - at {
            4 if (1900..2100).contains(&digits) && is_long_year(letters, at, end, &years) => digits,
            2 if is_short_year(letters, at, end, marked_to) => 2000 + digits,
            _ => continue,
        };
        years.push(Year {
            value,
            at,
            end,
            marked_to,
        });
    }
    years
}

/// Where the 년, 년도, 학년도 or 연도 after a number ends.
fn end_of_mark(letters: &[char], end: usize) -> usize {
    let at = skip_blanks(letters, end);
    ["학년도", "년도", "연도", "년"]
        .into_iter()
        .find(|word| has_word_at(letters, at, word))
        .map_or(end, |word| at + word.chars().count())
}

fn is_long_year(letters: &[char], at: usize, end: usize, before: &[Year]) -> bool {
    const UNITS: [char; 9] = ['만', '억', '천', '원', '명', '개', '점', '호', '위'];
    let has_unit = letters.get(end).is_some_and(|unit| UNITS.contains(unit));
    // 02-2024-1234 is a phone number, 2024-2025 are two years.
    let follows_number = at >= 2
        && letters[at - 1] == '-'
        && letters[at - 2].is_ascii_digit()
        && before.last().is_none_or(|year| year.end != at - 1);
    let digits_behind = if letters.get(end) == Some(&'-') {
        end_of_digits(letters, end + 1) - (end + 1)
    } else {
        0
    };
    let precedes_number = match digits_behind {
        0..=2 => false,
        4 => !matches!(letters[end + 1..end + 3], ['1', '9'] | ['2', '0']),
        _ => true,
    };
    !has_unit && !follows_number && !precedes_number
}

/// Two digits are a year with an apostrophe before them or with 년 after them, and so is the first
/// number of "24~25년". "10년 이상" is a duration.
fn is_short_year(letters: &[char], at: usize, end: usize, marked_to: usize) -> bool {
    const AFTER_DURATION: [&str; 9] = [
        "차", "이상", "이하", "이내", "간", "미만", "동안", "째", "초과",
    ];
    if at > 0 && letters[at - 1] == '\'' {
        return true;
    }
    if marked_to > end {
        let next = skip_blanks(letters, marked_to);
        return !AFTER_DURATION
            .iter()
            .any(|word| has_word_at(letters, next, word));
    }
    let second = end + 1;
    let second_end = end_of_digits(letters, second);
    matches!(letters.get(end), Some('~' | '-' | '·' | '/'))
        && second_end - second.min(second_end) == 2
        && has_word_at(letters, second_end, "년")
}
