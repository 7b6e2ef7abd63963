//! What is written down of what staff do.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use gateway::config::BaseUrl;
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::accounts::{Office, PASSWORD};
use crate::fixture::{Caller, Running, config, nobody, somebody, start, start_with};

const THING: &str = "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01";

async fn read(staff: &Caller<'_>, query: &str) -> Vec<Value> {
    let answer = staff.get(&format!("/api/audit{query}")).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["items"].as_array().unwrap().clone()
}

/// Everything that the two tables hold, as text.
async fn written(gateway: &Running) -> String {
    let rows: Vec<String> = sqlx::query_scalar(
        "select audit::text from audit union all select audit_outcome::text from audit_outcome",
    )
    .fetch_all(gateway.db.pool())
    .await
    .unwrap();
    rows.join("\n")
}

#[tokio::test]
async fn every_write_of_staff_is_written_down_with_who_what_and_which_fields() {
    let office = Office::open().await;
    let id = office.staff("gwanri").await;
    let cookie = office.cookie("gwanri").await;
    let staff = |method, path: &str| {
        office.clock.advance(TimeDelta::seconds(1));
        office.gateway.ask(method, path).cookie(&cookie)
    };
    let as_staff = office
        .gateway
        .as_(&Identity {
            role: Role::Staff,
            subject: id,
            phone: None,
        })
        .await;
    let before = read(&as_staff, "").await.len();
    let body = json!({ "capacity": 3, "active": false });
    assert_eq!(
        staff(Method::PATCH, &format!("/api/salesmen/{THING}"))
            .json(&body)
            .send()
            .await
            .status,
        200
    );
    assert_eq!(
        staff(Method::POST, "/api/consultations/created")
            .send()
            .await
            .status,
        201
    );
    assert_eq!(
        staff(Method::DELETE, &format!("/api/interests/{THING}"))
            .send()
            .await
            .status,
        200
    );
    assert_eq!(
        staff(Method::POST, "/api/accounts/invitations")
            .json(&json!({ "login": "" }))
            .send()
            .await
            .status,
        422
    );
    assert_eq!(
        staff(Method::POST, "/api/auth/sign-out")
            .send()
            .await
            .status,
        204
    );
    let mut said: Vec<Value> = read(&as_staff, "").await;
    said.truncate(said.len() - before);
    let seen: Vec<(&str, &str, &Value, &Value)> = said
        .iter()
        .map(|it| {
            (
                it["method"].as_str().unwrap(),
                it["path"].as_str().unwrap(),
                &it["fields"],
                &it["status"],
            )
        })
        .collect();
    let path = |prefix: &str| format!("/api/{prefix}/{THING}");
    assert_eq!(
        seen,
        [
            ("POST", "/api/auth/sign-out", &json!([]), &json!(204)),
            (
                "POST",
                "/api/accounts/invitations",
                &json!(["login"]),
                &json!(422)
            ),
            (
                "DELETE",
                path("interests").as_str(),
                &json!([]),
                &json!(200)
            ),
            (
                "POST",
                "/api/consultations/created",
                &json!([]),
                &json!(201)
            ),
            (
                "PATCH",
                path("salesmen").as_str(),
                &json!(["active", "capacity"]),
                &json!(200)
            ),
        ]
    );
    assert!(
        said.iter()
            .all(|it| it["actor"] == json!(id) && it["actorName"] == "이관리")
    );
    assert_eq!(
        (&said[4]["at"], &said[4]["answeredAt"]),
        (
            &json!("2026-11-23T01:00:01Z"),
            &json!("2026-11-23T01:00:01Z")
        )
    );
}

#[tokio::test]
async fn a_look_at_a_whole_number_is_written_down_without_what_was_said_of_it() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let path = format!("/api/interests/{THING}/phone");
    assert_eq!(
        staff
            .get(&format!("{path}?why=honggildong"))
            .send()
            .await
            .status,
        200
    );
    assert_eq!(
        staff
            .get(&format!("/api/interests/{THING}"))
            .send()
            .await
            .status,
        200
    );
    let salesman = gateway.as_(&somebody(Role::Salesman)).await;
    assert_eq!(salesman.get(&path).send().await.status, 200);
    let rows = read(&staff, "").await;
    let seen: Vec<_> = rows
        .iter()
        .map(|it| (&it["method"], &it["path"], &it["fields"], &it["status"]))
        .collect();
    assert_eq!(
        seen,
        [(&json!("GET"), &json!(path), &json!([]), &json!(200))]
    );
    assert!(!written(&gateway).await.contains("honggildong"));
}

