//! What began within a time, and the deadlines that come next.

use events::Step;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    consultation_created, consultation_progressed, create_ongoing, create_project, deliver_at,
    id_of, interest_created, interest_updated, project_with, start,
};

async fn dashboard(app: &TestApp, query: &str) -> Value {
    let path = format!("/projects/dashboard?{query}");
    app.as_staff().get(&path).await.expect(200)
}

fn funnel(numbers: [i64; 6]) -> Value {
    let [interests, applied, approved, succeeded, failed, cancelled] = numbers;
    json!({
        "interests": interests,
        "reached": { "applied": applied, "approved": approved, "succeeded": succeeded },
        "failed": failed,
        "cancelled": cancelled,
    })
}

/// The minutes of a day; the test starts at 10:00 in Seoul.
const DAY: i64 = 24 * 60;

#[tokio::test]
async fn funnel_counts_what_began_on_a_day_in_seoul_and_how_far_it_came() {
    let app = start().await;
    let project = create_project(&app, &project_with(&json!({}))).await;
    // Of yesterday, today before 00:00 UTC, and tomorrow.
    for (n, minutes) in [(1, -DAY), (2, -2 * 60), (3, DAY)] {
        deliver_at(&app, minutes, 1, &interest_created(n, None, project, 1)).await;
    }
    // Turning it off and on again moves no interest to another day.
    let turned = interest_created(1, None, project, 1);
    deliver_at(&app, 1, 2, &interest_updated(&turned, false)).await;
    deliver_at(&app, 2, 3, &interest_updated(&turned, true)).await;
    let off = interest_created(2, None, project, 1);
    deliver_at(&app, 3, 2, &interest_updated(&off, false)).await;
    let steps: [&[Step]; 6] = [
        &[],
        &[Step::Approved],
        &[Step::Approved, Step::Succeeded],
        &[Step::Approved, Step::Failed],
        &[Step::Cancelled],
        &[Step::Approved, Step::Cancelled],
    ];
    for (n, steps) in (20..).zip(steps) {
        let consultation = consultation_created(n, project, 1);
        deliver_at(&app, -DAY, 1, &consultation).await;
        let mut from = Step::Apply;
        for (version, to) in (2..).zip(steps) {
            // Much later.
            let progressed = consultation_progressed(&consultation, from, *to);
            deliver_at(&app, 20 * DAY, version, &progressed).await;
            from = *to;
        }
    }
    let found = dashboard(&app, "from=2026-11-21&until=2026-11-23").await;
    let yesterday = funnel([1, 6, 3, 1, 1, 2]);
    let part = |day: &str, numbers: [i64; 6]| {
        let mut part = funnel(numbers);
        (part["from"], part["until"]) = (json!(day), json!(day));
        part
    };
    assert_eq!(found["total"], funnel([2, 6, 3, 1, 1, 2]));
    assert_eq!(
        found["parts"],
        json!([
            part("2026-11-21", [0; 6]),
            part("2026-11-22", [1, 6, 3, 1, 1, 2]),
            part("2026-11-23", [1, 0, 0, 0, 0, 0]),
        ])
    );
    let months = dashboard(&app, "from=2026-10-31&until=2026-11-22&by=month").await;
    assert_eq!(months["total"], yesterday);
    let months = months["parts"].as_array().unwrap();
    assert_eq!(months.len(), 2);
    assert_eq!(
        (&months[0]["until"], &months[1]["from"], &months[1]["until"]),
        (
            &json!("2026-10-31"),
            &json!("2026-11-01"),
            &json!("2026-11-22")
        )
    );
    assert_eq!(months[1]["interests"], 1);
    // The last 30 days.
    let default = dashboard(&app, "").await;
    assert_eq!(
        (&default["from"], &default["until"]),
        (&json!("2026-10-25"), &json!("2026-11-23"))
    );
    assert_eq!(default["parts"].as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn deadlines_of_the_next_two_weeks_have_their_figures() {
    let app = start().await;
    let until =
        |end: &str| project_with(&json!({ "period": { "startsOn": "2026-11-01", "endsOn": end } }));
    let last = create_ongoing(&app, &until("2026-12-07")).await;
    let first = create_ongoing(&app, &until("2026-11-23")).await;
    create_ongoing(&app, &until("2026-11-22")).await;
    create_ongoing(&app, &until("2026-12-08")).await;
    create_project(&app, &until("2026-11-30")).await;
    app.deliver(1, &consultation_created(1, last, 1)).await;
    let found = dashboard(&app, "").await;
    assert_eq!(found["deadlines"]["total"], 2);
    let items = found["deadlines"]["items"].as_array().unwrap();
    let ids: Vec<Uuid> = items.iter().map(id_of).collect();
    assert_eq!(ids, [first, last]);
    assert_eq!(items[0]["daysLeft"], 0);
    assert_eq!(items[0]["figures"]["consultations"], 0);
    assert_eq!(items[1]["figures"]["consultations"], 1);
}

#[tokio::test]
async fn invalid_days_are_refused() {
    let app = start().await;
    let longest = dashboard(&app, "from=2024-01-01&until=2024-12-31").await;
    assert_eq!(longest["parts"].as_array().unwrap().len(), 366);
    for query in [
        "from=2025-01-01&until=2026-01-02",
        "from=2026-11-24",
        "from=2026-11-23&until=2026-11-22",
        "from=2026-1-2",
        "until=x",
        "by=week",
    ] {
        let path = format!("/projects/dashboard?{query}");
        assert_eq!(
            app.as_staff().get(&path).await.problem(422).0,
            "wrong-query",
            "{query}"
        );
    }
}

/// The migration fills the times of interests of before, which had none.
#[tokio::test]
async fn migration_knows_when_interests_were_created() {
    let app = start().await;
    let interest = |id: Uuid, on_version: i64| {
        sqlx::query(
            "insert into known_interest (id, project_id, customer_id, last_four, interested,
                                         since, on_version)
             values ($1, $1, $1, '0000', true, '2026-11-20T00:00:00Z', $2)",
        )
        .bind(id)
        .bind(on_version)
    };
    // Of 2026-07-20, by its id.
    let turned_on_again: Uuid = "019f7cd2-8800-7000-8000-000000000000".parse().unwrap();
    interest(turned_on_again, 3)
        .execute(app.pool())
        .await
        .unwrap();
    interest(Uuid::from_u128(1), 1)
        .execute(app.pool())
        .await
        .unwrap();
    sqlx::raw_sql(
        "drop function complete_interest cascade;
         alter table known_interest drop column created_at;
         drop index known_consultation_since",
    )
    .execute(app.pool())
    .await
    .unwrap();
    sqlx::raw_sql(include_str!("../../migrations/0018_interest_created.sql"))
        .execute(app.pool())
        .await
        .unwrap();
    let days: Vec<String> = sqlx::query_scalar(
        "select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD') from known_interest
         order by id",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    assert_eq!(days, ["2026-11-20", "2026-07-20"]);
}
