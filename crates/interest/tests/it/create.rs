//! `CreateInterest`: by customers and on behalf of customers, by project id and by name.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use events::{Edition, ProjectStatus, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use service_kit::testing::{PASTED_NUMBERS, TestApp, an_edition, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, create_body, create_interest,
    created, edition_of_year, id_of, interest_origin, project_created, salesman_matched, start,
    view_as_staff,
};

/// The body that staff or a salesman send for the usual customer.
fn create_body_on_behalf() -> Value {
    json!({
        "projectId": PROJECT, "projectName": "스마트상점", "phone": "010 1234 5678",
        "customerName": "홍길동", "consent": true,
    })
}

async fn count_interests(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from interest")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn customer_is_identified_however_the_number_was_pasted() {
    let app = start().await;
    for (number, (typed, phone)) in (1..).zip(PASTED_NUMBERS) {
        let mut mark = create_body_on_behalf();
        mark["projectId"] = json!(Uuid::from_u128(number));
        mark["phone"] = json!(typed);
        let view = app.as_staff().post("/interests", &mark).await.expect(201);
        assert_eq!(
            view["customerId"],
            json!(customer(phone).subject),
            "{typed:?}"
        );
        assert_eq!(
            app.new_events().await[0].2["lastFour"],
            phone[phone.len() - 4..],
            "{typed:?}"
        );
    }
}

fn wrong_fields(fields: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
    let fields = fields
        .iter()
        .map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned()))
        .collect();
    ("wrong-fields".to_owned(), fields)
}

#[tokio::test]
async fn creating_on_behalf_of_a_customer_records_the_consent() {
    let app = start().await;
    for (role, caller, by, phone) in [
        ("staff", app.as_staff(), Uuid::from_u128(0x57AFF), PHONE),
        ("salesman", app.as_salesman(SALESMAN), SALESMAN, OTHER_PHONE),
    ] {
        let mut mark = create_body_on_behalf();
        mark["phone"] = json!(phone);
        let view = caller.post("/interests", &mark).await.expect(201);
        let customer_id = customer(phone).subject;
        assert_eq!(
            (&view["customerId"], &view["customerName"]),
            (&json!(customer_id), &json!("홍길동"))
        );
        assert_eq!(
            view["consent"],
            json!({ "role": role, "by": by, "at": "2026-11-23T01:00:00Z" })
        );
        let events = app.new_events().await;
        assert_eq!(
            (events.len(), &events[0].2["customerId"]),
            (1, &json!(customer_id))
        );
        assert_eq!(events[0].2["actor"], json!({ "role": role, "id": by }));
        // It belongs to the customer, in whichever format the number was sent.
        let list = app.as_customer(phone).get("/interests").await.expect(200);
        assert_eq!(list["items"][0]["id"], view["id"]);
    }
}

#[tokio::test]
async fn creating_on_behalf_reports_all_missing_fields() {
    let app = start().await;
    for (body, expected) in [
        (
            json!({}),
            wrong_fields(&[
                ("/projectId", "required"),
                ("/phone", "required"),
                ("/customerName", "required"),
                ("/consent", "consent-required"),
            ]),
        ),
        (
            json!({
                "projectId": PROJECT, "projectName": "사업", "phone": "010-1",
                "customerName": "a\u{7}", "consent": false,
            }),
            wrong_fields(&[
                ("/customerName", "control-character"),
                ("/phone", "wrong-type"),
                ("/consent", "consent-required"),
            ]),
        ),
        (
            json!({
                "projectId": PROJECT, "projectName": "사업", "phone": 7,
                "customerName": "가".repeat(201), "consent": "yes",
            }),
            wrong_fields(&[
                ("/customerName", "too-long"),
                ("/phone", "wrong-type"),
                ("/consent", "wrong-type"),
            ]),
        ),
        (
            json!({ "projectId": PROJECT, "phone": PHONE, "customerName": " ", "consent": true }),
            wrong_fields(&[("/customerName", "required"), ("/projectName", "required")]),
        ),
    ] {
        for caller in [app.as_staff(), app.as_salesman(SALESMAN)] {
            assert_eq!(
                caller.post("/interests", &body).await.problem(422),
                expected,
                "{body}"
            );
        }
    }
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (0, 0)
    );
}

#[tokio::test]
async fn customer_can_only_use_the_number_of_the_session() {
    let app = start().await;
    let with = |phone: &str| {
        let mut mark = create_body();
        mark["phone"] = json!(phone);
        mark
    };
    assert_eq!(
        app.as_customer(PHONE)
            .post("/interests", &with(OTHER_PHONE))
            .await
            .problem(422),
        wrong_fields(&[("/phone", "not-yours")])
    );
    let view = app
        .as_customer(PHONE)
        .post("/interests", &with("+82 10-1234-5678"))
        .await
        .expect(201);
    assert_eq!(
        (&view["customerId"], &view["consent"]),
        (&json!(customer(PHONE).subject), &Value::Null)
    );
}

