//! Registering salesmen and consultants.

use axum::http::{Method, StatusCode, header};
use events::{Category, Region};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{registration, start};

const STAFF: Uuid = Uuid::from_u128(0x57AFF);
const PHONE: &str = "010-1234-5678";

pub(crate) async fn count_salesmen(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from salesman")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn register_is_active_and_publishes_one_event() {
    let app = start().await;
    let body = json!({
        "name": "김영업", "displayName": "영업 김", "phone": " 010 1234-5678",
        "role": "consultant", "regions": ["서울", "경기"], "categories": ["기술"],
        "capacity": 0, "weight": 3,
    });
    let answer = app.as_staff().post("/salesmen", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.headers[header::ETAG], "\"1\"");
    let (location, view) = (
        answer.headers[header::LOCATION]
            .to_str()
            .unwrap()
            .to_owned(),
        answer.json,
    );
    assert_eq!(
        location,
        format!("/salesmen/{}", view["id"].as_str().unwrap())
    );
    let mut expected = body;
    for (name, value) in [
        ("id", view["id"].clone()),
        ("phone", json!("+821012345678")),
        ("active", json!(true)),
        ("leave", Value::Null),
        ("onLeave", json!(false)),
        ("successCount", json!(0)),
        ("failureCount", json!(0)),
        ("openCount", json!(0)),
        ("successRate", Value::Null),
        ("version", json!(1)),
    ] {
        expected[name] = value;
    }
    assert_eq!(view, expected);
    let payload = json!({
        "salesmanId": view["id"],
        "displayName": "영업 김",
        "role": "consultant",
        "regions": ["서울", "경기"],
        "categories": ["기술"],
        "capacity": 0,
        "weight": 3,
        "active": true,
        "actor": { "role": "staff", "id": STAFF },
    });
    assert_eq!(
        app.new_events().await,
        [("ktgg.SalesmanRegistered.v1".to_owned(), 1, payload)]
    );
    let id = view["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        app.as_consultant(id).get("/salesmen/me").await.expect(200),
        view
    );
}

#[tokio::test]
async fn events_contain_no_phone_number_and_no_full_name() {
    let app = start().await;
    let body = json!({ "name": "홍길동", "displayName": "길동이", "phone": PHONE });
    app.as_staff().post("/salesmen", &body).await.expect(201);
    let events = format!("{:?}", app.new_events().await);
    for secret in ["1234", "5678", "홍길동"] {
        assert!(!events.contains(secret), "{secret} is in {events}");
    }
}

#[tokio::test]
async fn register_with_name_and_phone_uses_defaults() {
    let app = start().await;
    let view = app
        .as_staff()
        .post("/salesmen", &registration(PHONE))
        .await
        .expect(201);
    assert_eq!(
        (&view["role"], &view["displayName"], &view["capacity"]),
        (&json!("salesman"), &json!("김영업"), &json!(30))
    );
    assert_eq!(
        (&view["regions"], &view["categories"], &view["weight"]),
        (&json!([]), &json!([]), &json!(1))
    );
}

