//! The data of a customer, and the disclosures of the number.

use axum::http::header;
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::{TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, SALESMAN, create_matched, get_consultation, match_event,
    origin, request_body, start,
};

/// The id of [`TestApp::as_staff`].
const STAFF: Uuid = Uuid::from_u128(0x57AFF);

/// A consultation of another customer with the same people, with texts and a disclosure.
async fn create_for_other_customer(app: &TestApp) -> Uuid {
    let mut body = request_body();
    body["memo"] = json!("남의 메모");
    body["customerName"] = json!("남의 이름");
    let view = app
        .as_customer(OTHER_PHONE)
        .post("/consultations", &body)
        .await
        .expect(201);
    let id: Uuid = view["id"].as_str().unwrap().parse().unwrap();
    app.deliver(1, &match_event(origin(id), SALESMAN, Some(CONSULTANT)))
        .await;
    app.as_salesman(SALESMAN)
        .post(
            &format!("/consultations/{id}/phone"),
            &json!({ "why": "theirs" }),
        )
        .await
        .expect(200);
    id
}

/// Two consultations of [`PHONE`]: a failed one with texts, a note and disclosures, and one that
/// staff entered on behalf of the customer.
async fn create_with_everything(app: &TestApp) -> (Uuid, Uuid) {
    let first = create_matched(app).await;
    let path = format!("/consultations/{first}");
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "memo": "오후가 좋습니다" }))
        .await
        .expect(200);
    app.as_salesman(SALESMAN)
        .post(&format!("{path}/notes"), &json!({ "text": "비밀 노트" }))
        .await
        .expect(201);
    app.as_consultant(CONSULTANT)
        .post(&format!("{path}/phone"), &json!({ "why": "visit" }))
        .await
        .expect(200);
    let fail = json!({ "step": "failed", "reason": "예산 부족" });
    app.as_salesman(SALESMAN)
        .post_if(
            &format!("{path}/progress"),
            2,
            &json!({ "step": "approved" }),
        )
        .await
        .expect(200);
    app.as_staff()
        .post_if(&format!("{path}/progress"), 3, &fail)
        .await
        .expect(200);
    app.clock().advance(TimeDelta::minutes(1));
    app.as_staff()
        .post(&format!("{path}/phone"), &json!({ "why": "call" }))
        .await
        .expect(200);
    let mut entered = request_body();
    entered["phone"] = json!(PHONE);
    entered["consent"] = json!(true);
    let second = app
        .as_staff()
        .post("/consultations", &entered)
        .await
        .expect(201)["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .unwrap();
    (first, second)
}