#[tokio::test]
async fn the_service_gets_the_body_as_it_was_sent() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    for (kind, body) in [
        ("application/json", "{ \"note\" :  1 }"),
        ("application/json", "not JSON"),
        ("text/plain", "note"),
    ] {
        let ask = staff
            .post("/api/consultations")
            .header("content-type", kind)
            .header("idempotency-key", "k");
        let said = ask.body(body).send().await.json();
        assert_eq!(
            (&said["body"], &said["headers"]["content-type"]),
            (&json!(body), &json!(kind))
        );
        assert_eq!(said["headers"]["idempotency-key"], "k");
    }
    let fields: Vec<Value> = read(&staff, "")
        .await
        .into_iter()
        .map(|it| it["fields"].clone())
        .collect();
    assert_eq!(fields, [json!([]), json!([]), json!(["note"])]);
}

#[tokio::test]
async fn no_number_and_no_value_gets_into_it() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    for (spelled, encoded) in [
        ("01012345678", "01012345678"),
        ("010-1234-5678", "010-1234-5678"),
        ("+821012345678", "%2B821012345678"),
        ("010 1234 5678", "010%201234%205678"),
    ] {
        let body = json!({
            "phone": spelled, "note": "홍길동에게 전화함", spelled: 1, "nested": { "phone": spelled }, "list": [spelled],
        });
        let path = format!("/api/interests/{encoded}/notes/{THING}?phone={encoded}&q=honggildong");
        let answer = staff.post(&path).json(&body).send().await;
        assert_eq!(answer.json()["target"], path.strip_prefix("/api").unwrap());
    }
    let rows = read(&staff, "").await;
    assert_eq!(rows.len(), 4);
    for row in &rows {
        assert_eq!(row["path"], format!("/api/interests/…/notes/{THING}"));
        assert_eq!(row["fields"], json!(["list", "nested", "note", "phone"]));
    }
    let written = written(&gateway).await;
    for never in ["1234", "5678", "홍길동", "전화함", "honggildong", "?", "q="] {
        assert!(!written.contains(never), "{never} is in {written}");
    }
}

#[tokio::test]
async fn what_nobody_of_staff_did_and_what_did_not_pass_the_door_is_not_in_it() {
    let gateway = start().await;
    let body = json!({ "note": 1 });
    for role in [Role::Customer, Role::Salesman, Role::Consultant] {
        let caller = gateway.as_(&somebody(role)).await;
        assert_eq!(
            caller
                .post("/api/consultations")
                .json(&body)
                .send()
                .await
                .status,
            200
        );
    }
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    assert_eq!(
        gateway
            .post("/api/consultations")
            .json(&body)
            .send()
            .await
            .status,
        401
    );
    assert_eq!(staff.get("/api/consultations").send().await.status, 200);
    assert_eq!(
        staff
            .post("/api/consultations")
            .of_no_page()
            .json(&body)
            .send()
            .await
            .status,
        403
    );
    assert_eq!(read(&staff, "").await, [json!(null); 0]);
}

#[tokio::test]
async fn it_can_be_added_to_and_nothing_else() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    staff
        .post("/api/consultations")
        .json(&json!({ "note": 1 }))
        .send()
        .await;
    let before = written(&gateway).await;
    for table in ["audit", "audit_outcome"] {
        for sql in [
            format!("update {table} set at = now()"),
            format!("delete from {table}"),
            format!("delete from {table} where false"),
            format!("truncate {table} cascade"),
        ] {
            let refused = sqlx::query(sqlx::AssertSqlSafe(sql.clone()))
                .execute(gateway.db.pool())
                .await
                .unwrap_err()
                .to_string();
            assert!(refused.contains("is immutable"), "{sql}: {refused}");
        }
    }
    assert_eq!(written(&gateway).await, before);
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_let_through() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    sqlx::query("alter table audit rename to elsewhere")
        .execute(gateway.db.pool())
        .await
        .unwrap();
    let answer = staff
        .post("/api/consultations")
        .json(&json!({ "note": 1 }))
        .send()
        .await;
    assert_eq!(
        answer.problem(),
        (503, "temporarily-unavailable".to_owned())
    );
    assert_eq!(staff.get("/api/consultations").send().await.status, 200);
}

