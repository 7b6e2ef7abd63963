//! What other services' events do here.

use events::{ConsultationId, Event, InterestId, Origin, ProjectId, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::messaging::kafka;
use service_kit::testing::{TestApp, envelope};
use uuid::Uuid;

use crate::{CONSULTANT, PHONE, SALESMAN, a_match, a_project, a_request, requested, start};

fn of(id: Uuid) -> Origin {
    Origin::Consultation(ConsultationId(id))
}

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

/// The headers a record of the event travels with.
fn headers(id: Uuid, version: i64, event: &SalesmanMatched) -> serde_json::Map<String, Value> {
    kafka::header_map(Some(&kafka::headers(&envelope(id, version, event))))
}

#[tokio::test]
async fn a_match_puts_its_people_on_the_consultation_without_an_event_of_ours() {
    let app = start().await;
    let id = requested(&app).await;
    app.deliver(1, &a_match(of(id), SALESMAN, Some(CONSULTANT)))
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
async fn a_rematch_replaces_the_people_and_the_previous_ones_lose_sight_of_it() {
    let app = start().await;
    let id = requested(&app).await;
    let first = a_match(of(id), SALESMAN, Some(CONSULTANT));
    app.deliver(1, &first).await;
    let other = Uuid::from_u128(0x07);
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..a_match(of(id), other, None)
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
async fn a_redelivered_match_does_not_bring_back_whom_a_later_one_replaced() {
    let app = start().await;
    let id = requested(&app).await;
    let (event_id, first) = (Uuid::new_v4(), a_match(of(id), SALESMAN, None));
    let other = Uuid::from_u128(0x07);
    app.deliver_as(event_id, 1, &first).await;
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..a_match(of(id), other, None)
        },
    )
    .await;
    // The same record again, at another offset; and the same event under another id, as a restored ledger would send it.
    app.deliver_as(event_id, 1, &first).await;
    app.deliver(1, &first).await;
    assert_eq!(salesman(&app, id).await, json!(other));
    assert_eq!(progress(&app, first.match_id.0).await, Some(2));
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn a_match_that_arrives_after_it_was_closed_changes_nothing_and_is_no_error() {
    let app = start().await;
    let id = requested(&app).await;
    let cancel = json!({ "step": "cancelled", "reason": "사정" });
    app.as_customer(PHONE)
        .post_if(&format!("/consultations/{id}/progress"), 1, &cancel)
        .await
        .expect(200);
    let matched = a_match(of(id), SALESMAN, None);
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
async fn a_match_for_an_interest_is_acknowledged_and_not_ours() {
    let app = start().await;
    let id = requested(&app).await;
    // Even if the ids were the same.
    let matched = a_match(Origin::Interest(InterestId(id)), SALESMAN, None);
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
async fn a_match_for_a_consultation_that_does_not_exist_parks_with_its_successors_and_no_others() {
    let app = start().await;
    let id = requested(&app).await;
    let lost = a_match(of(Uuid::from_u128(0x404)), SALESMAN, None);
    app.deliver(1, &lost).await;
    app.deliver(2, &lost).await;
    app.deliver(1, &a_match(of(id), SALESMAN, None)).await;
    assert_eq!(app.parked().await, ["refused", "held"]);
    assert_eq!(progress(&app, lost.match_id.0).await, None);
    assert_eq!(salesman(&app, id).await, json!(SALESMAN));
}

#[tokio::test]
async fn a_parked_record_that_is_sent_again_is_parked_once() {
    let app = start().await;
    let (event_id, lost) = (
        Uuid::new_v4(),
        a_match(of(Uuid::from_u128(0x404)), SALESMAN, None),
    );
    app.deliver_as(event_id, 1, &lost).await;
    app.deliver_as(event_id, 1, &lost).await;
    assert_eq!(app.parked().await, ["refused"]);
}

#[tokio::test]
async fn events_that_came_before_a_missing_one_are_applied_in_order_once_it_comes() {
    let app = start().await;
    let id = requested(&app).await;
    let first = a_match(of(id), Uuid::from_u128(1), None);
    let nth = |n: u128| SalesmanMatched {
        match_id: first.match_id,
        ..a_match(of(id), Uuid::from_u128(n), None)
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
async fn a_refused_record_behind_a_gap_does_not_take_the_missing_one_down_with_it() {
    let app = start().await;
    let id = requested(&app).await;
    let first = a_match(of(id), SALESMAN, None);
    let lost = SalesmanMatched {
        match_id: first.match_id,
        ..a_match(of(Uuid::from_u128(0x404)), SALESMAN, None)
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
async fn an_event_of_a_type_of_a_newer_build_is_kept_aside_with_its_successors() {
    let app = start().await;
    let id = requested(&app).await;
    let matched = a_match(of(id), SALESMAN, None);
    let mut newer = envelope(Uuid::new_v4(), 1, &matched);
    newer.type_name = "ktgg.SalesmanUnmatched.v1".to_owned();
    app.deliver_raw(&newer, b"{}".to_vec()).await;
    app.deliver(2, &matched).await;
    app.deliver(1, &a_project("다른 집합체")).await;
    assert_eq!(app.parked().await, ["unknown_type", "held"]);
    assert_eq!(salesman(&app, id).await, Value::Null);
    assert_eq!(progress(&app, a_project("").aggregate_id()).await, Some(1));
}

#[tokio::test]
async fn what_an_older_replica_kept_aside_is_taken_in_when_its_aggregate_moves_on() {
    let app = start().await;
    let id = requested(&app).await;
    let matched = a_match(of(id), Uuid::from_u128(1), None);
    let mut newer = envelope(Uuid::new_v4(), 1, &matched);
    newer.type_name = "ktgg.SalesmanUnmatched.v1".to_owned();
    app.deliver_raw(&newer, serde_json::to_vec(&matched).unwrap())
        .await;
    assert_eq!(app.parked().await, ["unknown_type"]);
    // As if another build had parked it, and this one knew the type.
    sqlx::query("update parked set type = $1, headers = jsonb_set(headers, '{ce_type}', to_jsonb($1::text))")
        .bind(SalesmanMatched::TYPE)
        .execute(app.pool())
        .await
        .unwrap();
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: matched.match_id,
            ..a_match(of(id), SALESMAN, None)
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
async fn a_record_whose_headers_cannot_be_read_parks_and_its_keys_later_events_are_held() {
    let app = start().await;
    let id = requested(&app).await;
    let matched = a_match(of(id), SALESMAN, None);
    let key = matched.match_id.to_string();
    let mut broken = headers(Uuid::new_v4(), 1, &matched);
    broken.remove("ce_aggregateversion");
    app.deliver_headers(broken, &key).await;
    app.deliver(2, &matched).await;
    let other = a_match(of(id), Uuid::from_u128(2), None);
    app.deliver(1, &other).await;
    assert_eq!(app.parked().await, ["unreadable", "held"]);
    assert_eq!(salesman(&app, id).await, json!(Uuid::from_u128(2)));
}

#[tokio::test]
async fn no_header_whatever_it_holds_stands_in_the_way_of_what_follows() {
    let app = start().await;
    let id = requested(&app).await;
    let matched = a_match(of(id), SALESMAN, None);
    app.deliver_headers(serde_json::Map::new(), "no uuid").await;
    for (name, value) in [
        ("ce_time", json!("yesterday")),
        ("ce_specversion", json!("0.3")),
        ("ce_aggregateversion", json!("99999999999999999999")),
        ("ce_subject", Value::Null),
    ] {
        let mut odd = headers(Uuid::new_v4(), 1, &a_match(of(id), SALESMAN, None));
        odd.insert(name.to_owned(), value);
        app.deliver_headers(odd, &Uuid::new_v4().to_string()).await;
    }
    app.deliver(1, &matched).await;
    assert_eq!(salesman(&app, id).await, json!(SALESMAN));
    assert_eq!(app.parked().await, ["unreadable"; 5]);
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_parks_and_later_events_of_its_aggregate_are_held() {
    for payload in [
        "",
        "no json",
        "{}",
        "[1]",
        r#"{"matchId": "x"}"#,
        r#"{"strategy": "a\u0000b"}"#,
    ] {
        let app = start().await;
        let id = requested(&app).await;
        let matched = a_match(of(id), SALESMAN, None);
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
async fn a_payload_that_the_database_cannot_store_parks() {
    let app = start().await;
    let project = a_project("a\u{0}b");
    app.deliver(1, &project).await;
    assert_eq!(app.parked().await, ["refused"]);
    app.deliver(1, &{
        let mut other = a_project("다음 사업");
        other.project_id = ProjectId(Uuid::from_u128(2));
        other
    })
    .await;
    assert_eq!(progress(&app, Uuid::from_u128(2)).await, Some(1));
}

#[tokio::test]
async fn a_project_is_known_by_its_last_name_however_often_it_comes() {
    let app = start().await;
    let event_id = Uuid::new_v4();
    app.deliver_as(event_id, 1, &a_project("처음 이름")).await;
    app.deliver_as(event_id, 1, &a_project("처음 이름")).await;
    let names: Vec<String> = sqlx::query_scalar("select name from known_project")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(names, ["처음 이름"]);
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &a_request())
        .await
        .expect(201);
    assert_eq!(view["projectName"], "처음 이름");
}

#[tokio::test]
async fn what_was_asked_for_before_its_project_was_known_gets_its_name() {
    let app = start().await;
    let id = requested(&app).await;
    app.deliver(1, &a_project("2026년 스마트상점")).await;
    let shown = app
        .as_customer(PHONE)
        .get(&format!("/consultations/{id}"))
        .await
        .expect(200);
    assert_eq!(shown["projectName"], "2026년 스마트상점");
    app.new_events().await;
    app.as_customer(PHONE)
        .post("/consultations", &a_request())
        .await
        .expect(201);
    assert_eq!(
        app.new_events().await[0].2["projectName"],
        "2026년 스마트상점"
    );
}
