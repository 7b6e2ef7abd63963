//! Whom a customer can call.

use axum::http::header;
use chrono::TimeDelta;
use events::{CustomerId, CustomerRef, SalesmanMatched, Step};
use serde_json::json;
use service_kit::testing::{self, TestApp};
use uuid::Uuid;

use crate::{
    CONSULTATION, a_match, a_match_of_interest, deliver, ended, interest_created, interest_updated,
    matched_again, register, rematched, start,
};

const CUSTOMERS_PHONE: &str = "010-7777-5678";

/// The match with the customer who has that number.
fn his(matched: SalesmanMatched) -> SalesmanMatched {
    let customer_id = CustomerId(testing::customer(CUSTOMERS_PHONE).subject);
    SalesmanMatched {
        customer: CustomerRef {
            customer_id,
            ..matched.customer
        },
        ..matched
    }
}

async fn status(app: &TestApp, id: Uuid) -> u16 {
    app.as_customer(CUSTOMERS_PHONE)
        .get(&format!("/salesmen/{id}/card"))
        .await
        .status
        .as_u16()
}

#[tokio::test]
async fn a_customer_can_call_the_salesman_and_the_consultant_he_is_matched_with() {
    let app = start().await;
    let body = json!({ "name": "김하늘", "displayName": "하늘", "phone": "01012345678" });
    let salesman = app.as_staff().post("/salesmen", &body).await.expect(201)["id"].clone();
    let body = json!({ "name": "이바다", "phone": "02-123-4567", "role": "consultant" });
    let consultant = app.as_staff().post("/salesmen", &body).await.expect(201)["id"].clone();
    let id = |value: &serde_json::Value| value.as_str().unwrap().parse::<Uuid>().unwrap();
    deliver(&app, 1, &his(a_match(id(&salesman), Some(id(&consultant))))).await;
    let customer = app.as_customer(CUSTOMERS_PHONE);
    let answer = customer
        .get(&format!("/salesmen/{}/card", id(&salesman)))
        .await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let card = json!({ "id": salesman, "displayName": "하늘", "role": "salesman", "phone": "010-1234-5678" });
    assert_eq!(answer.expect(200), card);
    let card = json!({ "id": consultant, "displayName": "이바다", "role": "consultant", "phone": "02-123-4567" });
    assert_eq!(
        customer
            .get(&format!("/salesmen/{}/card", id(&consultant)))
            .await
            .expect(200),
        card
    );
}

#[tokio::test]
async fn everybody_elses_card_does_not_exist() {
    let app = start().await;
    let (mine, stranger) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    deliver(&app, 1, &his(a_match(mine, None))).await;
    deliver(&app, 1, &a_match_of_interest(stranger, None)).await;
    for id in [
        stranger.to_string(),
        Uuid::from_u128(0x404).to_string(),
        "x".to_owned(),
        "me".to_owned(),
    ] {
        let path = format!("/salesmen/{id}/card");
        assert_eq!(
            app.as_customer(CUSTOMERS_PHONE)
                .get(&path)
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
    }
    let path = format!("/salesmen/{mine}/card");
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
async fn somebody_whom_a_match_names_and_nobody_registered_has_no_card() {
    let app = start().await;
    let unknown = Uuid::from_u128(0x404);
    deliver(&app, 1, &his(a_match(unknown, None))).await;
    assert_eq!(status(&app, unknown).await, 404);
}

#[tokio::test]
async fn after_a_new_match_the_card_of_whoever_was_on_it_is_gone() {
    let app = start().await;
    let mut people = Vec::new();
    for number in 1..=4 {
        people.push(register(&app, &format!("010-1111-000{number}")).await);
    }
    let first = his(a_match(people[0], Some(people[1])));
    deliver(&app, 1, &first).await;
    deliver(&app, 2, &rematched(&first, people[2], Some(people[3]))).await;
    for (person, expected) in people.iter().zip([404, 404, 200, 200]) {
        assert_eq!(status(&app, *person).await, expected);
    }
}

#[tokio::test]
async fn whoever_is_left_on_another_of_his_things_keeps_his_card() {
    let app = start().await;
    let (one, two) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    let (consultation, interest) = (his(a_match(one, None)), his(a_match_of_interest(one, None)));
    deliver(&app, 1, &consultation).await;
    deliver(&app, 1, &interest).await;
    deliver(&app, 2, &rematched(&consultation, two, None)).await;
    assert_eq!(
        (status(&app, one).await, status(&app, two).await),
        (200, 200)
    );
    deliver(&app, 2, &rematched(&interest, two, None)).await;
    assert_eq!(
        (status(&app, one).await, status(&app, two).await),
        (404, 200)
    );
}

#[tokio::test]
async fn a_card_lasts_while_something_is_open_and_less_than_thirty_days_after_its_end() {
    let app = start().await;
    let one = register(&app, "010-1111-1111").await;
    deliver(&app, 1, &his(a_match(one, None))).await;
    app.clock().advance(TimeDelta::days(400));
    assert_eq!(status(&app, one).await, 200);
    ended(&app, CONSULTATION, Step::Succeeded, Some(one)).await;
    app.clock()
        .advance(TimeDelta::days(30) - TimeDelta::seconds(1));
    assert_eq!(status(&app, one).await, 200);
    app.clock().advance(TimeDelta::seconds(1));
    assert_eq!(status(&app, one).await, 404);
}

#[tokio::test]
async fn after_the_end_a_card_is_gone_as_soon_as_somebody_else_is_put_there() {
    let app = start().await;
    let (one, two) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    let interest = his(a_match_of_interest(one, None));
    deliver(&app, 1, &interest).await;
    deliver(&app, 1, &interest_created()).await;
    deliver(&app, 2, &interest_updated(false, Some(one), None)).await;
    // On again is not yet somebody to call beyond those days.
    app.clock().advance(TimeDelta::days(29));
    deliver(&app, 3, &interest_updated(true, None, None)).await;
    assert_eq!(
        (status(&app, one).await, status(&app, two).await),
        (200, 404)
    );
    app.clock().advance(TimeDelta::days(1));
    assert_eq!(status(&app, one).await, 404);
    deliver(&app, 2, &matched_again(&interest, 3, two, None)).await;
    assert_eq!(
        (status(&app, one).await, status(&app, two).await),
        (404, 200)
    );
}
