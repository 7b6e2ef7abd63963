//! Projections of people and projects, and how matches show them.

use events::{PersonRole, ProjectCreated, ProjectEdited, ProjectId, Region};
use serde_json::{Value, json};
use service_kit::testing::an_edition;
use uuid::Uuid;

use crate::{FOUR, a_consultation, assign, match_of, registered, salesman, start, updated};

const PROJECT: ProjectId = ProjectId(Uuid::from_u128(0x9407));
const ORIGIN: Uuid = Uuid::from_u128(0xC0);

#[tokio::test]
async fn match_shows_a_project_name_that_arrives_later() {
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
    // The event contains it too.
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
    let stored: Value = sqlx::query_scalar("select to_jsonb(p) from known_project p")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let expected = json!({
        "id": PROJECT, "name": "2026년 스마트상점 기술보급", "category": "기술",
        "regions": ["서울", "경기"], "version": 2,
    });
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn updated_salesman_is_stored_and_shown_by_new_name() {
    let app = start().await;
    let salesman = registered(1, PersonRole::Salesman, 5);
    app.deliver(1, &salesman).await;
    app.deliver(1, &a_consultation(ORIGIN, FOUR)).await;
    assign(&app).await;
    let changed = updated(&salesman, |profile| {
        profile.display_name = "김하늘".to_owned();
        profile.capacity = 7;
        profile.weight = 3;
        profile.regions = vec![Region::Busan];
        profile.categories = vec![events::Category::Export];
        let (from, until) = ("2026-12-01".parse().unwrap(), "2026-12-03".parse().unwrap());
        let hand_over = true;
        profile.leave = Some(events::Leave {
            from,
            until,
            hand_over,
        });
    });
    app.deliver(2, &changed).await;
    let stored: Value = sqlx::query_scalar("select to_jsonb(p) from known_salesman p")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let expected = json!({
        "id": salesman.salesman_id, "display_name": "김하늘", "role": "salesman",
        "regions": ["부산"], "categories": ["수출"], "capacity": 7, "weight": 3, "active": true,
        "leave_from": "2026-12-01", "leave_until": "2026-12-03",
        "hand_over": true,
        "version": 2,
    });
    assert_eq!(stored, expected);
    assert_eq!(
        match_of(&app, ORIGIN).await["salesman"]["displayName"],
        "김하늘"
    );
    // A new name does not make another person.
    app.new_events().await;
    assert_eq!((assign(&app).await, app.new_events().await.len()), (0, 0));
}
