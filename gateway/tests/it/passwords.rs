//! Signing in with login and password, and changing the password.

use std::collections::BTreeSet;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use chrono::TimeDelta;
use futures_util::future::join_all;
use gateway::config::Rate;
use serde_json::{Value, json};
use service_kit::auth::Role;
use tokio::time::Instant;

use crate::accounts::{AccountFixture, PASSWORD, field_error, invalid_fields, problem, sign_in};
use crate::test_gateway::{config, identity};

#[tokio::test]
async fn staff_sign_in_with_their_password() {
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    let answer = fixture.sign_in(" GwanRi ", PASSWORD).await;
    let body = answer.json();
    assert_eq!(
        (&body["signedIn"], &body["role"], &body["id"]),
        (&json!(true), &json!("staff"), &json!(id))
    );
    assert_eq!(
        (&body["name"], &body["login"]),
        (&json!("이관리"), &json!("gwanri"))
    );
    assert_eq!(body["expiresAt"], "2026-11-23T13:00:00Z");
    let cookie = answer.cookie().unwrap();
    assert_eq!(
        fixture
            .gateway
            .get("/api/auth/me")
            .cookie(&cookie)
            .send()
            .await
            .json(),
        body
    );
}

#[tokio::test]
async fn salesman_and_consultant_sign_in_as_their_person() {
    let fixture = AccountFixture::new().await;
    for (login, role) in [("haneul", Role::Salesman), ("bada", Role::Consultant)] {
        let (person, _) = fixture.create_person_account(login, role).await;
        let body = fixture.sign_in(login, PASSWORD).await.json();
        assert_eq!(
            (&body["role"], &body["id"], &body["name"]),
            (&json!(role.as_str()), &json!(person), &json!("김하늘"))
        );
    }
}

