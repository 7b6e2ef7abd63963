//! The 시도 of a programme, derived from its title, its agency or its tags.

use events::Region;

/// The start of the long names of these six; every other long name starts with the short one.
const LONG_NAMES: [(&str, Region); 6] = [
    ("충청북", Region::Chungbuk),
    ("충청남", Region::Chungnam),
    ("전라북", Region::Jeonbuk),
    ("전라남", Region::Jeonnam),
    ("경상북", Region::Gyeongbuk),
    ("경상남", Region::Gyeongnam),
];

/// Parts of the country as titles name them, and the 시도 of each.
const PARTS: [(&str, &str); 6] = [
    ("수도권", "서울,인천,경기"),
    (
        "비수도권",
        "부산,대구,광주,대전,울산,세종,강원,충북,충남,전북,전남,경북,경남,제주",
    ),
    ("충청권", "대전,세종,충북,충남"),
    ("호남권", "광주,전북,전남"),
    ("영남권", "부산,대구,울산,경북,경남"),
    ("대경권", "대구,경북"),
];

/// The 시도 that an agency is: 부산광역시, 경상북도, 제주특별자치도, but not 부산경제진흥원.
pub(crate) fn of_agency(agency: &str) -> Option<Region> {
    const ENDINGS: [&str; 7] = [
        "특별자치도",
        "특별자치시",
        "특별시",
        "광역시",
        "도청",
        "시청",
        "도",
    ];
    let agency = agency.trim();
    let name = ENDINGS
        .into_iter()
        .find_map(|ending| agency.strip_suffix(ending))?;
    let by_long_name = || {
        let found = LONG_NAMES.into_iter().find(|(long, _)| *long == name);
        found.map(|(_, region)| region)
    };
    name.parse().ok().or_else(by_long_name)
}

fn by_name(name: &str) -> Option<Region> {
    name.parse().ok().or_else(|| of_agency(name))
}

/// The 시도 that the bracket at the start of a title names: `[부산ㆍ울산] …`, `[영남권] …`. `None` without
/// such a bracket, or if it names anything else.
pub(crate) fn of_title(title: &str) -> Option<Vec<Region>> {
    let inside = title.trim_start().strip_prefix('[')?.split_once(']')?.0;
    let mut regions = Vec::new();
    for name in inside
        .split(['ㆍ', '·', '・', ',', '/', ' '])
        .filter(|name| !name.is_empty())
    {
        if let Some((_, part)) = PARTS.into_iter().find(|(part, _)| *part == name) {
            regions.extend(of_list(part));
        } else {
            regions.push(by_name(name)?);
        }
    }
    (!regions.is_empty()).then(|| simplify(regions))
}

/// The 시도 among tags or in a list; all 17 of them are 전국. Empty without any.
pub(crate) fn of_list(names: &str) -> Vec<Region> {
    let names = names.split([',', '|', '/', ';']).map(str::trim);
    simplify(names.filter_map(by_name).collect())
}

/// Sorted and without duplicates; 전국 instead of all its parts.
fn simplify(mut regions: Vec<Region>) -> Vec<Region> {
    regions.sort_unstable();
    regions.dedup();
    if regions.contains(&Region::Nationwide) || regions.len() == Region::ALL.len() - 1 {
        return vec![Region::Nationwide];
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_names_regions_in_bracket() {
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
    fn agency_is_region_only_by_full_name() {
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
    fn all_seventeen_tags_are_nationwide() {
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
