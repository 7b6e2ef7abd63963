//! Unattended customers.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed,
    CustomerId, CustomerRef, Origin, ProjectId, SalesmanMatched, Step,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, create_body, create_interest,
    create_matched_interest, deliver_at, id_of, instant, interest_origin, person, salesman_matched,
    start,
};

fn customer_ref(phone: &str) -> CustomerRef {
    let identity = customer(phone);
    CustomerRef {
        customer_id: CustomerId(identity.subject),
        last_four: identity.phone.unwrap().last_four(),
    }
}

const DESIRED_ON: NaiveDate = NaiveDate::from_ymd_opt(2027, 1, 4).unwrap();

pub(crate) fn consultation_created(id: u128, phone: &str) -> ConsultationCreated {
    ConsultationCreated {
        consultation_id: ConsultationId(Uuid::from_u128(id)),
        project_id: ProjectId(PROJECT),
        project_name: None,
        customer: customer_ref(phone),
        desired_on: DESIRED_ON,
        actor: Actor::System,
    }
}

fn consultation_edited(id: u128, phone: &str) -> ConsultationEdited {
    ConsultationEdited {
        consultation_id: ConsultationId(Uuid::from_u128(id)),
        project_id: ProjectId(PROJECT),
        customer: customer_ref(phone),
        desired_on: DESIRED_ON,
        memo_changed: true,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::System,
    }
}

pub(crate) fn consultation_progressed(id: u128, phone: &str) -> ConsultationProgressed {
    ConsultationProgressed {
        consultation_id: ConsultationId(Uuid::from_u128(id)),
        project_id: ProjectId(PROJECT),
        customer: customer_ref(phone),
        from: Step::Apply,
        to: Step::Approved,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::System,
    }
}

/// The unattended customers that staff see: interests, last activity, days since.
async fn unattended_rows(app: &TestApp) -> Vec<(Value, String, i64)> {
    let page = app
        .as_staff()
        .get("/interests/unattended")
        .await
        .expect(200);
    let row = |row: &Value| {
        (
            row["interests"].clone(),
            row["lastActivityAt"].as_str().unwrap().to_owned(),
            row["daysSince"].as_i64().unwrap(),
        )
    };
    page["items"].as_array().unwrap().iter().map(row).collect()
}

const START: &str = "2026-11-23T01:00:00Z";
const UNATTENDED_AFTER: TimeDelta = TimeDelta::days(30);

#[tokio::test]
async fn customer_without_activity_for_30_days_is_unattended() {
    let app = start().await;
    let id = create_matched_interest(&app).await;
    app.clock()
        .advance(UNATTENDED_AFTER - TimeDelta::seconds(1));
    assert_eq!(unattended_rows(&app).await, []);
    app.clock().advance(TimeDelta::seconds(1));
    assert_eq!(
        unattended_rows(&app).await,
        [(json!([id]), START.to_owned(), 30)]
    );
    app.clock()
        .advance(TimeDelta::days(12) + TimeDelta::hours(23));
    assert_eq!(
        unattended_rows(&app).await,
        [(json!([id]), START.to_owned(), 42)]
    );
    let page = app
        .as_salesman(SALESMAN)
        .get("/interests/unattended")
        .await
        .expect(200);
    let row = json!({
        "customerId": customer(PHONE).subject, "lastFour": "5678", "customerName": "홍길동",
        "phone": "010-****-5678",
        "servedBy": { "id": SALESMAN, "displayName": person(SALESMAN).display_name },
        "interests": [id], "consultations": [],
        "newestInterest": {
            "id": id, "projectId": PROJECT, "projectName": "스마트상점 기술보급사업",
            "project": null, "onSince": START,
        },
        "lastActivityAt": START, "daysSince": 42,
    });
    assert_eq!(page, json!({ "items": [row] }));
    let page = app
        .as_consultant(CONSULTANT)
        .get("/interests/unattended")
        .await
        .expect(200);
    assert_eq!(
        (
            &page["items"][0]["servedBy"]["id"],
            &page["items"][0]["interests"]
        ),
        (&json!(CONSULTANT), &json!([id]))
    );
}

