//! The HTTP API: successful requests and refusals.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode, header};
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::{Caller, TestApp, TestResponse, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, create_body, create_interest,
    create_matched_interest, interest_origin, person, project_created, salesman_matched, start,
};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn count_interests(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from interest")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

async fn set_interested(
    caller: &Caller<'_>,
    id: impl std::fmt::Display,
    version: &str,
    interested: bool,
) -> TestResponse {
    let body = json!({ "interested": interested }).to_string().into_bytes();
    caller
        .send(
            Method::PATCH,
            &format!("/interests/{id}"),
            &[JSON, ("if-match", version)],
            body,
        )
        .await
}

#[tokio::test]
async fn creating_an_interest_publishes_exactly_one_event() {
    let app = start().await;
    let answer = app
        .as_customer(PHONE)
        .post("/interests", &create_body())
        .await;
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
        format!("/interests/{}", view["id"].as_str().unwrap())
    );
    let customer_id = customer(PHONE).subject;
    assert_eq!(
        view,
        json!({
            "id": view["id"],
            "seriesId": null,
            "projectId": PROJECT,
            "projectName": "스마트상점 기술보급사업",
            "project": null,
            "customerId": customer_id,
            "customerName": "홍길동",
            "phone": "010-****-5678",
            "interested": true,
            "salesman": null,
            "consultant": null,
            "consent": null,
            "mergedInto": null,
            "erasedAt": null,
            "createdAt": "2026-11-23T01:00:00Z",
            "version": 1,
        })
    );
    let payload = json!({
        "interestId": view["id"],
        "projectId": PROJECT,
        "customerId": customer_id,
        "lastFour": "5678",
        "actor": { "role": "customer", "id": customer_id },
    });
    assert_eq!(
        app.new_events().await,
        [("ktgg.InterestCreated.v1".to_owned(), 1, payload)]
    );
    assert_eq!(
        app.as_customer(PHONE).get(&location).await.expect(200),
        view
    );
}

#[tokio::test]
async fn events_contain_no_phone_number_and_no_customer_name() {
    let app = start().await;
    let id = app
        .as_customer(PHONE)
        .post("/interests", &create_body())
        .await
        .expect(201)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    set_interested(&app.as_customer(PHONE), &id, "\"1\"", false)
        .await
        .expect(200);
    let events = app.new_events().await;
    assert_eq!(
        events
            .iter()
            .map(|(_, version, _)| *version)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    let headers: Vec<Value> = sqlx::query_scalar("select headers from event_log")
        .fetch_all(app.pool())
        .await
        .unwrap();
    let published = format!("{events:?} {headers:?}");
    for secret in ["1234", "홍길동"] {
        assert!(!published.contains(secret), "{secret} is in {published}");
    }
}

#[tokio::test]
async fn known_name_and_series_win_over_the_sent_name() {
    let app = start().await;
    app.deliver(1, &project_created(PROJECT, "2026년 스마트상점"))
        .await;
    let view = app
        .as_customer(PHONE)
        .post("/interests", &json!({ "projectId": PROJECT }))
        .await
        .expect(201);
    assert_eq!(
        (&view["projectName"], &view["seriesId"]),
        (&json!("2026년 스마트상점"), &json!(SERIES))
    );
    assert_eq!(app.new_events().await[0].2["seriesId"], json!(SERIES));
}

#[tokio::test]
async fn marking_a_programme_repeatedly_creates_one_interest() {
    let app = start().await;
    let other_edition = Uuid::from_u128(0x9408);
    app.deliver(1, &project_created(PROJECT, "2026년 스마트상점"))
        .await;
    app.deliver(1, &project_created(other_edition, "2027년 스마트상점"))
        .await;
    let first = app
        .as_customer(PHONE)
        .post("/interests", &create_body())
        .await
        .expect(201);
    app.new_events().await;
    for edition in [PROJECT, other_edition] {
        let again = app
            .as_customer(PHONE)
            .post("/interests", &json!({ "projectId": edition }))
            .await;
        assert!(!again.headers.contains_key(header::LOCATION));
        assert_eq!(again.expect(200), first, "{edition}");
    }
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (1, 0)
    );
    // Another customer gets a separate interest.
    app.as_customer(OTHER_PHONE)
        .post("/interests", &create_body())
        .await
        .expect(201);
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (2, 1)
    );
}

