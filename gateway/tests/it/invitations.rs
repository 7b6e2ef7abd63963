//! Links by which somebody comes to a password.

use axum::http::Method;
use chrono::TimeDelta;
use gateway::api::accounts::invite_staff;
use gateway::config::PublicOrigin;
use serde_json::{Value, json};
use service_kit::auth::Role;
use uuid::Uuid;

use crate::accounts::{Office, PASSWORD, wrong, wrong_fields};
use crate::fixture::{Caller, ORIGIN, TestResponse, in_time, somebody};

async fn invite(staff: &Caller<'_>, body: Value) -> TestResponse {
    staff
        .post("/api/accounts/invitations")
        .json(&body)
        .send()
        .await
}

/// What the link of an invitation holds.
fn token(invited: &TestResponse) -> String {
    assert_eq!(invited.status, 201, "{invited:?}");
    let link = invited.json()["link"].as_str().unwrap().to_owned();
    link.strip_prefix(&format!("{ORIGIN}/invitation#"))
        .unwrap()
        .to_owned()
}

async fn set(office: &Office, token: &str, password: &str) -> TestResponse {
    office
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
async fn staff_invite_a_salesman_who_sets_his_password_and_signs_in() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    let person = office.person("김하늘", Role::Salesman).await;
    let invited = invite(
        &staff,
        json!({ "salesmanId": person, "login": " Haneul.Kim@kt.gg " }),
    )
    .await;
    let token = token(&invited);
    assert_eq!(invited.json()["expiresAt"], "2026-11-26T01:00:00Z");
    assert_eq!(invited.header("cache-control"), Some("no-store"));
    assert_eq!(
        office.sign_in("haneul.kim@kt.gg", PASSWORD).await.status,
        401
    );
    let done = set(&office, &token, PASSWORD).await;
    assert_eq!(
        (done.status.as_u16(), done.body.len(), done.cookie()),
        (204, 0, None)
    );
    let said = office.sign_in("haneul.kim@kt.gg", PASSWORD).await.json();
    assert_eq!(
        (&said["role"], &said["id"]),
        (&json!("salesman"), &json!(person))
    );
}

#[tokio::test]
async fn staff_invite_a_member_of_staff_by_name() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    let invited = invite(
        &staff,
        json!({ "role": "staff", "name": " 박관리 ", "login": "bak" }),
    )
    .await;
    assert_eq!(set(&office, &token(&invited), PASSWORD).await.status, 204);
    let said = office.sign_in("bak", PASSWORD).await.json();
    assert_eq!(
        (&said["role"], &said["id"], &said["name"]),
        (
            &json!("staff"),
            &invited.json()["accountId"],
            &json!("박관리")
        )
    );
}

#[tokio::test]
async fn the_first_member_of_staff_is_invited_on_the_command_line_as_often_as_it_takes() {
    let office = Office::open().await;
    let (id, first) = office.token_of_staff("gwanri").await;
    let (again, second) = office.token_of_staff("gwanri").await;
    assert_eq!(id, again);
    assert_eq!(set(&office, &first, PASSWORD).await.problem(), wrong_link());
    assert_eq!(set(&office, &second, PASSWORD).await.status, 204);
    office.colleague("haneul", Role::Salesman).await;
    sqlx::query("update account set active = false where login = 'gwanri'")
        .execute(office.gateway.db.pool())
        .await
        .unwrap();
    let origin: PublicOrigin = "https://kt.gg".parse().unwrap();
    for (login, name, why) in [
        ("haneul", "이관리", "somebody else has this login"),
        ("gwanri", "이관리", "the account is closed"),
        ("x", "이관리", "\"x\" can be no login"),
        ("관리자", "이관리", "can be no login"),
        ("other", " ", "a name has 1 to 100 characters"),
        ("other", "a\u{7}b", "a name has no control character"),
    ] {
        let refused = invite_staff(&office.gateway.db, &origin, login, name)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(why), "{refused}");
    }
}

#[tokio::test]
async fn a_link_is_good_once() {
    let office = Office::open().await;
    let (_, token) = office.token_of_staff("gwanri").await;
    assert_eq!(set(&office, &token, PASSWORD).await.status, 204);
    assert_eq!(
        set(&office, &token, "목요일에는 칼국수를 먹자")
            .await
            .problem(),
        wrong_link()
    );
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);

    let (_, token) = office.token_of_staff("gwanri").await;
    let (one, two) = tokio::join!(
        set(&office, &token, PASSWORD),
        set(&office, &token, "목요일에는 칼국수를 먹자")
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422]);
}

