//! Registering, listing and reading salesmen, and refused requests.

use axum::http::{Method, StatusCode, header};
use chrono::TimeDelta;
use events::{Category, Region};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{SALESMAN, consultation_match, registration, start};

const JSON: (&str, &str) = ("content-type", "application/json");
const STAFF: Uuid = Uuid::from_u128(0x57AFF);
const PHONE: &str = "010-1234-5678";

async fn rows(app: &TestApp) -> i64 {
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
    assert_eq!((rows(&app).await, app.new_events().await.len()), (2, 1));
}

#[tokio::test]
async fn anonymous_is_refused() {
    let app = start().await;
    for (method, path) in [
        (Method::GET, "/salesmen"),
        (Method::POST, "/salesmen"),
        (Method::GET, "/salesmen/x"),
        (Method::PATCH, "/salesmen/x"),
        (Method::GET, "/salesmen/x/card"),
        (Method::GET, "/salesmen/me"),
        (Method::GET, "/salesmen/me/notifications"),
        (Method::POST, "/salesmen/me/notifications/read"),
    ] {
        let answer = app
            .anyone()
            .send(method.clone(), path, &[], b"no json".to_vec())
            .await;
        assert_eq!(
            answer.headers[header::WWW_AUTHENTICATE],
            "Bearer",
            "{method} {path}"
        );
        assert_eq!(answer.problem(401).0, "sign-in-required", "{method} {path}");
    }
}

#[tokio::test]
async fn other_roles_are_refused() {
    let app = start().await;
    for (role, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(SALESMAN)),
    ] {
        assert_eq!(
            caller
                .post("/salesmen", &registration(PHONE))
                .await
                .problem(403)
                .0,
            "not-allowed",
            "{role}"
        );
        for path in ["/salesmen".to_owned(), format!("/salesmen/{SALESMAN}")] {
            assert_eq!(
                caller.get(&path).await.problem(403).0,
                "not-allowed",
                "{role} {path}"
            );
        }
        // The role is checked first: neither the body nor the missing If-Match is reported.
        let answer = caller
            .send(
                Method::PATCH,
                &format!("/salesmen/{SALESMAN}"),
                &[],
                b"no json".to_vec(),
            )
            .await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{role}");
    }
    for (role, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("staff", app.as_staff()),
    ] {
        for path in ["/salesmen/me", "/salesmen/me/notifications"] {
            assert_eq!(
                caller.get(path).await.problem(403).0,
                "not-allowed",
                "{role} {path}"
            );
        }
        let answer = caller
            .send(
                Method::POST,
                "/salesmen/me/notifications/read",
                &[],
                b"no json".to_vec(),
            )
            .await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{role}");
    }
    for (role, caller) in [
        ("staff", app.as_staff()),
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(SALESMAN)),
    ] {
        assert_eq!(
            caller
                .get(&format!("/salesmen/{SALESMAN}/card"))
                .await
                .problem(403)
                .0,
            "not-allowed",
            "{role}"
        );
    }
    assert_eq!((rows(&app).await, app.new_events().await.len()), (0, 0));
}