#[tokio::test]
async fn marking_again_turns_an_interest_on() {
    let app = start().await;
    let id = create_interest(&app).await;
    set_interested(&app.as_customer(PHONE), id, "\"1\"", false)
        .await
        .expect(200);
    app.new_events().await;
    let answer = app
        .as_customer(PHONE)
        .post("/interests", &create_body())
        .await;
    assert_eq!(answer.headers[header::ETAG], "\"3\"");
    let view = answer.expect(200);
    assert_eq!(
        (&view["id"], &view["interested"]),
        (&json!(id), &json!(true))
    );
    let events = app.new_events().await;
    assert_eq!(
        (events.len(), events[0].0.as_str(), events[0].1),
        (1, "ktgg.InterestUpdated.v1", 3)
    );
    assert_eq!(events[0].2["interested"], true);
}

#[tokio::test]
async fn customer_turns_an_interest_off_and_on() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    let answer = set_interested(&app.as_customer(PHONE), id, "\"1\"", false).await;
    assert_eq!(answer.headers[header::ETAG], "\"2\"");
    assert_eq!(answer.expect(200)["interested"], false);
    let events = app.new_events().await;
    assert_eq!(
        (events[0].0.as_str(), events[0].1),
        ("ktgg.InterestUpdated.v1", 2)
    );
    assert_eq!(
        (
            &events[0].2["interested"],
            &events[0].2["salesmanId"],
            &events[0].2["consultantId"]
        ),
        (&json!(false), &json!(SALESMAN), &json!(CONSULTANT))
    );
    // Repeating it changes and publishes nothing.
    assert_eq!(
        set_interested(&app.as_customer(PHONE), id, "\"2\"", false)
            .await
            .expect(200)["version"],
        2
    );
    assert!(app.new_events().await.is_empty());
    assert_eq!(
        set_interested(&app.as_customer(PHONE), id, "\"2\"", true)
            .await
            .expect(200)["version"],
        3
    );
}

#[tokio::test]
async fn anonymous_callers_are_refused() {
    let app = start().await;
    let id = create_interest(&app).await;
    for (method, path) in [
        (Method::GET, "/interests".to_owned()),
        (Method::POST, "/interests".to_owned()),
        (Method::GET, format!("/interests/{id}")),
        (Method::PATCH, format!("/interests/{id}")),
    ] {
        let answer = app
            .anonymous()
            .send(method.clone(), &path, &[], b"no json".to_vec())
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
async fn permission_is_checked_before_the_body() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    let (salesman, consultant) = (app.as_salesman(SALESMAN), app.as_consultant(CONSULTANT));
    let path = format!("/interests/{id}");
    for (method, path, caller) in [
        (Method::POST, "/interests", &consultant),
        (Method::PATCH, path.as_str(), &salesman),
        (Method::PATCH, path.as_str(), &consultant),
    ] {
        let answer = caller
            .send(method.clone(), path, &[], b"no json".to_vec())
            .await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{method} {path}");
    }
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (1, 0)
    );
}

#[tokio::test]
async fn staff_turn_an_interest_off_for_the_customer() {
    let app = start().await;
    let id = create_interest(&app).await;
    assert_eq!(
        set_interested(&app.as_staff(), id, "\"1\"", false)
            .await
            .expect(200)["interested"],
        false
    );
    let events = app.new_events().await;
    assert_eq!(
        (events[0].0.as_str(), &events[0].2["actor"]["role"]),
        ("ktgg.InterestUpdated.v1", &json!("staff"))
    );
}

