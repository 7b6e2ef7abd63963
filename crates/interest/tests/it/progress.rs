//! Notifications about the step of a consultation.

use events::{Actor, ConsultationProgressed, CustomerId, SalesmanId, Step};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile, customer};
use uuid::Uuid;

use crate::unattended::consultation_progressed;
use crate::{
    OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, deliver_at, edition_of_year, instant, start,
    started,
};

const CONSULTATION: u128 = 0xC0;

/// The salesman moves the consultation of the usual customer to this step.
fn moved(to: Step) -> ConsultationProgressed {
    ConsultationProgressed {
        to,
        salesman_id: Some(SalesmanId(SALESMAN)),
        actor: Actor::Salesman(SalesmanId(SALESMAN)),
        ..consultation_progressed(CONSULTATION, PHONE)
    }
}

async fn notifications(app: &TestApp, phone: &str) -> Vec<Value> {
    let path = "/interests/notifications";
    let page = app.as_customer(phone).get(path).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn customer_is_notified_of_a_step_with_project_and_salesman() {
    let app = start().await;
    let edition = edition_of_year(2026, events::ProjectStatus::Ongoing);
    app.deliver(1, &started(PROJECT, edition)).await;
    let registered = events::SalesmanRegistered {
        salesman_id: SalesmanId(SALESMAN),
        profile: a_profile("김하늘", events::PersonRole::Salesman, 3),
        actor: Actor::System,
    };
    app.deliver(1, &registered).await;
    let at = instant("2026-11-23T02:00:00Z");
    let event = Uuid::new_v4();
    let mut envelope = service_kit::testing::envelope(event, 1, &moved(Step::Approved));
    envelope.recorded_at = at;
    let payload = serde_json::to_vec(&moved(Step::Approved)).unwrap();
    app.deliver_raw(&envelope, payload.clone()).await;
    app.deliver_raw(&envelope, payload).await;
    let listed = notifications(&app, PHONE).await;
    assert_eq!(listed.len(), 1);
    let mut shown = listed[0].clone();
    shown.as_object_mut().unwrap().remove("id");
    assert_eq!(
        shown,
        json!({
            "kind": "progressed", "step": "approved",
            "origin": { "kind": "consultation", "id": Uuid::from_u128(CONSULTATION) },
            "salesman": { "id": SALESMAN, "displayName": "김하늘" }, "consultant": null,
            "projectId": PROJECT, "projectName": "2026년 스마트상점", "seriesId": SERIES,
            "changed": [], "deadline": null, "deadlineMoved": false, "previousDeadline": null,
            "createdAt": at, "readAt": null,
        })
    );
    assert!(notifications(&app, OTHER_PHONE).await.is_empty());
}

#[tokio::test]
async fn each_step_by_a_colleague_is_notified_and_none_by_the_customer() {
    let app = start().await;
    for (version, to) in [(1, Step::Approved), (2, Step::Failed)] {
        let at = instant("2026-11-23T02:00:00Z") + chrono::TimeDelta::minutes(version);
        deliver_at(&app, at, version, &moved(to)).await;
    }
    let own = ConsultationProgressed {
        to: Step::Cancelled,
        actor: Actor::Customer(CustomerId(customer(PHONE).subject)),
        ..consultation_progressed(0xC1, PHONE)
    };
    app.deliver(1, &own).await;
    let listed = notifications(&app, PHONE).await;
    let steps: Vec<&Value> = listed.iter().map(|row| &row["step"]).collect();
    assert_eq!(steps, [&json!("failed"), &json!("approved")]);
    // Neither the project nor the salesman is known.
    assert_eq!(
        (&listed[0]["projectName"], &listed[0]["salesman"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn step_from_before_an_erasure_is_not_notified() {
    let app = start().await;
    app.clock().advance(chrono::TimeDelta::hours(1));
    crate::erasure::erase(&app, PHONE).await.expect(204);
    app.deliver(1, &moved(Step::Approved)).await;
    assert!(notifications(&app, PHONE).await.is_empty());
    assert!(app.parked().await.is_empty());
}
