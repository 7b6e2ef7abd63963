//! Reactions to events of other services.

use events::{Event as _, InterestId, Origin, ProjectId, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::messaging::kafka;
use service_kit::testing::{TestApp, envelope};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, SALESMAN, create_consultation, match_event, origin,
    project_created, request_body, start,
};

async fn salesman(app: &TestApp, id: Uuid) -> Value {
    app.as_staff()
        .get(&format!("/consultations/{id}"))
        .await
        .expect(200)["salesman"]["id"]
        .clone()
}

async fn progress(app: &TestApp, aggregate: Uuid) -> Option<i64> {
    sqlx::query_scalar("select version from progress where aggregateid = $1")
        .bind(aggregate)
        .fetch_optional(app.pool())
        .await
        .unwrap()
}

/// The headers of the event's record.
fn headers(id: Uuid, version: i64, event: &SalesmanMatched) -> serde_json::Map<String, Value> {
    kafka::header_map(Some(&kafka::headers(&envelope(id, version, event))))
}

#[tokio::test]
async fn match_assigns_people_without_publishing_an_event() {
    let app = start().await;
    let id = create_consultation(&app).await;
    app.deliver(1, &match_event(origin(id), SALESMAN, Some(CONSULTANT)))
        .await;
    let view = app
        .as_customer(PHONE)
        .get(&format!("/consultations/{id}"))
        .await
        .expect(200);
    assert_eq!(
        (&view["salesman"]["id"], &view["consultant"]["id"]),
        (&json!(SALESMAN), &json!(CONSULTANT))
    );
    assert_eq!(
        (&view["version"], &view["nextSteps"]),
        (&json!(1), &json!(["cancelled"]))
    );
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn rematch_replaces_people_and_removes_their_access() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let first = match_event(origin(id), SALESMAN, Some(CONSULTANT));
    app.deliver(1, &first).await;
    let other = Uuid::from_u128(0x07);
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..match_event(origin(id), other, None)
        },
    )
    .await;
    assert_eq!(salesman(&app, id).await, json!(other));
    assert_eq!(
        app.as_salesman(SALESMAN)
            .get(&format!("/consultations/{id}"))
            .await
            .status,
        404
    );
    assert_eq!(
        app.as_consultant(CONSULTANT)
            .get(&format!("/consultations/{id}"))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn redelivered_match_does_not_undo_a_rematch() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let (event_id, first) = (Uuid::new_v4(), match_event(origin(id), SALESMAN, None));
    let other = Uuid::from_u128(0x07);
    app.deliver_with_id(event_id, 1, &first).await;
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..match_event(origin(id), other, None)
        },
    )
    .await;
    // The same record at another offset; then the same version under another id, as after a
    // restore of the event log.
    app.deliver_with_id(event_id, 1, &first).await;
    app.deliver(1, &first).await;
    assert_eq!(salesman(&app, id).await, json!(other));
    assert_eq!(progress(&app, first.match_id.0).await, Some(2));
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn match_after_the_end_is_consumed_without_effect() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let cancel = json!({ "step": "cancelled", "reason": "사정" });
    app.as_customer(PHONE)
        .post_if(&format!("/consultations/{id}/progress"), 1, &cancel)
        .await
        .expect(200);
    let matched = match_event(origin(id), SALESMAN, None);
    app.deliver(1, &matched).await;
    assert_eq!(salesman(&app, id).await, Value::Null);
    assert_eq!(
        (
            app.parked().await.len(),
            progress(&app, matched.match_id.0).await
        ),
        (0, Some(1))
    );
}

#[tokio::test]
async fn match_of_interest_is_consumed_without_effect() {
    let app = start().await;
    let id = create_consultation(&app).await;
    // Even if the ids are equal.
    let matched = match_event(Origin::Interest(InterestId(id)), SALESMAN, None);
    app.deliver(1, &matched).await;
    assert_eq!(salesman(&app, id).await, Value::Null);
    assert_eq!(
        (
            app.parked().await.len(),
            progress(&app, matched.match_id.0).await
        ),
        (0, Some(1))
    );
}

