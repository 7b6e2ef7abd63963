//! Interests and consultations whose salesman or consultant left, and the notifications.

use chrono::TimeDelta;
use events::{ConsultationId, Origin, SalesmanId, SalesmanMatched, Step};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, unmatched};
use uuid::Uuid;

use crate::unattended::{consultation_created, consultation_progressed};
use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, create_interest, deliver_at, instant, interest_origin,
    person, project_created, salesman_matched, start,
};

const OTHER: Uuid = Uuid::from_u128(0x5A1F);

/// The kinds of the customer's notifications, newest first, with the salesman.
async fn notified(app: &TestApp) -> Vec<(Value, Value)> {
    let page = app.as_customer(PHONE).get("/interests/notifications").await;
    let page = page.expect(200);
    let items = page["items"].as_array().unwrap().iter();
    let row = |row: &Value| (row["kind"].clone(), row["salesman"]["id"].clone());
    items.map(row).collect()
}

/// The next event of the match after its salesman left: others serve it now.
fn matched_again(first: &SalesmanMatched, salesman: Uuid) -> SalesmanMatched {
    SalesmanMatched {
        match_id: first.match_id,
        previous_consultant_id: first.consultant.as_ref().map(|person| person.id),
        ..salesman_matched(first.origin, salesman, Some(CONSULTANT))
    }
}

#[tokio::test]
async fn person_who_left_loses_the_interest_and_its_customer() {
    let app = start().await;
    let id = create_interest(&app).await;
    let first = salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT));
    app.clock().advance(TimeDelta::days(40));
    app.deliver(1, &first).await;
    let leaver = app.as_salesman(SALESMAN);
    let path = format!("/interests/{id}");
    leaver.get(&path).await.expect(200);
    app.deliver(2, &unmatched(&first, &[SALESMAN])).await;
    leaver.get(&path).await.problem(404);
    for list in ["/interests", "/interests/unattended"] {
        assert_eq!(leaver.get(list).await.expect(200)["items"], json!([]));
    }
    let seen = app.as_customer(PHONE).get(&path).await.expect(200);
    assert_eq!(
        (
            &seen["salesman"],
            &seen["consultant"]["id"],
            &seen["version"]
        ),
        (&Value::Null, &json!(CONSULTANT), &json!(1))
    );
    app.deliver(3, &matched_again(&first, OTHER)).await;
    let seen = app.as_customer(PHONE).get(&path).await.expect(200);
    assert_eq!(seen["salesman"]["id"], json!(OTHER));
    assert!(app.parked().await.is_empty() && app.new_events().await.is_empty());
}

