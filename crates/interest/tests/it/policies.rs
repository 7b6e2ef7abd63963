//! Reactions to events of other services.

use chrono::TimeDelta;
use events::{ConsultationId, Event, Origin, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::messaging::kafka;
use service_kit::testing::{Caller, TestApp, customer, envelope};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, SERIES, create_body, create_interest, interest_origin,
    project_created, salesman_matched, start,
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
async fn match_assigns_people_to_the_interest_without_an_event() {
    let app = start().await;
    let id = create_interest(&app).await;
    app.deliver(
        1,
        &salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT)),
    )
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
async fn redelivered_match_does_not_undo_a_later_one() {
    let app = start().await;
    let id = create_interest(&app).await;
    let (event_id, first, other) = (
        Uuid::new_v4(),
        salesman_matched(interest_origin(id), SALESMAN, None),
        Uuid::from_u128(7),
    );
    app.deliver_with_id(event_id, 1, &first).await;
    app.deliver(
        2,
        &SalesmanMatched {
            match_id: first.match_id,
            ..salesman_matched(interest_origin(id), other, None)
        },
    )
    .await;
    app.deliver_with_id(event_id, 1, &first).await;
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
async fn replaced_people_lose_access_immediately() {
    let app = start().await;
    let id = create_interest(&app).await;
    let (path, series) = (
        format!("/interests/{id}"),
        format!("/interests?customer={}", customer(PHONE).subject),
    );
    let first = salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT));
    let (other_salesman, other_consultant) = (Uuid::from_u128(0x5A1F), Uuid::from_u128(0xC046));
    let replaced = |salesman: Uuid, consultant: Option<Uuid>| SalesmanMatched {
        match_id: first.match_id,
        ..salesman_matched(interest_origin(id), salesman, consultant)
    };
    let access = async |caller: &Caller<'_>| {
        let count = |page: Value| page["items"].as_array().unwrap().len();
        (
            caller.get(&path).await.status.as_u16(),
            caller
                .post(&format!("{path}/phone"), &json!({}))
                .await
                .status
                .as_u16(),
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
    // Only the consultant is replaced, then the salesman, then the consultant is removed.
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
async fn turning_on_again_clears_people_until_the_reopened_match() {
    for by_marking in [false, true] {
        let app = start().await;
        let id = create_interest(&app).await;
        let (path, caller) = (format!("/interests/{id}"), app.as_customer(PHONE));
        let first = salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT));
        app.deliver(1, &first).await;
        caller
            .patch_if(&path, 1, &json!({ "interested": false }))
            .await
            .expect(200);
        app.new_events().await;
        let shown = if by_marking {
            caller.post("/interests", &create_body()).await.expect(200)
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
        // The event still names the previous people.
        let event = &app.new_events().await[0].2;
        assert_eq!(
            (&event["salesmanId"], &event["consultantId"]),
            (&json!(SALESMAN), &json!(CONSULTANT))
        );
        assert_eq!(
            app.as_salesman(SALESMAN).get(&path).await.problem(404).0,
            "not-found"
        );
        // A match from before turning off is consumed late.
        let nth = |salesman: u128, origin_version: i64| SalesmanMatched {
            match_id: first.match_id,
            origin_version: Some(origin_version),
            ..salesman_matched(interest_origin(id), Uuid::from_u128(salesman), None)
        };
        app.deliver(2, &nth(2, 1)).await;
        assert_eq!(salesman(&app, id).await, Value::Null);
        app.deliver(3, &nth(3, 3)).await;
        assert_eq!(salesman(&app, id).await, json!(Uuid::from_u128(3)));
        assert!(app.parked().await.is_empty());
    }
}

