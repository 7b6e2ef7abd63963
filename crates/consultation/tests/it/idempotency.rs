//! Repeated requests with the same `Idempotency-Key`.

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::SalesmanMatched;
use serde_json::json;
use service_kit::testing::customer;
use uuid::Uuid;

use crate::{
    CONSULTANT, JSON, OTHER_PHONE, PHONE, SALESMAN, consultation_count, create_consultation,
    match_event, next_project, origin, project_created, request_body, start,
};

#[tokio::test]
async fn retried_request_gives_same_answer_and_one_event() {
    let app = start().await;
    let first = app
        .as_customer(PHONE)
        .post_with_key("/consultations", "k-1", &request_body())
        .await;
    let retry = app
        .as_customer(PHONE)
        .post_with_key("/consultations", "k-1", &request_body())
        .await;
    assert_eq!(
        (first.status, &first.headers[header::LOCATION]),
        (retry.status, &retry.headers[header::LOCATION])
    );
    assert_eq!(first.json, retry.json);
    assert_eq!(
        (consultation_count(&app).await, app.new_events().await.len()),
        (1, 1)
    );

    let mut other = request_body();
    other["memo"] = json!("다른 내용");
    let reused = app
        .as_customer(PHONE)
        .post_with_key("/consultations", "k-1", &other)
        .await;
    assert_eq!(reused.problem(422).0, "idempotency-key-reused");
    assert_eq!(
        (consultation_count(&app).await, app.new_events().await.len()),
        (1, 0)
    );

    // Keys belong to one caller and expire after a day.
    app.as_customer(OTHER_PHONE)
        .post_with_key("/consultations", "k-1", &request_body())
        .await
        .expect(201);
    app.clock().advance(TimeDelta::hours(24));
    let mut later = request_body();
    later["projectId"] = json!(next_project(&app).await);
    later["desiredDate"] = json!("2026-12-02");
    app.as_customer(PHONE)
        .post_with_key("/consultations", "k-1", &later)
        .await
        .expect(201);
    assert_eq!(
        (consultation_count(&app).await, app.new_events().await.len()),
        (3, 2)
    );
}

#[tokio::test]
async fn key_of_refused_request_can_be_used_again() {
    let app = start().await;
    let caller = app.as_customer(PHONE);
    assert_eq!(
        caller
            .post_with_key("/consultations", "k", &json!({}))
            .await
            .status,
        422
    );
    caller
        .post_with_key("/consultations", "k", &request_body())
        .await
        .expect(201);
}

#[tokio::test]
async fn invalid_key_is_refused() {
    let app = start().await;
    for key in [String::new(), "k".repeat(256), "\u{e9}".to_owned()] {
        let answer = app
            .as_customer(PHONE)
            .post_with_key("/consultations", &key, &request_body())
            .await;
        assert_eq!(answer.problem(400).0, "wrong-idempotency-key", "{key:?}");
    }
    assert_eq!(consultation_count(&app).await, 0);
}

