//! After an erasure: late events about old data, and the same person signing in again.

use axum::http::Method;
use chrono::{DateTime, TimeDelta, Utc};
use events::{ConsultationId, Edition, ProjectStatus, SalesmanMatched, Step};
use serde_json::{Value, json};
use service_kit::testing::{an_edition, customer};
use uuid::Uuid;

use crate::erasure::{
    advance, create_two_full_customers, customer_rows, erase, row_counts, tables_containing,
};
use crate::unattended::{consultation_created, consultation_matched, consultation_progressed};
use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, SERIES, created, deliver_at, edition_of_year, id_of, ids,
    instant, interest_origin, period_until, salesman_matched, start, started, view_as_staff,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);
const UNKNOWN: Uuid = Uuid::from_u128(0x9409);

#[tokio::test]
async fn signing_in_after_erasure_shows_no_old_data() {
    let app = start().await;
    let interests = create_two_full_customers(&app).await;
    erase(&app, PHONE).await.expect(204);
    advance(&app, TimeDelta::days(1));
    app.new_events().await;
    let caller = app.as_customer(PHONE);
    let customer_id = customer(PHONE).subject;
    for query in [
        "",
        "?interested=false",
        &format!("?series={SERIES}"),
        &format!("?project={UNKNOWN}"),
        &format!("?customer={customer_id}"),
    ] {
        assert_eq!(
            caller.get(&format!("/interests{query}")).await.expect(200),
            json!({ "items": [] }),
            "{query}"
        );
    }
    for id in interests {
        let path = format!("/interests/{id}");
        assert_eq!(caller.get(&path).await.problem(404).0, "not-found");
        for interested in [true, false] {
            let update = caller.send(
                Method::PATCH,
                &path,
                &[("content-type", "application/json"), ("if-match", "*")],
                json!({ "interested": interested }).to_string().into_bytes(),
            );
            assert_eq!(update.await.problem(404).0, "not-found");
        }
    }
    let notifications = caller.get("/interests/notifications").await.expect(200);
    assert_eq!(
        (&notifications["items"], &notifications["unread"]),
        (&json!([]), &json!(0))
    );
    assert_eq!(
        caller.get("/me/disclosures").await.expect(200),
        json!({ "items": [] })
    );
    let nothing = json!({
        "phone": null, "lastFour": null, "interests": [], "consultations": [], "notifications": [],
        "disclosures": [],
    });
    assert_eq!(caller.get("/me/data").await.expect(200), nothing);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn marking_after_erasure_creates_a_new_interest() {
    let app = start().await;
    app.deliver(
        1,
        &created(PROJECT, edition_of_year(2026, ProjectStatus::Planned)),
    )
    .await;
    let named = |project: Uuid| {
        json!({
            "projectId": project, "projectName": "사업", "customerName": "홍길동",
        })
    };
    let caller = app.as_customer(PHONE);
    let mut old = Vec::new();
    for project in [PROJECT, UNKNOWN] {
        old.push(id_of(
            &caller.post("/interests", &named(project)).await.expect(201),
        ));
    }
    erase(&app, PHONE).await.expect(204);
    advance(&app, TimeDelta::days(1));
    app.new_events().await;
    let mut new = Vec::new();
    for project in [PROJECT, UNKNOWN] {
        advance(&app, TimeDelta::seconds(1));
        let body = json!({ "projectId": project, "projectName": "사업" });
        let view = caller.post("/interests", &body).await.expect(201);
        assert!(!old.contains(&id_of(&view)));
        assert_eq!(
            (&view["customerName"], &view["erasedAt"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            (&view["phone"], &view["interested"], &view["version"]),
            (&json!("010-****-5678"), &json!(true), &json!(1))
        );
        assert_eq!(
            id_of(&caller.post("/interests", &body).await.expect(200)),
            id_of(&view)
        );
        new.push(id_of(&view));
    }
    let events: Vec<_> = app
        .new_events()
        .await
        .into_iter()
        .map(|(name, version, _)| (name, version))
        .collect();
    assert_eq!(events, vec![("ktgg.InterestCreated.v1".to_owned(), 1); 2]);
    // The unknown project turns out to be in the other's series: the two new interests are merged,
    // the two erased ones stay as they are.
    let before = [
        view_as_staff(&app, old[0]).await,
        view_as_staff(&app, old[1]).await,
    ];
    app.deliver(
        1,
        &created(UNKNOWN, edition_of_year(2027, ProjectStatus::Planned)),
    )
    .await;
    assert!(app.parked().await.is_empty());
    assert_eq!(
        view_as_staff(&app, new[1]).await["mergedInto"],
        json!(new[0])
    );
    let shown = [
        view_as_staff(&app, old[0]).await,
        view_as_staff(&app, old[1]).await,
    ];
    assert_eq!(
        (&shown[0]["projectId"], &shown[0]["version"]),
        (&json!(UNKNOWN), &before[0]["version"])
    );
    assert_eq!(
        (&shown[1], &shown[1]["seriesId"], &shown[1]["mergedInto"]),
        (&before[1], &Value::Null, &Value::Null)
    );
    assert_eq!(ids(&caller.get("/interests").await.expect(200)), [new[0]]);
    // An edition that moves to another series takes no erased interest with it.
    let elsewhere = an_edition(Uuid::from_u128(0x5E2), "옮긴 사업");
    app.deliver(2, &started(PROJECT, elsewhere)).await;
    assert_eq!(view_as_staff(&app, old[0]).await["seriesId"], json!(SERIES));
    assert!(app.parked().await.is_empty());
}

/// Events about a customer's old data, and the erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    ProjectCreated,
    ProjectStarted,
    Matched,
    Rematched,
    ConsultationCreated,
    ConsultationMatched,
    ConsultationCancelled,
    Erased,
}

/// Collects every order that keeps the order within each aggregate.
fn orders(done: &mut Vec<Input>, found: &mut Vec<Vec<Input>>) {
    const ALL: [Input; 8] = [
        Input::ProjectCreated,
        Input::ProjectStarted,
        Input::Matched,
        Input::Rematched,
        Input::ConsultationCreated,
        Input::ConsultationMatched,
        Input::ConsultationCancelled,
        Input::Erased,
    ];
    const ORDERED: [(Input, Input); 3] = [
        (Input::ProjectCreated, Input::ProjectStarted),
        (Input::Matched, Input::Rematched),
        (Input::ConsultationCreated, Input::ConsultationCancelled),
    ];
    if done.len() == ALL.len() {
        found.push(done.clone());
        return;
    }
    for input in ALL {
        let is_due = ORDERED
            .iter()
            .all(|(before, after)| *after != input || done.contains(before));
        if is_due && !done.contains(&input) {
            done.push(input);
            orders(done, found);
            done.pop();
        }
    }
}

/// Only a sample of the orders is run: there are thousands.
const SAMPLE_STEP: usize = 101;

#[tokio::test]
async fn erasure_and_events_in_any_order_leave_no_personal_data() {
    let app = start().await;
    let mut all = Vec::new();
    orders(&mut Vec::new(), &mut all);
    assert_eq!(all.len(), 5040);
    let mut sample: Vec<Vec<Input>> = all.iter().step_by(SAMPLE_STEP).cloned().collect();
    sample.extend(all.pop());
    // The erasure comes last in one of them, and first in another.
    assert!(
        sample.iter().any(|order| order[0] == Input::Erased)
            && sample.iter().any(|order| order[7] == Input::Erased)
    );
    for (number, order) in (1_u128..).zip(&sample) {
        let phone = format!("010-{number:04}-4321");
        let run_id =
            |n: u128| Uuid::from_u128(0x0193_0000_0000_4000_8000_0000_0000_0000 + number * 16 + n);
        let (project, series, consultation) = (run_id(1), run_id(2), run_id(3));
        let body = json!({ "projectId": project, "projectName": "사업", "customerName": "홍길동" });
        let interest = id_of(
            &app.as_customer(&phone)
                .post("/interests", &body)
                .await
                .expect(201),
        );
        let edition = || Edition {
            period: period_until(Some("2026-11-30")),
            ..an_edition(series, "사업")
        };
        let matched = salesman_matched(interest_origin(interest), SALESMAN, None);
        for input in order {
            match input {
                Input::ProjectCreated => app.deliver(1, &created(project, edition())).await,
                Input::ProjectStarted => app.deliver(2, &started(project, edition())).await,
                Input::Matched => app.deliver(1, &matched).await,
                Input::Rematched => {
                    let again = SalesmanMatched {
                        match_id: matched.match_id,
                        ..salesman_matched(interest_origin(interest), CONSULTANT, Some(CONSULTANT))
                    };
                    app.deliver(2, &again).await;
                }
                Input::ConsultationCreated => {
                    app.deliver(1, &consultation_created(consultation.as_u128(), &phone))
                        .await;
                }
                Input::ConsultationMatched => {
                    app.deliver(
                        1,
                        &consultation_matched(consultation.as_u128(), &phone, SALESMAN),
                    )
                    .await;
                }
                Input::ConsultationCancelled => {
                    app.deliver(
                        2,
                        &events::ConsultationProgressed {
                            from: Step::Apply,
                            to: Step::Cancelled,
                            ..consultation_progressed(consultation.as_u128(), &phone)
                        },
                    )
                    .await;
                }
                Input::Erased => drop(erase(&app, &phone).await.expect(204)),
            }
        }
        assert!(app.parked().await.is_empty(), "{order:?}");
        let (rows, left) = (
            customer_rows(&app, &phone).await,
            view_as_staff(&app, interest).await,
        );
        let expected = [
            ("customer", 0),
            ("disclosure", 0),
            ("erased_customer", 1),
            ("idempotency_key", 0),
            ("interest", 1),
        ];
        assert_eq!(row_counts(&rows)[..5], expected, "{order:?}");
        assert_eq!(
            row_counts(&rows)[5..],
            [
                ("known_consultation", 0),
                ("notification", 0),
                ("served", 0)
            ],
            "{order:?}"
        );
        assert_eq!(
            (&left["interested"], &left["version"], &left["phone"]),
            (&json!(false), &json!(2), &Value::Null),
            "{order:?}"
        );
        let mut texts = customer(&phone).phone.unwrap().spellings();
        texts.push("홍길동".to_owned());
        assert_eq!(
            tables_containing(&app, &texts).await,
            [] as [String; 0],
            "{order:?}"
        );
    }
    // The last day of all of their projects is in a week.
    assert_eq!(interest::remind_deadlines(app.context()).await.unwrap(), 0);
}

/// An id with that timestamp.
fn id_made_at(at: DateTime<Utc>) -> u128 {
    uuid::Builder::from_unix_timestamp_millis(
        u64::try_from(at.timestamp_millis()).unwrap(),
        &[7; 10],
    )
    .into_uuid()
    .as_u128()
}

#[tokio::test]
async fn only_consultations_made_after_the_erasure_are_stored() {
    let app = start().await;
    let erased_at = instant("2026-11-23T01:00:00Z");
    let (old, new) = (
        id_made_at(erased_at - TimeDelta::hours(1)),
        id_made_at(erased_at + TimeDelta::hours(1)),
    );
    app.deliver(1, &consultation_created(old, PHONE)).await;
    app.deliver(1, &consultation_matched(old, PHONE, SALESMAN))
        .await;
    erase(&app, PHONE).await.expect(204);
    advance(&app, TimeDelta::hours(1));
    // Late events about the old consultation: another salesman, and the cancellation.
    let late = erased_at + TimeDelta::hours(2);
    deliver_at(&app, late, 1, &consultation_matched(old, PHONE, CONSULTANT)).await;
    deliver_at(
        &app,
        late,
        2,
        &events::ConsultationProgressed {
            to: Step::Cancelled,
            ..consultation_progressed(old, PHONE)
        },
    )
    .await;
    assert_eq!(
        row_counts(&customer_rows(&app, PHONE).await)
            .into_iter()
            .map(|(_, count)| count)
            .sum::<usize>(),
        1
    );
    for (consultation, is_created_first) in [(new, true), (new + 1, false)] {
        if is_created_first {
            deliver_at(&app, late, 1, &consultation_created(consultation, PHONE)).await;
            deliver_at(
                &app,
                late,
                1,
                &consultation_matched(consultation, PHONE, SALESMAN),
            )
            .await;
        } else {
            deliver_at(
                &app,
                late,
                1,
                &consultation_matched(consultation, PHONE, SALESMAN),
            )
            .await;
            deliver_at(&app, late, 1, &consultation_created(consultation, PHONE)).await;
        }
    }
    advance(&app, TimeDelta::days(31));
    let page = app
        .as_salesman(SALESMAN)
        .get("/interests/unattended")
        .await
        .expect(200);
    let expected = json!([
        ConsultationId(Uuid::from_u128(new)),
        ConsultationId(Uuid::from_u128(new + 1))
    ]);
    assert_eq!(
        (
            page["items"].as_array().unwrap().len(),
            &page["items"][0]["consultations"]
        ),
        (1, &expected)
    );
    assert_eq!(
        (&page["items"][0]["lastFour"], &page["items"][0]["phone"]),
        (&json!("5678"), &Value::Null)
    );
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn only_events_after_the_new_mark_are_notified() {
    let app = start().await;
    let at = |hours: i64| instant("2026-11-23T01:00:00Z") + TimeDelta::hours(hours);
    let edition = |year: i32| Edition {
        period: period_until(Some("2026-12-01")),
        ..edition_of_year(year, ProjectStatus::Planned)
    };
    deliver_at(&app, at(-2), 1, &created(PROJECT, edition(2026))).await;
    let caller = app.as_customer(PHONE);
    let kinds = async || {
        let page = caller.get("/interests/notifications").await.expect(200);
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    caller
        .post("/interests", &json!({ "projectId": PROJECT }))
        .await
        .expect(201);
    // The customer also marks the next edition while it is unknown.
    caller
        .post(
            "/interests",
            &json!({ "projectId": NEXT, "projectName": "사업" }),
        )
        .await
        .expect(201);
    deliver_at(&app, at(1), 2, &started(PROJECT, edition(2026))).await;
    assert_eq!(kinds().await, ["started"]);
    advance(&app, TimeDelta::hours(2));
    erase(&app, PHONE).await.expect(204);
    advance(&app, TimeDelta::hours(1));
    assert_eq!(kinds().await, [] as [&str; 0]);
    caller
        .post("/interests", &json!({ "projectId": PROJECT }))
        .await
        .expect(201);
    assert_eq!(kinds().await, [] as [&str; 0]);
    // The erased mark of the next edition does not count: the customer is notified of it.
    deliver_at(&app, at(4), 1, &created(NEXT, edition(2027))).await;
    deliver_at(&app, at(5), 2, &started(NEXT, edition(2027))).await;
    assert_eq!(kinds().await, ["started", "new_edition"]);
    advance(&app, TimeDelta::days(1));
    assert_eq!(interest::remind_deadlines(app.context()).await.unwrap(), 2);
    assert!(app.parked().await.is_empty());
}
