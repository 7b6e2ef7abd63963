//! Who was left alone.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed, CustomerId, CustomerRef, LastFour,
    ProjectId, Step,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, STRANGER, a_mark, a_match, deliver_at, id_of, instant, marked, marked_and_matched, of,
    start,
};

fn whose(phone: &str) -> CustomerRef {
    CustomerRef { customer_id: CustomerId(customer(phone).subject), last_four: LastFour::default() }
}

const DESIRED_ON: NaiveDate = NaiveDate::from_ymd_opt(2027, 1, 4).unwrap();

fn asked(id: u128, phone: &str) -> ConsultationCreated {
    ConsultationCreated {
        consultation_id: ConsultationId(Uuid::from_u128(id)),
        project_id: ProjectId(PROJECT),
        project_name: None,
        customer: whose(phone),
        desired_on: DESIRED_ON,
        actor: Actor::System,
    }
}

fn changed(id: u128, phone: &str) -> ConsultationEdited {
    ConsultationEdited {
        consultation_id: ConsultationId(Uuid::from_u128(id)),
        project_id: ProjectId(PROJECT),
        customer: whose(phone),
        desired_on: DESIRED_ON,
        memo_changed: true,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::System,
    }
}

fn moved(id: u128, phone: &str) -> ConsultationProgressed {
    ConsultationProgressed {
        consultation_id: ConsultationId(Uuid::from_u128(id)),
        project_id: ProjectId(PROJECT),
        customer: whose(phone),
        from: Step::Apply,
        to: Step::Approved,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::System,
    }
}

/// Who was left alone, as staff see it: the interest, since when, how long.
async fn left_alone(app: &TestApp) -> Vec<(Uuid, String, i64)> {
    let page = app.as_staff().get("/interests/unattended").await.expect(200);
    let row = |row: &Value| {
        (id_of(&row["interest"]), row["lastActivityAt"].as_str().unwrap().to_owned(), row["daysSince"].as_i64().unwrap())
    };
    page["items"].as_array().unwrap().iter().map(row).collect()
}

/// When tests begin, and how long somebody may be left alone.
const BEGINNING: &str = "2026-11-23T01:00:00Z";
const PATIENCE: TimeDelta = TimeDelta::days(30);

#[tokio::test]
async fn a_matched_customer_with_whom_nothing_happened_for_thirty_days_was_left_alone() {
    let app = start().await;
    let id = marked_and_matched(&app).await;
    app.clock().advance(PATIENCE - TimeDelta::seconds(1));
    assert_eq!(left_alone(&app).await, []);
    app.clock().advance(TimeDelta::seconds(1));
    assert_eq!(left_alone(&app).await, [(id, BEGINNING.to_owned(), 30)]);
    app.clock().advance(TimeDelta::days(12) + TimeDelta::hours(23));
    assert_eq!(left_alone(&app).await, [(id, BEGINNING.to_owned(), 42)]);
    let page = app.as_salesman(SALESMAN).get("/interests/unattended").await.expect(200);
    assert_eq!((&page["items"][0]["interest"]["phone"], page.get("next")), (&json!("010-****-5678"), None));
}

#[tokio::test]
async fn nobody_was_left_alone_who_is_not_matched_or_not_interested() {
    let app = start().await;
    let id = marked(&app).await;
    app.clock().advance(PATIENCE * 2);
    assert_eq!(left_alone(&app).await, []);
    deliver_at(&app, instant(BEGINNING), 1, &a_match(of(id), SALESMAN, None)).await;
    assert_eq!(left_alone(&app).await.len(), 1);
    let path = format!("/interests/{id}");
    app.as_customer(PHONE).patch_if(&path, 1, &json!({ "interested": false })).await.expect(200);
    app.clock().advance(PATIENCE);
    assert_eq!(left_alone(&app).await, []);
    // Turned on again, it counts from there.
    app.as_customer(PHONE).patch_if(&path, 2, &json!({ "interested": true })).await.expect(200);
    app.clock().advance(PATIENCE - TimeDelta::seconds(1));
    assert_eq!(left_alone(&app).await, []);
    app.clock().advance(TimeDelta::seconds(1));
    assert_eq!(left_alone(&app).await.len(), 1);
}

