//! The rate limits of writes and of reads, in the memory of each gateway: they keep one page that
//! went wrong, or one address, from slowing down the others.

use std::net::IpAddr;
use std::num::NonZeroU32;

use chrono::TimeDelta;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use service_kit::Problem;
use service_kit::auth::{Identity, Role};
use uuid::Uuid;

use crate::config::Rate;
use crate::edge::client_ip::ClientIp;
use crate::edge::rate_limit::too_many_requests;

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    SignedIn(Role, Uuid),
    Anonymous(IpAddr),
}

impl From<&Identity> for Caller {
    fn from(identity: &Identity) -> Self {
        Self::SignedIn(identity.role, identity.subject)
    }
}

impl From<ClientIp> for Caller {
    fn from(client: ClientIp) -> Self {
        Self::Anonymous(client.network())
    }
}

pub(crate) struct CallerLimiter<C: Clock = DefaultClock> {
    limiter: RateLimiter<Caller, DefaultKeyedStateStore<Caller>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    /// What is counted.
    name: &'static str,
}

impl CallerLimiter {
    pub(crate) fn new(name: &'static str, rate: Rate) -> Self {
        Self::with_clock(name, rate, DefaultClock::default())
    }
}

impl<C: Clock + Clone> CallerLimiter<C> {
    fn with_clock(name: &'static str, rate: Rate, clock: C) -> Self {
        let burst = NonZeroU32::new(rate.burst()).unwrap_or(NonZeroU32::MIN);
        let interval = rate.interval().to_std().ok();
        let quota = interval
            .and_then(Quota::with_period)
            .unwrap_or(Quota::per_second(burst))
            .allow_burst(burst);
        let store = DefaultKeyedStateStore::default();
        Self {
            limiter: RateLimiter::new(quota, store, clock.clone()),
            clock,
            name,
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 when the limit is used up.
    pub(crate) fn take(&self, caller: Caller) -> Result<(), Problem> {
        self.limiter.check_key(&caller).map_err(|refused| {
            let wait = TimeDelta::from_std(refused.wait_time_from(self.clock.now()));
            too_many_requests(self.name, wait.unwrap_or(TimeDelta::MAX))
        })
    }

    /// Drops the callers whose whole burst is available.
    pub(crate) fn prune(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn callers_are_limited_apart_and_pruned_after_the_refill() {
        let clock = FakeRelativeClock::default();
        let callers = CallerLimiter::with_clock("writes", Rate::new(2, 1), clock.clone());
        let one = Caller::SignedIn(Role::Staff, Uuid::from_u128(1));
        assert!(callers.take(one).is_ok() && callers.take(one).is_ok());
        assert_eq!(callers.take(one).unwrap_err().status(), 429);
        for other in [
            Caller::SignedIn(Role::Customer, Uuid::from_u128(1)),
            Caller::from(ClientIp(IpAddr::from([1, 2, 3, 4]))),
        ] {
            assert!(callers.take(other).is_ok());
        }
        assert_eq!(callers.limiter.len(), 3);
        clock.advance(std::time::Duration::from_millis(1500));
        callers.prune();
        assert_eq!(callers.limiter.len(), 0);
    }
}
