//! Listing notifications and marking them as read.

use axum::http::header;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, envelope};
use uuid::Uuid;

use crate::{
    CONSULTANT, CONSULTATION, OTHER, SALESMAN, consultation_match, project_created, start,
};

const LIST: &str = "/salesmen/me/notifications";
const READ: &str = "/salesmen/me/notifications/read";

/// Delivers this number of matches; returns the ids of the person's notifications, oldest first.
async fn receive_matches(app: &TestApp, person: Uuid, count: usize) -> Vec<Uuid> {
    for _ in 0..count {
        app.deliver(1, &consultation_match(person, None)).await;
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
async fn notifications_stay_unread_until_marked() {
    let app = start().await;
    let ids_of_all = receive_matches(&app, SALESMAN, 3).await;
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
            .post(READ, &json!({ "ids": [ids_of_all[1]] }))
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
        [ids_of_all[2], ids_of_all[0]]
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
async fn marking_as_read_twice_has_no_further_effect() {
    let app = start().await;
    let ids_of_all = receive_matches(&app, SALESMAN, 3).await;
    let salesman = app.as_salesman(SALESMAN);
    let some = json!({ "ids": [ids_of_all[0], ids_of_all[1], ids_of_all[0]] });
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
async fn other_peoples_notifications_are_not_listed_or_marked() {
    let app = start().await;
    let (own, others) = (
        receive_matches(&app, SALESMAN, 1).await,
        receive_matches(&app, OTHER, 2).await,
    );
    let salesman = app.as_salesman(SALESMAN);
    assert_eq!(ids(&salesman.get(LIST).await.expect(200)), own);
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
async fn consultant_reads_like_a_salesman() {
    let app = start().await;
    app.deliver(1, &consultation_match(SALESMAN, Some(CONSULTANT)))
        .await;
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
async fn list_without_notifications_is_empty() {
    let app = start().await;
    assert_eq!(
        app.as_salesman(SALESMAN).get(LIST).await.expect(200),
        json!({ "items": [], "unread": 0 })
    );
}

#[tokio::test]
async fn unread_pages_are_linked() {
    let app = start().await;
    let ids_of_all = receive_matches(&app, SALESMAN, 5).await;
    let salesman = app.as_salesman(SALESMAN);
    salesman
        .post(READ, &json!({ "ids": [ids_of_all[3]] }))
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
        (vec![ids_of_all[4], ids_of_all[2]], &json!(4))
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
        (vec![ids_of_all[1], ids_of_all[0]], &json!(4), None)
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
async fn read_request_has_either_ids_or_all() {
    let app = start().await;
    let ids_of_all = receive_matches(&app, SALESMAN, 1).await;
    let salesman = app.as_salesman(SALESMAN);
    let many: Vec<Uuid> = (0..501).map(Uuid::from_u128).collect();
    for (body, expected) in [
        (json!({}), vec![("/ids", "required")]),
        (json!({ "all": false }), vec![("/all", "must-be-true")]),
        (
            json!({ "ids": null, "all": null }),
            vec![("/ids", "required")],
        ),
        (
            json!({ "ids": ids_of_all, "all": true }),
            vec![("/all", "not-both")],
        ),
        (
            json!({ "ids": ids_of_all, "all": false }),
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
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
            .collect();
        assert_eq!(
            salesman.post(READ, &body).await.problem(422),
            ("wrong-fields".to_owned(), expected)
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
            .post(READ, &json!({ "ids": ids_of_all, "all": null }))
            .await
            .expect(200),
        json!({ "read": 1, "unread": 0 })
    );
}

#[tokio::test]
async fn list_is_ordered_by_event_time() {
    let app = start().await;
    let mut expected = Vec::new();
    // Delivered in this order at the same time: the second is the oldest.
    for hours in [-2, -5, -1, -3] {
        let matched = consultation_match(SALESMAN, None);
        let mut delivered = envelope(Uuid::new_v4(), 1, &matched);
        delivered.recorded_at += TimeDelta::hours(hours);
        app.deliver_raw(&delivered, serde_json::to_vec(&matched).unwrap())
            .await;
        expected.push(delivered.recorded_at);
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
async fn repeated_idempotency_key_marks_nothing_new() {
    let app = start().await;
    receive_matches(&app, SALESMAN, 1).await;
    let (salesman, all) = (app.as_salesman(SALESMAN), json!({ "all": true }));
    assert_eq!(
        salesman.post_with_key(READ, "k", &all).await.expect(200),
        json!({ "read": 1, "unread": 0 })
    );
    receive_matches(&app, SALESMAN, 1).await;
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
async fn notification_without_details_is_readable() {
    let app = start().await;
    let insert = "insert into notification (id, salesman_id, kind, event_id, origin_kind,
                                            origin_id, project_name, created_at)
                  values ($1, $2, 'taken_away', $1, 'consultation', $3, '스마트상점',
                          '2026-11-22T01:00:00Z')";
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
        "details": { "projectId": null, "projectName": "스마트상점" },
        "createdAt": "2026-11-22T01:00:00Z", "readAt": null,
    });
    assert_eq!(page, json!({ "items": [expected], "unread": 1 }));
}

#[tokio::test]
async fn project_name_is_added_once_known() {
    let app = start().await;
    let matched = events::SalesmanMatched {
        project_name: None,
        ..consultation_match(SALESMAN, None)
    };
    app.deliver(1, &matched).await;
    let salesman = app.as_salesman(SALESMAN);
    assert_eq!(
        salesman.get(LIST).await.expect(200)["items"][0]["details"]["projectName"],
        Value::Null
    );
    app.deliver(
        1,
        &project_created(matched.project_id.0, crate::an_edition()),
    )
    .await;
    let named = salesman.get(LIST).await.expect(200)["items"][0]["details"]["projectName"].clone();
    assert_eq!(named, "2026년 스마트상점 보급사업");
}
