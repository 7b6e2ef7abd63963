//! Time comes in from outside, so that tests and policies can move it.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the time is read"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The date in Seoul at that instant. Korea has had no summer time since 1988, so nine hours are always right.
pub fn seoul_date(now: DateTime<Utc>) -> NaiveDate {
    const NINE_HOURS: i32 = 9 * 3600;
    match FixedOffset::east_opt(NINE_HOURS) {
        Some(seoul) => now.with_timezone(&seoul).date_naive(),
        None => now.date_naive(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_day_begins_in_seoul_at_three_in_the_afternoon_utc() {
        let before = "2026-12-31T14:59:59Z".parse().unwrap();
        let after = "2026-12-31T15:00:00Z".parse().unwrap();
        assert_eq!(seoul_date(before).to_string(), "2026-12-31");
        assert_eq!(seoul_date(after).to_string(), "2027-01-01");
    }
}
