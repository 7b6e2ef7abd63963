//! After a customer was erased: what is told late of his old things, and what he finds who comes again with the same number.

use axum::http::Method;
use chrono::{DateTime, TimeDelta, Utc};
use events::{ConsultationId, Edition, ProjectStatus, SalesmanMatched, Step};
use serde_json::{Value, json};
use service_kit::testing::{an_edition, customer};
use uuid::Uuid;

use crate::erasing::{counts, erase, found, pass, rows_of, two_of_whom_everything_is_known};
use crate::unattended::{asked, moved, served};
use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, SERIES, a_match, created, deliver_at, id_of, ids,
    in_year, instant, of, seen, start, started, until,
};

const NEXT: Uuid = Uuid::from_u128(0x9408);
const UNHEARD: Uuid = Uuid::from_u128(0x9409);

#[tokio::test]
async fn who_comes_again_with_the_same_number_sees_nothing_old() {
    let app = start().await;
    let made = two_of_whom_everything_is_known(&app).await;
    erase(&app, PHONE).await.expect(204);
    pass(&app, TimeDelta::days(1));
    app.new_events().await;
    let caller = app.as_customer(PHONE);
    let himself = customer(PHONE).subject;
    for query in [
        "",
        "?interested=false",
        &format!("?series={SERIES}"),
        &format!("?project={UNHEARD}"),
        &format!("?customer={himself}"),
    ] {
        assert_eq!(
            caller.get(&format!("/interests{query}")).await.expect(200),
            json!({ "items": [] }),
            "{query}"
        );
    }
    for id in made {
        let path = format!("/interests/{id}");
        assert_eq!(caller.get(&path).await.problem(404).0, "not-found");
        for interested in [true, false] {
            let turn = caller.send(
                Method::PATCH,
                &path,
                &[("content-type", "application/json"), ("if-match", "*")],
                json!({ "interested": interested }).to_string().into_bytes(),
            );
            assert_eq!(turn.await.problem(404).0, "not-found");
        }
    }
    let told = caller.get("/interests/notifications").await.expect(200);
    assert_eq!((&told["items"], &told["unread"]), (&json!([]), &json!(0)));
    assert_eq!(
        caller.get("/me/disclosures").await.expect(200),
        json!({ "items": [] })
    );
    let nothing = json!({
        "phone": null, "lastFour": null, "interests": [], "consultations": [], "notifications": [], "disclosures": [],
    });
    assert_eq!(caller.get("/me/data").await.expect(200), nothing);
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn who_comes_again_marks_the_same_programme_anew_and_nothing_old_is_in_the_way() {
    let app = start().await;
    app.deliver(1, &created(PROJECT, in_year(2026, ProjectStatus::Planned)))
        .await;
    let named = |project: Uuid| json!({ "projectId": project, "projectName": "사업", "customerName": "홍길동" });
    let caller = app.as_customer(PHONE);
    let mut old = Vec::new();
    for project in [PROJECT, UNHEARD] {
        old.push(id_of(
            &caller.post("/interests", &named(project)).await.expect(201),
        ));
    }
    erase(&app, PHONE).await.expect(204);
    pass(&app, TimeDelta::days(1));
    app.new_events().await;
    let mut new = Vec::new();
    for project in [PROJECT, UNHEARD] {
        pass(&app, TimeDelta::seconds(1));
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
    // The project that nobody had heard of turns out to be of the other's series: his two become one, and the two of before stay as they are.
    let before = [seen(&app, old[0]).await, seen(&app, old[1]).await];
    app.deliver(1, &created(UNHEARD, in_year(2027, ProjectStatus::Planned)))
        .await;
    assert!(app.parked().await.is_empty());
    assert_eq!(seen(&app, new[1]).await["mergedInto"], json!(new[0]));
    let shown = [seen(&app, old[0]).await, seen(&app, old[1]).await];
    assert_eq!(
        (&shown[0]["projectId"], &shown[0]["version"]),
        (&json!(UNHEARD), &before[0]["version"])
    );
    assert_eq!(
        (&shown[1], &shown[1]["seriesId"], &shown[1]["mergedInto"]),
        (&before[1], &Value::Null, &Value::Null)
    );
    assert_eq!(ids(&caller.get("/interests").await.expect(200)), [new[0]]);
    // An edition that moves to another series takes along nothing that is nobody's.
    let elsewhere = an_edition(Uuid::from_u128(0x5E2), "옮긴 사업");
    app.deliver(2, &started(PROJECT, elsewhere)).await;
    assert_eq!(seen(&app, old[0]).await["seriesId"], json!(SERIES));
    assert!(app.parked().await.is_empty());
}

/// What other services tell of a customer's old things, and the erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    ProjectCreated,
    ProjectStarted,
    Matched,
    Rematched,
    Asked,
    Served,
    Over,
    Erased,
}

/// Every order that keeps what one aggregate tells in its order.
fn orders(done: &mut Vec<Said>, found: &mut Vec<Vec<Said>>) {
    const ALL: [Said; 8] = [
        Said::ProjectCreated,
        Said::ProjectStarted,
        Said::Matched,
        Said::Rematched,
        Said::Asked,
        Said::Served,
        Said::Over,
        Said::Erased,
    ];
    const ORDERED: [(Said, Said); 3] = [
        (Said::ProjectCreated, Said::ProjectStarted),
        (Said::Matched, Said::Rematched),
        (Said::Asked, Said::Over),
    ];
    if done.len() == ALL.len() {
        found.push(done.clone());
        return;
    }
    for said in ALL {
        let is_due = ORDERED
            .iter()
            .all(|(before, after)| *after != said || done.contains(before));
        if is_due && !done.contains(&said) {
            done.push(said);
            orders(done, found);
            done.pop();
        }
    }
}

/// One in this many of all the orders is tried: they are thousands.
const EVERY: usize = 101;

#[tokio::test]
async fn whatever_is_told_of_his_old_things_before_or_after_leaves_nothing_of_him() {
    let app = start().await;
    let mut all = Vec::new();
    orders(&mut Vec::new(), &mut all);
    assert_eq!(all.len(), 5040);
    let mut tried: Vec<Vec<Said>> = all.iter().step_by(EVERY).cloned().collect();
    tried.extend(all.pop());
    // Nothing is erased last in one of them, and first in another.
    assert!(
        tried.iter().any(|order| order[0] == Said::Erased)
            && tried.iter().any(|order| order[7] == Said::Erased)
    );
    for (number, order) in (1_u128..).zip(&tried) {
        let phone = format!("010-{number:04}-4321");
        let own = |of: u128| {
            Uuid::from_u128(0x0193_0000_0000_4000_8000_0000_0000_0000 + number * 16 + of)
        };
        let (project, series, consultation) = (own(1), own(2), own(3));
        let body = json!({ "projectId": project, "projectName": "사업", "customerName": "홍길동" });
        let interest = id_of(
            &app.as_customer(&phone)
                .post("/interests", &body)
                .await
                .expect(201),
        );
        let edition = || Edition {
            period: until(Some("2026-11-30")),
            ..an_edition(series, "사업")
        };
        let matched = a_match(of(interest), SALESMAN, None);
        for said in order {
            match said {
                Said::ProjectCreated => app.deliver(1, &created(project, edition())).await,
                Said::ProjectStarted => app.deliver(2, &started(project, edition())).await,
                Said::Matched => app.deliver(1, &matched).await,
                Said::Rematched => {
                    let again = SalesmanMatched {
                        match_id: matched.match_id,
                        ..a_match(of(interest), CONSULTANT, Some(CONSULTANT))
                    };
                    app.deliver(2, &again).await;
                }
                Said::Asked => app.deliver(1, &asked(consultation.as_u128(), &phone)).await,
                Said::Served => {
                    app.deliver(1, &served(consultation.as_u128(), &phone, SALESMAN))
                        .await;
                }
                Said::Over => {
                    app.deliver(
                        2,
                        &events::ConsultationProgressed {
                            from: Step::Apply,
                            to: Step::Cancelled,
                            ..moved(consultation.as_u128(), &phone)
                        },
                    )
                    .await;
                }
                Said::Erased => drop(erase(&app, &phone).await.expect(204)),
            }
        }
        assert!(app.parked().await.is_empty(), "{order:?}");
        let (rows, left) = (rows_of(&app, &phone).await, seen(&app, interest).await);
        let expected = [
            ("customer", 0),
            ("disclosure", 0),
            ("erased_customer", 1),
            ("idempotency_key", 0),
            ("interest", 1),
        ];
        assert_eq!(counts(&rows)[..5], expected, "{order:?}");
        assert_eq!(
            counts(&rows)[5..],
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
        assert_eq!(found(&app, &texts).await, [] as [String; 0], "{order:?}");
    }
    // All of their projects end in a week.
    assert_eq!(interest::remind_deadlines(app.context()).await.unwrap(), 0);
}

/// An id that was made at that instant.
fn made_at(at: DateTime<Utc>) -> u128 {
    uuid::Builder::from_unix_timestamp_millis(
        u64::try_from(at.timestamp_millis()).unwrap(),
        &[7; 10],
    )
    .into_uuid()
    .as_u128()
}

#[tokio::test]
async fn what_he_asks_for_afterwards_is_kept_and_what_is_told_late_of_before_is_not() {
    let app = start().await;
    let erased_at = instant("2026-11-23T01:00:00Z");
    let (old, new) = (
        made_at(erased_at - TimeDelta::hours(1)),
        made_at(erased_at + TimeDelta::hours(1)),
    );
    app.deliver(1, &asked(old, PHONE)).await;
    app.deliver(1, &served(old, PHONE, SALESMAN)).await;
    erase(&app, PHONE).await.expect(204);
    pass(&app, TimeDelta::hours(1));
    // Of the old one it is told late that somebody else is on it, that it is described otherwise, and that it was cancelled.
    let late = erased_at + TimeDelta::hours(2);
    deliver_at(&app, late, 1, &served(old, PHONE, CONSULTANT)).await;
    deliver_at(
        &app,
        late,
        2,
        &events::ConsultationProgressed {
            to: Step::Cancelled,
            ..moved(old, PHONE)
        },
    )
    .await;
    assert_eq!(
        counts(&rows_of(&app, PHONE).await)
            .into_iter()
            .map(|(_, count)| count)
            .sum::<usize>(),
        1
    );
    for (kept, is_asked_first) in [(new, true), (new + 1, false)] {
        if is_asked_first {
            deliver_at(&app, late, 1, &asked(kept, PHONE)).await;
            deliver_at(&app, late, 1, &served(kept, PHONE, SALESMAN)).await;
        } else {
            deliver_at(&app, late, 1, &served(kept, PHONE, SALESMAN)).await;
            deliver_at(&app, late, 1, &asked(kept, PHONE)).await;
        }
    }
    pass(&app, TimeDelta::days(31));
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
async fn who_comes_again_is_told_what_happens_from_then_on_and_nothing_of_before() {
    let app = start().await;
    let at = |hours: i64| instant("2026-11-23T01:00:00Z") + TimeDelta::hours(hours);
    let edition = |year: i32| Edition {
        period: until(Some("2026-12-01")),
        ..in_year(year, ProjectStatus::Planned)
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
    // He marks the next edition too, before anybody has heard of it.
    caller
        .post(
            "/interests",
            &json!({ "projectId": NEXT, "projectName": "사업" }),
        )
        .await
        .expect(201);
    deliver_at(&app, at(1), 2, &started(PROJECT, edition(2026))).await;
    assert_eq!(kinds().await, ["started"]);
    pass(&app, TimeDelta::hours(2));
    erase(&app, PHONE).await.expect(204);
    pass(&app, TimeDelta::hours(1));
    assert_eq!(kinds().await, [] as [&str; 0]);
    caller
        .post("/interests", &json!({ "projectId": PROJECT }))
        .await
        .expect(201);
    assert_eq!(kinds().await, [] as [&str; 0]);
    // What was marked in his old name does not count as his own: he is told of the next edition like everybody.
    deliver_at(&app, at(4), 1, &created(NEXT, edition(2027))).await;
    deliver_at(&app, at(5), 2, &started(NEXT, edition(2027))).await;
    assert_eq!(kinds().await, ["started", "new_edition"]);
    pass(&app, TimeDelta::days(1));
    assert_eq!(interest::remind_deadlines(app.context()).await.unwrap(), 2);
    assert!(app.parked().await.is_empty());
}
