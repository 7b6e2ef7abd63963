//! Character-level helpers for Korean titles and periods, which spell the same sign in many ways.

/// ASCII for full-width forms, and one sign each for the variants of blank, tilde, dash, apostrophe
/// and middle dot. One character stays one character, so that positions in the text stay valid.
pub(crate) fn normalize_char(letter: char) -> char {
    const FULL_WIDTH_OFFSET: u32 = 0xFEE0;
    let half_width = match letter {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(letter) - FULL_WIDTH_OFFSET),
        _ => None,
    };
    match half_width.unwrap_or(letter) {
        '∼' | '〜' | '˜' => '~',
        '–' | '—' | '‐' | '‑' | '−' | '―' => '-',
        '’' | '‘' | '`' | '´' | '′' => '\'',
        'ㆍ' | '·' | '・' | '‧' | '･' | '∙' | '•' => '·',
        blank if blank.is_whitespace() => ' ',
        other => other,
    }
}

/// The characters of a text, each normalized.
pub(crate) fn normalize(text: &str) -> Vec<char> {
    text.chars().map(normalize_char).collect()
}

/// A control character other than a line break or a tab: not allowed in any displayed text.
pub(crate) fn is_unprintable(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')
}

/// Whether `word` stands at that position.
pub(crate) fn has_word_at(letters: &[char], at: usize, word: &str) -> bool {
    let mut rest = letters.get(at..).unwrap_or_default().iter();
    word.chars().all(|letter| rest.next() == Some(&letter))
}

/// The first position from `at` on that is not a blank.
pub(crate) fn skip_blanks(letters: &[char], mut at: usize) -> usize {
    while letters.get(at) == Some(&' ') {
        at += 1;
    }
    at
}

/// Start and end of every maximal run of ASCII digits.
pub(crate) fn digit_runs(letters: &[char]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let end = end_of_digits(letters, at);
        if end > at {
            runs.push((at, end));
        }
        at = end.max(at + 1);
    }
    runs
}

/// The end of the run of digits that starts at `at`; `at` itself if there is none.
pub(crate) fn end_of_digits(letters: &[char], mut at: usize) -> usize {
    while letters.get(at).is_some_and(char::is_ascii_digit) {
        at += 1;
    }
    at
}

/// The value of one to nine digits.
pub(crate) fn parse_number(digits: &[char]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, digit| Some(number * 10 + digit.to_digit(10)?))
}

/// Overwrites the characters from `at` on with those of `text`.
pub(crate) fn overwrite(letters: &mut [char], at: usize, text: &str) {
    for (letter, new) in letters.iter_mut().skip(at).zip(text.chars()) {
        *letter = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_signs_become_equal_and_keep_positions() {
        let text = "２０２４．４．１∼30 ‘24ㆍ국내·외–Ａ";
        let normalized: String = normalize(text).into_iter().collect();
        assert_eq!(normalized, "2024.4.1~30 '24·국내·외-A");
        assert_eq!(normalized.chars().count(), text.chars().count());
    }

    #[test]
    fn digit_runs_are_maximal() {
        let letters: Vec<char> = "a20240401b7".chars().collect();
        assert_eq!(digit_runs(&letters), [(1, 9), (10, 11)]);
        assert_eq!(parse_number(&letters[1..9]), Some(20_240_401));
        assert_eq!((parse_number(&[]), parse_number(&['1'; 10])), (None, None));
    }
}
