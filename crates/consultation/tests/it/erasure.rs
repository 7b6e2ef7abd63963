//! `EraseCustomer`.

use axum::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::forms::phone::Phone;
use service_kit::testing::{TestApp, customer};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, consultation_count, create_consultation,
    create_matched, erase, get_consultation, match_event, next_project, origin, request_body,
    send_change, start,
};

/// One consultation in each step, with reason, note and disclosure.
pub(crate) async fn create_in_every_step(app: &TestApp) -> Vec<(Uuid, &'static str)> {
    let ways: [(&str, &[&str]); 5] = [
        ("apply", &[]),
        ("approved", &["approved"]),
        ("succeeded", &["approved", "succeeded"]),
        ("failed", &["approved", "failed"]),
        ("cancelled", &["cancelled"]),
    ];
    let mut consultations = Vec::new();
    for (step, way) in ways {
        let id = create_matched(app).await;
        let path = format!("/consultations/{id}");
        for (version, step) in (1..).zip(way) {
            let body = json!({ "step": step, "reason": "은밀한 사유" });
            app.as_salesman(SALESMAN)
                .post_if(&format!("{path}/progress"), version, &body)
                .await
                .expect(200);
        }
        let note = json!({ "text": "은밀한 노트: 010 1234 5678" });
        app.as_consultant(CONSULTANT)
            .post(&format!("{path}/notes"), &note)
            .await
            .expect(201);
        app.as_staff()
            .post(&format!("{path}/phone"), &json!({ "why": "은밀한 문의" }))
            .await
            .expect(200);
        consultations.push((id, step));
    }
    app.new_events().await;
    consultations
}

/// The tables of the schema that contain a text, also as bytes: pairs of table and text.
async fn tables_containing(app: &TestApp, texts: &[String]) -> Vec<(String, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = current_schema()",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    assert!(
        ["consultation", "event_log", "parked", "timeline"]
            .iter()
            .all(|name| tables.iter().any(|table| table == name))
    );
    let mut found = Vec::new();
    for table in tables {
        for text in texts {
            let sql = format!(
                "select exists (
                     select from {table} t
                     where t::text like '%' || $1 || '%'
                        or t::text like '%' || encode(convert_to($1, 'UTF8'), 'hex') || '%')"
            );
            if sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(text)
                .fetch_one(app.pool())
                .await
                .unwrap()
            {
                found.push((table.clone(), text.clone()));
            }
        }
    }
    found
}

/// All rows of a consultation.
pub(crate) async fn stored_rows(app: &TestApp, id: Uuid) -> Vec<Value> {
    sqlx::query_scalar(
        "select to_jsonb(c) from consultation c where id = $1 union all
         (select to_jsonb(t) from timeline t where consultation_id = $1 order by id) union all
         (select to_jsonb(n) from note n where consultation_id = $1 order by id) union all
         (select to_jsonb(d) from disclosure d where consultation_id = $1 order by id)",
    )
    .bind(id)
    .fetch_all(app.pool())
    .await
    .unwrap()
}