#[tokio::test]
async fn every_failed_sign_in_gets_the_same_response() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.create_staff_account("gwanri").await;
    fixture.invite_staff("invited").await;
    let (person, _) = fixture.create_person_account("left", Role::Salesman).await;
    sqlx::query("update person set active = false where id = $1")
        .bind(person)
        .execute(fixture.gateway.db.pool())
        .await
        .unwrap();
    fixture.create_staff_account("closed").await;
    sqlx::query("update account set active = false where login = 'closed'")
        .execute(fixture.gateway.db.pool())
        .await
        .unwrap();
    let mut answers = BTreeSet::new();
    for (login, password) in [
        ("gwanri", "목요일에는 칼국수를 먹자"),
        ("gwanri", ""),
        ("unknown", PASSWORD),
        ("no login at all", PASSWORD),
        ("' or 1=1 --", PASSWORD),
        ("invited", PASSWORD),
        ("left", PASSWORD),
        ("closed", PASSWORD),
    ] {
        let answer = fixture.sign_in(login, password).await;
        assert_eq!(
            answer.problem(),
            problem(401, "wrong-credentials"),
            "{login}"
        );
        assert_eq!(answer.cookie(), None);
        let mut body = answer.json();
        body.as_object_mut().unwrap().remove("traceId");
        answers.insert(body.to_string());
        assert!(!body.to_string().contains(&staff.to_string()));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// Compares the fastest of several runs, because other load only makes a run slower. Without
/// hashing, a response takes a tenth of the time.
#[tokio::test]
async fn unknown_login_takes_as_long_as_hashing_a_password() {
    check_time_of_wrong_passwords("목요일에는 칼국수를 먹자", 1).await;
}

/// Such a password is hashed in two forms.
#[tokio::test]
async fn unknown_login_takes_as_long_with_a_decomposed_password() {
    check_time_of_wrong_passwords("\u{1106}\u{1169}\u{11A8}요일에는 칼국수를 먹자", 2).await;
}

async fn check_time_of_wrong_passwords(wrong: &str, hashings: u32) {
    let fixture = AccountFixture::new().await;
    let argon2 = Argon2::default();
    let (mut hashing, mut quickest) = (Duration::MAX, [Duration::MAX; 3]);
    for round in 0..5 {
        fixture.create_staff_account(&format!("known{round}")).await;
        fixture.invite_staff(&format!("unset{round}")).await;
        for (login, quickest) in ["known", "unknown", "unset"].into_iter().zip(&mut quickest) {
            let started = Instant::now();
            argon2.hash_password(PASSWORD.as_bytes()).unwrap();
            hashing = started.elapsed().min(hashing);
            let started = Instant::now();
            assert_eq!(
                fixture
                    .sign_in(&format!("{login}{round}"), wrong)
                    .await
                    .status,
                401
            );
            *quickest = started.elapsed().min(*quickest);
        }
    }
    assert!(
        quickest
            .iter()
            .all(|answer| *answer > hashing * (3 * hashings - 2) / 3),
        "hashing {hashing:?}, known, unknown, not set {quickest:?}"
    );
}

#[tokio::test]
async fn sign_in_reports_every_invalid_field() {
    let fixture = AccountFixture::new().await;
    let request = |body: Value| fixture.gateway.post("/api/auth/sign-in").json(&body).send();
    let required = [
        field_error("/login", "required"),
        field_error("/password", "required"),
    ];
    assert_eq!(invalid_fields(&request(json!({})).await), required);
    assert_eq!(
        invalid_fields(&request(json!({ "login": " ", "password": null })).await),
        required
    );
    let invalid = request(json!({ "login": "a".repeat(65), "password": 1_234_567_890 })).await;
    assert_eq!(
        invalid_fields(&invalid),
        [
            field_error("/login", "too-long"),
            field_error("/password", "wrong-type")
        ]
    );
    assert!(!invalid.json().to_string().contains("1234567890"));
    let no_json = fixture
        .gateway
        .post("/api/auth/sign-in")
        .header("content-type", "text/plain")
        .body("x")
        .send()
        .await;
    assert_eq!(no_json.problem(), problem(415, "wrong-content-type"));
    let compressed = fixture
        .gateway
        .post("/api/auth/sign-in")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(&b"\x1F\x8B\x08"[..])
        .send()
        .await;
    assert_eq!(compressed.problem(), problem(415, "wrong-content-encoding"));
    assert_eq!(compressed.json()["contentEncoding"], "gzip");
}

#[tokio::test]
async fn of_two_hundred_concurrent_passwords_five_are_judged() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let other = fixture.second_gateway().await;
    let attempts = (0..200).map(|number| {
        let gateway = if number % 2 == 0 {
            &fixture.gateway
        } else {
            &other
        };
        sign_in(gateway, "gwanri", &format!("wrong password {number}")).send()
    });
    let (mut judged, mut unavailable) = (0, 0);
    for answer in join_all(attempts).await {
        match answer.problem() {
            (401, slug) if slug == "wrong-credentials" => judged += 1,
            (429, slug) if slug == "too-many-requests" => {
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
            // A busy machine may refuse some requests, which are then not judged.
            (503, _) => unavailable += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(
        judged == 5 || (judged < 5 && unavailable > 0),
        "{judged} judged, {unavailable} unavailable"
    );
    while fixture.sign_in("gwanri", "wrong").await.status == 401 {
        judged += 1;
    }
    assert!(judged <= 5, "{judged} judged");
    assert_eq!(
        fixture.sign_in("gwanri", PASSWORD).await.problem(),
        problem(429, "too-many-requests")
    );
    fixture.clock.advance(TimeDelta::seconds(1));
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn wait_doubles_per_failure_up_to_fifteen_minutes() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    for _ in 0..5 {
        assert_eq!(fixture.sign_in("gwanri", "wrong").await.status, 401);
    }
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        let refusal = fixture.sign_in("gwanri", PASSWORD).await;
        assert_eq!(refusal.problem(), problem(429, "too-many-requests"));
        assert_eq!(
            refusal.header("retry-after"),
            Some(wait.to_string().as_str())
        );
        fixture
            .clock
            .advance(TimeDelta::seconds(wait) - TimeDelta::milliseconds(1));
        assert_eq!(
            fixture
                .sign_in("gwanri", PASSWORD)
                .await
                .header("retry-after"),
            Some("1")
        );
        fixture.clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(fixture.sign_in("gwanri", "wrong").await.status, 401);
    }
    // Other logins do not wait, and after the longest wait the owner can sign in.
    assert_eq!(fixture.sign_in("unknown", "wrong").await.status, 401);
    fixture.clock.advance(TimeDelta::minutes(15));
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn correct_password_or_a_day_resets_the_failures() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(fixture.sign_in("gwanri", "wrong").await.status, 401);
        }
        assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 200);
    }
    for _ in 0..3 {
        for _ in 0..5 {
            assert_eq!(fixture.sign_in("gwanri", "wrong").await.status, 401);
        }
        assert_eq!(fixture.sign_in("gwanri", "wrong").await.status, 429);
        fixture.clock.advance(TimeDelta::hours(25));
    }
}

