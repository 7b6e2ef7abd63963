//! Erasing a customer's data in every service.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::http::Method;
use chrono::TimeDelta;
use gateway::config::Service;
use serde_json::json;
use service_kit::auth::Role;
use service_kit::testing::{Logs, MockClock};
use service_kit::{Clock as _, Db};
use tokio::runtime::Builder;
use uuid::Uuid;

use crate::fake_services::FakeServices;
use crate::one_time_codes::{
    PHONE, another, config_with, mock_clock, request_code, request_code_from, verify,
};
use crate::sms_relay::SmsRelay;
use crate::stream_connection::Stream;
use crate::test_gateway::{TestGateway, config, identity, start_at, with_timeout};

/// The delay before the second round, until earlier requests are over: the response timeout of two
/// seconds, and five seconds for a request that arrives late.
const SETTLE_TIME: TimeDelta = TimeDelta::seconds(7);

struct ErasureFixture {
    gateway: TestGateway,
    services: FakeServices,
    relay: SmsRelay,
    clock: Arc<MockClock>,
}

async fn start() -> ErasureFixture {
    let (relay, clock) = (SmsRelay::new().await, mock_clock());
    let mut config = config_with(&relay).await;
    let services = FakeServices::start(&mut config).await;
    let gateway = start_at(config, clock.clone()).await;
    ErasureFixture {
        gateway,
        services,
        relay,
        clock,
    }
}

impl ErasureFixture {
    /// Signs the customer in and returns the cookie.
    async fn sign_in(&self) -> String {
        let count = self.relay.attempts().len();
        let challenge = request_code(&self.gateway, PHONE).await;
        let code = self.relay.code(count + 1).await;
        verify(&self.gateway, &challenge, &code)
            .await
            .cookie()
            .unwrap()
    }

    async fn erase(&self, cookie: &str) {
        let answer = self
            .gateway
            .request(Method::DELETE, "/api/me")
            .cookie(cookie)
            .send()
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        // The cookie is cleared.
        assert_eq!(answer.cookie().as_deref(), Some("ktgg="));
    }

    async fn is_signed_in(&self, cookie: &str) -> bool {
        self.gateway
            .get("/api/auth/me")
            .cookie(cookie)
            .send()
            .await
            .json()["signedIn"]
            == true
    }
}

/// Whether there is an erasure job that fulfils this SQL condition.
async fn has_job(db: &Db, condition: &str) -> bool {
    let sql = format!("select exists (select from erasure where {condition})");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(db.pool())
        .await
        .unwrap()
}

