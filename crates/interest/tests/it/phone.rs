//! 「전화 보기」: who is shown a whole number, and what is recorded.

use axum::http::header;
use serde_json::json;
use service_kit::testing::{TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, SALESMAN, create_interest, create_matched_interest, start,
};

type Disclosure = (String, Uuid, Uuid, Uuid, Option<String>, String);

async fn disclosures(app: &TestApp) -> Vec<Disclosure> {
    sqlx::query_as(
        "select role, viewer_id, customer_id, interest_id, why, at::text
        from disclosure order by id",
    )
    .fetch_all(app.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn disclosure_records_caller_time_and_reason() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    let path = format!("/interests/{id}/phone");
    let staff = Uuid::from_u128(0x57AFF);
    for (role, caller, viewer, body, why) in [
        (
            "salesman",
            app.as_salesman(SALESMAN),
            SALESMAN,
            json!({ "why": " 방문 약속 " }),
            Some("방문 약속"),
        ),
        (
            "consultant",
            app.as_consultant(CONSULTANT),
            CONSULTANT,
            json!({}),
            None,
        ),
        ("staff", app.as_staff(), staff, json!({ "why": " " }), None),
    ] {
        app.clock().advance(chrono::TimeDelta::seconds(1));
        let answer = caller.post(&path, &body).await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.expect(200), json!({ "phone": "+821012345678" }));
        let (last_role, last_viewer, customer_id, interest_id, last_why, _) =
            disclosures(&app).await.pop().unwrap();
        assert_eq!(
            (last_role.as_str(), last_viewer, last_why.as_deref()),
            (role, viewer, why)
        );
        assert_eq!((customer_id, interest_id), (customer(PHONE).subject, id));
    }
    let recorded = disclosures(&app).await;
    let times: Vec<&str> = recorded.iter().map(|(.., at)| at.as_str()).collect();
    assert_eq!(
        times,
        [
            "2026-11-23 01:00:01+00",
            "2026-11-23 01:00:02+00",
            "2026-11-23 01:00:03+00"
        ]
    );
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn refused_phone_request_is_not_recorded() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    let (path, other) = (format!("/interests/{id}/phone"), Uuid::from_u128(0xBAD));
    for (who, caller) in [
        ("another salesman", app.as_salesman(other)),
        ("another consultant", app.as_consultant(other)),
        (
            "a consultant with the salesman's id",
            app.as_consultant(SALESMAN),
        ),
    ] {
        let answer = caller.post(&path, &json!({})).await;
        assert_eq!(answer.problem(404).0, "not-found", "{who}");
    }
    // Customers know their own number.
    for phone in [PHONE, OTHER_PHONE] {
        assert_eq!(
            app.as_customer(phone)
                .post(&path, &json!({}))
                .await
                .problem(403)
                .0,
            "not-allowed"
        );
    }
    assert_eq!(
        app.anonymous().post(&path, &json!({})).await.problem(401).0,
        "sign-in-required"
    );
    for id in [Uuid::from_u128(7).to_string(), "x".to_owned()] {
        assert_eq!(
            app.as_staff()
                .post(&format!("/interests/{id}/phone"), &json!({}))
                .await
                .problem(404)
                .0,
            "not-found"
        );
    }
    assert!(disclosures(&app).await.is_empty());
}

#[tokio::test]
async fn unassigned_salesman_cannot_read_the_number() {
    let app = start().await;
    let id = create_interest(&app).await;
    assert_eq!(
        app.as_salesman(SALESMAN)
            .post(&format!("/interests/{id}/phone"), &json!({}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn number_is_hidden_from_salesmen_while_the_interest_is_off() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    let path = format!("/interests/{id}");
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "interested": false }))
        .await
        .expect(200);
    for caller in [app.as_salesman(SALESMAN), app.as_consultant(CONSULTANT)] {
        assert_eq!(
            caller
                .post(&format!("{path}/phone"), &json!({}))
                .await
                .problem(404)
                .0,
            "not-found"
        );
        assert_eq!(
            caller.get(&path).await.expect(200)["phone"],
            "010-****-5678"
        );
    }
    assert!(disclosures(&app).await.is_empty());
    app.as_staff()
        .post(&format!("{path}/phone"), &json!({}))
        .await
        .expect(200);
    assert_eq!(disclosures(&app).await.len(), 1);
}

#[tokio::test]
async fn reason_must_be_short_and_without_control_characters() {
    let app = start().await;
    let id = create_interest(&app).await;
    let path = format!("/interests/{id}/phone");
    for (why, status) in [
        ("가".repeat(200), 200),
        ("가".repeat(201), 422),
        ("a\0b".to_owned(), 422),
        ("a\u{7}b".to_owned(), 422),
    ] {
        let answer = app.as_staff().post(&path, &json!({ "why": why })).await;
        assert_eq!(answer.status, status, "{why}");
        if status == 422 {
            assert_eq!(answer.problem(422).0, "wrong-fields");
        }
    }
    assert_eq!(disclosures(&app).await.len(), 1);
}

#[tokio::test]
async fn number_is_not_shown_if_recording_fails() {
    let app = start().await;
    let id = create_interest(&app).await;
    sqlx::query("alter table disclosure add check (false)")
        .execute(app.pool())
        .await
        .unwrap();
    let answer = app
        .as_staff()
        .post(&format!("/interests/{id}/phone"), &json!({}))
        .await;
    assert!(!answer.json.to_string().contains("1234"), "{}", answer.json);
    assert_eq!(answer.problem(500).0, "internal");
}
