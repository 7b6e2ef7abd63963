//! Notifications: which events cause one, and how they are read.

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::{Edition, EditionField, ProjectEdited, ProjectStatus};
use serde_json::{Value, json};
use service_kit::testing::{Caller, TestApp, an_edition};
use uuid::Uuid;

use crate::{
    OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, create_body, create_interest, created,
    deliver_at, edited, edition_of_year, ended, ids, instant, period_until, start, started,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);

async fn list_notifications(caller: &Caller<'_>) -> Vec<Value> {
    let page = caller
        .get("/interests/notifications?limit=100")
        .await
        .expect(200);
    page["items"].as_array().unwrap().clone()
}

async fn kinds(app: &TestApp, phone: &str) -> Vec<String> {
    list_notifications(&app.as_customer(phone))
        .await
        .iter()
        .map(|row| row["kind"].as_str().unwrap().to_owned())
        .collect()
}

/// Both customers have an interest in the usual edition, which is known.
async fn start_with_two_interests() -> TestApp {
    let app = start().await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    for phone in [PHONE, OTHER_PHONE] {
        app.as_customer(phone)
            .post("/interests", &create_body())
            .await
            .expect(201);
    }
    app.new_events().await;
    app
}

#[tokio::test]
async fn customers_with_an_interest_are_notified_once_per_event() {
    let app = start_with_two_interests().await;
    let at = |minutes: i64| instant("2026-11-23T01:00:00Z") + TimeDelta::minutes(minutes);
    let edition = Edition {
        period: period_until(Some("2026-12-11")),
        ..edition_of_year(2026, ProjectStatus::Ongoing)
    };
    deliver_at(&app, at(1), 2, &started(PROJECT, edition.clone())).await;
    let moved = Edition {
        period: period_until(Some("2026-12-18")),
        name: "2026년 스마트상점 2차".to_owned(),
        ..edition.clone()
    };
    let changed = [
        EditionField::Name,
        EditionField::Source,
        EditionField::Period,
        EditionField::Scale,
        EditionField::Predecessor,
    ];
    let edit = ProjectEdited {
        previous_period: Some(edition.period),
        ..edited(PROJECT, moved.clone(), &changed)
    };
    deliver_at(&app, at(2), 3, &edit).await;
    deliver_at(&app, at(3), 4, &ended(PROJECT, moved)).await;
    deliver_at(
        &app,
        at(4),
        1,
        &created(NEXT, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    for phone in [PHONE, OTHER_PHONE] {
        assert_eq!(
            kinds(&app, phone).await,
            ["new_edition", "ended", "edited", "started"]
        );
    }
    let rows = list_notifications(&app.as_customer(PHONE)).await;
    let expected = |kind: &str, project: Uuid, name: &str, deadline: Option<&str>, minute: &str| {
        json!({
            "id": Value::Null, "kind": kind, "projectId": project, "projectName": name,
            "seriesId": SERIES, "changed": [],
            "deadline": deadline, "deadlineMoved": false, "previousDeadline": null,
            "createdAt": format!("2026-11-23T01:0{minute}:00Z"), "readAt": null,
        })
    };
    let mut edit = expected(
        "edited",
        PROJECT,
        "2026년 스마트상점 2차",
        Some("2026-12-18"),
        "2",
    );
    edit["changed"] = json!(["name", "period"]);
    (edit["deadlineMoved"], edit["previousDeadline"]) = (json!(true), json!("2026-12-11"));
    let all = [
        expected("new_edition", NEXT, "2027년 스마트상점", None, "4"),
        expected(
            "ended",
            PROJECT,
            "2026년 스마트상점 2차",
            Some("2026-12-18"),
            "3",
        ),
        edit,
        expected(
            "started",
            PROJECT,
            "2026년 스마트상점",
            Some("2026-12-11"),
            "1",
        ),
    ];
    for (mut row, expected) in rows.into_iter().zip(all) {
        let id: Uuid = row["id"].take().as_str().unwrap().parse().unwrap();
        assert_eq!((row, id.get_version_num()), (expected, 7));
    }
    assert!(app.parked().await.is_empty() && app.new_events().await.is_empty());
}

#[tokio::test]
async fn replayed_event_adds_no_notification() {
    let app = start_with_two_interests().await;
    let (event_id, event) = (
        Uuid::new_v4(),
        started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    );
    app.deliver_with_id(event_id, 2, &event).await;
    // A rebuilt projection reads the topic from its start: no inbox, no progress.
    for table in ["inbox", "progress"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table}")))
            .execute(app.pool())
            .await
            .unwrap();
    }
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    app.deliver_with_id(event_id, 2, &event).await;
    assert_eq!(kinds(&app, PHONE).await, ["started"]);
}

#[tokio::test]
async fn marked_edition_is_not_notified_as_new() {
    let app = start().await;
    create_interest(&app).await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
    app.deliver(
        1,
        &created(NEXT, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, ["new_edition"]);
}

#[tokio::test]
async fn edition_created_as_ended_is_not_notified() {
    let app = start_with_two_interests().await;
    app.deliver(
        1,
        &created(NEXT, edition_of_year(2024, ProjectStatus::Ended)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
}

#[tokio::test]
async fn edit_of_internal_fields_is_not_notified() {
    let app = start_with_two_interests().await;
    let fields = [
        EditionField::Source,
        EditionField::Predecessor,
        EditionField::Scale,
    ];
    let edition = edition_of_year(2026, ProjectStatus::Planned);
    for (version, field) in (2..).zip(fields) {
        app.deliver(version, &edited(PROJECT, edition.clone(), &[field]))
            .await;
    }
    app.deliver(5, &edited(PROJECT, edition.clone(), &fields))
        .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
    for (version, field) in (6..).zip([
        EditionField::Name,
        EditionField::Year,
        EditionField::Category,
        EditionField::Regions,
        EditionField::Target,
        EditionField::Agency,
        EditionField::Host,
        EditionField::Summary,
        EditionField::Link,
        EditionField::Period,
    ]) {
        app.deliver(version, &edited(PROJECT, edition.clone(), &[field]))
            .await;
        let rows = list_notifications(&app.as_customer(PHONE)).await;
        assert_eq!(rows.len(), usize::try_from(version).unwrap() - 5);
        // A reworded period does not move the deadline.
        assert!(
            rows.iter().all(
                |row| row["deadlineMoved"] == json!(false) && row["previousDeadline"].is_null()
            )
        );
        assert!(
            rows.iter().any(|row| row["changed"] == json!([field])),
            "{field:?}"
        );
    }
}

#[tokio::test]
async fn added_or_removed_deadline_counts_as_moved() {
    let app = start_with_two_interests().await;
    let with = |end| Edition {
        period: period_until(end),
        ..edition_of_year(2026, ProjectStatus::Planned)
    };
    let edit = |before, after| ProjectEdited {
        previous_period: Some(period_until(before)),
        ..edited(PROJECT, with(after), &[EditionField::Period])
    };
    deliver_at(
        &app,
        instant("2026-11-23T01:01:00Z"),
        2,
        &edit(None, Some("2026-12-11")),
    )
    .await;
    deliver_at(
        &app,
        instant("2026-11-23T01:02:00Z"),
        3,
        &edit(Some("2026-12-11"), None),
    )
    .await;
    let rows = list_notifications(&app.as_customer(PHONE)).await;
    let deadlines = |row: &Value| {
        [
            row["deadline"].clone(),
            row["deadlineMoved"].clone(),
            row["previousDeadline"].clone(),
        ]
    };
    assert_eq!(
        deadlines(&rows[0]),
        [Value::Null, json!(true), json!("2026-12-11")]
    );
    assert_eq!(
        deadlines(&rows[1]),
        [json!("2026-12-11"), json!(true), Value::Null]
    );
}

#[tokio::test]
async fn interest_that_is_off_gets_no_new_notification() {
    let app = start_with_two_interests().await;
    app.deliver(
        2,
        &started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    let id = app.as_customer(PHONE).get("/interests").await.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.as_customer(PHONE)
        .patch_if(
            &format!("/interests/{id}"),
            1,
            &json!({ "interested": false }),
        )
        .await
        .expect(200);
    app.deliver(
        3,
        &ended(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, ["started"]);
    assert_eq!(kinds(&app, OTHER_PHONE).await.len(), 2);
}

#[tokio::test]
async fn event_recorded_before_the_mark_is_not_notified() {
    let app = start().await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    app.clock().advance(TimeDelta::minutes(1));
    app.as_customer(PHONE)
        .post("/interests", &create_body())
        .await
        .expect(201);
    // The topic is consumed late.
    deliver_at(
        &app,
        instant("2026-11-23T01:00:59Z"),
        2,
        &started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    deliver_at(
        &app,
        instant("2026-11-23T01:00:59Z"),
        1,
        &created(NEXT, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
    deliver_at(
        &app,
        instant("2026-11-23T01:01:00Z"),
        3,
        &ended(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, ["ended"]);
}

#[tokio::test]
async fn mark_of_unknown_edition_is_notified_of_the_other_editions() {
    let at = |minutes: i64| instant("2026-11-23T01:00:00Z") + TimeDelta::minutes(minutes);
    for order in [[PROJECT, NEXT], [NEXT, PROJECT]] {
        let app = start().await;
        create_interest(&app).await;
        for project in order {
            let (minutes, year) = if project == PROJECT {
                (-1, 2026)
            } else {
                (1, 2027)
            };
            deliver_at(
                &app,
                at(minutes),
                1,
                &created(project, edition_of_year(year, ProjectStatus::Planned)),
            )
            .await;
        }
        let rows = list_notifications(&app.as_customer(PHONE)).await;
        let found: Vec<_> = rows
            .iter()
            .map(|row| (&row["kind"], &row["projectId"], &row["createdAt"]))
            .collect();
        assert_eq!(
            found,
            [(
                &json!("new_edition"),
                &json!(NEXT),
                &json!("2026-11-23T01:01:00Z")
            )],
            "{order:?}"
        );
    }
}

#[tokio::test]
async fn event_before_the_mark_of_unknown_edition_is_not_notified() {
    let app = start().await;
    app.clock().advance(TimeDelta::hours(1));
    create_interest(&app).await;
    app.deliver(
        1,
        &created(NEXT, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
}

#[tokio::test]
async fn edition_marked_while_unknown_is_not_notified_as_new() {
    for order in [[PROJECT, NEXT], [NEXT, PROJECT]] {
        let app = start().await;
        for project in [PROJECT, NEXT] {
            app.clock().advance(TimeDelta::seconds(1));
            let body = json!({ "projectId": project, "projectName": "스마트상점" });
            app.as_customer(PHONE)
                .post("/interests", &body)
                .await
                .expect(201);
        }
        let at = instant("2026-11-23T01:05:00Z");
        for project in order {
            let year = if project == PROJECT { 2026 } else { 2027 };
            deliver_at(
                &app,
                at,
                1,
                &created(project, edition_of_year(year, ProjectStatus::Planned)),
            )
            .await;
        }
        assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0], "{order:?}");
    }
}

#[tokio::test]
async fn replay_after_turning_on_skips_events_while_off() {
    let app = start().await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    let path = format!("/interests/{}", create_interest(&app).await);
    let turn = async |version: i64, interested: bool| {
        app.clock().advance(TimeDelta::minutes(1));
        app.as_customer(PHONE)
            .patch_if(&path, version, &json!({ "interested": interested }))
            .await
            .expect(200);
    };
    turn(1, false).await;
    let (event_id, event) = (
        Uuid::new_v4(),
        started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    );
    let deliver = async || {
        let mut envelope = service_kit::testing::envelope(event_id, 2, &event);
        envelope.recorded_at = instant("2026-11-23T01:01:30Z");
        app.deliver_raw(&envelope, serde_json::to_vec(&event).unwrap())
            .await;
    };
    deliver().await;
    turn(2, true).await;
    for table in ["inbox", "progress"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table}")))
            .execute(app.pool())
            .await
            .unwrap();
    }
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    deliver().await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
    deliver_at(
        &app,
        instant("2026-11-23T01:02:00Z"),
        3,
        &ended(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, ["ended"]);
}

/// Inserts interests of `count` more customers in the usual programme.
pub(crate) async fn insert_interests(app: &TestApp, count: i32) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into customer select gen_random_uuid(), '0000' from generate_series(1, {count});
         insert into interest (id, subject_id, series_id, project_id, customer_id, phone,
         interested, on_since, version, created_at,
                               updated_at)
         select gen_random_uuid(), '{SERIES}', '{SERIES}', '{PROJECT}', id, '+821000000000', true,
         '2026-11-23T01:00:00Z', 1,
                '2026-11-23T01:00:00Z', '2026-11-23T01:00:00Z'
         from customer where id not in (select customer_id from interest);"
    )))
    .execute(app.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn thousands_of_customers_are_notified_once_each() {
    let app = start_with_two_interests().await;
    insert_interests(&app, 2500).await;
    app.deliver(
        2,
        &started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    let counts: (i64, i64) =
        sqlx::query_as("select count(*), count(distinct customer_id) from notification")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(counts, (2502, 2502));
}

#[tokio::test]
async fn unmarked_programme_notifies_no_customer() {
    let app = start_with_two_interests().await;
    let other = an_edition(Uuid::from_u128(0xB5), "다른 사업");
    app.deliver(1, &created(Uuid::from_u128(0xB), other.clone()))
        .await;
    app.deliver(2, &started(Uuid::from_u128(0xB), other)).await;
    let rows: i64 = sqlx::query_scalar("select count(*) from notification")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

/// Five notifications for each customer. Returns those of the usual one, newest first.
async fn start_with_five_notifications() -> (TestApp, Vec<Uuid>) {
    let app = start_with_two_interests().await;
    for n in 0..5_u32 {
        let at = instant("2026-11-23T01:00:00Z") + TimeDelta::minutes(i64::from(n));
        let edition = Edition {
            year: 2030,
            ..edition_of_year(2030, ProjectStatus::Planned)
        };
        deliver_at(
            &app,
            at,
            1,
            &created(Uuid::from_u128(0xF00 + u128::from(n)), edition),
        )
        .await;
    }
    let rows = ids(&app
        .as_customer(PHONE)
        .get("/interests/notifications")
        .await
        .expect(200));
    assert_eq!(rows.len(), 5);
    (app, rows)
}

async fn mark_read(caller: &Caller<'_>, body: &Value) -> (Value, Value) {
    let answer = caller
        .post("/interests/notifications/read", body)
        .await
        .expect(200);
    (answer["read"].clone(), answer["unread"].clone())
}

#[tokio::test]
async fn notifications_are_read_only_on_request() {
    let (app, rows) = start_with_five_notifications().await;
    let caller = app.as_customer(PHONE);
    let unread = async |query: &str| {
        let page = caller
            .get(&format!("/interests/notifications{query}"))
            .await
            .expect(200);
        (ids(&page), page["unread"].clone())
    };
    // Listing marks none as read.
    assert_eq!(unread("").await, (rows.clone(), json!(5)));
    assert_eq!(unread("?unread=true").await, (rows.clone(), json!(5)));
    app.clock().advance(TimeDelta::minutes(9));
    assert_eq!(
        mark_read(&caller, &json!({ "ids": [rows[1], rows[3], rows[3]] })).await,
        (json!(2), json!(3))
    );
    assert_eq!(
        unread("?unread=true").await,
        (vec![rows[0], rows[2], rows[4]], json!(3))
    );
    assert_eq!(unread("?unread=false").await, (rows.clone(), json!(3)));
    assert_eq!(
        list_notifications(&caller).await[1]["readAt"],
        "2026-11-23T01:09:00Z"
    );
    // Repeating it changes nothing, not even the time of reading.
    app.clock().advance(TimeDelta::minutes(1));
    assert_eq!(
        mark_read(&caller, &json!({ "ids": [rows[1]] })).await,
        (json!(0), json!(3))
    );
    assert_eq!(
        list_notifications(&caller).await[1]["readAt"],
        "2026-11-23T01:09:00Z"
    );
    assert_eq!(
        mark_read(&caller, &json!({ "ids": [] })).await,
        (json!(0), json!(3))
    );
    assert_eq!(
        mark_read(&caller, &json!({ "all": true })).await,
        (json!(3), json!(0))
    );
    assert_eq!(
        mark_read(&caller, &json!({ "all": true })).await,
        (json!(0), json!(0))
    );
    assert_eq!(unread("?unread=true").await, (vec![], json!(0)));
    assert_eq!(unread("").await.0, rows);
}

#[tokio::test]
async fn foreign_notifications_are_neither_shown_nor_read() {
    let (app, rows) = start_with_five_notifications().await;
    let (own, other) = (app.as_customer(PHONE), app.as_customer(OTHER_PHONE));
    let others = ids(&other.get("/interests/notifications").await.expect(200));
    assert!(others.iter().all(|id| !rows.contains(id)));
    let body = json!({ "ids": [others[0], rows[0], Uuid::from_u128(0x404)] });
    assert_eq!(mark_read(&own, &body).await, (json!(1), json!(4)));
    assert_eq!(
        mark_read(&own, &json!({ "all": true })).await,
        (json!(4), json!(0))
    );
    assert_eq!(
        other.get("/interests/notifications").await.expect(200)["unread"],
        5
    );
}

#[tokio::test]
async fn exactly_one_of_ids_and_all_is_required() {
    let (app, rows) = start_with_five_notifications().await;
    let many: Vec<Uuid> = (0..501).map(Uuid::from_u128).collect();
    for (body, wrong) in [
        (json!({}), vec![("/ids", "required")]),
        (
            json!({ "ids": null, "all": null }),
            vec![("/ids", "required")],
        ),
        (
            json!({ "ids": [rows[0]], "all": true }),
            vec![("/all", "not-both")],
        ),
        (json!({ "all": false }), vec![("/all", "must-be-true")]),
        (
            json!({ "ids": "x", "all": 7 }),
            vec![("/ids", "wrong-type"), ("/all", "wrong-type")],
        ),
        (json!({ "ids": ["x"] }), vec![("/ids", "wrong-type")]),
        (json!({ "ids": many }), vec![("/ids", "too-many")]),
    ] {
        let (slug, found) = app
            .as_customer(PHONE)
            .post("/interests/notifications/read", &body)
            .await
            .problem(422);
        let wrong: Vec<_> = wrong
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!((slug.as_str(), found), ("wrong-fields", wrong), "{body}");
    }
    assert_eq!(
        mark_read(&app.as_customer(PHONE), &json!({ "ids": many[..500] })).await,
        (json!(0), json!(5))
    );
}

#[tokio::test]
async fn retried_read_does_not_mark_newer_notifications() {
    let (app, rows) = start_with_five_notifications().await;
    let caller = app.as_customer(PHONE);
    let send_read = async |key: &str, body: Value| {
        caller
            .post_with_key("/interests/notifications/read", key, &body)
            .await
    };
    assert_eq!(
        send_read("k", json!({ "all": true })).await.expect(200),
        json!({ "read": 5, "unread": 0 })
    );
    app.deliver(
        2,
        &started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(
        send_read("k", json!({ "all": true })).await.expect(200),
        json!({ "read": 0, "unread": 1 })
    );
    assert_eq!(
        send_read("k", json!({ "ids": rows })).await.problem(422).0,
        "idempotency-key-reused"
    );
    assert_eq!(
        send_read("other", json!({ "all": true })).await.expect(200),
        json!({ "read": 1, "unread": 0 })
    );
}

#[tokio::test]
async fn only_customers_have_notifications() {
    let app = start().await;
    for caller in [
        app.as_staff(),
        app.as_salesman(SALESMAN),
        app.as_consultant(SALESMAN),
    ] {
        assert_eq!(
            caller.get("/interests/notifications").await.problem(403).0,
            "not-allowed"
        );
        let answer = caller
            .send(
                Method::POST,
                "/interests/notifications/read",
                &[],
                b"no json".to_vec(),
            )
            .await;
        assert_eq!(answer.problem(403).0, "not-allowed");
    }
    assert_eq!(
        app.anonymous()
            .get("/interests/notifications")
            .await
            .problem(401)
            .0,
        "sign-in-required"
    );
    let answer = app
        .anonymous()
        .post("/interests/notifications/read", &json!({ "all": true }))
        .await;
    assert_eq!(answer.problem(401).0, "sign-in-required");
}

#[tokio::test]
async fn pages_of_notifications_have_no_gaps_and_no_repeats() {
    let (app, rows) = start_with_five_notifications().await;
    let caller = app.as_customer(PHONE);
    for limit in [1, 2, 5] {
        let (mut listed, mut path) = (
            Vec::new(),
            format!("/interests/notifications?unread=true&limit={limit}"),
        );
        loop {
            let answer = caller.get(&path).await;
            let link = answer
                .headers
                .get(header::LINK)
                .map(|link| link.to_str().unwrap().to_owned());
            let page = answer.expect(200);
            assert_eq!(page["unread"], 5);
            listed.extend(ids(&page));
            let Some(next) = page["next"].as_str() else {
                assert_eq!(link, None);
                break;
            };
            assert_eq!(
                link,
                Some(format!(
                    "<?unread=true&limit={limit}&after={next}>; rel=\"next\""
                ))
            );
            path = format!("/interests/notifications?unread=true&limit={limit}&after={next}");
        }
        assert_eq!(listed, rows, "limit {limit}");
    }
    for query in ["limit=0", "after=x", "unread=maybe"] {
        let answer = caller
            .get(&format!("/interests/notifications?{query}"))
            .await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
}
