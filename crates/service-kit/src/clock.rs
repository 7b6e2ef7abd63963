//! The time, as a dependency, so that tests can move it.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// The current instant.
    fn now(&self) -> DateTime<Utc>;
}

/// The system clock.
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

/// The date in Seoul: always UTC+9, because Korea has had no summer time since 1988.
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
    fn seoul_day_begins_at_15_utc() {
        let before = "2026-12-31T14:59:59Z".parse().unwrap();
        let after = "2026-12-31T15:00:00Z".parse().unwrap();
        assert_eq!(seoul_date(before).to_string(), "2026-12-31");
        assert_eq!(seoul_date(after).to_string(), "2027-01-01");
    }
}
