//! Hangul by arithmetic: how a text and what somebody typed into a search box are written so that one is found in the other.
//!
//! A syllable is written as three letters: its initial, its vowel, and its final or [`OPEN`] where it has none. So a two-letter word has six
//! letters, of which there are trigrams; a whole syllable is found only where it stands (`가` is not in `각`); and a syllable that is still
//! being typed is found wherever its first letters stand.

/// Stands where a syllable has no final: the letter before the first final (`TBase` of the Unicode standard's arithmetic), which modern Hangul
/// has no other use for.
const OPEN: char = '\u{11A7}';

const FIRST_SYLLABLE: u32 = 0xAC00;
const SYLLABLES: u32 = 19 * VOWELS * FINALS;
const VOWELS: u32 = 21;
/// 27 finals, and none.
const FINALS: u32 = 28;

const INITIALS: std::ops::RangeInclusive<char> = '\u{1100}'..='\u{1112}';
const MEDIALS: std::ops::RangeInclusive<char> = '\u{1161}'..='\u{1175}';
const CODAS: std::ops::RangeInclusive<char> = '\u{11A8}'..='\u{11C2}';

/// The 19 initials as a keyboard types them, in the standard's order.
const TYPED_INITIALS: [char; 19] =
    ['ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ'];

/// What an input method makes of two consonants that are typed one after the other.
const PAIRS: [(char, [char; 2]); 11] = [
    ('ㄳ', ['ㄱ', 'ㅅ']),
    ('ㄵ', ['ㄴ', 'ㅈ']),
    ('ㄶ', ['ㄴ', 'ㅎ']),
    ('ㄺ', ['ㄹ', 'ㄱ']),
    ('ㄻ', ['ㄹ', 'ㅁ']),
    ('ㄼ', ['ㄹ', 'ㅂ']),
    ('ㄽ', ['ㄹ', 'ㅅ']),
    ('ㄾ', ['ㄹ', 'ㅌ']),
    ('ㄿ', ['ㄹ', 'ㅍ']),
    ('ㅀ', ['ㄹ', 'ㅎ']),
    ('ㅄ', ['ㅂ', 'ㅅ']),
];

/// The text in lower case, each syllable as its three letters; composed or not, it comes out the same.
pub(crate) fn decomposed(text: &str) -> String {
    let mut letters = String::with_capacity(text.len() * 3);
    // The syllable whose final may still come: texts from some systems are decomposed already.
    let mut is_open = false;
    let mut before = None;
    for letter in text.chars().flat_map(char::to_lowercase) {
        if is_open && !CODAS.contains(&letter) {
            letters.push(OPEN);
        }
        is_open = false;
        if let Some((initial, medial, coda)) = parts(letter) {
            letters.extend([initial, medial]);
            match coda {
                Some(coda) => letters.push(coda),
                None => is_open = true,
            }
        } else {
            letters.push(letter);
            is_open = MEDIALS.contains(&letter) && before.is_some_and(|before| INITIALS.contains(&before));
        }
        before = Some(letter);
    }
    if is_open {
        letters.push(OPEN);
    }
    letters
}

/// Initial, vowel and final of a syllable.
fn parts(letter: char) -> Option<(char, char, Option<char>)> {
    let place = u32::from(letter).checked_sub(FIRST_SYLLABLE).filter(|place| *place < SYLLABLES)?;
    let initial = char::from_u32(0x1100 + place / (VOWELS * FINALS))?;
    let medial = char::from_u32(0x1161 + place / FINALS % VOWELS)?;
    let coda = match place % FINALS {
        0 => None,
        coda => Some(char::from_u32(u32::from(OPEN) + coda)?),
    };
    Some((initial, medial, coda))
}

/// The initials (초성) of a text, for [`Word::Initials`]: blanks and signs do not part them, letters of other scripts do. Each is followed by
/// [`OPEN`], so that two of them are three letters and have a trigram.
pub(crate) fn initials(text: &str) -> String {
    let mut found = String::new();
    for letter in decomposed(text).chars() {
        if let Some(initial) = typed_initial(letter) {
            found.extend([initial, OPEN]);
        } else if letter.is_alphanumeric() && !MEDIALS.contains(&letter) && !CODAS.contains(&letter) && letter != OPEN {
            found.push(' ');
        }
    }
    found
}

/// The initial as a keyboard types it.
fn typed_initial(letter: char) -> Option<char> {
    if !INITIALS.contains(&letter) {
        return None;
    }
    let place = usize::try_from(u32::from(letter) - u32::from(*INITIALS.start())).ok()?;
    TYPED_INITIALS.get(place).copied()
}

/// One word of what somebody typed, as it must occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// In the [decomposed] text.
    Text(String),
    /// In the text's [initials].
    Initials(String),
}

/// The words of what somebody typed.
///
/// A word of nothing but consonants is looked for among the initials. Every other must occur as it is, syllable by syllable; but for the very
/// last letter of the query, which may still be on its way: `스마트사` finds 스마트상점, and so does `스마트ㅅ`. A blank behind it says that it
/// is whole.
pub(crate) fn words(query: &str) -> Vec<Word> {
    let is_whole = query.ends_with(char::is_whitespace);
    let count = query.split_whitespace().count();
    query
        .split_whitespace()
        .enumerate()
        .map(|(place, word)| {
            if let Some(initials) = as_initials(word) {
                return Word::Initials(initials);
            }
            let mut letters = decomposed(word);
            if place + 1 == count && !is_whole {
                leave_open(&mut letters);
            }
            Word::Text(letters)
        })
        .collect()
}

