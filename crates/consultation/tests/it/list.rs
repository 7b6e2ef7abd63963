//! Lists: filters, orders and pages.

use axum::http::header;
use chrono::TimeDelta;
use serde_json::{Value, json};
use service_kit::http::page::encode_cursor;
use service_kit::testing::{Caller, TestApp, customer};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, create_consultation, match_event,
    next_project, origin, request_body, start,
};

#[tokio::test]
async fn pages_contain_every_row_once() {
    let app = start().await;
    let mut expected = Vec::new();
    for minute in 0..7 {
        // Some of them at the same time.
        app.clock().advance(TimeDelta::minutes(minute % 2));
        expected.push(create_consultation(&app).await);
    }
    app.as_customer(OTHER_PHONE)
        .post("/consultations", &request_body())
        .await
        .expect(201);
    expected.sort();
    expected.reverse();
    for limit in [1, 3, 7, 100] {
        let (mut found, mut path) = (Vec::new(), format!("/consultations?limit={limit}"));
        loop {
            let answer = app.as_customer(PHONE).get(&path).await;
            let link = answer
                .headers
                .get(header::LINK)
                .map(|link| link.to_str().unwrap().to_owned());
            let page = answer.expect(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            found.extend(
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
        assert_eq!(found, expected, "limit {limit}");
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
async fn invalid_page_query_is_refused() {
    let app = start().await;
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=many",
        "after=x",
        "limit=5&limit=5",
        "from=2026-1-2",
        "until=%2B2026-12-01",
    ] {
        let answer = app.as_staff().get(&format!("/consultations?{query}")).await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
}

#[tokio::test]
async fn empty_parameters_count_as_absent() {
    let app = start().await;
    create_consultation(&app).await;
    let staff = app.as_staff();
    let all = staff.get("/consultations").await.expect(200);
    for query in [
        "step=&project=&customer=&from=&until=&sort=&limit=&after=",
        "step&project&customer&from&until&sort&limit&after",
    ] {
        let answer = staff.get(&format!("/consultations?{query}")).await;
        assert_eq!(answer.expect(200), all, "{query}");
    }
}

/// Creates a consultation for this customer, project and day.
async fn create_for(app: &TestApp, phone: &str, project: Uuid, date: &str) -> Uuid {
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

/// The ids of all pages.
async fn all_pages(caller: &Caller<'_>, query: &str, limit: usize) -> Vec<Uuid> {
    let (mut found, mut path) = (Vec::new(), format!("/consultations?{query}&limit={limit}"));
    loop {
        let answer = caller.get(&path).await;
        let link = answer
            .headers
            .get(header::LINK)
            .map(|link| link.to_str().unwrap().to_owned());
        let page = answer.expect(200);
        assert!(page["items"].as_array().unwrap().len() <= limit);
        found.extend(ids(&page));
        let Some(next) = page.get("next").and_then(Value::as_str) else {
            assert_eq!(link, None);
            return found;
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
async fn filters_select_the_expected_consultations() {
    let app = start().await;
    let other_project = Uuid::from_u128(0xB0B);
    let a = create_for(&app, PHONE, PROJECT, "2026-12-01").await;
    app.clock().advance(TimeDelta::minutes(1));
    let b = create_for(&app, PHONE, other_project, "2026-12-05").await;
    app.clock().advance(TimeDelta::minutes(1));
    let c = create_for(&app, OTHER_PHONE, PROJECT, "2026-12-10").await;
    for (n, id) in [a, b, c].into_iter().enumerate() {
        let consultant = (n < 2).then_some(CONSULTANT);
        app.deliver(1, &match_event(origin(id), SALESMAN, consultant))
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
    let stranger = customer(OTHER_PHONE).subject;
    for (query, expected) in [
        (String::new(), vec![c, b, a]),
        ("step=apply".to_owned(), vec![c, a]),
        ("step=approved".to_owned(), vec![b]),
        ("step=failed".to_owned(), vec![]),
        ("step=apply&step=approved".to_owned(), vec![c, b, a]),
        ("step=approved&step=failed".to_owned(), vec![b]),
        (format!("salesman={SALESMAN}"), vec![c, b, a]),
        (format!("salesman={CONSULTANT}"), vec![]),
        (format!("consultant={CONSULTANT}&step=apply"), vec![a]),
        ("lastFour=0000".to_owned(), vec![c]),
        ("lastFour=5678&sort=desired".to_owned(), vec![a, b]),
        ("unassigned=true".to_owned(), vec![]),
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
        for (role, caller) in [
            ("staff", app.as_staff()),
            ("salesman", app.as_salesman(SALESMAN)),
        ] {
            assert_eq!(
                ids(&caller
                    .get(&format!("/consultations?{query}"))
                    .await
                    .expect(200)),
                expected,
                "{role} {query}"
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
async fn desired_date_order_is_coming_then_past_on_all_pages() {
    let app = start().await;
    let mut created = Vec::new();
    for date in [
        "2026-11-24",
        "2026-11-25",
        "2026-11-25",
        "2026-11-26",
        "2026-12-01",
        "2026-12-01",
        "2026-11-23",
    ] {
        let project = next_project(&app).await;
        created.push((date, create_for(&app, PHONE, project, date).await));
    }
    create_for(&app, OTHER_PHONE, PROJECT, "2026-11-26").await;
    // Now it is the 26th in Seoul: that day still counts as coming.
    app.clock().advance(TimeDelta::days(3));
    let mut coming: Vec<_> = created
        .iter()
        .filter(|(date, _)| *date >= "2026-11-26")
        .collect();
    let mut past: Vec<_> = created
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
async fn desired_date_order_is_stable_over_midnight() {
    let app = start().await;
    let mut created = Vec::new();
    for date in ["2026-11-23", "2026-11-24", "2026-11-25"] {
        let project = next_project(&app).await;
        created.push(create_for(&app, PHONE, project, date).await);
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
    assert_eq!([ids(&first), ids(&rest)].concat(), created);
    // In a new list, the past day is last.
    let new = caller.get("/consultations?sort=desired").await.expect(200);
    assert_eq!(ids(&new), [created[1], created[2], created[0]]);
}

#[tokio::test]
async fn invalid_filter_is_refused() {
    let app = start().await;
    let newest = app.as_staff().get("/consultations?limit=1").await;
    assert_eq!(newest.expect(200), json!({ "items": [] }));
    for query in [
        "step=perhaps",
        "salesman=x",
        "unassigned=perhaps",
        "lastFour=123",
        "lastFour=12a4",
        "sort=closed&step=apply",
        "sort=closed&after=x",
        "project=x",
        "customer=7",
        "from=soon",
        "until=2026-02-30",
        "from=2026-12-02&until=2026-12-01",
        "sort=best",
        "sort=desired&limit=0",
        "sort=desired&after=x",
        // A cursor of the other order.
        "sort=desired&after=00000000-0000-0000-0000-000000000007",
        "sort=newest&after=eyJ0b2RheSI6IjIwMjYtMTEtMjMifQ",
    ] {
        let answer = app.as_staff().get(&format!("/consultations?{query}")).await;
        assert_eq!(answer.problem(422).0, "wrong-query", "{query}");
    }
    // Customers see only their own consultations, so the filter is not accepted from them.
    let own = format!("/consultations?customer={}", customer(PHONE).subject);
    let answer = app.as_customer(PHONE).get(&own).await;
    assert_eq!(
        answer.json["detail"],
        "고객은 본인의 상담만 조회할 수 있습니다"
    );
    assert_eq!(answer.problem(422).0, "wrong-query");
    assert_eq!(app.as_salesman(SALESMAN).get(&own).await.status, 200);
    // Postgres cannot represent these days.
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
    // This one it can.
    assert_eq!(
        app.as_staff()
            .get("/consultations?from=9999-12-31&sort=desired")
            .await
            .status,
        200
    );
}
