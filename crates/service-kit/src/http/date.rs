//! Days in bodies and queries.

use std::str::FromStr;

use chrono::NaiveDate;
use serde::Deserialize;

/// A day as RFC 3339 writes it: exactly `YYYY-MM-DD`. chrono alone would also read `2026-1-2` and
/// `+2026-01-02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Date(pub NaiveDate);

impl From<Date> for NaiveDate {
    fn from(date: Date) -> Self {
        date.0
    }
}

impl FromStr for Date {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let has_format = text.len() == 10
            && text.bytes().enumerate().all(|(index, byte)| match index {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !has_format {
            return Err("expected a date as YYYY-MM-DD");
        }
        text.parse().map(Self).map_err(|_| "there is no such day")
    }
}

impl TryFrom<String> for Date {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_days_of_the_calendar_in_one_format_are_read() {
        assert_eq!(
            "2028-02-29".parse::<Date>().map(NaiveDate::from).ok(),
            NaiveDate::from_ymd_opt(2028, 2, 29)
        );
        for text in [
            "",
            "2026-1-2",
            "+2026-01-02",
            "-2026-01-2",
            "2026-01-02 ",
            " 2026-01-02",
            "20260102",
            "2026/01/02",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "12026-01-02",
            "２０２６-01-02",
            "2026-01-02T00:00:00Z",
            "2026-W01-1",
            "2026–01–02",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_is_read_back(days in 0_u64..3_650_000) {
            let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
            let day = first + Days::new(days);
            prop_assert_eq!(day.to_string().parse::<Date>(), Ok(Date(day)));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "[0-9+-]{8,12}") {
            if let Ok(Date(day)) = text.parse() {
                prop_assert_eq!(day.to_string(), text);
            }
        }
    }
}
