//! How people read what they were told.

use axum::http::header;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, envelope};
use uuid::Uuid;

use crate::{CONSULTANT, CONSULTATION, OTHER, SALESMAN, a_match, created, start};

const LIST: &str = "/salesmen/me/notifications";
const READ: &str = "/salesmen/me/notifications/read";

/// Tells somebody so many things; their ids, oldest first.
async fn told(app: &TestApp, person: Uuid, count: usize) -> Vec<Uuid> {
    for _ in 0..count {
        app.deliver(1, &a_match(person, None)).await;
    }
    let sql = "select id from notification where salesman_id = $1 order by id";
    sqlx::query_scalar(sql)
        .bind(person)
        .fetch_all(app.pool())
        .await
        .unwrap()
}

fn ids(page: &Value) -> Vec<Uuid> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn nobody_has_read_anything_until_he_says_so() {
    let app = start().await;
    let told = told(&app, SALESMAN, 3).await;
    let salesman = app.as_salesman(SALESMAN);
    for _ in 0..2 {
        let page = salesman.get(LIST).await.expect(200);
        assert_eq!(
            (&page["unread"], &page["items"][0]["readAt"]),
            (&json!(3), &Value::Null)
        );
    }
    assert_eq!(
        salesman
            .post(READ, &json!({ "ids": [told[1]] }))
            .await
            .expect(200),
        json!({ "read": 1, "unread": 2 })
    );
    let page = salesman.get(LIST).await.expect(200);
    assert_eq!(
        (&page["unread"], &page["items"][1]["readAt"]),
        (&json!(2), &json!("2026-11-23T01:00:00Z"))
    );
    assert_eq!(
        ids(&salesman
            .get(&format!("{LIST}?unread=true"))
            .await
            .expect(200)),
        [told[2], told[0]]
    );
    assert_eq!(
        ids(&salesman
            .get(&format!("{LIST}?unread=false"))
            .await
            .expect(200))
        .len(),
        3
    );
}

#[tokio::test]
async fn saying_twice_that_something_was_read_is_fine() {
    let app = start().await;
    let told = told(&app, SALESMAN, 3).await;
    let salesman = app.as_salesman(SALESMAN);
    let some = json!({ "ids": [told[0], told[1], told[0]] });
    assert_eq!(
        salesman.post(READ, &some).await.expect(200),
        json!({ "read": 2, "unread": 1 })
    );
    app.clock().advance(TimeDelta::hours(1));
    assert_eq!(
        salesman.post(READ, &some).await.expect(200),
        json!({ "read": 0, "unread": 1 })
    );
    assert_eq!(
        salesman.get(LIST).await.expect(200)["items"][2]["readAt"],
        "2026-11-23T01:00:00Z"
    );
    assert_eq!(
        salesman
            .post(READ, &json!({ "all": true }))
            .await
            .expect(200),
        json!({ "read": 1, "unread": 0 })
    );
    assert_eq!(
        salesman
            .post(READ, &json!({ "all": true }))
            .await
            .expect(200),
        json!({ "read": 0, "unread": 0 })
    );
    assert_eq!(
        salesman.post(READ, &json!({ "ids": [] })).await.expect(200),
        json!({ "read": 0, "unread": 0 })
    );
}

#[tokio::test]
async fn another_persons_are_neither_seen_nor_marked() {
    let app = start().await;
    let (mine, others) = (told(&app, SALESMAN, 1).await, told(&app, OTHER, 2).await);
    let salesman = app.as_salesman(SALESMAN);
    assert_eq!(ids(&salesman.get(LIST).await.expect(200)), mine);
    let answer = salesman
        .post(
            READ,
            &json!({ "ids": [others[0], others[1], Uuid::from_u128(0x404)] }),
        )
        .await;
    assert_eq!(answer.expect(200), json!({ "read": 0, "unread": 1 }));
    salesman
        .post(READ, &json!({ "all": true }))
        .await
        .expect(200);
    assert_eq!(
        app.as_salesman(OTHER).get(LIST).await.expect(200)["unread"],
        2
    );
}