/// Parks an unreadable record.
async fn park(app: &TestApp, offset: i64, payload: &[u8]) {
    sqlx::query(
        r#"insert into parked
               (topic, partition, "offset", headers, payload, reason, detail, parked_at)
           values ('ktgg.salesman-match', 0, $1, '{}', $2, 'unreadable', 'a test', now())"#,
    )
    .bind(offset)
    .bind(payload)
    .execute(app.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn erasure_removes_personal_data_from_all_tables() {
    let app = start().await;
    create_in_every_step(&app).await;
    let mut on_behalf = request_body();
    on_behalf["phone"] = json!(PHONE);
    on_behalf["consent"] = json!(true);
    on_behalf["projectName"] = json!("은밀한 사업");
    on_behalf["projectId"] = json!(next_project(&app).await);
    app.as_staff()
        .post_with_key("/consultations", "k-staff", &on_behalf)
        .await
        .expect(201);
    let mut own = request_body();
    own["projectId"] = json!(next_project(&app).await);
    app.as_customer(PHONE)
        .post_with_key("/consultations", "k-customer", &own)
        .await
        .expect(201);
    let in_a_record = json!({
        "customerId": customer(PHONE).subject, "customerName": "홍길동", "memo": "오전에 연락 주세요",
    });
    park(&app, 0, in_a_record.to_string().as_bytes()).await;
    park(&app, 1, "+82-10-1234-5678, 오전에 연락 주세요".as_bytes()).await;
    let phone: Phone = PHONE.parse().unwrap();
    let words = [
        "홍길동",
        "오전에 연락",
        "은밀한 사업",
        "은밀한 사유",
        "은밀한 노트",
        "은밀한 문의",
    ];
    let texts: Vec<String> = phone
        .spellings()
        .into_iter()
        .chain(words.map(str::to_owned))
        .collect();
    // The search finds each text before the erasure.
    let before = tables_containing(&app, &texts).await;
    for (table, text) in [
        ("consultation", "+821012345678"),
        ("consultation", "홍길동"),
        ("consultation", "오전에 연락"),
        ("consultation", "은밀한 사업"),
        ("consultation", "은밀한 사유"),
        ("timeline", "은밀한 사유"),
        ("note", "은밀한 노트"),
        ("note", "010 1234 5678"),
        ("disclosure", "은밀한 문의"),
        ("parked", "+82-10-1234-5678"),
        ("parked", "홍길동"),
    ] {
        assert!(
            before.contains(&(table.to_owned(), text.to_owned())),
            "{text} was not in {table}: {before:?}"
        );
    }
    assert_eq!(erase(&app, PHONE).await.status, 204);
    assert_eq!(tables_containing(&app, &texts).await, []);
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("select body_hash from idempotency_key")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(hashes, [Vec::<u8>::new()]);
    let with_consent: i64 = sqlx::query_scalar(
        "select count(*) from consultation
             where num_nonnulls(consent_role, consent_by, consent_at) > 0",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(with_consent, 0);
    // All rows still exist, with their ids.
    let ids: (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from consultation
                 where customer_id = $1 and erased_at is not null),
                (select count(*) from note where actor ->> 'id' = $2::text),
                (select count(*) from disclosure where customer_id = $1)",
    )
    .bind(customer(PHONE).subject)
    .bind(CONSULTANT)
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(ids, (7, 5, 5));
}

#[tokio::test]
async fn erasure_cancels_open_consultations_only() {
    let app = start().await;
    let consultations = create_in_every_step(&app).await;
    app.clock().advance(TimeDelta::minutes(1));
    assert_eq!(erase(&app, PHONE).await.status, 204);
    let actor = json!({ "role": "customer", "id": customer(PHONE).subject });
    let mut events: Vec<Value> = app
        .new_events()
        .await
        .into_iter()
        .map(|(name, version, event)| {
            assert_eq!(
                (name.as_str(), &event["actor"]),
                ("ktgg.ConsultationProgressed.v1", &actor)
            );
            assert_eq!(
                (&event["salesmanId"], &event["consultantId"]),
                (&json!(SALESMAN), &json!(CONSULTANT))
            );
            json!([event["consultationId"], version, event["from"], event["to"]])
        })
        .collect();
    events.sort_by_key(|event| event[1].as_i64());
    assert_eq!(
        events,
        [
            json!([consultations[0].0, 2, "apply", "cancelled"]),
            json!([consultations[1].0, 3, "approved", "cancelled"])
        ],
        "open consultations, once each"
    );
    for (id, step) in consultations {
        let is_open = matches!(step, "apply" | "approved");
        let view = get_consultation(&app.as_staff(), id).await;
        assert_eq!(
            view["step"],
            if is_open { "cancelled" } else { step },
            "{step}"
        );
        assert_eq!(view["erasedAt"], "2026-11-23T01:01:00Z", "{step}");
        let last = view["timeline"].as_array().unwrap().last().unwrap();
        let expected = if is_open {
            json!(["progressed", "customer", null])
        } else {
            json!(["noted", "consultant", null])
        };
        assert_eq!(
            json!([last["kind"], last["by"]["role"], last["reason"]]),
            expected,
            "{step}"
        );
    }
}

#[tokio::test]
async fn staff_see_erased_consultation_without_personal_data() {
    let app = start().await;
    let (id, _) = create_in_every_step(&app).await[3];
    let path = format!("/consultations/{id}");
    let mut expected = get_consultation(&app.as_staff(), id).await;
    erase(&app, PHONE).await;
    for field in ["customerId", "phone", "customerName", "reason"] {
        assert!(expected[field].is_string(), "{field}");
        expected[field] = Value::Null;
    }
    expected["memo"] = json!("");
    expected["erasedAt"] = json!("2026-11-23T01:00:00Z");
    expected["notes"][0]["text"] = Value::Null;
    for entry in expected["timeline"].as_array_mut().unwrap() {
        for field in ["reason", "text"]
            .into_iter()
            .filter(|field| entry.get(field).is_some())
            .collect::<Vec<_>>()
        {
            entry[field] = Value::Null;
        }
        if entry["by"]["role"] == "customer" {
            entry["by"]["id"] = Value::Null;
        }
    }
    expected["projectName"] = json!("");
    let view = get_consultation(&app.as_staff(), id).await;
    assert_eq!(view, expected);
    assert!(
        !view
            .to_string()
            .contains(&customer(PHONE).subject.to_string())
    );
    let of_customer = format!("/consultations?customer={}", customer(PHONE).subject);
    assert_eq!(
        app.as_staff().get(&of_customer).await.expect(200),
        json!({ "items": [] })
    );
    let listed = app
        .as_staff()
        .get("/consultations?step=failed")
        .await
        .expect(200);
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["phone"]),
        (&json!(id), &Value::Null)
    );
    // The phone is not available, notes are refused, and the step cannot change.
    assert_eq!(
        app.as_staff()
            .post(&format!("{path}/phone"), &json!({ "why": "x" }))
            .await
            .problem(404)
            .0,
        "not-found"
    );
    let note = app
        .as_staff()
        .post(&format!("{path}/notes"), &json!({ "text": "t" }))
        .await;
    assert_eq!(note.problem(409).0, "consultation-erased");
    let progress = json!({ "step": "cancelled", "reason": "r" });
    let refused = app
        .as_staff()
        .post_if(&format!("{path}/progress"), 3, &progress)
        .await;
    assert_eq!(refused.problem(409).0, "consultation-closed");
    let repeated = app
        .as_staff()
        .post_if(
            &format!("{path}/progress"),
            3,
            &json!({ "step": "failed", "reason": "다시" }),
        )
        .await;
    assert_eq!(repeated.expect(200)["reason"], Value::Null);
}

