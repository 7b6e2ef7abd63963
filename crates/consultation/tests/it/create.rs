//! `CreateConsultation`.

use axum::http::{StatusCode, header};
use chrono::TimeDelta;
use events::{ProjectId, ProjectStatus};
use serde_json::{Value, json};
use service_kit::testing::{PASTED_NUMBERS, TestApp, customer};
use uuid::Uuid;

use crate::{
    OTHER_PHONE, PHONE, PROJECT, SALESMAN, consultation_count, project_created, request_body, start,
};

#[tokio::test]
async fn request_creates_consultation_and_one_event() {
    let app = start().await;
    let answer = app
        .as_customer(PHONE)
        .post("/consultations", &request_body())
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.headers[header::ETAG], "\"1\"");
    let (location, view) = (
        answer.headers[header::LOCATION]
            .to_str()
            .unwrap()
            .to_owned(),
        answer.json,
    );
    assert_eq!(
        location,
        format!("/consultations/{}", view["id"].as_str().unwrap())
    );
    let customer_id = customer(PHONE).subject;
    assert_eq!(
        view,
        json!({
            "id": view["id"],
            "projectId": PROJECT,
            "projectName": "스마트상점 기술보급사업",
            "projectState": "unknown",
            "sentProjectName": null,
            "redirectedFrom": null,
            "projectStatus": null,
            "projectPhase": null,
            "customerId": customer_id,
            "customerName": "홍길동",
            "phone": "010-****-5678",
            "desiredDate": "2026-12-01",
            "desiredDateMark": null,
            "memo": "오전에 연락 주세요",
            "step": "apply",
            "nextSteps": ["cancelled"],
            "reason": null,
            "salesman": null,
            "consultant": null,
            "createdAt": "2026-11-23T01:00:00Z",
            "approvedAt": null,
            "closedAt": null,
            "erasedAt": null,
            "version": 1,
            "consent": null,
            "timeline": [{
                "id": view["timeline"][0]["id"],
                "at": "2026-11-23T01:00:00Z",
                "by": { "role": "customer", "id": customer_id, "displayName": null },
                "kind": "requested",
                "desiredDate": "2026-12-01",
            }],
        })
    );
    let payload = json!({
        "consultationId": view["id"],
        "projectId": PROJECT,
        "customerId": customer_id,
        "lastFour": "5678",
        "desiredOn": "2026-12-01",
        "actor": { "role": "customer", "id": customer_id },
    });
    assert_eq!(
        app.new_events().await,
        [("ktgg.ConsultationCreated.v1".to_owned(), 1, payload)]
    );
    assert_eq!(
        app.as_customer(PHONE).get(&location).await.expect(200),
        view
    );
}

#[tokio::test]
async fn events_contain_no_personal_data_or_texts() {
    let app = start().await;
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &request_body())
        .await
        .expect(201);
    let path = format!("/consultations/{}", view["id"].as_str().unwrap());
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "memo": "비밀 메모" }))
        .await
        .expect(200);
    let cancel = json!({ "step": "cancelled", "reason": "비밀 사유" });
    app.as_customer(PHONE)
        .post_if(&format!("{path}/progress"), 2, &cancel)
        .await
        .expect(200);
    let events = app.new_events().await;
    assert_eq!(
        events
            .iter()
            .map(|(_, version, _)| *version)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let headers: Vec<Value> = sqlx::query_scalar("select headers from event_log")
        .fetch_all(app.pool())
        .await
        .unwrap();
    let published = format!("{events:?} {headers:?}");
    for secret in ["1234", "홍길동", "연락", "비밀"] {
        assert!(!published.contains(secret), "{secret} is in {published}");
    }
}

#[tokio::test]
async fn minimal_request_is_accepted() {
    let app = start().await;
    let minimal =
        json!({ "projectId": PROJECT, "projectName": "사업", "desiredDate": "2026-11-23" });
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &minimal)
        .await
        .expect(201);
    assert_eq!(
        (&view["memo"], &view["customerName"]),
        (&json!(""), &Value::Null)
    );
}

#[tokio::test]
async fn known_project_name_wins_over_sent_name() {
    let app = start().await;
    app.deliver(1, &project_created("2026년 스마트상점")).await;
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &request_body())
        .await
        .expect(201);
    assert_eq!(view["projectName"], "2026년 스마트상점");
    let unnamed = json!({ "projectId": PROJECT, "desiredDate": "2026-12-01" });
    app.as_customer(OTHER_PHONE)
        .post("/consultations", &unnamed)
        .await
        .expect(201);
}

