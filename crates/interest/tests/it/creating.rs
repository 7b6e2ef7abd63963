//! How an interest comes to be: by whom, for whom, and in which programme.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use events::{Edition, ProjectStatus, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::auth::{Identity, Role};
use service_kit::testing::{TestApp, an_edition, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, SERIES, STRANGER, a_mark, a_match, a_project, created,
    id_of, in_year, marked, of, seen, start,
};

/// What a colleague sends for the usual customer.
fn a_mark_for_him() -> Value {
    json!({ "projectId": PROJECT, "projectName": "스마트상점", "phone": "010 1234 5678", "customerName": "홍길동", "consent": true })
}

async fn rows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from interest")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

fn wrong(fields: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
    let fields = fields
        .iter()
        .map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned()))
        .collect();
    ("wrong-fields".to_owned(), fields)
}

#[tokio::test]
async fn staff_and_salesmen_enter_one_for_a_customer_and_it_is_recorded_who_vouches_for_his_consent()
 {
    let app = start().await;
    for (role, caller, by, phone) in [
        ("staff", app.as_staff(), Uuid::from_u128(0x57AFF), PHONE),
        ("salesman", app.as_salesman(SALESMAN), SALESMAN, STRANGER),
    ] {
        let mut mark = a_mark_for_him();
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
        // It is the customer's, wherever his number was typed.
        let his = app.as_customer(phone).get("/interests").await.expect(200);
        assert_eq!(his["items"][0]["id"], view["id"]);
    }
}

