//! Staff update salesmen and consultants.

use axum::http::{Method, header};
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{register, registration, start};

const PHONE: &str = "010-1234-5678";
const STAFF: Uuid = Uuid::from_u128(0x57AFF);

/// Registers a salesman and returns the path.
async fn register_path(app: &TestApp) -> String {
    let id = register(app, PHONE).await;
    app.new_events().await;
    format!("/salesmen/{id}")
}

#[tokio::test]
async fn update_changes_fields_and_publishes_the_profile() {
    let app = start().await;
    let path = register_path(&app).await;
    let update = json!({
        "name": "김대표", "displayName": "영업 김", "phone": "010-2222-3333", "role": "salesman",
        "regions": ["경기", "서울", "경기"], "categories": ["수출"], "capacity": 0, "weight": 100,
        "active": false, "leave": { "from": "2026-11-20", "until": "2026-11-23" },
    });
    let answer = app.as_staff().patch_if(&path, 1, &update).await;
    assert_eq!(answer.headers[header::ETAG], "\"2\"");
    let view = answer.expect(200);
    let expected = json!({
        "id": view["id"], "name": "김대표", "displayName": "영업 김", "phone": "+821022223333",
        "role": "salesman", "regions": ["서울", "경기"], "categories": ["수출"], "capacity": 0,
        "weight": 100, "active": false,
        "leave": { "from": "2026-11-20", "until": "2026-11-23", "handOver": false },
        "onLeave": true, "successCount": 0, "failureCount": 0, "openCount": 0,
        "successRate": null, "version": 2,
    });
    assert_eq!(view, expected);
    let payload = json!({
        "salesmanId": view["id"], "displayName": "영업 김", "role": "salesman",
        "regions": ["서울", "경기"], "categories": ["수출"], "capacity": 0, "weight": 100,
        "active": false, "leave": { "from": "2026-11-20", "until": "2026-11-23" },
        "actor": { "role": "staff", "id": STAFF },
    });
    assert_eq!(
        app.new_events().await,
        [("ktgg.SalesmanUpdated.v1".to_owned(), 2, payload)]
    );
    let shown = app.as_staff().get(&path).await.expect(200);
    assert!(
        expected
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, value)| shown[name] == *value),
        "{shown}"
    );
}

#[tokio::test]
async fn update_of_name_or_phone_publishes_neither() {
    let app = start().await;
    let path = register_path(&app).await;
    let updates = [
        json!({ "name": "홍길동" }),
        json!({ "phone": "010-9876-5432" }),
    ];
    for (version, update) in (1..).zip(updates) {
        assert_eq!(
            app.as_staff()
                .patch_if(&path, version, &update)
                .await
                .expect(200)["version"],
            version + 1
        );
        let events = app.new_events().await;
        let [(name, event_version, payload)] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(
            (name.as_str(), *event_version),
            ("ktgg.SalesmanUpdated.v1", version + 1)
        );
        assert_eq!(
            (&payload["displayName"], payload.get("leave")),
            (&json!("김영업"), None)
        );
        for secret in ["홍길동", "9876", "5432"] {
            assert!(
                !payload.to_string().contains(secret),
                "{secret} is in {payload}"
            );
        }
    }
}

