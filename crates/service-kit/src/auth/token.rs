//! Internal tokens: Ed25519, valid for a minute and for one service.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use events::{Actor, CustomerId, PersonRef, SalesmanId, StaffId};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::forms::phone::Phone;

const ISSUER: &str = "ktgg-gateway";

/// The lifetime of a token.
pub const TOKEN_LIFETIME: TimeDelta = TimeDelta::seconds(60);

/// How far a service's clock may be ahead of the gateway's, in seconds, besides the half of its
/// lifetime that a token has left at least. Only the gateway has tokens, and it reads the session
/// for each request, so a longer leeway lets no session live on.
const LEEWAY: u64 = 60;

events::text_enum! {
    /// The role of a signed-in caller.
    pub enum Role {
        /// 고객.
        Customer = "customer",
        /// 관리자.
        Staff = "staff",
        /// 영업대표.
        Salesman = "salesman",
        /// 컨설턴트.
        Consultant = "consultant",
    }
}

impl Role {
    /// A person with this role as an event's actor.
    pub fn actor(self, id: Uuid) -> Actor {
        match self {
            Self::Customer => Actor::Customer(CustomerId(id)),
            Self::Staff => Actor::Staff(StaffId(id)),
            Self::Salesman => Actor::Salesman(SalesmanId(id)),
            Self::Consultant => Actor::Consultant(SalesmanId(id)),
        }
    }

    /// The id of a person with this role as `reader` may see it: customers see no ids of staff.
    pub fn visible_id(self, id: Uuid, reader: Self) -> Option<Uuid> {
        let is_hidden = self == Self::Staff && reader == Self::Customer;
        (!is_hidden).then_some(id)
    }
}

/// A signed-in caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The role.
    pub role: Role,
    /// The id of the customer, staff member, salesman or consultant.
    pub subject: Uuid,
    /// A customer's number, in tokens for interest and consultation only.
    pub phone: Option<Phone>,
}

impl Identity {
    /// The caller as an event's actor.
    pub fn actor(&self) -> Actor {
        self.role.actor(self.subject)
    }

    /// Whether the caller is this salesman or consultant.
    pub fn is(&self, person: Option<&PersonRef>) -> bool {
        person.is_some_and(|person| person.id.0 == self.subject)
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<Phone>,
    iat: i64,
    exp: i64,
}

/// Signs tokens, in the gateway and in tests.
#[derive(Clone)]
pub struct Signer(Arc<EncodingKey>);

impl Signer {
    /// A token for the audience (a service), valid for `lifetime` from `now`.
    ///
    /// # Errors
    /// When the key is not an Ed25519 key.
    pub fn sign(
        &self,
        identity: &Identity,
        audience: &str,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            sub: identity.subject,
            role: identity.role,
            phone: identity.phone.clone(),
            iat: now.timestamp(),
            exp: (now + lifetime).timestamp(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.0)
    }

    /// The public key as PEM.
    ///
    /// # Errors
    /// When the key is not an Ed25519 key.
    pub fn public_pem(&self) -> anyhow::Result<String> {
        let jwk = Jwk::from_encoding_key(&self.0, Algorithm::EdDSA)?;
        let AlgorithmParameters::OctetKeyPair(pair) = jwk.algorithm else {
            anyhow::bail!("not an Ed25519 key")
        };
        let mut der = SPKI_PREFIX.to_vec();
        der.extend(from_base64url(&pair.x)?);
        Ok(pem("PUBLIC KEY", &der))
    }
}

impl FromStr for Signer {
    type Err = &'static str;
    fn from_str(pem: &str) -> Result<Self, Self::Err> {
        EncodingKey::from_ed_pem(pem.as_bytes())
            .map(|key| Self(Arc::new(key)))
            .map_err(|_| "expected an Ed25519 private key in PEM")
    }
}

crate::redacted_debug!(Signer);

/// A new Ed25519 private key as PEM (PKCS #8), for the sandbox and for tests.
pub fn new_private_pem() -> String {
    let mut der = PKCS8_PREFIX.to_vec();
    der.extend(Uuid::new_v4().as_bytes());
    der.extend(Uuid::new_v4().as_bytes());
    pem("PRIVATE KEY", &der)
}

/// RFC 8410: the DER before the 32 bytes of a private and of a public key.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
];
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        BASE64.encode(der)
    )
}

fn from_base64url(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    URL_SAFE_NO_PAD.decode(text)
}

/// Verifies tokens, with one key, or with two during a rotation.
#[derive(Clone)]
pub struct Verifier(Arc<Vec<DecodingKey>>);

