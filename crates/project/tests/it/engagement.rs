//! Interests and consultations with their people, and their numbers, follow the events.

use std::time::Duration;

use events::{Origin, Step};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::end_overdue::wait_for_blocked_statement;
use crate::erasure::{PHONE, delivery, erase};
use crate::{
    CONSULTANT, OTHER_SALESMAN, SALESMAN, consultation_created, consultation_edited,
    consultation_progressed, interest_created, interest_updated, minimal_project, person,
    salesman_matched, start,
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

/// Else two batches of different topics that name the same two customers in opposite orders would
/// deadlock.
#[tokio::test]
async fn events_of_each_topic_and_erasures_wait_for_a_running_batch() {
    let app = start().await;
    let interest = interest_created(1, None, Uuid::from_u128(3), 7);
    let consultation = consultation_created(2, Uuid::from_u128(3), 7);
    let origin = Origin::Interest(interest.interest_id);
    let (customer, salesman) = (&interest.customer, person(SALESMAN, "가"));
    let approved = consultation_progressed(&consultation, Step::Apply, Step::Approved);
    for (envelope, payload) in [
        delivery(1, &interest),
        delivery(2, &interest_updated(&interest, false)),
        delivery(1, &consultation),
        delivery(2, &consultation_edited(&consultation, "2026-12-24")),
        delivery(3, &approved),
        delivery(1, &salesman_matched(origin, customer, salesman, None)),
    ] {
        during_a_batch(&app, app.deliver_raw(&envelope, payload)).await;
    }
    during_a_batch(&app, erase(&app, PHONE)).await;
}

/// Runs `write` while a batch of events runs, which ends once `write` waits for it.
async fn during_a_batch(app: &TestApp, write: impl Future<Output = ()>) {
    let mut batch = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/engagement', 2))",
    )
    .execute(&mut *batch)
    .await
    .unwrap();
    tokio::join!(write, async {
        let blocked =
            tokio::time::timeout(Duration::from_secs(20), wait_for_blocked_statement(app));
        blocked.await.expect("the write waits for the batch");
        batch.commit().await.unwrap();
    });
}
