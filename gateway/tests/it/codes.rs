//! Customers sign in by a code that is sent to their telephone.

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
use service_kit::testing::{Logs, MockClock};
use uuid::Uuid;

use crate::fixture::{Running, TestResponse, config, in_time, somebody, start_at};
use crate::telephone::{KEY, Telephone, code_in};

pub(crate) const PHONE: &str = "010-1234-5678";

/// When these tests begin.
pub(crate) fn a_clock() -> Arc<MockClock> {
    Arc::new(MockClock::at("2026-11-24T01:00:00Z".parse().unwrap()))
}

/// A gateway whose codes arrive at this telephone.
pub(crate) async fn config_with(telephone: &Telephone) -> Config {
    let mut config = config().await;
    config.sender_url = telephone.url.parse().unwrap();
    config.sender_key = KEY.parse().unwrap();
    config.trusted_proxies = 1;
    config
}

struct Codes {
    gateway: Running,
    telephone: Telephone,
    clock: Arc<MockClock>,
}

async fn start() -> Codes {
    start_with(|_| {}).await
}

async fn start_with(change: impl FnOnce(&mut Config)) -> Codes {
    let (telephone, clock) = (Telephone::new().await, a_clock());
    let mut config = config_with(&telephone).await;
    change(&mut config);
    Codes {
        gateway: start_at(config, clock.clone()).await,
        telephone,
        clock,
    }
}

