//! The clock that follows the database.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use service_kit::clock::{DatabaseClock, SystemClock};
use service_kit::testing::{MockClock, database};
use service_kit::{Clock as _, Db, db::service_url};

use crate::NAME;

#[tokio::test]
async fn wait_for_a_connection_does_not_move_the_clock() {
    let url = service_url(&database(&[NAME]).await, NAME, "test").unwrap();
    let host = MockClock::at(SystemClock.now() + TimeDelta::hours(1));
    let db = Db::new(NAME, &url, Arc::new(DatabaseClock::new(Arc::new(host)))).unwrap();
    // All connections of the pool.
    let held = join_all((0..12).map(|_| db.pool().acquire())).await;
    let wait = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(held);
    };
    let (read, ()) = tokio::join!(db.read_clock(), wait);
    read.unwrap();
    let before = db.now();
    let now: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(db.pool())
        .await
        .unwrap();
    // Half of the wait would be a second.
    assert!(
        before - now < TimeDelta::milliseconds(500),
        "{before} {now}"
    );
}
