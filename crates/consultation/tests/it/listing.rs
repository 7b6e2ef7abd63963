//! Lists: filters, orders and pages.

use axum::http::header;
use chrono::TimeDelta;
use events::{ConsultationId, Origin};
use serde_json::{Value, json};
use service_kit::http::page::encode_cursor;
use service_kit::testing::{Caller, TestApp, customer};
use uuid::Uuid;

use crate::{CONSULTANT, PHONE, PROJECT, SALESMAN, STRANGER, a_match, a_request, requested, start};

#[tokio::test]
async fn a_list_goes_to_its_end_without_gaps_or_repeats() {
    let app = start().await;
    let mut made = Vec::new();
    for minute in 0..7 {
        // Some of them in one and the same instant.
        app.clock().advance(TimeDelta::minutes(minute % 2));
        made.push(requested(&app).await);
    }
    app.as_customer(STRANGER)
        .post("/consultations", &a_request())
        .await
        .expect(201);
    made.sort();
    made.reverse();
    for limit in [1, 3, 7, 100] {
        let (mut seen, mut path) = (Vec::new(), format!("/consultations?limit={limit}"));
        loop {
            let answer = app.as_customer(PHONE).get(&path).await;
            let link = answer
                .headers
                .get(header::LINK)
                .map(|link| link.to_str().unwrap().to_owned());
            let page = answer.expect(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            seen.extend(
                items
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()),
            );
            let Some(next) = page.get("next") else {
                assert_eq!(link, None);
                break;
            };
            let next = next.as_str().unwrap();
            assert_eq!(
                link,
                Some(format!("<?limit={limit}&after={next}>; rel=\"next\""))
            );
            path = format!("/consultations?limit={limit}&after={next}");
        }
        assert_eq!(seen, made, "limit {limit}");
    }
    assert_eq!(
        app.as_staff().get("/consultations").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        8
    );
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused() {
    let app = start().await;
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=many",
        "after=x",
        "after=",
    ] {
        let answer = app.as_staff().get(&format!("/consultations?{query}")).await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
}

/// Asks for that day as that customer, and gives the id.
async fn asked_for(app: &TestApp, phone: &str, project: Uuid, date: &str) -> Uuid {
    let body = json!({ "projectId": project, "projectName": "사업", "desiredDate": date });
    let view = app
        .as_customer(phone)
        .post("/consultations", &body)
        .await
        .expect(201);
    view["id"].as_str().unwrap().parse().unwrap()
}

fn ids(page: &Value) -> Vec<Uuid> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// Every page of the list, one after the other.
async fn all_pages(caller: &Caller<'_>, query: &str, limit: usize) -> Vec<Uuid> {
    let (mut seen, mut path) = (Vec::new(), format!("/consultations?{query}&limit={limit}"));
    loop {
        let answer = caller.get(&path).await;
        let link = answer
            .headers
            .get(header::LINK)
            .map(|link| link.to_str().unwrap().to_owned());
        let page = answer.expect(200);
        assert!(page["items"].as_array().unwrap().len() <= limit);
        seen.extend(ids(&page));
        let Some(next) = page.get("next").and_then(Value::as_str) else {
            assert_eq!(link, None);
            return seen;
        };
        assert_eq!(
            link,
            Some(format!(
                "<?{query}&limit={limit}&after={next}>; rel=\"next\""
            ))
        );
        path = format!("/consultations?{query}&limit={limit}&after={next}");
    }
}

#[tokio::test]
async fn a_list_shows_what_every_filter_lets_through() {
    let app = start().await;
    let other_project = Uuid::from_u128(0xB0B);
    let a = asked_for(&app, PHONE, PROJECT, "2026-12-01").await;
    app.clock().advance(TimeDelta::minutes(1));
    let b = asked_for(&app, PHONE, other_project, "2026-12-05").await;
    app.clock().advance(TimeDelta::minutes(1));
    let c = asked_for(&app, STRANGER, PROJECT, "2026-12-10").await;
    for (n, id) in [a, b, c].into_iter().enumerate() {
        let consultant = (n < 2).then_some(CONSULTANT);
        app.deliver(
            1,
            &a_match(
                Origin::Consultation(ConsultationId(id)),
                SALESMAN,
                consultant,
            ),
        )
        .await;
    }
    app.as_staff()
        .post_if(
            &format!("/consultations/{b}/progress"),
            1,
            &json!({ "step": "approved" }),
        )
        .await
        .expect(200);
    let stranger = customer(STRANGER).subject;
    for (query, expected) in [
        (String::new(), vec![c, b, a]),
        ("step=apply".to_owned(), vec![c, a]),
        ("step=approved".to_owned(), vec![b]),
        ("step=failed".to_owned(), vec![]),
        (format!("project={PROJECT}"), vec![c, a]),
        (format!("customer={stranger}"), vec![c]),
        (
            format!("customer={stranger}&project={other_project}"),
            vec![],
        ),
        ("from=2026-12-05".to_owned(), vec![c, b]),
        ("until=2026-12-05".to_owned(), vec![b, a]),
        ("from=2026-12-05&until=2026-12-05".to_owned(), vec![b]),
        ("sort=newest&from=2026-12-02&step=apply".to_owned(), vec![c]),
        ("sort=desired".to_owned(), vec![a, b, c]),
        ("sort=desired&step=apply".to_owned(), vec![a, c]),
        (
            format!("sort=desired&project={PROJECT}&from=2026-12-02"),
            vec![c],
        ),
    ] {
        for (who, caller) in [
            ("staff", app.as_staff()),
            ("salesman", app.as_salesman(SALESMAN)),
        ] {
            assert_eq!(
                ids(&caller
                    .get(&format!("/consultations?{query}"))
                    .await
                    .expect(200)),
                expected,
                "{who} {query}"
            );
        }
        let visible: Vec<Uuid> = expected.iter().copied().filter(|id| *id != c).collect();
        let of_consultant = app
            .as_consultant(CONSULTANT)
            .get(&format!("/consultations?{query}"))
            .await
            .expect(200);
        assert_eq!(ids(&of_consultant), visible, "consultant {query}");
        if !query.contains("customer") {
            let of_customer = app
                .as_customer(PHONE)
                .get(&format!("/consultations?{query}"))
                .await
                .expect(200);
            assert_eq!(ids(&of_customer), visible, "customer {query}");
        }
    }
}

#[tokio::test]
async fn by_desired_date_what_is_to_come_comes_first_and_then_the_latest_past_on_pages_of_every_size()
 {
    let app = start().await;
    let mut asked = Vec::new();
    for date in [
        "2026-11-24",
        "2026-11-25",
        "2026-11-25",
        "2026-11-26",
        "2026-12-01",
        "2026-12-01",
        "2026-11-23",
    ] {
        asked.push((date, asked_for(&app, PHONE, PROJECT, date).await));
    }
    asked_for(&app, STRANGER, PROJECT, "2026-11-26").await;
    // Three days later, in Seoul the 26th: that day is still to come.
    app.clock().advance(TimeDelta::days(3));
    let mut coming: Vec<_> = asked
        .iter()
        .filter(|(date, _)| *date >= "2026-11-26")
        .collect();
    let mut past: Vec<_> = asked
        .iter()
        .filter(|(date, _)| *date < "2026-11-26")
        .collect();
    coming.sort();
    past.sort();
    past.reverse();
    let expected: Vec<Uuid> = coming.into_iter().chain(past).map(|(_, id)| *id).collect();
    for limit in [1, 2, 3, 4, 7, 100] {
        assert_eq!(
            all_pages(&app.as_customer(PHONE), "sort=desired", limit).await,
            expected,
            "limit {limit}"
        );
    }
    assert_eq!(
        all_pages(&app.as_staff(), "sort=desired&step=apply", 3)
            .await
            .len(),
        8
    );
}

#[tokio::test]
async fn a_list_by_desired_date_that_is_read_over_midnight_repeats_and_leaves_out_nothing() {
    let app = start().await;
    let mut asked = Vec::new();
    for date in ["2026-11-23", "2026-11-24", "2026-11-25"] {
        asked.push(asked_for(&app, PHONE, PROJECT, date).await);
    }
    let caller = app.as_customer(PHONE);
    let first = caller
        .get("/consultations?sort=desired&limit=1")
        .await
        .expect(200);
    app.clock().advance(TimeDelta::days(1));
    let rest = caller
        .get(&format!(
            "/consultations?sort=desired&after={}",
            first["next"].as_str().unwrap()
        ))
        .await
        .expect(200);
    assert_eq!([ids(&first), ids(&rest)].concat(), asked);
    // Asked anew, what has passed is last.
    let anew = caller.get("/consultations?sort=desired").await.expect(200);
    assert_eq!(ids(&anew), [asked[1], asked[2], asked[0]]);
}

#[tokio::test]
async fn a_filter_that_cannot_be_meant_is_refused() {
    let app = start().await;
    let newest = app.as_staff().get("/consultations?limit=1").await;
    assert_eq!(newest.expect(200), json!({ "items": [] }));
    for query in [
        "step=perhaps",
        "step=",
        "step=apply&step=failed",
        "project=x",
        "customer=7",
        "from=soon",
        "until=2026-02-30",
        "from=2026-12-02&until=2026-12-01",
        "sort=best",
        "sort=desired&limit=0",
        "sort=desired&after=x",
        // A place of the other order.
        "sort=desired&after=00000000-0000-0000-0000-000000000007",
        "sort=newest&after=eyJ0b2RheSI6IjIwMjYtMTEtMjMifQ",
    ] {
        let answer = app.as_staff().get(&format!("/consultations?{query}")).await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
    // Customers are shown their own; whose else could be meant?
    let own = format!("/consultations?customer={}", customer(PHONE).subject);
    let answer = app.as_customer(PHONE).get(&own).await;
    assert_eq!(
        answer.json["detail"],
        "고객은 본인의 상담만 조회할 수 있습니다"
    );
    assert_eq!(answer.problem(422).0, "wrong-query");
    assert_eq!(app.as_salesman(SALESMAN).get(&own).await.status, 200);
    // A day that the store has no number for is no day of ours.
    let far = |today: &str, desired_on: &str| {
        encode_cursor(
            &json!({ "today": today, "desired_on": desired_on, "id": Uuid::from_u128(7) }),
        )
    };
    for query in [
        "from=-9999-01-01".to_owned(),
        "until=-9999-01-01".to_owned(),
        "sort=desired&until=-262143-01-01".to_owned(),
        format!("sort=desired&after={}", far("-9999-01-01", "2026-11-23")),
        format!("sort=desired&after={}", far("2026-11-23", "-9999-01-01")),
    ] {
        let answer = app.as_staff().get(&format!("/consultations?{query}")).await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
    // A day that no calendar reaches is no fault of ours.
    assert_eq!(
        app.as_staff()
            .get("/consultations?from=%2B262142-12-31&sort=desired")
            .await
            .status,
        200
    );
}
