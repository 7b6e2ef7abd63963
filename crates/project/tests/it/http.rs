//! Creating a project, refused requests, and retries.

use axum::http::{Method, StatusCode, header};
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{STAFF, full_project, minimal_project, start};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn rows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from project")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn creating_a_project_publishes_exactly_one_event() {
    let app = start().await;
    let answer = app.as_staff().post("/projects", &full_project()).await;
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
        format!("/projects/{}", view["id"].as_str().unwrap())
    );
    let period = json!({
        "kind": "range", "text": "2026-03-02 ~ 2026-03-31", "startsOn": "2026-03-02",
        "endsOn": "2026-03-31",
    });
    let mut expected = full_project();
    for (name, value) in [
        ("id", view["id"].clone()),
        ("seriesId", view["seriesId"].clone()),
        ("name", json!("2026년 스마트상점 기술보급사업")),
        ("period", period.clone()),
        ("status", json!("planned")),
        // The deadline has passed although the project was never started.
        ("phase", json!("closed")),
        ("daysLeft", Value::Null),
        ("startedOn", Value::Null),
        ("endedOn", Value::Null),
        ("source", Value::Null),
        ("predecessor", Value::Null),
        ("successor", Value::Null),
        ("version", json!(1)),
    ] {
        expected[name] = value;
    }
    assert_eq!(view, expected);
    let payload = json!({
        "projectId": view["id"],
        "seriesId": view["seriesId"],
        "name": "2026년 스마트상점 기술보급사업",
        "year": 2026,
        "category": "기술",
        "regions": ["서울", "경기"],
        "target": "소상공인",
        "agency": "중소벤처기업부",
        "host": "소상공인시장진흥공단",
        "period": period,
        "status": "planned",
        "actor": { "role": "staff", "id": STAFF },
    });
    assert_eq!(
        app.new_events().await,
        [("ktgg.ProjectCreated.v1".to_owned(), 1, payload)]
    );
    // Every caller may read it, signed in or not.
    let shown = app.anonymous().get(&location).await;
    assert_eq!(shown.headers[header::ETAG], "\"1\"");
    let shown = shown.expect(200);
    let mut with_editions = view.clone();
    with_editions["editions"] = json!([{
        "id": view["id"], "name": view["name"], "year": 2026, "status": "planned",
        "phase": "closed", "period": view["period"],
    }]);
    assert_eq!(shown, with_editions);
    assert_eq!(
        app.as_customer("010-1234-5678")
            .get(&location)
            .await
            .expect(200),
        shown
    );
}

#[tokio::test]
async fn minimal_project_is_accepted() {
    let app = start().await;
    let view = app
        .as_staff()
        .post("/projects", &minimal_project())
        .await
        .expect(201);
    assert_eq!(
        (&view["regions"], &view["host"]),
        (&json!(["전국"]), &json!("중소벤처기업부"))
    );
    assert_eq!(
        view["period"],
        json!({ "kind": "missing", "text": "", "startsOn": null, "endsOn": null })
    );
    for optional in ["target", "scale", "summary", "link"] {
        assert_eq!(view[optional], Value::Null, "{optional}");
    }
}

