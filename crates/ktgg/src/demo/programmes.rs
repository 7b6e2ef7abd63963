//! Made-up programmes of the real shape: as 기업마당 would send them, over all categories, regions and ways of writing a period.
//!
//! The same day gives the same programmes. Agencies and hosts are made up, and so are the addresses.

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use serde_json::{Value, json};

/// What each category supports, five of each.
const THEMES: [(&str, [&str; 5]); 8] = [
    (
        "금융",
        [
            "경영안정자금 이차보전",
            "시설개선 융자",
            "특례보증",
            "긴급유동성 자금",
            "수출채권 보험료",
        ],
    ),
    (
        "기술",
        [
            "스마트공장 고도화",
            "시제품 제작",
            "품질인증 취득",
            "제조데이터 활용",
            "산학 공동기술개발",
        ],
    ),
    (
        "인력",
        [
            "청년채용 장려금",
            "직무전환 훈련",
            "재직자 역량강화",
            "산업안전 교육",
            "외국인력 정착",
        ],
    ),
    (
        "수출",
        [
            "해외전시회 참가",
            "수출 첫걸음 바우처",
            "해외규격 인증",
            "온라인 해외판로 개척",
            "무역사절단 파견",
        ],
    ),
    (
        "내수",
        [
            "라이브커머스 입점",
            "지역특산품 판매전",
            "공공구매 상담회",
            "로컬브랜드 육성",
            "온라인 판로 개척",
        ],
    ),
    (
        "창업",
        [
            "예비창업 패키지",
            "청년창업 공간",
            "재도전 창업",
            "기술창업 멘토링",
            "여성창업 경진대회",
        ],
    ),
    (
        "경영",
        [
            "디지털 전환 진단",
            "경영컨설팅",
            "ESG 경영 도입",
            "노무 상담",
            "지식재산 관리",
        ],
    ),
    (
        "기타",
        [
            "에너지 효율 진단",
            "사업장 환경개선",
            "규제특례 상담",
            "재난피해 복구",
            "소공인 집적지 정비",
        ],
    ),
];

/// 전국 and the 17 시도, with the part of a made-up agency's name that belongs to each.
const REGIONS: [(&str, &str); 18] = [
    ("전국", "가상중소기업부"),
    ("서울", "가상서울시"),
    ("부산", "가상부산시"),
    ("대구", "가상대구시"),
    ("인천", "가상인천시"),
    ("광주", "가상광주시"),
    ("대전", "가상대전시"),
    ("울산", "가상울산시"),
    ("세종", "가상세종시"),
    ("경기", "가상경기도"),
    ("강원", "가상강원도"),
    ("충북", "가상충북도"),
    ("충남", "가상충남도"),
    ("전북", "가상전북도"),
    ("전남", "가상전남도"),
    ("경북", "가상경북도"),
    ("경남", "가상경남도"),
    ("제주", "가상제주도"),
];

/// Who may apply, most often small firms, as in the real lists.
const TARGETS: [&str; 6] = [
    "중소기업",
    "소상공인",
    "중소기업",
    "창업벤처",
    "중소기업",
    "사회적기업",
];

/// What a host is called besides its region.
const HOSTS: [&str; 5] = [
    "경제진흥원",
    "테크노파크",
    "소상공인지원센터",
    "창조혁신센터",
    "상공회의소",
];

/// Variants of each theme: 8 categories, 5 themes, 5 variants.
const VARIANTS: usize = 5;

/// Two hundred programmes around that day: past, running, closing within days, expected, and without any date.
pub(super) fn around(today: NaiveDate) -> Vec<Value> {
    let themes = THEMES
        .iter()
        .flat_map(|(category, themes)| themes.iter().map(move |theme| (*category, *theme)));
    themes
        .flat_map(|(category, theme)| (0..VARIANTS).map(move |variant| (category, theme, variant)))
        .enumerate()
        .map(|(number, (category, theme, variant))| {
            programme(number, category, theme, variant, today)
        })
        .collect()
}

