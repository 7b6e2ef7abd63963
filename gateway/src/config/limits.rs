//! Rate limits and their variables.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;

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

/// Every rate limit of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `LIMIT_WRITES`: writes of one signed-in person, or of one address for anonymous callers. In
    /// memory, for each gateway on its own.
    pub writes: Rate,
    /// `LIMIT_SIGN_INS_PER_LOGIN`: password attempts for one login from all addresses. It bounds
    /// distributed guessing; while that uses the limit up, the account's owner has to wait too.
    pub sign_ins_per_login: Rate,
    /// `LIMIT_SIGN_INS_PER_ADDRESS`: password attempts from one address. An office may share one.
    pub sign_ins_per_address: Rate,
    /// `LIMIT_CODES_PER_PHONE`: codes sent to one phone number.
    pub codes_per_phone: Rate,
    /// `LIMIT_CODES_PER_PHONE_DAILY`: the same over a day. With five guesses for each code, a caller
    /// with many addresses guesses one number's code once in 10,000 days.
    pub codes_per_phone_daily: Rate,
    /// `LIMIT_RESENDS_PER_PHONE`: the same over a short time, between two requests for a code.
    pub resends_per_phone: Rate,
    /// `LIMIT_CODES_PER_ADDRESS`: codes requested from one address.
    pub codes_per_address: Rate,
    /// `LIMIT_GUESSES_PER_ADDRESS`: codes entered from one address.
    pub guesses_per_address: Rate,
    /// `LIMIT_DATA`: a customer's data exports, and as many disclosure lists. Each asks several
    /// services.
    pub data: Rate,
}

impl Limits {
    /// The limits by variable.
    pub(crate) fn by_variable(&mut self) -> [(&'static str, &mut Rate); 9] {
        // Destructured so that a new field does not compile until it has a variable.
        let Self {
            writes,
            sign_ins_per_login,
            sign_ins_per_address,
            codes_per_phone,
            codes_per_phone_daily,
            resends_per_phone,
            codes_per_address,
            guesses_per_address,
            data,
        } = self;
        [
            ("LIMIT_WRITES", writes),
            ("LIMIT_SIGN_INS_PER_LOGIN", sign_ins_per_login),
            ("LIMIT_SIGN_INS_PER_ADDRESS", sign_ins_per_address),
            ("LIMIT_CODES_PER_PHONE", codes_per_phone),
            ("LIMIT_CODES_PER_PHONE_DAILY", codes_per_phone_daily),
            ("LIMIT_RESENDS_PER_PHONE", resends_per_phone),
            ("LIMIT_CODES_PER_ADDRESS", codes_per_address),
            ("LIMIT_GUESSES_PER_ADDRESS", guesses_per_address),
            ("LIMIT_DATA", data),
        ]
    }

    /// The variables that configure a gateway with these limits.
    pub fn variables(mut self) -> [(&'static str, Rate); 9] {
        self.by_variable().map(|(name, rate)| (name, *rate))
    }

    /// The limits of a gateway without `LIMIT_` variables.
    pub const DEFAULT: Self = Self {
        writes: Rate::new(240, 60),
        sign_ins_per_login: Rate::new(30, 900),
        sign_ins_per_address: Rate::new(120, 900),
        codes_per_phone: Rate::new(5, 900),
        codes_per_phone_daily: Rate::new(20, 86_400),
        resends_per_phone: Rate::new(1, 30),
        codes_per_address: Rate::new(30, 3600),
        guesses_per_address: Rate::new(60, 900),
        data: Rate::new(10, 3600),
    };

    /// For benchmarks and for tests of something else.
    pub const UNLIMITED: Self = Self {
        writes: Rate::new(MAX_BURST, 1),
        sign_ins_per_login: Rate::new(MAX_BURST, 1),
        sign_ins_per_address: Rate::new(MAX_BURST, 1),
        codes_per_phone: Rate::new(MAX_BURST, 1),
        codes_per_phone_daily: Rate::new(MAX_BURST, 1),
        resends_per_phone: Rate::new(MAX_BURST, 1),
        codes_per_address: Rate::new(MAX_BURST, 1),
        guesses_per_address: Rate::new(MAX_BURST, 1),
        data: Rate::new(MAX_BURST, 1),
    };
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
