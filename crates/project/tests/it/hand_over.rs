//! A project's view after a salesman left.

use events::{Origin, SalesmanId, SalesmanMatched};
use serde_json::{Value, json};
use service_kit::testing::unmatched;

use crate::{
    CONSULTANT, OTHER_SALESMAN, SALESMAN, consultation_created, create_ongoing, deliver_at, person,
    project_with, salesman_matched, start,
};

#[tokio::test]
async fn view_shows_the_customer_as_unassigned_until_matched_again() {
    let app = start().await;
    let id = create_ongoing(&app, &project_with(&json!({}))).await;
    let path = format!("/projects/{id}/view");
    let requested = consultation_created(11, id, 1);
    deliver_at(&app, 1, 1, &requested).await;
    let first = salesman_matched(
        Origin::Consultation(requested.consultation_id),
        &requested.customer,
        person(SALESMAN, "김하늘"),
        Some(person(CONSULTANT, "박노을")),
    );
    deliver_at(&app, 2, 1, &first).await;
    deliver_at(&app, 3, 2, &unmatched(&first, &[SALESMAN])).await;
    let view = app.as_staff().get(&path).await.expect(200);
    let customer = &view["customers"]["items"][0];
    assert_eq!(
        (&customer["salesman"], &customer["consultant"]["id"]),
        (&Value::Null, &json!(CONSULTANT))
    );
    assert_eq!(
        (&view["salesmen"], &view["progress"]["unassigned"]),
        (&json!([]), &json!(1))
    );
    for (caller, seen) in [
        (app.as_salesman(SALESMAN), 0),
        (app.as_consultant(CONSULTANT), 1),
    ] {
        let view = caller.get(&path).await.expect(200);
        assert_eq!(view["customers"]["items"].as_array().unwrap().len(), seen);
    }
    let again = SalesmanMatched {
        salesman: person(OTHER_SALESMAN, "이바다"),
        previous_consultant_id: Some(SalesmanId(CONSULTANT)),
        ..first
    };
    deliver_at(&app, 4, 3, &again).await;
    let view = app.as_staff().get(&path).await.expect(200);
    assert_eq!(
        view["customers"]["items"][0]["salesman"]["displayName"],
        "이바다"
    );
    assert!(app.parked().await.is_empty());
}
