//! `EditConsultation` and `ProgressConsultation`.

use std::collections::BTreeSet;

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::{ConsultationId, Origin, SalesmanMatched};
use serde_json::json;
use uuid::Uuid;

use crate::{
    CONSULTANT, JSON, PHONE, SALESMAN, a_match, a_request, change, requested,
    requested_and_matched, shown, start,
};

#[tokio::test]
async fn an_edit_changes_what_was_sent_and_leaves_the_rest() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
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
    // The same again changes nothing and tells nothing.
    let again = app
        .as_customer(PHONE)
        .patch_if(&path, 2, &json!({ "desiredDate": "2026-12-05" }))
        .await;
    assert_eq!(again.expect(200)["version"], 2);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn an_edit_to_a_day_that_has_passed_is_refused_but_the_memo_may_change_afterwards() {
    let app = start().await;
    let id = requested(&app).await;
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
async fn a_change_of_another_version_is_refused_with_the_one_that_is_there() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    for method in [Method::PATCH, Method::POST] {
        for stale in ["\"2\"", "\"0\"", "W/\"1\"", "1", "\"one\""] {
            let answer = change(&app.as_customer(PHONE), id, method.clone(), stale).await;
            assert_eq!(answer.json["current"], 1, "{method} {stale}");
            assert_eq!(answer.problem(412).0, "stale-version", "{method} {stale}");
        }
        let path = if method == Method::PATCH {
            format!("/consultations/{id}")
        } else {
            format!("/consultations/{id}/progress")
        };
        let blind = app
            .as_customer(PHONE)
            .send(
                method.clone(),
                &path,
                &[JSON],
                b"{\"step\":\"cancelled\"}".to_vec(),
            )
            .await;
        assert_eq!(blind.problem(428).0, "if-match-required", "{method}");
    }
    assert!(app.new_events().await.is_empty());
    assert_eq!(
        change(&app.as_customer(PHONE), id, Method::PATCH, "*")
            .await
            .expect(200)["version"],
        2
    );
}

#[tokio::test]
async fn two_changes_of_one_version_at_once_do_not_both_happen() {
    let app = start().await;
    let id = requested(&app).await;
    let (a, b) = (app.as_customer(PHONE), app.as_customer(PHONE));
    let (a, b) = tokio::join!(
        change(&a, id, Method::PATCH, "\"1\""),
        change(&b, id, Method::POST, "\"1\"")
    );
    let statuses: BTreeSet<_> = [a.status.as_u16(), b.status.as_u16()].into();
    assert_eq!(statuses, [200, 412].into());
    assert_eq!(app.new_events().await.len(), 1);
}

#[tokio::test]
async fn everybody_is_told_the_steps_that_he_can_move_it_to_himself() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    for (who, caller, expected) in [
        ("customer", app.as_customer(PHONE), json!(["cancelled"])),
        ("consultant", app.as_consultant(CONSULTANT), json!([])),
        (
            "salesman",
            app.as_salesman(SALESMAN),
            json!(["approved", "cancelled"]),
        ),
        ("staff", app.as_staff(), json!(["approved", "cancelled"])),
    ] {
        assert_eq!(shown(&caller, id).await["nextSteps"], expected, "{who}");
        assert_eq!(
            caller.get("/consultations").await.expect(200)["items"][0]["nextSteps"],
            expected,
            "{who}"
        );
    }
    // Whoever enters it for a customer is not on it by that.
    let mut body = a_request();
    body["phone"] = json!(PHONE);
    body["consent"] = json!(true);
    assert_eq!(
        app.as_salesman(SALESMAN)
            .post("/consultations", &body)
            .await
            .expect(201)["nextSteps"],
        json!([])
    );
}

#[tokio::test]
async fn the_assigned_salesman_and_staff_move_it_to_its_end() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
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
    let told: Vec<_> = events
        .iter()
        .map(|(name, version, told)| {
            (
                name.as_str(),
                *version,
                told["from"].as_str(),
                told["to"].as_str(),
                told["actor"]["role"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
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
            .all(|(_, _, told)| told["salesmanId"] == json!(SALESMAN))
    );
}

#[tokio::test]
async fn a_step_there_is_no_way_to_is_refused_with_the_present_one() {
    let app = start().await;
    let id = requested(&app).await;
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
    app.deliver(
        1,
        &a_match(Origin::Consultation(ConsultationId(id)), SALESMAN, None),
    )
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
    // Where it is already: nothing to do, and no error.
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
async fn after_a_rematch_the_event_names_the_new_salesman_and_the_old_one_moves_nothing() {
    let app = start().await;
    let id = requested(&app).await;
    let origin = Origin::Consultation(ConsultationId(id));
    let (first, other) = (a_match(origin, SALESMAN, None), Uuid::from_u128(0x07));
    app.deliver(1, &first).await;
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..a_match(origin, other, Some(CONSULTANT))
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
async fn failing_and_cancelling_want_a_reason_of_whoever_does_it() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
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
    // Its customer may still cancel while it is open, and a second click changes nothing.
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