#[tokio::test]
async fn desired_date_is_checked_against_the_day_in_seoul() {
    let app = start().await;
    let on =
        |date: &str| json!({ "projectId": PROJECT, "projectName": "사업", "desiredDate": date });
    app.clock()
        .advance(TimeDelta::hours(13) + TimeDelta::minutes(59));
    app.as_customer(PHONE)
        .post("/consultations", &on("2026-11-23"))
        .await
        .expect(201);
    app.clock().advance(TimeDelta::minutes(1));
    let refused = app
        .as_customer(PHONE)
        .post("/consultations", &on("2026-11-23"))
        .await
        .problem(422);
    assert_eq!(
        refused,
        (
            "wrong-fields".to_owned(),
            vec![("/desiredDate".to_owned(), "in-the-past".to_owned())]
        )
    );
}

#[tokio::test]
async fn customer_without_phone_in_token_is_refused() {
    let app = start().await;
    let mut nameless = customer(PHONE);
    nameless.phone = None;
    assert_eq!(
        app.with(&nameless)
            .post("/consultations", &request_body())
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn date_after_last_allowed_year_is_refused() {
    let app = start().await;
    for date in ["2101-01-01", "9999-12-31"] {
        let mut request = request_body();
        request["desiredDate"] = json!(date);
        let answer = app
            .as_customer(PHONE)
            .post("/consultations", &request)
            .await;
        assert_eq!(
            answer.json["errors"][0]["message"],
            "2100년까지의 날짜를 골라 주세요"
        );
        let (_, errors) = answer.problem(422);
        assert_eq!(
            errors,
            [("/desiredDate".to_owned(), "too-late".to_owned())],
            "{date}"
        );
    }
}

pub(crate) fn on_behalf() -> Value {
    let mut body = request_body();
    body["phone"] = json!("+82 10 1234 5678");
    body["consent"] = json!(true);
    body
}

#[tokio::test]
async fn request_on_behalf_of_customer_records_consent() {
    let app = start().await;
    app.clock().advance(TimeDelta::minutes(3));
    for (role, caller, phone) in [
        ("salesman", app.as_salesman(SALESMAN), "010-1234-5678"),
        ("staff", app.as_staff(), "010-1235-5678"),
    ] {
        let customer_id = customer(phone).subject;
        let mut body = on_behalf();
        body["phone"] = json!(phone);
        let view = caller.post("/consultations", &body).await.expect(201);
        assert_eq!(
            (&view["customerId"], &view["customerName"]),
            (&json!(customer_id), &json!("홍길동")),
            "{role}"
        );
        assert_eq!(
            (&view["consent"]["by"]["role"], &view["consent"]["at"]),
            (&json!(role), &json!("2026-11-23T01:03:00Z"))
        );
        let colleague_id = view["consent"]["by"]["id"].clone();
        assert_eq!(view["timeline"][0]["by"], view["consent"]["by"], "{role}");
        let events = app.new_events().await;
        assert_eq!(
            (events.len(), &events[0].2["actor"]),
            (1, &json!({ "role": role, "id": colleague_id }))
        );
        assert_eq!(
            (&events[0].2["customerId"], &events[0].2["lastFour"]),
            (&json!(customer_id), &json!("5678"))
        );
        // The customer sees it, but not the id of a member of staff.
        let path = format!("/consultations/{}", view["id"].as_str().unwrap());
        let view_of_customer = app.as_customer(phone).get(&path).await.expect(200);
        let expected = if role == "staff" {
            Value::Null
        } else {
            colleague_id
        };
        assert_eq!(
            (
                &view_of_customer["consent"]["by"]["role"],
                &view_of_customer["consent"]["by"]["id"]
            ),
            (&json!(role), &expected)
        );
        // Entering it does not assign the salesman.
        assert_eq!(app.as_salesman(SALESMAN).get(&path).await.status, 404);
    }
    assert_eq!(consultation_count(&app).await, 2);
}

#[tokio::test]
async fn customer_is_identified_however_the_number_was_pasted() {
    let app = start().await;
    for (number, (typed, phone)) in (1..).zip(PASTED_NUMBERS) {
        let mut body = on_behalf();
        body["projectId"] = json!(Uuid::from_u128(number));
        body["phone"] = json!(typed);
        let view = app.as_staff().post("/consultations", &body).await;
        let view = view.expect(201);
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
        let path = format!("/consultations/{}", view["id"].as_str().unwrap());
        let own = app.as_customer(phone).get(&path).await.expect(200);
        assert_eq!(own["id"], view["id"], "{typed:?}");
    }
}

#[tokio::test]
async fn request_on_behalf_requires_phone_name_and_consent() {
    let app = start().await;
    let refused = async |change: &[(&str, Value)], expected: &[(&str, &str)]| {
        let mut body = on_behalf();
        for (name, value) in change {
            body[*name] = value.clone();
        }
        let expected: Vec<_> = expected
            .iter()
            .map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned()))
            .collect();
        for caller in [app.as_salesman(SALESMAN), app.as_staff()] {
            assert_eq!(
                caller.post("/consultations", &body).await.problem(422),
                ("wrong-fields".to_owned(), expected.clone())
            );
        }
    };
    let null = Value::Null;
    refused(
        &[
            ("phone", null.clone()),
            ("customerName", null.clone()),
            ("consent", null),
            ("desiredDate", json!("2026-11-22")),
        ],
        &[
            ("/phone", "required"),
            ("/customerName", "required"),
            ("/consent", "consent-required"),
            ("/desiredDate", "in-the-past"),
        ],
    )
    .await;
    refused(
        &[
            ("phone", json!("112")),
            ("customerName", json!(" ")),
            ("consent", json!(false)),
        ],
        &[
            ("/phone", "wrong-type"),
            ("/customerName", "required"),
            ("/consent", "consent-required"),
        ],
    )
    .await;
    refused(
        &[
            ("customerName", json!("가".repeat(201))),
            ("consent", json!("yes")),
        ],
        &[("/customerName", "too-long"), ("/consent", "wrong-type")],
    )
    .await;
    assert_eq!(
        (consultation_count(&app).await, app.new_events().await.len()),
        (0, 0)
    );
}