#[tokio::test]
async fn a_consultant_reads_as_a_salesman_does() {
    let app = start().await;
    app.deliver(1, &a_match(SALESMAN, Some(CONSULTANT))).await;
    let consultant = app.as_consultant(CONSULTANT);
    assert_eq!(consultant.get(LIST).await.expect(200)["unread"], 1);
    assert_eq!(
        consultant
            .post(READ, &json!({ "all": true }))
            .await
            .expect(200),
        json!({ "read": 1, "unread": 0 })
    );
    assert!(
        ids(&consultant
            .get(&format!("{LIST}?unread=true"))
            .await
            .expect(200))
        .is_empty()
    );
    assert_eq!(
        app.as_salesman(SALESMAN).get(LIST).await.expect(200)["unread"],
        1
    );
}

#[tokio::test]
async fn whoever_was_told_nothing_has_an_empty_list() {
    let app = start().await;
    assert_eq!(
        app.as_salesman(SALESMAN).get(LIST).await.expect(200),
        json!({ "items": [], "unread": 0 })
    );
}

#[tokio::test]
async fn pages_of_what_is_unread_lead_to_each_other() {
    let app = start().await;
    let told = told(&app, SALESMAN, 5).await;
    let salesman = app.as_salesman(SALESMAN);
    salesman
        .post(READ, &json!({ "ids": [told[3]] }))
        .await
        .expect(200);
    let first = salesman.get(&format!("{LIST}?unread=true&limit=2")).await;
    let next = first.json["next"].as_str().unwrap();
    assert_eq!(
        first.headers[header::LINK],
        format!("<?unread=true&limit=2&after={next}>; rel=\"next\"")
    );
    assert_eq!(
        (ids(&first.json), &first.json["unread"]),
        (vec![told[4], told[2]], &json!(4))
    );
    let second = salesman
        .get(&format!("{LIST}?unread=true&limit=2&after={next}"))
        .await;
    assert!(!second.headers.contains_key(header::LINK));
    assert_eq!(
        (
            ids(&second.json),
            &second.json["unread"],
            second.json.get("next")
        ),
        (vec![told[1], told[0]], &json!(4), None)
    );
    for query in ["unread=maybe", "limit=0", "after=x"] {
        assert_eq!(
            salesman
                .get(&format!("{LIST}?{query}"))
                .await
                .problem(422)
                .0,
            "wrong-query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn what_was_read_is_said_in_exactly_one_way() {
    let app = start().await;
    let told = told(&app, SALESMAN, 1).await;
    let salesman = app.as_salesman(SALESMAN);
    let many: Vec<Uuid> = (0..501).map(Uuid::from_u128).collect();
    for (body, wrong) in [
        (json!({}), vec![("/ids", "required")]),
        (json!({ "all": false }), vec![("/all", "must-be-true")]),
        (
            json!({ "ids": null, "all": null }),
            vec![("/ids", "required")],
        ),
        (
            json!({ "ids": told, "all": true }),
            vec![("/all", "not-both")],
        ),
        (
            json!({ "ids": told, "all": false }),
            vec![("/all", "not-both")],
        ),
        (
            json!({ "ids": [], "all": true }),
            vec![("/all", "not-both")],
        ),
        (json!({ "ids": many }), vec![("/ids", "too-many")]),
        (
            json!({ "ids": many, "all": true }),
            vec![("/ids", "too-many"), ("/all", "not-both")],
        ),
        (
            json!({ "ids": ["x"], "all": "yes" }),
            vec![("/ids", "wrong-type"), ("/all", "wrong-type")],
        ),
        (json!({ "ids": "x" }), vec![("/ids", "wrong-type")]),
    ] {
        let wrong: Vec<_> = wrong
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!(
            salesman.post(READ, &body).await.problem(422),
            ("wrong-fields".to_owned(), wrong)
        );
    }
    assert_eq!(
        salesman
            .post(READ, &json!({ "ids": many[..500] }))
            .await
            .expect(200),
        json!({ "read": 0, "unread": 1 })
    );
    assert_eq!(
        salesman
            .post(READ, &json!({ "ids": told, "all": null }))
            .await
            .expect(200),
        json!({ "read": 1, "unread": 0 })
    );
}

#[tokio::test]
async fn what_happened_last_is_the_newest_whenever_it_was_heard_of_and_says_when_it_happened() {
    let app = start().await;
    let mut expected = Vec::new();
    // Heard of in this order, all at once: the second is the oldest.
    for hours in [-2, -5, -1, -3] {
        let matched = a_match(SALESMAN, None);
        let mut sent = envelope(Uuid::new_v4(), 1, &matched);
        sent.recorded_at += TimeDelta::hours(hours);
        app.deliver_raw(&sent, serde_json::to_vec(&matched).unwrap())
            .await;
        expected.push(sent.recorded_at);
    }
    expected.sort();
    expected.reverse();
    let (salesman, mut found, mut path) = (
        app.as_salesman(SALESMAN),
        Vec::<DateTime<Utc>>::new(),
        format!("{LIST}?limit=1"),
    );
    loop {
        let page = salesman.get(&path).await.expect(200);
        found.push(
            page["items"][0]["createdAt"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("{LIST}?limit=1&after={next}");
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_write_that_is_sent_again_marks_nothing_that_came_since() {
    let app = start().await;
    told(&app, SALESMAN, 1).await;
    let (salesman, all) = (app.as_salesman(SALESMAN), json!({ "all": true }));
    assert_eq!(
        salesman.post_with_key(READ, "k", &all).await.expect(200),
        json!({ "read": 1, "unread": 0 })
    );
    told(&app, SALESMAN, 1).await;
    assert_eq!(
        salesman.post_with_key(READ, "k", &all).await.expect(200),
        json!({ "read": 0, "unread": 1 })
    );
    let other = json!({ "ids": [] });
    assert_eq!(
        salesman
            .post_with_key(READ, "k", &other)
            .await
            .problem(422)
            .0,
        "idempotency-key-reused"
    );
}

#[tokio::test]
async fn what_was_told_before_there_were_details_is_readable() {
    let app = start().await;
    let insert = "insert into notification (id, salesman_id, kind, event_id, origin_kind, origin_id, project_name, created_at)
                  values ($1, $2, 'taken_away', $1, 'consultation', $3, '스마트상점', '2026-11-22T01:00:00Z')";
    let id = Uuid::from_u128(7);
    sqlx::query(insert)
        .bind(id)
        .bind(SALESMAN)
        .bind(CONSULTATION)
        .execute(app.pool())
        .await
        .unwrap();
    let page = app.as_salesman(SALESMAN).get(LIST).await.expect(200);
    let expected = json!({
        "id": id, "kind": "taken_away", "link": null,
        "details": { "projectId": null, "projectName": "스마트상점" }, "createdAt": "2026-11-22T01:00:00Z", "readAt": null,
    });
    assert_eq!(page, json!({ "items": [expected], "unread": 1 }));
}

#[tokio::test]
async fn a_project_that_was_not_known_when_somebody_was_told_is_named_when_he_reads() {
    let app = start().await;
    let matched = events::SalesmanMatched {
        project_name: None,
        ..a_match(SALESMAN, None)
    };
    app.deliver(1, &matched).await;
    let salesman = app.as_salesman(SALESMAN);
    assert_eq!(
        salesman.get(LIST).await.expect(200)["items"][0]["details"]["projectName"],
        Value::Null
    );
    app.deliver(1, &created(matched.project_id.0, crate::an_edition()))
        .await;
    let named = salesman.get(LIST).await.expect(200)["items"][0]["details"]["projectName"].clone();
    assert_eq!(named, "2026년 스마트상점 보급사업");
}
