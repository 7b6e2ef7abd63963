//! Passwords: which ones are accepted, and how they are hashed.
//!
//! argon2id with the smallest parameters that OWASP recommends. Hashing takes a core and 19 MiB, so
//! it runs on blocking threads, as many at a time as there are cores, and a request waits a few
//! seconds for one of these slots.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::Deserialize;
use serde_json::Value;
use service_kit::http::problem::Text;
use service_kit::{Problem, redacted_debug};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;
use zxcvbn::Score;
use zxcvbn::feedback::{Feedback, Warning};

/// In characters. A longer password is not safer.
const LENGTH: RangeInclusive<usize> = 10..=128;

/// Memory in KiB, passes and lanes, from OWASP's Password Storage Cheat Sheet. When they change,
/// each password is hashed again at its owner's next sign-in.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How long a request waits for a slot.
const SLOT_TIMEOUT: Duration = Duration::from_secs(5);

/// A password, byte for byte as it was typed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Password(String);

redacted_debug!(Password);

/// Unlike serde's own error, this one does not repeat the value.
impl TryFrom<Value> for Password {
    type Error = &'static str;
    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::String(text) => Ok(Self(text)),
            _ => Err("not a string"),
        }
    }
}

/// Why a password is refused: a code and a text.
pub(crate) type Weakness = (&'static str, Text);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verification {
    Wrong,
    Right {
        /// The password's hash with the present parameters, if it is stored with others.
        rehashed: Option<String>,
    },
}

/// Hashes and verifies passwords.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    slots: Arc<Semaphore>,
    /// The hash of a random password. It is verified where there is no hash, so that both cases
    /// take the same time.
    decoy: String,
}

impl Passwords {
    /// # Errors
    /// When the machine has no randomness.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let params = Params::new(MEMORY, PASSES, LANES, None)
            .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
        Self::with(params)
    }

    fn with(params: Params) -> anyhow::Result<Self> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, &Password(Uuid::new_v4().to_string()))?;
        let slots = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            argon2,
            slots: Arc::new(Semaphore::new(slots)),
            decoy,
        })
    }

    /// Waits for a slot, in which all work on one password is done.
    ///
    /// # Errors
    /// 503 when none is free in time.
    pub(crate) async fn slot(&self) -> Result<Slot<'_>, Problem> {
        let permit = tokio::time::timeout(SLOT_TIMEOUT, self.slots.clone().acquire_owned())
            .await
            .map_err(Problem::unavailable)?
            .map_err(Problem::internal)?;
        Ok(Slot {
            passwords: self,
            permit: Arc::new(permit),
        })
    }
}

/// Work that a cancelled request has started keeps the slot until it ends.
pub(crate) struct Slot<'a> {
    passwords: &'a Passwords,
    permit: Arc<OwnedSemaphorePermit>,
}

impl Slot<'_> {
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Problem> {
        let argon2 = self.passwords.argon2.clone();
        self.run(move || hash(&argon2, &password))
            .await?
            .map_err(Problem::internal)
    }

    /// Without a stored hash the result is `Wrong`, after the same time.
    pub(crate) async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verification, Problem> {
        let argon2 = self.passwords.argon2.clone();
        let has_hash = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.passwords.decoy.clone());
        let verification = self
            .run(move || verify(&argon2, &password, &stored))
            .await?
            .map_err(Problem::internal)?;
        Ok(if has_hash {
            verification
        } else {
            Verification::Wrong
        })
    }

    /// Why a password is refused for the owner of this login and name, if it is.
    pub(crate) async fn weakness(
        &self,
        password: Password,
        login: String,
        name: String,
    ) -> Result<Option<Weakness>, Problem> {
        self.run(move || weakness(&password, &login, &name)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.permit.clone();
        let work = move || {
            let result = work();
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Problem::internal)
    }
}

fn hash(argon2: &Argon2<'_>, password: &Password) -> anyhow::Result<String> {
    let hash = argon2
        .hash_password(password.0.as_bytes())
        .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(hash.to_string())
}