fn programme(
    number: usize,
    category: &str,
    theme: &str,
    variant: usize,
    today: NaiveDate,
) -> Value {
    // Steps without a common divisor spread regions and targets over categories and ways of writing a period.
    let (region, agency) = REGIONS[(number * 7 + variant) % REGIONS.len()];
    let target = TARGETS[(number + variant) % TARGETS.len()];
    let host = HOSTS[number % HOSTS.len()];
    let year = today.year();
    let prefix = if region == "전국" {
        String::new()
    } else {
        format!("[{region}] ")
    };
    let round = if variant == 0 {
        String::new()
    } else {
        format!("{variant}차 ")
    };
    let host = if region == "전국" {
        format!("가상{host}")
    } else {
        format!("가상{region}{host}")
    };
    let announced = today - TimeDelta::days(i64::try_from(number % 60).unwrap_or(0));
    let regions = if region == "전국" {
        REGIONS[1..]
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(",")
    } else {
        region.to_owned()
    };
    json!({
        "pblancId": format!("KTGG_{number:012}"),
        "pblancNm": format!("{prefix}{year}년 {round}{theme} 지원사업 참여기업 모집 공고"),
        "pblancUrl": format!("https://example.com/programmes?pblancId=KTGG_{number:012}"),
        "jrsdInsttNm": agency,
        "excInsttNm": host,
        "pldirSportRealmLclasCodeNm": category,
        "trgetNm": target,
        "reqstBeginEndDe": period(number, today),
        "creatPnttm": format!("{announced} 09:00:00"),
        "bsnsSumryCn": format!("{target}의 {theme}에 드는 비용과 상담을 지원합니다. 신청 서류와 절차는 공고문을 확인해 주세요."),
        "hashtags": format!("{category},{regions},{target},{year}"),
    })
}

/// Every way in which periods are written, and dates on every side of today.
fn period(number: usize, today: NaiveDate) -> String {
    let day = |offset: i64| today + TimeDelta::days(offset);
    let range = |from: i64, until: i64| format!("{} ~ {}", day(from), day(until));
    let shift = i64::try_from(number % 5).unwrap_or(0);
    match number % 16 {
        0 | 8 => range(-20 - shift, 20 + 3 * shift),
        1 => range(-30, 1 + shift),
        2 => range(-90 - shift, -10 - shift),
        3 => range(5 + shift, 40 + shift),
        4 => "예산 소진시까지".to_owned(),
        5 => "상시 접수".to_owned(),
        6 => "세부사업별 상이".to_owned(),
        7 => "추후 공지".to_owned(),
        9 => "선착순 접수".to_owned(),
        10 => "모집 완료시".to_owned(),
        11 => {
            if number.is_multiple_of(3) {
                range(30, -30)
            } else {
                "매월 1일~20일".to_owned()
            }
        }
        12 => range(-10, 6 - shift),
        13 => format!("{} ~ 예산 소진시까지", day(-15 - shift)),
        14 => String::new(),
        _ => "공고문 붙임 참조".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> Vec<Value> {
        around("2026-11-24".parse().unwrap())
    }

    fn distinct(field: &str) -> BTreeSet<String> {
        all()
            .iter()
            .map(|it| it[field].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn there_are_two_hundred_under_names_and_ids_of_their_own() {
        assert_eq!(all().len(), 200);
        assert_eq!(distinct("pblancId").len(), 200);
        assert_eq!(distinct("pblancNm").len(), 200);
    }

    #[test]
    fn every_category_region_and_target_is_there() {
        assert_eq!(distinct("pldirSportRealmLclasCodeNm").len(), THEMES.len());
        assert_eq!(distinct("jrsdInsttNm").len(), REGIONS.len());
        assert_eq!(distinct("trgetNm").len(), 4);
    }

    #[test]
    fn the_same_day_gives_the_same_programmes_and_the_next_one_moves_their_dates() {
        assert_eq!(all(), all());
        assert_ne!(all(), around("2026-11-25".parse().unwrap()));
    }

    #[test]
    fn nothing_of_it_is_a_real_address_or_a_real_agency() {
        for it in all() {
            assert!(
                it["pblancUrl"]
                    .as_str()
                    .unwrap()
                    .starts_with("https://example.com/")
            );
            assert!(it["jrsdInsttNm"].as_str().unwrap().starts_with("가상"));
            assert!(it["excInsttNm"].as_str().unwrap().starts_with("가상"));
        }
    }
}
