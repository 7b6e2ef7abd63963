//! Korean phone numbers: normalised, and redacted in logs.

use std::fmt;
use std::str::FromStr;

use events::{CustomerId, LastFour};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::forms::text;

/// A Korean phone number in E.164: `+821012345678`. Its `Debug` is `***`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

impl Phone {
    /// The number in E.164.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// Whether the number receives no text message: that of a place (02, 031 to 064), or of a paid
    /// service (060).
    pub fn is_landline(&self) -> bool {
        let digits = self.digits();
        let (prefix, _) = split_prefix(&digits);
        prefix.len() < 4 && matches!(&prefix[1..2], "2" | "3" | "4" | "5" | "6")
    }

    /// The national format without the middle digits: `010-****-5678`.
    pub fn masked(&self) -> String {
        let digits = self.digits();
        let (prefix, _, last) = parts(&digits);
        format!("{prefix}-****-{last}")
    }

    /// The national format: `010-1234-5678`.
    pub fn national(&self) -> String {
        let digits = self.digits();
        let (prefix, middle, last) = parts(&digits);
        format!("{prefix}-{middle}-{last}")
    }

    /// The last four digits: events contain no more of a number.
    pub fn last_four(&self) -> LastFour {
        // Every valid number ends with four digits.
        LastFour::try_from(self.0[self.0.len() - 4..].to_owned()).unwrap_or_default()
    }

    /// The usual spellings of the number, to find it in free text.
    pub fn spellings(&self) -> Vec<String> {
        let national = self.national();
        let spaced = national.replace('-', " ");
        let international =
            |separator: &str, national: &str| format!("+82{separator}{}", &national[1..]);
        vec![
            self.digits(),
            self.e164().to_owned(),
            self.e164()[1..].to_owned(),
            international("", &national),
            international("-", &national),
            international(" ", &national),
            international(" ", &spaced),
            spaced,
            national,
        ]
    }

    fn digits(&self) -> String {
        format!("0{}", &self.0["+82".len()..])
    }
}

/// Prefix, middle and last four digits of a valid number.
fn parts(national: &str) -> (&str, &str, &str) {
    let (prefix, rest) = split_prefix(national);
    let (middle, last) = rest.split_at(rest.len() - 4);
    (prefix, middle, last)
}

/// The prefix (010, 02, 031, 0507, 070, …) and the rest.
fn split_prefix(national: &str) -> (&str, &str) {
    // A personal number (050x) has a prefix of four digits.
    national.split_at(match national.as_bytes() {
        [b'0', b'2', ..] => 2,
        [b'0', b'5', b'0', ..] => 4,
        _ => 3,
    })
}

/// Signs that people write between the digits, among them dashes, the minus sign and middle dots.
fn is_separator(letter: char) -> bool {
    matches!(
        letter,
        ' ' | '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2015}'
    ) || "−·ㆍ•・。".contains(letter)
}

impl FromStr for Phone {
    type Err = InvalidPhone;

    /// Reads `010-1234-5678`, `+82 (0)10 1234 5678`, `0082-10-…`, `０１０．１２３４．５６７８` and
    /// `01012345678` as the same number, also with invisible characters in it.
    fn from_str(text: &str) -> Result<Self, InvalidPhone> {
        let mut digits = String::new();
        for letter in text::searchable(text).chars() {
            match letter {
                '0'..='9' => digits.push(letter),
                '+' if digits.is_empty() => {}
                _ if is_separator(letter) => {}
                _ => return Err(InvalidPhone),
            }
        }
        let national = digits
            .strip_prefix("0082")
            .or_else(|| digits.strip_prefix("82"))
            .map_or_else(
                || digits.clone(),
                |rest| format!("0{}", rest.strip_prefix('0').unwrap_or(rest)),
            );
        let (prefix, rest) = match national.len() {
            9..=12 if national.starts_with('0') => split_prefix(&national),
            _ => return Err(InvalidPhone),
        };
        let is_plausible = match prefix {
            "010" => rest.len() == 8,
            "02" | "011" | "016" | "017" | "018" | "019" | "070" => matches!(rest.len(), 7 | 8),
            _ => matches!(&prefix[..2], "03" | "04" | "05" | "06") && matches!(rest.len(), 7 | 8),
        };
        if is_plausible {
            Ok(Self(format!("+82{}", &national[1..])))
        } else {
            Err(InvalidPhone)
        }
    }
}

impl TryFrom<String> for Phone {
    type Error = InvalidPhone;
    fn try_from(text: String) -> Result<Self, InvalidPhone> {
        text.parse()
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

/// The text is not a Korean phone number. The error does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPhone;

impl fmt::Display for InvalidPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a Korean phone number")
    }
}

impl std::error::Error for InvalidPhone {}

/// The HMAC key for customer ids. With it, a customer's number can be found by trying all numbers.
#[derive(Clone)]
pub struct CustomerIdKey(Vec<u8>);