#[tokio::test]
async fn salesman_sees_only_the_own_profile() {
    let app = start().await;
    let me = app
        .as_staff()
        .post("/salesmen", &registration(PHONE))
        .await
        .expect(201);
    app.as_staff()
        .post("/salesmen", &registration("010-2222-3333"))
        .await
        .expect(201);
    let id = me["id"].as_str().unwrap().parse().unwrap();
    let shown = app.as_salesman(id).get("/salesmen/me").await;
    assert_eq!(shown.headers[header::ETAG], "\"1\"");
    assert_eq!(shown.expect(200), me);
    assert_eq!(
        app.as_salesman(Uuid::from_u128(0x404))
            .get("/salesmen/me")
            .await
            .problem(404)
            .0,
        "not-found"
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
    assert_eq!((rows(&app).await, app.new_events().await.len()), (0, 0));
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
    assert_eq!((rows(&app).await, app.new_events().await.len()), (0, 0));
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
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
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
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
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
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
}

/// Every id of a list, page by page. Checks that the `Link` header agrees with `next`.
async fn paged(app: &TestApp, path: &str, limit: usize) -> Vec<Uuid> {
    let caller = if path == "/salesmen" {
        app.as_staff()
    } else {
        app.as_salesman(SALESMAN)
    };
    let (mut ids, mut url) = (Vec::new(), format!("{path}?limit={limit}"));
    loop {
        let answer = caller.get(&url).await;
        let link = answer
            .headers
            .get(header::LINK)
            .map(|link| link.to_str().unwrap().to_owned());
        let page = answer.expect(200);
        ids.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()),
        );
        let Some(next) = page.get("next") else {
            assert_eq!(link, None);
            return ids;
        };
        let next = next.as_str().unwrap();
        assert_eq!(
            link,
            Some(format!("<?limit={limit}&after={next}>; rel=\"next\""))
        );
        url = format!("{path}?limit={limit}&after={next}");
    }
}

#[tokio::test]
async fn pages_have_no_gaps_and_no_repeats() {
    let app = start().await;
    let mut people = Vec::new();
    for n in 0..7_i32 {
        app.clock().advance(TimeDelta::minutes(i64::from(n % 2)));
        let view = app
            .as_staff()
            .post("/salesmen", &registration(&format!("010-1234-000{n}")))
            .await
            .expect(201);
        people.push(view["id"].as_str().unwrap().parse::<Uuid>().unwrap());
        app.deliver(1, &consultation_match(SALESMAN, None)).await;
    }
    people.sort();
    people.reverse();
    let mut notifications: Vec<Uuid> = sqlx::query_scalar("select id from notification")
        .fetch_all(app.pool())
        .await
        .unwrap();
    notifications.sort();
    notifications.reverse();
    for limit in [1, 3, 7, 100] {
        assert_eq!(
            paged(&app, "/salesmen", limit).await,
            people,
            "limit {limit}"
        );
        assert_eq!(
            paged(&app, "/salesmen/me/notifications", limit).await,
            notifications,
            "limit {limit}"
        );
    }
    for query in ["limit=0", "limit=101", "after=x"] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/salesmen?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
        let path = format!("/salesmen/me/notifications?{query}");
        assert_eq!(
            app.as_salesman(SALESMAN).get(&path).await.problem(422).0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn problem_is_in_the_callers_language() {
    let app = start().await;
    for (accepted, language, title) in [
        (None, "ko", "입력한 내용을 확인해 주세요"),
        (Some("en-US,ko;q=0.5"), "en", "Some fields are wrong"),
    ] {
        let mut headers = vec![JSON];
        headers.extend(accepted.map(|accepted| ("accept-language", accepted)));
        let answer = app
            .as_staff()
            .send(Method::POST, "/salesmen", &headers, b"{}".to_vec())
            .await;
        assert_eq!(answer.headers[header::CONTENT_LANGUAGE], language);
        assert_eq!(answer.json["title"], title);
    }
}

#[tokio::test]
async fn router_errors_are_problems() {
    let app = start().await;
    assert_eq!(
        app.as_staff().get("/nothing").await.problem(404).0,
        "not-found"
    );
    let answer = app
        .as_staff()
        .send(Method::DELETE, "/salesmen", &[], Vec::new())
        .await;
    assert!(
        answer.headers[header::ALLOW]
            .to_str()
            .unwrap()
            .contains("POST")
    );
    assert_eq!(answer.problem(405).0, "method-not-allowed");
    for (path, status) in [("/salesmen", 200), ("/salesmen/me", 403)] {
        let answer = app
            .as_staff()
            .send(Method::HEAD, path, &[], Vec::new())
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.json),
            (status, Value::Null),
            "{path}"
        );
    }
}