/// Lets the last letter go on: its final, or all but its initial, may not have been typed yet.
fn leave_open(letters: &mut String) {
    let Some(last) = letters.pop() else { return };
    let follows_hangul = letters.chars().next_back().is_some_and(|letter| letter == OPEN || CODAS.contains(&letter));
    let initial = TYPED_INITIALS.iter().zip(INITIALS).find(|(typed, _)| **typed == last).map(|(_, initial)| initial);
    match initial {
        _ if last == OPEN => {}
        Some(initial) if follows_hangul => letters.push(initial),
        _ => letters.push(last),
    }
}

/// Whether the last sound of a text is a consonant: by it 과 is told from 와. Of letters that are neither Hangul nor digits it is not known.
pub(crate) fn ends_in_consonant(text: &str) -> bool {
    match text.chars().rev().find(|letter| letter.is_alphanumeric()) {
        // 영, 일, 삼, 육, 칠, 팔.
        Some('0' | '1' | '3' | '6' | '7' | '8') => true,
        Some(letter) => CODAS.contains(&letter) || matches!(parts(letter), Some((_, _, Some(_)))),
        None => false,
    }
}

/// The word as [`initials`] writes them, if it is nothing but consonants.
fn as_initials(word: &str) -> Option<String> {
    let mut found = String::new();
    for letter in word.chars() {
        let pair = PAIRS.iter().find(|(pair, _)| *pair == letter).map(|(_, consonants)| consonants.as_slice());
        for consonant in pair.unwrap_or(&[letter]) {
            if !TYPED_INITIALS.contains(consonant) {
                return None;
            }
            found.extend([*consonant, OPEN]);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a search for that would find the text.
    fn finds(query: &str, text: &str) -> bool {
        let (letters, first) = (decomposed(text), initials(text));
        words(query).iter().all(|word| match word {
            Word::Text(word) => letters.contains(&**word),
            Word::Initials(word) => first.contains(&**word),
        })
    }

    #[test]
    fn a_syllable_is_three_letters_and_everything_else_is_itself() {
        assert_eq!(
            decomposed("가각힣 A-1 ㅋ"),
            "\u{1100}\u{1161}\u{11A7}\u{1100}\u{1161}\u{11A8}\u{1112}\u{1175}\u{11C2} a-1 ㅋ"
        );
        assert_eq!(decomposed(""), "");
    }

    #[test]
    fn a_decomposed_text_comes_out_like_the_composed_one() {
        // 각, 가나 and a syllable without its final, whose final follows.
        for (composed, decomposed_already) in
            [("각", "\u{1100}\u{1161}\u{11A8}"), ("가나", "\u{1100}\u{1161}\u{1102}\u{1161}"), ("각", "가\u{11A8}")]
        {
            assert_eq!(decomposed(composed), decomposed(decomposed_already), "{composed}");
        }
    }

    #[test]
    fn a_whole_syllable_is_found_only_where_it_stands() {
        for (query, text, found) in [
            ("상점", "스마트상점 보급", true),
            ("마트상", "스마트상점", true),
            ("가나 ", "각나", false),
            ("가나", "간아", false),
            ("가 나", "각 나", false),
            ("나 가", "각 나", true),
            ("정부 ", "정북", false),
            ("ai 바우처", "AI바우처", true),
            ("없는 바우처", "AI바우처", false),
            ("", "무엇이든", true),
        ] {
            assert_eq!(finds(query, text), found, "{query:?} in {text:?}");
        }
    }

    #[test]
    fn the_last_letter_may_still_be_on_its_way() {
        for (query, text, found) in [
            ("스마트사", "스마트상점", true),
            ("스마트사 ", "스마트상점", false),
            ("스마트ㅅ", "스마트상점", true),
            ("스마트상ㅈ", "스마트상점", true),
            ("스마트ㅅ ", "스마트상점", false),
            ("스마트ㅎ", "스마트상점", false),
            ("가", "각", true),
            ("갑", "값", false),
            ("tvㅅ", "tv상점", false),
        ] {
            assert_eq!(finds(query, text), found, "{query:?} in {text:?}");
        }
    }

    #[test]
    fn the_last_sound_is_that_of_the_last_letter_or_digit() {
        for (text, ends) in
            [("사업", true), ("바우처", false), ("사업 (2차)", false), ("R&D 100", true), ("2차 4", false), ("", false)]
        {
            assert_eq!(ends_in_consonant(text), ends, "{text}");
        }
    }

    #[test]
    fn initials_are_found_across_blanks_and_signs_but_not_across_other_letters() {
        for (query, text, found) in [
            ("ㅅㅁㅌ", "스마트상점", true),
            ("ㅅㅁㅌㅅㅈ", "스마트 상점", true),
            ("ㅅㅁㅌㅅㅈ", "스마트-상점", true),
            ("ㅅㅁㅌㅅㅈ", "스마트 2호 상점", false),
            ("ㅅㅈ ㄱㅅ", "기술 상점", true),
            ("ㄲ", "꿈", true),
            ("ㄱ", "꿈", false),
            ("ㄳ", "기술", true),
            ("ㅎㄼ", "해로바", true),
            ("ㅏ", "가", false),
            ("스마트 ㄱㅅ", "스마트 기술", true),
        ] {
            assert_eq!(finds(query, text), found, "{query:?} in {text:?}");
        }
    }
}
