//! A salesman's outcomes by month.

use chrono::{DateTime, TimeDelta, Utc};
use events::Step;
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{deliver_ended_consultation, register, start};

/// A consultation of this salesman that ends now.
pub(crate) async fn ended(app: &TestApp, salesman: Uuid, to: Step) {
    deliver_ended_consultation(app, Uuid::new_v4(), to, Some(salesman)).await;
}

/// Moves the clock forward to this instant.
pub(crate) fn advance_to(app: &TestApp, instant: &str) {
    let instant: DateTime<Utc> = instant.parse().unwrap();
    app.clock().advance(instant - app.clock().now());
}

/// The months with an outcome.
fn months(view: &Value) -> Vec<(&str, i64, i64)> {
    let number = |month: &Value, name: &str| month[name].as_i64().unwrap();
    let all = view["months"].as_array().unwrap();
    assert_eq!(all.len(), 12);
    all.iter()
        .map(|month| {
            let name = month["month"].as_str().unwrap();
            (name, number(month, "succeeded"), number(month, "failed"))
        })
        .filter(|(_, succeeded, failed)| succeeded + failed > 0)
        .collect()
}

#[tokio::test]
async fn months_are_those_of_seoul_and_leave_out_older_ones() {
    let app = start().await;
    let salesman = register(&app, "010-1234-5678").await;
    let other = register(&app, "010-1234-0000").await;
    ended(&app, salesman, Step::Succeeded).await;
    ended(&app, other, Step::Failed).await;
    // One second before December in Seoul, and its first second.
    advance_to(&app, "2026-11-30T14:59:59Z");
    ended(&app, salesman, Step::Failed).await;
    advance_to(&app, "2026-11-30T15:00:00Z");
    for to in [Step::Succeeded, Step::Succeeded, Step::Cancelled] {
        ended(&app, salesman, to).await;
    }
    let path = format!("/salesmen/{salesman}/outcomes");
    let view = app.as_staff().get(&path).await.expect(200);
    assert_eq!(months(&view), [("2026-11", 1, 1), ("2026-12", 2, 0)]);
    let months_of = |view: &Value, index: usize| view["months"][index]["month"].clone();
    assert_eq!(
        (months_of(&view, 0), months_of(&view, 11)),
        (json!("2026-01"), json!("2026-12"))
    );
    assert_eq!(
        (&view["succeeded"], &view["failed"], &view["successRate"]),
        (&json!(3), &json!(1), &json!(0.75))
    );
    let own = app.as_salesman(salesman).get("/salesmen/me/outcomes").await;
    assert_eq!(own.expect(200), view);
    advance_to(&app, "2027-11-15T00:00:00Z");
    let view = app.as_staff().get(&path).await.expect(200);
    assert_eq!(months(&view), [("2026-12", 2, 0)]);
    app.clock().advance(TimeDelta::days(30));
    let view = app.as_staff().get(&path).await.expect(200);
    assert_eq!(months(&view), []);
    assert_eq!(view["successRate"], Value::Null);
}

#[tokio::test]
async fn outcomes_of_an_unknown_person_are_not_found() {
    let app = start().await;
    let unknown = Uuid::from_u128(7);
    let path = format!("/salesmen/{unknown}/outcomes");
    app.as_staff().get(&path).await.problem(404);
    let own = app.as_salesman(unknown).get("/salesmen/me/outcomes").await;
    own.problem(404);
}

#[tokio::test]
async fn days_follow_outcomes_and_the_migration_sums_up_what_is_stored() {
    let app = start().await;
    let salesman = Uuid::from_u128(7);
    advance_to(&app, "2026-11-30T14:59:59Z");
    ended(&app, salesman, Step::Succeeded).await;
    app.clock().advance(TimeDelta::seconds(1));
    ended(&app, salesman, Step::Succeeded).await;
    ended(&app, salesman, Step::Failed).await;
    let days = async || {
        let sql =
            "select coalesce(jsonb_object_agg(day, jsonb_build_array(succeeded, failed)), '{}')
                   from outcome_day";
        let days: Value = sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap();
        days
    };
    let kept = json!({ "2026-11-30": [1, 0], "2026-12-01": [1, 1] });
    assert_eq!(days().await, kept);
    sqlx::query("drop table outcome_day")
        .execute(app.pool())
        .await
        .unwrap();
    // The lock of the migration needs a transaction.
    let migration = include_str!("../../migrations/0009_outcomes_by_day.sql");
    let sql = format!("begin; {migration}; commit");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(days().await, kept);
    sqlx::query("delete from outcome where not succeeded")
        .execute(app.pool())
        .await
        .unwrap();
    let left = json!({ "2026-11-30": [1, 0], "2026-12-01": [1, 0] });
    assert_eq!(days().await, left);
    sqlx::query("delete from outcome")
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(days().await, json!({}));
}