#[tokio::test]
async fn customer_cannot_request_with_another_phone() {
    let app = start().await;
    let mut body = request_body();
    body["phone"] = json!("010-9999-0000");
    let refused = app
        .as_customer(PHONE)
        .post("/consultations", &body)
        .await
        .problem(422);
    assert_eq!(
        refused,
        (
            "wrong-fields".to_owned(),
            vec![("/phone".to_owned(), "not-yours".to_owned())]
        )
    );
    // Any spelling of the own number is accepted. Customers record no consent for themselves.
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &on_behalf())
        .await
        .expect(201);
    assert_eq!(view["consent"], Value::Null);
}

/// Delivers a project with this id, name and status.
pub(crate) async fn deliver_project(
    app: &TestApp,
    id: u128,
    name: &str,
    status: ProjectStatus,
) -> Uuid {
    let mut project = project_created(name);
    project.project_id = ProjectId(Uuid::from_u128(id));
    project.edition.status = status;
    project.edition.year = 2020 + i32::try_from(id).unwrap();
    app.deliver(1, &project).await;
    project.project_id.0
}

pub(crate) fn named(name: &str) -> Value {
    json!({ "projectName": name, "desiredDate": "2026-12-01" })
}

#[tokio::test]
async fn name_resolves_to_the_edition_that_has_not_ended() {
    let app = start().await;
    deliver_project(&app, 5, "AI 바우처 지원사업", ProjectStatus::Ended).await;
    let open = deliver_project(&app, 6, "AI 바우처  지원사업", ProjectStatus::Ongoing).await;
    deliver_project(&app, 7, "AI 바우처 지원사업 2차", ProjectStatus::Planned).await;
    for (customer, name) in [
        ("010-1234-0001", "AI 바우처 지원사업"),
        ("010-1234-0002", "  ai\t바우처\n 지원사업 "),
        ("010-1234-0003", "ai바우처지원사업"),
        ("010-1234-0004", "AI바우처 지 원 사 업"),
    ] {
        let view = app
            .as_customer(customer)
            .post("/consultations", &named(name))
            .await
            .expect(201);
        assert_eq!(
            (&view["projectId"], &view["projectName"]),
            (&json!(open), &json!("AI 바우처  지원사업")),
            "{name:?}"
        );
        assert_eq!(
            (&view["projectState"], &view["projectStatus"]),
            (&json!("known"), &json!("ongoing"))
        );
        assert_eq!(
            app.new_events().await[0].2["projectName"],
            "AI 바우처  지원사업"
        );
    }
}

