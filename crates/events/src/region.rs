//! The 시도, what they were called, and what replaced them.
//!
//! A change of the administrative division is one row of the table below. Programmes and people
//! keep the names with which they were entered, and are found under the names before and after a
//! change as well: [`Region::related`].

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text_enum;

/// Declares [`Region`] and its table: one row for each region with its short name, its official
/// names from the oldest on, each with its first day unless it is older than any programme, and the
/// regions that it replaced on the first day of its first name.
macro_rules! regions {
    ($(
        $variant:ident = $short:tt:
        [$($name:literal $(since $day:expr)?),*] $(replaces [$($replaced:ident),+])?;
    )+) => {
        text_enum! {
            /// Where a programme applies or a person works: a 시도 of the present or the past, or
            /// the whole country.
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            #[expect(missing_docs, reason = "the variants are the romanised names of the regions")]
            pub enum Region {
                $($variant = $short),+
            }
        }

        impl Region {
            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        names: const {
                            &[$(Name { text: $name, since: first!($($day,)? BEGINNING) }),*]
                        },
                        replaces: &[$($(Self::$replaced),+)?],
                    }),+
                }
            }
        }
    };
}

macro_rules! first {
    ($first:expr $(, $other:expr)*) => {
        $first
    };
}

// A row that replaces others is added at the end.
regions! {
    Nationwide = "전국": [];
    Seoul = "서울": ["서울특별시"];
    Busan = "부산": ["부산광역시"];
    Daegu = "대구": ["대구광역시"];
    Incheon = "인천": ["인천광역시"];
    Gwangju = "광주": ["광주광역시"];
    Daejeon = "대전": ["대전광역시"];
    Ulsan = "울산": ["울산광역시"];
    Sejong = "세종": ["세종특별자치시"];
    Gyeonggi = "경기": ["경기도"];
    Gangwon = "강원": ["강원도", "강원특별자치도" since day(2023, 6, 11)];
    Chungbuk = "충북": ["충청북도"];
    Chungnam = "충남": ["충청남도"];
    Jeonbuk = "전북": ["전라북도", "전북특별자치도" since day(2024, 1, 18)];
    Jeonnam = "전남": ["전라남도"];
    Gyeongbuk = "경북": ["경상북도"];
    Gyeongnam = "경남": ["경상남도"];
    Jeju = "제주": ["제주도", "제주특별자치도" since day(2006, 7, 1)];
    JeonnamGwangju = "전남광주":
        ["전남광주통합특별시" since day(2026, 7, 1)] replaces [Gwangju, Jeonnam];
}

struct Row {
    names: &'static [Name],
    replaces: &'static [Region],
}

/// An official name.
struct Name {
    text: &'static str,
    since: NaiveDate,
}

/// Before any programme.
const BEGINNING: NaiveDate = NaiveDate::MIN;

const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(day) => day,
        None => panic!("no such day in the table of regions"),
    }
}

impl Region {
    /// The official names, from the oldest to the last; none of 전국.
    pub fn official_names(self) -> impl Iterator<Item = &'static str> {
        self.row().names.iter().map(|name| name.text)
    }

    /// The region with that official name, of the present or the past.
    pub fn by_official_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|region| region.official_names().any(|official| official == name))
    }

    /// The 시도 of that day.
    pub fn all_on(day: NaiveDate) -> Vec<Self> {
        let exists = |region: &Self| {
            let first_name = region.row().names.first();
            first_name.is_some_and(|name| name.since <= day)
        };
        let is_replaced = |region: &Self| {
            let mut later = Self::ALL.into_iter().filter(exists);
            later.any(|later| later.row().replaces.contains(region))
        };
        let present = Self::ALL.into_iter().filter(exists);
        present.filter(|region| !is_replaced(region)).collect()
    }

    /// Whether the regions are all 시도 of today, or all of an earlier day.
    pub fn are_whole_country(regions: &[Self]) -> bool {
        let days = Self::ALL
            .into_iter()
            .filter_map(|region| Some(region.row().names.first()?.since));
        days.into_iter().any(|day| {
            Self::all_on(day)
                .iter()
                .all(|region| regions.contains(region))
        })
    }

    /// The region itself, what it replaced and what replaced it, in the order of [`Self::ALL`].
    ///
    /// A filter finds what applies in any of them. What applies in 전국 applies everywhere, and is
    /// not part of it.
    pub fn related(self) -> Vec<Self> {
        let related = |other: &Self| self.comes_from(*other) || other.comes_from(self);
        Self::ALL.into_iter().filter(related).collect()
    }

    /// The regions that it comes from in the end, which every build knows. A region that replaced
    /// none comes from itself.
    pub fn origins(self) -> Vec<Self> {
        let is_origin = |other: &Self| other.row().replaces.is_empty() && self.comes_from(*other);
        Self::ALL.into_iter().filter(is_origin).collect()
    }

    /// Whether the region is the other one, or replaced it, or replaced one that did.
    fn comes_from(self, other: Self) -> bool {
        let mut replaced = self.row().replaces.iter();
        self == other || replaced.any(|replaced| replaced.comes_from(other))
    }
}

