//! 「전화 보기」.

use axum::http::{Method, header};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, customer};
use uuid::Uuid;

use crate::{CONSULTANT, OTHER_PHONE, PHONE, SALESMAN, create_consultation, create_matched, start};

async fn disclosures(app: &TestApp) -> Vec<Value> {
    let sql = "select to_jsonb(d) - 'id' from disclosure d order by at, role desc, why";
    sqlx::query_scalar(sql).fetch_all(app.pool()).await.unwrap()
}

#[tokio::test]
async fn assignees_and_staff_see_phone_and_it_is_recorded() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}/phone");
    let why = "%EB%B0%A9%EB%AC%B8%20%EC%9D%BC%EC%A0%95%20%ED%99%95%EC%9D%B8";
    for (caller, query) in [
        (app.as_staff(), format!("?why={why}")),
        (app.as_salesman(SALESMAN), String::new()),
        (app.as_consultant(CONSULTANT), "?why=%20".to_owned()),
    ] {
        let answer = caller.get(&format!("{path}{query}")).await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.expect(200), json!({ "phone": "+821012345678" }));
    }
    let row = |role: &str, viewer: Uuid, why: Option<&str>| {
        json!({
            "consultation_id": id, "customer_id": customer(PHONE).subject, "role": role,
            "viewer_id": viewer, "why": why, "at": "2026-11-23T01:00:00+00:00",
        })
    };
    let expected = [
        row("staff", Uuid::from_u128(0x57AFF), Some("방문 일정 확인")),
        row("salesman", SALESMAN, None),
        row("consultant", CONSULTANT, None),
    ];
    assert_eq!(disclosures(&app).await, expected);
    // A disclosure changes nothing and publishes nothing.
    assert!(app.new_events().await.is_empty());
    assert_eq!(
        app.as_staff()
            .get(&format!("/consultations/{id}"))
            .await
            .expect(200)["version"],
        1
    );
}

#[tokio::test]
async fn every_disclosure_is_recorded() {
    let app = start().await;
    let path = format!("/consultations/{}/phone", create_consultation(&app).await);
    for _ in 0..2 {
        app.as_staff().get(&path).await.expect(200);
    }
    assert_eq!(disclosures(&app).await.len(), 2);
}

#[tokio::test]
async fn refused_caller_sees_no_phone_and_is_not_recorded() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}/phone");
    for phone in [PHONE, OTHER_PHONE] {
        assert_eq!(
            app.as_customer(phone).get(&path).await.problem(403).0,
            "not-allowed",
            "{phone}"
        );
    }
    let other = Uuid::from_u128(0xBAD);
    for caller in [
        app.as_salesman(other),
        app.as_consultant(other),
        app.as_salesman(CONSULTANT),
        app.as_consultant(SALESMAN),
    ] {
        assert_eq!(caller.get(&path).await.problem(404).0, "not-found");
    }
    assert_eq!(disclosures(&app).await, Vec::<Value>::new());
}

#[tokio::test]
async fn head_request_is_refused_and_not_recorded() {
    let app = start().await;
    let path = format!("/consultations/{}/phone", create_consultation(&app).await);
    let answer = app
        .as_staff()
        .send(Method::HEAD, &path, &[], Vec::new())
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers[header::ALLOW]),
        (405, &header::HeaderValue::from_static("GET"))
    );
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert!(disclosures(&app).await.is_empty());
}

#[tokio::test]
async fn invalid_reason_discloses_nothing() {
    let app = start().await;
    let path = format!("/consultations/{}/phone", create_consultation(&app).await);
    for why in [
        "a".repeat(201),
        "a%00b".to_owned(),
        "a%07b".to_owned(),
        "a%0Ab".to_owned(),
    ] {
        let answer = app.as_staff().get(&format!("{path}?why={why}")).await;
        assert!(!answer.json.to_string().contains("8210"), "{why}");
        assert_eq!(answer.problem(422).0, "wrong-query", "{why}");
    }
    assert!(disclosures(&app).await.is_empty());
    app.as_staff()
        .get(&format!("{path}?why={}", "a".repeat(200)))
        .await
        .expect(200);
}
