//! `RemindDeadline`: seven days and one day before the last day of an ongoing edition, from 09:00
//! in Seoul, reminds every customer with an interest in it, once per edition and kind.
//!
//! Only on that very day: after an outage of a whole day the reminder is skipped, because 「D-7」
//! five days before the deadline would be wrong. If the deadline moves after a reminder, the same
//! kind is not sent again: the edit itself was notified, and the other kind follows the new date.

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

const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Shorter than the time after which a leader without heartbeat counts as dead.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// The time of day in Seoul from which reminders are sent.
const START_TIME: TimeDelta = TimeDelta::hours(9);

struct Reminder {
    db: Db,
    stop: CancellationToken,
    polled_at: Option<Instant>,
}

pub(crate) async fn run(context: Context, stop: CancellationToken) {
    let mut reminder = Reminder {
        db: context.db.clone(),
        stop: stop.clone(),
        polled_at: None,
    };
    leader::lead(&context.db, &stop, &mut reminder).await;
}

impl Duty for Reminder {
    const NAME: &'static str = "remind-deadline";

    async fn lead(&mut self, lease: &mut Lease) -> anyhow::Result<()> {
        lease.beat().await?;
        if self
            .polled_at
            .is_none_or(|at| at.elapsed() >= POLL_INTERVAL)
        {
            remind(&self.db, Some(lease)).await?;
            self.polled_at = Some(Instant::now());
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {}
        }
        Ok(())
    }
}

fn is_reminder_time(now: DateTime<Utc>) -> bool {
    seoul_date(now - START_TIME) == seoul_date(now)
}

/// Sends all reminders that are due, in one transaction per batch. Returns their number.
pub(crate) async fn remind(db: &Db, mut lease: Option<&mut Lease>) -> Result<i64, sqlx::Error> {
    let now = db.now();
    if !is_reminder_time(now) {
        return Ok(0);
    }
    let mut count = 0;
    for (kind, days) in [(Kind::DeadlineD7, 7), (Kind::DeadlineD1, 1)] {
        let day = seoul_date(now) + Days::new(days);
        for edition in notifications::editions_ending_on(db.pool(), day).await? {
            let mut after = Some(Uuid::nil());
            while let Some(last) = after {
                let mut tx = db.begin().await?;
                if let Some(lease) = &mut lease {
                    lease.beat().await?;
                    lease.fence(&mut tx).await?;
                }
                // Waits for a running erasure, so that an erased customer gets no reminder.
                served::take_batch_lock(&mut tx).await?;
                let batch = notifications::remind(&mut tx, kind, edition, day, last).await?;
                tx.commit().await?;
                count += batch.count;
                after = batch.last;
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reminders_start_at_nine_in_seoul_and_stop_at_midnight() {
        for (instant, expected) in [
            ("2026-12-03T23:59:59Z", false),
            ("2026-12-04T00:00:00Z", true),
            ("2026-12-04T14:59:59Z", true),
            ("2026-12-04T15:00:00Z", false),
        ] {
            let now = instant.parse().unwrap();
            assert_eq!(is_reminder_time(now), expected, "{instant}");
        }
    }
}
