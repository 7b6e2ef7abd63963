//! The customers that salesmen and consultants serve, and the filters of interests.

use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::testing::{Caller, TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, created, deliver_at, edition_of_year, id_of,
    ids, interest_origin, salesman_matched, start,
};

const OTHER_SALESMAN: Uuid = Uuid::from_u128(0x5A1F);

/// An interest of a customer, with these people from then on.
async fn marked(
    app: &TestApp,
    phone: &str,
    project: Uuid,
    people: Option<(Uuid, Option<Uuid>)>,
) -> Uuid {
    app.clock().advance(TimeDelta::hours(1));
    let body =
        json!({ "projectId": project, "projectName": "스마트상점", "customerName": "홍길동" });
    let caller = app.as_customer(phone);
    let id = id_of(&caller.post("/interests", &body).await.expect(201));
    if let Some((salesman, consultant)) = people {
        let mut matched = salesman_matched(interest_origin(id), salesman, consultant);
        let identity = customer(phone);
        matched.customer.last_four = identity.phone.unwrap().last_four();
        deliver_at(app, app.context().db.now(), 1, &matched).await;
    }
    id
}

/// Three customers: two of one salesman, the last one of another.
async fn start_with_customers() -> (TestApp, [Uuid; 4]) {
    let app = start().await;
    let edition = edition_of_year(2026, events::ProjectStatus::Ongoing);
    app.deliver(1, &created(PROJECT, edition)).await;
    let (unknown, own) = (Uuid::from_u128(0x9409), Some((SALESMAN, Some(CONSULTANT))));
    let interests = [
        marked(&app, PHONE, PROJECT, own).await,
        marked(&app, OTHER_PHONE, PROJECT, Some((SALESMAN, None))).await,
        marked(&app, PHONE, unknown, own).await,
        marked(&app, "010-3333-4444", PROJECT, Some((OTHER_SALESMAN, None))).await,
    ];
    (app, interests)
}

/// The last digits of the customers on a page.
fn digits(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|row| row["lastFour"].as_str().unwrap())
        .collect()
}

async fn customers(caller: &Caller<'_>, query: &str) -> Value {
    let path = format!("/interests/customers{query}");
    caller.get(&path).await.expect(200)
}

#[tokio::test]
async fn customers_are_those_of_the_caller_latest_activity_first() {
    let (app, interests) = start_with_customers().await;
    let salesman = app.as_salesman(SALESMAN);
    let page = customers(&salesman, "").await;
    assert_eq!(digits(&page), ["5678", "0000"]);
    let row = &page["items"][0];
    assert_eq!(row["interests"], json!([interests[0], interests[2]]));
    assert_eq!(row["newestInterest"]["id"], json!(interests[2]));
    assert_eq!(row["newestInterest"]["project"], Value::Null);
    assert_eq!(row["phone"], json!("010-****-5678"));
    let other = &page["items"][1]["newestInterest"];
    assert_eq!(
        (&other["projectName"], &other["project"]["phase"]),
        (&json!("2026년 스마트상점"), &json!("always"))
    );
    let of_consultant = customers(&app.as_consultant(CONSULTANT), "").await;
    assert_eq!(digits(&of_consultant), ["5678"]);
    let all = customers(&app.as_staff(), "").await;
    assert_eq!(digits(&all), ["4444", "5678", "0000"]);
}

#[tokio::test]
async fn pages_of_customers_contain_each_once() {
    let (app, _) = start_with_customers().await;
    let staff = app.as_staff();
    let (mut found, mut query) = (Vec::new(), "?limit=1".to_owned());
    loop {
        let page = customers(&staff, &query).await;
        found.extend(digits(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("?limit=1&after={next}");
    }
    assert_eq!(found, ["4444", "5678", "0000"]);
}

#[tokio::test]
async fn customers_are_found_by_salesman_and_last_digits() {
    let (app, _) = start_with_customers().await;
    let staff = app.as_staff();
    for (query, expected) in [
        (format!("?salesman={SALESMAN}"), vec!["5678", "0000"]),
        ("?lastFour=4444".to_owned(), vec!["4444"]),
        (format!("?salesman={SALESMAN}&lastFour=4444"), vec![]),
        ("?lastFour=".to_owned(), vec!["4444", "5678", "0000"]),
    ] {
        assert_eq!(
            digits(&customers(&staff, &query).await),
            expected,
            "{query}"
        );
    }
    // Another salesman's customers stay hidden.
    let salesman = app.as_salesman(SALESMAN);
    for query in [
        "?lastFour=4444".to_owned(),
        format!("?salesman={OTHER_SALESMAN}"),
    ] {
        let page = customers(&salesman, &query).await;
        assert!(digits(&page).is_empty(), "{query}");
    }
    for query in ["?lastFour=123", "?lastFour=12345", "?lastFour=abcd"] {
        let refused = staff.get(&format!("/interests/customers{query}")).await;
        assert_eq!(refused.problem(422).0, "wrong-query", "{query}");
    }
}

#[tokio::test]
async fn interests_are_found_by_person_digits_and_missing_salesman() {
    let (app, [a, b, c, d]) = start_with_customers().await;
    let waiting = marked(&app, "010-5555-6666", PROJECT, None).await;
    let staff = app.as_staff();
    for (query, expected) in [
        (format!("salesman={SALESMAN}"), vec![c, b, a]),
        (format!("consultant={CONSULTANT}"), vec![c, a]),
        (format!("salesman={OTHER_SALESMAN}"), vec![d]),
        ("unassigned=true".to_owned(), vec![waiting]),
        ("unassigned=false".to_owned(), vec![waiting, d, c, b, a]),
        ("lastFour=5678".to_owned(), vec![c, a]),
        (
            format!("lastFour=0000&salesman={SALESMAN}&interested=true"),
            vec![b],
        ),
        (format!("lastFour=0000&salesman={OTHER_SALESMAN}"), vec![]),
    ] {
        let page = staff.get(&format!("/interests?{query}")).await.expect(200);
        assert_eq!(ids(&page), expected, "{query}");
    }
    let own = app.as_salesman(SALESMAN);
    let page = own.get("/interests?lastFour=4444").await.expect(200);
    assert_eq!(ids(&page), [] as [Uuid; 0]);
}
