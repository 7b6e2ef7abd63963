//! Accounts: signing in by login and password, and what staff do with accounts. Links are in `invitations`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use axum::http::Method;
use chrono::TimeDelta;
use futures_util::future::join_all;
use gateway::Config;
use gateway::accounts::invite_staff;
use gateway::config::{PublicOrigin, Rate};
use serde_json::{Value, json};
use service_kit::auth::Role;
use service_kit::testing::MockClock;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::fixture::{Answer, Ask, BOUND, Running, config, somebody, start_at};
use crate::stream::Stream;

/// Hard enough to guess.
pub(crate) const PASSWORD: &str = "수요일에는 떡볶이를 먹자";

/// A gateway with a clock that stands still.
pub(crate) struct Office {
    pub(crate) gateway: Running,
    pub(crate) clock: Arc<MockClock>,
    config: Config,
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::with(config().await).await
    }

    pub(crate) async fn with(mut config: Config) -> Self {
        // Passwords are dear on a busy machine.
        config.patience.answer = BOUND;
        let clock = Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()));
        let gateway = start_at(config.clone(), clock.clone()).await;
        Self { gateway, clock, config }
    }

    /// Another gateway on the same database.
    pub(crate) async fn another(&self) -> Running {
        start_at(self.config.clone(), self.clock.clone()).await
    }

    /// What a link holds for a member of staff whose account is made on the command line.
    pub(crate) async fn token_of_staff(&self, login: &str) -> (Uuid, String) {
        let origin: PublicOrigin = "https://kt.gg".parse().unwrap();
        let invited = invite_staff(&self.gateway.db, &origin, login, "이관리").await.unwrap();
        (invited.account_id, invited.link.strip_prefix("https://kt.gg/invitation#").unwrap().to_owned())
    }

    /// A member of staff with [`PASSWORD`].
    pub(crate) async fn staff(&self, login: &str) -> Uuid {
        let (id, token) = self.token_of_staff(login).await;
        let set = self.gateway.post("/api/auth/password").json(&json!({ "token": token, "password": PASSWORD })).send().await;
        assert_eq!(set.status, 204, "{set:?}");
        id
    }

    /// Somebody of whom the salesman service has told.
    pub(crate) async fn person(&self, name: &str, role: Role) -> Uuid {
        let id = Uuid::new_v4();
        sqlx::query("insert into person (id, display_name, role, active, version) values ($1, $2, $3, true, 1)")
            .bind(id)
            .bind(name)
            .bind(role.as_str())
            .execute(self.gateway.db.pool())
            .await
            .unwrap();
        id
    }

    /// A salesman or consultant with [`PASSWORD`]: who he is, and his account.
    pub(crate) async fn colleague(&self, login: &str, role: Role) -> (Uuid, Uuid) {
        let person = self.person("김하늘", role).await;
        let staff = self.gateway.as_(&somebody(Role::Staff)).await;
        let invite = json!({ "salesmanId": person, "login": login });
        let invited = staff.post("/api/accounts/invitations").json(&invite).send().await;
        assert_eq!(invited.status, 201, "{invited:?}");
        let link = invited.json()["link"].as_str().unwrap().to_owned();
        let (_, token) = link.split_once('#').unwrap();
        let set = self.gateway.post("/api/auth/password").json(&json!({ "token": token, "password": PASSWORD })).send().await;
        assert_eq!(set.status, 204, "{set:?}");
        (person, serde_json::from_value(invited.json()["accountId"].clone()).unwrap())
    }

    pub(crate) async fn sign_in(&self, login: &str, password: &str) -> Answer {
        sign_in(&self.gateway, login, password).send().await
    }

    /// The cookie of somebody who has signed in.
    pub(crate) async fn cookie(&self, login: &str) -> String {
        let answer = self.sign_in(login, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.cookie().unwrap()
    }

    /// Whether this cookie is somebody's.
    pub(crate) async fn is_signed_in(&self, cookie: &str) -> bool {
        self.gateway.get("/api/auth/me").cookie(cookie).send().await.json()["signedIn"] == true
    }

    pub(crate) fn change<'a>(&'a self, cookie: &str, id: Uuid, tag: &str, body: &Value) -> Ask<'a> {
        self.gateway.ask(Method::PATCH, &format!("/api/accounts/{id}")).cookie(cookie).header("if-match", tag).json(body)
    }
}

