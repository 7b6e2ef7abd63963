//! Data export and disclosures of a customer.

use axum::http::header;
use chrono::TimeDelta;
use events::{Actor, Edition, PersonRole, ProjectStatus, SalesmanId, SalesmanRegistered};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile, an_edition, customer};
use uuid::Uuid;

use crate::unattended::{consultation_created, consultation_matched};
use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, SERIES, create_interest,
    create_matched_interest, created, deliver_at, edition_of_year, id_of, instant, interest_origin,
    period_until, person, salesman_matched, start, started,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);
const STAFF: Uuid = Uuid::from_u128(0x57AFF);

/// A customer with rows in every table. Returns the interests: matched and on, entered by staff
/// and merged into the first, and off.
async fn create_full_customer(app: &TestApp, phone: &str, number: u128) -> [Uuid; 3] {
    let caller = app.as_customer(phone);
    let (first, second, off) = (
        Uuid::from_u128(number + 1),
        Uuid::from_u128(number + 2),
        Uuid::from_u128(number + 3),
    );
    let series = Uuid::from_u128(number + 4);
    let edition = || Edition {
        period: period_until(Some("2026-12-11")),
        ..an_edition(series, "스마트상점")
    };
    deliver_at(
        app,
        instant("2026-11-20T01:00:00Z"),
        1,
        &created(first, edition()),
    )
    .await;
    let body = json!({ "projectId": first, "customerName": format!("손님 {number}") });
    let matched = id_of(&caller.post("/interests", &body).await.expect(201));
    app.deliver(
        1,
        &salesman_matched(interest_origin(matched), SALESMAN, Some(CONSULTANT)),
    )
    .await;
    app.clock().advance(TimeDelta::seconds(1));
    let body = json!({
        "projectId": second, "projectName": "페이지가 보낸 이름", "phone": phone,
        "customerName": format!("손님 {number}"),
        "consent": true,
    });
    let entered = id_of(&app.as_staff().post("/interests", &body).await.expect(201));
    app.clock().advance(TimeDelta::seconds(1));
    let body = json!({ "projectId": off, "projectName": "아직 모르는 사업" });
    let turned = id_of(&caller.post("/interests", &body).await.expect(201));
    caller
        .patch_if(
            &format!("/interests/{turned}"),
            1,
            &json!({ "interested": false }),
        )
        .await
        .expect(200);
    deliver_at(
        app,
        instant("2026-11-23T01:00:30Z"),
        2,
        &started(first, edition()),
    )
    .await;
    deliver_at(
        app,
        instant("2026-11-20T01:00:00Z"),
        1,
        &created(second, an_edition(series, "스마트상점")),
    )
    .await;
    deliver_at(
        app,
        instant("2026-11-23T03:00:00Z"),
        1,
        &consultation_created(number + 5, phone),
    )
    .await;
    deliver_at(
        app,
        instant("2026-11-23T02:00:00Z"),
        1,
        &consultation_matched(number + 5, phone, SALESMAN),
    )
    .await;
    app.as_salesman(SALESMAN)
        .post(
            &format!("/interests/{matched}/phone"),
            &json!({ "why": "visit" }),
        )
        .await
        .expect(200);
    app.clock().advance(TimeDelta::seconds(1));
    app.as_staff()
        .post(
            &format!("/interests/{matched}/phone"),
            &json!({ "why": "call" }),
        )
        .await
        .expect(200);
    [matched, entered, turned]
}

