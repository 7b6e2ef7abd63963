//! Which programmes a customer has marked.

use serde_json::json;
use uuid::Uuid;

use crate::{
    OTHER_PHONE, PHONE, PROJECT, SERIES, create_interest, edition_of_year, id_of, start, started,
};

const UNKNOWN: Uuid = Uuid::from_u128(0x9409);

#[tokio::test]
async fn marks_are_the_interests_that_are_on_newest_first() {
    let app = start().await;
    let edition = edition_of_year(2026, events::ProjectStatus::Ongoing);
    app.deliver(1, &started(PROJECT, edition)).await;
    let known = create_interest(&app).await;
    app.clock().advance(chrono::TimeDelta::seconds(1));
    let caller = app.as_customer(PHONE);
    let body = json!({ "projectId": UNKNOWN, "projectName": "모르는 사업" });
    let unknown = id_of(&caller.post("/interests", &body).await.expect(201));
    let [of_known, of_unknown] = [
        json!({ "id": known, "seriesId": SERIES, "projectId": PROJECT, "version": 1 }),
        json!({ "id": unknown, "seriesId": null, "projectId": UNKNOWN, "version": 1 }),
    ];
    let marks = caller.get("/interests/marks").await.expect(200);
    assert_eq!(marks, json!({ "items": [of_unknown, of_known] }));
    let path = format!("/interests/{unknown}");
    let off = json!({ "interested": false });
    caller.patch_if(&path, 1, &off).await.expect(200);
    let marks = caller.get("/interests/marks").await.expect(200);
    assert_eq!(marks, json!({ "items": [of_known] }));
    let others = app.as_customer(OTHER_PHONE).get("/interests/marks").await;
    assert_eq!(others.expect(200), json!({ "items": [] }));
}

#[tokio::test]
async fn erased_customer_has_no_marks() {
    let app = start().await;
    create_interest(&app).await;
    crate::erasure::erase(&app, PHONE).await.expect(204);
    let marks = app.as_customer(PHONE).get("/interests/marks").await;
    assert_eq!(marks.expect(200), json!({ "items": [] }));
}
