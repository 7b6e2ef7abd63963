//! What becomes of a customer who wants to be forgotten.

use axum::http::Method;
use chrono::TimeDelta;
use events::{Edition, ProjectStatus};
use serde_json::{Value, json};
use service_kit::auth::Identity;
use service_kit::testing::{TestApp, TestResponse, an_edition, customer, envelope};
use uuid::Uuid;

use crate::unattended::{asked, served};
use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, SERIES, STRANGER, a_mark, a_match, created, deliver_at,
    id_of, in_year, instant, marked, marked_and_matched, of, seen, start, started, until,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);
const UNHEARD: Uuid = Uuid::from_u128(0x9409);

/// As the gateway asks for it: of an erasure it tells no number.
pub(crate) async fn erase(app: &TestApp, phone: &str) -> TestResponse {
    let who = Identity {
        phone: None,
        ..customer(phone)
    };
    app.with(&who)
        .send(Method::DELETE, "/me", &[], Vec::new())
        .await
}

/// The tables in which one of these texts stands, as text or as bytes.
pub(crate) async fn found(app: &TestApp, texts: &[String]) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename from pg_tables where schemaname = current_schema() order by tablename",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        let sql = format!(
            "select exists (select 1 from {table} t cross join unnest($1::text[]) sought
                            where position(sought in t::text) > 0
                               or position(encode(convert_to(sought, 'UTF8'), 'hex') in t::text) > 0)"
        );
        if sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(texts)
            .fetch_one(app.pool())
            .await
            .unwrap()
        {
            found.push(table);
        }
    }
    found
}

/// Every spelling of the usual customer's number, his name, and why somebody looked at it.
fn his() -> Vec<String> {
    let mut texts = customer(PHONE).phone.unwrap().spellings();
    texts.extend(["홍길동", "방문 약속", "페이지가 보낸"].map(str::to_owned));
    texts
}

/// Every row that says of whom it is, of this customer, by its table.
pub(crate) async fn rows_of(app: &TestApp, phone: &str) -> Value {
    let mut rows = serde_json::Map::new();
    for (table, column) in [
        ("interest", "customer_id"),
        ("notification", "customer_id"),
        ("known_consultation", "customer_id"),
        ("served", "customer_id"),
        ("disclosure", "customer_id"),
        ("customer", "id"),
        ("erased_customer", "customer_id"),
        ("idempotency_key", "principal"),
    ] {
        let sql = format!(
            "select coalesce(jsonb_agg(t order by t::text), '[]') from {table} t where {column} = $1"
        );
        let found: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(customer(phone).subject)
            .fetch_one(app.pool())
            .await
            .unwrap();
        rows.insert(table.to_owned(), found);
    }
    rows.into()
}

pub(crate) fn counts(rows: &Value) -> Vec<(&str, usize)> {
    rows.as_object()
        .unwrap()
        .iter()
        .map(|(table, rows)| (table.as_str(), rows.as_array().unwrap().len()))
        .collect()
}

/// A little later.
pub(crate) fn pass(app: &TestApp, time: TimeDelta) {
    app.clock().advance(time);
}

/// The usual customer and the stranger, each with all that can be known of somebody. Gives the usual one's interests: one that is matched and
/// on, one that a salesman entered, one that is off, one of a project that nobody has heard of, and one that was merged.
pub(crate) async fn two_of_whom_everything_is_known(app: &TestApp) -> [Uuid; 5] {
    let (off, double) = (Uuid::from_u128(0x0FF), Uuid::from_u128(0xD0));
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    app.deliver(
        1,
        &created(off, an_edition(Uuid::from_u128(0xF5), "다른 사업")),
    )
    .await;
    let mut made = Vec::new();
    for (number, phone) in [(1, PHONE), (2, STRANGER)] {
        pass(app, TimeDelta::seconds(1));
        let caller = app.as_customer(phone);
        let id = id_of(
            &caller
                .post_with_key("/interests", "once", &a_mark())
                .await
                .expect(201),
        );
        app.deliver(1, &a_match(of(id), SALESMAN, Some(CONSULTANT)))
            .await;
        let by_salesman = json!({
            "projectId": NEXT, "projectName": "페이지가 보낸 이름", "phone": phone, "customerName": "홍길동", "consent": true,
        });
        let entered = id_of(
            &app.as_salesman(SALESMAN)
                .post_with_key("/interests", &format!("key-{number}"), &by_salesman)
                .await
                .expect(201),
        );
        let turned = id_of(
            &caller
                .post("/interests", &json!({ "projectId": off }))
                .await
                .expect(201),
        );
        caller
            .patch_if(
                &format!("/interests/{turned}"),
                1,
                &json!({ "interested": false }),
            )
            .await
            .expect(200);
        let body =
            |project: Uuid| json!({ "projectId": project, "projectName": "페이지가 보낸 이름" });
        let unheard = id_of(&caller.post("/interests", &body(UNHEARD)).await.expect(201));
        pass(app, TimeDelta::seconds(1));
        let merged = id_of(&caller.post("/interests", &body(double)).await.expect(201));
        app.as_staff()
            .get(&format!(
                "/interests/{id}/phone?why=%EB%B0%A9%EB%AC%B8%20%EC%95%BD%EC%86%8D"
            ))
            .await
            .expect(200);
        app.deliver(1, &asked(number, phone)).await;
        app.deliver(1, &served(number, phone, SALESMAN)).await;
        made.push([id, entered, turned, unheard, merged]);
    }
    app.deliver(
        1,
        &created(double, an_edition(Uuid::from_u128(0xF5), "다른 사업 2차")),
    )
    .await;
    deliver_at(
        app,
        instant("2026-11-23T02:00:00Z"),
        2,
        &started(PROJECT, in_year(2026, ProjectStatus::Planned)),
    )
    .await;
    made[0]
}

