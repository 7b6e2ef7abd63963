//! Which people the assigner chooses, and in which order.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use events::{Actor, ConsultationCreated, InterestCreated, Leave, PersonRole, SalesmanId, Step};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    FOUR, a_consultation, an_interest, assign, consultant, match_id, match_of, progressed,
    registered, requested, salesman, start, updated, who,
};

/// The number of matches of each person in this column.
async fn load(app: &TestApp, column: &str) -> BTreeMap<u128, i64> {
    let sql = format!(
        "select {column}, count(*) from salesman_match where {column} is not null group by 1"
    );
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .fetch_all(app.pool())
        .await
        .unwrap();
    rows.into_iter()
        .map(|(id, count)| (id.as_u128(), count))
        .collect()
}

#[tokio::test]
async fn match_publishes_its_people_and_stores_the_reason() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    consultant(&app, 9, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    let view = match_of(&app, origin).await;
    let payload = json!({
        "matchId": view["id"],
        "origin": { "kind": "consultation", "id": origin },
        "originVersion": 1,
        "projectId": Uuid::from_u128(0x9407),
        "projectName": "스마트상점",
        "customerId": crate::customer_ref(FOUR).customer_id,
        "lastFour": "5678",
        "salesman": { "id": Uuid::from_u128(1), "displayName": "담당 1" },
        "consultant": { "id": Uuid::from_u128(9), "displayName": "담당 9" },
        "strategy": "phone-suffix",
        "actor": { "role": "system" },
    });
    assert_eq!(
        app.new_events().await,
        [("ktgg.SalesmanMatched.v1".to_owned(), 1, payload)]
    );
    assert_eq!(view["matchedAt"], "2026-11-23T01:00:00Z");
    assert_eq!(
        view["reason"],
        json!({
            "salesman": {
                "rule": "phone-suffix", "lastFour": "5678", "among": 1, "picked": 0,
                "candidates": [
                    { "id": Uuid::from_u128(1), "displayName": "담당 1", "open": 0, "capacity": 5 },
                ],
            },
            "consultant": {
                "rule": "phone-suffix", "lastFour": "5678", "among": 1, "picked": 0,
                "candidates": [
                    { "id": Uuid::from_u128(9), "displayName": "담당 9", "open": 0, "capacity": 5 },
                ],
            },
        })
    );
    // Nothing is left to do, and no further event follows.
    assert_eq!((assign(&app).await, app.new_events().await.len()), (0, 0));
}

#[tokio::test]
async fn last_digits_pick_from_the_roster_in_id_order() {
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
    assert_eq!(
        picked,
        [Some(10), Some(20), Some(30), Some(10), Some(30), Some(10)]
    );
}

#[tokio::test]
async fn oldest_request_is_served_first_in_any_arrival_order() {
    let app = start().await;
    let mut origins = requested(&app, ["0000"; 5]).await;
    // The third becomes the oldest.
    let sql = "update salesman_match set requested_at = requested_at - interval '1 day'
               where origin_id = $1";
    sqlx::query(sql)
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
async fn match_waits_until_an_eligible_salesman_registers() {
    let app = start().await;
    salesman(&app, 1, 0).await;
    consultant(&app, 9, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!((assign(&app).await, app.new_events().await.len()), (0, 0));
    let view = match_of(&app, origin).await;
    assert_eq!(
        (&view["salesman"], &view["consultant"], &view["version"]),
        (&Value::Null, &Value::Null, &json!(0))
    );
    salesman(&app, 2, 1).await;
    assert_eq!(assign(&app).await, 1);
    let view = match_of(&app, origin).await;
    assert_eq!(
        (who(&view, "salesman"), who(&view, "consultant")),
        (Some(2), Some(9))
    );
}

#[tokio::test]
async fn inactive_people_are_never_chosen() {
    let app = start().await;
    let mut inactive = registered(1, PersonRole::Salesman, 5);
    inactive.profile.active = false;
    app.deliver(1, &inactive).await;
    requested(&app, [FOUR]).await;
    assert_eq!(assign(&app).await, 0);
}

#[tokio::test]
async fn consultant_is_added_once_one_is_available() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    consultant(&app, 9, 5).await;
    assert_eq!(assign(&app).await, 1);
    let events = app.new_events().await;
    let people: Vec<_> = events
        .iter()
        .map(|(_, version, event)| (*version, who(event, "salesman"), who(event, "consultant")))
        .collect();
    assert_eq!(people, [(1, Some(1), None), (2, Some(1), Some(9))]);
    // The second event names the salesman as previous, so that consumers do not notify them again.
    let previous = |nth: usize| {
        (
            events[nth].2.get("previousSalesmanId"),
            events[nth].2.get("previousConsultantId"),
        )
    };
    assert_eq!(
        (previous(0), previous(1)),
        ((None, None), (Some(&json!(Uuid::from_u128(1))), None))
    );
    let view = match_of(&app, origin).await;
    assert_eq!(view["version"], 2);
    assert!(view["reason"]["salesman"].is_object() && view["reason"]["consultant"].is_object());
}

#[tokio::test]
async fn matched_at_is_when_the_current_people_were_matched() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    let matched_at = async || match_of(&app, origin).await["matchedAt"].clone();
    assert_eq!(matched_at().await, "2026-11-23T01:00:00Z");
    app.clock().advance(TimeDelta::hours(1));
    consultant(&app, 9, 5).await;
    assert_eq!(assign(&app).await, 1);
    assert_eq!(matched_at().await, "2026-11-23T02:00:00Z");
    app.clock().advance(TimeDelta::hours(1));
    salesman(&app, 2, 5).await;
    let path = format!("/salesman-matches/{}", match_id(&app, origin).await);
    let replacement = json!({ "salesmanId": Uuid::from_u128(2) });
    assert_eq!(
        app.as_staff()
            .patch_if(&path, 2, &replacement)
            .await
            .expect(200)["matchedAt"],
        "2026-11-23T03:00:00Z"
    );
    // The same people again do not change it.
    app.clock().advance(TimeDelta::hours(1));
    assert_eq!(
        app.as_staff()
            .patch_if(&path, 3, &replacement)
            .await
            .expect(200)["matchedAt"],
        "2026-11-23T03:00:00Z"
    );
}