/// Regions as they are written in events and tables, so that every build reads them: a build that
/// does not know a name reads where it is instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WrittenRegions {
    /// Where it is, by the names that every consumer knows: a 시도 that replaced others is written
    /// as those.
    pub regions: Vec<Region>,
    /// The present names, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_names: Option<Vec<String>>,
}

impl From<&[Region]> for WrittenRegions {
    fn from(exact: &[Region]) -> Self {
        let mut regions: Vec<Region> = Vec::with_capacity(exact.len());
        for origin in exact.iter().flat_map(|region| region.origins()) {
            if !regions.contains(&origin) {
                regions.push(origin);
            }
        }
        let names = || exact.iter().map(|region| region.as_str().to_owned());
        let region_names = (regions != exact).then(|| names().collect());
        Self {
            regions,
            region_names,
        }
    }
}

impl From<WrittenRegions> for Vec<Region> {
    /// The regions by their exact names, if this build knows them all and no build that does not
    /// has changed the regions since.
    fn from(written: WrittenRegions) -> Self {
        let names = written.region_names.unwrap_or_default();
        let exact: Option<Self> = names.iter().map(|name| name.parse().ok()).collect();
        exact
            .filter(|exact| WrittenRegions::from(&**exact).regions == written.regions)
            .unwrap_or(written.regions)
    }
}

/// For `#[serde(flatten, with = "events::written_regions")]` on `regions: Vec<Region>`.
pub mod written_regions {
    use super::{Deserialize, Deserializer, Region, Serialize, Serializer, WrittenRegions};

    /// Writes [`WrittenRegions`].
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(regions: &[Region], serializer: S) -> Result<S::Ok, S::Error> {
        WrittenRegions::from(regions).serialize(serializer)
    }

    /// Reads [`WrittenRegions`].
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Region>, D::Error> {
        WrittenRegions::deserialize(deserializer).map(Vec::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn united_region_is_related_to_both_before_but_they_not_to_each_other() {
        use Region::{Gwangju, Jeonnam, JeonnamGwangju, Seoul};
        assert_eq!(JeonnamGwangju.related(), [Gwangju, Jeonnam, JeonnamGwangju]);
        assert_eq!(Gwangju.related(), [Gwangju, JeonnamGwangju]);
        assert_eq!(Jeonnam.related(), [Jeonnam, JeonnamGwangju]);
        assert_eq!(Seoul.related(), [Seoul]);
        assert_eq!(JeonnamGwangju.origins(), [Gwangju, Jeonnam]);
    }

    #[test]
    fn country_has_seventeen_units_before_july_2026_and_sixteen_since() {
        let before = Region::all_on(day(2026, 6, 30));
        let since = Region::all_on(day(2026, 7, 1));
        assert_eq!((before.len(), since.len()), (17, 16));
        assert!(before.contains(&Region::Jeonnam) && !since.contains(&Region::Jeonnam));
        assert!(!before.contains(&Region::JeonnamGwangju));
        assert!(since.contains(&Region::JeonnamGwangju));
        for units in [before, since] {
            assert!(Region::are_whole_country(&units));
            assert!(!Region::are_whole_country(&units[1..]));
        }
    }

    #[test]
    fn official_names_of_past_and_present_are_known() {
        for (name, region) in [
            ("강원도", Region::Gangwon),
            ("강원특별자치도", Region::Gangwon),
            ("전라북도", Region::Jeonbuk),
            ("전북특별자치도", Region::Jeonbuk),
            ("전남광주통합특별시", Region::JeonnamGwangju),
        ] {
            assert_eq!(Region::by_official_name(name), Some(region));
        }
        assert_eq!(Region::by_official_name("부산"), None);
    }

    #[test]
    fn rows_are_in_the_order_of_days_and_replace_earlier_ones() {
        for (place, region) in Region::ALL.into_iter().enumerate() {
            let row = region.row();
            assert!(row.names.is_sorted_by_key(|name| name.since), "{region:?}");
            assert_eq!(
                row.names
                    .first()
                    .is_some_and(|name| name.since != BEGINNING),
                !row.replaces.is_empty(),
                "{region:?} must say both since when and what it replaces"
            );
            for replaced in row.replaces {
                assert!(Region::ALL[..place].contains(replaced), "{region:?}");
            }
        }
    }

    #[test]
    fn written_regions_name_only_what_every_build_knows() {
        let exact = [Region::Jeju, Region::JeonnamGwangju];
        let written = WrittenRegions::from(&exact[..]);
        assert_eq!(
            serde_json::to_value(&written).unwrap(),
            serde_json::json!({
                "regions": ["제주", "광주", "전남"], "regionNames": ["제주", "전남광주"],
            })
        );
        assert_eq!(Vec::from(written), exact);
        let unchanged = WrittenRegions::from(&[Region::Gwangju, Region::Jeonnam][..]);
        assert_eq!(unchanged.region_names, None);
    }

    #[test]
    fn unknown_or_stale_names_give_way_to_the_known_ones() {
        let read = |regions: &[Region], names: &[&str]| {
            Vec::from(WrittenRegions {
                regions: regions.to_vec(),
                region_names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            })
        };
        let seoul = [Region::Seoul];
        assert_eq!(read(&seoul, &["새서울"]), seoul);
        assert_eq!(read(&seoul, &["전남광주"]), seoul);
    }
}
