//! Who may do what, and who sees nothing of it.

use axum::http::{Method, header};
use serde_json::json;
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{CONSULTANT, JSON, PHONE, PROJECT, SALESMAN, STRANGER, change, requested, requested_and_matched, rows, start};

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
        (Method::POST, format!("/consultations/{id}/notes")),
        (Method::GET, format!("/consultations/{id}/phone")),
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
    let (customer, staff) = (app.as_customer(PHONE), app.as_staff());
    let (salesman, consultant) = (app.as_salesman(SALESMAN), app.as_consultant(CONSULTANT));
    let (one, list) = (format!("/consultations/{id}"), "/consultations".to_owned());
    let (progress, notes, phone) = (format!("{one}/progress"), format!("{one}/notes"), format!("{one}/phone"));
    for (who, caller, method, path) in [
        ("consultant", &consultant, Method::POST, &list),
        ("staff", &staff, Method::PATCH, &one),
        ("salesman", &salesman, Method::PATCH, &one),
        ("consultant", &consultant, Method::PATCH, &one),
        // A consultant reads and notes, and does not move.
        ("consultant", &consultant, Method::POST, &progress),
        ("customer", &customer, Method::POST, &notes),
        ("customer", &customer, Method::GET, &phone),
    ] {
        // Before If-Match and the body are looked at: neither is there.
        let answer = caller.send(method.clone(), path, &[("content-type", "text/plain")], b"{".to_vec()).await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{who} {method} {path}");
        // And when everything else is right.
        let body = json!({ "projectId": PROJECT, "projectName": "사업", "desiredDate": "2026-12-01", "phone": STRANGER,
            "customerName": "김고객", "consent": true, "memo": "m", "step": "cancelled", "reason": "r", "text": "t" });
        let headers = [JSON, ("if-match", "\"1\"")];
        let answer = caller.send(method.clone(), path, &headers, body.to_string().into_bytes()).await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{who} {method} {path}");
    }
    // A customer moves it to cancelled only.
    for step in ["approved", "succeeded", "failed", "apply"] {
        let path = format!("/consultations/{id}/progress");
        let answer = app.as_customer(PHONE).post_if(&path, 1, &json!({ "step": step, "reason": "r" })).await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{step}");
    }
    assert_eq!((rows(&app).await, kept_beside(&app).await), (1, 0));
    assert!(app.new_events().await.is_empty());
}

/// How many notes and disclosures there are.
async fn kept_beside(app: &TestApp) -> i64 {
    let sql = "select (select count(*) from note) + (select count(*) from disclosure)";
    sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap()
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
        for query in ["", "?sort=desired", "?step=apply", "?sort=desired&from=2026-01-01&until=2027-01-01", "?project=PROJECT"] {
            let path = format!("/consultations{}", query.replace("PROJECT", &PROJECT.to_string()));
            assert_eq!(caller.get(&path).await.expect(200), json!({ "items": [] }), "{who} {path}");
        }
        // A customer has no business with either, whoever's it is.
        let expected = if who == "customer" { 403 } else { 404 };
        assert_eq!(caller.post(&format!("{path}/notes"), &json!({ "text": "남의 일" })).await.status, expected, "{who}");
        assert_eq!(caller.get(&format!("{path}/phone?why=x")).await.status, expected, "{who}");
    }
    assert_eq!(kept_beside(&app).await, 0);
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
        let note = app.as_staff().post(&format!("/consultations/{id}/notes"), &json!({ "text": "t" })).await;
        assert_eq!(note.problem(404).0, "not-found", "{id}");
        assert_eq!(app.as_staff().get(&format!("/consultations/{id}/phone")).await.problem(404).0, "not-found", "{id}");
    }
}
