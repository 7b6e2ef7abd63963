//! Interests and consultations with their people, and their numbers, follow the events.

use events::{Origin, Step};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_SALESMAN, SALESMAN, consultation_created, consultation_progressed,
    interest_created, interest_updated, minimal_project, person, salesman_matched, start,
};

/// The rows and the numbers as kept, and the numbers as counted.
async fn stored(app: &TestApp) -> (Value, Value, Value) {
    let sql = "select (select jsonb_agg(to_jsonb(e) order by kind, id) from engagement e),
                      (select jsonb_agg(to_jsonb(c) order by kind, step, salesman_id)
                       from engagement_count c),
                      (select jsonb_agg(to_jsonb(c) order by kind, step, salesman_id) from (
                           select kind, scope_id, step, count(*) as count, salesman_id,
                                  consultant_id
                           from (select kind, scope_id, coalesce(step, '') as step,
                                        coalesce(assigned_salesman, $1) as salesman_id,
                                        coalesce(assigned_consultant, $1) as consultant_id
                                 from engagement where counts) shown
                           group by kind, scope_id, step, salesman_id, consultant_id) c)";
    sqlx::query_as(sql)
        .bind(Uuid::nil())
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn migration_and_triggers_keep_the_same_rows_and_numbers() {
    let app = start().await;
    let project = crate::create_project(&app, &minimal_project()).await;
    let interests = [1, 2].map(|n| interest_created(n, Some(project), project, 7));
    for interest in &interests {
        app.deliver(1, interest).await;
    }
    let consultations = [3, 4, 5].map(|n| consultation_created(n, project, 8));
    for consultation in &consultations {
        app.deliver(1, consultation).await;
    }
    let people = [SALESMAN, OTHER_SALESMAN, SALESMAN];
    for (consultation, salesman) in consultations.iter().zip(people) {
        let origin = Origin::Consultation(consultation.consultation_id);
        let (salesman, consultant) = (person(salesman, "가"), person(CONSULTANT, "나"));
        let event = salesman_matched(origin, &consultation.customer, salesman, Some(consultant));
        app.deliver(1, &event).await;
    }
    let origin = Origin::Interest(interests[0].interest_id);
    let mut matched =
        salesman_matched(origin, &interests[0].customer, person(SALESMAN, "가"), None);
    matched.origin_version = Some(1);
    app.deliver(1, &matched).await;
    for (version, on) in [(2, false), (3, true)] {
        app.deliver(version, &interest_updated(&interests[0], on))
            .await;
    }
    app.deliver(2, &interest_updated(&interests[1], false))
        .await;
    let approved = consultation_progressed(&consultations[0], Step::Apply, Step::Approved);
    app.deliver(2, &approved).await;
    let kept = stored(&app).await;
    assert_eq!(kept.1, kept.2);
    // An interest that waits for a match, one approved consultation, and two of two salesmen.
    assert_eq!(kept.1.as_array().unwrap().len(), 4, "{:#}", kept.1);
    assert_eq!(kept.1[3]["salesman_id"], json!(Uuid::nil()));
    sqlx::raw_sql(
        "drop function keep_interest_engagement cascade;
         drop function keep_consultation_engagement cascade;
         drop function keep_match_engagement cascade;
         drop table engagement, engagement_count; drop function count_engagement",
    )
    .execute(app.pool())
    .await
    .unwrap();
    sqlx::raw_sql(include_str!("../../migrations/0015_engagement.sql"))
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(stored(&app).await, kept);
}
