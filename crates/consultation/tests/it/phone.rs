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
    for (caller, body) in [
        (app.as_staff(), json!({ "why": "방문 일정 확인" })),
        (app.as_salesman(SALESMAN), json!({})),
        (app.as_consultant(CONSULTANT), json!({ "why": " " })),
    ] {
        let answer = caller.post(&path, &body).await;
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
        app.as_staff().post(&path, &json!({})).await.expect(200);
    }
    assert_eq!(disclosures(&app).await.len(), 2);
}

#[tokio::test]
async fn repeated_request_shows_the_number_and_is_recorded_once() {
    let app = start().await;
    let path = format!("/consultations/{}/phone", create_consultation(&app).await);
    let (staff, why) = (app.as_staff(), json!({ "why": "방문" }));
    for _ in 0..2 {
        let answer = staff.post_with_key(&path, "k1", &why).await;
        assert_eq!(answer.expect(200), json!({ "phone": "+821012345678" }));
    }
    assert_eq!(disclosures(&app).await.len(), 1);
    let other = staff.post_with_key(&path, "k1", &json!({})).await;
    assert_eq!(other.problem(422).0, "idempotency-key-reused");
}

#[tokio::test]
async fn refused_caller_sees_no_phone_and_is_not_recorded() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}/phone");
    for phone in [PHONE, OTHER_PHONE] {
        assert_eq!(
            app.as_customer(phone)
                .post(&path, &json!({}))
                .await
                .problem(403)
                .0,
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
        let answer = caller.post(&path, &json!({})).await;
        assert_eq!(answer.problem(404).0, "not-found");
    }
    assert_eq!(disclosures(&app).await, Vec::<Value>::new());
}

#[tokio::test]
async fn get_and_head_are_refused_and_not_recorded() {
    let app = start().await;
    let path = format!("/consultations/{}/phone", create_consultation(&app).await);
    for method in [Method::GET, Method::HEAD] {
        let path = format!("{path}?why=x");
        let answer = app.as_staff().send(method, &path, &[], Vec::new()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers[header::ALLOW]),
            (405, &header::HeaderValue::from_static("POST"))
        );
        assert_eq!(
            answer.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }
    assert!(disclosures(&app).await.is_empty());
}

#[tokio::test]
async fn invalid_reason_discloses_nothing() {
    let app = start().await;
    let path = format!("/consultations/{}/phone", create_consultation(&app).await);
    for why in [
        json!("a".repeat(201)),
        json!("a\0b"),
        json!("a\u{7}b"),
        json!(7),
    ] {
        let answer = app.as_staff().post(&path, &json!({ "why": why })).await;
        assert!(!answer.json.to_string().contains("8210"), "{why}");
        assert_eq!(answer.problem(422).0, "wrong-fields", "{why}");
    }
    let staff = app.as_staff();
    let none = staff.send(Method::POST, &path, &[], Vec::new()).await;
    assert_eq!(none.problem(415).0, "wrong-content-type");
    assert!(disclosures(&app).await.is_empty());
    let longest = json!({ "why": "a".repeat(200) });
    app.as_staff().post(&path, &longest).await.expect(200);
}
