//! A customer is forgotten.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::http::Method;
use chrono::TimeDelta;
use gateway::routes::Service;
use serde_json::json;
use service_kit::Db;
use service_kit::auth::Role;
use service_kit::testing::MockClock;
use tokio::runtime::Builder;

use crate::codes::{PHONE, a_clock, another, ask, ask_from, config_with, verify};
use crate::fixture::{Running, in_time, somebody, start_at};
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
    Sandbox { gateway, services, telephone, clock }
}

impl Sandbox {
    /// Signs the customer in; his cookie.
    async fn sign_in(&self) -> String {
        let heard = self.telephone.heard().len();
        let challenge = ask(&self.gateway, PHONE).await;
        let code = self.telephone.code(heard + 1).await;
        verify(&self.gateway, &challenge, &code).await.cookie().unwrap()
    }

    async fn erase(&self, cookie: &str) {
        let answer = self.gateway.ask(Method::DELETE, "/api/me").cookie(cookie).send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        // The cookie is taken away.
        assert_eq!(answer.cookie().as_deref(), Some("ktgg="));
    }

    async fn is_signed_in(&self, cookie: &str) -> bool {
        self.gateway.get("/api/auth/me").cookie(cookie).send().await.json()["signedIn"] == true
    }
}

/// Whether an erasure is as this says.
async fn is(db: &Db, state: &'static str) -> bool {
    let sql = format!("select exists (select from erasure where {state})");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(db.pool()).await.unwrap()
}

