mod written;

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> (PeriodKind, Option<String>, Option<String>) {
    let period = parse(text);
    assert_eq!(period.text, text.trim());
    (
        period.kind,
        period.starts_on.map(|date| date.to_string()),
        period.ends_on.map(|date| date.to_string()),
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
fn every_date_moves_a_year_in_the_same_spelling() {
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
        assert_eq!(shift_by_a_year(text), later, "{text}");
    }
}

#[test]
fn two_dates_are_a_range_in_any_spelling() {
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
        assert_eq!(parsed(text), range("2026-04-02", "2026-04-29"), "{text}");
    }
    assert_eq!(
        parsed("2025.12.20 ~ 1.15"),
        range("2025-12-20", "2026-01-15")
    );
}

#[test]
fn impossible_dates_are_both_dropped() {
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
        assert_eq!(parsed(text), (PeriodKind::Invalid, None, None), "{text}");
    }
}

#[test]
fn single_date_counts_only_as_known_end() {
    let start = |kind, start: &str| (kind, Some(start.to_owned()), None);
    let end = |kind, end: &str| (kind, None, Some(end.to_owned()));
    assert_eq!(
        parsed("2026-04-01 ~ 예산 소진시까지"),
        start(PeriodKind::UntilBudget, "2026-04-01")
    );
    assert_eq!(
        parsed("2026.4.1.부터 선착순 접수"),
        start(PeriodKind::FirstCome, "2026-04-01")
    );
    assert_eq!(parsed("20260401 ~"), start(PeriodKind::Other, "2026-04-01"));
    assert_eq!(parsed("~ 2026-04-30"), end(PeriodKind::Other, "2026-04-30"));
    assert_eq!(
        parsed("공고일 ~ 2026-04-30 18:00"),
        end(PeriodKind::Other, "2026-04-30")
    );
    assert_eq!(
        parsed("예산 소진시까지 (2026-12-31까지)"),
        end(PeriodKind::UntilBudget, "2026-12-31")
    );
    assert_eq!(parsed("2026-04-30"), (PeriodKind::Other, None, None));
    assert_eq!(
        parsed("설명회 2026-04-01, 발표 2026-05-01"),
        (PeriodKind::Other, None, None)
    );
}

#[test]
fn several_ranges_are_recurring() {
    let text = "1차: 2026-01-05 ~ 2026-01-30, 2차: 2026-06-01 ~ 2026-06-26";
    assert_eq!(
        parsed(text),
        (
            PeriodKind::Recurring,
            Some("2026-01-05".to_owned()),
            Some("2026-06-26".to_owned())
        )
    );
}

#[test]
fn words_give_the_kind_without_dates() {
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
            assert_eq!(parsed(text), (kind, None, None), "{text}");
        }
    }
}

