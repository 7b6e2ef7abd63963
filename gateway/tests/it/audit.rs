//! The audit log of what staff do.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use gateway::config::BaseUrl;
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::accounts::{AccountFixture, PASSWORD};
use crate::test_gateway::{Caller, TestGateway, closed_port, config, identity, start, start_with};

const ID: &str = "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01";

async fn audit_log(staff: &Caller<'_>, query: &str) -> Vec<Value> {
    let answer = staff.get(&format!("/api/audit{query}")).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["items"].as_array().unwrap().clone()
}

/// All rows of both tables as text.
async fn all_rows(gateway: &TestGateway) -> String {
    let rows: Vec<String> = sqlx::query_scalar(
        "select audit::text from audit union all select audit_outcome::text from audit_outcome",
    )
    .fetch_all(gateway.db.pool())
    .await
    .unwrap();
    rows.join("\n")
}

/// The method, path, fields and status of a row.
fn outcome(row: &Value) -> (&str, &str, &Value, &Value) {
    (
        row["method"].as_str().unwrap(),
        row["path"].as_str().unwrap(),
        &row["fields"],
        &row["status"],
    )
}

#[tokio::test]
async fn staff_writes_are_recorded_with_actor_path_fields_and_status() {
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    let cookie = fixture.cookie("gwanri").await;
    let staff = |method, path: &str| {
        fixture.clock.advance(TimeDelta::seconds(1));
        fixture.gateway.request(method, path).cookie(&cookie)
    };
    let as_staff = fixture
        .gateway
        .caller(&Identity {
            role: Role::Staff,
            subject: id,
            phone: None,
        })
        .await;
    let before = audit_log(&as_staff, "").await.len();
    let body = json!({ "capacity": 3, "active": false });
    assert_eq!(
        staff(Method::PATCH, &format!("/api/salesmen/{ID}"))
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
        staff(Method::DELETE, &format!("/api/interests/{ID}"))
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
    let mut rows: Vec<Value> = audit_log(&as_staff, "").await;
    rows.truncate(rows.len() - before);
    let path = |prefix: &str| format!("/api/{prefix}/{ID}");
    assert_eq!(
        rows.iter().map(outcome).collect::<Vec<_>>(),
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
        rows.iter()
            .all(|row| row["actor"] == json!(id) && row["actorName"] == "이관리")
    );
    assert_eq!(
        (&rows[4]["at"], &rows[4]["answeredAt"]),
        (
            &json!("2026-11-23T01:00:01Z"),
            &json!("2026-11-23T01:00:01Z")
        )
    );
}

#[tokio::test]
async fn phone_disclosure_to_staff_is_recorded_without_its_reason() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    let path = format!("/api/interests/{ID}/phone");
    let why = json!({ "why": "honggildong" });
    assert_eq!(staff.post(&path).json(&why).send().await.status, 200);
    assert_eq!(
        staff
            .get(&format!("/api/interests/{ID}"))
            .send()
            .await
            .status,
        200
    );
    let salesman = gateway.caller(&identity(Role::Salesman)).await;
    assert_eq!(salesman.post(&path).json(&why).send().await.status, 200);
    let rows = audit_log(&staff, "").await;
    let recorded: Vec<_> = rows
        .iter()
        .map(|row| (&row["method"], &row["path"], &row["fields"], &row["status"]))
        .collect();
    assert_eq!(
        recorded,
        [(&json!("POST"), &json!(path), &json!(["why"]), &json!(200))]
    );
    assert!(!all_rows(&gateway).await.contains("honggildong"));
}

