//! Signing in by login and password, and changing one's own.

use std::collections::BTreeSet;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use chrono::TimeDelta;
use futures_util::future::join_all;
use gateway::config::Rate;
use serde_json::{Value, json};
use service_kit::auth::Role;
use tokio::time::Instant;

use crate::accounts::{Office, PASSWORD, refused, sign_in, wrong, wrong_fields};
use crate::fixture::{config, somebody};

#[tokio::test]
async fn whoever_has_set_a_password_signs_in_with_it_and_is_told_who_he_is() {
    let office = Office::open().await;
    let id = office.staff("gwanri").await;
    let answer = office.sign_in(" GwanRi ", PASSWORD).await;
    let said = answer.json();
    assert_eq!(
        (&said["signedIn"], &said["role"], &said["id"]),
        (&json!(true), &json!("staff"), &json!(id))
    );
    assert_eq!(
        (&said["name"], &said["login"]),
        (&json!("이관리"), &json!("gwanri"))
    );
    assert_eq!(said["expiresAt"], "2026-11-23T13:00:00Z");
    let cookie = answer.cookie().unwrap();
    assert_eq!(
        office
            .gateway
            .get("/api/auth/me")
            .cookie(&cookie)
            .send()
            .await
            .json(),
        said
    );
}

#[tokio::test]
async fn a_salesman_and_a_consultant_are_who_the_salesman_service_says_they_are() {
    let office = Office::open().await;
    for (login, role) in [("haneul", Role::Salesman), ("bada", Role::Consultant)] {
        let (person, _) = office.colleague(login, role).await;
        let said = office.sign_in(login, PASSWORD).await.json();
        assert_eq!(
            (&said["role"], &said["id"], &said["name"]),
            (&json!(role.as_str()), &json!(person), &json!("김하늘"))
        );
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_sign_in_the_answer_is_the_same() {
    let office = Office::open().await;
    let staff = office.staff("gwanri").await;
    office.token_of_staff("invited").await;
    let (person, _) = office.colleague("left", Role::Salesman).await;
    sqlx::query("update person set active = false where id = $1")
        .bind(person)
        .execute(office.gateway.db.pool())
        .await
        .unwrap();
    office.staff("closed").await;
    sqlx::query("update account set active = false where login = 'closed'")
        .execute(office.gateway.db.pool())
        .await
        .unwrap();
    let mut answers = BTreeSet::new();
    for (login, password) in [
        ("gwanri", "목요일에는 칼국수를 먹자"),
        ("gwanri", ""),
        ("nobody", PASSWORD),
        ("no login at all", PASSWORD),
        ("' or 1=1 --", PASSWORD),
        ("invited", PASSWORD),
        ("left", PASSWORD),
        ("closed", PASSWORD),
    ] {
        let answer = office.sign_in(login, password).await;
        assert_eq!(
            answer.problem(),
            refused(401, "wrong-credentials"),
            "{login}"
        );
        assert_eq!(answer.cookie(), None);
        let mut said = answer.json();
        said.as_object_mut().unwrap().remove("traceId");
        answers.insert(said.to_string());
        assert!(!said.to_string().contains(&staff.to_string()));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// The quickest of several, here and there: what else the machine does can only make one slower. Without a hashing, an answer takes a tenth.
#[tokio::test]
async fn a_login_that_nobody_has_is_refused_no_sooner_than_a_password_is_hashed() {
    let office = Office::open().await;
    let argon2 = Argon2::default();
    let (mut hashing, mut quickest) = (Duration::MAX, [Duration::MAX; 3]);
    for round in 0..5 {
        office.staff(&format!("known{round}")).await;
        office.token_of_staff(&format!("unset{round}")).await;
        for (login, quickest) in ["known", "unknown", "unset"].into_iter().zip(&mut quickest) {
            let begun = Instant::now();
            argon2.hash_password(PASSWORD.as_bytes()).unwrap();
            hashing = begun.elapsed().min(hashing);
            let begun = Instant::now();
            assert_eq!(
                office
                    .sign_in(&format!("{login}{round}"), "목요일에는 칼국수를 먹자")
                    .await
                    .status,
                401
            );
            *quickest = begun.elapsed().min(*quickest);
        }
    }
    assert!(
        quickest.iter().all(|answer| *answer > hashing / 3),
        "hashing {hashing:?}, known, unknown, not set {quickest:?}"
    );
}

#[tokio::test]
async fn everything_that_is_missing_of_a_sign_in_is_told_at_once() {
    let office = Office::open().await;
    let ask = |body: Value| office.gateway.post("/api/auth/sign-in").json(&body).send();
    let required = [wrong("/login", "required"), wrong("/password", "required")];
    assert_eq!(wrong_fields(&ask(json!({})).await), required);
    assert_eq!(
        wrong_fields(&ask(json!({ "login": " ", "password": null })).await),
        required
    );
    let odd = ask(json!({ "login": "a".repeat(65), "password": 1_234_567_890 })).await;
    assert_eq!(
        wrong_fields(&odd),
        [
            wrong("/login", "too-long"),
            wrong("/password", "wrong-type")
        ]
    );
    assert!(!odd.json().to_string().contains("1234567890"));
    let no_json = office
        .gateway
        .post("/api/auth/sign-in")
        .header("content-type", "text/plain")
        .body("x")
        .send()
        .await;
    assert_eq!(no_json.problem(), refused(415, "wrong-content-type"));
}

#[tokio::test]
async fn two_hundred_wrong_passwords_at_once_are_judged_no_more_often_than_the_free_ones() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let other = office.another().await;
    let attempts = (0..200).map(|number| {
        let gateway = if number % 2 == 0 {
            &office.gateway
        } else {
            &other
        };
        sign_in(gateway, "gwanri", &format!("wrong password {number}")).send()
    });
    let (mut judged, mut turned_away) = (0, 0);
    for answer in join_all(attempts).await {
        match answer.problem() {
            (401, slug) if slug == "wrong-credentials" => judged += 1,
            (429, slug) if slug == "too-many-requests" => {
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
            // So many at once may be too many for a busy machine. What is turned away is not judged.
            (503, _) => turned_away += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(
        judged == 5 || (judged < 5 && turned_away > 0),
        "{judged} judged, {turned_away} turned away"
    );
    while office.sign_in("gwanri", "wrong").await.status == 401 {
        judged += 1;
    }
    assert!(judged <= 5, "{judged} judged");
    assert_eq!(
        office.sign_in("gwanri", PASSWORD).await.problem(),
        refused(429, "too-many-requests")
    );
    office.clock.advance(TimeDelta::seconds(1));
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn each_failure_doubles_the_wait_up_to_a_quarter_of_an_hour_and_nobody_is_ever_shut_out() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    for _ in 0..5 {
        assert_eq!(office.sign_in("gwanri", "wrong").await.status, 401);
    }
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        let told = office.sign_in("gwanri", PASSWORD).await;
        assert_eq!(told.problem(), refused(429, "too-many-requests"));
        assert_eq!(told.header("retry-after"), Some(wait.to_string().as_str()));
        office
            .clock
            .advance(TimeDelta::seconds(wait) - TimeDelta::milliseconds(1));
        assert_eq!(
            office
                .sign_in("gwanri", PASSWORD)
                .await
                .header("retry-after"),
            Some("1")
        );
        office.clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(office.sign_in("gwanri", "wrong").await.status, 401);
    }
    // Nobody else waits, and neither does he for long.
    assert_eq!(office.sign_in("nobody", "wrong").await.status, 401);
    office.clock.advance(TimeDelta::minutes(15));
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_right_password_and_a_day_without_a_wrong_one_make_up_for_the_wrong_ones_before() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(office.sign_in("gwanri", "wrong").await.status, 401);
        }
        assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);
    }
    for _ in 0..3 {
        for _ in 0..5 {
            assert_eq!(office.sign_in("gwanri", "wrong").await.status, 401);
        }
        assert_eq!(office.sign_in("gwanri", "wrong").await.status, 429);
        office.clock.advance(TimeDelta::hours(25));
    }
}

#[tokio::test]
async fn whoever_guesses_elsewhere_does_not_make_the_owner_wait() {
    let mut config = config().await;
    config.trusted_proxies = 1;
    config.limits.sign_ins_per_login = Rate::new(10, 900);
    let office = Office::with(config).await;
    office.staff("gwanri").await;
    let from = |address: &str, password: &str| {
        sign_in(&office.gateway, "gwanri", password)
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
async fn a_login_and_an_address_have_limits_of_their_own_for_all_gateways_together() {
    let mut of_login = config().await;
    of_login.limits.sign_ins_per_login = Rate::new(3, 900);
    let mut of_address = config().await;
    of_address.limits.sign_ins_per_address = Rate::new(3, 900);
    for (config, other_login_may) in [(of_login, true), (of_address, false)] {
        let office = Office::with(config).await;
        office.staff("gwanri").await;
        let other = office.another().await;
        for gateway in [&office.gateway, &other, &office.gateway] {
            assert_eq!(sign_in(gateway, "gwanri", "wrong").send().await.status, 401);
        }
        let told = sign_in(&other, "gwanri", PASSWORD).send().await;
        assert_eq!(told.problem(), refused(429, "too-many-requests"));
        assert_eq!(told.header("retry-after"), Some("300"));
        assert_eq!(
            office.sign_in("nobody", "wrong").await.status == 401,
            other_login_may
        );
        office.clock.advance(TimeDelta::seconds(300));
        assert_eq!(sign_in(&other, "gwanri", PASSWORD).send().await.status, 200);
    }
}

#[tokio::test]
async fn a_password_that_was_hashed_with_less_is_hashed_anew_as_its_owner_signs_in() {
    let office = Office::open().await;
    let id = office.staff("gwanri").await;
    let less = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(8 * 1024, 1, 1, None).unwrap(),
    );
    let less = less.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    let pool = office.gateway.db.pool();
    sqlx::query("update account set password_hash = $2 where id = $1")
        .bind(id)
        .bind(less)
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(office.sign_in("gwanri", "wrong").await.status, 401);
    let kept = async || -> String {
        sqlx::query_scalar("select password_hash from account where id = $1")
            .bind(id)
            .fetch_one(pool)
            .await
            .unwrap()
    };
    assert!(kept().await.starts_with("$argon2id$v=19$m=8192,t=1,p=1$"));
    for _ in 0..2 {
        assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);
        assert!(kept().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
}

#[tokio::test]
async fn the_session_that_somebody_put_into_a_browser_is_nobodys_after_a_sign_in() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let planted = office.gateway.cookie(&somebody(Role::Customer)).await;
    let answer = sign_in(&office.gateway, "gwanri", PASSWORD)
        .cookie(&planted)
        .send()
        .await;
    let cookie = answer.cookie().unwrap();
    assert_ne!(cookie, planted);
    assert!(!office.is_signed_in(&planted).await && office.is_signed_in(&cookie).await);
}

#[tokio::test]
async fn whoever_knows_his_password_changes_it_and_is_signed_in_nowhere_else_afterwards() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let (here, elsewhere) = (office.cookie("gwanri").await, office.cookie("gwanri").await);
    let change = |cookie: &str, current: &str, password: &str| {
        let body = json!({ "current": current, "password": password });
        office
            .gateway
            .post("/api/auth/password/change")
            .cookie(cookie)
            .json(&body)
            .send()
    };
    let nothing = office
        .gateway
        .post("/api/auth/password/change")
        .cookie(&here)
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(
        wrong_fields(&nothing),
        [
            wrong("/current", "required"),
            wrong("/password", "required")
        ]
    );
    let other = "목요일에는 칼국수를 먹자";
    assert_eq!(
        wrong_fields(&change(&here, "wrong", other).await),
        [wrong("/current", "wrong-password")]
    );
    assert_eq!(
        wrong_fields(&change(&here, PASSWORD, PASSWORD).await),
        [wrong("/password", "the-same")]
    );
    assert_eq!(
        wrong_fields(&change(&here, PASSWORD, "gwanri2026").await)[0].0,
        "/password"
    );
    assert!(office.is_signed_in(&elsewhere).await);

    let done = change(&here, PASSWORD, other).await;
    assert_eq!(done.status, 204, "{done:?}");
    let cookie = done.cookie().unwrap();
    for (cookie, is) in [(&here, false), (&elsewhere, false), (&cookie, true)] {
        assert_eq!(office.is_signed_in(cookie).await, is);
    }
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 401);
    assert_eq!(office.sign_in("gwanri", other).await.status, 200);
}

#[tokio::test]
async fn whoever_sits_at_anothers_page_guesses_his_password_no_more_often_than_at_the_door() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let cookie = office.cookie("gwanri").await;
    let body = json!({ "current": "wrong", "password": "목요일에는 칼국수를 먹자" });
    let guess = || {
        office
            .gateway
            .post("/api/auth/password/change")
            .cookie(&cookie)
            .json(&body)
            .send()
    };
    for _ in 0..5 {
        assert_eq!(guess().await.status, 422);
    }
    assert_eq!(guess().await.problem(), refused(429, "too-many-requests"));
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn only_somebody_with_a_password_changes_one() {
    let office = Office::open().await;
    let body = json!({ "current": PASSWORD, "password": "목요일에는 칼국수를 먹자" });
    let nobody = office
        .gateway
        .post("/api/auth/password/change")
        .json(&body)
        .send()
        .await;
    assert_eq!(nobody.problem(), refused(401, "sign-in-required"));
    // The member of staff has no account here.
    for role in [Role::Customer, Role::Staff] {
        let caller = office.gateway.as_(&somebody(role)).await;
        assert_eq!(
            caller
                .post("/api/auth/password/change")
                .json(&body)
                .send()
                .await
                .problem(),
            refused(403, "not-allowed")
        );
    }
}

#[tokio::test]
async fn a_burst_from_one_address_does_not_use_up_what_others_may_try_at_the_login() {
    let mut config = config().await;
    config.trusted_proxies = 1;
    config.limits.sign_ins_per_login = Rate::new(10, 900);
    let office = Office::with(config).await;
    office.staff("gwanri").await;
    let from = |address: &str, password: &str| {
        sign_in(&office.gateway, "gwanri", password)
            .header("x-forwarded-for", address)
            .send()
    };
    join_all((0..200).map(|_| from("203.0.113.7", "wrong"))).await;
    assert_eq!(from("203.0.113.8", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn what_the_logins_limit_refuses_is_not_charged_to_the_address() {
    let mut config = config().await;
    config.trusted_proxies = 1;
    config.limits.sign_ins_per_login = Rate::new(3, 900);
    let office = Office::with(config).await;
    office.staff("gwanri").await;
    let from = |address: &str, password: &str| {
        sign_in(&office.gateway, "gwanri", password)
            .header("x-forwarded-for", address)
            .send()
    };
    for _ in 0..3 {
        assert_eq!(from("203.0.113.7", "wrong").await.status, 401);
    }
    for _ in 0..10 {
        let told = from("203.0.113.8", PASSWORD).await;
        assert_eq!(
            (told.status.as_u16(), told.header("retry-after")),
            (429, Some("300"))
        );
    }
    office.clock.advance(TimeDelta::seconds(300));
    assert_eq!(from("203.0.113.8", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_new_password_is_judged_only_after_the_guess_at_the_old_one_is_charged() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let cookie = office.cookie("gwanri").await;
    let change = |current: &str| {
        let body = json!({ "current": current, "password": "gwanri2026" });
        office
            .gateway
            .post("/api/auth/password/change")
            .cookie(&cookie)
            .json(&body)
            .send()
    };
    // Whoever knows his password looks for another for as long as he likes.
    for _ in 0..7 {
        let told = wrong_fields(&change(PASSWORD).await);
        assert_eq!((told.len(), told[0].0.as_str()), (1, "/password"));
    }
    for _ in 0..5 {
        let told: Vec<String> = wrong_fields(&change("wrong").await)
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect();
        assert_eq!(told, ["/current", "/password"]);
    }
    assert_eq!(
        change("wrong").await.problem(),
        refused(429, "too-many-requests")
    );
}