#[test]
fn status_follows_period_and_day() {
    let on = |text: &str, today: &str| status_on(&parse(text), today.parse().unwrap());
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
fn first_date_of_text_is_found() {
    assert_eq!(
        first_date("2023-11-03 13:53:04"),
        NaiveDate::from_ymd_opt(2023, 11, 3)
    );
    assert_eq!(first_date("2023-02-30"), None);
    assert_eq!(first_date(""), None);
}

#[test]
fn words_and_signs_beside_a_date_say_what_it_is() {
    for (text, expected) in [
        ("2026.03.03 - 예산 소진시까지", "until_budget 2026-03-03 -"),
        (
            "2026-03-03 이후 예산 소진시까지",
            "until_budget 2026-03-03 -",
        ),
        (
            "2026.03.03(화) 10:00 시작, 선착순 마감",
            "first_come 2026-03-03 -",
        ),
        (
            "2026.05.06 (수) - 2026.12.14 (월)",
            "range 2026-05-06 2026-12-14",
        ),
        (
            "2026.12.01 10:00 - 2026.12.20 18:00",
            "range 2026-12-01 2026-12-20",
        ),
        ("접수마감: 2026. 12. 20.(일) 18:00", "other - 2026-12-20"),
        ("마감일: 2026-12-15", "other - 2026-12-15"),
        ("접수 시작일: 2026-12-10", "other 2026-12-10 -"),
        ("접수시 제출", "other - -"),
        ("5인 이상이면 신청 가능", "other - -"),
        ("2026-12-01 ~ 9999-12-31", "always 2026-12-01 -"),
        (
            "접수 시작: 2026-03-03, 마감: 2026-03-31",
            "range 2026-03-03 2026-03-31",
        ),
        (
            "2026-03-03(화) 접수 시작 / 2026-03-31(화) 18시 접수 마감",
            "range 2026-03-03 2026-03-31",
        ),
        (
            "시작일 2026-03-03 종료일 2026-03-31",
            "range 2026-03-03 2026-03-31",
        ),
        (
            "2026-03-03부터, 2026-03-31 18:00까지",
            "range 2026-03-03 2026-03-31",
        ),
        (
            "2026.3.3.(화, 10:00) - 3.31.(화, 18:00)",
            "range 2026-03-03 2026-03-31",
        ),
        ("2026-03-03 예산 소진시까지", "until_budget 2026-03-03 -"),
        (
            "2026-12-31까지 (예산 소진 시 조기 마감)",
            "until_budget - 2026-12-31",
        ),
        ("모집마감 2026-12-31", "other - 2026-12-31"),
        (
            "2026-04-01까지 접수, 결과 발표 2026-05-01",
            "other - 2026-04-01",
        ),
        (
            "사업기간: 2026-05-01 ~ 2026-12-31, 접수: 2026-04-01 ~ 2026-04-10",
            "range 2026-04-01 2026-04-10",
        ),
        ("20261201 ~ 99991231", "always 2026-12-01 -"),
        ("9999-12-31까지", "always - -"),
        (
            "2026.3.3. ~ 예산 소진 시 (단, 2026.12.31.까지)",
            "until_budget 2026-03-03 2026-12-31",
        ),
        ("2026-12-20 18:00 도착분까지", "other - 2026-12-20"),
        (
            "2026-03-03 00:00:00.0 ~ 2026-03-31 23:59:59.0",
            "range 2026-03-03 2026-03-31",
        ),
        (
            "2026-03-03T00:00:00+09:00 ~ 2026-03-31T23:59:59+09:00",
            "range 2026-03-03 2026-03-31",
        ),
        ("설명회 2026-04-01, 접수 ~ 2026-04-30", "other - 2026-04-30"),
        (
            "2026년 3월 3일(화) 오전 10시부터 3월 31일 오후 6시까지",
            "range 2026-03-03 2026-03-31",
        ),
        ("공고일로부터 2026.12.20.까지", "other - 2026-12-20"),
        (
            "1차 2026-01-05까지, 2차 2026-06-05까지",
            "other - 2026-06-05",
        ),
        ("설명회 2026-04-01 14:00 ~ 16:00", "other - -"),
        ("소진공 홈페이지 참조", "other - -"),
        ("비상시 연락처", "other - -"),
    ] {
        let (kind, start, end) = parsed(text);
        let or_dash = |date: Option<String>| date.unwrap_or_else(|| "-".to_owned());
        let found = [kind.as_str().to_owned(), or_dash(start), or_dash(end)].join(" ");
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn dates_without_a_year_take_the_given_one() {
    for (text, start, end) in [
        (
            "4. 2.(목) ~ 4. 29.(수)",
            Some("2026-04-02"),
            Some("2026-04-29"),
        ),
        ("12월 20일까지", None, Some("2026-12-20")),
        (
            "4/2(목) ~ 4/29(수) 18:00",
            Some("2026-04-02"),
            Some("2026-04-29"),
        ),
        ("4.2 ~ 4.29", Some("2026-04-02"), Some("2026-04-29")),
        (
            "12월 1일 ~ 1월 15일",
            Some("2026-12-01"),
            Some("2027-01-15"),
        ),
        ("접수 마감: 12.20.(일)", None, Some("2026-12-20")),
        ("~12.20", None, Some("2026-12-20")),
        ("12.20 18:00까지", None, Some("2026-12-20")),
        (
            "2025년 매출 5억 이상 기업, 12월 20일까지",
            None,
            Some("2026-12-20"),
        ),
    ] {
        assert_eq!(
            parse(text).starts_on.or(parse(text).ends_on),
            None,
            "{text}"
        );
        let reading = parse_in_year(text, 2026);
        let date = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        assert_eq!(
            (reading.period.starts_on, reading.period.ends_on),
            (date(start), date(end)),
            "{text}"
        );
        assert!(reading.year_assumed, "{text}");
    }
}

#[test]
fn written_year_and_texts_without_dates_are_not_assumed() {
    for text in [
        "2026-04-02 ~ 2026-04-29",
        "2026년 접수: 4. 2. ~ 4. 29.",
        "2026. 4. 2. ~ 4. 29.",
    ] {
        let reading = parse_in_year(text, 2031);
        assert_eq!(reading.period, parse(text));
        assert_eq!(parsed(text), range("2026-04-02", "2026-04-29"), "{text}");
        assert!(!reading.year_assumed, "{text}");
    }
    for text in [
        "매년 4월 2일 ~ 4월 29일",
        "예산 소진시까지",
        "1.5배, 2.3% 이내",
        "3.4.",
        "",
    ] {
        let reading = parse_in_year(text, 2026);
        assert_eq!(reading.period, parse(text), "{text}");
        assert!(!reading.year_assumed, "{text}");
    }
}

proptest! {
    #[test]
    fn shifting_any_text_keeps_its_length(text in "(\\PC|[0-9 .~'()-]|2024|02-29|월|일|년){0,40}") {
        prop_assert_eq!(shift_by_a_year(&text).chars().count(), text.chars().count());
    }

    #[test]
    fn any_text_parses_to_plausible_dates(text in "(\\PC|[0-9~.년월일 -]){0,40}") {
        let period = parse(&text);
        prop_assert_eq!(&*period.text, text.trim());
        let dates = [period.starts_on, period.ends_on];
        prop_assert!(dates.into_iter().flatten().all(|date| YEARS.contains(&date.year())));
        match period.kind {
            PeriodKind::Range => prop_assert!(
                period.starts_on.is_some()
                    && period.starts_on <= period.ends_on
                    && period.ends_on.is_some()
            ),
            PeriodKind::Invalid | PeriodKind::Missing => prop_assert_eq!(dates, [None, None]),
            _ => {}
        }
        if let [Some(start), Some(end)] = dates {
            prop_assert!(start <= end);
        }
    }

    #[test]
    fn every_calendar_range_parses_back(start in 0..36_500_i64, days in 0..400_i64) {
        let first = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + chrono::TimeDelta::days(start);
        let last = first + chrono::TimeDelta::days(days);
        prop_assume!(YEARS.contains(&last.year()));
        for text in [
            format!("{first} ~ {last}"),
            format!("{}~{}", first.format("%Y%m%d"), last.format("%Y%m%d")),
            format!("{} ~ {} 18:00", first.format("%Y.%m.%d"), last.format("%Y.%m.%d")),
        ] {
            let period = parse(&text);
            let parsed = (period.kind, period.starts_on, period.ends_on);
            prop_assert_eq!(parsed, (PeriodKind::Range, Some(first), Some(last)));
        }
    }
}
