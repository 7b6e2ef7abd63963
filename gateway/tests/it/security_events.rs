//! The security log: what is in it, and what is not.

use std::collections::BTreeSet;

use axum::Router;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use futures_util::future::join_all;
use gateway::config::{BaseUrl, Rate};
use serde_json::{Value, json};
use service_kit::auth::Role;
use service_kit::forms::phone::Phone;
use service_kit::tasks;
use service_kit::testing::Logs;
use tokio::net::TcpListener;

use crate::accounts::{AccountFixture, PASSWORD, sign_in};
use crate::one_time_codes::{CodeFixture, PHONE, another, request_code, request_code_from, verify};
use crate::test_gateway::{TestGateway, config, cookie, identity, start_with};

const ADDRESS: &str = "203.0.113.7";

/// The logs of a test. With only one subscriber, `tracing` may cache callsites of other threads as
/// disabled.
struct SecurityLog {
    logs: Logs,
    _idle: Logs,
}

impl SecurityLog {
    fn capture() -> Self {
        let (idle, logs) = (Logs::capture(), Logs::capture_json());
        Self { logs, _idle: idle }
    }

    /// The fields of each event so far.
    fn events(&self) -> Vec<Value> {
        let lines = self.logs.lines_with("\"target\":\"security\"");
        let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        lines.map(|line: Value| line["fields"].clone()).collect()
    }

    /// The event, caller and reason of each event so far.
    fn summary(&self) -> Vec<[String; 3]> {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let events = self.events().into_iter();
        events
            .map(|event| ["event", "caller", "reason"].map(|field| text(&event[field])))
            .collect()
    }

    /// Those of one kind.
    fn summary_of(&self, event: &str) -> Vec<[String; 3]> {
        let mut summary = self.summary();
        summary.retain(|[name, ..]| name == event);
        summary
    }

    /// Fails the test if one of these words, the number or an address is in the logs.
    fn assert_without(&self, words: &[&str]) {
        let text = self.logs.text();
        let phone: Phone = PHONE.parse().unwrap();
        let spellings = phone.spellings();
        for word in spellings
            .iter()
            .map(String::as_str)
            .chain(words.iter().copied())
        {
            assert!(!text.contains(word), "{word}");
        }
        for event in self.events() {
            let fields = event.to_string();
            assert!(!fields.contains(ADDRESS), "{fields}");
            let known = ["event", "subject", "client", "network", "caller", "reason"];
            let object = event.as_object().unwrap();
            assert!(
                object.keys().all(|field| known.contains(&&**field)),
                "{fields}"
            );
            for hash in ["subject", "client"]
                .into_iter()
                .filter_map(|hash| object.get(hash))
            {
                let hash = hash.as_str().unwrap();
                let is_hex = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(hash.len() == 16 && is_hex, "{fields}");
            }
        }
    }
}