#[tokio::test]
async fn guesses_from_one_address_do_not_delay_another() {
    let mut config = config().await;
    config.trusted_proxies.count = 1;
    config.limits.sign_ins_per_login = Rate::new(10, 900);
    let fixture = AccountFixture::with_config(config).await;
    fixture.create_staff_account("gwanri").await;
    let from = |address: &str, password: &str| {
        sign_in(&fixture.gateway, "gwanri", password)
            .header("x-forwarded-for", address)
            .send()
    };
    for _ in 0..50 {
        from("203.0.113.7", "wrong").await;
    }
    assert_eq!(from("203.0.113.7", PASSWORD).await.status, 429);
    assert_eq!(from("203.0.113.8", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn sign_ins_per_login_and_address_are_limited_across_gateways() {
    let mut per_login = config().await;
    per_login.limits.sign_ins_per_login = Rate::new(3, 900);
    let mut per_address = config().await;
    per_address.limits.sign_ins_per_address = Rate::new(3, 900);
    for (config, other_login_is_free) in [(per_login, true), (per_address, false)] {
        let fixture = AccountFixture::with_config(config).await;
        fixture.create_staff_account("gwanri").await;
        let other = fixture.second_gateway().await;
        for gateway in [&fixture.gateway, &other, &fixture.gateway] {
            assert_eq!(sign_in(gateway, "gwanri", "wrong").send().await.status, 401);
        }
        let refusal = sign_in(&other, "gwanri", PASSWORD).send().await;
        assert_eq!(refusal.problem(), problem(429, "too-many-requests"));
        assert_eq!(refusal.header("retry-after"), Some("300"));
        assert_eq!(
            fixture.sign_in("unknown", "wrong").await.status == 401,
            other_login_is_free
        );
        fixture.clock.advance(TimeDelta::seconds(300));
        assert_eq!(sign_in(&other, "gwanri", PASSWORD).send().await.status, 200);
    }
}

#[tokio::test]
async fn weaker_hash_is_upgraded_at_sign_in() {
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    let weaker = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(8 * 1024, 1, 1, None).unwrap(),
    );
    let weaker_hash = weaker
        .hash_password(PASSWORD.as_bytes())
        .unwrap()
        .to_string();
    let pool = fixture.gateway.db.pool();
    sqlx::query("update account set password_hash = $2 where id = $1")
        .bind(id)
        .bind(weaker_hash)
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(fixture.sign_in("gwanri", "wrong").await.status, 401);
    let stored_hash = async || -> String {
        sqlx::query_scalar("select password_hash from account where id = $1")
            .bind(id)
            .fetch_one(pool)
            .await
            .unwrap()
    };
    assert!(
        stored_hash()
            .await
            .starts_with("$argon2id$v=19$m=8192,t=1,p=1$")
    );
    for _ in 0..2 {
        assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 200);
        assert!(
            stored_hash()
                .await
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
    }
}

#[tokio::test]
async fn password_sign_in_ends_the_presented_session() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let planted = fixture.gateway.cookie(&identity(Role::Customer)).await;
    let answer = sign_in(&fixture.gateway, "gwanri", PASSWORD)
        .cookie(&planted)
        .send()
        .await;
    let cookie = answer.cookie().unwrap();
    assert_ne!(cookie, planted);
    assert!(!fixture.is_signed_in(&planted).await && fixture.is_signed_in(&cookie).await);
}

#[tokio::test]
async fn changing_the_password_ends_all_other_sessions() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let (own, other) = (
        fixture.cookie("gwanri").await,
        fixture.cookie("gwanri").await,
    );
    let change = |cookie: &str, current: &str, password: &str| {
        let body = json!({ "current": current, "password": password });
        fixture
            .gateway
            .post("/api/auth/password/change")
            .cookie(cookie)
            .json(&body)
            .send()
    };
    let nothing = fixture
        .gateway
        .post("/api/auth/password/change")
        .cookie(&own)
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(
        invalid_fields(&nothing),
        [
            field_error("/current", "required"),
            field_error("/password", "required")
        ]
    );
    let new_password = "목요일에는 칼국수를 먹자";
    assert_eq!(
        invalid_fields(&change(&own, "wrong", new_password).await),
        [field_error("/current", "wrong-password")]
    );
    assert_eq!(
        invalid_fields(&change(&own, PASSWORD, PASSWORD).await),
        [field_error("/password", "the-same")]
    );
    assert_eq!(
        invalid_fields(&change(&own, PASSWORD, "gwanri2026").await)[0].0,
        "/password"
    );
    assert!(fixture.is_signed_in(&other).await);

    let done = change(&own, PASSWORD, new_password).await;
    assert_eq!(done.status, 204, "{done:?}");
    let cookie = done.cookie().unwrap();
    for (cookie, is_valid) in [(&own, false), (&other, false), (&cookie, true)] {
        assert_eq!(fixture.is_signed_in(cookie).await, is_valid);
    }
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 401);
    assert_eq!(fixture.sign_in("gwanri", new_password).await.status, 200);
}

