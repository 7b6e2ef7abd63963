//! Two interests of one customer that turn out to be in one series.

use chrono::TimeDelta;
use events::{Edition, ProjectStatus};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, an_edition};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, created, deliver_at,
    edition_of_year, id_of, ids, instant, interest_origin, salesman_matched, start, started,
    view_as_staff,
};

const OTHER: Uuid = Uuid::from_u128(0x9408);
const THIRD: Uuid = Uuid::from_u128(0x9409);

pub(crate) async fn mark(app: &TestApp, project: Uuid) -> Uuid {
    app.clock().advance(TimeDelta::seconds(1));
    let body = json!({ "projectId": project, "projectName": "페이지가 보낸 이름", "customerName": "홍길동" });
    id_of(
        &app.as_customer(PHONE)
            .post("/interests", &body)
            .await
            .expect(201),
    )
}

async fn set_interested(app: &TestApp, id: Uuid, version: i64, interested: bool) {
    let body = json!({ "interested": interested });
    app.as_customer(PHONE)
        .patch_if(&format!("/interests/{id}"), version, &body)
        .await
        .expect(200);
}

/// Two interests of one customer; that they are in one series is unknown until the next event.
async fn create_two_in_one_series(app: &TestApp, is_older_known: bool) -> (Uuid, Uuid) {
    let (first, second) = if is_older_known {
        (OTHER, PROJECT)
    } else {
        (PROJECT, OTHER)
    };
    if is_older_known {
        app.deliver(
            1,
            &created(OTHER, edition_of_year(2027, ProjectStatus::Planned)),
        )
        .await;
    }
    let older = mark(app, first).await;
    if !is_older_known {
        app.deliver(
            1,
            &created(OTHER, edition_of_year(2027, ProjectStatus::Planned)),
        )
        .await;
    }
    let newer = mark(app, second).await;
    app.new_events().await;
    (older, newer)
}

