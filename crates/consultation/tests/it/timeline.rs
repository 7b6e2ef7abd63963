//! What happened to a consultation, and who is told of it.

use axum::http::Method;
use chrono::TimeDelta;
use events::{Actor, ConsultationId, Origin, SalesmanMatched, StaffId};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, customer, envelope};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, SALESMAN, a_match, change, person, requested, requested_and_matched, shown,
    start,
};

/// Who matches by hand; also [`TestApp::as_staff`].
const STAFF: Uuid = Uuid::from_u128(0x57AFF);

const OTHER: Uuid = Uuid::from_u128(0x07);

fn of(id: Uuid) -> Origin {
    Origin::Consultation(ConsultationId(id))
}

/// Delivers a match as of the present instant of the test's clock, a minute after whatever was before it.
async fn matched_now(app: &TestApp, version: i64, event: &SalesmanMatched) {
    app.clock().advance(TimeDelta::minutes(1));
    let mut envelope = envelope(Uuid::new_v4(), version, event);
    envelope.recorded_at = app.context().db.now();
    app.deliver_raw(&envelope, serde_json::to_vec(event).unwrap())
        .await;
}

/// A consultation to which everything happens that can, a minute after the other.
async fn an_eventful_one(app: &TestApp) -> Uuid {
    let id = requested(app).await;
    let path = format!("/consultations/{id}");
    let next = || app.clock().advance(TimeDelta::minutes(1));
    let first = a_match(of(id), OTHER, None);
    matched_now(app, 1, &first).await;
    matched_now(
        app,
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..a_match(of(id), OTHER, Some(CONSULTANT))
        },
    )
    .await;
    next();
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "desiredDate": "2026-12-02" }))
        .await
        .expect(200);
    next();
    app.as_customer(PHONE)
        .patch_if(&path, 2, &json!({ "memo": "오후가 좋습니다" }))
        .await
        .expect(200);
    next();
    app.as_salesman(OTHER)
        .post_if(
            &format!("{path}/progress"),
            3,
            &json!({ "step": "approved" }),
        )
        .await
        .expect(200);
    let by_hand = SalesmanMatched {
        match_id: first.match_id,
        actor: Actor::Staff(StaffId(STAFF)),
        ..a_match(of(id), SALESMAN, Some(CONSULTANT))
    };
    matched_now(app, 3, &by_hand).await;
    next();
    app.as_consultant(CONSULTANT)
        .post(
            &format!("{path}/notes"),
            &json!({ "text": "예산 확인 필요" }),
        )
        .await
        .expect(201);
    next();
    let failed = json!({ "step": "failed", "reason": "예산 부족" });
    app.as_staff()
        .post_if(&format!("{path}/progress"), 4, &failed)
        .await
        .expect(200);
    id
}

#[tokio::test]
async fn everything_that_happened_is_told_in_order_with_when_and_by_whom() {
    let app = start().await;
    let id = an_eventful_one(&app).await;
    let customer_id = customer(PHONE).subject;
    let view = |id: Uuid| json!({ "id": id, "displayName": person(id).display_name });
    let by = |role: &str, id: Uuid, name: Option<String>| json!({ "role": role, "id": id, "displayName": name });
    let of_customer = by("customer", customer_id, None);
    let expected = [
        json!({ "kind": "requested", "desiredDate": "2026-12-01", "by": of_customer }),
        json!({ "kind": "matched", "salesman": view(OTHER), "consultant": null, "by": null }),
        json!({ "kind": "matched", "salesman": view(OTHER), "consultant": view(CONSULTANT), "by": null }),
        json!({ "kind": "edited", "dateFrom": "2026-12-01", "dateTo": "2026-12-02", "memoChanged": false, "by": of_customer }),
        json!({ "kind": "edited", "dateFrom": "2026-12-02", "dateTo": "2026-12-02", "memoChanged": true, "by": of_customer }),
        json!({ "kind": "progressed", "from": "apply", "to": "approved", "reason": null,
                "by": by("salesman", OTHER, Some(person(OTHER).display_name)) }),
        json!({ "kind": "rematched", "salesman": view(SALESMAN), "consultant": view(CONSULTANT), "by": by("staff", STAFF, None) }),
        json!({ "kind": "noted", "text": "예산 확인 필요",
                "by": by("consultant", CONSULTANT, Some(person(CONSULTANT).display_name)) }),
        json!({ "kind": "progressed", "from": "approved", "to": "failed", "reason": "예산 부족", "by": by("staff", STAFF, None) }),
    ];
    let told = |view: &Value| -> Vec<Value> {
        let entries = view["timeline"].as_array().unwrap();
        let times: Vec<_> = entries
            .iter()
            .map(|entry| entry["at"].as_str().unwrap().to_owned())
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        let strip = |entry: &Value| {
            let mut entry = entry.as_object().unwrap().clone();
            assert!(
                entry.remove("id").is_some_and(|id| id.is_string()) && entry.remove("at").is_some()
            );
            Value::Object(entry)
        };
        entries.iter().map(strip).collect()
    };
    for caller in [
        app.as_staff(),
        app.as_salesman(SALESMAN),
        app.as_consultant(CONSULTANT),
    ] {
        let view = shown(&caller, id).await;
        assert_eq!(told(&view), expected);
        assert_eq!(
            (
                view["timeline"][8]["at"].as_str(),
                view["notes"].as_array().unwrap().len()
            ),
            (Some("2026-11-23T01:08:00Z"), 1)
        );
    }
    // Its customer is told all of it but the notes, and never which member of staff it was.
    let view = shown(&app.as_customer(PHONE), id).await;
    let mut without: Vec<Value> = expected
        .iter()
        .filter(|entry| entry["kind"] != "noted")
        .cloned()
        .collect();
    for entry in &mut without {
        if entry["by"]["role"] == "staff" {
            entry["by"]["id"] = Value::Null;
        }
    }
    assert_eq!(told(&view), without);
    assert!(view.get("notes").is_none());
    let whole = view.to_string();
    assert!(
        !whole.contains("예산 확인 필요") && !whole.contains(&STAFF.to_string()),
        "{whole}"
    );
}

