//! What callers see, and which requests are refused.

use axum::http::{Method, header};
use events::Step;
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    FOUR, PHONE, a_consultation, assign, consultant, match_id, match_of, progressed, requested,
    salesman, start,
};

const SALESMAN: Uuid = Uuid::from_u128(1);
const OTHER_SALESMAN: Uuid = Uuid::from_u128(2);
const CONSULTANT: Uuid = Uuid::from_u128(9);

/// A consultation with a salesman and a consultant.
async fn matched(app: &TestApp) -> Uuid {
    salesman(app, 1, 5).await;
    salesman(app, 2, 5).await;
    consultant(app, 9, 5).await;
    let origin = requested(app, [FOUR]).await[0];
    assign(app).await;
    app.new_events().await;
    origin
}

#[tokio::test]
async fn each_role_sees_its_part_of_a_match() {
    let app = start().await;
    let origin = matched(&app).await;
    let path = format!("/salesman-matches?origin={origin}");
    let one = format!("/salesman-matches/{}", match_id(&app, origin).await);
    for (role, caller, sees_why, candidates) in [
        ("customer", app.as_customer(PHONE), false, (0, 0)),
        ("salesman", app.as_salesman(SALESMAN), true, (1, 0)),
        ("consultant", app.as_consultant(CONSULTANT), true, (0, 1)),
        ("staff", app.as_staff(), true, (2, 1)),
    ] {
        let view = caller.get(&path).await.expect(200)["items"][0].clone();
        assert_eq!(
            view["salesman"],
            json!({ "id": SALESMAN, "displayName": "담당 1" }),
            "{role}"
        );
        assert_eq!(
            (view.get("strategy").is_some(), view.get("reason").is_some()),
            (sees_why, sees_why),
            "{role}"
        );
        assert!(!view.to_string().contains(FOUR) || sees_why, "{role}");
        let count = |place: &str| {
            view["reason"][place]["candidates"]
                .as_array()
                .map_or(0, Vec::len)
        };
        assert_eq!(
            (count("salesman"), count("consultant")),
            candidates,
            "{role}"
        );
        if sees_why {
            let shown = caller.get(&one).await;
            assert_eq!(shown.headers[header::ETAG], "\"1\"");
            assert_eq!(shown.expect(200), view, "{role}");
        }
    }
}

#[tokio::test]
async fn salesman_sees_the_reason_but_no_other_candidates() {
    let app = start().await;
    let origin = matched(&app).await;
    let id = match_id(&app, origin).await;
    let view = app
        .as_salesman(SALESMAN)
        .get(&format!("/salesman-matches/{id}"))
        .await
        .expect(200);
    assert_eq!(
        view["reason"]["salesman"],
        json!({
            "rule": "phone-suffix", "lastFour": FOUR, "among": 2, "picked": 0,
            "candidates": [{ "id": SALESMAN, "displayName": "담당 1", "open": 0, "capacity": 5 }],
        })
    );
    assert_eq!(
        (
            &view["reason"]["consultant"]["among"],
            &view["reason"]["consultant"]["candidates"]
        ),
        (&json!(1), &json!([]))
    );
    assert!(!view.to_string().contains(&OTHER_SALESMAN.to_string()));
}

#[tokio::test]
async fn reason_in_an_older_format_is_omitted() {
    let app = start().await;
    let origin = matched(&app).await;
    sqlx::query("update salesman_match set reason = $1")
        .bind(json!({ "salesman": { "lastFour": FOUR, "candidates": [SALESMAN], "picked": 0 } }))
        .execute(app.pool())
        .await
        .unwrap();
    let view = match_of(&app, origin).await;
    assert_eq!(
        (view.get("reason"), &view["strategy"]),
        (None, &json!("phone-suffix"))
    );
}

#[tokio::test]
async fn reason_of_an_older_match_shows_its_whole_roster() {
    let app = start().await;
    let origin = matched(&app).await;
    let roster: Vec<Value> = (1..=12)
        .map(|number| json!({ "id": Uuid::from_u128(number), "displayName": "담당", "open": 1, "capacity": 9 }))
        .collect();
    sqlx::query("update salesman_match set reason = $1")
        .bind(json!({ "salesman": { "rule": "kept", "picked": 11, "candidates": roster } }))
        .execute(app.pool())
        .await
        .unwrap();
    let reason = &match_of(&app, origin).await["reason"]["salesman"];
    assert_eq!(
        (&reason["among"], &reason["picked"]),
        (&json!(12), &json!(11))
    );
    assert_eq!(reason["candidates"], json!(roster));
}