/// Keeps records aside that name the customer in ways in which none should.
async fn park(app: &TestApp, phone: &str) {
    let matched = a_match(of(Uuid::from_u128(0x404)), SALESMAN, None);
    let known = customer(phone);
    let number = known.phone.unwrap();
    let told = [
        json!({ "customerId": known.subject, "name": "홍길동", "phone": number.e164() })
            .to_string(),
        json!({ "said": format!("{}로 연락", number.national()) }).to_string(),
        format!("no JSON {}", number.national()),
    ];
    for payload in told {
        let mut newer = envelope(Uuid::new_v4(), 1, &matched);
        "ktgg.SalesmanUnmatched.v1".clone_into(&mut newer.type_name);
        newer.aggregate_id = Uuid::new_v4();
        app.deliver_raw(&newer, payload.into_bytes()).await;
    }
}

#[tokio::test]
async fn nothing_says_any_more_who_he_is_and_another_customers_things_are_untouched() {
    let app = start().await;
    let made = two_of_whom_everything_is_known(&app).await;
    // The stranger has other words for himself, so that what is found is the one's.
    for table in ["interest", "disclosure"] {
        let column = if table == "interest" {
            "customer_name"
        } else {
            "why"
        };
        let sql = format!("update {table} set {column} = '임꺽정' where customer_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(customer(STRANGER).subject)
            .execute(app.pool())
            .await
            .unwrap();
    }
    sqlx::query("update interest set project_name = '사업' where customer_id = $1 and project_name is not null")
        .bind(customer(STRANGER).subject)
        .execute(app.pool())
        .await
        .unwrap();
    park(&app, PHONE).await;
    assert_eq!(
        found(&app, &his()).await,
        ["disclosure", "interest", "parked"]
    );
    let (before, strangers) = (rows_of(&app, PHONE).await, rows_of(&app, STRANGER).await);
    let expected = |consultation, mine, keys, gone| {
        let mut all = vec![
            ("customer", mine),
            ("disclosure", 1),
            ("erased_customer", gone),
            ("idempotency_key", keys),
            ("interest", 5),
        ];
        all.extend([
            ("known_consultation", consultation),
            ("notification", mine),
            ("served", 2 * mine),
        ]);
        all
    };
    assert_eq!(counts(&before), expected(1, 1, 1, 0));
    assert_eq!(counts(&strangers), expected(1, 1, 1, 0));

    pass(&app, TimeDelta::hours(2));
    assert_eq!(erase(&app, PHONE).await.expect(204), Value::Null);
    assert_eq!(found(&app, &his()).await, [] as [String; 0]);
    assert_eq!(counts(&rows_of(&app, PHONE).await), expected(0, 0, 0, 1));
    assert_eq!(rows_of(&app, STRANGER).await, strangers);
    // As a value of its own: an id may hold these four digits by chance.
    let last_four = ["\"5678\"", ",5678,", ",5678)"].map(str::to_owned);
    assert_eq!(
        (app.parked().await.len(), found(&app, &last_four).await),
        (3, vec!["event_log".to_owned()])
    );
    // His ids stay.
    for id in made {
        let left = seen(&app, id).await;
        assert_eq!(
            (&left["interested"], &left["erasedAt"]),
            (&json!(false), &json!("2026-11-23T03:00:04Z")),
            "{left}"
        );
    }
}

#[tokio::test]
async fn what_was_on_is_turned_off_by_the_customer_so_that_its_match_is_closed_and_what_was_off_tells_nothing()
 {
    let app = start().await;
    let [matched, entered, off, unheard, merged] = two_of_whom_everything_is_known(&app).await;
    app.new_events().await;
    let versions = async || {
        let mut versions = Vec::new();
        for id in [matched, entered, off, unheard, merged] {
            versions.push(seen(&app, id).await["version"].as_i64().unwrap());
        }
        versions
    };
    // The one that was off was turned on when the other of its series was merged into it.
    assert_eq!(versions().await, [1, 1, 3, 1, 2]);
    erase(&app, PHONE).await.expect(204);
    let events = app.new_events().await;
    let told: Vec<_> = events
        .iter()
        .map(|(name, version, told)| (name.as_str(), *version, told["interestId"].clone()))
        .collect();
    let updated = |id: Uuid, version: i64| ("ktgg.InterestUpdated.v1", version, json!(id));
    let mut expected = [
        updated(matched, 2),
        updated(entered, 2),
        updated(off, 4),
        updated(unheard, 2),
    ];
    expected[..].sort_by_key(|(.., id)| id.to_string());
    assert_eq!(told, expected);
    let himself = customer(PHONE).subject;
    for (.., event) in &events {
        assert_eq!(
            (&event["interested"], &event["customerId"]),
            (&json!(false), &json!(himself))
        );
        assert_eq!(
            (&event["actor"], &event["lastFour"]),
            (
                &json!({ "role": "customer", "id": himself }),
                &json!("5678")
            )
        );
        let is_matched = event["interestId"] == json!(matched);
        assert_eq!(
            event.get("salesmanId"),
            is_matched.then(|| json!(SALESMAN)).as_ref()
        );
    }
    assert_eq!(versions().await, [2, 2, 4, 2, 2]);
}

#[tokio::test]
async fn erasing_once_more_changes_nothing_and_who_is_not_known_is_erased_too() {
    let app = start().await;
    assert_eq!(erase(&app, PHONE).await.expect(204), Value::Null);
    assert_eq!(
        counts(&rows_of(&app, PHONE).await)
            .into_iter()
            .map(|(_, count)| count)
            .sum::<usize>(),
        1
    );
    pass(&app, TimeDelta::hours(1));
    let id = marked_and_matched(&app).await;
    pass(&app, TimeDelta::hours(1));
    erase(&app, PHONE).await.expect(204);
    app.new_events().await;
    let (left, version) = (
        rows_of(&app, PHONE).await["interest"].clone(),
        seen(&app, id).await,
    );
    pass(&app, TimeDelta::hours(1));
    // With the number, as well as without.
    app.as_customer(PHONE)
        .send(Method::DELETE, "/me", &[], Vec::new())
        .await
        .expect(204);
    erase(&app, PHONE).await.expect(204);
    assert_eq!(
        (
            rows_of(&app, PHONE).await["interest"].clone(),
            seen(&app, id).await
        ),
        (left, version)
    );
    assert!(app.new_events().await.is_empty());
    for path in ["/me", "/me/data", "/me/disclosures"] {
        let method = if path == "/me" {
            Method::DELETE
        } else {
            Method::GET
        };
        assert_eq!(
            app.anyone()
                .send(method.clone(), path, &[], Vec::new())
                .await
                .problem(401)
                .0,
            "sign-in-required"
        );
        for caller in [
            app.as_staff(),
            app.as_salesman(SALESMAN),
            app.as_consultant(CONSULTANT),
        ] {
            assert_eq!(
                caller
                    .send(method.clone(), path, &[], Vec::new())
                    .await
                    .problem(403)
                    .0,
                "not-allowed",
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn an_erasure_that_fails_half_way_has_erased_nothing() {
    let app = start().await;
    let id = marked_and_matched(&app).await;
    app.as_staff()
        .get(&format!("/interests/{id}/phone?why=x"))
        .await
        .expect(200);
    sqlx::query("alter table disclosure add constraint half_way check (why is not null)")
        .execute(app.pool())
        .await
        .unwrap();
    let before = rows_of(&app, PHONE).await;
    assert_eq!(erase(&app, PHONE).await.problem(500).0, "internal");
    assert_eq!(
        (rows_of(&app, PHONE).await, app.new_events().await.len()),
        (before, 0)
    );
    sqlx::query("alter table disclosure drop constraint half_way")
        .execute(app.pool())
        .await
        .unwrap();
    erase(&app, PHONE).await.expect(204);
    assert_eq!(app.new_events().await.len(), 1);
}

#[tokio::test]
async fn staff_see_what_is_left_without_the_person_and_nobody_else_sees_it() {
    let app = start().await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Ongoing)))
        .await;
    let id = marked_and_matched(&app).await;
    let before = seen(&app, id).await;
    erase(&app, PHONE).await.expect(204);
    app.new_events().await;
    let path = format!("/interests/{id}");
    for caller in [
        app.as_customer(PHONE),
        app.as_salesman(SALESMAN),
        app.as_consultant(CONSULTANT),
    ] {
        assert_eq!(caller.get(&path).await.problem(404).0, "not-found");
        assert_eq!(
            caller.get("/interests").await.expect(200),
            json!({ "items": [] })
        );
    }
    for caller in [
        app.as_salesman(SALESMAN),
        app.as_consultant(CONSULTANT),
        app.as_staff(),
    ] {
        assert_eq!(
            caller.get(&format!("{path}/phone")).await.problem(404).0,
            "not-found"
        );
    }
    pass(&app, TimeDelta::days(60));
    for caller in [
        app.as_salesman(SALESMAN),
        app.as_consultant(CONSULTANT),
        app.as_staff(),
    ] {
        assert_eq!(
            caller.get("/interests/unattended").await.expect(200),
            json!({ "items": [] })
        );
    }
    let mut left = before;
    for person in ["customerId", "customerName", "phone", "consent"] {
        left[person] = Value::Null;
    }
    left["interested"] = json!(false);
    left["erasedAt"] = json!("2026-11-23T01:00:00Z");
    left["version"] = json!(2);
    assert_eq!(seen(&app, id).await, left);
    let staff = app.as_staff();
    assert_eq!(
        staff.get("/interests").await.expect(200),
        json!({ "items": [left] })
    );
    let of_him = format!("/interests?customer={}", customer(PHONE).subject);
    assert_eq!(staff.get(&of_him).await.expect(200), json!({ "items": [] }));
    // It is off for good.
    let on = json!({ "interested": true, "consent": true });
    assert_eq!(
        staff.patch_if(&path, 2, &on).await.problem(409).0,
        "interest-erased"
    );
    assert_eq!(
        staff.patch_if(&path, 1, &on).await.problem(412).0,
        "stale-version"
    );
    assert_eq!(
        staff
            .patch_if(&path, 2, &json!({ "interested": false }))
            .await
            .expect(200),
        left
    );
    assert!(app.new_events().await.is_empty());
    let recorded: i64 = sqlx::query_scalar("select count(*) from disclosure")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(recorded, 0);
}

#[tokio::test]
async fn a_colleagues_write_that_is_sent_again_enters_nobody_anew() {
    let app = start().await;
    let body = json!({ "projectId": PROJECT, "projectName": "사업", "phone": PHONE, "customerName": "홍길동", "consent": true });
    let callers = || [app.as_salesman(SALESMAN), app.as_staff()];
    for caller in callers() {
        caller.post_with_key("/interests", "once", &body).await;
    }
    erase(&app, PHONE).await.expect(204);
    app.new_events().await;
    for caller in callers() {
        assert_eq!(
            caller
                .post_with_key("/interests", "once", &body)
                .await
                .problem(422)
                .0,
            "idempotency-key-reused"
        );
    }
    let rows: i64 = sqlx::query_scalar("select count(*) from interest")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!((rows, app.new_events().await.len()), (1, 0));
}

#[tokio::test]
async fn whatever_happens_at_the_same_moment_leaves_nothing_and_parks_nothing() {
    let app = start().await;
    for number in 0..8_u128 {
        let phone = format!("010-5555-{number:04}");
        let body =
            json!({ "projectId": PROJECT, "projectName": "스마트상점", "customerName": "홍길동" });
        let id = id_of(
            &app.as_customer(&phone)
                .post("/interests", &body)
                .await
                .expect(201),
        );
        let other =
            json!({ "projectId": NEXT, "projectName": "스마트상점", "customerName": "홍길동" });
        let (caller, staff, path) = (
            app.as_customer(&phone),
            app.as_staff(),
            format!("/interests/{id}/phone?why=visit"),
        );
        let (asking, matched) = (
            asked(0x1000 + number, &phone),
            a_match(of(id), SALESMAN, None),
        );
        let (erased, shown, marked, (), ()) = tokio::join!(
            erase(&app, &phone),
            staff.get(&path),
            caller.post("/interests", &other),
            app.deliver(1, &asking),
            app.deliver(1, &matched),
        );
        erased.expect(204);
        assert!(matches!(shown.status.as_u16(), 200 | 404), "{shown:?}");
        marked.expect(201);
        // Whoever looked before is recorded without a reason, and nobody looked after.
        let whys: i64 = sqlx::query_scalar("select count(*) from disclosure where why is not null")
            .fetch_one(app.pool())
            .await
            .unwrap();
        assert_eq!(whys, 0);
        // A request that was on its way is why the gateway erases twice.
        erase(&app, &phone).await.expect(204);
        let rows = rows_of(&app, &phone).await;
        assert_eq!(
            counts(&rows)[5..],
            [
                ("known_consultation", 0),
                ("notification", 0),
                ("served", 0)
            ]
        );
        let mut texts = customer(&phone).phone.unwrap().spellings();
        texts.push("홍길동".to_owned());
        assert_eq!(found(&app, &texts).await, [] as [String; 0]);
    }
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn the_reminder_waits_for_an_erasure_and_reminds_nobody_who_is_gone() {
    let app = start().await;
    let edition = Edition {
        period: until(Some("2026-11-30")),
        ..in_year(2026, ProjectStatus::Ongoing)
    };
    deliver_at(
        &app,
        instant("2026-11-22T01:00:00Z"),
        1,
        &created(PROJECT, edition),
    )
    .await;
    marked(&app).await;
    // Another instance erases him, and is about to commit.
    let mut tx = app.context().db.begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/serving', 2))",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query(
        "update interest set interested = false, phone = null, customer_name = null, erased_at = created_at where customer_id = $1",
    )
    .bind(customer(PHONE).subject)
    .execute(&mut *tx)
    .await
    .unwrap();
    let committing = async {
        crate::merging::wait_for_a_lock(&app).await;
        tx.commit().await.unwrap();
    };
    let (reminded, ()) = tokio::join!(interest::remind_deadlines(app.context()), committing);
    assert_eq!(reminded.unwrap(), 0);
}

#[tokio::test]
async fn a_number_is_not_read_while_its_customer_is_erased() {
    let app = start().await;
    let id = marked(&app).await;
    // Another instance erases him, and is about to commit.
    let mut tx = app.pool().begin().await.unwrap();
    sqlx::query("select 1 from customer for update")
        .execute(&mut *tx)
        .await
        .unwrap();
    let erased = "update interest set interested = false, phone = null, customer_name = null, erased_at = created_at where id = $1";
    sqlx::query(erased)
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    let committing = async {
        crate::merging::wait_for_a_lock(&app).await;
        tx.commit().await.unwrap();
    };
    let (staff, path) = (app.as_staff(), format!("/interests/{id}/phone?why=visit"));
    let (answer, ()) = tokio::join!(staff.get(&path), committing);
    assert_eq!(answer.problem(404).0, "not-found");
    let recorded: i64 = sqlx::query_scalar("select count(*) from disclosure")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(recorded, 0);
}

#[tokio::test]
async fn an_erasure_waits_for_the_events_that_are_taken_in_at_that_moment() {
    let app = start().await;
    marked(&app).await;
    // A batch of events tells him something, and is about to commit.
    let mut batch = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/serving', 2))",
    )
    .execute(&mut *batch)
    .await
    .unwrap();
    sqlx::query(
        "insert into notification (id, customer_id, kind, series_id, project_id, project_name, created_at)
         values ($1, $2, 'started', $1, $1, '사업', '2026-11-23T01:00:00Z')",
    )
    .bind(SERIES)
    .bind(customer(PHONE).subject)
    .execute(&mut *batch)
    .await
    .unwrap();
    let committing = async {
        crate::merging::wait_for_a_lock(&app).await;
        batch.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(erase(&app, PHONE), committing);
    answer.expect(204);
    assert_eq!(rows_of(&app, PHONE).await["notification"], json!([]));
}

#[tokio::test]
async fn the_keys_of_the_writes_that_made_something_are_found_by_it() {
    let app = start().await;
    let mut connection = app.pool().acquire().await.unwrap();
    // However few rows there are here.
    sqlx::query("set enable_seqscan = off")
        .execute(&mut *connection)
        .await
        .unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "explain update idempotency_key set body_hash = '' where resource in (select id from interest where customer_id = $1)",
    )
    .bind(Uuid::nil())
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    // It gives the connection back as it was.
    sqlx::query("reset enable_seqscan")
        .execute(&mut *connection)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("idempotency_key_resource"), "{plan}");
}
