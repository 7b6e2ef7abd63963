//! What other services' events do here.

use events::{Event, SalesmanId, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::kafka;
use service_kit::testing::{TestApp, envelope};
use uuid::Uuid;

use crate::{CONSULTANT, CONSULTATION, SALESMAN, a_match, start};

/// What somebody was told, oldest first.
async fn told(app: &TestApp, id: Uuid) -> Vec<String> {
    let page = app.as_salesman(id).get("/salesmen/me/notifications").await.expect(200);
    let items = page["items"].as_array().unwrap();
    items.iter().rev().map(|item| item["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn whoever_is_matched_is_told_with_what_he_can_do_about_it() {
    let app = start().await;
    app.deliver(1, &a_match(SALESMAN, Some(CONSULTANT))).await;
    let page = app.as_salesman(SALESMAN).get("/salesmen/me/notifications").await.expect(200);
    assert_eq!(
        page,
        json!({ "items": [{
            "id": page["items"][0]["id"],
            "kind": "assigned",
            "originKind": "consultation",
            "originId": CONSULTATION,
            "projectName": "스마트상점",
            "createdAt": "2026-11-23T01:00:00Z",
            "readAt": null,
        }] })
    );
    let consultants = app.as_consultant(CONSULTANT).get("/salesmen/me/notifications").await.expect(200);
    assert_eq!(consultants["items"][0]["kind"], "assigned");
    assert!(told(&app, Uuid::from_u128(0xBAD)).await.is_empty());
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn whoever_is_replaced_is_told_that_it_was_taken_away() {
    let app = start().await;
    let other = Uuid::from_u128(7);
    let first = a_match(SALESMAN, Some(CONSULTANT));
    app.deliver(1, &first).await;
    let second = SalesmanMatched {
        match_id: first.match_id,
        previous_salesman_id: Some(SalesmanId(SALESMAN)),
        previous_consultant_id: Some(SalesmanId(CONSULTANT)),
        ..a_match(other, None)
    };
    app.deliver(2, &second).await;
    let kinds = |id: Uuid| {
        sqlx::query_scalar::<_, String>("select kind from notification where salesman_id = $1 order by kind")
            .bind(id)
            .fetch_all(app.pool())
    };
    assert_eq!(kinds(SALESMAN).await.unwrap(), ["assigned", "taken_away"]);
    assert_eq!(kinds(CONSULTANT).await.unwrap(), ["assigned", "taken_away"]);
    assert_eq!(kinds(other).await.unwrap(), ["assigned"]);
}

#[tokio::test]
async fn whoever_had_his_place_already_is_not_told_again() {
    let app = start().await;
    let first = a_match(SALESMAN, None);
    app.deliver(1, &first).await;
    let second = SalesmanMatched {
        match_id: first.match_id,
        previous_salesman_id: Some(SalesmanId(SALESMAN)),
        ..a_match(SALESMAN, Some(CONSULTANT))
    };
    app.deliver(2, &second).await;
    assert_eq!((told(&app, SALESMAN).await, told(&app, CONSULTANT).await.len()), (vec!["assigned".to_owned()], 1));
}

#[tokio::test]
async fn a_redelivered_match_is_told_once() {
    let app = start().await;
    let (event_id, matched) = (Uuid::new_v4(), a_match(SALESMAN, None));
    app.deliver_as(event_id, 1, &matched).await;
    app.deliver_as(event_id, 1, &matched).await;
    app.deliver(1, &matched).await;
    assert_eq!(told(&app, SALESMAN).await, ["assigned"]);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn matches_that_came_before_a_missing_one_are_told_in_order_once_it_comes() {
    let app = start().await;
    let first = a_match(SALESMAN, None);
    let away = SalesmanMatched {
        match_id: first.match_id,
        previous_salesman_id: Some(SalesmanId(SALESMAN)),
        ..a_match(Uuid::from_u128(7), None)
    };
    app.deliver(2, &away).await;
    assert_eq!((app.parked().await, told(&app, SALESMAN).await.len()), (vec!["gap".to_owned()], 0));
    app.deliver(1, &first).await;
    let mut kinds = told(&app, SALESMAN).await;
    kinds.sort();
    assert_eq!((app.parked().await.len(), kinds), (0, vec!["assigned".to_owned(), "taken_away".to_owned()]));
}

#[tokio::test]
async fn what_cannot_be_taken_in_parks_with_its_successors_and_everything_else_flows_on() {
    let app = start().await;
    let matches: Vec<SalesmanMatched> = (0..3).map(|_| a_match(SALESMAN, None)).collect();
    let mut newer = envelope(Uuid::new_v4(), 1, &matches[0]);
    newer.type_name = "ktgg.SalesmanUnmatched.v1".to_owned();
    app.deliver_raw(&newer, b"{}".to_vec()).await;
    let mut headers = kafka::header_map(Some(&kafka::headers(&envelope(Uuid::new_v4(), 1, &matches[1]))));
    headers.insert("ce_aggregateversion".to_owned(), Value::Null);
    app.deliver_headers(headers, &matches[1].aggregate_id().to_string()).await;
    app.deliver_raw(&envelope(Uuid::new_v4(), 1, &matches[2]), b"{}".to_vec()).await;
    for matched in &matches {
        app.deliver(2, matched).await;
    }
    assert_eq!(app.parked().await, ["unknown_type", "unreadable", "refused", "held", "held", "held"]);
    assert!(told(&app, SALESMAN).await.is_empty());
    app.deliver(1, &a_match(SALESMAN, None)).await;
    assert_eq!(told(&app, SALESMAN).await, ["assigned"]);
}
