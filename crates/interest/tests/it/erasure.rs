//! Erasure of a customer.

use axum::http::Method;
use chrono::TimeDelta;
use events::{Edition, ProjectStatus};
use serde_json::{Value, json};
use service_kit::auth::Identity;
use service_kit::testing::{TestApp, TestResponse, an_edition, customer, envelope};
use uuid::Uuid;

use crate::unattended::{consultation_created, consultation_matched};
use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, create_body, create_interest,
    create_matched_interest, created, deliver_at, edition_of_year, id_of, instant, interest_origin,
    period_until, salesman_matched, start, started, view_as_staff,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);
const UNKNOWN: Uuid = Uuid::from_u128(0x9409);

/// Sends the erasure as the gateway does: its token contains no phone number.
pub(crate) async fn erase(app: &TestApp, phone: &str) -> TestResponse {
    let who = Identity {
        phone: None,
        ..customer(phone)
    };
    app.with(&who)
        .send(Method::DELETE, "/me", &[], Vec::new())
        .await
}

/// The tables that contain one of these texts, as text or as bytes.
pub(crate) async fn tables_containing(app: &TestApp, texts: &[String]) -> Vec<String> {
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
                               or position(encode(convert_to(sought, 'UTF8'), 'hex')
                                           in t::text) > 0)"
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

/// Every spelling of the usual customer's number, the customer's name, and the disclosure reason.
fn personal_texts() -> Vec<String> {
    let mut texts = customer(PHONE).phone.unwrap().spellings();
    texts.extend(["홍길동", "방문 약속", "페이지가 보낸"].map(str::to_owned));
    texts
}

