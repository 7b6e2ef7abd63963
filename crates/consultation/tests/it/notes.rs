//! `AddNote`.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use events::SalesmanMatched;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    CONSULTANT, JSON, PHONE, PROJECT, SALESMAN, create_consultation, create_matched,
    get_consultation, match_event, origin, person, send_change, start,
};

fn notes(id: Uuid) -> String {
    format!("/consultations/{id}/notes")
}

async fn note_count(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from note")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn assignees_and_staff_add_notes_only_colleagues_see() {
    let app = start().await;
    let id = create_matched(&app).await;
    let mut notes_added = Vec::new();
    for (role, caller) in [
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(CONSULTANT)),
        ("staff", app.as_staff()),
    ] {
        app.clock().advance(TimeDelta::minutes(1));
        let answer = caller
            .post(
                &notes(id),
                &json!({ "text": format!(" {role}의 메모\n둘째 줄 ") }),
            )
            .await;
        assert_eq!(answer.status, StatusCode::CREATED);
        let note = answer.json;
        assert_eq!(
            (&note["text"], &note["by"]["role"]),
            (&json!(format!("{role}의 메모\n둘째 줄")), &json!(role))
        );
        notes_added.push(note);
    }
    assert_eq!(
        notes_added[0]["by"],
        json!({ "role": "salesman", "id": SALESMAN, "displayName": person(SALESMAN).display_name })
    );
    assert_eq!(notes_added[0]["at"], "2026-11-23T01:01:00Z");
    for caller in [
        app.as_salesman(SALESMAN),
        app.as_consultant(CONSULTANT),
        app.as_staff(),
    ] {
        let view = get_consultation(&caller, id).await;
        assert_eq!(
            (&view["notes"], &view["version"]),
            (&json!(notes_added), &json!(1))
        );
        let kinds: Vec<&str> = view["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["requested", "matched", "noted", "noted", "noted"]);
        // Lists do not contain notes.
        assert!(
            caller.get("/consultations").await.expect(200)["items"][0]
                .get("notes")
                .is_none()
        );
    }
    let view_of_customer = get_consultation(&app.as_customer(PHONE), id).await;
    assert!(
        view_of_customer.get("notes").is_none()
            && !view_of_customer.to_string().contains("메모\\n"),
        "{view_of_customer}"
    );
    // A note publishes no event.
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn note_can_be_added_after_the_end() {
    let app = start().await;
    let id = create_matched(&app).await;
    send_change(&app.as_customer(PHONE), id, Method::POST, "\"1\"")
        .await
        .expect(200);
    app.as_salesman(SALESMAN)
        .post(&notes(id), &json!({ "text": "다음 분기에 다시 연락" }))
        .await
        .expect(201);
    assert_eq!(
        get_consultation(&app.as_staff(), id).await["notes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn retried_note_is_stored_once() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let first = match_event(origin(id), SALESMAN, None);
    app.deliver(1, &first).await;
    let body = json!({ "text": "두 번 누름" });
    let caller = app.as_salesman(SALESMAN);
    let first_answer = caller
        .post_with_key(&notes(id), "n", &body)
        .await
        .expect(201);
    assert_eq!(
        caller
            .post_with_key(&notes(id), "n", &body)
            .await
            .expect(201),
        first_answer
    );
    // Also after the author was replaced, who cannot add another note.
    let other = SalesmanMatched {
        match_id: first.match_id,
        ..match_event(origin(id), Uuid::from_u128(7), None)
    };
    app.deliver(2, &other).await;
    assert_eq!(
        caller
            .post_with_key(&notes(id), "n", &body)
            .await
            .expect(201)["id"],
        first_answer["id"]
    );
    assert_eq!(
        caller.post(&notes(id), &body).await.problem(404).0,
        "not-found"
    );
    let reused = caller
        .post_with_key(&notes(id), "n", &json!({ "text": "다른 글" }))
        .await;
    assert_eq!(reused.problem(422).0, "idempotency-key-reused");
    assert_eq!(note_count(&app).await, 1);
}

#[tokio::test]
async fn key_reused_for_other_consultation_is_refused() {
    let app = start().await;
    let (one, other) = (
        create_consultation(&app).await,
        create_consultation(&app).await,
    );
    let body = json!({ "text": "같은 글" });
    app.as_staff()
        .post_with_key(&notes(one), "n", &body)
        .await
        .expect(201);
    assert_eq!(
        app.as_staff()
            .post_with_key(&notes(other), "n", &body)
            .await
            .problem(422)
            .0,
        "idempotency-key-reused"
    );
    assert_eq!(note_count(&app).await, 1);
}

#[tokio::test]
async fn invalid_note_is_refused() {
    let app = start().await;
    let id = create_consultation(&app).await;
    for (body, code) in [
        (json!({}), "required"),
        (json!({ "text": null }), "required"),
        (json!({ "text": " \n " }), "required"),
        (json!({ "text": 7 }), "wrong-type"),
        (json!({ "text": "가".repeat(2001) }), "too-long"),
        (json!({ "text": "a\u{7}b" }), "control-character"),
    ] {
        let refused = app.as_staff().post(&notes(id), &body).await.problem(422);
        assert_eq!(
            refused,
            (
                "wrong-fields".to_owned(),
                vec![("/text".to_owned(), code.to_owned())]
            ),
            "{body}"
        );
    }
    let answer = app
        .as_staff()
        .send(Method::POST, &notes(id), &[JSON], b"{".to_vec())
        .await;
    assert_eq!(answer.problem(400).0, "not-json");
    let key = "k".repeat(256);
    assert_eq!(
        app.as_staff()
            .post_with_key(&notes(id), &key, &json!({ "text": "t" }))
            .await
            .problem(400)
            .0,
        "wrong-idempotency-key"
    );
    assert_eq!(note_count(&app).await, 0);
    app.as_staff()
        .post(&notes(id), &json!({ "text": "가".repeat(2000) }))
        .await
        .expect(201);
}

#[tokio::test]
async fn events_contain_no_notes() {
    let app = start().await;
    let body = json!({ "projectId": PROJECT, "projectName": "사업", "desiredDate": "2026-12-01" });
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &body)
        .await
        .expect(201);
    let id: Uuid = view["id"].as_str().unwrap().parse().unwrap();
    app.as_staff()
        .post(&notes(id), &json!({ "text": "비밀 노트" }))
        .await
        .expect(201);
    send_change(&app.as_customer(PHONE), id, Method::POST, "\"1\"")
        .await
        .expect(200);
    let log: Vec<Value> = sqlx::query_scalar("select to_jsonb(e) from event_log e")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert!(
        log.len() == 2 && !format!("{log:?}").contains("비밀"),
        "{log:?}"
    );
}
