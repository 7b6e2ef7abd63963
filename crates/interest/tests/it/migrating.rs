//! What the build before this one left behind.

use events::{Edition, ProjectStatus};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    PHONE, PROJECT, SALESMAN, SERIES, STRANGER, created, customer, deliver_at, in_year, instant,
    seen, start, started, until,
};

const UNHEARD: Uuid = Uuid::from_u128(0x9409);

/// The service on a database of the build before, in which the usual customer has marked a project that was known then, and another that was
/// not; the first is matched, and the stranger's was turned off.
async fn of_before() -> (TestApp, [Uuid; 3]) {
    let app = start().await;
    let mut connection = app.pool().acquire().await.unwrap();
    sqlx::raw_sql(
        "do $$ declare it record; begin
             for it in select tablename from pg_tables where schemaname = current_schema() loop
                 execute format('drop table %I cascade', it.tablename);
             end loop;
         end $$;
         drop function event_log_is_immutable;",
    )
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::migrate!()
        .run_direct(Some(2), &mut *connection, false)
        .await
        .unwrap();
    let made = [1, 2, 3].map(Uuid::from_u128);
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into known_project values ('{PROJECT}', '{SERIES}', '2026년 스마트 상점', 'ongoing');
         insert into interest values
             ('{a}', '{SERIES}', '{SERIES}', '{PROJECT}', '2026년 스마트 상점', '{himself}', '+821012345678', '홍길동', true,
              '{SALESMAN}', '김하늘', null, null, 1, '2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z'),
             ('{b}', '{UNHEARD}', null, '{UNHEARD}', '페이지가 보낸 이름', '{himself}', '+821012345678', null, true,
              null, null, null, null, 3, '2026-11-01T00:00:00Z', '2026-11-05T00:00:00Z'),
             ('{c}', '{SERIES}', '{SERIES}', '{PROJECT}', '2026년 스마트 상점', '{stranger}', '+821099990000', null, false,
              '{SALESMAN}', '김하늘', null, null, 2, '2026-11-01T00:00:00Z', '2026-11-05T00:00:00Z');",
        a = made[0],
        b = made[1],
        c = made[2],
        himself = customer(PHONE).subject,
        stranger = customer(STRANGER).subject,
    )))
    .execute(&mut *connection)
    .await
    .unwrap();
    drop(connection);
    (app.beside(interest::service()).await, made)
}

#[tokio::test]
async fn what_was_marked_before_is_shown_and_completed_by_the_next_event_of_its_project() {
    let (app, [known, unheard, off]) = of_before().await;
    let shown = seen(&app, known).await;
    assert_eq!(
        (&shown["projectName"], &shown["project"]["status"]),
        (&json!("2026년 스마트 상점"), &json!("ongoing"))
    );
    assert_eq!(
        (&shown["salesman"]["displayName"], &shown["consent"]),
        (&json!("김하늘"), &Value::Null)
    );
    // It knows no deadline yet.
    assert_eq!(
        (
            &shown["project"]["daysLeft"],
            &shown["project"]["period"]["endsOn"]
        ),
        (&Value::Null, &Value::Null)
    );
    let shown = seen(&app, unheard).await;
    assert_eq!(
        (&shown["projectName"], &shown["project"]),
        (&json!("페이지가 보낸 이름"), &Value::Null)
    );
    assert_eq!(seen(&app, off).await["interested"], json!(false));
    // Its name is found as names are compared now.
    let body = json!({ "projectName": "2026년 스마트상점" });
    assert_eq!(
        app.as_customer(PHONE)
            .post("/interests", &body)
            .await
            .expect(200)["id"],
        json!(known)
    );
    let edition = Edition {
        period: until(Some("2026-12-11")),
        ..in_year(2026, ProjectStatus::Ongoing)
    };
    deliver_at(
        &app,
        instant("2026-11-23T01:00:00Z"),
        1,
        &created(PROJECT, edition.clone()),
    )
    .await;
    let shown = seen(&app, known).await;
    assert_eq!(
        (&shown["project"]["daysLeft"], &shown["project"]["year"]),
        (&json!(18), &json!(2026))
    );
    // The other one turns out to be of the same series.
    deliver_at(
        &app,
        instant("2026-11-23T01:00:00Z"),
        1,
        &created(UNHEARD, in_year(2027, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(seen(&app, unheard).await["mergedInto"], json!(known));
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn who_serves_whom_is_known_of_before_and_who_is_interested_is_told() {
    let (app, [known, ..]) = of_before().await;
    app.clock().advance(chrono::TimeDelta::days(30));
    let page = app
        .as_salesman(SALESMAN)
        .get("/interests/unattended")
        .await
        .expect(200);
    let row = &page["items"][0];
    assert_eq!(
        (page["items"].as_array().unwrap().len(), &row["interests"]),
        (1, &json!([known]))
    );
    assert_eq!(
        (&row["lastFour"], &row["lastActivityAt"]),
        (&json!("5678"), &json!("2026-11-02T00:00:00Z"))
    );
    let edition = in_year(2026, ProjectStatus::Ongoing);
    deliver_at(
        &app,
        instant("2026-10-31T00:00:00Z"),
        1,
        &created(PROJECT, edition.clone()),
    )
    .await;
    deliver_at(
        &app,
        instant("2026-11-23T01:00:00Z"),
        2,
        &started(PROJECT, edition),
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
    let strangers = app
        .as_customer(STRANGER)
        .get("/interests/notifications")
        .await
        .expect(200);
    assert_eq!(strangers["items"], json!([]));
}

#[tokio::test]
async fn a_match_of_the_build_before_that_answers_what_was_turned_on_again_by_then_is_stored() {
    let (app, [_, unheard, _]) = of_before().await;
    app.deliver(1, &crate::a_match(crate::of(unheard), SALESMAN, None))
        .await;
    assert_eq!(seen(&app, unheard).await["salesman"]["id"], json!(SALESMAN));
}

#[tokio::test]
async fn what_the_build_before_kept_of_somebody_is_forgotten_too() {
    let (app, made) = of_before().await;
    crate::erasing::erase(&app, PHONE).await.expect(204);
    for (id, is_his) in made.into_iter().zip([true, true, false]) {
        let shown = seen(&app, id).await;
        assert_eq!(
            (shown["erasedAt"].is_string(), shown["phone"].is_null()),
            (is_his, is_his),
            "{shown}"
        );
    }
    let events: Vec<i64> = app
        .new_events()
        .await
        .into_iter()
        .map(|(_, version, _)| version)
        .collect();
    assert_eq!(events, [2, 4]);
    let again = app
        .as_customer(PHONE)
        .post("/interests", &json!({ "projectId": PROJECT }))
        .await
        .expect(201);
    assert!(!made.contains(&crate::id_of(&again)));
}
