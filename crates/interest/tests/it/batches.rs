//! Batches of events that run at the same time, and erasures.

use std::time::Duration;

use events::{Event, ProjectStatus};
use serde_json::{Value, json};
use service_kit::Tx;
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::merging::{mark, wait_for_lock};
use crate::{
    PHONE, PROJECT, SERIES, create_interest, created, deliver_at, edition_of_year, instant,
    project_created, start, started,
};

const OTHER: Uuid = Uuid::from_u128(0x9408);

/// A transaction of another instance.
async fn begin(app: &TestApp) -> Tx {
    app.context().db.begin().await.unwrap()
}

/// Delivers the event, and commits the other transaction when the event waits for its lock.
async fn deliver_while_open<E: Event>(app: &TestApp, other: Tx, version: i64, event: &E) {
    let committing = async {
        wait_for_lock(app).await;
        other.commit().await.unwrap();
    };
    tokio::join!(
        deliver_at(app, instant("2026-11-23T02:00:00Z"), version, event),
        committing
    );
}

async fn notification_kinds(app: &TestApp) -> Vec<Value> {
    let page = app
        .as_customer(PHONE)
        .get("/interests/notifications")
        .await
        .expect(200);
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["kind"].clone()).collect()
}

#[tokio::test]
async fn events_of_unmarked_programmes_wait_for_no_batch() {
    let app = start().await;
    // In another programme.
    mark(&app, OTHER).await;
    let mut other = begin(&app).await;
    other.lock("serving").await.unwrap();
    let delivered = async {
        app.deliver(1, &project_created(PROJECT, "스마트상점"))
            .await;
        let edition = edition_of_year(2026, ProjectStatus::Planned);
        app.deliver(2, &started(PROJECT, edition)).await;
    };
    tokio::time::timeout(Duration::from_secs(20), delivered)
        .await
        .expect("an event waits for another batch");
    drop(other);
}

#[tokio::test]
async fn events_of_marked_programmes_wait_for_an_erasure() {
    for is_known in [true, false] {
        let app = start().await;
        let edition = || edition_of_year(2026, ProjectStatus::Planned);
        if is_known {
            app.deliver(1, &created(PROJECT, edition())).await;
        }
        let id = create_interest(&app).await;
        let mut erasure = begin(&app).await;
        erasure.lock("serving").await.unwrap();
        sqlx::query(
            "update interest
             set interested = false, phone = null, customer_name = null, erased_at = created_at
             where id = $1",
        )
        .bind(id)
        .execute(&mut *erasure)
        .await
        .unwrap();
        if is_known {
            deliver_while_open(&app, erasure, 2, &started(PROJECT, edition())).await;
        } else {
            deliver_while_open(&app, erasure, 1, &created(PROJECT, edition())).await;
        }
        assert_eq!(notification_kinds(&app).await, [] as [Value; 0]);
        let is_moved: bool = sqlx::query_scalar("select series_id is not null from interest")
            .fetch_one(app.pool())
            .await
            .unwrap();
        assert_eq!(is_moved, is_known);
    }
}

#[tokio::test]
async fn interest_that_moves_during_news_is_notified_of_them() {
    let app = start().await;
    mark(&app, OTHER).await;
    // Another instance stores news of the series, in which nothing is marked so far.
    let mut other = begin(&app).await;
    other.lock_shared("news").await.unwrap();
    sqlx::query(
        "insert into news (event_id, kind, series_id, project_id, project_name, changed,
                           deadline_moved, at)
         values ($1, 'started', $1, $2, '사업', '{}', false, '2026-11-23T02:00:00Z')",
    )
    .bind(SERIES)
    .bind(PROJECT)
    .execute(&mut *other)
    .await
    .unwrap();
    let edition = edition_of_year(2027, ProjectStatus::Planned);
    deliver_while_open(&app, other, 1, &created(OTHER, edition)).await;
    assert_eq!(notification_kinds(&app).await, [json!("started")]);
}

#[tokio::test]
async fn news_during_the_move_of_an_interest_notify_its_customer() {
    let app = start().await;
    mark(&app, OTHER).await;
    // Another instance moves the interest into the series.
    let mut other = begin(&app).await;
    other.lock("news").await.unwrap();
    sqlx::query("update interest set series_id = $1, subject_id = $1, project_name = null")
        .bind(SERIES)
        .execute(&mut *other)
        .await
        .unwrap();
    let edition = edition_of_year(2026, ProjectStatus::Planned);
    deliver_while_open(&app, other, 1, &created(PROJECT, edition)).await;
    assert_eq!(notification_kinds(&app).await, [json!("new_edition")]);
}