#[tokio::test]
async fn request_with_key_in_flight_is_refused() {
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
        .post_with_key("/consultations", "k", &request_body())
        .await;
    assert_eq!(answer.problem(409).0, "write-in-flight");
    other.rollback().await.unwrap();
    app.as_customer(PHONE)
        .post_with_key("/consultations", "k", &request_body())
        .await
        .expect(201);
    assert_eq!(
        (consultation_count(&app).await, app.new_events().await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn concurrent_identical_requests_create_once() {
    let app = start().await;
    let caller = app.as_customer(PHONE);
    let body = request_body();
    let send = || caller.post_with_key("/consultations", "k", &body);
    let (a, b, c) = tokio::join!(send(), send(), send());
    for answer in [&a, &b, &c] {
        assert!(
            [201, 409].contains(&answer.status.as_u16()),
            "{}",
            answer.json
        );
    }
    assert_eq!(
        (consultation_count(&app).await, app.new_events().await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn retried_progress_gives_same_answer_and_one_event() {
    let app = start().await;
    let path = format!(
        "/consultations/{}/progress",
        create_consultation(&app).await
    );
    app.new_events().await;
    let headers = [
        ("content-type", "application/json"),
        ("if-match", "\"1\""),
        ("idempotency-key", "cancel"),
    ];
    let body = json!({ "step": "cancelled", "reason": "일정 변경" })
        .to_string()
        .into_bytes();
    let first = app
        .as_customer(PHONE)
        .send(Method::POST, &path, &headers, body.clone())
        .await
        .expect(200);
    let second = app
        .as_customer(PHONE)
        .send(Method::POST, &path, &headers, body)
        .await
        .expect(200);
    assert_eq!((first, app.new_events().await.len()), (second, 1));
}

#[tokio::test]
async fn retry_by_unassigned_colleague_shows_only_the_request() {
    let app = start().await;
    app.deliver(1, &project_created("스마트상점")).await;
    let mut body = request_body();
    body["phone"] = json!(PHONE);
    body["consent"] = json!(true);
    body["desiredDate"] = json!("2026-11-23");
    let caller = app.as_salesman(SALESMAN);
    let first = caller.post_with_key("/consultations", "k", &body).await;
    let id: Uuid = first.json["id"].as_str().unwrap().parse().unwrap();
    let origin = origin(id);
    let other = Uuid::from_u128(7);
    app.deliver(1, &match_event(origin, other, Some(CONSULTANT)))
        .await;
    let path = format!("/consultations/{id}");
    app.as_salesman(other)
        .post(&format!("{path}/notes"), &json!({ "text": "비밀 노트" }))
        .await
        .expect(201);
    let edit = json!({ "memo": "비밀 메모", "desiredDate": "2026-12-07" });
    app.as_customer(PHONE)
        .patch_if(&path, 1, &edit)
        .await
        .expect(200);
    let cancel = json!({ "step": "cancelled", "reason": "비밀 사유" });
    app.as_customer(PHONE)
        .post_if(&format!("{path}/progress"), 2, &cancel)
        .await
        .expect(200);
    // The desired day has passed since.
    app.clock().advance(TimeDelta::hours(23));

    let retry = caller.post_with_key("/consultations", "k", &body).await;
    assert_eq!(
        (retry.status, &retry.headers[header::LOCATION]),
        (first.status, &first.headers[header::LOCATION])
    );
    assert_eq!(
        (retry.headers[header::ETAG].to_str().unwrap(), &retry.json),
        ("\"1\"", &first.json)
    );
}

#[tokio::test]
async fn retry_by_caller_with_access_shows_current_state() {
    let app = start().await;
    let mut on_behalf = request_body();
    on_behalf["phone"] = json!(PHONE);
    on_behalf["consent"] = json!(true);
    for (role, caller, body) in [
        ("customer", app.as_customer(PHONE), &request_body()),
        ("salesman", app.as_salesman(SALESMAN), &on_behalf),
        ("staff", app.as_staff(), &on_behalf),
    ] {
        let mut body = body.clone();
        body["projectId"] = json!(next_project(&app).await);
        let body = &body;
        let first = caller
            .post_with_key("/consultations", "k", body)
            .await
            .expect(201);
        let id: Uuid = first["id"].as_str().unwrap().parse().unwrap();
        app.deliver(1, &match_event(origin(id), SALESMAN, None))
            .await;
        let retry = caller
            .post_with_key("/consultations", "k", body)
            .await
            .expect(201);
        assert_eq!(
            (
                &retry["salesman"]["id"],
                retry["timeline"].as_array().unwrap().len()
            ),
            (&json!(SALESMAN), 2),
            "{role}"
        );
    }
}

#[tokio::test]
async fn retried_progress_after_losing_access_is_not_found() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let matched = match_event(origin(id), SALESMAN, None);
    app.deliver(1, &matched).await;
    let path = format!("/consultations/{id}/progress");
    let headers = [JSON, ("if-match", "\"1\""), ("idempotency-key", "approve")];
    let body = json!({ "step": "approved" }).to_string().into_bytes();
    app.as_salesman(SALESMAN)
        .send(Method::POST, &path, &headers, body.clone())
        .await
        .expect(200);
    let origin = origin(id);
    let rematched = SalesmanMatched {
        match_id: matched.match_id,
        ..match_event(origin, Uuid::from_u128(7), None)
    };
    app.deliver(2, &rematched).await;
    let retry = app
        .as_salesman(SALESMAN)
        .send(Method::POST, &path, &headers, body)
        .await;
    assert_eq!(retry.problem(404).0, "not-found");
}
