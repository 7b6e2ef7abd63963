//! Invitations: links with which staff, salesmen and consultants set a password.

use axum::http::Method;
use chrono::TimeDelta;
use gateway::config::PublicOrigin;
use gateway::invite_staff;
use serde_json::{Value, json};
use service_kit::auth::Role;
use service_kit::testing::{INVISIBLE, as_pasted};
use uuid::Uuid;

use crate::accounts::{AccountFixture, PASSWORD, field_error, invalid_fields};
use crate::test_gateway::{Caller, ORIGIN, TestResponse, identity, with_timeout};

async fn invite(staff: &Caller<'_>, body: Value) -> TestResponse {
    staff
        .post("/api/accounts/invitations")
        .json(&body)
        .send()
        .await
}

/// The token in the link of an invitation.
fn token(invited: &TestResponse) -> String {
    assert_eq!(invited.status, 201, "{invited:?}");
    let link = invited.json()["link"].as_str().unwrap().to_owned();
    link.strip_prefix(&format!("{ORIGIN}/set-password#"))
        .unwrap()
        .to_owned()
}

async fn set(fixture: &AccountFixture, token: &str, password: &str) -> TestResponse {
    fixture
        .gateway
        .post("/api/auth/password")
        .json(&json!({ "token": token, "password": password }))
        .send()
        .await
}

fn wrong_link() -> (u16, String) {
    (422, "wrong-link".to_owned())
}

#[tokio::test]
async fn invited_salesman_sets_a_password_and_signs_in() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let person = fixture.insert_person("김하늘", Role::Salesman).await;
    let invited = invite(
        &staff,
        json!({ "salesmanId": person, "login": " Haneul.Kim@kt.gg " }),
    )
    .await;
    let token = token(&invited);
    assert_eq!(invited.json()["expiresAt"], "2026-11-26T01:00:00Z");
    assert_eq!(invited.header("cache-control"), Some("no-store"));
    assert_eq!(
        fixture.sign_in("haneul.kim@kt.gg", PASSWORD).await.status,
        401
    );
    let done = set(&fixture, &token, PASSWORD).await;
    assert_eq!(
        (done.status.as_u16(), done.body.len(), done.cookie()),
        (204, 0, None)
    );
    let body = fixture.sign_in("haneul.kim@kt.gg", PASSWORD).await.json();
    assert_eq!(
        (&body["role"], &body["id"]),
        (&json!("salesman"), &json!(person))
    );
}

#[tokio::test]
async fn staff_invite_a_member_of_staff_by_name() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let invited = invite(
        &staff,
        json!({ "role": "staff", "name": " 박관리 ", "login": "bak" }),
    )
    .await;
    assert_eq!(set(&fixture, &token(&invited), PASSWORD).await.status, 204);
    let body = fixture.sign_in("bak", PASSWORD).await.json();
    assert_eq!(
        (&body["role"], &body["id"], &body["name"]),
        (
            &json!("staff"),
            &invited.json()["accountId"],
            &json!("박관리")
        )
    );
}

#[tokio::test]
async fn first_staff_account_is_invited_on_the_command_line() {
    let fixture = AccountFixture::new().await;
    let (id, first) = fixture.invite_staff("gwanri").await;
    let (same_id, second) = fixture.invite_staff("gwanri").await;
    assert_eq!(id, same_id);
    assert_eq!(
        set(&fixture, &first, PASSWORD).await.problem(),
        wrong_link()
    );
    assert_eq!(set(&fixture, &second, PASSWORD).await.status, 204);
    fixture
        .create_person_account("haneul", Role::Salesman)
        .await;
    sqlx::query("update account set active = false where login = 'gwanri'")
        .execute(fixture.gateway.db.pool())
        .await
        .unwrap();
    let origin: PublicOrigin = "https://kt.gg".parse().unwrap();
    for (login, name, reason) in [
        ("haneul", "이관리", "belongs to another account"),
        ("gwanri", "이관리", "The account is closed"),
        ("x", "이관리", "invalid login \"x\""),
        ("관리자", "이관리", "invalid login"),
        ("other", " ", "a name has 1 to 100 characters"),
        ("other", INVISIBLE, "a name has 1 to 100 characters"),
        ("other", "a\u{7}b", "a name has no control characters"),
    ] {
        let refused = invite_staff(&fixture.gateway.db, &origin, login, name)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn link_is_accepted_once() {
    let fixture = AccountFixture::new().await;
    let (_, token) = fixture.invite_staff("gwanri").await;
    assert_eq!(set(&fixture, &token, PASSWORD).await.status, 204);
    assert_eq!(
        set(&fixture, &token, "목요일에는 칼국수를 먹자")
            .await
            .problem(),
        wrong_link()
    );
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 200);

    let (_, token) = fixture.invite_staff("gwanri").await;
    let (one, two) = tokio::join!(
        set(&fixture, &token, PASSWORD),
        set(&fixture, &token, "목요일에는 칼국수를 먹자")
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422]);
}

