//! The rate limit of writes, in the memory of each gateway: it keeps one page that went wrong from
//! slowing down the others.

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

/// Whose writes are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Writer {
    SignedIn(Role, Uuid),
    Anonymous(IpAddr),
}

impl From<&Identity> for Writer {
    fn from(identity: &Identity) -> Self {
        Self::SignedIn(identity.role, identity.subject)
    }
}

impl From<ClientIp> for Writer {
    fn from(client: ClientIp) -> Self {
        Self::Anonymous(client.network())
    }
}

pub(crate) struct WriteLimiter<C: Clock = DefaultClock> {
    limiter: RateLimiter<Writer, DefaultKeyedStateStore<Writer>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

impl WriteLimiter {
    pub(crate) fn new(rate: Rate) -> Self {
        Self::with_clock(rate, DefaultClock::default())
    }
}

impl<C: Clock + Clone> WriteLimiter<C> {
    fn with_clock(rate: Rate, clock: C) -> Self {
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
        }
    }

    /// Counts a write.
    ///
    /// # Errors
    /// 429 when the limit is used up.
    pub(crate) fn take(&self, writer: Writer) -> Result<(), Problem> {
        self.limiter.check_key(&writer).map_err(|refused| {
            let wait = TimeDelta::from_std(refused.wait_time_from(self.clock.now()));
            too_many_requests("writes", wait.unwrap_or(TimeDelta::MAX))
        })
    }

    /// Drops the writers whose whole burst is available.
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
    fn writers_are_limited_apart_and_pruned_after_the_refill() {
        let clock = FakeRelativeClock::default();
        let writers = WriteLimiter::with_clock(Rate::new(2, 1), clock.clone());
        let one = Writer::SignedIn(Role::Staff, Uuid::from_u128(1));
        assert!(writers.take(one).is_ok() && writers.take(one).is_ok());
        assert_eq!(writers.take(one).unwrap_err().status(), 429);
        for other in [
            Writer::SignedIn(Role::Customer, Uuid::from_u128(1)),
            Writer::from(ClientIp(IpAddr::from([1, 2, 3, 4]))),
        ] {
            assert!(writers.take(other).is_ok());
        }
        assert_eq!(writers.limiter.len(), 3);
        clock.advance(std::time::Duration::from_millis(1500));
        writers.prune();
        assert_eq!(writers.limiter.len(), 0);
    }
}