impl CustomerIdKey {
    /// The customer's id: `UUIDv8` of HMAC-SHA256(key, E.164 number).
    pub fn customer_id(&self, phone: &Phone) -> CustomerId {
        let mut first = [0_u8; 16];
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            mac.update(phone.e164().as_bytes());
            first.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        CustomerId(Uuid::new_v8(first))
    }
}

crate::redacted_debug!(Phone, CustomerIdKey);

impl FromStr for CustomerIdKey {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.len() >= 32 {
            Ok(Self(text.as_bytes().to_vec()))
        } else {
            Err("expected at least 32 characters")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_parse_to_the_same_number() {
        for typed in [
            "010-1234-5678",
            "+82 10 1234 5678",
            "01012345678",
            " 010.1234.5678 ",
            "0082-10-1234-5678",
            "+82 (0)10-1234-5678",
            "010–1234–5678",
            "０１０－１２３４－５６７８",
            "\u{202A}010\u{A0}1234\u{A0}5678\u{202C}",
            "010\u{200B}-1234\u{2060}-5678\u{FEFF}",
            "010·1234·5678",
            "010・1234・5678",
            "010−1234−5678",
            "010\t1234 5678\n",
            "＋８２ 10 1234 5678",
        ] {
            assert_eq!(
                typed.parse::<Phone>().unwrap().e164(),
                "+821012345678",
                "{typed}"
            );
        }
    }

    #[test]
    fn text_that_is_not_a_korean_number_is_refused() {
        for typed in [
            "",
            "010",
            "010-1234-567",
            "010-12345-6789",
            "+1 212 555 0100",
            "010-1234-567x",
            "１０",
            "１０\u{200B}",
            "112",
            "0507-12345-6789",
            "09012345678",
        ] {
            assert_eq!(typed.parse::<Phone>(), Err(InvalidPhone), "{typed}");
        }
    }

    #[test]
    fn only_numbers_of_a_place_are_landlines() {
        for (written, is_landline) in [
            ("02-123-4567", true),
            ("031-123-4567", true),
            ("055-123-4567", true),
            ("064-123-4567", true),
            ("060-700-1234", true),
            ("010-1234-5678", false),
            ("011-123-4567", false),
            ("070-1234-5678", false),
            ("0507-1234-5678", false),
        ] {
            let phone: Phone = written.parse().unwrap();
            assert_eq!(phone.is_landline(), is_landline, "{written}");
        }
    }

    #[test]
    fn masked_number_shows_prefix_and_last_four() {
        assert_eq!(
            "010-1234-5678".parse::<Phone>().unwrap().masked(),
            "010-****-5678"
        );
        assert_eq!(
            "02-123-4567".parse::<Phone>().unwrap().masked(),
            "02-****-4567"
        );
    }

    #[test]
    fn national_format_follows_korean_custom() {
        for written in [
            "010-1234-5678",
            "02-123-4567",
            "02-1234-5678",
            "031-123-4567",
            "070-1234-5678",
            "0505-123-4567",
            "0507-1234-5678",
        ] {
            assert_eq!(written.parse::<Phone>().unwrap().national(), written);
        }
    }

    #[test]
    fn spellings_cover_how_people_write_a_number() {
        let phone: Phone = "010-1234-5678".parse().unwrap();
        let spellings = phone.spellings();
        for written in [
            "01012345678",
            "010-1234-5678",
            "010 1234 5678",
            "+821012345678",
            "+82-10-1234-5678",
            "+82 10-1234-5678",
            "+82 10 1234 5678",
        ] {
            assert!(
                spellings.iter().any(|spelling| spelling == written),
                "{written}"
            );
        }
        assert!(
            spellings
                .iter()
                .all(|spelling| spelling.parse::<Phone>().as_ref() == Ok(&phone))
        );
        let personal: Phone = "0507-1234-5678".parse().unwrap();
        let spellings = personal.spellings();
        assert!(spellings.contains(&"050712345678".to_owned()));
        assert!(spellings.contains(&"+82 507-1234-5678".to_owned()));
        assert_eq!(
            (personal.masked(), String::from(personal.last_four())),
            ("0507-****-5678".to_owned(), "5678".to_owned())
        );
    }

    #[test]
    fn debug_of_a_phone_is_redacted() {
        assert_eq!(
            format!("{:?}", "010-1234-5678".parse::<Phone>().unwrap()),
            "***"
        );
    }

    #[test]
    fn customer_id_depends_on_number_and_key_only() {
        let key: CustomerIdKey = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let other: CustomerIdKey = "1123456789abcdef0123456789abcdef".parse().unwrap();
        let one: Phone = "010-1234-5678".parse().unwrap();
        let same: Phone = "+821012345678".parse().unwrap();
        assert_eq!(key.customer_id(&one), key.customer_id(&same));
        assert_ne!(key.customer_id(&one), other.customer_id(&one));
        assert_eq!(key.customer_id(&one).0.get_version_num(), 8);
    }
}
