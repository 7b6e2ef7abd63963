//! Sessions: how long they hold, how they end, and what of them is kept. How they begin is in `accounts` and `codes`.

use std::sync::Arc;

use axum::http::Method;
use chrono::TimeDelta;
use gateway::{IDLE, MONTH, WORKING_DAY};
use service_kit::auth::{Identity, Role};
use service_kit::config::DatabaseUrl;
use service_kit::testing::MockClock;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::accounts::{Office, PASSWORD, sign_in};
use crate::codes::{PHONE, ask, config_with, verify};
use crate::fixture::{Running, config, cookie, in_time, somebody, start, start_at, start_with};
use crate::stream::Stream;
use crate::telephone::Telephone;

const COLLEAGUES: [Role; 3] = [Role::Staff, Role::Salesman, Role::Consultant];

async fn is_signed_in(gateway: &Running, cookie: &str) -> bool {
    gateway
        .get("/api/auth/me")
        .cookie(cookie)
        .send()
        .await
        .json()["signedIn"]
        == true
}

fn a_clock() -> Arc<MockClock> {
    Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()))
}

#[tokio::test]
async fn everybody_is_told_who_he_is_and_a_stranger_that_he_is_nobody() {
    let gateway = start().await;
    assert_eq!(
        gateway.get("/api/auth/me").send().await.json(),
        serde_json::json!({ "signedIn": false })
    );
    for role in Role::ALL {
        let told = gateway
            .as_(&somebody(role))
            .await
            .get("/api/auth/me")
            .send()
            .await;
        assert_eq!(told.header("cache-control"), Some("no-store"));
        let told = told.json();
        assert_eq!(
            (&told["signedIn"], &told["role"]),
            (&true.into(), &role.as_str().into())
        );
        assert_eq!(told["id"], serde_json::json!(somebody(role).subject));
        assert_eq!(
            told.get("phone").and_then(|phone| phone.as_str()),
            (role == Role::Customer).then_some("010-****-5678")
        );
        assert!(told["expiresAt"].is_string());
    }
}

#[tokio::test]
async fn colleagues_who_leave_their_page_alone_for_half_an_hour_are_signed_out() {
    for role in COLLEAGUES {
        let clock = a_clock();
        let gateway = start_at(config().await, clock.clone()).await;
        let used = gateway.cookie(&somebody(role)).await;
        for _ in 0..3 {
            clock.advance(IDLE - TimeDelta::minutes(1));
            assert!(is_signed_in(&gateway, &used).await, "{role:?}");
        }
        clock.advance(IDLE);
        assert!(!is_signed_in(&gateway, &used).await, "{role:?}");
    }
}

#[tokio::test]
async fn colleagues_are_signed_out_after_twelve_hours_however_much_they_do() {
    for role in COLLEAGUES {
        let clock = a_clock();
        let gateway = start_at(config().await, clock.clone()).await;
        let used = gateway.cookie(&somebody(role)).await;
        for _ in 0..36 {
            assert!(is_signed_in(&gateway, &used).await, "{role:?}");
            clock.advance(WORKING_DAY / 36);
        }
        assert!(!is_signed_in(&gateway, &used).await, "{role:?}");
    }
}

#[tokio::test]
async fn a_customer_is_signed_in_for_thirty_days_whether_or_not_he_comes_by() {
    let clock = a_clock();
    let gateway = start_at(config().await, clock.clone()).await;
    let customer = gateway.cookie(&somebody(Role::Customer)).await;
    clock.advance(MONTH - TimeDelta::seconds(1));
    assert!(is_signed_in(&gateway, &customer).await);
    clock.advance(TimeDelta::seconds(1));
    assert!(!is_signed_in(&gateway, &customer).await);
}