#[tokio::test]
async fn period_keeps_its_text_and_kind() {
    let app = start().await;
    for (period, kind, text) in [
        (
            json!({ "text": "예산 소진시까지" }),
            "other",
            "예산 소진시까지",
        ),
        (
            json!({ "text": "상시", "kind": "always" }),
            "always",
            "상시",
        ),
        (json!({ "endsOn": "2026-03-31" }), "missing", ""),
        (
            json!({ "text": "3월 한 달", "startsOn": "2026-03-01", "endsOn": "2026-03-31" }),
            "range",
            "3월 한 달",
        ),
        (
            json!({ "startsOn": "2026-03-01", "endsOn": "2026-03-01" }),
            "range",
            "2026-03-01 ~ 2026-03-01",
        ),
    ] {
        let mut body = minimal_project();
        body["period"] = period;
        let view = app.as_staff().post("/projects", &body).await.expect(201);
        assert_eq!(
            (&view["period"]["kind"], &view["period"]["text"]),
            (&json!(kind), &json!(text)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn new_project_joins_a_known_series_or_gets_a_new_one() {
    let app = start().await;
    let first = app
        .as_staff()
        .post("/projects", &minimal_project())
        .await
        .expect(201);
    let mut other = minimal_project();
    other["host"] = json!("창업진흥원");
    let other = app.as_staff().post("/projects", &other).await.expect(201);
    assert_ne!(first["seriesId"], other["seriesId"]);
    let mut next = minimal_project();
    next["seriesId"] = first["seriesId"].clone();
    assert_eq!(
        app.as_staff().post("/projects", &next).await.expect(201)["seriesId"],
        first["seriesId"]
    );
    next["seriesId"] = json!(Uuid::from_u128(0x404));
    let refused = app.as_staff().post("/projects", &next).await.problem(422);
    assert_eq!(refused.1, [("/seriesId".to_owned(), "unknown".to_owned())]);
}

#[tokio::test]
async fn only_staff_can_create_a_project() {
    let app = start().await;
    let answer = app
        .anonymous()
        .send(Method::POST, "/projects", &[], b"no json".to_vec())
        .await;
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
    assert_eq!(answer.problem(401).0, "sign-in-required");
    for (role, caller) in [
        ("customer", app.as_customer("010-1234-5678")),
        ("salesman", app.as_salesman(Uuid::from_u128(1))),
        ("consultant", app.as_consultant(Uuid::from_u128(1))),
    ] {
        assert_eq!(
            caller
                .post("/projects", &full_project())
                .await
                .problem(403)
                .0,
            "not-allowed",
            "{role}"
        );
    }
    // An invalid token is refused even where anonymous callers may read.
    let forged = [("authorization", "Bearer x.y.z")];
    assert_eq!(
        app.anonymous()
            .send(Method::GET, "/projects", &forged, Vec::new())
            .await
            .status,
        401
    );
    assert_eq!((rows(&app).await, app.new_events().await.len()), (0, 0));
}

#[tokio::test]
async fn missing_or_malformed_project_id_is_not_found() {
    let app = start().await;
    for id in [
        Uuid::from_u128(7).to_string(),
        "x".to_owned(),
        "%00".to_owned(),
        "%ff".to_owned(),
    ] {
        assert_eq!(
            app.anonymous()
                .get(&format!("/projects/{id}"))
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
    }
}

#[tokio::test]
async fn invalid_body_is_refused_and_changes_nothing() {
    let app = start().await;
    let staff = app.as_staff();
    let send = async |kind: &str, body: &[u8]| {
        staff
            .send(
                Method::POST,
                "/projects",
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
    for kind in ["text/csv", "multipart/form-data", ""] {
        assert_eq!(
            send(kind, b"{}").await.problem(415).0,
            "wrong-content-type",
            "{kind:?}"
        );
    }
    for other in ["[]", r#"["이름", 2026, "기술"]"#, "7", "null", "\"text\""] {
        let shape = vec![(String::new(), "wrong-type".to_owned())];
        assert_eq!(
            send("application/json", other.as_bytes())
                .await
                .problem(422),
            ("wrong-fields".to_owned(), shape),
            "{other}"
        );
    }
    let large = format!("{{\"summary\": \"{}\"}}", "가".repeat(700_000));
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
async fn all_invalid_fields_of_a_new_project_are_reported_together() {
    let app = start().await;
    let with = |name: &str, value: Value| {
        let mut body = minimal_project();
        body[name] = value;
        body
    };
    for (body, expected) in [
        (
            json!({}),
            vec![
                ("/agency", "required"),
                ("/category", "required"),
                ("/name", "required"),
                ("/year", "required"),
            ],
        ),
        (
            json!({
                "name": 1, "year": "2026", "category": "없는 분야", "regions": ["화성"], "target": 1,
                "scale": "많이", "agency": " ",
                "host": [], "summary": "가".repeat(4001), "link": "ftp://x", "seriesId": "x",
                "period": { "kind": "soon", "text": 1, "startsOn": "2026-3-2", "endsOn": "2026-02-30" },
            }),
            vec![
                ("/agency", "required"),
                ("/category", "wrong-type"),
                ("/host", "wrong-type"),
                ("/link", "not-a-link"),
                ("/name", "wrong-type"),
                ("/period/endsOn", "wrong-type"),
                ("/period/kind", "wrong-type"),
                ("/period/startsOn", "wrong-type"),
                ("/period/text", "wrong-type"),
                ("/regions", "wrong-type"),
                ("/scale", "wrong-type"),
                ("/seriesId", "wrong-type"),
                ("/summary", "too-long"),
                ("/target", "wrong-type"),
                ("/year", "wrong-type"),
            ],
        ),
        // Violated domain rules are reported together with the other errors.
        (
            json!({
                "name": "가".repeat(201), "year": 20_266, "category": "기술", "agency": "a\u{0}",
                "scale": -1,
                "period": { "startsOn": "2026-03-31", "endsOn": "2026-03-02" },
            }),
            vec![
                ("/agency", "control-character"),
                ("/name", "too-long"),
                ("/period/endsOn", "ends-before-it-starts"),
                ("/scale", "negative"),
                ("/year", "no-such-year"),
            ],
        ),
        (with("year", json!(1989)), vec![("/year", "no-such-year")]),
        (
            with("period", json!("상시")),
            vec![("/period", "wrong-type")],
        ),
    ] {
        let (slug, mut errors) = app.as_staff().post("/projects", &body).await.problem(422);
        errors.sort();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!(
            (slug.as_str(), errors),
            ("wrong-fields", expected),
            "{body}"
        );
    }
    assert_eq!((rows(&app).await, app.new_events().await.len()), (0, 0));
}

#[tokio::test]
async fn retry_with_the_same_key_gives_same_answer_and_one_event() {
    let app = start().await;
    let first = app
        .as_staff()
        .post_with_key("/projects", "k-1", &full_project())
        .await;
    let again = app
        .as_staff()
        .post_with_key("/projects", "k-1", &full_project())
        .await;
    assert_eq!(
        (first.status, &first.headers[header::LOCATION]),
        (again.status, &again.headers[header::LOCATION])
    );
    assert_eq!(first.json, again.json);
    assert_eq!(
        app.as_staff()
            .post_with_key("/projects", "k-1", &minimal_project())
            .await
            .problem(422)
            .0,
        "idempotency-key-reused"
    );
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
    app.clock().advance(TimeDelta::hours(24));
    app.as_staff()
        .post_with_key("/projects", "k-1", &minimal_project())
        .await
        .expect(201);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (2, 1));
}

#[tokio::test]
async fn write_with_the_key_of_a_running_write_is_refused() {
    let app = start().await;
    let mut running_write = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(
             hashtextextended(current_schema() || '/' || $1::text || '/' || $2, 1))",
    )
    .bind(STAFF)
    .bind("k")
    .execute(&mut *running_write)
    .await
    .unwrap();
    assert_eq!(
        app.as_staff()
            .post_with_key("/projects", "k", &minimal_project())
            .await
            .problem(409)
            .0,
        "write-in-flight"
    );
    running_write.rollback().await.unwrap();
    app.as_staff()
        .post_with_key("/projects", "k", &minimal_project())
        .await
        .expect(201);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
}

#[tokio::test]
async fn identical_concurrent_writes_create_one_project() {
    let app = start().await;
    let (staff, body) = (app.as_staff(), minimal_project());
    let send = || staff.post_with_key("/projects", "k", &body);
    let (a, b, c) = tokio::join!(send(), send(), send());
    let statuses = [a, b, c].map(|answer| answer.status.as_u16());
    assert!(
        statuses.iter().all(|status| [201, 409].contains(status)) && statuses.contains(&201),
        "{statuses:?}"
    );
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
}

#[tokio::test]
async fn pages_contain_every_project_once() {
    let app = start().await;
    assert_eq!(
        app.anonymous().get("/projects").await.expect(200),
        json!({ "items": [] })
    );
    let mut created = Vec::new();
    for n in 0..7_i32 {
        app.clock().advance(TimeDelta::minutes(i64::from(n % 2)));
        let view = app
            .as_staff()
            .post("/projects", &minimal_project())
            .await
            .expect(201);
        created.push(view["id"].as_str().unwrap().parse::<Uuid>().unwrap());
    }
    created.sort();
    created.reverse();
    for limit in [1, 3, 7, 100] {
        let (mut listed, mut path) = (Vec::new(), format!("/projects?limit={limit}"));
        loop {
            let answer = app.anonymous().get(&path).await;
            let link = answer
                .headers
                .get(header::LINK)
                .map(|link| link.to_str().unwrap().to_owned());
            let page = answer.expect(200);
            listed.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()),
            );
            let Some(next) = page.get("next") else {
                assert_eq!(link, None);
                break;
            };
            let next = next.as_str().unwrap();
            assert_eq!(
                link,
                Some(format!("<?limit={limit}&after={next}>; rel=\"next\""))
            );
            path = format!("/projects?limit={limit}&after={next}");
        }
        assert_eq!(listed, created, "limit {limit}");
    }
    for query in ["limit=0", "limit=101", "limit=x", "after=x"] {
        assert_eq!(
            app.anonymous()
                .get(&format!("/projects?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn problem_is_in_the_callers_language() {
    let app = start().await;
    for (requested, language, title) in [
        (None, "ko", "입력한 내용을 확인해 주세요"),
        (Some("en-US,ko;q=0.5"), "en", "Some fields are invalid"),
    ] {
        let mut headers = vec![JSON];
        headers.extend(requested.map(|requested| ("accept-language", requested)));
        let answer = app
            .as_staff()
            .send(Method::POST, "/projects", &headers, b"{}".to_vec())
            .await;
        assert_eq!(answer.headers[header::CONTENT_LANGUAGE], language);
        assert_eq!(answer.json["title"], title);
    }
}

#[tokio::test]
async fn refusals_of_the_router_are_problems() {
    let app = start().await;
    assert_eq!(
        app.anonymous().get("/nothing").await.problem(404).0,
        "not-found"
    );
    let answer = app
        .as_staff()
        .send(Method::DELETE, "/projects", &[], Vec::new())
        .await;
    assert!(
        answer.headers[header::ALLOW]
            .to_str()
            .unwrap()
            .contains("POST")
    );
    assert_eq!(answer.problem(405).0, "method-not-allowed");
    for (path, status) in [("/projects", 200), ("/projects/x", 404)] {
        let answer = app
            .anonymous()
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
async fn read_after_an_own_event_does_not_wait() {
    let app = start().await;
    let own = format!("project/{}@99", Uuid::from_u128(1));
    let answer = app
        .anonymous()
        .send(
            Method::GET,
            "/projects",
            &[("ktgg-after", &own)],
            Vec::new(),
        )
        .await;
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("ktgg-stale"));
}