#[tokio::test]
async fn unknown_texts_of_a_newer_build_are_shown_as_stored() {
    let app = start().await;
    let [newer, older] = [matched(&app).await, requested(&app, ["0000"]).await[0]];
    salesman(&app, 3, 0).await;
    assign(&app).await;
    let sql = r#"update salesman_match
                 set strategy = 'best-fit',
                     reason = jsonb_set(reason, '{salesman,rule}', '"best-fit"')
                 where origin_id = $1"#;
    sqlx::query(sql)
        .bind(newer)
        .execute(app.pool())
        .await
        .unwrap();
    for caller in [app.as_staff(), app.as_salesman(SALESMAN)] {
        let list = caller.get("/salesman-matches").await.expect(200);
        let origins: Vec<_> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|view| view["origin"]["id"].clone())
            .collect();
        assert!(
            origins.contains(&json!(newer)) && origins.contains(&json!(older)),
            "{origins:?}"
        );
    }
    let view = match_of(&app, newer).await;
    assert_eq!(
        (&view["strategy"], &view["reason"]["salesman"]["rule"]),
        (&json!("best-fit"), &json!("best-fit"))
    );
    let one = format!("/salesman-matches/{}", match_id(&app, newer).await);
    assert_eq!(app.as_staff().get(&one).await.expect(200), view);
    // The same in the queue.
    sqlx::query("update salesman_match set consultant_id = null")
        .execute(app.pool())
        .await
        .unwrap();
    let queue = app
        .as_staff()
        .get("/salesman-matches?unassigned")
        .await
        .expect(200);
    assert_eq!(queue["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn matches_of_other_people_are_not_found() {
    let app = start().await;
    let origin = matched(&app).await;
    let one = format!("/salesman-matches/{}", match_id(&app, origin).await);
    let other = Uuid::from_u128(0xBAD);
    for (role, caller) in [
        ("customer", app.as_customer("010-9999-0000")),
        ("salesman", app.as_salesman(other)),
        ("consultant", app.as_consultant(other)),
        (
            "salesman with the consultant's id",
            app.as_salesman(CONSULTANT),
        ),
    ] {
        for path in [
            "/salesman-matches".to_owned(),
            format!("/salesman-matches?origin={origin}"),
        ] {
            assert_eq!(
                caller.get(&path).await.expect(200),
                json!({ "items": [] }),
                "{role} {path}"
            );
        }
        if role != "customer" {
            assert_eq!(caller.get(&one).await.problem(404).0, "not-found", "{role}");
        }
    }
}

#[tokio::test]
async fn anonymous_gets_401_and_customers_get_no_single_match() {
    let app = start().await;
    let origin = matched(&app).await;
    let id = match_of(&app, origin).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for path in [
        "/salesman-matches".to_owned(),
        format!("/salesman-matches/{id}"),
    ] {
        let answer = app.anonymous().get(&path).await;
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer", "{path}");
        assert_eq!(answer.problem(401).0, "sign-in-required", "{path}");
    }
    // Neither for their own match nor for an unknown one.
    for id in [id, Uuid::from_u128(7).to_string(), "x".to_owned()] {
        assert_eq!(
            app.as_customer(PHONE)
                .get(&format!("/salesman-matches/{id}"))
                .await
                .problem(403)
                .0,
            "not-allowed",
            "{id}"
        );
    }
}

#[tokio::test]
async fn unknown_or_malformed_ids_are_not_found() {
    let app = start().await;
    for id in [
        Uuid::from_u128(7).to_string(),
        "x".to_owned(),
        "%00".to_owned(),
        "policy".to_owned(),
    ] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/salesman-matches/{id}"))
                .await
                .problem(404)
                .0,
            "not-found",
            "{id}"
        );
    }
}

/// All ids of a list, by following its links page by page.
async fn ids(app: &TestApp, filter: &str, limit: usize) -> Vec<Uuid> {
    let mut ids = Vec::new();
    let mut path = format!("/salesman-matches?{filter}limit={limit}");
    loop {
        let answer = app.as_staff().get(&path).await;
        // The link repeats the filters.
        let link = answer
            .headers
            .get(header::LINK)
            .map(|link| link.to_str().unwrap().to_owned());
        let page = answer.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        ids.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().parse::<Uuid>().unwrap()),
        );
        assert_eq!(page.get("next").is_some(), link.is_some());
        let Some(link) = link else { return ids };
        let query = link
            .strip_prefix('<')
            .unwrap()
            .strip_suffix(">; rel=\"next\"")
            .unwrap();
        assert!(query.ends_with(page["next"].as_str().unwrap()));
        path = format!("/salesman-matches{query}");
    }
}

