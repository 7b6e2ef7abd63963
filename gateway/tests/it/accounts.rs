//! What staff do with accounts. Signing in is in `passwords`, links are in `invitations`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use chrono::TimeDelta;
use gateway::Config;
use gateway::api::accounts::invite_staff;
use gateway::config::PublicOrigin;
use serde_json::{Value, json};
use service_kit::auth::Role;
use service_kit::testing::MockClock;
use tokio::time::timeout;
use uuid::Uuid;

use crate::fixture::{Ask, BOUND, Running, TestResponse, config, in_time, somebody, start_at};
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
        Self {
            gateway,
            clock,
            config,
        }
    }

    /// Another gateway on the same database.
    pub(crate) async fn another(&self) -> Running {
        start_at(self.config.clone(), self.clock.clone()).await
    }

    /// What a link holds for a member of staff whose account is made on the command line.
    pub(crate) async fn token_of_staff(&self, login: &str) -> (Uuid, String) {
        let origin: PublicOrigin = "https://kt.gg".parse().unwrap();
        let invited = invite_staff(&self.gateway.db, &origin, login, "이관리")
            .await
            .unwrap();
        (
            invited.account_id,
            invited
                .link
                .strip_prefix("https://kt.gg/invitation#")
                .unwrap()
                .to_owned(),
        )
    }

    /// A member of staff with [`PASSWORD`].
    pub(crate) async fn staff(&self, login: &str) -> Uuid {
        let (id, token) = self.token_of_staff(login).await;
        let set = self
            .gateway
            .post("/api/auth/password")
            .json(&json!({ "token": token, "password": PASSWORD }))
            .send()
            .await;
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
        let invited = staff
            .post("/api/accounts/invitations")
            .json(&invite)
            .send()
            .await;
        assert_eq!(invited.status, 201, "{invited:?}");
        let link = invited.json()["link"].as_str().unwrap().to_owned();
        let (_, token) = link.split_once('#').unwrap();
        let set = self
            .gateway
            .post("/api/auth/password")
            .json(&json!({ "token": token, "password": PASSWORD }))
            .send()
            .await;
        assert_eq!(set.status, 204, "{set:?}");
        (
            person,
            serde_json::from_value(invited.json()["accountId"].clone()).unwrap(),
        )
    }

    pub(crate) async fn sign_in(&self, login: &str, password: &str) -> TestResponse {
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
        self.gateway
            .get("/api/auth/me")
            .cookie(cookie)
            .send()
            .await
            .json()["signedIn"]
            == true
    }

    pub(crate) fn change<'a>(&'a self, cookie: &str, id: Uuid, tag: &str, body: &Value) -> Ask<'a> {
        self.gateway
            .ask(Method::PATCH, &format!("/api/accounts/{id}"))
            .cookie(cookie)
            .header("if-match", tag)
            .json(body)
    }
}

pub(crate) fn sign_in<'a>(gateway: &'a Running, login: &str, password: &str) -> Ask<'a> {
    gateway
        .post("/api/auth/sign-in")
        .json(&json!({ "login": login, "password": password }))
}

/// The wrong fields that an answer names, with their codes.
pub(crate) fn wrong_fields(answer: &TestResponse) -> Vec<(String, String)> {
    assert_eq!(
        answer.problem(),
        (422, "wrong-fields".to_owned()),
        "{answer:?}"
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(&it["pointer"]), text(&it["code"])))
        .collect()
}

/// One of them.
pub(crate) fn wrong(pointer: &str, code: &str) -> (String, String) {
    (pointer.to_owned(), code.to_owned())
}

/// A problem's status and slug.
pub(crate) fn refused(status: u16, slug: &str) -> (u16, String) {
    (status, slug.to_owned())
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
        assert_eq!(
            nobody.problem(),
            refused(401, "sign-in-required"),
            "{method} {path}"
        );
        for role in [Role::Customer, Role::Salesman, Role::Consultant] {
            let caller = office.gateway.as_(&somebody(role)).await;
            let answer = caller.ask(method.clone(), path).send().await;
            assert_eq!(
                answer.problem(),
                refused(403, "not-allowed"),
                "{method} {path} {role:?}"
            );
        }
    }
}

