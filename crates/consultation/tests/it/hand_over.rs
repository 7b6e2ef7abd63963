//! A consultation whose salesman or consultant left.

use events::{SalesmanId, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::testing::unmatched;
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, SALESMAN, create_consultation, get_consultation, match_event, origin, start,
};

#[tokio::test]
async fn salesman_who_left_loses_access_and_the_customer_waits() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let path = format!("/consultations/{id}");
    let first = match_event(origin(id), SALESMAN, Some(CONSULTANT));
    app.deliver(1, &first).await;
    let leaver = app.as_salesman(SALESMAN);
    leaver.get(&path).await.expect(200);

    let left = unmatched(&first, &[SALESMAN]);
    let event_id = Uuid::new_v4();
    app.deliver_with_id(event_id, 2, &left).await;
    app.deliver_with_id(event_id, 2, &left).await;
    leaver.get(&path).await.problem(404);
    leaver
        .post(&format!("{path}/phone"), &json!({}))
        .await
        .problem(404);
    let own = leaver.get("/consultations").await.expect(200);
    assert_eq!(own["items"], json!([]));
    let seen = get_consultation(&app.as_customer(PHONE), id).await;
    assert_eq!(
        (&seen["salesman"], &seen["consultant"]["id"]),
        (&Value::Null, &json!(CONSULTANT))
    );
    let last = seen["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["kind"], &last["salesman"], &last["consultant"]["id"]),
        (&json!("unmatched"), &Value::Null, &json!(CONSULTANT))
    );
    // Only cancelling needs no salesman; the version is that of before.
    let consultant = get_consultation(&app.as_consultant(CONSULTANT), id).await;
    assert_eq!(consultant["version"], 1);
    let refused = app
        .as_staff()
        .post_if(
            &format!("{path}/progress"),
            1,
            &json!({ "step": "approved" }),
        )
        .await;
    assert_eq!(refused.problem(409).0, "not-matched-yet");

    let other = Uuid::from_u128(7);
    let next = SalesmanMatched {
        match_id: first.match_id,
        previous_consultant_id: Some(SalesmanId(CONSULTANT)),
        ..match_event(origin(id), other, Some(CONSULTANT))
    };
    app.deliver(3, &next).await;
    let seen = get_consultation(&app.as_customer(PHONE), id).await;
    assert_eq!(seen["salesman"]["id"], json!(other));
    let entries = seen["timeline"].as_array().unwrap().iter();
    let kinds: Vec<_> = entries.map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["requested", "matched", "unmatched", "matched"]);
    leaver.get(&path).await.problem(404);
    assert!(app.parked().await.is_empty() && app.new_events().await.is_empty());
}

#[tokio::test]
async fn departure_after_the_end_changes_nothing() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let first = match_event(origin(id), SALESMAN, None);
    app.deliver(1, &first).await;
    let cancel = json!({ "step": "cancelled", "reason": "사정" });
    app.as_customer(PHONE)
        .post_if(&format!("/consultations/{id}/progress"), 1, &cancel)
        .await
        .expect(200);
    app.deliver(2, &unmatched(&first, &[SALESMAN])).await;
    let seen = get_consultation(&app.as_salesman(SALESMAN), id).await;
    assert_eq!(seen["salesman"]["id"], json!(SALESMAN));
    assert!(app.parked().await.is_empty());
}
