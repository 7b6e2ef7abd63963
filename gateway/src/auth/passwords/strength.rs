//! Which passwords are accepted.

use std::ops::RangeInclusive;

use service_kit::http::problem::Text;
use zxcvbn::Score;
use zxcvbn::feedback::{Feedback, Warning};

/// In characters. A longer password is not safer.
const LENGTH: RangeInclusive<usize> = 10..=128;

/// Why a password is refused: a code and a text.
pub(crate) type Weakness = (&'static str, Text);

/// Accepts passwords that take more than 10^8 guesses. zxcvbn knows 30,000 common passwords of
/// breaches, and is given the login and the name.
pub(super) fn weakness(password: &str, login: &str, name: &str) -> Option<Weakness> {
    let length = password.chars().count();
    let (min, max) = (LENGTH.start(), LENGTH.end());
    if length < *min {
        let text = Text::new(
            format!("비밀번호는 {min}자 이상이어야 합니다"),
            format!("A password has at least {min} characters"),
        );
        return Some(("too-short", text));
    }
    if length > *max {
        let text = Text::new(
            format!("비밀번호는 {max}자 이하여야 합니다"),
            format!("A password has at most {max} characters"),
        );
        return Some(("too-long", text));
    }
    let name = name.to_lowercase();
    let parts = login
        .split(['.', '_', '-', '@', '+'])
        .chain(name.split_whitespace());
    let personal: Vec<&str> = [login, &name, "ktgg", "kt.gg"]
        .into_iter()
        .chain(parts)
        .filter(|part| !part.is_empty())
        .collect();
    let entropy = zxcvbn::zxcvbn(password, &personal);
    let warning = entropy.feedback().and_then(Feedback::warning);
    (entropy.score() < Score::Three).then(|| explain(warning))
}

fn explain(warning: Option<Warning>) -> Weakness {
    let (code, ko, en) = match warning {
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => (
            "common",
            "유출된 적이 있는 흔한 비밀번호입니다",
            "It is, or resembles, one of the common passwords of known breaches",
        ),
        Some(
            Warning::StraightRowsOfKeysAreEasyToGuess
            | Warning::ShortKeyboardPatternsAreEasyToGuess,
        ) => (
            "keyboard-row",
            "자판에 늘어선 글자는 쉽게 짐작됩니다",
            "Rows of keys are easy to guess",
        ),
        Some(
            Warning::RepeatsLikeAaaAreEasyToGuess
            | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess,
        ) => (
            "repeats",
            "되풀이되는 글자는 쉽게 짐작됩니다",
            "Repeats are easy to guess",
        ),
        Some(Warning::SequencesLikeAbcAreEasyToGuess) => (
            "sequence",
            "abc나 6543처럼 이어지는 글자는 쉽게 짐작됩니다",
            "Sequences like abc or 6543 are easy to guess",
        ),
        Some(Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess) => (
            "date",
            "연도와 날짜는 쉽게 짐작됩니다",
            "Years and dates are easy to guess",
        ),
        Some(
            Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
            | Warning::CommonNamesAndSurnamesAreEasyToGuess,
        ) => ("name", "이름은 쉽게 짐작됩니다", "Names are easy to guess"),
        Some(Warning::AWordByItselfIsEasyToGuess) | None => (
            "guessable",
            "쉽게 짐작됩니다. 낱말 몇 개를 더 이어 주세요",
            "It is easy to guess: add a few words",
        ),
    };
    (code, Text::new(ko, en))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<&'static str> {
        weakness(text, "haneul.kim", "김하늘").map(|(code, _)| code)
    }

    #[test]
    fn common_passwords_of_breaches_are_refused() {
        for common in [
            "1234567890",
            "password123",
            "iloveyou12",
            "basketball",
            "Password1234",
            "P@ssw0rd123",
            "0192837465",
        ] {
            assert!(refused(common).is_some(), "{common}");
        }
        assert_eq!(refused("qwertyuiop"), Some("common"));
    }

    #[test]
    fn guessable_passwords_are_refused_with_a_reason() {
        assert_eq!(refused("aaaaaaaaaaaa"), Some("repeats"));
        assert_eq!(refused("1986-11-24"), Some("date"));
        assert_eq!(refused("zxcvbnm,./"), Some("keyboard-row"));
        assert!(refused("haneul.kim").is_some());
        assert!(refused("haneul2026").is_some());
        assert!(refused("ktggktggktgg").is_some());
    }

    #[test]
    fn a_password_has_10_to_128_characters_of_any_kind() {
        assert_eq!(refused("xK9#mQ2!v"), Some("too-short"));
        assert_eq!(refused("xK9#mQ2!vZ"), None);
        let long: String = "xK9#mQ2!vZ7@".chars().cycle().take(129).collect();
        assert_eq!(refused(&long), Some("too-long"));
        assert_ne!(refused(&long[..128]), Some("too-long"));
        assert_eq!(refused("수요일에는 떡볶이를 먹자"), None);
        assert_eq!(refused("correct horse battery staple"), None);
    }
}