#[tokio::test]
async fn assignees_do_not_see_erased_consultations() {
    let app = start().await;
    let consultations = create_in_every_step(&app).await;
    erase(&app, PHONE).await;
    let callers = [
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(CONSULTANT)),
    ];
    for (role, caller) in callers {
        for query in ["", "?sort=desired", "?step=cancelled"] {
            let list = caller
                .get(&format!("/consultations{query}"))
                .await
                .expect(200);
            assert_eq!(list, json!({ "items": [] }), "{role} {query}");
        }
        let of_customer = format!(
            "/consultations?customer={}&project={PROJECT}",
            customer(PHONE).subject
        );
        assert_eq!(
            caller.get(&of_customer).await.expect(200),
            json!({ "items": [] }),
            "{role}"
        );
        for (id, step) in &consultations {
            let path = format!("/consultations/{id}");
            assert_eq!(
                caller.get(&path).await.problem(404).0,
                "not-found",
                "{role} {step}"
            );
            assert_eq!(
                caller
                    .post(&format!("{path}/phone"), &json!({ "why": "x" }))
                    .await
                    .problem(404)
                    .0,
                "not-found",
                "{role} {step}"
            );
            let note = caller
                .post(&format!("{path}/notes"), &json!({ "text": "t" }))
                .await;
            assert_eq!(note.problem(404).0, "not-found", "{role} {step}");
            if role == "salesman" {
                assert_eq!(
                    send_change(&caller, id, Method::POST, "*")
                        .await
                        .problem(404)
                        .0,
                    "not-found",
                    "{step}"
                );
            }
        }
    }
    assert_eq!(app.new_events().await.len(), 2);
}

#[tokio::test]
async fn repeated_or_empty_erasure_changes_nothing() {
    let app = start().await;
    assert_eq!(erase(&app, PHONE).await.status, 204);
    let (id, _) = create_in_every_step(&app).await[1];
    erase(&app, PHONE).await;
    let (after_first, event_count) = (stored_rows(&app, id).await, app.new_events().await.len());
    app.clock().advance(TimeDelta::minutes(5));
    assert_eq!(
        (erase(&app, PHONE).await.status.as_u16(), event_count),
        (204, 2)
    );
    // The same with the phone number in the token.
    assert_eq!(
        app.as_customer(PHONE)
            .send(Method::DELETE, "/me", &[], Vec::new())
            .await
            .status,
        204
    );
    assert_eq!(
        (stored_rows(&app, id).await, app.new_events().await.len()),
        (after_first, 0)
    );
}