#[tokio::test]
async fn another_salesman_begins_anew_and_a_match_that_comes_late_counts_from_when_it_was_made() {
    let app = start().await;
    let id = marked(&app).await;
    let first = a_match(of(id), SALESMAN, None);
    let (made, changed) = (instant("2026-11-25T01:00:00Z"), instant("2026-12-01T01:00:00Z"));
    app.clock().advance(TimeDelta::days(20));
    deliver_at(&app, made, 1, &first).await;
    app.clock().advance(TimeDelta::days(12));
    assert_eq!(left_alone(&app).await, [(id, "2026-11-25T01:00:00Z".to_owned(), 30)]);
    let second = events::SalesmanMatched { match_id: first.match_id, ..a_match(of(id), CONSULTANT, None) };
    deliver_at(&app, changed, 2, &second).await;
    assert_eq!(left_alone(&app).await, []);
}

#[tokio::test]
async fn whatever_happens_to_a_consultation_of_the_customer_is_attention_and_the_order_does_not_matter() {
    let days = |days: i64| instant(BEGINNING) + TimeDelta::days(days);
    let orders: [[usize; 3]; 3] = [[0, 1, 2], [1, 0, 2], [1, 2, 0]];
    for order in orders {
        let app = start().await;
        let id = marked_and_matched(&app).await;
        for step in order {
            match step {
                0 => deliver_at(&app, days(9), 1, &asked(1, PHONE)).await,
                1 => deliver_at(&app, days(2), 1, &asked(2, PHONE)).await,
                _ => deliver_at(&app, days(4), 2, &changed(2, PHONE)).await,
            }
        }
        // Another customer's consultation is his.
        deliver_at(&app, days(20), 1, &asked(3, STRANGER)).await;
        app.clock().advance(TimeDelta::days(39) - TimeDelta::seconds(1));
        assert_eq!(left_alone(&app).await, [], "{order:?}");
        app.clock().advance(TimeDelta::seconds(1));
        assert_eq!(left_alone(&app).await, [(id, "2026-12-02T01:00:00Z".to_owned(), 30)], "{order:?}");
        deliver_at(&app, days(10), 2, &moved(1, PHONE)).await;
        assert_eq!(left_alone(&app).await, [], "{order:?}");
    }
}

#[tokio::test]
async fn the_one_left_alone_the_longest_comes_first_page_by_page_and_everybody_sees_his_own() {
    let app = start().await;
    let mut made = Vec::new();
    for n in 0..5_u32 {
        let phone = format!("010-0000-000{n}");
        let id = id_of(&app.as_customer(&phone).post("/interests", &a_mark()).await.expect(201));
        let salesman = if n == 4 { Uuid::from_u128(0xBAD) } else { SALESMAN };
        let consultant = (n < 2).then_some(CONSULTANT);
        // The later it was marked, the longer ago was its match; two at the same instant.
        let at: DateTime<Utc> = instant(BEGINNING) + TimeDelta::days(i64::from(10 - n.min(3)));
        deliver_at(&app, at, 1, &a_match(of(id), salesman, consultant)).await;
        made.push((at, id));
    }
    app.clock().advance(TimeDelta::days(100));
    made.sort_unstable();
    let expected: Vec<Uuid> = made.iter().map(|(_, id)| *id).collect();
    for limit in [1, 2, 5] {
        let (mut seen, mut path) = (Vec::new(), format!("/interests/unattended?limit={limit}"));
        loop {
            let page = app.as_staff().get(&path).await.expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|row| id_of(&row["interest"])));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/interests/unattended?limit={limit}&after={next}");
        }
        assert_eq!(seen, expected, "limit {limit}");
    }
    let count = |page: Value| page["items"].as_array().unwrap().len();
    for (expected, caller) in [
        (4, app.as_salesman(SALESMAN)),
        (1, app.as_salesman(Uuid::from_u128(0xBAD))),
        (2, app.as_consultant(CONSULTANT)),
        (0, app.as_consultant(SALESMAN)),
    ] {
        assert_eq!(count(caller.get("/interests/unattended").await.expect(200)), expected);
    }
    assert_eq!(app.as_customer(PHONE).get("/interests/unattended").await.problem(403).0, "not-allowed");
    assert_eq!(app.anyone().get("/interests/unattended").await.problem(401).0, "sign-in-required");
    for query in ["limit=101", "after=x", "after=bnVsbA"] {
        assert_eq!(app.as_staff().get(&format!("/interests/unattended?{query}")).await.problem(422).0, "wrong-query", "{query}");
    }
}
