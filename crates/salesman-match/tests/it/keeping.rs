//! What this service keeps of people and projects, and what of it is shown.

use events::{PersonRole, ProjectCreated, ProjectEdited, ProjectId, Region};
use serde_json::{Value, json};
use service_kit::testing::an_edition;
use uuid::Uuid;

use crate::{FOUR, a_consultation, assign, match_of, salesman, somebody, start, updated};

const PROJECT: ProjectId = ProjectId(Uuid::from_u128(0x9407));
const ORIGIN: Uuid = Uuid::from_u128(0xC0);

#[tokio::test]
async fn a_match_shows_the_projects_name_although_the_request_came_first() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let unnamed = events::ConsultationCreated {
        project_name: None,
        ..a_consultation(ORIGIN, FOUR)
    };
    app.deliver(1, &unnamed).await;
    assert_eq!(match_of(&app, ORIGIN).await["projectName"], Value::Null);
    let mut edition = an_edition(Uuid::from_u128(0x5E), "2026년 스마트상점");
    edition.regions = vec![Region::Seoul, Region::Gyeonggi];
    app.deliver(
        1,
        &ProjectCreated {
            project_id: PROJECT,
            edition: edition.clone(),
            actor: unnamed.actor,
        },
    )
    .await;
    assert_eq!(
        match_of(&app, ORIGIN).await["projectName"],
        "2026년 스마트상점"
    );
    // The event tells it, too.
    assign(&app).await;
    assert_eq!(
        app.new_events().await[0].2["projectName"],
        "2026년 스마트상점"
    );

    edition.name = "2026년 스마트상점 기술보급".to_owned();
    let edited = ProjectEdited {
        project_id: PROJECT,
        edition,
        changed: vec![events::EditionField::Name],
        previous_period: None,
        actor: unnamed.actor,
    };
    app.deliver(2, &edited).await;
    assert_eq!(
        match_of(&app, ORIGIN).await["projectName"],
        "2026년 스마트상점 기술보급"
    );
    let kept: Value = sqlx::query_scalar("select to_jsonb(it) from known_project it")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let expected = json!({
        "id": PROJECT, "name": "2026년 스마트상점 기술보급", "category": "기술", "regions": ["서울", "경기"], "version": 2,
    });
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn whoever_is_updated_is_kept_as_he_is_now_and_shown_by_his_new_name() {
    let app = start().await;
    let registered = somebody(1, PersonRole::Salesman, 5);
    app.deliver(1, &registered).await;
    app.deliver(1, &a_consultation(ORIGIN, FOUR)).await;
    assign(&app).await;
    let changed = updated(&registered, |profile| {
        profile.display_name = "김하늘".to_owned();
        profile.capacity = 7;
        profile.weight = 3;
        profile.regions = vec![Region::Busan];
        profile.categories = vec![events::Category::Export];
        let (from, until) = ("2026-12-01".parse().unwrap(), "2026-12-03".parse().unwrap());
        profile.leave = Some(events::Leave { from, until });
    });
    app.deliver(2, &changed).await;
    let kept: Value = sqlx::query_scalar("select to_jsonb(it) from known_salesman it")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let expected = json!({
        "id": registered.salesman_id, "display_name": "김하늘", "role": "salesman", "regions": ["부산"], "categories": ["수출"],
        "capacity": 7, "weight": 3, "active": true, "leave_from": "2026-12-01", "leave_until": "2026-12-03",
        "version": 2,
    });
    assert_eq!(kept, expected);
    assert_eq!(
        match_of(&app, ORIGIN).await["salesman"]["displayName"],
        "김하늘"
    );
    // Another name is no other person.
    app.new_events().await;
    assert_eq!((assign(&app).await, app.new_events().await.len()), (0, 0));
}