#[tokio::test]
async fn match_of_missing_consultation_parks_with_successors() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let lost = match_event(origin(Uuid::from_u128(0x404)), SALESMAN, None);
    app.deliver(1, &lost).await;
    app.deliver(2, &lost).await;
    app.deliver(1, &match_event(origin(id), SALESMAN, None))
        .await;
    assert_eq!(app.parked().await, ["refused", "held"]);
    assert_eq!(progress(&app, lost.match_id.0).await, None);
    assert_eq!(salesman(&app, id).await, json!(SALESMAN));
}

#[tokio::test]
async fn redelivered_parked_record_is_parked_once() {
    let app = start().await;
    let (event_id, lost) = (
        Uuid::new_v4(),
        match_event(origin(Uuid::from_u128(0x404)), SALESMAN, None),
    );
    app.deliver_with_id(event_id, 1, &lost).await;
    app.deliver_with_id(event_id, 1, &lost).await;
    assert_eq!(app.parked().await, ["refused"]);
}

#[tokio::test]
async fn events_after_a_gap_are_applied_once_it_is_filled() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let first = match_event(origin(id), Uuid::from_u128(1), None);
    let nth = |n: u128| SalesmanMatched {
        match_id: first.match_id,
        ..match_event(origin(id), Uuid::from_u128(n), None)
    };
    app.deliver(3, &nth(3)).await;
    app.deliver(4, &nth(4)).await;
    assert_eq!(app.parked().await, ["gap", "held"]);
    app.deliver(1, &first).await;
    assert_eq!(salesman(&app, id).await, json!(Uuid::from_u128(1)));
    app.deliver(2, &nth(2)).await;
    assert_eq!(salesman(&app, id).await, json!(Uuid::from_u128(4)));
    assert_eq!(
        (
            app.parked().await.len(),
            progress(&app, first.match_id.0).await
        ),
        (0, Some(4))
    );
}

#[tokio::test]
async fn refused_record_after_gap_does_not_refuse_the_missing_one() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let first = match_event(origin(id), SALESMAN, None);
    let lost = SalesmanMatched {
        match_id: first.match_id,
        ..match_event(origin(Uuid::from_u128(0x404)), SALESMAN, None)
    };
    app.deliver(2, &lost).await;
    app.deliver(3, &first).await;
    assert_eq!(app.parked().await, ["gap", "held"]);
    app.deliver(1, &first).await;
    assert_eq!(salesman(&app, id).await, json!(SALESMAN));
    assert_eq!(app.parked().await, ["refused", "held"]);
    assert_eq!(progress(&app, first.match_id.0).await, Some(1));
}

#[tokio::test]
async fn unknown_event_type_parks_with_successors() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let matched = match_event(origin(id), SALESMAN, None);
    let mut newer = envelope(Uuid::new_v4(), 1, &matched);
    newer.type_name = "ktgg.SalesmanCloned.v1".to_owned();
    app.deliver_raw(&newer, b"{}".to_vec()).await;
    app.deliver(2, &matched).await;
    app.deliver(1, &project_created("다른 집합체")).await;
    assert_eq!(app.parked().await, ["unknown_type", "held"]);
    assert_eq!(salesman(&app, id).await, Value::Null);
    assert_eq!(
        progress(&app, project_created("").aggregate_id()).await,
        Some(1)
    );
}

#[tokio::test]
async fn parked_unknown_type_is_released_by_newer_build() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let matched = match_event(origin(id), Uuid::from_u128(1), None);
    let mut newer = envelope(Uuid::new_v4(), 1, &matched);
    newer.type_name = "ktgg.SalesmanCloned.v1".to_owned();
    app.deliver_raw(&newer, serde_json::to_vec(&matched).unwrap())
        .await;
    assert_eq!(app.parked().await, ["unknown_type"]);
    // As if an older build had parked a type that this one knows.
    sqlx::query(
        "update parked
         set type = $1, headers = jsonb_set(headers, '{ce_type}', to_jsonb($1::text))",
    )
    .bind(SalesmanMatched::TYPE)
    .execute(app.pool())
    .await
    .unwrap();
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: matched.match_id,
            ..match_event(origin(id), SALESMAN, None)
        },
    )
    .await;
    assert_eq!(
        (
            app.parked().await.len(),
            progress(&app, matched.match_id.0).await
        ),
        (0, Some(2))
    );
    assert_eq!(salesman(&app, id).await, json!(SALESMAN));
}