/// Waits until one is.
async fn becomes(db: &Db, state: &'static str) {
    in_time(state, async {
        while !is(db, state).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_wants_to_be_forgotten_is_signed_out_at_once_and_forgotten_by_every_service_twice() {
    let sandbox = start().await;
    let Sandbox { gateway, services, clock, .. } = &sandbox;
    let (here, elsewhere) = (sandbox.sign_in().await, sandbox.sign_in().await);
    let other = gateway.cookie(&somebody(Role::Customer)).await;
    let mut stream = Stream::of(gateway.get("/api/stream").cookie(&elsewhere).open().await);
    stream.block().await.unwrap();
    let asked = Instant::now();
    sandbox.erase(&here).await;
    assert!(!sandbox.is_signed_in(&here).await && !sandbox.is_signed_in(&elsewhere).await);
    assert!(sandbox.is_signed_in(&other).await);
    in_time("the stream ends", async { while stream.block().await.is_some() {} }).await;
    assert!(asked.elapsed() < Duration::from_secs(3), "the stream ended after {:?}", asked.elapsed());

    services.forget([1; 5]).await;
    becomes(&gateway.db, "round = 2 and done = '{}' and finished_at is null").await;
    clock.advance(SETTLED - TimeDelta::seconds(1));
    // What is not due is not done, however often it is looked at; a second erasure shows that it was looked at.
    let again = gateway.as_(&somebody(Role::Customer)).await;
    assert_eq!(again.ask(Method::DELETE, "/api/me").send().await.status, 202);
    services.forget([2; 5]).await;
    clock.advance(TimeDelta::seconds(1));
    services.forget([3; 5]).await;
    becomes(&gateway.db, "finished_at is not null").await;
    for service in Service::ALL {
        let told = services.of(service).asked_to(&Method::DELETE);
        assert!(told.iter().all(|who| who.role == Role::Customer && who.phone.is_none()), "{told:?}");
    }
    let left: Vec<(String, i64)> = sqlx::query_as(
        "select 'codes', count(*) from one_time_code union all select 'consents', count(*) from consent where withdrawn_at is null
         union all select 'sessions', count(*) from session",
    )
    .fetch_all(gateway.db.pool())
    .await
    .unwrap();
    assert!(left.iter().all(|(_, count)| *count == 0), "{left:?}");
    let withdrawn: i64 = sqlx::query_scalar("select count(*) from consent").fetch_one(gateway.db.pool()).await.unwrap();
    assert_eq!(withdrawn, 1, "that there was a consent is still known");
}

#[tokio::test]
async fn a_service_that_is_away_is_asked_until_it_has_forgotten_and_the_others_are_left_alone() {
    let sandbox = start().await;
    let Sandbox { gateway, services, clock, .. } = &sandbox;
    let away = services.of(Service::Consultation);
    away.is_away.store(true, Ordering::SeqCst);
    let cookie = sandbox.sign_in().await;
    sandbox.erase(&cookie).await;
    let tries = || away.asked_to(&Method::DELETE).len();
    in_time("it is asked again and again", async {
        while tries() < 4 {
            clock.advance(TimeDelta::seconds(1));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(services.forgot()[1..], [1; 4]);
    away.is_away.store(false, Ordering::SeqCst);
    let before = tries();
    in_time("it is forgotten", async {
        while !is(&gateway.db, "finished_at is not null").await {
            clock.advance(TimeDelta::seconds(1));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(services.forgot()[1..], [2; 4]);
    assert!(tries() >= before + 2);
}

#[tokio::test]
async fn whoever_signs_in_meanwhile_is_told_so_after_a_right_code_alone_and_afterwards_begins_anew() {
    let sandbox = start().await;
    let Sandbox { gateway, services, telephone, clock, .. } = &sandbox;
    services.of(Service::Project).is_away.store(true, Ordering::SeqCst);
    let cookie = sandbox.sign_in().await;
    // It was on its way already.
    let earlier = ask(gateway, PHONE).await;
    let earlier_code = telephone.code(2).await;
    sandbox.erase(&cookie).await;
    let answer = ask_from(gateway, "203.0.113.7", PHONE).await;
    assert_eq!(answer.status, 202);
    let (challenge, code) = (answer.json()["challenge"].as_str().unwrap().to_owned(), telephone.code(3).await);
    assert_eq!(verify(gateway, &challenge, &another(&code)).await.problem(), (422, "wrong-code".to_owned()));
    for (challenge, code) in [(&challenge, &code), (&earlier, &earlier_code)] {
        let refused = verify(gateway, challenge, code).await;
        assert_eq!(refused.problem(), (409, "erasure-in-progress".to_owned()));
        assert_eq!(refused.cookie(), None);
        // It was right, and is spent.
        assert_eq!(verify(gateway, challenge, code).await.problem(), (422, "code-expired".to_owned()));
    }
    // Somebody else has nothing to do with it.
    let other = ask(gateway, "010-8765-4321").await;
    assert_eq!(verify(gateway, &other, &telephone.code(4).await).await.status, 200);

    services.of(Service::Project).is_away.store(false, Ordering::SeqCst);
    clock.advance(TimeDelta::minutes(1));
    becomes(&gateway.db, "finished_at is not null").await;
    let cookie = sandbox.sign_in().await;
    assert!(sandbox.is_signed_in(&cookie).await);
    let told = gateway.get("/api/me/data").cookie(&cookie).send().await.json();
    assert_eq!((told["consents"].as_array().unwrap().len(), told["sessions"].as_array().unwrap().len()), (1, 1), "{told}");
    assert_eq!(told["consents"][0]["givenAt"], json!("2026-11-24T01:01:00Z"));
}

#[tokio::test]
async fn asking_twice_is_one_wish() {
    let sandbox = start().await;
    let Sandbox { gateway, services, clock, .. } = &sandbox;
    let (one, other) = (sandbox.sign_in().await, sandbox.sign_in().await);
    let ask = async |cookie: &str| gateway.ask(Method::DELETE, "/api/me").cookie(cookie).send().await.status.as_u16();
    let answers = tokio::join!(ask(&one), ask(&other));
    // Whoever came second may find himself signed out.
    assert!([(202, 202), (202, 401), (401, 202)].contains(&answers), "{answers:?}");
    assert_eq!(ask(&one).await, 401);
    let wishes: i64 = sqlx::query_scalar("select count(*) from erasure").fetch_one(gateway.db.pool()).await.unwrap();
    assert_eq!(wishes, 1);
    becomes(&gateway.db, "round = 2").await;
    clock.advance(SETTLED);
    becomes(&gateway.db, "finished_at is not null").await;
    assert_eq!(services.forgot(), [2; 5]);
}

#[tokio::test]
async fn what_a_gateway_that_was_killed_had_begun_another_finishes() {
    // The one that dies has a runtime of its own, which ends as a process does: wherever each of its tasks is.
    let dying = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (telephone, clock) = (Telephone::new().await, a_clock());
    let mut config = config_with(&telephone).await;
    let services = StandIns::behind(&mut config).await;
    let gateway = dying.spawn(start_at(config.clone(), clock.clone())).await.unwrap();
    let sandbox = Sandbox { gateway, services, telephone, clock };
    sandbox.services.of(Service::Salesman).hangs.store(true, Ordering::SeqCst);
    let cookie = sandbox.sign_in().await;
    sandbox.erase(&cookie).await;
    sandbox.services.forget([1; 5]).await;
    becomes(&sandbox.gateway.db, "cardinality(done) = 4").await;
    dying.shutdown_background();

    let Sandbox { gateway: dead, services, clock, .. } = sandbox;
    drop(dead);
    services.of(Service::Salesman).hangs.store(false, Ordering::SeqCst);
    let second = start_at(config, clock.clone()).await;
    // What the dead one had claimed is another's when its time is over.
    clock.advance(SETTLED);
    becomes(&second.db, "finished_at is not null").await;
    assert_eq!(services.forgot(), [2, 2, 2, 3, 2], "what had answered was not asked again in the same round");
}

#[tokio::test]
async fn the_owners_are_asked_a_second_time_when_every_copy_has_gone() {
    let sandbox = start().await;
    let Sandbox { gateway, services, clock, .. } = &sandbox;
    let cookie = sandbox.sign_in().await;
    sandbox.erase(&cookie).await;
    services.forget([1; 5]).await;
    becomes(&gateway.db, "round = 2 and done = '{}' and finished_at is null").await;
    let copy = services.of(Service::SalesmanMatch);
    copy.is_away.store(true, Ordering::SeqCst);
    in_time("the copy is asked again and again", async {
        while copy.asked_to(&Method::DELETE).len() < 4 {
            clock.advance(SETTLED);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for (service, times) in [(Service::Interest, 1), (Service::Consultation, 1), (Service::Project, 2), (Service::Salesman, 2)] {
        assert_eq!(services.of(service).asked_to(&Method::DELETE).len(), times, "{}", service.name());
    }
    copy.is_away.store(false, Ordering::SeqCst);
    in_time("it is forgotten", async {
        while !is(&gateway.db, "finished_at is not null").await {
            clock.advance(TimeDelta::minutes(5));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(services.of(Service::Interest).asked_to(&Method::DELETE).len(), 2);
}
