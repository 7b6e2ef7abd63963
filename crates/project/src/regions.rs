//! The 시도 of a programme, derived from its title, its agency or its tags, and those of a filter.

use events::Region;
use service_kit::forms::text;

use crate::letters::normalize_char;

/// Parts of the country as titles name them, and the 시도 of each. Those of before the last change
/// will do: they are found under what replaced them.
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

/// What applies in a region is entered for one of these: the region, what it replaced, what
/// replaced it, or 전국.
pub(crate) fn that_apply_in(region: Region) -> Vec<Region> {
    let mut regions = region.related();
    if region != Region::Nationwide {
        regions.push(Region::Nationwide);
    }
    regions
}

/// The other names of the region with that name, of what it replaced and of what replaced it; the
/// short ones first. None for another word.
pub(crate) fn other_names(name: &str) -> Vec<&'static str> {
    let Some(region) = name.parse().ok().or_else(|| Region::by_official_name(name)) else {
        return Vec::new();
    };
    let related: Vec<Region> = region.related();
    let short = related.iter().filter(|other| **other != region);
    let short = short.map(|other| other.as_str());
    let official = related.iter().flat_map(|other| other.official_names());
    short
        .chain(official)
        .filter(|other| *other != name)
        .collect()
}

/// The 시도 that an agency is: 부산광역시, 경상북도, 강원도, 제주특별자치도청, but not 부산경제진흥원.
pub(crate) fn of_agency(agency: &str) -> Option<Region> {
    let agency = text::clean_line(agency);
    by_full_name(&agency)
}

fn by_full_name(name: &str) -> Option<Region> {
    // In whichever way the short name is completed: 충북도, 부산시청, 전남광주특별시.
    const ENDINGS: [&str; 8] = [
        "통합특별시",
        "특별자치도",
        "특별자치시",
        "특별시",
        "광역시",
        "도청",
        "시청",
        "도",
    ];
    let by_official_name = |name: &str| Region::by_official_name(name);
    by_official_name(name)
        .or_else(|| by_official_name(name.strip_suffix('청')?))
        .or_else(|| {
            let short = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
            short?.parse().ok()
        })
}

fn by_name(name: &str) -> Option<Region> {
    name.parse().ok().or_else(|| by_full_name(name))
}