fn verify(argon2: &Argon2<'_>, password: &Password, stored: &str) -> anyhow::Result<Verification> {
    let stored = PasswordHash::new(stored)
        .map_err(|_| anyhow::anyhow!("a stored password hash cannot be parsed"))?;
    let result = argon2.verify_password(password.0.as_bytes(), &stored);
    if result.is_err() {
        return Ok(Verification::Wrong);
    }
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    let is_current = Params::try_from(&stored)
        .is_ok_and(|params| cost(&params) == cost(argon2.params()))
        && stored.algorithm == Algorithm::Argon2id.ident()
        && stored.version == Some(Version::V0x13.into());
    let rehashed = (!is_current).then(|| hash(argon2, password)).transpose()?;
    Ok(Verification::Right { rehashed })
}

/// Accepts passwords that take more than 10^8 guesses. zxcvbn knows 30,000 common passwords of
/// breaches, and is given the login and the name.
fn weakness(Password(password): &Password, login: &str, name: &str) -> Option<Weakness> {
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

    fn password(text: &str) -> Password {
        Password(text.to_owned())
    }

    fn refused(text: &str) -> Option<&'static str> {
        weakness(&password(text), "haneul.kim", "김하늘").map(|(code, _)| code)
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

    async fn hashed(passwords: &Passwords, text: &str) -> String {
        passwords
            .slot()
            .await
            .unwrap()
            .hash(password(text))
            .await
            .unwrap()
    }

    async fn verified(passwords: &Passwords, text: &str, stored: Option<&str>) -> Verification {
        passwords
            .slot()
            .await
            .unwrap()
            .verify(password(text), stored.map(str::to_owned))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn without_a_free_slot_in_time_it_is_503() {
        let passwords = Passwords::with(Params::new(8, 1, 1, None).unwrap()).unwrap();
        let mut taken = Vec::new();
        for _ in 0..passwords.slots.available_permits() {
            taken.push(passwords.slot().await.unwrap());
        }
        assert_eq!(
            passwords
                .slot()
                .await
                .err()
                .map(|refused| refused.status().as_u16()),
            Some(503)
        );
        taken.pop();
        assert!(passwords.slot().await.is_ok());
    }

    #[tokio::test]
    async fn a_password_is_compared_byte_for_byte() {
        let passwords = Passwords::new().unwrap();
        let stored = hashed(&passwords, " Caf\u{e9} 수요일 ").await;
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        let right = Verification::Right { rehashed: None };
        assert_eq!(
            verified(&passwords, " Caf\u{e9} 수요일 ", Some(&stored)).await,
            right
        );
        for other in [
            "Caf\u{e9} 수요일",
            " Cafe\u{301} 수요일 ",
            " caf\u{e9} 수요일 ",
            "",
        ] {
            assert_eq!(
                verified(&passwords, other, Some(&stored)).await,
                Verification::Wrong,
                "{other}"
            );
        }
        assert_eq!(
            verified(&passwords, " Caf\u{e9} 수요일 ", None).await,
            Verification::Wrong
        );
    }

    #[tokio::test]
    async fn a_right_password_with_old_parameters_is_rehashed() {
        let weaker = Passwords::with(Params::new(8 * 1024, 1, 1, None).unwrap()).unwrap();
        let stored = hashed(&weaker, "수요일에는 떡볶이를 먹자").await;
        let passwords = Passwords::new().unwrap();
        let right = verified(&passwords, "수요일에는 떡볶이를 먹자", Some(&stored)).await;
        let Verification::Right {
            rehashed: Some(rehashed),
        } = right
        else {
            panic!("{right:?}")
        };
        assert!(rehashed.contains("m=19456,t=2,p=1"), "{rehashed}");
        let again = verified(&passwords, "수요일에는 떡볶이를 먹자", Some(&rehashed)).await;
        assert_eq!(again, Verification::Right { rehashed: None });
        assert_eq!(
            verified(&passwords, "x", Some(&stored)).await,
            Verification::Wrong
        );
    }

    #[test]
    fn a_password_is_never_printed() {
        let typed: Password = serde_json::from_str("\"hunter2hunter2\"").unwrap();
        assert_eq!(format!("{typed:?}"), "***");
        let refused = serde_json::from_str::<Password>("1234567890").unwrap_err();
        assert_eq!(refused.to_string(), "not a string");
    }
}
