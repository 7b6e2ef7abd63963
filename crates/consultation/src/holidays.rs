//! Public holidays of Korea, for the mark on a desired date. No date is refused because of one.
//!
//! Source: 공휴일에 관한 법률 and 관공서의 공휴일에 관한 규정. 제2조 lists the days, 제3조 the
//! substitutes (대체공휴일). 노동절 and 제헌절 are holidays since 2026. Days of the lunar calendar
//! and elections at the end of a term (공직선거법 제34조) are tables for [`YEARS`]; outside of
//! these years only weekends are marked. Two kinds are left out: holidays that a government
//! declares once (임시공휴일), and elections for a vacant office.
//!
//! Compared day by day, for all of [`YEARS`], with the Python package `holidays` 0.109 (country
//! `KR`). The package has two more days, both of the kinds left out: 2025-01-27 (임시공휴일) and
//! 2025-06-03 (대통령 선거일 of a vacant office). Otherwise only names differ: 신정연휴 is 신정
//! here, 기독탄신일 is 성탄절, the days around 설날 and 추석 are 설날 연휴 and 추석 연휴, and a
//! substitute is called 대체공휴일.

use std::ops::RangeInclusive;

use chrono::{Datelike as _, NaiveDate, TimeDelta, Weekday};
use serde::Serialize;
use utoipa::ToSchema;

/// The years whose holidays are known.
pub const YEARS: RangeInclusive<i32> = 2025..=2035;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A Saturday or a Sunday that is not a holiday.
    Weekend,
    /// A public holiday, on any day of the week.
    Holiday,
}

/// Why a day is not a working day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Mark {
    pub kind: MarkKind,
    /// The Korean name: 토요일, 성탄절, 대체공휴일(추석).
    pub name: String,
}

/// The mark of a day; `None` for a working day.
pub fn mark(day: NaiveDate) -> Option<Mark> {
    let holidays = holidays_of(day.year()).into_iter();
    let names: Vec<String> = holidays
        .filter(|holiday| holiday.date == day)
        .map(|holiday| holiday.name)
        .collect();
    let (kind, name) = match day.weekday() {
        _ if !names.is_empty() => (MarkKind::Holiday, names.join("·")),
        Weekday::Sat => (MarkKind::Weekend, "토요일".to_owned()),
        Weekday::Sun => (MarkKind::Weekend, "일요일".to_owned()),
        _ => return None,
    };
    Some(Mark { kind, name })
}

/// When a holiday gets a substitute day (제3조). A holiday that coincides with another one on a
/// working day gets one too, except for `Never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Substitution {
    /// 1월 1일, 현충일, elections.
    Never,
    /// On a Saturday or a Sunday.
    OnWeekends,
    /// On a Sunday only: 설날 and 추석 with the days around them.
    OnSundays,
}

#[derive(Debug)]
struct Holiday {
    date: NaiveDate,
    name: String,
    substitution: Substitution,
}

/// Holidays on the same date each year: month, day, name, first year, substitution.
const FIXED: [(u32, u32, &str, i32, Substitution); 10] = [
    (1, 1, "신정", 2025, Substitution::Never),
    (3, 1, "3·1절", 2025, Substitution::OnWeekends),
    (5, 1, "노동절", 2026, Substitution::OnWeekends),
    (5, 5, "어린이날", 2025, Substitution::OnWeekends),
    (6, 6, "현충일", 2025, Substitution::Never),
    (7, 17, "제헌절", 2026, Substitution::OnWeekends),
    (8, 15, "광복절", 2025, Substitution::OnWeekends),
    (10, 3, "개천절", 2025, Substitution::OnWeekends),
    (10, 9, "한글날", 2025, Substitution::OnWeekends),
    (12, 25, "성탄절", 2025, Substitution::OnWeekends),
];

type MonthAndDay = (u32, u32);

/// Year, 설날, 부처님오신날, 추석: the days 1/1, 4/8 and 8/15 of the Korean lunar calendar.
const LUNAR: [(i32, MonthAndDay, MonthAndDay, MonthAndDay); 11] = [
    (2025, (1, 29), (5, 5), (10, 6)),
    (2026, (2, 17), (5, 24), (9, 25)),
    (2027, (2, 7), (5, 13), (9, 15)),
    (2028, (1, 27), (5, 2), (10, 3)),
    (2029, (2, 13), (5, 20), (9, 22)),
    (2030, (2, 3), (5, 9), (9, 12)),
    (2031, (1, 23), (5, 28), (10, 1)),
    (2032, (2, 11), (5, 16), (9, 19)),
    (2033, (1, 31), (5, 6), (9, 8)),
    (2034, (2, 19), (5, 25), (9, 27)),
    (2035, (2, 8), (5, 15), (9, 16)),
];

