//! What callers can do, and how they are refused.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode, header};
use chrono::TimeDelta;
use events::{ConsultationId, Origin};
use serde_json::{Value, json};
use service_kit::testing::{Answer, Caller, TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, STRANGER, a_match, a_project, a_request, person, requested, requested_and_matched,
    start,
};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn rows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from consultation").fetch_one(app.pool()).await.unwrap()
}

/// A change that is right in everything but what the test is about.
async fn change(caller: &Caller<'_>, id: impl std::fmt::Display, method: Method, version: &str) -> Answer {
    let (path, body) = match method {
        Method::PATCH => (format!("/consultations/{id}"), json!({ "memo": "오후가 좋습니다" })),
        _ => (format!("/consultations/{id}/progress"), json!({ "step": "cancelled", "reason": "사정" })),
    };
    caller.send(method, &path, &[JSON, ("if-match", version)], body.to_string().into_bytes()).await
}

#[tokio::test]
async fn a_request_becomes_a_consultation_and_exactly_one_event() {
    let app = start().await;
    let answer = app.as_customer(PHONE).post("/consultations", &a_request()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.headers[header::ETAG], "\"1\"");
    let (location, view) = (answer.headers[header::LOCATION].to_str().unwrap().to_owned(), answer.json);
    assert_eq!(location, format!("/consultations/{}", view["id"].as_str().unwrap()));
    let customer_id = customer(PHONE).subject;
    assert_eq!(
        view,
        json!({
            "id": view["id"],
            "projectId": PROJECT,
            "projectName": "스마트상점 기술보급사업",
            "customerId": customer_id,
            "customerName": "홍길동",
            "phone": "010-****-5678",
            "desiredDate": "2026-12-01",
            "memo": "오전에 연락 주세요",
            "step": "apply",
            "nextSteps": ["cancelled"],
            "reason": null,
            "salesman": null,
            "consultant": null,
            "createdAt": "2026-11-23T01:00:00Z",
            "version": 1,
        })
    );
    let payload = json!({
        "consultationId": view["id"],
        "projectId": PROJECT,
        "customerId": customer_id,
        "lastFour": "5678",
        "desiredOn": "2026-12-01",
        "actor": { "role": "customer", "id": customer_id },
    });
    assert_eq!(app.new_events().await, [("ktgg.ConsultationCreated.v1".to_owned(), 1, payload)]);
    assert_eq!(app.as_customer(PHONE).get(&location).await.expect(200), view);
}

