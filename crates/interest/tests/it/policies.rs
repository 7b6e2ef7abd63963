//! What other services' events do here.

use chrono::TimeDelta;
use events::{ConsultationId, Event, Origin, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::messaging::kafka;
use service_kit::testing::{Caller, TestApp, customer, envelope};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, SERIES, a_mark, a_match, a_project, marked, of, start,
};

async fn salesman(app: &TestApp, id: Uuid) -> Value {
    app.as_staff()
        .get(&format!("/interests/{id}"))
        .await
        .expect(200)["salesman"]["id"]
        .clone()
}

async fn progress(app: &TestApp, aggregate: Uuid) -> Option<i64> {
    sqlx::query_scalar("select version from progress where aggregateid = $1")
        .bind(aggregate)
        .fetch_optional(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_match_puts_its_people_on_the_interest_without_an_event_of_ours() {
    let app = start().await;
    let id = marked(&app).await;
    app.deliver(1, &a_match(of(id), SALESMAN, Some(CONSULTANT)))
        .await;
    let view = app
        .as_customer(PHONE)
        .get(&format!("/interests/{id}"))
        .await
        .expect(200);
    assert_eq!(
        (&view["salesman"]["id"], &view["consultant"]["id"]),
        (&json!(SALESMAN), &json!(CONSULTANT))
    );
    assert_eq!(view["version"], 1);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn a_redelivered_match_does_not_bring_back_whom_a_later_one_replaced() {
    let app = start().await;
    let id = marked(&app).await;
    let (event_id, first, other) = (
        Uuid::new_v4(),
        a_match(of(id), SALESMAN, None),
        Uuid::from_u128(7),
    );
    app.deliver_as(event_id, 1, &first).await;
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..a_match(of(id), other, None)
        },
    )
    .await;
    app.deliver_as(event_id, 1, &first).await;
    app.deliver(1, &first).await;
    assert_eq!(salesman(&app, id).await, json!(other));
    assert_eq!(
        (
            progress(&app, first.match_id.0).await,
            app.parked().await.len()
        ),
        (Some(2), 0)
    );
    assert_eq!(
        app.as_salesman(SALESMAN)
            .get(&format!("/interests/{id}"))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn whoever_is_replaced_loses_sight_of_the_interest_at_once() {
    let app = start().await;
    let id = marked(&app).await;
    let (path, series) = (
        format!("/interests/{id}"),
        format!("/interests?customer={}", customer(PHONE).subject),
    );
    let first = a_match(of(id), SALESMAN, Some(CONSULTANT));
    let (other_salesman, other_consultant) = (Uuid::from_u128(0x5A1F), Uuid::from_u128(0xC046));
    let replaced = |salesman: Uuid, consultant: Option<Uuid>| SalesmanMatched {
        match_id: first.match_id,
        ..a_match(of(id), salesman, consultant)
    };
    let access = async |caller: &Caller<'_>| {
        let count = |page: Value| page["items"].as_array().unwrap().len();
        (
            caller.get(&path).await.status.as_u16(),
            caller.get(&format!("{path}/phone")).await.status.as_u16(),
            count(caller.get("/interests").await.expect(200)),
            count(caller.get(&series).await.expect(200)),
            count(caller.get("/interests/unattended").await.expect(200)),
        )
    };
    let (salesman, consultant) = (app.as_salesman(SALESMAN), app.as_consultant(CONSULTANT));
    app.clock().advance(TimeDelta::days(40));
    app.deliver(1, &first).await;
    for caller in [&salesman, &consultant] {
        assert_eq!(access(caller).await, (200, 200, 1, 1, 1));
    }
    let gone = (404, 404, 0, 0, 0);
    // The consultant alone, then the salesman, and then the consultant with nobody in his place.
    app.deliver(2, &replaced(SALESMAN, Some(other_consultant)))
        .await;
    assert_eq!(
        (access(&salesman).await, access(&consultant).await),
        ((200, 200, 1, 1, 1), gone)
    );
    app.deliver(3, &replaced(other_salesman, Some(other_consultant)))
        .await;
    assert_eq!(access(&salesman).await, gone);
    assert_eq!(
        access(&app.as_salesman(other_salesman)).await,
        (200, 200, 1, 1, 1)
    );
    app.deliver(4, &replaced(other_salesman, None)).await;
    assert_eq!(access(&app.as_consultant(other_consultant)).await, gone);
}

#[tokio::test]
async fn an_interest_that_is_on_again_has_nobody_on_it_until_the_match_that_was_opened_again_names_somebody()
 {
    for by_marking in [false, true] {
        let app = start().await;
        let id = marked(&app).await;
        let (path, caller) = (format!("/interests/{id}"), app.as_customer(PHONE));
        let of_before = a_match(of(id), SALESMAN, Some(CONSULTANT));
        app.deliver(1, &of_before).await;
        caller
            .patch_if(&path, 1, &json!({ "interested": false }))
            .await
            .expect(200);
        app.new_events().await;
        let shown = if by_marking {
            caller.post("/interests", &a_mark()).await.expect(200)
        } else {
            caller
                .patch_if(&path, 2, &json!({ "interested": true }))
                .await
                .expect(200)
        };
        assert_eq!(
            (&shown["salesman"], &shown["consultant"], &shown["version"]),
            (&Value::Null, &Value::Null, &json!(3))
        );
        // Who was on it is told, so that he knows.
        let told = &app.new_events().await[0].2;
        assert_eq!(
            (&told["salesmanId"], &told["consultantId"]),
            (&json!(SALESMAN), &json!(CONSULTANT))
        );
        assert_eq!(
            app.as_salesman(SALESMAN).get(&path).await.problem(404).0,
            "not-found"
        );
        // Staff re-matched it before it was turned off, and that is read only now.
        let nth = |salesman: u128, origin_version: i64| SalesmanMatched {
            match_id: of_before.match_id,
            origin_version: Some(origin_version),
            ..a_match(of(id), Uuid::from_u128(salesman), None)
        };
        app.deliver(2, &nth(2, 1)).await;
        assert_eq!(salesman(&app, id).await, Value::Null);
        app.deliver(3, &nth(3, 3)).await;
        assert_eq!(salesman(&app, id).await, json!(Uuid::from_u128(3)));
        assert!(app.parked().await.is_empty());
    }
}

#[tokio::test]
async fn a_match_of_before_it_was_turned_off_ends_the_same_whenever_it_is_read() {
    // Off is version 2, on again 3; the first match answers version 1, the second 3.
    let mut ends = Vec::new();
    for first_is_read_after in [1, 2, 3] {
        let app = start().await;
        let id = marked(&app).await;
        let first = a_match(of(id), SALESMAN, None);
        let second = SalesmanMatched {
            match_id: first.match_id,
            origin_version: Some(3),
            ..a_match(of(id), Uuid::from_u128(7), None)
        };
        for version in 1..=3 {
            if version > 1 {
                let body = json!({ "interested": version == 3 });
                app.as_customer(PHONE)
                    .patch_if(&format!("/interests/{id}"), version - 1, &body)
                    .await
                    .expect(200);
            }
            if first_is_read_after == version {
                app.deliver(1, &first).await;
            }
        }
        app.deliver(2, &second).await;
        let view = app
            .as_staff()
            .get(&format!("/interests/{id}"))
            .await
            .expect(200);
        ends.push((view["salesman"]["id"].clone(), view["version"].clone()));
    }
    assert_eq!(ends, vec![(json!(Uuid::from_u128(7)), json!(3)); 3]);
}

#[tokio::test]
async fn while_it_is_off_the_last_of_its_people_are_seen_whichever_is_read_first() {
    for is_match_first in [true, false] {
        let app = start().await;
        let id = marked(&app).await;
        let matched = a_match(of(id), SALESMAN, None);
        if is_match_first {
            app.deliver(1, &matched).await;
        }
        app.as_customer(PHONE)
            .patch_if(
                &format!("/interests/{id}"),
                1,
                &json!({ "interested": false }),
            )
            .await
            .expect(200);
        if !is_match_first {
            app.deliver(1, &matched).await;
        }
        assert_eq!(
            (
                salesman(&app, id).await,
                progress(&app, matched.match_id.0).await
            ),
            (json!(SALESMAN), Some(1))
        );
    }
}

#[tokio::test]
async fn a_match_that_names_the_same_people_by_another_name_is_nothing_that_happened() {
    let app = start().await;
    let id = marked(&app).await;
    let first = a_match(of(id), SALESMAN, None);
    app.deliver(1, &first).await;
    let mut again = first.clone();
    again.salesman.display_name = "김바다".to_owned();
    crate::deliver_at(&app, crate::instant("2026-11-30T01:00:00Z"), 2, &again).await;
    let at: String = sqlx::query_scalar("select updated_at::text from interest")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(at, "2026-11-23 01:00:00+00");
}

#[tokio::test]
async fn a_match_for_a_consultation_is_acknowledged_and_not_ours() {
    let app = start().await;
    let id = marked(&app).await;
    let matched = a_match(Origin::Consultation(ConsultationId(id)), SALESMAN, None);
    app.deliver(1, &matched).await;
    assert_eq!(salesman(&app, id).await, Value::Null);
    assert_eq!(
        (
            app.parked().await.len(),
            progress(&app, matched.match_id.0).await
        ),
        (0, Some(1))
    );
}

#[tokio::test]
async fn a_match_for_an_interest_that_does_not_exist_parks_with_its_successors_and_no_others() {
    let app = start().await;
    let id = marked(&app).await;
    let lost = a_match(of(Uuid::from_u128(0x404)), SALESMAN, None);
    app.deliver(1, &lost).await;
    app.deliver(2, &lost).await;
    app.deliver(1, &a_match(of(id), SALESMAN, None)).await;
    assert_eq!(app.parked().await, ["refused", "held"]);
    assert_eq!(salesman(&app, id).await, json!(SALESMAN));
}

#[tokio::test]
async fn events_that_came_before_a_missing_one_are_applied_in_order_once_it_comes() {
    let app = start().await;
    let id = marked(&app).await;
    let first = a_match(of(id), Uuid::from_u128(1), None);
    let nth = |n: u128| SalesmanMatched {
        match_id: first.match_id,
        ..a_match(of(id), Uuid::from_u128(n), None)
    };
    app.deliver(2, &nth(2)).await;
    app.deliver(3, &nth(3)).await;
    assert_eq!(app.parked().await, ["gap", "held"]);
    assert_eq!(salesman(&app, id).await, Value::Null);
    app.deliver(1, &first).await;
    assert_eq!(salesman(&app, id).await, json!(Uuid::from_u128(3)));
    assert_eq!(
        (
            app.parked().await.len(),
            progress(&app, first.match_id.0).await
        ),
        (0, Some(3))
    );
}

#[tokio::test]
async fn an_event_of_a_type_of_a_newer_build_is_kept_aside_with_its_successors() {
    let app = start().await;
    let id = marked(&app).await;
    let matched = a_match(of(id), SALESMAN, None);
    let mut newer = envelope(Uuid::new_v4(), 1, &matched);
    newer.type_name = "ktgg.SalesmanUnmatched.v1".to_owned();
    app.deliver_raw(&newer, b"{}".to_vec()).await;
    app.deliver(2, &matched).await;
    app.deliver(1, &a_project(PROJECT, "다른 집합체")).await;
    assert_eq!(app.parked().await, ["unknown_type", "held"]);
    assert_eq!(salesman(&app, id).await, Value::Null);
    assert_eq!(progress(&app, PROJECT).await, Some(1));
}

#[tokio::test]
async fn what_cannot_be_read_parks_and_later_events_of_its_aggregate_are_held() {
    let app = start().await;
    let id = marked(&app).await;
    let (headless, bodiless) = (
        a_match(of(id), SALESMAN, None),
        a_match(of(id), SALESMAN, None),
    );
    let mut headers = kafka::header_map(Some(&kafka::headers(&envelope(
        Uuid::new_v4(),
        1,
        &headless,
    ))));
    headers.remove("ce_type");
    app.deliver_headers(headers, &headless.aggregate_id().to_string())
        .await;
    app.deliver_raw(&envelope(Uuid::new_v4(), 1, &bodiless), b"{}".to_vec())
        .await;
    app.deliver(2, &headless).await;
    app.deliver(2, &bodiless).await;
    assert_eq!(
        app.parked().await,
        ["unreadable", "refused", "held", "held"]
    );
    assert_eq!(salesman(&app, id).await, Value::Null);
}

#[tokio::test]
async fn a_project_is_kept_with_its_series_however_often_it_comes() {
    let app = start().await;
    let event_id = Uuid::new_v4();
    app.deliver_as(event_id, 1, &a_project(PROJECT, "처음 이름"))
        .await;
    app.deliver_as(event_id, 1, &a_project(PROJECT, "처음 이름"))
        .await;
    let known: Vec<(String, Uuid)> = sqlx::query_as("select name, series_id from known_project")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(known, [("처음 이름".to_owned(), SERIES)]);
    assert_eq!(
        app.as_customer(PHONE)
            .post("/interests", &a_mark())
            .await
            .expect(201)["projectName"],
        "처음 이름"
    );
}

#[tokio::test]
async fn what_was_marked_before_its_project_was_known_gets_its_name_and_series_and_is_not_marked_twice()
 {
    let app = start().await;
    let id = marked(&app).await;
    app.deliver(1, &a_project(PROJECT, "2026년 스마트상점"))
        .await;
    let path = format!("/interests/{id}");
    let shown = app.as_customer(PHONE).get(&path).await.expect(200);
    assert_eq!(
        (&shown["projectName"], &shown["seriesId"]),
        (&json!("2026년 스마트상점"), &json!(SERIES))
    );
    let again = app
        .as_customer(PHONE)
        .post("/interests", &a_mark())
        .await
        .expect(200);
    assert_eq!(again["id"], json!(id));
    app.new_events().await;
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "interested": false }))
        .await
        .expect(200);
    assert_eq!(
        app.new_events().await[0].2["projectName"],
        "2026년 스마트상점"
    );
}

#[tokio::test]
async fn a_project_that_is_heard_of_after_another_edition_of_it_was_marked_parks_nothing() {
    let app = start().await;
    let id = marked(&app).await;
    let other = Uuid::from_u128(0x9408);
    app.deliver(1, &a_project(other, "2027년 스마트상점")).await;
    app.as_customer(PHONE)
        .post("/interests", &json!({ "projectId": other }))
        .await
        .expect(201);
    app.deliver(1, &a_project(PROJECT, "2026년 스마트상점"))
        .await;
    assert!(app.parked().await.is_empty());
    assert_eq!(
        app.as_customer(PHONE)
            .get(&format!("/interests/{id}"))
            .await
            .status,
        200
    );
}
