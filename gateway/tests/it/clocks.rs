//! Hosts whose clocks differ: sessions are by the database's clock.

use std::sync::Arc;

use chrono::TimeDelta;
use gateway::{NAME, Sessions};
use service_kit::auth::Role;
use service_kit::clock::{DatabaseClock, SystemClock};
use service_kit::testing::MockClock;
use service_kit::{Clock as _, Db};

use crate::test_gateway::{TestGateway, config, cookie, identity, start_at};

/// Staff are signed out after half an hour without a request.
const SKEWS: [TimeDelta; 3] = [
    TimeDelta::minutes(-40),
    TimeDelta::minutes(40),
    TimeDelta::hours(13),
];

/// A gateway on a host whose clock is ahead by this, and the sessions as another host sees them.
async fn start(skew: TimeDelta) -> (TestGateway, Sessions) {
    let config = config().await;
    let db = Db::new(NAME, &config.database_url, Arc::new(SystemClock)).unwrap();
    let host = Arc::new(MockClock::at(SystemClock.now() + skew));
    let gateway = start_at(config, Arc::new(DatabaseClock::new(host))).await;
    (gateway, Sessions::new(db))
}

#[tokio::test]
async fn session_of_another_host_is_valid_despite_its_clock() {
    for skew in SKEWS {
        let (gateway, sessions) = start(skew).await;
        let session = sessions.begin(&identity(Role::Staff), None).await.unwrap();
        let request = gateway
            .get("/api/consultations")
            .cookie(&cookie(session.id()));
        let echoed = request.send().await.json();
        assert!(echoed["headers"]["authorization"].is_string(), "{skew}");
    }
}

#[tokio::test]
async fn session_is_stored_with_the_time_of_the_database() {
    for skew in SKEWS {
        let (gateway, _) = start(skew).await;
        gateway.cookie(&identity(Role::Staff)).await;
        let offset: f64 = sqlx::query_scalar(
            "select extract(epoch from used_at - clock_timestamp())::float8 from session",
        )
        .fetch_one(gateway.db.pool())
        .await
        .unwrap();
        assert!(offset.abs() < 20.0, "{skew}: {offset} s");
    }
}