#[tokio::test]
async fn a_colleague_is_told_at_once_all_that_is_missing() {
    let app = start().await;
    for (body, expected) in [
        (
            json!({}),
            wrong(&[
                ("/projectId", "required"),
                ("/phone", "required"),
                ("/customerName", "required"),
                ("/consent", "consent-required"),
            ]),
        ),
        (
            json!({ "projectId": PROJECT, "projectName": "사업", "phone": "010-1", "customerName": "a\u{7}", "consent": false }),
            wrong(&[
                ("/customerName", "control-character"),
                ("/phone", "wrong-type"),
                ("/consent", "consent-required"),
            ]),
        ),
        (
            json!({ "projectId": PROJECT, "projectName": "사업", "phone": 7, "customerName": "가".repeat(201), "consent": "yes" }),
            wrong(&[
                ("/customerName", "too-long"),
                ("/phone", "wrong-type"),
                ("/consent", "wrong-type"),
            ]),
        ),
        (
            json!({ "projectId": PROJECT, "phone": PHONE, "customerName": " ", "consent": true }),
            wrong(&[("/customerName", "required"), ("/projectName", "required")]),
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
    assert_eq!((rows(&app).await, app.new_events().await.len()), (0, 0));
}

#[tokio::test]
async fn a_customer_is_who_he_signed_in_as() {
    let app = start().await;
    let with = |phone: &str| {
        let mut mark = a_mark();
        mark["phone"] = json!(phone);
        mark
    };
    assert_eq!(
        app.as_customer(PHONE)
            .post("/interests", &with(STRANGER))
            .await
            .problem(422),
        wrong(&[("/phone", "not-yours")])
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
async fn a_customer_whose_number_this_service_was_not_told_marks_nothing() {
    let app = start().await;
    let numberless = Identity {
        role: Role::Customer,
        subject: customer(PHONE).subject,
        phone: None,
    };
    assert_eq!(
        app.with(&numberless)
            .post("/interests", &a_mark())
            .await
            .problem(403)
            .0,
        "not-allowed"
    );
}

#[tokio::test]
async fn a_name_that_one_open_edition_has_is_enough_whatever_its_white_space_and_case() {
    let app = start().await;
    app.deliver(
        1,
        &created(
            PROJECT,
            Edition {
                name: "2026년 SOHO 스마트상점".to_owned(),
                ..in_year(2026, ProjectStatus::Planned)
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
async fn a_name_that_several_editions_have_gets_them_to_choose_from() {
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
    let candidate = |id: Uuid, year: i32, phase: &str| json!({ "id": id, "name": "스마트상점", "year": year, "agency": "중소벤처기업부", "phase": phase });
    assert_eq!(
        answer.json["candidates"],
        json!([
            candidate(second, 2027, "always"),
            candidate(first, 2026, "upcoming")
        ])
    );
    assert_eq!(answer.problem(422).0, "several-projects");
    assert_eq!((rows(&app).await, app.new_events().await.len()), (0, 0));
    // What is wrong besides is told with it.
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
        wrong(&[("/customerName", "wrong-type"), ("/projectName", "several")])
    );
    app.as_customer(PHONE)
        .post("/interests", &json!({ "projectId": first }))
        .await
        .expect(201);
}

#[tokio::test]
async fn two_open_editions_of_one_programme_under_one_name_are_no_reason_to_ask() {
    let app = start().await;
    let next = Uuid::from_u128(0x9408);
    for (id, year) in [(PROJECT, 2026), (next, 2027)] {
        app.deliver(
            1,
            &created(
                id,
                Edition {
                    name: "스마트상점".to_owned(),
                    ..in_year(year, ProjectStatus::Ongoing)
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
async fn a_name_that_a_colleague_types_for_one_that_exists_is_filled_in_and_none_is_written_over() {
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
        let mut mark = a_mark_for_him();
        mark["customerName"] = json!(name);
        app.as_staff().post("/interests", &mark).await.expect(200);
        let shown = seen(&app, id).await;
        assert_eq!(
            (&shown["customerName"], &shown["version"]),
            (&json!("홍길동"), &json!(1))
        );
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn a_name_that_no_open_edition_has_is_unknown() {
    let app = start().await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Ended)))
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
            wrong(&[("/customerName", "wrong-type"), ("/projectName", "unknown")]),
            "{name}"
        );
    }
    // By its id it can be marked still: the next edition is what the customer waits for.
    app.as_customer(PHONE)
        .post("/interests", &json!({ "projectId": PROJECT }))
        .await
        .expect(201);
}

#[tokio::test]
async fn without_an_id_and_a_name_nobody_knows_what_is_meant() {
    let app = start().await;
    for body in [
        json!({}),
        json!({ "projectName": "  " }),
        json!({ "projectId": null, "projectName": null }),
    ] {
        let answer = app.as_customer(PHONE).post("/interests", &body).await;
        assert_eq!(
            answer.problem(422),
            wrong(&[("/projectId", "required")]),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_id_says_more_than_a_name() {
    let app = start().await;
    app.deliver(1, &a_project(PROJECT, "스마트상점")).await;
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
async fn whoever_marks_an_old_edition_follows_the_newest() {
    let app = start().await;
    let next = Uuid::from_u128(0x9408);
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Ended)))
        .await;
    app.deliver(1, &created(next, in_year(2027, ProjectStatus::Planned)))
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
async fn a_colleague_who_enters_one_that_exists_gets_it_and_it_is_on() {
    let app = start().await;
    let id = marked(&app).await;
    let salesman = app.as_salesman(SALESMAN);
    // It is on: nothing happens, and the customer's own word needs nobody who vouches for it.
    let view = salesman
        .post("/interests", &a_mark_for_him())
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
    let answer = salesman.post("/interests", &a_mark_for_him()).await;
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
    assert_eq!(rows(&app).await, 1);
}

#[tokio::test]
async fn a_salesman_who_is_not_on_it_learns_nothing_that_he_did_not_tell() {
    let app = start().await;
    let id = marked(&app).await;
    let mut mark = a_mark_for_him();
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
    // Another colleague vouches for it, and others serve the customer.
    app.as_salesman(other)
        .post("/interests", &a_mark_for_him())
        .await
        .expect(200);
    let matched = SalesmanMatched {
        origin_version: Some(3),
        ..a_match(of(id), other, Some(CONSULTANT))
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
        for told in ["salesman", "consultant", "consent", "createdAt"] {
            assert_eq!(view[told], Value::Null, "{told}");
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
    // Whoever is on it sees it all.
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
async fn a_salesman_who_entered_one_sees_of_it_what_he_entered_and_not_who_serves_the_customer_since()
 {
    let app = start().await;
    let caller = app.as_salesman(SALESMAN);
    let first = caller
        .post_with_key("/interests", "k", &a_mark_for_him())
        .await
        .expect(201);
    assert_eq!(
        (&first["consent"]["by"], &first["createdAt"]),
        (&json!(SALESMAN), &json!("2026-11-23T01:00:00Z"))
    );
    app.deliver(
        1,
        &a_match(of(id_of(&first)), Uuid::from_u128(0xBAD), Some(CONSULTANT)),
    )
    .await;
    assert_eq!(
        caller
            .post_with_key("/interests", "k", &a_mark_for_him())
            .await
            .expect(201),
        first
    );
}

#[tokio::test]
async fn whoever_marks_at_the_same_moment_ends_with_one_interest() {
    for known in [false, true] {
        let app = start().await;
        if known {
            app.deliver(1, &a_project(PROJECT, "스마트상점")).await;
        }
        let (mark, mark_for_him) = (a_mark(), a_mark_for_him());
        let (himself, salesman, staff) = (
            app.as_customer(PHONE),
            app.as_salesman(SALESMAN),
            app.as_staff(),
        );
        let (a, b, c, d) = tokio::join!(
            himself.post("/interests", &mark),
            salesman.post("/interests", &mark_for_him),
            staff.post("/interests", &mark_for_him),
            himself.post("/interests", &mark),
        );
        let ids: BTreeSet<Uuid> = [&a, &b, &c, &d].map(|answer| id_of(&answer.json)).into();
        let mut statuses = [a, b, c, d].map(|answer| answer.status.as_u16());
        statuses.sort_unstable();
        assert_eq!(
            (ids.len(), statuses),
            (1, [200, 200, 200, 201]),
            "known: {known}"
        );
        assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
    }
}

#[tokio::test]
async fn two_editions_of_one_series_that_are_marked_at_the_same_moment_end_in_one_interest() {
    let app = start().await;
    let other = Uuid::from_u128(0x9408);
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Ongoing)))
        .await;
    app.deliver(1, &created(other, in_year(2027, ProjectStatus::Planned)))
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
    assert_eq!((rows(&app).await, app.new_events().await.len()), (1, 1));
    assert_eq!(seen(&app, id_of(&a.json)).await["projectId"], json!(other));
}
