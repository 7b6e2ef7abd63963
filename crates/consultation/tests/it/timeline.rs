//! The timeline, and who sees what of it.

use axum::http::Method;
use chrono::TimeDelta;
use events::{Actor, SalesmanMatched, StaffId};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, customer, envelope};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, SALESMAN, create_consultation, create_matched, get_consultation,
    match_event, origin, person, send_change, start,
};

/// The id of [`TestApp::as_staff`], who also matches manually.
const STAFF: Uuid = Uuid::from_u128(0x57AFF);

const OTHER: Uuid = Uuid::from_u128(0x07);

/// Delivers a match that was made one minute after the previous step.
async fn deliver_match_now(app: &TestApp, version: i64, event: &SalesmanMatched) {
    app.clock().advance(TimeDelta::minutes(1));
    let mut envelope = envelope(Uuid::new_v4(), version, event);
    envelope.recorded_at = app.context().db.now();
    app.deliver_raw(&envelope, serde_json::to_vec(event).unwrap())
        .await;
}

/// A consultation with every kind of timeline event, one minute apart.
async fn create_with_full_timeline(app: &TestApp) -> Uuid {
    let id = create_consultation(app).await;
    let path = format!("/consultations/{id}");
    let next = || app.clock().advance(TimeDelta::minutes(1));
    let first = match_event(origin(id), OTHER, None);
    deliver_match_now(app, 1, &first).await;
    deliver_match_now(
        app,
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..match_event(origin(id), OTHER, Some(CONSULTANT))
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
        ..match_event(origin(id), SALESMAN, Some(CONSULTANT))
    };
    deliver_match_now(app, 3, &by_hand).await;
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
async fn timeline_shows_all_changes_in_order_with_authors() {
    let app = start().await;
    let id = create_with_full_timeline(&app).await;
    let customer_id = customer(PHONE).subject;
    let view = |id: Uuid| json!({ "id": id, "displayName": person(id).display_name });
    let by = |role: &str, id: Uuid, display_name: Option<String>| {
        json!({
            "role": role, "id": id, "displayName": display_name,
        })
    };
    let of_customer = by("customer", customer_id, None);
    let expected = [
        json!({ "kind": "requested", "desiredDate": "2026-12-01", "by": of_customer }),
        json!({ "kind": "matched", "salesman": view(OTHER), "consultant": null, "by": null }),
        json!({ "kind": "matched", "salesman": view(OTHER), "consultant": view(CONSULTANT),
                "by": null }),
        json!({ "kind": "edited", "dateFrom": "2026-12-01", "dateTo": "2026-12-02",
                "memoChanged": false, "by": of_customer }),
        json!({ "kind": "edited", "dateFrom": "2026-12-02", "dateTo": "2026-12-02",
                "memoChanged": true, "by": of_customer }),
        json!({ "kind": "progressed", "from": "apply", "to": "approved", "reason": null,
                "by": by("salesman", OTHER, Some(person(OTHER).display_name)) }),
        json!({ "kind": "rematched", "salesman": view(SALESMAN),
                "consultant": view(CONSULTANT), "by": by("staff", STAFF, None) }),
        json!({ "kind": "noted", "text": "예산 확인 필요",
                "by": by("consultant", CONSULTANT, Some(person(CONSULTANT).display_name)) }),
        json!({ "kind": "progressed", "from": "approved", "to": "failed", "reason": "예산 부족",
                "by": by("staff", STAFF, None) }),
    ];
    let shown_entries = |view: &Value| -> Vec<Value> {
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
        let view = get_consultation(&caller, id).await;
        assert_eq!(shown_entries(&view), expected);
        assert_eq!(
            (
                view["timeline"][8]["at"].as_str(),
                view["notes"].as_array().unwrap().len()
            ),
            (Some("2026-11-23T01:08:00Z"), 1)
        );
    }
    // The customer sees everything except notes and the ids of staff.
    let view = get_consultation(&app.as_customer(PHONE), id).await;
    let mut without_notes: Vec<Value> = expected
        .iter()
        .filter(|entry| entry["kind"] != "noted")
        .cloned()
        .collect();
    for entry in &mut without_notes {
        if entry["by"]["role"] == "staff" {
            entry["by"]["id"] = Value::Null;
        }
    }
    assert_eq!(shown_entries(&view), without_notes);
    assert!(view.get("notes").is_none());
    let text = view.to_string();
    assert!(
        !text.contains("예산 확인 필요") && !text.contains(&STAFF.to_string()),
        "{text}"
    );
}

#[tokio::test]
async fn answer_to_a_change_contains_its_timeline_entry() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let edited = send_change(&app.as_customer(PHONE), id, Method::PATCH, "\"1\"")
        .await
        .expect(200);
    assert_eq!(edited, get_consultation(&app.as_customer(PHONE), id).await);
    assert_eq!(edited["timeline"][1]["kind"], "edited");
    let cancelled = send_change(&app.as_customer(PHONE), id, Method::POST, "\"2\"")
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
    get_consultation(&app.as_staff(), id).await["timeline"]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn refused_and_empty_changes_add_no_entry() {
    let app = start().await;
    let id = create_matched(&app).await;
    let path = format!("/consultations/{id}");
    let customer = app.as_customer(PHONE);
    assert_eq!(
        send_change(&customer, id, Method::PATCH, "\"7\"")
            .await
            .status,
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
async fn redelivered_match_adds_one_entry() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let (event_id, matched) = (Uuid::new_v4(), match_event(origin(id), SALESMAN, None));
    for _ in 0..2 {
        app.deliver_with_id(event_id, 1, &matched).await;
    }
    app.deliver(1, &matched).await;
    // A later version with the same people.
    app.deliver(2, &matched).await;
    assert_eq!(entries(&app, id).await, 2);
}

#[tokio::test]
async fn match_after_the_end_adds_no_entry() {
    let app = start().await;
    let id = create_consultation(&app).await;
    send_change(&app.as_customer(PHONE), id, Method::POST, "\"1\"")
        .await
        .expect(200);
    app.deliver(1, &match_event(origin(id), SALESMAN, None))
        .await;
    let view = get_consultation(&app.as_customer(PHONE), id).await;
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
async fn match_entry_has_the_time_of_the_match() {
    let app = start().await;
    let id = create_consultation(&app).await;
    app.clock().advance(TimeDelta::days(1));
    // The match is a day old when it arrives, after an edit.
    send_change(&app.as_customer(PHONE), id, Method::PATCH, "\"1\"")
        .await
        .expect(200);
    app.deliver(1, &match_event(origin(id), SALESMAN, None))
        .await;
    let view = get_consultation(&app.as_customer(PHONE), id).await;
    assert_eq!(
        (&view["timeline"][1]["kind"], &view["timeline"][1]["at"]),
        (&json!("matched"), &json!("2026-11-23T01:00:00Z"))
    );
    assert_eq!(view["timeline"][2]["kind"], "edited");
}

#[tokio::test]
async fn only_the_newest_notes_are_shown() {
    let app = start().await;
    let id = create_consultation(&app).await;
    sqlx::query(
        "insert into note (id, consultation_id, at, actor, text)
         select gen_random_uuid(), $1,
                '2026-11-24T00:00:00Z'::timestamptz + n * interval '1 second',
                '{\"role\": \"system\"}', n::text
         from generate_series(1, 501) n",
    )
    .bind(id)
    .execute(app.pool())
    .await
    .unwrap();
    let view = get_consultation(&app.as_staff(), id).await;
    let notes = view["notes"].as_array().unwrap();
    assert_eq!(
        (notes.len(), &notes[0]["text"], &notes[499]["text"]),
        (500, &json!("2"), &json!("501"))
    );
}
