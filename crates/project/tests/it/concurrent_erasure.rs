//! Events of a customer that are consumed during the erasure.

use std::time::Duration;

use chrono::TimeDelta;
use events::Step;
use serde_json::json;
use service_kit::Clock as _;
use uuid::Uuid;

use crate::end_overdue::wait_for_blocked_statement;
use crate::erasure::{
    PHONE, consultation_of_customer, deliver, delivery, dump_tables, erase, interest_of_customer,
    new_id, stored_rows, test_customer,
};
use crate::{consultation_edited, consultation_progressed, start};

#[tokio::test]
async fn erasure_waits_for_a_concurrent_insert() {
    let app = start().await;
    let (id, customer) = (Uuid::from_u128(7), test_customer().customer_id);
    let mut batch = app.context().db.begin().await.unwrap();
    assert!(
        !service_kit::privacy::erased_customers::predates_erasure(
            &mut batch,
            customer,
            id,
            app.clock().now()
        )
        .await
        .unwrap()
    );
    sqlx::query(
        "insert into known_interest (id, project_id, customer_id, last_four, interested, since)
         values ($1, $1, $2, '5678', true, now())",
    )
    .bind(id)
    .bind(customer.0)
    .execute(&mut *batch)
    .await
    .unwrap();
    tokio::join!(erase(&app, PHONE), async {
        wait_for_blocked_statement(&app).await;
        batch.commit().await.unwrap();
    });
    assert!(!dump_tables(&app).await.contains("5678"));
}

#[tokio::test]
async fn insert_waits_for_a_concurrent_erasure() {
    let app = start().await;
    let event = interest_of_customer(new_id(&app), Uuid::from_u128(1), Uuid::from_u128(2));
    app.clock().advance(TimeDelta::seconds(1));
    let mut erasure = app.context().db.begin().await.unwrap();
    service_kit::privacy::erased_customers::record(&mut erasure, event.customer.customer_id)
        .await
        .unwrap();
    tokio::join!(app.deliver(1, &event), async {
        wait_for_blocked_statement(&app).await;
        erasure.commit().await.unwrap();
    });
    let dump = dump_tables(&app).await;
    assert!(
        !dump.contains("5678") && dump.contains("erased_at"),
        "{dump}"
    );
}

#[tokio::test]
async fn consultation_update_waits_for_erasure_without_row_locks() {
    let app = start().await;
    let consultation = consultation_of_customer(new_id(&app), Uuid::from_u128(2));
    deliver(&app, 1, &consultation).await;
    let deliveries = [
        delivery(2, &consultation_edited(&consultation, "2026-12-24")),
        delivery(
            3,
            &consultation_progressed(&consultation, Step::Apply, Step::Approved),
        ),
    ];
    for (envelope, payload) in deliveries {
        let mut erasure = app.context().db.begin().await.unwrap();
        service_kit::privacy::erased_customers::record(
            &mut erasure,
            consultation.customer.customer_id,
        )
        .await
        .unwrap();
        tokio::join!(app.deliver_raw(&envelope, payload), async {
            let blocked =
                tokio::time::timeout(Duration::from_secs(20), wait_for_blocked_statement(&app))
                    .await;
            blocked.expect("the update waits for the erasure");
            let lock = "select 1 from known_consultation where id = $1 for update nowait";
            sqlx::query(lock)
                .bind(consultation.consultation_id.0)
                .execute(&mut *erasure)
                .await
                .unwrap();
            erasure.commit().await.unwrap();
        });
    }
    let stored = &stored_rows(&app, &["known_consultation"]).await["known_consultation"][0];
    assert_eq!(
        (&stored["desired_on"], &stored["step"]),
        (&json!("2026-12-24"), &json!("approved"))
    );
}
