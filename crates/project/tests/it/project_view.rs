//! `ProjectView`: salesmen, customers and progress of a project, projected from the events of
//! four other services.

use axum::http::Method;
use events::{
    Actor, Event as _, Origin, PersonRole, SalesmanId, SalesmanRegistered, SalesmanUpdated, Step,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_SALESMAN, SALESMAN, consultation_created, consultation_edited,
    consultation_progressed, create_ended, create_ongoing, create_project, deliver_at, get_project,
    id_of, interest_created, interest_updated, person, project_with, salesman_matched, start,
    time_at_minute,
};

async fn view(app: &TestApp, id: Uuid) -> Value {
    app.as_staff()
        .get(&format!("/projects/{id}/view"))
        .await
        .expect(200)
}

fn salesman_registered(id: Uuid, name: &str) -> SalesmanRegistered {
    SalesmanRegistered {
        salesman_id: SalesmanId(id),
        profile: a_profile(name, PersonRole::Salesman, 5),
        actor: Actor::System,
    }
}

fn salesman_updated(id: Uuid, name: &str) -> SalesmanUpdated {
    SalesmanUpdated {
        salesman_id: SalesmanId(id),
        profile: a_profile(name, PersonRole::Salesman, 5),
        actor: Actor::System,
    }
}

async fn series_of(app: &TestApp, id: Uuid) -> Uuid {
    get_project(app, id).await["seriesId"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn customer(n: u128) -> Uuid {
    Uuid::from_u128(0xCC00 + n)
}

/// Creates a project with three customers. The first has an interest and a consultation with
/// different salesmen, the second two consultations, the third an unassigned interest.
async fn project_with_customers(app: &TestApp) -> Uuid {
    let id = create_ongoing(app, &project_with(&json!({}))).await;
    let series = series_of(app, id).await;
    deliver_at(app, 0, 1, &salesman_registered(SALESMAN, "김하늘")).await;
    deliver_at(app, 0, 2, &salesman_updated(SALESMAN, "김하늘 과장")).await;
    let interest = interest_created(1, Some(series), id, 1);
    deliver_at(app, 1, 1, &interest).await;
    let origin = Origin::Interest(interest.interest_id);
    deliver_at(
        app,
        2,
        1,
        &salesman_matched(origin, &interest.customer, person(SALESMAN, "김하늘"), None),
    )
    .await;
    let consultation = consultation_created(11, id, 1);
    deliver_at(app, 3, 1, &consultation).await;
    deliver_at(app, 4, 2, &consultation_edited(&consultation, "2026-12-24")).await;
    let origin = Origin::Consultation(consultation.consultation_id);
    let both = salesman_matched(
        origin,
        &consultation.customer,
        person(OTHER_SALESMAN, "이바다"),
        Some(person(CONSULTANT, "박노을")),
    );
    deliver_at(app, 5, 1, &both).await;
    deliver_at(
        app,
        6,
        3,
        &consultation_progressed(&consultation, Step::Apply, Step::Approved),
    )
    .await;
    let cancelled = consultation_created(12, id, 2);
    deliver_at(app, 7, 1, &cancelled).await;
    let origin = Origin::Consultation(cancelled.consultation_id);
    deliver_at(
        app,
        8,
        1,
        &salesman_matched(
            origin,
            &cancelled.customer,
            person(SALESMAN, "김하늘"),
            None,
        ),
    )
    .await;
    deliver_at(
        app,
        9,
        2,
        &consultation_progressed(&cancelled, Step::Apply, Step::Cancelled),
    )
    .await;
    deliver_at(app, 10, 1, &consultation_created(13, id, 2)).await;
    deliver_at(app, 11, 1, &interest_created(2, Some(series), id, 3)).await;
    id
}

#[tokio::test]
async fn staff_view_shows_salesmen_customers_and_progress() {
    let app = start().await;
    let id = project_with_customers(&app).await;
    let view = view(&app, id).await;
    let mut project = get_project(&app, id).await;
    project.as_object_mut().unwrap().remove("editions");
    assert_eq!(view["project"], project);
    let none = json!({
        "open": 0, "apply": 0, "approved": 0, "succeeded": 0, "failed": 0, "cancelled": 0,
    });
    let with_counts = |changes: &[(&str, i64)]| {
        let mut counts = none.clone();
        for (name, count) in changes {
            counts[*name] = json!(count);
        }
        counts
    };
    assert_eq!(
        view["salesmen"],
        json!([
            // The latest known name, or else the name in the match.
            {
                "id": SALESMAN, "displayName": "김하늘 과장", "interests": 1,
                "consultations": with_counts(&[("cancelled", 1)]),
            },
            {
                "id": OTHER_SALESMAN, "displayName": "이바다", "interests": 0,
                "consultations": with_counts(&[("open", 1), ("approved", 1)]),
            },
        ])
    );
    let consultation = |n: u128, step: &str, day: &str| {
        json!({
            "id": Uuid::from_u128(n), "step": step, "desiredDate": day,
        })
    };
    assert_eq!(
        view["customers"],
        json!({ "items": [
            {
                "customerId": customer(3), "lastFour": "0003", "interested": true,
                "consultation": null, "salesman": null,
                "consultant": null, "since": time_at_minute(11),
            },
            {
                "customerId": customer(2), "lastFour": "0002", "interested": false,
                "consultation": consultation(13, "apply", "2026-12-01"), "salesman": null,
                "consultant": null, "since": time_at_minute(7),
            },
            {
                "customerId": customer(1), "lastFour": "0001", "interested": true,
                "consultation": consultation(11, "approved", "2026-12-24"),
                "salesman": { "id": OTHER_SALESMAN, "displayName": "이바다" },
                "consultant": { "id": CONSULTANT, "displayName": "박노을" },
                "since": time_at_minute(1),
            },
        ] })
    );
    assert_eq!(
        view["progress"],
        json!({
            "interested": 2, "applied": 1, "approved": 1, "succeeded": 0, "failed": 0,
            "cancelled": 1, "unassigned": 2,
        })
    );
    assert_eq!(
        view["reached"],
        json!({ "applied": 3, "approved": 1, "succeeded": 0 })
    );
}

#[tokio::test]
async fn view_of_an_unused_project_is_empty() {
    let app = start().await;
    let id = create_project(&app, &project_with(&json!({}))).await;
    let view = view(&app, id).await;
    assert_eq!(
        (&view["salesmen"], &view["customers"]),
        (&json!([]), &json!({ "items": [] }))
    );
    assert!(
        view["progress"]
            .as_object()
            .unwrap()
            .values()
            .all(|count| count == 0)
    );
}

#[tokio::test]
async fn salesmen_and_consultants_see_totals_and_own_customers() {
    let app = start().await;
    let id = project_with_customers(&app).await;
    let path = format!("/projects/{id}/view");
    let staff = view(&app, id).await;
    let column = |view: &Value, list: &str, name: &str| -> Vec<Value> {
        let items = if list == "customers" {
            &view[list]["items"]
        } else {
            &view[list]
        };
        items
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[name].clone())
            .collect()
    };
    for (caller, customers, salesmen) in [
        (
            app.as_salesman(SALESMAN),
            vec![customer(2), customer(1)],
            vec![SALESMAN],
        ),
        (
            app.as_salesman(OTHER_SALESMAN),
            vec![customer(1)],
            vec![OTHER_SALESMAN],
        ),
        (
            app.as_consultant(CONSULTANT),
            vec![customer(1)],
            vec![OTHER_SALESMAN],
        ),
        (app.as_salesman(Uuid::from_u128(0x5A9)), vec![], vec![]),
        // The same id with another role is another person.
        (app.as_consultant(SALESMAN), vec![], vec![]),
    ] {
        let view = caller.get(&path).await.expect(200);
        assert_eq!(view["progress"], staff["progress"]);
        assert_eq!(
            column(&view, "customers", "customerId"),
            customers.iter().map(|id| json!(id)).collect::<Vec<_>>()
        );
        assert_eq!(
            column(&view, "salesmen", "id"),
            salesmen.iter().map(|id| json!(id)).collect::<Vec<_>>()
        );
    }
    // This salesman has the first customer's interest but not the consultation, which is hidden.
    let view = app.as_salesman(SALESMAN).get(&path).await.expect(200);
    let first = &view["customers"]["items"][1];
    assert_eq!(
        (&first["consultation"], &first["salesman"]["id"]),
        (&Value::Null, &json!(SALESMAN))
    );
}

#[tokio::test]
async fn view_is_for_staff_salesmen_and_consultants() {
    let app = start().await;
    let path = format!(
        "/projects/{}/view",
        create_project(&app, &project_with(&json!({}))).await
    );
    assert_eq!(
        app.anonymous().get(&path).await.problem(401).0,
        "sign-in-required"
    );
    assert_eq!(
        app.as_customer("010-1234-5678")
            .get(&path)
            .await
            .problem(403)
            .0,
        "not-allowed"
    );
    let missing = format!("/projects/{}/view", Uuid::from_u128(0x404));
    assert_eq!(
        app.as_staff().get(&missing).await.problem(404).0,
        "not-found"
    );
    assert_eq!(
        app.as_staff().get("/projects/x/view").await.problem(404).0,
        "not-found"
    );
    for query in ["limit=0", "limit=101", "after=x"] {
        assert_eq!(
            app.as_staff()
                .get(&format!("{path}?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query"
        );
    }
    assert_eq!(
        app.as_staff()
            .send(Method::POST, &path, &[], Vec::new())
            .await
            .problem(405)
            .0,
        "method-not-allowed"
    );
}

#[tokio::test]
async fn interests_count_by_series_and_consultations_by_project() {
    let app = start().await;
    let old = create_ended(
        &app,
        &project_with(&json!({ "name": "2025년 스마트상점", "year": 2025 })),
    )
    .await;
    let new = create_ongoing(&app, &project_with(&json!({}))).await;
    let elsewhere = create_project(&app, &project_with(&json!({ "host": "창업진흥원" }))).await;
    let series = series_of(&app, old).await;
    // One interest with its series, one that gets the series from its project, and one whose
    // project is unknown.
    deliver_at(&app, 1, 1, &interest_created(1, Some(series), old, 1)).await;
    deliver_at(&app, 2, 1, &interest_created(2, None, old, 2)).await;
    deliver_at(
        &app,
        3,
        1,
        &interest_created(3, None, Uuid::from_u128(0x404), 3),
    )
    .await;
    deliver_at(&app, 4, 1, &consultation_created(11, old, 4)).await;
    for (project, interested, applied) in [(old, 0, 1), (new, 2, 0), (elsewhere, 0, 0)] {
        let progress = view(&app, project).await["progress"].clone();
        assert_eq!(
            (&progress["interested"], &progress["applied"]),
            (&json!(interested), &json!(applied))
        );
    }
}

#[tokio::test]
async fn interest_turned_on_again_is_unassigned_until_matched() {
    let app = start().await;
    let id = create_ongoing(&app, &project_with(&json!({}))).await;
    let created = interest_created(1, Some(series_of(&app, id).await), id, 1);
    let origin = Origin::Interest(created.interest_id);
    let first = salesman_matched(origin, &created.customer, person(SALESMAN, "김하늘"), None);
    deliver_at(&app, 0, 1, &created).await;
    deliver_at(&app, 1, 1, &first).await;
    let mine = async || {
        let view = app
            .as_salesman(SALESMAN)
            .get(&format!("/projects/{id}/view"))
            .await
            .expect(200);
        let counts = (
            view["progress"]["interested"].as_i64().unwrap(),
            view["progress"]["unassigned"].as_i64().unwrap(),
        );
        (counts, view["customers"]["items"].as_array().unwrap().len())
    };
    assert_eq!(mine().await, ((1, 0), 1));
    deliver_at(&app, 60, 2, &interest_updated(&created, false)).await;
    assert_eq!(mine().await, ((0, 0), 0));
    deliver_at(&app, 120, 3, &interest_updated(&created, true)).await;
    assert_eq!(mine().await, ((1, 1), 0));
    assert_eq!(
        view(&app, id).await["customers"]["items"][0]["since"],
        json!(time_at_minute(120))
    );
    let again = events::SalesmanMatched {
        origin_version: Some(3),
        ..first
    };
    deliver_at(&app, 121, 2, &again).await;
    assert_eq!(mine().await, ((1, 0), 1));
}

/// How many interests of the project a salesman has, and how many no salesman has.
async fn assigned_and_unassigned(app: &TestApp, id: Uuid) -> (usize, i64) {
    let path = format!("/projects/{id}/view");
    let view = app.as_salesman(SALESMAN).get(&path).await.expect(200);
    (
        view["customers"]["items"].as_array().unwrap().len(),
        view["progress"]["unassigned"].as_i64().unwrap(),
    )
}

#[tokio::test]
async fn match_counts_by_origin_version_whatever_the_clocks_say() {
    let app = start().await;
    let id = create_ongoing(&app, &project_with(&json!({}))).await;
    let created = interest_created(1, Some(series_of(&app, id).await), id, 1);
    let origin = Origin::Interest(created.interest_id);
    let mut matched = salesman_matched(origin, &created.customer, person(SALESMAN, "김하늘"), None);
    deliver_at(&app, 60, 1, &created).await;
    // The clock of salesman-match is an hour behind.
    deliver_at(&app, 0, 1, &matched).await;
    assert_eq!(assigned_and_unassigned(&app, id).await, (1, 0));
    // Its clock is a day ahead: the match is still that of the first time.
    matched.origin_version = Some(1);
    deliver_at(&app, 24 * 60, 2, &matched).await;
    deliver_at(&app, 61, 2, &interest_updated(&created, false)).await;
    deliver_at(&app, 61, 3, &interest_updated(&created, true)).await;
    assert_eq!(assigned_and_unassigned(&app, id).await, (0, 1));
    matched.origin_version = Some(3);
    deliver_at(&app, 0, 3, &matched).await;
    assert_eq!(assigned_and_unassigned(&app, id).await, (1, 0));
}

#[tokio::test]
async fn migrated_matches_count_as_they_did_before() {
    let app = start().await;
    let id = create_ongoing(&app, &project_with(&json!({}))).await;
    let series = Some(series_of(&app, id).await);
    for n in [1_u16, 2] {
        let created = interest_created(u128::from(n), series, id, n);
        let origin = Origin::Interest(created.interest_id);
        let matched = salesman_matched(origin, &created.customer, person(SALESMAN, "김하늘"), None);
        deliver_at(&app, 0, 1, &created).await;
        deliver_at(&app, 1, 1, &matched).await;
        if n == 2 {
            deliver_at(&app, 60, 2, &interest_updated(&created, false)).await;
            deliver_at(&app, 120, 3, &interest_updated(&created, true)).await;
        }
    }
    let before = (1, 1);
    assert_eq!(assigned_and_unassigned(&app, id).await, before);
    sqlx::raw_sql(concat!(
        "drop function complete_match cascade;
         alter table known_interest drop column on_version;
         alter table known_match drop column origin_version;",
        include_str!("../../migrations/0009_match_versions.sql")
    ))
    .execute(app.pool())
    .await
    .unwrap();
    assert_eq!(assigned_and_unassigned(&app, id).await, before);
    let on_versions: Vec<i64> =
        sqlx::query_scalar("select on_version from known_interest order by id")
            .fetch_all(app.pool())
            .await
            .unwrap();
    assert_eq!(on_versions, [1, 3]);
    let created = interest_created(1, series, id, 1);
    let customer = created.customer.customer_id;
    let visit_card = format!("/projects/visit-card?customer={customer}");
    app.as_salesman(SALESMAN).get(&visit_card).await.expect(200);
    deliver_at(&app, 180, 2, &interest_updated(&created, false)).await;
    deliver_at(&app, 240, 3, &interest_updated(&created, true)).await;
    assert_eq!(assigned_and_unassigned(&app, id).await, (0, 2));
    app.as_salesman(SALESMAN).get(&visit_card).await.expect(404);
}

#[tokio::test]
async fn match_by_the_build_before_answers_the_interest_as_it_is() {
    let app = start().await;
    let id = create_ongoing(&app, &project_with(&json!({}))).await;
    let created = interest_created(1, Some(series_of(&app, id).await), id, 1);
    deliver_at(&app, 0, 1, &created).await;
    for (version, on) in [(2, false), (3, true)] {
        deliver_at(&app, version, version, &interest_updated(&created, on)).await;
    }
    sqlx::query(
        "insert into known_match (origin_kind, origin_id, match_id, version, matched_at,
                                  salesman_id, salesman_name)
         values ('interest', $1, $1, 1, now(), $2, '김하늘')",
    )
    .bind(created.interest_id.0)
    .bind(SALESMAN)
    .execute(app.pool())
    .await
    .unwrap();
    assert_eq!(assigned_and_unassigned(&app, id).await, (1, 0));
    for (version, on) in [(4, false), (5, true)] {
        deliver_at(&app, version, version, &interest_updated(&created, on)).await;
    }
    assert_eq!(assigned_and_unassigned(&app, id).await, (0, 1));
}

#[tokio::test]
async fn pages_of_customers_contain_each_customer_once() {
    let app = start().await;
    let id = create_ongoing(&app, &project_with(&json!({}))).await;
    for n in 0..7_u16 {
        // Two at the same time.
        deliver_at(
            &app,
            i64::from(n / 2),
            1,
            &consultation_created(100 + u128::from(n), id, n),
        )
        .await;
    }
    for limit in [1, 2, 3, 7, 100] {
        let (mut listed, mut path) = (Vec::new(), format!("/projects/{id}/view?limit={limit}"));
        loop {
            let page = app.as_staff().get(&path).await.expect(200);
            listed.extend(
                page["customers"]["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["customerId"].clone()),
            );
            let Some(next) = page["customers"].get("next") else {
                break;
            };
            path = format!(
                "/projects/{id}/view?limit={limit}&after={}",
                next.as_str().unwrap()
            );
        }
        assert_eq!(
            listed,
            [6, 5, 4, 3, 2, 1, 0].map(|n| json!(customer(n))),
            "{limit}"
        );
    }
}

/// All rows projected from the events of other services.
async fn stored_projections(app: &TestApp) -> Vec<Value> {
    let mut tables = Vec::new();
    for table in [
        "known_interest",
        "known_consultation",
        "known_match",
        "known_salesman",
    ] {
        let sql = format!(
            "select coalesce(jsonb_agg(row order by row::text), '[]')
             from (select to_jsonb(t) as row from {table} t) rows"
        );
        tables.push(
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(app.pool())
                .await
                .unwrap(),
        );
    }
    tables
}

/// Delivers all events of one of the four topics, in order.
async fn deliver_topic(app: &TestApp, topic: usize, project: Uuid, series: Uuid) {
    let interest = interest_created(1, None, project, 1);
    let consultation = consultation_created(11, project, 1);
    let of_interest = salesman_matched(
        Origin::Interest(interest.interest_id),
        &interest.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    let mut of_consultation = salesman_matched(
        Origin::Consultation(consultation.consultation_id),
        &consultation.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    match topic {
        0 => {
            deliver_at(app, 1, 1, &interest).await;
            let mut known = interest_updated(&interest, false);
            known.series_id = Some(events::SeriesId(series));
            deliver_at(app, 20, 2, &known).await;
            deliver_at(app, 30, 3, &interest_updated(&interest, true)).await;
        }
        1 => {
            deliver_at(app, 2, 1, &consultation).await;
            deliver_at(app, 3, 2, &consultation_edited(&consultation, "2026-12-24")).await;
            deliver_at(
                app,
                6,
                3,
                &consultation_progressed(&consultation, Step::Apply, Step::Approved),
            )
            .await;
        }
        2 => {
            deliver_at(app, 4, 1, &of_interest).await;
            deliver_at(app, 5, 1, &of_consultation).await;
            of_consultation.salesman = person(OTHER_SALESMAN, "이바다");
            of_consultation.consultant = Some(person(CONSULTANT, "박노을"));
            deliver_at(app, 7, 2, &of_consultation).await;
        }
        _ => {
            deliver_at(app, 0, 1, &salesman_registered(SALESMAN, "김하늘")).await;
            deliver_at(app, 8, 2, &salesman_updated(SALESMAN, "김하늘 과장")).await;
        }
    }
}

#[tokio::test]
async fn topics_in_any_order_give_the_same_rows() {
    let (project, series) = (Uuid::from_u128(0x9), Uuid::from_u128(0x5E1));
    let mut all = Vec::new();
    for order in [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [2, 0, 3, 1],
        [1, 3, 0, 2],
        [2, 3, 1, 0],
    ] {
        let app = start().await;
        // A service that starts a day late stores the times of the events.
        app.clock().advance(chrono::TimeDelta::days(1));
        for topic in order {
            deliver_topic(&app, topic, project, series).await;
        }
        assert!(app.parked().await.is_empty(), "{order:?}");
        // Everything is delivered again.
        for topic in order {
            deliver_topic(&app, topic, project, series).await;
        }
        all.push(stored_projections(&app).await);
    }
    assert!(
        all[0]
            .iter()
            .all(|table| !table.as_array().unwrap().is_empty())
    );
    assert!(all.iter().all(|tables| *tables == all[0]), "{all:#?}");
}

#[tokio::test]
async fn newer_match_of_an_interest_wins_in_either_order() {
    let created = interest_created(1, None, Uuid::from_u128(9), 1);
    let older = salesman_matched(
        Origin::Interest(created.interest_id),
        &created.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    let mut newer = salesman_matched(
        Origin::Interest(created.interest_id),
        &created.customer,
        person(OTHER_SALESMAN, "이바다"),
        None,
    );
    newer.match_id = events::MatchId(Uuid::from_u128(older.match_id.0.as_u128() + 1));
    let mut all = Vec::new();
    for newer_first in [false, true] {
        let app = start().await;
        if newer_first {
            deliver_at(&app, 60, 1, &newer).await;
        }
        deliver_at(&app, 1, 1, &older).await;
        if !newer_first {
            deliver_at(&app, 60, 1, &newer).await;
        }
        all.push(stored_projections(&app).await);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0][2][0]["salesman_id"], json!(OTHER_SALESMAN));
}

#[tokio::test]
async fn own_events_change_no_projection_and_park_nothing() {
    let app = start().await;
    let id = project_with_customers(&app).await;
    let before = (stored_projections(&app).await, view(&app, id).await);
    crate::consume_own_events(&app).await;
    assert_eq!(
        (stored_projections(&app).await, view(&app, id).await),
        before
    );
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn view_waits_for_the_awaited_event_or_is_marked_stale() {
    let app = start().await;
    let id = project_with_customers(&app).await;
    let consumed = interest_created(1, None, id, 1);
    for (version, is_stale) in [(1, false), (2, true)] {
        let after = format!("interest/{}@{version}", consumed.aggregate_id());
        let path = format!("/projects/{id}/view");
        let answer = app
            .as_staff()
            .send(Method::GET, &path, &[("ktgg-after", &after)], Vec::new())
            .await;
        assert_eq!(
            (
                answer.status.as_u16(),
                answer.headers.contains_key("ktgg-stale")
            ),
            (200, is_stale)
        );
        assert_eq!(id_of(&answer.json["project"]), id);
    }
}