#[tokio::test]
async fn unreadable_headers_park_and_hold_later_events() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let matched = match_event(origin(id), SALESMAN, None);
    let key = matched.match_id.to_string();
    let mut broken = headers(Uuid::new_v4(), 1, &matched);
    broken.remove("ce_aggregateversion");
    app.deliver_headers(broken, &key).await;
    app.deliver(2, &matched).await;
    let other = match_event(origin(id), Uuid::from_u128(2), None);
    app.deliver(1, &other).await;
    assert_eq!(app.parked().await, ["unreadable", "held"]);
    assert_eq!(salesman(&app, id).await, json!(Uuid::from_u128(2)));
}

#[tokio::test]
async fn invalid_headers_do_not_block_other_aggregates() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let matched = match_event(origin(id), SALESMAN, None);
    app.deliver_headers(serde_json::Map::new(), "no uuid").await;
    for (name, value) in [
        ("ce_time", json!("yesterday")),
        ("ce_specversion", json!("0.3")),
        ("ce_aggregateversion", json!("99999999999999999999")),
        ("ce_subject", Value::Null),
    ] {
        let mut invalid = headers(Uuid::new_v4(), 1, &match_event(origin(id), SALESMAN, None));
        invalid.insert(name.to_owned(), value);
        app.deliver_headers(invalid, &Uuid::new_v4().to_string())
            .await;
    }
    app.deliver(1, &matched).await;
    assert_eq!(salesman(&app, id).await, json!(SALESMAN));
    assert_eq!(app.parked().await, ["unreadable"; 5]);
}

#[tokio::test]
async fn unreadable_payload_parks_and_holds_later_events() {
    for payload in [
        "",
        "no json",
        "{}",
        "[1]",
        r#"{"matchId": "x"}"#,
        r#"{"strategy": "a\u0000b"}"#,
    ] {
        let app = start().await;
        let id = create_consultation(&app).await;
        let matched = match_event(origin(id), SALESMAN, None);
        app.deliver_raw(
            &envelope(Uuid::new_v4(), 1, &matched),
            payload.as_bytes().to_vec(),
        )
        .await;
        app.deliver(2, &matched).await;
        let parked = app.parked().await;
        assert_eq!((parked.len(), parked[1].as_str()), (2, "held"), "{payload}");
        assert_eq!(salesman(&app, id).await, Value::Null, "{payload}");
    }
}

#[tokio::test]
async fn payload_that_postgres_refuses_is_parked() {
    let app = start().await;
    let project = project_created("a\u{0}b");
    app.deliver(1, &project).await;
    assert_eq!(app.parked().await, ["refused"]);
    app.deliver(1, &{
        let mut other = project_created("다음 사업");
        other.project_id = ProjectId(Uuid::from_u128(2));
        other
    })
    .await;
    assert_eq!(progress(&app, Uuid::from_u128(2)).await, Some(1));
}

#[tokio::test]
async fn redelivered_project_event_has_no_effect() {
    let app = start().await;
    let event_id = Uuid::new_v4();
    app.deliver_with_id(event_id, 1, &project_created("처음 이름"))
        .await;
    app.deliver_with_id(event_id, 1, &project_created("처음 이름"))
        .await;
    let names: Vec<String> = sqlx::query_scalar("select name from known_project")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(names, ["처음 이름"]);
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &request_body())
        .await
        .expect(201);
    assert_eq!(view["projectName"], "처음 이름");
}

#[tokio::test]
async fn earlier_request_gets_the_name_of_its_project() {
    let app = start().await;
    let id = create_consultation(&app).await;
    app.deliver(1, &project_created("2026년 스마트상점")).await;
    let shown = app
        .as_customer(PHONE)
        .get(&format!("/consultations/{id}"))
        .await
        .expect(200);
    assert_eq!(shown["projectName"], "2026년 스마트상점");
    app.new_events().await;
    app.as_customer(OTHER_PHONE)
        .post("/consultations", &request_body())
        .await
        .expect(201);
    assert_eq!(
        app.new_events().await[0].2["projectName"],
        "2026년 스마트상점"
    );
}
