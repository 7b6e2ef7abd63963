use proptest::prelude::*;

use super::*;

fn key_of(name: &str, year: i32) -> String {
    key(name, "중소벤처기업부", "창업진흥원", year)
}

#[test]
fn key_ignores_what_varies_between_announcements() {
    let programme = key_of("예비창업패키지", 2024);
    for name in [
        "2024년 예비창업패키지 모집 공고",
        "2024년 예비 창업 패키지 참여기업 추가모집 공고",
        "2024년도 제2차 예비창업패키지 수정 공고",
        "2024년 1차(상반기) 예비창업패키지 시행 공고",
        "24년 예비창업패키지 모집 연장 공고",
        "'24 예비창업패키지 지원사업 재공고",
        "「예비창업패키지」 2024년 하반기 2차 추가 모집",
        "제12회 예비창업패키지 공모",
        "２０２４년 예비창업패키지 3기 모집공고",
        "2024 예비창업패키지 1/4분기 모집",
        "2024학년도 예비창업패키지",
        "예비창업패키지(연장) 모집 공고",
    ] {
        assert_eq!(key_of(name, 2024), programme, "{name}");
    }
}

#[test]
fn different_programmes_have_different_keys() {
    let names = [
        "2024년 청년취업 2000 사업 참여기업 모집 공고",
        "2024년 청년취업 사업 참여기업 모집 공고",
        "2024년 4050 파트타임 인턴십",
        "2024년 파트타임 인턴십",
        "2024년 4차 산업혁명 인력양성",
        "2024년 산업혁명 인력양성",
        "2024년 2차전지 실증",
        "2024년 전지 실증",
        "2024년 창업패키지 수행기관 모집 공고",
        "2024년 창업패키지 참여기업 모집 공고",
        "2024년 스타트업 1000+ 프로젝트",
        "2024년 스타트업 프로젝트",
    ];
    let keys: std::collections::BTreeSet<String> =
        names.iter().map(|name| key_of(name, 2024)).collect();
    assert_eq!(keys.len(), names.len(), "{keys:#?}");
}

#[test]
fn key_contains_agency_and_host_by_present_name() {
    let name = "2024년 수출바우처";
    assert_ne!(
        key(name, "경기도", "가", 2024),
        key(name, "서울특별시", "가", 2024)
    );
    assert_ne!(
        key(name, "경기도", "가", 2024),
        key(name, "경기도", "나", 2024)
    );
    assert_eq!(
        key(name, "특허청", "(재)한국 발명진흥회", 2024),
        key(name, "지식재산처", "한국발명진흥회", 2026)
    );
    assert_eq!(
        key(name, "국세청", "직접수행", 2024),
        key(name, "국세청", "국세청", 2024)
    );
    assert_eq!(
        key(name, "국세청", "", 2024),
        key(name, "국세청", "국세청", 2024)
    );
}

#[test]
fn region_that_was_renamed_keeps_its_series() {
    for (before, now) in [
        ("강원도", "강원특별자치도"),
        ("전라북도", "전북특별자치도"),
        ("제주도", "제주특별자치도"),
    ] {
        let key_by = |agency: &str| key("2026년 바우처", agency, "", 2026);
        assert_eq!(key_by(before), key_by(now));
    }
    // Which of two programmes continues in the united region is not decided by the name.
    let key_by = |agency: &str| key("2026년 바우처", agency, "", 2026);
    assert_ne!(key_by("전라남도"), key_by("전남광주통합특별시"));
}

#[test]
fn bracket_counts_unless_it_repeats_the_agency() {
    let by = |name: &str, agency: &str| key(name, agency, "가", 2024);
    assert_eq!(
        by("[부산] 2024년 수출바우처", "부산광역시"),
        by("2024년 수출바우처", "부산광역시")
    );
    assert_ne!(
        by("[부산] 2024년 수출바우처", "중소벤처기업부"),
        by("[대구] 2024년 수출바우처", "중소벤처기업부")
    );
    assert_ne!(
        by("[부산ㆍ울산] 2024년 수출바우처", "부산광역시"),
        by("[부산] 2024년 수출바우처", "부산광역시")
    );
}

