//! Hangul search: how texts and queries are written so that one can be found in the other.
//!
//! A syllable is written as three letters: initial, vowel, and final or [`NO_FINAL`]. A word of two
//! syllables therefore has six letters, which form trigrams; a complete syllable is found only as
//! such (`가` is not in `각`); and a syllable that is still being typed is found by its first
//! letters.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use unicode_normalization::char::decompose_canonical;

/// Marks a syllable without a final: `TBase` of the Unicode Hangul arithmetic, the code point
/// before the first final. Modern Hangul does not use it otherwise.
const NO_FINAL: char = '\u{11A7}';

const INITIALS: RangeInclusive<char> = '\u{1100}'..='\u{1112}';
const VOWELS: RangeInclusive<char> = '\u{1161}'..='\u{1175}';
const FINALS: RangeInclusive<char> = '\u{11A8}'..='\u{11C2}';

/// The 19 initials as they are typed, in Unicode order.
const TYPED_INITIALS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ',
    'ㅌ', 'ㅍ', 'ㅎ',
];

/// The 27 finals as they are typed, in Unicode order.
const TYPED_FINALS: [char; 27] = [
    'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ',
    'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];

/// The letter that an input method shows for two consonants typed one after the other.
const CONSONANT_PAIRS: [(char, [char; 2]); 11] = [
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

/// The vowels that an input method forms of a vowel and the next one.
const VOWEL_PAIRS: [(char, &[char]); 3] = [
    // ㅗ: ㅘ ㅙ ㅚ; ㅜ: ㅝ ㅞ ㅟ; ㅡ: ㅢ.
    ('\u{1169}', &['\u{116A}', '\u{116B}', '\u{116C}']),
    ('\u{116E}', &['\u{116F}', '\u{1170}', '\u{1171}']),
    ('\u{1173}', &['\u{1174}']),
];

/// The text in lower case with every syllable as three letters, whether it was composed or not.
pub(crate) fn decomposed(text: &str) -> String {
    let mut jamo: Vec<char> = Vec::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            '가'..='힣' => decompose_canonical(letter, |part| jamo.push(part)),
            _ => jamo.push(letter),
        }
    }
    let mut letters = String::with_capacity(text.len() * 3);
    for (at, letter) in jamo.iter().enumerate() {
        letters.push(*letter);
        let ends_syllable = VOWELS.contains(letter)
            && at > 0
            && INITIALS.contains(&jamo[at - 1])
            && jamo.get(at + 1).is_none_or(|next| !FINALS.contains(next));
        if ends_syllable {
            letters.push(NO_FINAL);
        }
    }
    letters
}

/// The initials (초성) of a text, in which [`SearchTerm::Initials`] is searched: continuous across
/// blanks and signs, separated by letters of other scripts. Each is followed by [`NO_FINAL`], so
/// that two of them are already long enough for a trigram.
pub(crate) fn initials(text: &str) -> String {
    let mut found = String::new();
    for letter in decomposed(text).chars() {
        if let Some(typed) = typed(letter, INITIALS, &TYPED_INITIALS) {
            found.extend([typed, NO_FINAL]);
        } else if letter.is_alphanumeric()
            && !VOWELS.contains(&letter)
            && !FINALS.contains(&letter)
            && letter != NO_FINAL
        {
            found.push(' ');
        }
    }
    found
}

/// What a search may consist of that is too short for a trigram, in a text of [`decomposed`] or
/// [`initials`]: a syllable without its final, one initial, and one or two letters of other
/// scripts.
pub(crate) fn short_parts(text: &str) -> BTreeSet<String> {
    let is_jamo = |letter| ('\u{1100}'..='\u{11FF}').contains(&letter);
    let is_other = |letter: char| !is_jamo(letter) && !letter.is_whitespace();
    let mut parts = BTreeSet::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        if is_other(letter) && next != Some(NO_FINAL) {
            parts.insert(letter.to_string());
        }
        let is_pair = |next| {
            INITIALS.contains(&letter) && VOWELS.contains(&next)
                || is_other(letter) && (is_other(next) || next == NO_FINAL)
        };
        if let Some(next) = next.filter(|next| is_pair(*next)) {
            parts.insert(String::from_iter([letter, next]));
        }
    }
    parts
}

/// The letter of a decomposed syllable as it is typed.
fn typed(letter: char, letters: RangeInclusive<char>, as_typed: &[char]) -> Option<char> {
    let found = letters.zip(as_typed).find(|(part, _)| *part == letter);
    found.map(|(_, typed)| *typed)
}

/// A typed consonant as the initial of a syllable.
fn as_initial(typed: char) -> Option<char> {
    let found = INITIALS
        .zip(TYPED_INITIALS)
        .find(|(_, as_typed)| *as_typed == typed);
    found.map(|(initial, _)| initial)
}

