//! What callers can see, and how they are refused.

use axum::http::{Method, header};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{FOUR, PHONE, a_consultation, assign, consultant, match_of, requested, salesman, start};

const SALESMAN: Uuid = Uuid::from_u128(1);
const CONSULTANT: Uuid = Uuid::from_u128(9);

/// A consultation that people are on.
async fn matched(app: &TestApp) -> Uuid {
    salesman(app, 1, 5).await;
    consultant(app, 9, 5).await;
    let origin = requested(app, [FOUR]).await[0];
    assign(app).await;
    app.new_events().await;
    origin
}

#[tokio::test]
async fn everybody_sees_of_a_match_what_is_his_business() {
    let app = start().await;
    let origin = matched(&app).await;
    let path = format!("/salesman-matches?origin={origin}");
    for (role, caller, strategy, reason) in [
        ("customer", app.as_customer(PHONE), false, false),
        ("salesman", app.as_salesman(SALESMAN), true, false),
        ("consultant", app.as_consultant(CONSULTANT), true, false),
        ("staff", app.as_staff(), true, true),
    ] {
        let view = caller.get(&path).await.expect(200)["items"][0].clone();
        assert_eq!(view["salesman"], json!({ "id": SALESMAN, "displayName": "담당 1" }), "{role}");
        assert_eq!((view.get("strategy").is_some(), view.get("reason").is_some()), (strategy, reason), "{role}");
        assert!(!view.to_string().contains(FOUR) || role == "staff", "{role}");
    }
    let id = match_of(&app, origin).await["id"].as_str().unwrap().to_owned();
    let shown = app.as_staff().get(&format!("/salesman-matches/{id}")).await;
    assert_eq!(shown.headers[header::ETAG], "\"1\"");
    assert_eq!(shown.expect(200), match_of(&app, origin).await);
}

#[tokio::test]
async fn another_persons_match_is_not_there() {
    let app = start().await;
    let origin = matched(&app).await;
    let other = Uuid::from_u128(0xBAD);
    for (who, caller) in [
        ("customer", app.as_customer("010-9999-0000")),
        ("salesman", app.as_salesman(other)),
        ("consultant", app.as_consultant(other)),
        ("salesman with the consultant's id", app.as_salesman(CONSULTANT)),
    ] {
        for path in ["/salesman-matches".to_owned(), format!("/salesman-matches?origin={origin}")] {
            assert_eq!(caller.get(&path).await.expect(200), json!({ "items": [] }), "{who} {path}");
        }
    }
}