#[tokio::test]
async fn matches_lacking_one_role_do_not_block_the_other() {
    let app = start().await;
    salesman(&app, 1, 500).await;
    requested(&app, vec!["0000"; 130]).await;
    assert_eq!(assign(&app).await, 130);
    let late = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    assert_eq!(who(&match_of(&app, late).await, "salesman"), Some(1));
    // And the reverse: matches without a salesman do not block those that lack a consultant.
    sqlx::query("update known_salesman set capacity = 131")
        .execute(app.pool())
        .await
        .unwrap();
    requested(&app, vec!["0000"; 130]).await;
    consultant(&app, 9, 200).await;
    assert_eq!(assign(&app).await, 131);
    assert_eq!(load(&app, "consultant_id").await, [(9, 131)].into());
}

#[tokio::test]
async fn capacity_is_never_exceeded() {
    let app = start().await;
    let capacities = [3_u32, 0, 17, 41, 9];
    for (id, capacity) in (1..).zip(capacities) {
        salesman(&app, id, capacity).await;
        consultant(&app, 100 + id, capacity / 2).await;
    }
    requested(&app, (0..200).map(|four| format!("{four:04}"))).await;
    assign(&app).await;
    let loads = |people: BTreeMap<u128, i64>| {
        (1..=5_u128)
            .map(|id| people.get(&id).copied().unwrap_or(0))
            .collect::<Vec<_>>()
    };
    assert_eq!(loads(load(&app, "salesman_id").await), [3, 0, 17, 41, 9]);
    let consultants = load(&app, "consultant_id")
        .await
        .into_iter()
        .map(|(id, count)| (id - 100, count))
        .collect();
    assert_eq!(loads(consultants), [1, 0, 8, 20, 4]);
    // All capacity is used, by the oldest requests.
    let waiting: Vec<bool> =
        sqlx::query_scalar("select salesman_id is null from salesman_match order by requested_at")
            .fetch_all(app.pool())
            .await
            .unwrap();
    assert_eq!(waiting, [vec![false; 70], vec![true; 130]].concat());
}

#[tokio::test]
async fn concurrent_assigners_respect_capacity_and_match_once() {
    let app = start().await;
    for id in 1..=3 {
        salesman(&app, id, 40).await;
        consultant(&app, 100 + id, 40).await;
    }
    requested(&app, (0..250).map(|four| format!("{four:04}"))).await;
    let (a, b, c) = tokio::join!(assign(&app), assign(&app), assign(&app));
    assert_eq!(a + b + c, 120);
    assert_eq!(
        load(&app, "salesman_id").await,
        (1..=3).map(|id| (id, 40)).collect()
    );
    assert_eq!(
        load(&app, "consultant_id").await,
        (101..=103).map(|id| (id, 40)).collect()
    );
    let events = app.new_events().await;
    assert_eq!(events.len(), 120);
    assert!(events.iter().all(|(_, version, _)| *version == 1));
}

