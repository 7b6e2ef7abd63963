//! `EditConsultation`, and what it has in common with `ProgressConsultation`.

use std::collections::BTreeSet;

use axum::http::{Method, header};
use chrono::TimeDelta;
use serde_json::json;

use crate::{
    CONSULTANT, JSON, PHONE, SALESMAN, create_consultation, create_matched, send_change, start,
};

#[tokio::test]
async fn edit_changes_only_the_fields_sent() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}");
    let answer = app
        .as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "desiredDate": "2026-12-05" }))
        .await;
    assert_eq!(answer.headers[header::ETAG], "\"2\"");
    let view = answer.expect(200);
    assert_eq!(
        (&view["desiredDate"], &view["memo"]),
        (&json!("2026-12-05"), &json!("오전에 연락 주세요"))
    );
    let events = app.new_events().await;
    assert_eq!(
        (events[0].0.as_str(), events[0].1),
        ("ktgg.ConsultationEdited.v1", 2)
    );
    assert_eq!(events[0].2["memoChanged"], false);
    assert_eq!(
        (&events[0].2["salesmanId"], &events[0].2["consultantId"]),
        (&json!(SALESMAN), &json!(CONSULTANT))
    );
    // The same edit again changes nothing and publishes nothing.
    let repeated = app
        .as_customer(PHONE)
        .patch_if(&path, 2, &json!({ "desiredDate": "2026-12-05" }))
        .await;
    assert_eq!(repeated.expect(200)["version"], 2);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn edit_to_past_date_is_refused_but_memo_can_change() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let path = format!("/consultations/{id}");
    let answer = app
        .as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "desiredDate": "2026-11-22" }))
        .await;
    assert_eq!(
        answer.problem(422).1,
        [("/desiredDate".to_owned(), "in-the-past".to_owned())]
    );
    let answer = app
        .as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "desiredDate": "2101-01-01" }))
        .await;
    assert_eq!(
        answer.problem(422).1,
        [("/desiredDate".to_owned(), "too-late".to_owned())]
    );
    app.clock().advance(TimeDelta::days(30));
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "memo": "아직 기다립니다" }))
        .await
        .expect(200);
}

#[tokio::test]
async fn change_of_stale_version_is_refused_with_the_current_one() {
    let app = start().await;
    let id = create_matched(&app).await;
    for method in [Method::PATCH, Method::POST] {
        for stale in ["\"2\"", "\"0\"", "W/\"1\"", "\"one\"", "\"2\", \"3\""] {
            let answer = send_change(&app.as_customer(PHONE), id, method.clone(), stale).await;
            assert_eq!(answer.json["current"], 1, "{method} {stale}");
            assert_eq!(answer.problem(412).0, "stale-version", "{method} {stale}");
        }
        for malformed in ["1", "\"1", "'1'", "*, \"1\"", ""] {
            let answer = send_change(&app.as_customer(PHONE), id, method.clone(), malformed).await;
            assert_eq!(answer.json.get("current"), None, "{method} {malformed}");
            assert_eq!(
                answer.problem(400).0,
                "wrong-if-match",
                "{method} {malformed}"
            );
        }
        let path = if method == Method::PATCH {
            format!("/consultations/{id}")
        } else {
            format!("/consultations/{id}/progress")
        };
        let unconditional = app
            .as_customer(PHONE)
            .send(
                method.clone(),
                &path,
                &[JSON],
                b"{\"step\":\"cancelled\"}".to_vec(),
            )
            .await;
        assert_eq!(
            unconditional.problem(428).0,
            "if-match-required",
            "{method}"
        );
    }
    assert!(app.new_events().await.is_empty());
    assert_eq!(
        send_change(&app.as_customer(PHONE), id, Method::PATCH, "*")
            .await
            .expect(200)["version"],
        2
    );
    // One of them is the current version.
    let listed = "W/\"1\", \"1\",\"2\"";
    send_change(&app.as_customer(PHONE), id, Method::POST, listed)
        .await
        .expect(200);
}

#[tokio::test]
async fn concurrent_changes_of_one_version_happen_once() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let (a, b) = (app.as_customer(PHONE), app.as_customer(PHONE));
    let (a, b) = tokio::join!(
        send_change(&a, id, Method::PATCH, "\"1\""),
        send_change(&b, id, Method::POST, "\"1\"")
    );
    let statuses: BTreeSet<_> = [a.status.as_u16(), b.status.as_u16()].into();
    assert_eq!(statuses, [200, 412].into());
    assert_eq!(app.new_events().await.len(), 1);
}
