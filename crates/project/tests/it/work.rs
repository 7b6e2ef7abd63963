//! `ProjectView`: who works on a project, for whom, and how far they are, from the events of four other services.

use axum::http::Method;
use events::{
    Actor, Event as _, Origin, PersonRole, SalesmanId, SalesmanRegistered, SalesmanUpdated, Step,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_SALESMAN, SALESMAN, at, consultation_created, consultation_edited,
    deliver_at, ended, id_of, interest_created, interest_updated, made, matched, ongoing, person,
    progressed, shown, start, with,
};

async fn view(app: &TestApp, id: Uuid) -> Value {
    app.as_staff()
        .get(&format!("/projects/{id}/view"))
        .await
        .expect(200)
}

fn registered(id: Uuid, name: &str) -> SalesmanRegistered {
    SalesmanRegistered {
        salesman_id: SalesmanId(id),
        profile: a_profile(name, PersonRole::Salesman, 5),
        actor: Actor::System,
    }
}

fn renamed(id: Uuid, name: &str) -> SalesmanUpdated {
    SalesmanUpdated {
        salesman_id: SalesmanId(id),
        profile: a_profile(name, PersonRole::Salesman, 5),
        actor: Actor::System,
    }
}

async fn series(app: &TestApp, id: Uuid) -> Uuid {
    shown(app, id).await["seriesId"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn customer(n: u128) -> Uuid {
    Uuid::from_u128(0xCC00 + n)
}

/// One project with three customers: one is interested and asked for a consultation, on which others are; one asked twice; one is
/// interested, and nobody is on it.
async fn at_work(app: &TestApp) -> Uuid {
    let id = ongoing(app, &with(&json!({}))).await;
    let series = series(app, id).await;
    deliver_at(app, 0, 1, &registered(SALESMAN, "김하늘")).await;
    deliver_at(app, 0, 2, &renamed(SALESMAN, "김하늘 과장")).await;
    let interested = interest_created(1, Some(series), id, 1);
    deliver_at(app, 1, 1, &interested).await;
    let on = Origin::Interest(interested.interest_id);
    deliver_at(
        app,
        2,
        1,
        &matched(on, &interested.customer, person(SALESMAN, "김하늘"), None),
    )
    .await;
    let asked = consultation_created(11, id, 1);
    deliver_at(app, 3, 1, &asked).await;
    deliver_at(app, 4, 2, &consultation_edited(&asked, "2026-12-24")).await;
    let on = Origin::Consultation(asked.consultation_id);
    let both = matched(
        on,
        &asked.customer,
        person(OTHER_SALESMAN, "이바다"),
        Some(person(CONSULTANT, "박노을")),
    );
    deliver_at(app, 5, 1, &both).await;
    deliver_at(app, 6, 3, &progressed(&asked, Step::Apply, Step::Approved)).await;
    let before = consultation_created(12, id, 2);
    deliver_at(app, 7, 1, &before).await;
    let on = Origin::Consultation(before.consultation_id);
    deliver_at(
        app,
        8,
        1,
        &matched(on, &before.customer, person(SALESMAN, "김하늘"), None),
    )
    .await;
    deliver_at(
        app,
        9,
        2,
        &progressed(&before, Step::Apply, Step::Cancelled),
    )
    .await;
    deliver_at(app, 10, 1, &consultation_created(13, id, 2)).await;
    deliver_at(app, 11, 1, &interest_created(2, Some(series), id, 3)).await;
    id
}

#[tokio::test]
async fn staff_see_who_works_on_a_project_for_whom_and_how_far_they_are() {
    let app = start().await;
    let id = at_work(&app).await;
    let view = view(&app, id).await;
    let mut project = shown(&app, id).await;
    project.as_object_mut().unwrap().remove("editions");
    assert_eq!(view["project"], project);
    let none = json!({ "open": 0, "apply": 0, "approved": 0, "succeeded": 0, "failed": 0, "cancelled": 0 });
    let but = |of: &[(&str, i64)]| {
        let mut counts = none.clone();
        for (name, count) in of {
            counts[*name] = json!(count);
        }
        counts
    };
    assert_eq!(
        view["salesmen"],
        json!([
            // By the newest name that is known, or else by that of the match.
            { "id": SALESMAN, "displayName": "김하늘 과장", "interests": 1, "consultations": but(&[("cancelled", 1)]) },
            { "id": OTHER_SALESMAN, "displayName": "이바다", "interests": 0, "consultations": but(&[("open", 1), ("approved", 1)]) },
        ])
    );
    let consultation = |n: u128, step: &str, day: &str| json!({ "id": Uuid::from_u128(n), "step": step, "desiredDate": day });
    assert_eq!(
        view["customers"],
        json!({ "items": [
            {
                "customerId": customer(3), "lastFour": "0003", "interested": true, "consultation": null, "salesman": null,
                "consultant": null, "since": at(11),
            },
            {
                "customerId": customer(2), "lastFour": "0002", "interested": false,
                "consultation": consultation(13, "apply", "2026-12-01"), "salesman": null, "consultant": null, "since": at(7),
            },
            {
                "customerId": customer(1), "lastFour": "0001", "interested": true,
                "consultation": consultation(11, "approved", "2026-12-24"),
                "salesman": { "id": OTHER_SALESMAN, "displayName": "이바다" },
                "consultant": { "id": CONSULTANT, "displayName": "박노을" }, "since": at(1),
            },
        ] })
    );
    assert_eq!(
        view["progress"],
        json!({ "interested": 2, "applied": 1, "approved": 1, "succeeded": 0, "failed": 0, "cancelled": 1, "unassigned": 2 })
    );
}

#[tokio::test]
async fn a_project_nobody_has_to_do_with_is_empty() {
    let app = start().await;
    let id = made(&app, &with(&json!({}))).await;
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
async fn salesmen_and_consultants_see_the_totals_and_their_own_customers_only() {
    let app = start().await;
    let id = at_work(&app).await;
    let path = format!("/projects/{id}/view");
    let staff = view(&app, id).await;
    let of = |view: &Value, list: &str, name: &str| -> Vec<Value> {
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
        // The same id in another role is somebody else.
        (app.as_consultant(SALESMAN), vec![], vec![]),
    ] {
        let view = caller.get(&path).await.expect(200);
        assert_eq!(view["progress"], staff["progress"]);
        assert_eq!(
            of(&view, "customers", "customerId"),
            customers.iter().map(|id| json!(id)).collect::<Vec<_>>()
        );
        assert_eq!(
            of(&view, "salesmen", "id"),
            salesmen.iter().map(|id| json!(id)).collect::<Vec<_>>()
        );
    }
    // He is on the interest of the first customer and not on the consultation, and knows nothing of it.
    let view = app.as_salesman(SALESMAN).get(&path).await.expect(200);
    let first = &view["customers"]["items"][1];
    assert_eq!(
        (&first["consultation"], &first["salesman"]["id"]),
        (&Value::Null, &json!(SALESMAN))
    );
}

#[tokio::test]
async fn a_view_is_for_those_who_work_here() {
    let app = start().await;
    let path = format!("/projects/{}/view", made(&app, &with(&json!({}))).await);
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
async fn interests_count_for_editions_that_have_not_ended_and_consultations_for_their_own_project()
{
    let app = start().await;
    let old = ended(
        &app,
        &with(&json!({ "name": "2025년 스마트상점", "year": 2025 })),
    )
    .await;
    let new = ongoing(&app, &with(&json!({}))).await;
    let elsewhere = made(&app, &with(&json!({ "host": "창업진흥원" }))).await;
    let series = series(&app, old).await;
    // One that tells its series, one that does not know it yet and is resolved by its project, and one whose project nobody knows.
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
async fn an_interest_that_was_turned_off_is_gone_and_turned_on_again_nobody_is_on_it_until_it_is_matched_again()
 {
    let app = start().await;
    let id = ongoing(&app, &with(&json!({}))).await;
    let created = interest_created(1, Some(series(&app, id).await), id, 1);
    let on = Origin::Interest(created.interest_id);
    let first = matched(on, &created.customer, person(SALESMAN, "김하늘"), None);
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
        json!(at(120))
    );
    deliver_at(&app, 121, 2, &first).await;
    assert_eq!(mine().await, ((1, 0), 1));
}

#[tokio::test]
async fn customers_come_in_pages() {
    let app = start().await;
    let id = ongoing(&app, &with(&json!({}))).await;
    for n in 0..7_u16 {
        // Two at a time.
        deliver_at(
            &app,
            i64::from(n / 2),
            1,
            &consultation_created(100 + u128::from(n), id, n),
        )
        .await;
    }
    for limit in [1, 2, 3, 7, 100] {
        let (mut seen, mut path) = (Vec::new(), format!("/projects/{id}/view?limit={limit}"));
        loop {
            let page = app.as_staff().get(&path).await.expect(200);
            seen.extend(
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
            seen,
            [6, 5, 4, 3, 2, 1, 0].map(|n| json!(customer(n))),
            "{limit}"
        );
    }
}

/// Everything that is kept of other services.
async fn tables(app: &TestApp) -> Vec<Value> {
    let mut tables = Vec::new();
    for table in [
        "known_interest",
        "known_consultation",
        "known_match",
        "known_salesman",
    ] {
        let sql = format!(
            "select coalesce(jsonb_agg(row order by row::text), '[]') from (select to_jsonb(t) as row from {table} t) rows"
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

/// Everything that the four other services tell, in the order of one of them.
async fn deliver_topic(app: &TestApp, topic: usize, project: Uuid, series: Uuid) {
    let interested = interest_created(1, None, project, 1);
    let asked = consultation_created(11, project, 1);
    let of_interest = matched(
        Origin::Interest(interested.interest_id),
        &interested.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    let mut of_consultation = matched(
        Origin::Consultation(asked.consultation_id),
        &asked.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    match topic {
        0 => {
            deliver_at(app, 1, 1, &interested).await;
            let mut known = interest_updated(&interested, false);
            known.series_id = Some(events::SeriesId(series));
            deliver_at(app, 20, 2, &known).await;
            deliver_at(app, 30, 3, &interest_updated(&interested, true)).await;
        }
        1 => {
            deliver_at(app, 2, 1, &asked).await;
            deliver_at(app, 3, 2, &consultation_edited(&asked, "2026-12-24")).await;
            deliver_at(app, 6, 3, &progressed(&asked, Step::Apply, Step::Approved)).await;
        }
        2 => {
            deliver_at(app, 4, 1, &of_interest).await;
            deliver_at(app, 5, 1, &of_consultation).await;
            of_consultation.salesman = person(OTHER_SALESMAN, "이바다");
            of_consultation.consultant = Some(person(CONSULTANT, "박노을"));
            deliver_at(app, 7, 2, &of_consultation).await;
        }
        _ => {
            deliver_at(app, 0, 1, &registered(SALESMAN, "김하늘")).await;
            deliver_at(app, 8, 2, &renamed(SALESMAN, "김하늘 과장")).await;
        }
    }
}

#[tokio::test]
async fn whichever_topic_comes_first_the_same_is_kept() {
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
        // A service that starts a day late keeps what happened when it happened.
        app.clock().advance(chrono::TimeDelta::days(1));
        for topic in order {
            deliver_topic(&app, topic, project, series).await;
        }
        assert!(app.parked().await.is_empty(), "{order:?}");
        // And all of it again.
        for topic in order {
            deliver_topic(&app, topic, project, series).await;
        }
        all.push(tables(&app).await);
    }
    assert!(
        all[0]
            .iter()
            .all(|table| !table.as_array().unwrap().is_empty())
    );
    assert!(all.iter().all(|tables| *tables == all[0]), "{all:#?}");
}

#[tokio::test]
async fn of_two_matches_of_one_interest_the_newer_one_is_kept_whichever_comes_first() {
    let created = interest_created(1, None, Uuid::from_u128(9), 1);
    let older = matched(
        Origin::Interest(created.interest_id),
        &created.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    let mut newer = matched(
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
        all.push(tables(&app).await);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0][2][0]["salesman_id"], json!(OTHER_SALESMAN));
}

#[tokio::test]
async fn the_projects_own_events_change_nothing_that_is_kept_and_park_nothing() {
    let app = start().await;
    let id = at_work(&app).await;
    let before = (tables(&app).await, view(&app, id).await);
    crate::follow(&app).await;
    assert_eq!((tables(&app).await, view(&app, id).await), before);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn a_view_waits_for_the_event_that_its_reader_was_told_of_and_says_when_it_has_not_come() {
    let app = start().await;
    let id = at_work(&app).await;
    let taken = interest_created(1, None, id, 1);
    for (version, is_stale) in [(1, false), (2, true)] {
        let after = format!("interest/{}@{version}", taken.aggregate_id());
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
