//! Sessions: lifetime, sign-out, cookies and storage. `passwords` and `one_time_codes` test the
//! sign-in.

use std::sync::Arc;

use axum::http::Method;
use chrono::TimeDelta;
use gateway::{CUSTOMER_LIFETIME, IDLE_TIMEOUT, STAFF_LIFETIME};
use service_kit::auth::{Identity, Role};
use service_kit::config::DatabaseUrl;
use service_kit::testing::MockClock;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::accounts::{AccountFixture, PASSWORD, sign_in};
use crate::one_time_codes::{PHONE, config_with, request_code, verify};
use crate::sms_relay::SmsRelay;
use crate::stream_connection::Stream;
use crate::test_gateway::{
    TestGateway, config, cookie, identity, start, start_at, start_with, with_timeout,
};

const STAFF_ROLES: [Role; 3] = [Role::Staff, Role::Salesman, Role::Consultant];

async fn is_signed_in(gateway: &TestGateway, cookie: &str) -> bool {
    gateway
        .get("/api/auth/me")
        .cookie(cookie)
        .send()
        .await
        .json()["signedIn"]
        == true
}

fn mock_clock() -> Arc<MockClock> {
    Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()))
}

#[tokio::test]
async fn me_describes_the_caller() {
    let gateway = start().await;
    assert_eq!(
        gateway.get("/api/auth/me").send().await.json(),
        serde_json::json!({ "signedIn": false })
    );
    for role in Role::ALL {
        let answer = gateway
            .caller(&identity(role))
            .await
            .get("/api/auth/me")
            .send()
            .await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(
            (&body["signedIn"], &body["role"]),
            (&true.into(), &role.as_str().into())
        );
        assert_eq!(body["id"], serde_json::json!(identity(role).subject));
        assert_eq!(
            body.get("phone").and_then(|phone| phone.as_str()),
            (role == Role::Customer).then_some("010-****-5678")
        );
        assert!(body["expiresAt"].is_string());
    }
}

#[tokio::test]
async fn idle_staff_session_ends_after_half_an_hour() {
    for role in STAFF_ROLES {
        let clock = mock_clock();
        let gateway = start_at(config().await, clock.clone()).await;
        let session = gateway.cookie(&identity(role)).await;
        for _ in 0..3 {
            clock.advance(IDLE_TIMEOUT - TimeDelta::minutes(1));
            assert!(is_signed_in(&gateway, &session).await, "{role:?}");
        }
        clock.advance(IDLE_TIMEOUT);
        assert!(!is_signed_in(&gateway, &session).await, "{role:?}");
    }
}

#[tokio::test]
async fn active_staff_session_ends_after_twelve_hours() {
    for role in STAFF_ROLES {
        let clock = mock_clock();
        let gateway = start_at(config().await, clock.clone()).await;
        let session = gateway.cookie(&identity(role)).await;
        for _ in 0..36 {
            assert!(is_signed_in(&gateway, &session).await, "{role:?}");
            clock.advance(STAFF_LIFETIME / 36);
        }
        assert!(!is_signed_in(&gateway, &session).await, "{role:?}");
    }
}

#[tokio::test]
async fn customer_session_lasts_thirty_days_even_if_idle() {
    let clock = mock_clock();
    let gateway = start_at(config().await, clock.clone()).await;
    let customer = gateway.cookie(&identity(Role::Customer)).await;
    clock.advance(CUSTOMER_LIFETIME - TimeDelta::seconds(1));
    assert!(is_signed_in(&gateway, &customer).await);
    clock.advance(TimeDelta::seconds(1));
    assert!(!is_signed_in(&gateway, &customer).await);
}

#[tokio::test]
async fn sign_out_ends_only_this_session_and_clears_the_cookie() {
    let gateway = start().await;
    let (current, second) = (
        gateway.caller(&identity(Role::Staff)).await,
        gateway.cookie(&identity(Role::Staff)).await,
    );
    for _ in 0..2 {
        let answer = current.post("/api/auth/sign-out").send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("cache-control")),
            (204, Some("no-store"))
        );
        assert_eq!(answer.cookie().as_deref(), Some("ktgg="));
        assert!(
            answer.header("set-cookie").unwrap().contains("Max-Age=0"),
            "{answer:?}"
        );
        assert!(
            !is_signed_in(&gateway, &current.cookie).await && is_signed_in(&gateway, &second).await
        );
    }
    assert_eq!(gateway.post("/api/auth/sign-out").send().await.status, 204);
}