#[tokio::test]
async fn link_expires_after_three_days() {
    let fixture = AccountFixture::new().await;
    let (_, token) = fixture.invite_staff("gwanri").await;
    fixture
        .clock
        .advance(TimeDelta::hours(72) - TimeDelta::milliseconds(1));
    assert_eq!(
        invalid_fields(&set(&fixture, &token, "short").await),
        [field_error("/password", "too-short")]
    );
    fixture.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(
        set(&fixture, &token, PASSWORD).await.problem(),
        wrong_link()
    );
}

#[tokio::test]
async fn repeated_invitation_replaces_the_previous_link() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let person = fixture.insert_person("김하늘", Role::Salesman).await;
    let body = json!({ "salesmanId": person, "login": "haneul" });
    let (one, two) = tokio::join!(invite(&staff, body.clone()), invite(&staff, body.clone()));
    assert_eq!(one.json()["accountId"], two.json()["accountId"]);
    let third = invite(&staff, body).await;
    assert_eq!(third.json()["accountId"], one.json()["accountId"]);
    for void in [token(&one), token(&two)] {
        assert_eq!(set(&fixture, &void, PASSWORD).await.problem(), wrong_link());
    }
    assert_eq!(set(&fixture, &token(&third), PASSWORD).await.status, 204);
    let accounts: i64 = sqlx::query_scalar("select count(*) from account")
        .fetch_one(fixture.gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(accounts, 1);
}