#[tokio::test]
async fn unmatched_or_uninterested_customer_is_not_unattended() {
    let app = start().await;
    let id = create_interest(&app).await;
    app.clock().advance(UNATTENDED_AFTER * 2);
    assert_eq!(unattended_rows(&app).await, []);
    deliver_at(
        &app,
        instant(START),
        1,
        &salesman_matched(interest_origin(id), SALESMAN, None),
    )
    .await;
    assert_eq!(unattended_rows(&app).await.len(), 1);
    let path = format!("/interests/{id}");
    app.as_customer(PHONE)
        .patch_if(&path, 1, &json!({ "interested": false }))
        .await
        .expect(200);
    app.clock().advance(UNATTENDED_AFTER);
    assert_eq!(unattended_rows(&app).await, []);
    // After turning on again it is unmatched, and counts from the new match.
    app.as_customer(PHONE)
        .patch_if(&path, 2, &json!({ "interested": true }))
        .await
        .expect(200);
    app.clock().advance(UNATTENDED_AFTER);
    assert_eq!(unattended_rows(&app).await, []);
    let again = SalesmanMatched {
        origin_version: Some(3),
        ..salesman_matched(interest_origin(id), SALESMAN, None)
    };
    deliver_at(
        &app,
        app.context().db.now() - UNATTENDED_AFTER + TimeDelta::seconds(1),
        1,
        &again,
    )
    .await;
    assert_eq!(unattended_rows(&app).await, []);
    app.clock().advance(TimeDelta::seconds(1));
    assert_eq!(unattended_rows(&app).await.len(), 1);
}

#[tokio::test]
async fn match_counts_as_activity_from_its_recorded_time() {
    let app = start().await;
    let id = create_interest(&app).await;
    let first = salesman_matched(interest_origin(id), SALESMAN, None);
    let (matched, changed) = (
        instant("2026-11-25T01:00:00Z"),
        instant("2026-12-01T01:00:00Z"),
    );
    app.clock().advance(TimeDelta::days(20));
    deliver_at(&app, matched, 1, &first).await;
    app.clock().advance(TimeDelta::days(12));
    assert_eq!(
        unattended_rows(&app).await,
        [(json!([id]), "2026-11-25T01:00:00Z".to_owned(), 30)]
    );
    let second = SalesmanMatched {
        match_id: first.match_id,
        ..salesman_matched(interest_origin(id), CONSULTANT, None)
    };
    deliver_at(&app, changed, 2, &second).await;
    assert_eq!(unattended_rows(&app).await, []);
}

#[tokio::test]
async fn consultation_events_count_as_activity_in_any_order() {
    let days = |days: i64| instant(START) + TimeDelta::days(days);
    let orders: [[usize; 3]; 3] = [[0, 1, 2], [1, 0, 2], [1, 2, 0]];
    for order in orders {
        let app = start().await;
        let id = create_matched_interest(&app).await;
        for step in order {
            match step {
                0 => deliver_at(&app, days(9), 1, &consultation_created(1, PHONE)).await,
                1 => deliver_at(&app, days(2), 1, &consultation_created(2, PHONE)).await,
                _ => deliver_at(&app, days(4), 2, &consultation_edited(2, PHONE)).await,
            }
        }
        // Another customer's consultation does not count.
        deliver_at(&app, days(20), 1, &consultation_created(3, OTHER_PHONE)).await;
        app.clock()
            .advance(TimeDelta::days(39) - TimeDelta::seconds(1));
        assert_eq!(unattended_rows(&app).await, [], "{order:?}");
        app.clock().advance(TimeDelta::seconds(1));
        assert_eq!(
            unattended_rows(&app).await,
            [(json!([id]), "2026-12-02T01:00:00Z".to_owned(), 30)],
            "{order:?}"
        );
        deliver_at(&app, days(10), 2, &consultation_progressed(1, PHONE)).await;
        assert_eq!(unattended_rows(&app).await, [], "{order:?}");
    }
}

