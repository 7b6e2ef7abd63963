//! Staff match by hand, and get the reason for each refusal.

use axum::http::{Method, header};
use events::{Actor, Leave, PersonRole, StaffId, Step};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, TestResponse};
use uuid::Uuid;

use crate::{
    FOUR, PHONE, assign, consultant, match_id, match_of, progressed, registered, requested,
    salesman, start, updated, who,
};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Staff put these people on this version of the match.
async fn put(app: &TestApp, origin: Uuid, version: i64, body: Value) -> TestResponse {
    let path = format!("/salesman-matches/{}", match_id(app, origin).await);
    app.as_staff().patch_if(&path, version, &body).await
}

/// A request without an eligible salesman.
async fn waiting(app: &TestApp) -> Uuid {
    let origin = requested(app, [FOUR]).await[0];
    assert_eq!(assign(app).await, 0);
    origin
}

#[tokio::test]
async fn staff_put_people_on_an_empty_match() {
    let app = start().await;
    let origin = waiting(&app).await;
    let path = format!("/salesman-matches/{}", match_id(&app, origin).await);
    assert_eq!(
        app.as_staff().get(&path).await.headers[header::ETAG],
        "\"0\""
    );
    salesman(&app, 1, 1).await;
    salesman(&app, 2, 1).await;
    consultant(&app, 9, 1).await;
    let answer = put(
        &app,
        origin,
        0,
        json!({ "salesmanId": id(2), "consultantId": id(9) }),
    )
    .await;
    assert_eq!(answer.headers[header::ETAG], "\"1\"");
    let view = answer.expect(200);
    assert_eq!(view, match_of(&app, origin).await);
    assert_eq!(
        (
            who(&view, "salesman"),
            who(&view, "consultant"),
            &view["strategy"]
        ),
        (Some(2), Some(9), &json!("by-hand"))
    );
    let chosen = |number: u128| {
        let name = format!("담당 {number}");
        let candidate = json!({ "id": id(number), "displayName": name, "open": 0, "capacity": 1 });
        json!({ "rule": "by-hand", "among": 1, "picked": 0, "candidates": [candidate] })
    };
    assert_eq!(
        view["reason"],
        json!({ "salesman": chosen(2), "consultant": chosen(9) })
    );
    assert_eq!(
        (&view["lacks"], &view["matchedAt"]),
        (&json!([]), &json!("2026-11-23T01:00:00Z"))
    );
    let events = app.new_events().await;
    let [(name, 1, event)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(name, "ktgg.SalesmanMatched.v1");
    assert_eq!(
        (
            who(event, "salesman"),
            who(event, "consultant"),
            &event["strategy"]
        ),
        (Some(2), Some(9), &json!("by-hand"))
    );
    assert_eq!(
        event["actor"],
        serde_json::to_value(Actor::Staff(StaffId(id(0x57AFF)))).unwrap()
    );
    for previous in ["previousSalesmanId", "previousConsultantId"] {
        assert!(event.get(previous).is_none(), "{previous}");
    }
    // The assigner changes nothing here, and counts the people as full.
    requested(&app, ["0001"]).await;
    assert_eq!(assign(&app).await, 1);
    assert_eq!(app.new_events().await[0].2["salesman"]["id"], json!(id(1)));
}

#[tokio::test]
async fn replaced_salesman_is_published_and_loses_access() {
    let app = start().await;
    for number in [1, 2] {
        salesman(&app, number, 5).await;
    }
    consultant(&app, 9, 5).await;
    let origin = requested(&app, ["0000"]).await[0];
    assert_eq!(assign(&app).await, 1);
    app.new_events().await;
    let path = format!("/salesman-matches/{}", match_id(&app, origin).await);
    app.as_salesman(id(1)).get(&path).await.expect(200);
    app.as_salesman(id(2)).get(&path).await.problem(404);
    put(&app, origin, 1, json!({ "salesmanId": id(2) }))
        .await
        .expect(200);
    app.as_salesman(id(1)).get(&path).await.problem(404);
    app.as_salesman(id(2)).get(&path).await.expect(200);
    let events = app.new_events().await;
    let [(_, 2, event)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (who(event, "salesman"), who(event, "consultant")),
        (Some(2), Some(9))
    );
    // The consultant is named as previous, so that consumers do not notify them again.
    assert_eq!(
        (&event["previousSalesmanId"], &event["previousConsultantId"]),
        (&json!(id(1)), &json!(id(9)))
    );
    // The consultant's reason is unchanged.
    let view = match_of(&app, origin).await;
    let rule = |role: &str| view["reason"][role]["rule"].clone();
    assert_eq!(
        (rule("salesman"), rule("consultant")),
        (json!("by-hand"), json!("phone-suffix"))
    );
}

#[tokio::test]
async fn salesman_can_be_replaced_after_approval() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    app.deliver(2, &progressed(origin, Step::Approved)).await;
    salesman(&app, 2, 5).await;
    put(&app, origin, 1, json!({ "salesmanId": id(2) }))
        .await
        .expect(200);
}