#[tokio::test]
async fn setting_a_new_password_by_link_ends_all_sessions() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let session = fixture.cookie("gwanri").await;
    let (_, token) = fixture.invite_staff("gwanri").await;
    // The link alone changes nothing.
    assert!(fixture.is_signed_in(&session).await);
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 200);
    assert_eq!(
        set(&fixture, &token, "목요일에는 칼국수를 먹자")
            .await
            .status,
        204
    );
    assert!(!fixture.is_signed_in(&session).await);
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 401);
    assert_eq!(
        fixture
            .sign_in("gwanri", "목요일에는 칼국수를 먹자")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn closing_an_account_voids_its_link_and_prevents_new_ones() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    fixture.create_staff_account("other").await;
    let person = fixture.insert_person("김하늘", Role::Salesman).await;
    let body = json!({ "salesmanId": person, "login": "haneul" });
    let invited = invite(&staff, body.clone()).await;
    let id: Uuid = serde_json::from_value(invited.json()["accountId"].clone()).unwrap();
    let change = |active: bool| {
        fixture
            .patch_account(&staff.cookie, id, "*", &json!({ "active": active }))
            .send()
    };
    assert_eq!(change(false).await.status, 200);
    assert_eq!(
        set(&fixture, &token(&invited), PASSWORD).await.problem(),
        wrong_link()
    );
    assert_eq!(
        invite(&staff, body.clone()).await.problem(),
        (409, "account-closed".to_owned())
    );
    assert_eq!(change(true).await.status, 200);
    assert_eq!(
        set(&fixture, &token(&invited), PASSWORD).await.problem(),
        wrong_link()
    );
    assert_eq!(
        set(&fixture, &token(&invite(&staff, body).await), PASSWORD)
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn weak_password_is_refused_with_a_reason_and_keeps_the_link() {
    let fixture = AccountFixture::new().await;
    let (_, token) = fixture.invite_staff("haneul.kim").await;
    for (password, code) in [
        ("xK9#mQ2!v", "too-short"),
        ("qwertyuiop", "common"),
        ("aaaaaaaaaaaa", "repeats"),
        (&"xK9#mQ2!vZ7@".repeat(11), "too-long"),
    ] {
        assert_eq!(
            invalid_fields(&set(&fixture, &token, password).await),
            [field_error("/password", code)]
        );
    }
    assert_eq!(
        invalid_fields(&set(&fixture, &token, "haneul.kim").await)[0].0,
        "/password"
    );
    assert_eq!(set(&fixture, &token, PASSWORD).await.status, 204);
}

#[tokio::test]
async fn unknown_links_and_missing_fields_are_refused() {
    let fixture = AccountFixture::new().await;
    for token in [
        "x",
        "correct horse battery staple",
        &"A".repeat(43),
        "' or 1=1 --",
    ] {
        assert_eq!(
            set(&fixture, token, PASSWORD).await.problem(),
            wrong_link(),
            "{token}"
        );
    }
    let request = |body: Value| {
        fixture
            .gateway
            .post("/api/auth/password")
            .json(&body)
            .send()
    };
    let required = [
        field_error("/token", "required"),
        field_error("/password", "required"),
    ];
    assert_eq!(invalid_fields(&request(json!({})).await), required);
    let invalid = request(json!({ "token": "A".repeat(101), "password": 7 })).await;
    assert_eq!(
        invalid_fields(&invalid),
        [
            field_error("/token", "too-long"),
            field_error("/password", "wrong-type")
        ]
    );
}

#[tokio::test]
async fn links_and_passwords_are_stored_only_as_hashes() {
    let fixture = AccountFixture::new().await;
    let (_, token) = fixture.invite_staff("gwanri").await;
    let pool = fixture.gateway.db.pool();
    let rows: Vec<String> = sqlx::query_scalar("select invitation::text from invitation")
        .fetch_all(pool)
        .await
        .unwrap();
    assert!(rows.len() == 1 && !rows[0].contains(&token), "{rows:?}");
    assert_eq!(set(&fixture, &token, PASSWORD).await.status, 204);
    let rows: Vec<String> = sqlx::query_scalar("select account::text from account")
        .fetch_all(pool)
        .await
        .unwrap();
    assert!(
        rows.len() == 1 && rows[0].contains("$argon2id$") && !rows[0].contains(PASSWORD),
        "{rows:?}"
    );
}

#[tokio::test]
async fn invitation_waits_for_a_person_who_was_just_registered() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let id = Uuid::new_v4();
    // The row is committed while the invitation waits for it.
    let mut tx = fixture.gateway.db.begin().await.unwrap();
    sqlx::query(
        "insert into person (id, display_name, role, active, version)
         values ($1, '김하늘', 'consultant', true, 1)",
    )
    .bind(id)
    .execute(&mut *tx)
    .await
    .unwrap();
    let inviting = invite(&staff, json!({ "salesmanId": id, "login": "haneul" }));
    let registering = async {
        // The gateway has queried the person without finding them.
        let sql = "select exists (select from pg_stat_activity
            where datname = current_database() and state = 'idle'
            and query like 'select id, display_name, role, active, version from person where id%')";
        let has_queried = async || {
            sqlx::query_scalar::<_, bool>(sql)
                .fetch_one(fixture.gateway.db.pool())
                .await
                .unwrap()
        };
        with_timeout("the person is queried", async {
            while !has_queried().await {}
        })
        .await;
        tx.commit().await.unwrap();
    };
    let (invited, ()) = tokio::join!(inviting, registering);
    assert_eq!(set(&fixture, &token(&invited), PASSWORD).await.status, 204);
}

