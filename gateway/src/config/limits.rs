//! Rate limits and their variables.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use service_kit::config::Env;

/// A rate limit of `burst` requests that refills evenly over `refill_seconds`. Its text form is
/// `COUNT/SECONDS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    burst: u32,
    refill_seconds: u32,
}

/// Within these bounds [`Rate::interval`] is never zero.
const MAX_BURST: u32 = 1_000_000;
const MAX_REFILL_SECONDS: u32 = 24 * 60 * 60;

impl Rate {
    /// A zero counts as one.
    pub const fn new(burst: u32, refill_seconds: u32) -> Self {
        Self {
            burst: if burst == 0 { 1 } else { burst },
            refill_seconds: if refill_seconds == 0 {
                1
            } else {
                refill_seconds
            },
        }
    }

    /// A limit of `multiple` times as many requests.
    pub(crate) fn times(self, multiple: u32) -> Self {
        let burst = self.burst.saturating_mul(multiple).min(MAX_BURST);
        Self { burst, ..self }
    }

    /// This part of the limit, and a request at least.
    pub(crate) const fn part(self, divisor: u32) -> Self {
        Self::new(self.burst / divisor, self.refill_seconds)
    }

    /// Whichever refills more slowly.
    pub(crate) fn slower(self, other: Self) -> Self {
        if other.interval() > self.interval() {
            other
        } else {
            self
        }
    }

    /// Whichever refills faster.
    pub(crate) fn faster(self, other: Self) -> Self {
        if other.interval() < self.interval() {
            other
        } else {
            self
        }
    }

    pub(crate) fn burst(self) -> u32 {
        self.burst
    }

    /// The time in which one request refills. In microseconds, as Postgres has no finer interval.
    pub(crate) fn interval(self) -> TimeDelta {
        TimeDelta::microseconds(i64::from(self.refill_seconds) * 1_000_000 / i64::from(self.burst))
    }

    /// The time in which the whole burst refills.
    pub(crate) fn refill_period(self) -> TimeDelta {
        TimeDelta::seconds(self.refill_seconds.into())
    }
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (burst, seconds) = text.split_once('/')?;
            let (burst, seconds) = (burst.trim().parse().ok()?, seconds.trim().parse().ok()?);
            let is_valid =
                (1..=MAX_BURST).contains(&burst) && (1..=MAX_REFILL_SECONDS).contains(&seconds);
            is_valid.then(|| Self::new(burst, seconds))
        };
        parse().ok_or("expected COUNT/SECONDS, with 1 to 1000000 and 1 to 86400")
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.burst, self.refill_seconds)
    }
}

/// Declares [`Limits`] with the variable and the default of each limit.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $variable:literal = $burst:literal / $seconds:literal,)+) => {
        /// Every rate limit of the gateway.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])* pub $name: Rate,)+
        }

        impl Limits {
            /// The limits of a gateway without `LIMIT_` variables.
            pub const DEFAULT: Self = Self {
                $($name: Rate::new($burst, $seconds),)+
            };

            /// For benchmarks and for tests of something else.
            pub const UNLIMITED: Self = Self {
                $($name: Rate::new(MAX_BURST, 1),)+
            };

            pub(super) fn read(env: &mut Env) -> Self {
                Self {
                    $($name: env.or($variable, Self::DEFAULT.$name),)+
                }
            }

            /// The variables that configure a gateway with these limits.
            pub fn variables(self) -> [(&'static str, Rate); [$($variable),+].len()] {
                [$(($variable, self.$name),)+]
            }
        }
    };
}

limits! {
    /// Writes of one signed-in person, or of one address for anonymous callers. In memory, for each
    /// gateway on its own.
    writes: "LIMIT_WRITES" = 240 / 60,
    /// The same for reads. A page needs some for each event of its stream.
    reads: "LIMIT_READS" = 1200 / 60,
    /// Password attempts for one login from all addresses. It bounds distributed guessing; while
    /// that uses the limit up, the account's owner has to wait too.
    sign_ins_per_login: "LIMIT_SIGN_INS_PER_LOGIN" = 30 / 900,
    /// Password attempts from one address. An office may share one.
    sign_ins_per_address: "LIMIT_SIGN_INS_PER_ADDRESS" = 120 / 900,
    /// Codes sent to one phone number.
    codes_per_phone: "LIMIT_CODES_PER_PHONE" = 5 / 900,
    /// The same over a day. With five guesses for each code, a caller with many addresses guesses
    /// one number's code once in 10,000 days.
    codes_per_phone_daily: "LIMIT_CODES_PER_PHONE_DAILY" = 20 / 86_400,
    /// The same over a short time, between two requests for a code.
    resends_per_phone: "LIMIT_RESENDS_PER_PHONE" = 1 / 30,
    /// Codes requested from one address.
    codes_per_address: "LIMIT_CODES_PER_ADDRESS" = 30 / 3600,
    /// Codes sent to all numbers: messages cost money. Browsers that have signed in with their
    /// number before have as many among themselves, so that strangers do not lock them out.
    codes: "LIMIT_CODES" = 60 / 60,
    /// The same over an hour.
    codes_hourly: "LIMIT_CODES_HOURLY" = 600 / 3600,
    /// Codes entered from one address.
    guesses_per_address: "LIMIT_GUESSES_PER_ADDRESS" = 60 / 900,
    /// Guesses of all callers at codes that were sent, except by browsers that have signed in with
    /// their number. All those that `codes_hourly` codes allow.
    guesses: "LIMIT_GUESSES" = 3000 / 3600,
    /// Wrong codes for one number without a wait. Each further one doubles the wait, from half a
    /// minute to the seconds of this limit; the right code forgets them.
    wrong_codes: "LIMIT_WRONG_CODES" = 10 / 3600,
    /// A customer's data exports, and as many disclosure lists. Each asks several services.
    data: "LIMIT_DATA" = 10 / 3600,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_parsed_from_count_and_seconds() {
        assert_eq!("5/900".parse(), Ok(Rate::new(5, 900)));
        assert_eq!(Rate::new(5, 900).to_string(), "5/900");
        for invalid in [
            "",
            "5",
            "0/1",
            "1/0",
            "-1/2",
            "5/",
            "x/1",
            "1000001/1",
            "1/86401",
            "5/900/1",
        ] {
            assert!(invalid.parse::<Rate>().is_err(), "{invalid}");
        }
        assert!(Limits::UNLIMITED.writes.interval() > TimeDelta::zero());
    }
}