#[tokio::test]
async fn staff_turn_an_interest_on_only_with_recorded_consent() {
    let app = start().await;
    let id = create_interest(&app).await;
    set_interested(&app.as_customer(PHONE), id, "\"1\"", false)
        .await
        .expect(200);
    app.new_events().await;
    let (path, staff) = (format!("/interests/{id}"), app.as_staff());
    for (body, wrong) in [
        (
            json!({ "interested": true }),
            vec![("/consent", "consent-required")],
        ),
        (
            json!({ "interested": true, "consent": false }),
            vec![("/consent", "consent-required")],
        ),
        (
            json!({ "interested": true, "consent": "yes" }),
            vec![("/consent", "wrong-type")],
        ),
        (
            json!({ "interested": 7, "consent": 7 }),
            vec![("/interested", "wrong-type"), ("/consent", "wrong-type")],
        ),
    ] {
        let wrong: Vec<_> = wrong
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!(
            staff.patch_if(&path, 2, &body).await.problem(422),
            ("wrong-fields".to_owned(), wrong),
            "{body}"
        );
    }
    assert!(app.new_events().await.is_empty());
    app.clock().advance(TimeDelta::minutes(1));
    let view = staff
        .patch_if(&path, 2, &json!({ "interested": true, "consent": true }))
        .await
        .expect(200);
    let consent =
        json!({ "role": "staff", "by": Uuid::from_u128(0x57AFF), "at": "2026-11-23T01:01:00Z" });
    assert_eq!(
        (&view["interested"], &view["consent"]),
        (&json!(true), &consent)
    );
    // Customers see no ids of staff.
    let shown = app.as_customer(PHONE).get(&path).await.expect(200);
    assert_eq!(
        shown["consent"],
        json!({ "role": "staff", "by": null, "at": "2026-11-23T01:01:00Z" })
    );
    assert_eq!(app.new_events().await[0].2["actor"]["role"], "staff");
}

#[tokio::test]
async fn foreign_interest_is_not_found() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    let (path, other) = (format!("/interests/{id}"), Uuid::from_u128(0xBAD));
    for (who, caller) in [
        ("customer", app.as_customer(OTHER_PHONE)),
        ("salesman", app.as_salesman(other)),
        ("consultant", app.as_consultant(other)),
        (
            "consultant with the salesman's id",
            app.as_consultant(SALESMAN),
        ),
    ] {
        assert_eq!(caller.get(&path).await.problem(404).0, "not-found", "{who}");
        assert_eq!(
            caller.get("/interests").await.expect(200),
            json!({ "items": [] }),
            "{who}"
        );
    }
    assert_eq!(
        set_interested(&app.as_customer(OTHER_PHONE), id, "\"1\"", false)
            .await
            .status,
        404
    );
    for (who, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(CONSULTANT)),
        ("staff", app.as_staff()),
    ] {
        assert_eq!(
            caller.get(&path).await.expect(200)["id"],
            json!(id),
            "{who}"
        );
        assert_eq!(
            caller.get("/interests").await.expect(200)["items"]
                .as_array()
                .unwrap()
                .len(),
            1,
            "{who}"
        );
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn missing_or_malformed_id_is_not_found() {
    let app = start().await;
    for id in [
        Uuid::from_u128(7).to_string(),
        "x".to_owned(),
        "%00".to_owned(),
        "%ff".to_owned(),
    ] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/interests/{id}"))
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
        assert_eq!(
            set_interested(&app.as_customer(PHONE), &id, "\"1\"", true)
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
    }
}

#[tokio::test]
async fn unreadable_body_changes_nothing() {
    let app = start().await;
    let id = create_interest(&app).await;
    let large = format!("{{\"customerName\": \"{}\"}}", "가".repeat(700_000)).into_bytes();
    for (method, path) in [
        (Method::POST, "/interests".to_owned()),
        (Method::PATCH, format!("/interests/{id}")),
    ] {
        let caller = app.as_customer(PHONE);
        let send = async |kind: &str, body: &[u8]| {
            caller
                .send(
                    method.clone(),
                    &path,
                    &[("content-type", kind), ("if-match", "\"1\"")],
                    body.to_vec(),
                )
                .await
        };
        for broken in ["{", "", "[1", "{} {}"] {
            assert_eq!(
                send("application/json", broken.as_bytes())
                    .await
                    .problem(400)
                    .0,
                "not-json",
                "{method} {broken:?}"
            );
        }
        for kind in ["text/plain", ""] {
            assert_eq!(
                send(kind, b"{}").await.problem(415).0,
                "wrong-content-type",
                "{method} {kind:?}"
            );
        }
        for other in ["[]", "[true]", "7", "null", "\"text\""] {
            let shape = vec![(String::new(), "wrong-type".to_owned())];
            let answer = send("application/json", other.as_bytes()).await;
            assert_eq!(
                answer.problem(422),
                ("wrong-fields".to_owned(), shape),
                "{method} {other}"
            );
        }
        assert_eq!(
            send("application/json", &large).await.problem(413).0,
            "too-large",
            "{method}"
        );
    }
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (1, 0)
    );
}