#[tokio::test]
async fn sign_out_everywhere_ends_only_the_callers_sessions() {
    let gateway = start().await;
    let other = Identity {
        subject: Uuid::from_u128(8),
        ..identity(Role::Customer)
    };
    // The same id in another role is another person.
    let other_role = gateway.cookie(&identity(Role::Staff)).await;
    let other = gateway.cookie(&other).await;
    let (current, second) = (
        gateway.caller(&identity(Role::Customer)).await,
        gateway.cookie(&identity(Role::Customer)).await,
    );
    let answer = current.post("/api/auth/sign-out-everywhere").send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.cookie().as_deref()),
        (204, Some("ktgg="))
    );
    for ended in [&current.cookie, &second] {
        assert!(!is_signed_in(&gateway, ended).await);
    }
    for valid in [&other_role, &other] {
        assert!(is_signed_in(&gateway, valid).await);
    }
    let again = current.post("/api/auth/sign-out-everywhere").send().await;
    assert_eq!(again.problem(), (401, "sign-in-required".to_owned()));
}

#[tokio::test]
async fn session_is_valid_while_account_and_person_are_active() {
    let fixture = AccountFixture::new().await;
    let (person, account) = fixture
        .create_person_account("haneul", Role::Salesman)
        .await;
    let cookie = fixture.cookie("haneul").await;
    let set = async |sql: &'static str, id: Uuid| {
        sqlx::query(sql)
            .bind(id)
            .execute(fixture.gateway.db.pool())
            .await
            .unwrap();
    };
    for (deactivate, activate, id) in [
        (
            "update account set active = false where id = $1",
            "update account set active = true where id = $1",
            account,
        ),
        (
            "update person set active = false where id = $1",
            "update person set active = true where id = $1",
            person,
        ),
    ] {
        set(deactivate, id).await;
        assert!(!fixture.is_signed_in(&cookie).await, "{deactivate}");
        let refused = fixture
            .gateway
            .get("/api/interests")
            .cookie(&cookie)
            .send()
            .await;
        assert_eq!(refused.problem(), (401, "sign-in-required".to_owned()));
        set(activate, id).await;
        assert!(fixture.is_signed_in(&cookie).await);
    }
}

#[tokio::test]
async fn invalid_cookie_is_anonymous() {
    let gateway = start().await;
    let valid = gateway.cookie(&identity(Role::Staff)).await;
    let (mut changed, last) = (valid.clone(), valid.chars().last().unwrap());
    changed.pop();
    let long = format!("ktgg={}", "A".repeat(4000));
    for invalid in [
        "ktgg=".to_owned(),
        changed.clone(),
        format!("{changed}{}", if last == 'A' { 'Q' } else { 'A' }),
        format!("{valid}A"),
        valid.replace("ktgg=", "KTGG="),
        valid.replace("ktgg=", "__Host-ktgg="),
        valid.replace("ktgg=", "session="),
        long,
        format!("ktgg={}", Uuid::from_u128(7)),
        "ktgg='; drop table session; --".to_owned(),
    ] {
        assert!(!is_signed_in(&gateway, &invalid).await, "{invalid}");
        assert_eq!(
            gateway
                .get("/api/interests")
                .cookie(&invalid)
                .send()
                .await
                .status,
            401,
            "{invalid}"
        );
        assert_eq!(
            gateway
                .get("/api/projects")
                .cookie(&invalid)
                .send()
                .await
                .status,
            200,
            "{invalid}"
        );
    }
    assert!(is_signed_in(&gateway, &format!("other=1; {valid}; another=2")).await);
}

#[tokio::test]
async fn session_id_is_stored_only_as_a_hash() {
    let gateway = start().await;
    let session = gateway
        .sessions
        .begin(&identity(Role::Customer), None)
        .await
        .unwrap();
    assert_eq!(session.id().len(), 43);
    assert!(is_signed_in(&gateway, &cookie(session.id())).await);
    let rows: Vec<String> =
        sqlx::query_scalar("select session::text || encode(id_hash, 'base64') from session")
            .fetch_all(gateway.db.pool())
            .await
            .unwrap();
    assert_eq!(rows.len(), 1);
    let base64 = session.id().replace('-', "+").replace('_', "/");
    for row in rows {
        assert!(
            !row.contains(session.id()) && !row.contains(&base64),
            "{row}"
        );
    }
    assert!(!format!("{session:?}").contains(session.id()));
}

