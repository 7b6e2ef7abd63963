//! Data of the previous version.

use events::{Edition, ProjectStatus};
use serde_json::{Value, json};
use service_kit::forms::project_ref::name_key;
use service_kit::testing::{TestApp, database};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::{
    OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, created, customer, deliver_at, edition_of_year,
    instant, period_until, start, started, view_as_staff,
};

const UNKNOWN: Uuid = Uuid::from_u128(0x9409);

/// Starts the service on a database of the previous version. The usual customer has an interest in
/// a known project (matched) and one in an unknown project; the other customer's interest is off.
async fn start_after_migration() -> (TestApp, [Uuid; 3]) {
    let app = start().await;
    let mut connection = app.pool().acquire().await.unwrap();
    sqlx::raw_sql(
        "do $$ declare it record; begin
             for it in select tablename from pg_tables where schemaname = current_schema() loop
                 execute format('drop table %I cascade', it.tablename);
             end loop;
         end $$;
         drop function event_log_is_immutable, count_interest;",
    )
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::migrate!()
        .run_direct(Some(2), &mut *connection, false)
        .await
        .unwrap();
    let interests = [1, 2, 3].map(Uuid::from_u128);
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into known_project values ('{PROJECT}', '{SERIES}', '2026년 스마트 상점', 'ongoing');
         insert into interest values
             ('{a}', '{SERIES}', '{SERIES}', '{PROJECT}', '2026년 스마트 상점',
              '{customer_id}', '+821012345678', '홍길동', true,
              '{SALESMAN}', '김하늘', null, null, 1, '2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z'),
             ('{b}', '{UNKNOWN}', null, '{UNKNOWN}', '페이지가 보낸 이름',
              '{customer_id}', '+821012345678', null, true,
              null, null, null, null, 3, '2026-11-01T00:00:00Z', '2026-11-05T00:00:00Z'),
             ('{c}', '{SERIES}', '{SERIES}', '{PROJECT}', '2026년 스마트 상점',
              '{other}', '+821099990000', null, false,
              '{SALESMAN}', '김하늘', null, null, 2, '2026-11-01T00:00:00Z', '2026-11-05T00:00:00Z');",
        a = interests[0],
        b = interests[1],
        c = interests[2],
        customer_id = customer(PHONE).subject,
        other = customer(OTHER_PHONE).subject,
    )))
    .execute(&mut *connection)
    .await
    .unwrap();
    drop(connection);
    (app.replica(interest::service()).await, interests)
}

#[tokio::test]
async fn migrated_names_have_the_key_that_is_searched() {
    let mut connection = PgConnection::connect(&database(&[]).await).await.unwrap();
    let migrator = sqlx::migrate!();
    migrator
        .run_direct(Some(7), &mut connection, false)
        .await
        .unwrap();
    for name in NAMES {
        sqlx::query(
            "insert into known_project (id, series_id, name, name_key, status)
             values (gen_random_uuid(), gen_random_uuid(), $1, 'older', 'planned')",
        )
        .bind(name)
        .execute(&mut connection)
        .await
        .unwrap();
    }
    migrator
        .run_direct(Some(8), &mut connection, false)
        .await
        .unwrap();
    let rows: Vec<(String, String)> = sqlx::query_as("select name, name_key from known_project")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    for (name, key) in rows {
        assert_eq!(key, name_key(&name), "{name:?}");
    }
}

/// As earlier builds stored them.
const NAMES: [&str; 5] = [
    "2026년 AI 바우처",
    "２０２６년\u{3000}ＡＩ\u{A0}바우처",
    "판로ㆍ해외진출 ㈜한빛 ①",
    "한\u{200B}빛\u{2060}\u{FEFF} 상점\u{AD}\u{202E}",
    "\u{1112}\u{1161}\u{11AB}빛",
];

#[tokio::test]
async fn migrated_interest_is_completed_by_the_next_event() {
    let (app, [known, unknown, off]) = start_after_migration().await;
    let shown = view_as_staff(&app, known).await;
    assert_eq!(
        (&shown["projectName"], &shown["project"]["status"]),
        (&json!("2026년 스마트 상점"), &json!("ongoing"))
    );
    assert_eq!(
        (&shown["salesman"]["displayName"], &shown["consent"]),
        (&json!("김하늘"), &Value::Null)
    );
    // The deadline is unknown until the next event.
    assert_eq!(
        (
            &shown["project"]["daysLeft"],
            &shown["project"]["period"]["endsOn"]
        ),
        (&Value::Null, &Value::Null)
    );
    let shown = view_as_staff(&app, unknown).await;
    assert_eq!(
        (&shown["projectName"], &shown["project"]),
        (&json!("페이지가 보낸 이름"), &Value::Null)
    );
    assert_eq!(view_as_staff(&app, off).await["interested"], json!(false));
    // The project is found by its normalized name.
    let body = json!({ "projectName": "2026년 스마트상점" });
    assert_eq!(
        app.as_customer(PHONE)
            .post("/interests", &body)
            .await
            .expect(200)["id"],
        json!(known)
    );
    let edition = Edition {
        period: period_until(Some("2026-12-11")),
        ..edition_of_year(2026, ProjectStatus::Ongoing)
    };
    deliver_at(
        &app,
        instant("2026-11-23T01:00:00Z"),
        1,
        &created(PROJECT, edition.clone()),
    )
    .await;
    let shown = view_as_staff(&app, known).await;
    assert_eq!(
        (&shown["project"]["daysLeft"], &shown["project"]["year"]),
        (&json!(18), &json!(2026))
    );
    // The unknown project turns out to be in the same series.
    deliver_at(
        &app,
        instant("2026-11-23T01:00:00Z"),
        1,
        &created(UNKNOWN, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(
        view_as_staff(&app, unknown).await["mergedInto"],
        json!(known)
    );
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn migrated_interest_has_served_rows_and_notifications() {
    let (app, [known, ..]) = start_after_migration().await;
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
    let edition = edition_of_year(2026, ProjectStatus::Ongoing);
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
    let others = app
        .as_customer(OTHER_PHONE)
        .get("/interests/notifications")
        .await
        .expect(200);
    assert_eq!(others["items"], json!([]));
}

#[tokio::test]
async fn match_without_origin_version_is_stored_after_migration() {
    let (app, [_, unknown, _]) = start_after_migration().await;
    app.deliver(
        1,
        &crate::salesman_matched(crate::interest_origin(unknown), SALESMAN, None),
    )
    .await;
    assert_eq!(
        view_as_staff(&app, unknown).await["salesman"]["id"],
        json!(SALESMAN)
    );
}

#[tokio::test]
async fn migrated_data_is_erased_too() {
    let (app, interests) = start_after_migration().await;
    crate::erasure::erase(&app, PHONE).await.expect(204);
    for (id, is_erased) in interests.into_iter().zip([true, true, false]) {
        let shown = view_as_staff(&app, id).await;
        assert_eq!(
            (shown["erasedAt"].is_string(), shown["phone"].is_null()),
            (is_erased, is_erased),
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
    assert!(!interests.contains(&crate::id_of(&again)));
}
