//! From somebody to the token that one service believes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use service_kit::auth::{Identity, LIFETIME, Role, Signer};
use service_kit::clock::SystemClock;
use service_kit::{Clock as _, Problem};
use uuid::Uuid;

use crate::upstream::routes::Service;

/// The present instant of the world outside: what services compare a token's with, whatever a test's clock shows.
pub(crate) fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// Signs tokens for services, and uses each again for half of its life: a page asks many things in a row.
pub(crate) struct Tokens {
    signer: Signer,
    signed: Mutex<HashMap<(Service, Role, Uuid), Signed>>,
}

struct Signed {
    identity: Identity,
    value: HeaderValue,
    at: DateTime<Utc>,
}

/// How many tokens are kept: for some thousand people at once, in about 4 MB.
const KEPT: usize = 8192;

impl Tokens {
    pub(crate) fn new(signer: Signer) -> Self {
        Self {
            signer,
            signed: Mutex::default(),
        }
    }

    /// The `Authorization` that the service believes. Only some services are told a customer's phone number.
    pub(crate) fn authorization(
        &self,
        identity: &Identity,
        service: Service,
        now: DateTime<Utc>,
    ) -> Result<HeaderValue, Problem> {
        let phone = identity
            .phone
            .clone()
            .filter(|_| service.is_told_the_phone());
        let identity = Identity {
            role: identity.role,
            subject: identity.subject,
            phone,
        };
        let key = (service, identity.role, identity.subject);
        let is_fresh = |signed: &Signed| signed.at <= now && now - signed.at < LIFETIME / 2;
        let mut kept = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signed) = kept
            .get(&key)
            .filter(|signed| is_fresh(signed) && signed.identity == identity)
        {
            return Ok(signed.value.clone());
        }
        let token = self
            .signer
            .sign(&identity, service.name(), now, LIFETIME)
            .map_err(Problem::internal)?;
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(Problem::internal)?;
        value.set_sensitive(true);
        if kept.len() >= KEPT {
            kept.retain(|_, signed| is_fresh(signed));
            if kept.len() >= KEPT {
                kept.clear();
            }
        }
        kept.insert(
            key,
            Signed {
                identity,
                value: value.clone(),
                at: now,
            },
        );
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use service_kit::auth::{Verifier, new_private_pem};

    use super::*;

    fn a_customer(subject: u128) -> Identity {
        Identity {
            role: Role::Customer,
            subject: Uuid::from_u128(subject),
            phone: Some("010-1234-5678".parse().unwrap()),
        }
    }

    fn a_signer() -> (Signer, Verifier) {
        let signer: Signer = new_private_pem().parse().unwrap();
        let verifier = signer.public_pem().unwrap().parse().unwrap();
        (signer, verifier)
    }

    fn seen(verifier: &Verifier, value: &HeaderValue, service: Service) -> Option<Identity> {
        verifier.verify(
            value.to_str().unwrap().strip_prefix("Bearer ").unwrap(),
            service.name(),
        )
    }

    #[test]
    fn only_interest_and_consultation_are_told_the_phone() {
        let (signer, verifier) = a_signer();
        let tokens = Tokens::new(signer);
        for service in Service::ALL {
            let value = tokens
                .authorization(&a_customer(1), service, now())
                .unwrap();
            let told = seen(&verifier, &value, service).unwrap().phone.is_some();
            assert_eq!(
                told,
                matches!(service, Service::Interest | Service::Consultation),
                "{}",
                service.name()
            );
        }
    }

    #[test]
    fn a_token_is_used_again_for_half_of_its_life() {
        let tokens = Tokens::new(a_signer().0);
        let start = now();
        let sign = |seconds| {
            tokens
                .authorization(
                    &a_customer(1),
                    Service::Project,
                    start + TimeDelta::seconds(seconds),
                )
                .unwrap()
        };
        let first = sign(0);
        assert_eq!(sign(29), first);
        assert_ne!(sign(30), first);
    }

    #[test]
    fn nobody_gets_the_token_of_somebody_else() {
        let (signer, verifier) = a_signer();
        let tokens = Tokens::new(signer);
        for subject in 1..=3 {
            let value = tokens
                .authorization(&a_customer(subject), Service::Project, now())
                .unwrap();
            assert_eq!(
                seen(&verifier, &value, Service::Project).unwrap().subject,
                Uuid::from_u128(subject)
            );
            assert_eq!(seen(&verifier, &value, Service::Interest), None);
        }
    }

    #[test]
    fn the_number_of_kept_tokens_is_bounded() {
        let tokens = Tokens::new(a_signer().0);
        let now = now();
        // What fills the cache need not be signed to be counted.
        let value = HeaderValue::from_static("x");
        for subject in 0..KEPT as u128 {
            let identity = a_customer(subject);
            let key = (Service::Salesman, Role::Customer, identity.subject);
            tokens.signed.lock().unwrap().insert(
                key,
                Signed {
                    identity,
                    value: value.clone(),
                    at: now,
                },
            );
        }
        tokens
            .authorization(&a_customer(1), Service::Project, now)
            .unwrap();
        assert!(tokens.signed.lock().unwrap().len() <= KEPT);
    }
}
