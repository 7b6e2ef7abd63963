//! Whom the assigner chooses, and in which order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{FOUR, assign, consultant, match_of, requested, salesman, start, who};

/// How many open matches each person in this place holds.
async fn load(app: &TestApp, place: &str) -> BTreeMap<u128, i64> {
    let sql = format!("select {place}, count(*) from salesman_match where {place} is not null group by 1");
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(app.pool()).await.unwrap();
    rows.into_iter().map(|(id, count)| (id.as_u128(), count)).collect()
}

#[tokio::test]
async fn a_match_is_published_with_whom_it_names_and_why_is_kept_for_staff() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    consultant(&app, 9, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    let view = match_of(&app, origin).await;
    let payload = json!({
        "matchId": view["id"],
        "origin": { "kind": "consultation", "id": origin },
        "projectId": Uuid::from_u128(0x9407),
        "projectName": "스마트상점",
        "customerId": crate::customer_ref(FOUR).customer_id,
        "lastFour": "5678",
        "salesman": { "id": Uuid::from_u128(1), "displayName": "담당 1" },
        "consultant": { "id": Uuid::from_u128(9), "displayName": "담당 9" },
        "strategy": "phone-suffix",
        "actor": { "role": "system" },
    });
    assert_eq!(app.new_events().await, [("ktgg.SalesmanMatched.v1".to_owned(), 1, payload)]);
    assert_eq!(view["matchedAt"], "2026-11-23T01:00:00Z");
    assert_eq!(
        view["reason"],
        json!({
            "salesman": { "lastFour": "5678", "candidates": [Uuid::from_u128(1)], "picked": 0 },
            "consultant": { "lastFour": "5678", "candidates": [Uuid::from_u128(9)], "picked": 0 },
        })
    );
    // Nothing is left to do, and nothing is told again.
    assert_eq!((assign(&app).await, app.new_events().await.len()), (0, 0));
}

#[tokio::test]
async fn the_last_digits_pick_from_the_roster_in_id_order() {
    let app = start().await;
    for id in [30, 10, 20] {
        salesman(&app, id, 100).await;
    }
    let fours = ["0000", "0001", "0002", "0003", "5678", "9999"];
    let origins = requested(&app, fours).await;
    assign(&app).await;
    let mut picked = Vec::new();
    for origin in origins {
        picked.push(who(&match_of(&app, origin).await, "salesman"));
    }
    assert_eq!(picked, [Some(10), Some(20), Some(30), Some(10), Some(30), Some(10)]);
}

#[tokio::test]
async fn the_oldest_request_is_served_first_whatever_order_they_came_in() {
    let app = start().await;
    let mut origins = requested(&app, ["0000"; 5]).await;
    // The third is older than all others.
    sqlx::query("update salesman_match set requested_at = requested_at - interval '1 day' where origin_id = $1")
        .bind(origins[2])
        .execute(app.pool())
        .await
        .unwrap();
    origins.swap(1, 2);
    origins.swap(0, 1);
    for served in 1..=5_u32 {
        salesman(&app, u128::from(served), 1).await;
        assert_eq!(assign(&app).await, 1);
        for (place, origin) in (1..).zip(&origins) {
            let has_salesman = who(&match_of(&app, *origin).await, "salesman").is_some();
            assert_eq!(has_salesman, place <= served, "{place} after {served}");
        }
    }
}

