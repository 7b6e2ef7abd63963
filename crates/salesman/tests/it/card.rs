//! Cards of the people matched with a customer.

use axum::http::header;
use chrono::TimeDelta;
use events::{CustomerId, CustomerRef, SalesmanMatched, Step};
use serde_json::json;
use service_kit::testing::{self, TestApp};
use uuid::Uuid;

use crate::{
    CONSULTATION, consultation_match, deliver, deliver_ended_consultation, interest_created,
    interest_match, interest_updated, register, rematched, rematched_after, start,
};

const CUSTOMER_PHONE: &str = "010-7777-5678";

/// The same match for the customer with [`CUSTOMER_PHONE`].
fn for_customer(matched: SalesmanMatched) -> SalesmanMatched {
    let customer_id = CustomerId(testing::customer(CUSTOMER_PHONE).subject);
    SalesmanMatched {
        customer: CustomerRef {
            customer_id,
            ..matched.customer
        },
        ..matched
    }
}

async fn card_status(app: &TestApp, id: Uuid) -> u16 {
    app.as_customer(CUSTOMER_PHONE)
        .get(&format!("/salesmen/{id}/card"))
        .await
        .status
        .as_u16()
}

#[tokio::test]
async fn customer_gets_cards_of_matched_salesman_and_consultant() {
    let app = start().await;
    let body = json!({ "name": "김하늘", "displayName": "하늘", "phone": "01012345678" });
    let salesman = app.as_staff().post("/salesmen", &body).await.expect(201)["id"].clone();
    let body = json!({ "name": "이바다", "phone": "02-123-4567", "role": "consultant" });
    let consultant = app.as_staff().post("/salesmen", &body).await.expect(201)["id"].clone();
    let id = |value: &serde_json::Value| value.as_str().unwrap().parse::<Uuid>().unwrap();
    deliver(
        &app,
        1,
        &for_customer(consultation_match(id(&salesman), Some(id(&consultant)))),
    )
    .await;
    let customer = app.as_customer(CUSTOMER_PHONE);
    let answer = customer
        .get(&format!("/salesmen/{}/card", id(&salesman)))
        .await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let card = json!({
        "id": salesman, "displayName": "하늘", "role": "salesman", "phone": "010-1234-5678",
    });
    assert_eq!(answer.expect(200), card);
    let card = json!({
        "id": consultant, "displayName": "이바다", "role": "consultant", "phone": "02-123-4567",
    });
    assert_eq!(
        customer
            .get(&format!("/salesmen/{}/card", id(&consultant)))
            .await
            .expect(200),
        card
    );
}

#[tokio::test]
async fn card_of_an_unmatched_person_is_not_found() {
    let app = start().await;
    let (matched, unmatched) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    deliver(&app, 1, &for_customer(consultation_match(matched, None))).await;
    deliver(&app, 1, &interest_match(unmatched, None)).await;
    for id in [
        unmatched.to_string(),
        Uuid::from_u128(0x404).to_string(),
        "x".to_owned(),
        "me".to_owned(),
    ] {
        let path = format!("/salesmen/{id}/card");
        assert_eq!(
            app.as_customer(CUSTOMER_PHONE)
                .get(&path)
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
    }
    let path = format!("/salesmen/{matched}/card");
    assert_eq!(
        app.as_customer("010-8888-8888")
            .get(&path)
            .await
            .problem(404)
            .0,
        "not-found"
    );
}

#[tokio::test]
async fn card_of_a_matched_but_unregistered_person_is_not_found() {
    let app = start().await;
    let unknown = Uuid::from_u128(0x404);
    deliver(&app, 1, &for_customer(consultation_match(unknown, None))).await;
    assert_eq!(card_status(&app, unknown).await, 404);
}

#[tokio::test]
async fn card_of_a_replaced_person_is_not_found() {
    let app = start().await;
    let mut people = Vec::new();
    for number in 1..=4 {
        people.push(register(&app, &format!("010-1111-000{number}")).await);
    }
    let first = for_customer(consultation_match(people[0], Some(people[1])));
    deliver(&app, 1, &first).await;
    deliver(&app, 2, &rematched(&first, people[2], Some(people[3]))).await;
    for (person, expected) in people.iter().zip([404, 404, 200, 200]) {
        assert_eq!(card_status(&app, *person).await, expected);
    }
}

#[tokio::test]
async fn card_stays_while_another_assignment_is_left() {
    let app = start().await;
    let (one, two) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    let (consultation, interest) = (
        for_customer(consultation_match(one, None)),
        for_customer(interest_match(one, None)),
    );
    deliver(&app, 1, &consultation).await;
    deliver(&app, 1, &interest).await;
    deliver(&app, 2, &rematched(&consultation, two, None)).await;
    assert_eq!(
        (card_status(&app, one).await, card_status(&app, two).await),
        (200, 200)
    );
    deliver(&app, 2, &rematched(&interest, two, None)).await;
    assert_eq!(
        (card_status(&app, one).await, card_status(&app, two).await),
        (404, 200)
    );
}

#[tokio::test]
async fn card_ends_thirty_days_after_the_assignment_closed() {
    let app = start().await;
    let one = register(&app, "010-1111-1111").await;
    deliver(&app, 1, &for_customer(consultation_match(one, None))).await;
    app.clock().advance(TimeDelta::days(400));
    assert_eq!(card_status(&app, one).await, 200);
    deliver_ended_consultation(&app, CONSULTATION, Step::Succeeded, Some(one)).await;
    app.clock()
        .advance(TimeDelta::days(30) - TimeDelta::seconds(1));
    assert_eq!(card_status(&app, one).await, 200);
    app.clock().advance(TimeDelta::seconds(1));
    assert_eq!(card_status(&app, one).await, 404);
}

#[tokio::test]
async fn card_of_a_closed_assignment_ends_with_the_next_match() {
    let app = start().await;
    let (one, two) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    let interest = for_customer(interest_match(one, None));
    deliver(&app, 1, &interest).await;
    deliver(&app, 1, &interest_created()).await;
    deliver(&app, 2, &interest_updated(false, Some(one), None)).await;
    // Turning it on again does not extend the card: only the next match does.
    app.clock().advance(TimeDelta::days(29));
    deliver(&app, 3, &interest_updated(true, None, None)).await;
    assert_eq!(
        (card_status(&app, one).await, card_status(&app, two).await),
        (200, 404)
    );
    app.clock().advance(TimeDelta::days(1));
    assert_eq!(card_status(&app, one).await, 404);
    deliver(&app, 2, &rematched_after(&interest, 3, two, None)).await;
    assert_eq!(
        (card_status(&app, one).await, card_status(&app, two).await),
        (404, 200)
    );
}