#[tokio::test]
async fn the_answer_to_a_change_shows_it_in_the_timeline_already() {
    let app = start().await;
    let id = requested(&app).await;
    let edited = change(&app.as_customer(PHONE), id, Method::PATCH, "\"1\"")
        .await
        .expect(200);
    assert_eq!(edited, shown(&app.as_customer(PHONE), id).await);
    assert_eq!(edited["timeline"][1]["kind"], "edited");
    let cancelled = change(&app.as_customer(PHONE), id, Method::POST, "\"2\"")
        .await
        .expect(200);
    assert_eq!(
        (
            &cancelled["timeline"][2]["to"],
            &cancelled["timeline"][2]["reason"]
        ),
        (&json!("cancelled"), &json!("사정"))
    );
}

async fn entries(app: &TestApp, id: Uuid) -> usize {
    shown(&app.as_staff(), id).await["timeline"]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn what_is_refused_or_changes_nothing_is_in_no_timeline() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    let path = format!("/consultations/{id}");
    let customer = app.as_customer(PHONE);
    assert_eq!(
        change(&customer, id, Method::PATCH, "\"7\"").await.status,
        412
    );
    assert_eq!(
        customer
            .patch_if(&path, 1, &json!({ "desiredDate": "2026-11-01" }))
            .await
            .status,
        422
    );
    customer
        .patch_if(&path, 1, &json!({ "desiredDate": "2026-12-01" }))
        .await
        .expect(200);
    let succeeded = json!({ "step": "succeeded" });
    assert_eq!(
        app.as_staff()
            .post_if(&format!("{path}/progress"), 1, &succeeded)
            .await
            .status,
        409
    );
    assert_eq!(entries(&app, id).await, 2);
}

#[tokio::test]
async fn a_match_that_comes_again_is_one_entry() {
    let app = start().await;
    let id = requested(&app).await;
    let (event_id, matched) = (Uuid::new_v4(), a_match(of(id), SALESMAN, None));
    for _ in 0..2 {
        app.deliver_as(event_id, 1, &matched).await;
    }
    app.deliver(1, &matched).await;
    // And a later version that names the same people.
    app.deliver(2, &matched).await;
    assert_eq!(entries(&app, id).await, 2);
}

#[tokio::test]
async fn a_match_that_comes_after_it_was_closed_appears_in_no_timeline() {
    let app = start().await;
    let id = requested(&app).await;
    change(&app.as_customer(PHONE), id, Method::POST, "\"1\"")
        .await
        .expect(200);
    app.deliver(1, &a_match(of(id), SALESMAN, None)).await;
    let view = shown(&app.as_customer(PHONE), id).await;
    let kinds: Vec<&str> = view["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        (kinds, &view["salesman"], app.parked().await.len()),
        (vec!["requested", "progressed"], &Value::Null, 0)
    );
}

#[tokio::test]
async fn a_match_is_told_as_of_when_it_was_made_and_not_of_when_it_was_heard_of() {
    let app = start().await;
    let id = requested(&app).await;
    app.clock().advance(TimeDelta::days(1));
    // Made at the test's beginning, heard of a day later, after its customer had edited it.
    change(&app.as_customer(PHONE), id, Method::PATCH, "\"1\"")
        .await
        .expect(200);
    app.deliver(1, &a_match(of(id), SALESMAN, None)).await;
    let view = shown(&app.as_customer(PHONE), id).await;
    assert_eq!(
        (&view["timeline"][1]["kind"], &view["timeline"][1]["at"]),
        (&json!("matched"), &json!("2026-11-23T01:00:00Z"))
    );
    assert_eq!(view["timeline"][2]["kind"], "edited");
}

#[tokio::test]
async fn the_newest_of_a_very_long_timeline_are_shown() {
    let app = start().await;
    let id = requested(&app).await;
    sqlx::query(
        "insert into note (id, consultation_id, at, actor, text)
         select gen_random_uuid(), $1, '2026-11-24T00:00:00Z'::timestamptz + n * interval '1 second', '{\"role\": \"system\"}', n::text
         from generate_series(1, 501) n",
    )
    .bind(id)
    .execute(app.pool())
    .await
    .unwrap();
    let view = shown(&app.as_staff(), id).await;
    let notes = view["notes"].as_array().unwrap();
    assert_eq!(
        (notes.len(), &notes[0]["text"], &notes[499]["text"]),
        (500, &json!("2"), &json!("501"))
    );
}