/// What there is to agree to just now.
pub(crate) async fn consent_version(gateway: &Running) -> String {
    gateway.get("/api/auth/consent").send().await.json()["version"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Asks for a code from an address.
pub(crate) async fn ask_from(gateway: &Running, address: &str, phone: &str) -> TestResponse {
    let body = json!({ "phone": phone, "consentVersion": consent_version(gateway).await });
    gateway
        .post("/api/auth/otp")
        .header("x-forwarded-for", address)
        .json(&body)
        .send()
        .await
}

/// Asks for a code, and gives the challenge.
pub(crate) async fn ask(gateway: &Running, phone: &str) -> String {
    let answer = ask_from(gateway, "203.0.113.7", phone).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    answer.json()["challenge"].as_str().unwrap().to_owned()
}

pub(crate) async fn verify(gateway: &Running, challenge: &str, code: &str) -> TestResponse {
    gateway
        .post("/api/auth/otp/verify")
        .json(&json!({ "challenge": challenge, "code": code }))
        .send()
        .await
}

/// A code that is not this one.
pub(crate) fn another(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn whoever_reads_the_code_is_the_customer_who_has_that_number() {
    let Codes {
        gateway,
        telephone,
        clock,
    } = start().await;
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
    let heard = &telephone.heard()[0].1;
    assert_eq!(
        (heard["to"].as_str(), heard["kind"].as_str()),
        (Some("+821012345678"), Some("sign-in-code"))
    );
    let answer = verify(&gateway, &challenge, &code).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let said = answer.json();
    assert_eq!(
        (said["signedIn"].as_bool(), said["role"].as_str()),
        (Some(true), Some("customer"))
    );
    assert_eq!(said["phone"], "010-****-5678");
    let expires: DateTime<Utc> = said["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires, clock.now() + TimeDelta::days(30));
    let me = gateway
        .get("/api/auth/me")
        .cookie(&answer.cookie().unwrap())
        .send()
        .await
        .json();
    assert_eq!(me, said);

    // However it is typed, it is the same customer.
    let challenge = ask(&gateway, "+82 10 1234 5678").await;
    let code = telephone.code(2).await;
    assert_eq!(
        verify(&gateway, &challenge, &code).await.json()["id"],
        said["id"]
    );
    let challenge = ask(&gateway, "010-8765-4321").await;
    let code = telephone.code(3).await;
    assert_ne!(
        verify(&gateway, &challenge, &code).await.json()["id"],
        said["id"]
    );
}

#[tokio::test]
async fn of_a_thousand_guesses_at_once_at_most_five_are_judged() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
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
        [0, 1, 2, 3, 4]
    );
    assert_eq!(left.len(), 5);
    // Nobody is told of a guess that was not judged more than that there is nothing to guess any more; some may be turned away for now.
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
    // The right one comes too late.
    let late = verify(&gateway, &challenge, &code).await;
    assert_eq!(late.problem(), (422, "code-expired".to_owned()));
    assert_eq!(late.cookie(), None);
}

#[tokio::test]
async fn the_fifth_guess_may_be_right() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
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
async fn a_code_is_good_once_however_many_tell_it_at_once() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
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
async fn a_code_is_good_for_three_minutes() {
    let Codes {
        gateway,
        telephone,
        clock,
    } = start().await;
    let asked = ask_from(&gateway, "203.0.113.7", PHONE).await.json();
    let expires: DateTime<Utc> = asked["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires, clock.now() + TimeDelta::minutes(3));
    let challenge = asked["challenge"].as_str().unwrap();
    let code = telephone.code(1).await;
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
async fn a_code_answers_no_challenge_but_its_own() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let first = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
    let mut second = ask(&gateway, PHONE).await;
    // One in a million times both have the same code.
    while telephone.code(telephone.hears(2).await.len()).await == code {
        let heard = telephone.heard().len();
        second = ask(&gateway, PHONE).await;
        telephone.hears(heard + 1).await;
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
    // Another code on its way does not spend this one.
    assert_eq!(verify(&gateway, &first, &code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_wrong_field_is_told() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let wrong = async |path: &str, body: Value| {
        let answer = gateway.post(path).json(&body).send().await;
        assert_eq!(answer.problem(), (422, "wrong-fields".to_owned()), "{body}");
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        let told = errors.iter().map(|error| {
            (
                error["pointer"].as_str().unwrap().to_owned(),
                error["code"].as_str().unwrap().to_owned(),
            )
        });
        told.collect::<Vec<_>>()
    };
    let own = |told: &[(&str, &str)]| {
        told.iter()
            .map(|(at, code)| ((*at).to_owned(), (*code).to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        wrong("/api/auth/otp", json!({})).await,
        own(&[("/phone", "required"), ("/consentVersion", "required")])
    );
    let both = json!({ "phone": "112", "consentVersion": 7 });
    assert_eq!(
        wrong("/api/auth/otp", both).await,
        own(&[("/phone", "wrong-type"), ("/consentVersion", "wrong-type")])
    );
    let long = json!({ "phone": PHONE, "consentVersion": "x".repeat(41) });
    assert_eq!(
        wrong("/api/auth/otp", long).await,
        own(&[("/consentVersion", "too-long")])
    );
    assert_eq!(
        wrong("/api/auth/otp/verify", json!({})).await,
        own(&[("/challenge", "required"), ("/code", "required")])
    );
    for code in ["12345", "1234567", "abcdef", "１２３４５６"] {
        let body = json!({ "challenge": "x", "code": code });
        assert_eq!(
            wrong("/api/auth/otp/verify", body).await,
            own(&[("/challenge", "wrong-type"), ("/code", "wrong-type")])
        );
    }
    assert!(telephone.heard().is_empty());
}

#[tokio::test]
async fn a_guess_of_the_wrong_form_is_not_counted() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
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
async fn nothing_in_the_answer_tells_whether_a_number_is_known() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
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
    let known = ask_from(&gateway, "203.0.113.7", PHONE).await;
    let unknown = ask_from(&gateway, "203.0.113.7", "010-8765-4321").await;
    assert_eq!(shape(&known), shape(&unknown));
}

#[tokio::test]
async fn whoever_agreed_to_an_older_text_is_asked_again_and_gets_no_code() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let shown = gateway.get("/api/auth/consent").send().await.json();
    for said in [
        "수집하는 항목",
        "이용 목적",
        "보유 및 이용 기간",
        "동의를 거부할 권리",
    ] {
        assert!(shown["text"].as_str().unwrap().contains(said), "{said}");
    }
    let body = json!({ "phone": PHONE, "consentVersion": "2019-01-01" });
    let answer = gateway.post("/api/auth/otp").json(&body).send().await;
    assert_eq!(answer.problem(), (422, "consent-outdated".to_owned()));
    assert_eq!(answer.json()["current"], shown["version"]);
    let kept: i64 = sqlx::query_scalar("select count(*) from one_time_code")
        .fetch_one(gateway.db.pool())
        .await
        .unwrap();
    assert_eq!((kept, telephone.heard().len()), (0, 0));
}

#[tokio::test]
async fn what_was_agreed_to_is_recorded_with_its_version_once_and_only_at_a_right_code() {
    let Codes {
        gateway,
        telephone,
        clock,
    } = start().await;
    let recorded = async || {
        let rows: Vec<(Uuid, String, DateTime<Utc>)> = sqlx::query_as(
            "select customer_id, version, given_at from consent where withdrawn_at is null",
        )
        .fetch_all(gateway.db.pool())
        .await
        .unwrap();
        rows
    };
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
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
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(2).await;
    verify(&gateway, &challenge, &code).await;
    assert_eq!(recorded().await, expected);
}

#[tokio::test]
async fn codes_to_one_number_are_limited_from_wherever_they_are_asked_for() {
    let Codes {
        gateway,
        telephone,
        clock,
    } = start_with(|config| config.limits.codes_per_phone = Rate::new(2, 600)).await;
    for address in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(
            ask_from(&gateway, address, PHONE).await.status,
            StatusCode::ACCEPTED
        );
    }
    let refused = ask_from(&gateway, "203.0.113.3", "+82-10-1234-5678").await;
    assert_eq!(refused.problem(), (429, "too-many-requests".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("300"));
    assert_eq!(
        ask_from(&gateway, "203.0.113.3", "010-8765-4321")
            .await
            .status,
        StatusCode::ACCEPTED
    );
    telephone.hears(3).await;
    clock.advance(TimeDelta::seconds(300));
    assert_eq!(
        ask_from(&gateway, "203.0.113.3", PHONE).await.status,
        StatusCode::ACCEPTED
    );
    telephone.hears(4).await;
}

#[tokio::test]
async fn one_number_has_so_many_codes_a_day_from_however_many_addresses() {
    let Codes { gateway, clock, .. } =
        start_with(|config| config.limits.codes_per_phone_daily = Rate::new(2, 86_400)).await;
    for address in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(
            ask_from(&gateway, address, PHONE).await.status,
            StatusCode::ACCEPTED
        );
    }
    let refused = ask_from(&gateway, "203.0.113.3", PHONE).await;
    assert_eq!(
        (refused.problem(), refused.header("retry-after")),
        ((429, "too-many-requests".to_owned()), Some("43200"))
    );
    clock.advance(TimeDelta::hours(12));
    assert_eq!(
        ask_from(&gateway, "203.0.113.3", PHONE).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn the_next_code_may_be_asked_for_when_the_answer_said() {
    let Codes { gateway, clock, .. } =
        start_with(|config| config.limits.resends_per_phone = Rate::new(1, 30)).await;
    let asked = ask_from(&gateway, "203.0.113.7", PHONE).await.json();
    let resend: DateTime<Utc> = asked["resendAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(resend, clock.now() + TimeDelta::seconds(30));
    clock.advance(TimeDelta::seconds(29));
    let refused = ask_from(&gateway, "203.0.113.7", PHONE).await;
    assert_eq!(
        (refused.problem(), refused.header("retry-after")),
        ((429, "too-many-requests".to_owned()), Some("1"))
    );
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        ask_from(&gateway, "203.0.113.7", PHONE).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn codes_and_guesses_from_one_address_are_limited() {
    let Codes {
        gateway, telephone, ..
    } = start_with(|config| {
        config.limits.codes_per_address = Rate::new(2, 100);
        config.limits.guesses_per_address = Rate::new(3, 300);
    })
    .await;
    for phone in ["010-1111-1111", "010-2222-2222"] {
        assert_eq!(
            ask_from(&gateway, "2001:db8:1:2::7", phone).await.status,
            StatusCode::ACCEPTED
        );
    }
    // A household has one network.
    let refused = ask_from(&gateway, "2001:db8:1:2:ffff::8", "010-3333-3333").await;
    assert_eq!(
        (refused.problem(), refused.header("retry-after")),
        ((429, "too-many-requests".to_owned()), Some("50"))
    );
    assert_eq!(
        ask_from(&gateway, "2001:db8:1:3::7", "010-3333-3333")
            .await
            .status,
        StatusCode::ACCEPTED
    );
    telephone.hears(3).await;

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
async fn a_code_is_in_no_answer_no_table_and_no_log_and_the_number_in_no_log() {
    // While there is one listener alone, what another test's thread logs first counts as what nobody listens to; so there are two.
    let (_idle, logs) = (Logs::capture(), Logs::capture());
    let telephone = Telephone::answering(&[Some(StatusCode::SERVICE_UNAVAILABLE)]).await;
    let gateway = start_at(config_with(&telephone).await, a_clock()).await;
    let asked = ask_from(&gateway, "203.0.113.7", PHONE).await;
    let (challenge, heard) = (
        asked.json()["challenge"].as_str().unwrap().to_owned(),
        telephone.hears(2).await,
    );
    // The relay was tried again, by the same id.
    assert_eq!(heard[0], heard[1]);
    let code = telephone.code(2).await;
    let wrong = verify(&gateway, &challenge, &another(&code)).await;
    let right = verify(&gateway, &challenge, &code).await;
    assert_eq!(right.status, StatusCode::OK);
    for answer in [&asked, &wrong, &right] {
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
    // The MAC, in which any six digits might be, is hexadecimal there.
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
    in_time("the log tells of the message", async {
        while !logs.text().contains("a message left") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let text = logs.text();
    assert!(
        text.contains("a message did not leave: trying again") && text.contains("message.to=5678")
    );
    let phone: service_kit::forms::phone::Phone = PHONE.parse().unwrap();
    for spelling in phone.spellings() {
        assert!(!text.contains(&spelling), "{spelling}");
    }
    let told = format!("인증번호 {code}");
    assert!(
        !text.contains(&told) && !text.contains(&format!("\"{code}\"")),
        "the code is in the log"
    );
}

#[tokio::test]
async fn a_relay_that_is_away_does_not_hold_up_the_answer() {
    let never = [None; 4];
    for url in [
        Telephone::answering(&never).await.url,
        "http://127.0.0.1:1/messages".to_owned(),
    ] {
        let mut config = config().await;
        config.sender_url = url.parse().unwrap();
        let gateway = start_at(config, a_clock()).await;
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
        // Nor the end of the gateway.
        gateway.stop.cancel();
    }
}

#[tokio::test]
async fn a_session_that_came_along_with_a_right_code_ends_and_its_id_is_nobodys() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let planted = gateway.cookie(&somebody(Role::Customer)).await;
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
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
async fn a_page_of_another_site_can_neither_ask_for_a_code_nor_sign_anybody_in() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let challenge = ask(&gateway, PHONE).await;
    let code = telephone.code(1).await;
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
        let bare = gateway.post(path).of_no_page().json(&body).send().await;
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
    assert_eq!(telephone.heard().len(), 1);
    assert_eq!(
        verify(&gateway, &challenge, &code).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_right_code_takes_the_others_with_it_that_the_customer_was_sent() {
    let Codes {
        gateway, telephone, ..
    } = start().await;
    let (first, second, of_another) = (
        ask(&gateway, PHONE).await,
        ask(&gateway, PHONE).await,
        ask(&gateway, "010-8765-4321").await,
    );
    let heard = telephone.hears(3).await;
    let code_of = |to: &'static str| {
        heard
            .iter()
            .filter(move |(_, it)| it["to"] == to)
            .map(|(_, it)| code_in(it))
    };
    // They may arrive in either order.
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
        verify(&gateway, &of_another, &other).await.status,
        StatusCode::OK
    );
}
