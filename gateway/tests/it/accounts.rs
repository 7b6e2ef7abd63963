//! Accounts, as staff list, close and open them. `passwords` tests signing in, `invitations` links.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use chrono::TimeDelta;
use gateway::config::PublicOrigin;
use gateway::{Config, invite_staff};
use serde_json::{Value, json};
use service_kit::auth::Role;
use service_kit::testing::MockClock;
use tokio::time::timeout;
use uuid::Uuid;

use crate::stream_connection::Stream;
use crate::test_gateway::{
    Caller, TEST_TIMEOUT, TestGateway, TestRequest, TestResponse, config, identity, start_at,
    with_timeout,
};

/// A password that is strong enough.
pub(crate) const PASSWORD: &str = "수요일에는 떡볶이를 먹자";

/// A gateway with a mock clock, to which a test adds accounts.
pub(crate) struct AccountFixture {
    pub(crate) gateway: TestGateway,
    pub(crate) clock: Arc<MockClock>,
    config: Config,
}

impl AccountFixture {
    pub(crate) async fn new() -> Self {
        Self::with_config(config().await).await
    }

    pub(crate) async fn with_config(mut config: Config) -> Self {
        // Hashing passwords takes long on a busy machine.
        config.timeouts.response = TEST_TIMEOUT;
        let clock = Arc::new(MockClock::at("2026-11-23T01:00:00Z".parse().unwrap()));
        let gateway = start_at(config.clone(), clock.clone()).await;
        Self {
            gateway,
            clock,
            config,
        }
    }

    /// Another gateway on the same database.
    pub(crate) async fn second_gateway(&self) -> TestGateway {
        start_at(self.config.clone(), self.clock.clone()).await
    }

    /// Invites a member of staff on the command line. Returns the account id and the link's token.
    pub(crate) async fn invite_staff(&self, login: &str) -> (Uuid, String) {
        let origin: PublicOrigin = "https://kt.gg".parse().unwrap();
        let invited = invite_staff(&self.gateway.db, &origin, login, "이관리")
            .await
            .unwrap();
        (
            invited.account_id,
            invited
                .link
                .strip_prefix("https://kt.gg/set-password#")
                .unwrap()
                .to_owned(),
        )
    }

    /// Creates an account of a member of staff with [`PASSWORD`].
    pub(crate) async fn create_staff_account(&self, login: &str) -> Uuid {
        let (id, token) = self.invite_staff(login).await;
        let set = self
            .gateway
            .post("/api/auth/password")
            .json(&json!({ "token": token, "password": PASSWORD }))
            .send()
            .await;
        assert_eq!(set.status, 204, "{set:?}");
        id
    }

    /// Inserts a person, as if the salesman service had published them.
    pub(crate) async fn insert_person(&self, name: &str, role: Role) -> Uuid {
        let id = Uuid::new_v4();
        sqlx::query(
            "insert into person (id, display_name, role, active, version)
             values ($1, $2, $3, true, 1)",
        )
        .bind(id)
        .bind(name)
        .bind(role.as_str())
        .execute(self.gateway.db.pool())
        .await
        .unwrap();
        id
    }

    /// Creates a salesman or consultant with [`PASSWORD`]. Returns the person id and account id.
    pub(crate) async fn create_person_account(&self, login: &str, role: Role) -> (Uuid, Uuid) {
        let person = self.insert_person("김하늘", role).await;
        let staff = self.gateway.caller(&identity(Role::Staff)).await;
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

    /// Signs in and returns the cookie.
    pub(crate) async fn cookie(&self, login: &str) -> String {
        let answer = self.sign_in(login, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.cookie().unwrap()
    }

    pub(crate) async fn is_signed_in(&self, cookie: &str) -> bool {
        self.gateway
            .get("/api/auth/me")
            .cookie(cookie)
            .send()
            .await
            .json()["signedIn"]
            == true
    }

    pub(crate) fn patch_account<'a>(
        &'a self,
        cookie: &str,
        id: Uuid,
        tag: &str,
        body: &Value,
    ) -> TestRequest<'a> {
        self.gateway
            .request(Method::PATCH, &format!("/api/accounts/{id}"))
            .cookie(cookie)
            .header("if-match", tag)
            .json(body)
    }
}

pub(crate) fn sign_in<'a>(
    gateway: &'a TestGateway,
    login: &str,
    password: &str,
) -> TestRequest<'a> {
    gateway
        .post("/api/auth/sign-in")
        .json(&json!({ "login": login, "password": password }))
}

/// The pointers and codes of all fields that the response calls invalid.
pub(crate) fn invalid_fields(answer: &TestResponse) -> Vec<(String, String)> {
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
        .map(|error| (text(&error["pointer"]), text(&error["code"])))
        .collect()
}

/// A pointer and code, as in [`invalid_fields`].
pub(crate) fn field_error(pointer: &str, code: &str) -> (String, String) {
    (pointer.to_owned(), code.to_owned())
}

