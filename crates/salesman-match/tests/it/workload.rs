//! The number of open matches of a person equals a count of all matches, which no batch makes.

use events::Step;
use serde_json::{Value, json};
use service_kit::testing::TestApp;

use crate::{FOUR, assign, consultant, progressed, requested, salesman, start};

/// By person: as kept, and as counted.
async fn numbers(app: &TestApp) -> (Value, Value) {
    let sql = "select (select coalesce(jsonb_object_agg(person, open), '{}') from workload),
                      (select coalesce(jsonb_object_agg(person, open), '{}') from (
                           select person, count(*) as open from salesman_match
                           cross join lateral (values (salesman_id), (consultant_id)) a (person)
                           where closed_at is null and person is not null group by person) counted)";
    sqlx::query_as(sql).fetch_one(app.pool()).await.unwrap()
}

#[tokio::test]
async fn number_of_open_matches_follows_choices_and_closings() {
    let app = start().await;
    salesman(&app, 1, 9).await;
    salesman(&app, 2, 9).await;
    consultant(&app, 3, 9).await;
    let consultations = requested(&app, ["0001", "0002", "0003", FOUR]).await;
    assert_eq!(numbers(&app).await, (json!({}), json!({})));
    assign(&app).await;
    let (kept, counted) = numbers(&app).await;
    assert_eq!(kept, counted);
    assert_eq!(kept.as_object().unwrap().len(), 3, "{kept}");
    for consultation in &consultations[1..] {
        app.deliver(2, &progressed(*consultation, Step::Cancelled))
            .await;
    }
    let (kept, counted) = numbers(&app).await;
    assert_eq!(kept, counted);
    assert_eq!(kept.as_object().unwrap().len(), 2, "{kept}");
    sqlx::raw_sql("drop function count_open_match cascade; drop table workload")
        .execute(app.pool())
        .await
        .unwrap();
    sqlx::raw_sql(include_str!("../../migrations/0008_workload.sql"))
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(numbers(&app).await, (counted.clone(), counted));
    app.deliver(2, &progressed(consultations[0], Step::Cancelled))
        .await;
    assert_eq!(numbers(&app).await, (json!({}), json!({})));
}
