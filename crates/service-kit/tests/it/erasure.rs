//! Erasure in the tables that every service has.

use events::CustomerId;
use serde_json::{Value, json};
use service_kit::forms::phone::Phone;
use service_kit::privacy::erasure;
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::publishing;

const CUSTOMER: Uuid = Uuid::from_u128(0x8f1c_2a30_5b7d_8e21_9c44_1a2b_3c4d_5e6f);
const OTHER: Uuid = Uuid::from_u128(0x8f1c_2a30_5b7d_8e21_9c44_1a2b_3c4d_0000);

async fn park(app: &TestApp, offset: i64, payload: &[u8], detail: &str) {
    sqlx::query(
        r#"insert into parked (topic, partition, "offset", headers, payload, reason, detail,
                               parked_at)
           values ('ktgg.interest', 0, $1, '{}', $2, 'unreadable', $3, now())"#,
    )
    .bind(offset)
    .bind(payload)
    .bind(detail)
    .execute(app.pool())
    .await
    .unwrap();
}

/// Parks a record with the phone number in one of these columns: key, headers, payload, detail.
async fn park_with_phone_in(app: &TestApp, offset: i64, column: &str) {
    let with = |name: &str, text: &str, otherwise: &str| {
        if name == column {
            text.to_owned()
        } else {
            otherwise.to_owned()
        }
    };
    let headers = with(
        "headers",
        r#"{"ce_type": "call +82 10-1234-5678", "010 1234 5678": "x", "ce_id": "7"}"#,
        r#"{"ce_id": "7"}"#,
    );
    sqlx::query(
        r#"insert into parked (topic, partition, "offset", key, headers, payload, type, reason,
                               detail, parked_at)
           values ('ktgg.interest', 1, $1, convert_to($2, 'UTF8'), $3::jsonb,
                   convert_to($4, 'UTF8'), $3::jsonb ->> 'ce_type', 'unreadable', $5, now())"#,
    )
    .bind(offset)
    .bind(with("key", "01012345678", "k"))
    .bind(headers)
    .bind(with(
        "payload",
        r#"{"said":["821012345678"]}"#,
        r#"{"said":["x"]}"#,
    ))
    .bind(with(
        "detail",
        "invalid type: string \"+821012345678\"",
        "a test",
    ))
    .execute(app.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn phone_is_removed_from_every_column_of_parked_records() {
    let app = TestApp::start(publishing().await).await;
    let phone: Phone = "010-1234-5678".parse().unwrap();
    let columns = ["nowhere", "key", "headers", "payload", "detail"];
    for (offset, column) in (0..).zip(columns) {
        park_with_phone_in(&app, offset, column).await;
    }
    let mut tx = app.context().db.begin().await.unwrap();
    erasure::erase(&mut tx, CustomerId(CUSTOMER), Some(&phone))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let records: Vec<Value> = sqlx::query_scalar(
        "select jsonb_build_array(convert_from(key, 'UTF8'), headers,
                                  convert_from(payload, 'UTF8'), type, detail)
         from parked order by \"offset\"",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    let (id, payload) = (json!({ "ce_id": "7" }), r#"{"said":["x"]}"#);
    let expected = [
        json!(["k", id, payload, null, "a test"]),
        json!([null, id, payload, null, ""]),
        json!(["k", { "ce_id": "7", "ce_type": null }, payload, null, ""]),
        json!(["k", id, r#"{"said":[""]}"#, null, ""]),
        json!(["k", id, payload, null, ""]),
    ];
    assert_eq!(records, expected);
}

#[tokio::test]
async fn record_with_customer_id_outside_its_payload_is_cleaned() {
    let app = TestApp::start(publishing().await).await;
    for (offset, key, headers, detail) in [
        (0, CUSTOMER.to_string(), json!({}), "a test".to_owned()),
        (
            1,
            "k".to_owned(),
            json!({ "ce_subject": CUSTOMER }),
            "a test".to_owned(),
        ),
        (
            2,
            "k".to_owned(),
            json!({}),
            format!("unknown customer {CUSTOMER}"),
        ),
    ] {
        sqlx::query(
            r#"insert into parked (topic, partition, "offset", key, headers, payload, reason,
                                   detail, parked_at)
               values ('ktgg.interest', 2, $1, convert_to($2, 'UTF8'), $3, '{"memo": "m"}',
                       'refused', $4, now())"#,
        )
        .bind(offset)
        .bind(key)
        .bind(headers)
        .bind(detail)
        .execute(app.pool())
        .await
        .unwrap();
    }
    let mut tx = app.context().db.begin().await.unwrap();
    erasure::erase(&mut tx, CustomerId(CUSTOMER), None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(parked(&app).await, vec![Some("{}".to_owned()); 3]);
    let columns: Vec<(String, Value, String)> = sqlx::query_as(
        "select convert_from(key, 'UTF8'), headers, detail from parked order by \"offset\"",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    let row = |key: String, headers| (key, headers, String::new());
    let expected = [
        row(CUSTOMER.to_string(), json!({})),
        row("k".to_owned(), json!({ "ce_subject": CUSTOMER })),
        row("k".to_owned(), json!({})),
    ];
    assert_eq!(columns, expected);
}

async fn store_idempotency_key(app: &TestApp, principal: Uuid) {
    sqlx::query("insert into idempotency_key values ($1, 'ask-1', '\\x00', 201, $1, now())")
        .bind(principal)
        .execute(app.pool())
        .await
        .unwrap();
}

async fn parked(app: &TestApp) -> Vec<Option<String>> {
    let payloads: Vec<Option<Vec<u8>>> =
        sqlx::query_scalar("select payload from parked order by \"offset\"")
            .fetch_all(app.pool())
            .await
            .unwrap();
    payloads
        .into_iter()
        .map(|payload| payload.map(|payload| String::from_utf8_lossy(&payload).into_owned()))
        .collect()
}

#[tokio::test]
async fn parked_records_of_the_customer_only_lose_personal_data() {
    let app = TestApp::start(publishing().await).await;
    let phone: Phone = "010-1234-5678".parse().unwrap();
    let detail = "invalid type: string \"010-1234-5678\"";
    park(
        &app,
        0,
        format!(r#"{{"customerId":"{CUSTOMER}","memo":"오전에 연락 주세요"}}"#).as_bytes(),
        detail,
    )
    .await;
    let not_json = "\u{fffd} 010-1234-5678 not JSON";
    park(&app, 1, not_json.as_bytes(), detail).await;
    let other_payload = format!(r#"{{"customerId":"{OTHER}","memo":"오후"}}"#);
    let other_detail = "invalid type: string \"010-9999-0000\"";
    park(&app, 2, other_payload.as_bytes(), other_detail).await;
    store_idempotency_key(&app, CUSTOMER).await;
    store_idempotency_key(&app, OTHER).await;
    // The second time changes nothing.
    for _ in 0..2 {
        let mut tx = app.context().db.begin().await.unwrap();
        erasure::erase(&mut tx, CustomerId(CUSTOMER), Some(&phone))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            parked(&app).await,
            [
                Some(format!(r#"{{"customerId":"{CUSTOMER}"}}"#)),
                None,
                Some(other_payload.clone())
            ]
        );
        // The details quoted the number; that of the other customer stays.
        let details: Vec<String> =
            sqlx::query_scalar("select detail from parked order by \"offset\"")
                .fetch_all(app.pool())
                .await
                .unwrap();
        assert_eq!(details, ["", "", other_detail]);
        let principals: Vec<Uuid> = sqlx::query_scalar("select principal from idempotency_key")
            .fetch_all(app.pool())
            .await
            .unwrap();
        assert_eq!(principals, [OTHER]);
    }
}
