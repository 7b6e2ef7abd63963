//! The data of a customer, and its erasure.

use std::time::Duration;

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::{ConsultationCreated, Event, InterestCreated, PersonRole, Step};
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::Identity;
use service_kit::testing::{self, TestApp, envelope};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    FOUR, PHONE, a_consultation, an_interest, assign, consultant, match_id, match_of, progressed,
    registered, salesman, start, turned, updated, who,
};

/// Whether a connection of this database waits for a lock.
const LOCK_WAIT: &str = "select exists (
    select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock')";

const OTHER_FOUR: &str = "4321";
const OTHER_PHONE: &str = "010-1234-4321";

/// Delivers an event that was recorded now, and advances the clock by a second.
async fn deliver<E: Event>(app: &TestApp, version: i64, event: &E) {
    let mut sent = envelope(Uuid::new_v4(), version, event);
    sent.recorded_at = app.clock().now();
    app.deliver_raw(&sent, serde_json::to_vec(event).unwrap())
        .await;
    app.clock().advance(TimeDelta::seconds(1));
}

/// The gateway's request for an erasure, which does not contain the number.
async fn erase(app: &TestApp, phone: &str) {
    let gateway = app.with(&Identity {
        phone: None,
        ..testing::customer(phone)
    });
    let answer = gateway.send(Method::DELETE, "/me", &[], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), &answer.json), (204, &Value::Null));
    app.clock().advance(TimeDelta::seconds(1));
}

/// A version 7 id of this moment, as services create them.
fn new_id(app: &TestApp) -> Uuid {
    let now = app.clock().now().timestamp_millis();
    uuid::Builder::from_unix_timestamp_millis(
        now.unsigned_abs(),
        &Uuid::new_v4().into_bytes()[..10].try_into().unwrap(),
    )
    .into_uuid()
}

/// How many matches the caller's list shows for the origin, and the status of `GET` by id.
async fn found(
    app: &TestApp,
    caller: &service_kit::testing::Caller<'_>,
    origin: Uuid,
) -> (usize, u16) {
    let list = caller
        .get(&format!("/salesman-matches?origin={origin}"))
        .await
        .expect(200);
    let one = caller
        .get(&format!(
            "/salesman-matches/{}",
            match_id(app, origin).await
        ))
        .await;
    (list["items"].as_array().unwrap().len(), one.status.as_u16())
}

/// The event log stores last digits permanently, by contract; sqlx's own table has no data.
const EXCLUDED: [&str; 2] = ["event_log", "_sqlx_migrations"];

/// The content of all other tables.
async fn everything(app: &TestApp) -> String {
    app.tables(&EXCLUDED).await.into_values().collect()
}

/// A customer with an interest, a closed and an open consultation, and another customer with a
/// consultation. All have salesman 1 and consultant 9.
struct Seeded {
    interest: InterestCreated,
    closed: ConsultationCreated,
    open: ConsultationCreated,
    others: ConsultationCreated,
}

impl Seeded {
    fn origins(&self) -> [Uuid; 3] {
        [
            self.interest.aggregate_id(),
            self.closed.aggregate_id(),
            self.open.aggregate_id(),
        ]
    }
}

async fn seed(app: &TestApp) -> Seeded {
    salesman(app, 1, 10).await;
    consultant(app, 9, 10).await;
    let interest = an_interest(new_id(app), FOUR);
    deliver(app, 1, &interest).await;
    let closed = a_consultation(new_id(app), FOUR);
    deliver(app, 1, &closed).await;
    let open = a_consultation(new_id(app), FOUR);
    deliver(app, 1, &open).await;
    let others = a_consultation(new_id(app), OTHER_FOUR);
    deliver(app, 1, &others).await;
    assert_eq!(assign(app).await, 4);
    deliver(app, 2, &progressed(closed.aggregate_id(), Step::Succeeded)).await;
    app.new_events().await;
    Seeded {
        interest,
        closed,
        open,
        others,
    }
}

