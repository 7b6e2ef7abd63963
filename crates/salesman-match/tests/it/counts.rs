//! The length of the queue.

use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::testing::TestApp;

use crate::{assign, consultant, requested, salesman, start};

async fn counts(app: &TestApp) -> Value {
    app.as_staff()
        .get("/salesman-matches/counts")
        .await
        .expect(200)
}

#[tokio::test]
async fn queue_is_counted_by_missing_role_with_its_oldest_request() {
    let app = start().await;
    let empty = json!({
        "unassigned": 0, "lacksSalesman": 0, "lacksConsultant": 0, "oldestRequestedAt": null,
    });
    assert_eq!(counts(&app).await, empty);
    let oldest = app.clock().now();
    requested(&app, ["5678", "1234", "0000"]).await;
    let waiting = json!({
        "unassigned": 3, "lacksSalesman": 3, "lacksConsultant": 0, "oldestRequestedAt": oldest,
    });
    assert_eq!(counts(&app).await, waiting);
    // One salesman with room for two: the newest request waits for a salesman, all for consultants.
    salesman(&app, 1, 2).await;
    assign(&app).await;
    let mixed = json!({
        "unassigned": 3, "lacksSalesman": 1, "lacksConsultant": 2, "oldestRequestedAt": oldest,
    });
    assert_eq!(counts(&app).await, mixed);
    consultant(&app, 2, 10).await;
    assign(&app).await;
    let rest = json!({
        "unassigned": 1, "lacksSalesman": 1, "lacksConsultant": 0,
        "oldestRequestedAt": oldest + TimeDelta::minutes(2),
    });
    assert_eq!(counts(&app).await, rest);
}
