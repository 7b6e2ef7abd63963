//! Texts that people type or paste: the form in which they are stored, and the one in which they
//! are compared.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::decompose_compatible;

/// A text as it is stored: NFC, without [invisible](is_invisible) characters, every line break
/// `\n`, trimmed. Other control characters stay, because a form refuses them.
pub fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let visible = text.chars().filter(|letter| !is_invisible(*letter));
    let letters: String = visible.map(one_line_break).nfc().collect();
    letters.trim_matches(is_blank).to_owned()
}

/// A [clean] text of one line: every run of blanks and line breaks is one blank.
pub fn clean_line(text: &str) -> String {
    let text = clean(text);
    let words = text.split(is_blank).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A text that is typed to find or to compare something: one line, NFKC, so that `０１０` is `010`.
///
/// Hangul letters that stand alone (`ㄱ`, the middle dot `ㆍ`) stay as they are typed. NFKC would
/// make them parts of syllables, which no search for initials (초성) finds.
pub fn searchable(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{3131}'..='\u{318E}' => letters.push(letter),
            _ => decompose_compatible(letter, |part| letters.push(part)),
        }
    }
    clean_line(&letters)
}

/// Whether a character has no shape of its own: bidirectional controls, zero-width characters,
/// Hangul fillers, variation selectors, tags. `Default_Ignorable_Code_Point` of Unicode 16, and the
/// interlinear annotation characters.
pub fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// White space, and the braille pattern without dots, which looks like a blank.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{2800}'
}

/// `\n` for the other line breaks: carriage return, next line, line and paragraph separator.
fn one_line_break(letter: char) -> char {
    match letter {
        '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stored_text_is_composed_and_has_no_invisible_characters() {
        for (typed, stored) in [
            ("\u{1112}\u{1161}\u{11AB}글", "한글"),
            ("\u{FEFF}지원\u{200B}사\u{AD}업\u{202E}", "지원사업"),
            (
                "  첫 줄\r\n둘째 줄\u{2028}셋째\r줄 \n",
                "첫 줄\n둘째 줄\n셋째\n줄",
            ),
            ("가\u{3164}나", "가나"),
            ("①２０２６ ㈜", "①２０２６ ㈜"),
            ("a\0b", "a\0b"),
        ] {
            assert_eq!(clean(typed), stored, "{typed:?}");
        }
    }

    #[test]
    fn text_without_a_visible_character_is_empty() {
        for typed in [
            "",
            " ",
            "\u{200B}",
            "\u{3164}\u{3164}",
            "\u{2800}",
            "\u{202E}\u{A0}\n",
        ] {
            assert_eq!(clean(typed), "", "{typed:?}");
        }
    }

    #[test]
    fn line_has_single_blanks() {
        assert_eq!(clean_line(" a\u{A0}\u{3000}b\n\u{200B} c "), "a b c");
    }

    #[test]
    fn searched_text_is_compatible_and_keeps_typed_consonants() {
        for (typed, searched) in [
            ("０１０－１２３４", "010-1234"),
            ("ㅅㅁㅌ ㄳ", "ㅅㅁㅌ ㄳ"),
            ("국내ㆍ외", "국내ㆍ외"),
            ("㈜한빛", "(주)한빛"),
            ("\u{1112}\u{1161}\u{11AB}\u{200B}글", "한글"),
        ] {
            assert_eq!(searchable(typed), searched, "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "(\\PC|[\r\n\t \u{200B}\u{3164}\u{2800}\u{1100}-\u{11FF}\u{300}-\u{310}]){0,30}") {
            for clean in [clean, clean_line, searchable] {
                let once = clean(&text);
                prop_assert!(!once.contains(is_invisible));
                prop_assert_eq!(clean(&once), once);
            }
        }
    }
}
