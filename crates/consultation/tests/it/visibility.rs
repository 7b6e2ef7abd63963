//! Access by role and by assignment.

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::SalesmanMatched;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    CONSULTANT, JSON, OTHER_PHONE, PHONE, PROJECT, SALESMAN, consultation_count,
    create_consultation, create_matched, match_event, origin, send_change, start,
};

#[tokio::test]
async fn anonymous_callers_are_refused() {
    let app = start().await;
    let id = create_consultation(&app).await;
    for (method, path) in [
        (Method::GET, "/consultations".to_owned()),
        (Method::POST, "/consultations".to_owned()),
        (Method::GET, format!("/consultations/{id}")),
        (Method::PATCH, format!("/consultations/{id}")),
        (Method::POST, format!("/consultations/{id}/progress")),
        (Method::POST, format!("/consultations/{id}/notes")),
        (Method::POST, format!("/consultations/{id}/phone")),
        (Method::GET, "/me/data".to_owned()),
        (Method::GET, "/me/disclosures".to_owned()),
        (Method::DELETE, "/me".to_owned()),
    ] {
        // Before the body is read: anonymous callers learn nothing about it.
        let answer = app
            .anonymous()
            .send(method.clone(), &path, &[], b"no json".to_vec())
            .await;
        assert_eq!(
            answer.headers[header::WWW_AUTHENTICATE],
            "Bearer",
            "{method} {path}"
        );
        assert_eq!(answer.problem(401).0, "sign-in-required", "{method} {path}");
        let forged = [("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")];
        assert_eq!(
            app.anonymous()
                .send(method.clone(), &path, &forged, Vec::new())
                .await
                .status,
            401,
            "{method} {path}"
        );
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn roles_cannot_call_operations_of_other_roles() {
    let app = start().await;
    let id = create_matched(&app).await;
    let (customer, staff) = (app.as_customer(PHONE), app.as_staff());
    let (salesman, consultant) = (app.as_salesman(SALESMAN), app.as_consultant(CONSULTANT));
    let (one, list) = (format!("/consultations/{id}"), "/consultations".to_owned());
    let (progress, notes, phone) = (
        format!("{one}/progress"),
        format!("{one}/notes"),
        format!("{one}/phone"),
    );
    for (role, caller, method, path) in [
        ("consultant", &consultant, Method::POST, &list),
        ("staff", &staff, Method::PATCH, &one),
        ("salesman", &salesman, Method::PATCH, &one),
        ("consultant", &consultant, Method::PATCH, &one),
        // A consultant reads and adds notes, but does not change the step.
        ("consultant", &consultant, Method::POST, &progress),
        ("customer", &customer, Method::POST, &notes),
        ("customer", &customer, Method::POST, &phone),
    ] {
        // Before If-Match and the body are read: neither is valid.
        let answer = caller
            .send(
                method.clone(),
                path,
                &[("content-type", "text/plain")],
                b"{".to_vec(),
            )
            .await;
        assert_eq!(
            answer.problem(403).0,
            "not-allowed",
            "{role} {method} {path}"
        );
        // And with a valid request.
        let body = json!({
            "projectId": PROJECT, "projectName": "사업", "desiredDate": "2026-12-01",
            "phone": OTHER_PHONE, "customerName": "김고객", "consent": true,
            "memo": "m", "step": "cancelled", "reason": "r", "text": "t",
        });
        let headers = [JSON, ("if-match", "\"1\"")];
        let answer = caller
            .send(
                method.clone(),
                path,
                &headers,
                body.to_string().into_bytes(),
            )
            .await;
        assert_eq!(
            answer.problem(403).0,
            "not-allowed",
            "{role} {method} {path}"
        );
    }
    // A customer can move it to cancelled only.
    for step in ["approved", "succeeded", "failed", "apply"] {
        let path = format!("/consultations/{id}/progress");
        let answer = app
            .as_customer(PHONE)
            .post_if(&path, 1, &json!({ "step": step, "reason": "r" }))
            .await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{step}");
    }
    assert_eq!(
        (
            consultation_count(&app).await,
            note_and_disclosure_count(&app).await
        ),
        (1, 0)
    );
    assert!(app.new_events().await.is_empty());
}

/// The number of notes and disclosures.
async fn note_and_disclosure_count(app: &TestApp) -> i64 {
    let sql = "select (select count(*) from note) + (select count(*) from disclosure)";
    sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn consultation_of_other_people_is_not_found() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}");
    let other = Uuid::from_u128(0xBAD);
    for (role, caller) in [
        ("customer", app.as_customer(OTHER_PHONE)),
        ("salesman", app.as_salesman(other)),
        ("consultant", app.as_consultant(other)),
        // The same id in another role is another person.
        (
            "salesman with the consultant's id",
            app.as_salesman(CONSULTANT),
        ),
    ] {
        assert_eq!(
            caller.get(&path).await.problem(404).0,
            "not-found",
            "{role}"
        );
        for query in [
            "",
            "?sort=desired",
            "?step=apply",
            "?sort=desired&from=2026-01-01&until=2027-01-01",
            "?project=PROJECT",
        ] {
            let path = format!(
                "/consultations{}",
                query.replace("PROJECT", &PROJECT.to_string())
            );
            assert_eq!(
                caller.get(&path).await.expect(200),
                json!({ "items": [] }),
                "{role} {path}"
            );
        }
        // The role customer may use neither, for no consultation.
        let expected = if role == "customer" { 403 } else { 404 };
        assert_eq!(
            caller
                .post(&format!("{path}/notes"), &json!({ "text": "남의 일" }))
                .await
                .status,
            expected,
            "{role}"
        );
        assert_eq!(
            caller
                .post(&format!("{path}/phone"), &json!({ "why": "x" }))
                .await
                .status,
            expected,
            "{role}"
        );
    }
    assert_eq!(note_and_disclosure_count(&app).await, 0);
    assert_eq!(
        send_change(&app.as_customer(OTHER_PHONE), id, Method::PATCH, "\"1\"")
            .await
            .status,
        404
    );
    assert_eq!(
        send_change(&app.as_customer(OTHER_PHONE), id, Method::POST, "\"1\"")
            .await
            .status,
        404
    );
    assert_eq!(
        send_change(&app.as_salesman(other), id, Method::POST, "\"1\"")
            .await
            .status,
        404
    );
    for (role, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(CONSULTANT)),
        ("staff", app.as_staff()),
    ] {
        assert_eq!(
            caller.get(&path).await.expect(200)["id"],
            json!(id),
            "{role}"
        );
        assert_eq!(
            caller.get("/consultations").await.expect(200)["items"]
                .as_array()
                .unwrap()
                .len(),
            1,
            "{role}"
        );
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn missing_or_malformed_ids_are_not_found() {
    let app = start().await;
    for id in [
        Uuid::from_u128(7).to_string(),
        "x".to_owned(),
        "%00".to_owned(),
        "%ff".to_owned(),
        format!("{}a", Uuid::nil()),
    ] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/consultations/{id}"))
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
        assert_eq!(
            send_change(&app.as_customer(PHONE), &id, Method::PATCH, "\"1\"")
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
        assert_eq!(
            send_change(&app.as_staff(), &id, Method::POST, "\"1\"")
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
        let note = app
            .as_staff()
            .post(
                &format!("/consultations/{id}/notes"),
                &json!({ "text": "t" }),
            )
            .await;
        assert_eq!(note.problem(404).0, "not-found", "{id}");
        assert_eq!(
            app.as_staff()
                .post(&format!("/consultations/{id}/phone"), &json!({}))
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
    }
}

#[tokio::test]
async fn consultant_can_read_and_add_notes_only() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}");
    let consultant = app.as_consultant(CONSULTANT);
    for (version, step) in [(1, "apply"), (2, "approved"), (3, "succeeded")] {
        if version > 1 {
            let moved = app
                .as_salesman(SALESMAN)
                .post_if(
                    &format!("{path}/progress"),
                    version - 1,
                    &json!({ "step": step }),
                )
                .await;
            moved.expect(200);
            app.new_events().await;
        }
        let view = consultant.get(&path).await.expect(200);
        assert_eq!(
            (&view["step"], &view["nextSteps"]),
            (&json!(step), &json!([]))
        );
        assert_eq!(
            consultant.get("/consultations").await.expect(200)["items"][0]["id"],
            json!(id),
            "{step}"
        );
        consultant
            .post(&format!("{path}/notes"), &json!({ "text": "검토함" }))
            .await
            .expect(201);
        consultant
            .post(&format!("{path}/phone"), &json!({}))
            .await
            .expect(200);
        for to in ["apply", "approved", "succeeded", "failed", "cancelled"] {
            let body = json!({ "step": to, "reason": "r" });
            let refused = consultant
                .post_if(&format!("{path}/progress"), version, &body)
                .await;
            assert_eq!(refused.problem(403).0, "not-allowed", "{step} → {to}");
        }
        let edit = json!({ "memo": "m", "desiredDate": "2026-12-09" });
        assert_eq!(
            consultant
                .patch_if(&path, version, &edit)
                .await
                .problem(403)
                .0,
            "not-allowed",
            "{step}"
        );
        assert_eq!(
            consultant.get(&path).await.expect(200)["version"],
            version,
            "{step}"
        );
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn rematched_people_lose_access_immediately() {
    let app = start().await;
    let one = create_consultation(&app).await;
    app.clock().advance(TimeDelta::seconds(1));
    let other = create_consultation(&app).await;
    let first = match_event(origin(one), SALESMAN, Some(CONSULTANT));
    app.deliver(1, &first).await;
    app.deliver(1, &match_event(origin(other), SALESMAN, Some(CONSULTANT)))
        .await;
    let path = format!("/consultations/{one}");
    let next = Uuid::from_u128(7);
    // First the salesman is replaced, then the consultant is removed.
    let steps = [
        (
            2,
            Some(CONSULTANT),
            app.as_salesman(SALESMAN),
            app.as_consultant(CONSULTANT),
        ),
        (
            3,
            None,
            app.as_consultant(CONSULTANT),
            app.as_salesman(next),
        ),
    ];
    for (version, consultant, loser, keeper) in steps {
        let page = loser.get("/consultations?limit=1").await.expect(200);
        assert_eq!(loser.get(&path).await.status, 200, "{version}");
        app.deliver(
            version,
            &SalesmanMatched {
                match_id: first.match_id,
                ..match_event(origin(one), next, consultant)
            },
        )
        .await;
        assert_eq!(
            loser.get(&path).await.problem(404).0,
            "not-found",
            "{version}"
        );
        let ids = |list: Value| {
            list["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].clone())
                .collect::<Vec<_>>()
        };
        for query in ["", "?sort=desired", "?step=apply"] {
            let list = loser
                .get(&format!("/consultations{query}"))
                .await
                .expect(200);
            assert_eq!(ids(list), [json!(other)], "{version} {query}");
        }
        // Also on the next page of an earlier list.
        let after = format!("/consultations?after={}", page["next"].as_str().unwrap());
        assert_eq!(
            ids(loser.get(&after).await.expect(200)),
            Vec::<Value>::new(),
            "{version}"
        );
        assert_eq!(
            loser
                .post(&format!("{path}/phone"), &json!({ "why": "x" }))
                .await
                .problem(404)
                .0,
            "not-found",
            "{version}"
        );
        let note = loser
            .post(&format!("{path}/notes"), &json!({ "text": "t" }))
            .await;
        assert_eq!(note.problem(404).0, "not-found", "{version}");
        assert_eq!(keeper.get(&path).await.status, 200, "{version}");
    }
    assert_eq!(
        send_change(&app.as_salesman(SALESMAN), one, Method::POST, "\"1\"")
            .await
            .problem(404)
            .0,
        "not-found"
    );
    assert_eq!(note_and_disclosure_count(&app).await, 0);
    assert!(app.new_events().await.is_empty());
}
