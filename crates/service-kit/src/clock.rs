//! The time, as a dependency, so that tests can move it.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// The current instant.
    fn now(&self) -> DateTime<Utc>;

    /// Tells a clock that follows the database what time it is there.
    fn follow(&self, _database_time: DateTime<Utc>) {}
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

/// The database's clock, which all hosts share: its time when it was last read, and what has passed
/// since then. Before the first reading it is the host's.
pub struct DatabaseClock {
    host: Arc<dyn Clock>,
    last_read: RwLock<Option<(DateTime<Utc>, Instant)>>,
}

impl DatabaseClock {
    /// On a host with this clock.
    pub fn new(host: Arc<dyn Clock>) -> Self {
        Self {
            host,
            last_read: RwLock::new(None),
        }
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> DateTime<Utc> {
        let last_read = *self
            .last_read
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        match last_read {
            Some((time, at)) => time + TimeDelta::from_std(at.elapsed()).unwrap_or_default(),
            None => self.host.now(),
        }
    }

    fn follow(&self, database_time: DateTime<Utc>) {
        let mut last_read = self
            .last_read
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *last_read = Some((database_time, Instant::now()));
    }
}

impl fmt::Debug for DatabaseClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseClock").field(&self.now()).finish()
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
