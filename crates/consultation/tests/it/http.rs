//! Reading and refusing requests in general.

use axum::http::{Method, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    JSON, PHONE, PROJECT, SALESMAN, consultation_count, create_consultation, create_matched,
    match_event, origin, person, start,
};

#[tokio::test]
async fn invalid_body_is_refused_and_changes_nothing() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let large = format!("{{\"memo\": \"{}\"}}", "가".repeat(700_000)).into_bytes();
    let shape = || vec![(String::new(), "wrong-type".to_owned())];
    for (method, path) in [
        (Method::POST, "/consultations".to_owned()),
        (Method::PATCH, format!("/consultations/{id}")),
        (Method::POST, format!("/consultations/{id}/progress")),
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
        for broken in [
            "{",
            "",
            "{\"memo\": \"\\ud800\", \"reason\": \"\\ud800\"}",
            "{} {}",
            "\u{feff}{}",
        ] {
            let answer = send("application/json", broken.as_bytes()).await;
            assert_eq!(
                answer.problem(400).0,
                "not-json",
                "{method} {path} {broken:?}"
            );
        }
        assert_eq!(
            send(
                "application/json",
                b"{\"memo\": \"\xff\", \"reason\": \"\xff\"}"
            )
            .await
            .problem(400)
            .0,
            "not-json"
        );
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "",
        ] {
            assert_eq!(
                send(kind, b"{}").await.problem(415).0,
                "wrong-content-type",
                "{method} {path} {kind:?}"
            );
        }
        for other in [
            "[]",
            "7",
            "null",
            "\"text\"",
            "true",
            "[\"00000000-0000-0000-0000-000000000001\", \"n\", \"2026-12-01\"]",
        ] {
            let answer = send("application/json; charset=utf-8", other.as_bytes()).await;
            assert_eq!(
                answer.problem(422),
                ("wrong-fields".to_owned(), shape()),
                "{method} {path} {other}"
            );
        }
        let gzip = [JSON, ("content-encoding", "gzip"), ("if-match", "\"1\"")];
        let answer = caller
            .send(method.clone(), &path, &gzip, b"\x1f\x8b".to_vec())
            .await;
        assert_eq!(answer.json["contentEncoding"], "gzip");
        assert_eq!(answer.problem(415).0, "wrong-content-encoding");
        let answer = send("application/json", &large).await;
        assert_eq!(answer.json["limitBytes"], 262_144);
        assert_eq!(answer.problem(413).0, "too-large", "{method} {path}");
    }
    assert_eq!(consultation_count(&app).await, 1);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn all_invalid_fields_are_reported_together() {
    let app = start().await;
    let id = create_matched(&app).await;
    let long = "가".repeat(2001);
    let create = |body: Value| (Method::POST, "/consultations".to_owned(), body);
    let edit = |body: Value| (Method::PATCH, format!("/consultations/{id}"), body);
    let progress = |body: Value| (Method::POST, format!("/consultations/{id}/progress"), body);
    for ((method, path, body), wrong) in [
        (
            create(json!({})),
            vec![("/projectId", "required"), ("/desiredDate", "required")],
        ),
        (
            create(json!({ "projectId": null, "desiredDate": null })),
            vec![("/projectId", "required"), ("/desiredDate", "required")],
        ),
        (
            create(json!({
                "projectId": 7, "projectName": 7, "desiredDate": "soon", "memo": [],
                "customerName": {},
            })),
            vec![
                ("/projectId", "wrong-type"),
                ("/projectName", "wrong-type"),
                ("/desiredDate", "wrong-type"),
                ("/memo", "wrong-type"),
                ("/customerName", "wrong-type"),
            ],
        ),
        (
            create(json!({
                "projectId": PROJECT, "projectName": "가".repeat(201),
                "desiredDate": "2026-11-22", "memo": long, "customerName": "a\u{0}b",
            })),
            vec![
                ("/projectName", "too-long"),
                ("/memo", "too-long"),
                ("/customerName", "control-character"),
                ("/desiredDate", "in-the-past"),
            ],
        ),
        (
            create(json!({ "projectId": PROJECT, "desiredDate": "2026-12-01" })),
            vec![("/projectName", "required")],
        ),
        (
            create(
                json!({ "projectId": PROJECT, "projectName": "  ", "desiredDate": "2026-02-30" }),
            ),
            vec![("/desiredDate", "wrong-type"), ("/projectName", "required")],
        ),
        (
            edit(json!({ "desiredDate": 1, "memo": long })),
            vec![("/desiredDate", "wrong-type"), ("/memo", "too-long")],
        ),
        (
            progress(json!({ "step": "perhaps", "reason": "가".repeat(501) })),
            vec![("/step", "wrong-type"), ("/reason", "too-long")],
        ),
        (progress(json!({})), vec![("/step", "required")]),
        (
            progress(json!({ "step": "cancelled" })),
            vec![("/reason", "required")],
        ),
        (
            progress(json!({ "step": "cancelled", "reason": "  " })),
            vec![("/reason", "required")],
        ),
    ] {
        let caller = app.as_customer(PHONE);
        let answer = caller
            .send(
                method,
                &path,
                &[JSON, ("if-match", "\"1\"")],
                body.to_string().into_bytes(),
            )
            .await;
        let (slug, mut found) = answer.problem(422);
        let mut wrong: Vec<_> = wrong
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        found.sort();
        wrong.sort();
        assert_eq!((slug.as_str(), found), ("wrong-fields", wrong), "{body}");
    }
    assert_eq!(consultation_count(&app).await, 1);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn day_of_a_body_has_exactly_one_format() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let wrong = || vec![("/desiredDate".to_owned(), "wrong-type".to_owned())];
    for day in [
        "2026-12-1",
        "+2026-12-01",
        "2026/12/01",
        "20261201",
        "2026-12-01 ",
        "２０２６-12-01",
    ] {
        let caller = app.as_customer(PHONE);
        let create = json!({ "projectId": PROJECT, "projectName": "사업", "desiredDate": day });
        let created = caller.post("/consultations", &create).await;
        assert_eq!(created.problem(422).1, wrong(), "{day}");
        let path = format!("/consultations/{id}");
        let edited = caller
            .patch_if(&path, 1, &json!({ "desiredDate": day }))
            .await;
        assert_eq!(edited.problem(422).1, wrong(), "{day}");
    }
    assert_eq!(consultation_count(&app).await, 1);
}