#[tokio::test]
async fn same_people_change_nothing_even_if_unavailable() {
    let app = start().await;
    let (first, second) = (
        registered(1, PersonRole::Salesman, 1),
        registered(9, PersonRole::Consultant, 1),
    );
    app.deliver(1, &first).await;
    app.deliver(1, &second).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    app.deliver(2, &updated(&first, |profile| profile.active = false))
        .await;
    app.new_events().await;
    let before = match_of(&app, origin).await;
    for body in [
        json!({ "salesmanId": id(1), "consultantId": id(9) }),
        json!({ "salesmanId": id(1) }),
        json!({ "consultantId": id(9), "salesmanId": null }),
    ] {
        let answer = put(&app, origin, 1, body).await;
        assert_eq!(answer.headers[header::ETAG], "\"1\"");
        assert_eq!(answer.expect(200), before);
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn later_consultant_keeps_strategy_by_hand() {
    let app = start().await;
    let origin = waiting(&app).await;
    salesman(&app, 1, 5).await;
    put(&app, origin, 0, json!({ "salesmanId": id(1) }))
        .await
        .expect(200);
    consultant(&app, 9, 5).await;
    assert_eq!(assign(&app).await, 1);
    let events = app.new_events().await;
    let strategies: Vec<_> = events
        .iter()
        .map(|(_, _, event)| (&event["strategy"], &event["actor"]["role"]))
        .collect();
    assert_eq!(
        strategies,
        [
            (&json!("by-hand"), &json!("staff")),
            (&json!("by-hand"), &json!("system"))
        ]
    );
}

#[tokio::test]
async fn unfit_people_are_refused_together_with_their_codes() {
    let app = start().await;
    let origin = waiting(&app).await;
    let leave = Leave {
        from: "2026-11-23".parse().unwrap(),
        until: "2026-11-27".parse().unwrap(),
        hand_over: false,
    };
    for (role, offset) in [(PersonRole::Salesman, 0), (PersonRole::Consultant, 100)] {
        let person = |number: u128| registered(offset + number, role, 5);
        app.deliver(1, &person(1)).await;
        for (number, change) in [(2, "inactive"), (3, "on-leave"), (4, "at-capacity")] {
            let person = person(number);
            app.deliver(1, &person).await;
            let changed = updated(&person, |profile| match change {
                "inactive" => profile.active = false,
                "on-leave" => profile.leave = Some(leave),
                _ => profile.capacity = 0,
            });
            app.deliver(2, &changed).await;
        }
    }
    for (number, code) in [
        (2, "inactive"),
        (3, "on-leave"),
        (4, "at-capacity"),
        (0xBAD, "unknown"),
        (101, "wrong-role"),
    ] {
        let consultant = if code == "wrong-role" {
            1
        } else {
            number + 100
        };
        let body = json!({ "salesmanId": id(number), "consultantId": id(consultant) });
        let error = |pointer: &str| (pointer.to_owned(), code.to_owned());
        let both = vec![error("/salesmanId"), error("/consultantId")];
        assert_eq!(
            put(&app, origin, 0, body).await.problem(422),
            ("wrong-fields".to_owned(), both),
            "{code}"
        );
        let body = json!({ "salesmanId": id(1), "consultantId": id(consultant) });
        assert_eq!(
            put(&app, origin, 0, body).await.problem(422).1,
            [error("/consultantId")],
            "{code}"
        );
    }
    let english = [
        ("content-type", "application/json"),
        ("if-match", "\"0\""),
        ("accept-language", "en"),
    ];
    let path = format!("/salesman-matches/{}", match_id(&app, origin).await);
    let body = json!({ "salesmanId": id(3) }).to_string().into_bytes();
    let answer = app
        .as_staff()
        .send(Method::PATCH, &path, &english, body)
        .await;
    assert_eq!(
        answer.json["errors"][0]["message"],
        "On leave from 2026-11-23 to 2026-11-27"
    );
    assert!(app.new_events().await.is_empty());
    assert_eq!(match_of(&app, origin).await["version"], 0);
    // On the day after the leave it works.
    app.clock().advance(chrono::TimeDelta::days(5));
    put(
        &app,
        origin,
        0,
        json!({ "salesmanId": id(3), "consultantId": id(101) }),
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn unreadable_and_missing_fields_are_refused_together() {
    let app = start().await;
    let origin = waiting(&app).await;
    let error = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    for (body, expected) in [
        (json!({}), vec![error("/salesmanId", "required")]),
        (
            json!({ "salesmanId": null, "consultantId": null }),
            vec![error("/salesmanId", "required")],
        ),
        (
            json!({ "salesmanId": 7, "consultantId": "x" }),
            vec![
                error("/salesmanId", "wrong-type"),
                error("/consultantId", "wrong-type"),
            ],
        ),
        (
            json!({ "consultantId": [] }),
            vec![error("/consultantId", "wrong-type")],
        ),
        (json!([]), vec![error("", "wrong-type")]),
    ] {
        assert_eq!(
            put(&app, origin, 0, body.clone()).await.problem(422),
            ("wrong-fields".to_owned(), expected),
            "{body}"
        );
    }
}

#[tokio::test]
async fn closed_match_refuses_everyone() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    app.deliver(2, &progressed(origin, Step::Succeeded)).await;
    salesman(&app, 2, 5).await;
    app.new_events().await;
    // For the current salesman too, and before the people are checked.
    for number in [1, 2, 0xBAD] {
        assert_eq!(
            put(&app, origin, 1, json!({ "salesmanId": id(number) }))
                .await
                .problem(409)
                .0,
            "match-closed"
        );
    }
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn consultant_needs_a_salesman_on_the_match() {
    let app = start().await;
    let origin = waiting(&app).await;
    consultant(&app, 9, 5).await;
    assert_eq!(
        put(&app, origin, 0, json!({ "consultantId": id(9) }))
            .await
            .problem(409)
            .0,
        "salesman-missing"
    );
    assert_eq!(match_of(&app, origin).await["consultant"], Value::Null);
}

#[tokio::test]
async fn change_requires_the_current_version() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    let path = format!("/salesman-matches/{}", match_id(&app, origin).await);
    let json = ("content-type", "application/json");
    let body = || json!({ "salesmanId": id(1) }).to_string().into_bytes();
    let staff = app.as_staff();
    assert_eq!(
        staff
            .send(Method::PATCH, &path, &[json], body())
            .await
            .problem(428)
            .0,
        "if-match-required"
    );
    // An unknown tag matches no version, not even version 0 of a match without events.
    for tag in ["\"1\"", "\"x\"", "W/\"0\""] {
        let answer = staff
            .send(Method::PATCH, &path, &[json, ("if-match", tag)], body())
            .await;
        assert_eq!(answer.json["current"], 0, "{tag}");
        assert_eq!(answer.problem(412).0, "stale-version", "{tag}");
    }
    for tag in ["0", ""] {
        let answer = staff
            .send(Method::PATCH, &path, &[json, ("if-match", tag)], body())
            .await;
        assert_eq!(answer.problem(400).0, "wrong-if-match", "{tag}");
    }
    assert_eq!(assign(&app).await, 1);
    salesman(&app, 2, 5).await;
    let answer = staff
        .patch_if(&path, 0, &json!({ "salesmanId": id(2) }))
        .await;
    assert_eq!(answer.json["current"], 1);
    assert_eq!(answer.problem(412).0, "stale-version");
    let any = staff
        .send(
            Method::PATCH,
            &path,
            &[json, ("if-match", "*")],
            json!({ "salesmanId": id(2) }).to_string().into(),
        )
        .await;
    assert_eq!(who(&any.expect(200), "salesman"), Some(2));
}

#[tokio::test]
async fn only_staff_may_match_even_with_invalid_requests() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let origin = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 1);
    let path = format!("/salesman-matches/{}", match_id(&app, origin).await);
    for (role, caller) in [
        ("customer", app.as_customer(PHONE)),
        ("salesman", app.as_salesman(id(1))),
        ("consultant", app.as_consultant(id(9))),
    ] {
        // No If-Match, and no JSON.
        let answer = caller.send(Method::PATCH, &path, &[], b"{".to_vec()).await;
        assert_eq!(answer.problem(403).0, "not-allowed", "{role}");
    }
    let answer = app
        .anonymous()
        .send(Method::PATCH, &path, &[], b"{".to_vec())
        .await;
    assert_eq!(answer.problem(401).0, "sign-in-required");
    let bodies = [
        ("application/json", "{", 400, "not-json"),
        ("text/plain", "{}", 415, "wrong-content-type"),
        (
            "application/json",
            "{\"salesmanId\": null, \"salesmanId\": null}",
            422,
            "wrong-fields",
        ),
    ];
    for (kind, body, status, slug) in bodies {
        let headers = [("content-type", kind), ("if-match", "\"1\"")];
        let answer = app
            .as_staff()
            .send(Method::PATCH, &path, &headers, body.as_bytes().to_vec())
            .await;
        assert_eq!(answer.problem(status).0, slug, "{body}");
    }
}

#[tokio::test]
async fn matching_an_unknown_id_is_not_found() {
    let app = start().await;
    for id in [id(7).to_string(), "x".to_owned(), "%00".to_owned()] {
        let body = json!({ "salesmanId": Uuid::from_u128(1) });
        let answer = app
            .as_staff()
            .patch_if(&format!("/salesman-matches/{id}"), 0, &body)
            .await;
        assert_eq!(answer.problem(404).0, "not-found", "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_staff_and_assigner_respect_capacity() {
    let app = start().await;
    let other = app.replica(salesman_match::service()).await;
    let origins = requested(&app, (0..12).map(|four| format!("{four:04}"))).await;
    salesman(&app, 1, 3).await;
    let requests = origins.iter().enumerate().map(|(index, origin)| {
        let instance = if index % 2 == 0 { &app } else { &other };
        put(instance, *origin, 0, json!({ "salesmanId": id(1) }))
    });
    let assigning = async { assign(&other).await + assign(&app).await };
    let (answers, assigned) = tokio::join!(futures_util::future::join_all(requests), assigning);
    let mut by_hand = 0;
    for answer in answers {
        match answer.status.as_u16() {
            200 => by_hand += 1,
            // The assigner was faster.
            412 => {}
            _ => assert_eq!(
                answer.problem(422).1,
                [("/salesmanId".to_owned(), "at-capacity".to_owned())]
            ),
        }
    }
    assert_eq!(by_hand + assigned, 3);
    let matched: i64 =
        sqlx::query_scalar("select count(*) from salesman_match where salesman_id is not null")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!((matched, app.new_events().await.len()), (3, 3));
}