#[tokio::test]
async fn customer_without_number_in_the_token_is_refused() {
    let app = start().await;
    let numberless = Identity {
        role: Role::Customer,
        subject: customer(PHONE).subject,
        phone: None,
    };
    assert_eq!(
        app.with(&numberless)
            .post("/interests", &create_body())
            .await
            .problem(403)
            .0,
        "not-allowed"
    );
}

#[tokio::test]
async fn name_of_one_open_edition_matches_without_space_and_case() {
    let app = start().await;
    app.deliver(
        1,
        &created(
            PROJECT,
            Edition {
                name: "2026년 SOHO 스마트상점".to_owned(),
                ..edition_of_year(2026, ProjectStatus::Planned)
            },
        ),
    )
    .await;
    let older = Edition {
        name: "2026년 SOHO 스마트상점".to_owned(),
        ..an_edition(Uuid::from_u128(0xE5), "")
    };
    app.deliver(
        1,
        &created(
            Uuid::from_u128(0xE),
            Edition {
                status: ProjectStatus::Ended,
                ..older
            },
        ),
    )
    .await;
    let view = app
        .as_customer(PHONE)
        .post(
            "/interests",
            &json!({ "projectName": "  2026년\u{3000}soho스마트 상점 " }),
        )
        .await
        .expect(201);
    assert_eq!(
        (&view["projectId"], &view["seriesId"]),
        (&json!(PROJECT), &json!(SERIES))
    );
    assert_eq!(view["projectName"], "2026년 SOHO 스마트상점");
    assert_eq!(
        app.new_events().await[0].2["projectName"],
        "2026년 SOHO 스마트상점"
    );
}

#[tokio::test]
async fn ambiguous_name_is_refused_with_candidates() {
    let app = start().await;
    let (first, second) = (Uuid::from_u128(0xA1), Uuid::from_u128(0xA2));
    let named = |series: u128, year| Edition {
        year,
        ..an_edition(Uuid::from_u128(series), "스마트상점")
    };
    app.deliver(1, &created(first, named(0x51, 2026))).await;
    app.deliver(
        1,
        &created(
            second,
            Edition {
                status: ProjectStatus::Ongoing,
                ..named(0x52, 2027)
            },
        ),
    )
    .await;
    let answer = app
        .as_customer(PHONE)
        .post("/interests", &json!({ "projectName": "스마트 상점" }))
        .await;
    let candidate = |id: Uuid, year: i32, phase: &str| {
        json!({
            "id": id, "name": "스마트상점", "year": year, "agency": "중소벤처기업부", "phase": phase,
        })
    };
    assert_eq!(
        answer.json["candidates"],
        json!([
            candidate(second, 2027, "always"),
            candidate(first, 2026, "upcoming")
        ])
    );
    assert_eq!(answer.problem(422).0, "several-projects");
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (0, 0)
    );
    // Other field errors are reported with it.
    let answer = app
        .as_customer(PHONE)
        .post(
            "/interests",
            &json!({ "projectName": "스마트상점", "customerName": 7 }),
        )
        .await;
    assert_eq!(answer.json["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(
        answer.problem(422),
        wrong_fields(&[("/customerName", "wrong-type"), ("/projectName", "several")])
    );
    app.as_customer(PHONE)
        .post("/interests", &json!({ "projectId": first }))
        .await
        .expect(201);
}

#[tokio::test]
async fn name_of_two_editions_in_one_series_is_not_ambiguous() {
    let app = start().await;
    let next = Uuid::from_u128(0x9408);
    for (id, year) in [(PROJECT, 2026), (next, 2027)] {
        app.deliver(
            1,
            &created(
                id,
                Edition {
                    name: "스마트상점".to_owned(),
                    ..edition_of_year(year, ProjectStatus::Ongoing)
                },
            ),
        )
        .await;
    }
    let view = app
        .as_customer(PHONE)
        .post("/interests", &json!({ "projectName": "스마트 상점" }))
        .await
        .expect(201);
    assert_eq!(
        (&view["seriesId"], &view["projectId"]),
        (&json!(SERIES), &json!(next))
    );
}

