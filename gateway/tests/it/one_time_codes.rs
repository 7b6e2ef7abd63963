//! Customers sign in with a one-time code that is sent by SMS.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use gateway::Config;
use gateway::config::Rate;
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::Role;
use service_kit::config::DatabaseUrl;
use service_kit::testing::{Logs, MockClock};
use uuid::Uuid;

use crate::sms_relay::{KEY, SmsRelay, code_in};
use crate::test_gateway::{TestGateway, TestResponse, config, identity, start_at, with_timeout};

pub(crate) const PHONE: &str = "010-1234-5678";

/// A clock at the time at which these tests begin.
pub(crate) fn mock_clock() -> Arc<MockClock> {
    Arc::new(MockClock::at("2026-11-24T01:00:00Z".parse().unwrap()))
}

/// The configuration of a gateway whose codes are sent to this relay.
pub(crate) async fn config_with(relay: &SmsRelay) -> Config {
    let mut config = config().await;
    config.sender_url = relay.url.parse().unwrap();
    config.sender_key = KEY.parse().unwrap();
    config.trusted_proxies.count = 1;
    config
}

/// A gateway with a mock clock, and the relay of its codes.
pub(crate) struct CodeFixture {
    pub(crate) gateway: TestGateway,
    pub(crate) relay: SmsRelay,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) database_url: DatabaseUrl,
}

impl CodeFixture {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (relay, clock) = (SmsRelay::new().await, mock_clock());
        let mut config = config_with(&relay).await;
        change(&mut config);
        Self {
            database_url: config.database_url.clone(),
            gateway: start_at(config, clock.clone()).await,
            relay,
            clock,
        }
    }
}