fn events(events: &[[&str; 3]]) -> Vec<[String; 3]> {
    events
        .iter()
        .map(|event| event.map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn codes_and_sign_ins_of_customers_are_logged_by_hash() {
    let log = SecurityLog::capture();
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    verify(&gateway, &challenge, &another(&code)).await;
    let signed_in = verify(&gateway, &challenge, &code).await;
    assert_eq!(signed_in.status, 200);
    verify(&gateway, &challenge, &code).await;
    request_code(&gateway, "010-8765-4321").await;
    assert_eq!(
        log.summary(),
        events(&[
            ["code-requested", "customer", "new"],
            ["sign-in-failed", "customer", "wrong-code"],
            ["signed-in", "customer", "code"],
            ["sign-in-failed", "-", "code-expired"],
            ["code-requested", "customer", "new"],
        ])
    );
    let logged = log.events();
    assert_eq!(logged[0]["network"], "203.0.113.0/24");
    let subjects: Vec<&Value> = logged.iter().map(|event| &event["subject"]).collect();
    assert_eq!((subjects[0], subjects[1]), (subjects[1], subjects[2]));
    assert_ne!(subjects[0], subjects[4]);
    let id = signed_in.json()["id"].as_str().unwrap().to_owned();
    assert!(
        logged
            .iter()
            .all(|event| !event.to_string().contains(&code))
    );
    log.assert_without(&["87654321", &id]);
}

#[tokio::test]
async fn right_and_wrong_passwords_are_logged_by_hash() {
    let log = SecurityLog::capture();
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    fixture.create_staff_account("closed").await;
    sqlx::query("update account set active = false where login = 'closed'")
        .execute(fixture.gateway.db.pool())
        .await
        .unwrap();
    for (login, password) in [
        ("gwanri", PASSWORD),
        ("gwanri", "목요일에는 칼국수를 먹자"),
        ("unknown", PASSWORD),
        ("closed", PASSWORD),
    ] {
        fixture.sign_in(login, password).await;
    }
    assert_eq!(
        log.summary(),
        events(&[
            ["signed-in", "staff", "password"],
            ["sign-in-failed", "-", "wrong-password"],
            ["sign-in-failed", "-", "no-account"],
            ["sign-in-failed", "-", "account-closed"],
        ])
    );
    let logged = log.events();
    let subjects: Vec<String> = logged
        .iter()
        .map(|event| event["subject"].to_string())
        .collect();
    assert_eq!(subjects[0], subjects[1]);
    assert_eq!(subjects.iter().collect::<BTreeSet<_>>().len(), 3);
    log.assert_without(&["gwanri", "unknown\"", "이관리", "떡볶이", "칼국수"]);
}

#[tokio::test]
async fn limits_that_are_hit_are_logged_by_name() {
    let log = SecurityLog::capture();
    let fixture = CodeFixture::with(|config| {
        config.limits.codes_per_phone = Rate::new(1, 900);
        config.limits.wrong_codes = Rate::new(1, 900);
        config.limits.sign_ins_per_address = Rate::new(2, 900);
        config.limits.sign_ins_per_login = Rate::new(1, 900);
        config.limits.writes = Rate::new(6, 900);
    })
    .await;
    let gateway = &fixture.gateway;
    request_code(gateway, PHONE).await;
    assert_eq!(request_code_from(gateway, ADDRESS, PHONE).await.status, 429);
    let challenge = request_code(gateway, "010-8765-4321").await;
    let code = fixture.relay.code(2).await;
    for _ in 0..2 {
        verify(gateway, &challenge, &another(&code)).await;
    }
    for status in [401, 429, 429, 429] {
        let request = sign_in(gateway, "gwanri", "wrong").header("x-forwarded-for", ADDRESS);
        assert_eq!(request.send().await.status, status);
    }
    assert_eq!(
        log.summary_of("limit-hit"),
        events(&[
            ["limit-hit", "customer", "codes-per-phone"],
            ["limit-hit", "customer", "wrong-codes"],
            ["limit-hit", "-", "sign-ins-per-login"],
            ["limit-hit", "-", "sign-ins-per-address"],
            ["limit-hit", "-", "writes"],
        ])
    );
    log.assert_without(&["gwanri", "87654321"]);
}

#[tokio::test]
async fn passwords_that_nothing_can_hash_now_are_refused_and_logged() {
    let log = SecurityLog::capture();
    let fixture = AccountFixture::with_config({
        let mut config = config().await;
        config.password_slots = 1;
        config
    })
    .await;
    // Many more than the seventeen that are hashed or wait.
    let attempts = (0..60).map(async |number| {
        let answer = fixture.sign_in(&format!("gwanri{number}"), "wrong").await;
        (
            answer.status.as_u16(),
            answer.header("retry-after").map(str::to_owned),
        )
    });
    let answers: BTreeSet<_> = join_all(attempts).await.into_iter().collect();
    let busy = (503, Some("1".to_owned()));
    assert_eq!(answers, BTreeSet::from([(401, None), busy]));
    let refused = ["limit-hit", "-", "password-hashing"].map(str::to_owned);
    assert!(log.summary().contains(&refused));
    log.assert_without(&["gwanri"]);
}

#[tokio::test]
async fn signing_out_logs_each_ended_session() {
    let log = SecurityLog::capture();
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let post = |path: &'static str, cookie: &str| fixture.gateway.post(path).cookie(cookie).send();
    let (one, two) = (
        fixture.cookie("gwanri").await,
        fixture.cookie("gwanri").await,
    );
    post("/api/auth/sign-out", &one).await;
    post("/api/auth/sign-out", &one).await;
    let again = sign_in(&fixture.gateway, "gwanri", PASSWORD).cookie(&two);
    assert_eq!(again.send().await.status, 200);
    let three = fixture.cookie("gwanri").await;
    post("/api/auth/sign-out-everywhere", &three).await;
    assert_eq!(
        log.summary_of("session-ended"),
        events(&[
            ["session-ended", "staff", "sign-out"],
            ["session-ended", "staff", "replaced"],
            ["session-ended", "staff", "sign-out-everywhere"],
            ["session-ended", "staff", "sign-out-everywhere"],
        ])
    );
    let logged = log.events();
    assert!(
        logged
            .iter()
            .all(|event| event["subject"] == logged[0]["subject"])
    );
    log.assert_without(&["gwanri", "이관리"]);
}

#[tokio::test]
async fn passwords_closed_accounts_and_erasure_log_ended_sessions() {
    let log = SecurityLog::capture();
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    let gateway = &fixture.gateway;
    let own = fixture.cookie("gwanri").await;
    let change = json!({ "current": PASSWORD, "password": "목요일에는 칼국수를 먹자" });
    let changed = gateway.post("/api/auth/password/change").cookie(&own);
    let changed = changed.json(&change).send().await;
    assert_eq!(changed.status, 204);
    let (_, token) = fixture.invite_staff("gwanri").await;
    let set = json!({ "token": token, "password": PASSWORD });
    let set = gateway.post("/api/auth/password").json(&set).send().await;
    assert_eq!(set.status, 204);
    fixture.cookie("gwanri").await;
    fixture.create_staff_account("other").await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let close = staff.request(Method::PATCH, &format!("/api/accounts/{id}"));
    let close = close.header("if-match", "\"1\"");
    let closed = close.json(&json!({ "active": false })).send().await;
    assert_eq!(closed.status, 200, "{closed:?}");
    let customer = gateway.caller(&identity(Role::Customer)).await;
    let erased = customer.request(Method::DELETE, "/api/me").send().await;
    assert_eq!(erased.status, 202);
    assert_eq!(
        log.summary_of("session-ended"),
        events(&[
            ["session-ended", "staff", "password-changed"],
            ["session-ended", "staff", "password-set"],
            ["session-ended", "staff", "account-closed"],
            ["session-ended", "customer", "erasure"],
        ])
    );
    log.assert_without(&["gwanri", "이관리", "칼국수"]);
}

#[tokio::test]
async fn roles_refused_by_gateway_and_services_are_logged() {
    let log = SecurityLog::capture();
    let service = Router::new().fallback(async || StatusCode::FORBIDDEN);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config().await;
    config.services.project = BaseUrl::from(listener.local_addr().unwrap());
    drop(tasks::spawn(axum::serve(listener, service).into_future()));
    let gateway = start_with(config).await;
    let salesman = gateway.caller(&identity(Role::Salesman)).await;
    let path = "/api/projects/0190b8a2-0000-7000-8000-000000000001?q=010-1234-5678";
    for (method, path) in [
        (Method::GET, "/api/audit?q=010-1234-5678"),
        (Method::POST, "/api/accounts/invitations"),
        (Method::PATCH, path),
    ] {
        let refused = salesman.request(method, path).json(&json!({})).send().await;
        assert_eq!(refused.status, 403, "{path}");
    }
    // An anonymous caller has no role.
    assert_eq!(gateway.get("/api/audit").send().await.status, 401);
    assert_eq!(
        log.summary(),
        events(&[
            ["role-refused", "salesman", "/api/audit"],
            ["role-refused", "salesman", "/api/accounts/invitations"],
            ["role-refused", "salesman", "/api/projects/*"],
        ])
    );
    log.assert_without(&["0190b8a2"]);
}

#[tokio::test]
async fn requests_of_other_sites_are_logged() {
    let log = SecurityLog::capture();
    let gateway: TestGateway = start_with(config().await).await;
    let session = gateway
        .sessions
        .begin(&identity(Role::Customer), None)
        .await
        .unwrap();
    let foreign = gateway
        .post("/api/interests")
        .cookie(&cookie(session.id()))
        .header("origin", "https://evil.example")
        .send()
        .await;
    assert_eq!(foreign.problem(), (403, "cross-site".to_owned()));
    assert_eq!(
        log.summary(),
        events(&[["cross-site-refused", "-", "/api/interests/*"]])
    );
    log.assert_without(&[session.id()]);
}

#[tokio::test]
async fn a_known_browser_is_named_in_the_log() {
    let log = SecurityLog::capture();
    let fixture = CodeFixture::new().await;
    let gateway = &fixture.gateway;
    let challenge = request_code(gateway, PHONE).await;
    let code = fixture.relay.code(1).await;
    let signed_in = verify(gateway, &challenge, &code).await;
    let cookies = signed_in.headers.get_all("set-cookie").iter();
    let pairs: Vec<&str> = cookies
        .map(|set| set.to_str().unwrap().split(';').next().unwrap())
        .collect();
    fixture.clock.advance(TimeDelta::minutes(1));
    let version = crate::one_time_codes::consent_version(gateway).await;
    let again = gateway.post("/api/auth/otp").cookie(&pairs.join("; "));
    let again = again.json(&json!({ "phone": PHONE, "consentVersion": version }));
    assert_eq!(again.send().await.status, 202);
    assert_eq!(
        log.summary().last().unwrap(),
        &["code-requested", "customer", "known"].map(str::to_owned)
    );
    let (_, device) = pairs[1].split_once('=').unwrap();
    log.assert_without(&[device]);
}

#[tokio::test]
async fn limits_of_streams_and_data_are_logged_with_the_client() {
    let log = SecurityLog::capture();
    let mut config = config().await;
    config.limits.data = Rate::new(1, 3600);
    config.trusted_proxies.count = 1;
    let gateway = start_with(config).await;
    let customer = gateway.caller(&identity(Role::Customer)).await;
    let get = |path| customer.get(path).header("x-forwarded-for", ADDRESS);
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(get("/api/stream").open().await);
    }
    assert_eq!(get("/api/stream").send().await.status, 429);
    for path in ["/api/me/data", "/api/me/disclosures"] {
        get(path).send().await;
        assert_eq!(get(path).send().await.status, 429, "{path}");
    }
    let logged = log.events();
    let network = ["limit-hit", "203.0.113.0/24"];
    let hits: Vec<[&str; 2]> = logged
        .iter()
        .map(|event| ["event", "network"].map(|field| event[field].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(hits, [network; 3]);
    log.assert_without(&[]);
}
