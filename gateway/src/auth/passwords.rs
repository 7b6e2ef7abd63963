//! Passwords: which are taken, and how they are kept.
//!
//! argon2id, as slow and as large as OWASP's smallest recommendation. Hashing takes a core and 19 MiB, so it runs on the threads that may
//! block, few at once, and a sign-in waits for its turn no longer than a person does.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::Deserialize;
use serde_json::Value;
use service_kit::Problem;
use service_kit::http::problem::Text;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;
use zxcvbn::Score;
use zxcvbn::feedback::Warning;

/// The shortest and the longest password, in characters. A longer one is no safer, and has to be read whole.
const LENGTHS: std::ops::RangeInclusive<usize> = 10..=128;

/// Memory of one hashing in KiB, its passes and its lanes (OWASP Password Storage Cheat Sheet). Whoever raises them has every password hashed
/// anew as its owner signs in.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How long a hashing waits for its turn: as long as somebody looks at a button that he has pressed.
const TURN: Duration = Duration::from_secs(5);

/// A password as it was typed: no letter of it is changed. Its `Debug` is `***`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What is no text is refused without being repeated.
impl TryFrom<Value> for Password {
    type Error = &'static str;
    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::String(text) => Ok(Self(text)),
            _ => Err("it is no text"),
        }
    }
}

/// Why a password is not taken: for a program, and for a person.
pub(crate) type Weakness = (&'static str, Text);

/// Whether a password was the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    Right {
        /// The same password's hash with the parameters of now, where the one that is kept has others.
        rehashed: Option<String>,
    },
}

/// Hashes passwords, a few at once.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// A hash that nobody knows a password of: what is compared with when there is nothing to compare with, so that it takes as long.
    decoy: String,
}

impl Passwords {
    /// # Errors
    /// When the parameters are out of their range, or the machine has no randomness.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let params = Params::new(MEMORY, PASSES, LANES, None)
            .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
        Self::with(params)
    }

    fn with(params: Params) -> anyhow::Result<Self> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, &Password(Uuid::new_v4().to_string()))?;
        let turns = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            argon2,
            turns: Arc::new(Semaphore::new(turns)),
            decoy,
        })
    }

    /// Waits for a turn, within which everything about one password is worked out.
    ///
    /// # Errors
    /// 503 when none is free in time.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, Problem> {
        let place = tokio::time::timeout(TURN, self.turns.clone().acquire_owned()).await;
        let place = place
            .map_err(Problem::unavailable)?
            .map_err(Problem::internal)?;
        Ok(Turn {
            passwords: self,
            place: Arc::new(place),
        })
    }
}

/// Somebody's turn. What it began goes on to its end, and keeps the place for so long, when nobody waits for it any more.
pub(crate) struct Turn<'a> {
    passwords: &'a Passwords,
    place: Arc<OwnedSemaphorePermit>,
}

