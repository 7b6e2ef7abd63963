//! Which 시도 a programme is for, where only its title, its agency or its tags say it.

use events::Region;

/// How the long names of these six begin; every other long name begins with the short one.
const LONG_NAMES: [(&str, Region); 6] = [
    ("충청북", Region::Chungbuk),
    ("충청남", Region::Chungnam),
    ("전라북", Region::Jeonbuk),
    ("전라남", Region::Jeonnam),
    ("경상북", Region::Gyeongbuk),
    ("경상남", Region::Gyeongnam),
];

/// Parts of the country, as titles name them.
const PARTS: [(&str, &[Region]); 5] = [
    (
        "수도권",
        &[Region::Seoul, Region::Incheon, Region::Gyeonggi],
    ),
    (
        "충청권",
        &[
            Region::Daejeon,
            Region::Sejong,
            Region::Chungbuk,
            Region::Chungnam,
        ],
    ),
    (
        "호남권",
        &[Region::Gwangju, Region::Jeonbuk, Region::Jeonnam],
    ),
    (
        "영남권",
        &[
            Region::Busan,
            Region::Daegu,
            Region::Ulsan,
            Region::Gyeongbuk,
            Region::Gyeongnam,
        ],
    ),
    ("대경권", &[Region::Daegu, Region::Gyeongbuk]),
];

/// The 시도 by its short name alone, or 전국.
fn by_short_name(name: &str) -> Option<Region> {
    Region::ALL
        .into_iter()
        .find(|region| region.as_str() == name)
}

/// The 시도 that is an agency: 부산광역시, 경상북도, 제주특별자치도. 부산경제진흥원 is none.
pub(crate) fn of_agency(agency: &str) -> Option<Region> {
    const ENDS: [&str; 7] = [
        "특별자치도",
        "특별자치시",
        "특별시",
        "광역시",
        "도청",
        "시청",
        "도",
    ];
    let agency = agency.trim();
    let end = ENDS.into_iter().find(|end| agency.ends_with(end))?;
    let name = agency.strip_suffix(end)?;
    by_short_name(name).or_else(|| {
        LONG_NAMES
            .into_iter()
            .find(|(long, _)| *long == name)
            .map(|(_, region)| region)
    })
}

/// The 시도 that the bracket before a title names: `[부산ㆍ울산] …`, `[영남권] …`. None where the title begins otherwise, or with a bracket
/// of another kind.
pub(crate) fn of_title(title: &str) -> Option<Vec<Region>> {
    let inside = title.trim_start().strip_prefix('[')?.split_once(']')?.0;
    let regions: Option<Vec<Vec<Region>>> = inside
        .split(['ㆍ', '·', '・', ',', '/', ' '])
        .filter(|name| !name.is_empty())
        .map(|name| {
            let part = PARTS
                .into_iter()
                .find(|(part, _)| *part == name)
                .map(|(_, regions)| regions.to_vec());
            let outside = || (name == "비수도권").then(outside_of_the_capital);
            part.or_else(outside).or_else(|| {
                by_short_name(name)
                    .or_else(|| of_agency(name))
                    .map(|region| vec![region])
            })
        })
        .collect();
    regions
        .map(|regions| tidy(regions.into_iter().flatten()))
        .filter(|regions| !regions.is_empty())
}

/// The 시도 among tags or in a list, in their own order; all 17 of them are 전국. Empty where there are none.
pub(crate) fn of_list(names: &str) -> Vec<Region> {
    let names = names.split([',', '|', '/', ';']).map(str::trim);
    tidy(names.filter_map(|name| by_short_name(name).or_else(|| of_agency(name))))
}

/// Each once, in their order; the whole country instead of all its parts.
fn tidy(regions: impl Iterator<Item = Region>) -> Vec<Region> {
    let mut regions: Vec<Region> = regions.collect();
    regions.sort_unstable();
    regions.dedup();
    if regions.contains(&Region::Nationwide) || regions.len() == Region::ALL.len() - 1 {
        return vec![Region::Nationwide];
    }
    regions
}

fn outside_of_the_capital() -> Vec<Region> {
    const CAPITAL: [Region; 4] = [
        Region::Nationwide,
        Region::Seoul,
        Region::Incheon,
        Region::Gyeonggi,
    ];
    Region::ALL
        .into_iter()
        .filter(|region| !CAPITAL.contains(region))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_its_regions_in_a_bracket() {
        assert_eq!(
            of_title("[부산] 2024년 큐텐 진출 지원사업"),
            Some(vec![Region::Busan])
        );
        assert_eq!(
            of_title("[부산ㆍ울산ㆍ경남] 조선기자재"),
            Some(vec![Region::Busan, Region::Ulsan, Region::Gyeongnam])
        );
        assert_eq!(
            of_title("[충청권] 지원"),
            Some(vec![
                Region::Daejeon,
                Region::Sejong,
                Region::Chungbuk,
                Region::Chungnam
            ])
        );
        assert_eq!(
            of_title("[비수도권] 지원").map(|regions| regions.len()),
            Some(14)
        );
        assert_eq!(of_title("[전국] 지원"), Some(vec![Region::Nationwide]));
        for other in [
            "2024년 부산 지원",
            "[재공고] 지원",
            "[부산 지원",
            "[] 지원",
            "",
        ] {
            assert_eq!(of_title(other), None, "{other}");
        }
    }

    #[test]
    fn an_agency_is_a_region_only_if_it_is_one() {
        for (agency, region) in [
            ("부산광역시", Some(Region::Busan)),
            ("서울특별시", Some(Region::Seoul)),
            ("세종특별자치시", Some(Region::Sejong)),
            ("경기도", Some(Region::Gyeonggi)),
            ("강원도", Some(Region::Gangwon)),
            ("강원특별자치도", Some(Region::Gangwon)),
            ("전북특별자치도", Some(Region::Jeonbuk)),
            ("경상남도", Some(Region::Gyeongnam)),
            ("충청북도", Some(Region::Chungbuk)),
            ("부산경제진흥원", None),
            ("광주시청소년센터", None),
            ("중소벤처기업부", None),
            ("", None),
        ] {
            assert_eq!(of_agency(agency), region, "{agency}");
        }
    }

    #[test]
    fn all_seventeen_tags_are_the_whole_country() {
        let all = "경영,기타,서울,부산,대구,인천,광주,대전,울산,세종,경기,강원,충북,충남,전북,전남,경북,경남,제주,2026";
        assert_eq!(of_list(all), [Region::Nationwide]);
        assert_eq!(
            of_list("기술,경북,대구,2026"),
            [Region::Daegu, Region::Gyeongbuk]
        );
        assert_eq!(of_list("전국"), [Region::Nationwide]);
        assert_eq!(of_list("기술,2026"), []);
    }
}
