//! A customer is forgotten.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::http::Method;
use chrono::TimeDelta;
use gateway::upstream::routes::Service;
use serde_json::json;
use service_kit::auth::Role;
use service_kit::testing::{Logs, MockClock};
use service_kit::{Clock as _, Db};
use tokio::runtime::Builder;
use uuid::Uuid;

use crate::codes::{PHONE, a_clock, another, ask, ask_from, config_with, verify};
use crate::fixture::{Running, config, in_time, somebody, start_at};
use crate::standing_in::StandIns;
use crate::stream::Stream;
use crate::telephone::Telephone;

/// The longest that a request may take which began before, by the tests' patience: two seconds, and five for clocks that differ.
const SETTLED: TimeDelta = TimeDelta::seconds(7);

struct Sandbox {
    gateway: Running,
    services: StandIns,
    telephone: Telephone,
    clock: Arc<MockClock>,
}

async fn start() -> Sandbox {
    let (telephone, clock) = (Telephone::new().await, a_clock());
    let mut config = config_with(&telephone).await;
    let services = StandIns::behind(&mut config).await;
    let gateway = start_at(config, clock.clone()).await;
    Sandbox {
        gateway,
        services,
        telephone,
        clock,
    }
}

impl Sandbox {
    /// Signs the customer in; his cookie.
    async fn sign_in(&self) -> String {
        let heard = self.telephone.heard().len();
        let challenge = ask(&self.gateway, PHONE).await;
        let code = self.telephone.code(heard + 1).await;
        verify(&self.gateway, &challenge, &code)
            .await
            .cookie()
            .unwrap()
    }