#[tokio::test]
async fn audited_body_is_forwarded_unchanged() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    for (content_type, body) in [
        ("application/json", "{ \"note\" :  1 }"),
        ("application/json", "not JSON"),
        ("text/plain", "note"),
    ] {
        let request = staff
            .post("/api/consultations")
            .header("content-type", content_type)
            .header("idempotency-key", "k");
        let echoed = request.body(body).send().await.json();
        assert_eq!(
            (&echoed["body"], &echoed["headers"]["content-type"]),
            (&json!(body), &json!(content_type))
        );
        assert_eq!(echoed["headers"]["idempotency-key"], "k");
    }
    let fields: Vec<Value> = audit_log(&staff, "")
        .await
        .into_iter()
        .map(|row| row["fields"].clone())
        .collect();
    assert_eq!(fields, [json!([]), json!([]), json!(["note"])]);
}

#[tokio::test]
async fn audit_log_contains_no_phone_numbers_and_no_values() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    for (spelled, encoded) in [
        ("01012345678", "01012345678"),
        ("010-1234-5678", "010-1234-5678"),
        ("+821012345678", "%2B821012345678"),
        ("010 1234 5678", "010%201234%205678"),
    ] {
        let body = json!({
            "phone": spelled,
            "note": "홍길동에게 전화함",
            spelled: 1,
            "nested": { "phone": spelled },
            "list": [spelled],
        });
        let path = format!("/api/interests/{encoded}/notes/{ID}?phone={encoded}&q=honggildong");
        let answer = staff.post(&path).json(&body).send().await;
        assert_eq!(answer.json()["target"], path.strip_prefix("/api").unwrap());
    }
    let rows = audit_log(&staff, "").await;
    assert_eq!(rows.len(), 4);
    for row in &rows {
        assert_eq!(row["path"], format!("/api/interests/…/notes/{ID}"));
        assert_eq!(row["fields"], json!(["list", "nested", "note", "phone"]));
    }
    // Without ids and times, whose digits are by chance.
    let texts: Vec<String> = sqlx::query_scalar(
        "select (to_jsonb(audit) - 'id' - 'at')::text from audit
         union all
         select (to_jsonb(audit_outcome) - 'audit_id' - 'at')::text from audit_outcome",
    )
    .fetch_all(gateway.db.pool())
    .await
    .unwrap();
    let text = texts.join("\n");
    for forbidden in ["1234", "5678", "홍길동", "전화함", "honggildong", "?", "q="] {
        assert!(!text.contains(forbidden), "{forbidden} is in {text}");
    }
}

#[tokio::test]
async fn only_authorized_staff_writes_are_recorded() {
    let gateway = start().await;
    let body = json!({ "note": 1 });
    for role in [Role::Customer, Role::Salesman, Role::Consultant] {
        let caller = gateway.caller(&identity(role)).await;
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
    let staff = gateway.caller(&identity(Role::Staff)).await;
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
            .without_csrf_header()
            .json(&body)
            .send()
            .await
            .status,
        403
    );
    assert_eq!(audit_log(&staff, "").await, [json!(null); 0]);
}

#[tokio::test]
async fn audit_log_is_append_only() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    staff
        .post("/api/consultations")
        .json(&json!({ "note": 1 }))
        .send()
        .await;
    let before = all_rows(&gateway).await;
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
    assert_eq!(all_rows(&gateway).await, before);
}

#[tokio::test]
async fn staff_write_fails_if_it_cannot_be_recorded() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
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
async fn staff_write_is_recorded_before_it_is_forwarded() {
    let mut config = config().await;
    let (address, received) = hanging_service().await;
    config.services.interest = address;
    let gateway = start_with(config).await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    // The request is cancelled after the service has received it, before it responds.
    tokio::select! {
        answer = staff.post(&format!("/api/interests/{ID}")).open() => panic!("{answer:?}"),
        () = received.notified() => {}
    }
    let rows = audit_log(&staff, "").await;
    assert_eq!(
        (rows.len(), &rows[0]["status"], &rows[0]["answeredAt"]),
        (1, &Value::Null, &Value::Null)
    );
}