#[tokio::test]
async fn no_event_carries_a_number_a_name_a_memo_or_a_reason() {
    let app = start().await;
    let view = app.as_customer(PHONE).post("/consultations", &a_request()).await.expect(201);
    let path = format!("/consultations/{}", view["id"].as_str().unwrap());
    app.as_customer(PHONE).patch_if(&path, 1, &json!({ "memo": "비밀 메모" })).await.expect(200);
    let cancel = json!({ "step": "cancelled", "reason": "비밀 사유" });
    app.as_customer(PHONE).post_if(&format!("{path}/progress"), 2, &cancel).await.expect(200);
    let events = app.new_events().await;
    assert_eq!(events.iter().map(|(_, version, _)| *version).collect::<Vec<_>>(), [1, 2, 3]);
    let headers: Vec<Value> = sqlx::query_scalar("select headers from event_log").fetch_all(app.pool()).await.unwrap();
    let told = format!("{events:?} {headers:?}");
    for secret in ["1234", "홍길동", "연락", "비밀"] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

#[tokio::test]
async fn the_least_that_can_be_asked_for_is_enough() {
    let app = start().await;
    let least = json!({ "projectId": PROJECT, "projectName": "사업", "desiredDate": "2026-11-23" });
    let view = app.as_customer(PHONE).post("/consultations", &least).await.expect(201);
    assert_eq!((&view["memo"], &view["customerName"]), (&json!(""), &Value::Null));
}

#[tokio::test]
async fn the_name_this_service_knows_wins_over_the_one_the_page_sent() {
    let app = start().await;
    app.deliver(1, &a_project("2026년 스마트상점")).await;
    let view = app.as_customer(PHONE).post("/consultations", &a_request()).await.expect(201);
    assert_eq!(view["projectName"], "2026년 스마트상점");
    let unnamed = json!({ "projectId": PROJECT, "desiredDate": "2026-12-01" });
    app.as_customer(PHONE).post("/consultations", &unnamed).await.expect(201);
}

#[tokio::test]
async fn a_new_day_begins_in_seoul_for_the_desired_date() {
    let app = start().await;
    let on = |date: &str| json!({ "projectId": PROJECT, "projectName": "사업", "desiredDate": date });
    app.clock().advance(TimeDelta::hours(13) + TimeDelta::minutes(59));
    app.as_customer(PHONE).post("/consultations", &on("2026-11-23")).await.expect(201);
    app.clock().advance(TimeDelta::minutes(1));
    let refused = app.as_customer(PHONE).post("/consultations", &on("2026-11-23")).await.problem(422);
    assert_eq!(refused, ("wrong-fields".to_owned(), vec![("/desiredDate".to_owned(), "in-the-past".to_owned())]));
}

#[tokio::test]
async fn nobody_gets_in_without_signing_in() {
    let app = start().await;
    let id = requested(&app).await;
    for (method, path) in [
        (Method::GET, "/consultations".to_owned()),
        (Method::POST, "/consultations".to_owned()),
        (Method::GET, format!("/consultations/{id}")),
        (Method::PATCH, format!("/consultations/{id}")),
        (Method::POST, format!("/consultations/{id}/progress")),
    ] {
        // Before the body is read: whoever is not signed in learns nothing about it.
        let answer = app.anyone().send(method.clone(), &path, &[], b"no json".to_vec()).await;
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer", "{method} {path}");
        assert_eq!(answer.problem(401).0, "sign-in-required", "{method} {path}");
        let forged = [("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")];
        assert_eq!(app.anyone().send(method.clone(), &path, &forged, Vec::new()).await.status, 401, "{method} {path}");
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn no_role_does_what_is_anothers() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    let callers =
        [("staff", app.as_staff()), ("salesman", app.as_salesman(SALESMAN)), ("consultant", app.as_consultant(CONSULTANT))];
    for (role, caller) in &callers {
        assert_eq!(caller.post("/consultations", &a_request()).await.problem(403).0, "not-allowed", "{role}");
        assert_eq!(change(caller, id, Method::PATCH, "\"1\"").await.problem(403).0, "not-allowed", "{role}");
    }
    // A consultant reads and does not move.
    assert_eq!(change(&callers[2].1, id, Method::POST, "\"1\"").await.problem(403).0, "not-allowed");
    // A customer moves it to cancelled only.
    for step in ["approved", "succeeded", "failed", "apply"] {
        let path = format!("/consultations/{id}/progress");
        let answer = app.as_customer(PHONE).post_if(&path, 1, &json!({ "step": step, "reason": "r" })).await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{step}");
    }
    assert_eq!(rows(&app).await, 1);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn a_customer_whose_number_this_service_was_not_told_cannot_ask() {
    let app = start().await;
    let mut nameless = customer(PHONE);
    nameless.phone = None;
    assert_eq!(app.with(&nameless).post("/consultations", &a_request()).await.status, 403);
}

#[tokio::test]
async fn another_persons_consultation_is_not_there() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    let path = format!("/consultations/{id}");
    let other = Uuid::from_u128(0xBAD);
    for (who, caller) in [
        ("customer", app.as_customer(STRANGER)),
        ("salesman", app.as_salesman(other)),
        ("consultant", app.as_consultant(other)),
        // The same id in another role is another person.
        ("salesman with the consultant's id", app.as_salesman(CONSULTANT)),
    ] {
        assert_eq!(caller.get(&path).await.problem(404).0, "not-found", "{who}");
        assert_eq!(caller.get("/consultations").await.expect(200), json!({ "items": [] }), "{who}");
    }
    assert_eq!(change(&app.as_customer(STRANGER), id, Method::PATCH, "\"1\"").await.status, 404);
    assert_eq!(change(&app.as_customer(STRANGER), id, Method::POST, "\"1\"").await.status, 404);
    assert_eq!(change(&app.as_salesman(other), id, Method::POST, "\"1\"").await.status, 404);
    for (who, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(CONSULTANT)),
        ("staff", app.as_staff()),
    ] {
        assert_eq!(caller.get(&path).await.expect(200)["id"], json!(id), "{who}");
        assert_eq!(caller.get("/consultations").await.expect(200)["items"].as_array().unwrap().len(), 1, "{who}");
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_whatever_its_id_looks_like() {
    let app = start().await;
    for id in [Uuid::from_u128(7).to_string(), "x".to_owned(), "%00".to_owned(), "%ff".to_owned(), format!("{}a", Uuid::nil())] {
        assert_eq!(app.as_staff().get(&format!("/consultations/{id}")).await.problem(404).0, "not-found", "{id}");
        assert_eq!(change(&app.as_customer(PHONE), &id, Method::PATCH, "\"1\"").await.problem(404).0, "not-found", "{id}");
        assert_eq!(change(&app.as_staff(), &id, Method::POST, "\"1\"").await.problem(404).0, "not-found", "{id}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_meant_changes_nothing() {
    let app = start().await;
    let id = requested(&app).await;
    let large = format!("{{\"memo\": \"{}\"}}", "가".repeat(700_000)).into_bytes();
    let shape = || vec![(String::new(), "wrong-type".to_owned())];
    for (method, path) in [
        (Method::POST, "/consultations".to_owned()),
        (Method::PATCH, format!("/consultations/{id}")),
        (Method::POST, format!("/consultations/{id}/progress")),
    ] {
        let caller = app.as_customer(PHONE);
        let send = async |kind: &str, body: &[u8]| {
            caller.send(method.clone(), &path, &[("content-type", kind), ("if-match", "\"1\"")], body.to_vec()).await
        };
        for broken in ["{", "", "{\"memo\": \"\\ud800\", \"reason\": \"\\ud800\"}", "{} {}", "\u{feff}{}"] {
            let answer = send("application/json", broken.as_bytes()).await;
            assert_eq!(answer.problem(400).0, "not-json", "{method} {path} {broken:?}");
        }
        assert_eq!(send("application/json", b"{\"memo\": \"\xff\", \"reason\": \"\xff\"}").await.problem(400).0, "not-json");
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
            assert_eq!(send(kind, b"{}").await.problem(415).0, "wrong-content-type", "{method} {path} {kind:?}");
        }
        for other in ["[]", "7", "null", "\"text\"", "true", "[\"00000000-0000-0000-0000-000000000001\", \"n\", \"2026-12-01\"]"]
        {
            let answer = send("application/json; charset=utf-8", other.as_bytes()).await;
            assert_eq!(answer.problem(422), ("wrong-fields".to_owned(), shape()), "{method} {path} {other}");
        }
        let answer = send("application/json", &large).await;
        assert_eq!(answer.json["limitBytes"], 262_144);
        assert_eq!(answer.problem(413).0, "too-large", "{method} {path}");
    }
    assert_eq!(rows(&app).await, 1);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn every_wrong_field_is_told_at_once() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    let long = "가".repeat(2001);
    let create = |body: Value| (Method::POST, "/consultations".to_owned(), body);
    let edit = |body: Value| (Method::PATCH, format!("/consultations/{id}"), body);
    let progress = |body: Value| (Method::POST, format!("/consultations/{id}/progress"), body);
    for ((method, path, body), wrong) in [
        (create(json!({})), vec![("/projectId", "required"), ("/desiredDate", "required")]),
        (
            create(json!({ "projectId": null, "desiredDate": null })),
            vec![("/projectId", "required"), ("/desiredDate", "required")],
        ),
        (
            create(json!({ "projectId": 7, "projectName": 7, "desiredDate": "soon", "memo": [], "customerName": {} })),
            vec![
                ("/projectId", "wrong-type"),
                ("/projectName", "wrong-type"),
                ("/desiredDate", "wrong-type"),
                ("/memo", "wrong-type"),
                ("/customerName", "wrong-type"),
            ],
        ),
        (
            create(
                json!({ "projectId": PROJECT, "projectName": "가".repeat(201), "desiredDate": "2026-11-22", "memo": long, "customerName": "a\u{0}b" }),
            ),
            vec![
                ("/projectName", "too-long"),
                ("/memo", "too-long"),
                ("/customerName", "control-character"),
                ("/desiredDate", "in-the-past"),
            ],
        ),
        (create(json!({ "projectId": PROJECT, "desiredDate": "2026-12-01" })), vec![("/projectName", "required")]),
        (
            create(json!({ "projectId": PROJECT, "projectName": "  ", "desiredDate": "2026-02-30" })),
            vec![("/desiredDate", "wrong-type"), ("/projectName", "required")],
        ),
        (edit(json!({ "desiredDate": 1, "memo": long })), vec![("/desiredDate", "wrong-type"), ("/memo", "too-long")]),
        (
            progress(json!({ "step": "perhaps", "reason": "가".repeat(501) })),
            vec![("/step", "wrong-type"), ("/reason", "too-long")],
        ),
        (progress(json!({})), vec![("/step", "required")]),
        (progress(json!({ "step": "cancelled" })), vec![("/reason", "required")]),
        (progress(json!({ "step": "cancelled", "reason": "  " })), vec![("/reason", "required")]),
    ] {
        let caller = app.as_customer(PHONE);
        let answer = caller.send(method, &path, &[JSON, ("if-match", "\"1\"")], body.to_string().into_bytes()).await;
        let (slug, mut found) = answer.problem(422);
        let mut wrong: Vec<_> = wrong.into_iter().map(|(pointer, code)| (pointer.to_owned(), code.to_owned())).collect();
        found.sort();
        wrong.sort();
        assert_eq!((slug.as_str(), found), ("wrong-fields", wrong), "{body}");
    }
    assert_eq!(rows(&app).await, 1);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn an_edit_changes_what_was_sent_and_leaves_the_rest() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    let path = format!("/consultations/{id}");
    let answer = app.as_customer(PHONE).patch_if(&path, 1, &json!({ "desiredDate": "2026-12-05" })).await;
    assert_eq!(answer.headers[header::ETAG], "\"2\"");
    let view = answer.expect(200);
    assert_eq!((&view["desiredDate"], &view["memo"]), (&json!("2026-12-05"), &json!("오전에 연락 주세요")));
    let events = app.new_events().await;
    assert_eq!((events[0].0.as_str(), events[0].1), ("ktgg.ConsultationEdited.v1", 2));
    assert_eq!(events[0].2["memoChanged"], false);
    assert_eq!((&events[0].2["salesmanId"], &events[0].2["consultantId"]), (&json!(SALESMAN), &json!(CONSULTANT)));
    // The same again changes nothing and tells nothing.
    let again = app.as_customer(PHONE).patch_if(&path, 2, &json!({ "desiredDate": "2026-12-05" })).await;
    assert_eq!(again.expect(200)["version"], 2);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn an_edit_to_a_day_that_has_passed_is_refused_but_the_memo_may_change_afterwards() {
    let app = start().await;
    let id = requested(&app).await;
    let path = format!("/consultations/{id}");
    let answer = app.as_customer(PHONE).patch_if(&path, 1, &json!({ "desiredDate": "2026-11-22" })).await;
    assert_eq!(answer.problem(422).1, [("/desiredDate".to_owned(), "in-the-past".to_owned())]);
    app.clock().advance(TimeDelta::days(30));
    app.as_customer(PHONE).patch_if(&path, 1, &json!({ "memo": "아직 기다립니다" })).await.expect(200);
}

#[tokio::test]
async fn a_change_of_another_version_is_refused_with_the_one_that_is_there() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    for method in [Method::PATCH, Method::POST] {
        for stale in ["\"2\"", "\"0\"", "W/\"1\"", "1", "\"one\""] {
            let answer = change(&app.as_customer(PHONE), id, method.clone(), stale).await;
            assert_eq!(answer.json["current"], 1, "{method} {stale}");
            assert_eq!(answer.problem(412).0, "stale-version", "{method} {stale}");
        }
        let path = if method == Method::PATCH { format!("/consultations/{id}") } else { format!("/consultations/{id}/progress") };
        let blind = app.as_customer(PHONE).send(method.clone(), &path, &[JSON], b"{\"step\":\"cancelled\"}".to_vec()).await;
        assert_eq!(blind.problem(428).0, "if-match-required", "{method}");
    }
    assert!(app.new_events().await.is_empty());
    assert_eq!(change(&app.as_customer(PHONE), id, Method::PATCH, "*").await.expect(200)["version"], 2);
}

#[tokio::test]
async fn two_changes_of_one_version_at_once_do_not_both_happen() {
    let app = start().await;
    let id = requested(&app).await;
    let (a, b) = (app.as_customer(PHONE), app.as_customer(PHONE));
    let (a, b) = tokio::join!(change(&a, id, Method::PATCH, "\"1\""), change(&b, id, Method::POST, "\"1\""));
    let statuses: BTreeSet<_> = [a.status.as_u16(), b.status.as_u16()].into();
    assert_eq!(statuses, [200, 412].into());
    assert_eq!(app.new_events().await.len(), 1);
}

#[tokio::test]
async fn the_assigned_salesman_and_staff_move_it_to_its_end() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    let path = format!("/consultations/{id}/progress");
    let view = app.as_salesman(SALESMAN).post_if(&path, 1, &json!({ "step": "approved" })).await.expect(200);
    assert_eq!((&view["step"], &view["nextSteps"]), (&json!("approved"), &json!(["succeeded", "failed", "cancelled"])));
    let answer = app.as_staff().post_if(&path, 2, &json!({ "step": "failed", "reason": "예산 부족" })).await;
    assert_eq!(answer.headers[header::ETAG], "\"3\"");
    let view = answer.expect(200);
    assert_eq!((&view["step"], &view["nextSteps"], &view["reason"]), (&json!("failed"), &json!([]), &json!("예산 부족")));
    let events = app.new_events().await;
    let told: Vec<_> = events
        .iter()
        .map(|(name, version, told)| {
            (name.as_str(), *version, told["from"].as_str(), told["to"].as_str(), told["actor"]["role"].as_str())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("ktgg.ConsultationProgressed.v1", 2, Some("apply"), Some("approved"), Some("salesman")),
            ("ktgg.ConsultationProgressed.v1", 3, Some("approved"), Some("failed"), Some("staff")),
        ]
    );
    assert!(events.iter().all(|(_, _, told)| told["salesmanId"] == json!(SALESMAN)));
}

#[tokio::test]
async fn a_step_there_is_no_way_to_is_refused_with_the_present_one() {
    let app = start().await;
    let id = requested(&app).await;
    let path = format!("/consultations/{id}/progress");
    let refused = async |version: i64, step: &str, slug: &str, present: &str| {
        let answer = app.as_staff().post_if(&path, version, &json!({ "step": step, "reason": "사유" })).await;
        assert_eq!(answer.json["step"], present, "{step} from {present}");
        assert_eq!(answer.problem(409).0, slug, "{step} from {present}");
        assert!(app.new_events().await.is_empty());
    };
    refused(1, "approved", "not-matched-yet", "apply").await;
    refused(1, "succeeded", "step-not-allowed", "apply").await;
    refused(1, "failed", "step-not-allowed", "apply").await;
    app.deliver(1, &a_match(Origin::Consultation(ConsultationId(id)), SALESMAN, None)).await;
    app.as_staff().post_if(&path, 1, &json!({ "step": "approved" })).await.expect(200);
    app.new_events().await;
    refused(2, "apply", "step-not-allowed", "approved").await;
    let edit = app.as_customer(PHONE).patch_if(&format!("/consultations/{id}"), 2, &json!({ "memo": "m" })).await;
    assert_eq!(edit.json["step"], "approved");
    assert_eq!(edit.problem(409).0, "consultation-not-editable");
    app.as_staff().post_if(&path, 2, &json!({ "step": "succeeded" })).await.expect(200);
    app.new_events().await;
    for step in ["apply", "approved", "failed", "cancelled"] {
        refused(3, step, "consultation-closed", "succeeded").await;
    }
    // Where it is already: nothing to do, and no error.
    assert_eq!(app.as_staff().post_if(&path, 3, &json!({ "step": "succeeded" })).await.expect(200)["version"], 3);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn a_write_that_is_sent_again_gives_the_same_answer_and_one_event() {
    let app = start().await;
    let first = app.as_customer(PHONE).post_with_key("/consultations", "k-1", &a_request()).await;
    let again = app.as_customer(PHONE).post_with_key("/consultations", "k-1", &a_request()).await;
    assert_eq!((first.status, &first.headers[header::LOCATION]), (again.status, &again.headers[header::LOCATION]));
    assert_eq!(first.json, again.json);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));

    let mut other = a_request();
    other["memo"] = json!("다른 내용");
    let reused = app.as_customer(PHONE).post_with_key("/consultations", "k-1", &other).await;
    assert_eq!(reused.problem(422).0, "idempotency-key-reused");
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 0));

    // Keys belong to whoever sent them, and are forgotten after a day.
    app.as_customer(STRANGER).post_with_key("/consultations", "k-1", &a_request()).await.expect(201);
    app.clock().advance(TimeDelta::hours(24));
    let mut later = a_request();
    later["desiredDate"] = json!("2026-12-02");
    app.as_customer(PHONE).post_with_key("/consultations", "k-1", &later).await.expect(201);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (3, 2));
}

