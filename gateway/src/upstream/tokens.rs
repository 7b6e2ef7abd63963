//! Internal tokens: each is valid for one service and carries the caller's identity.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use service_kit::auth::{Identity, Role, Signer, TOKEN_LIFETIME};
use service_kit::clock::SystemClock;
use service_kit::{Clock as _, Problem};
use uuid::Uuid;

use crate::config::Service;

/// Signs tokens, and reuses each for half of its lifetime: a page sends many requests in a row.
pub(crate) struct Tokens {
    signer: Signer,
    cache: Mutex<HashMap<(Service, Role, Uuid), Signed>>,
}

struct Signed {
    identity: Identity,
    value: HeaderValue,
    at: DateTime<Utc>,
}

/// Tokens in the cache: for more than a thousand concurrent callers, in about 4 MB.
const CACHE_SIZE: usize = 8192;

impl Tokens {
    pub(crate) fn new(signer: Signer) -> Self {
        Self {
            signer,
            cache: Mutex::default(),
        }
    }

    /// The `Authorization` header for this service. Only some services receive a phone number.
    ///
    /// # Errors
    /// 500 when signing fails.
    pub(crate) fn authorization(
        &self,
        identity: &Identity,
        service: Service,
    ) -> Result<HeaderValue, Problem> {
        // The machine's clock, which services check tokens against, and not a test's.
        self.authorization_at(identity, service, SystemClock.now())
    }

    fn authorization_at(
        &self,
        identity: &Identity,
        service: Service,
        now: DateTime<Utc>,
    ) -> Result<HeaderValue, Problem> {
        let mut identity = identity.clone();
        identity.phone = identity.phone.filter(|_| service.receives_phone());
        let key = (service, identity.role, identity.subject);
        let is_fresh = |signed: &Signed| signed.at <= now && now - signed.at < TOKEN_LIFETIME / 2;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signed) = cache.get(&key)
            && is_fresh(signed)
            && signed.identity == identity
        {
            return Ok(signed.value.clone());
        }
        let token = self
            .signer
            .sign(&identity, service.as_str(), now, TOKEN_LIFETIME)
            .map_err(Problem::internal)?;
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(Problem::internal)?;
        value.set_sensitive(true);
        if cache.len() >= CACHE_SIZE {
            cache.retain(|_, signed| is_fresh(signed));
        }
        if cache.len() >= CACHE_SIZE {
            cache.clear();
        }
        let signed = Signed {
            identity,
            value: value.clone(),
            at: now,
        };
        cache.insert(key, signed);
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

    fn verified(verifier: &Verifier, value: &HeaderValue, service: Service) -> Option<Identity> {
        verifier.verify(
            value.to_str().unwrap().strip_prefix("Bearer ").unwrap(),
            service.as_str(),
        )
    }

    #[test]
    fn only_interest_and_consultation_receive_the_phone() {
        let (signer, verifier) = a_signer();
        let tokens = Tokens::new(signer);
        for service in Service::ALL {
            let value = tokens.authorization(&a_customer(1), service).unwrap();
            let has_phone = verified(&verifier, &value, service)
                .unwrap()
                .phone
                .is_some();
            assert_eq!(
                has_phone,
                matches!(service, Service::Interest | Service::Consultation),
                "{}",
                service.as_str()
            );
        }
    }

    #[test]
    fn a_token_is_reused_for_half_of_its_lifetime() {
        let tokens = Tokens::new(a_signer().0);
        let start = SystemClock.now();
        let sign = |seconds| {
            tokens
                .authorization_at(
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
    fn every_caller_gets_their_own_token() {
        let (signer, verifier) = a_signer();
        let tokens = Tokens::new(signer);
        for subject in 1..=3 {
            let value = tokens
                .authorization(&a_customer(subject), Service::Project)
                .unwrap();
            assert_eq!(
                verified(&verifier, &value, Service::Project)
                    .unwrap()
                    .subject,
                Uuid::from_u128(subject)
            );
            assert_eq!(verified(&verifier, &value, Service::Interest), None);
        }
    }

    #[test]
    fn the_number_of_cached_tokens_is_bounded() {
        let tokens = Tokens::new(a_signer().0);
        let now = SystemClock.now();
        // The cache does not check its values.
        let value = HeaderValue::from_static("x");
        for subject in 0..CACHE_SIZE as u128 {
            let identity = a_customer(subject);
            let key = (Service::Salesman, Role::Customer, identity.subject);
            tokens.cache.lock().unwrap().insert(
                key,
                Signed {
                    identity,
                    value: value.clone(),
                    at: now,
                },
            );
        }
        tokens
            .authorization_at(&a_customer(1), Service::Project, now)
            .unwrap();
        assert!(tokens.cache.lock().unwrap().len() <= CACHE_SIZE);
    }
}