#[tokio::test]
async fn unattended_is_paged_longest_first_per_caller() {
    let app = start().await;
    let mut matched = Vec::new();
    for n in 0..5_u32 {
        let phone = format!("010-0000-000{n}");
        let view = app
            .as_customer(&phone)
            .post("/interests", &create_body())
            .await
            .expect(201);
        let id = id_of(&view);
        let salesman = if n == 4 {
            Uuid::from_u128(0xBAD)
        } else {
            SALESMAN
        };
        let consultant = (n < 2).then_some(CONSULTANT);
        // The later the interest, the earlier its match; two matches at the same time.
        let at: DateTime<Utc> = instant(START) + TimeDelta::days(i64::from(10 - n.min(3)));
        deliver_at(
            &app,
            at,
            1,
            &salesman_matched(interest_origin(id), salesman, consultant),
        )
        .await;
        matched.push((at, customer(&phone).subject, id));
    }
    app.clock().advance(TimeDelta::days(100));
    matched.sort_unstable();
    let expected: Vec<Value> = matched.iter().map(|(.., id)| json!([id])).collect();
    for limit in [1, 2, 5] {
        let (mut listed, mut path) = (Vec::new(), format!("/interests/unattended?limit={limit}"));
        loop {
            let page = app.as_staff().get(&path).await.expect(200);
            listed.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| row["interests"].clone()),
            );
            let Some(next) = page["next"].as_str() else {
                break;
            };
            path = format!("/interests/unattended?limit={limit}&after={next}");
        }
        assert_eq!(listed, expected, "limit {limit}");
    }
    let count = |page: Value| page["items"].as_array().unwrap().len();
    for (expected, caller) in [
        (4, app.as_salesman(SALESMAN)),
        (1, app.as_salesman(Uuid::from_u128(0xBAD))),
        (2, app.as_consultant(CONSULTANT)),
        (0, app.as_consultant(SALESMAN)),
    ] {
        assert_eq!(
            count(caller.get("/interests/unattended").await.expect(200)),
            expected
        );
    }
    assert_eq!(
        app.as_customer(PHONE)
            .get("/interests/unattended")
            .await
            .problem(403)
            .0,
        "not-allowed"
    );
    assert_eq!(
        app.anonymous()
            .get("/interests/unattended")
            .await
            .problem(401)
            .0,
        "sign-in-required"
    );
    for query in ["limit=101", "after=x", "after=bnVsbA"] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/interests/unattended?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

pub(crate) fn consultation_matched(id: u128, phone: &str, salesman: Uuid) -> SalesmanMatched {
    let origin = Origin::Consultation(ConsultationId(Uuid::from_u128(id)));
    SalesmanMatched {
        customer: customer_ref(phone),
        ..salesman_matched(origin, salesman, Some(CONSULTANT))
    }
}

#[tokio::test]
async fn unattended_has_one_row_per_customer_and_salesman() {
    let app = start().await;
    let first = create_matched_interest(&app).await;
    app.clock().advance(TimeDelta::days(1));
    let body = json!({ "projectId": Uuid::from_u128(7), "projectName": "다른 사업" });
    let second = id_of(
        &app.as_customer(PHONE)
            .post("/interests", &body)
            .await
            .expect(201),
    );
    deliver_at(
        &app,
        instant("2026-11-24T01:00:00Z"),
        1,
        &salesman_matched(interest_origin(second), SALESMAN, None),
    )
    .await;
    deliver_at(
        &app,
        instant("2026-11-25T01:00:00Z"),
        1,
        &consultation_created(1, PHONE),
    )
    .await;
    deliver_at(
        &app,
        instant("2026-11-25T02:00:00Z"),
        1,
        &consultation_matched(1, PHONE, SALESMAN),
    )
    .await;
    deliver_at(
        &app,
        instant("2026-11-25T03:00:00Z"),
        1,
        &consultation_matched(2, PHONE, Uuid::from_u128(0xBAD)),
    )
    .await;
    app.clock().advance(UNATTENDED_AFTER * 2);
    let page = app
        .as_staff()
        .get("/interests/unattended")
        .await
        .expect(200);
    let rows: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["servedBy"]["id"].clone(),
                row["interests"].clone(),
                row["consultations"].clone(),
            )
        })
        .collect();
    let consultation = |id: u128| json!([Uuid::from_u128(id)]);
    assert_eq!(
        rows,
        [
            (json!(Uuid::from_u128(0xBAD)), json!([]), consultation(2)),
            (json!(SALESMAN), json!([first, second]), consultation(1)),
        ]
    );
    assert_eq!(page["items"][1]["lastActivityAt"], "2026-11-25T03:00:00Z");
}