#[tokio::test]
async fn a_refused_write_may_be_mended_and_sent_again_with_the_same_key() {
    let app = start().await;
    let caller = app.as_customer(PHONE);
    assert_eq!(caller.post_with_key("/consultations", "k", &json!({})).await.status, 422);
    caller.post_with_key("/consultations", "k", &a_request()).await.expect(201);
}

#[tokio::test]
async fn a_key_that_is_no_key_is_refused() {
    let app = start().await;
    for key in [String::new(), "k".repeat(256), "\u{e9}".to_owned()] {
        let answer = app.as_customer(PHONE).post_with_key("/consultations", &key, &a_request()).await;
        assert_eq!(answer.problem(400).0, "wrong-idempotency-key", "{key:?}");
    }
    assert_eq!(rows(&app).await, 0);
}

#[tokio::test]
async fn a_write_whose_twin_is_in_flight_is_told_so() {
    let app = start().await;
    let mut twin = app.pool().begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/' || $1::text || '/' || $2, 1))")
        .bind(customer(PHONE).subject)
        .bind("k")
        .execute(&mut *twin)
        .await
        .unwrap();
    let answer = app.as_customer(PHONE).post_with_key("/consultations", "k", &a_request()).await;
    assert_eq!(answer.problem(409).0, "write-in-flight");
    twin.rollback().await.unwrap();
    app.as_customer(PHONE).post_with_key("/consultations", "k", &a_request()).await.expect(201);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
}