#[tokio::test]
async fn ambiguous_name_is_refused_with_candidates() {
    let app = start().await;
    let older = deliver_project(&app, 5, "스마트상점", ProjectStatus::Planned).await;
    let newer = deliver_project(&app, 6, "스마트상점", ProjectStatus::Ongoing).await;
    deliver_project(&app, 7, "스마트상점", ProjectStatus::Ended).await;
    let answer = app
        .as_customer(PHONE)
        .post("/consultations", &named("스마트상점"))
        .await;
    let candidate = |id: Uuid, year: i32, phase: &str| {
        json!({
            "id": id, "name": "스마트상점", "year": year, "agency": "중소벤처기업부", "phase": phase,
        })
    };
    let expected = json!([
        candidate(newer, 2026, "always"),
        candidate(older, 2025, "upcoming")
    ]);
    assert_eq!(answer.json["candidates"], expected);
    assert_eq!(answer.problem(422), ("several-projects".to_owned(), vec![]));
    // Other invalid fields are reported with the candidates.
    let wrong = json!({ "projectName": "스마트상점", "desiredDate": "2026-11-01" });
    let answer = app.as_customer(PHONE).post("/consultations", &wrong).await;
    assert_eq!(answer.json["candidates"], expected);
    let errors = [("/desiredDate", "in-the-past"), ("/projectName", "several")];
    assert_eq!(
        answer.problem(422).1,
        errors.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
    // An id selects one of them.
    let mut chosen = named("스마트상점");
    chosen["projectId"] = json!(older);
    app.as_customer(PHONE)
        .post("/consultations", &chosen)
        .await
        .expect(201);
    assert_eq!(consultation_count(&app).await, 1);
}

#[tokio::test]
async fn ambiguous_name_lists_at_most_twenty_candidates() {
    let app = start().await;
    for id in 1..=22 {
        deliver_project(&app, id, "바우처", ProjectStatus::Planned).await;
    }
    let answer = app
        .as_customer(PHONE)
        .post("/consultations", &named("바우처"))
        .await;
    let years: Vec<i64> = answer.json["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|candidate| candidate["year"].as_i64().unwrap())
        .collect();
    assert_eq!(years, (2023..=2042).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn name_of_no_project_is_refused() {
    let app = start().await;
    let refused = app
        .as_customer(PHONE)
        .post("/consultations", &named("없는 사업"))
        .await
        .problem(422);
    assert_eq!(
        refused,
        (
            "wrong-fields".to_owned(),
            vec![("/projectName".to_owned(), "unknown".to_owned())]
        )
    );
    // Reported together with other invalid fields. An invalid name is not looked up.
    let both = app
        .as_customer(PHONE)
        .post("/consultations", &json!({ "projectName": "없는 사업" }))
        .await
        .problem(422)
        .1;
    assert_eq!(both.len(), 2, "{both:?}");
    for (name, code) in [
        (json!("가".repeat(201)), "too-long"),
        (json!(7), "wrong-type"),
        (json!("a\u{0}"), "control-character"),
    ] {
        let body = json!({ "projectName": name, "desiredDate": "2026-12-01" });
        let refused = app
            .as_customer(PHONE)
            .post("/consultations", &body)
            .await
            .problem(422)
            .1;
        assert_eq!(refused, [("/projectName".to_owned(), code.to_owned())]);
    }
    // The name does not replace an invalid id.
    let body = json!({ "projectId": "x", "projectName": "없는 사업", "desiredDate": "2026-12-01" });
    let refused = app
        .as_customer(PHONE)
        .post("/consultations", &body)
        .await
        .problem(422)
        .1;
    assert_eq!(
        refused,
        [("/projectId".to_owned(), "wrong-type".to_owned())]
    );
    assert_eq!(
        (consultation_count(&app).await, app.new_events().await.len()),
        (0, 0)
    );
}

#[tokio::test]
async fn weekends_and_holidays_are_allowed_and_marked() {
    let app = start().await;
    for (date, mark) in [
        ("2026-12-25", json!({ "kind": "holiday", "name": "성탄절" })),
        ("2026-11-28", json!({ "kind": "weekend", "name": "토요일" })),
        (
            "2027-12-27",
            json!({ "kind": "holiday", "name": "대체공휴일(성탄절)" }),
        ),
        ("2026-12-24", Value::Null),
    ] {
        let project = crate::next_project(&app).await;
        let body = json!({ "projectId": project, "projectName": "사업", "desiredDate": date });
        let view = app
            .as_customer(PHONE)
            .post("/consultations", &body)
            .await
            .expect(201);
        assert_eq!(view["desiredDateMark"], mark, "{date}");
    }
}

#[tokio::test]
async fn retry_on_behalf_of_customer_gives_the_same_answer() {
    let app = start().await;
    let caller = app.as_salesman(SALESMAN);
    let first = caller
        .post_with_key("/consultations", "k", &on_behalf())
        .await
        .expect(201);
    let retry = caller
        .post_with_key("/consultations", "k", &on_behalf())
        .await
        .expect(201);
    assert_eq!(
        (
            first,
            consultation_count(&app).await,
            app.new_events().await.len()
        ),
        (retry, 1, 1)
    );
}
