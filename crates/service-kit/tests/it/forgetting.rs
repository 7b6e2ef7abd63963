//! What is forgotten of a customer in what every service has.

use events::CustomerId;
use service_kit::erasure;
use service_kit::phone::Phone;
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::publishing;

const CUSTOMER: Uuid = Uuid::from_u128(0x8f1c_2a30_5b7d_8e21_9c44_1a2b_3c4d_5e6f);
const OTHER: Uuid = Uuid::from_u128(0x8f1c_2a30_5b7d_8e21_9c44_1a2b_3c4d_0000);

async fn park(app: &TestApp, offset: i64, payload: &[u8]) {
    sqlx::query(
        r#"insert into parked (topic, partition, "offset", headers, payload, reason, detail, parked_at)
           values ('ktgg.interest', 0, $1, '{}', $2, 'unreadable', 'invalid type: string "010-1234-5678"', now())"#,
    )
    .bind(offset)
    .bind(payload)
    .execute(app.pool())
    .await
    .unwrap();
}

async fn write(app: &TestApp, principal: Uuid) {
    sqlx::query("insert into idempotency_key values ($1, 'ask-1', '\\x00', 201, $1, now())")
        .bind(principal)
        .execute(app.pool())
        .await
        .unwrap();
}

async fn parked(app: &TestApp) -> Vec<Option<String>> {
    let payloads: Vec<Option<Vec<u8>>> =
        sqlx::query_scalar("select payload from parked order by \"offset\"").fetch_all(app.pool()).await.unwrap();
    payloads.into_iter().map(|payload| payload.map(|payload| String::from_utf8_lossy(&payload).into_owned())).collect()
}

#[tokio::test]
async fn what_was_kept_aside_of_a_customer_loses_who_he_is_and_what_is_anothers_stays() {
    let app = TestApp::start(publishing().await).await;
    let phone: Phone = "010-1234-5678".parse().unwrap();
    park(&app, 0, format!(r#"{{"customerId":"{CUSTOMER}","memo":"오전에 연락 주세요"}}"#).as_bytes()).await;
    park(&app, 1, "\u{fffd} 010-1234-5678 no JSON".as_bytes()).await;
    let of_another = format!(r#"{{"customerId":"{OTHER}","memo":"오후"}}"#);
    park(&app, 2, of_another.as_bytes()).await;
    write(&app, CUSTOMER).await;
    write(&app, OTHER).await;
    // Twice: the second time there is nothing left to do.
    for _ in 0..2 {
        let mut tx = app.context().db.begin().await.unwrap();
        erasure::forget(&mut tx, CustomerId(CUSTOMER), Some(&phone)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(parked(&app).await, [Some(format!(r#"{{"customerId":"{CUSTOMER}"}}"#)), None, Some(of_another.clone())]);
        // Why it was parked repeated his number; what is another's is as it was.
        let details: Vec<String> =
            sqlx::query_scalar("select detail from parked order by \"offset\"").fetch_all(app.pool()).await.unwrap();
        assert_eq!(details, ["", "", "invalid type: string \"010-1234-5678\""]);
        let principals: Vec<Uuid> =
            sqlx::query_scalar("select principal from idempotency_key").fetch_all(app.pool()).await.unwrap();
        assert_eq!(principals, [OTHER]);
    }
}
