//! Made-up programmes in the shape of 기업마당's API: all categories, regions and kinds of period.
//!
//! The same day gives the same programmes. Agencies, hosts and addresses are made up.

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the programmes are made of.
#[derive(Deserialize)]
struct Parts {
    /// Each category with five themes that it supports.
    themes: Vec<(String, Vec<String>)>,
    /// 전국 and the 17 시도, each with a made-up agency.
    regions: Vec<(String, String)>,
    /// Who may apply, small firms most often, as in real lists.
    targets: Vec<String>,
    /// The host's name without its region.
    hosts: Vec<String>,
}

impl Parts {
    fn read() -> serde_json::Result<Self> {
        serde_json::from_str(include_str!("parts.json"))
    }
}

/// Variants of each theme: 8 categories, 5 themes, 5 variants.
const VARIANTS: usize = 5;

/// Two hundred programmes around that day: past, running, closing soon, expected, and undated.
pub(super) fn around(today: NaiveDate) -> serde_json::Result<Vec<Value>> {
    let parts = Parts::read()?;
    let themes = parts
        .themes
        .iter()
        .flat_map(|(category, themes)| themes.iter().map(move |theme| (category, theme)));
    Ok(themes
        .flat_map(|(category, theme)| (0..VARIANTS).map(move |variant| (category, theme, variant)))
        .enumerate()
        .map(|(number, (category, theme, variant))| {
            programme(&parts, number, category, theme, variant, today)
        })
        .collect())
}

fn programme(
    parts: &Parts,
    number: usize,
    category: &str,
    theme: &str,
    variant: usize,
    today: NaiveDate,
) -> Value {
    // Steps without a common divisor spread regions and targets over categories and periods.
    let (region, agency) = &parts.regions[(number * 7 + variant) % parts.regions.len()];
    let target = &parts.targets[(number + variant) % parts.targets.len()];
    let host = &parts.hosts[number % parts.hosts.len()];
    let year = today.year();
    let round = if variant == 0 {
        String::new()
    } else {
        format!("{variant}차 ")
    };
    let announced = today - TimeDelta::days(i64::try_from(number % 60).unwrap_or(0));
    let (prefix, host, regions) = if region == "전국" {
        let names: Vec<&str> = parts.regions[1..]
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        (String::new(), format!("가상{host}"), names.join(","))
    } else {
        (
            format!("[{region}] "),
            format!("가상{region}{host}"),
            region.clone(),
        )
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
        "bsnsSumryCn": format!(
            "{target}의 {theme}에 드는 비용과 상담을 지원합니다. \
             신청 서류와 절차는 공고문을 확인해 주세요."
        ),
        "hashtags": format!("{category},{regions},{target},{year}"),
    })
}

/// Every kind of period text, and dates on every side of today.
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
        11 if number.is_multiple_of(3) => range(30, -30),
        11 => "매월 1일~20일".to_owned(),
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
        around("2026-11-24".parse().unwrap()).unwrap()
    }

    fn distinct(field: &str) -> BTreeSet<String> {
        all()
            .iter()
            .map(|programme| programme[field].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn there_are_two_hundred_with_distinct_names_and_ids() {
        assert_eq!(all().len(), 200);
        assert_eq!(distinct("pblancId").len(), 200);
        assert_eq!(distinct("pblancNm").len(), 200);
    }

    #[test]
    fn every_category_region_and_target_occurs() {
        let parts = Parts::read().unwrap();
        assert_eq!(
            distinct("pldirSportRealmLclasCodeNm").len(),
            parts.themes.len()
        );
        assert_eq!(distinct("jrsdInsttNm").len(), parts.regions.len());
        assert_eq!(distinct("trgetNm").len(), 4);
    }

    #[test]
    fn programmes_depend_on_the_day_alone() {
        assert_eq!(all(), all());
        assert_ne!(all(), around("2026-11-25".parse().unwrap()).unwrap());
    }

    #[test]
    fn agencies_hosts_and_addresses_are_made_up() {
        for programme in all() {
            let text = |field: &str| programme[field].as_str().unwrap().to_owned();
            assert!(text("pblancUrl").starts_with("https://example.com/"));
            assert!(text("jrsdInsttNm").starts_with("가상"));
            assert!(text("excInsttNm").starts_with("가상"));
        }
    }
}