pub(crate) fn sign_in<'a>(gateway: &'a Running, login: &str, password: &str) -> Ask<'a> {
    gateway.post("/api/auth/sign-in").json(&json!({ "login": login, "password": password }))
}

/// The wrong fields that an answer names, with their codes.
pub(crate) fn wrong_fields(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.problem(), (422, "wrong-fields".to_owned()), "{answer:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer.json()["errors"].as_array().unwrap().iter().map(|it| (text(&it["pointer"]), text(&it["code"]))).collect()
}

/// One of them.
pub(crate) fn wrong(pointer: &str, code: &str) -> (String, String) {
    (pointer.to_owned(), code.to_owned())
}

fn refused(status: u16, slug: &str) -> (u16, String) {
    (status, slug.to_owned())
}

#[tokio::test]
async fn whoever_has_set_a_password_signs_in_with_it_and_is_told_who_he_is() {
    let office = Office::open().await;
    let id = office.staff("gwanri").await;
    let answer = office.sign_in(" GwanRi ", PASSWORD).await;
    let said = answer.json();
    assert_eq!((&said["signedIn"], &said["role"], &said["id"]), (&json!(true), &json!("staff"), &json!(id)));
    assert_eq!((&said["name"], &said["login"]), (&json!("이관리"), &json!("gwanri")));
    assert_eq!(said["expiresAt"], "2026-11-23T13:00:00Z");
    let cookie = answer.cookie().unwrap();
    assert_eq!(office.gateway.get("/api/auth/me").cookie(&cookie).send().await.json(), said);
}

#[tokio::test]
async fn a_salesman_and_a_consultant_are_who_the_salesman_service_says_they_are() {
    let office = Office::open().await;
    for (login, role) in [("haneul", Role::Salesman), ("bada", Role::Consultant)] {
        let (person, _) = office.colleague(login, role).await;
        let said = office.sign_in(login, PASSWORD).await.json();
        assert_eq!((&said["role"], &said["id"], &said["name"]), (&json!(role.as_str()), &json!(person), &json!("김하늘")));
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_sign_in_the_answer_is_the_same() {
    let office = Office::open().await;
    let staff = office.staff("gwanri").await;
    office.token_of_staff("invited").await;
    let (person, _) = office.colleague("left", Role::Salesman).await;
    sqlx::query("update person set active = false where id = $1").bind(person).execute(office.gateway.db.pool()).await.unwrap();
    office.staff("closed").await;
    sqlx::query("update account set active = false where login = 'closed'").execute(office.gateway.db.pool()).await.unwrap();
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
        assert_eq!(answer.problem(), refused(401, "wrong-credentials"), "{login}");
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
            assert_eq!(office.sign_in(&format!("{login}{round}"), "목요일에는 칼국수를 먹자").await.status, 401);
            *quickest = begun.elapsed().min(*quickest);
        }
    }
    assert!(quickest.iter().all(|answer| *answer > hashing / 3), "hashing {hashing:?}, known, unknown, not set {quickest:?}");
}

#[tokio::test]
async fn everything_that_is_missing_of_a_sign_in_is_told_at_once() {
    let office = Office::open().await;
    let ask = |body: Value| office.gateway.post("/api/auth/sign-in").json(&body).send();
    let required = [wrong("/login", "required"), wrong("/password", "required")];
    assert_eq!(wrong_fields(&ask(json!({})).await), required);
    assert_eq!(wrong_fields(&ask(json!({ "login": " ", "password": null })).await), required);
    let odd = ask(json!({ "login": "a".repeat(65), "password": 1_234_567_890 })).await;
    assert_eq!(wrong_fields(&odd), [wrong("/login", "too-long"), wrong("/password", "wrong-type")]);
    assert!(!odd.json().to_string().contains("1234567890"));
    let no_json = office.gateway.post("/api/auth/sign-in").header("content-type", "text/plain").body("x").send().await;
    assert_eq!(no_json.problem(), refused(415, "wrong-content-type"));
}