#[tokio::test]
async fn all_wrong_fields_are_reported_together() {
    let app = start().await;
    let id = create_interest(&app).await;
    let unknown = Uuid::from_u128(0x404);
    for (body, wrong) in [
        (json!({}), vec![("/projectId", "required")]),
        (
            json!({ "projectId": "x", "projectName": 7, "customerName": ["a"] }),
            vec![
                ("/projectId", "wrong-type"),
                ("/projectName", "wrong-type"),
                ("/customerName", "wrong-type"),
            ],
        ),
        (
            json!({ "projectId": unknown, "customerName": "a\u{7}" }),
            vec![
                ("/customerName", "control-character"),
                ("/projectName", "required"),
            ],
        ),
        (
            json!({ "projectId": unknown, "projectName": " " }),
            vec![("/projectName", "required")],
        ),
        (
            json!({ "projectId": unknown, "projectName": "가".repeat(201) }),
            vec![("/projectName", "too-long")],
        ),
    ] {
        let (slug, found) = app
            .as_customer(PHONE)
            .post("/interests", &body)
            .await
            .problem(422);
        let wrong: Vec<_> = wrong
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!((slug.as_str(), found), ("wrong-fields", wrong), "{body}");
    }
    for (body, code) in [
        (json!({}), "required"),
        (json!({ "interested": "yes" }), "wrong-type"),
    ] {
        let answer = app
            .as_customer(PHONE)
            .patch_if(&format!("/interests/{id}"), 1, &body)
            .await;
        assert_eq!(
            answer.problem(422).1,
            [("/interested".to_owned(), code.to_owned())]
        );
    }
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (1, 0)
    );
}

#[tokio::test]
async fn stale_version_is_refused_with_the_current_one() {
    let app = start().await;
    let id = create_interest(&app).await;
    for stale in ["\"2\"", "W/\"1\"", "\"one\""] {
        let answer = set_interested(&app.as_customer(PHONE), id, stale, false).await;
        assert_eq!(answer.json["current"], 1, "{stale}");
        assert_eq!(answer.problem(412).0, "stale-version", "{stale}");
    }
    let malformed = set_interested(&app.as_customer(PHONE), id, "1", false).await;
    assert_eq!(malformed.problem(400).0, "wrong-if-match");
    let without_version = app
        .as_customer(PHONE)
        .send(
            Method::PATCH,
            &format!("/interests/{id}"),
            &[JSON],
            b"{}".to_vec(),
        )
        .await;
    assert_eq!(without_version.problem(428).0, "if-match-required");
    assert!(app.new_events().await.is_empty());
    assert_eq!(
        set_interested(&app.as_customer(PHONE), id, "*", false)
            .await
            .expect(200)["version"],
        2
    );
}