#[tokio::test]
async fn data_export_contains_everything_of_the_customer() {
    let app = start().await;
    let profile = a_profile("김하늘", PersonRole::Salesman, 1);
    app.deliver(
        1,
        &SalesmanRegistered {
            salesman_id: SalesmanId(SALESMAN),
            profile,
            actor: Actor::System,
        },
    )
    .await;
    let [matched, entered, turned] = create_full_customer(&app, PHONE, 0x100).await;
    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let project = |n: u128| json!(Uuid::from_u128(0x100 + n));
    let salesman = json!({ "id": SALESMAN, "displayName": "김하늘" });
    let consultant = json!({ "id": CONSULTANT, "displayName": person(CONSULTANT).display_name });
    let interests = json!([
        {
            "id": matched, "seriesId": project(4), "markedProjectId": project(1),
            "projectId": project(2), "projectName": "스마트상점",
            "phone": "+821012345678", "customerName": "손님 256", "interested": true,
            "onSince": "2026-11-23T01:00:00Z",
            "salesman": salesman, "consultant": consultant, "mergedInto": null,
            "createdAt": "2026-11-23T01:00:00Z",
            "consent": { "role": "staff", "by": null, "at": "2026-11-23T01:00:01Z" },
            "lastActivityAt": "2026-11-23T01:00:01Z", "version": 1,
        },
        {
            "id": entered, "seriesId": project(4), "markedProjectId": project(2),
            "projectId": project(2), "projectName": "스마트상점",
            "phone": "+821012345678", "customerName": "손님 256", "interested": false,
            "onSince": "2026-11-23T01:00:01Z",
            "salesman": null, "consultant": null, "mergedInto": matched,
            "createdAt": "2026-11-23T01:00:01Z",
            "consent": { "role": "staff", "by": null, "at": "2026-11-23T01:00:01Z" },
            "lastActivityAt": "2026-11-23T01:00:01Z", "version": 2,
        },
        {
            "id": turned, "seriesId": null, "markedProjectId": project(3), "projectId": project(3),
            "projectName": "아직 모르는 사업",
            "phone": "+821012345678", "customerName": null, "interested": false,
            "onSince": "2026-11-23T01:00:02Z",
            "salesman": null, "consultant": null, "mergedInto": null,
            "createdAt": "2026-11-23T01:00:02Z", "consent": null,
            "lastActivityAt": "2026-11-23T01:00:02Z", "version": 2,
        },
    ]);
    assert_eq!(
        (&data["phone"], &data["lastFour"]),
        (&json!("+821012345678"), &json!("5678"))
    );
    assert_eq!(data["interests"], interests);
    let consultation = json!({
        "id": project(5), "isOpen": true, "salesman": salesman, "consultant": consultant,
        "lastActivityAt": "2026-11-23T03:00:00Z",
    });
    assert_eq!(data["consultations"], json!([consultation]));
    let notifications = app
        .as_customer(PHONE)
        .get("/interests/notifications")
        .await
        .expect(200)["items"]
        .clone();
    assert_eq!(
        (
            &data["notifications"],
            notifications.as_array().unwrap().len(),
            &notifications[0]["kind"]
        ),
        (&notifications, 1, &json!("started"))
    );
    let disclosure = |second: u32, role: &str, viewer: Option<Uuid>, why: &str| {
        json!({
            "at": format!("2026-11-23T01:00:0{second}Z"), "viewerRole": role, "viewerId": viewer,
            "why": why,
            "about": { "kind": "interest", "id": matched },
        })
    };
    let expected = json!([
        disclosure(3, "staff", None, "call"),
        disclosure(2, "salesman", Some(SALESMAN), "visit")
    ]);
    assert_eq!(data["disclosures"], expected);
    // Customers see no ids of staff. The gateway gets them and decides.
    assert!(!data.to_string().contains(&STAFF.to_string()));
    let disclosures = app
        .as_customer(PHONE)
        .get("/me/disclosures")
        .await
        .expect(200);
    assert_eq!(
        disclosures["items"][0],
        disclosure(3, "staff", Some(STAFF), "call")
    );
    assert_eq!(data.as_object().unwrap().len(), 6);
}

