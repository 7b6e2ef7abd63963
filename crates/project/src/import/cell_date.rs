//! The date of a column that contains nothing else, as each source writes it.

use chrono::{Days, NaiveDate};

use crate::period::YEARS;

/// The day before the first one of spreadsheets, which count 29 February 1900.
const EPOCH: (i32, u32, u32) = (1899, 12, 30);

/// The text of a date as people read it: `2026-04-01` for the number 46113 of a spreadsheet, for
/// 20260401, and for an instant at the start or the end of that day. Other texts stay.
pub(super) fn date_text(text: &str) -> String {
    let text = text.trim();
    serial_date(text)
        .or_else(|| compact_date(text))
        .or_else(|| whole_day(text))
        .unwrap_or_else(|| text.to_owned())
}

/// Days since 1900, and the time as a fraction of the day.
fn serial_date(text: &str) -> Option<String> {
    let (days, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if days.len() != 5 || !is_number(days) || !is_number(fraction) || text.ends_with('.') {
        return None;
    }
    from_serial(text.parse().ok()?)
}

/// `None` outside the years of programmes.
pub(super) fn from_serial(serial: f64) -> Option<String> {
    const MINUTES_OF_DAY: u32 = 24 * 60;
    if !(0.0..100_000.0).contains(&serial) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is positive and below 100,000 days"
    )]
    let minutes = (serial * f64::from(MINUTES_OF_DAY)).round() as u32;
    let (year, month, day) = EPOCH;
    let date = NaiveDate::from_ymd_opt(year, month, day)?
        .checked_add_days(Days::new((minutes / MINUTES_OF_DAY).into()))?;
    let minute = minutes % MINUTES_OF_DAY;
    let is_plausible = YEARS.contains(&chrono::Datelike::year(&date));
    is_plausible.then(|| match minute {
        0 => date.to_string(),
        _ if minute + 1 == MINUTES_OF_DAY => date.to_string(),
        _ => format!("{date} {:02}:{:02}", minute / 60, minute % 60),
    })
}

/// 20260401 as 2026-04-01, also if the calendar has no such date.
fn compact_date(text: &str) -> Option<String> {
    let is_compact = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_compact.then(|| format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]))
}

/// 2026-04-01 00:00:00 and 2026-04-01T23:59:59 as 2026-04-01.
fn whole_day(text: &str) -> Option<String> {
    let (day, time) = text.split_once([' ', 'T'])?;
    let time = time.trim().trim_end_matches("+09:00");
    let time = time.split('.').next().unwrap_or(time);
    let is_day = day.len() == 10 && NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok();
    let is_whole = matches!(
        time,
        "00:00" | "00:00:00" | "23:59" | "23:59:00" | "23:59:59"
    );
    (is_day && is_whole).then(|| day.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_spreadsheets_and_portals_are_readable() {
        for (written, text) in [
            ("46352", "2026-11-26"),
            ("46376", "2026-12-20"),
            ("46376.75", "2026-12-20 18:00"),
            ("46376.999988", "2026-12-21"),
            ("46376.99931", "2026-12-20"),
            ("20261201", "2026-12-01"),
            ("20261340", "2026-13-40"),
            ("99991231", "9999-12-31"),
            ("2026-12-01 00:00:00", "2026-12-01"),
            ("2026-12-31T23:59:59.000", "2026-12-31"),
            ("2026-12-31 18:00:00", "2026-12-31 18:00:00"),
            (" 2026-12-01 ", "2026-12-01"),
            ("예산 소진시까지", "예산 소진시까지"),
            ("10000", "10000"),
            ("99999", "99999"),
            ("4635", "4635"),
            ("46352.", "46352."),
            ("", ""),
        ] {
            assert_eq!(date_text(written), text, "{written:?}");
        }
    }
}