/// The version of the current consent text.
pub(crate) async fn consent_version(gateway: &TestGateway) -> String {
    gateway.get("/api/auth/consent").send().await.json()["version"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Requests a code from a client address.
pub(crate) async fn request_code_from(
    gateway: &TestGateway,
    address: &str,
    phone: &str,
) -> TestResponse {
    let body = json!({ "phone": phone, "consentVersion": consent_version(gateway).await });
    gateway
        .post("/api/auth/otp")
        .header("x-forwarded-for", address)
        .json(&body)
        .send()
        .await
}

/// Requests a code and returns its challenge.
pub(crate) async fn request_code(gateway: &TestGateway, phone: &str) -> String {
    let answer = request_code_from(gateway, "203.0.113.7", phone).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    answer.json()["challenge"].as_str().unwrap().to_owned()
}

pub(crate) async fn verify(gateway: &TestGateway, challenge: &str, code: &str) -> TestResponse {
    gateway
        .post("/api/auth/otp/verify")
        .json(&json!({ "challenge": challenge, "code": code }))
        .send()
        .await
}

/// A code that differs from this one.
pub(crate) fn another(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn correct_code_signs_in_the_customer_of_that_number() {
    let CodeFixture {
        gateway,
        relay,
        clock,
        ..
    } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    let message = &relay.attempts()[0].1;
    assert_eq!(
        (message["to"].as_str(), message["kind"].as_str()),
        (Some("+821012345678"), Some("sign-in-code"))
    );
    let answer = verify(&gateway, &challenge, &code).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let body = answer.json();
    assert_eq!(
        (body["signedIn"].as_bool(), body["role"].as_str()),
        (Some(true), Some("customer"))
    );
    assert_eq!(body["phone"], "010-****-5678");
    let expires: DateTime<Utc> = body["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires, clock.now() + TimeDelta::days(30));
    let me = gateway
        .get("/api/auth/me")
        .cookie(&answer.cookie().unwrap())
        .send()
        .await
        .json();
    assert_eq!(me, body);

    // Another spelling of the number is the same customer.
    let challenge = request_code(&gateway, "+82 10 1234 5678").await;
    let code = relay.code(2).await;
    assert_eq!(
        verify(&gateway, &challenge, &code).await.json()["id"],
        body["id"]
    );
    let challenge = request_code(&gateway, "010-8765-4321").await;
    let code = relay.code(3).await;
    assert_ne!(
        verify(&gateway, &challenge, &code).await.json()["id"],
        body["id"]
    );
}

#[tokio::test]
async fn of_a_thousand_concurrent_guesses_five_are_judged() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    let guesses =
        (1..=1000).map(|step| format!("{:06}", (code.parse::<u32>().unwrap() + step) % 1_000_000));
    let answers =
        join_all(guesses.map(async |guess| verify(&gateway, &challenge, &guess).await)).await;
    let left: Vec<i64> = answers
        .iter()
        .filter(|answer| answer.problem() == (422, "wrong-code".to_owned()))
        .map(|answer| answer.json()["left"].as_i64().unwrap())
        .collect();
    assert_eq!(
        left.iter()
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    assert_eq!(left.len(), 4);
    // For the last guess and those that were not judged, the code is expired. Some may be refused
    // under load.
    for answer in answers
        .iter()
        .filter(|answer| answer.problem().1 != "wrong-code")
    {
        assert!(
            [
                (422, "code-expired".to_owned()),
                (503, "temporarily-unavailable".to_owned())
            ]
            .contains(&answer.problem())
        );
        assert!(answer.json().get("left").is_none());
    }
    let judged: i16 = sqlx::query_scalar("select judged from one_time_code")
        .fetch_one(gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(judged, 5);
    // The correct code is no longer accepted.
    let late = verify(&gateway, &challenge, &code).await;
    assert_eq!(late.problem(), (422, "code-expired".to_owned()));
    assert_eq!(late.cookie(), None);
}

#[tokio::test]
async fn fifth_guess_can_still_sign_in() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    for left in (1..=4).rev() {
        let answer = verify(&gateway, &challenge, &another(&code)).await;
        assert_eq!(
            (answer.problem().1.as_str(), answer.json()["left"].as_i64()),
            ("wrong-code", Some(left))
        );
    }
    assert_eq!(
        verify(&gateway, &challenge, &code).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn last_wrong_guess_says_that_a_new_code_is_needed() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let wrong = another(&relay.code(1).await);
    for _ in 1..=4 {
        let answer = verify(&gateway, &challenge, &wrong).await;
        assert_eq!(answer.problem(), (422, "wrong-code".to_owned()));
    }
    let last = verify(&gateway, &challenge, &wrong).await;
    assert_eq!(last.problem(), (422, "code-expired".to_owned()));
    let problem = last.json();
    assert_eq!(problem["detail"], "인증번호가 5번 맞지 않았습니다");
    assert!(problem.get("left").is_none(), "{problem}");
}

#[tokio::test]
async fn code_is_accepted_once_if_sent_concurrently() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    let answers = join_all((0..5).map(async |_| verify(&gateway, &challenge, &code).await)).await;
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == StatusCode::OK)
            .count(),
        1
    );
    for answer in answers
        .iter()
        .filter(|answer| answer.status != StatusCode::OK)
    {
        assert_eq!(answer.problem(), (422, "code-expired".to_owned()));
    }
    assert_eq!(
        verify(&gateway, &challenge, &code).await.problem(),
        (422, "code-expired".to_owned())
    );
    let sessions: i64 = sqlx::query_scalar("select count(*) from session")
        .fetch_one(gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(sessions, 1);
}

#[tokio::test]
async fn code_expires_after_three_minutes() {
    let CodeFixture {
        gateway,
        relay,
        clock,
        ..
    } = CodeFixture::new().await;
    let requested = request_code_from(&gateway, "203.0.113.7", PHONE)
        .await
        .json();
    let expires: DateTime<Utc> = requested["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires, clock.now() + TimeDelta::minutes(3));
    let challenge = requested["challenge"].as_str().unwrap();
    let code = relay.code(1).await;
    clock.advance(TimeDelta::seconds(179));
    assert_eq!(
        verify(&gateway, challenge, &another(&code))
            .await
            .problem()
            .1,
        "wrong-code"
    );
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        verify(&gateway, challenge, &code).await.problem(),
        (422, "code-expired".to_owned())
    );
}

#[tokio::test]
async fn code_is_valid_only_for_its_own_challenge() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let first = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    let mut second = request_code(&gateway, PHONE).await;
    // Both may have the same code: one in a million.
    while relay.code(relay.wait_for(2).await.len()).await == code {
        let count = relay.attempts().len();
        second = request_code(&gateway, PHONE).await;
        relay.wait_for(count + 1).await;
    }
    assert_eq!(
        verify(&gateway, &second, &code).await.problem(),
        (422, "wrong-code".to_owned())
    );
    let unknown = Uuid::new_v4().to_string();
    assert_eq!(
        verify(&gateway, &unknown, &code).await.problem(),
        (422, "code-expired".to_owned())
    );
    // The guess at the second challenge did not use up this code.
    assert_eq!(verify(&gateway, &first, &code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_invalid_field_is_reported() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let invalid_fields = async |path: &str, body: Value| {
        let answer = gateway.post(path).json(&body).send().await;
        assert_eq!(answer.problem(), (422, "wrong-fields".to_owned()), "{body}");
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        let fields = errors.iter().map(|error| {
            (
                error["pointer"].as_str().unwrap().to_owned(),
                error["code"].as_str().unwrap().to_owned(),
            )
        });
        fields.collect::<Vec<_>>()
    };
    let expected = |fields: &[(&str, &str)]| {
        fields
            .iter()
            .map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        invalid_fields("/api/auth/otp", json!({})).await,
        expected(&[("/phone", "required"), ("/consentVersion", "required")])
    );
    let both = json!({ "phone": "112", "consentVersion": 7 });
    assert_eq!(
        invalid_fields("/api/auth/otp", both).await,
        expected(&[("/phone", "wrong-type"), ("/consentVersion", "wrong-type")])
    );
    let long = json!({ "phone": PHONE, "consentVersion": "x".repeat(41) });
    assert_eq!(
        invalid_fields("/api/auth/otp", long).await,
        expected(&[("/consentVersion", "too-long")])
    );
    assert_eq!(
        invalid_fields("/api/auth/otp/verify", json!({})).await,
        expected(&[("/challenge", "required"), ("/code", "required")])
    );
    for code in ["12345", "1234567", "abcdef", "１２３４５"] {
        let body = json!({ "challenge": "x", "code": code });
        assert_eq!(
            invalid_fields("/api/auth/otp/verify", body).await,
            expected(&[("/challenge", "wrong-type"), ("/code", "wrong-type")])
        );
    }
    assert!(relay.attempts().is_empty());
}

#[tokio::test]
async fn malformed_guess_is_not_counted() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    for _ in 0..6 {
        assert_eq!(
            verify(&gateway, &challenge, "12345").await.problem().1,
            "wrong-fields"
        );
    }
    assert_eq!(
        verify(&gateway, &challenge, &format!(" {code} "))
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn response_does_not_reveal_whether_a_number_is_known() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    assert_eq!(
        verify(&gateway, &challenge, &code).await.status,
        StatusCode::OK
    );
    let shape = |answer: &TestResponse| {
        let changing = ["x-request-id", "date"];
        let headers: Vec<(String, String)> = answer
            .headers
            .iter()
            .filter(|(name, _)| !changing.contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let json = answer.json();
        let lengths: Vec<(String, usize)> = json
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string().len()))
            .collect();
        let times = [json["expiresAt"].clone(), json["resendAt"].clone()];
        (answer.status, headers, lengths, times)
    };
    let known = request_code_from(&gateway, "203.0.113.7", PHONE).await;
    let unknown = request_code_from(&gateway, "203.0.113.7", "010-8765-4321").await;
    assert_eq!(shape(&known), shape(&unknown));
}

#[tokio::test]
async fn consent_to_an_outdated_text_is_refused_without_a_code() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let shown = gateway.get("/api/auth/consent").send().await.json();
    for heading in [
        "수집하는 항목",
        "이용 목적",
        "보유 및 이용 기간",
        "동의를 거부할 권리",
    ] {
        assert!(
            shown["text"].as_str().unwrap().contains(heading),
            "{heading}"
        );
    }
    let body = json!({ "phone": PHONE, "consentVersion": "2019-01-01" });
    let answer = gateway.post("/api/auth/otp").json(&body).send().await;
    assert_eq!(answer.problem(), (422, "consent-outdated".to_owned()));
    assert_eq!(answer.json()["current"], shown["version"]);
    let codes: i64 = sqlx::query_scalar("select count(*) from one_time_code")
        .fetch_one(gateway.db.pool())
        .await
        .unwrap();
    assert_eq!((codes, relay.attempts().len()), (0, 0));
}

#[tokio::test]
async fn consent_is_recorded_once_and_only_after_a_correct_code() {
    let CodeFixture {
        gateway,
        relay,
        clock,
        ..
    } = CodeFixture::new().await;
    let recorded = async || {
        let rows: Vec<(Uuid, String, DateTime<Utc>)> = sqlx::query_as(
            "select customer_id, version, given_at from consent where withdrawn_at is null",
        )
        .fetch_all(gateway.db.pool())
        .await
        .unwrap();
        rows
    };
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    verify(&gateway, &challenge, &another(&code)).await;
    assert!(recorded().await.is_empty());
    let id: Uuid = verify(&gateway, &challenge, &code).await.json()["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let expected = vec![(id, consent_version(&gateway).await, clock.now())];
    assert_eq!(recorded().await, expected);
    clock.advance(TimeDelta::minutes(1));
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(2).await;
    verify(&gateway, &challenge, &code).await;
    assert_eq!(recorded().await, expected);
}

#[tokio::test]
async fn codes_per_number_are_limited_across_addresses() {
    let CodeFixture {
        gateway,
        relay,
        clock,
        ..
    } = CodeFixture::with(|config| config.limits.codes_per_phone = Rate::new(2, 600)).await;
    for address in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(
            request_code_from(&gateway, address, PHONE).await.status,
            StatusCode::ACCEPTED
        );
    }
    let refused = request_code_from(&gateway, "203.0.113.3", "+82-10-1234-5678").await;
    assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("300"));
    assert_eq!(
        request_code_from(&gateway, "203.0.113.3", "010-8765-4321")
            .await
            .status,
        StatusCode::ACCEPTED
    );
    relay.wait_for(3).await;
    clock.advance(TimeDelta::seconds(300));
    assert_eq!(
        request_code_from(&gateway, "203.0.113.3", PHONE)
            .await
            .status,
        StatusCode::ACCEPTED
    );
    relay.wait_for(4).await;
}

#[tokio::test]
async fn codes_per_number_and_day_are_limited_across_addresses() {
    let CodeFixture { gateway, clock, .. } =
        CodeFixture::with(|config| config.limits.codes_per_phone_daily = Rate::new(2, 86_400))
            .await;
    for address in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(
            request_code_from(&gateway, address, PHONE).await.status,
            StatusCode::ACCEPTED
        );
    }
    let refused = request_code_from(&gateway, "203.0.113.3", PHONE).await;
    assert_eq!(
        (refused.problem(), refused.header("retry-after")),
        ((429, "too-many-requests".to_owned()), Some("43200"))
    );
    clock.advance(TimeDelta::hours(12));
    assert_eq!(
        request_code_from(&gateway, "203.0.113.3", PHONE)
            .await
            .status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn next_code_can_be_requested_at_resend_at() {
    let CodeFixture { gateway, clock, .. } =
        CodeFixture::with(|config| config.limits.resends_per_phone = Rate::new(1, 30)).await;
    let requested = request_code_from(&gateway, "203.0.113.7", PHONE)
        .await
        .json();
    let resend: DateTime<Utc> = requested["resendAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(resend, clock.now() + TimeDelta::seconds(30));
    clock.advance(TimeDelta::seconds(29));
    let refused = request_code_from(&gateway, "203.0.113.7", PHONE).await;
    assert_eq!(
        (refused.problem(), refused.header("retry-after")),
        ((429, "too-many-requests".to_owned()), Some("1"))
    );
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        request_code_from(&gateway, "203.0.113.7", PHONE)
            .await
            .status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn codes_and_guesses_per_address_are_limited() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::with(|config| {
        config.limits.codes_per_address = Rate::new(2, 100);
        config.limits.guesses_per_address = Rate::new(3, 300);
    })
    .await;
    for phone in ["010-1111-1111", "010-2222-2222"] {
        assert_eq!(
            request_code_from(&gateway, "2001:db8:1:2::7", phone)
                .await
                .status,
            StatusCode::ACCEPTED
        );
    }
    // Addresses of one IPv6 network share a limit.
    let refused = request_code_from(&gateway, "2001:db8:1:2:ffff::8", "010-3333-3333").await;
    assert_eq!(
        (refused.problem(), refused.header("retry-after")),
        ((429, "too-many-requests".to_owned()), Some("50"))
    );
    assert_eq!(
        request_code_from(&gateway, "2001:db8:1:3::7", "010-3333-3333")
            .await
            .status,
        StatusCode::ACCEPTED
    );
    relay.wait_for(3).await;

    let guess = async |address: &str| {
        let body = json!({ "challenge": Uuid::new_v4(), "code": "123456" });
        gateway
            .post("/api/auth/otp/verify")
            .header("x-forwarded-for", address)
            .json(&body)
            .send()
            .await
    };
    for _ in 0..3 {
        assert_eq!(
            guess("203.0.113.1").await.problem(),
            (422, "code-expired".to_owned())
        );
    }
    let refused = guess("203.0.113.1").await;
    assert_eq!(
        (refused.problem(), refused.header("retry-after")),
        ((429, "too-many-requests".to_owned()), Some("100"))
    );
    assert_eq!(guess("203.0.113.2").await.problem().1, "code-expired");
}

#[tokio::test]
async fn code_and_number_are_not_leaked() {
    // With only one subscriber, `tracing` may cache callsites of other threads as disabled.
    let (_idle, logs) = (Logs::capture(), Logs::capture());
    let relay = SmsRelay::with_responses(&[Some(StatusCode::SERVICE_UNAVAILABLE)]).await;
    let gateway = start_at(config_with(&relay).await, mock_clock()).await;
    let requested = request_code_from(&gateway, "203.0.113.7", PHONE).await;
    let (challenge, attempts) = (
        requested.json()["challenge"].as_str().unwrap().to_owned(),
        relay.wait_for(2).await,
    );
    // The second attempt has the same message id.
    assert_eq!(attempts[0], attempts[1]);
    let code = relay.code(2).await;
    let wrong = verify(&gateway, &challenge, &another(&code)).await;
    let right = verify(&gateway, &challenge, &code).await;
    assert_eq!(right.status, StatusCode::OK);
    for answer in [&requested, &wrong, &right] {
        assert!(
            !String::from_utf8_lossy(&answer.body).contains(&code),
            "{answer:?}"
        );
    }
    let rows: Vec<String> = sqlx::query_scalar("select t::text from one_time_code t")
        .fetch_all(gateway.db.pool())
        .await
        .unwrap();
    let limits: Vec<String> = sqlx::query_scalar("select t::text from rate_limit t")
        .fetch_all(gateway.db.pool())
        .await
        .unwrap();
    // The MAC is hexadecimal, and can contain any six digits.
    let without_mac: Vec<String> = rows
        .iter()
        .map(|row| row.split("\\\\x").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        (
            rows.len(),
            without_mac
                .iter()
                .any(|row| row.contains(&format!(",{code},")))
        ),
        (1, false)
    );
    assert!(
        limits.iter().all(|row| !row.contains("1012345678")),
        "{limits:?}"
    );
    with_timeout("the message is logged", async {
        while !logs.text().contains("sent a message") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let text = logs.text();
    assert!(
        text.contains("sending a message failed: retrying") && text.contains("message.to=5678")
    );
    let phone: service_kit::forms::phone::Phone = PHONE.parse().unwrap();
    for spelling in phone.spellings() {
        assert!(!text.contains(&spelling), "{spelling}");
    }
    let text_with_code = format!("인증번호 {code}");
    assert!(
        !text.contains(&text_with_code) && !text.contains(&format!("\"{code}\"")),
        "the code is in the log"
    );
}

#[tokio::test]
async fn unavailable_sms_relay_does_not_delay_the_response() {
    let no_responses = [None; 4];
    for url in [
        SmsRelay::with_responses(&no_responses).await.url,
        "http://127.0.0.1:1/messages".to_owned(),
    ] {
        let mut config = config().await;
        config.sender_url = url.parse().unwrap();
        let gateway = start_at(config, mock_clock()).await;
        let version = consent_version(&gateway).await;
        let started = Instant::now();
        let body = json!({ "phone": PHONE, "consentVersion": version });
        let answer = gateway.post("/api/auth/otp").json(&body).send().await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "{:?}",
            started.elapsed()
        );
        // It does not delay the stop, either.
        gateway.stop.cancel();
    }
}

#[tokio::test]
async fn correct_code_ends_the_presented_session() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let planted = gateway.cookie(&identity(Role::Customer)).await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    let body = json!({ "challenge": challenge, "code": code });
    let answer = gateway
        .post("/api/auth/otp/verify")
        .cookie(&planted)
        .json(&body)
        .send()
        .await;
    let cookie = answer.cookie().unwrap();
    assert_ne!(cookie, planted);
    let me = async |cookie: &str| {
        gateway
            .get("/api/auth/me")
            .cookie(cookie)
            .send()
            .await
            .json()
    };
    assert_eq!(me(&planted).await, json!({ "signedIn": false }));
    assert_eq!(me(&cookie).await["phone"], "010-****-5678");
}

#[tokio::test]
async fn cross_site_page_cannot_request_or_verify_a_code() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let challenge = request_code(&gateway, PHONE).await;
    let code = relay.code(1).await;
    for (path, body) in [
        (
            "/api/auth/otp",
            json!({ "phone": PHONE, "consentVersion": consent_version(&gateway).await }),
        ),
        (
            "/api/auth/otp/verify",
            json!({ "challenge": challenge, "code": code }),
        ),
    ] {
        let bare = gateway
            .post(path)
            .without_csrf_header()
            .json(&body)
            .send()
            .await;
        let foreign = gateway
            .post(path)
            .header("origin", "https://evil.example")
            .json(&body)
            .send()
            .await;
        for answer in [bare, foreign] {
            assert_eq!(answer.problem(), (403, "cross-site".to_owned()), "{path}");
            assert_eq!(answer.cookie(), None);
        }
    }
    assert_eq!(relay.attempts().len(), 1);
    assert_eq!(
        verify(&gateway, &challenge, &code).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn correct_code_expires_the_customers_other_codes() {
    let CodeFixture { gateway, relay, .. } = CodeFixture::new().await;
    let (first, second, other_challenge) = (
        request_code(&gateway, PHONE).await,
        request_code(&gateway, PHONE).await,
        request_code(&gateway, "010-8765-4321").await,
    );
    let attempts = relay.wait_for(3).await;
    let code_of = |to: &'static str| {
        attempts
            .iter()
            .filter(move |(_, message)| message["to"] == to)
            .map(|(_, message)| code_in(message))
    };
    // The messages may arrive in either order.
    let codes: Vec<String> = code_of("+821012345678").collect();
    let mut statuses = Vec::new();
    for code in &codes {
        statuses.push(verify(&gateway, &second, code).await.status.as_u16());
    }
    assert!(statuses.contains(&200), "{statuses:?}");
    for code in &codes {
        assert_eq!(
            verify(&gateway, &first, code).await.problem(),
            (422, "code-expired".to_owned())
        );
    }
    let other = code_of("+821087654321").next().unwrap();
    assert_eq!(
        verify(&gateway, &other_challenge, &other).await.status,
        StatusCode::OK
    );
}