#[tokio::test]
async fn staff_read_every_account_page_by_page_newest_first_and_no_hash_of_any() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    assert_eq!(
        staff.get("/api/accounts").send().await.json(),
        json!({ "items": [] })
    );
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
        let page = staff
            .get(&format!("/api/accounts?limit=2{after}"))
            .send()
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        read.extend(
            items
                .iter()
                .map(|item| serde_json::from_value::<Uuid>(item["id"].clone()).unwrap()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
        assert_eq!(items.len(), 2);
    }
    assert_eq!(read, ids);

    let only = async |query: &str| {
        staff
            .get(&format!("/api/accounts?{query}"))
            .send()
            .await
            .json()["items"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (
            only("role=consultant").await,
            only("role=staff").await,
            only("role=salesman").await
        ),
        (1, 4, 0)
    );
    assert_eq!(
        (only("active=true").await, only("active=false").await),
        (5, 0)
    );
    for query in [
        "limit=0",
        "limit=101",
        "after=x",
        "role=boss",
        "active=perhaps",
    ] {
        let answer = staff.get(&format!("/api/accounts?{query}")).send().await;
        assert_eq!(answer.problem(), refused(422, "wrong-query"), "{query}");
    }

    let consultant = staff.get(&format!("/api/accounts/{}", ids[1])).send().await;
    assert_eq!(consultant.header("etag"), Some("\"1\""));
    let said = consultant.json();
    assert_eq!(
        (&said["login"], &said["role"], &said["name"]),
        (&json!("haneul"), &json!("consultant"), &json!("김하늘"))
    );
    assert_eq!(
        (
            &said["passwordSet"],
            &said["invitedUntil"],
            &said["personActive"]
        ),
        (&json!(true), &Value::Null, &json!(true))
    );
    let invited = staff
        .get(&format!("/api/accounts/{}", ids[0]))
        .send()
        .await
        .json();
    assert_eq!(
        (
            &invited["passwordSet"],
            &invited["signedInAt"],
            &invited["personId"]
        ),
        (&json!(false), &Value::Null, &Value::Null)
    );
    assert_eq!(invited["invitedUntil"], "2026-11-26T01:00:05Z");
    let all = staff.get("/api/accounts").send().await;
    assert!(
        !String::from_utf8(all.body.to_vec())
            .unwrap()
            .contains("argon2")
    );
    let absent = staff
        .get(&format!("/api/accounts/{}", Uuid::new_v4()))
        .send()
        .await;
    assert_eq!(absent.problem(), refused(404, "not-found"));
    assert_eq!(
        staff.get("/api/accounts/x").send().await.problem(),
        refused(404, "not-found")
    );
}

#[tokio::test]
async fn a_closed_account_lets_nobody_in_and_has_no_session_left_when_it_is_opened_again() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let staff = office.cookie("gwanri").await;
    let (_, account) = office.colleague("haneul", Role::Salesman).await;
    let session = office.cookie("haneul").await;
    assert!(office.is_signed_in(&session).await);

    let closed = office
        .change(&staff, account, "\"1\"", &json!({ "active": false }))
        .send()
        .await;
    assert_eq!(
        (closed.status.as_u16(), closed.header("etag")),
        (200, Some("\"2\""))
    );
    assert_eq!(
        (&closed.json()["active"], &closed.json()["version"]),
        (&json!(false), &json!(2))
    );
    assert!(!office.is_signed_in(&session).await);
    assert_eq!(
        office
            .gateway
            .get("/api/interests")
            .cookie(&session)
            .send()
            .await
            .problem(),
        refused(401, "sign-in-required")
    );
    assert_eq!(office.sign_in("haneul", PASSWORD).await.status, 401);

    // A second click changes nothing.
    let again = office
        .change(&staff, account, "\"2\"", &json!({ "active": false }))
        .send()
        .await;
    assert_eq!(
        (again.status.as_u16(), again.header("etag")),
        (200, Some("\"2\""))
    );
    let opened = office
        .change(&staff, account, "\"2\"", &json!({ "active": true }))
        .send()
        .await;
    assert_eq!(
        (opened.status.as_u16(), opened.header("etag")),
        (200, Some("\"3\""))
    );
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
    let plain = |id: Uuid| {
        office
            .gateway
            .ask(Method::PATCH, &format!("/api/accounts/{id}"))
            .cookie(&staff)
    };
    assert_eq!(
        plain(other).json(&close).send().await.problem(),
        refused(428, "if-match-required")
    );
    let stale = office.change(&staff, other, "\"7\"", &close).send().await;
    assert_eq!(
        (stale.problem(), &stale.json()["current"]),
        (refused(412, "stale-version"), &json!(1))
    );
    assert_eq!(
        office
            .change(&staff, Uuid::new_v4(), "*", &close)
            .send()
            .await
            .problem(),
        refused(404, "not-found")
    );
    assert_eq!(
        office
            .change(&staff, own, "*", &close)
            .send()
            .await
            .problem(),
        refused(409, "own-account")
    );
    for (body, code) in [
        (json!({}), "required"),
        (json!({ "active": "no" }), "wrong-type"),
    ] {
        assert_eq!(
            wrong_fields(&office.change(&staff, other, "*", &body).send().await),
            [wrong("/active", code)]
        );
    }
    assert_eq!(
        office
            .change(&staff, other, "*", &close)
            .send()
            .await
            .status,
        200
    );
    // Somebody who is no account of his own, as in a test, is not the one who is left.
    let nobody = office.gateway.cookie(&somebody(Role::Staff)).await;
    assert_eq!(
        office
            .change(&nobody, own, "*", &close)
            .send()
            .await
            .problem(),
        refused(409, "last-staff")
    );
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn of_two_who_close_each_other_at_once_one_stays() {
    for _ in 0..5 {
        let office = Office::open().await;
        let (one, two) = (office.staff("one").await, office.staff("two").await);
        let (as_one, as_two) = (office.cookie("one").await, office.cookie("two").await);
        let close = json!({ "active": false });
        let (first, second) = tokio::join!(
            office.change(&as_one, two, "*", &close).send(),
            office.change(&as_two, one, "*", &close).send(),
        );
        let done = [&first, &second]
            .into_iter()
            .filter(|answer| answer.status == 200)
            .count();
        assert_eq!(done, 1, "{first:?} {second:?}");
        let left: i64 = sqlx::query_scalar("select count(*) from account where active")
            .fetch_one(office.gateway.db.pool())
            .await
            .unwrap();
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

    assert_eq!(
        office
            .change(&staff, account, "*", &json!({ "active": false }))
            .send()
            .await
            .status,
        200
    );
    let ended = async {
        for stream in &mut streams {
            while stream.block().await.is_some() {}
        }
    };
    timeout(Duration::from_secs(2), ended)
        .await
        .expect("the streams end within two seconds");
    assert!(
        timeout(Duration::from_millis(100), unharmed.block())
            .await
            .is_err(),
        "somebody else's stream goes on"
    );
}

#[tokio::test]
async fn whoever_is_closed_while_he_waits_closes_nobody() {
    let office = Office::open().await;
    let (one, _) = (office.staff("one").await, office.staff("two").await);
    let (three, _) = office.token_of_staff("three").await;
    let as_one = office.cookie("one").await;
    let mut tx = office.gateway.db.begin().await.unwrap();
    sqlx::query("update account set active = false where id = $1")
        .bind(one)
        .execute(&mut *tx)
        .await
        .unwrap();
    let closing = office
        .change(&as_one, three, "*", &json!({ "active": false }))
        .send();
    let closed = async {
        let waits = async || {
            let sql = "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
            sqlx::query_scalar::<_, bool>(sql)
                .fetch_one(office.gateway.db.pool())
                .await
                .unwrap()
        };
        in_time("he waits", async { while !waits().await {} }).await;
        tx.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(closing, closed);
    assert_eq!(answer.problem(), refused(401, "sign-in-required"));
    let active: bool = sqlx::query_scalar("select active from account where id = $1")
        .bind(three)
        .fetch_one(office.gateway.db.pool())
        .await
        .unwrap();
    assert!(active);
}