#[tokio::test]
async fn customer_data_contains_only_their_matches() {
    let app = start().await;
    let seeded = seed(&app).await;
    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let matches = data["matches"].as_array().unwrap();
    assert_eq!(
        matches
            .iter()
            .map(|view| view["origin"]["id"].clone())
            .collect::<Vec<_>>(),
        seeded.origins().map(|id| json!(id))
    );
    let mut first = matches[0].clone();
    assert!(
        first
            .as_object_mut()
            .unwrap()
            .remove("id")
            .is_some_and(|id| id.is_string())
    );
    assert_eq!(
        first,
        json!({
            "origin": { "kind": "interest", "id": seeded.interest.interest_id },
            "projectId": seeded.interest.project_id,
            "projectName": "스마트상점",
            "lastFour": FOUR,
            "salesman": { "id": Uuid::from_u128(1), "displayName": "담당 1" },
            "consultant": { "id": Uuid::from_u128(9), "displayName": "담당 9" },
            "strategy": "phone-suffix",
            "requestedAt": "2026-11-23T01:00:00Z",
            "matchedAt": "2026-11-23T01:00:04Z",
            "closedAt": null,
        })
    );
    assert!(matches[1]["closedAt"].is_string());
    let nothing = app
        .as_customer("010-9999-0000")
        .get("/me/data")
        .await
        .expect(200);
    assert_eq!(nothing, json!({ "matches": [] }));
}