#[tokio::test]
async fn a_link_is_good_for_three_days() {
    let office = Office::open().await;
    let (_, token) = office.token_of_staff("gwanri").await;
    office
        .clock
        .advance(TimeDelta::hours(72) - TimeDelta::milliseconds(1));
    assert_eq!(
        wrong_fields(&set(&office, &token, "short").await),
        [wrong("/password", "too-short")]
    );
    office.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(set(&office, &token, PASSWORD).await.problem(), wrong_link());
}

#[tokio::test]
async fn a_second_click_makes_a_link_that_takes_the_place_of_the_first() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    let person = office.person("김하늘", Role::Salesman).await;
    let body = json!({ "salesmanId": person, "login": "haneul" });
    let (one, two) = tokio::join!(invite(&staff, body.clone()), invite(&staff, body.clone()));
    assert_eq!(one.json()["accountId"], two.json()["accountId"]);
    let third = invite(&staff, body).await;
    assert_eq!(third.json()["accountId"], one.json()["accountId"]);
    for void in [token(&one), token(&two)] {
        assert_eq!(set(&office, &void, PASSWORD).await.problem(), wrong_link());
    }
    assert_eq!(set(&office, &token(&third), PASSWORD).await.status, 204);
    let accounts: i64 = sqlx::query_scalar("select count(*) from account")
        .fetch_one(office.gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(accounts, 1);
}