#[tokio::test]
async fn full_salesmen_leave_the_newest_request_waiting() {
    let app = start().await;
    for id in [1, 2] {
        salesman(&app, id, 1).await;
    }
    let origins = requested(&app, ["0001", "0003", "0005"]).await;
    assert_eq!(assign(&app).await, 2);
    let mut salesmen = Vec::new();
    for origin in origins {
        salesmen.push(who(&match_of(&app, origin).await, "salesman"));
    }
    assert_eq!(salesmen, [Some(2), Some(1), None]);
}

#[tokio::test]
async fn people_on_leave_are_chosen_from_the_day_after_in_seoul() {
    let app = start().await;
    let salesman = registered(1, PersonRole::Salesman, 5);
    app.deliver(1, &salesman).await;
    let leave = Leave {
        from: "2026-11-20".parse().unwrap(),
        until: "2026-11-23".parse().unwrap(),
        hand_over: false,
    };
    app.deliver(
        2,
        &updated(&salesman, |profile| profile.leave = Some(leave)),
    )
    .await;
    requested(&app, [FOUR]).await;
    assert_eq!(assign(&app).await, 0);
    // The test starts at 10:00 in Seoul: 13 hours and 59 minutes later it is still the same day.
    app.clock().advance(TimeDelta::minutes(13 * 60 + 59));
    assert_eq!(assign(&app).await, 0);
    app.clock().advance(TimeDelta::minutes(1));
    assert_eq!(assign(&app).await, 1);
}

#[tokio::test]
async fn lowered_capacity_stops_new_matches() {
    let app = start().await;
    let salesman = registered(1, PersonRole::Salesman, 3);
    app.deliver(1, &salesman).await;
    requested(&app, [FOUR; 3]).await;
    assert_eq!(assign(&app).await, 3);
    app.deliver(2, &updated(&salesman, |profile| profile.capacity = 2))
        .await;
    requested(&app, [FOUR]).await;
    assert_eq!(assign(&app).await, 0);
    app.deliver(3, &updated(&salesman, |profile| profile.capacity = 4))
        .await;
    assert_eq!(assign(&app).await, 1);
}

#[tokio::test]
async fn customer_keeps_current_salesman_and_consultant() {
    let app = start().await;
    salesman(&app, 2, 50).await;
    consultant(&app, 12, 50).await;
    // The digits would pick 1 and 11, once these are registered.
    let first = requested(&app, ["0000"]).await[0];
    assert_eq!(assign(&app).await, 1);
    salesman(&app, 1, 50).await;
    consultant(&app, 11, 50).await;
    let [second, other] = requested(&app, ["0000", "0002"]).await[..] else {
        panic!()
    };
    assert_eq!(assign(&app).await, 2);
    for (origin, people, rule) in [
        (first, [2, 12], "phone-suffix"),
        (second, [2, 12], "kept"),
        (other, [1, 11], "phone-suffix"),
    ] {
        let view = match_of(&app, origin).await;
        for (role, expected) in ["salesman", "consultant"].into_iter().zip(people) {
            assert_eq!(
                (who(&view, role), &view["reason"][role]["rule"]),
                (Some(expected), &json!(rule)),
                "{role}"
            );
        }
        assert_eq!(view["strategy"], "phone-suffix");
    }
}

#[tokio::test]
async fn two_requests_of_a_customer_in_one_batch_share_a_salesman() {
    let app = start().await;
    for id in 1..=3 {
        salesman(&app, id, 5).await;
    }
    let origins = requested(&app, ["0002", "0000", "0002"]).await;
    assert_eq!(assign(&app).await, 3);
    let (one, two) = (
        match_of(&app, origins[0]).await,
        match_of(&app, origins[2]).await,
    );
    assert_eq!(
        (who(&one, "salesman"), who(&two, "salesman")),
        (Some(3), Some(3))
    );
    assert_eq!(two["reason"]["salesman"]["rule"], "kept");
}

#[tokio::test]
async fn customer_with_two_salesmen_keeps_the_open_one_first() {
    let app = start().await;
    let (older, newer) = (
        registered(5, PersonRole::Salesman, 2),
        registered(6, PersonRole::Salesman, 2),
    );
    app.deliver(1, &older).await;
    let first = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    app.deliver(2, &updated(&older, |profile| profile.capacity = 1))
        .await;
    app.deliver(1, &newer).await;
    app.clock().advance(TimeDelta::hours(1));
    let second = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    app.deliver(3, &updated(&older, |_| ())).await;
    app.deliver(2, &progressed(second, Step::Cancelled)).await;
    salesman(&app, 1, 50).await;
    app.clock().advance(TimeDelta::hours(1));
    // The newest match is closed and the older one open: its salesman is kept.
    let third = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    app.clock().advance(TimeDelta::hours(1));
    let fourth = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    let mut salesmen = Vec::new();
    for origin in [first, second, third, fourth] {
        salesmen.push(who(&match_of(&app, origin).await, "salesman"));
    }
    assert_eq!(salesmen, [Some(5), Some(6), Some(5), Some(6)]);
}

