//! `AnnualProjectCreate`: next year's edition of what was ended exists, exactly once.

use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{deliver_own, ended, follow, made, ongoing, shown, start, with};

/// The editions of the series that the project is of: year and whether it is the only one with that predecessor.
async fn editions(app: &TestApp, id: Uuid) -> Vec<(i64, String)> {
    let view = shown(app, id).await;
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

fn is(year: i64, status: &str) -> (i64, String) {
    (year, status.to_owned())
}

#[tokio::test]
async fn next_years_edition_is_the_same_but_for_what_changes_with_the_year() {
    let app = start().await;
    let body = json!({
        "name": "2026년 스마트상점 (2026-2027) 청년 2000", "year": 2026, "category": "기술", "regions": ["서울"], "target": "소상공인",
        "scale": 5, "agency": "중소벤처기업부", "host": "소상공인시장진흥공단", "summary": "도입 지원", "link": "https://x.kr/1",
        "period": { "text": "'26.3.2.부터 한 달", "startsOn": "2026-03-02", "endsOn": "2026-03-31" },
    });
    let id = ended(&app, &body).await;
    let told = follow(&app).await;
    let (name, version, event) = told.last().unwrap();
    assert_eq!(
        (name.as_str(), *version, &event["actor"]),
        ("ktgg.ProjectCreated.v1", 1, &json!({ "role": "system" }))
    );
    let next = shown(&app, event["projectId"].as_str().unwrap().parse().unwrap()).await;
    for (name, value) in [
        ("name", json!("2027년 스마트상점 (2027-2028) 청년 2000")),
        ("year", json!(2027)),
        ("status", json!("planned")),
        ("seriesId", shown(&app, id).await["seriesId"].clone()),
        ("predecessor", json!(id)),
        ("link", Value::Null),
        ("source", Value::Null),
        ("startedOn", Value::Null),
        ("endedOn", Value::Null),
        (
            "period",
            json!({ "kind": "range", "text": "2027-03-02 ~ 2027-03-31", "startsOn": "2027-03-02", "endsOn": "2027-03-31" }),
        ),
    ] {
        assert_eq!(next[name], value, "{name}");
    }
    for name in [
        "category", "regions", "target", "scale", "agency", "host", "summary",
    ] {
        assert_eq!(next[name], body[name], "{name}");
    }
    assert_eq!(shown(&app, id).await["successor"], next["id"]);
}

#[tokio::test]
async fn what_falls_on_the_29th_of_february_falls_on_the_28th_and_free_text_stays() {
    let app = start().await;
    for (year, period, expected) in [
        (
            2028,
            json!({ "startsOn": "2028-02-29", "endsOn": "2028-02-29" }),
            json!({ "kind": "range", "text": "2029-02-28 ~ 2029-02-28", "startsOn": "2029-02-28", "endsOn": "2029-02-28" }),
        ),
        (
            2026,
            json!({ "kind": "until_budget", "text": "예산 소진시까지", "endsOn": "2026-12-31" }),
            json!({ "kind": "until_budget", "text": "예산 소진시까지", "startsOn": null, "endsOn": "2027-12-31" }),
        ),
        (
            2026,
            json!({ "text": "상시", "kind": "always" }),
            json!({ "kind": "always", "text": "상시", "startsOn": null, "endsOn": null }),
        ),
    ] {
        let id =
            ended(&app, &with(&json!({ "name": format!("{year}년 사업 {expected}"), "year": year, "period": period }))).await;
        follow(&app).await;
        let next = shown(&app, id).await["successor"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(shown(&app, next).await["period"], expected);
    }
}

#[tokio::test]
async fn however_often_the_end_is_told_there_is_one_successor() {
    let app = start().await;
    let id = ended(&app, &with(&json!({}))).await;
    let told = follow(&app).await;
    let end = told
        .iter()
        .find(|(name, ..)| name == "ktgg.ProjectEnded.v1")
        .unwrap();
    // The same record again; the same event as a restored ledger would send it; and everything from the beginning to a service that has
    // forgotten what it took in.
    let event_id = Uuid::new_v4();
    deliver_own(&app, event_id, end).await;
    deliver_own(&app, event_id, end).await;
    sqlx::query("truncate inbox, progress")
        .execute(app.pool())
        .await
        .unwrap();
    for event in &told {
        deliver_own(&app, Uuid::new_v4(), event).await;
    }
    assert_eq!(
        editions(&app, id).await,
        [is(2027, "planned"), is(2026, "ended")]
    );
    assert!(app.new_events().await.is_empty());
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn two_instances_that_take_it_in_at_once_make_one() {
    let app = start().await;
    let other = app.replica(project::service()).await;
    let id = ended(&app, &with(&json!({}))).await;
    let told = app.new_events().await;
    for event in &told[..2] {
        deliver_own(&app, Uuid::new_v4(), event).await;
    }
    let event_id = Uuid::new_v4();
    tokio::join!(
        deliver_own(&app, event_id, &told[2]),
        deliver_own(&other, event_id, &told[2])
    );
    assert_eq!(
        editions(&app, id).await,
        [is(2027, "planned"), is(2026, "ended")]
    );
    assert_eq!(app.new_events().await.len(), 1);
}

#[tokio::test]
async fn two_editions_of_one_year_that_end_at_once_make_one_of_the_next() {
    let app = start().await;
    let other = app.replica(project::service()).await;
    let of = |round: &str| with(&json!({ "name": format!("2026년 {round} 스마트상점") }));
    let (first, second) = (ended(&app, &of("1차")).await, ended(&app, &of("2차")).await);
    let told = app.new_events().await;
    for event in told
        .iter()
        .filter(|(name, ..)| name != "ktgg.ProjectEnded.v1")
    {
        deliver_own(&app, Uuid::new_v4(), event).await;
    }
    let ends: Vec<_> = told
        .iter()
        .filter(|(name, ..)| name == "ktgg.ProjectEnded.v1")
        .collect();
    tokio::join!(
        deliver_own(&app, Uuid::new_v4(), ends[0]),
        deliver_own(&other, Uuid::new_v4(), ends[1])
    );
    assert_eq!(
        editions(&app, first).await,
        [is(2027, "planned"), is(2026, "ended"), is(2026, "ended")]
    );
    let successors = [
        shown(&app, first).await["successor"].clone(),
        shown(&app, second).await["successor"].clone(),
    ];
    assert_eq!(
        successors
            .iter()
            .filter(|successor| !successor.is_null())
            .count(),
        1,
        "{successors:?}"
    );
    // And once more, one after the other, as after a replay.
    sqlx::query("truncate inbox, progress")
        .execute(app.pool())
        .await
        .unwrap();
    for event in &told {
        deliver_own(&app, Uuid::new_v4(), event).await;
    }
    assert_eq!(editions(&app, first).await.len(), 3);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn an_edition_of_next_year_that_is_there_already_is_linked_and_none_is_made() {
    let app = start().await;
    let id = ongoing(&app, &with(&json!({}))).await;
    let next = made(
        &app,
        &with(&json!({ "name": "2027년 스마트상점", "year": 2027 })),
    )
    .await;
    // As if it had been entered before its series was known to have an earlier edition.
    app.as_staff()
        .patch_if(
            &format!("/projects/{next}"),
            1,
            &json!({ "predecessor": null }),
        )
        .await
        .expect(200);
    follow(&app).await;
    app.as_staff()
        .post_if(&format!("/projects/{id}/end"), 2, &json!({}))
        .await
        .expect(200);
    let told = follow(&app).await;
    assert_eq!(told.len(), 2, "{told:?}");
    let (name, version, event) = &told[1];
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
        [is(2027, "planned"), is(2026, "ended")]
    );
    assert_eq!(shown(&app, id).await["successor"], json!(next));
}

#[tokio::test]
async fn an_edition_that_follows_it_already_stays_as_it_is() {
    let app = start().await;
    let id = ongoing(&app, &with(&json!({}))).await;
    let next = made(
        &app,
        &with(&json!({ "name": "2027년 스마트상점", "year": 2027 })),
    )
    .await;
    follow(&app).await;
    app.as_staff()
        .post_if(&format!("/projects/{id}/end"), 2, &json!({}))
        .await
        .expect(200);
    assert_eq!(follow(&app).await.len(), 1);
    assert_eq!(
        (
            &shown(&app, next).await["predecessor"],
            &shown(&app, next).await["version"]
        ),
        (&json!(id), &json!(1))
    );
}

#[tokio::test]
async fn it_goes_by_what_is_known_when_the_event_is_taken_in() {
    let app = start().await;
    let id = ended(&app, &with(&json!({}))).await;
    // Staff mend a typing error before the service has read its own topic.
    app.as_staff()
        .patch_if(
            &format!("/projects/{id}"),
            3,
            &json!({ "name": "2026년 스마트상점 보급" }),
        )
        .await
        .expect(200);
    follow(&app).await;
    let next = shown(&app, id).await["successor"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(shown(&app, next).await["name"], "2027년 스마트상점 보급");
}

#[tokio::test]
async fn after_the_last_year_there_is_no_next_one() {
    let app = start().await;
    let id = ended(&app, &with(&json!({ "year": 2100 }))).await;
    follow(&app).await;
    assert_eq!(editions(&app, id).await.len(), 1);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn the_end_of_a_project_that_is_not_there_is_kept_aside() {
    let (app, elsewhere) = (start().await, start().await);
    let _ = ended(&elsewhere, &with(&json!({}))).await;
    for event in &elsewhere.new_events().await {
        deliver_own(&app, Uuid::new_v4(), event).await;
    }
    assert_eq!(app.parked().await, ["refused"]);
}
