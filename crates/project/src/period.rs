//! How an application period is read. It is free text more often than two dates, and nobody knows all of its spellings: what is not
//! understood is [`PeriodKind::Other`], never an error, and what was written is always kept.

use chrono::{Datelike as _, Months, NaiveDate};
use events::{Period, PeriodKind, ProjectStatus};

use crate::letters::{digit_runs, end_of_digits, number, plain, skip_blanks};
use crate::project::YEARS;

/// The kind and the dates of a period, as it was written.
///
/// [`PeriodKind::Range`] always has both dates; where there is only one of them, the words beside it tell the kind.
pub fn read(text: &str) -> Period {
    let text = text.trim();
    let letters: Vec<char> = text.chars().map(plain).collect();
    let Meaning {
        kind,
        starts_on,
        ends_on,
    } = meaning(&letters);
    Period {
        kind,
        text: text.to_owned(),
        starts_on,
        ends_on,
    }
}

/// Where an edition with that period stands on that day in Seoul, when nobody has said it: its last day is past, its first day is still to
/// come, or it is running.
pub fn status(period: &Period, today: NaiveDate) -> ProjectStatus {
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

/// The text with every date in it one year later, written as it was; a weekday behind one is that of the new date.
pub(crate) fn a_year_later(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let alike: Vec<char> = letters.iter().copied().map(plain).collect();
    for found in dates(&alike) {
        let Some((before, after)) = found
            .date
            .and_then(|date| Some((date, date.checked_add_months(Months::new(12))?)))
        else {
            continue;
        };
        let year = format!("{:04}", after.year());
        overwrite(&mut letters, found.at, &year[4 - found.year_digits..]);
        if before.day() != after.day() {
            // 29 February: both days have two digits, and stand last.
            let day = digit_runs(&alike[found.at..found.end])
                .last()
                .map(|(_, end)| found.at + end - 2);
            overwrite(
                &mut letters,
                day.unwrap_or(found.end),
                &format!("{:02}", after.day()),
            );
        }
        let bracket = skip_blanks(&alike, found.end);
        if let Some(['(', weekday, ')']) = alike.get(bracket..bracket + 3)
            && WEEKDAYS.contains(weekday)
        {
            letters[bracket + 1] = WEEKDAYS[after.weekday().num_days_from_monday() as usize];
        }
    }
    letters.into_iter().collect()
}

/// From Monday on.
const WEEKDAYS: [char; 7] = ['월', '화', '수', '목', '금', '토', '일'];

fn overwrite(letters: &mut [char], at: usize, with: &str) {
    for (letter, new) in letters.iter_mut().skip(at).zip(with.chars()) {
        *letter = new;
    }
}

/// The first date in a text, if it is one of the calendar.
pub(crate) fn first_date(text: &str) -> Option<NaiveDate> {
    let letters: Vec<char> = text.chars().map(plain).collect();
    dates(&letters).first()?.date
}

#[derive(Debug, Clone, Copy)]
struct Meaning {
    kind: PeriodKind,
    starts_on: Option<NaiveDate>,
    ends_on: Option<NaiveDate>,
}

/// Dates that cannot be: then neither is believed.
const INVALID: Meaning = Meaning {
    kind: PeriodKind::Invalid,
    starts_on: None,
    ends_on: None,
};

fn meaning(letters: &[char]) -> Meaning {
    let found = dates(letters);
    let pairs = pairs(letters, &found);
    match (pairs.as_slice(), found.as_slice()) {
        ([], [only]) => beside_one_date(letters, *only),
        // No dates; or some that nothing joins: the day of a result, of a meeting, who knows.
        ([], _) => Meaning {
            kind: in_words(letters),
            starts_on: None,
            ends_on: None,
        },
        ([(Some(start), Some(end))], _) if start <= end => Meaning {
            kind: PeriodKind::Range,
            starts_on: Some(*start),
            ends_on: Some(*end),
        },
        ([_], _) => INVALID,
        (several, _) => several_times(several),
    }
}

/// 1차 and 2차 each with dates of their own: from the first day of all to the last.
fn several_times(pairs: &[(Option<NaiveDate>, Option<NaiveDate>)]) -> Meaning {
    let all: Option<Vec<_>> = pairs
        .iter()
        .map(|(start, end)| Some(((*start)?, (*end)?)))
        .collect();
    match all {
        Some(all) if all.iter().all(|(start, end)| start <= end) => Meaning {
            kind: PeriodKind::Recurring,
            starts_on: all.iter().map(|(start, _)| *start).min(),
            ends_on: all.iter().map(|(_, end)| *end).max(),
        },
        _ => INVALID,
    }
}

/// "2026-04-01 ~ 예산 소진시까지", "공고일 ~ 2026-04-30", "2026-04-30 18:00까지".
fn beside_one_date(letters: &[char], found: Found) -> Meaning {
    let Some(date) = found.date else {
        return INVALID;
    };
    let (before, after): (String, String) = (
        letters[..found.at].iter().collect(),
        letters[found.end..].iter().collect(),
    );
    let kind = in_words(letters);
    if leads_on(&after) {
        Meaning {
            kind,
            starts_on: Some(date),
            ends_on: None,
        }
    } else if leads_on(&before) || after.contains("까지") || after.contains("마감") {
        Meaning {
            kind,
            starts_on: None,
            ends_on: Some(date),
        }
    } else {
        Meaning {
            kind,
            starts_on: None,
            ends_on: None,
        }
    }
}

/// Whether this, between two dates, says that the one is the beginning and the other the end.
fn leads_on(between: &str) -> bool {
    between.contains(['~', '→']) || between.contains("부터") || between.trim() == "-"
}

/// What the words say, blanks aside. The order matters: "상시 접수(예산 소진시까지)" ends with the budget.
fn in_words(letters: &[char]) -> PeriodKind {
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
    let said = WORDS
        .into_iter()
        .find(|(_, words)| words.iter().any(|word| text.contains(word)));
    said.map_or(PeriodKind::Other, |(kind, _)| kind)
}

/// What looks like a date, and which one it is if it is one of the calendar.
#[derive(Debug, Clone, Copy)]
struct Found {
    at: usize,
    end: usize,
    date: Option<NaiveDate>,
    /// How many digits of the year it begins with: none where that is told before.
    year_digits: usize,
}

/// Neighbours of which the one is the beginning and the other the end.
fn pairs(letters: &[char], found: &[Found]) -> Vec<(Option<NaiveDate>, Option<NaiveDate>)> {
    let mut pairs = Vec::new();
    let mut rest = found;
    while let [first, second, behind @ ..] = rest {
        let between: String = letters[first.end..second.at].iter().collect();
        if leads_on(&between) {
            pairs.push((first.date, second.date));
            rest = behind;
        } else {
            rest = &rest[1..];
        }
    }
    pairs
}

/// Everything that looks like a date, in the order in which it is written.
fn dates(letters: &[char]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let end = end_of_digits(letters, at);
        if end == at {
            at += 1;
            continue;
        }
        let next = match end - at {
            8 => compact(letters, at),
            4 => long(letters, at, end),
            2 => short(letters, at, end).or_else(|| rest_of_range(letters, at, &found)),
            1 => rest_of_range(letters, at, &found),
            _ => None,
        };
        at = next.map_or(end, |date| date.end);
        found.extend(next);
    }
    found
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(year)
        .ok()
        .filter(|year| YEARS.contains(year))?;
    NaiveDate::from_ymd_opt(year, month, day)
}

