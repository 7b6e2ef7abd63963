//! Passwords, and how they are hashed.
//!
//! argon2id with the smallest parameters that OWASP recommends. Hashing takes a core and 19 MiB, so
//! it runs on blocking threads, in a bounded number of slots.

mod slots;
mod strength;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::Deserialize;
use serde_json::Value;
use service_kit::{Problem, redacted_debug};
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use slots::{Slots, Taken};
use strength::Weakness;

/// Memory in KiB, passes and lanes, from OWASP's Password Storage Cheat Sheet. When they change,
/// each password is hashed again at its owner's next sign-in.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password as NIST SP 800-63B asks for (3.1.1.2): in NFKC, so that it is the same whether a
/// system composes its letters or not. Nothing else is changed.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Password {
    normal: String,
    /// As it was typed, if that differs: hashes from before the normalisation are of these bytes.
    typed: Option<String>,
}

/// Equal after the normalisation.
impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.normal == other.normal
    }
}

impl From<String> for Password {
    fn from(typed: String) -> Self {
        let normal: String = typed.nfkc().collect();
        let typed = Some(typed).filter(|typed| *typed != normal);
        Self { normal, typed }
    }
}

redacted_debug!(Password);

/// Unlike serde's own error, this one does not repeat the value.
impl TryFrom<Value> for Password {
    type Error = &'static str;
    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::String(text) => Ok(Self::from(text)),
            _ => Err("not a string"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verification {
    Wrong,
    Right {
        /// The normalised password's hash with the present parameters, if what is stored differs.
        rehashed: Option<String>,
    },
}

/// Hashes and verifies passwords.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    slots: Slots,
    /// The hash of a random password. It is verified where there is no hash, so that both cases
    /// take the same time.
    decoy: String,
}

impl Passwords {
    /// # Errors
    /// When the machine has no randomness.
    pub(crate) fn new(slots: usize) -> anyhow::Result<Self> {
        let params = Params::new(MEMORY, PASSES, LANES, None)
            .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
        Self::with(params, slots)
    }

    fn with(params: Params, slots: usize) -> anyhow::Result<Self> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, &Uuid::new_v4().to_string())?;
        Ok(Self {
            argon2,
            slots: Slots::new(slots),
            decoy,
        })
    }

    /// Waits for a slot, in which all work on one password is done.
    ///
    /// # Errors
    /// 503 when none is free in time, or too many requests are waiting.
    pub(crate) async fn slot(&self) -> Result<Slot<'_>, Problem> {
        Ok(Slot {
            passwords: self,
            slot: self.slots.take().await?,
        })
    }
}

pub(crate) struct Slot<'a> {
    passwords: &'a Passwords,
    slot: Taken,
}

impl Slot<'_> {
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Problem> {
        let argon2 = self.passwords.argon2.clone();
        self.slot
            .run(move || hash(&argon2, &password.normal))
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
            .slot
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
        self.slot
            .run(move || strength::weakness(&password.normal, &login, &name))
            .await
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> anyhow::Result<String> {
    let hash = argon2
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(hash.to_string())
}

/// Tries the normalised password, and then the typed one where it differs. How often a wrong
/// password is hashed depends on nothing but the password.
fn verify(argon2: &Argon2<'_>, password: &Password, stored: &str) -> anyhow::Result<Verification> {
    let stored = PasswordHash::new(stored)
        .map_err(|_| anyhow::anyhow!("a stored password hash cannot be parsed"))?;
    let is_of = |text: &str| argon2.verify_password(text.as_bytes(), &stored).is_ok();
    let is_normal = is_of(&password.normal);
    if !is_normal && !password.typed.as_deref().is_some_and(is_of) {
        return Ok(Verification::Wrong);
    }
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    let is_current = is_normal
        && Params::try_from(&stored).is_ok_and(|params| cost(&params) == cost(argon2.params()))
        && stored.algorithm == Algorithm::Argon2id.ident()
        && stored.version == Some(Version::V0x13.into());
    let rehashed = (!is_current)
        .then(|| hash(argon2, &password.normal))
        .transpose()?;
    Ok(Verification::Right { rehashed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::from(text.to_owned())
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
    async fn a_password_is_compared_after_nothing_but_nfkc() {
        let passwords = Passwords::new(1).unwrap();
        let stored = hashed(&passwords, " Caf\u{e9} 수요일 ").await;
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        let right = Verification::Right { rehashed: None };
        for same in [
            " Caf\u{e9} 수요일 ",
            " Cafe\u{301} 수요일 ",
            "\u{A0}Ｃａｆe\u{301} \u{1109}\u{116E}요일 ",
        ] {
            assert_eq!(verified(&passwords, same, Some(&stored)).await, right);
        }
        for other in [
            "Caf\u{e9} 수요일",
            " Caf\u{e9}\u{200B} 수요일 ",
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
        let weaker = Passwords::with(Params::new(8 * 1024, 1, 1, None).unwrap(), 1).unwrap();
        let stored = hashed(&weaker, "수요일에는 떡볶이를 먹자").await;
        let passwords = Passwords::new(1).unwrap();
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

    #[tokio::test]
    async fn a_hash_of_other_bytes_is_replaced_by_one_of_nfkc() {
        let passwords = Passwords::with(Params::new(8, 1, 1, None).unwrap(), 1).unwrap();
        let typed = "①번 \u{1109}\u{116E}요일에는 떡볶이";
        let stored = hash(&passwords.argon2, typed).unwrap();
        let Verification::Right {
            rehashed: Some(rehashed),
        } = verified(&passwords, typed, Some(&stored)).await
        else {
            panic!("it is not rehashed")
        };
        let right = Verification::Right { rehashed: None };
        for same in [typed, "1번 수요일에는 떡볶이"] {
            assert_eq!(verified(&passwords, same, Some(&rehashed)).await, right);
        }
        let composed = verified(&passwords, "1번 수요일에는 떡볶이", Some(&stored)).await;
        assert_eq!(composed, Verification::Wrong);
    }

    #[tokio::test]
    async fn length_counts_characters_after_the_normalisation() {
        let passwords = Passwords::with(Params::new(8, 1, 1, None).unwrap(), 1).unwrap();
        let slot = passwords.slot().await.unwrap();
        let weakness = async |text: &str| {
            let weakness = slot.weakness(password(text), "haneul".into(), "김하늘".into());
            weakness.await.unwrap().map(|(code, _)| code)
        };
        // Nine syllables of 23 letters.
        let decomposed =
            "\u{1104}\u{1165}\u{11A8}\u{1107}\u{1169}\u{11A9}".repeat(4) + "\u{1109}\u{116E}";
        assert_eq!(weakness(&decomposed).await, Some("too-short"));
        let long: String = "수요일에는 떡볶이를 먹자 "
            .chars()
            .cycle()
            .take(128)
            .collect();
        let decomposed: String = long.nfd().collect();
        assert!(decomposed.chars().count() > 128);
        assert_ne!(weakness(&decomposed).await, Some("too-long"));
    }

    #[test]
    fn a_password_is_never_printed() {
        let typed: Password = serde_json::from_str("\"hunter2hunter2\"").unwrap();
        assert_eq!(format!("{typed:?}"), "***");
        let refused = serde_json::from_str::<Password>("1234567890").unwrap_err();
        assert_eq!(refused.to_string(), "not a string");
    }
}