#[tokio::test]
async fn customer_data_is_complete_except_notes() {
    let app = start().await;
    create_for_other_customer(&app).await;
    let (first, second) = create_with_everything(&app).await;
    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let second = get_consultation(&app.as_customer(PHONE), second).await;
    let disclosure = |minute: u32, role: &str, viewer: Option<Uuid>, why: &str| {
        json!({
            "at": format!("2026-11-23T01:0{minute}:00Z"), "viewerRole": role, "viewerId": viewer,
            "why": why, "about": { "kind": "consultation", "id": first },
        })
    };
    let expected = json!({
        "phone": "+821012345678",
        "consultations": [get_consultation(&app.as_customer(PHONE), first).await, second],
        "disclosures": [
            disclosure(1, "staff", None, "call"),
            disclosure(0, "consultant", Some(CONSULTANT), "visit"),
        ],
    });
    assert_eq!(data, expected);
    // The gateway gets the id of the member of staff.
    let disclosures = app
        .as_customer(PHONE)
        .get("/me/disclosures")
        .await
        .expect(200);
    assert_eq!(
        disclosures["items"][0],
        disclosure(1, "staff", Some(STAFF), "call")
    );
    let (one, other) = (&data["consultations"][0], &data["consultations"][1]);
    assert_eq!(
        (&one["memo"], &one["reason"], &one["customerName"]),
        (
            &json!("오후가 좋습니다"),
            &json!("예산 부족"),
            &json!("홍길동")
        )
    );
    let kinds: Vec<&str> = one["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["requested", "matched", "edited", "progressed", "progressed"]
    );
    assert_eq!(
        other["consent"],
        json!({
            "by": { "role": "staff", "id": null, "displayName": null },
            "at": "2026-11-23T01:01:00Z",
        })
    );
    let text = data.to_string();
    for secret in [
        "비밀",
        "남의",
        "99990000",
        "theirs",
        &customer(OTHER_PHONE).subject.to_string(),
        &STAFF.to_string(),
    ] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[tokio::test]
async fn customer_without_consultations_gets_empty_data() {
    let app = start().await;
    create_for_other_customer(&app).await;
    let data = app.as_customer(PHONE).get("/me/data").await.expect(200);
    assert_eq!(
        data,
        json!({ "phone": null, "consultations": [], "disclosures": [] })
    );
    assert_eq!(
        app.as_customer(PHONE)
            .get("/me/disclosures")
            .await
            .expect(200),
        json!({ "items": [] })
    );
}

#[tokio::test]
async fn customer_data_contains_the_whole_timeline() {
    let app = start().await;
    let id = create_matched(&app).await;
    sqlx::query(
        "insert into timeline (id, consultation_id, at, actor, version, what)
         select gen_random_uuid(), $1,
                '2026-11-24T00:00:00Z'::timestamptz + n * interval '1 second',
                '{\"role\": \"system\"}', n,
                '{\"kind\": \"edited\", \"dateFrom\": \"2026-12-01\", \"dateTo\": \"2026-12-01\",
                  \"memoChanged\": true}'
         from generate_series(1, 501) n",
    )
    .bind(id)
    .execute(app.pool())
    .await
    .unwrap();
    let data = app.as_customer(PHONE).get("/me/data").await.expect(200);
    let timeline = data["consultations"][0]["timeline"].as_array().unwrap();
    assert_eq!(
        (timeline.len(), &timeline[0]["kind"], &timeline[502]["kind"]),
        (503, &json!("requested"), &json!("edited"))
    );
}

#[tokio::test]
async fn disclosures_are_own_and_newest_first() {
    let app = start().await;
    let of_other = create_for_other_customer(&app).await;
    let (one, other) = (create_matched(&app).await, create_matched(&app).await);
    for (id, caller, body) in [
        (one, app.as_staff(), json!({ "why": "first" })),
        (other, app.as_salesman(SALESMAN), json!({})),
        (one, app.as_consultant(CONSULTANT), json!({ "why": "last" })),
    ] {
        app.clock().advance(TimeDelta::minutes(1));
        caller
            .post(&format!("/consultations/{id}/phone"), &body)
            .await
            .expect(200);
    }
    // A refused caller is not listed.
    assert_eq!(
        app.as_salesman(CONSULTANT)
            .post(&format!("/consultations/{one}/phone"), &json!({}))
            .await
            .status,
        404
    );
    let row = |minute: u32, role: &str, viewer: Uuid, why: Value, id: Uuid| {
        json!({
            "at": format!("2026-11-23T01:0{minute}:00Z"), "viewerRole": role, "viewerId": viewer,
            "why": why, "about": { "kind": "consultation", "id": id },
        })
    };
    let expected = [
        row(3, "consultant", CONSULTANT, json!("last"), one),
        row(2, "salesman", SALESMAN, Value::Null, other),
        row(1, "staff", STAFF, json!("first"), one),
    ];
    assert_eq!(
        app.as_customer(PHONE)
            .get("/me/disclosures")
            .await
            .expect(200),
        json!({ "items": expected })
    );
    let theirs = [row(0, "salesman", SALESMAN, json!("theirs"), of_other)];
    assert_eq!(
        app.as_customer(OTHER_PHONE)
            .get("/me/disclosures")
            .await
            .expect(200),
        json!({ "items": theirs })
    );
}
