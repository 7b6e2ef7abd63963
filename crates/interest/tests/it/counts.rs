//! The numbers of interests and customers equal a count of everything, which no request makes.

use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::{Caller, TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, created, edition_of_year, id_of,
    interest_origin, salesman_matched, start,
};

const OTHER_PROJECT: Uuid = Uuid::from_u128(0x9408);
const OTHER_SALESMAN: Uuid = Uuid::from_u128(0x5A1F);

async fn counts(caller: Caller<'_>) -> Value {
    caller.get("/interests/counts").await.expect(200)
}

/// On and off, by person.
async fn stored(app: &TestApp) -> Value {
    let sql = "select jsonb_object_agg(person, jsonb_build_array(interested, not_interested))
               from interest_count";
    sqlx::query_scalar(sql).fetch_one(app.pool()).await.unwrap()
}

async fn mark(app: &TestApp, phone: &str, project: Uuid) -> Uuid {
    app.clock().advance(TimeDelta::seconds(1));
    let body = json!({ "projectId": project, "projectName": "스마트상점" });
    id_of(
        &app.as_customer(phone)
            .post("/interests", &body)
            .await
            .expect(201),
    )
}

async fn turn(app: &TestApp, id: Uuid, version: i64, interested: bool) {
    let body = json!({ "interested": interested, "consent": true });
    let path = format!("/interests/{id}");
    let staff = app.as_staff();
    staff.patch_if(&path, version, &body).await.expect(200);
}

/// Three interests of two customers: one off, two with a salesman, one of these with a consultant.
async fn start_with_interests() -> (TestApp, [Uuid; 3]) {
    let app = start().await;
    let interests = [
        mark(&app, PHONE, PROJECT).await,
        mark(&app, PHONE, OTHER_PROJECT).await,
        mark(&app, OTHER_PHONE, PROJECT).await,
    ];
    for (id, consultant) in [(interests[0], Some(CONSULTANT)), (interests[1], None)] {
        let matched = salesman_matched(interest_origin(id), SALESMAN, consultant);
        app.deliver(1, &matched).await;
    }
    turn(&app, interests[1], 1, false).await;
    (app, interests)
}

#[tokio::test]
async fn counts_are_those_that_the_caller_may_see() {
    let (app, _) = start_with_interests().await;
    let with = |on: i64, off: i64, customers: i64| {
        let numbers = [
            ("interested", on),
            ("notInterested", off),
            ("customers", customers),
        ];
        let numbers = numbers.into_iter().chain([("unattended", 0)]);
        numbers.collect::<Value>()
    };
    assert_eq!(counts(app.as_staff()).await, with(2, 1, 1));
    assert_eq!(counts(app.as_salesman(SALESMAN)).await, with(1, 1, 1));
    assert_eq!(counts(app.as_consultant(CONSULTANT)).await, with(1, 0, 1));
    assert_eq!(counts(app.as_salesman(OTHER_SALESMAN)).await, with(0, 0, 0));
    let own = |on: i64, off: i64| json!({ "interested": on, "notInterested": off });
    assert_eq!(counts(app.as_customer(PHONE)).await, own(1, 1));
    assert_eq!(counts(app.as_customer(OTHER_PHONE)).await, own(1, 0));
    app.clock().advance(TimeDelta::days(31));
    assert_eq!(counts(app.as_staff()).await["unattended"], json!(1));
    let own = counts(app.as_salesman(SALESMAN)).await;
    assert_eq!(own["unattended"], json!(1));
}

#[tokio::test]
async fn counts_follow_matches_turns_and_erasure() {
    let (app, interests) = start_with_interests().await;
    let all = Uuid::nil().to_string();
    let (salesman, other) = (SALESMAN.to_string(), OTHER_SALESMAN.to_string());
    let consultant = CONSULTANT.to_string();
    assert_eq!(
        stored(&app).await,
        json!({ all.as_str(): [2, 1], salesman.as_str(): [1, 1], consultant.as_str(): [1, 0] })
    );
    let first = salesman_matched(interest_origin(interests[0]), OTHER_SALESMAN, None);
    app.deliver(1, &first).await;
    assert_eq!(
        stored(&app).await,
        json!({ all.as_str(): [2, 1], salesman.as_str(): [0, 1], other.as_str(): [1, 0] })
    );
    // Turned on again, it has no salesman until the next match.
    turn(&app, interests[1], 2, true).await;
    assert_eq!(
        stored(&app).await,
        json!({ all.as_str(): [3, 0], other.as_str(): [1, 0] })
    );
    crate::erasure::erase(&app, PHONE).await.expect(204);
    assert_eq!(stored(&app).await, json!({ all.as_str(): [1, 2] }));
    assert_eq!(
        counts(app.as_customer(PHONE)).await,
        json!({ "interested": 0, "notInterested": 0 })
    );
}

#[tokio::test]
async fn merged_interest_is_not_counted() {
    let app = start().await;
    mark(&app, PHONE, PROJECT).await;
    mark(&app, PHONE, OTHER_PROJECT).await;
    assert_eq!(counts(app.as_staff()).await["interested"], json!(2));
    for (project, year) in [(PROJECT, 2026), (OTHER_PROJECT, 2027)] {
        let edition = edition_of_year(year, events::ProjectStatus::Ongoing);
        app.deliver(1, &created(project, edition)).await;
    }
    let counted = counts(app.as_staff()).await;
    assert_eq!(
        (&counted["interested"], &counted["notInterested"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn migration_counts_what_is_stored_already() {
    let (app, _) = start_with_interests().await;
    crate::erasure::erase(&app, OTHER_PHONE).await.expect(204);
    let kept = stored(&app).await;
    assert_eq!(kept[Uuid::nil().to_string()], json!([1, 2]));
    sqlx::raw_sql("drop function count_interest cascade; drop table interest_count")
        .execute(app.pool())
        .await
        .unwrap();
    sqlx::raw_sql(include_str!("../../migrations/0009_counts.sql"))
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(stored(&app).await, kept);
}

#[tokio::test]
async fn no_count_contains_a_customer() {
    let (app, _) = start_with_interests().await;
    let text = stored(&app).await.to_string();
    for phone in [PHONE, OTHER_PHONE] {
        assert!(!text.contains(&customer(phone).subject.to_string()));
    }
}