/// 20260401.
fn compact(letters: &[char], at: usize) -> Option<Found> {
    let part = |from: usize, to: usize| number(&letters[at + from..at + to]);
    Some(Found {
        at,
        end: at + 8,
        date: date(part(0, 4)?, part(4, 6)?, part(6, 8)?),
        year_digits: 4,
    })
}

/// 2026-04-01, 2026.4.1., 2026/04/01, 2026년 4월 1일.
fn long(letters: &[char], at: usize, end: usize) -> Option<Found> {
    let year = number(&letters[at..end])?;
    let ((month, day), end) = month_and_day(letters, separator(letters, end, '년')?)?;
    Some(Found {
        at,
        end,
        date: date(year, month, day),
        year_digits: 4,
    })
}

/// 26.04.01 is of this century. "04.29. 18:00" is no such date.
fn short(letters: &[char], at: usize, end: usize) -> Option<Found> {
    let year = 2000 + number(&letters[at..end])?;
    let ((month, day), end) = month_and_day(letters, separator(letters, end, '년')?)?;
    let date = date(year, month, day).filter(|_| letters.get(end) != Some(&':'))?;
    Some(Found {
        at,
        end,
        date: Some(date),
        year_digits: 2,
    })
}

/// "4.30", "4월 30일" or "30일" right behind "2026.4.1 ~": of the same year, or of the next one if it would lie before.
fn rest_of_range(letters: &[char], at: usize, found: &[Found]) -> Option<Found> {
    let before = found.last()?;
    let between: String = letters[before.end..at].iter().collect();
    let start = before.date.filter(|_| leads_on(&between))?;
    let year = start.year().unsigned_abs();
    if let Some(((month, day), end)) = month_and_day(letters, at) {
        let same_year = date(year, month, day);
        let rolled = same_year
            .filter(|end| *end >= start)
            .or_else(|| date(year + 1, month, day));
        return Some(Found {
            at,
            end,
            date: same_year.and(rolled),
            year_digits: 0,
        });
    }
    let end = end_of_digits(letters, at);
    let day = number(&letters[at..end])?;
    (letters.get(end) == Some(&'일')).then(|| Found {
        at,
        end: end + 1,
        date: date(year, start.month(), day),
        year_digits: 0,
    })
}