/// Elections at the end of a term: year, month, day, name.
///
/// Each is on the first Wednesday from the 70th (president), 50th (assembly) or 30th (local) day
/// before the end; a week later if that is a holiday, as in June 2030. If a president leaves
/// early, the following dates move.
const ELECTIONS: [(i32, u32, u32, &str); 7] = [
    (2026, 6, 3, "지방선거일"),
    (2028, 4, 12, "국회의원 선거일"),
    (2030, 3, 27, "대통령 선거일"),
    (2030, 6, 12, "지방선거일"),
    (2032, 4, 14, "국회의원 선거일"),
    (2034, 5, 31, "지방선거일"),
    (2035, 3, 28, "대통령 선거일"),
];

/// Every public holiday of the year, with substitutes; empty for a year outside of [`YEARS`].
fn holidays_of(year: i32) -> Vec<Holiday> {
    let Some((_, new_year, buddha, chuseok)) = LUNAR.into_iter().find(|row| row.0 == year) else {
        return Vec::new();
    };
    let fixed = FIXED
        .into_iter()
        .filter(|(.., since, _)| *since <= year)
        .map(|(month, day, name, _, substitution)| ((month, day), 0, name, substitution));
    let lunar = [
        (buddha, 0, "부처님오신날", Substitution::OnWeekends),
        (new_year, -1, "설날 연휴", Substitution::OnSundays),
        (new_year, 0, "설날", Substitution::OnSundays),
        (new_year, 1, "설날 연휴", Substitution::OnSundays),
        (chuseok, -1, "추석 연휴", Substitution::OnSundays),
        (chuseok, 0, "추석", Substitution::OnSundays),
        (chuseok, 1, "추석 연휴", Substitution::OnSundays),
    ];
    let elections = ELECTIONS
        .into_iter()
        .filter(|row| row.0 == year)
        .map(|(_, month, day, name)| ((month, day), 0, name, Substitution::Never));
    let mut holidays: Vec<Holiday> = fixed
        .chain(lunar)
        .chain(elections)
        .filter_map(|((month, day), offset, name, substitution)| {
            let date = NaiveDate::from_ymd_opt(year, month, day)? + TimeDelta::days(offset);
            let name = name.to_owned();
            Some(Holiday {
                date,
                name,
                substitution,
            })
        })
        .collect();
    holidays.sort_by_key(|holiday| holiday.date);
    let substitutes = substitutes(&holidays);
    holidays.extend(substitutes);
    holidays
}

