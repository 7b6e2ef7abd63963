//! The roster and its outcomes in a period.

use chrono::TimeDelta;
use events::Step;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::outcomes::{advance_to, ended};
use crate::{consultation_match, deliver, register, start};

async fn dashboard(app: &TestApp, query: &str) -> Value {
    let path = format!("/salesmen/dashboard{query}");
    app.as_staff().get(&path).await.expect(200)
}

/// The ids with succeeded and failed, in order.
fn outcomes(view: &Value) -> Vec<(Uuid, i64, i64)> {
    let rows = view["outcomes"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            (
                row["id"].as_str().unwrap().parse().unwrap(),
                row["succeeded"].as_i64().unwrap(),
                row["failed"].as_i64().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn outcomes_are_those_of_the_period_with_the_days_before_it() {
    let app = start().await;
    let first = register(&app, "010-1234-0001").await;
    app.clock().advance(TimeDelta::seconds(1));
    let second = register(&app, "010-1234-0002").await;
    for to in [Step::Succeeded, Step::Failed] {
        ended(&app, first, to).await;
    }
    advance_to(&app, "2026-12-23T01:00:00Z");
    for _ in 0..3 {
        ended(&app, second, Step::Succeeded).await;
    }
    ended(&app, second, Step::Failed).await;
    let view = dashboard(&app, "").await;
    assert_eq!(outcomes(&view), [(second, 3, 1), (first, 0, 0)]);
    assert_eq!(
        view["period"],
        json!({ "from": "2026-11-24", "until": "2026-12-23", "succeeded": 3, "failed": 1,
                "successRate": 0.75 })
    );
    assert_eq!(
        view["previous"],
        json!({ "from": "2026-10-25", "until": "2026-11-23", "succeeded": 1, "failed": 1,
                "successRate": 0.5 })
    );
    let view = dashboard(&app, "?from=2026-11-23&until=2026-12-23").await;
    assert_eq!(outcomes(&view), [(second, 3, 1), (first, 1, 1)]);
    assert_eq!(view["previous"]["from"], json!("2026-10-23"));
    let view = dashboard(&app, "?until=2026-11-23").await;
    assert_eq!(outcomes(&view), [(first, 1, 1), (second, 0, 0)]);
    assert_eq!(view["previous"]["successRate"], Value::Null);
}

#[tokio::test]
async fn inactive_salesman_is_listed_only_with_an_outcome() {
    let app = start().await;
    let person = register(&app, "010-1234-0001").await;
    let body = json!({ "active": false });
    let path = format!("/salesmen/{person}");
    let staff = app.as_staff();
    staff.patch_if(&path, 1, &body).await.expect(200);
    assert_eq!(outcomes(&dashboard(&app, "").await), []);
    ended(&app, person, Step::Failed).await;
    let view = dashboard(&app, "").await;
    assert_eq!(outcomes(&view), [(person, 0, 1)]);
    assert_eq!(view["outcomes"][0]["active"], json!(false));
}

#[tokio::test]
async fn each_person_is_counted_once_by_what_keeps_them_from_a_match() {
    let app = start().await;
    let staff = app.as_staff();
    let mut people = Vec::new();
    for number in 1..=5 {
        people.push(register(&app, &format!("010-1234-000{number}")).await);
    }
    let leave = json!({ "from": "2026-11-20", "until": "2026-11-30" });
    for (person, body) in [
        (people[1], json!({ "active": false, "leave": leave })),
        (people[2], json!({ "leave": leave, "capacity": 0 })),
        (people[3], json!({ "capacity": 1 })),
        (people[4], json!({ "capacity": 2 })),
    ] {
        let path = format!("/salesmen/{person}");
        staff.patch_if(&path, 1, &body).await.expect(200);
    }
    deliver(&app, 1, &consultation_match(people[3], None)).await;
    let view = dashboard(&app, "").await;
    assert_eq!(
        view["salesmen"],
        json!({ "total": 5, "available": 2, "inactive": 1, "onLeave": 1, "full": 1 })
    );
    assert_eq!(
        view["consultants"],
        json!({ "total": 0, "available": 0, "inactive": 0, "onLeave": 0, "full": 0 })
    );
}

#[tokio::test]
async fn period_that_is_no_period_is_refused() {
    let app = start().await;
    for query in [
        "from=2026-11-24&until=2026-11-23",
        "from=2025-11-22&until=2026-11-23",
        "from=soon",
        "until=2026-02-30",
        "from=2030-01-01",
    ] {
        let path = format!("/salesmen/dashboard?{query}");
        let refused = app.as_staff().get(&path).await;
        assert_eq!(refused.problem(422).0, "wrong-query", "{query}");
    }
    dashboard(&app, "?from=2025-11-23&until=2026-11-23").await;
    dashboard(&app, "?from=0001-01-01&until=0001-01-01").await;
}
