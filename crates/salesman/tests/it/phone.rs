//! The phone number of a person is unique, and not in Postgres' own log.

use serde_json::json;
use service_kit::testing::PostgresLog;

use crate::{register, registration, start};

/// The constraint that would be violated.
const CONSTRAINT: &str = "salesman_phone_key";

#[tokio::test]
async fn phone_number_of_another_violates_no_constraint() {
    let (mut log, app) = (PostgresLog::start().await, start().await);
    let staff = app.as_staff();
    let other = format!("/salesmen/{}", register(&app, "010-4826-1935").await);
    register(&app, "010-7391-4628").await;
    let again = registration("010-7391-4628");
    let again = staff.post("/salesmen", &again);
    assert_eq!(again.await.problem(409).0, "phone-taken");
    let update = json!({ "phone": "010-7391-4628" });
    let update = staff.patch_if(&other, 1, &update);
    assert_eq!(update.await.problem(409).0, "phone-taken");
    let log = log.text().await;
    assert!(
        !log.contains("73914628") && !log.contains(CONSTRAINT),
        "{log}"
    );
}

#[tokio::test]
async fn number_taken_by_several_at_once_violates_no_constraint() {
    let (mut log, app) = (PostgresLog::start().await, start().await);
    let staff = app.as_staff();
    let one = format!("/salesmen/{}", register(&app, "010-4826-2001").await);
    let other = format!("/salesmen/{}", register(&app, "010-4826-2002").await);
    let body = registration("010-8264-1973");
    let update = json!({ "phone": "010-8264-1973" });
    let answers = tokio::join!(
        staff.post("/salesmen", &body),
        staff.patch_if(&one, 1, &update),
        staff.post("/salesmen", &body),
        staff.patch_if(&other, 1, &update),
    );
    let (a, b, c, d) = answers;
    let mut statuses = [a, b, c, d].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert!(
        matches!(statuses, [200 | 201, 409, 409, 409]),
        "{statuses:?}"
    );
    let log = log.text().await;
    assert!(
        !log.contains("82641973") && !log.contains(CONSTRAINT),
        "{log}"
    );
}
