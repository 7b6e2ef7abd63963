//! Korea's public holidays, for the mark on a desired date. Nobody is refused because of one.
//!
//! Source: 공휴일에 관한 법률 and 관공서의 공휴일에 관한 규정: 제2조 says which days, 제3조 which of them have a substitute (대체공휴일). 노동절 and 제헌절 are among
//! them since 2026. Days of the lunar calendar and of elections at the end of a term (공직선거법 제34조) are a table, and known for [`YEARS`];
//! beyond these only weekends are marked. Holidays that a government gives once (임시공휴일) are left out, and so are elections that come
//! because an office is empty.
//!
//! Compared, day by day for all of [`YEARS`], with the Python package `holidays` 0.109 (country `KR`). It has two days more, both given once:
//! 2025-01-27 (임시공휴일) and 2025-06-03 (대통령 선거일, of an empty office). Otherwise only names differ: 신정연휴 is 신정 here, 기독탄신일 성탄절, the days
//! around 설날 and 추석 are 설날 연휴 and 추석 연휴, and a substitute is called 대체공휴일.

use std::ops::RangeInclusive;

use chrono::{Datelike as _, NaiveDate, Weekday};
use serde::Serialize;
use utoipa::ToSchema;

/// The years whose holidays are known, both included.
pub const YEARS: RangeInclusive<i32> = 2025..=2035;

/// What is special about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// A Saturday or a Sunday.
    Weekend,
    /// A public holiday, on whichever day of the week.
    Holiday,
}

/// Why nobody may be at work on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Mark {
    /// A weekend, or a holiday. A holiday on a weekend is a holiday.
    pub kind: MarkKind,
    /// What Koreans call the day: 토요일, 성탄절, 대체공휴일(추석).
    pub name: String,
}

/// What is special about that day; `None` on a working day.
pub fn mark(day: NaiveDate) -> Option<Mark> {
    let names: Vec<String> = holidays_of(day.year())
        .into_iter()
        .filter(|it| it.on == day)
        .map(|it| it.name)
        .collect();
    let weekend = match day.weekday() {
        Weekday::Sat => Some("토요일"),
        Weekday::Sun => Some("일요일"),
        _ => None,
    };
    match weekend {
        _ if !names.is_empty() => Some(Mark {
            kind: MarkKind::Holiday,
            name: names.join("·"),
        }),
        Some(name) => Some(Mark {
            kind: MarkKind::Weekend,
            name: name.to_owned(),
        }),
        None => None,
    }
}

/// When a holiday gets a substitute (제3조). One that meets another holiday on a working day gets one as well, unless it never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Substituted {
    /// 1월 1일, 현충일, elections.
    Never,
    /// On a Saturday or a Sunday.
    OnWeekends,
    /// On a Sunday: 설날 and 추석, whose three days so often meet a Saturday.
    OnSundays,
}

#[derive(Debug)]
struct Holiday {
    on: NaiveDate,
    name: String,
    substituted: Substituted,
}

/// Holidays that are on the same day each year: month, day, name, since when, substitute.
const FIXED: [(u32, u32, &str, i32, Substituted); 10] = [
    (1, 1, "신정", 2025, Substituted::Never),
    (3, 1, "3·1절", 2025, Substituted::OnWeekends),
    (5, 1, "노동절", 2026, Substituted::OnWeekends),
    (5, 5, "어린이날", 2025, Substituted::OnWeekends),
    (6, 6, "현충일", 2025, Substituted::Never),
    (7, 17, "제헌절", 2026, Substituted::OnWeekends),
    (8, 15, "광복절", 2025, Substituted::OnWeekends),
    (10, 3, "개천절", 2025, Substituted::OnWeekends),
    (10, 9, "한글날", 2025, Substituted::OnWeekends),
    (12, 25, "성탄절", 2025, Substituted::OnWeekends),
];

/// Month and day of the first of the first, the eighth of the fourth and the fifteenth of the eighth month of Korea's lunar calendar.
struct Lunar {
    year: i32,
    new_year: (u32, u32),
    buddha: (u32, u32),
    chuseok: (u32, u32),
}

const LUNAR: [Lunar; 11] = [
    Lunar {
        year: 2025,
        new_year: (1, 29),
        buddha: (5, 5),
        chuseok: (10, 6),
    },
    Lunar {
        year: 2026,
        new_year: (2, 17),
        buddha: (5, 24),
        chuseok: (9, 25),
    },
    Lunar {
        year: 2027,
        new_year: (2, 7),
        buddha: (5, 13),
        chuseok: (9, 15),
    },
    Lunar {
        year: 2028,
        new_year: (1, 27),
        buddha: (5, 2),
        chuseok: (10, 3),
    },
    Lunar {
        year: 2029,
        new_year: (2, 13),
        buddha: (5, 20),
        chuseok: (9, 22),
    },
    Lunar {
        year: 2030,
        new_year: (2, 3),
        buddha: (5, 9),
        chuseok: (9, 12),
    },
    Lunar {
        year: 2031,
        new_year: (1, 23),
        buddha: (5, 28),
        chuseok: (10, 1),
    },
    Lunar {
        year: 2032,
        new_year: (2, 11),
        buddha: (5, 16),
        chuseok: (9, 19),
    },
    Lunar {
        year: 2033,
        new_year: (1, 31),
        buddha: (5, 6),
        chuseok: (9, 8),
    },
    Lunar {
        year: 2034,
        new_year: (2, 19),
        buddha: (5, 25),
        chuseok: (9, 27),
    },
    Lunar {
        year: 2035,
        new_year: (2, 8),
        buddha: (5, 15),
        chuseok: (9, 16),
    },
];

