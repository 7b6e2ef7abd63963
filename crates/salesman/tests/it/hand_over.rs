//! People who left: what they are assigned to, and the notifications.

use chrono::{DateTime, TimeDelta, Utc};
use events::{SalesmanMatched, Step};
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::{Identity, Role};
use service_kit::testing::{TestApp, envelope, unmatched};
use uuid::Uuid;

use crate::{
    CONSULTANT, CONSULTATION, CUSTOMER, OTHER, PROJECT, SALESMAN, consultation_match, deliver,
    deliver_ended_consultation, newest_notification, notification_kinds, register, rematched,
    start,
};

async fn details(app: &TestApp, id: Uuid) -> Value {
    let path = format!("/salesmen/{id}");
    app.as_staff().get(&path).await.expect(200)
}

#[tokio::test]
async fn person_who_left_and_the_next_one_are_notified_once() {
    let app = start().await;
    let first = consultation_match(SALESMAN, Some(CONSULTANT));
    deliver(&app, 1, &first).await;
    app.clock().advance(TimeDelta::seconds(1));
    let left = unmatched(&first, &[SALESMAN]);
    let mut sent = envelope(Uuid::new_v4(), 2, &left);
    sent.recorded_at = app.clock().now();
    for _ in 0..2 {
        let payload = serde_json::to_vec(&left).unwrap();
        app.deliver_raw(&sent, payload).await;
    }
    let taken_away = newest_notification(&app, SALESMAN).await;
    assert_eq!(
        (&taken_away["kind"], &taken_away["link"]),
        (
            &json!("taken_away"),
            &json!({ "kind": "project", "id": PROJECT })
        )
    );
    // Earlier notifications show no details any more.
    let leaver = app.as_salesman(SALESMAN);
    let own = leaver.get("/salesmen/me/notifications").await.expect(200);
    assert!(!own.to_string().contains(&CUSTOMER.to_string()), "{own}");

    app.clock().advance(TimeDelta::seconds(1));
    let next = SalesmanMatched {
        previous_salesman_id: None,
        ..rematched(&first, OTHER, Some(CONSULTANT))
    };
    deliver(&app, 3, &next).await;
    let kinds = [
        notification_kinds(&app, SALESMAN).await,
        notification_kinds(&app, OTHER).await,
        notification_kinds(&app, CONSULTANT).await,
    ];
    assert_eq!(
        kinds,
        [
            vec!["assigned", "taken_away"],
            vec!["assigned"],
            vec!["assigned"]
        ]
    );
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn person_who_returns_to_a_match_is_notified_again() {
    let app = start().await;
    let first = consultation_match(SALESMAN, None);
    deliver(&app, 1, &first).await;
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 2, &unmatched(&first, &[SALESMAN])).await;
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 3, &first).await;
    assert_eq!(
        notification_kinds(&app, SALESMAN).await,
        ["assigned", "taken_away", "assigned"]
    );
    assert_eq!(
        newest_notification(&app, SALESMAN).await["link"]["kind"],
        "consultation"
    );
}

#[tokio::test]
async fn open_count_and_card_follow_the_hand_over() {
    let app = start().await;
    let (one, two) = (
        register(&app, "010-1111-0001").await,
        register(&app, "010-1111-0002").await,
    );
    let first = consultation_match(one, Some(CONSULTANT));
    deliver(&app, 1, &first).await;
    let matched_at = async || -> Option<DateTime<Utc>> {
        let sql = "select matched_at from assignment where consultant_id is not null";
        let query = sqlx::query_scalar(sql);
        query.fetch_one(app.pool()).await.unwrap()
    };
    let before = matched_at().await;
    app.clock().advance(TimeDelta::seconds(1));
    let customer = Identity {
        role: Role::Customer,
        subject: CUSTOMER,
        phone: None,
    };
    let card = async |id: Uuid| {
        let path = format!("/salesmen/{id}/card");
        app.with(&customer).get(&path).await.status.as_u16()
    };
    assert_eq!(details(&app, one).await["openCount"], 1);
    assert_eq!((card(one).await, card(two).await), (200, 404));
    deliver(&app, 2, &unmatched(&first, &[one])).await;
    assert_eq!(matched_at().await, before, "the consultant stays");
    let waiting = details(&app, one).await;
    assert_eq!(
        (&waiting["openCount"], &waiting["openAssignments"]),
        (&json!(0), &json!([]))
    );
    assert_eq!((card(one).await, card(two).await), (404, 404));
    let next = SalesmanMatched {
        previous_salesman_id: None,
        ..rematched(&first, two, Some(CONSULTANT))
    };
    deliver(&app, 3, &next).await;
    assert_eq!(details(&app, two).await["openCount"], 1);
    assert_eq!((card(one).await, card(two).await), (404, 200));
}

#[tokio::test]
async fn departure_before_an_end_is_consumed_in_either_order() {
    let mut seen = Vec::new();
    for end_first in [false, true] {
        let app = start().await;
        let first = consultation_match(SALESMAN, None);
        let end = async || {
            deliver_ended_consultation(&app, CONSULTATION, Step::Succeeded, Some(SALESMAN)).await;
        };
        deliver(&app, 1, &first).await;
        if end_first {
            end().await;
        }
        deliver(&app, 2, &unmatched(&first, &[SALESMAN])).await;
        if !end_first {
            end().await;
        }
        let rows: Vec<Value> = sqlx::query_scalar("select to_jsonb(a) from assignment a")
            .fetch_all(app.pool())
            .await
            .unwrap();
        // The outcome counts for the salesman of that moment, even one who left meanwhile.
        let outcome: Uuid = sqlx::query_scalar("select salesman_id from outcome")
            .fetch_one(app.pool())
            .await
            .unwrap();
        seen.push((rows, outcome));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].1, SALESMAN);
}

#[tokio::test]
async fn leave_with_hand_over_is_stored_shown_and_published() {
    let app = start().await;
    let id = register(&app, "010-1111-0001").await;
    let path = format!("/salesmen/{id}");
    app.new_events().await;
    let leave = json!({ "from": "2026-12-24", "until": "2026-12-26" });
    let mut handing_over = leave.clone();
    handing_over["handOver"] = json!(true);
    for (version, sent, expected) in [
        (1, &handing_over, true),
        // Sent without it, as by a page from before: nothing is handed over.
        (2, &leave, false),
        (3, &handing_over, true),
    ] {
        let body = json!({ "leave": sent });
        let view = app
            .as_staff()
            .patch_if(&path, version, &body)
            .await
            .expect(200);
        assert_eq!(view["leave"]["handOver"], expected, "{version}");
        assert_eq!(details(&app, id).await["leave"], view["leave"]);
        let events = app.new_events().await;
        let published = &events[0].2["leave"]["handOver"];
        assert_eq!(published.as_bool().unwrap_or(false), expected);
    }
    let wrong =
        json!({ "leave": { "from": "2026-12-24", "until": "2026-12-26", "handOver": "네" } });
    let refused = app.as_staff().patch_if(&path, 4, &wrong).await;
    assert_eq!(
        refused.problem(422).1,
        [("/leave/handOver".to_owned(), "wrong-type".to_owned())]
    );
}
