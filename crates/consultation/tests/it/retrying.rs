//! Writes that are sent again.

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::{ConsultationId, Origin, SalesmanMatched};
use serde_json::json;
use service_kit::testing::customer;
use uuid::Uuid;

use crate::{
    CONSULTANT, JSON, PHONE, SALESMAN, STRANGER, a_match, a_project, a_request, requested, rows,
    start,
};

#[tokio::test]
async fn a_write_that_is_sent_again_gives_the_same_answer_and_one_event() {
    let app = start().await;
    let first = app
        .as_customer(PHONE)
        .post_with_key("/consultations", "k-1", &a_request())
        .await;
    let again = app
        .as_customer(PHONE)
        .post_with_key("/consultations", "k-1", &a_request())
        .await;
    assert_eq!(
        (first.status, &first.headers[header::LOCATION]),
        (again.status, &again.headers[header::LOCATION])
    );
    assert_eq!(first.json, again.json);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));

    let mut other = a_request();
    other["memo"] = json!("다른 내용");
    let reused = app
        .as_customer(PHONE)
        .post_with_key("/consultations", "k-1", &other)
        .await;
    assert_eq!(reused.problem(422).0, "idempotency-key-reused");
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 0));

    // Keys belong to whoever sent them, and are forgotten after a day.
    app.as_customer(STRANGER)
        .post_with_key("/consultations", "k-1", &a_request())
        .await
        .expect(201);
    app.clock().advance(TimeDelta::hours(24));
    let mut later = a_request();
    later["desiredDate"] = json!("2026-12-02");
    app.as_customer(PHONE)
        .post_with_key("/consultations", "k-1", &later)
        .await
        .expect(201);
    assert_eq!((rows(&app).await, app.new_events().await.len()), (3, 2));
}

#[tokio::test]
async fn a_refused_write_may_be_mended_and_sent_again_with_the_same_key() {
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
        .post_with_key("/consultations", "k", &a_request())
        .await
        .expect(201);
}

#[tokio::test]
async fn a_key_that_is_no_key_is_refused() {
    let app = start().await;
    for key in [String::new(), "k".repeat(256), "\u{e9}".to_owned()] {
        let answer = app
            .as_customer(PHONE)
            .post_with_key("/consultations", &key, &a_request())
            .await;
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
    let answer = app
        .as_customer(PHONE)
        .post_with_key("/consultations", "k", &a_request())
        .await;
    assert_eq!(answer.problem(409).0, "write-in-flight");
    twin.rollback().await.unwrap();
    app.as_customer(PHONE)
        .post_with_key("/consultations", "k", &a_request())
        .await
        .expect(201);
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
        assert!(
            [201, 409].contains(&answer.status.as_u16()),
            "{}",
            answer.json
        );
    }
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
}

#[tokio::test]
async fn a_progress_that_is_sent_again_gives_the_same_answer_and_one_event() {
    let app = start().await;
    let path = format!("/consultations/{}/progress", requested(&app).await);
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
async fn whoever_asked_for_a_customer_and_is_not_on_it_is_told_again_what_he_entered_and_nothing_else()
 {
    let app = start().await;
    app.deliver(1, &a_project("스마트상점")).await;
    let mut body = a_request();
    body["phone"] = json!(PHONE);
    body["consent"] = json!(true);
    body["desiredDate"] = json!("2026-11-23");
    let caller = app.as_salesman(SALESMAN);
    let first = caller.post_with_key("/consultations", "k", &body).await;
    let id: Uuid = first.json["id"].as_str().unwrap().parse().unwrap();
    let origin = Origin::Consultation(ConsultationId(id));
    let other = Uuid::from_u128(7);
    app.deliver(1, &a_match(origin, other, Some(CONSULTANT)))
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
    // Also when the day that was asked for has passed meanwhile.
    app.clock().advance(TimeDelta::hours(23));

    let again = caller.post_with_key("/consultations", "k", &body).await;
    assert_eq!(
        (again.status, &again.headers[header::LOCATION]),
        (first.status, &first.headers[header::LOCATION])
    );
    assert_eq!(
        (again.headers[header::ETAG].to_str().unwrap(), &again.json),
        ("\"1\"", &first.json)
    );
}

#[tokio::test]
async fn whoever_asked_and_sees_it_is_told_again_of_it_as_it_is_now() {
    let app = start().await;
    let mut for_another = a_request();
    for_another["phone"] = json!(PHONE);
    for_another["consent"] = json!(true);
    for (who, caller, body) in [
        ("customer", app.as_customer(PHONE), &a_request()),
        ("salesman", app.as_salesman(SALESMAN), &for_another),
        ("staff", app.as_staff(), &for_another),
    ] {
        let first = caller
            .post_with_key("/consultations", "k", body)
            .await
            .expect(201);
        let id: Uuid = first["id"].as_str().unwrap().parse().unwrap();
        app.deliver(
            1,
            &a_match(Origin::Consultation(ConsultationId(id)), SALESMAN, None),
        )
        .await;
        let again = caller
            .post_with_key("/consultations", "k", body)
            .await
            .expect(201);
        assert_eq!(
            (
                &again["salesman"]["id"],
                again["timeline"].as_array().unwrap().len()
            ),
            (&json!(SALESMAN), 2),
            "{who}"
        );
    }
}

#[tokio::test]
async fn whoever_is_off_it_is_not_told_again_of_the_progress_he_made() {
    let app = start().await;
    let id = requested(&app).await;
    let matched = a_match(Origin::Consultation(ConsultationId(id)), SALESMAN, None);
    app.deliver(1, &matched).await;
    let path = format!("/consultations/{id}/progress");
    let headers = [JSON, ("if-match", "\"1\""), ("idempotency-key", "approve")];
    let body = json!({ "step": "approved" }).to_string().into_bytes();
    app.as_salesman(SALESMAN)
        .send(Method::POST, &path, &headers, body.clone())
        .await
        .expect(200);
    let origin = Origin::Consultation(ConsultationId(id));
    let rematched = SalesmanMatched {
        match_id: matched.match_id,
        ..a_match(origin, Uuid::from_u128(7), None)
    };
    app.deliver(2, &rematched).await;
    let again = app
        .as_salesman(SALESMAN)
        .send(Method::POST, &path, &headers, body)
        .await;
    assert_eq!(again.problem(404).0, "not-found");
}
