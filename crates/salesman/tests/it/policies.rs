//! Policies: events of other services notify people, or are parked.

use chrono::TimeDelta;
use events::{
    Actor, CustomerId, Event, InterestUpdated, SalesmanId, SalesmanMatched, StaffId, Step,
};
use serde_json::{Value, json};
use service_kit::messaging::kafka;
use service_kit::testing::envelope;
use uuid::Uuid;

use crate::{
    CONSULTANT, CONSULTATION, CUSTOMER, INTEREST, OTHER, PROJECT, SALESMAN, consultation_created,
    consultation_edited, consultation_match, consultation_progressed, deliver, interest_created,
    interest_match, interest_updated, newest_notification, notification_kinds, rematched, start,
};

#[tokio::test]
async fn match_notifies_both_people_with_a_link() {
    let app = start().await;
    deliver(&app, 1, &consultation_match(SALESMAN, Some(CONSULTANT))).await;
    let page = app
        .as_salesman(SALESMAN)
        .get("/salesmen/me/notifications")
        .await
        .expect(200);
    let assigned = json!({
        "id": page["items"][0]["id"],
        "kind": "assigned",
        "link": { "kind": "consultation", "id": CONSULTATION },
        "details": {
            "projectId": PROJECT, "projectName": "스마트상점",
            "customerId": CUSTOMER, "lastFour": "5678",
        },
        "createdAt": "2026-11-23T01:00:00Z",
        "readAt": null,
    });
    assert_eq!(page, json!({ "items": [assigned], "unread": 1 }));
    let consultants = app
        .as_consultant(CONSULTANT)
        .get("/salesmen/me/notifications")
        .await
        .expect(200);
    assert_eq!(consultants["items"][0]["kind"], "assigned");
    deliver(&app, 1, &interest_match(SALESMAN, None)).await;
    let links: Vec<Value> = app
        .as_salesman(SALESMAN)
        .get("/salesmen/me/notifications")
        .await
        .expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["link"].clone())
        .collect();
    assert!(
        links.contains(&json!({ "kind": "interest", "id": INTEREST })),
        "{links:?}"
    );
    assert!(
        notification_kinds(&app, Uuid::from_u128(0xBAD))
            .await
            .is_empty()
    );
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn rematch_notifies_replaced_people_with_project_link() {
    let app = start().await;
    let first = consultation_match(SALESMAN, Some(CONSULTANT));
    deliver(&app, 1, &first).await;
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 2, &rematched(&first, OTHER, None)).await;
    assert_eq!(
        notification_kinds(&app, SALESMAN).await,
        ["assigned", "taken_away"]
    );
    assert_eq!(
        notification_kinds(&app, CONSULTANT).await,
        ["assigned", "taken_away"]
    );
    assert_eq!(notification_kinds(&app, OTHER).await, ["assigned"]);
    let taken_away = newest_notification(&app, SALESMAN).await;
    assert_eq!(
        taken_away["link"],
        json!({ "kind": "project", "id": PROJECT })
    );
    assert_eq!(
        taken_away["details"],
        json!({ "projectId": PROJECT, "projectName": "스마트상점" })
    );
}

#[tokio::test]
async fn rematch_does_not_notify_people_who_stay() {
    let app = start().await;
    let first = consultation_match(SALESMAN, None);
    deliver(&app, 1, &first).await;
    let second = SalesmanMatched {
        match_id: first.match_id,
        previous_salesman_id: Some(SalesmanId(SALESMAN)),
        ..consultation_match(SALESMAN, Some(CONSULTANT))
    };
    deliver(&app, 2, &second).await;
    assert_eq!(
        (
            notification_kinds(&app, SALESMAN).await,
            notification_kinds(&app, CONSULTANT).await.len()
        ),
        (vec!["assigned".to_owned()], 1)
    );
}

