//! What customers are told about the programmes they marked, and how they read it.

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::{Edition, EditionField, ProjectEdited, ProjectStatus};
use serde_json::{Value, json};
use service_kit::testing::{Caller, TestApp, an_edition};
use uuid::Uuid;

use crate::{
    PHONE, PROJECT, SALESMAN, SERIES, STRANGER, a_mark, created, deliver_at, edited, ended, ids,
    in_year, instant, marked, start, started, until,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);

async fn told(caller: &Caller<'_>) -> Vec<Value> {
    let page = caller
        .get("/interests/notifications?limit=100")
        .await
        .expect(200);
    page["items"].as_array().unwrap().clone()
}

async fn kinds(app: &TestApp, phone: &str) -> Vec<String> {
    told(&app.as_customer(phone))
        .await
        .iter()
        .map(|row| row["kind"].as_str().unwrap().to_owned())
        .collect()
}

/// The usual customer has marked the usual edition, which this service knows; so has the stranger.
async fn two_who_marked() -> TestApp {
    let app = start().await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    for phone in [PHONE, STRANGER] {
        app.as_customer(phone)
            .post("/interests", &a_mark())
            .await
            .expect(201);
    }
    app.new_events().await;
    app
}

#[tokio::test]
async fn everybody_who_marked_a_series_is_told_what_happens_to_it_once() {
    let app = two_who_marked().await;
    let at = |minutes: i64| instant("2026-11-23T01:00:00Z") + TimeDelta::minutes(minutes);
    let edition = Edition {
        period: until(Some("2026-12-11")),
        ..in_year(2026, ProjectStatus::Ongoing)
    };
    deliver_at(&app, at(1), 2, &started(PROJECT, edition.clone())).await;
    let moved = Edition {
        period: until(Some("2026-12-18")),
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
        &created(NEXT, in_year(2027, ProjectStatus::Planned)),
    )
    .await;
    for phone in [PHONE, STRANGER] {
        assert_eq!(
            kinds(&app, phone).await,
            ["new_edition", "ended", "edited", "started"]
        );
    }
    let rows = told(&app.as_customer(PHONE)).await;
    let expected = |kind: &str, project: Uuid, name: &str, deadline: Option<&str>, minute: &str| {
        json!({
            "id": Value::Null, "kind": kind, "projectId": project, "projectName": name, "seriesId": SERIES, "changed": [],
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
async fn an_event_that_comes_again_tells_nothing_again() {
    let app = two_who_marked().await;
    let (event_id, event) = (
        Uuid::new_v4(),
        started(PROJECT, in_year(2026, ProjectStatus::Planned)),
    );
    app.deliver_as(event_id, 2, &event).await;
    // A copy that is made anew reads the topic from its start: no inbox, no progress.
    for table in ["inbox", "progress"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table}")))
            .execute(app.pool())
            .await
            .unwrap();
    }
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    app.deliver_as(event_id, 2, &event).await;
    assert_eq!(kinds(&app, PHONE).await, ["started"]);
}

#[tokio::test]
async fn nobody_is_told_of_the_edition_that_he_marked_himself() {
    let app = start().await;
    marked(&app).await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
    app.deliver(1, &created(NEXT, in_year(2027, ProjectStatus::Planned)))
        .await;
    assert_eq!(kinds(&app, PHONE).await, ["new_edition"]);
}

#[tokio::test]
async fn an_edition_that_is_over_when_it_is_first_told_of_is_no_news() {
    let app = two_who_marked().await;
    app.deliver(1, &created(NEXT, in_year(2024, ProjectStatus::Ended)))
        .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_change_that_concerns_no_customer_is_not_told() {
    let app = two_who_marked().await;
    let fields = [
        EditionField::Source,
        EditionField::Predecessor,
        EditionField::Scale,
    ];
    let edition = in_year(2026, ProjectStatus::Planned);
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
        let rows = told(&app.as_customer(PHONE)).await;
        assert_eq!(rows.len(), usize::try_from(version).unwrap() - 5);
        // A period that is written otherwise moves no deadline.
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
async fn a_deadline_that_appears_or_vanishes_has_moved_too() {
    let app = two_who_marked().await;
    let with = |end| Edition {
        period: until(end),
        ..in_year(2026, ProjectStatus::Planned)
    };
    let edit = |before, after| ProjectEdited {
        previous_period: Some(until(before)),
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
    let rows = told(&app.as_customer(PHONE)).await;
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
async fn whoever_turned_it_off_is_not_told_and_what_he_was_told_stays() {
    let app = two_who_marked().await;
    app.deliver(2, &started(PROJECT, in_year(2026, ProjectStatus::Planned)))
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
    app.deliver(3, &ended(PROJECT, in_year(2026, ProjectStatus::Ongoing)))
        .await;
    assert_eq!(kinds(&app, PHONE).await, ["started"]);
    assert_eq!(kinds(&app, STRANGER).await.len(), 2);
}

#[tokio::test]
async fn nobody_is_told_what_had_happened_before_he_marked_it() {
    let app = start().await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    app.clock().advance(TimeDelta::minutes(1));
    app.as_customer(PHONE)
        .post("/interests", &a_mark())
        .await
        .expect(201);
    // The topic is read late.
    deliver_at(
        &app,
        instant("2026-11-23T01:00:59Z"),
        2,
        &started(PROJECT, in_year(2026, ProjectStatus::Planned)),
    )
    .await;
    deliver_at(
        &app,
        instant("2026-11-23T01:00:59Z"),
        1,
        &created(NEXT, in_year(2027, ProjectStatus::Planned)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
    deliver_at(
        &app,
        instant("2026-11-23T01:01:00Z"),
        3,
        &ended(PROJECT, in_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, ["ended"]);
}

#[tokio::test]
async fn who_marks_an_edition_that_nobody_has_heard_of_is_told_of_the_others_whichever_is_read_first()
 {
    let at = |minutes: i64| instant("2026-11-23T01:00:00Z") + TimeDelta::minutes(minutes);
    for order in [[PROJECT, NEXT], [NEXT, PROJECT]] {
        let app = start().await;
        marked(&app).await;
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
                &created(project, in_year(year, ProjectStatus::Planned)),
            )
            .await;
        }
        let rows = told(&app.as_customer(PHONE)).await;
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
async fn what_had_happened_before_the_mark_is_not_told_when_its_edition_is_heard_of_either() {
    let app = start().await;
    app.clock().advance(TimeDelta::hours(1));
    marked(&app).await;
    app.deliver(1, &created(NEXT, in_year(2027, ProjectStatus::Planned)))
        .await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
}

#[tokio::test]
async fn nobody_is_told_of_a_new_edition_that_he_marked_before_anybody_had_heard_of_it() {
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
                &created(project, in_year(year, ProjectStatus::Planned)),
            )
            .await;
        }
        assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0], "{order:?}");
    }
}

#[tokio::test]
async fn what_happened_while_it_was_off_is_not_told_when_it_is_on_again_and_the_topic_is_read_once_more()
 {
    let app = start().await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    let path = format!("/interests/{}", marked(&app).await);
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
        started(PROJECT, in_year(2026, ProjectStatus::Planned)),
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
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    deliver().await;
    assert_eq!(kinds(&app, PHONE).await, [] as [&str; 0]);
    deliver_at(
        &app,
        instant("2026-11-23T01:02:00Z"),
        3,
        &ended(PROJECT, in_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    assert_eq!(kinds(&app, PHONE).await, ["ended"]);
}

/// So many customers who marked the usual programme.
pub(crate) async fn crowd(app: &TestApp, count: i32) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into customer select gen_random_uuid(), '0000' from generate_series(1, {count});
         insert into interest (id, subject_id, series_id, project_id, customer_id, phone, interested, on_since, version, created_at,
                               updated_at)
         select gen_random_uuid(), '{SERIES}', '{SERIES}', '{PROJECT}', id, '+821000000000', true, '2026-11-23T01:00:00Z', 1,
                '2026-11-23T01:00:00Z', '2026-11-23T01:00:00Z'
         from customer where id not in (select customer_id from interest);"
    )))
    .execute(app.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn however_many_marked_a_series_each_of_them_is_told_once() {
    let app = two_who_marked().await;
    crowd(&app, 2500).await;
    app.deliver(2, &started(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    let counts: (i64, i64) =
        sqlx::query_as("select count(*), count(distinct customer_id) from notification")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(counts, (2502, 2502));
}

#[tokio::test]
async fn a_programme_that_nobody_marked_is_told_to_nobody() {
    let app = two_who_marked().await;
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

/// Five notifications of the usual customer's, newest first, and five of the stranger's.
async fn five() -> (TestApp, Vec<Uuid>) {
    let app = two_who_marked().await;
    for n in 0..5_u32 {
        let at = instant("2026-11-23T01:00:00Z") + TimeDelta::minutes(i64::from(n));
        let edition = Edition {
            year: 2030,
            ..in_year(2030, ProjectStatus::Planned)
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

async fn read(caller: &Caller<'_>, body: &Value) -> (Value, Value) {
    let answer = caller
        .post("/interests/notifications/read", body)
        .await
        .expect(200);
    (answer["read"].clone(), answer["unread"].clone())
}

#[tokio::test]
async fn some_are_read_or_all_and_never_by_themselves() {
    let (app, rows) = five().await;
    let caller = app.as_customer(PHONE);
    let unread = async |query: &str| {
        let page = caller
            .get(&format!("/interests/notifications{query}"))
            .await
            .expect(200);
        (ids(&page), page["unread"].clone())
    };
    // Looking at them reads none.
    assert_eq!(unread("").await, (rows.clone(), json!(5)));
    assert_eq!(unread("?unread=true").await, (rows.clone(), json!(5)));
    app.clock().advance(TimeDelta::minutes(9));
    assert_eq!(
        read(&caller, &json!({ "ids": [rows[1], rows[3], rows[3]] })).await,
        (json!(2), json!(3))
    );
    assert_eq!(
        unread("?unread=true").await,
        (vec![rows[0], rows[2], rows[4]], json!(3))
    );
    assert_eq!(unread("?unread=false").await, (rows.clone(), json!(3)));
    assert_eq!(told(&caller).await[1]["readAt"], "2026-11-23T01:09:00Z");
    // Once more changes nothing, not even when it was read.
    app.clock().advance(TimeDelta::minutes(1));
    assert_eq!(
        read(&caller, &json!({ "ids": [rows[1]] })).await,
        (json!(0), json!(3))
    );
    assert_eq!(told(&caller).await[1]["readAt"], "2026-11-23T01:09:00Z");
    assert_eq!(
        read(&caller, &json!({ "ids": [] })).await,
        (json!(0), json!(3))
    );
    assert_eq!(
        read(&caller, &json!({ "all": true })).await,
        (json!(3), json!(0))
    );
    assert_eq!(
        read(&caller, &json!({ "all": true })).await,
        (json!(0), json!(0))
    );
    assert_eq!(unread("?unread=true").await, (vec![], json!(0)));
    assert_eq!(unread("").await.0, rows);
}

#[tokio::test]
async fn what_somebody_else_was_told_is_neither_seen_nor_read() {
    let (app, rows) = five().await;
    let (himself, stranger) = (app.as_customer(PHONE), app.as_customer(STRANGER));
    let others = ids(&stranger.get("/interests/notifications").await.expect(200));
    assert!(others.iter().all(|id| !rows.contains(id)));
    let body = json!({ "ids": [others[0], rows[0], Uuid::from_u128(0x404)] });
    assert_eq!(read(&himself, &body).await, (json!(1), json!(4)));
    assert_eq!(
        read(&himself, &json!({ "all": true })).await,
        (json!(4), json!(0))
    );
    assert_eq!(
        stranger.get("/interests/notifications").await.expect(200)["unread"],
        5
    );
}

#[tokio::test]
async fn exactly_one_of_ids_and_all_says_which_are_read() {
    let (app, rows) = five().await;
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
        read(&app.as_customer(PHONE), &json!({ "ids": many[..500] })).await,
        (json!(0), json!(5))
    );
}

#[tokio::test]
async fn saying_once_more_under_one_key_what_was_read_marks_nothing_that_came_since() {
    let (app, rows) = five().await;
    let caller = app.as_customer(PHONE);
    let say = async |key: &str, body: Value| {
        caller
            .post_with_key("/interests/notifications/read", key, &body)
            .await
    };
    assert_eq!(
        say("k", json!({ "all": true })).await.expect(200),
        json!({ "read": 5, "unread": 0 })
    );
    app.deliver(2, &started(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    assert_eq!(
        say("k", json!({ "all": true })).await.expect(200),
        json!({ "read": 0, "unread": 1 })
    );
    assert_eq!(
        say("k", json!({ "ids": rows })).await.problem(422).0,
        "idempotency-key-reused"
    );
    assert_eq!(
        say("other", json!({ "all": true })).await.expect(200),
        json!({ "read": 1, "unread": 0 })
    );
}

#[tokio::test]
async fn only_customers_are_told() {
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
        app.anyone()
            .get("/interests/notifications")
            .await
            .problem(401)
            .0,
        "sign-in-required"
    );
    let answer = app
        .anyone()
        .post("/interests/notifications/read", &json!({ "all": true }))
        .await;
    assert_eq!(answer.problem(401).0, "sign-in-required");
}

#[tokio::test]
async fn what_a_customer_was_told_goes_to_its_end_page_by_page() {
    let (app, rows) = five().await;
    let caller = app.as_customer(PHONE);
    for limit in [1, 2, 5] {
        let (mut seen, mut path) = (
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
            seen.extend(ids(&page));
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
        assert_eq!(seen, rows, "limit {limit}");
    }
    for query in ["limit=0", "after=x", "unread=maybe"] {
        let answer = caller
            .get(&format!("/interests/notifications?{query}"))
            .await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
}