#[tokio::test]
async fn only_one_of_two_concurrent_changes_succeeds() {
    let app = start().await;
    let id = create_interest(&app).await;
    let caller = app.as_customer(PHONE);
    let (a, b) = tokio::join!(
        set_interested(&caller, id, "\"1\"", false),
        set_interested(&caller, id, "\"1\"", false)
    );
    let statuses: BTreeSet<_> = [a.status.as_u16(), b.status.as_u16()].into();
    assert_eq!(statuses, [200, 412].into());
    assert_eq!(app.new_events().await.len(), 1);
}

#[tokio::test]
async fn retry_with_the_same_key_gives_the_same_answer() {
    let app = start().await;
    let first = app
        .as_customer(PHONE)
        .post_with_key("/interests", "k-1", &create_body())
        .await;
    let again = app
        .as_customer(PHONE)
        .post_with_key("/interests", "k-1", &create_body())
        .await;
    assert_eq!(
        (first.status, &first.headers[header::LOCATION]),
        (again.status, &again.headers[header::LOCATION])
    );
    assert_eq!(first.json, again.json);
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (1, 1)
    );
    let other = json!({ "projectId": PROJECT, "projectName": "다른 사업" });
    assert_eq!(
        app.as_customer(PHONE)
            .post_with_key("/interests", "k-1", &other)
            .await
            .problem(422)
            .0,
        "idempotency-key-reused"
    );
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (1, 0)
    );
}

#[tokio::test]
async fn retried_mark_does_not_turn_the_interest_on() {
    let app = start().await;
    let view = app
        .as_customer(PHONE)
        .post_with_key("/interests", "k", &create_body())
        .await
        .expect(201);
    set_interested(
        &app.as_customer(PHONE),
        view["id"].as_str().unwrap(),
        "\"1\"",
        false,
    )
    .await
    .expect(200);
    let again = app
        .as_customer(PHONE)
        .post_with_key("/interests", "k", &create_body())
        .await
        .expect(201);
    assert_eq!(
        (&again["interested"], &again["version"]),
        (&json!(false), &json!(2))
    );
}

#[tokio::test]
async fn write_with_the_key_of_a_running_write_is_refused() {
    let app = start().await;
    let mut other = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(
             hashtextextended(current_schema() || '/' || $1::text || '/' || $2, 1))",
    )
    .bind(customer(PHONE).subject)
    .bind("k")
    .execute(&mut *other)
    .await
    .unwrap();
    let answer = app
        .as_customer(PHONE)
        .post_with_key("/interests", "k", &create_body())
        .await;
    assert_eq!(answer.problem(409).0, "write-in-flight");
    other.rollback().await.unwrap();
    app.as_customer(PHONE)
        .post_with_key("/interests", "k", &create_body())
        .await
        .expect(201);
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn identical_concurrent_marks_create_one_interest() {
    for keyed in [true, false] {
        let app = start().await;
        let (caller, body) = (app.as_customer(PHONE), create_body());
        let send = async || {
            if keyed {
                caller.post_with_key("/interests", "k", &body).await
            } else {
                caller.post("/interests", &body).await
            }
        };
        let (a, b, c) = tokio::join!(send(), send(), send());
        let statuses = [a, b, c].map(|answer| answer.status.as_u16());
        let others = if keyed { [201, 409] } else { [201, 200] };
        assert!(
            statuses.iter().all(|status| others.contains(status)),
            "{statuses:?}"
        );
        assert!(statuses.contains(&201));
        assert_eq!(
            (count_interests(&app).await, app.new_events().await.len()),
            (1, 1)
        );
    }
}