#[tokio::test]
async fn it_is_written_down_before_it_is_forwarded() {
    let mut config = config().await;
    let (address, asked) = hung().await;
    config.services.interest = address;
    let gateway = start_with(config).await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    // It is broken off when the service has it, and has not answered.
    tokio::select! {
        answer = staff.post(&format!("/api/interests/{THING}")).open() => panic!("{answer:?}"),
        () = asked.notified() => {}
    }
    let rows = read(&staff, "").await;
    assert_eq!(
        (rows.len(), &rows[0]["status"], &rows[0]["answeredAt"]),
        (1, &Value::Null, &Value::Null)
    );
}

/// A service that takes every request, says so, and answers none.
async fn hung() -> (BaseUrl, Arc<Notify>) {
    let asked = Arc::new(Notify::new());
    let take = async |State(asked): State<Arc<Notify>>| {
        asked.notify_one();
        std::future::pending::<StatusCode>().await
    };
    let router = axum::Router::new().fallback(take).with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(service_kit::tasks::spawn(
        axum::serve(listener, router).into_future(),
    ));
    (BaseUrl::from(address), asked)
}

#[tokio::test]
async fn a_service_that_is_away_is_an_outcome_too() {
    let mut config = config().await;
    config.services.consultation = nobody().await;
    let gateway = start_with(config).await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    assert_eq!(
        staff
            .post("/api/consultations")
            .json(&json!({}))
            .send()
            .await
            .status,
        503
    );
    assert_eq!(read(&staff, "").await[0]["status"], 503);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_a_file_is_not_held() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    let large = format!("{{\"note\":\"{}\"}}", "x".repeat(1024 * 1024));
    let json = staff
        .post("/api/consultations")
        .header("content-type", "application/json")
        .body(large)
        .send()
        .await;
    assert_eq!(
        (json.problem(), &json.json()["limitBytes"]),
        ((413, "too-large".to_owned()), &json!(1024 * 1024))
    );
    let file = staff
        .post("/api/projects/imports")
        .header("content-type", "application/json");
    let file = file
        .body(format!("{{\"note\":\"{}\"}}", "x".repeat(3 * 1024 * 1024)))
        .send()
        .await;
    assert_eq!(file.status, 200);
    let rows = read(&staff, "").await;
    assert_eq!(
        (rows.len(), &rows[0]["path"], &rows[0]["fields"]),
        (1, &json!("/api/projects/imports"), &json!([]))
    );
}