/// The ids of the matches with this condition, in this order.
async fn selected(app: &TestApp, condition: &str, order: &str) -> Vec<Uuid> {
    let sql = format!("select id from salesman_match where {condition} order by {order}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_all(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn pages_cover_a_filtered_list_without_gaps_or_repeats() {
    let app = start().await;
    salesman(&app, 1, 3).await;
    salesman(&app, 2, 1).await;
    let origins = requested(
        &app,
        [
            "0000", "0001", "0002", "0003", "0000", "0001", "0002", "0003", "0004", "0005",
        ],
    )
    .await;
    assign(&app).await;
    consultant(&app, 9, 1).await;
    assign(&app).await;
    app.deliver(2, &progressed(origins[1], Step::Failed)).await;
    app.deliver(2, &progressed(origins[9], Step::Cancelled))
        .await;
    let expected = [
        ("", "true"),
        ("open&", "closed_at is null"),
        ("open=true&", "closed_at is null"),
        ("open=false&", "closed_at is not null"),
        ("unassigned=false&", "true"),
        (
            &format!("salesman={SALESMAN}&"),
            "salesman_id = '00000000-0000-0000-0000-000000000001'",
        ),
        (
            &format!("salesman={SALESMAN}&open=&"),
            "salesman_id = '00000000-0000-0000-0000-000000000001' and closed_at is null",
        ),
        (
            &format!("salesman={CONSULTANT}&"),
            "consultant_id is not null",
        ),
        (&format!("salesman={}&", Uuid::from_u128(0xBAD)), "false"),
        (
            &format!("origin={}&", origins[3]),
            &format!("origin_id = '{}'", origins[3]),
        ),
    ];
    for (filter, condition) in expected {
        let expected = selected(&app, condition, "id desc").await;
        assert_eq!(expected.is_empty(), condition == "false", "{filter}");
        for limit in [1, 3, 7, 100] {
            assert_eq!(
                ids(&app, filter, limit).await,
                expected,
                "{filter}limit={limit}"
            );
        }
    }
}

#[tokio::test]
async fn queue_is_ordered_by_age_and_lists_missing_roles() {
    let app = start().await;
    salesman(&app, 1, 3).await;
    let origins = requested(&app, ["0000"; 10]).await;
    assign(&app).await;
    consultant(&app, 9, 1).await;
    assign(&app).await;
    app.deliver(2, &progressed(origins[8], Step::Cancelled))
        .await;
    // Two requests of the same instant, and one that was requested a day before it arrived.
    let same_instant = "update salesman_match
        set requested_at = (select requested_at from salesman_match where origin_id = $1)
        where origin_id = $2";
    sqlx::query(same_instant)
        .bind(origins[4])
        .bind(origins[7])
        .execute(app.pool())
        .await
        .unwrap();
    let earlier = "update salesman_match set requested_at = requested_at - interval '1 day'
                   where origin_id = $1";
    sqlx::query(earlier)
        .bind(origins[9])
        .execute(app.pool())
        .await
        .unwrap();
    let waiting = "closed_at is null and (salesman_id is null or consultant_id is null)";
    let expected = selected(&app, waiting, "requested_at, id").await;
    assert_eq!(expected.len(), 8);
    assert_eq!(expected[0], match_id(&app, origins[9]).await);
    for filter in [
        "unassigned&",
        "unassigned=true&",
        "unassigned=&",
        "unassigned&open&",
    ] {
        for limit in [1, 3, 7, 8, 100] {
            assert_eq!(
                ids(&app, filter, limit).await,
                expected,
                "{filter}limit={limit}"
            );
        }
    }
    assert_eq!(
        ids(&app, "unassigned&open=false&", 5).await,
        Vec::<Uuid>::new()
    );
    let lacks = async |origin| match_of(&app, origin).await["lacks"].clone();
    assert_eq!(lacks(origins[0]).await, json!([]));
    assert_eq!(lacks(origins[1]).await, json!(["consultant"]));
    assert_eq!(lacks(origins[5]).await, json!(["salesman", "consultant"]));
    assert_eq!(lacks(origins[8]).await, json!([]));
    // A salesman sees the matches of the queue that have them.
    let own = app
        .as_salesman(SALESMAN)
        .get("/salesman-matches?unassigned")
        .await
        .expect(200);
    assert_eq!(own["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn empty_queue_and_empty_list_have_no_items() {
    let app = start().await;
    for path in [
        "/salesman-matches",
        "/salesman-matches?unassigned",
        "/salesman-matches?open",
    ] {
        assert_eq!(
            app.as_staff().get(path).await.expect(200),
            json!({ "items": [] }),
            "{path}"
        );
    }
}

#[tokio::test]
async fn invalid_queries_are_refused() {
    let app = start().await;
    let too_late =
        service_kit::http::page::encode_cursor(&("+262142-12-31T23:59:59Z", Uuid::from_u128(1)));
    let too_early =
        service_kit::http::page::encode_cursor(&("-200000-01-01T00:00:00Z", Uuid::from_u128(1)));
    let (too_late, too_early) = (
        format!("unassigned&after={too_late}"),
        format!("unassigned&after={too_early}"),
    );
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "after=x",
        "origin=x",
        "salesman=x",
        "open=perhaps",
        "unassigned=perhaps",
        "unassigned&limit=0",
        "unassigned&limit=101",
        "unassigned&after=x",
        &format!("unassigned&after={}", Uuid::from_u128(1)),
        &too_late,
        &too_early,
    ] {
        assert_eq!(
            app.as_staff()
                .get(&format!("/salesman-matches?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn problem_title_is_in_the_requested_language() {
    let app = start().await;
    for (accepted, language, title) in [
        (None, "ko", "조회 조건을 확인해 주세요"),
        (Some("en"), "en", "The query is invalid"),
    ] {
        let headers: Vec<(&str, &str)> = accepted
            .map(|accepted| ("accept-language", accepted))
            .into_iter()
            .collect();
        let answer = app
            .as_staff()
            .send(
                Method::GET,
                "/salesman-matches?limit=0",
                &headers,
                Vec::new(),
            )
            .await;
        assert_eq!(answer.headers[header::CONTENT_LANGUAGE], language);
        assert_eq!(answer.json["title"], title);
    }
}

#[tokio::test]
async fn empty_parameters_count_as_absent_but_flags_as_true() {
    let app = start().await;
    let staff = app.as_staff();
    let all = staff.get("/salesman-matches").await.expect(200);
    let answer = staff
        .get("/salesman-matches?origin=&salesman=&limit=&after=")
        .await;
    assert_eq!(answer.expect(200), all);
    for flags in [
        "open&unassigned",
        "open=&unassigned=",
        "open=true&unassigned=true",
    ] {
        let answer = staff.get(&format!("/salesman-matches?{flags}")).await;
        answer.expect(200);
    }
    let repeated = staff.get("/salesman-matches?open&open=false").await;
    assert_eq!(repeated.problem(422).0, "wrong-query");
}

#[tokio::test]
async fn router_errors_are_problems() {
    let app = start().await;
    assert_eq!(
        app.as_staff().get("/nothing").await.problem(404).0,
        "not-found"
    );
    let answer = app.as_staff().post("/salesman-matches", &json!({})).await;
    assert!(
        answer.headers[header::ALLOW]
            .to_str()
            .unwrap()
            .contains("GET")
    );
    assert_eq!(answer.problem(405).0, "method-not-allowed");
    for (path, status) in [("/salesman-matches", 200), ("/salesman-matches/x", 404)] {
        let answer = app
            .as_staff()
            .send(Method::HEAD, path, &[], Vec::new())
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.json),
            (status, Value::Null),
            "{path}"
        );
    }
}

#[tokio::test]
async fn read_after_event_waits_or_is_marked_stale() {
    let app = start().await;
    let (event, staff) = (a_consultation(Uuid::from_u128(0xC0), FOUR), app.as_staff());
    let after = format!("consultation/{}@1", event.consultation_id);
    let headers = [("ktgg-after", after.as_str())];
    let path = "/salesman-matches";
    let (answer, ()) = tokio::join!(
        staff.send(Method::GET, path, &headers, Vec::new()),
        app.deliver(1, &event)
    );
    assert!(!answer.headers.contains_key("ktgg-stale"));
    assert_eq!(answer.expect(200)["items"].as_array().unwrap().len(), 1);
    let next = format!("consultation/{}@2", event.consultation_id);
    let answer = staff
        .send(Method::GET, path, &[("ktgg-after", &next)], Vec::new())
        .await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.headers["ktgg-stale"].to_str().unwrap()
        ),
        (200, "1")
    );
    let own = format!("salesman-match/{}@99", Uuid::from_u128(1));
    let answer = staff
        .send(Method::GET, path, &[("ktgg-after", &own)], Vec::new())
        .await;
    assert!(!answer.headers.contains_key("ktgg-stale"));
}
