//! What makes editions of one programme one series, and what its next edition is called.
//!
//! A name is no key, and no two years' titles are alike: of 84 programmes that were announced in 2023 and again in 2024, eight differ by the
//! year alone. So the key leaves out what one announcement says of itself (year, 차수, 반기, 추가, 연장, 재공고, 모집 공고), and how it is
//! written (blanks, brackets, quotes, dots). It does not guess: a title with other words in it is another series.

use crate::letters::{digit_runs, goes_on, number, plain, skip_blanks};
use crate::regions;

/// A year that stands alone counts as the edition's only this near to it: 「청년취업 2000」 and 「4050 인턴십」 are titles.
const NEAR: i32 = 2;

/// What is raised for the next edition: a title may name the year of what it builds on, and that stays.
const RAISED: i32 = 1;

/// By which the editions of one programme are known. `year` is the edition's: by it a number in the title is known to be a year.
///
/// A year goes when 년, 년도 or 학년도 follows it, or when it stands alone within two years of the edition's.
pub fn key(name: &str, agency: &str, host: &str, year: i32) -> String {
    let agency_key = body(agency);
    let host_key = body(host);
    let host_key = if names_nobody(&host_key) {
        agency_key.clone()
    } else {
        host_key
    };
    format!("{}|{agency_key}|{host_key}", title(name, agency, year))
}

/// Whether a list names no host (수행기관) of its own: 직접수행 says that the agency does it itself.
pub(crate) fn names_nobody(host: &str) -> bool {
    host.is_empty() || host == "직접수행"
}

/// The name of the edition after the one of that year: years within one of it are raised by one, and nothing else changes.
pub fn next_name(name: &str, year: i32) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let alike: Vec<char> = letters.iter().copied().map(plain).collect();
    for it in years(&alike)
        .into_iter()
        .filter(|it| (it.value - year).abs() <= RAISED)
    {
        let raised = if it.end - it.at == 2 {
            format!("{:02}", (it.value + 1) % 100)
        } else {
            (it.value + 1).to_string()
        };
        for (place, digit) in (it.at..it.end).zip(raised.chars()) {
            letters[place] = digit;
        }
    }
    letters.into_iter().collect()
}

/// The year that a title says its edition is of: of those that 년 follows the nearest to `about`, or else the first that stands alone near to
/// it. One that is far from it (2050년 탄소중립) counts only where there is no other.
pub(crate) fn year_of(name: &str, about: Option<i32>) -> Option<i32> {
    let letters: Vec<char> = name.chars().map(plain).collect();
    let years = years(&letters);
    let distance = |it: &Year| about.map(|about| (it.value - about).abs());
    let is_near = |it: &&Year| distance(it).is_some_and(|distance| distance <= NEAR);
    let is_marked = |it: &&Year| it.marked_to > it.end;
    let nearest = years
        .iter()
        .filter(is_marked)
        .filter(is_near)
        .min_by_key(|it| distance(it));
    let any = || years.iter().find(|it| is_marked(it) && it.end - it.at == 4);
    nearest
        .or_else(|| years.iter().find(is_near))
        .or_else(any)
        .map(|it| it.value)
}

/// A year within a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Year {
    value: i32,
    /// Where its digits begin.
    at: usize,
    /// Where they end.
    end: usize,
    /// Where 년, 년도 or 학년도 behind it ends; the same as `end` where nothing of the kind follows.
    marked_to: usize,
}

/// All numbers that can be years: 2024, 2024년, 2024-2025, 24년, '24. A number within a longer one, within a phone number or before a unit is
/// none.
fn years(letters: &[char]) -> Vec<Year> {
    let mut years: Vec<Year> = Vec::new();
    for (at, end) in digit_runs(letters) {
        let Some(digits) = number(&letters[at..end]).and_then(|digits| i32::try_from(digits).ok())
        else {
            continue;
        };
        let marked_to = mark(letters, end);
        let found = match end - at {
            4 if (1900..2100).contains(&digits) && stands_as_year(letters, at, end, &years) => {
                Some(Year {
                    value: digits,
                    at,
                    end,
                    marked_to,
                })
            }
            2 if short_year(letters, at, end, marked_to) => Some(Year {
                value: 2000 + digits,
                at,
                end,
                marked_to,
            }),
            _ => None,
        };
        years.extend(found);
    }
    years
}

/// Where 년, 년도, 학년도 or 연도 behind a number ends.
fn mark(letters: &[char], end: usize) -> usize {
    let at = skip_blanks(letters, end);
    let word = ["학년도", "년도", "연도", "년"]
        .into_iter()
        .find(|word| goes_on(letters, at, word));
    word.map_or(end, |word| at + word.chars().count())
}

