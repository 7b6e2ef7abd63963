//! The numbers beside a person equal a count of everything, which no request makes.

use events::Step;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    CONSULTANT, CONSULTATION, OTHER, SALESMAN, consultation_match, consultation_progressed,
    deliver, deliver_ended_consultation, interest_created, interest_match, interest_updated,
    rematched, start,
};

/// Open, succeeded and failed, by person.
async fn workload(app: &TestApp) -> Value {
    let sql = "select jsonb_object_agg(salesman_id, jsonb_build_array(open, succeeded, failed))
               from workload";
    sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap()
}

async fn start_with_work() -> TestApp {
    let app = start().await;
    let first = consultation_match(SALESMAN, Some(CONSULTANT));
    deliver(&app, 1, &first).await;
    deliver(&app, 2, &rematched(&first, OTHER, Some(OTHER))).await;
    deliver(&app, 1, &interest_match(SALESMAN, Some(CONSULTANT))).await;
    for (number, to) in [
        (1, Step::Succeeded),
        (2, Step::Succeeded),
        (3, Step::Failed),
    ] {
        deliver_ended_consultation(&app, Uuid::from_u128(number), to, Some(OTHER)).await;
    }
    app
}

#[tokio::test]
async fn numbers_follow_matches_closings_outcomes_and_erasure() {
    let app = start_with_work().await;
    let (other, [one, none]) = (OTHER.to_string(), [json!([1, 0, 0]), json!([0, 2, 1])]);
    let expected = json!({ SALESMAN.to_string(): one, CONSULTANT.to_string(): one,
                           other.as_str(): [1, 2, 1] });
    assert_eq!(workload(&app).await, expected);
    deliver(&app, 1, &interest_created()).await;
    deliver(&app, 2, &interest_updated(false, Some(SALESMAN), None)).await;
    assert_eq!(workload(&app).await, json!({ other.as_str(): [1, 2, 1] }));
    let cancelled = consultation_progressed(
        CONSULTATION,
        (Step::Apply, Step::Cancelled),
        Some(OTHER),
        Some(OTHER),
    );
    deliver(&app, 1, &cancelled).await;
    assert_eq!(workload(&app).await, json!({ other: none }));
}

#[tokio::test]
async fn migration_counts_what_is_stored_already() {
    let app = start_with_work().await;
    let kept = workload(&app).await;
    sqlx::raw_sql(
        "drop function count_assignment cascade; drop function count_outcome cascade;
         drop function add_workload; drop table workload",
    )
    .execute(app.pool())
    .await
    .unwrap();
    sqlx::raw_sql(include_str!("../../migrations/0008_workload.sql"))
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(workload(&app).await, kept);
}
