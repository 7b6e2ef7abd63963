//! Periods that are written from parts are read back as they were meant.

use proptest::prelude::*;

use super::*;

/// The spellings of a date, and whether it has its weekday behind it.
fn spelled(date: NaiveDate, spelling: usize, with_weekday: bool) -> String {
    let (year, month, day) = (date.year(), date.month(), date.day());
    let written = match spelling {
        0 => format!("{date}"),
        1 => format!("{year}.{month:02}.{day:02}"),
        2 => format!("{year}. {month}. {day}."),
        3 => format!("{year}년 {month}월 {day}일"),
        4 => format!("{year}/{month:02}/{day:02}"),
        _ => format!("{year}{month:02}{day:02}"),
    };
    let weekday = WEEKDAYS[date.weekday().num_days_from_monday() as usize];
    if with_weekday {
        format!("{written}({weekday})")
    } else {
        written
    }
}

/// One of the times that notices write behind a date.
const TIMES: [&str; 5] = ["", " 10:00", " 18:00:00", " 18시", " 18시 30분"];

/// How notices name an end that has no date.
const ENDS: [(&str, PeriodKind); 6] = [
    ("예산 소진시까지", PeriodKind::UntilBudget),
    ("예산소진 시 까지", PeriodKind::UntilBudget),
    ("자금 소진시", PeriodKind::UntilBudget),
    ("모집 완료시", PeriodKind::UntilFilled),
    ("정원 충족시까지", PeriodKind::UntilFilled),
    ("선착순 마감", PeriodKind::FirstCome),
];

prop_compose! {
    fn a_date()(days in 0..20_000_i64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + chrono::TimeDelta::days(days)
    }
}

prop_compose! {
    /// A date as it is written, with a weekday and a time or not.
    fn an_instant()(
        date in a_date(), spelling in 0..6_usize, with_weekday: bool, time in 0..TIMES.len(),
    ) -> (NaiveDate, String) {
        (date, format!("{}{}", spelled(date, spelling, with_weekday), TIMES[time]))
    }
}

proptest! {
    #[test]
    fn written_range_is_read_back(
        first in an_instant(),
        second in an_instant(),
        sign in prop::sample::select(vec![" ~ ", "~", " - ", " – ", " → ", "부터 ", "부터 ~ "]),
        ending in prop::sample::select(vec!["", "까지", " 까지", " 마감", "(예산 소진 시 조기 마감)"]),
    ) {
        let ((start, written_start), (end, written_end)) =
            if first.0 <= second.0 { (first, second) } else { (second, first) };
        let text = format!("{written_start}{sign}{written_end}{ending}");
        let period = parse(&text);
        prop_assert_eq!(
            (period.kind, period.starts_on, period.ends_on),
            (PeriodKind::Range, Some(start), Some(end)),
            "{}", text
        );
    }

    #[test]
    fn written_labels_are_read_back(
        first in an_instant(),
        second in an_instant(),
        labels in prop::sample::select(vec![
            ("접수 시작: ", ", 마감: "), ("시작일 ", " 마감일 "), ("접수시작일: ", " / 접수종료일: "),
            ("개시일: ", ", 종료일: "),
        ]),
    ) {
        let ((start, written_start), (end, written_end)) =
            if first.0 <= second.0 { (first, second) } else { (second, first) };
        let text = format!("{}{written_start}{}{written_end}", labels.0, labels.1);
        let period = parse(&text);
        prop_assert_eq!(
            (period.kind, period.starts_on, period.ends_on),
            (PeriodKind::Range, Some(start), Some(end)),
            "{}", text
        );
    }

    #[test]
    fn written_start_with_an_end_in_words_is_read_back(
        start in an_instant(),
        sign in prop::sample::select(vec![
            " ~ ", " - ", " → ", "부터 ", " 이후 ", " 시작, ", " 접수 시작, ", "(시작) ~ ",
        ]),
        end in prop::sample::select(ENDS.to_vec()),
    ) {
        let text = format!("{}{sign}{}", start.1, end.0);
        let period = parse(&text);
        prop_assert_eq!(
            (period.kind, period.starts_on, period.ends_on),
            (end.1, Some(start.0), None),
            "{}", text
        );
    }

    #[test]
    fn written_end_is_read_back(
        end in an_instant(),
        around in prop::sample::select(vec![
            ("", "까지"), ("", " 까지 접수"), ("~ ", ""), ("공고일 ~ ", ""), ("공고일부터 ", "까지"),
            ("접수마감: ", ""), ("마감일: ", ""), ("접수 기한 ", ""), ("", " 마감"), ("", " 접수 마감"),
            ("공고일 - ", ""),
        ]),
    ) {
        let text = format!("{}{}{}", around.0, end.1, around.1);
        let period = parse(&text);
        prop_assert_eq!(
            (period.kind, period.starts_on, period.ends_on),
            (PeriodKind::Other, None, Some(end.0)),
            "{}", text
        );
    }
}