#[tokio::test]
async fn phone_number_is_unique_in_any_format() {
    let app = start().await;
    app.as_staff()
        .post("/salesmen", &registration(PHONE))
        .await
        .expect(201);
    app.new_events().await;
    for typed in [PHONE, "+82 10 1234 5678", "01012345678"] {
        assert_eq!(
            app.as_staff()
                .post("/salesmen", &registration(typed))
                .await
                .problem(409)
                .0,
            "phone-taken",
            "{typed}"
        );
    }
    let (staff, body) = (app.as_staff(), registration("010-2222-3333"));
    let (a, b) = tokio::join!(
        staff.post("/salesmen", &body),
        staff.post("/salesmen", &body)
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    assert_eq!(
        (count_salesmen(&app).await, app.new_events().await.len()),
        (2, 1)
    );
}

#[tokio::test]
async fn unreadable_body_changes_nothing() {
    let app = start().await;
    let staff = app.as_staff();
    let send = async |kind: &str, body: &[u8]| {
        staff
            .send(
                Method::POST,
                "/salesmen",
                &[("content-type", kind)],
                body.to_vec(),
            )
            .await
    };
    for broken in ["{", "", "[", "{} {}"] {
        assert_eq!(
            send("application/json", broken.as_bytes())
                .await
                .problem(400)
                .0,
            "not-json",
            "{broken:?}"
        );
    }
    for kind in ["text/plain", ""] {
        assert_eq!(
            send(kind, b"{}").await.problem(415).0,
            "wrong-content-type",
            "{kind:?}"
        );
    }
    for other in ["[]", r#"["김영업", null, "010-1234-5678"]"#, "7", "null"] {
        let shape = vec![(String::new(), "wrong-type".to_owned())];
        assert_eq!(
            send("application/json", other.as_bytes())
                .await
                .problem(422),
            ("wrong-fields".to_owned(), shape),
            "{other}"
        );
    }
    let large = format!("{{\"name\": \"{}\"}}", "가".repeat(700_000));
    assert_eq!(
        send("application/json", large.as_bytes())
            .await
            .problem(413)
            .0,
        "too-large"
    );
    assert_eq!(
        (count_salesmen(&app).await, app.new_events().await.len()),
        (0, 0)
    );
}

#[tokio::test]
async fn invalid_fields_are_reported_together() {
    let app = start().await;
    for (body, expected) in [
        (
            json!({}),
            vec![("/name", "required"), ("/phone", "required")],
        ),
        (
            json!({
                "name": "가".repeat(101), "displayName": "a\u{0}", "phone": "112", "role": "boss",
                "regions": "서울", "categories": ["마법"], "capacity": 1001, "weight": 0,
            }),
            vec![
                ("/name", "too-long"),
                ("/displayName", "control-character"),
                ("/phone", "wrong-type"),
                ("/role", "wrong-type"),
                ("/regions", "wrong-type"),
                ("/categories", "wrong-type"),
                ("/capacity", "too-large"),
                ("/weight", "out-of-range"),
            ],
        ),
        (
            json!({ "name": " ", "phone": 1_012_345_678, "capacity": -1, "weight": 101 }),
            vec![
                ("/name", "required"),
                ("/phone", "wrong-type"),
                ("/capacity", "wrong-type"),
                ("/weight", "out-of-range"),
            ],
        ),
    ] {
        let answer = app.as_staff().post("/salesmen", &body).await;
        // The answer does not repeat a phone number, not even an invalid one.
        assert!(
            !answer.json.to_string().contains("1012345678"),
            "{}",
            answer.json
        );
        let (slug, mut found) = answer.problem(422);
        let mut expected: Vec<_> = expected
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        found.sort();
        expected.sort();
        assert_eq!((slug.as_str(), found), ("wrong-fields", expected), "{body}");
    }
    assert_eq!(
        (count_salesmen(&app).await, app.new_events().await.len()),
        (0, 0)
    );
}

#[tokio::test]
async fn repeated_idempotency_key_gives_the_same_answer() {
    let app = start().await;
    let first = app
        .as_staff()
        .post_with_key("/salesmen", "k-1", &registration(PHONE))
        .await;
    let again = app
        .as_staff()
        .post_with_key("/salesmen", "k-1", &registration(PHONE))
        .await;
    assert_eq!(
        (first.status, &first.headers[header::LOCATION]),
        (again.status, &again.headers[header::LOCATION])
    );
    assert_eq!(first.json, again.json);
    let other = registration("010-2222-3333");
    assert_eq!(
        app.as_staff()
            .post_with_key("/salesmen", "k-1", &other)
            .await
            .problem(422)
            .0,
        "idempotency-key-reused"
    );
    assert_eq!(
        (count_salesmen(&app).await, app.new_events().await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn concurrent_idempotency_key_is_refused() {
    let app = start().await;
    let mut concurrent = app.pool().begin().await.unwrap();
    let lock = "select pg_advisory_xact_lock(
                    hashtextextended(current_schema() || '/' || $1::text || '/' || $2, 1))";
    sqlx::query(lock)
        .bind(STAFF)
        .bind("k")
        .execute(&mut *concurrent)
        .await
        .unwrap();
    assert_eq!(
        app.as_staff()
            .post_with_key("/salesmen", "k", &registration(PHONE))
            .await
            .problem(409)
            .0,
        "write-in-flight"
    );
    concurrent.rollback().await.unwrap();
    app.as_staff()
        .post_with_key("/salesmen", "k", &registration(PHONE))
        .await
        .expect(201);
    assert_eq!(
        (count_salesmen(&app).await, app.new_events().await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn concurrent_identical_writes_create_once() {
    let app = start().await;
    let (staff, body) = (app.as_staff(), registration(PHONE));
    let send = || staff.post_with_key("/salesmen", "k", &body);
    let (a, b, c) = tokio::join!(send(), send(), send());
    for answer in [&a, &b, &c] {
        let in_flight = answer.json["type"] == "/problems/write-in-flight";
        assert!(answer.status == 201 || in_flight, "{}", answer.json);
    }
    assert_eq!(
        (count_salesmen(&app).await, app.new_events().await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn repeated_regions_and_categories_are_removed() {
    let app = start().await;
    let (regions, categories): (Vec<_>, Vec<_>) = (
        Region::ALL.map(Region::as_str).to_vec(),
        Category::ALL.map(Category::as_str).to_vec(),
    );
    let mut body = registration(PHONE);
    body["regions"] = json!([regions.clone(), regions.clone()].concat());
    body["categories"] = json!([categories.clone(), categories.clone()].concat());
    let view = app.as_staff().post("/salesmen", &body).await.expect(201);
    assert_eq!(
        (&view["regions"], &view["categories"]),
        (&json!(regions), &json!(categories))
    );
}