#[tokio::test]
async fn redelivered_match_notifies_once() {
    let app = start().await;
    let (event_id, matched) = (Uuid::new_v4(), consultation_match(SALESMAN, None));
    app.deliver_with_id(event_id, 1, &matched).await;
    app.deliver_with_id(event_id, 1, &matched).await;
    deliver(&app, 1, &matched).await;
    assert_eq!(notification_kinds(&app, SALESMAN).await, ["assigned"]);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn matches_behind_a_gap_notify_once_it_is_filled() {
    let app = start().await;
    let first = consultation_match(SALESMAN, None);
    let rematched = SalesmanMatched {
        match_id: first.match_id,
        previous_salesman_id: Some(SalesmanId(SALESMAN)),
        ..consultation_match(Uuid::from_u128(7), None)
    };
    deliver(&app, 2, &rematched).await;
    assert_eq!(
        (
            app.parked().await,
            notification_kinds(&app, SALESMAN).await.len()
        ),
        (vec!["gap".to_owned()], 0)
    );
    deliver(&app, 1, &first).await;
    let mut kinds = notification_kinds(&app, SALESMAN).await;
    kinds.sort();
    assert_eq!(
        (app.parked().await.len(), kinds),
        (0, vec!["assigned".to_owned(), "taken_away".to_owned()])
    );
}

#[tokio::test]
async fn bad_records_park_their_aggregate_and_no_other() {
    let app = start().await;
    let matches: Vec<SalesmanMatched> =
        (0..3).map(|_| consultation_match(SALESMAN, None)).collect();
    let mut newer = envelope(Uuid::new_v4(), 1, &matches[0]);
    newer.type_name = "ktgg.SalesmanCloned.v1".to_owned();
    app.deliver_raw(&newer, b"{}".to_vec()).await;
    let mut headers = kafka::header_map(Some(&kafka::headers(&envelope(
        Uuid::new_v4(),
        1,
        &matches[1],
    ))));
    headers.insert("ce_aggregateversion".to_owned(), Value::Null);
    app.deliver_headers(headers, &matches[1].aggregate_id().to_string())
        .await;
    app.deliver_raw(&envelope(Uuid::new_v4(), 1, &matches[2]), b"{}".to_vec())
        .await;
    for matched in &matches {
        deliver(&app, 2, matched).await;
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
    assert!(notification_kinds(&app, SALESMAN).await.is_empty());
    deliver(&app, 1, &consultation_match(SALESMAN, None)).await;
    assert_eq!(notification_kinds(&app, SALESMAN).await, ["assigned"]);
}

#[tokio::test]
async fn customer_switching_an_interest_notifies_both_people() {
    let app = start().await;
    deliver(&app, 1, &interest_created()).await;
    deliver(
        &app,
        2,
        &interest_updated(false, Some(SALESMAN), Some(CONSULTANT)),
    )
    .await;
    let off = newest_notification(&app, SALESMAN).await;
    assert_eq!(
        (&off["kind"], &off["link"]),
        (
            &json!("interest_off"),
            &json!({ "kind": "interest", "id": INTEREST })
        )
    );
    let details = json!({
        "projectId": PROJECT, "projectName": null, "customerId": CUSTOMER, "lastFour": "5678",
    });
    assert_eq!(off["details"], details);
    app.clock().advance(TimeDelta::seconds(1));
    deliver(
        &app,
        3,
        &interest_updated(true, Some(SALESMAN), Some(CONSULTANT)),
    )
    .await;
    for person in [SALESMAN, CONSULTANT] {
        assert_eq!(
            notification_kinds(&app, person).await,
            ["interest_off", "interest_on"]
        );
    }
}

#[tokio::test]
async fn interest_switched_by_colleague_or_unassigned_notifies_no_one() {
    let app = start().await;
    deliver(&app, 1, &interest_created()).await;
    let actors = [
        Actor::Staff(StaffId(OTHER)),
        Actor::Salesman(SalesmanId(SALESMAN)),
        Actor::Consultant(SalesmanId(CONSULTANT)),
        Actor::System,
    ];
    for (version, actor) in (2..).zip(actors) {
        let update = InterestUpdated {
            actor,
            ..interest_updated(false, Some(SALESMAN), Some(CONSULTANT))
        };
        deliver(&app, version, &update).await;
    }
    deliver(&app, 6, &interest_updated(true, None, None)).await;
    let count: i64 = sqlx::query_scalar("select count(*) from notification")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!((count, app.parked().await.len()), (0, 0));
}

#[tokio::test]
async fn edited_consultation_notifies_both_people() {
    let app = start().await;
    deliver(&app, 1, &consultation_created(CONSULTATION)).await;
    deliver(&app, 2, &consultation_edited(None, None)).await;
    deliver(
        &app,
        3,
        &consultation_edited(Some(SALESMAN), Some(CONSULTANT)),
    )
    .await;
    for person in [SALESMAN, CONSULTANT] {
        let edited = newest_notification(&app, person).await;
        assert_eq!(edited["kind"], "consultation_edited");
        assert_eq!(
            edited["link"],
            json!({ "kind": "consultation", "id": CONSULTATION })
        );
        let details = json!({
            "projectId": PROJECT, "projectName": null, "customerId": CUSTOMER,
            "lastFour": "5678", "desiredDate": "2026-12-03", "memoChanged": true,
        });
        assert_eq!(edited["details"], details);
    }
}

#[tokio::test]
async fn step_notifies_assigned_people_except_the_actor() {
    let steps = (Step::Apply, Step::Approved);
    let cases: [(Actor, &[Uuid]); 5] = [
        (Actor::Salesman(SalesmanId(SALESMAN)), &[CONSULTANT]),
        (Actor::Consultant(SalesmanId(CONSULTANT)), &[SALESMAN]),
        (Actor::Staff(StaffId(SALESMAN)), &[SALESMAN, CONSULTANT]),
        (
            Actor::Customer(CustomerId(CUSTOMER)),
            &[SALESMAN, CONSULTANT],
        ),
        (Actor::Salesman(SalesmanId(OTHER)), &[SALESMAN, CONSULTANT]),
    ];
    let app = start().await;
    for (number, (actor, expected)) in (1..).zip(cases) {
        let id = Uuid::from_u128(number);
        deliver(&app, 1, &consultation_created(id)).await;
        let moved = events::ConsultationProgressed {
            actor,
            ..consultation_progressed(id, steps, Some(SALESMAN), Some(CONSULTANT))
        };
        deliver(&app, 2, &moved).await;
        let sql = "select salesman_id from notification where origin_id = $1 order by salesman_id";
        let found: Vec<Uuid> = sqlx::query_scalar(sql)
            .bind(id)
            .fetch_all(app.pool())
            .await
            .unwrap();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected, "{actor:?}");
        app.clock().advance(TimeDelta::seconds(1));
    }
    let moved = newest_notification(&app, CONSULTANT).await;
    assert_eq!(
        (&moved["kind"], &moved["link"]["kind"]),
        (&json!("consultation_progressed"), &json!("consultation"))
    );
    let details = json!({
        "projectId": PROJECT, "projectName": null, "customerId": CUSTOMER, "lastFour": "5678",
        "from": "apply", "to": "approved",
    });
    assert_eq!(moved["details"], details);
}