/// Invalid bodies with their field errors, for an active and an inactive person.
fn invalid_invitations(id: Uuid, inactive: Uuid) -> Vec<(Value, Vec<(String, String)>)> {
    vec![
        (
            json!({}),
            vec![
                field_error("/login", "required"),
                field_error("/salesmanId", "required"),
            ],
        ),
        (
            json!({ "login": "ab", "salesmanId": id }),
            vec![field_error("/login", "no-login")],
        ),
        (
            json!({ "login": "하늘하늘", "salesmanId": id }),
            vec![field_error("/login", "no-login")],
        ),
        (
            json!({ "login": "-haneul", "salesmanId": id }),
            vec![field_error("/login", "no-login")],
        ),
        (
            json!({ "login": "ha neul", "salesmanId": id }),
            vec![field_error("/login", "no-login")],
        ),
        (
            json!({ "login": "a".repeat(65), "salesmanId": id }),
            vec![field_error("/login", "too-long")],
        ),
        (
            json!({ "login": "haneul", "salesmanId": "x" }),
            vec![field_error("/salesmanId", "wrong-type")],
        ),
        (
            json!({ "login": "haneul", "salesmanId": id, "role": "salesman" }),
            vec![field_error("/role", "not-invited-so")],
        ),
        (
            json!({ "login": "haneul", "role": "customer" }),
            vec![field_error("/role", "not-invited-so")],
        ),
        (
            json!({ "login": "haneul", "role": "boss", "salesmanId": id }),
            vec![field_error("/role", "wrong-type")],
        ),
        (
            json!({ "login": "haneul", "role": "staff" }),
            vec![field_error("/name", "required")],
        ),
        (
            json!({ "login": "x", "role": "staff", "salesmanId": id, "name": "가".repeat(101) }),
            vec![
                field_error("/login", "no-login"),
                field_error("/salesmanId", "not-of-staff"),
                field_error("/name", "too-long"),
            ],
        ),
        (
            json!({ "login": "haneul", "salesmanId": inactive }),
            vec![field_error("/salesmanId", "inactive")],
        ),
        (
            json!({ "login": "haneul", "salesmanId": Uuid::new_v4() }),
            vec![field_error("/salesmanId", "unknown")],
        ),
    ]
}

#[tokio::test]
async fn invalid_invitations_are_refused() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let (known, inactive) = (
        fixture.insert_person("김하늘", Role::Salesman).await,
        fixture.insert_person("이바다", Role::Salesman).await,
    );
    sqlx::query("update person set active = false where id = $1")
        .bind(inactive)
        .execute(fixture.gateway.db.pool())
        .await
        .unwrap();
    let id = json!(known);
    for (body, expected) in invalid_invitations(known, inactive) {
        assert_eq!(
            invalid_fields(&invite(&staff, body.clone()).await),
            expected,
            "{body}"
        );
    }
    fixture.create_staff_account("gwanri").await;
    let taken = invite(&staff, json!({ "salesmanId": id, "login": "gwanri" })).await;
    assert_eq!(taken.problem(), (409, "login-taken".to_owned()));
    assert_eq!(
        invite(&staff, json!({ "salesmanId": id, "login": "haneul" }))
            .await
            .status,
        201
    );
    for login in ["other", "gwanri"] {
        let refused = invite(&staff, json!({ "salesmanId": id, "login": login })).await;
        assert_eq!(
            (refused.problem(), &refused.json()["login"]),
            ((409, "other-login".to_owned()), &json!("haneul"))
        );
    }
    let as_staff = invite(
        &staff,
        json!({ "role": "staff", "name": "박관리", "login": "haneul" }),
    )
    .await;
    assert_eq!(as_staff.problem(), (409, "login-taken".to_owned()));
    let accounts: i64 = sqlx::query_scalar("select count(*) from account")
        .fetch_one(fixture.gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(accounts, 2);
    let delete = staff
        .request(Method::DELETE, "/api/accounts/invitations")
        .send()
        .await;
    assert_eq!(delete.status, 405);
}