fn stands_as_year(letters: &[char], at: usize, end: usize, before: &[Year]) -> bool {
    const UNITS: [char; 9] = ['만', '억', '천', '원', '명', '개', '점', '호', '위'];
    let is_counted = letters.get(end).is_some_and(|unit| UNITS.contains(unit));
    // 02-2024-1234 is a phone number, 2024-2025 are two years.
    let is_behind_number = at >= 2
        && letters[at - 1] == '-'
        && letters[at - 2].is_ascii_digit()
        && before.last().is_none_or(|it| it.end != at - 1);
    let behind = if letters.get(end) == Some(&'-') {
        crate::letters::end_of_digits(letters, end + 1) - (end + 1)
    } else {
        0
    };
    let is_before_number = match behind {
        0..=2 => false,
        4 => !matches!(letters[end + 1..end + 3], ['1', '9'] | ['2', '0']),
        _ => true,
    };
    !is_counted && !is_behind_number && !is_before_number
}

/// Two digits are a year with an apostrophe before or 년 behind, and the first of "24~25년" too; "10년 이상" is a time.
fn short_year(letters: &[char], at: usize, end: usize, marked_to: usize) -> bool {
    let is_time = || {
        let next = skip_blanks(letters, marked_to);
        [
            "차", "이상", "이하", "이내", "간", "미만", "동안", "째", "초과",
        ]
        .iter()
        .any(|word| goes_on(letters, next, word))
    };
    if at > 0 && letters[at - 1] == '\'' {
        return true;
    }
    if marked_to > end {
        return !is_time();
    }
    let second = end + 1;
    let joins = letters
        .get(end)
        .is_some_and(|letter| matches!(letter, '~' | '-' | '·' | '/'));
    let second_end = crate::letters::end_of_digits(letters, second);
    joins && second_end - second.min(second_end) == 2 && goes_on(letters, second_end, "년")
}

/// The title without what one announcement says of itself.
fn title(name: &str, agency: &str, year: i32) -> String {
    let mut letters: Vec<char> = name
        .chars()
        .map(plain)
        .flat_map(char::to_lowercase)
        .collect();
    for it in years(&letters) {
        let near = (it.value - year).abs() <= NEAR;
        let is_marked = it.marked_to > it.end && it.end - it.at == 4;
        if near || is_marked {
            letters[it.at..it.marked_to].fill(' ');
        }
    }
    leave_out_rounds(&mut letters);
    let text: String = letters.iter().collect();
    // A bracket that only repeats who announces it says nothing; one of a ministry's says where.
    let repeats_agency = regions::of_title(name)
        .is_some_and(|named| regions::of_agency(agency).is_some_and(|of| named == [of]));
    let text = match text.split_once(']') {
        Some((_, rest)) if repeats_agency => rest,
        _ => &text,
    };
    let parts: String = text
        .split(['[', ']', '(', ')', '<', '>', '「', '」', '『', '』'])
        .map(part)
        .collect();
    if parts.is_empty() { body(name) } else { parts }
}

/// 1차, 제2차, 1·2차, 3차년도, 제12회, 5기, 1/4분기, 상반기. Not 4차 산업혁명, and not 2차전지.
fn leave_out_rounds(letters: &mut [char]) {
    for (at, end) in digit_runs(letters) {
        if let Some(behind) = end_of_round(letters, at, end) {
            let begin = begin_of_round(letters, at);
            letters[begin..behind].fill(' ');
        }
    }
    for half in ["상·하반기", "상하반기", "상반기", "하반기"] {
        let length = half.chars().count();
        for at in 0..letters.len() {
            if goes_on(letters, at, half) {
                letters[at..at + length].fill(' ');
            }
        }
    }
}

fn end_of_round(letters: &[char], at: usize, end: usize) -> Option<usize> {
    const NO_ROUNDS: [&str; 9] = [
        "산업", "전지", "협력", "벤더", "혁명", "의료", "금속", "가공", "밴드",
    ];
    // No programme has been announced a thousand times.
    if end - at > 3 {
        return None;
    }
    let word = skip_blanks(letters, end);
    let is_over = |behind: usize| {
        letters
            .get(behind)
            .is_none_or(|next| !next.is_alphanumeric())
    };
    if goes_on(letters, word, "분기") {
        return Some(word + 2);
    }
    match letters.get(word)? {
        '차' if goes_on(letters, word + 1, "년도") || goes_on(letters, word + 1, "연도") => {
            Some(word + 3)
        }
        '차' => {
            let next = skip_blanks(letters, word + 1);
            (!NO_ROUNDS.iter().any(|it| goes_on(letters, next, it))).then_some(word + 1)
        }
        '회' | '기' => (word == end && is_over(word + 1)).then_some(word + 1),
        _ => None,
    }
}

/// "제" and the numbers before: of 제1·2차 and of 1/4분기.
fn begin_of_round(letters: &[char], mut at: usize) -> usize {
    while at >= 2
        && matches!(letters[at - 1], '·' | '~' | '/' | ',' | '-')
        && letters[at - 2].is_ascii_digit()
    {
        at -= 1;
        while at >= 1 && letters[at - 1].is_ascii_digit() {
            at -= 1;
        }
    }
    let mut before = at;
    while before >= 1 && letters[before - 1] == ' ' {
        before -= 1;
    }
    if before >= 1 && letters[before - 1] == '제' && (before < 2 || letters[before - 2] == ' ') {
        before - 1
    } else {
        at
    }
}

