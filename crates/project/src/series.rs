//! Recognizes the editions of one programme (a series) by a key, and names the next edition.
//!
//! Names are not unique, and titles differ from year to year: of 84 programmes that were announced
//! in 2023 and again in 2024, only eight titles differ in nothing but the year. The key therefore
//! leaves out what describes a single announcement (year, 차수, 반기, 추가, 연장, 재공고, 모집 공고) and how it is
//! spelled (blanks, brackets, quotes, dots). It does not guess: a title with other words is another
//! series.

mod rounds;
#[cfg(test)]
mod tests;
mod years;

use events::Region;

use self::rounds::blank_out_rounds;
use self::years::{Year, find_years};
use crate::letters::{normalize, normalize_char, overwrite};
use crate::regions;

/// A number without 년 is a year only this close to the edition's: 「청년취업 2000」 and 「4050 인턴십」 are
/// titles.
const MAX_DISTANCE: i32 = 2;

/// Years this close to the edition's are raised for the next edition. A year further away names
/// something that the programme builds on, and stays.
const MAX_RAISED_DISTANCE: i32 = 1;

/// The key that the editions of one series share. `year` is the edition's: it decides which numbers
/// in the title are years.
///
/// A year is left out if 년, 년도 or 학년도 follows it, or if it is close to the edition's.
pub fn key(name: &str, agency: &str, host: &str, year: i32) -> String {
    let agency_key = squeeze(agency);
    let host_key = squeeze(host);
    let host_key = if is_agency_itself(&host_key) {
        &agency_key
    } else {
        &host_key
    };
    format!(
        "{}|{agency_key}|{host_key}",
        squeeze_title(name, agency, year)
    )
}

/// Whether 수행기관 is empty or says that the agency carries the programme out itself.
pub(crate) fn is_agency_itself(host: &str) -> bool {
    host.is_empty() || host == "직접수행"
}

/// The name of the edition after the one of that year: years at most one away are raised by one,
/// everything else stays.
pub fn next_name(name: &str, year: i32) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    for found in find_years(&normalize(name)) {
        if (found.value - year).abs() > MAX_RAISED_DISTANCE {
            continue;
        }
        let raised = (found.value + 1).to_string();
        let digits = found.end - found.at;
        overwrite(&mut letters, found.at, &raised[raised.len() - digits..]);
    }
    letters.into_iter().collect()
}

/// The year of the edition according to its title: among the years marked with 년 the one closest to
/// `about`, else the first unmarked one close to it. A year far away (2050년 탄소중립) counts only if
/// there is no other.
pub(crate) fn year_of(name: &str, about: Option<i32>) -> Option<i32> {
    let years = find_years(&normalize(name));
    let distance = |year: &Year| about.map(|about| (year.value - about).abs());
    let is_close = |year: &&Year| distance(year).is_some_and(|distance| distance <= MAX_DISTANCE);
    let closest = years
        .iter()
        .filter(|year| year.is_marked())
        .filter(is_close)
        .min_by_key(|year| distance(year));
    closest
        .or_else(|| years.iter().find(is_close))
        .or_else(|| {
            years
                .iter()
                .find(|year| year.is_marked() && year.has_four_digits())
        })
        .map(|year| year.value)
}

/// The title without what describes a single announcement.
fn squeeze_title(name: &str, agency: &str, year: i32) -> String {
    let mut letters: Vec<char> = name
        .chars()
        .map(normalize_char)
        .flat_map(char::to_lowercase)
        .collect();
    for found in find_years(&letters) {
        let is_close = (found.value - year).abs() <= MAX_DISTANCE;
        if is_close || found.is_marked() && found.has_four_digits() {
            letters[found.at..found.marked_to].fill(' ');
        }
    }
    blank_out_rounds(&mut letters);
    let text: String = letters.iter().collect();
    // A bracket that repeats the region of the agency adds nothing; with a ministry it says where.
    let repeats_agency = regions::of_title(name).is_some_and(|regions| {
        regions::of_agency(agency).is_some_and(|region| regions == [region])
    });
    let text = match text.split_once(']') {
        Some((_, rest)) if repeats_agency => rest,
        _ => &text,
    };
    let parts: String = text
        .split(['[', ']', '(', ')', '<', '>', '「', '」', '『', '』'])
        .map(squeeze_part)
        .collect();
    if parts.is_empty() {
        squeeze(name)
    } else {
        parts
    }
}

/// Words for an announcement that is not the first of its year.
const REPEATED: [&str; 10] = [
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

/// Words at the end of a title that call it an announcement.
const ANNOUNCEMENT: [&str; 16] = [
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

/// One part of a title without blanks, signs and the words of an announcement.
fn squeeze_part(text: &str) -> String {
    let mut words: Vec<&str> = text
        .split(|letter: char| !letter.is_alphanumeric() && letter != '+')
        .filter(|word| !word.is_empty() && !REPEATED.contains(word))
        .collect();
    while let Some(last) = words.pop() {
        if ANNOUNCEMENT.contains(&last) {
            continue;
        }
        // 추가모집공고, 재공고, 사업공고, 참여기업모집.
        let shorter = strip_any_suffix(last, &["공고", "모집", "재", "추가"]);
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
    strip_any_suffix(&squeezed, &["지원사업", "사업", "지원"])
        .unwrap_or(&squeezed)
        .to_owned()
}

/// The text without the first of these suffixes that leaves something of it.
fn strip_any_suffix<'a>(text: &'a str, suffixes: &[&str]) -> Option<&'a str> {
    suffixes
        .iter()
        .find_map(|suffix| text.strip_suffix(suffix).filter(|rest| !rest.is_empty()))
}

/// Letters and digits only. Of an agency also without its legal form, which lists do not always
/// give, and under its present name.
fn squeeze(text: &str) -> String {
    const LEGAL_FORMS: [&str; 8] = [
        "(재)",
        "(사)",
        "(주)",
        "㈜",
        "재단법인",
        "사단법인",
        "주식회사",
        "(유)",
    ];
    let normalized: String = text
        .chars()
        .map(normalize_char)
        .flat_map(char::to_lowercase)
        .collect();
    let squeezed: String = LEGAL_FORMS
        .iter()
        .fold(normalized, |text, form| text.replace(form, " "))
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    let renamed = RENAMED.into_iter().find(|(before, _)| *before == squeezed);
    renamed
        .map(|(_, now)| now)
        .or_else(|| Region::by_official_name(&squeezed)?.official_names().last())
        .map_or(squeezed, str::to_owned)
}

/// Agencies that were renamed by acts of 2025, and their names now. Those of regions are in the
/// table of [`Region`].
const RENAMED: [(&str, &str); 6] = [
    ("산업통상자원부", "산업통상부"),
    ("환경부", "기후에너지환경부"),
    ("특허청", "지식재산처"),
    ("여성가족부", "성평등가족부"),
    ("기획재정부", "재정경제부"),
    ("중소기업유통센터", "한국중소벤처기업유통원"),
];