#[tokio::test]
async fn customer_with_only_a_consultation_can_be_unattended() {
    for is_match_first in [true, false] {
        let app = start().await;
        if is_match_first {
            app.deliver(1, &consultation_matched(1, PHONE, SALESMAN))
                .await;
            app.deliver(1, &consultation_created(1, PHONE)).await;
        } else {
            app.deliver(1, &consultation_created(1, PHONE)).await;
            app.deliver(1, &consultation_matched(1, PHONE, SALESMAN))
                .await;
        }
        app.clock().advance(UNATTENDED_AFTER);
        let page = app
            .as_salesman(SALESMAN)
            .get("/interests/unattended")
            .await
            .expect(200);
        let row = &page["items"][0];
        assert_eq!(
            (&row["customerId"], &row["lastFour"]),
            (&json!(customer(PHONE).subject), &json!("5678"))
        );
        assert_eq!(
            (&row["phone"], &row["customerName"], &row["interests"]),
            (&Value::Null, &Value::Null, &json!([]))
        );
        assert_eq!(row["consultations"], json!([Uuid::from_u128(1)]));
        // Approved, it is still open; cancelled, it is closed.
        app.deliver(2, &consultation_progressed(1, PHONE)).await;
        assert_eq!(unattended_rows(&app).await.len(), 1);
        let over = ConsultationProgressed {
            from: Step::Approved,
            to: Step::Cancelled,
            ..consultation_progressed(1, PHONE)
        };
        app.deliver(3, &over).await;
        assert_eq!(unattended_rows(&app).await, []);
        // A late match does not reopen it.
        let late = SalesmanMatched {
            match_id: consultation_matched(1, PHONE, SALESMAN).match_id,
            ..consultation_matched(1, PHONE, SALESMAN)
        };
        app.deliver(1, &late).await;
        assert_eq!(unattended_rows(&app).await, []);
    }
}

#[tokio::test]
async fn merged_interest_is_not_served() {
    let app = start().await;
    let older = create_matched_interest(&app).await;
    let (other, series) = (Uuid::from_u128(0x9408), crate::SERIES);
    app.clock().advance(TimeDelta::seconds(1));
    let body = json!({ "projectId": other, "projectName": "사업" });
    let newer = id_of(
        &app.as_customer(PHONE)
            .post("/interests", &body)
            .await
            .expect(201),
    );
    app.deliver(
        1,
        &salesman_matched(interest_origin(newer), Uuid::from_u128(0xBAD), None),
    )
    .await;
    for project in [PROJECT, other] {
        app.deliver(
            1,
            &crate::created(project, service_kit::testing::an_edition(series, "사업")),
        )
        .await;
    }
    app.clock().advance(UNATTENDED_AFTER);
    assert_eq!(
        unattended_rows(&app)
            .await
            .into_iter()
            .map(|row| row.0)
            .collect::<Vec<_>>(),
        [json!([older])]
    );
}

#[tokio::test]
async fn page_of_unattended_reads_only_its_own_rows() {
    let app = start().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into customer select gen_random_uuid(), '0000' from generate_series(1, 5000);
         insert into served
         select id, 'salesman',
         case when n % 2 = 0 then '{SALESMAN}'::uuid else gen_random_uuid() end, '담당', '{{}}', '{{}}',
                '2026-01-01'::timestamptz + n * interval '1 hour'
         from (select id, row_number() over (order by id) as n from customer) customer;
         analyze customer; analyze served; analyze interest;
         alter table served rename to served_row;
         create sequence reading;
         create view served as select * from served_row where nextval('reading') > 0;"
    )))
    .execute(app.pool())
    .await
    .unwrap();
    for caller in [app.as_staff(), app.as_salesman(SALESMAN)] {
        let mut path = "/interests/unattended?limit=50".to_owned();
        // The first page, and later ones.
        for _ in 0..20 {
            sqlx::query("alter sequence reading restart")
                .execute(app.pool())
                .await
                .unwrap();
            let page = caller.get(&path).await.expect(200);
            assert_eq!(page["items"].as_array().unwrap().len(), 50);
            let read: i64 = sqlx::query_scalar("select last_value from reading")
                .fetch_one(app.pool())
                .await
                .unwrap();
            assert!(read <= 52, "{read} rows were read for a page of 50: {path}");
            path = format!(
                "/interests/unattended?limit=50&after={}",
                page["next"].as_str().unwrap()
            );
        }
    }
}
