//! Hosts whose clocks differ: sessions, codes, links and limits are by the database's clock.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use gateway::config::Rate;
use gateway::{Config, NAME, Sessions, invite_staff};
use service_kit::auth::Role;
use service_kit::clock::{DatabaseClock, SystemClock};
use service_kit::testing::MockClock;
use service_kit::{Clock as _, Db};

use crate::one_time_codes::{PHONE, config_with, request_code, request_code_from, verify};
use crate::sms_relay::SmsRelay;
use crate::test_gateway::{
    TestGateway, config, cookie, identity, start_at, start_with, with_timeout,
};

/// Staff are signed out after half an hour without a request.
const SKEWS: [TimeDelta; 3] = [
    TimeDelta::minutes(-40),
    TimeDelta::minutes(40),
    TimeDelta::hours(13),
];

/// The clock that gateways have, on a host whose clock is ahead by this.
fn clock(skew: TimeDelta) -> Arc<DatabaseClock> {
    let host = MockClock::at(SystemClock.now() + skew);
    Arc::new(DatabaseClock::new(Arc::new(host)))
}

/// A gateway on a host whose clock is ahead by this, and the sessions as another host sees them.
async fn start(skew: TimeDelta) -> (TestGateway, Sessions) {
    let config = config().await;
    let db = Db::new(NAME, &config.database_url, Arc::new(SystemClock)).unwrap();
    let gateway = start_at(config, clock(skew)).await;
    (gateway, Sessions::new(db))
}

/// Two gateways with one database: on a host whose clock is ahead by this, and on one whose clock
/// is right.
async fn start_both(config: Config, skew: TimeDelta) -> [TestGateway; 2] {
    let ahead = start_at(config.clone(), clock(skew)).await;
    [ahead, start_with(config).await]
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

#[tokio::test]
async fn code_of_another_host_is_valid_despite_its_clock() {
    for skew in SKEWS {
        let relay = SmsRelay::new().await;
        let [ahead, right] = start_both(config_with(&relay).await, skew).await;
        for (message, requested_at, verified_at) in [(1, &ahead, &right), (2, &right, &ahead)] {
            let challenge = request_code(requested_at, PHONE).await;
            let code = relay.code(message).await;
            let verified = verify(verified_at, &challenge, &code).await;
            assert_eq!(verified.status, 200, "{skew}: {verified:?}");
        }
    }
}

#[tokio::test]
async fn limit_counts_requests_at_hosts_whose_clocks_differ() {
    for skew in SKEWS {
        let relay = SmsRelay::new().await;
        let mut config = config_with(&relay).await;
        config.limits.codes_per_phone = Rate::new(2, 3600);
        let [ahead, right] = start_both(config, skew).await;
        let request = async |gateway| request_code_from(gateway, "203.0.113.7", PHONE).await;
        for gateway in [&ahead, &right] {
            assert_eq!(request(gateway).await.status, 202, "{skew}");
        }
        for gateway in [&ahead, &right] {
            let refused = request(gateway).await;
            assert_eq!(refused.problem().0, 429, "{skew}");
            let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((1700..=1800).contains(&wait), "{skew}: {wait} s");
        }
    }
}

#[tokio::test]
async fn link_of_another_host_expires_by_the_database_clock() {
    for skew in SKEWS {
        let (gateway, _) = start(skew).await;
        let origin = "http://localhost:8088".parse().unwrap();
        let invited = invite_staff(&gateway.db, &origin, "gwanri", "이관리").await;
        let lifetime = invited.unwrap().expires_at - SystemClock.now();
        let off = lifetime - TimeDelta::hours(72);
        assert!(off.abs() < TimeDelta::seconds(20), "{skew}: {off}");
    }
}

#[tokio::test]
async fn clock_is_read_again_after_the_database_changed_it() {
    let clock = clock(TimeDelta::zero());
    let _gateway = start_at(config().await, clock.clone()).await;
    clock.follow(SystemClock.now() + TimeDelta::hours(1));
    with_timeout("the clock follows", async {
        while (clock.now() - SystemClock.now()).abs() > TimeDelta::seconds(5) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}