#[tokio::test]
async fn data_export_contains_nothing_of_another_customer() {
    let app = start().await;
    let (own, others) = (
        create_full_customer(&app, PHONE, 0x100).await,
        create_full_customer(&app, OTHER_PHONE, 0x200).await,
    );
    for (phone, other, ids, foreign_ids) in [
        (PHONE, OTHER_PHONE, own, others),
        (OTHER_PHONE, PHONE, others, own),
    ] {
        let caller = app.as_customer(phone);
        for path in ["/me/data", "/me/disclosures"] {
            let answer = caller.get(path).await.expect(200).to_string();
            assert!(answer.contains(&ids[0].to_string()), "{answer}");
            let mut foreign: Vec<String> = foreign_ids.iter().map(Uuid::to_string).collect();
            foreign.extend(customer(other).phone.unwrap().spellings());
            foreign.push(customer(other).subject.to_string());
            for text in foreign {
                assert!(!answer.contains(&text), "{text} is in {answer}");
            }
        }
    }
    let nothing = json!({
        "phone": null, "lastFour": null, "interests": [], "consultations": [], "notifications": [],
        "disclosures": [],
    });
    let unknown = app.as_customer("010-0000-0000");
    assert_eq!(unknown.get("/me/data").await.expect(200), nothing);
    assert_eq!(
        unknown.get("/me/disclosures").await.expect(200),
        json!({ "items": [] })
    );
}

#[tokio::test]
async fn disclosures_are_listed_newest_first() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    let other = json!({ "projectId": NEXT, "projectName": "다른 사업" });
    let second = id_of(
        &app.as_customer(PHONE)
            .post("/interests", &other)
            .await
            .expect(201),
    );
    let others = id_of(
        &app.as_customer(OTHER_PHONE)
            .post("/interests", &other)
            .await
            .expect(201),
    );
    for (caller, interest, body) in [
        (app.as_salesman(SALESMAN), id, json!({ "why": "first" })),
        (app.as_staff(), others, json!({ "why": "another" })),
        (app.as_consultant(CONSULTANT), id, json!({})),
        (app.as_staff(), second, json!({ "why": "last" })),
    ] {
        app.clock().advance(TimeDelta::seconds(1));
        caller
            .post(&format!("/interests/{interest}/phone"), &body)
            .await
            .expect(200);
    }
    let row = |second: u32, role: &str, viewer: Uuid, why: Value, interest: Uuid| {
        json!({
            "at": format!("2026-11-23T01:00:0{second}Z"), "viewerRole": role, "viewerId": viewer,
            "why": why,
            "about": { "kind": "interest", "id": interest },
        })
    };
    let expected = json!({ "items": [
        row(4, "staff", STAFF, json!("last"), second),
        row(3, "consultant", CONSULTANT, Value::Null, id),
        row(1, "salesman", SALESMAN, json!("first"), id),
    ] });
    assert_eq!(
        app.as_customer(PHONE)
            .get("/me/disclosures")
            .await
            .expect(200),
        expected
    );
    let others = json!({ "items": [row(2, "staff", STAFF, json!("another"), others)] });
    assert_eq!(
        app.as_customer(OTHER_PHONE)
            .get("/me/disclosures")
            .await
            .expect(200),
        others
    );
}

#[tokio::test]
async fn data_export_after_erasure_contains_only_new_data() {
    let app = start().await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    let old = create_matched_interest(&app).await;
    app.as_staff()
        .post(&format!("/interests/{old}/phone"), &json!({ "why": "old" }))
        .await
        .expect(200);
    crate::erasure::erase(&app, PHONE).await.expect(204);
    app.clock().advance(TimeDelta::hours(1));
    let new = create_interest(&app).await;
    assert_ne!(old, new);
    app.as_staff()
        .post(&format!("/interests/{new}/phone"), &json!({ "why": "new" }))
        .await
        .expect(200);
    let data = app.as_customer(PHONE).get("/me/data").await.expect(200);
    let interests = data["interests"].as_array().unwrap();
    assert_eq!(
        (
            interests.len(),
            &interests[0]["id"],
            &interests[0]["seriesId"]
        ),
        (1, &json!(new), &json!(SERIES))
    );
    let disclosures = data["disclosures"].as_array().unwrap();
    assert_eq!(
        (disclosures.len(), &disclosures[0]["why"]),
        (1, &json!("new"))
    );
    assert!(!data.to_string().contains(&old.to_string()));
}
