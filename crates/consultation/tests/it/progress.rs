//! `ProgressConsultation`.

use axum::http::header;
use events::SalesmanMatched;
use serde_json::json;
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, SALESMAN, create_consultation, create_matched, get_consultation,
    match_event, origin, request_body, start,
};

#[tokio::test]
async fn next_steps_depend_on_the_role() {
    let app = start().await;
    let id = create_matched(&app).await;
    for (role, caller, expected) in [
        ("customer", app.as_customer(PHONE), json!(["cancelled"])),
        ("consultant", app.as_consultant(CONSULTANT), json!([])),
        (
            "salesman",
            app.as_salesman(SALESMAN),
            json!(["approved", "cancelled"]),
        ),
        ("staff", app.as_staff(), json!(["approved", "cancelled"])),
    ] {
        assert_eq!(
            get_consultation(&caller, id).await["nextSteps"],
            expected,
            "{role}"
        );
        assert_eq!(
            caller.get("/consultations").await.expect(200)["items"][0]["nextSteps"],
            expected,
            "{role}"
        );
    }
    // A salesman who enters a consultation is not assigned to it.
    let mut body = request_body();
    body["phone"] = json!(PHONE);
    body["consent"] = json!(true);
    body["projectId"] = json!(crate::next_project(&app).await);
    assert_eq!(
        app.as_salesman(SALESMAN)
            .post("/consultations", &body)
            .await
            .expect(201)["nextSteps"],
        json!([])
    );
}

#[tokio::test]
async fn salesman_and_staff_move_consultation_to_its_end() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}/progress");
    let view = app
        .as_salesman(SALESMAN)
        .post_if(&path, 1, &json!({ "step": "approved" }))
        .await
        .expect(200);
    assert_eq!(
        (&view["step"], &view["nextSteps"]),
        (
            &json!("approved"),
            &json!(["succeeded", "failed", "cancelled"])
        )
    );
    let answer = app
        .as_staff()
        .post_if(
            &path,
            2,
            &json!({ "step": "failed", "reason": "예산 부족" }),
        )
        .await;
    assert_eq!(answer.headers[header::ETAG], "\"3\"");
    let view = answer.expect(200);
    assert_eq!(
        (&view["step"], &view["nextSteps"], &view["reason"]),
        (&json!("failed"), &json!([]), &json!("예산 부족"))
    );
    let events = app.new_events().await;
    let transitions: Vec<_> = events
        .iter()
        .map(|(name, version, event)| {
            (
                name.as_str(),
                *version,
                event["from"].as_str(),
                event["to"].as_str(),
                event["actor"]["role"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        transitions,
        [
            (
                "ktgg.ConsultationProgressed.v1",
                2,
                Some("apply"),
                Some("approved"),
                Some("salesman")
            ),
            (
                "ktgg.ConsultationProgressed.v1",
                3,
                Some("approved"),
                Some("failed"),
                Some("staff")
            ),
        ]
    );
    assert!(
        events
            .iter()
            .all(|(_, _, event)| event["salesmanId"] == json!(SALESMAN))
    );
}

#[tokio::test]
async fn disallowed_step_is_refused_with_current_step() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let path = format!("/consultations/{id}/progress");
    let refused = async |version: i64, step: &str, slug: &str, present: &str| {
        let answer = app
            .as_staff()
            .post_if(&path, version, &json!({ "step": step, "reason": "사유" }))
            .await;
        assert_eq!(answer.json["step"], present, "{step} from {present}");
        assert_eq!(answer.problem(409).0, slug, "{step} from {present}");
        assert!(app.new_events().await.is_empty());
    };
    refused(1, "approved", "not-matched-yet", "apply").await;
    refused(1, "succeeded", "step-not-allowed", "apply").await;
    refused(1, "failed", "step-not-allowed", "apply").await;
    app.deliver(1, &match_event(origin(id), SALESMAN, None))
        .await;
    app.as_staff()
        .post_if(&path, 1, &json!({ "step": "approved" }))
        .await
        .expect(200);
    app.new_events().await;
    refused(2, "apply", "step-not-allowed", "approved").await;
    let edit = app
        .as_customer(PHONE)
        .patch_if(&format!("/consultations/{id}"), 2, &json!({ "memo": "m" }))
        .await;
    assert_eq!(edit.json["step"], "approved");
    assert_eq!(edit.problem(409).0, "consultation-not-editable");
    app.as_staff()
        .post_if(&path, 2, &json!({ "step": "succeeded" }))
        .await
        .expect(200);
    app.new_events().await;
    for step in ["apply", "approved", "failed", "cancelled"] {
        refused(3, step, "consultation-closed", "succeeded").await;
    }
    // Moving to the current step changes nothing.
    assert_eq!(
        app.as_staff()
            .post_if(&path, 3, &json!({ "step": "succeeded" }))
            .await
            .expect(200)["version"],
        3
    );
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn after_rematch_only_the_new_salesman_can_progress() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let origin = origin(id);
    let (first, other) = (match_event(origin, SALESMAN, None), Uuid::from_u128(0x07));
    app.deliver(1, &first).await;
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..match_event(origin, other, Some(CONSULTANT))
        },
    )
    .await;
    let path = format!("/consultations/{id}/progress");
    let approve = json!({ "step": "approved" });
    assert_eq!(
        app.as_salesman(SALESMAN)
            .post_if(&path, 1, &approve)
            .await
            .problem(404)
            .0,
        "not-found"
    );
    app.as_salesman(other)
        .post_if(&path, 1, &approve)
        .await
        .expect(200);
    let events = app.new_events().await;
    assert_eq!(
        (
            events.len(),
            &events[0].2["salesmanId"],
            &events[0].2["consultantId"]
        ),
        (1, &json!(other), &json!(CONSULTANT))
    );
}

#[tokio::test]
async fn failing_and_cancelling_require_a_reason() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}/progress");
    app.as_salesman(SALESMAN)
        .post_if(&path, 1, &json!({ "step": "approved" }))
        .await
        .expect(200);
    app.new_events().await;
    for step in ["failed", "cancelled"] {
        for caller in [app.as_staff(), app.as_salesman(SALESMAN)] {
            let refused = caller
                .post_if(&path, 2, &json!({ "step": step }))
                .await
                .problem(422);
            assert_eq!(
                refused,
                (
                    "wrong-fields".to_owned(),
                    vec![("/reason".to_owned(), "required".to_owned())]
                ),
                "{step}"
            );
        }
    }
    // The customer can still cancel, and a second click changes nothing.
    for version in [2, 3] {
        let view = app
            .as_customer(PHONE)
            .post_if(
                &path,
                version,
                &json!({ "step": "cancelled", "reason": "사정" }),
            )
            .await
            .expect(200);
        assert_eq!(
            (&view["step"], &view["version"]),
            (&json!("cancelled"), &json!(3))
        );
    }
    assert_eq!(app.new_events().await.len(), 1);
}
