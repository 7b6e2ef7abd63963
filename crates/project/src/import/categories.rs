//! The 분야 of a programme by the name that a portal gives its kind.

use events::Category;

use crate::letters::normalize;

/// Names of K-Startup's kinds of support, of 기업마당's fields and of other spellings, without
/// blanks and with one sign for the middle dots.
const NAMES: [(&str, Category); 36] = [
    // K-Startup.
    ("사업화", Category::Startup),
    ("창업교육", Category::Startup),
    ("시설·공간·보육", Category::Startup),
    ("멘토링·컨설팅·교육", Category::Startup),
    ("멘토링·컨설팅", Category::Startup),
    ("행사·네트워크", Category::Startup),
    ("기술개발(R&D)", Category::Technology),
    ("기술개발", Category::Technology),
    ("R&D", Category::Technology),
    ("융자·보증", Category::Finance),
    ("융자", Category::Finance),
    ("보증", Category::Finance),
    ("정책자금", Category::Finance),
    ("판로·해외진출", Category::Export),
    ("해외진출", Category::Export),
    ("글로벌", Category::Export),
    ("인재", Category::Workforce),
    ("인력·교육", Category::Workforce),
    // 기업마당, before and after its fields were renamed.
    ("자금", Category::Finance),
    ("금융·자금", Category::Finance),
    ("기술·R&D", Category::Technology),
    ("기술개발·R&D", Category::Technology),
    ("인력·고용", Category::Workforce),
    ("인력·인건비", Category::Workforce),
    ("고용", Category::Workforce),
    ("수출·해외", Category::Export),
    ("수출·판로", Category::Export),
    ("내수·판로", Category::Domestic),
    ("판로", Category::Domestic),
    ("판로·내수", Category::Domestic),
    ("창업·벤처", Category::Startup),
    ("창업벤처", Category::Startup),
    ("경영·컨설팅", Category::Management),
    ("컨설팅", Category::Management),
    ("경영혁신", Category::Management),
    ("제도", Category::Management),
];

/// `None` for an unknown name. Some portals give several, separated by commas: the first that is
/// known counts.
pub(super) fn of_name(name: &str) -> Option<Category> {
    name.split([',', '|', ';']).find_map(|part| {
        let plain = normalize(part).into_iter().filter(|letter| *letter != ' ');
        let plain: String = plain.collect::<String>().replace('/', "·");
        let listed = NAMES.into_iter().find(|(listed, _)| *listed == plain);
        plain.parse().ok().or(listed.map(|(_, category)| category))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_both_portals_have_a_category() {
        for (name, category) in [
            ("판로ㆍ해외진출", Category::Export),
            ("판로·해외진출", Category::Export),
            ("정책자금", Category::Finance),
            ("멘토링·컨설팅·교육", Category::Startup),
            ("시설ㆍ공간ㆍ보육", Category::Startup),
            ("시설 ㆍ 공간 ㆍ 보육", Category::Startup),
            ("기술개발(R&D)", Category::Technology),
            ("인력", Category::Workforce),
            ("금융", Category::Finance),
            ("내수", Category::Domestic),
            ("경영", Category::Management),
            ("새이름, 수출", Category::Export),
        ] {
            assert_eq!(of_name(name), Some(category), "{name}");
        }
        assert_eq!((of_name("새분야"), of_name("")), (None, None));
    }

    #[test]
    fn names_are_listed_as_they_are_compared() {
        for (name, category) in NAMES {
            assert_eq!(of_name(name), Some(category), "{name}");
        }
    }
}