/// All rows with this customer's id, by table.
pub(crate) async fn customer_rows(app: &TestApp, phone: &str) -> Value {
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
            "select coalesce(jsonb_agg(t order by t::text), '[]') from {table} t
                where {column} = $1"
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

pub(crate) fn row_counts(rows: &Value) -> Vec<(&str, usize)> {
    rows.as_object()
        .unwrap()
        .iter()
        .map(|(table, rows)| (table.as_str(), rows.as_array().unwrap().len()))
        .collect()
}

pub(crate) fn advance(app: &TestApp, time: TimeDelta) {
    app.clock().advance(time);
}

/// The usual customer and another one, each with rows in every table. Returns the interests of the
/// usual one: matched and on, entered by a salesman, off, in an unknown project, and merged.
pub(crate) async fn create_two_full_customers(app: &TestApp) -> [Uuid; 5] {
    let (off, second_edition) = (Uuid::from_u128(0x0FF), Uuid::from_u128(0xD0));
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    app.deliver(
        1,
        &created(off, an_edition(Uuid::from_u128(0xF5), "다른 사업")),
    )
    .await;
    let mut interests = Vec::new();
    for (number, phone) in [(1, PHONE), (2, OTHER_PHONE)] {
        advance(app, TimeDelta::seconds(1));
        let caller = app.as_customer(phone);
        let id = id_of(
            &caller
                .post_with_key("/interests", "once", &create_body())
                .await
                .expect(201),
        );
        app.deliver(
            1,
            &salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT)),
        )
        .await;
        let by_salesman = json!({
            "projectId": NEXT, "projectName": "페이지가 보낸 이름", "phone": phone, "customerName": "홍길동",
            "consent": true,
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
        let unknown = id_of(&caller.post("/interests", &body(UNKNOWN)).await.expect(201));
        advance(app, TimeDelta::seconds(1));
        let merged = id_of(
            &caller
                .post("/interests", &body(second_edition))
                .await
                .expect(201),
        );
        app.as_staff()
            .post(
                &format!("/interests/{id}/phone"),
                &json!({ "why": "방문 약속" }),
            )
            .await
            .expect(200);
        app.deliver(1, &consultation_created(number, phone)).await;
        app.deliver(1, &consultation_matched(number, phone, SALESMAN))
            .await;
        interests.push([id, entered, turned, unknown, merged]);
    }
    app.deliver(
        1,
        &created(
            second_edition,
            an_edition(Uuid::from_u128(0xF5), "다른 사업 2차"),
        ),
    )
    .await;
    deliver_at(
        app,
        instant("2026-11-23T02:00:00Z"),
        2,
        &started(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    interests[0]
}

/// Parks records that contain the customer's personal data, as no record should.
async fn park_records(app: &TestApp, phone: &str) {
    let matched = salesman_matched(interest_origin(Uuid::from_u128(0x404)), SALESMAN, None);
    let known = customer(phone);
    let number = known.phone.unwrap();
    let payloads = [
        json!({ "customerId": known.subject, "name": "홍길동", "phone": number.e164() })
            .to_string(),
        json!({ "said": format!("{}로 연락", number.national()) }).to_string(),
        format!("no JSON {}", number.national()),
    ];
    for payload in payloads {
        let mut newer = envelope(Uuid::new_v4(), 1, &matched);
        "ktgg.SalesmanCloned.v1".clone_into(&mut newer.type_name);
        newer.aggregate_id = Uuid::new_v4();
        app.deliver_raw(&newer, payload.into_bytes()).await;
    }
}

#[tokio::test]
async fn erasure_removes_all_personal_data_of_one_customer_only() {
    let app = start().await;
    let interests = create_two_full_customers(&app).await;
    // The other customer has other texts, so that only the erased customer's are found.
    for table in ["interest", "disclosure"] {
        let column = if table == "interest" {
            "customer_name"
        } else {
            "why"
        };
        let sql = format!("update {table} set {column} = '임꺽정' where customer_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(customer(OTHER_PHONE).subject)
            .execute(app.pool())
            .await
            .unwrap();
    }
    sqlx::query(
        "update interest set project_name = '사업' where customer_id = $1
        and project_name is not null",
    )
    .bind(customer(OTHER_PHONE).subject)
    .execute(app.pool())
    .await
    .unwrap();
    park_records(&app, PHONE).await;
    assert_eq!(
        tables_containing(&app, &personal_texts()).await,
        ["disclosure", "interest", "parked"]
    );
    let (before, others) = (
        customer_rows(&app, PHONE).await,
        customer_rows(&app, OTHER_PHONE).await,
    );
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
    assert_eq!(row_counts(&before), expected(1, 1, 1, 0));
    assert_eq!(row_counts(&others), expected(1, 1, 1, 0));

    advance(&app, TimeDelta::hours(2));
    assert_eq!(erase(&app, PHONE).await.expect(204), Value::Null);
    assert_eq!(
        tables_containing(&app, &personal_texts()).await,
        [] as [String; 0]
    );
    assert_eq!(
        row_counts(&customer_rows(&app, PHONE).await),
        expected(0, 0, 0, 1)
    );
    assert_eq!(customer_rows(&app, OTHER_PHONE).await, others);
    // As a separate value: an id may contain these four digits by chance.
    let last_four = ["\"5678\"", ",5678,", ",5678)"].map(str::to_owned);
    assert_eq!(
        (
            app.parked().await.len(),
            tables_containing(&app, &last_four).await
        ),
        (3, vec!["event_log".to_owned()])
    );
    // The ids stay.
    for id in interests {
        let left = view_as_staff(&app, id).await;
        assert_eq!(
            (&left["interested"], &left["erasedAt"]),
            (&json!(false), &json!("2026-11-23T03:00:04Z")),
            "{left}"
        );
    }
}

#[tokio::test]
async fn erasure_publishes_turning_off_only_for_interests_on() {
    let app = start().await;
    let [matched, entered, off, unknown, merged] = create_two_full_customers(&app).await;
    app.new_events().await;
    let versions = async || {
        let mut versions = Vec::new();
        for id in [matched, entered, off, unknown, merged] {
            versions.push(view_as_staff(&app, id).await["version"].as_i64().unwrap());
        }
        versions
    };
    // The one that was off was turned on when another of its series was merged into it.
    assert_eq!(versions().await, [1, 1, 3, 1, 2]);
    erase(&app, PHONE).await.expect(204);
    let events = app.new_events().await;
    let published: Vec<_> = events
        .iter()
        .map(|(name, version, event)| (name.as_str(), *version, event["interestId"].clone()))
        .collect();
    let updated = |id: Uuid, version: i64| ("ktgg.InterestUpdated.v1", version, json!(id));
    let mut expected = [
        updated(matched, 2),
        updated(entered, 2),
        updated(off, 4),
        updated(unknown, 2),
    ];
    expected[..].sort_by_key(|(.., id)| id.to_string());
    assert_eq!(published, expected);
    let customer_id = customer(PHONE).subject;
    for (.., event) in &events {
        assert_eq!(
            (&event["interested"], &event["customerId"]),
            (&json!(false), &json!(customer_id))
        );
        assert_eq!(
            (&event["actor"], &event["lastFour"]),
            (
                &json!({ "role": "customer", "id": customer_id }),
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
async fn erasing_twice_or_an_unknown_customer_changes_nothing() {
    let app = start().await;
    assert_eq!(erase(&app, PHONE).await.expect(204), Value::Null);
    assert_eq!(
        row_counts(&customer_rows(&app, PHONE).await)
            .into_iter()
            .map(|(_, count)| count)
            .sum::<usize>(),
        1
    );
    advance(&app, TimeDelta::hours(1));
    let id = create_matched_interest(&app).await;
    advance(&app, TimeDelta::hours(1));
    erase(&app, PHONE).await.expect(204);
    app.new_events().await;
    let (left, version) = (
        customer_rows(&app, PHONE).await["interest"].clone(),
        view_as_staff(&app, id).await,
    );
    advance(&app, TimeDelta::hours(1));
    // With the number in the token, and without.
    app.as_customer(PHONE)
        .send(Method::DELETE, "/me", &[], Vec::new())
        .await
        .expect(204);
    erase(&app, PHONE).await.expect(204);
    assert_eq!(
        (
            customer_rows(&app, PHONE).await["interest"].clone(),
            view_as_staff(&app, id).await
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
            app.anonymous()
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
async fn failed_erasure_is_rolled_back() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    app.as_staff()
        .post(&format!("/interests/{id}/phone"), &json!({ "why": "x" }))
        .await
        .expect(200);
    sqlx::query("alter table disclosure add constraint half_way check (why is not null)")
        .execute(app.pool())
        .await
        .unwrap();
    let before = customer_rows(&app, PHONE).await;
    assert_eq!(erase(&app, PHONE).await.problem(500).0, "internal");
    assert_eq!(
        (
            customer_rows(&app, PHONE).await,
            app.new_events().await.len()
        ),
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
async fn only_staff_see_erased_interests_without_personal_data() {
    let app = start().await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    let id = create_matched_interest(&app).await;
    let before = view_as_staff(&app, id).await;
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
            caller
                .post(&format!("{path}/phone"), &json!({}))
                .await
                .problem(404)
                .0,
            "not-found"
        );
    }
    advance(&app, TimeDelta::days(60));
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
    assert_eq!(view_as_staff(&app, id).await, left);
    let staff = app.as_staff();
    assert_eq!(
        staff.get("/interests").await.expect(200),
        json!({ "items": [left] })
    );
    let by_customer = format!("/interests?customer={}", customer(PHONE).subject);
    assert_eq!(
        staff.get(&by_customer).await.expect(200),
        json!({ "items": [] })
    );
    // It is off permanently.
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
async fn retry_of_a_write_before_the_erasure_is_refused() {
    let app = start().await;
    let body = json!({
        "projectId": PROJECT, "projectName": "사업", "phone": PHONE, "customerName": "홍길동",
        "consent": true,
    });
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
async fn concurrent_work_and_erasure_leave_no_personal_data() {
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
        let why = json!({ "why": "visit" });
        let (caller, staff, path) = (
            app.as_customer(&phone),
            app.as_staff(),
            format!("/interests/{id}/phone"),
        );
        let (created_event, matched) = (
            consultation_created(0x1000 + number, &phone),
            salesman_matched(interest_origin(id), SALESMAN, None),
        );
        let (erased, shown, marked, (), ()) = tokio::join!(
            erase(&app, &phone),
            staff.post(&path, &why),
            caller.post("/interests", &other),
            app.deliver(1, &created_event),
            app.deliver(1, &matched),
        );
        erased.expect(204);
        assert!(matches!(shown.status.as_u16(), 200 | 404), "{shown:?}");
        marked.expect(201);
        // An earlier disclosure has no reason any more, and there is no later one.
        let whys: i64 = sqlx::query_scalar("select count(*) from disclosure where why is not null")
            .fetch_one(app.pool())
            .await
            .unwrap();
        assert_eq!(whys, 0);
        // A concurrent request may come after the erasure: the gateway erases twice.
        erase(&app, &phone).await.expect(204);
        let rows = customer_rows(&app, &phone).await;
        assert_eq!(
            row_counts(&rows)[5..],
            [
                ("known_consultation", 0),
                ("notification", 0),
                ("served", 0)
            ]
        );
        let mut texts = customer(&phone).phone.unwrap().spellings();
        texts.push("홍길동".to_owned());
        assert_eq!(tables_containing(&app, &texts).await, [] as [String; 0]);
    }
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn reminder_waits_for_a_running_erasure() {
    let app = start().await;
    let edition = Edition {
        period: period_until(Some("2026-11-30")),
        ..edition_of_year(2026, ProjectStatus::Ongoing)
    };
    deliver_at(
        &app,
        instant("2026-11-22T01:00:00Z"),
        1,
        &created(PROJECT, edition),
    )
    .await;
    create_interest(&app).await;
    // Another instance erases the customer and is about to commit.
    let mut tx = app.context().db.begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/serving', 2))",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query(
        "update interest
            set interested = false, phone = null, customer_name = null, erased_at = created_at
            where customer_id = $1",
    )
    .bind(customer(PHONE).subject)
    .execute(&mut *tx)
    .await
    .unwrap();
    let committing = async {
        crate::merging::wait_for_lock(&app).await;
        tx.commit().await.unwrap();
    };
    let (reminded, ()) = tokio::join!(interest::remind_deadlines(app.context()), committing);
    assert_eq!(reminded.unwrap(), 0);
}

#[tokio::test]
async fn phone_request_waits_for_a_running_erasure() {
    let app = start().await;
    let id = create_interest(&app).await;
    // Another instance erases the customer and is about to commit.
    let mut tx = app.pool().begin().await.unwrap();
    sqlx::query("select 1 from customer for update")
        .execute(&mut *tx)
        .await
        .unwrap();
    let erased = "update interest
        set interested = false, phone = null, customer_name = null, erased_at = created_at
        where id = $1";
    sqlx::query(erased)
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    let committing = async {
        crate::merging::wait_for_lock(&app).await;
        tx.commit().await.unwrap();
    };
    let (staff, path) = (app.as_staff(), format!("/interests/{id}/phone"));
    let why = json!({ "why": "visit" });
    let (answer, ()) = tokio::join!(staff.post(&path, &why), committing);
    assert_eq!(answer.problem(404).0, "not-found");
    let recorded: i64 = sqlx::query_scalar("select count(*) from disclosure")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(recorded, 0);
}

#[tokio::test]
async fn erasure_waits_for_a_running_batch_of_events() {
    let app = start().await;
    create_interest(&app).await;
    // A batch of events inserts a notification and is about to commit.
    let mut batch = app.pool().begin().await.unwrap();
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '/serving', 2))",
    )
    .execute(&mut *batch)
    .await
    .unwrap();
    sqlx::query(
        "insert into notification (id, customer_id, kind, series_id, project_id, project_name,
            created_at)
         values ($1, $2, 'started', $1, $1, '사업', '2026-11-23T01:00:00Z')",
    )
    .bind(SERIES)
    .bind(customer(PHONE).subject)
    .execute(&mut *batch)
    .await
    .unwrap();
    let committing = async {
        crate::merging::wait_for_lock(&app).await;
        batch.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(erase(&app, PHONE), committing);
    answer.expect(204);
    assert_eq!(customer_rows(&app, PHONE).await["notification"], json!([]));
}

#[tokio::test]
async fn idempotency_keys_are_found_by_resource_index() {
    let app = start().await;
    let mut connection = app.pool().acquire().await.unwrap();
    // The planner would prefer a sequential scan of few rows.
    sqlx::query("set enable_seqscan = off")
        .execute(&mut *connection)
        .await
        .unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "explain update idempotency_key set body_hash = '' where resource in (select id
            from interest where customer_id = $1)",
    )
    .bind(Uuid::nil())
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    // The connection returns to the pool.
    sqlx::query("reset enable_seqscan")
        .execute(&mut *connection)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("idempotency_key_resource"), "{plan}");
}