#[tokio::test]
async fn two_hundred_wrong_passwords_at_once_are_judged_no_more_often_than_the_free_ones() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let other = office.another().await;
    let attempts = (0..200).map(|number| {
        let gateway = if number % 2 == 0 { &office.gateway } else { &other };
        sign_in(gateway, "gwanri", &format!("wrong password {number}")).send()
    });
    let (mut judged, mut turned_away) = (0, 0);
    for answer in join_all(attempts).await {
        match answer.problem() {
            (401, slug) if slug == "wrong-credentials" => judged += 1,
            (429, slug) if slug == "too-many-requests" => assert_eq!(answer.header("retry-after"), Some("1")),
            // So many at once may be too many for a busy machine. What is turned away is not judged.
            (503, _) => turned_away += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(judged == 5 || (judged < 5 && turned_away > 0), "{judged} judged, {turned_away} turned away");
    while office.sign_in("gwanri", "wrong").await.status == 401 {
        judged += 1;
    }
    assert!(judged <= 5, "{judged} judged");
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.problem(), refused(429, "too-many-requests"));
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
        office.clock.advance(TimeDelta::seconds(wait) - TimeDelta::milliseconds(1));
        assert_eq!(office.sign_in("gwanri", PASSWORD).await.header("retry-after"), Some("1"));
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
    let from =
        |address: &str, password: &str| sign_in(&office.gateway, "gwanri", password).header("x-forwarded-for", address).send();
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
        assert_eq!(office.sign_in("nobody", "wrong").await.status == 401, other_login_may);
        office.clock.advance(TimeDelta::seconds(300));
        assert_eq!(sign_in(&other, "gwanri", PASSWORD).send().await.status, 200);
    }
}

#[tokio::test]
async fn a_password_that_was_hashed_with_less_is_hashed_anew_as_its_owner_signs_in() {
    let office = Office::open().await;
    let id = office.staff("gwanri").await;
    let less = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
    let less = less.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    let pool = office.gateway.db.pool();
    sqlx::query("update account set password_hash = $2 where id = $1").bind(id).bind(less).execute(pool).await.unwrap();
    assert_eq!(office.sign_in("gwanri", "wrong").await.status, 401);
    let kept = async || -> String {
        sqlx::query_scalar("select password_hash from account where id = $1").bind(id).fetch_one(pool).await.unwrap()
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
    let answer = sign_in(&office.gateway, "gwanri", PASSWORD).cookie(&planted).send().await;
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
        office.gateway.post("/api/auth/password/change").cookie(cookie).json(&body).send()
    };
    let nothing = office.gateway.post("/api/auth/password/change").cookie(&here).json(&json!({})).send().await;
    assert_eq!(wrong_fields(&nothing), [wrong("/current", "required"), wrong("/password", "required")]);
    let other = "목요일에는 칼국수를 먹자";
    assert_eq!(wrong_fields(&change(&here, "wrong", other).await), [wrong("/current", "wrong-password")]);
    assert_eq!(wrong_fields(&change(&here, PASSWORD, PASSWORD).await), [wrong("/password", "the-same")]);
    assert_eq!(wrong_fields(&change(&here, PASSWORD, "gwanri2026").await)[0].0, "/password");
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
    let guess = || office.gateway.post("/api/auth/password/change").cookie(&cookie).json(&body).send();
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
    let nobody = office.gateway.post("/api/auth/password/change").json(&body).send().await;
    assert_eq!(nobody.problem(), refused(401, "sign-in-required"));
    // The member of staff has no account here.
    for role in [Role::Customer, Role::Staff] {
        let caller = office.gateway.as_(&somebody(role)).await;
        assert_eq!(caller.post("/api/auth/password/change").json(&body).send().await.problem(), refused(403, "not-allowed"));
    }
}