/// A service that never responds, and notifies of every request that it receives.
async fn hanging_service() -> (BaseUrl, Arc<Notify>) {
    let received = Arc::new(Notify::new());
    let handler = async |State(received): State<Arc<Notify>>| {
        received.notify_one();
        std::future::pending::<StatusCode>().await
    };
    let router = axum::Router::new()
        .fallback(handler)
        .with_state(received.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(service_kit::tasks::spawn(
        axum::serve(listener, router).into_future(),
    ));
    (BaseUrl::from(address), received)
}

#[tokio::test]
async fn unavailable_service_is_recorded_as_outcome() {
    let mut config = config().await;
    config.services.consultation = closed_port().await;
    let gateway = start_with(config).await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    assert_eq!(
        staff
            .post("/api/consultations")
            .json(&json!({}))
            .send()
            .await
            .status,
        503
    );
    assert_eq!(audit_log(&staff, "").await[0]["status"], 503);
}

#[tokio::test]
async fn too_large_body_is_refused_and_an_import_is_not_buffered() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
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
    let rows = audit_log(&staff, "").await;
    assert_eq!(
        (rows.len(), &rows[0]["path"], &rows[0]["fields"]),
        (1, &json!("/api/projects/imports"), &json!([]))
    );
}

#[tokio::test]
async fn audit_log_is_paged_and_can_be_filtered_by_actor() {
    let fixture = AccountFixture::new().await;
    let id = fixture.create_staff_account("gwanri").await;
    let cookie = fixture.cookie("gwanri").await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    for number in 0..5 {
        fixture.clock.advance(TimeDelta::seconds(1));
        let request = fixture.gateway.post("/api/consultations");
        let request = if number == 2 {
            request.cookie(&cookie)
        } else {
            request.cookie(&staff.cookie)
        };
        assert_eq!(request.json(&json!({})).send().await.status, 200);
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
                .map(|row| row["at"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    // The oldest rows: the invitation, and the password that was set with it.
    assert_eq!(times.split_off(5), ["2026-11-23T01:00:00Z"; 2]);
    assert_eq!(
        times,
        [5, 4, 3, 2, 1].map(|second| format!("2026-11-23T01:00:0{second}Z"))
    );
    let own = audit_log(&staff, &format!("?actor={id}")).await;
    let recorded: Vec<_> = own.iter().map(|row| (&row["path"], &row["at"])).collect();
    assert_eq!(
        recorded,
        [
            (&json!("/api/consultations"), &json!("2026-11-23T01:00:03Z")),
            (&json!("/api/auth/password"), &json!("2026-11-23T01:00:00Z")),
        ]
    );
    assert_eq!(
        audit_log(&staff, &format!("?actor={}", Uuid::new_v4())).await,
        [json!(null); 0]
    );
    for query in ["?limit=0", "?after=x", "?actor=x"] {
        let answer = staff.get(&format!("/api/audit{query}")).send().await;
        assert_eq!(answer.problem(), (422, "wrong-query".to_owned()), "{query}");
    }
}

#[tokio::test]
async fn changed_password_is_not_in_the_audit_log() {
    let fixture = AccountFixture::new().await;
    fixture.create_staff_account("gwanri").await;
    let cookie = fixture.cookie("gwanri").await;
    let body = json!({ "current": PASSWORD, "password": "목요일에는 칼국수를 먹자" });
    assert_eq!(
        fixture
            .gateway
            .post("/api/auth/password/change")
            .cookie(&cookie)
            .json(&body)
            .send()
            .await
            .status,
        204
    );
    let text = all_rows(&fixture.gateway).await;
    assert!(
        text.contains("{current,password}") && !text.contains("먹자"),
        "{text}"
    );
}

/// The role, actor, path, location and status of a row.
fn summary(row: &Value) -> [&Value; 5] {
    ["role", "actor", "path", "location", "status"].map(|field| &row[field])
}

#[tokio::test]
async fn invitation_and_set_password_are_recorded_with_the_account() {
    let fixture = AccountFixture::new().await;
    let (person, account) = fixture
        .create_person_account("haneul", Role::Salesman)
        .await;
    assert_ne!(person, account);
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let (location, actor) = (
        json!(format!("/api/accounts/{account}")),
        json!(identity(Role::Staff).subject),
    );
    let rows = audit_log(&staff, "").await;
    assert_eq!(rows.len(), 2);
    // Both rows have the same time, so their order is undefined.
    let row_of = |path: &str| rows.iter().find(|row| row["path"] == path).unwrap();
    let set = [
        &json!("salesman"),
        &json!(account),
        &json!("/api/auth/password"),
        &location,
        &json!(204),
    ];
    assert_eq!(summary(row_of("/api/auth/password")), set);
    assert_eq!(
        row_of("/api/auth/password")["fields"],
        json!(["password", "token"])
    );
    let invited = [
        &json!("staff"),
        &actor,
        &json!("/api/accounts/invitations"),
        &location,
        &json!(201),
    ];
    assert_eq!(summary(row_of("/api/accounts/invitations")), invited);
    // A request with an invalid token is not recorded.
    let invalid = json!({ "token": "x", "password": PASSWORD });
    assert_eq!(
        fixture
            .gateway
            .post("/api/auth/password")
            .json(&invalid)
            .send()
            .await
            .status,
        422
    );
    assert_eq!(audit_log(&staff, "").await.len(), 2);
}

#[tokio::test]
async fn invitation_from_the_command_line_is_recorded_as_system() {
    let fixture = AccountFixture::new().await;
    let (account, _) = fixture.invite_staff("gwanri").await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let rows = audit_log(&staff, "").await;
    let location = json!(format!("/api/accounts/{account}"));
    let path = json!("/api/accounts/invitations");
    assert_eq!(rows.len(), 1);
    assert_eq!(
        summary(&rows[0]),
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
async fn password_is_not_set_if_that_cannot_be_recorded() {
    let fixture = AccountFixture::new().await;
    let (_, token) = fixture.invite_staff("gwanri").await;
    sqlx::query("alter table audit rename to elsewhere")
        .execute(fixture.gateway.db.pool())
        .await
        .unwrap();
    let set = || {
        fixture
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
        .execute(fixture.gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(set().await.status, 204);
}

#[tokio::test]
async fn location_of_a_created_item_is_recorded_without_values() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    assert_eq!(
        staff.post("/api/consultations/created").send().await.status,
        201
    );
    assert_eq!(
        audit_log(&staff, "").await[0]["location"],
        "/api/consultations/…"
    );
}

/// Writes of two members of staff on two days: a salesman is edited twice, the second time in vain;
/// another one is invited.
async fn fixture_with_writes() -> (AccountFixture, Uuid) {
    let fixture = AccountFixture::new().await;
    let salesman = fixture.insert_person("김하늘", Role::Salesman).await;
    let (one, two) = (identity(Role::Staff), identity(Role::Staff));
    let write = async |staff: &Identity, method: Method, path: String, body: Value| {
        fixture.clock.advance(TimeDelta::seconds(1));
        let caller = fixture.gateway.caller(staff).await;
        caller.request(method, &path).json(&body).send().await;
    };
    let edit = json!({ "capacity": 3 });
    let path = format!("/api/salesmen/{salesman}");
    write(&one, Method::PATCH, path.clone(), edit.clone()).await;
    // 2026-11-24T00:00:00+09:00, to the second.
    fixture
        .clock
        .advance(TimeDelta::hours(14) - TimeDelta::seconds(2));
    let unknown = format!("{path}/unknown/{ID}");
    write(&two, Method::PATCH, unknown, edit).await;
    let invite = json!({ "salesmanId": salesman, "login": "haneul" });
    let path = "/api/accounts/invitations".to_owned();
    write(&two, Method::POST, path.clone(), invite.clone()).await;
    write(&one, Method::POST, path, json!({ "login": "" })).await;
    (fixture, salesman)
}

/// Which entries the query finds, by their statuses and actions.
async fn found(fixture: &AccountFixture, query: &str) -> Vec<(i64, String)> {
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let rows = audit_log(&staff, &format!("?{query}")).await;
    rows.iter()
        .map(|row| {
            (
                row["status"].as_i64().unwrap(),
                row["action"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

const EDIT: &str = "PATCH /api/salesmen/{id}";
const UNKNOWN: &str = "PATCH /api/salesmen/{id}/unknown/{id}";
const INVITE: &str = "POST /api/accounts/invitations";

#[tokio::test]
async fn audit_log_is_found_by_action_subject_outcome_and_days() {
    let (fixture, salesman) = fixture_with_writes().await;
    let entry = |status: i64, action: &str| (status, action.to_owned());
    let [refused, invited, other, edited] = [
        entry(422, INVITE),
        entry(201, INVITE),
        entry(200, UNKNOWN),
        entry(200, EDIT),
    ];
    let all = vec![
        refused.clone(),
        invited.clone(),
        other.clone(),
        edited.clone(),
    ];
    assert_eq!(found(&fixture, "limit=100").await, all);
    for (query, expected) in [
        (
            "action=POST%20/api/accounts/invitations".to_owned(),
            vec![refused.clone(), invited.clone()],
        ),
        (
            "action=PATCH%20/api/salesmen/%7Bid%7D&action=DELETE%20/api/me".to_owned(),
            vec![edited.clone()],
        ),
        (
            format!("subject={salesman}"),
            vec![other.clone(), edited.clone()],
        ),
        ("outcome=refused".to_owned(), vec![refused.clone()]),
        (
            "outcome=done".to_owned(),
            vec![invited.clone(), other.clone(), edited.clone()],
        ),
        ("until=2026-11-23".to_owned(), vec![edited.clone()]),
        (
            "from=2026-11-24".to_owned(),
            vec![refused.clone(), invited.clone(), other.clone()],
        ),
        (
            "from=2026-11-24&until=2026-11-24&outcome=refused".to_owned(),
            vec![refused],
        ),
        ("from=2026-11-25".to_owned(), vec![]),
        ("from=&until=&action=&subject=&outcome=".to_owned(), all),
    ] {
        assert_eq!(found(&fixture, &query).await, expected, "{query}");
    }
    // The new account is in the answer's Location.
    let account: Uuid = sqlx::query_scalar("select id from account where person_id = $1")
        .bind(salesman)
        .fetch_one(fixture.gateway.db.pool())
        .await
        .unwrap();
    assert_eq!(
        found(&fixture, &format!("subject={account}")).await,
        [invited]
    );
}

#[tokio::test]
async fn audit_entry_names_its_subject() {
    let (fixture, salesman) = fixture_with_writes().await;
    let staff = fixture.gateway.caller(&identity(Role::Staff)).await;
    let rows = audit_log(&staff, "").await;
    let names: Vec<&Value> = rows.iter().map(|row| &row["subjectName"]).collect();
    assert_eq!(
        names,
        [
            &Value::Null,
            &json!("김하늘"),
            &json!("김하늘"),
            &json!("김하늘")
        ]
    );
    assert_eq!(rows[3]["subject"], json!(salesman));
    assert_eq!(rows[0]["subject"], Value::Null);
}

#[tokio::test]
async fn filter_of_the_audit_log_that_cannot_be_read_is_refused() {
    let gateway = start().await;
    let staff = gateway.caller(&identity(Role::Staff)).await;
    for query in [
        "subject=x",
        "outcome=perhaps",
        "from=soon",
        "from=2026-11-25&until=2026-11-24",
    ] {
        let answer = staff.get(&format!("/api/audit?{query}")).send().await;
        assert_eq!(answer.problem(), (422, "wrong-query".to_owned()), "{query}");
    }
    for query in ["from=0001-01-01", "until=9999-12-31", "until=0001-01-01"] {
        let answer = staff.get(&format!("/api/audit?{query}")).send().await;
        assert_eq!(answer.status, 200, "{query}");
    }
}