#[tokio::test]
async fn guesses_at_the_current_password_count_as_sign_ins() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let cookie = fixture.cookie("gwanri").await;
    let body = json!({ "current": "wrong", "password": "목요일에는 칼국수를 먹자" });
    let guess = || {
        fixture
            .gateway
            .post("/api/auth/password/change")
            .cookie(&cookie)
            .json(&body)
            .send()
    };
    for _ in 0..5 {
        assert_eq!(guess().await.status, 422);
    }
    assert_eq!(guess().await.problem(), problem(429, "too-many-requests"));
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn only_callers_with_a_password_can_change_it() {
    let fixture = AccountFixture::new().await;
    let body = json!({ "current": PASSWORD, "password": "목요일에는 칼국수를 먹자" });
    let anonymous = fixture
        .gateway
        .post("/api/auth/password/change")
        .json(&body)
        .send()
        .await;
    assert_eq!(anonymous.problem(), problem(401, "sign-in-required"));
    // This session of a member of staff has no account.
    for role in [Role::Customer, Role::Staff] {
        let caller = fixture.gateway.caller(&identity(role)).await;
        assert_eq!(
            caller
                .post("/api/auth/password/change")
                .json(&body)
                .send()
                .await
                .problem(),
            problem(403, "not-allowed")
        );
    }
}

#[tokio::test]
async fn burst_from_one_address_does_not_use_up_the_login_limit() {
    let mut config = config().await;
    config.trusted_proxies.count = 1;
    config.limits.sign_ins_per_login = Rate::new(10, 900);
    let fixture = AccountFixture::with_config(config).await;
    fixture.create_staff_account("gwanri").await;
    let from = |address: &str, password: &str| {
        sign_in(&fixture.gateway, "gwanri", password)
            .header("x-forwarded-for", address)
            .send()
    };
    join_all((0..200).map(|_| from("203.0.113.7", "wrong"))).await;
    assert_eq!(from("203.0.113.8", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn sign_in_refused_by_login_limit_is_not_charged_to_address() {
    let mut config = config().await;
    config.trusted_proxies.count = 1;
    config.limits.sign_ins_per_login = Rate::new(3, 900);
    let fixture = AccountFixture::with_config(config).await;
    fixture.create_staff_account("gwanri").await;
    let from = |address: &str, password: &str| {
        sign_in(&fixture.gateway, "gwanri", password)
            .header("x-forwarded-for", address)
            .send()
    };
    for _ in 0..3 {
        assert_eq!(from("203.0.113.7", "wrong").await.status, 401);
    }
    for _ in 0..10 {
        let refusal = from("203.0.113.8", PASSWORD).await;
        assert_eq!(
            (refusal.status.as_u16(), refusal.header("retry-after")),
            (429, Some("300"))
        );
    }
    fixture.clock.advance(TimeDelta::seconds(300));
    assert_eq!(from("203.0.113.8", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn wrong_current_password_is_charged_even_if_new_is_weak() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let cookie = fixture.cookie("gwanri").await;
    let change = |current: &str| {
        let body = json!({ "current": current, "password": "gwanri2026" });
        fixture
            .gateway
            .post("/api/auth/password/change")
            .cookie(&cookie)
            .json(&body)
            .send()
    };
    // With the correct current password, weak new ones are not counted as failures.
    for _ in 0..7 {
        let fields = invalid_fields(&change(PASSWORD).await);
        assert_eq!((fields.len(), fields[0].0.as_str()), (1, "/password"));
    }
    for _ in 0..5 {
        let pointers: Vec<String> = invalid_fields(&change("wrong").await)
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect();
        assert_eq!(pointers, ["/current", "/password"]);
    }
    assert_eq!(
        change("wrong").await.problem(),
        problem(429, "too-many-requests")
    );
}