#[tokio::test]
async fn accounts_are_for_staff_alone() {
    let office = Office::open().await;
    let id = office.staff("gwanri").await;
    let one = format!("/api/accounts/{id}");
    for (method, path) in [
        (Method::GET, "/api/accounts"),
        (Method::GET, one.as_str()),
        (Method::PATCH, one.as_str()),
        (Method::POST, "/api/accounts/invitations"),
        (Method::GET, "/api/audit"),
    ] {
        let nobody = office.gateway.ask(method.clone(), path).send().await;
        assert_eq!(nobody.problem(), refused(401, "sign-in-required"), "{method} {path}");
        for role in [Role::Customer, Role::Salesman, Role::Consultant] {
            let caller = office.gateway.as_(&somebody(role)).await;
            let answer = caller.ask(method.clone(), path).send().await;
            assert_eq!(answer.problem(), refused(403, "not-allowed"), "{method} {path} {role:?}");
        }
    }
}

#[tokio::test]
async fn staff_read_every_account_page_by_page_newest_first_and_no_hash_of_any() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    assert_eq!(staff.get("/api/accounts").send().await.json(), json!({ "items": [] }));
    let mut ids = Vec::new();
    for number in 0..5 {
        office.clock.advance(TimeDelta::seconds(1));
        ids.push(if number == 3 {
            office.colleague("haneul", Role::Consultant).await.1
        } else {
            office.token_of_staff(&format!("staff{number}")).await.0
        });
    }
    ids.reverse();
    let (mut read, mut after) = (Vec::new(), String::new());
    loop {
        let page = staff.get(&format!("/api/accounts?limit=2{after}")).send().await.json();
        let items = page["items"].as_array().unwrap();
        read.extend(items.iter().map(|item| serde_json::from_value::<Uuid>(item["id"].clone()).unwrap()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
        assert_eq!(items.len(), 2);
    }
    assert_eq!(read, ids);

    let only =
        async |query: &str| staff.get(&format!("/api/accounts?{query}")).send().await.json()["items"].as_array().unwrap().len();
    assert_eq!((only("role=consultant").await, only("role=staff").await, only("role=salesman").await), (1, 4, 0));
    assert_eq!((only("active=true").await, only("active=false").await), (5, 0));
    for query in ["limit=0", "limit=101", "after=x", "role=boss", "active=perhaps"] {
        let answer = staff.get(&format!("/api/accounts?{query}")).send().await;
        assert_eq!(answer.problem(), refused(422, "wrong-query"), "{query}");
    }

    let consultant = staff.get(&format!("/api/accounts/{}", ids[1])).send().await;
    assert_eq!(consultant.header("etag"), Some("\"1\""));
    let said = consultant.json();
    assert_eq!((&said["login"], &said["role"], &said["name"]), (&json!("haneul"), &json!("consultant"), &json!("김하늘")));
    assert_eq!((&said["passwordSet"], &said["invitedUntil"], &said["personActive"]), (&json!(true), &Value::Null, &json!(true)));
    let invited = staff.get(&format!("/api/accounts/{}", ids[0])).send().await.json();
    assert_eq!(
        (&invited["passwordSet"], &invited["signedInAt"], &invited["personId"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    assert_eq!(invited["invitedUntil"], "2026-11-26T01:00:05Z");
    let all = staff.get("/api/accounts").send().await;
    assert!(!String::from_utf8(all.body.to_vec()).unwrap().contains("argon2"));
    let absent = staff.get(&format!("/api/accounts/{}", Uuid::new_v4())).send().await;
    assert_eq!(absent.problem(), refused(404, "not-found"));
    assert_eq!(staff.get("/api/accounts/x").send().await.problem(), refused(404, "not-found"));
}

#[tokio::test]
async fn a_closed_account_lets_nobody_in_and_has_no_session_left_when_it_is_opened_again() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let staff = office.cookie("gwanri").await;
    let (_, account) = office.colleague("haneul", Role::Salesman).await;
    let session = office.cookie("haneul").await;
    assert!(office.is_signed_in(&session).await);

    let closed = office.change(&staff, account, "\"1\"", &json!({ "active": false })).send().await;
    assert_eq!((closed.status.as_u16(), closed.header("etag")), (200, Some("\"2\"")));
    assert_eq!((&closed.json()["active"], &closed.json()["version"]), (&json!(false), &json!(2)));
    assert!(!office.is_signed_in(&session).await);
    assert_eq!(office.gateway.get("/api/interests").cookie(&session).send().await.problem(), refused(401, "sign-in-required"));
    assert_eq!(office.sign_in("haneul", PASSWORD).await.status, 401);

    // A second click changes nothing.
    let again = office.change(&staff, account, "\"2\"", &json!({ "active": false })).send().await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, Some("\"2\"")));
    let opened = office.change(&staff, account, "\"2\"", &json!({ "active": true })).send().await;
    assert_eq!((opened.status.as_u16(), opened.header("etag")), (200, Some("\"3\"")));
    assert!(!office.is_signed_in(&session).await);
    assert_eq!(office.sign_in("haneul", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_change_of_an_account_is_refused_for_every_reason_there_is() {
    let office = Office::open().await;
    let own = office.staff("gwanri").await;
    let staff = office.cookie("gwanri").await;
    let (other, _) = office.token_of_staff("other").await;
    let close = json!({ "active": false });
    let plain = |id: Uuid| office.gateway.ask(Method::PATCH, &format!("/api/accounts/{id}")).cookie(&staff);
    assert_eq!(plain(other).json(&close).send().await.problem(), refused(428, "if-match-required"));
    let stale = office.change(&staff, other, "\"7\"", &close).send().await;
    assert_eq!((stale.problem(), &stale.json()["current"]), (refused(412, "stale-version"), &json!(1)));
    assert_eq!(office.change(&staff, Uuid::new_v4(), "*", &close).send().await.problem(), refused(404, "not-found"));
    assert_eq!(office.change(&staff, own, "*", &close).send().await.problem(), refused(409, "own-account"));
    for (body, code) in [(json!({}), "required"), (json!({ "active": "no" }), "wrong-type")] {
        assert_eq!(wrong_fields(&office.change(&staff, other, "*", &body).send().await), [wrong("/active", code)]);
    }
    assert_eq!(office.change(&staff, other, "*", &close).send().await.status, 200);
    // Somebody who is no account of his own, as in a test, is not the one who is left.
    let nobody = office.gateway.cookie(&somebody(Role::Staff)).await;
    assert_eq!(office.change(&nobody, own, "*", &close).send().await.problem(), refused(409, "last-staff"));
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn of_two_who_close_each_other_at_once_one_stays() {
    for _ in 0..5 {
        let office = Office::open().await;
        let (one, two) = (office.staff("one").await, office.staff("two").await);
        let (as_one, as_two) = (office.cookie("one").await, office.cookie("two").await);
        let close = json!({ "active": false });
        let (first, second) =
            tokio::join!(office.change(&as_one, two, "*", &close).send(), office.change(&as_two, one, "*", &close).send(),);
        let done = [&first, &second].into_iter().filter(|answer| answer.status == 200).count();
        assert_eq!(done, 1, "{first:?} {second:?}");
        let left: i64 =
            sqlx::query_scalar("select count(*) from account where active").fetch_one(office.gateway.db.pool()).await.unwrap();
        assert_eq!(left, 1);
    }
}

#[tokio::test]
async fn the_streams_of_a_closed_account_end_within_two_seconds_whichever_gateway_they_are_at() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let staff = office.cookie("gwanri").await;
    let (_, account) = office.colleague("haneul", Role::Salesman).await;
    let session = office.cookie("haneul").await;
    let other = office.another().await;
    let mut streams = Vec::new();
    for gateway in [&office.gateway, &other] {
        let mut stream = Stream::of(gateway.get("/api/stream").cookie(&session).open().await);
        assert!(stream.block().await.is_some());
        streams.push(stream);
    }
    let mut unharmed = Stream::of(other.get("/api/stream").cookie(&staff).open().await);
    assert!(unharmed.block().await.is_some());

    assert_eq!(office.change(&staff, account, "*", &json!({ "active": false })).send().await.status, 200);
    let ended = async {
        for stream in &mut streams {
            while stream.block().await.is_some() {}
        }
    };
    timeout(Duration::from_secs(2), ended).await.expect("the streams end within two seconds");
    assert!(timeout(Duration::from_millis(100), unharmed.block()).await.is_err(), "somebody else's stream goes on");
}