#[tokio::test]
async fn person_who_left_a_consultation_no_longer_serves_the_customer() {
    let app = start().await;
    deliver_at(
        &app,
        instant("2026-09-01T00:00:00Z"),
        1,
        &consultation_created(0xC0, PHONE),
    )
    .await;
    let origin = Origin::Consultation(ConsultationId(Uuid::from_u128(0xC0)));
    let first = salesman_matched(origin, SALESMAN, Some(CONSULTANT));
    let at = instant("2026-09-02T00:00:00Z");
    deliver_at(&app, at, 1, &first).await;
    let served = async |caller: service_kit::testing::Caller<'_>| {
        let page = caller.get("/interests/unattended").await.expect(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(served(app.as_salesman(SALESMAN)).await, 1);
    deliver_at(&app, at, 2, &unmatched(&first, &[SALESMAN])).await;
    assert_eq!(served(app.as_salesman(SALESMAN)).await, 0);
    assert_eq!(served(app.as_consultant(CONSULTANT)).await, 1);
    deliver_at(&app, at, 3, &matched_again(&first, OTHER)).await;
    assert_eq!(served(app.as_salesman(OTHER)).await, 1);
}

#[tokio::test]
async fn customer_is_notified_while_another_is_sought_and_once_found() {
    let app = start().await;
    app.deliver(1, &project_created(PROJECT, "2026년 스마트상점"))
        .await;
    let origin = Origin::Consultation(ConsultationId(Uuid::from_u128(0xC0)));
    let first = salesman_matched(origin, SALESMAN, Some(CONSULTANT));
    app.deliver(1, &first).await;
    assert_eq!(notified(&app).await, [], "the first match is no news");
    let left = unmatched(&first, &[SALESMAN]);
    let event_id = Uuid::new_v4();
    app.deliver_with_id(event_id, 2, &left).await;
    app.deliver_with_id(event_id, 2, &left).await;
    assert_eq!(notified(&app).await, [(json!("rematching"), Value::Null)]);
    let (again, again_id) = (matched_again(&first, OTHER), Uuid::new_v4());
    app.deliver_with_id(again_id, 3, &again).await;
    let page = app.as_customer(PHONE).get("/interests/notifications").await;
    let page = page.expect(200);
    assert_eq!(page["unread"], 1);
    let newest = &page["items"][0];
    assert_eq!(newest["kind"], "rematched");
    assert_eq!(
        (
            &newest["projectName"],
            &newest["origin"]["kind"],
            &newest["origin"]["id"]
        ),
        (
            &json!("2026년 스마트상점"),
            &json!("consultation"),
            &json!(Uuid::from_u128(0xC0))
        )
    );
    assert_eq!(
        newest["salesman"]["displayName"],
        person(OTHER).display_name
    );
    assert_eq!(newest["consultant"]["id"], json!(CONSULTANT));
    // The log is read again from its start.
    let clear = "delete from progress; delete from inbox";
    sqlx::raw_sql(clear).execute(app.pool()).await.unwrap();
    app.deliver(1, &first).await;
    app.deliver_with_id(event_id, 2, &left).await;
    app.deliver_with_id(again_id, 3, &again).await;
    assert_eq!(notified(&app).await, [(json!("rematched"), json!(OTHER))]);
}

#[tokio::test]
async fn replacing_by_hand_notifies_the_customer_and_adding_does_not() {
    let app = start().await;
    let id = create_interest(&app).await;
    let first = salesman_matched(interest_origin(id), SALESMAN, None);
    app.deliver(1, &first).await;
    let with_consultant = SalesmanMatched {
        previous_salesman_id: Some(SalesmanId(SALESMAN)),
        consultant: Some(person(CONSULTANT)),
        ..first.clone()
    };
    app.deliver(2, &with_consultant).await;
    assert_eq!(notified(&app).await, []);
    let replaced = SalesmanMatched {
        previous_salesman_id: Some(SalesmanId(SALESMAN)),
        ..matched_again(&with_consultant, OTHER)
    };
    app.deliver(3, &replaced).await;
    assert_eq!(
        notified(&app).await,
        [(json!("rematched"), json!(OTHER))],
        "the project is unknown here"
    );
}

#[tokio::test]
async fn no_one_is_sought_for_a_consultation_that_has_closed() {
    let origin = Origin::Consultation(ConsultationId(Uuid::from_u128(0xC0)));
    let first = salesman_matched(origin, SALESMAN, Some(CONSULTANT));
    let left = unmatched(&first, &[SALESMAN]);
    let mut closed = consultation_progressed(0xC0, PHONE);
    closed.to = Step::Cancelled;
    // The customer is not notified of it.
    closed.actor = events::Actor::Customer(closed.customer.customer_id);
    for closes_first in [false, true] {
        let app = start().await;
        app.deliver(1, &consultation_created(0xC0, PHONE)).await;
        app.deliver(1, &first).await;
        if closes_first {
            app.deliver(2, &closed).await;
            app.deliver(2, &left).await;
        } else {
            app.deliver(2, &left).await;
            assert_eq!(notified(&app).await, [(json!("rematching"), Value::Null)]);
            app.deliver(2, &closed).await;
        }
        assert_eq!(notified(&app).await, [], "closes first: {closes_first}");
        assert!(app.parked().await.is_empty());
    }
}

#[tokio::test]
async fn no_one_is_sought_for_an_interest_that_is_off() {
    for turns_off_first in [false, true] {
        let app = start().await;
        let id = create_interest(&app).await;
        let first = salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT));
        app.deliver(1, &first).await;
        let left = unmatched(&first, &[SALESMAN]);
        let turn_off = async || {
            let (path, off) = (format!("/interests/{id}"), json!({ "interested": false }));
            let caller = app.as_customer(PHONE);
            caller.patch_if(&path, 1, &off).await.expect(200);
        };
        if turns_off_first {
            turn_off().await;
            app.deliver(2, &left).await;
        } else {
            app.deliver(2, &left).await;
            assert_eq!(notified(&app).await, [(json!("rematching"), Value::Null)]);
            turn_off().await;
        }
        assert_eq!(notified(&app).await, [], "off first: {turns_off_first}");
        assert!(app.parked().await.is_empty());
    }
}