/// Elections at the end of a term: the first Wednesday from the 70th (president), 50th (assembly) or 30th (local) day before it, and a week
/// later where that meets a holiday, as in June 2030. A president who leaves early moves those that follow.
const ELECTIONS: [(i32, u32, u32, &str); 7] = [
    (2026, 6, 3, "지방선거일"),
    (2028, 4, 12, "국회의원 선거일"),
    (2030, 3, 27, "대통령 선거일"),
    (2030, 6, 12, "지방선거일"),
    (2032, 4, 14, "국회의원 선거일"),
    (2034, 5, 31, "지방선거일"),
    (2035, 3, 28, "대통령 선거일"),
];

/// Every public holiday of the year, substitutes included; none of a year that is not known.
fn holidays_of(year: i32) -> Vec<Holiday> {
    let Some(lunar) = LUNAR.iter().find(|it| it.year == year) else {
        return Vec::new();
    };
    let mut holidays = Vec::new();
    let mut add = |on: Option<NaiveDate>, name: &str, substituted| {
        holidays.extend(on.map(|on| Holiday {
            on,
            name: name.to_owned(),
            substituted,
        }));
    };
    for (month, day, name, since, substituted) in FIXED {
        add(
            NaiveDate::from_ymd_opt(year, month, day).filter(|_| since <= year),
            name,
            substituted,
        );
    }
    let of_lunar = |(month, day)| NaiveDate::from_ymd_opt(year, month, day);
    add(
        of_lunar(lunar.buddha),
        "부처님오신날",
        Substituted::OnWeekends,
    );
    for (day, name, around) in [
        (lunar.new_year, "설날", "설날 연휴"),
        (lunar.chuseok, "추석", "추석 연휴"),
    ] {
        let day = of_lunar(day);
        add(
            day.and_then(|day| day.pred_opt()),
            around,
            Substituted::OnSundays,
        );
        add(day, name, Substituted::OnSundays);
        add(
            day.and_then(|day| day.succ_opt()),
            around,
            Substituted::OnSundays,
        );
    }
    for (_, month, day, name) in ELECTIONS.into_iter().filter(|(of, ..)| *of == year) {
        add(
            NaiveDate::from_ymd_opt(year, month, day),
            name,
            Substituted::Never,
        );
    }
    holidays.sort_by_key(|it| it.on);
    let substitutes = substitutes(&holidays);
    holidays.extend(substitutes);
    holidays
}

/// The first day after each holiday that is due one, that is no weekend, no holiday and no other's substitute. One for a day, however many
/// holidays meet on it.
fn substitutes(holidays: &[Holiday]) -> Vec<Holiday> {
    let mut found: Vec<Holiday> = Vec::new();
    for day in holidays.chunk_by(|one, next| one.on == next.on) {
        let on = day[0].on;
        let meets_another = day.len() > 1 && !is_weekend(on);
        // Of two that meet, 설날 or 추석 gives it its name.
        let due = day.iter().rev().find(|it| match it.substituted {
            Substituted::Never => false,
            Substituted::OnWeekends => is_weekend(on) || meets_another,
            Substituted::OnSundays => on.weekday() == Weekday::Sun || meets_another,
        });
        let Some(due) = due else { continue };
        let is_free = |day: &NaiveDate| {
            !is_weekend(*day) && holidays.iter().chain(&found).all(|it| it.on != *day)
        };
        let name = format!("대체공휴일({})", due.name.trim_end_matches(" 연휴"));
        let substitute = on.iter_days().skip(1).find(is_free);
        found.extend(substitute.map(|on| Holiday {
            on,
            name,
            substituted: Substituted::Never,
        }));
    }
    found
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(year: i32) -> Vec<(String, String)> {
        let mut days: Vec<NaiveDate> = holidays_of(year).into_iter().map(|it| it.on).collect();
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
    fn a_whole_year_is_as_the_government_announced_it() {
        // 2025 has two holidays on one day, a substitute behind three days, and the two days given once that are left out.
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
            of(2025),
            expected.map(|(day, name)| (day.to_owned(), name.to_owned()))
        );
    }

    #[test]
    fn substitutes_are_where_the_rule_puts_them() {
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
            // 추석 on 개천절, a Tuesday: one more day behind the three.
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
        // Neither 현충일 on a Saturday, nor 추석 연휴 on one, nor 신정 has any.
        for day in ["2026-06-08", "2026-09-28", "2028-01-03"] {
            assert_eq!(marked(day), None, "{day}");
        }
    }

    #[test]
    fn what_became_a_holiday_in_2026_was_none_before() {
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
    fn a_holiday_on_a_weekend_is_a_holiday_and_other_weekends_are_weekends() {
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
    fn beyond_the_known_years_only_weekends_are_marked() {
        assert!(YEARS.eq(LUNAR.iter().map(|it| it.year)));
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
    fn every_known_year_has_its_holidays_in_that_year_and_every_substitute_on_a_working_day() {
        for year in YEARS {
            let holidays = holidays_of(year);
            assert!(holidays.len() >= 15, "{year}");
            assert!(holidays.iter().all(|it| it.on.year() == year), "{year}");
            for it in holidays.iter().filter(|it| it.name.starts_with("대체")) {
                assert!(
                    !is_weekend(it.on)
                        && holidays.iter().filter(|other| other.on == it.on).count() == 1,
                    "{}",
                    it.on
                );
            }
        }
    }
}