#[tokio::test]
async fn salesman_who_entered_a_customer_gets_the_match() {
    let app = start().await;
    for id in 1..=3 {
        salesman(&app, id, 50).await;
    }
    let entered = |id: u128, four: &str, by: u128| {
        let actor = Actor::Salesman(SalesmanId(Uuid::from_u128(by)));
        InterestCreated {
            actor,
            ..an_interest(Uuid::from_u128(id), four)
        }
    };
    // The digits would pick 1.
    app.deliver(1, &entered(0x11, "0000", 3)).await;
    assert_eq!(assign(&app).await, 1);
    let view = match_of(&app, Uuid::from_u128(0x11)).await;
    assert_eq!(
        (who(&view, "salesman"), &view["reason"]["salesman"]["rule"]),
        (Some(3), &json!("brought"))
    );
    app.deliver(1, &entered(0x12, "0000", 2)).await;
    assert_eq!(assign(&app).await, 1);
    let view = match_of(&app, Uuid::from_u128(0x12)).await;
    assert_eq!(
        (who(&view, "salesman"), &view["reason"]["salesman"]["rule"]),
        (Some(3), &json!("kept"))
    );
    // The same for a consultation. An unknown salesman is not chosen.
    let actor = Actor::Salesman(SalesmanId(Uuid::from_u128(2)));
    app.deliver(
        1,
        &ConsultationCreated {
            actor,
            ..a_consultation(Uuid::from_u128(0xC0), "0003")
        },
    )
    .await;
    app.deliver(1, &entered(0x13, "0006", 99)).await;
    assert_eq!(assign(&app).await, 2);
    assert_eq!(
        who(&match_of(&app, Uuid::from_u128(0xC0)).await, "salesman"),
        Some(2)
    );
    let view = match_of(&app, Uuid::from_u128(0x13)).await;
    assert_eq!(
        (who(&view, "salesman"), &view["reason"]["salesman"]["rule"]),
        (Some(1), &json!("phone-suffix"))
    );
}

#[tokio::test]
async fn unreadable_or_unsavable_match_does_not_block_others() {
    let app = start().await;
    salesman(&app, 1, 500).await;
    consultant(&app, 9, 500).await;
    // More broken matches than one batch has, all of them older than the others.
    let origins = requested(&app, vec![FOUR; 70].into_iter().chain(["0000"; 70])).await;
    for (assignment, broken) in [
        ("last_four = 'four'", &origins[1..40]),
        ("strategy = 'of a newer build'", &origins[40..70]),
    ] {
        let sql = format!("update salesman_match set {assignment} where origin_id = any($1)");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(broken)
            .execute(app.pool())
            .await
            .unwrap();
    }
    let id = match_id(&app, origins[0]).await;
    sqlx::query(
        "insert into event_log (id, aggregatetype, aggregateid, version, type, payload, recorded_at)
         values (gen_random_uuid(), 'salesman-match', $1, 1,
                 'ktgg.SalesmanMatched.v1', '{}', now())",
    )
    .bind(id)
    .execute(app.pool())
    .await
    .unwrap();
    assert_eq!(assign(&app).await, 70);
    // The match whose event cannot be appended is unchanged and uses no capacity.
    let view = match_of(&app, origins[0]).await;
    assert_eq!(
        (&view["salesman"], &view["version"]),
        (&Value::Null, &json!(0))
    );
    assert_eq!(load(&app, "salesman_id").await, [(1, 70)].into());
    // Repaired matches are assigned.
    sqlx::query("update salesman_match set last_four = '0000', strategy = null where version = 0")
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(assign(&app).await, 69);
}

#[tokio::test]
async fn locked_match_is_skipped_until_the_next_poll() {
    let app = start().await;
    salesman(&app, 1, 500).await;
    let origins = requested(&app, [FOUR, FOUR]).await;
    let mut other_tx = app.pool().begin().await.unwrap();
    sqlx::query("select 1 from salesman_match where origin_id = $1 for update")
        .bind(origins[0])
        .execute(&mut *other_tx)
        .await
        .unwrap();
    assert_eq!(assign(&app).await, 1);
    assert_eq!(match_of(&app, origins[1]).await["version"], 1);
    other_tx.rollback().await.unwrap();
    assert_eq!(assign(&app).await, 1);
}