#[tokio::test]
async fn erasure_leaves_only_ids_and_other_customers_untouched() {
    let app = start().await;
    let seeded = seed(&app).await;
    let others = match_of(&app, seeded.others.aggregate_id()).await;
    assert!(app.tables(&EXCLUDED).await["salesman_match"].contains(FOUR));
    // A repeated erasure changes nothing.
    for _ in 0..2 {
        erase(&app, PHONE).await;
        let left = everything(&app).await;
        assert!(!left.contains(FOUR), "{left}");
        assert!(left.contains(OTHER_FOUR));
        for origin in seeded.origins() {
            let view = match_of(&app, origin).await;
            assert_eq!(
                (&view["customerId"], &view["reason"], &view["lacks"]),
                (&Value::Null, &Value::Null, &json!([]))
            );
            assert!(
                view["erasedAt"].is_string() && view["closedAt"].is_string(),
                "{view}"
            );
            assert_eq!(
                (
                    who(&view, "salesman"),
                    who(&view, "consultant"),
                    &view["version"]
                ),
                (Some(1), Some(9), &json!(1))
            );
        }
        assert_eq!(match_of(&app, seeded.others.aggregate_id()).await, others);
    }
    assert!(
        app.new_events().await.is_empty(),
        "an erasure publishes nothing"
    );
    assert_eq!(
        app.as_customer(OTHER_PHONE)
            .get("/me/data")
            .await
            .expect(200)["matches"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn erasing_an_unknown_customer_succeeds() {
    let app = start().await;
    for _ in 0..2 {
        erase(&app, "010-9999-0000").await;
    }
}

#[tokio::test]
async fn erased_matches_are_visible_to_staff_only_and_closed() {
    let app = start().await;
    let seeded = seed(&app).await;
    let callers = || {
        [
            app.as_customer(PHONE),
            app.as_salesman(Uuid::from_u128(1)),
            app.as_consultant(Uuid::from_u128(9)),
        ]
    };
    for (caller, expected) in callers().iter().zip([(1, 403), (1, 200), (1, 200)]) {
        assert_eq!(
            found(&app, caller, seeded.open.aggregate_id()).await,
            expected
        );
    }
    erase(&app, PHONE).await;
    for origin in seeded.origins() {
        for (caller, expected) in callers().iter().zip([(0, 403), (0, 404), (0, 404)]) {
            assert_eq!(found(&app, caller, origin).await, expected);
        }
        assert_eq!(found(&app, &app.as_staff(), origin).await, (1, 200));
        let path = format!("/salesman-matches/{}", match_id(&app, origin).await);
        let refused = app
            .as_staff()
            .patch_if(&path, 1, &json!({ "salesmanId": Uuid::from_u128(1) }))
            .await;
        assert_eq!(refused.problem(409).0, "match-closed");
    }
    assert_eq!(
        app.as_customer(PHONE)
            .get("/salesman-matches")
            .await
            .expect(200)["items"],
        json!([])
    );
    assert_eq!(
        app.as_customer(PHONE).get("/me/data").await.expect(200),
        json!({ "matches": [] })
    );
    assert_eq!(
        app.as_salesman(Uuid::from_u128(1))
            .get("/salesman-matches")
            .await
            .expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn erasure_frees_capacity_and_ends_the_kept_rule() {
    let app = start().await;
    // The last digits 5678 pick the third of three salesmen, and the rule `kept` the first.
    salesman(&app, 1, 1).await;
    let old = a_consultation(new_id(&app), FOUR);
    deliver(&app, 1, &old).await;
    assert_eq!(assign(&app).await, 1);
    for number in [2, 3] {
        salesman(&app, number, 5).await;
    }
    erase(&app, PHONE).await;
    let new = a_consultation(new_id(&app), FOUR);
    deliver(&app, 1, &new).await;
    assert_eq!(assign(&app).await, 1);
    let view = match_of(&app, new.aggregate_id()).await;
    assert_eq!(
        (
            &view["reason"]["salesman"]["rule"],
            &view["reason"]["salesman"]["among"]
        ),
        (&json!("phone-suffix"), &json!(3))
    );
    assert_eq!(view["reason"]["salesman"]["candidates"][0]["open"], 0);
    // New matches of the customer work normally.
    assert_eq!(
        found(&app, &app.as_customer(PHONE), new.aggregate_id()).await,
        (1, 403)
    );
    let third = a_consultation(new_id(&app), FOUR);
    deliver(&app, 1, &third).await;
    assert_eq!(assign(&app).await, 1);
    assert_eq!(
        match_of(&app, third.aggregate_id()).await["reason"]["salesman"]["rule"],
        "kept"
    );
    let data = app.as_customer(PHONE).get("/me/data").await.expect(200);
    assert_eq!(data["matches"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn replay_after_erasure_changes_nothing() {
    let app = start().await;
    let seeded = seed(&app).await;
    erase(&app, PHONE).await;
    // Events of the other services' own erasures, and a late change of the interest.
    deliver(&app, 2, &turned(&seeded.interest, false)).await;
    deliver(&app, 3, &turned(&seeded.interest, true)).await;
    deliver(
        &app,
        2,
        &progressed(seeded.open.aggregate_id(), Step::Cancelled),
    )
    .await;
    let before = everything(&app).await;
    let matches = app.tables(&EXCLUDED).await["salesman_match"].clone();
    sqlx::raw_sql("delete from progress; delete from inbox")
        .execute(app.pool())
        .await
        .unwrap();
    app.deliver(1, &seeded.interest).await;
    deliver(&app, 2, &turned(&seeded.interest, false)).await;
    deliver(&app, 3, &turned(&seeded.interest, true)).await;
    app.deliver(1, &seeded.closed).await;
    deliver(
        &app,
        2,
        &progressed(seeded.closed.aggregate_id(), Step::Succeeded),
    )
    .await;
    app.deliver(1, &seeded.open).await;
    deliver(
        &app,
        2,
        &progressed(seeded.open.aggregate_id(), Step::Cancelled),
    )
    .await;
    assert_eq!(app.tables(&EXCLUDED).await["salesman_match"], matches);
    assert!(!before.contains(FOUR) && !everything(&app).await.contains(FOUR));
    assert_eq!(
        (
            assign(&app).await,
            app.parked().await.len(),
            app.new_events().await.len()
        ),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn late_events_of_erased_customers_request_no_match() {
    let app = start().await;
    salesman(&app, 1, 5).await;
    let (interest, consultation) = (
        an_interest(new_id(&app), FOUR),
        a_consultation(new_id(&app), FOUR),
    );
    app.clock().advance(TimeDelta::seconds(1));
    erase(&app, PHONE).await;
    app.deliver(1, &interest).await;
    app.deliver(1, &consultation).await;
    // The interest is older than the erasure, even if it is turned on again later.
    deliver(&app, 2, &turned(&interest, true)).await;
    deliver(
        &app,
        2,
        &progressed(consultation.aggregate_id(), Step::Cancelled),
    )
    .await;
    assert_eq!((assign(&app).await, app.parked().await.len()), (0, 0));
    let left = everything(&app).await;
    assert!(!left.contains(FOUR), "{left}");
    assert_eq!(
        app.as_customer(PHONE).get("/me/data").await.expect(200),
        json!({ "matches": [] })
    );
}

#[tokio::test]
async fn erasure_waits_for_a_concurrent_insert() {
    let app = start().await;
    let event = a_consultation(new_id(&app), FOUR);
    app.clock().advance(TimeDelta::seconds(1));
    let mut batch = app.context().db.begin().await.unwrap();
    let customer = event.customer.customer_id;
    assert!(
        !service_kit::privacy::erased_customers::predates_erasure(
            &mut batch,
            customer,
            event.aggregate_id(),
            app.clock().now()
        )
        .await
        .unwrap()
    );
    sqlx::query(
        "insert into salesman_match (id, origin_kind, origin_id, project_id, customer_id, last_four,
                                     requested_at, version)
         values ($1, 'consultation', $1, $1, $2, $3, now(), 0)",
    )
    .bind(event.aggregate_id())
    .bind(customer.0)
    .bind(FOUR)
    .execute(&mut *batch)
    .await
    .unwrap();
    tokio::join!(erase(&app, PHONE), async {
        while !sqlx::query_scalar::<_, bool>(LOCK_WAIT)
            .fetch_one(app.pool())
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
        batch.commit().await.unwrap();
    });
    assert!(!everything(&app).await.contains(FOUR));
}

#[tokio::test]
async fn erasure_removes_the_number_from_parked_records() {
    let app = start().await;
    let seeded = seed(&app).await;
    let mut payload = serde_json::to_value(turned(&seeded.interest, false)).unwrap();
    payload["phone"] = json!("+821012345678");
    // The version before is missing.
    let sent = envelope(Uuid::new_v4(), 3, &turned(&seeded.interest, false));
    app.deliver_raw(&sent, payload.to_string().into_bytes())
        .await;
    assert_eq!(app.parked().await, ["gap"]);
    assert!(app.tables(&EXCLUDED).await["parked"].contains("1012345678"));
    erase(&app, PHONE).await;
    assert!(!everything(&app).await.contains("1012345678"));
    let payload: Vec<u8> = sqlx::query_scalar("select payload from parked")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let payload = String::from_utf8(payload).unwrap();
    assert!(
        !payload.contains("1012345678") && payload.contains("interestId"),
        "{payload}"
    );
}

#[tokio::test]
async fn replaced_people_lose_access_immediately() {
    let app = start().await;
    let seeded = seed(&app).await;
    let origin = seeded.open.aggregate_id();
    app.deliver(1, &registered(2, PersonRole::Salesman, 5))
        .await;
    let consultant = registered(8, PersonRole::Consultant, 5);
    app.deliver(1, &consultant).await;
    app.deliver(2, &updated(&consultant, |profile| profile.capacity = 6))
        .await;
    let path = format!("/salesman-matches/{}", match_id(&app, origin).await);
    let body = json!({ "salesmanId": Uuid::from_u128(2), "consultantId": Uuid::from_u128(8) });
    app.as_staff().patch_if(&path, 1, &body).await.expect(200);
    for (number, expected) in [(1, (0, 404)), (2, (1, 200))] {
        assert_eq!(
            found(&app, &app.as_salesman(Uuid::from_u128(number)), origin).await,
            expected
        );
    }
    for (number, expected) in [(9, (0, 404)), (8, (1, 200))] {
        assert_eq!(
            found(&app, &app.as_consultant(Uuid::from_u128(number)), origin).await,
            expected
        );
    }
}

#[tokio::test]
async fn constraints_reject_personal_data_on_erased_rows() {
    let app = start().await;
    seed(&app).await;
    erase(&app, PHONE).await;
    for (column, value) in [
        ("last_four", "'5678'"),
        ("reason", "'{}'"),
        ("brought_by", "gen_random_uuid()"),
        ("previous_salesman_id", "gen_random_uuid()"),
        ("previous_consultant_id", "gen_random_uuid()"),
        ("closed_at", "null"),
    ] {
        let sql =
            format!("update salesman_match set {column} = {value} where erased_at is not null");
        let refused = sqlx::query(AssertSqlSafe(sql))
            .execute(app.pool())
            .await
            .unwrap_err();
        assert!(
            refused
                .as_database_error()
                .is_some_and(sqlx::error::DatabaseError::is_check_violation),
            "{column}: {refused}"
        );
    }
}

#[tokio::test]
async fn closing_waits_for_an_erasure_before_it_locks_rows() {
    let app = start().await;
    let seeded = seed(&app).await;
    let customer = seeded.open.customer.customer_id;
    let (off, cancelled) = (
        turned(&seeded.interest, false),
        progressed(seeded.open.aggregate_id(), Step::Cancelled),
    );
    for (is_interest, origin) in [
        (true, seeded.interest.aggregate_id()),
        (false, seeded.open.aggregate_id()),
    ] {
        let mut erasing = app.context().db.begin().await.unwrap();
        service_kit::privacy::erased_customers::record(&mut erasing, customer)
            .await
            .unwrap();
        let delivery = async {
            if is_interest {
                app.deliver(2, &off).await;
            } else {
                app.deliver(2, &cancelled).await;
            }
        };
        tokio::join!(delivery, async {
            let delivery_waits = async {
                while !sqlx::query_scalar::<_, bool>(LOCK_WAIT)
                    .fetch_one(app.pool())
                    .await
                    .unwrap()
                {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), delivery_waits)
                .await
                .expect("the delivery waits for the erasure");
            let lock = "select 1 from salesman_match where origin_id = $1 for update nowait";
            sqlx::query(lock)
                .bind(origin)
                .execute(&mut *erasing)
                .await
                .unwrap();
            erasing.commit().await.unwrap();
        });
        let closed: bool = sqlx::query_scalar(
            "select closed_at is not null from salesman_match where origin_id = $1",
        )
        .bind(origin)
        .fetch_one(app.pool())
        .await
        .unwrap();
        assert!(closed);
    }
}