/// Waits for an erasure job that fulfils this SQL condition.
async fn wait_for_job(db: &Db, condition: &str) {
    with_timeout(condition, async {
        while !has_job(db, condition).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Longer than the backoff after each of the first three attempts, shorter than a lease.
const RETRY_DELAY: TimeDelta = TimeDelta::seconds(4);

/// Waits until this attempt, one of the first three, has failed. While it runs, the job's next
/// attempt is due only at the end of the lease.
async fn wait_for_failed_attempt(fixture: &ErasureFixture, attempt: i32) {
    let due = fixture.clock.now() + RETRY_DELAY;
    wait_for_job(
        &fixture.gateway.db,
        &format!(
            "attempts = {attempt} and next_try_at <= '{}'",
            due.to_rfc3339()
        ),
    )
    .await;
}

#[tokio::test]
async fn erasure_signs_out_at_once_and_asks_every_service_twice() {
    let fixture = start().await;
    let ErasureFixture {
        gateway,
        services,
        clock,
        ..
    } = &fixture;
    let (first, second) = (fixture.sign_in().await, fixture.sign_in().await);
    let other = gateway.cookie(&identity(Role::Customer)).await;
    let mut stream = Stream::new(gateway.get("/api/stream").cookie(&second).open().await);
    stream.block().await.unwrap();
    let requested = Instant::now();
    fixture.erase(&first).await;
    assert!(!fixture.is_signed_in(&first).await && !fixture.is_signed_in(&second).await);
    assert!(fixture.is_signed_in(&other).await);
    with_timeout("the stream ends", async {
        while stream.block().await.is_some() {}
    })
    .await;
    assert!(
        requested.elapsed() < Duration::from_secs(2),
        "the stream ended after {:?}",
        requested.elapsed()
    );

    services.wait_for_erasures([1; 5]).await;
    wait_for_job(
        &gateway.db,
        "round = 2 and done = '{}' and finished_at is null",
    )
    .await;
    clock.advance(SETTLE_TIME - TimeDelta::seconds(1));
    // A job that is not due is not run. A second erasure shows that the gateway looked for jobs.
    let other_caller = gateway.caller(&identity(Role::Customer)).await;
    assert_eq!(
        other_caller
            .request(Method::DELETE, "/api/me")
            .send()
            .await
            .status,
        202
    );
    services.wait_for_erasures([2; 5]).await;
    clock.advance(TimeDelta::seconds(1));
    services.wait_for_erasures([3; 5]).await;
    wait_for_job(&gateway.db, "finished_at is not null").await;
    for service in Service::ALL {
        let callers = services.get(service).callers(&Method::DELETE);
        assert!(
            callers
                .iter()
                .all(|caller| caller.role == Role::Customer && caller.phone.is_none()),
            "{callers:?}"
        );
    }
    let left: Vec<(String, i64)> = sqlx::query_as(
        "select 'codes', count(*) from one_time_code
         union all select 'consents', count(*) from consent where withdrawn_at is null
         union all select 'sessions', count(*) from session",
    )
    .fetch_all(gateway.db.pool())
    .await
    .unwrap();
    assert!(left.iter().all(|(_, count)| *count == 0), "{left:?}");
    let withdrawn: i64 = sqlx::query_scalar("select count(*) from consent")
        .fetch_one(gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(withdrawn, 1, "the withdrawn consent stays recorded");
}

#[tokio::test]
async fn only_an_unavailable_service_is_asked_again() {
    let fixture = start().await;
    let ErasureFixture {
        gateway,
        services,
        clock,
        ..
    } = &fixture;
    let unavailable = services.get(Service::Consultation);
    unavailable.is_unavailable.store(true, Ordering::SeqCst);
    let cookie = fixture.sign_in().await;
    fixture.erase(&cookie).await;
    for attempt in 1..=2 {
        wait_for_failed_attempt(&fixture, attempt).await;
        clock.advance(RETRY_DELAY);
    }
    wait_for_failed_attempt(&fixture, 3).await;
    assert_eq!(services.erasure_counts(), [3, 1, 1, 1, 1]);
    unavailable.is_unavailable.store(false, Ordering::SeqCst);
    clock.advance(RETRY_DELAY);
    wait_for_job(&gateway.db, "round = 2").await;
    clock.advance(SETTLE_TIME);
    wait_for_job(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.erasure_counts(), [5, 2, 2, 2, 2]);
}

#[tokio::test]
async fn sign_in_during_erasure_is_refused_and_works_afterwards() {
    let fixture = start().await;
    let ErasureFixture {
        gateway,
        services,
        relay,
        clock,
        ..
    } = &fixture;
    services
        .get(Service::Project)
        .is_unavailable
        .store(true, Ordering::SeqCst);
    let cookie = fixture.sign_in().await;
    // This code is sent before the erasure is requested.
    let earlier = request_code(gateway, PHONE).await;
    let earlier_code = relay.code(2).await;
    fixture.erase(&cookie).await;
    let is_refused = async |challenge: &str, code: &str| {
        assert_eq!(
            verify(gateway, challenge, &another(code)).await.problem(),
            (422, "wrong-code".to_owned())
        );
        let refused = verify(gateway, challenge, code).await;
        assert_eq!(refused.problem(), (409, "erasure-in-progress".to_owned()));
        assert_eq!(refused.cookie(), None);
        // The code was correct and is used up.
        assert_eq!(
            verify(gateway, challenge, code).await.problem(),
            (422, "code-expired".to_owned())
        );
    };
    is_refused(&earlier, &earlier_code).await;
    let answer = request_code_from(gateway, "203.0.113.7", PHONE).await;
    assert_eq!(answer.status, 202);
    is_refused(
        answer.json()["challenge"].as_str().unwrap(),
        &relay.code(3).await,
    )
    .await;
    // Another customer is not affected.
    let other = request_code(gateway, "010-8765-4321").await;
    assert_eq!(
        verify(gateway, &other, &relay.code(4).await).await.status,
        200
    );

    services
        .get(Service::Project)
        .is_unavailable
        .store(false, Ordering::SeqCst);
    clock.advance(RETRY_DELAY);
    wait_for_job(&gateway.db, "round = 2").await;
    clock.advance(TimeDelta::minutes(1));
    wait_for_job(&gateway.db, "finished_at is not null").await;
    let cookie = fixture.sign_in().await;
    assert!(fixture.is_signed_in(&cookie).await);
    let data = gateway
        .get("/api/me/data")
        .cookie(&cookie)
        .send()
        .await
        .json();
    assert_eq!(
        (
            data["consents"].as_array().unwrap().len(),
            data["sessions"].as_array().unwrap().len()
        ),
        (1, 1),
        "{data}"
    );
    assert_eq!(
        data["consents"][0]["givenAt"],
        json!("2026-11-24T01:01:04Z")
    );
}

#[tokio::test]
async fn concurrent_erasure_requests_create_one_job() {
    let fixture = start().await;
    let ErasureFixture {
        gateway,
        services,
        clock,
        ..
    } = &fixture;
    let (one, other) = (fixture.sign_in().await, fixture.sign_in().await);
    let request = async |cookie: &str| {
        gateway
            .request(Method::DELETE, "/api/me")
            .cookie(cookie)
            .send()
            .await
            .status
            .as_u16()
    };
    let answers = tokio::join!(request(&one), request(&other));
    // The later of the two may be signed out already.
    assert!(
        [(202, 202), (202, 401), (401, 202)].contains(&answers),
        "{answers:?}"
    );
    assert_eq!(request(&one).await, 401);
    let jobs: i64 = sqlx::query_scalar("select count(*) from erasure")
        .fetch_one(gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(jobs, 1);
    wait_for_job(&gateway.db, "round = 2").await;
    clock.advance(SETTLE_TIME);
    wait_for_job(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.erasure_counts(), [2; 5]);
}

#[tokio::test]
async fn another_gateway_finishes_the_job_of_a_killed_one() {
    // The killed gateway has its own runtime: shutting that down stops all tasks where they are.
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (relay, clock) = (SmsRelay::new().await, mock_clock());
    let mut config = config_with(&relay).await;
    let services = FakeServices::start(&mut config).await;
    let gateway = runtime
        .spawn(start_at(config.clone(), clock.clone()))
        .await
        .unwrap();
    let fixture = ErasureFixture {
        gateway,
        services,
        relay,
        clock,
    };
    fixture
        .services
        .get(Service::Salesman)
        .hangs
        .store(true, Ordering::SeqCst);
    let cookie = fixture.sign_in().await;
    fixture.erase(&cookie).await;
    fixture.services.wait_for_erasures([1; 5]).await;
    wait_for_job(&fixture.gateway.db, "cardinality(done) = 4").await;
    runtime.shutdown_background();

    let ErasureFixture {
        gateway: killed,
        services,
        clock,
        ..
    } = fixture;
    drop(killed);
    services
        .get(Service::Salesman)
        .hangs
        .store(false, Ordering::SeqCst);
    let second = start_at(config, clock.clone()).await;
    // The claim of the killed gateway ends with its lease.
    clock.advance(SETTLE_TIME);
    wait_for_job(&second.db, "round = 2").await;
    clock.advance(SETTLE_TIME);
    wait_for_job(&second.db, "finished_at is not null").await;
    assert_eq!(
        services.erasure_counts(),
        [2, 2, 2, 3, 2],
        "a service that has confirmed is not asked again in the same round"
    );
}

#[tokio::test]
async fn second_round_asks_owners_after_all_projections_are_erased() {
    let fixture = start().await;
    let ErasureFixture {
        gateway,
        services,
        clock,
        ..
    } = &fixture;
    let cookie = fixture.sign_in().await;
    fixture.erase(&cookie).await;
    services.wait_for_erasures([1; 5]).await;
    wait_for_job(
        &gateway.db,
        "round = 2 and done = '{}' and finished_at is null",
    )
    .await;
    let projection = services.get(Service::SalesmanMatch);
    projection.is_unavailable.store(true, Ordering::SeqCst);
    clock.advance(SETTLE_TIME);
    for attempt in 1..=2 {
        wait_for_failed_attempt(&fixture, attempt).await;
        clock.advance(RETRY_DELAY);
    }
    wait_for_failed_attempt(&fixture, 3).await;
    // Each attempt asks all services with projections, and no owner.
    assert_eq!(services.erasure_counts(), [1, 1, 4, 4, 4]);
    projection.is_unavailable.store(false, Ordering::SeqCst);
    clock.advance(RETRY_DELAY);
    wait_for_job(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.erasure_counts(), [2, 2, 5, 5, 5]);
}

#[tokio::test]
async fn retried_second_round_asks_projections_again_before_owners() {
    let fixture = start().await;
    let ErasureFixture {
        gateway,
        services,
        clock,
        ..
    } = &fixture;
    let cookie = fixture.sign_in().await;
    fixture.erase(&cookie).await;
    services.wait_for_erasures([1; 5]).await;
    wait_for_job(
        &gateway.db,
        "round = 2 and done = '{}' and finished_at is null",
    )
    .await;
    services
        .get(Service::Consultation)
        .is_unavailable
        .store(true, Ordering::SeqCst);
    clock.advance(SETTLE_TIME);
    services.wait_for_erasures([2; 5]).await;
    // Between two attempts, staff may enter data at an owner that is projected again.
    wait_for_job(
        &gateway.db,
        "round = 2 and attempts = 1 and next_try_at <= '2026-11-24T01:00:08Z'",
    )
    .await;
    services
        .get(Service::Consultation)
        .is_unavailable
        .store(false, Ordering::SeqCst);
    clock.advance(TimeDelta::seconds(1));
    wait_for_job(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.erasure_counts(), [3; 5]);
}

#[tokio::test]
async fn lease_covers_the_timeouts_of_all_consecutive_requests() {
    let fixture = start().await;
    let ErasureFixture {
        gateway,
        services,
        clock,
        ..
    } = &fixture;
    let cookie = fixture.sign_in().await;
    services
        .get(Service::Interest)
        .hangs
        .store(true, Ordering::SeqCst);
    fixture.erase(&cookie).await;
    services.wait_for_erasures([1; 5]).await;
    // One response timeout and five seconds.
    assert!(
        has_job(
            &gateway.db,
            "round = 1 and attempts = 1 and next_try_at = '2026-11-24T01:00:07Z'"
        )
        .await
    );
    services
        .get(Service::Interest)
        .hangs
        .store(false, Ordering::SeqCst);
    wait_for_job(
        &gateway.db,
        "round = 1 and attempts = 1 and next_try_at <= '2026-11-24T01:00:01Z'",
    )
    .await;
    clock.advance(TimeDelta::seconds(1));
    wait_for_job(
        &gateway.db,
        "round = 2 and next_try_at = '2026-11-24T01:00:08Z'",
    )
    .await;
    services
        .get(Service::Interest)
        .hangs
        .store(true, Ordering::SeqCst);
    clock.advance(SETTLE_TIME);
    services.wait_for_erasures([2, 3, 2, 2, 2]).await;
    // Two response timeouts and five seconds.
    assert!(
        has_job(
            &gateway.db,
            "round = 2 and attempts = 1 and next_try_at = '2026-11-24T01:00:17Z'"
        )
        .await
    );
}

/// Inserts an erasure job that was requested this long ago, without a sign-out.
async fn insert_job(db: &Db, customer: Uuid, ago: TimeDelta) {
    sqlx::query(
        "insert into erasure (id, customer_id, requested_at, next_try_at)
         values (gen_random_uuid(), $1, $2, $2)",
    )
    .bind(customer)
    .bind(db.now() - ago)
    .execute(db.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn service_is_not_asked_if_the_lease_could_end_first() {
    let fixture = start().await;
    let ErasureFixture {
        gateway,
        services,
        clock,
        ..
    } = &fixture;
    // After the claim, signing out takes longer than the lease of seven seconds minus a response
    // timeout of two.
    for line in [
        "create function delay_first_attempt() returns trigger language plpgsql as $$ begin
             if exists (select from erasure where attempts = 1) then
                 perform pg_sleep(5.5);
             end if;
             return null;
         end $$",
        "create trigger delays_first_attempt before delete on session 
         for each statement execute function delay_first_attempt()",
    ] {
        sqlx::query(line).execute(gateway.db.pool()).await.unwrap();
    }
    insert_job(&gateway.db, Uuid::from_u128(7), TimeDelta::zero()).await;
    wait_for_failed_attempt(&fixture, 1).await;
    assert_eq!(services.erasure_counts(), [0; 5]);
    clock.advance(TimeDelta::seconds(1));
    services.wait_for_erasures([1; 5]).await;
}

#[tokio::test]
async fn gateway_that_lost_its_claim_writes_nothing() {
    let logs = Logs::capture();
    let SlowServices {
        gateway,
        services,
        clock,
    } = start_with_slow_services().await;
    let customer = identity(Role::Customer).subject;
    insert_job(&gateway.db, customer, TimeDelta::zero()).await;
    wait_for_job(&gateway.db, "round = 2").await;
    let slow = services.get(Service::Consultation);
    slow.is_paused.store(true, Ordering::SeqCst);
    clock.advance(TimeDelta::seconds(65));
    services.wait_for_erasures([2; 5]).await;
    wait_for_job(&gateway.db, "cardinality(done) = 4").await;
    // Another gateway has claimed the job, and the customer has signed in again.
    for line in [
        "update erasure set attempts = attempts + 1, done = '{}',
             next_try_at = '2100-01-01T00:00:00Z'",
        "insert into consent (id, customer_id, version, given_at)
             select id, customer_id, '1', requested_at from erasure",
    ] {
        sqlx::query(line).execute(gateway.db.pool()).await.unwrap();
    }
    slow.is_paused.store(false, Ordering::SeqCst);
    with_timeout("the gateway notices the other claim", async {
        while !logs
            .text()
            .contains("another gateway has claimed this erasure job")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(
        has_job(
            &gateway.db,
            "finished_at is null and done = '{}' and next_try_at = '2100-01-01T00:00:00Z'"
        )
        .await
    );
    let consents: i64 =
        sqlx::query_scalar("select count(*) from consent where withdrawn_at is null")
            .fetch_one(gateway.db.pool())
            .await
            .unwrap();
    assert_eq!(consents, 1);
}

#[tokio::test]
async fn second_round_waits_for_requests_from_before_the_sign_out() {
    let fixture = start().await;
    let ErasureFixture { gateway, .. } = &fixture;
    let cookie = gateway.cookie(&identity(Role::Customer)).await;
    insert_job(
        &gateway.db,
        identity(Role::Customer).subject,
        TimeDelta::minutes(1),
    )
    .await;
    wait_for_job(&gateway.db, "round = 2").await;
    assert!(!fixture.is_signed_in(&cookie).await);
    assert!(has_job(&gateway.db, "next_try_at = '2026-11-24T01:00:07Z'").await);
}

#[tokio::test]
async fn erasure_request_signs_out_in_its_own_transaction() {
    let fixture = start().await;
    let ErasureFixture { gateway, .. } = &fixture;
    for line in [
        "create function check_sign_out() returns trigger language plpgsql as $$ begin
             if exists (select from session where subject = new.customer_id) then
                 raise exception 'the customer is signed in';
             end if;
             return null;
         end $$",
        "create constraint trigger signs_out after insert on erasure deferrable initially deferred
         for each row execute function check_sign_out()",
    ] {
        sqlx::query(line).execute(gateway.db.pool()).await.unwrap();
    }
    let (first, second) = (fixture.sign_in().await, fixture.sign_in().await);
    fixture.erase(&first).await;
    assert!(!fixture.is_signed_in(&second).await);
}

struct SlowServices {
    gateway: TestGateway,
    services: FakeServices,
    clock: Arc<MockClock>,
}

/// A gateway whose services may take a minute to answer.
async fn start_with_slow_services() -> SlowServices {
    let (mut config, clock) = (config().await, mock_clock());
    config.timeouts.response = Duration::from_mins(1);
    let services = FakeServices::start(&mut config).await;
    SlowServices {
        gateway: start_at(config, clock.clone()).await,
        services,
        clock,
    }
}

#[tokio::test]
async fn slow_erasure_does_not_delay_others() {
    let SlowServices {
        gateway, services, ..
    } = start_with_slow_services().await;
    let slow = services.get(Service::Salesman);
    slow.hangs.store(true, Ordering::SeqCst);
    insert_job(&gateway.db, Uuid::from_u128(1), TimeDelta::zero()).await;
    services.wait_for_erasures([1; 5]).await;
    slow.hangs.store(false, Ordering::SeqCst);
    insert_job(&gateway.db, Uuid::from_u128(2), TimeDelta::zero()).await;
    wait_for_job(&gateway.db, "round = 2").await;
    assert!(has_job(&gateway.db, "round = 1 and cardinality(done) = 4").await);
}

#[tokio::test]
async fn at_most_eight_erasures_run_and_shutdown_finishes_only_those() {
    let SlowServices {
        mut gateway,
        services,
        ..
    } = start_with_slow_services().await;
    let slow = services.get(Service::Salesman);
    slow.is_paused.store(true, Ordering::SeqCst);
    for customer in 1..=9 {
        insert_job(&gateway.db, Uuid::from_u128(customer), TimeDelta::zero()).await;
    }
    services.wait_for_erasures([8; 5]).await;
    // Time for four polls.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(services.erasure_counts(), [8; 5]);
    gateway.stop.cancel();
    // Once the gateway is not ready, it stops its background tasks.
    with_timeout("the gateway is not ready", async {
        while gateway.readyz().await == 200 {}
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    slow.is_paused.store(false, Ordering::SeqCst);
    let db = gateway.db.clone();
    with_timeout("the gateway stops", &mut gateway.task)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(services.erasure_counts(), [8; 5]);
    let rounds: Vec<(i16, i64)> =
        sqlx::query_as("select round, count(*) from erasure group by round order by round")
            .fetch_all(db.pool())
            .await
            .unwrap();
    assert_eq!(rounds, [(1, 1), (2, 8)]);
}