#[tokio::test]
async fn with_nobody_eligible_a_match_stays_in_the_queue_until_somebody_registers() {
    let app = start().await;
    salesman(&app, 1, 0).await;
    consultant(&app, 9, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!((assign(&app).await, app.new_events().await.len()), (0, 0));
    let view = match_of(&app, origin).await;
    assert_eq!((&view["salesman"], &view["consultant"], &view["version"]), (&Value::Null, &Value::Null, &json!(0)));
    salesman(&app, 2, 1).await;
    assert_eq!(assign(&app).await, 1);
    let view = match_of(&app, origin).await;
    assert_eq!((who(&view, "salesman"), who(&view, "consultant")), (Some(2), Some(9)));
}

#[tokio::test]
async fn inactive_people_are_never_chosen() {
    let app = start().await;
    let mut resting = crate::somebody(1, events::PersonRole::Salesman, 5);
    resting.profile.active = false;
    app.deliver(1, &resting).await;
    requested(&app, [FOUR]).await;
    assert_eq!(assign(&app).await, 0);
}

#[tokio::test]
async fn the_salesman_is_published_while_no_consultant_is_free_and_the_consultant_later() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    consultant(&app, 9, 5).await;
    assert_eq!(assign(&app).await, 1);
    let events = app.new_events().await;
    let told: Vec<_> =
        events.iter().map(|(_, version, told)| (*version, who(told, "salesman"), who(told, "consultant"))).collect();
    assert_eq!(told, [(1, Some(1), None), (2, Some(1), Some(9))]);
    // The second says that the salesman had the place already, so that he is not told twice.
    let before = |nth: usize| (events[nth].2.get("previousSalesmanId"), events[nth].2.get("previousConsultantId"));
    assert_eq!((before(0), before(1)), ((None, None), (Some(&json!(Uuid::from_u128(1))), None)));
    let view = match_of(&app, origin).await;
    assert_eq!(view["version"], 2);
    assert!(view["reason"]["salesman"].is_object() && view["reason"]["consultant"].is_object());
}

#[tokio::test]
async fn matches_that_lack_only_a_consultant_do_not_stand_in_the_way_of_those_that_lack_a_salesman() {
    let app = start().await;
    salesman(&app, 1, 500).await;
    requested(&app, vec!["0000"; 130]).await;
    assert_eq!(assign(&app).await, 130);
    let late = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    assert_eq!(who(&match_of(&app, late).await, "salesman"), Some(1));
    // And the other way round: those that lack a salesman do not stand in the way of a consultant.
    sqlx::query("update known_salesman set capacity = 131").execute(app.pool()).await.unwrap();
    requested(&app, vec!["0000"; 130]).await;
    consultant(&app, 9, 200).await;
    assert_eq!(assign(&app).await, 131);
    assert_eq!(load(&app, "consultant_id").await, [(9, 131)].into());
}

#[tokio::test]
async fn nobody_is_given_more_than_he_can_hold() {
    let app = start().await;
    let capacities = [3_u32, 0, 17, 41, 9];
    for (id, capacity) in (1..).zip(capacities) {
        salesman(&app, id, capacity).await;
        consultant(&app, 100 + id, capacity / 2).await;
    }
    requested(&app, (0..200).map(|four| format!("{four:04}"))).await;
    assign(&app).await;
    let held = |people: BTreeMap<u128, i64>| (1..=5_u128).map(|id| people.get(&id).copied().unwrap_or(0)).collect::<Vec<_>>();
    assert_eq!(held(load(&app, "salesman_id").await), [3, 0, 17, 41, 9]);
    let consultants = load(&app, "consultant_id").await.into_iter().map(|(id, count)| (id - 100, count)).collect();
    assert_eq!(held(consultants), [1, 0, 8, 20, 4]);
    // All who could be served were, and they are the oldest.
    let unserved: Vec<bool> = sqlx::query_scalar("select salesman_id is null from salesman_match order by requested_at")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(unserved, [vec![false; 70], vec![true; 130]].concat());
}

#[tokio::test]
async fn two_assigners_at_once_give_nobody_more_than_he_can_hold_and_serve_nobody_twice() {
    let app = start().await;
    for id in 1..=3 {
        salesman(&app, id, 40).await;
        consultant(&app, 100 + id, 40).await;
    }
    requested(&app, (0..250).map(|four| format!("{four:04}"))).await;
    let (a, b, c) = tokio::join!(assign(&app), assign(&app), assign(&app));
    assert_eq!(a + b + c, 120);
    assert_eq!(load(&app, "salesman_id").await, (1..=3).map(|id| (id, 40)).collect());
    assert_eq!(load(&app, "consultant_id").await, (101..=103).map(|id| (id, 40)).collect());
    let events = app.new_events().await;
    assert_eq!(events.len(), 120);
    assert!(events.iter().all(|(_, version, _)| *version == 1));
}