#[tokio::test]
async fn whoever_forgot_his_password_is_invited_again_and_signed_in_nowhere_once_he_has_set_another()
 {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let session = office.cookie("gwanri").await;
    let (_, token) = office.token_of_staff("gwanri").await;
    // Until then nothing has changed.
    assert!(office.is_signed_in(&session).await);
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);
    assert_eq!(
        set(&office, &token, "목요일에는 칼국수를 먹자")
            .await
            .status,
        204
    );
    assert!(!office.is_signed_in(&session).await);
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 401);
    assert_eq!(
        office
            .sign_in("gwanri", "목요일에는 칼국수를 먹자")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_closed_account_has_no_link_left_and_gets_none() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    office.staff("other").await;
    let person = office.person("김하늘", Role::Salesman).await;
    let body = json!({ "salesmanId": person, "login": "haneul" });
    let invited = invite(&staff, body.clone()).await;
    let id: Uuid = serde_json::from_value(invited.json()["accountId"].clone()).unwrap();
    let change = |active: bool| {
        office
            .change(&staff.cookie, id, "*", &json!({ "active": active }))
            .send()
    };
    assert_eq!(change(false).await.status, 200);
    assert_eq!(
        set(&office, &token(&invited), PASSWORD).await.problem(),
        wrong_link()
    );
    assert_eq!(
        invite(&staff, body.clone()).await.problem(),
        (409, "account-closed".to_owned())
    );
    assert_eq!(change(true).await.status, 200);
    assert_eq!(
        set(&office, &token(&invited), PASSWORD).await.problem(),
        wrong_link()
    );
    assert_eq!(
        set(&office, &token(&invite(&staff, body).await), PASSWORD)
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn a_weak_password_is_refused_with_why_and_leaves_the_link_good() {
    let office = Office::open().await;
    let (_, token) = office.token_of_staff("haneul.kim").await;
    for (password, code) in [
        ("xK9#mQ2!v", "too-short"),
        ("qwertyuiop", "common"),
        ("aaaaaaaaaaaa", "repeats"),
        (&"xK9#mQ2!vZ7@".repeat(11), "too-long"),
    ] {
        assert_eq!(
            wrong_fields(&set(&office, &token, password).await),
            [wrong("/password", code)]
        );
    }
    assert_eq!(
        wrong_fields(&set(&office, &token, "haneul.kim").await)[0].0,
        "/password"
    );
    assert_eq!(set(&office, &token, PASSWORD).await.status, 204);
}

#[tokio::test]
async fn what_never_was_a_link_is_refused_and_what_is_missing_is_told_at_once() {
    let office = Office::open().await;
    for token in [
        "x",
        "correct horse battery staple",
        &"A".repeat(43),
        "' or 1=1 --",
    ] {
        assert_eq!(
            set(&office, token, PASSWORD).await.problem(),
            wrong_link(),
            "{token}"
        );
    }
    let ask = |body: Value| office.gateway.post("/api/auth/password").json(&body).send();
    let required = [wrong("/token", "required"), wrong("/password", "required")];
    assert_eq!(wrong_fields(&ask(json!({})).await), required);
    let odd = ask(json!({ "token": "A".repeat(101), "password": 7 })).await;
    assert_eq!(
        wrong_fields(&odd),
        [
            wrong("/token", "too-long"),
            wrong("/password", "wrong-type")
        ]
    );
}

#[tokio::test]
async fn neither_a_link_nor_a_password_is_in_the_database() {
    let office = Office::open().await;
    let (_, token) = office.token_of_staff("gwanri").await;
    let pool = office.gateway.db.pool();
    let rows: Vec<String> = sqlx::query_scalar("select invitation::text from invitation")
        .fetch_all(pool)
        .await
        .unwrap();
    assert!(rows.len() == 1 && !rows[0].contains(&token), "{rows:?}");
    assert_eq!(set(&office, &token, PASSWORD).await.status, 204);
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
async fn somebody_who_was_registered_a_moment_ago_can_be_invited_at_once() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    let id = Uuid::new_v4();
    // His row is there for others when the invitation has been waiting for it.
    let mut tx = office.gateway.db.begin().await.unwrap();
    sqlx::query("insert into person (id, display_name, role, active, version) values ($1, '김하늘', 'consultant', true, 1)")
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    let inviting = invite(&staff, json!({ "salesmanId": id, "login": "haneul" }));
    let hearing = async {
        // The gateway has looked for him in vain.
        let looked = "select exists (select from pg_stat_activity where datname = current_database() and state = 'idle'
            and query like 'select display_name, role, active, version from person where id%')";
        let looks = async || {
            sqlx::query_scalar::<_, bool>(looked)
                .fetch_one(office.gateway.db.pool())
                .await
                .unwrap()
        };
        in_time("he is looked for", async { while !looks().await {} }).await;
        tx.commit().await.unwrap();
    };
    let (invited, ()) = tokio::join!(inviting, hearing);
    assert_eq!(set(&office, &token(&invited), PASSWORD).await.status, 204);
}

#[tokio::test]
async fn an_invitation_is_refused_for_every_reason_there_is() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    let (known, inactive) = (
        office.person("김하늘", Role::Salesman).await,
        office.person("이바다", Role::Salesman).await,
    );
    sqlx::query("update person set active = false where id = $1")
        .bind(inactive)
        .execute(office.gateway.db.pool())
        .await
        .unwrap();
    let id = json!(known);
    for (body, expected) in [
        (
            json!({}),
            vec![
                wrong("/login", "required"),
                wrong("/salesmanId", "required"),
            ],
        ),
        (
            json!({ "login": "ab", "salesmanId": id }),
            vec![wrong("/login", "no-login")],
        ),
        (
            json!({ "login": "하늘하늘", "salesmanId": id }),
            vec![wrong("/login", "no-login")],
        ),
        (
            json!({ "login": "-haneul", "salesmanId": id }),
            vec![wrong("/login", "no-login")],
        ),
        (
            json!({ "login": "ha neul", "salesmanId": id }),
            vec![wrong("/login", "no-login")],
        ),
        (
            json!({ "login": "a".repeat(65), "salesmanId": id }),
            vec![wrong("/login", "too-long")],
        ),
        (
            json!({ "login": "haneul", "salesmanId": "x" }),
            vec![wrong("/salesmanId", "wrong-type")],
        ),
        (
            json!({ "login": "haneul", "salesmanId": id, "role": "salesman" }),
            vec![wrong("/role", "not-invited-so")],
        ),
        (
            json!({ "login": "haneul", "role": "customer" }),
            vec![wrong("/role", "not-invited-so")],
        ),
        (
            json!({ "login": "haneul", "role": "boss", "salesmanId": id }),
            vec![wrong("/role", "wrong-type")],
        ),
        (
            json!({ "login": "haneul", "role": "staff" }),
            vec![wrong("/name", "required")],
        ),
        (
            json!({ "login": "x", "role": "staff", "salesmanId": id, "name": "가".repeat(101) }),
            vec![
                wrong("/login", "no-login"),
                wrong("/salesmanId", "not-of-staff"),
                wrong("/name", "too-long"),
            ],
        ),
        (
            json!({ "login": "haneul", "salesmanId": inactive }),
            vec![wrong("/salesmanId", "inactive")],
        ),
        (
            json!({ "login": "haneul", "salesmanId": Uuid::new_v4() }),
            vec![wrong("/salesmanId", "unknown")],
        ),
    ] {
        assert_eq!(
            wrong_fields(&invite(&staff, body.clone()).await),
            expected,
            "{body}"
        );
    }
    office.staff("gwanri").await;
    let taken = invite(&staff, json!({ "salesmanId": id, "login": "gwanri" })).await;
    assert_eq!(taken.problem(), (409, "login-taken".to_owned()));
    assert_eq!(
        invite(&staff, json!({ "salesmanId": id, "login": "haneul" }))
            .await
            .status,
        201
    );
    for login in ["other", "gwanri"] {
        let other = invite(&staff, json!({ "salesmanId": id, "login": login })).await;
        assert_eq!(
            (other.problem(), &other.json()["login"]),
            ((409, "other-login".to_owned()), &json!("haneul"))
        );
    }
    let of_staff = invite(
        &staff,
        json!({ "role": "staff", "name": "박관리", "login": "haneul" }),
    )
    .await;
    assert_eq!(of_staff.problem(), (409, "login-taken".to_owned()));
    let accounts: i64 = sqlx::query_scalar("select count(*) from account")
        .fetch_one(office.gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(accounts, 2);
    let get = staff
        .ask(Method::DELETE, "/api/accounts/invitations")
        .send()
        .await;
    assert_eq!(get.status, 405);
}

#[tokio::test]
async fn no_member_of_staff_is_given_a_link_for_one_who_has_a_password() {
    let office = Office::open().await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    let body = json!({ "role": "staff", "name": "이관리", "login": "gwanri" });
    // Until he has one, whoever invited him invites him again.
    let (first, second) = (
        invite(&staff, body.clone()).await,
        invite(&staff, body.clone()).await,
    );
    assert_eq!(first.json()["accountId"], second.json()["accountId"]);
    assert_eq!(set(&office, &token(&second), PASSWORD).await.status, 204);
    let refused = invite(&staff, body.clone()).await;
    assert_eq!(refused.problem(), (409, "password-set".to_owned()));
    // Nor does whoever sits at his page get in behind him.
    let own = office.cookie("gwanri").await;
    let asked = office
        .gateway
        .post("/api/accounts/invitations")
        .cookie(&own)
        .json(&body)
        .send()
        .await;
    assert_eq!(asked.problem(), (409, "password-set".to_owned()));
    assert_eq!(office.sign_in("gwanri", PASSWORD).await.status, 200);
    // The command line makes one, and staff do for whoever is not of staff.
    let (_, token_of_command) = office.token_of_staff("gwanri").await;
    assert_eq!(
        set(&office, &token_of_command, "목요일에는 칼국수를 먹자")
            .await
            .status,
        204
    );
    let (person, _) = office.colleague("haneul", Role::Salesman).await;
    assert_eq!(
        invite(&staff, json!({ "salesmanId": person, "login": "haneul" }))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn a_link_that_is_made_while_a_password_is_set_is_void_or_refused() {
    for round in 0..5 {
        let office = Office::open().await;
        let staff = office.gateway.as_(&somebody(Role::Staff)).await;
        let body = json!({ "role": "staff", "name": "이관리", "login": format!("gwanri{round}") });
        let first = token(&invite(&staff, body.clone()).await);
        let (set_by_first, second) =
            tokio::join!(set(&office, &first, PASSWORD), invite(&staff, body));
        match (set_by_first.status.as_u16(), second.status.as_u16()) {
            // Either the newer link took the first one's place, or there was a password by then.
            (422, 201) => assert_eq!(set(&office, &token(&second), PASSWORD).await.status, 204),
            (204, 409) => assert_eq!(second.problem(), (409, "password-set".to_owned())),
            other => panic!("{other:?}: {set_by_first:?} {second:?}"),
        }
    }
}

#[tokio::test]
async fn whoever_changes_his_password_leaves_no_link_behind() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let cookie = office.cookie("gwanri").await;
    let (_, token) = office.token_of_staff("gwanri").await;
    let body = json!({ "current": PASSWORD, "password": "목요일에는 칼국수를 먹자" });
    let changed = office
        .gateway
        .post("/api/auth/password/change")
        .cookie(&cookie)
        .json(&body)
        .send()
        .await;
    assert_eq!(changed.status, 204);
    assert_eq!(set(&office, &token, PASSWORD).await.problem(), wrong_link());
}