impl Verifier {
    /// The caller, if the token is valid for this audience.
    pub fn verify(&self, token: &str, audience: &str) -> Option<Identity> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        validation.leeway = LEEWAY;
        let claims = self
            .0
            .iter()
            .find_map(|key| jsonwebtoken::decode::<Claims>(token, key, &validation).ok())?
            .claims;
        Some(Identity {
            role: claims.role,
            subject: claims.sub,
            phone: claims.phone,
        })
    }
}

impl FromStr for Verifier {
    type Err = &'static str;

    /// Reads one or two PEM blocks.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const END: &str = "-----END PUBLIC KEY-----";
        let keys: Result<Vec<_>, _> = text
            .split_inclusive(END)
            .filter(|block| block.contains(END))
            .map(|block| DecodingKey::from_ed_pem(block.trim().as_bytes()))
            .collect();
        match keys {
            Ok(keys) if (1..=2).contains(&keys.len()) => Ok(Self(Arc::new(keys))),
            _ => Err("expected one or two Ed25519 public keys in PEM"),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({} keys)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_salesman() -> Identity {
        Identity {
            role: Role::Salesman,
            subject: Uuid::from_u128(7),
            phone: None,
        }
    }

    fn now() -> DateTime<Utc> {
        crate::Clock::now(&crate::clock::SystemClock)
    }

    #[test]
    fn token_is_accepted_only_by_its_audience() {
        let signer: Signer = new_private_pem().parse().unwrap();
        let verifier: Verifier = signer.public_pem().unwrap().parse().unwrap();
        let token = signer
            .sign(&a_salesman(), "interest", now(), TOKEN_LIFETIME)
            .unwrap();
        assert_eq!(verifier.verify(&token, "interest"), Some(a_salesman()));
        assert_eq!(verifier.verify(&token, "consultation"), None);
    }

    #[test]
    fn token_of_a_host_whose_clock_differs_by_a_minute_is_accepted() {
        let signer: Signer = new_private_pem().parse().unwrap();
        let verifier: Verifier = signer.public_pem().unwrap().parse().unwrap();
        // The gateway reuses a token for half a minute.
        for (seconds, is_accepted) in [(-90 + 2, true), (90, true), (-120 - 2, false)] {
            let now = now() + TimeDelta::seconds(seconds);
            let token = signer.sign(&a_salesman(), "interest", now, TOKEN_LIFETIME);
            let caller = verifier.verify(&token.unwrap(), "interest");
            assert_eq!(caller.is_some(), is_accepted, "{seconds} s");
        }
    }

    #[test]
    fn expired_foreign_and_altered_tokens_are_refused() {
        let signer: Signer = new_private_pem().parse().unwrap();
        let verifier: Verifier = signer.public_pem().unwrap().parse().unwrap();
        let expired = signer
            .sign(
                &a_salesman(),
                "interest",
                now() - TimeDelta::minutes(3),
                TOKEN_LIFETIME,
            )
            .unwrap();
        assert_eq!(verifier.verify(&expired, "interest"), None);
        let other: Signer = new_private_pem().parse().unwrap();
        let foreign = other
            .sign(&a_salesman(), "interest", now(), TOKEN_LIFETIME)
            .unwrap();
        assert_eq!(verifier.verify(&foreign, "interest"), None);
        let good = signer
            .sign(&a_salesman(), "interest", now(), TOKEN_LIFETIME)
            .unwrap();
        let (head, rest) = good.split_once('.').unwrap();
        let (claims, signature) = rest.split_once('.').unwrap();
        let none = URL_SAFE_NO_PAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
        assert_eq!(
            verifier.verify(&format!("{none}.{claims}."), "interest"),
            None
        );
        assert_eq!(
            verifier.verify(&format!("{none}.{claims}.{signature}"), "interest"),
            None
        );
        let staff = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap())
            .unwrap()
            .replace("salesman", "staff");
        assert_eq!(
            verifier.verify(
                &format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(staff)),
                "interest"
            ),
            None
        );
    }

    #[test]
    fn both_keys_are_accepted_during_a_rotation() {
        let (old, new): (Signer, Signer) = (
            new_private_pem().parse().unwrap(),
            new_private_pem().parse().unwrap(),
        );
        let both: Verifier = format!("{}{}", old.public_pem().unwrap(), new.public_pem().unwrap())
            .parse()
            .unwrap();
        for signer in [old, new] {
            assert!(
                both.verify(
                    &signer
                        .sign(&a_salesman(), "interest", now(), TOKEN_LIFETIME)
                        .unwrap(),
                    "interest"
                )
                .is_some()
            );
        }
    }
}
