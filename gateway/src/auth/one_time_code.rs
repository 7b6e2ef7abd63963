//! One-time codes: six digits that are sent by SMS, bound to a challenge.
//!
//! A guess is counted before it is checked, by a statement that counts at most five, so that
//! concurrent guesses get no more tries than sequential ones.

use chrono::TimeDelta;
use events::CustomerId;
use rand::RngExt as _;
use serde::Deserialize;
use service_kit::forms::phone::Phone;
use service_kit::forms::text;
use service_kit::{Db, Tx, redacted_debug};
use uuid::Uuid;

use crate::auth::consent;
use crate::config::SignInKey;

pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(3);

/// Guesses for one challenge.
pub(crate) const MAX_GUESSES: i16 = 5;

const DIGITS: usize = 6;

/// Separates these MACs from others under the same key.
const PURPOSE: &str = "one-time-code";

#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Code(String);

redacted_debug!(Code);

impl Code {
    /// Uniformly random.
    pub(crate) fn random() -> Self {
        let number = rand::rng().random_range(0..1_000_000);
        Self(format!("{number:0DIGITS$}"))
    }

    /// The message, which must fit into one SMS: 90 bytes, and two bytes for each Hangul letter.
    pub(crate) fn message(&self) -> String {
        let code = &self.0;
        format!("[KT.GG] 인증번호 {code} (3분 안에 입력, 타인에게 알리지 마세요)")
    }

    /// The stored form. It is useless without the key, and for every other challenge.
    pub(crate) fn mac(&self, key: &SignInKey, challenge: Uuid) -> Vec<u8> {
        key.mac(PURPOSE, &[challenge.as_bytes(), self.0.as_bytes()])
    }

    /// Whether `mac` is the stored form of this code.
    pub(crate) fn matches(&self, key: &SignInKey, challenge: Uuid, mac: &[u8]) -> bool {
        key.verifies(PURPOSE, &[challenge.as_bytes(), self.0.as_bytes()], mac)
    }
}

impl TryFrom<String> for Code {
    type Error = &'static str;

    /// Reads `１２３ ４５６` and `123-456` too, as phones offer to copy it.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text::searchable(&text).replace([' ', '-'], "");
        let is_code = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(Self(text)).ok_or("a code has six digits")
    }
}

/// Stores a code for the present version of the consent.
pub(crate) async fn insert(
    tx: &mut Tx,
    challenge: Uuid,
    customer: CustomerId,
    phone: &Phone,
    code_mac: &[u8],
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into one_time_code
             (challenge, customer_id, phone, code_mac, consent_version, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(challenge)
    .bind(customer.0)
    .bind(phone.e164())
    .bind(code_mac)
    .bind(consent::VERSION)
    .bind(now)
    .bind(now + LIFETIME)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A challenge whose guess was counted.
#[derive(sqlx::FromRow)]
pub(crate) struct Challenge {
    pub(crate) customer_id: Uuid,
    pub(crate) phone: String,
    pub(crate) code_mac: Vec<u8>,
    pub(crate) consent_version: String,
    /// The guesses so far, this one included.
    pub(crate) guesses: i16,
}

/// Counts a guess. `None` if the challenge has none left, is used or expired, or does not exist.
pub(crate) async fn count_guess(
    tx: &mut Tx,
    challenge: Uuid,
) -> Result<Option<Challenge>, sqlx::Error> {
    let now = tx.now();
    sqlx::query_as(
        "update one_time_code set judged = judged + 1
         where challenge = $1 and judged < $2 and used_at is null and expires_at > $3
         returning customer_id, phone, code_mac, consent_version, judged as guesses",
    )
    .bind(challenge)
    .bind(MAX_GUESSES)
    .bind(now)
    .fetch_optional(&mut **tx)
    .await
}

/// Marks this code as used, and every other code of the customer with it. Returns `false` if a
/// concurrent request has used it.
pub(crate) async fn use_up(
    tx: &mut Tx,
    challenge: Uuid,
    customer: CustomerId,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let used: Vec<Uuid> = sqlx::query_scalar(
        "update one_time_code set used_at = $3
         where customer_id = $2 and used_at is null and exists (
             select from one_time_code own where own.challenge = $1 and own.used_at is null)
         returning challenge",
    )
    .bind(challenge)
    .bind(customer.0)
    .bind(now)
    .fetch_all(&mut **tx)
    .await?;
    Ok(used.contains(&challenge))
}

/// Deletes the codes of a customer.
pub(crate) async fn delete_all(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from one_time_code where customer_id = $1")
        .bind(customer.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes expired codes, and their phone numbers with them.
pub(crate) async fn prune(db: &Db) -> Result<(), sqlx::Error> {
    sqlx::query("delete from one_time_code where expires_at <= $1")
        .bind(db.now())
        .execute(db.pool())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits_and_not_printed() {
        for _ in 0..1000 {
            let code = Code::random();
            assert!(
                code.0.len() == DIGITS && code.0.bytes().all(|byte| byte.is_ascii_digit()),
                "{}",
                code.0
            );
        }
        assert_eq!(format!("{:?}", Code::random()), "***");
    }

    #[test]
    fn a_code_is_read_without_blanks_and_invisible_characters() {
        for text in [
            " 012345 ",
            "０１２３４５",
            "012 345",
            "012-345",
            "\u{202A}01\u{200B}2345\u{202C}",
        ] {
            assert_eq!(
                Code::try_from(text.to_owned()).unwrap().0,
                "012345",
                "{text}"
            );
        }
        for text in [
            "",
            "12345",
            "1234567",
            "12345x",
            "-12345",
            "１２３４５",
            "١٢٣٤٥٦",
        ] {
            assert!(Code::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_message_fits_into_one_sms() {
        let bytes: usize = Code::random()
            .message()
            .chars()
            .map(|letter| if letter.is_ascii() { 1 } else { 2 })
            .sum();
        assert!(bytes <= 90, "{bytes}");
    }

    #[test]
    fn codes_are_uniformly_distributed() {
        let mut first_digits = [0_u32; 10];
        for _ in 0..20_000 {
            let code = Code::random();
            first_digits[usize::from(code.0.as_bytes()[0] - b'0')] += 1;
        }
        // 2,000 each, plus or minus seven standard deviations.
        assert!(
            first_digits
                .iter()
                .all(|count| (1_700..2_300).contains(count)),
            "{first_digits:?}"
        );
    }

    #[test]
    fn a_code_matches_only_its_challenge_and_key() {
        let (key, other): (SignInKey, SignInKey) = (
            "k".repeat(32).parse().unwrap(),
            "o".repeat(32).parse().unwrap(),
        );
        let (challenge, code) = (Uuid::new_v4(), Code::random());
        let mac = code.mac(&key, challenge);
        assert!(code.matches(&key, challenge, &mac));
        assert!(!code.matches(&key, Uuid::new_v4(), &mac));
        assert!(!code.matches(&other, challenge, &mac));
    }
}
