//! `RemindDeadline`: seven days and one day before the last day of a running edition, from nine in the morning in Seoul, everybody who is
//! interested is reminded, once for each edition and kind.
//!
//! Only on that very day: what an outage of the whole day missed is not made up for, because 「D-7」 five days before the end would be wrong.
//! A deadline that moves after a reminder does not bring that reminder again: that it moved was told when it was edited, and the kind that was
//! not sent yet comes by the new date. A planned edition's period is an expectation, and nobody is reminded of it.

use std::time::Duration;

use chrono::{DateTime, Days, TimeDelta, Utc};
use service_kit::clock::seoul_date;
use service_kit::messaging::leader::{self, Duty, Lease};
use service_kit::{Context, Db};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store::notifications::{self, Kind};
use crate::store::served;

/// How often it looks whether anybody is to be reminded.
const LOOK: Duration = Duration::from_secs(30);

/// How long it waits at once: a leader that is silent for longer than a few seconds is taken for dead.
const BREATH: Duration = Duration::from_secs(1);

/// When the day's reminders begin, in Seoul.
const NINE_O_CLOCK: TimeDelta = TimeDelta::hours(9);

struct Reminder {
    db: Db,
    stop: CancellationToken,
    looked_at: Option<Instant>,
}

/// Reminds until told to stop.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    let mut reminder = Reminder {
        db: context.db.clone(),
        stop: stop.clone(),
        looked_at: None,
    };
    leader::lead(&context.db, &stop, &mut reminder).await;
}

impl Duty for Reminder {
    const NAME: &'static str = "remind-deadline";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        lease.beat().await?;
        if self.looked_at.is_none_or(|at| at.elapsed() >= LOOK) {
            remind(&self.db, Some(lease)).await?;
            self.looked_at = Some(Instant::now());
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(BREATH) => {}
        }
        Ok(())
    }
}

/// Whether the day's reminders have begun.
fn is_time(now: DateTime<Utc>) -> bool {
    seoul_date(now - NINE_O_CLOCK) == seoul_date(now)
}

/// Reminds whoever is to be reminded now, batch by batch, each a unit of work of its own; tells how many reminders that were.
pub(crate) async fn remind(db: &Db, mut lease: Option<&mut Lease>) -> Result<i64, sqlx::Error> {
    let now = db.now();
    if !is_time(now) {
        return Ok(0);
    }
    let mut reminded = 0;
    for (kind, days) in [(Kind::DeadlineD7, 7), (Kind::DeadlineD1, 1)] {
        let day = seoul_date(now) + Days::new(days);
        for edition in notifications::closing_on(db.pool(), day).await? {
            let mut after = Some(Uuid::nil());
            while let Some(last) = after {
                let mut tx = db.begin().await?;
                if let Some(lease) = &mut lease {
                    lease.beat().await?;
                    lease.fence(&mut tx).await?;
                }
                // Whoever is erased at this moment is not to be reminded by what was read before.
                served::take_turn(&mut tx).await?;
                let batch = notifications::remind(&mut tx, kind, edition, day, last).await?;
                tx.commit().await?;
                reminded += batch.count;
                after = batch.last;
            }
        }
    }
    Ok(reminded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_at_nine_in_seoul_and_ends_at_midnight() {
        for (instant, expected) in [
            ("2026-12-03T23:59:59Z", false),
            ("2026-12-04T00:00:00Z", true),
            ("2026-12-04T14:59:59Z", true),
            ("2026-12-04T15:00:00Z", false),
        ] {
            assert_eq!(is_time(instant.parse().unwrap()), expected, "{instant}");
        }
    }
}
