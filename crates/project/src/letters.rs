//! Letters that mean the same, written alike: what people type and what web pages send differ in them for no reason.

/// The letter by which all of its kind are known: ASCII for the full-width forms, one blank, one tilde, one dash, one apostrophe, one middle
/// dot. One letter stays one letter, so that places in the text stay where they are.
pub(crate) fn plain(letter: char) -> char {
    match letter {
        '\u{FF01}'..='\u{FF5E}' => u32::from(letter)
            .checked_sub(0xFEE0)
            .and_then(char::from_u32)
            .map_or(letter, same_kind),
        _ => same_kind(letter),
    }
}

fn same_kind(letter: char) -> char {
    match letter {
        '∼' | '〜' | '˜' => '~',
        '–' | '—' | '‐' | '‑' | '−' | '―' => '-',
        '’' | '‘' | '`' | '´' | '′' => '\'',
        'ㆍ' | '·' | '・' | '‧' | '･' | '∙' | '•' => '·',
        _ if letter.is_whitespace() => ' ',
        _ => letter,
    }
}

/// Whether no text that is shown holds such a letter: a control character that is no blank.
pub(crate) fn is_unprintable(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')
}

/// Whether the letters go on like this at that place.
pub(crate) fn goes_on(letters: &[char], at: usize, with: &str) -> bool {
    let mut rest = letters.get(at..).unwrap_or_default().iter();
    with.chars().all(|wanted| rest.next() == Some(&wanted))
}

/// The first place from there on that is no blank.
pub(crate) fn skip_blanks(letters: &[char], mut at: usize) -> usize {
    while letters.get(at) == Some(&' ') {
        at += 1;
    }
    at
}

/// Every longest run of ASCII digits: where it begins and where it ends.
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

/// Where the digits that begin there end.
pub(crate) fn end_of_digits(letters: &[char], mut at: usize) -> usize {
    while letters.get(at).is_some_and(char::is_ascii_digit) {
        at += 1;
    }
    at
}

/// The number that these digits are; at most nine of them.
pub(crate) fn number(digits: &[char]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, digit| Some(number * 10 + digit.to_digit(10)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_becomes_alike_and_keeps_its_place() {
        let text = "２０２４．４．１∼30 ‘24ㆍ국내·외–Ａ";
        let alike: String = text.chars().map(plain).collect();
        assert_eq!(alike, "2024.4.1~30 '24·국내·외-A");
        assert_eq!(alike.chars().count(), text.chars().count());
    }

    #[test]
    fn runs_of_digits_are_whole() {
        let letters: Vec<char> = "a20240401b7".chars().collect();
        assert_eq!(digit_runs(&letters), [(1, 9), (10, 11)]);
        assert_eq!(number(&letters[1..9]), Some(20_240_401));
        assert_eq!((number(&[]), number(&['1'; 10])), (None, None));
    }
}