#[tokio::test]
async fn signing_out_ends_this_session_alone_and_takes_the_cookie_away() {
    let gateway = start().await;
    let (here, there) = (
        gateway.as_(&somebody(Role::Staff)).await,
        gateway.cookie(&somebody(Role::Staff)).await,
    );
    for _ in 0..2 {
        let answer = here.post("/api/auth/sign-out").send().await;
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
            !is_signed_in(&gateway, &here.cookie).await && is_signed_in(&gateway, &there).await
        );
    }
    assert_eq!(gateway.post("/api/auth/sign-out").send().await.status, 204);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_his_and_nobody_elses() {
    let gateway = start().await;
    let other = Identity {
        subject: Uuid::from_u128(8),
        ..somebody(Role::Customer)
    };
    // Somebody of another role who happens to have the same id is somebody else.
    let namesake = gateway.cookie(&somebody(Role::Staff)).await;
    let other = gateway.cookie(&other).await;
    let (here, there) = (
        gateway.as_(&somebody(Role::Customer)).await,
        gateway.cookie(&somebody(Role::Customer)).await,
    );
    let answer = here.post("/api/auth/sign-out-everywhere").send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.cookie().as_deref()),
        (204, Some("ktgg="))
    );
    for ended in [&here.cookie, &there] {
        assert!(!is_signed_in(&gateway, ended).await);
    }
    for holds in [&namesake, &other] {
        assert!(is_signed_in(&gateway, holds).await);
    }
    let again = here.post("/api/auth/sign-out-everywhere").send().await;
    assert_eq!(again.problem(), (401, "sign-in-required".to_owned()));
}

#[tokio::test]
async fn a_session_of_an_account_holds_while_the_account_and_the_person_are_active() {
    let office = Office::open().await;
    let (person, account) = office.colleague("haneul", Role::Salesman).await;
    let cookie = office.cookie("haneul").await;
    let set = async |sql: &'static str, id: Uuid| {
        sqlx::query(sql)
            .bind(id)
            .execute(office.gateway.db.pool())
            .await
            .unwrap();
    };
    for (closes, opens, id) in [
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
        set(closes, id).await;
        assert!(!office.is_signed_in(&cookie).await, "{closes}");
        let refused = office
            .gateway
            .get("/api/interests")
            .cookie(&cookie)
            .send()
            .await;
        assert_eq!(refused.problem(), (401, "sign-in-required".to_owned()));
        set(opens, id).await;
        assert!(office.is_signed_in(&cookie).await);
    }
}

#[tokio::test]
async fn a_cookie_that_is_none_of_ours_is_nobodys() {
    let gateway = start().await;
    let good = gateway.cookie(&somebody(Role::Staff)).await;
    let (mut changed, last) = (good.clone(), good.chars().last().unwrap());
    changed.pop();
    let long = format!("ktgg={}", "A".repeat(4000));
    for wrong in [
        "ktgg=".to_owned(),
        changed.clone(),
        format!("{changed}{}", if last == 'A' { 'Q' } else { 'A' }),
        format!("{good}A"),
        good.replace("ktgg=", "KTGG="),
        good.replace("ktgg=", "__Host-ktgg="),
        good.replace("ktgg=", "session="),
        long,
        format!("ktgg={}", Uuid::from_u128(7)),
        "ktgg='; drop table session; --".to_owned(),
    ] {
        assert!(!is_signed_in(&gateway, &wrong).await, "{wrong}");
        assert_eq!(
            gateway
                .get("/api/interests")
                .cookie(&wrong)
                .send()
                .await
                .status,
            401,
            "{wrong}"
        );
        assert_eq!(
            gateway
                .get("/api/projects")
                .cookie(&wrong)
                .send()
                .await
                .status,
            200,
            "{wrong}"
        );
    }
    assert!(is_signed_in(&gateway, &format!("other=1; {good}; another=2")).await);
}

#[tokio::test]
async fn no_table_holds_what_a_cookie_holds() {
    let gateway = start().await;
    let begun = gateway
        .sessions
        .begin(&somebody(Role::Customer), None)
        .await
        .unwrap();
    assert_eq!(begun.id().len(), 43);
    assert!(is_signed_in(&gateway, &cookie(begun.id())).await);
    let rows: Vec<String> =
        sqlx::query_scalar("select session::text || encode(id_hash, 'base64') from session")
            .fetch_all(gateway.db.pool())
            .await
            .unwrap();
    assert_eq!(rows.len(), 1);
    let standard = begun.id().replace('-', "+").replace('_', "/");
    for row in rows {
        assert!(
            !row.contains(begun.id()) && !row.contains(&standard),
            "{row}"
        );
    }
    assert!(!format!("{begun:?}").contains(begun.id()));
}

