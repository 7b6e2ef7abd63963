//! What is told of a customer at the very moment in which he is erased.

use std::time::Duration;

use chrono::TimeDelta;
use events::Step;
use serde_json::json;
use service_kit::Clock as _;
use uuid::Uuid;

use crate::ending::until_somebody_waits;
use crate::erasing::{
    PHONE, deliver, delivery, erase, everything, his_consultation, his_interest, kept, new_id,
    the_customer,
};
use crate::{consultation_edited, progressed, start};

#[tokio::test]
async fn an_erasure_waits_for_whoever_is_in_the_midst_of_keeping_something_of_his() {
    let app = start().await;
    let (id, customer) = (Uuid::from_u128(7), the_customer().customer_id);
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
        "insert into known_interest (id, project_id, customer_id, last_four, interested, since) values ($1, $1, $2, '5678', true, now())",
    )
    .bind(id)
    .bind(customer.0)
    .execute(&mut *batch)
    .await
    .unwrap();
    tokio::join!(erase(&app, PHONE), async {
        until_somebody_waits(&app).await;
        batch.commit().await.unwrap();
    });
    assert!(!everything(&app).await.contains("5678"));
}

#[tokio::test]
async fn whoever_keeps_something_while_he_is_erased_waits_and_is_told() {
    let app = start().await;
    let event = his_interest(new_id(&app), Uuid::from_u128(1), Uuid::from_u128(2));
    app.clock().advance(TimeDelta::seconds(1));
    let mut erasing = app.context().db.begin().await.unwrap();
    service_kit::privacy::erased_customers::record(&mut erasing, event.customer.customer_id)
        .await
        .unwrap();
    tokio::join!(app.deliver(1, &event), async {
        until_somebody_waits(&app).await;
        erasing.commit().await.unwrap();
    });
    let left = everything(&app).await;
    assert!(
        !left.contains("5678") && left.contains("erased_at"),
        "{left}"
    );
}

#[tokio::test]
async fn whoever_keeps_what_became_of_a_consultation_while_its_customer_is_erased_holds_no_row_that_the_erasure_waits_for()
 {
    let app = start().await;
    let asked = his_consultation(new_id(&app), Uuid::from_u128(2));
    deliver(&app, 1, &asked).await;
    let told = [
        delivery(2, &consultation_edited(&asked, "2026-12-24")),
        delivery(3, &progressed(&asked, Step::Apply, Step::Approved)),
    ];
    for (envelope, payload) in told {
        let mut erasing = app.context().db.begin().await.unwrap();
        service_kit::privacy::erased_customers::record(&mut erasing, asked.customer.customer_id)
            .await
            .unwrap();
        tokio::join!(app.deliver_raw(&envelope, payload), async {
            let waiting =
                tokio::time::timeout(Duration::from_secs(20), until_somebody_waits(&app)).await;
            waiting.expect("it waits for the erasure");
            let lock = "select 1 from known_consultation where id = $1 for update nowait";
            sqlx::query(lock)
                .bind(asked.consultation_id.0)
                .execute(&mut *erasing)
                .await
                .unwrap();
            erasing.commit().await.unwrap();
        });
    }
    let kept = &kept(&app, &["known_consultation"]).await["known_consultation"][0];
    assert_eq!(
        (&kept["desired_on"], &kept["step"]),
        (&json!("2026-12-24"), &json!("approved"))
    );
}