/// Words that say how often, and not what.
const AGAIN: [&str; 10] = [
    "추가",
    "연장",
    "재공고",
    "재모집",
    "추가모집",
    "추가공고",
    "수정공고",
    "변경공고",
    "연장공고",
    "정정공고",
];

/// Words at the end of a title that say that it is an announcement.
const ANNOUNCED: [&str; 16] = [
    "공고",
    "모집",
    "안내",
    "시행",
    "신청",
    "접수",
    "공모",
    "통합",
    "수정",
    "변경",
    "정정",
    "참여기업",
    "참가기업",
    "참여업체",
    "참가업체",
    "참가자",
];

/// What is left of one part of a title, blanks and signs aside.
fn part(text: &str) -> String {
    let words = text
        .split(|letter: char| !letter.is_alphanumeric() && letter != '+')
        .filter(|word| !word.is_empty());
    let mut words: Vec<&str> = words.filter(|word| !AGAIN.contains(word)).collect();
    while let Some(last) = words.pop() {
        if ANNOUNCED.contains(&last) {
            continue;
        }
        // 추가모집공고, 재공고, 사업공고, 참여기업모집.
        let shorter = ["공고", "모집", "재", "추가"]
            .into_iter()
            .find_map(|end| last.strip_suffix(end).filter(|it| !it.is_empty()));
        match shorter {
            Some(shorter) if last.ends_with("공고") || last.ends_with("모집") => {
                words.push(shorter);
            }
            _ => {
                words.push(last);
                break;
            }
        }
    }
    let squeezed = words.concat();
    let bare = ["지원사업", "사업", "지원"]
        .into_iter()
        .find_map(|end| squeezed.strip_suffix(end).filter(|it| !it.is_empty()));
    bare.map_or_else(|| squeezed.clone(), str::to_owned)
}

/// Letters and digits alone, of an agency's name as well: its legal form is not always written.
fn body(text: &str) -> String {
    const FORMS: [&str; 8] = [
        "(재)",
        "(사)",
        "(주)",
        "㈜",
        "재단법인",
        "사단법인",
        "주식회사",
        "(유)",
    ];
    let alike: String = text
        .chars()
        .map(plain)
        .flat_map(char::to_lowercase)
        .collect();
    let alike = FORMS
        .iter()
        .fold(alike, |text, form| text.replace(form, " "));
    let squeezed: String = alike
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    RENAMED
        .into_iter()
        .find(|(before, _)| *before == squeezed)
        .map_or(squeezed, |(_, now)| now.to_owned())
}

/// Agencies that have another name since, by acts of 2023 to 2025: their programmes went on.
const RENAMED: [(&str, &str); 9] = [
    ("강원도", "강원특별자치도"),
    ("전라북도", "전북특별자치도"),
    ("제주도", "제주특별자치도"),
    ("산업통상자원부", "산업통상부"),
    ("환경부", "기후에너지환경부"),
    ("특허청", "지식재산처"),
    ("여성가족부", "성평등가족부"),
    ("기획재정부", "재정경제부"),
    ("중소기업유통센터", "한국중소벤처기업유통원"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(name: &str, year: i32) -> String {
        key(name, "중소벤처기업부", "창업진흥원", year)
    }

    #[test]
    fn what_one_announcement_says_of_itself_is_no_part_of_the_key() {
        let programme = of("예비창업패키지", 2024);
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
            assert_eq!(of(name, 2024), programme, "{name}");
        }
    }

    #[test]
    fn other_programmes_have_other_keys() {
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
            names.iter().map(|name| of(name, 2024)).collect();
        assert_eq!(keys.len(), names.len(), "{keys:#?}");
    }

    #[test]
    fn agency_and_host_belong_to_the_key_whatever_they_are_called_now() {
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
    fn a_bracket_counts_where_it_says_more_than_the_agency() {
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
    fn a_title_of_nothing_but_an_announcement_keeps_its_words() {
        assert_ne!(of("2024년 추가 공고", 2024), of("2024년 모집 공고", 2024));
    }

    #[test]
    fn the_next_name_has_the_next_year_and_is_otherwise_the_same() {
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
    fn the_year_of_a_title_is_the_one_it_calls_a_year() {
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
        fn any_name_has_a_key_and_a_next_name(name in "(\\PC|[0-9년차제' ~()-]){0,30}", year in 1990..=2100) {
            let key = key(&name, "가", "나", year);
            prop_assert!(key.ends_with("|가|나"));
            let next = next_name(&name, year);
            prop_assert_eq!(next.chars().count(), name.chars().count());
        }

        #[test]
        fn the_next_edition_is_of_the_same_series(word in "[가-힣]{2,6}", year in 1991..=2098) {
            let name = format!("{year}년 {word} 참여기업 모집 공고");
            let next = next_name(&name, year);
            prop_assert_eq!(&next, &format!("{}년 {word} 참여기업 모집 공고", year + 1));
            prop_assert_eq!(key(&name, "가", "나", year), key(&next, "가", "나", year + 1));
        }
    }
}