/// Month and day from there on, and where they end.
fn month_and_day(letters: &[char], at: usize) -> Option<((u32, u32), usize)> {
    let (month, end) = one_or_two_digits(letters, at)?;
    let (day, end) = one_or_two_digits(letters, separator(letters, end, '월')?)?;
    // "4월 1일" and "4.1." are over behind what follows; "4.1.26" is none of ours.
    let behind = skip_blanks(letters, end);
    let end = match letters.get(behind) {
        Some('일') => behind + 1,
        Some('.')
            if letters
                .get(behind + 1)
                .is_none_or(|next| !next.is_ascii_digit()) =>
        {
            behind + 1
        }
        _ => end,
    };
    Some(((month, day), end))
}

fn one_or_two_digits(letters: &[char], at: usize) -> Option<(u32, usize)> {
    let end = end_of_digits(letters, at);
    if (1..=2).contains(&(end - at)) {
        Some((number(&letters[at..end])?, end))
    } else {
        None
    }
}

/// The place behind what stands between two parts of a date.
fn separator(letters: &[char], at: usize, word: char) -> Option<usize> {
    let at = skip_blanks(letters, at);
    let separates = letters
        .get(at)
        .is_some_and(|letter| matches!(letter, '-' | '.' | '/') || *letter == word);
    separates.then(|| skip_blanks(letters, at + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reads(text: &str) -> (PeriodKind, Option<String>, Option<String>) {
        let it = read(text);
        assert_eq!(it.text, text.trim());
        (
            it.kind,
            it.starts_on.map(|date| date.to_string()),
            it.ends_on.map(|date| date.to_string()),
        )
    }

    fn range(start: &str, end: &str) -> (PeriodKind, Option<String>, Option<String>) {
        (
            PeriodKind::Range,
            Some(start.to_owned()),
            Some(end.to_owned()),
        )
    }

    #[test]
    fn every_date_of_a_text_is_a_year_later_and_written_as_it_was() {
        for (text, later) in [
            (
                "2026-04-01 ~ 예산 소진시까지",
                "2027-04-01 ~ 예산 소진시까지",
            ),
            ("~ 2026-04-30", "~ 2027-04-30"),
            (
                "공고일 ~ 2026.4.30.(목) 18:00까지",
                "공고일 ~ 2027.4.30.(금) 18:00까지",
            ),
            (
                "2026. 4. 2.(목) ∼ 4. 29.(수)",
                "2027. 4. 2.(금) ∼ 4. 29.(목)",
            ),
            ("20260402~20260429", "20270402~20270429"),
            ("'26.4.2 ~ '26.4.29", "'27.4.2 ~ '27.4.29"),
            (
                "1차 2026-01-02 ~ 2026-02-03, 2차 2026-12-01 ~ 2027-01-05",
                "1차 2027-01-02 ~ 2027-02-03, 2차 2027-12-01 ~ 2028-01-05",
            ),
            (
                "2024-02-29 ~ 예산 소진시까지",
                "2025-02-28 ~ 예산 소진시까지",
            ),
            ("2024년 2월 29일까지", "2025년 2월 28일까지"),
            ("２０２６-０４-０１부터 상시", "2027-０４-０１부터 상시"),
            (
                "매월 10일, 문의 02-2026-1234",
                "매월 10일, 문의 02-2026-1234",
            ),
            ("상시", "상시"),
            ("", ""),
        ] {
            assert_eq!(a_year_later(text), later, "{text}");
        }
    }

    #[test]
    fn two_dates_are_a_range_however_they_are_written() {
        for text in [
            "2026-04-02 ~ 2026-04-29",
            "2026.04.02 ~ 2026.04.29",
            "2026.4.2.~4.29.",
            "20260402 ~ 20260429",
            "20260402~20260429",
            "2026-04-02 ~ 2026-04-29 18:00",
            "2026-04-02 09:00 ~ 2026-04-29 18:00",
            "2026. 4. 2.(목) ∼ 2026. 4. 29.(수) 18:00까지",
            "2026년 4월 2일부터 2026년 4월 29일까지",
            "2026년 4월 2일 ~ 29일",
            "2026/04/02 - 2026/04/29",
            "２０２６-０４-０２ ～ ２０２６-０４-２９",
            "'26.4.2 ~ '26.4.29",
            "2026-04-02 ~ 2026-04-29 (발표: 2026-05-15)",
        ] {
            assert_eq!(reads(text), range("2026-04-02", "2026-04-29"), "{text}");
        }
        assert_eq!(
            reads("2025.12.20 ~ 1.15"),
            range("2025-12-20", "2026-01-15")
        );
    }

    #[test]
    fn dates_that_cannot_be_are_both_dropped() {
        for text in [
            "2026-10-08 ~ 2026-09-23",
            "2026-02-30 ~ 2026-03-02",
            "2026-02-02 ~ 2026-13-02",
            "20261301 ~ 20261401",
            "1989-12-31 ~ 2026-01-01",
            "2026-01-01 ~ 2101-01-01",
            "2026-02-30 ~ 예산 소진시까지",
            "2026.4.1 ~ 4.31",
        ] {
            assert_eq!(reads(text), (PeriodKind::Invalid, None, None), "{text}");
        }
    }

    #[test]
    fn one_date_is_kept_where_it_is_clear_which_end_it_is() {
        let start = |kind, start: &str| (kind, Some(start.to_owned()), None);
        let end = |kind, end: &str| (kind, None, Some(end.to_owned()));
        assert_eq!(
            reads("2026-04-01 ~ 예산 소진시까지"),
            start(PeriodKind::UntilBudget, "2026-04-01")
        );
        assert_eq!(
            reads("2026.4.1.부터 선착순 접수"),
            start(PeriodKind::FirstCome, "2026-04-01")
        );
        assert_eq!(reads("20260401 ~"), start(PeriodKind::Other, "2026-04-01"));
        assert_eq!(reads("~ 2026-04-30"), end(PeriodKind::Other, "2026-04-30"));
        assert_eq!(
            reads("공고일 ~ 2026-04-30 18:00"),
            end(PeriodKind::Other, "2026-04-30")
        );
        assert_eq!(
            reads("예산 소진시까지 (2026-12-31까지)"),
            end(PeriodKind::UntilBudget, "2026-12-31")
        );
        assert_eq!(reads("2026-04-30"), (PeriodKind::Other, None, None));
        assert_eq!(
            reads("설명회 2026-04-01, 발표 2026-05-01"),
            (PeriodKind::Other, None, None)
        );
    }

    #[test]
    fn several_ranges_are_one_that_recurs() {
        let text = "1차: 2026-01-05 ~ 2026-01-30, 2차: 2026-06-01 ~ 2026-06-26";
        assert_eq!(
            reads(text),
            (
                PeriodKind::Recurring,
                Some("2026-01-05".to_owned()),
                Some("2026-06-26".to_owned())
            )
        );
    }

    #[test]
    fn words_tell_the_kind_where_there_are_no_dates() {
        for (kind, texts) in [
            (PeriodKind::Missing, &["", "  ", "\u{3000}"][..]),
            (
                PeriodKind::UntilBudget,
                &[
                    "예산 소진시까지",
                    "예산소진시 까지",
                    "상시 접수(예산 소진 시까지)",
                    "자금 소진시",
                ],
            ),
            (PeriodKind::Always, &["상시", "상시 접수", "연중 수시"]),
            (PeriodKind::FirstCome, &["선착순 접수", "선순 마감"]),
            (
                PeriodKind::UntilFilled,
                &[
                    "모집 완료시",
                    "모집규모 충족시",
                    "정원 충족시까지",
                    "모집 마감시",
                ],
            ),
            (PeriodKind::AnnouncedLater, &["추후 공지", "추후 공고 예정"]),
            (
                PeriodKind::Varies,
                &[
                    "세부사업별 상이",
                    "차수별 상이",
                    "반기별 상이",
                    "사업별 상이",
                ],
            ),
            (
                PeriodKind::Recurring,
                &["매월 1일~20일", "매월 10일 18:00까지", "매 분기 초"],
            ),
            (
                PeriodKind::Other,
                &[
                    "(새로운 자유 문장)",
                    "공고문 참조",
                    "3분기 중",
                    "02-2024-1234",
                    "2026-04",
                    "2026",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(reads(text), (kind, None, None), "{text}");
            }
        }
    }

    #[test]
    fn the_status_follows_the_period_and_the_day() {
        let on = |text: &str, today: &str| status(&read(text), today.parse().unwrap());
        let text = "2026-04-02 ~ 2026-04-29";
        assert_eq!(on(text, "2026-04-01"), ProjectStatus::Planned);
        assert_eq!(on(text, "2026-04-02"), ProjectStatus::Ongoing);
        assert_eq!(on(text, "2026-04-29"), ProjectStatus::Ongoing);
        assert_eq!(on(text, "2026-04-30"), ProjectStatus::Ended);
        assert_eq!(on("추후 공지", "2026-04-30"), ProjectStatus::Planned);
        assert_eq!(
            on("2026-05-01 ~ 예산 소진시까지", "2026-04-30"),
            ProjectStatus::Planned
        );
        assert_eq!(on("예산 소진시까지", "2026-04-30"), ProjectStatus::Ongoing);
        assert_eq!(
            on("2026-10-08 ~ 2026-09-23", "2026-12-30"),
            ProjectStatus::Ongoing
        );
    }

    #[test]
    fn the_first_date_of_a_text_is_found() {
        assert_eq!(
            first_date("2023-11-03 13:53:04"),
            NaiveDate::from_ymd_opt(2023, 11, 3)
        );
        assert_eq!(first_date("2023-02-30"), None);
        assert_eq!(first_date(""), None);
    }

    proptest! {
        #[test]
        fn any_text_has_a_later_one_of_the_same_length(text in "(\\PC|[0-9 .~'()-]|2024|02-29|월|일|년){0,40}") {
            prop_assert_eq!(a_year_later(&text).chars().count(), text.chars().count());
        }

        #[test]
        fn whatever_is_written_is_read_without_a_panic_and_makes_sense(text in "(\\PC|[0-9~.년월일 -]){0,40}") {
            let it = read(&text);
            prop_assert_eq!(&*it.text, text.trim());
            let dates = [it.starts_on, it.ends_on];
            prop_assert!(dates.into_iter().flatten().all(|date| YEARS.contains(&date.year())));
            match it.kind {
                PeriodKind::Range => prop_assert!(it.starts_on.is_some() && it.starts_on <= it.ends_on && it.ends_on.is_some()),
                PeriodKind::Invalid | PeriodKind::Missing => prop_assert_eq!(dates, [None, None]),
                _ => {}
            }
            prop_assert!(crate::project::check_period(&it).is_ok());
        }

        #[test]
        fn every_range_of_the_calendar_is_read_back(start in 0..36_500_i64, days in 0..400_i64) {
            let first = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + chrono::TimeDelta::days(start);
            let last = first + chrono::TimeDelta::days(days);
            prop_assume!(YEARS.contains(&last.year()));
            for text in [
                format!("{first} ~ {last}"),
                format!("{}~{}", first.format("%Y%m%d"), last.format("%Y%m%d")),
                format!("{} ~ {} 18:00", first.format("%Y.%m.%d"), last.format("%Y.%m.%d")),
            ] {
                let it = read(&text);
                prop_assert_eq!((it.kind, it.starts_on, it.ends_on), (PeriodKind::Range, Some(first), Some(last)));
            }
        }
    }
}
