//! `AnnualProjectCreate`: an ended project gets exactly one edition for the next year.

use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    consume_own_events, create_ended, create_ongoing, create_project, deliver_own_event,
    get_project, project_with, start,
};

/// Year and status of each edition in the project's series.
async fn editions(app: &TestApp, id: Uuid) -> Vec<(i64, String)> {
    let view = get_project(app, id).await;
    let editions = view["editions"].as_array().unwrap();
    editions
        .iter()
        .map(|edition| {
            (
                edition["year"].as_i64().unwrap(),
                edition["status"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn edition(year: i64, status: &str) -> (i64, String) {
    (year, status.to_owned())
}

#[tokio::test]
async fn next_edition_copies_details_and_moves_the_year() {
    let app = start().await;
    let body = json!({
        "name": "2026년 스마트상점 (2026-2027) 청년 2000", "year": 2026, "category": "기술",
        "regions": ["서울"], "target": "소상공인",
        "scale": 5, "agency": "중소벤처기업부", "host": "소상공인시장진흥공단", "summary": "도입 지원",
        "link": "https://x.kr/1",
        "period": { "text": "'26.3.2.부터 한 달", "startsOn": "2026-03-02", "endsOn": "2026-03-31" },
    });
    let id = create_ended(&app, &body).await;
    let events = consume_own_events(&app).await;
    let (name, version, event) = events.last().unwrap();
    assert_eq!(
        (name.as_str(), *version, &event["actor"]),
        ("ktgg.ProjectCreated.v1", 1, &json!({ "role": "system" }))
    );
    let next = get_project(&app, event["projectId"].as_str().unwrap().parse().unwrap()).await;
    for (name, value) in [
        ("name", json!("2027년 스마트상점 (2027-2028) 청년 2000")),
        ("year", json!(2027)),
        ("status", json!("planned")),
        ("seriesId", get_project(&app, id).await["seriesId"].clone()),
        ("predecessor", json!(id)),
        ("link", Value::Null),
        ("source", Value::Null),
        ("startedOn", Value::Null),
        ("endedOn", Value::Null),
        (
            "period",
            json!({
                "kind": "range", "text": "2027-03-02 ~ 2027-03-31", "startsOn": "2027-03-02",
                "endsOn": "2027-03-31",
            }),
        ),
    ] {
        assert_eq!(next[name], value, "{name}");
    }
    for name in [
        "category", "regions", "target", "scale", "agency", "host", "summary",
    ] {
        assert_eq!(next[name], body[name], "{name}");
    }
    assert_eq!(get_project(&app, id).await["successor"], next["id"]);
}

#[tokio::test]
async fn next_period_maps_february_29_to_28_and_keeps_free_text() {
    let app = start().await;
    for (year, period, expected) in [
        (
            2028,
            json!({ "startsOn": "2028-02-29", "endsOn": "2028-02-29" }),
            json!({
                "kind": "range", "text": "2029-02-28 ~ 2029-02-28", "startsOn": "2029-02-28",
                "endsOn": "2029-02-28",
            }),
        ),
        (
            2026,
            json!({ "kind": "until_budget", "text": "예산 소진시까지", "endsOn": "2026-12-31" }),
            json!({
                "kind": "until_budget", "text": "예산 소진시까지", "startsOn": null,
                "endsOn": "2027-12-31",
            }),
        ),
        (
            2026,
            json!({ "text": "상시", "kind": "always" }),
            json!({ "kind": "always", "text": "상시", "startsOn": null, "endsOn": null }),
        ),
    ] {
        let id = create_ended(
            &app,
            &project_with(&json!({
                "name": format!("{year}년 사업 {expected}"), "year": year, "period": period,
            })),
        )
        .await;
        consume_own_events(&app).await;
        let next = get_project(&app, id).await["successor"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(get_project(&app, next).await["period"], expected);
    }
}

#[tokio::test]
async fn repeated_end_event_creates_one_successor() {
    let app = start().await;
    let id = create_ended(&app, &project_with(&json!({}))).await;
    let events = consume_own_events(&app).await;
    let end = events
        .iter()
        .find(|(name, ..)| name == "ktgg.ProjectEnded.v1")
        .unwrap();
    // The same record twice, the same event under a new id (as after a restored event log), and
    // all events again with an empty inbox.
    let event_id = Uuid::new_v4();
    deliver_own_event(&app, event_id, end).await;
    deliver_own_event(&app, event_id, end).await;
    sqlx::query("truncate inbox, progress")
        .execute(app.pool())
        .await
        .unwrap();
    for event in &events {
        deliver_own_event(&app, Uuid::new_v4(), event).await;
    }
    assert_eq!(
        editions(&app, id).await,
        [edition(2027, "planned"), edition(2026, "ended")]
    );
    assert!(app.new_events().await.is_empty());
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn end_event_consumed_by_two_replicas_creates_one_successor() {
    let app = start().await;
    let replica = app.replica(project::service()).await;
    let id = create_ended(&app, &project_with(&json!({}))).await;
    let events = app.new_events().await;
    for event in &events[..2] {
        deliver_own_event(&app, Uuid::new_v4(), event).await;
    }
    let event_id = Uuid::new_v4();
    tokio::join!(
        deliver_own_event(&app, event_id, &events[2]),
        deliver_own_event(&replica, event_id, &events[2])
    );
    assert_eq!(
        editions(&app, id).await,
        [edition(2027, "planned"), edition(2026, "ended")]
    );
    assert_eq!(app.new_events().await.len(), 1);
}

#[tokio::test]
async fn two_editions_ending_concurrently_create_one_successor() {
    let app = start().await;
    let replica = app.replica(project::service()).await;
    let body = |round: &str| project_with(&json!({ "name": format!("2026년 {round} 스마트상점") }));
    let (first, second) = (
        create_ended(&app, &body("1차")).await,
        create_ended(&app, &body("2차")).await,
    );
    let events = app.new_events().await;
    for event in events
        .iter()
        .filter(|(name, ..)| name != "ktgg.ProjectEnded.v1")
    {
        deliver_own_event(&app, Uuid::new_v4(), event).await;
    }
    let ends: Vec<_> = events
        .iter()
        .filter(|(name, ..)| name == "ktgg.ProjectEnded.v1")
        .collect();
    tokio::join!(
        deliver_own_event(&app, Uuid::new_v4(), ends[0]),
        deliver_own_event(&replica, Uuid::new_v4(), ends[1])
    );
    assert_eq!(
        editions(&app, first).await,
        [
            edition(2027, "planned"),
            edition(2026, "ended"),
            edition(2026, "ended")
        ]
    );
    let successors = [
        get_project(&app, first).await["successor"].clone(),
        get_project(&app, second).await["successor"].clone(),
    ];
    assert_eq!(
        successors
            .iter()
            .filter(|successor| !successor.is_null())
            .count(),
        1,
        "{successors:?}"
    );
    // The same again, one after the other, as after a replay.
    sqlx::query("truncate inbox, progress")
        .execute(app.pool())
        .await
        .unwrap();
    for event in &events {
        deliver_own_event(&app, Uuid::new_v4(), event).await;
    }
    assert_eq!(editions(&app, first).await.len(), 3);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn existing_edition_of_next_year_is_linked_not_created() {
    let app = start().await;
    let id = create_ongoing(&app, &project_with(&json!({}))).await;
    let next = create_project(
        &app,
        &project_with(&json!({ "name": "2027년 스마트상점", "year": 2027 })),
    )
    .await;
    // As if it was created before the series had an earlier edition.
    app.as_staff()
        .patch_if(
            &format!("/projects/{next}"),
            1,
            &json!({ "predecessor": null }),
        )
        .await
        .expect(200);
    consume_own_events(&app).await;
    app.as_staff()
        .post_if(&format!("/projects/{id}/end"), 2, &json!({}))
        .await
        .expect(200);
    let events = consume_own_events(&app).await;
    assert_eq!(events.len(), 2, "{events:?}");
    let (name, version, event) = &events[1];
    assert_eq!(
        (name.as_str(), *version, &event["changed"]),
        ("ktgg.ProjectEdited.v1", 3, &json!(["predecessor"]))
    );
    assert_eq!(
        (
            &event["projectId"],
            &event["predecessor"],
            &event["actor"]["role"]
        ),
        (&json!(next), &json!(id), &json!("system"))
    );
    assert_eq!(
        editions(&app, id).await,
        [edition(2027, "planned"), edition(2026, "ended")]
    );
    assert_eq!(get_project(&app, id).await["successor"], json!(next));
}

#[tokio::test]
async fn existing_successor_is_unchanged() {
    let app = start().await;
    let id = create_ongoing(&app, &project_with(&json!({}))).await;
    let next = create_project(
        &app,
        &project_with(&json!({ "name": "2027년 스마트상점", "year": 2027 })),
    )
    .await;
    consume_own_events(&app).await;
    app.as_staff()
        .post_if(&format!("/projects/{id}/end"), 2, &json!({}))
        .await
        .expect(200);
    assert_eq!(consume_own_events(&app).await.len(), 1);
    assert_eq!(
        (
            &get_project(&app, next).await["predecessor"],
            &get_project(&app, next).await["version"]
        ),
        (&json!(id), &json!(1))
    );
}

#[tokio::test]
async fn next_edition_uses_the_project_as_of_consumption() {
    let app = start().await;
    let id = create_ended(&app, &project_with(&json!({}))).await;
    // Staff correct a typing error before the service consumes its own topic.
    app.as_staff()
        .patch_if(
            &format!("/projects/{id}"),
            3,
            &json!({ "name": "2026년 스마트상점 보급" }),
        )
        .await
        .expect(200);
    consume_own_events(&app).await;
    let next = get_project(&app, id).await["successor"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(
        get_project(&app, next).await["name"],
        "2027년 스마트상점 보급"
    );
}

#[tokio::test]
async fn last_allowed_year_has_no_next_edition() {
    let app = start().await;
    let id = create_ended(&app, &project_with(&json!({ "year": 2100 }))).await;
    consume_own_events(&app).await;
    assert_eq!(editions(&app, id).await.len(), 1);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn end_event_of_an_unknown_project_is_parked() {
    let (app, other_app) = (start().await, start().await);
    let _ = create_ended(&other_app, &project_with(&json!({}))).await;
    for event in &other_app.new_events().await {
        deliver_own_event(&app, Uuid::new_v4(), event).await;
    }
    assert_eq!(app.parked().await, ["refused"]);
}