#[tokio::test]
async fn customer_name_is_filled_in_but_never_overwritten() {
    let app = start().await;
    let body = json!({ "projectId": PROJECT, "projectName": "스마트상점" });
    let id = id_of(
        &app.as_customer(PHONE)
            .post("/interests", &body)
            .await
            .expect(201),
    );
    app.new_events().await;
    for name in ["홍길동", "임꺽정"] {
        let mut mark = create_body_on_behalf();
        mark["customerName"] = json!(name);
        app.as_staff().post("/interests", &mark).await.expect(200);
        let shown = view_as_staff(&app, id).await;
        assert_eq!(
            (&shown["customerName"], &shown["version"]),
            (&json!("홍길동"), &json!(1))
        );
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn name_without_open_edition_is_unknown() {
    let app = start().await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Ended)),
    )
    .await;
    for name in ["2026년 스마트상점", "다른 사업"] {
        let answer = app
            .as_customer(PHONE)
            .post(
                "/interests",
                &json!({ "projectName": name, "customerName": ["a"] }),
            )
            .await;
        assert_eq!(
            answer.problem(422),
            wrong_fields(&[("/customerName", "wrong-type"), ("/projectName", "unknown")]),
            "{name}"
        );
    }
    // It can still be marked by id: the customer waits for the next edition.
    app.as_customer(PHONE)
        .post("/interests", &json!({ "projectId": PROJECT }))
        .await
        .expect(201);
}

#[tokio::test]
async fn project_id_or_name_is_required() {
    let app = start().await;
    for body in [
        json!({}),
        json!({ "projectName": "  " }),
        json!({ "projectId": null, "projectName": null }),
    ] {
        let answer = app.as_customer(PHONE).post("/interests", &body).await;
        assert_eq!(
            answer.problem(422),
            wrong_fields(&[("/projectId", "required")]),
            "{body}"
        );
    }
}

#[tokio::test]
async fn project_id_takes_precedence_over_the_name() {
    let app = start().await;
    app.deliver(1, &project_created(PROJECT, "스마트상점"))
        .await;
    app.deliver(
        1,
        &created(
            Uuid::from_u128(0xB),
            an_edition(Uuid::from_u128(0xB5), "다른 사업"),
        ),
    )
    .await;
    let mark = json!({ "projectId": PROJECT, "projectName": "다른 사업" });
    assert_eq!(
        app.as_customer(PHONE)
            .post("/interests", &mark)
            .await
            .expect(201)["projectId"],
        json!(PROJECT)
    );
}