#[tokio::test]
async fn identical_writes_at_once_create_once() {
    let app = start().await;
    let caller = app.as_customer(PHONE);
    let body = a_request();
    let send = || caller.post_with_key("/consultations", "k", &body);
    let (a, b, c) = tokio::join!(send(), send(), send());
    for answer in [&a, &b, &c] {
        assert!([201, 409].contains(&answer.status.as_u16()), "{}", answer.json);
    }
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
}

#[tokio::test]
async fn a_list_goes_to_its_end_without_gaps_or_repeats() {
    let app = start().await;
    let mut made = Vec::new();
    for minute in 0..7 {
        // Some of them in one and the same instant.
        app.clock().advance(TimeDelta::minutes(minute % 2));
        made.push(requested(&app).await);
    }
    app.as_customer(STRANGER).post("/consultations", &a_request()).await.expect(201);
    made.sort();
    made.reverse();
    for limit in [1, 3, 7, 100] {
        let (mut seen, mut path) = (Vec::new(), format!("/consultations?limit={limit}"));
        loop {
            let answer = app.as_customer(PHONE).get(&path).await;
            let link = answer.headers.get(header::LINK).map(|link| link.to_str().unwrap().to_owned());
            let page = answer.expect(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()));
            let Some(next) = page.get("next") else {
                assert_eq!(link, None);
                break;
            };
            let next = next.as_str().unwrap();
            assert_eq!(link, Some(format!("<?limit={limit}&after={next}>; rel=\"next\"")));
            path = format!("/consultations?limit={limit}&after={next}");
        }
        assert_eq!(seen, made, "limit {limit}");
    }
    assert_eq!(app.as_staff().get("/consultations").await.expect(200)["items"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused() {
    let app = start().await;
    for query in ["limit=0", "limit=101", "limit=-1", "limit=many", "after=x", "after="] {
        let answer = app.as_staff().get(&format!("/consultations?{query}")).await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
}

#[tokio::test]
async fn a_refusal_speaks_the_callers_language() {
    let app = start().await;
    for (wanted, language, title, message) in [
        (None, "ko", "입력한 내용을 확인해 주세요", "필수 항목입니다"),
        (Some("ko-KR,en;q=0.5"), "ko", "입력한 내용을 확인해 주세요", "필수 항목입니다"),
        (Some("fr, en-US;q=0.8, ko;q=0.5"), "en", "Some fields are wrong", "This field is required"),
        (Some("가, ja"), "ko", "입력한 내용을 확인해 주세요", "필수 항목입니다"),
    ] {
        let mut headers = vec![JSON];
        headers.extend(wanted.map(|wanted| ("accept-language", wanted)));
        let answer = app.as_customer(PHONE).send(Method::POST, "/consultations", &headers, b"{}".to_vec()).await;
        assert_eq!(answer.headers[header::CONTENT_LANGUAGE], language, "{wanted:?}");
        assert_eq!((&answer.json["title"], &answer.json["errors"][0]["message"]), (&json!(title), &json!(message)), "{wanted:?}");
        assert_eq!(answer.json["traceId"].as_str().unwrap().len(), 32);
    }
}

#[tokio::test]
async fn what_the_router_itself_refuses_is_a_problem_too() {
    let app = start().await;
    assert_eq!(app.as_staff().get("/nothing/here").await.problem(404).0, "not-found");
    let answer = app.as_staff().send(Method::DELETE, "/consultations", &[], Vec::new()).await;
    assert_eq!(answer.headers[header::ALLOW], "POST,GET,HEAD");
    assert_eq!(answer.problem(405).0, "method-not-allowed");
    let id = requested(&app).await;
    for (path, status) in
        [(format!("/consultations/{id}"), 200), ("/consultations/x".to_owned(), 404), ("/nothing".to_owned(), 404)]
    {
        let answer = app.as_staff().send(Method::HEAD, &path, &[], Vec::new()).await;
        assert_eq!((answer.status.as_u16(), answer.json), (status, Value::Null), "{path}");
        let kind = if status == 200 { "application/json" } else { "application/problem+json" };
        assert_eq!(answer.headers[header::CONTENT_TYPE], kind, "{path}");
    }
}

#[tokio::test]
async fn a_read_after_an_event_waits_until_it_is_taken_in() {
    let app = start().await;
    let id = requested(&app).await;
    let matched = a_match(Origin::Consultation(ConsultationId(id)), SALESMAN, None);
    let after = format!("salesman-match/{}@1", matched.match_id);
    let (path, staff) = (format!("/consultations/{id}"), app.as_staff());
    let headers = [("ktgg-after", after.as_str())];
    let (answer, ()) = tokio::join!(staff.send(Method::GET, &path, &headers, Vec::new()), app.deliver(1, &matched));
    assert!(!answer.headers.contains_key("ktgg-stale"));
    assert_eq!(answer.expect(200)["salesman"], json!({ "id": SALESMAN, "displayName": person(SALESMAN).display_name }));
}

#[tokio::test]
async fn a_read_after_an_event_that_does_not_come_says_that_it_is_stale() {
    let app = start().await;
    let id = requested(&app).await;
    let (path, staff) = (format!("/consultations/{id}"), app.as_staff());
    let of_another = format!("salesman-match/{}@1", Uuid::from_u128(1));
    let answer = staff.send(Method::GET, &path, &[("ktgg-after", &of_another)], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["ktgg-stale"]), (200, &header::HeaderValue::from_static("1")));
    // Its own events are there as soon as they exist, and what cannot be read is ignored.
    for ignored in [format!("consultation/{id}@99"), "nonsense".to_owned()] {
        let answer = staff.send(Method::GET, &path, &[("ktgg-after", &ignored)], Vec::new()).await;
        assert!(!answer.headers.contains_key("ktgg-stale"), "{ignored}");
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn a_progress_that_is_sent_again_gives_the_same_answer_and_one_event() {
    let app = start().await;
    let path = format!("/consultations/{}/progress", requested(&app).await);
    app.new_events().await;
    let headers = [("content-type", "application/json"), ("if-match", "\"1\""), ("idempotency-key", "cancel")];
    let body = json!({ "step": "cancelled", "reason": "일정 변경" }).to_string().into_bytes();
    let first = app.as_customer(PHONE).send(Method::POST, &path, &headers, body.clone()).await.expect(200);
    let second = app.as_customer(PHONE).send(Method::POST, &path, &headers, body).await.expect(200);
    assert_eq!((first, app.new_events().await.len()), (second, 1));
}

#[tokio::test]
async fn a_date_that_must_be_a_typing_error_is_refused() {
    let app = start().await;
    for date in ["2101-01-01", "9999-12-31", "+262142-12-31"] {
        let mut request = a_request();
        request["desiredDate"] = json!(date);
        let (_, errors) = app.as_customer(PHONE).post("/consultations", &request).await.problem(422);
        assert_eq!(errors, [("/desiredDate".to_owned(), "too-late".to_owned())], "{date}");
    }
}
