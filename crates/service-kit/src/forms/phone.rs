//! Korean phone numbers: one number however it is typed, and never printed by accident.

use std::fmt;
use std::str::FromStr;

use events::{CustomerId, LastFour};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// A Korean phone number in E.164, as in `+821012345678`. Its `Debug` is `***`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

impl Phone {
    /// The number itself, for the row that keeps it and for whoever has to call it.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// The national form with the middle hidden: `010-****-5678`.
    pub fn masked(&self) -> String {
        let digits = self.digits();
        let (head, _, last) = written(&digits);
        format!("{head}-****-{last}")
    }

    /// `010-1234-5678`: the number as it is written and dialled in Korea.
    pub fn national(&self) -> String {
        let digits = self.digits();
        let (head, middle, last) = written(&digits);
        format!("{head}-{middle}-{last}")
    }

    /// The last four digits: all that an event may carry of a number.
    pub fn last_four(&self) -> LastFour {
        // Every number that was accepted ends in four digits.
        LastFour::try_from(self.0[self.0.len() - 4..].to_owned()).unwrap_or_default()
    }

    /// The ways in which the number is usually written: what to look for where nobody should have written it.
    pub fn spellings(&self) -> Vec<String> {
        let national = self.national();
        let spaced = national.replace('-', " ");
        let abroad = |sign: &str, written: &str| format!("+82{sign}{}", &written[1..]);
        vec![
            self.digits(),
            self.e164().to_owned(),
            self.e164()[1..].to_owned(),
            abroad("", &national),
            abroad("-", &national),
            abroad(" ", &national),
            abroad(" ", &spaced),
            spaced,
            national,
        ]
    }

    fn digits(&self) -> String {
        format!("0{}", &self.0["+82".len()..])
    }
}

/// The three parts in which a number is written. Every number that was accepted ends in four digits.
fn written(national: &str) -> (&str, &str, &str) {
    let (head, rest) = split_area(national);
    let (middle, last) = rest.split_at(rest.len() - 4);
    (head, middle, last)
}

/// The prefix (010, 02, 031, 070 …) and the rest.
fn split_area(national: &str) -> (&str, &str) {
    national.split_at(if national.starts_with("02") { 2 } else { 3 })
}

impl FromStr for Phone {
    type Err = NotAPhone;

    /// Reads `010-1234-5678`, `+82 10 1234 5678`, `0082-10-…` and `01012345678` as one number.
    fn from_str(text: &str) -> Result<Self, NotAPhone> {
        let mut digits = String::new();
        for letter in text.trim().chars() {
            match letter {
                '0'..='9' => digits.push(letter),
                '+' if digits.is_empty() => {}
                ' ' | '-' | '.' | '(' | ')' | '\u{2010}'..='\u{2015}' => {}
                _ => return Err(NotAPhone),
            }
        }
        let national = digits
            .strip_prefix("0082")
            .or_else(|| digits.strip_prefix("82"))
            .map_or_else(
                || digits.clone(),
                |rest| format!("0{}", rest.strip_prefix('0').unwrap_or(rest)),
            );
        let (area, rest) = match national.len() {
            9..=11 if national.starts_with('0') => split_area(&national),
            _ => return Err(NotAPhone),
        };
        let plausible = match area {
            "010" => rest.len() == 8,
            "02" | "011" | "016" | "017" | "018" | "019" | "070" => matches!(rest.len(), 7 | 8),
            _ => matches!(&area[..2], "03" | "04" | "05" | "06") && matches!(rest.len(), 7 | 8),
        };
        if plausible {
            Ok(Self(format!("+82{}", &national[1..])))
        } else {
            Err(NotAPhone)
        }
    }
}

impl TryFrom<String> for Phone {
    type Error = NotAPhone;
    fn try_from(text: String) -> Result<Self, NotAPhone> {
        text.parse()
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

/// The text is no Korean phone number. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPhone;

impl fmt::Display for NotAPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no Korean phone number")
    }
}

impl std::error::Error for NotAPhone {}

/// The key under which phone numbers become customer ids. Whoever has it can find a person by trying numbers, so it is a secret.
#[derive(Clone)]
pub struct CustomerIdKey(Vec<u8>);

impl CustomerIdKey {
    /// The customer's id: `UUIDv8` of HMAC-SHA256(key, E.164 number), the same wherever the number is typed.
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
            Err("it is shorter than 32 characters")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_however_it_is_typed() {
        for typed in [
            "010-1234-5678",
            "+82 10 1234 5678",
            "01012345678",
            " 010.1234.5678 ",
            "0082-10-1234-5678",
            "+82 (0)10-1234-5678",
            "010–1234–5678",
        ] {
            assert_eq!(
                typed.parse::<Phone>().unwrap().e164(),
                "+821012345678",
                "{typed}"
            );
        }
    }

    #[test]
    fn what_is_no_korean_number_is_refused() {
        for typed in [
            "",
            "010",
            "010-1234-567",
            "010-12345-6789",
            "+1 212 555 0100",
            "010-1234-567x",
            "１０",
            "112",
            "09012345678",
        ] {
            assert_eq!(typed.parse::<Phone>(), Err(NotAPhone), "{typed}");
        }
    }

    #[test]
    fn a_masked_number_shows_its_prefix_and_its_last_four() {
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
    fn a_number_is_written_as_people_in_korea_write_it() {
        for written in [
            "010-1234-5678",
            "02-123-4567",
            "02-1234-5678",
            "031-123-4567",
            "070-1234-5678",
        ] {
            assert_eq!(written.parse::<Phone>().unwrap().national(), written);
        }
    }

    #[test]
    fn whoever_looks_for_a_number_finds_it_as_people_write_it() {
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
    }

    #[test]
    fn a_phone_is_not_printed_by_accident() {
        assert_eq!(
            format!("{:?}", "010-1234-5678".parse::<Phone>().unwrap()),
            "***"
        );
    }

    #[test]
    fn a_customer_id_depends_on_the_number_and_the_key_alone() {
        let key: CustomerIdKey = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let other: CustomerIdKey = "1123456789abcdef0123456789abcdef".parse().unwrap();
        let one: Phone = "010-1234-5678".parse().unwrap();
        let same: Phone = "+821012345678".parse().unwrap();
        assert_eq!(key.customer_id(&one), key.customer_id(&same));
        assert_ne!(key.customer_id(&one), other.customer_id(&one));
        assert_eq!(key.customer_id(&one).0.get_version_num(), 8);
    }
}