#[tokio::test]
async fn session_ids_are_unique() {
    let gateway = start().await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..100 {
        assert!(ids.insert(gateway.cookie(&identity(Role::Staff)).await));
    }
}

#[tokio::test]
async fn without_tls_customer_cookie_has_plain_name_and_max_age() {
    let relay = SmsRelay::new().await;
    let gateway = start_with(config_with(&relay).await).await;
    let challenge = request_code(&gateway, PHONE).await;
    let answer = verify(&gateway, &challenge, &relay.code(1).await).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("ktgg=") && !cookie.contains("Secure") && !cookie.contains("Domain"),
        "{cookie}"
    );
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(
            cookie.split("; ").any(|attribute| attribute == part),
            "{part} is not in {cookie}"
        );
    }
}

#[tokio::test]
async fn behind_tls_staff_cookie_has_host_prefix_and_no_max_age() {
    let mut config = config().await;
    config.public_origin = "https://kt.gg".parse().unwrap();
    let fixture = AccountFixture::with_config(config).await;
    fixture.create_staff_account("gwanri").await;
    let answer = fixture.sign_in("gwanri", PASSWORD).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-ktgg=")
            && !cookie.contains("Domain")
            && !cookie.contains("Max-Age"),
        "{cookie}"
    );
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Secure"] {
        assert!(
            cookie.split("; ").any(|attribute| attribute == part),
            "{part} is not in {cookie}"
        );
    }
    let cookie = answer.cookie().unwrap();
    assert!(fixture.is_signed_in(&cookie).await);
    // A neighbouring host can set a cookie without the prefix, but it is not a session.
    assert!(
        !fixture
            .is_signed_in(&cookie.replace("__Host-ktgg", "ktgg"))
            .await
    );
}

#[tokio::test]
async fn sign_in_ends_presented_sessions_of_both_cookie_names() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let staff = identity(Role::Staff);
    let (plain, bound) = (
        fixture.gateway.cookie(&staff).await,
        fixture.gateway.cookie(&staff).await,
    );
    let unknown = "ktgg=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for cookies in [
        format!("{plain}; {}", bound.replace("ktgg=", "__Host-ktgg=")),
        unknown.to_owned(),
    ] {
        let answer = sign_in(&fixture.gateway, "gwanri", PASSWORD)
            .cookie(&cookies)
            .send()
            .await;
        let new = answer.cookie().unwrap();
        assert!(fixture.is_signed_in(&new).await && !cookies.contains(&new));
    }
    for planted in [&plain, &bound, unknown] {
        assert!(!fixture.is_signed_in(planted).await);
    }
}

/// A TCP proxy to the database that a test can cut.
struct DatabaseProxy {
    url: DatabaseUrl,
    forwarding: tokio::task::JoinHandle<()>,
}

impl DatabaseProxy {
    async fn start(url: &DatabaseUrl) -> Self {
        let (scheme, rest) = url.expose().split_once("://").unwrap();
        let (user, rest) = rest.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = server.to_owned();
        let url = format!("{scheme}://{user}@{address}/{database}")
            .parse()
            .unwrap();
        let forwarding = service_kit::tasks::spawn(async move {
            // Dropping the set ends the connections.
            let mut connections = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let mut to = TcpStream::connect(&server).await.unwrap();
                connections.spawn(async move {
                    drop(tokio::io::copy_bidirectional(&mut from, &mut to).await);
                });
            }
        });
        Self { url, forwarding }
    }
}

#[tokio::test]
async fn without_database_only_anonymous_requests_are_served() {
    let mut config = config().await;
    let proxy = DatabaseProxy::start(&config.database_url).await;
    config.database_url = proxy.url.clone();
    let gateway = start_with(config).await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let mut stream = Stream::new(staff.get("/api/stream").open().await);
    proxy.forwarding.abort();
    assert_eq!(gateway.get("/api/projects").send().await.status, 200);
    assert_eq!(gateway.get("/api/interests").send().await.status, 401);
    for path in ["/api/interests", "/api/projects", "/api/auth/me"] {
        let answer = staff.get(path).send().await;
        assert_eq!(
            answer.problem(),
            (503, "temporarily-unavailable".to_owned()),
            "{path}"
        );
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(
        staff
            .request(Method::POST, "/api/auth/sign-out")
            .send()
            .await
            .status,
        503
    );
    // The session can no longer be checked.
    with_timeout("the stream ends", async {
        while stream.block().await.is_some() {}
    })
    .await;
}