#[tokio::test]
async fn update_without_difference_publishes_nothing() {
    let app = start().await;
    let path = register_path(&app).await;
    let same = json!({
        "name": " 김영업 ", "displayName": "김영업", "phone": "+82 10 1234 5678",
        "role": "salesman", "regions": [], "categories": [], "capacity": 30, "weight": 1,
        "active": true, "leave": null,
    });
    for update in [
        json!({}),
        same,
        json!({ "name": null, "phone": null, "active": null }),
    ] {
        let answer = app.as_staff().patch_if(&path, 1, &update).await;
        assert_eq!(answer.headers[header::ETAG], "\"1\"", "{update}");
        assert_eq!(answer.expect(200)["version"], 1, "{update}");
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn leave_is_set_and_cleared_and_absent_fields_stay() {
    let app = start().await;
    let (path, staff) = (register_path(&app).await, app.as_staff());
    let leave = json!({ "from": "2026-11-24", "until": "2026-11-25", "handOver": true });
    staff
        .patch_if(&path, 1, &json!({ "leave": leave }))
        .await
        .expect(200);
    assert_eq!(
        staff
            .patch_if(&path, 2, &json!({ "capacity": 5 }))
            .await
            .expect(200)["leave"],
        leave
    );
    assert_eq!(
        staff
            .patch_if(&path, 3, &json!({ "leave": null }))
            .await
            .expect(200)["leave"],
        Value::Null
    );
    assert_eq!(app.new_events().await.len(), 3);
}

#[tokio::test]
async fn on_leave_covers_both_days_in_seoul() {
    let app = start().await;
    let id = register(&app, PHONE).await;
    let leave = json!({ "leave": { "from": "2026-11-24", "until": "2026-11-25" } });
    app.as_staff()
        .patch_if(&format!("/salesmen/{id}"), 1, &leave)
        .await
        .expect(200);
    // 10:00 on the 23rd; then 01:00 on the 24th, when it is still the 23rd in UTC.
    for (hours, on_leave) in [(0, false), (15, true), (24, true), (24, false)] {
        app.clock().advance(TimeDelta::hours(hours));
        assert_eq!(
            app.as_salesman(id).get("/salesmen/me").await.expect(200)["onLeave"],
            on_leave
        );
        assert_eq!(
            app.as_staff().get("/salesmen").await.expect(200)["items"][0]["onLeave"],
            on_leave
        );
        assert_eq!(
            app.as_staff()
                .get(&format!("/salesmen/{id}"))
                .await
                .expect(200)["onLeave"],
            on_leave
        );
    }
}

#[tokio::test]
async fn invalid_update_reports_all_fields_and_changes_nothing() {
    let app = start().await;
    let (path, staff) = (register_path(&app).await, app.as_staff());
    for (update, expected) in [
        (
            json!({
                "name": "", "displayName": " ", "phone": "112", "role": "consultant",
                "regions": ["평양"], "categories": "기술", "capacity": 1001, "weight": 0,
                "active": "yes", "leave": { "from": "2026-12-02", "until": "2026-12-01" },
            }),
            vec![
                ("/name", "required"),
                ("/displayName", "required"),
                ("/phone", "wrong-type"),
                ("/role", "fixed"),
                ("/regions", "wrong-type"),
                ("/categories", "wrong-type"),
                ("/capacity", "too-large"),
                ("/weight", "out-of-range"),
                ("/active", "wrong-type"),
                ("/leave/until", "before-from"),
            ],
        ),
        (
            json!({
                "name": "가".repeat(101), "displayName": "a\u{0}", "role": "boss", "capacity": -1,
                "weight": 101, "leave": { "from": "2026-12-01", "until": "2027-12-02" },
            }),
            vec![
                ("/name", "too-long"),
                ("/displayName", "control-character"),
                ("/role", "wrong-type"),
                ("/capacity", "wrong-type"),
                ("/weight", "out-of-range"),
                ("/leave/until", "too-long"),
            ],
        ),
        (
            json!({ "leave": {} }),
            vec![("/leave/from", "required"), ("/leave/until", "required")],
        ),
        (
            json!({ "leave": { "from": "tomorrow", "until": null } }),
            vec![("/leave/from", "wrong-type"), ("/leave/until", "required")],
        ),
        (
            json!({ "leave": ["2026-12-01", "2026-12-02"] }),
            vec![("/leave", "wrong-type")],
        ),
        (
            json!({ "leave": { "from": "1999-12-01", "until": "1999-12-02" } }),
            vec![("/leave", "out-of-range")],
        ),
        (
            json!({ "leave": { "from": "+12026-12-01", "until": "2026-12-2" } }),
            vec![
                ("/leave/from", "wrong-type"),
                ("/leave/until", "wrong-type"),
            ],
        ),
    ] {
        let (slug, mut found) = staff.patch_if(&path, 1, &update).await.problem(422);
        let mut expected: Vec<_> = expected
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(
            (slug.as_str(), found),
            ("wrong-fields", expected),
            "{update}"
        );
    }
    assert_eq!(staff.get(&path).await.expect(200)["version"], 1);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn update_to_a_taken_phone_number_is_refused() {
    let app = start().await;
    let path = register_path(&app).await;
    let other = register(&app, "010-2222-3333").await;
    app.new_events().await;
    let update = json!({ "phone": "+82 10 2222 3333", "name": "김대표" });
    assert_eq!(
        app.as_staff()
            .patch_if(&path, 1, &update)
            .await
            .problem(409)
            .0,
        "phone-taken"
    );
    assert_eq!(
        app.as_staff().get(&path).await.expect(200)["name"],
        "김영업"
    );
    assert!(app.new_events().await.is_empty());
    // The number is free once the other person has a new one.
    app.as_staff()
        .patch_if(
            &format!("/salesmen/{other}"),
            1,
            &json!({ "phone": "010-3333-4444" }),
        )
        .await
        .expect(200);
    app.as_staff().patch_if(&path, 1, &update).await.expect(200);
    assert_eq!(
        app.as_staff()
            .post("/salesmen", &registration("010-2222-3333"))
            .await
            .problem(409)
            .0,
        "phone-taken"
    );
}

#[tokio::test]
async fn concurrent_updates_to_one_phone_number_conflict() {
    let app = start().await;
    let (one, two) = (
        register(&app, PHONE).await,
        register(&app, "010-2222-3333").await,
    );
    app.new_events().await;
    let (staff, update) = (app.as_staff(), json!({ "phone": "010-5555-6666" }));
    let (one, two) = (format!("/salesmen/{one}"), format!("/salesmen/{two}"));
    let (a, b) = tokio::join!(
        staff.patch_if(&one, 1, &update),
        staff.patch_if(&two, 1, &update)
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!((statuses, app.new_events().await.len()), ([200, 409], 1));
}

#[tokio::test]
async fn update_requires_the_current_version() {
    let app = start().await;
    let (path, staff) = (register_path(&app).await, app.as_staff());
    let json = ("content-type", "application/json");
    let body = br#"{"capacity": 5}"#.to_vec();
    assert_eq!(
        staff
            .send(Method::PATCH, &path, &[json], body.clone())
            .await
            .problem(428)
            .0,
        "if-match-required"
    );
    for stale in ["\"2\"", "\"0\"", "\"x\""] {
        let answer = staff
            .send(
                Method::PATCH,
                &path,
                &[json, ("if-match", stale)],
                body.clone(),
            )
            .await;
        assert_eq!(
            (
                answer.json["current"].clone(),
                answer.problem(412).0.as_str()
            ),
            (json!(1), "stale-version"),
            "{stale}"
        );
    }
    let headers = [json, ("if-match", "1")];
    let malformed = staff.send(Method::PATCH, &path, &headers, body.clone());
    assert_eq!(malformed.await.problem(400).0, "wrong-if-match");
    assert_eq!(
        staff
            .send(Method::PATCH, &path, &[json, ("if-match", "*")], body)
            .await
            .expect(200)["version"],
        2
    );
    let (six, seven) = (json!({ "capacity": 6 }), json!({ "capacity": 7 }));
    let (a, b) = tokio::join!(
        staff.patch_if(&path, 2, &six),
        staff.patch_if(&path, 2, &seven)
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!((statuses, app.new_events().await.len()), ([200, 412], 2));
}

#[tokio::test]
async fn unreadable_update_changes_nothing() {
    let app = start().await;
    let (path, staff) = (register_path(&app).await, app.as_staff());
    let send = async |kind: &str, body: &[u8]| {
        staff
            .send(
                Method::PATCH,
                &path,
                &[("content-type", kind), ("if-match", "\"1\"")],
                body.to_vec(),
            )
            .await
    };
    assert_eq!(
        send("application/json", b"{").await.problem(400).0,
        "not-json"
    );
    assert_eq!(
        send("text/plain", b"{}").await.problem(415).0,
        "wrong-content-type"
    );
    assert_eq!(
        send("application/json", b"[]").await.problem(422).0,
        "wrong-fields"
    );
    let repeated = br#"{"capacity": 1, "capacity": 2}"#;
    assert_eq!(
        send("application/json", repeated).await.problem(422).1,
        [("/capacity".to_owned(), "repeated".to_owned())]
    );
    let repeated = br#"{"leave": null, "leave": null}"#;
    assert_eq!(
        send("application/json", repeated).await.problem(422).1,
        [("/leave".to_owned(), "repeated".to_owned())]
    );
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(300_000));
    assert_eq!(
        send("application/json", large.as_bytes())
            .await
            .problem(413)
            .0,
        "too-large"
    );
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn region_that_replaced_others_is_kept_and_published_with_them() {
    let app = start().await;
    let path = register_path(&app).await;
    for (chosen, published, names) in [
        (
            json!(["전남광주", "제주"]),
            json!(["제주", "광주", "전남"]),
            Some(json!(["제주", "전남광주"])),
        ),
        (json!(["광주"]), json!(["광주"]), None),
    ] {
        let version = app.as_staff().get(&path).await.expect(200)["version"].clone();
        let update = json!({ "regions": chosen });
        let edited = app
            .as_staff()
            .patch_if(&path, version.as_i64().unwrap(), &update)
            .await
            .expect(200);
        let shown = names.clone().unwrap_or(published.clone());
        assert_eq!(edited["regions"], shown);
        assert_eq!(
            app.as_staff().get(&path).await.expect(200)["regions"],
            shown
        );
        let event = &app.new_events().await[0].2;
        assert_eq!(
            (&event["regions"], event.get("regionNames")),
            (&published, names.as_ref())
        );
    }
}
