//! How this service reacts to other services' events.

use events::{Event, PersonRole};
use serde_json::{Value, json};
use service_kit::messaging::kafka;
use service_kit::testing::{TestApp, envelope};
use uuid::Uuid;

use crate::{
    FOUR, a_consultation, an_interest, assign, match_of, registered, requested, salesman, start,
    who,
};

async fn rows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from salesman_match")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn request_inserts_an_empty_match_without_an_event() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let (consultation, interest) = (Uuid::from_u128(0xC0), Uuid::from_u128(0x11));
    app.deliver(1, &a_consultation(consultation, FOUR)).await;
    app.deliver(1, &an_interest(interest, FOUR)).await;
    for (origin, kind) in [(consultation, "consultation"), (interest, "interest")] {
        let view = match_of(&app, origin).await;
        assert_eq!(view["origin"], json!({ "kind": kind, "id": origin }));
        assert_eq!(
            (&view["salesman"], &view["consultant"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            (&view["version"], &view["matchedAt"], &view["closedAt"]),
            (&json!(0), &Value::Null, &Value::Null)
        );
        // Its age counts from the event, not from the consumption.
        assert_eq!(view["requestedAt"], "2026-11-23T01:00:00Z");
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn redelivered_request_inserts_one_match() {
    let app = start().await;
    let (event_id, event) = (Uuid::new_v4(), a_consultation(Uuid::from_u128(0xC0), FOUR));
    app.deliver_with_id(event_id, 1, &event).await;
    app.deliver_with_id(event_id, 1, &event).await;
    app.deliver(1, &event).await;
    assert_eq!((rows(&app).await, app.parked().await.len()), (1, 0));
    // A replay from the beginning is safe too, because of the unique origin.
    sqlx::raw_sql("delete from progress; delete from inbox")
        .execute(app.pool())
        .await
        .unwrap();
    app.deliver_with_id(event_id, 1, &event).await;
    assert_eq!((rows(&app).await, app.parked().await.len()), (1, 0));
}

#[tokio::test]
async fn redelivered_registration_stores_one_person() {
    let app = start().await;
    let (event_id, event) = (Uuid::new_v4(), registered(1, PersonRole::Salesman, 1));
    app.deliver_with_id(event_id, 1, &event).await;
    app.deliver_with_id(event_id, 1, &event).await;
    requested(&app, [FOUR, FOUR]).await;
    assert_eq!(assign(&app).await, 1);
}

#[tokio::test]
async fn requests_and_people_arrive_in_any_order() {
    let app = start().await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 0);
    salesman(&app, 1, 1).await;
    assert_eq!(assign(&app).await, 1);
    assert_eq!(who(&match_of(&app, origin).await, "salesman"), Some(1));
}

#[tokio::test]
async fn event_without_a_policy_moves_progress() {
    let app = start().await;
    let consultation = a_consultation(Uuid::from_u128(0xC0), FOUR);
    app.deliver(1, &consultation).await;
    let edited = events::ConsultationEdited {
        consultation_id: consultation.consultation_id,
        project_id: consultation.project_id,
        customer: consultation.customer.clone(),
        desired_on: consultation.desired_on,
        memo_changed: true,
        salesman_id: None,
        consultant_id: None,
        actor: consultation.actor,
    };
    app.deliver(2, &edited).await;
    let version: i64 = sqlx::query_scalar("select version from progress")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(
        (version, rows(&app).await, app.parked().await.len()),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn event_after_a_gap_is_applied_once_the_gap_is_filled() {
    let app = start().await;
    let event = a_consultation(Uuid::from_u128(0xC0), FOUR);
    app.deliver(2, &event).await;
    assert_eq!(
        (app.parked().await, rows(&app).await),
        (vec!["gap".to_owned()], 0)
    );
    app.deliver(1, &event).await;
    assert_eq!((app.parked().await.len(), rows(&app).await), (0, 1));
}

#[tokio::test]
async fn bad_records_park_with_successors_and_others_continue() {
    let app = start().await;
    let events: Vec<_> = (1..=3)
        .map(|id| a_consultation(Uuid::from_u128(id), FOUR))
        .collect();
    let mut newer = envelope(Uuid::new_v4(), 1, &events[0]);
    newer.type_name = "ktgg.ConsultationReopened.v1".to_owned();
    app.deliver_raw(&newer, b"{}".to_vec()).await;
    let mut headers = kafka::header_map(Some(&kafka::headers(&envelope(
        Uuid::new_v4(),
        1,
        &events[1],
    ))));
    headers.insert("ce_id".to_owned(), json!("x"));
    app.deliver_headers(headers, &events[1].aggregate_id().to_string())
        .await;
    app.deliver_raw(
        &envelope(Uuid::new_v4(), 1, &events[2]),
        br#"{"lastFour": "567"}"#.to_vec(),
    )
    .await;
    for event in &events {
        app.deliver(2, event).await;
    }
    assert_eq!(
        app.parked().await,
        [
            "unknown_type",
            "unreadable",
            "refused",
            "held",
            "held",
            "held"
        ]
    );
    assert_eq!(rows(&app).await, 0);
    requested(&app, [FOUR]).await;
    assert_eq!(rows(&app).await, 1);
}