#[tokio::test]
async fn nobody_gets_in_without_signing_in_and_nobody_but_staff_sees_why() {
    let app = start().await;
    let origin = matched(&app).await;
    let id = match_of(&app, origin).await["id"].as_str().unwrap().to_owned();
    for path in ["/salesman-matches".to_owned(), format!("/salesman-matches/{id}")] {
        let answer = app.anyone().get(&path).await;
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer", "{path}");
        assert_eq!(answer.problem(401).0, "sign-in-required", "{path}");
    }
    for (role, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("salesman", app.as_salesman(SALESMAN)),
        ("consultant", app.as_consultant(CONSULTANT)),
    ] {
        assert_eq!(caller.get(&format!("/salesman-matches/{id}")).await.problem(403).0, "not-allowed", "{role}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_whatever_its_id_looks_like() {
    let app = start().await;
    for id in [Uuid::from_u128(7).to_string(), "x".to_owned(), "%00".to_owned()] {
        assert_eq!(app.as_staff().get(&format!("/salesman-matches/{id}")).await.problem(404).0, "not-found", "{id}");
    }
}

#[tokio::test]
async fn a_list_goes_to_its_end_without_gaps_or_repeats_and_keeps_to_what_was_asked() {
    let app = start().await;
    salesman(&app, 1, 3).await;
    requested(&app, vec![FOUR; 10]).await;
    assign(&app).await;
    let all: Vec<(Uuid, bool)> = sqlx::query_as("select id, salesman_id is null from salesman_match order by id desc")
        .fetch_all(app.pool())
        .await
        .unwrap();
    let queue: Vec<Uuid> = all.iter().filter(|(_, unassigned)| *unassigned).map(|(id, _)| *id).collect();
    let all: Vec<Uuid> = all.into_iter().map(|(id, _)| id).collect();
    assert_eq!((all.len(), queue.len()), (10, 7));
    for (filter, expected) in
        [("", &all), ("unassigned=true&", &queue), ("unassigned=false&", &all), ("unassigned&", &queue), ("unassigned=&", &queue)]
    {
        for limit in [1, 3, 7, 100] {
            let (mut seen, mut asked) = (Vec::new(), format!("/salesman-matches?{filter}limit={limit}"));
            loop {
                let answer = app.as_staff().get(&asked).await;
                // Whoever follows the link is asking the same question still.
                let link = answer.headers.get(header::LINK).map(|link| link.to_str().unwrap().to_owned());
                let page = answer.expect(200);
                let items = page["items"].as_array().unwrap();
                seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()));
                assert_eq!(page.get("next").is_some(), link.is_some());
                let Some(link) = link else { break };
                let query = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
                assert!(query.ends_with(page["next"].as_str().unwrap()));
                asked = format!("/salesman-matches{query}");
            }
            assert_eq!(&seen, expected, "{filter}limit={limit}");
        }
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused() {
    let app = start().await;
    for query in ["limit=0", "limit=101", "limit=x", "after=x", "origin=x", "unassigned=perhaps"] {
        assert_eq!(app.as_staff().get(&format!("/salesman-matches?{query}")).await.problem(422).0, "wrong-query", "{query}");
    }
}

#[tokio::test]
async fn a_refusal_speaks_the_callers_language() {
    let app = start().await;
    for (wanted, language, title) in [(None, "ko", "조회 조건을 확인해 주세요"), (Some("en"), "en", "The query is wrong")]
    {
        let headers: Vec<(&str, &str)> = wanted.map(|wanted| ("accept-language", wanted)).into_iter().collect();
        let answer = app.as_staff().send(Method::GET, "/salesman-matches?limit=0", &headers, Vec::new()).await;
        assert_eq!(answer.headers[header::CONTENT_LANGUAGE], language);
        assert_eq!(answer.json["title"], title);
    }
}

#[tokio::test]
async fn what_the_router_itself_refuses_is_a_problem_too() {
    let app = start().await;
    assert_eq!(app.as_staff().get("/nothing").await.problem(404).0, "not-found");
    let answer = app.as_staff().post("/salesman-matches", &json!({})).await;
    assert!(answer.headers[header::ALLOW].to_str().unwrap().contains("GET"));
    assert_eq!(answer.problem(405).0, "method-not-allowed");
    for (path, status) in [("/salesman-matches", 200), ("/salesman-matches/x", 404)] {
        let answer = app.as_staff().send(Method::HEAD, path, &[], Vec::new()).await;
        assert_eq!((answer.status.as_u16(), answer.json), (status, Value::Null), "{path}");
    }
}

#[tokio::test]
async fn a_read_after_an_event_waits_until_it_is_taken_in_or_says_that_it_is_stale() {
    let app = start().await;
    let (event, staff) = (a_consultation(Uuid::from_u128(0xC0), FOUR), app.as_staff());
    let after = format!("consultation/{}@1", event.consultation_id);
    let headers = [("ktgg-after", after.as_str())];
    let path = "/salesman-matches";
    let (answer, ()) = tokio::join!(staff.send(Method::GET, path, &headers, Vec::new()), app.deliver(1, &event));
    assert!(!answer.headers.contains_key("ktgg-stale"));
    assert_eq!(answer.expect(200)["items"].as_array().unwrap().len(), 1);
    let next = format!("consultation/{}@2", event.consultation_id);
    let answer = staff.send(Method::GET, path, &[("ktgg-after", &next)], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), answer.headers["ktgg-stale"].to_str().unwrap()), (200, "1"));
    let own = format!("salesman-match/{}@99", Uuid::from_u128(1));
    let answer = staff.send(Method::GET, path, &[("ktgg-after", &own)], Vec::new()).await;
    assert!(!answer.headers.contains_key("ktgg-stale"));
}