/// The substitute of each day that gets one: the next day that is not a weekend, a holiday or
/// another substitute. A day gets one substitute even if several holidays coincide on it.
fn substitutes(holidays: &[Holiday]) -> Vec<Holiday> {
    let mut substitutes: Vec<Holiday> = Vec::new();
    for day in holidays.chunk_by(|one, next| one.date == next.date) {
        let date = day[0].date;
        let coincides = day.len() > 1 && !is_weekend(date);
        // The substitute is named after the last one: 설날 or 추석 if it is among them.
        let substituted = day.iter().rev().find(|holiday| match holiday.substitution {
            Substitution::Never => false,
            Substitution::OnWeekends => is_weekend(date) || coincides,
            Substitution::OnSundays => date.weekday() == Weekday::Sun || coincides,
        });
        let Some(substituted) = substituted else {
            continue;
        };
        let is_free = |day: &NaiveDate| {
            let mut taken = holidays.iter().chain(&substitutes);
            !is_weekend(*day) && taken.all(|holiday| holiday.date != *day)
        };
        let name = format!("대체공휴일({})", substituted.name.trim_end_matches(" 연휴"));
        let substitute = date.iter_days().skip(1).find(is_free);
        substitutes.extend(substitute.map(|date| Holiday {
            date,
            name,
            substitution: Substitution::Never,
        }));
    }
    substitutes
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of(year: i32) -> Vec<(String, String)> {
        let mut days: Vec<NaiveDate> = holidays_of(year)
            .into_iter()
            .map(|holiday| holiday.date)
            .collect();
        days.sort_unstable();
        days.dedup();
        days.into_iter()
            .map(|day| (day.format("%m-%d").to_string(), mark(day).unwrap().name))
            .collect()
    }

    fn marked(day: &str) -> Option<(MarkKind, String)> {
        mark(day.parse().unwrap()).map(|mark| (mark.kind, mark.name))
    }

    #[test]
    fn year_2025_matches_the_official_calendar() {
        // Two holidays on one day, a substitute after three days, and two one-time holidays that
        // are left out.
        let expected = [
            ("01-01", "신정"),
            ("01-28", "설날 연휴"),
            ("01-29", "설날"),
            ("01-30", "설날 연휴"),
            ("03-01", "3·1절"),
            ("03-03", "대체공휴일(3·1절)"),
            ("05-05", "어린이날·부처님오신날"),
            ("05-06", "대체공휴일(부처님오신날)"),
            ("06-06", "현충일"),
            ("08-15", "광복절"),
            ("10-03", "개천절"),
            ("10-05", "추석 연휴"),
            ("10-06", "추석"),
            ("10-07", "추석 연휴"),
            ("10-08", "대체공휴일(추석)"),
            ("10-09", "한글날"),
            ("12-25", "성탄절"),
        ];
        assert_eq!(
            days_of(2025),
            expected.map(|(day, name)| (day.to_owned(), name.to_owned()))
        );
    }

    #[test]
    fn substitutes_follow_the_rule() {
        for (day, name) in [
            ("2026-03-02", "대체공휴일(3·1절)"),
            ("2026-05-25", "대체공휴일(부처님오신날)"),
            ("2026-08-17", "대체공휴일(광복절)"),
            ("2026-10-05", "대체공휴일(개천절)"),
            ("2027-02-09", "대체공휴일(설날)"),
            ("2027-05-03", "대체공휴일(노동절)"),
            ("2027-07-19", "대체공휴일(제헌절)"),
            ("2027-10-11", "대체공휴일(한글날)"),
            ("2027-12-27", "대체공휴일(성탄절)"),
            // 추석 is on 개천절, a Tuesday: a substitute follows the three days.
            ("2028-10-05", "대체공휴일(추석)"),
            ("2029-05-07", "대체공휴일(어린이날)"),
            ("2033-02-02", "대체공휴일(설날)"),
        ] {
            assert_eq!(
                marked(day),
                Some((MarkKind::Holiday, name.to_owned())),
                "{day}"
            );
        }
        // No substitute for 현충일 on a Saturday, for 추석 연휴 on one, or for 신정.
        for day in ["2026-06-08", "2026-09-28", "2028-01-03"] {
            assert_eq!(marked(day), None, "{day}");
        }
    }

    #[test]
    fn holidays_introduced_in_2026_are_not_marked_in_2025() {
        assert_eq!((marked("2025-05-01"), marked("2025-07-17")), (None, None));
        assert_eq!(
            marked("2026-05-01"),
            Some((MarkKind::Holiday, "노동절".to_owned()))
        );
        assert_eq!(
            marked("2026-07-17"),
            Some((MarkKind::Holiday, "제헌절".to_owned()))
        );
    }

    #[test]
    fn holiday_on_weekend_is_marked_as_holiday() {
        assert_eq!(
            marked("2026-10-03"),
            Some((MarkKind::Holiday, "개천절".to_owned()))
        );
        assert_eq!(
            marked("2026-11-28"),
            Some((MarkKind::Weekend, "토요일".to_owned()))
        );
        assert_eq!(
            marked("2026-11-29"),
            Some((MarkKind::Weekend, "일요일".to_owned()))
        );
        assert_eq!(marked("2026-11-30"), None);
    }

    #[test]
    fn only_weekends_are_marked_outside_known_years() {
        assert!(YEARS.eq(LUNAR.iter().map(|row| row.0)));
        for (day, expected) in [
            ("2024-12-25", None),
            ("2036-01-01", None),
            ("2036-01-05", Some("토요일")),
        ] {
            assert_eq!(
                marked(day),
                expected.map(|name| (MarkKind::Weekend, name.to_owned())),
                "{day}"
            );
        }
    }

    #[test]
    fn every_year_has_holidays_and_substitutes_on_working_days() {
        for year in YEARS {
            let holidays = holidays_of(year);
            assert!(holidays.len() >= 15, "{year}");
            assert!(
                holidays.iter().all(|holiday| holiday.date.year() == year),
                "{year}"
            );
            let substitutes = holidays
                .iter()
                .filter(|holiday| holiday.name.starts_with("대체"));
            for Holiday { date, .. } in substitutes {
                let on_that_day = holidays
                    .iter()
                    .filter(|holiday| holiday.date == *date)
                    .count();
                assert!(!is_weekend(*date) && on_that_day == 1, "{date}");
            }
        }
    }
}
