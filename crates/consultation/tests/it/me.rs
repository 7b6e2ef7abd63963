//! What a customer takes away with him, and who saw his number.

use axum::http::header;
use chrono::TimeDelta;
use events::{ConsultationId, Origin};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, SALESMAN, STRANGER, a_match, a_request, requested_and_matched, shown, start,
};

/// The member of staff of [`TestApp::as_staff`].
const STAFF: Uuid = Uuid::from_u128(0x57AFF);

/// A consultation of another customer with the same people on it, of which everything that can be said is said.
async fn of_a_stranger(app: &TestApp) -> Uuid {
    let mut body = a_request();
    body["memo"] = json!("남의 메모");
    body["customerName"] = json!("남의 이름");
    let view = app
        .as_customer(STRANGER)
        .post("/consultations", &body)
        .await
        .expect(201);
    let id: Uuid = view["id"].as_str().unwrap().parse().unwrap();
    app.deliver(
        1,
        &a_match(
            Origin::Consultation(ConsultationId(id)),
            SALESMAN,
            Some(CONSULTANT),
        ),
    )
    .await;
    app.as_salesman(SALESMAN)
        .get(&format!("/consultations/{id}/phone?why=theirs"))
        .await
        .expect(200);
    id
}

#[tokio::test]
async fn a_customers_data_are_everything_but_what_colleagues_noted_for_each_other() {
    let app = start().await;
    of_a_stranger(&app).await;
    let first = requested_and_matched(&app).await;
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
        .get(&format!("{path}/phone?why=visit"))
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
        .get(&format!("{path}/phone?why=call"))
        .await
        .expect(200);
    let mut entered = a_request();
    entered["phone"] = json!(PHONE);
    entered["consent"] = json!(true);
    let second = app
        .as_staff()
        .post("/consultations", &entered)
        .await
        .expect(201)["id"]
        .clone();

    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let second = shown(
        &app.as_customer(PHONE),
        second.as_str().unwrap().parse().unwrap(),
    )
    .await;
    let seen = |minute: u32, role: &str, viewer: Option<Uuid>, why: &str| {
        json!({ "at": format!("2026-11-23T01:0{minute}:00Z"), "viewerRole": role, "viewerId": viewer, "why": why,
                "about": { "kind": "consultation", "id": first } })
    };
    let expected = json!({
        "phone": "+821012345678",
        "consultations": [shown(&app.as_customer(PHONE), first).await, second],
        "disclosures": [seen(1, "staff", None, "call"), seen(0, "consultant", Some(CONSULTANT), "visit")],
    });
    assert_eq!(data, expected);
    // The gateway is told which member of staff it was, and decides.
    let told = app
        .as_customer(PHONE)
        .get("/me/disclosures")
        .await
        .expect(200);
    assert_eq!(told["items"][0], seen(1, "staff", Some(STAFF), "call"));
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
        json!({ "by": { "role": "staff", "id": null, "displayName": null }, "at": "2026-11-23T01:01:00Z" })
    );
    let whole = data.to_string();
    for secret in [
        "비밀",
        "남의",
        "99990000",
        "theirs",
        &customer(STRANGER).subject.to_string(),
        &STAFF.to_string(),
    ] {
        assert!(!whole.contains(secret), "{secret} is in {whole}");
    }
}

#[tokio::test]
async fn whoever_has_nothing_here_takes_nothing_away() {
    let app = start().await;
    of_a_stranger(&app).await;
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
async fn all_of_a_very_long_timeline_is_taken_away() {
    let app = start().await;
    let id = requested_and_matched(&app).await;
    sqlx::query(
        "insert into timeline (id, consultation_id, at, actor, version, what)
         select gen_random_uuid(), $1, '2026-11-24T00:00:00Z'::timestamptz + n * interval '1 second', '{\"role\": \"system\"}', n,
                '{\"kind\": \"edited\", \"dateFrom\": \"2026-12-01\", \"dateTo\": \"2026-12-01\", \"memoChanged\": true}'
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
async fn who_saw_the_number_is_told_newest_first_and_of_nobody_else() {
    let app = start().await;
    let strangers = of_a_stranger(&app).await;
    let (one, other) = (
        requested_and_matched(&app).await,
        requested_and_matched(&app).await,
    );
    for (id, caller, query) in [
        (one, app.as_staff(), "?why=first"),
        (other, app.as_salesman(SALESMAN), ""),
        (one, app.as_consultant(CONSULTANT), "?why=last"),
    ] {
        app.clock().advance(TimeDelta::minutes(1));
        caller
            .get(&format!("/consultations/{id}/phone{query}"))
            .await
            .expect(200);
    }
    // Who was refused has seen nothing.
    assert_eq!(
        app.as_salesman(CONSULTANT)
            .get(&format!("/consultations/{one}/phone"))
            .await
            .status,
        404
    );
    let row = |minute: u32, role: &str, who: Uuid, why: Value, id: Uuid| {
        json!({ "at": format!("2026-11-23T01:0{minute}:00Z"), "viewerRole": role, "viewerId": who, "why": why,
                "about": { "kind": "consultation", "id": id } })
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
    let theirs = [row(0, "salesman", SALESMAN, json!("theirs"), strangers)];
    assert_eq!(
        app.as_customer(STRANGER)
            .get("/me/disclosures")
            .await
            .expect(200),
        json!({ "items": theirs })
    );
}