#[tokio::test]
async fn concurrent_erasures_cancel_once() {
    let app = start().await;
    create_in_every_step(&app).await;
    let (one, other) = tokio::join!(erase(&app, PHONE), erase(&app, PHONE));
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (204, 204));
    assert_eq!(app.new_events().await.len(), 2);
}

#[tokio::test]
async fn erasure_of_many_consultations_is_complete() {
    let app = start().await;
    let one = create_consultation(&app).await;
    sqlx::query(
        "insert into consultation (id, project_id, project_name, customer_id, phone, desired_on,
                                   memo, step, version, created_at, updated_at)
         select gen_random_uuid(), project_id, project_name, customer_id, phone, desired_on,
                memo, 'cancelled', 2, created_at, updated_at
         from consultation, generate_series(1, 230) where id = $1",
    )
    .bind(one)
    .execute(app.pool())
    .await
    .unwrap();
    assert_eq!(erase(&app, PHONE).await.status, 204);
    let not_erased: i64 = sqlx::query_scalar(
        "select count(*) from consultation where erased_at is null or phone is not null",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(
        (
            not_erased,
            consultation_count(&app).await,
            app.new_events().await.len()
        ),
        (0, 231, 1)
    );
}

#[tokio::test]
async fn erasure_does_not_affect_other_customers() {
    let app = start().await;
    let id: Uuid = app
        .as_customer(OTHER_PHONE)
        .post("/consultations", &request_body())
        .await
        .expect(201)["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap();
    app.deliver(1, &match_event(origin(id), SALESMAN, Some(CONSULTANT)))
        .await;
    app.as_salesman(SALESMAN)
        .post(
            &format!("/consultations/{id}/notes"),
            &json!({ "text": "남의 노트" }),
        )
        .await
        .expect(201);
    app.as_staff()
        .post(
            &format!("/consultations/{id}/phone"),
            &json!({ "why": "x" }),
        )
        .await
        .expect(200);
    let mut more = request_body();
    more["projectId"] = json!(next_project(&app).await);
    app.as_customer(OTHER_PHONE)
        .post_with_key("/consultations", "k", &more)
        .await
        .expect(201);
    create_in_every_step(&app).await;
    let state = async || {
        let data = app
            .as_customer(OTHER_PHONE)
            .get("/me/data")
            .await
            .expect(200);
        (
            stored_rows(&app, id).await,
            data,
            get_consultation(&app.as_salesman(SALESMAN), id).await,
        )
    };
    let before = state().await;
    erase(&app, PHONE).await;
    assert_eq!(state().await, before);
    app.as_customer(OTHER_PHONE)
        .post_with_key("/consultations", "k", &more)
        .await
        .expect(201);
    assert_eq!(consultation_count(&app).await, 7);
}

#[tokio::test]
async fn partially_erased_row_violates_constraint() {
    let app = start().await;
    create_consultation(&app).await;
    for assignment in [
        "phone = null, erased_at = null",
        "phone = '+821012345678'",
        "customer_name = '홍길동'",
        "consent_role = 'staff', consent_by = id, consent_at = now()",
        "project_name = '스마트상점'",
        "memo = 'm'",
        "reason = 'r'",
        "step = 'apply'",
    ] {
        let sql = format!(
            "update consultation
             set phone = null, customer_name = null, project_name = '', memo = '',
                 step = 'cancelled', erased_at = now();
             update consultation set {assignment}"
        );
        let refused = sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(app.pool())
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("consultation_check"),
            "{assignment}: {refused}"
        );
    }
}

#[tokio::test]
async fn idempotency_keys_are_found_by_resource_index() {
    let app = start().await;
    let mut connection = app.pool().acquire().await.unwrap();
    // The planner would prefer a sequential scan of so few rows.
    sqlx::query("set enable_seqscan = off")
        .execute(&mut *connection)
        .await
        .unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "explain update idempotency_key set body_hash = '' where resource = any(array[$1])",
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
