//! All whose deadline has passed, ended at once.

use std::time::Duration;

use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{ended, id_of, made, ongoing, shown, start, with};

fn period(starts_on: &str, ends_on: &str) -> Value {
    json!({ "startsOn": starts_on, "endsOn": ends_on })
}

#[tokio::test]
async fn all_whose_deadline_has_passed_are_ended_and_no_others() {
    let app = start().await;
    let until = |end: &str| with(&json!({ "period": period("2026-11-01", end) }));
    let yesterday = ongoing(&app, &until("2026-11-22")).await;
    let long_ago = ongoing(&app, &until("2026-11-02")).await;
    let today = ongoing(&app, &until("2026-11-23")).await;
    let planned = made(&app, &until("2026-11-22")).await;
    let over = ended(&app, &until("2026-11-22")).await;
    let always = ongoing(
        &app,
        &with(&json!({ "period": { "kind": "always", "text": "상시" } })),
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
        (over, "ended"),
        (always, "ongoing"),
    ] {
        assert_eq!(shown(&app, id).await["status"], status);
    }
    let told = app.new_events().await;
    assert!(
        told.len() == 2 && told.iter().all(|(name, ..)| name == "ktgg.ProjectEnded.v1"),
        "{told:?}"
    );
    assert_eq!(told[0].2["endedOn"], "2026-11-23");
    // A second click finds nothing to end.
    assert_eq!(
        app.as_staff()
            .post("/projects/end-overdue", &json!({}))
            .await
            .expect(200),
        json!({ "results": [], "more": false })
    );
}

#[tokio::test]
async fn one_that_is_refused_holds_up_no_other_and_the_answer_says_why() {
    let app = start().await;
    let until = |end: &str| with(&json!({ "period": period("2026-11-01", end) }));
    let (first, moved, last) = (
        ongoing(&app, &until("2026-11-20")).await,
        ongoing(&app, &until("2026-11-21")).await,
        ongoing(&app, &until("2026-11-22")).await,
    );
    // Somebody else ends the first and moves the deadline of the second while all three are about to be ended.
    let mut other = app.pool().begin().await.unwrap();
    sqlx::query("update project set status = 'ended', ended_on = '2026-11-23' where id = $1")
        .bind(first)
        .execute(&mut *other)
        .await
        .unwrap();
    sqlx::query(
        "update project set ends_on = '2026-12-24', period = jsonb_set(period, '{endsOn}', '\"2026-12-24\"') where id = $1",
    )
    .bind(moved)
    .execute(&mut *other)
    .await
    .unwrap();
    let staff = app.as_staff();
    let body = json!({});
    let (answer, ()) = tokio::join!(staff.post("/projects/end-overdue", &body), async {
        until_somebody_waits(&app).await;
        other.commit().await.unwrap();
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

/// Until a statement of this database waits for a row.
pub(crate) async fn until_somebody_waits(app: &TestApp) {
    loop {
        let waits: bool = sqlx::query_scalar(
            "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')",
        )
        .fetch_one(app.pool())
        .await
        .unwrap();
        if waits {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_call_ends_two_hundred_and_says_whether_there_are_more() {
    let app = start().await;
    sqlx::query(
        "insert into project (id, series_id, name, year, category, regions, agency, host, period, ends_on, status, version, created_at)
         select gen_random_uuid(), gen_random_uuid(), '사업 ' || n, 2026, '기술', '[\"전국\"]', '가', '나',
                '{\"kind\": \"range\", \"text\": \"\", \"endsOn\": \"2026-11-20\"}', '2026-11-20', 'ongoing', 1, now()
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
async fn where_the_service_itself_fails_the_call_stops_and_says_that_there_are_more() {
    let app = start().await;
    let until =
        |name: &str, end: &str| with(&json!({ "name": name, "period": period("2026-11-01", end) }));
    let first = ongoing(&app, &until("하나", "2026-11-20")).await;
    let second = ongoing(&app, &until("둘", "2026-11-21")).await;
    let third = ongoing(&app, &until("셋", "2026-11-22")).await;
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
        assert_eq!(shown(&app, id).await["status"], status);
    }
}