#[tokio::test]
async fn staff_cannot_create_a_link_for_staff_with_a_password() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let body = json!({ "role": "staff", "name": "이관리", "login": "gwanri" });
    // Without a password, the invitation can be repeated.
    let (first, second) = (
        invite(&staff, body.clone()).await,
        invite(&staff, body.clone()).await,
    );
    assert_eq!(first.json()["accountId"], second.json()["accountId"]);
    assert_eq!(set(&fixture, &token(&second), PASSWORD).await.status, 204);
    let refused = invite(&staff, body.clone()).await;
    assert_eq!(refused.problem(), (409, "password-set".to_owned()));
    // The session of that account cannot create one, either.
    let own = fixture.cookie("gwanri").await;
    let by_account = fixture
        .gateway
        .post("/api/accounts/invitations")
        .cookie(&own)
        .json(&body)
        .send()
        .await;
    assert_eq!(by_account.problem(), (409, "password-set".to_owned()));
    assert_eq!(fixture.sign_in("gwanri", PASSWORD).await.status, 200);
    // The command line can create one, and staff can for salesmen and consultants.
    let (_, token_from_command_line) = fixture.invite_staff("gwanri").await;
    assert_eq!(
        set(
            &fixture,
            &token_from_command_line,
            "목요일에는 칼국수를 먹자"
        )
        .await
        .status,
        204
    );
    let (person, _) = fixture
        .create_person_account("haneul", Role::Salesman)
        .await;
    assert_eq!(
        invite(&staff, json!({ "salesmanId": person, "login": "haneul" }))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn link_created_while_a_password_is_set_is_void_or_refused() {
    for round in 0..5 {
        let fixture = AccountFixture::new().await;
        let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
        let body = json!({ "role": "staff", "name": "이관리", "login": format!("gwanri{round}") });
        let first = token(&invite(&staff, body.clone()).await);
        let (set_by_first, second) =
            tokio::join!(set(&fixture, &first, PASSWORD), invite(&staff, body));
        match (set_by_first.status.as_u16(), second.status.as_u16()) {
            // Either the newer link has replaced the first one, or the password was set before.
            (422, 201) => assert_eq!(set(&fixture, &token(&second), PASSWORD).await.status, 204),
            (204, 409) => assert_eq!(second.problem(), (409, "password-set".to_owned())),
            statuses => panic!("{statuses:?}: {set_by_first:?} {second:?}"),
        }
    }
}

#[tokio::test]
async fn changing_the_password_voids_open_links() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let cookie = fixture.cookie("gwanri").await;
    let (_, token) = fixture.invite_staff("gwanri").await;
    let body = json!({ "current": PASSWORD, "password": "목요일에는 칼국수를 먹자" });
    let changed = fixture
        .gateway
        .post("/api/auth/password/change")
        .cookie(&cookie)
        .json(&body)
        .send()
        .await;
    assert_eq!(changed.status, 204);
    assert_eq!(
        set(&fixture, &token, PASSWORD).await.problem(),
        wrong_link()
    );
}

#[tokio::test]
async fn pasted_name_and_login_are_stored_clean_and_invisible_ones_refused() {
    let fixture = AccountFixture::new().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let body = json!({
        "role": "staff", "name": as_pasted("박관리"), "login": as_pasted("gwanri@kt.gg"),
    });
    let invited = invite(&staff, body).await;
    assert_eq!(invited.status, 201, "{invited:?}");
    let page = staff.get("/api/accounts").send().await.json();
    let accounts = page["items"].as_array().unwrap();
    let is_invited = |account: &&Value| account["login"] == "gwanri@kt.gg";
    assert_eq!(accounts.iter().find(is_invited).unwrap()["name"], "박관리");
    let body = json!({ "role": "staff", "name": INVISIBLE, "login": INVISIBLE });
    let refused = invite(&staff, body).await;
    assert_eq!(
        invalid_fields(&refused),
        [
            field_error("/login", "required"),
            field_error("/name", "required")
        ]
    );
}