#[tokio::test]
async fn pages_of_a_list_have_no_gaps_and_no_repeats() {
    let app = start().await;
    let mut ids = Vec::new();
    for n in 0..7_i32 {
        app.clock().advance(TimeDelta::minutes(i64::from(n % 2)));
        let body = json!({ "projectId": Uuid::new_v4(), "projectName": "사업" });
        let view = app
            .as_customer(PHONE)
            .post("/interests", &body)
            .await
            .expect(201);
        ids.push(view["id"].as_str().unwrap().parse::<Uuid>().unwrap());
    }
    app.as_customer(OTHER_PHONE)
        .post("/interests", &create_body())
        .await
        .expect(201);
    ids.sort();
    ids.reverse();
    for limit in [1, 3, 7, 100] {
        let (mut listed, mut path) = (Vec::new(), format!("/interests?limit={limit}"));
        loop {
            let answer = app.as_customer(PHONE).get(&path).await;
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
            path = format!("/interests?limit={limit}&after={next}");
        }
        assert_eq!(listed, ids, "limit {limit}");
    }
    let staff = app.as_staff();
    let all = staff.get("/interests").await.expect(200);
    for query in [
        "limit=&after=&project=&series=&customer=&interested=",
        "limit&after&project&series&customer&interested",
    ] {
        let answer = staff.get(&format!("/interests?{query}")).await;
        assert_eq!(answer.expect(200), all, "{query}");
    }
    for query in ["limit=0", "limit=101", "after=x", "limit=1&limit=1"] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/interests?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn problem_uses_the_language_of_the_caller() {
    let app = start().await;
    for (wanted, language, title) in [
        (None, "ko", "입력한 내용을 확인해 주세요"),
        (Some("en-US,ko;q=0.5"), "en", "Some fields are invalid"),
    ] {
        let mut headers = vec![JSON];
        headers.extend(wanted.map(|wanted| ("accept-language", wanted)));
        let answer = app
            .as_customer(PHONE)
            .send(Method::POST, "/interests", &headers, b"{}".to_vec())
            .await;
        assert_eq!(answer.headers[header::CONTENT_LANGUAGE], language);
        assert_eq!(answer.json["title"], title);
    }
}

#[tokio::test]
async fn router_rejections_are_problems() {
    let app = start().await;
    assert_eq!(
        app.as_staff().get("/nothing").await.problem(404).0,
        "not-found"
    );
    let answer = app
        .as_staff()
        .send(Method::DELETE, "/interests", &[], Vec::new())
        .await;
    assert!(
        answer.headers[header::ALLOW]
            .to_str()
            .unwrap()
            .contains("POST")
    );
    assert_eq!(answer.problem(405).0, "method-not-allowed");
    let id = create_interest(&app).await;
    for (path, status) in [
        (format!("/interests/{id}"), 200),
        ("/interests/x".to_owned(), 404),
    ] {
        let answer = app
            .as_staff()
            .send(Method::HEAD, &path, &[], Vec::new())
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.json),
            (status, Value::Null),
            "{path}"
        );
    }
}

#[tokio::test]
async fn read_waits_until_the_awaited_event_is_consumed() {
    let app = start().await;
    let id = create_interest(&app).await;
    let matched = salesman_matched(interest_origin(id), SALESMAN, None);
    let after = format!("salesman-match/{}@1", matched.match_id);
    let (path, staff) = (format!("/interests/{id}"), app.as_staff());
    let headers = [("ktgg-after", after.as_str())];
    let (answer, ()) = tokio::join!(
        staff.send(Method::GET, &path, &headers, Vec::new()),
        app.deliver(1, &matched)
    );
    assert!(!answer.headers.contains_key("ktgg-stale"));
    assert_eq!(
        answer.expect(200)["salesman"],
        json!({ "id": SALESMAN, "displayName": person(SALESMAN).display_name })
    );
}

#[tokio::test]
async fn read_is_marked_stale_if_the_awaited_event_is_missing() {
    let app = start().await;
    let staff = app.as_staff();
    let of_project = format!("project/{PROJECT}@1");
    let answer = staff
        .send(
            Method::GET,
            "/interests",
            &[("ktgg-after", &of_project)],
            Vec::new(),
        )
        .await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.headers["ktgg-stale"].to_str().unwrap()
        ),
        (200, "1")
    );
    let own = format!("interest/{PROJECT}@99");
    let answer = staff
        .send(
            Method::GET,
            "/interests",
            &[("ktgg-after", &own)],
            Vec::new(),
        )
        .await;
    assert!(!answer.headers.contains_key("ktgg-stale"));
}