#[tokio::test]
async fn read_with_ktgg_after_waits_or_is_marked_stale() {
    let app = start().await;
    let matched = consultation_match(SALESMAN, None);
    let after = format!("salesman-match/{}@1", matched.match_id);
    let (path, salesman) = ("/salesmen/me/notifications", app.as_salesman(SALESMAN));
    let headers = [("ktgg-after", after.as_str())];
    let (answer, ()) = tokio::join!(
        salesman.send(Method::GET, path, &headers, Vec::new()),
        app.deliver(1, &matched)
    );
    assert!(!answer.headers.contains_key("ktgg-stale"));
    assert_eq!(answer.expect(200)["items"].as_array().unwrap().len(), 1);
    let next = format!("salesman-match/{}@2", matched.match_id);
    let answer = salesman
        .send(Method::GET, path, &[("ktgg-after", &next)], Vec::new())
        .await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.headers["ktgg-stale"].to_str().unwrap()
        ),
        (200, "1")
    );
    let own = format!("salesman/{SALESMAN}@99");
    let answer = salesman
        .send(Method::GET, path, &[("ktgg-after", &own)], Vec::new())
        .await;
    assert!(!answer.headers.contains_key("ktgg-stale"));
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

#[tokio::test]
async fn roster_filters_by_role_active_and_name() {
    let app = start().await;
    let staff = app.as_staff();
    let mut ids = Vec::new();
    for (number, name, display_name, role) in [
        (1, "김하늘", "하늘", "salesman"),
        (2, "이바다", "Bada Lee", "salesman"),
        (3, "박하늘", "100%_", "consultant"),
    ] {
        let phone = format!("010-1111-000{number}");
        let body =
            json!({ "name": name, "displayName": display_name, "phone": phone, "role": role });
        ids.push(staff.post("/salesmen", &body).await.expect(201)["id"].clone());
        app.clock().advance(TimeDelta::seconds(1));
    }
    staff
        .patch_if(
            &format!("/salesmen/{}", ids[1].as_str().unwrap()),
            1,
            &json!({ "active": false }),
        )
        .await
        .expect(200);
    for (query, found) in [
        ("", vec![2, 1, 0]),
        ("role=salesman", vec![1, 0]),
        ("role=consultant", vec![2]),
        ("active=true", vec![2, 0]),
        ("active=false", vec![1]),
        ("q=%ED%95%98%EB%8A%98", vec![2, 0]),
        ("q=bada", vec![1]),
        ("q=%20BADA%20", vec![1]),
        ("q=%25", vec![2]),
        ("q=_", vec![2]),
        ("q=", vec![2, 1, 0]),
        ("q=unknown", vec![]),
        ("q=%ED%95%98%EB%8A%98&role=salesman&active=true", vec![0]),
    ] {
        let page = staff.get(&format!("/salesmen?{query}")).await.expect(200);
        let found: Vec<&Value> = found.into_iter().map(|index: usize| &ids[index]).collect();
        assert_eq!(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| &item["id"])
                .collect::<Vec<_>>(),
            found,
            "{query}"
        );
    }
    let page = staff.get("/salesmen?role=salesman&limit=1").await;
    let link = page.headers[header::LINK].to_str().unwrap().to_owned();
    assert!(link.starts_with("<?role=salesman&limit=1&after="), "{link}");
    let next = page.json["next"].as_str().unwrap();
    let rest = staff
        .get(&format!("/salesmen?role=salesman&limit=1&after={next}"))
        .await
        .expect(200);
    assert_eq!((&rest["items"][0]["id"], rest.get("next")), (&ids[0], None));
}

#[tokio::test]
async fn invalid_roster_filter_is_refused() {
    let app = start().await;
    let long = format!("q={}", "a".repeat(101));
    for query in ["role=boss", "role=", "active=maybe", "q=a%00b", &long] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/salesmen?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn unregistered_person_is_not_found() {
    let app = start().await;
    let staff = app.as_staff();
    for id in [SALESMAN.to_string(), "x".to_owned()] {
        assert_eq!(
            staff.get(&format!("/salesmen/{id}")).await.problem(404).0,
            "not-found",
            "{id}"
        );
        assert_eq!(
            staff
                .patch_if(&format!("/salesmen/{id}"), 1, &json!({}))
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
    }
}
