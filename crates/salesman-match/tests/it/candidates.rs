//! Who can be put on a match by hand.

use events::{Category, Leave, PersonRole, Region};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    assign, consultant, match_id, match_of, registered, requested, salesman, start, updated,
};

async fn candidates(app: &TestApp, role: &str) -> Value {
    let path = format!("/salesman-matches/candidates?role={role}");
    app.as_staff().get(&path).await.expect(200)["items"].take()
}

/// Salesmen 1 to 5: full, with one place free, inactive, on leave, with two places free.
async fn start_with_roster() -> TestApp {
    let app = start().await;
    salesman(&app, 1, 1).await;
    requested(&app, ["5678"]).await;
    assign(&app).await;
    salesman(&app, 2, 1).await;
    for id in [3, 4, 5] {
        let person = registered(id, PersonRole::Salesman, 2);
        app.deliver(1, &person).await;
        let change = |profile: &mut events::Profile| match id {
            3 => profile.active = false,
            4 => {
                profile.leave = Some(Leave {
                    from: "2026-11-20".parse().unwrap(),
                    until: "2026-11-30".parse().unwrap(),
                    hand_over: false,
                });
            }
            _ => {
                profile.regions = vec![Region::Gyeongbuk];
                profile.categories = vec![Category::Technology];
            }
        };
        app.deliver(2, &updated(&person, change)).await;
    }
    consultant(&app, 9, 3).await;
    app
}

#[tokio::test]
async fn available_people_come_first_and_the_others_say_why_not() {
    let app = start_with_roster().await;
    let people = candidates(&app, "salesman").await;
    let shown: Vec<(u128, &Value)> = people
        .as_array()
        .unwrap()
        .iter()
        .map(|person| {
            let id: Uuid = person["id"].as_str().unwrap().parse().unwrap();
            (id.as_u128(), &person["obstacle"])
        })
        .collect();
    let obstacle = |why: &str, until: Value| json!({ "why": why, "until": until });
    assert_eq!(
        shown,
        [
            (5, &Value::Null),
            (2, &Value::Null),
            (4, &obstacle("on-leave", json!("2026-11-30"))),
            (3, &obstacle("inactive", Value::Null)),
            (1, &obstacle("at-capacity", Value::Null)),
        ]
    );
    assert_eq!(
        people[0],
        json!({
            "id": Uuid::from_u128(5), "displayName": "담당 5", "role": "salesman",
            "regions": ["경북"], "categories": ["기술"], "open": 0, "capacity": 2, "obstacle": null,
        })
    );
    for (role, count) in [("consultant", 1), ("", 6)] {
        let people = candidates(&app, role).await;
        assert_eq!(people.as_array().unwrap().len(), count, "{role}");
    }
}

#[tokio::test]
async fn obstacle_is_what_a_match_by_hand_is_refused_with() {
    let app = start_with_roster().await;
    for (id, code) in [(1, "at-capacity"), (3, "inactive"), (4, "on-leave")] {
        let waiting = requested(&app, ["0000"]).await[0];
        let path = format!("/salesman-matches/{}", match_id(&app, waiting).await);
        let body = json!({ "salesmanId": Uuid::from_u128(id) });
        let refused = app.as_staff().patch_if(&path, 0, &body).await;
        let (_, errors) = refused.problem(422);
        assert_eq!(errors, [("/salesmanId".to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn unknown_role_is_refused() {
    let app = start().await;
    let path = "/salesman-matches/candidates?role=boss";
    let refused = app.as_staff().get(path).await;
    assert_eq!(refused.problem(422).0, "wrong-query");
}

#[tokio::test]
async fn match_shows_last_digits_field_and_regions_of_its_project() {
    let app = start().await;
    let waiting = requested(&app, ["5678"]).await[0];
    let shown = match_of(&app, waiting).await;
    assert_eq!(
        (&shown["lastFour"], &shown["category"], &shown["regions"]),
        (&json!("5678"), &Value::Null, &json!([]))
    );
    let mut edition = service_kit::testing::an_edition(Uuid::from_u128(7), "스마트상점");
    edition.regions = vec![Region::Gyeongbuk];
    let created = events::ProjectCreated {
        project_id: events::ProjectId(Uuid::from_u128(0x9407)),
        edition,
        actor: events::Actor::System,
    };
    app.deliver(1, &created).await;
    let shown = match_of(&app, waiting).await;
    assert_eq!(
        (&shown["category"], &shown["regions"]),
        (&json!("기술"), &json!(["경북"]))
    );
}
