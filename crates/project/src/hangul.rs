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
const TYPED_INITIALS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ',
    'ㅌ', 'ㅍ', 'ㅎ',
];

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
            is_open = MEDIALS.contains(&letter)
                && before.is_some_and(|before| INITIALS.contains(&before));
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
    let place = u32::from(letter)
        .checked_sub(FIRST_SYLLABLE)
        .filter(|place| *place < SYLLABLES)?;
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
        } else if letter.is_alphanumeric()
            && !MEDIALS.contains(&letter)
            && !CODAS.contains(&letter)
            && letter != OPEN
        {
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
    /// Any of these in the [decomposed] text.
    Text(Vec<String>),
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
            let letters = decomposed(word);
            let is_on_its_way = place + 1 == count && !is_whole;
            Word::Text(if is_on_its_way {
                ways_on(letters)
            } else {
                vec![letters]
            })
        })
        .collect()
}

/// What a keyboard makes of one vowel and the next.
const JOINED_VOWELS: [(char, [char; 3]); 3] = [
    // ㅗ: ㅘ ㅙ ㅚ; ㅜ: ㅝ ㅞ ㅟ; ㅡ: ㅢ.
    ('\u{1169}', ['\u{116A}', '\u{116B}', '\u{116C}']),
    ('\u{116E}', ['\u{116F}', '\u{1170}', '\u{1171}']),
    ('\u{1173}', ['\u{1174}', '\u{1174}', '\u{1174}']),
];

/// The 27 finals as a keyboard types them, in the standard's order.
const TYPED_FINALS: [char; 27] = [
    'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ',
    'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];

/// All that a word can be the beginning of whose last letter is still being typed: its final, or all but its initial, may be missing, and what
/// an input method shows as its final may turn out to be the next initial (기술 is typed 기, 깃, 기수, 기술).
fn ways_on(letters: String) -> Vec<String> {
    let mut before = letters.clone();
    let Some(last) = before.pop() else {
        return vec![letters];
    };
    let follows_hangul = before
        .chars()
        .next_back()
        .is_some_and(|letter| letter == OPEN || CODAS.contains(&letter));
    if last == OPEN {
        let vowel = before.chars().next_back();
        let joined = JOINED_VOWELS
            .into_iter()
            .find(|(first, _)| Some(*first) == vowel)
            .map(|(_, joined)| joined);
        let mut ways = vec![before.clone()];
        before.pop();
        for vowel in joined.into_iter().flatten() {
            ways.push(format!("{before}{vowel}"));
        }
        ways.dedup();
        return ways;
    }
    if let Some(typed) = typed_final(last) {
        let pair = PAIRS
            .iter()
            .find(|(pair, _)| *pair == typed)
            .map(|(_, consonants)| *consonants);
        // The final alone, or the first half of it, and the rest in the next syllable.
        let next = match pair {
            Some([first, second]) => final_of(first).zip(initial_of(second)),
            None => Some(OPEN).zip(initial_of(typed)),
        };
        let doubled = PAIRS
            .iter()
            .filter(|(_, [first, _])| *first == typed)
            .filter_map(|(pair, _)| final_of(*pair));
        let mut ways: Vec<String> = doubled.map(|double| format!("{before}{double}")).collect();
        ways.extend(next.map(|(coda, initial)| format!("{before}{coda}{initial}")));
        ways.push(letters);
        return ways;
    }
    match initial_of(last) {
        Some(initial) if follows_hangul => vec![format!("{before}{initial}")],
        _ => vec![letters],
    }
}

/// The final as a keyboard types it.
fn typed_final(letter: char) -> Option<char> {
    let place = u32::from(letter).checked_sub(u32::from(*CODAS.start()))?;
    TYPED_FINALS.get(usize::try_from(place).ok()?).copied()
}

fn final_of(typed: char) -> Option<char> {
    TYPED_FINALS
        .iter()
        .zip(CODAS)
        .find(|(it, _)| **it == typed)
        .map(|(_, coda)| coda)
}

fn initial_of(typed: char) -> Option<char> {
    TYPED_INITIALS
        .iter()
        .zip(INITIALS)
        .find(|(it, _)| **it == typed)
        .map(|(_, initial)| initial)
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
        let pair = PAIRS
            .iter()
            .find(|(pair, _)| *pair == letter)
            .map(|(_, consonants)| consonants.as_slice());
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
            Word::Text(ways) => ways.iter().any(|word| letters.contains(&**word)),
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
        for (composed, decomposed_already) in [
            ("각", "\u{1100}\u{1161}\u{11A8}"),
            ("가나", "\u{1100}\u{1161}\u{1102}\u{1161}"),
            ("각", "가\u{11A8}"),
        ] {
            assert_eq!(
                decomposed(composed),
                decomposed(decomposed_already),
                "{composed}"
            );
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
            ("갑", "값", true),
            ("갑 ", "값", false),
            ("값", "갑", false),
            ("간", "가나", true),
            ("간", "가다", false),
            ("간 ", "가나", false),
            ("앆", "아까", true),
            ("tvㅅ", "tv상점", false),
        ] {
            assert_eq!(finds(query, text), found, "{query:?} in {text:?}");
        }
    }

    #[test]
    fn a_word_is_found_at_every_step_of_being_typed() {
        for (steps, text) in [
            ("ㄱ 기 깃 기수 기술", "기술"),
            ("ㄱ 기 깃 기수 기술 기술ㅂ 기술보", "기술보급"),
            ("ㅈ 지 징 지우 지워 지원", "지원"),
            ("ㅅ 스 슴 스마 스맡 스마트", "스마트"),
            ("ㄱ 가 갑 값 값ㅈ 값지 값진", "값진"),
            ("ㄱ 가 갑 값 갑시 갑신", "갑신"),
            ("ㄷ 다 달 닭 달갸 달걀", "달걀"),
            ("ㅎ 호 화 확 확ㅇ 확이 확인", "확인"),
            ("ㅇ 으 의 읠 의료", "의료"),
        ] {
            for step in steps.split(' ') {
                assert!(finds(step, text), "{step} in {text}");
                assert!(
                    finds(&format!("중소 {step}"), &format!("중소기업 {text}")),
                    "{step} behind a word"
                );
            }
        }
    }

    #[test]
    fn the_last_sound_is_that_of_the_last_letter_or_digit() {
        for (text, ends) in [
            ("사업", true),
            ("바우처", false),
            ("사업 (2차)", false),
            ("R&D 100", true),
            ("2차 4", false),
            ("", false),
        ] {
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