#[tokio::test]
async fn staff_read_it_page_by_page_and_by_who_did_it() {
    let office = Office::open().await;
    let id = office.staff("gwanri").await;
    let cookie = office.cookie("gwanri").await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    for number in 0..5 {
        office.clock.advance(TimeDelta::seconds(1));
        let ask = office.gateway.post("/api/consultations");
        let ask = if number == 2 {
            ask.cookie(&cookie)
        } else {
            ask.cookie(&staff.cookie)
        };
        assert_eq!(ask.json(&json!({})).send().await.status, 200);
    }
    let (mut times, mut after) = (Vec::new(), String::new());
    loop {
        let page = staff
            .get(&format!("/api/audit?limit=2{after}"))
            .send()
            .await
            .json();
        times.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["at"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    // The link and the password that he has.
    assert_eq!(times.split_off(5), ["2026-11-23T01:00:00Z"; 2]);
    assert_eq!(
        times,
        [5, 4, 3, 2, 1].map(|second| format!("2026-11-23T01:00:0{second}Z"))
    );
    let his = read(&staff, &format!("?actor={id}")).await;
    // What he did, and that he set his password.
    let seen: Vec<_> = his.iter().map(|it| (&it["path"], &it["at"])).collect();
    assert_eq!(
        seen,
        [
            (&json!("/api/consultations"), &json!("2026-11-23T01:00:03Z")),
            (&json!("/api/auth/password"), &json!("2026-11-23T01:00:00Z")),
        ]
    );
    assert_eq!(
        read(&staff, &format!("?actor={}", Uuid::new_v4())).await,
        [json!(null); 0]
    );
    for query in ["?limit=0", "?after=x", "?actor=x"] {
        let answer = staff.get(&format!("/api/audit{query}")).send().await;
        assert_eq!(answer.problem(), (422, "wrong-query".to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_password_that_staff_change_is_not_in_it() {
    let office = Office::open().await;
    office.staff("gwanri").await;
    let cookie = office.cookie("gwanri").await;
    let body = json!({ "current": PASSWORD, "password": "목요일에는 칼국수를 먹자" });
    assert_eq!(
        office
            .gateway
            .post("/api/auth/password/change")
            .cookie(&cookie)
            .json(&body)
            .send()
            .await
            .status,
        204
    );
    let written = written(&office.gateway).await;
    assert!(
        written.contains("{current,password}") && !written.contains("먹자"),
        "{written}"
    );
}

/// What a row says: as what, by whom, what, what it was about, and how it was answered.
fn told(row: &Value) -> [&Value; 5] {
    ["role", "actor", "path", "location", "status"].map(|field| &row[field])
}

#[tokio::test]
async fn an_invitation_says_whom_and_a_password_that_is_set_by_a_link_whose_it_is() {
    let office = Office::open().await;
    let (person, account) = office.colleague("haneul", Role::Salesman).await;
    assert_ne!(person, account);
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    let (location, actor) = (
        json!(format!("/api/accounts/{account}")),
        json!(somebody(Role::Staff).subject),
    );
    let rows = read(&staff, "").await;
    assert_eq!(rows.len(), 2);
    // The clock stands still, so that nothing tells which of the two came first.
    let of = |path: &str| rows.iter().find(|row| row["path"] == path).unwrap();
    let set = [
        &json!("salesman"),
        &json!(account),
        &json!("/api/auth/password"),
        &location,
        &json!(204),
    ];
    assert_eq!(told(of("/api/auth/password")), set);
    assert_eq!(
        of("/api/auth/password")["fields"],
        json!(["password", "token"])
    );
    let invited = [
        &json!("staff"),
        &actor,
        &json!("/api/accounts/invitations"),
        &location,
        &json!(201),
    ];
    assert_eq!(told(of("/api/accounts/invitations")), invited);
    // What sets no password is nobody's.
    let wrong = json!({ "token": "x", "password": PASSWORD });
    assert_eq!(
        office
            .gateway
            .post("/api/auth/password")
            .json(&wrong)
            .send()
            .await
            .status,
        422
    );
    assert_eq!(read(&staff, "").await.len(), 2);
}

#[tokio::test]
async fn a_link_that_is_made_on_the_command_line_is_in_it_as_the_systems() {
    let office = Office::open().await;
    let (account, _) = office.token_of_staff("gwanri").await;
    let staff = office.gateway.as_(&somebody(Role::Staff)).await;
    let rows = read(&staff, "").await;
    let location = json!(format!("/api/accounts/{account}"));
    let path = json!("/api/accounts/invitations");
    assert_eq!(rows.len(), 1);
    assert_eq!(
        told(&rows[0]),
        [
            &json!("system"),
            &Value::Null,
            &path,
            &location,
            &json!(201)
        ]
    );
    assert_eq!(
        (&rows[0]["method"], &rows[0]["actorName"]),
        (&json!("POST"), &Value::Null)
    );
}

#[tokio::test]
async fn what_cannot_be_written_down_sets_no_password() {
    let office = Office::open().await;
    let (_, token) = office.token_of_staff("gwanri").await;
    sqlx::query("alter table audit rename to elsewhere")
        .execute(office.gateway.db.pool())
        .await
        .unwrap();
    let set = || {
        office
            .gateway
            .post("/api/auth/password")
            .json(&json!({ "token": token, "password": PASSWORD }))
            .send()
    };
    assert_eq!(
        set().await.problem(),
        (503, "temporarily-unavailable".to_owned())
    );
    sqlx::query("alter table elsewhere rename to audit")
        .execute(office.gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(set().await.status, 204);
}

#[tokio::test]
async fn what_a_service_says_that_it_made_is_kept_without_anything_that_could_be_a_value() {
    let gateway = start().await;
    let staff = gateway.as_(&somebody(Role::Staff)).await;
    assert_eq!(
        staff.post("/api/consultations/created").send().await.status,
        201
    );
    assert_eq!(
        read(&staff, "").await[0]["location"],
        "/api/consultations/…"
    );
}