    async fn erase(&self, cookie: &str) {
        let answer = self
            .gateway
            .ask(Method::DELETE, "/api/me")
            .cookie(cookie)
            .send()
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        // The cookie is taken away.
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

/// Whether an erasure is as this says.
async fn is(db: &Db, state: &str) -> bool {
    let sql = format!("select exists (select from erasure where {state})");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(db.pool())
        .await
        .unwrap()
}

/// Waits until one is.
async fn becomes(db: &Db, state: &str) {
    in_time(state, async {
        while !is(db, state).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// What is put off for the first, the second or the third time is due then, and what somebody is working on is not.
const A_WHILE: TimeDelta = TimeDelta::seconds(4);

/// Waits until this attempt is over, one of the first three. Until then it is due when the time is over that it may take.
async fn is_put_off(sandbox: &Sandbox, attempt: i32) {
    let soon = sandbox.clock.now() + A_WHILE;
    becomes(
        &sandbox.gateway.db,
        &format!(
            "attempts = {attempt} and next_try_at <= '{}'",
            soon.to_rfc3339()
        ),
    )
    .await;
}

#[tokio::test]
async fn whoever_wants_to_be_forgotten_is_signed_out_at_once_and_forgotten_by_every_service_twice()
{
    let sandbox = start().await;
    let Sandbox {
        gateway,
        services,
        clock,
        ..
    } = &sandbox;
    let (here, elsewhere) = (sandbox.sign_in().await, sandbox.sign_in().await);
    let other = gateway.cookie(&somebody(Role::Customer)).await;
    let mut stream = Stream::of(gateway.get("/api/stream").cookie(&elsewhere).open().await);
    stream.block().await.unwrap();
    let asked = Instant::now();
    sandbox.erase(&here).await;
    assert!(!sandbox.is_signed_in(&here).await && !sandbox.is_signed_in(&elsewhere).await);
    assert!(sandbox.is_signed_in(&other).await);
    in_time("the stream ends", async {
        while stream.block().await.is_some() {}
    })
    .await;
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "the stream ended after {:?}",
        asked.elapsed()
    );

    services.forget([1; 5]).await;
    becomes(
        &gateway.db,
        "round = 2 and done = '{}' and finished_at is null",
    )
    .await;
    clock.advance(SETTLED - TimeDelta::seconds(1));
    // What is not due is not done, however often it is looked at; a second erasure shows that it was looked at.
    let again = gateway.as_(&somebody(Role::Customer)).await;
    assert_eq!(
        again.ask(Method::DELETE, "/api/me").send().await.status,
        202
    );
    services.forget([2; 5]).await;
    clock.advance(TimeDelta::seconds(1));
    services.forget([3; 5]).await;
    becomes(&gateway.db, "finished_at is not null").await;
    for service in Service::ALL {
        let told = services.of(service).asked_to(&Method::DELETE);
        assert!(
            told.iter()
                .all(|who| who.role == Role::Customer && who.phone.is_none()),
            "{told:?}"
        );
    }
    let left: Vec<(String, i64)> = sqlx::query_as(
        "select 'codes', count(*) from one_time_code union all select 'consents', count(*) from consent where withdrawn_at is null
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
    assert_eq!(withdrawn, 1, "that there was a consent is still known");
}

#[tokio::test]
async fn a_service_that_is_away_is_asked_until_it_has_forgotten_and_the_others_are_left_alone() {
    let sandbox = start().await;
    let Sandbox {
        gateway,
        services,
        clock,
        ..
    } = &sandbox;
    let away = services.of(Service::Consultation);
    away.is_away.store(true, Ordering::SeqCst);
    let cookie = sandbox.sign_in().await;
    sandbox.erase(&cookie).await;
    for attempt in 1..=2 {
        is_put_off(&sandbox, attempt).await;
        clock.advance(A_WHILE);
    }
    is_put_off(&sandbox, 3).await;
    assert_eq!(services.forgot(), [3, 1, 1, 1, 1]);
    away.is_away.store(false, Ordering::SeqCst);
    clock.advance(A_WHILE);
    becomes(&gateway.db, "round = 2").await;
    clock.advance(SETTLED);
    becomes(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.forgot(), [5, 2, 2, 2, 2]);
}

#[tokio::test]
async fn whoever_signs_in_meanwhile_is_told_so_after_a_right_code_alone_and_afterwards_begins_anew()
{
    let sandbox = start().await;
    let Sandbox {
        gateway,
        services,
        telephone,
        clock,
        ..
    } = &sandbox;
    services
        .of(Service::Project)
        .is_away
        .store(true, Ordering::SeqCst);
    let cookie = sandbox.sign_in().await;
    // It was on its way already.
    let earlier = ask(gateway, PHONE).await;
    let earlier_code = telephone.code(2).await;
    sandbox.erase(&cookie).await;
    let is_refused = async |challenge: &str, code: &str| {
        assert_eq!(
            verify(gateway, challenge, &another(code)).await.problem(),
            (422, "wrong-code".to_owned())
        );
        let refused = verify(gateway, challenge, code).await;
        assert_eq!(refused.problem(), (409, "erasure-in-progress".to_owned()));
        assert_eq!(refused.cookie(), None);
        // It was right, and is spent.
        assert_eq!(
            verify(gateway, challenge, code).await.problem(),
            (422, "code-expired".to_owned())
        );
    };
    is_refused(&earlier, &earlier_code).await;
    let answer = ask_from(gateway, "203.0.113.7", PHONE).await;
    assert_eq!(answer.status, 202);
    is_refused(
        answer.json()["challenge"].as_str().unwrap(),
        &telephone.code(3).await,
    )
    .await;
    // Somebody else has nothing to do with it.
    let other = ask(gateway, "010-8765-4321").await;
    assert_eq!(
        verify(gateway, &other, &telephone.code(4).await)
            .await
            .status,
        200
    );

    services
        .of(Service::Project)
        .is_away
        .store(false, Ordering::SeqCst);
    clock.advance(A_WHILE);
    becomes(&gateway.db, "round = 2").await;
    clock.advance(TimeDelta::minutes(1));
    becomes(&gateway.db, "finished_at is not null").await;
    let cookie = sandbox.sign_in().await;
    assert!(sandbox.is_signed_in(&cookie).await);
    let told = gateway
        .get("/api/me/data")
        .cookie(&cookie)
        .send()
        .await
        .json();
    assert_eq!(
        (
            told["consents"].as_array().unwrap().len(),
            told["sessions"].as_array().unwrap().len()
        ),
        (1, 1),
        "{told}"
    );
    assert_eq!(
        told["consents"][0]["givenAt"],
        json!("2026-11-24T01:01:04Z")
    );
}

#[tokio::test]
async fn asking_twice_is_one_wish() {
    let sandbox = start().await;
    let Sandbox {
        gateway,
        services,
        clock,
        ..
    } = &sandbox;
    let (one, other) = (sandbox.sign_in().await, sandbox.sign_in().await);
    let ask = async |cookie: &str| {
        gateway
            .ask(Method::DELETE, "/api/me")
            .cookie(cookie)
            .send()
            .await
            .status
            .as_u16()
    };
    let answers = tokio::join!(ask(&one), ask(&other));
    // Whoever came second may find himself signed out.
    assert!(
        [(202, 202), (202, 401), (401, 202)].contains(&answers),
        "{answers:?}"
    );
    assert_eq!(ask(&one).await, 401);
    let wishes: i64 = sqlx::query_scalar("select count(*) from erasure")
        .fetch_one(gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(wishes, 1);
    becomes(&gateway.db, "round = 2").await;
    clock.advance(SETTLED);
    becomes(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.forgot(), [2; 5]);
}

#[tokio::test]
async fn what_a_gateway_that_was_killed_had_begun_another_finishes() {
    // The one that dies has a runtime of its own, which ends as a process does: wherever each of its tasks is.
    let dying = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (telephone, clock) = (Telephone::new().await, a_clock());
    let mut config = config_with(&telephone).await;
    let services = StandIns::behind(&mut config).await;
    let gateway = dying
        .spawn(start_at(config.clone(), clock.clone()))
        .await
        .unwrap();
    let sandbox = Sandbox {
        gateway,
        services,
        telephone,
        clock,
    };
    sandbox
        .services
        .of(Service::Salesman)
        .hangs
        .store(true, Ordering::SeqCst);
    let cookie = sandbox.sign_in().await;
    sandbox.erase(&cookie).await;
    sandbox.services.forget([1; 5]).await;
    becomes(&sandbox.gateway.db, "cardinality(done) = 4").await;
    dying.shutdown_background();

    let Sandbox {
        gateway: dead,
        services,
        clock,
        ..
    } = sandbox;
    drop(dead);
    services
        .of(Service::Salesman)
        .hangs
        .store(false, Ordering::SeqCst);
    let second = start_at(config, clock.clone()).await;
    // What the dead one had claimed is another's when its time is over.
    clock.advance(SETTLED);
    becomes(&second.db, "round = 2").await;
    clock.advance(SETTLED);
    becomes(&second.db, "finished_at is not null").await;
    assert_eq!(
        services.forgot(),
        [2, 2, 2, 3, 2],
        "what had answered was not asked again in the same round"
    );
}

#[tokio::test]
async fn the_owners_are_asked_a_second_time_when_every_copy_has_gone() {
    let sandbox = start().await;
    let Sandbox {
        gateway,
        services,
        clock,
        ..
    } = &sandbox;
    let cookie = sandbox.sign_in().await;
    sandbox.erase(&cookie).await;
    services.forget([1; 5]).await;
    becomes(
        &gateway.db,
        "round = 2 and done = '{}' and finished_at is null",
    )
    .await;
    let copy = services.of(Service::SalesmanMatch);
    copy.is_away.store(true, Ordering::SeqCst);
    clock.advance(SETTLED);
    for attempt in 1..=2 {
        is_put_off(&sandbox, attempt).await;
        clock.advance(A_WHILE);
    }
    is_put_off(&sandbox, 3).await;
    // All copies are asked each time, and no owner.
    assert_eq!(services.forgot(), [1, 1, 4, 4, 4]);
    copy.is_away.store(false, Ordering::SeqCst);
    clock.advance(A_WHILE);
    becomes(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.forgot(), [2, 2, 5, 5, 5]);
}

#[tokio::test]
async fn whenever_the_owners_are_asked_a_second_time_the_copies_are_asked_directly_before() {
    let sandbox = start().await;
    let Sandbox {
        gateway,
        services,
        clock,
        ..
    } = &sandbox;
    let cookie = sandbox.sign_in().await;
    sandbox.erase(&cookie).await;
    services.forget([1; 5]).await;
    becomes(
        &gateway.db,
        "round = 2 and done = '{}' and finished_at is null",
    )
    .await;
    services
        .of(Service::Consultation)
        .is_away
        .store(true, Ordering::SeqCst);
    clock.advance(SETTLED);
    services.forget([2; 5]).await;
    // Between two attempts whatever a colleague enters at one owner is copied again.
    becomes(
        &gateway.db,
        "round = 2 and attempts = 1 and next_try_at <= '2026-11-24T01:00:08Z'",
    )
    .await;
    services
        .of(Service::Consultation)
        .is_away
        .store(false, Ordering::SeqCst);
    clock.advance(TimeDelta::seconds(1));
    becomes(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.forgot(), [3; 5]);
}

#[tokio::test]
async fn an_erasure_is_its_gateways_for_as_long_as_all_who_are_asked_one_after_the_other_may_take()
{
    let sandbox = start().await;
    let Sandbox {
        gateway,
        services,
        clock,
        ..
    } = &sandbox;
    let cookie = sandbox.sign_in().await;
    services
        .of(Service::Interest)
        .hangs
        .store(true, Ordering::SeqCst);
    sandbox.erase(&cookie).await;
    services.forget([1; 5]).await;
    // One answer, and five seconds.
    assert!(
        is(
            &gateway.db,
            "round = 1 and attempts = 1 and next_try_at = '2026-11-24T01:00:07Z'"
        )
        .await
    );
    services
        .of(Service::Interest)
        .hangs
        .store(false, Ordering::SeqCst);
    becomes(
        &gateway.db,
        "round = 1 and attempts = 1 and next_try_at <= '2026-11-24T01:00:01Z'",
    )
    .await;
    clock.advance(TimeDelta::seconds(1));
    becomes(
        &gateway.db,
        "round = 2 and next_try_at = '2026-11-24T01:00:08Z'",
    )
    .await;
    services
        .of(Service::Interest)
        .hangs
        .store(true, Ordering::SeqCst);
    clock.advance(SETTLED);
    services.forget([2, 3, 2, 2, 2]).await;
    // Two answers, and five seconds.
    assert!(
        is(
            &gateway.db,
            "round = 2 and attempts = 1 and next_try_at = '2026-11-24T01:00:17Z'"
        )
        .await
    );
}

/// Writes a wish down, this long ago, without signing anybody out.
async fn wish(db: &Db, customer: Uuid, ago: TimeDelta) {
    sqlx::query("insert into erasure (id, customer_id, requested_at, next_try_at) values (gen_random_uuid(), $1, $2, $2)")
        .bind(customer)
        .bind(db.now() - ago)
        .execute(db.pool())
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_is_asked_who_might_answer_when_the_erasure_is_another_gateways() {
    let sandbox = start().await;
    let Sandbox {
        gateway,
        services,
        clock,
        ..
    } = &sandbox;
    // The claim is there, and what follows takes longer than there is to spare: seven seconds less two for an answer.
    for line in [
        "create function dawdle() returns trigger language plpgsql as $$ begin
             if exists (select from erasure where attempts = 1) then perform pg_sleep(5.5); end if;
             return null;
         end $$",
        "create trigger dawdles before delete on session for each statement execute function dawdle()",
    ] {
        sqlx::query(line).execute(gateway.db.pool()).await.unwrap();
    }
    wish(&gateway.db, Uuid::from_u128(7), TimeDelta::zero()).await;
    is_put_off(&sandbox, 1).await;
    assert_eq!(services.forgot(), [0; 5]);
    clock.advance(TimeDelta::seconds(1));
    services.forget([1; 5]).await;
}

#[tokio::test]
async fn a_gateway_whose_erasure_is_anothers_by_now_writes_nothing_down() {
    let logs = Logs::capture();
    let Patient {
        gateway,
        services,
        clock,
    } = start_patient().await;
    let customer = somebody(Role::Customer).subject;
    wish(&gateway.db, customer, TimeDelta::zero()).await;
    becomes(&gateway.db, "round = 2").await;
    let slow = services.of(Service::Consultation);
    slow.waits.store(true, Ordering::SeqCst);
    clock.advance(TimeDelta::seconds(65));
    services.forget([2; 5]).await;
    becomes(&gateway.db, "cardinality(done) = 4").await;
    // Another has claimed it, and the customer has come back.
    for line in [
        "update erasure set attempts = attempts + 1, done = '{}', next_try_at = '2100-01-01T00:00:00Z'",
        "insert into consent (id, customer_id, version, given_at) select id, customer_id, '1', requested_at from erasure",
    ] {
        sqlx::query(line).execute(gateway.db.pool()).await.unwrap();
    }
    slow.waits.store(false, Ordering::SeqCst);
    in_time("it leaves it to the other", async {
        while !logs
            .text()
            .contains("another gateway goes on forgetting a customer")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(
        is(
            &gateway.db,
            "finished_at is null and done = '{}' and next_try_at = '2100-01-01T00:00:00Z'"
        )
        .await
    );
    let standing: i64 =
        sqlx::query_scalar("select count(*) from consent where withdrawn_at is null")
            .fetch_one(gateway.db.pool())
            .await
            .unwrap();
    assert_eq!(standing, 1);
}

#[tokio::test]
async fn the_second_time_comes_when_what_began_before_the_sign_ins_ended_is_over() {
    let sandbox = start().await;
    let Sandbox { gateway, .. } = &sandbox;
    let cookie = gateway.cookie(&somebody(Role::Customer)).await;
    wish(
        &gateway.db,
        somebody(Role::Customer).subject,
        TimeDelta::minutes(1),
    )
    .await;
    becomes(&gateway.db, "round = 2").await;
    assert!(!sandbox.is_signed_in(&cookie).await);
    assert!(is(&gateway.db, "next_try_at = '2026-11-24T01:00:07Z'").await);
}

#[tokio::test]
async fn whoever_wants_to_be_forgotten_is_signed_out_by_the_wish_itself() {
    let sandbox = start().await;
    let Sandbox { gateway, .. } = &sandbox;
    for line in [
        "create function is_signed_out() returns trigger language plpgsql as $$ begin
             if exists (select from session where subject = new.customer_id) then raise exception 'he is signed in'; end if;
             return null;
         end $$",
        "create constraint trigger signs_out after insert on erasure deferrable initially deferred
         for each row execute function is_signed_out()",
    ] {
        sqlx::query(line).execute(gateway.db.pool()).await.unwrap();
    }
    let (here, elsewhere) = (sandbox.sign_in().await, sandbox.sign_in().await);
    sandbox.erase(&here).await;
    assert!(!sandbox.is_signed_in(&elsewhere).await);
}

struct Patient {
    gateway: Running,
    services: StandIns,
    clock: Arc<MockClock>,
}

/// A gateway whose services may take a minute to answer.
async fn start_patient() -> Patient {
    let (mut config, clock) = (config().await, a_clock());
    config.patience.answer = Duration::from_mins(1);
    let services = StandIns::behind(&mut config).await;
    Patient {
        gateway: start_at(config, clock.clone()).await,
        services,
        clock,
    }
}

#[tokio::test]
async fn one_whom_a_service_is_slow_to_forget_keeps_nobody_else_waiting() {
    let Patient {
        gateway, services, ..
    } = start_patient().await;
    let slow = services.of(Service::Salesman);
    slow.hangs.store(true, Ordering::SeqCst);
    wish(&gateway.db, Uuid::from_u128(1), TimeDelta::zero()).await;
    services.forget([1; 5]).await;
    slow.hangs.store(false, Ordering::SeqCst);
    wish(&gateway.db, Uuid::from_u128(2), TimeDelta::zero()).await;
    becomes(&gateway.db, "round = 2").await;
    assert!(is(&gateway.db, "round = 1 and cardinality(done) = 4").await);
}

#[tokio::test]
async fn no_more_than_eight_are_forgotten_at_once_and_when_it_ends_a_gateway_finishes_those_and_begins_with_nobody()
 {
    let Patient {
        mut gateway,
        services,
        ..
    } = start_patient().await;
    let slow = services.of(Service::Salesman);
    slow.waits.store(true, Ordering::SeqCst);
    for customer in 1..=9 {
        wish(&gateway.db, Uuid::from_u128(customer), TimeDelta::zero()).await;
    }
    services.forget([8; 5]).await;
    // Four times it looks for something to do.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(services.forgot(), [8; 5]);
    gateway.stop.cancel();
    // It has heard of it when it is no longer ready, and then ends what runs in the background.
    in_time("it is not ready", async {
        while gateway.readyz().await == 200 {}
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    slow.waits.store(false, Ordering::SeqCst);
    let db = gateway.db.clone();
    in_time("the gateway stops", &mut gateway.task)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(services.forgot(), [8; 5]);
    let ends: Vec<(i16, i64)> =
        sqlx::query_as("select round, count(*) from erasure group by round order by round")
            .fetch_all(db.pool())
            .await
            .unwrap();
    assert_eq!(ends, [(1, 1), (2, 8)]);
}