impl Turn<'_> {
    /// Hashes a password that was taken.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Problem> {
        let argon2 = self.passwords.argon2.clone();
        self.work(move || hash(&argon2, &password))
            .await?
            .map_err(Problem::internal)
    }

    /// Whether it is the password that was hashed so. It takes as long when there is none.
    pub(crate) async fn verify(
        &self,
        password: Password,
        kept: Option<String>,
    ) -> Result<Verdict, Problem> {
        let argon2 = self.passwords.argon2.clone();
        let (there_is_one, kept) = (
            kept.is_some(),
            kept.unwrap_or_else(|| self.passwords.decoy.clone()),
        );
        let verdict = self
            .work(move || verdict(&argon2, &password, &kept))
            .await?
            .map_err(Problem::internal)?;
        Ok(if there_is_one {
            verdict
        } else {
            Verdict::Wrong
        })
    }

    /// Why a password is not taken from somebody with this login and this name, if it is not.
    pub(crate) async fn weakness(
        &self,
        password: Password,
        login: String,
        name: String,
    ) -> Result<Option<Weakness>, Problem> {
        self.work(move || weakness(&password, &login, &name)).await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.place.clone();
        let work = move || {
            let done = work();
            drop(place);
            done
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

fn verdict(argon2: &Argon2<'_>, password: &Password, kept: &str) -> anyhow::Result<Verdict> {
    let kept =
        PasswordHash::new(kept).map_err(|_| anyhow::anyhow!("a password's hash cannot be read"))?;
    if argon2
        .verify_password(password.0.as_bytes(), &kept)
        .is_err()
    {
        return Ok(Verdict::Wrong);
    }
    let same_cost = Params::try_from(&kept).is_ok_and(|params| {
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        cost(&params) == cost(argon2.params())
    });
    let is_current = same_cost
        && kept.algorithm == Algorithm::Argon2id.ident()
        && kept.version == Some(Version::V0x13.into());
    Ok(Verdict::Right {
        rehashed: if is_current {
            None
        } else {
            Some(hash(argon2, password)?)
        },
    })
}

/// A password is taken that takes more than 10^8 guesses to find: none of the 30,000 most common ones of breaches, which are tried first, and
/// none that is made of who its owner is.
fn weakness(Password(password): &Password, login: &str, name: &str) -> Option<Weakness> {
    let length = password.chars().count();
    if length < *LENGTHS.start() {
        let text = Text::new(
            format!("비밀번호는 {}자 이상이어야 합니다", LENGTHS.start()),
            format!("A password has at least {} characters", LENGTHS.start()),
        );
        return Some(("too-short", text));
    }
    if length > *LENGTHS.end() {
        let text = Text::new(
            format!("비밀번호는 {}자 이하여야 합니다", LENGTHS.end()),
            format!("A password has at most {} characters", LENGTHS.end()),
        );
        return Some(("too-long", text));
    }
    let lower = name.to_lowercase();
    let parts = login
        .split(['.', '_', '-', '@', '+'])
        .chain(lower.split_whitespace());
    let own: Vec<&str> = [login, &lower, "ktgg", "kt.gg"]
        .into_iter()
        .chain(parts)
        .filter(|part| !part.is_empty())
        .collect();
    let entropy = zxcvbn::zxcvbn(password, &own);
    if entropy.score() >= Score::Three {
        return None;
    }
    Some(told(
        entropy
            .feedback()
            .and_then(zxcvbn::feedback::Feedback::warning),
    ))
}

fn told(warning: Option<Warning>) -> Weakness {
    match warning {
        Some(
            Warning::ThisIsATop10Password
            | Warning::ThisIsATop100Password
            | Warning::ThisIsACommonPassword
            | Warning::ThisIsSimilarToACommonlyUsedPassword,
        ) => (
            "common",
            Text::new(
                "유출된 적이 있는 흔한 비밀번호입니다",
                "It is, or resembles, one of the common passwords of known breaches",
            ),
        ),
        Some(
            Warning::StraightRowsOfKeysAreEasyToGuess
            | Warning::ShortKeyboardPatternsAreEasyToGuess,
        ) => (
            "keyboard-row",
            Text::new(
                "자판에 늘어선 글자는 쉽게 짐작됩니다",
                "Rows of keys are easy to guess",
            ),
        ),
        Some(
            Warning::RepeatsLikeAaaAreEasyToGuess
            | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess,
        ) => (
            "repeats",
            Text::new(
                "되풀이되는 글자는 쉽게 짐작됩니다",
                "Repeats are easy to guess",
            ),
        ),
        Some(Warning::SequencesLikeAbcAreEasyToGuess) => (
            "sequence",
            Text::new(
                "abc나 6543처럼 이어지는 글자는 쉽게 짐작됩니다",
                "Sequences like abc or 6543 are easy to guess",
            ),
        ),
        Some(Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess) => (
            "date",
            Text::new(
                "연도와 날짜는 쉽게 짐작됩니다",
                "Years and dates are easy to guess",
            ),
        ),
        Some(
            Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
            | Warning::CommonNamesAndSurnamesAreEasyToGuess,
        ) => (
            "name",
            Text::new("이름은 쉽게 짐작됩니다", "Names are easy to guess"),
        ),
        Some(Warning::AWordByItselfIsEasyToGuess) | None => (
            "guessable",
            Text::new(
                "쉽게 짐작됩니다. 낱말 몇 개를 더 이어 주세요",
                "It is easy to guess: add a few words",
            ),
        ),
    }
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
    fn the_common_passwords_of_breaches_are_refused_with_why() {
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
    fn what_is_easy_to_guess_is_refused_with_why() {
        assert_eq!(refused("aaaaaaaaaaaa"), Some("repeats"));
        assert_eq!(refused("1986-11-24"), Some("date"));
        assert_eq!(refused("zxcvbnm,./"), Some("keyboard-row"));
        assert!(refused("haneul.kim").is_some());
        assert!(refused("haneul2026").is_some());
        assert!(refused("ktggktggktgg").is_some());
    }

    #[test]
    fn a_password_has_ten_to_a_hundred_and_twenty_eight_characters_of_any_kind() {
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
            .turn()
            .await
            .unwrap()
            .hash(password(text))
            .await
            .unwrap()
    }

    async fn verified(passwords: &Passwords, text: &str, kept: Option<&str>) -> Verdict {
        passwords
            .turn()
            .await
            .unwrap()
            .verify(password(text), kept.map(str::to_owned))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn whoever_gets_no_turn_in_time_is_turned_away() {
        let passwords = Passwords::with(Params::new(8, 1, 1, None).unwrap()).unwrap();
        let mut taken = Vec::new();
        for _ in 0..passwords.turns.available_permits() {
            taken.push(passwords.turn().await.unwrap());
        }
        assert_eq!(
            passwords
                .turn()
                .await
                .err()
                .map(|refused| refused.status().as_u16()),
            Some(503)
        );
        taken.pop();
        assert!(passwords.turn().await.is_ok());
    }

    #[tokio::test]
    async fn a_password_is_right_as_it_was_typed_and_in_no_other_way() {
        let passwords = Passwords::new().unwrap();
        let kept = hashed(&passwords, " Caf\u{e9} 수요일 ").await;
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        let right = Verdict::Right { rehashed: None };
        assert_eq!(
            verified(&passwords, " Caf\u{e9} 수요일 ", Some(&kept)).await,
            right
        );
        for other in [
            "Caf\u{e9} 수요일",
            " Cafe\u{301} 수요일 ",
            " caf\u{e9} 수요일 ",
            "",
        ] {
            assert_eq!(
                verified(&passwords, other, Some(&kept)).await,
                Verdict::Wrong,
                "{other}"
            );
        }
        assert_eq!(
            verified(&passwords, " Caf\u{e9} 수요일 ", None).await,
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn a_password_that_was_hashed_with_other_parameters_is_hashed_anew_when_it_is_right() {
        let weaker = Passwords::with(Params::new(8 * 1024, 1, 1, None).unwrap()).unwrap();
        let kept = hashed(&weaker, "수요일에는 떡볶이를 먹자").await;
        let passwords = Passwords::new().unwrap();
        let right = verified(&passwords, "수요일에는 떡볶이를 먹자", Some(&kept)).await;
        let Verdict::Right {
            rehashed: Some(rehashed),
        } = right
        else {
            panic!("{right:?}")
        };
        assert!(rehashed.contains("m=19456,t=2,p=1"), "{rehashed}");
        let again = verified(&passwords, "수요일에는 떡볶이를 먹자", Some(&rehashed)).await;
        assert_eq!(again, Verdict::Right { rehashed: None });
        assert_eq!(verified(&passwords, "x", Some(&kept)).await, Verdict::Wrong);
    }

    #[test]
    fn a_password_is_not_printed_by_accident() {
        let typed: Password = serde_json::from_str("\"hunter2hunter2\"").unwrap();
        assert_eq!(format!("{typed:?}"), "***");
        let refused = serde_json::from_str::<Password>("1234567890").unwrap_err();
        assert_eq!(refused.to_string(), "it is no text");
    }
}