/// The 시도 that the bracket at the start of a title names: `[부산ㆍ울산] …`, `[영남권] …`. `None` without
/// such a bracket, or if it names anything else.
pub(crate) fn of_title(title: &str) -> Option<Vec<Region>> {
    let title = text::clean_line(title);
    let letters: String = title.chars().map(normalize_char).collect();
    let inside = letters.strip_prefix('[')?.split_once(']')?.0;
    let mut regions = Vec::new();
    for name in inside
        .split(['·', ',', '/', ' '])
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

/// The 시도 among tags or in a list; all of one day are 전국. Empty without any.
pub(crate) fn of_list(names: &str) -> Vec<Region> {
    let names = text::clean_line(names);
    let names = names.split([',', '|', '/', ';']).map(str::trim);
    simplify(names.filter_map(by_name).collect())
}

/// Sorted and without duplicates; 전국 instead of all its parts.
fn simplify(mut regions: Vec<Region>) -> Vec<Region> {
    regions.sort_unstable();
    regions.dedup();
    if regions.contains(&Region::Nationwide) || Region::are_whole_country(&regions) {
        return vec![Region::Nationwide];
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_names_regions_in_bracket() {
        for (title, regions) in [
            ("[부산] 2024년 큐텐 진출 지원사업", &[Region::Busan][..]),
            (
                "[부산ㆍ울산ㆍ경남] 조선기자재",
                &[Region::Busan, Region::Ulsan, Region::Gyeongnam],
            ),
            (
                "[충청권] 지원",
                &[
                    Region::Daejeon,
                    Region::Sejong,
                    Region::Chungbuk,
                    Region::Chungnam,
                ],
            ),
            ("[전국] 지원", &[Region::Nationwide]),
            ("[전남광주] 진도군 지원", &[Region::JeonnamGwangju]),
            ("［전남광주］ 지원", &[Region::JeonnamGwangju]),
            ("[전남광주통합특별시] 지원", &[Region::JeonnamGwangju]),
            ("[강원특별자치도] 지원", &[Region::Gangwon]),
            (
                "[강원도ㆍ전라북도] 지원",
                &[Region::Gangwon, Region::Jeonbuk],
            ),
        ] {
            assert_eq!(of_title(title).as_deref(), Some(regions), "{title}");
        }
        assert_eq!(
            of_title("[비수도권] 지원").map(|regions| regions.len()),
            Some(14)
        );
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
    fn decomposed_names_are_those_of_composed_ones() {
        use unicode_normalization::UnicodeNormalization as _;
        let nfd = |text: &str| text.nfd().collect::<String>();
        assert_eq!(of_title(&nfd("[부산] 지원")), Some(vec![Region::Busan]));
        assert_eq!(
            of_agency(&nfd("전남광주통합특별시")),
            Some(Region::JeonnamGwangju)
        );
        assert_eq!(
            of_list(&nfd("경영,경북,대구")),
            [Region::Daegu, Region::Gyeongbuk]
        );
    }

    #[test]
    fn agency_is_region_only_by_full_name() {
        for (agency, region) in [
            ("부산광역시", Some(Region::Busan)),
            ("서울특별시", Some(Region::Seoul)),
            ("세종특별자치시", Some(Region::Sejong)),
            ("경기도", Some(Region::Gyeonggi)),
            ("경기도청", Some(Region::Gyeonggi)),
            ("부산시청", Some(Region::Busan)),
            ("강원도", Some(Region::Gangwon)),
            ("강원특별자치도", Some(Region::Gangwon)),
            ("전라북도", Some(Region::Jeonbuk)),
            ("전북특별자치도", Some(Region::Jeonbuk)),
            ("전북특별자치도청", Some(Region::Jeonbuk)),
            ("경상남도", Some(Region::Gyeongnam)),
            ("충청북도", Some(Region::Chungbuk)),
            ("광주광역시", Some(Region::Gwangju)),
            ("전남광주통합특별시", Some(Region::JeonnamGwangju)),
            ("전남광주특별시", Some(Region::JeonnamGwangju)),
            ("부산경제진흥원", None),
            ("광주시청소년센터", None),
            ("중소벤처기업부", None),
            ("전국", None),
            ("", None),
        ] {
            assert_eq!(of_agency(agency), region, "{agency}");
        }
    }

    #[test]
    fn all_units_of_a_day_are_nationwide() {
        let before = "경영,기타,서울,부산,대구,인천,광주,대전,울산,세종,경기,강원,충북,충남,전북,전남,경북,경남,제주,2026";
        let today = "기술,서울,부산,대구,인천,전남광주,대전,울산,세종,경기,강원,충북,충남,전북,경북,경남,제주,2026";
        assert_eq!(of_list(before), [Region::Nationwide]);
        assert_eq!(of_list(today), [Region::Nationwide]);
        assert_eq!(
            of_list(&today.replace("전남광주", "전남")).len(),
            16,
            "전남 alone is not all of 전남광주"
        );
        assert_eq!(
            of_list("기술,경북,대구,2026"),
            [Region::Daegu, Region::Gyeongbuk]
        );
        assert_eq!(
            of_list("경영,전남광주,2026,전남광주통합특별시,진도군"),
            [Region::JeonnamGwangju]
        );
        assert_eq!(of_list("전국"), [Region::Nationwide]);
        assert_eq!(of_list("기술,2026"), []);
    }

    #[test]
    fn region_has_the_names_of_its_past_and_its_future() {
        assert_eq!(
            other_names("전남광주"),
            [
                "광주",
                "전남",
                "광주광역시",
                "전라남도",
                "전남광주통합특별시"
            ]
        );
        assert_eq!(other_names("전라남도"), ["전남광주", "전남광주통합특별시"]);
        assert_eq!(other_names("강원도"), ["강원특별자치도"]);
        assert_eq!(other_names("전북"), ["전라북도", "전북특별자치도"]);
        assert!(other_names("진도군").is_empty());
        assert!(other_names("전국").is_empty());
    }

    #[test]
    fn region_finds_itself_its_past_its_future_and_nationwide() {
        use Region::{Gwangju, Jeonnam, JeonnamGwangju, Nationwide, Seoul};
        assert_eq!(that_apply_in(Seoul), [Seoul, Nationwide]);
        assert_eq!(
            that_apply_in(Jeonnam),
            [Jeonnam, JeonnamGwangju, Nationwide]
        );
        assert_eq!(
            that_apply_in(JeonnamGwangju),
            [Gwangju, Jeonnam, JeonnamGwangju, Nationwide]
        );
        assert_eq!(that_apply_in(Nationwide), [Nationwide]);
    }
}