#[tokio::test]
async fn older_interest_stays_and_newer_is_turned_off() {
    for is_older_known in [false, true] {
        let app = start().await;
        let (older, newer) = create_two_in_one_series(&app, is_older_known).await;
        app.deliver(1, &salesman_matched(interest_origin(newer), SALESMAN, None))
            .await;
        app.deliver(
            1,
            &created(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
        )
        .await;
        assert!(app.parked().await.is_empty());
        let shown = view_as_staff(&app, older).await;
        assert_eq!(
            (
                &shown["seriesId"],
                &shown["projectId"],
                &shown["interested"]
            ),
            (&json!(SERIES), &json!(OTHER), &json!(true))
        );
        assert_eq!(
            (&shown["version"], &shown["mergedInto"]),
            (&json!(1), &Value::Null)
        );
        let merged = view_as_staff(&app, newer).await;
        assert_eq!(
            (
                &merged["interested"],
                &merged["version"],
                &merged["mergedInto"]
            ),
            (&json!(false), &json!(2), &json!(older))
        );
        assert_eq!(merged["seriesId"], json!(SERIES));
        let events = app.new_events().await;
        assert_eq!(
            (events.len(), events[0].0.as_str(), events[0].1),
            (1, "ktgg.InterestUpdated.v1", 2)
        );
        let event = &events[0].2;
        assert_eq!(
            (&event["interestId"], &event["interested"]),
            (&json!(newer), &json!(false))
        );
        assert_eq!(
            (&event["salesmanId"], &event["actor"]["role"]),
            (&json!(SALESMAN), &json!("system"))
        );
        // Only the older one is listed, and marking either edition again returns it.
        assert_eq!(
            ids(&app.as_customer(PHONE).get("/interests").await.expect(200)),
            [older]
        );
        for project in [PROJECT, OTHER] {
            let again = app
                .as_customer(PHONE)
                .post("/interests", &json!({ "projectId": project }))
                .await
                .expect(200);
            assert_eq!(id_of(&again), older);
        }
        assert!(app.new_events().await.is_empty());
    }
}

#[tokio::test]
async fn merged_interest_stays_off() {
    let app = start().await;
    let (older, newer) = create_two_in_one_series(&app, true).await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    app.new_events().await;
    for caller in [app.as_customer(PHONE), app.as_staff()] {
        let on = json!({ "interested": true, "consent": true });
        let answer = caller
            .patch_if(&format!("/interests/{newer}"), 2, &on)
            .await;
        assert_eq!(answer.json["into"], json!(older));
        assert_eq!(answer.problem(409).0, "interest-merged");
    }
    set_interested(&app, newer, 2, false).await;
    assert_eq!(
        (
            view_as_staff(&app, newer).await["version"].clone(),
            app.new_events().await.len()
        ),
        (json!(2), 0)
    );
    // A late match is not an error, and gives its people no access.
    app.deliver(
        1,
        &salesman_matched(interest_origin(newer), SALESMAN, Some(CONSULTANT)),
    )
    .await;
    assert!(app.parked().await.is_empty());
    let path = format!("/interests/{newer}");
    for caller in [app.as_salesman(SALESMAN), app.as_consultant(CONSULTANT)] {
        assert_eq!(caller.get(&path).await.problem(404).0, "not-found");
        assert_eq!(
            caller
                .post(&format!("{path}/phone"), &json!({}))
                .await
                .problem(404)
                .0,
            "not-found"
        );
    }
    for caller in [app.as_customer(PHONE), app.as_staff()] {
        assert_eq!(
            caller.get(&path).await.expect(200)["mergedInto"],
            json!(older)
        );
    }
    app.as_staff()
        .post(&format!("{path}/phone"), &json!({}))
        .await
        .expect(200);
    // Other customers are not affected.
    let body = json!({ "projectId": PROJECT });
    app.as_customer(OTHER_PHONE)
        .post("/interests", &body)
        .await
        .expect(201);
}

#[tokio::test]
async fn older_interest_is_on_if_one_of_the_two_was() {
    for (older_is_on, newer_is_on, events) in [
        (false, true, vec![(false, 2), (true, 3)]),
        (true, false, vec![]),
        (false, false, vec![]),
    ] {
        let app = start().await;
        let (older, newer) = create_two_in_one_series(&app, false).await;
        for (id, is_on) in [(older, older_is_on), (newer, newer_is_on)] {
            if !is_on {
                set_interested(&app, id, 1, false).await;
            }
        }
        app.new_events().await;
        app.deliver(
            1,
            &created(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
        )
        .await;
        let event: Vec<(bool, i64)> = app
            .new_events()
            .await
            .into_iter()
            .map(|(_, version, payload)| (payload["interested"].as_bool().unwrap(), version))
            .collect();
        assert_eq!(event, events, "{older_is_on} {newer_is_on}");
        assert_eq!(
            view_as_staff(&app, older).await["interested"],
            json!(older_is_on || newer_is_on)
        );
        assert_eq!(view_as_staff(&app, newer).await["interested"], json!(false));
        assert_eq!(view_as_staff(&app, newer).await["mergedInto"], json!(older));
    }
}

#[tokio::test]
async fn older_interest_takes_over_name_consent_and_actor() {
    for is_older_on in [true, false] {
        let app = start().await;
        let body = json!({ "projectId": PROJECT, "projectName": "스마트상점" });
        let older = id_of(
            &app.as_customer(PHONE)
                .post("/interests", &body)
                .await
                .expect(201),
        );
        if !is_older_on {
            set_interested(&app, older, 1, false).await;
        }
        app.clock().advance(TimeDelta::minutes(1));
        let body = json!({
            "projectId": OTHER, "projectName": "스마트상점", "phone": PHONE, "customerName": "홍길동",
            "consent": true,
        });
        let newer = id_of(
            &app.as_salesman(SALESMAN)
                .post("/interests", &body)
                .await
                .expect(201),
        );
        app.new_events().await;
        app.deliver(
            1,
            &created(OTHER, edition_of_year(2027, ProjectStatus::Planned)),
        )
        .await;
        app.deliver(
            1,
            &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
        )
        .await;
        let shown = view_as_staff(&app, older).await;
        assert_eq!(
            (&shown["customerName"], &shown["interested"]),
            (&json!("홍길동"), &json!(true)),
            "{is_older_on}"
        );
        assert_eq!(
            shown["consent"],
            json!({ "role": "salesman", "by": SALESMAN, "at": "2026-11-23T01:01:00Z" })
        );
        let events = app.new_events().await;
        assert_eq!(
            (&events[0].2["interestId"], &events[0].2["interested"]),
            (&json!(newer), &json!(false))
        );
        if is_older_on {
            assert_eq!(events.len(), 1);
        } else {
            let event = &events[1].2;
            assert_eq!(
                (&event["interestId"], &event["interested"]),
                (&json!(older), &json!(true))
            );
            assert_eq!(
                event["actor"],
                json!({ "role": "salesman", "id": SALESMAN })
            );
        }
    }
}

#[tokio::test]
async fn merge_notifies_of_events_since_the_first_mark_on() {
    // The older interest is off; the newer one is on since 01:01.
    for order in [[OTHER, PROJECT], [PROJECT, OTHER]] {
        let app = start().await;
        let older = mark(&app, PROJECT).await;
        set_interested(&app, older, 1, false).await;
        app.clock().advance(TimeDelta::minutes(1));
        mark(&app, OTHER).await;
        deliver_at(
            &app,
            instant("2026-11-23T01:00:30Z"),
            1,
            &created(THIRD, edition_of_year(2028, ProjectStatus::Planned)),
        )
        .await;
        deliver_at(
            &app,
            instant("2026-11-23T01:02:00Z"),
            2,
            &started(THIRD, edition_of_year(2028, ProjectStatus::Planned)),
        )
        .await;
        app.clock().advance(TimeDelta::hours(1));
        for project in order {
            app.deliver(
                1,
                &created(project, edition_of_year(2026, ProjectStatus::Planned)),
            )
            .await;
        }
        let page = app
            .as_customer(PHONE)
            .get("/interests/notifications")
            .await
            .expect(200);
        let kinds: Vec<&Value> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["kind"])
            .collect();
        assert_eq!(kinds, [&json!("started")], "{order:?}");
    }
}

#[tokio::test]
async fn marking_during_a_merge_returns_the_older_interest() {
    let app = start().await;
    let (older, newer) = create_two_in_one_series(&app, true).await;
    // Another instance merges the two and is about to commit.
    let mut tx = app.pool().begin().await.unwrap();
    sqlx::query(
        "update interest
        set subject_id = id, interested = false, version = 2, merged_into = $2 where id = $1",
    )
    .bind(newer)
    .bind(older)
    .execute(&mut *tx)
    .await
    .unwrap();
    let body = json!({ "projectId": PROJECT, "projectName": "스마트상점" });
    let caller = app.as_customer(PHONE);
    let committing = async {
        wait_for_lock(&app).await;
        tx.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(caller.post("/interests", &body), committing);
    assert_eq!(id_of(&answer.expect(200)), older);
}

#[tokio::test]
async fn mark_that_deadlocks_with_an_event_is_retried() {
    let app = start().await;
    mark(&app, OTHER).await;
    // A batch of events holds a lock on the customer, and next locks the project being marked.
    let mut batch = app.pool().begin().await.unwrap();
    sqlx::query("select 1 from customer for update")
        .execute(&mut *batch)
        .await
        .unwrap();
    let body = json!({ "projectId": PROJECT, "projectName": "스마트상점" });
    let caller = app.as_customer(PHONE);
    let locking = async {
        wait_for_lock(&app).await;
        sqlx::query(
            "select pg_advisory_xact_lock(
                 hashtextextended(current_schema() || '/project/' || $1::text, 2))",
        )
        .bind(PROJECT)
        .execute(&mut *batch)
        .await
        .unwrap();
        batch.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(caller.post("/interests", &body), locking);
    answer.expect(201);
}

/// Waits until a connection waits for a lock.
pub(crate) async fn wait_for_lock(app: &TestApp) {
    let waits = "select exists (select 1 from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock')";
    let polling = async {
        while !sqlx::query_scalar::<_, bool>(waits)
            .fetch_one(app.pool())
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), polling)
        .await
        .expect("no connection waits for a lock");
}

#[tokio::test]
async fn three_interests_in_one_series_merge_into_the_oldest() {
    for order in [[PROJECT, THIRD], [THIRD, PROJECT]] {
        let app = start().await;
        let oldest = mark(&app, PROJECT).await;
        let middle = mark(&app, THIRD).await;
        app.deliver(
            1,
            &created(OTHER, edition_of_year(2027, ProjectStatus::Planned)),
        )
        .await;
        let newest = mark(&app, OTHER).await;
        for project in order {
            app.deliver(
                1,
                &created(project, edition_of_year(2026, ProjectStatus::Ongoing)),
            )
            .await;
        }
        for id in [middle, newest] {
            let merged = view_as_staff(&app, id).await;
            assert_eq!(
                (&merged["mergedInto"], &merged["interested"]),
                (&json!(oldest), &json!(false)),
                "{order:?}"
            );
        }
        assert_eq!(
            ids(&app.as_customer(PHONE).get("/interests").await.expect(200)),
            [oldest]
        );
        assert!(app.parked().await.is_empty());
    }
}

#[tokio::test]
async fn interest_follows_an_edition_that_changes_its_series() {
    let app = start().await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    let id = mark(&app, PROJECT).await;
    let elsewhere = Uuid::from_u128(0x5E2);
    let moved = Edition {
        year: 2026,
        ..an_edition(elsewhere, "옮긴 사업")
    };
    app.deliver(2, &started(PROJECT, moved)).await;
    let shown = view_as_staff(&app, id).await;
    assert_eq!(
        (&shown["seriesId"], &shown["projectName"], &shown["version"]),
        (&json!(elsewhere), &json!("옮긴 사업"), &json!(1))
    );
}

#[tokio::test]
async fn two_merged_interests_get_one_notification() {
    let app = start().await;
    create_two_in_one_series(&app, false).await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    let at = instant("2026-11-23T01:05:00Z");
    deliver_at(
        &app,
        at,
        2,
        &started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    let page = app
        .as_customer(PHONE)
        .get("/interests/notifications")
        .await
        .expect(200);
    assert_eq!(
        (
            page["items"].as_array().unwrap().len(),
            &page["items"][0]["kind"]
        ),
        (1, &json!("started"))
    );
}

#[tokio::test]
async fn mark_during_the_projects_event_gets_its_series() {
    let app = start().await;
    for n in 0..10_u128 {
        let (project, series) = (Uuid::from_u128(0x1000 + n), Uuid::from_u128(0x2000 + n));
        let body = json!({ "projectId": project, "projectName": "사업" });
        let event = created(project, an_edition(series, "사업"));
        let caller = app.as_customer(PHONE);
        let (answer, ()) = tokio::join!(caller.post("/interests", &body), app.deliver(1, &event));
        assert_eq!(
            view_as_staff(&app, id_of(&answer.expect(201))).await["seriesId"],
            json!(series)
        );
    }
}

#[tokio::test]
async fn mark_during_a_move_into_its_series_parks_nothing() {
    let app = start().await;
    let older = mark(&app, PROJECT).await;
    app.deliver(
        1,
        &created(OTHER, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    // Another request has inserted the mark of the other edition and is about to commit.
    let mut tx = app.pool().begin().await.unwrap();
    let newer = Uuid::from_u128(u128::MAX);
    sqlx::query(
        "insert into interest (id, subject_id, series_id, project_id, customer_id, phone,
            interested, on_since, version,
                               created_at, updated_at)
         select $1, $2, $2, $3, customer_id, phone, true, on_since, 1, created_at, updated_at
         from interest where id = $4",
    )
    .bind(newer)
    .bind(SERIES)
    .bind(OTHER)
    .bind(older)
    .execute(&mut *tx)
    .await
    .unwrap();
    let event = created(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing));
    let committing = async {
        wait_for_lock(&app).await;
        tx.commit().await.unwrap();
    };
    let ((), ()) = tokio::join!(app.deliver(1, &event), committing);
    assert!(app.parked().await.is_empty());
    assert_eq!(view_as_staff(&app, newer).await["mergedInto"], json!(older));
    assert_eq!(view_as_staff(&app, older).await["seriesId"], json!(SERIES));
}