#[tokio::test]
async fn no_two_sessions_have_one_id() {
    let gateway = start().await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..100 {
        assert!(ids.insert(gateway.cookie(&somebody(Role::Staff)).await));
    }
}

#[tokio::test]
async fn on_this_machine_the_cookie_has_its_plain_name_and_a_customers_is_kept_for_thirty_days() {
    let telephone = Telephone::new().await;
    let gateway = start_with(config_with(&telephone).await).await;
    let challenge = ask(&gateway, PHONE).await;
    let set = verify(&gateway, &challenge, &telephone.code(1).await).await;
    let set = set.header("set-cookie").unwrap();
    assert!(
        set.starts_with("ktgg=") && !set.contains("Secure") && !set.contains("Domain"),
        "{set}"
    );
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(
            set.split("; ").any(|it| it == part),
            "{part} is not in {set}"
        );
    }
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_the_host_and_a_colleagues_ends_with_the_browser() {
    let mut config = config().await;
    config.public_origin = "https://kt.gg".parse().unwrap();
    let office = Office::with(config).await;
    office.staff("gwanri").await;
    let answer = office.sign_in("gwanri", PASSWORD).await;
    let set = answer.header("set-cookie").unwrap();
    assert!(
        set.starts_with("__Host-ktgg=") && !set.contains("Domain") && !set.contains("Max-Age"),
        "{set}"
    );
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Secure"] {
        assert!(
            set.split("; ").any(|it| it == part),
            "{part} is not in {set}"
        );
    }
    let cookie = answer.cookie().unwrap();
    assert!(office.is_signed_in(&cookie).await);
    // Whoever can write a cookie of another name, from a neighbouring host, signs nobody in.
    assert!(
        !office
            .is_signed_in(&cookie.replace("__Host-ktgg", "ktgg"))
            .await
    );
}

#[tokio::test]
async fn a_session_planted_under_either_name_is_nobodys_after_a_sign_in() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let who = somebody(Role::Staff);
    let (plain, bound) = (
        office.gateway.cookie(&who).await,
        office.gateway.cookie(&who).await,
    );
    let never = "ktgg=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for cookies in [
        format!("{plain}; {}", bound.replace("ktgg=", "__Host-ktgg=")),
        never.to_owned(),
    ] {
        let answer = sign_in(&office.gateway, "gwanri", PASSWORD)
            .cookie(&cookies)
            .send()
            .await;
        let new = answer.cookie().unwrap();
        assert!(office.is_signed_in(&new).await && !cookies.contains(&new));
    }
    for planted in [&plain, &bound, never] {
        assert!(!office.is_signed_in(planted).await);
    }
}

/// A way to a database that can be cut.
struct Wire {
    url: DatabaseUrl,
    carrying: tokio::task::JoinHandle<()>,
}

impl Wire {
    async fn to(url: &DatabaseUrl) -> Self {
        let (scheme, rest) = url.expose().split_once("://").unwrap();
        let (user, rest) = rest.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let server = server.to_owned();
        let url = format!("{scheme}://{user}@{here}/{database}")
            .parse()
            .unwrap();
        let carrying = service_kit::tasks::spawn(async move {
            // Cut with it: a set of tasks ends when it is dropped.
            let mut wires = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let mut to = TcpStream::connect(&server).await.unwrap();
                wires.spawn(async move {
                    drop(tokio::io::copy_bidirectional(&mut from, &mut to).await);
                });
            }
        });
        Self { url, carrying }
    }
}

#[tokio::test]
async fn without_its_database_strangers_are_served_and_nobody_is_let_in() {
    let mut config = config().await;
    let wire = Wire::to(&config.database_url).await;
    config.database_url = wire.url.clone();
    let gateway = start_with(config).await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let mut stream = Stream::of(staff.get("/api/stream").open().await);
    wire.carrying.abort();
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
            .ask(Method::POST, "/api/auth/sign-out")
            .send()
            .await
            .status,
        503
    );
    // Nobody knows any more whether he may still look on.
    in_time("the stream ends", async {
        while stream.block().await.is_some() {}
    })
    .await;
}