/// A typed consonant as the final of a syllable.
fn as_final(typed: char) -> Option<char> {
    let found = FINALS
        .zip(TYPED_FINALS)
        .find(|(_, as_typed)| *as_typed == typed);
    found.map(|(last, _)| last)
}

fn split_pair(typed: char) -> Option<[char; 2]> {
    let found = CONSONANT_PAIRS.into_iter().find(|(pair, _)| *pair == typed);
    found.map(|(_, consonants)| consonants)
}

/// A word of a query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum SearchTerm {
    /// The [decomposed] text must contain one of these.
    Text(Vec<String>),
    /// The text's [initials] must contain this.
    Initials(String),
}

/// The words of a query.
///
/// A word of consonants only is searched among the initials. Every other word must occur syllable
/// by syllable. The last letter of the query may be incomplete: `스마트사` and `스마트ㅅ` both find 스마트상점.
/// A blank after it completes it.
pub(crate) fn search_terms(query: &str) -> Vec<SearchTerm> {
    let is_complete = query.ends_with(char::is_whitespace);
    let words: Vec<&str> = query.split_whitespace().collect();
    let last = words.len().saturating_sub(1);
    words
        .into_iter()
        .enumerate()
        .map(|(place, word)| {
            let letters = decomposed(word);
            match typed_initials(word) {
                Some(initials) => SearchTerm::Initials(initials),
                None if place == last && !is_complete => SearchTerm::Text(completions(letters)),
                None => SearchTerm::Text(vec![letters]),
            }
        })
        .collect()
}

/// What a word with an incomplete last syllable may begin with once that syllable is complete. Its
/// final may be missing, or its vowel too; and the consonant that is shown as its final may become
/// the initial of the next syllable (기술 is typed 기, 깃, 기수, 기술).
fn completions(letters: String) -> Vec<String> {
    let mut before = letters.clone();
    let Some(last) = before.pop() else {
        return vec![letters];
    };
    let previous = before.chars().next_back();
    if last == NO_FINAL {
        // Any final, or a vowel that is formed of this one and the next.
        let joined = VOWEL_PAIRS
            .into_iter()
            .find(|(first, _)| Some(*first) == previous)
            .map_or::<&[char], _>(&[], |(_, joined)| joined);
        let mut completions = vec![before.clone()];
        before.pop();
        completions.extend(joined.iter().map(|vowel| format!("{before}{vowel}")));
        return completions;
    }
    if let Some(typed) = typed(last, FINALS, &TYPED_FINALS) {
        let doubled = CONSONANT_PAIRS
            .iter()
            .filter(|(_, [first, _])| *first == typed)
            .filter_map(|(pair, _)| as_final(*pair));
        let mut completions: Vec<String> = doubled.map(|last| format!("{before}{last}")).collect();
        // The consonant, or the second one of a pair, may start the next syllable.
        let moved = match split_pair(typed) {
            Some([first, second]) => as_final(first).zip(as_initial(second)),
            None => Some(NO_FINAL).zip(as_initial(typed)),
        };
        completions.extend(moved.map(|(last, next)| format!("{before}{last}{next}")));
        completions.push(letters);
        return completions;
    }
    let follows_syllable =
        previous.is_some_and(|letter| letter == NO_FINAL || FINALS.contains(&letter));
    match as_initial(last) {
        Some(initial) if follows_syllable => vec![format!("{before}{initial}")],
        _ => vec![letters],
    }
}

/// Whether the last sound of a text is a consonant, which decides between 과 and 와. `None` if it
/// ends neither in a syllable of Hangul nor in a digit: how that is read is not known.
pub(crate) fn ends_in_consonant(text: &str) -> Option<bool> {
    let letter = text.chars().rev().find(|letter| letter.is_alphanumeric())?;
    match letter {
        // 영, 일, 삼, 육, 칠, 팔.
        '0'..='9' => Some(matches!(letter, '0' | '1' | '3' | '6' | '7' | '8')),
        '가'..='힣' => {
            let mut last = letter;
            decompose_canonical(letter, |part| last = part);
            Some(FINALS.contains(&last))
        }
        _ => None,
    }
}

/// A word of consonants only, in the form of [`initials`].
fn typed_initials(word: &str) -> Option<String> {
    let mut found = String::new();
    for letter in word.chars() {
        let pair = split_pair(letter);
        for consonant in pair.as_ref().map_or(&[letter][..], |pair| &pair[..]) {
            if !TYPED_INITIALS.contains(consonant) {
                return None;
            }
            found.extend([*consonant, NO_FINAL]);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests;