#[tokio::test]
async fn repeated_key_is_refused_at_every_depth() {
    let app = start().await;
    for (extra, pointer) in [
        (
            r#""desiredDate": "2026-12-01", "desiredDate": "2026-12-02""#,
            "/desiredDate",
        ),
        (
            r#""desiredDate": "2026-12-01", "more": [{"a": {"b": 1, "b": 2}}]"#,
            "/more/0/a/b",
        ),
    ] {
        let body = format!(r#"{{"projectId": "{PROJECT}", "projectName": "사업", {extra}}}"#);
        let caller = app.as_customer(PHONE);
        let answer = caller
            .send(Method::POST, "/consultations", &[JSON], body.into_bytes())
            .await;
        assert_eq!(
            answer.problem(422).1,
            [(pointer.to_owned(), "repeated".to_owned())]
        );
    }
    assert_eq!(consultation_count(&app).await, 0);
}

#[tokio::test]
async fn problems_are_in_the_callers_language() {
    let app = start().await;
    for (wanted, language, title, message) in [
        (None, "ko", "입력한 내용을 확인해 주세요", "필수 항목입니다"),
        (
            Some("ko-KR,en;q=0.5"),
            "ko",
            "입력한 내용을 확인해 주세요",
            "필수 항목입니다",
        ),
        (
            Some("fr, en-US;q=0.8, ko;q=0.5"),
            "en",
            "Some fields are invalid",
            "This field is required",
        ),
        (
            Some("가, ja"),
            "ko",
            "입력한 내용을 확인해 주세요",
            "필수 항목입니다",
        ),
    ] {
        let mut headers = vec![JSON];
        headers.extend(wanted.map(|wanted| ("accept-language", wanted)));
        let answer = app
            .as_customer(PHONE)
            .send(Method::POST, "/consultations", &headers, b"{}".to_vec())
            .await;
        assert_eq!(
            answer.headers[header::CONTENT_LANGUAGE],
            language,
            "{wanted:?}"
        );
        assert_eq!(
            (&answer.json["title"], &answer.json["errors"][1]["message"]),
            (&json!(title), &json!(message)),
            "{wanted:?}"
        );
        assert_eq!(answer.json["traceId"].as_str().unwrap().len(), 32);
    }
}

#[tokio::test]
async fn refusals_of_the_router_are_problems() {
    let app = start().await;
    assert_eq!(
        app.as_staff().get("/nothing/here").await.problem(404).0,
        "not-found"
    );
    let answer = app
        .as_staff()
        .send(Method::DELETE, "/consultations", &[], Vec::new())
        .await;
    assert_eq!(answer.headers[header::ALLOW], "GET,HEAD,POST");
    assert_eq!(answer.problem(405).0, "method-not-allowed");
    let id = create_consultation(&app).await;
    for (path, status) in [
        (format!("/consultations/{id}"), 200),
        ("/consultations/x".to_owned(), 404),
        ("/nothing".to_owned(), 404),
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
        let kind = if status == 200 {
            "application/json"
        } else {
            "application/problem+json"
        };
        assert_eq!(answer.headers[header::CONTENT_TYPE], kind, "{path}");
    }
}

#[tokio::test]
async fn read_after_event_waits_until_it_is_consumed() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let matched = match_event(origin(id), SALESMAN, None);
    let after = format!("salesman-match/{}@1", matched.match_id);
    let (path, staff) = (format!("/consultations/{id}"), app.as_staff());
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
async fn read_after_missing_event_is_marked_stale() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let (path, staff) = (format!("/consultations/{id}"), app.as_staff());
    let of_another = format!("salesman-match/{}@1", Uuid::from_u128(1));
    let answer = staff
        .send(
            Method::GET,
            &path,
            &[("ktgg-after", &of_another)],
            Vec::new(),
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["ktgg-stale"]),
        (200, &header::HeaderValue::from_static("1"))
    );
    // Own events are never missing, and an unreadable header is ignored.
    for ignored in [format!("consultation/{id}@99"), "nonsense".to_owned()] {
        let answer = staff
            .send(Method::GET, &path, &[("ktgg-after", &ignored)], Vec::new())
            .await;
        assert!(!answer.headers.contains_key("ktgg-stale"), "{ignored}");
        assert_eq!(answer.status, 200);
    }
}
