//! What callers can do, and how they are refused.

use axum::http::{Method, StatusCode, header};
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{STAFF, a_project, least, start};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn rows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from project")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_staff_enter_becomes_a_planned_project_and_exactly_one_event() {
    let app = start().await;
    let answer = app.as_staff().post("/projects", &a_project()).await;
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
    let period = json!({ "kind": "range", "text": "2026-03-02 ~ 2026-03-31", "startsOn": "2026-03-02", "endsOn": "2026-03-31" });
    let mut expected = a_project();
    for (name, value) in [
        ("id", view["id"].clone()),
        ("seriesId", view["seriesId"].clone()),
        ("name", json!("2026년 스마트상점 기술보급사업")),
        ("period", period.clone()),
        ("status", json!("planned")),
        // Its deadline has passed, although nobody has started it.
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
    // Anybody may look at it, signed in or not.
    let shown = app.anonymous().get(&location).await;
    assert_eq!(shown.headers[header::ETAG], "\"1\"");
    let shown = shown.expect(200);
    let mut with_editions = view.clone();
    with_editions["editions"] = json!([{
        "id": view["id"], "name": view["name"], "year": 2026, "status": "planned", "phase": "closed", "period": view["period"],
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
async fn the_least_that_can_be_entered_is_enough() {
    let app = start().await;
    let view = app.as_staff().post("/projects", &least()).await.expect(201);
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
async fn a_period_is_kept_as_it_was_written() {
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
        let mut body = least();
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
async fn a_series_is_that_of_an_earlier_edition_or_a_new_one() {
    let app = start().await;
    let first = app.as_staff().post("/projects", &least()).await.expect(201);
    let mut other = least();
    other["host"] = json!("창업진흥원");
    let other = app.as_staff().post("/projects", &other).await.expect(201);
    assert_ne!(first["seriesId"], other["seriesId"]);
    let mut next = least();
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
async fn nobody_but_staff_enters_a_project() {
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
            caller.post("/projects", &a_project()).await.problem(403).0,
            "not-allowed",
            "{role}"
        );
    }
    // A token that is wrong is no stranger's request, not even where strangers may look.
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
async fn what_does_not_exist_is_not_found_whatever_its_id_looks_like() {
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
async fn a_body_that_cannot_be_meant_changes_nothing() {
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
async fn every_wrong_field_is_told_at_once() {
    let app = start().await;
    let with = |name: &str, value: Value| {
        let mut body = least();
        body[name] = value;
        body
    };
    for (body, wrong) in [
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
                "name": 1, "year": "2026", "category": "없는 분야", "regions": ["화성"], "target": 1, "scale": "많이", "agency": " ",
                "host": [], "summary": "가".repeat(4001), "link": "ftp://x", "seriesId": "x",
                "period": { "kind": "soon", "text": 1, "startsOn": "봄", "endsOn": "2026-02-30" },
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
        // The domain's own rules are told with the others, not after them.
        (
            json!({
                "name": "가".repeat(201), "year": 20_266, "category": "기술", "agency": "a\u{0}", "scale": -1,
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
        let (slug, mut found) = app.as_staff().post("/projects", &body).await.problem(422);
        found.sort();
        let wrong: Vec<_> = wrong
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!((slug.as_str(), found), ("wrong-fields", wrong), "{body}");
    }
    assert_eq!((rows(&app).await, app.new_events().await.len()), (0, 0));
}

#[tokio::test]
async fn a_write_that_is_sent_again_gives_the_same_answer_and_one_event() {
    let app = start().await;
    let first = app
        .as_staff()
        .post_with_key("/projects", "k-1", &a_project())
        .await;
    let again = app
        .as_staff()
        .post_with_key("/projects", "k-1", &a_project())
        .await;
    assert_eq!(
        (first.status, &first.headers[header::LOCATION]),
        (again.status, &again.headers[header::LOCATION])
    );
    assert_eq!(first.json, again.json);
    assert_eq!(
        app.as_staff()
            .post_with_key("/projects", "k-1", &least())
            .await
            .problem(422)
            .0,
        "idempotency-key-reused"
    );
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
    app.clock().advance(TimeDelta::hours(24));
    app.as_staff()
        .post_with_key("/projects", "k-1", &least())
        .await
        .expect(201);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (2, 1));
}

#[tokio::test]
async fn a_write_whose_twin_is_in_flight_is_told_so() {
    let app = start().await;
    let mut twin = app.pool().begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/' || $1::text || '/' || $2, 1))")
        .bind(STAFF)
        .bind("k")
        .execute(&mut *twin)
        .await
        .unwrap();
    assert_eq!(
        app.as_staff()
            .post_with_key("/projects", "k", &least())
            .await
            .problem(409)
            .0,
        "write-in-flight"
    );
    twin.rollback().await.unwrap();
    app.as_staff()
        .post_with_key("/projects", "k", &least())
        .await
        .expect(201);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
}

#[tokio::test]
async fn identical_writes_at_once_create_once() {
    let app = start().await;
    let (staff, body) = (app.as_staff(), least());
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
async fn a_list_goes_to_its_end_without_gaps_or_repeats() {
    let app = start().await;
    assert_eq!(
        app.anonymous().get("/projects").await.expect(200),
        json!({ "items": [] })
    );
    let mut made = Vec::new();
    for n in 0..7_i32 {
        app.clock().advance(TimeDelta::minutes(i64::from(n % 2)));
        let view = app.as_staff().post("/projects", &least()).await.expect(201);
        made.push(view["id"].as_str().unwrap().parse::<Uuid>().unwrap());
    }
    made.sort();
    made.reverse();
    for limit in [1, 3, 7, 100] {
        let (mut seen, mut path) = (Vec::new(), format!("/projects?limit={limit}"));
        loop {
            let answer = app.anonymous().get(&path).await;
            let link = answer
                .headers
                .get(header::LINK)
                .map(|link| link.to_str().unwrap().to_owned());
            let page = answer.expect(200);
            seen.extend(
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
        assert_eq!(seen, made, "limit {limit}");
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
async fn a_refusal_speaks_the_callers_language() {
    let app = start().await;
    for (wanted, language, title) in [
        (None, "ko", "입력한 내용을 확인해 주세요"),
        (Some("en-US,ko;q=0.5"), "en", "Some fields are invalid"),
    ] {
        let mut headers = vec![JSON];
        headers.extend(wanted.map(|wanted| ("accept-language", wanted)));
        let answer = app
            .as_staff()
            .send(Method::POST, "/projects", &headers, b"{}".to_vec())
            .await;
        assert_eq!(answer.headers[header::CONTENT_LANGUAGE], language);
        assert_eq!(answer.json["title"], title);
    }
}

#[tokio::test]
async fn what_the_router_itself_refuses_is_a_problem_too() {
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
async fn a_read_after_an_event_of_its_own_does_not_wait() {
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