/// A problem's status and slug.
pub(crate) fn problem(status: u16, slug: &str) -> (u16, String) {
    (status, slug.to_owned())
}

#[tokio::test]
async fn accounts_are_only_accessible_to_staff() {
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    let one = format!("/api/accounts/{id}");
    for (method, path) in [
        (Method::GET, "/api/accounts"),
        (Method::GET, one.as_str()),
        (Method::PATCH, one.as_str()),
        (Method::POST, "/api/accounts/invitations"),
        (Method::GET, "/api/audit"),
    ] {
        let anonymous = fixture.gateway.request(method.clone(), path).send().await;
        assert_eq!(
            anonymous.problem(),
            problem(401, "sign-in-required"),
            "{method} {path}"
        );
        for role in [Role::Customer, Role::Salesman, Role::Consultant] {
            let caller = fixture.gateway.caller(&identity(role)).await;
            let answer = caller.request(method.clone(), path).send().await;
            assert_eq!(
                answer.problem(),
                problem(403, "not-allowed"),
                "{method} {path} {role:?}"
            );
        }
    }
}

/// The ids of all accounts in the order of the list, read in pages of two.
async fn listed_ids(staff: &Caller<'_>) -> Vec<Uuid> {
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = staff
            .get(&format!("/api/accounts?limit=2{after}"))
            .send()
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        ids.extend(
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
    ids
}

#[tokio::test]
async fn account_list_is_paged_newest_first_without_password_hashes() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    assert_eq!(
        staff.get("/api/accounts").send().await.json(),
        json!({ "items": [] })
    );
    let mut ids = Vec::new();
    for number in 0..5 {
        fixture.clock.advance(TimeDelta::seconds(1));
        ids.push(if number == 3 {
            fixture
                .create_person_account("haneul", Role::Consultant)
                .await
                .1
        } else {
            fixture.invite_staff(&format!("staff{number}")).await.0
        });
    }
    ids.reverse();
    assert_eq!(listed_ids(&staff).await, ids);

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
    assert_eq!(only("limit=&after=&role=&active=").await, 5);
    for query in [
        "limit=0",
        "limit=&limit=5",
        "limit=101",
        "after=x",
        "role=boss",
        "active=perhaps",
    ] {
        let answer = staff.get(&format!("/api/accounts?{query}")).send().await;
        assert_eq!(answer.problem(), problem(422, "wrong-query"), "{query}");
    }

    let consultant = staff.get(&format!("/api/accounts/{}", ids[1])).send().await;
    assert_eq!(consultant.header("etag"), Some("\"1\""));
    let body = consultant.json();
    assert_eq!(
        (&body["login"], &body["role"], &body["name"]),
        (&json!("haneul"), &json!("consultant"), &json!("김하늘"))
    );
    assert_eq!(
        (
            &body["passwordSet"],
            &body["invitedUntil"],
            &body["personActive"]
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
    assert_eq!(absent.problem(), problem(404, "not-found"));
    assert_eq!(
        staff.get("/api/accounts/x").send().await.problem(),
        problem(404, "not-found")
    );
}

#[tokio::test]
async fn closing_an_account_ends_its_sessions_permanently() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let staff = fixture.cookie("gwanri").await;
    let (_, account) = fixture
        .create_person_account("haneul", Role::Salesman)
        .await;
    let session = fixture.cookie("haneul").await;
    assert!(fixture.is_signed_in(&session).await);

    let closed = fixture
        .patch_account(&staff, account, "\"1\"", &json!({ "active": false }))
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
    assert!(!fixture.is_signed_in(&session).await);
    assert_eq!(
        fixture
            .gateway
            .get("/api/interests")
            .cookie(&session)
            .send()
            .await
            .problem(),
        problem(401, "sign-in-required")
    );
    assert_eq!(fixture.sign_in("haneul", PASSWORD).await.status, 401);

    // Closing it again changes nothing.
    let again = fixture
        .patch_account(&staff, account, "\"2\"", &json!({ "active": false }))
        .send()
        .await;
    assert_eq!(
        (again.status.as_u16(), again.header("etag")),
        (200, Some("\"2\""))
    );
    let opened = fixture
        .patch_account(&staff, account, "\"2\"", &json!({ "active": true }))
        .send()
        .await;
    assert_eq!(
        (opened.status.as_u16(), opened.header("etag")),
        (200, Some("\"3\""))
    );
    assert!(!fixture.is_signed_in(&session).await);
    assert_eq!(fixture.sign_in("haneul", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn invalid_account_changes_are_refused() {
    let fixture = AccountFixture::new().await;
    let own = fixture.create_staff_account("gwanri").await;
    let staff = fixture.cookie("gwanri").await;
    let (other, _) = fixture.invite_staff("other").await;
    let close = json!({ "active": false });
    let without_tag = |id: Uuid| {
        fixture
            .gateway
            .request(Method::PATCH, &format!("/api/accounts/{id}"))
            .cookie(&staff)
    };
    assert_eq!(
        without_tag(other).json(&close).send().await.problem(),
        problem(428, "if-match-required")
    );
    let stale = fixture
        .patch_account(&staff, other, "\"7\"", &close)
        .send()
        .await;
    assert_eq!(
        (stale.problem(), &stale.json()["current"]),
        (problem(412, "stale-version"), &json!(1))
    );
    assert_eq!(
        fixture
            .patch_account(&staff, Uuid::new_v4(), "*", &close)
            .send()
            .await
            .problem(),
        problem(404, "not-found")
    );
    assert_eq!(
        fixture
            .patch_account(&staff, own, "*", &close)
            .send()
            .await
            .problem(),
        problem(409, "own-account")
    );
    for (body, code) in [
        (json!({}), "required"),
        (json!({ "active": "no" }), "wrong-type"),
    ] {
        assert_eq!(
            invalid_fields(
                &fixture
                    .patch_account(&staff, other, "*", &body)
                    .send()
                    .await
            ),
            [field_error("/active", code)]
        );
    }
    assert_eq!(
        fixture
            .patch_account(&staff, other, "*", &close)
            .send()
            .await
            .status,
        200
    );
    // This session has no account, so that `own` is the last active account of staff.
    let without_account = fixture.gateway.cookie(&identity(Role::Staff)).await;
    assert_eq!(
        fixture
            .patch_account(&without_account, own, "*", &close)
            .send()
            .await
            .problem(),
        problem(409, "last-staff")
    );
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn two_staff_closing_each_other_concurrently_leaves_one_open() {
    for _ in 0..5 {
        let fixture = AccountFixture::new().await;
        let (one, two) = (
            fixture.create_staff_account("one").await,
            fixture.create_staff_account("two").await,
        );
        let (as_one, as_two) = (fixture.cookie("one").await, fixture.cookie("two").await);
        let close = json!({ "active": false });
        let (first, second) = tokio::join!(
            fixture.patch_account(&as_one, two, "*", &close).send(),
            fixture.patch_account(&as_two, one, "*", &close).send(),
        );
        let done = [&first, &second]
            .into_iter()
            .filter(|answer| answer.status == 200)
            .count();
        assert_eq!(done, 1, "{first:?} {second:?}");
        let left: i64 = sqlx::query_scalar("select count(*) from account where active")
            .fetch_one(fixture.gateway.db.pool())
            .await
            .unwrap();
        assert_eq!(left, 1);
    }
}

#[tokio::test]
async fn closing_an_account_ends_its_streams_on_every_gateway() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let staff = fixture.cookie("gwanri").await;
    let (_, account) = fixture
        .create_person_account("haneul", Role::Salesman)
        .await;
    let session = fixture.cookie("haneul").await;
    let second = fixture.second_gateway().await;
    let mut streams = Vec::new();
    for gateway in [&fixture.gateway, &second] {
        let mut stream = Stream::new(gateway.get("/api/stream").cookie(&session).open().await);
        assert!(stream.block().await.is_some());
        streams.push(stream);
    }
    let mut other_stream = Stream::new(second.get("/api/stream").cookie(&staff).open().await);
    assert!(other_stream.block().await.is_some());

    assert_eq!(
        fixture
            .patch_account(&staff, account, "*", &json!({ "active": false }))
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
        timeout(Duration::from_millis(100), other_stream.block())
            .await
            .is_err(),
        "the stream of another account continues"
    );
}

#[tokio::test]
async fn staff_closed_while_waiting_for_a_lock_cannot_close_others() {
    let fixture = AccountFixture::new().await;
    let (one, _) = (
        fixture.create_staff_account("one").await,
        fixture.create_staff_account("two").await,
    );
    let (three, _) = fixture.invite_staff("three").await;
    let as_one = fixture.cookie("one").await;
    let mut tx = fixture.gateway.db.begin().await.unwrap();
    sqlx::query("update account set active = false where id = $1")
        .bind(one)
        .execute(&mut *tx)
        .await
        .unwrap();
    let closing = fixture
        .patch_account(&as_one, three, "*", &json!({ "active": false }))
        .send();
    let closed = async {
        let waits = async || {
            let sql = "select exists (select from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock')";
            sqlx::query_scalar::<_, bool>(sql)
                .fetch_one(fixture.gateway.db.pool())
                .await
                .unwrap()
        };
        with_timeout("the change waits for the lock", async {
            while !waits().await {}
        })
        .await;
        tx.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(closing, closed);
    assert_eq!(answer.problem(), problem(401, "sign-in-required"));
    let active: bool = sqlx::query_scalar("select active from account where id = $1")
        .bind(three)
        .fetch_one(fixture.gateway.db.pool())
        .await
        .unwrap();
    assert!(active);
}