#[tokio::test]
async fn late_match_from_before_turning_off_gives_the_same_result() {
    // Off is version 2, on again 3. The first match answers version 1, the second 3.
    let mut ends = Vec::new();
    for first_is_read_after in [1, 2, 3] {
        let app = start().await;
        let id = create_interest(&app).await;
        let first = salesman_matched(interest_origin(id), SALESMAN, None);
        let second = SalesmanMatched {
            match_id: first.match_id,
            origin_version: Some(3),
            ..salesman_matched(interest_origin(id), Uuid::from_u128(7), None)
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
async fn people_stay_visible_while_the_interest_is_off() {
    for is_match_first in [true, false] {
        let app = start().await;
        let id = create_interest(&app).await;
        let matched = salesman_matched(interest_origin(id), SALESMAN, None);
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
async fn match_of_the_same_people_is_no_activity() {
    let app = start().await;
    let id = create_interest(&app).await;
    let first = salesman_matched(interest_origin(id), SALESMAN, None);
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
async fn match_for_a_consultation_does_not_change_an_interest() {
    let app = start().await;
    let id = create_interest(&app).await;
    let matched = salesman_matched(Origin::Consultation(ConsultationId(id)), SALESMAN, None);
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
async fn match_for_an_unknown_interest_is_parked() {
    let app = start().await;
    let id = create_interest(&app).await;
    let lost = salesman_matched(interest_origin(Uuid::from_u128(0x404)), SALESMAN, None);
    app.deliver(1, &lost).await;
    app.deliver(2, &lost).await;
    app.deliver(1, &salesman_matched(interest_origin(id), SALESMAN, None))
        .await;
    assert_eq!(app.parked().await, ["refused", "held"]);
    assert_eq!(salesman(&app, id).await, json!(SALESMAN));
}

#[tokio::test]
async fn events_after_a_gap_are_applied_once_the_gap_closes() {
    let app = start().await;
    let id = create_interest(&app).await;
    let first = salesman_matched(interest_origin(id), Uuid::from_u128(1), None);
    let nth = |n: u128| SalesmanMatched {
        match_id: first.match_id,
        ..salesman_matched(interest_origin(id), Uuid::from_u128(n), None)
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
async fn event_of_unknown_type_is_parked_with_later_events() {
    let app = start().await;
    let id = create_interest(&app).await;
    let matched = salesman_matched(interest_origin(id), SALESMAN, None);
    let mut newer = envelope(Uuid::new_v4(), 1, &matched);
    newer.type_name = "ktgg.SalesmanCloned.v1".to_owned();
    app.deliver_raw(&newer, b"{}".to_vec()).await;
    app.deliver(2, &matched).await;
    app.deliver(1, &project_created(PROJECT, "다른 집합체"))
        .await;
    assert_eq!(app.parked().await, ["unknown_type", "held"]);
    assert_eq!(salesman(&app, id).await, Value::Null);
    assert_eq!(progress(&app, PROJECT).await, Some(1));
}

#[tokio::test]
async fn unreadable_event_is_parked_and_later_events_are_held() {
    let app = start().await;
    let id = create_interest(&app).await;
    let (without_type, without_fields) = (
        salesman_matched(interest_origin(id), SALESMAN, None),
        salesman_matched(interest_origin(id), SALESMAN, None),
    );
    let mut headers = kafka::header_map(Some(&kafka::headers(&envelope(
        Uuid::new_v4(),
        1,
        &without_type,
    ))));
    headers.remove("ce_type");
    app.deliver_headers(headers, &without_type.aggregate_id().to_string())
        .await;
    app.deliver_raw(
        &envelope(Uuid::new_v4(), 1, &without_fields),
        b"{}".to_vec(),
    )
    .await;
    app.deliver(2, &without_type).await;
    app.deliver(2, &without_fields).await;
    assert_eq!(
        app.parked().await,
        ["unreadable", "refused", "held", "held"]
    );
    assert_eq!(salesman(&app, id).await, Value::Null);
}

#[tokio::test]
async fn redelivered_project_is_stored_once() {
    let app = start().await;
    let event_id = Uuid::new_v4();
    app.deliver_with_id(event_id, 1, &project_created(PROJECT, "처음 이름"))
        .await;
    app.deliver_with_id(event_id, 1, &project_created(PROJECT, "처음 이름"))
        .await;
    let known: Vec<(String, Uuid)> = sqlx::query_as("select name, series_id from known_project")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(known, [("처음 이름".to_owned(), SERIES)]);
    assert_eq!(
        app.as_customer(PHONE)
            .post("/interests", &create_body())
            .await
            .expect(201)["projectName"],
        "처음 이름"
    );
}

#[tokio::test]
async fn mark_of_unknown_project_gets_name_and_series_later() {
    let app = start().await;
    let id = create_interest(&app).await;
    app.deliver(1, &project_created(PROJECT, "2026년 스마트상점"))
        .await;
    let path = format!("/interests/{id}");
    let shown = app.as_customer(PHONE).get(&path).await.expect(200);
    assert_eq!(
        (&shown["projectName"], &shown["seriesId"]),
        (&json!("2026년 스마트상점"), &json!(SERIES))
    );
    let again = app
        .as_customer(PHONE)
        .post("/interests", &create_body())
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
async fn project_event_after_marking_another_edition_parks_nothing() {
    let app = start().await;
    let id = create_interest(&app).await;
    let other = Uuid::from_u128(0x9408);
    app.deliver(1, &project_created(other, "2027년 스마트상점"))
        .await;
    app.as_customer(PHONE)
        .post("/interests", &json!({ "projectId": other }))
        .await
        .expect(201);
    app.deliver(1, &project_created(PROJECT, "2026년 스마트상점"))
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