#[test]
fn title_of_announcement_words_keeps_them() {
    assert_ne!(
        key_of("2024년 추가 공고", 2024),
        key_of("2024년 모집 공고", 2024)
    );
}

#[test]
fn next_name_changes_only_the_year() {
    for (name, year, next) in [
        ("2024년 전통시장 지원", 2024, "2025년 전통시장 지원"),
        (
            "2024-2025 국내 아트페어 해외 개최 지원 공고",
            2024,
            "2025-2026 국내 아트페어 해외 개최 지원 공고",
        ),
        (
            "안산시 2024ㆍ2025년 홍보관",
            2024,
            "안산시 2025ㆍ2026년 홍보관",
        ),
        ("'24년 바우처", 2024, "'25년 바우처"),
        ("‘24~‘25 바우처", 2024, "‘25~‘26 바우처"),
        ("24년 파리 비바테크", 2024, "25년 파리 비바테크"),
        ("레전드50+ (24년~26년)", 2024, "레전드50+ (25년~26년)"),
        ("24~25년 바우처", 2024, "25~26년 바우처"),
        (
            "2024년 청년취업 2000 사업",
            2024,
            "2025년 청년취업 2000 사업",
        ),
        (
            "2022년형 스마트공장 2024년",
            2024,
            "2022년형 스마트공장 2025년",
        ),
        (
            "문의 02-2024-1234, 접수 20240401",
            2024,
            "문의 02-2024-1234, 접수 20240401",
        ),
        ("문의 2024-1234", 2024, "문의 2024-1234"),
        ("2024명 채용, 2024만원", 2024, "2024명 채용, 2024만원"),
        ("창업 24년 이상 기업", 2024, "창업 24년 이상 기업"),
        ("2023년 실적 2025년 계획", 2024, "2024년 실적 2026년 계획"),
        ("２０２４년 지원", 2024, "2025년 지원"),
        ("2099년 지원", 2099, "2100년 지원"),
        ("이름뿐인 사업", 2024, "이름뿐인 사업"),
        ("", 2024, ""),
    ] {
        assert_eq!(next_name(name, year), next, "{name}");
    }
}

#[test]
fn year_of_title_is_the_marked_or_closest_one() {
    assert_eq!(year_of("2026년 스마트상점", None), Some(2026));
    assert_eq!(year_of("2024-2025 아트페어", Some(2024)), Some(2024));
    assert_eq!(year_of("청년취업 2000 (2024년)", Some(2024)), Some(2024));
    assert_eq!(year_of("청년취업 2000", Some(2024)), None);
    assert_eq!(year_of("10년 이상 된 기업", Some(2024)), None);
    assert_eq!(year_of("26년 통합공고", Some(2026)), Some(2026));
    assert_eq!(
        year_of("2050년 탄소중립 설비 2026 공고", Some(2026)),
        Some(2026)
    );
    assert_eq!(
        year_of("2050년 탄소중립 설비 2026년 공고", Some(2026)),
        Some(2026)
    );
    assert_eq!(year_of("2024년 실적 2026년 공고", Some(2026)), Some(2026));
    assert_eq!(year_of("2050년 탄소중립 설비", Some(2026)), Some(2050));
}

proptest! {
    #[test]
    fn any_name_has_key_and_next_name(name in "(\\PC|[0-9년차제' ~()-]){0,30}", year in 1990..=2100) {
        let key = key(&name, "가", "나", year);
        prop_assert!(key.ends_with("|가|나"));
        let next = next_name(&name, year);
        prop_assert_eq!(next.chars().count(), name.chars().count());
    }

    #[test]
    fn next_edition_has_the_same_key(word in "[가-힣]{2,6}", year in 1991..=2098) {
        let name = format!("{year}년 {word} 참여기업 모집 공고");
        let next = next_name(&name, year);
        prop_assert_eq!(&next, &format!("{}년 {word} 참여기업 모집 공고", year + 1));
        prop_assert_eq!(key(&name, "가", "나", year), key(&next, "가", "나", year + 1));
    }
}