#[tokio::test]
async fn marking_an_old_edition_shows_the_newest() {
    let app = start().await;
    let next = Uuid::from_u128(0x9408);
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Ended)),
    )
    .await;
    app.deliver(
        1,
        &created(next, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    let view = app
        .as_customer(PHONE)
        .post("/interests", &json!({ "projectId": PROJECT }))
        .await
        .expect(201);
    assert_eq!(
        (&view["projectId"], &view["projectName"]),
        (&json!(next), &json!("2027년 스마트상점"))
    );
    let event = &app.new_events().await[0].2;
    assert_eq!(
        (&event["projectId"], &event["projectName"]),
        (&json!(next), &json!("2027년 스마트상점"))
    );
}

#[tokio::test]
async fn creating_on_behalf_turns_on_an_existing_interest() {
    let app = start().await;
    let id = create_interest(&app).await;
    let salesman = app.as_salesman(SALESMAN);
    // It is on: nothing changes, and no consent is recorded over the customer's own mark.
    let view = salesman
        .post("/interests", &create_body_on_behalf())
        .await
        .expect(200);
    assert_eq!(
        (id_of(&view), &view["version"], &view["consent"]),
        (id, &json!(1), &Value::Null)
    );
    assert!(app.new_events().await.is_empty());
    app.as_customer(PHONE)
        .patch_if(
            &format!("/interests/{id}"),
            1,
            &json!({ "interested": false }),
        )
        .await
        .expect(200);
    app.new_events().await;
    let answer = salesman.post("/interests", &create_body_on_behalf()).await;
    assert_eq!(
        (answer.status, answer.headers["etag"].to_str().unwrap()),
        (StatusCode::OK, "\"3\"")
    );
    assert_eq!(
        (&answer.json["interested"], &answer.json["consent"]["by"]),
        (&json!(true), &json!(SALESMAN))
    );
    let events = app.new_events().await;
    assert_eq!(
        (events.len(), events[0].0.as_str()),
        (1, "ktgg.InterestUpdated.v1")
    );
    assert_eq!(
        events[0].2["actor"],
        json!({ "role": "salesman", "id": SALESMAN })
    );
    assert_eq!(count_interests(&app).await, 1);
}

#[tokio::test]
async fn unassigned_salesman_gets_back_only_the_sent_data() {
    let app = start().await;
    let id = create_interest(&app).await;
    let mut mark = create_body_on_behalf();
    mark["customerName"] = json!("사장님");
    let other = Uuid::from_u128(0xBAD);
    app.as_customer(PHONE)
        .patch_if(
            &format!("/interests/{id}"),
            1,
            &json!({ "interested": false }),
        )
        .await
        .expect(200);
    // Another salesman records a consent, and other people serve the customer.
    app.as_salesman(other)
        .post("/interests", &create_body_on_behalf())
        .await
        .expect(200);
    let matched = SalesmanMatched {
        origin_version: Some(3),
        ..salesman_matched(interest_origin(id), other, Some(CONSULTANT))
    };
    app.deliver(1, &matched).await;
    for key in ["first", "first"] {
        let view = app
            .as_salesman(SALESMAN)
            .post_with_key("/interests", key, &mark)
            .await
            .expect(200);
        assert_eq!(
            (id_of(&view), &view["customerName"]),
            (id, &json!("사장님"))
        );
        for field in ["salesman", "consultant", "consent", "createdAt"] {
            assert_eq!(view[field], Value::Null, "{field}");
        }
    }
    assert_eq!(
        app.as_salesman(SALESMAN)
            .get(&format!("/interests/{id}"))
            .await
            .problem(404)
            .0,
        "not-found"
    );
    // The assigned salesman sees everything.
    let view = app
        .as_salesman(other)
        .post("/interests", &mark)
        .await
        .expect(200);
    assert_eq!(
        (&view["customerName"], &view["salesman"]["id"]),
        (&json!("홍길동"), &json!(other))
    );
    assert_eq!(
        (&view["consent"]["by"], &view["createdAt"]),
        (&json!(other), &json!("2026-11-23T01:00:00Z"))
    );
}

#[tokio::test]
async fn retry_by_unassigned_salesman_hides_the_assigned_people() {
    let app = start().await;
    let caller = app.as_salesman(SALESMAN);
    let first = caller
        .post_with_key("/interests", "k", &create_body_on_behalf())
        .await
        .expect(201);
    assert_eq!(
        (&first["consent"]["by"], &first["createdAt"]),
        (&json!(SALESMAN), &json!("2026-11-23T01:00:00Z"))
    );
    app.deliver(
        1,
        &salesman_matched(
            interest_origin(id_of(&first)),
            Uuid::from_u128(0xBAD),
            Some(CONSULTANT),
        ),
    )
    .await;
    assert_eq!(
        caller
            .post_with_key("/interests", "k", &create_body_on_behalf())
            .await
            .expect(201),
        first
    );
}

#[tokio::test]
async fn concurrent_marks_create_one_interest() {
    for known in [false, true] {
        let app = start().await;
        if known {
            app.deliver(1, &project_created(PROJECT, "스마트상점"))
                .await;
        }
        let (mark, on_behalf) = (create_body(), create_body_on_behalf());
        let (by_customer, salesman, staff) = (
            app.as_customer(PHONE),
            app.as_salesman(SALESMAN),
            app.as_staff(),
        );
        let (a, b, c, d) = tokio::join!(
            by_customer.post("/interests", &mark),
            salesman.post("/interests", &on_behalf),
            staff.post("/interests", &on_behalf),
            by_customer.post("/interests", &mark),
        );
        let ids: BTreeSet<Uuid> = [&a, &b, &c, &d].map(|answer| id_of(&answer.json)).into();
        let mut statuses = [a, b, c, d].map(|answer| answer.status.as_u16());
        statuses.sort_unstable();
        assert_eq!(
            (ids.len(), statuses),
            (1, [200, 200, 200, 201]),
            "known: {known}"
        );
        assert_eq!(
            (count_interests(&app).await, app.new_events().await.len()),
            (1, 1)
        );
    }
}

#[tokio::test]
async fn concurrent_marks_of_two_editions_create_one_interest() {
    let app = start().await;
    let other = Uuid::from_u128(0x9408);
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Ongoing)),
    )
    .await;
    app.deliver(
        1,
        &created(other, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    let caller = app.as_customer(PHONE);
    let (one, two) = (
        json!({ "projectId": PROJECT }),
        json!({ "projectId": other }),
    );
    let (a, b) = tokio::join!(
        caller.post("/interests", &one),
        caller.post("/interests", &two)
    );
    let statuses: BTreeSet<u16> = [a.status.as_u16(), b.status.as_u16()].into();
    assert_eq!(
        (id_of(&a.json), statuses),
        (id_of(&b.json), [200, 201].into())
    );
    assert_eq!(
        (count_interests(&app).await, app.new_events().await.len()),
        (1, 1)
    );
    assert_eq!(
        view_as_staff(&app, id_of(&a.json)).await["projectId"],
        json!(other)
    );
}
