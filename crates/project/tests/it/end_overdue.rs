//! `POST /projects/end-overdue`: ends all projects whose deadline has passed.

use std::time::Duration;

use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    create_ended, create_ongoing, create_project, get_project, id_of, project_with, start,
};

fn period(starts_on: &str, ends_on: &str) -> Value {
    json!({ "startsOn": starts_on, "endsOn": ends_on })
}

#[tokio::test]
async fn only_ongoing_projects_past_their_deadline_are_ended() {
    let app = start().await;
    let until = |end: &str| project_with(&json!({ "period": period("2026-11-01", end) }));
    let yesterday = create_ongoing(&app, &until("2026-11-22")).await;
    let long_ago = create_ongoing(&app, &until("2026-11-02")).await;
    let today = create_ongoing(&app, &until("2026-11-23")).await;
    let planned = create_project(&app, &until("2026-11-22")).await;
    let already_ended = create_ended(&app, &until("2026-11-22")).await;
    let always = create_ongoing(
        &app,
        &project_with(&json!({ "period": { "kind": "always", "text": "상시" } })),
    )
    .await;
    app.new_events().await;
    let answer = app
        .as_staff()
        .post("/projects/end-overdue", &json!({}))
        .await
        .expect(200);
    let result = |id: Uuid| json!({ "id": id, "name": "2026년 스마트상점", "outcome": "ended" });
    assert_eq!(
        answer,
        json!({ "results": [result(long_ago), result(yesterday)], "more": false })
    );
    for (id, status) in [
        (yesterday, "ended"),
        (long_ago, "ended"),
        (today, "ongoing"),
        (planned, "planned"),
        (already_ended, "ended"),
        (always, "ongoing"),
    ] {
        assert_eq!(get_project(&app, id).await["status"], status);
    }
    let events = app.new_events().await;
    assert!(
        events.len() == 2
            && events
                .iter()
                .all(|(name, ..)| name == "ktgg.ProjectEnded.v1"),
        "{events:?}"
    );
    assert_eq!(events[0].2["endedOn"], "2026-11-23");
    // A second call finds nothing to end.
    assert_eq!(
        app.as_staff()
            .post("/projects/end-overdue", &json!({}))
            .await
            .expect(200),
        json!({ "results": [], "more": false })
    );
}

#[tokio::test]
async fn refused_project_does_not_stop_the_others() {
    let app = start().await;
    let until = |end: &str| project_with(&json!({ "period": period("2026-11-01", end) }));
    let (first, moved, last) = (
        create_ongoing(&app, &until("2026-11-20")).await,
        create_ongoing(&app, &until("2026-11-21")).await,
        create_ongoing(&app, &until("2026-11-22")).await,
    );
    // A concurrent transaction ends the first one and moves the deadline of the second one.
    let mut transaction = app.pool().begin().await.unwrap();
    sqlx::query("update project set status = 'ended', ended_on = '2026-11-23' where id = $1")
        .bind(first)
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query(
        "update project
         set ends_on = '2026-12-24',
             period = jsonb_set(period, '{endsOn}', '\"2026-12-24\"')
         where id = $1",
    )
    .bind(moved)
    .execute(&mut *transaction)
    .await
    .unwrap();
    let staff = app.as_staff();
    let body = json!({});
    let (answer, ()) = tokio::join!(staff.post("/projects/end-overdue", &body), async {
        wait_for_blocked_statement(&app).await;
        transaction.commit().await.unwrap();
    });
    let answer = answer.expect(200);
    let outcomes: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            (
                id_of(result),
                result["outcome"].as_str().unwrap(),
                result["problem"]["type"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            (first, "refused", Some("/problems/project-not-ongoing")),
            (moved, "refused", Some("/problems/project-not-overdue")),
            (last, "ended", None)
        ]
    );
    assert_eq!(
        answer["results"][1]["problem"]["title"],
        "마감이 지나지 않은 사업입니다"
    );
    assert_eq!(
        (
            &answer["results"][0]["problem"]["projectStatus"],
            &answer["results"][1]["problem"]["phase"]
        ),
        (&json!("ended"), &json!("open"))
    );
}

/// Waits until a statement in this database is blocked by a lock.
pub(crate) async fn wait_for_blocked_statement(app: &TestApp) {
    loop {
        let is_blocked: bool = sqlx::query_scalar(
            "select exists (select 1 from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock')",
        )
        .fetch_one(app.pool())
        .await
        .unwrap();
        if is_blocked {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn one_call_ends_two_hundred_and_reports_more() {
    let app = start().await;
    sqlx::query(
        "insert into project (id, series_id, name, year, category, regions, agency, host, period,
                              ends_on, status, version, created_at)
         select gen_random_uuid(), gen_random_uuid(), '사업 ' || n, 2026, '기술', '[\"전국\"]', '가', '나',
                '{\"kind\": \"range\", \"text\": \"\", \"endsOn\": \"2026-11-20\"}', '2026-11-20',
                'ongoing', 1, now()
         from generate_series(1, 203) n",
    )
    .execute(app.pool())
    .await
    .unwrap();
    for (count, more) in [(200, true), (3, false), (0, false)] {
        let answer = app
            .as_staff()
            .post("/projects/end-overdue", &json!({}))
            .await
            .expect(200);
        assert_eq!(
            (answer["results"].as_array().unwrap().len(), &answer["more"]),
            (count, &json!(more))
        );
    }
    assert_eq!(app.new_events().await.len(), 203);
}

#[tokio::test]
async fn internal_error_stops_the_call_and_reports_more() {
    let app = start().await;
    let until = |name: &str, end: &str| {
        project_with(&json!({ "name": name, "period": period("2026-11-01", end) }))
    };
    let first = create_ongoing(&app, &until("하나", "2026-11-20")).await;
    let second = create_ongoing(&app, &until("둘", "2026-11-21")).await;
    let third = create_ongoing(&app, &until("셋", "2026-11-22")).await;
    sqlx::raw_sql(
        "alter table project add constraint broken check (name <> '둘' or status <> 'ended')",
    )
    .execute(app.pool())
    .await
    .unwrap();
    let answer = app
        .as_staff()
        .post("/projects/end-overdue", &json!({}))
        .await
        .expect(200);
    let result = json!({ "id": first, "name": "하나", "outcome": "ended" });
    assert_eq!(answer, json!({ "results": [result], "more": true }));
    for (id, status) in [(first, "ended"), (second, "ongoing"), (third, "ongoing")] {
        assert_eq!(get_project(&app, id).await["status"], status);
    }
}
