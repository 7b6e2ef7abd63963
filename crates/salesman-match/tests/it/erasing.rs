//! What is kept of a customer, and how it is forgotten.

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
    salesman, somebody, start, turned, updated, who,
};

const OTHER_FOUR: &str = "4321";
const OTHER_PHONE: &str = "010-1234-4321";

/// Delivers an event that was recorded just now, and lets a second go by.
async fn deliver<E: Event>(app: &TestApp, version: i64, event: &E) {
    let mut sent = envelope(Uuid::new_v4(), version, event);
    sent.recorded_at = app.clock().now();
    app.deliver_raw(&sent, serde_json::to_vec(event).unwrap())
        .await;
    app.clock().advance(TimeDelta::seconds(1));
}

/// As the gateway asks for it: of an erasure it tells no number.
async fn erase(app: &TestApp, phone: &str) {
    let gateway = app.with(&Identity {
        phone: None,
        ..testing::customer(phone)
    });
    let answer = gateway.send(Method::DELETE, "/me", &[], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), &answer.json), (204, &Value::Null));
    app.clock().advance(TimeDelta::seconds(1));
}

/// An id as a service makes it at this moment.
fn new_id(app: &TestApp) -> Uuid {
    let now = app.clock().now().timestamp_millis();
    uuid::Builder::from_unix_timestamp_millis(
        now.unsigned_abs(),
        &Uuid::new_v4().into_bytes()[..10].try_into().unwrap(),
    )
    .into_uuid()
}

/// What somebody of this role finds at the match of an origin: how many in the list, and the answer to its id.
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

/// Not the ledger, which holds last digits for good, by contract; nor what the migrations note of themselves.
const UNSEEN: [&str; 2] = ["event_log", "_sqlx_migrations"];

/// Whatever any other table holds.
async fn everything(app: &TestApp) -> String {
    app.tables(&UNSEEN).await.into_values().collect()
}

/// Two customers with an interest, a closed and an open consultation each, all of them served by the salesman 1 and the consultant 9.
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

async fn seeded(app: &TestApp) -> Seeded {
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
async fn a_customer_gets_everything_that_is_kept_of_him_and_of_nobody_else() {
    let app = start().await;
    let it = seeded(&app).await;
    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let matches = data["matches"].as_array().unwrap();
    assert_eq!(
        matches
            .iter()
            .map(|it| it["origin"]["id"].clone())
            .collect::<Vec<_>>(),
        it.origins().map(|id| json!(id))
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
            "origin": { "kind": "interest", "id": it.interest.interest_id }, "projectId": it.interest.project_id,
            "projectName": "스마트상점", "lastFour": FOUR, "salesman": { "id": Uuid::from_u128(1), "displayName": "담당 1" },
            "consultant": { "id": Uuid::from_u128(9), "displayName": "담당 9" }, "strategy": "phone-suffix",
            "requestedAt": "2026-11-23T01:00:00Z", "matchedAt": "2026-11-23T01:00:04Z", "closedAt": null,
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
async fn of_an_erased_customer_the_ids_stay_and_nothing_else_and_another_stays_as_he_is() {
    let app = start().await;
    let it = seeded(&app).await;
    let others = match_of(&app, it.others.aggregate_id()).await;
    assert!(app.tables(&UNSEEN).await["salesman_match"].contains(FOUR));
    // Saying it twice is fine.
    for _ in 0..2 {
        erase(&app, PHONE).await;
        let left = everything(&app).await;
        assert!(!left.contains(FOUR), "{left}");
        assert!(left.contains(OTHER_FOUR));
        for origin in it.origins() {
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
        assert_eq!(match_of(&app, it.others.aggregate_id()).await, others);
    }
    assert!(app.new_events().await.is_empty(), "nobody is told");
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
async fn a_customer_of_whom_nothing_is_kept_is_erased_all_the_same() {
    let app = start().await;
    for _ in 0..2 {
        erase(&app, "010-9999-0000").await;
    }
}

#[tokio::test]
async fn whoever_comes_again_and_whoever_served_him_find_nothing_of_before_and_staff_move_nothing()
{
    let app = start().await;
    let it = seeded(&app).await;
    let callers = || {
        [
            app.as_customer(PHONE),
            app.as_salesman(Uuid::from_u128(1)),
            app.as_consultant(Uuid::from_u128(9)),
        ]
    };
    for (caller, expected) in callers().iter().zip([(1, 403), (1, 200), (1, 200)]) {
        assert_eq!(found(&app, caller, it.open.aggregate_id()).await, expected);
    }
    erase(&app, PHONE).await;
    for origin in it.origins() {
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
async fn whoever_served_an_erased_customer_has_room_again_and_is_not_kept_for_him() {
    let app = start().await;
    // The last digits 5678 pick the first of two and the third of three: whoever is kept is kept against that.
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
    // And what is new of his works as for anybody.
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
async fn what_is_told_of_old_things_afterwards_changes_nothing_however_often_it_comes() {
    let app = start().await;
    let it = seeded(&app).await;
    erase(&app, PHONE).await;
    // As the interest and the consultation services forget him, after this one did; and somebody's late wish.
    deliver(&app, 2, &turned(&it.interest, false)).await;
    deliver(&app, 3, &turned(&it.interest, true)).await;
    deliver(
        &app,
        2,
        &progressed(it.open.aggregate_id(), Step::Cancelled),
    )
    .await;
    let before = everything(&app).await;
    let matches = app.tables(&UNSEEN).await["salesman_match"].clone();
    sqlx::raw_sql("delete from progress; delete from inbox")
        .execute(app.pool())
        .await
        .unwrap();
    app.deliver(1, &it.interest).await;
    deliver(&app, 2, &turned(&it.interest, false)).await;
    deliver(&app, 3, &turned(&it.interest, true)).await;
    app.deliver(1, &it.closed).await;
    deliver(
        &app,
        2,
        &progressed(it.closed.aggregate_id(), Step::Succeeded),
    )
    .await;
    app.deliver(1, &it.open).await;
    deliver(
        &app,
        2,
        &progressed(it.open.aggregate_id(), Step::Cancelled),
    )
    .await;
    assert_eq!(app.tables(&UNSEEN).await["salesman_match"], matches);
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
async fn old_things_that_are_heard_of_only_after_the_erasure_are_matched_to_nobody() {
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
    // Turned on again after the erasure, it is what it was before all the same.
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
async fn an_erasure_waits_for_whoever_is_in_the_midst_of_keeping_something_of_his() {
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
        "insert into salesman_match (id, origin_kind, origin_id, project_id, customer_id, last_four, requested_at, version)
         values ($1, 'consultation', $1, $1, $2, $3, now(), 0)",
    )
    .bind(event.aggregate_id())
    .bind(customer.0)
    .bind(FOUR)
    .execute(&mut *batch)
    .await
    .unwrap();
    let waits = "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    tokio::join!(erase(&app, PHONE), async {
        while !sqlx::query_scalar::<_, bool>(waits)
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
async fn what_was_kept_aside_of_his_is_kept_without_what_says_who_he_is() {
    let app = start().await;
    let it = seeded(&app).await;
    let mut payload = serde_json::to_value(turned(&it.interest, false)).unwrap();
    payload["phone"] = json!("+821012345678");
    // The version before it is missing.
    let sent = envelope(Uuid::new_v4(), 3, &turned(&it.interest, false));
    app.deliver_raw(&sent, payload.to_string().into_bytes())
        .await;
    assert_eq!(app.parked().await, ["gap"]);
    assert!(app.tables(&UNSEEN).await["parked"].contains("1012345678"));
    erase(&app, PHONE).await;
    assert!(!everything(&app).await.contains("1012345678"));
    let kept: Vec<u8> = sqlx::query_scalar("select payload from parked")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let kept = String::from_utf8(kept).unwrap();
    assert!(
        !kept.contains("1012345678") && kept.contains("interestId"),
        "{kept}"
    );
}

#[tokio::test]
async fn whoever_is_replaced_loses_sight_at_once() {
    let app = start().await;
    let it = seeded(&app).await;
    let origin = it.open.aggregate_id();
    app.deliver(1, &somebody(2, PersonRole::Salesman, 5)).await;
    let other = somebody(8, PersonRole::Consultant, 5);
    app.deliver(1, &other).await;
    app.deliver(2, &updated(&other, |profile| profile.capacity = 6))
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
async fn no_row_of_an_erased_customer_can_say_who_brought_him_in_or_served_him_before() {
    let app = start().await;
    seeded(&app).await;
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
async fn whoever_closes_a_match_while_its_customer_is_erased_holds_no_row_that_the_erasure_waits_for()
 {
    let app = start().await;
    let it = seeded(&app).await;
    let customer = it.open.customer.customer_id;
    let waits = "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    let (off, cancelled) = (
        turned(&it.interest, false),
        progressed(it.open.aggregate_id(), Step::Cancelled),
    );
    for (is_interest, origin) in [
        (true, it.interest.aggregate_id()),
        (false, it.open.aggregate_id()),
    ] {
        let mut erasing = app.context().db.begin().await.unwrap();
        service_kit::privacy::erased_customers::record(&mut erasing, customer)
            .await
            .unwrap();
        let telling = async {
            if is_interest {
                app.deliver(2, &off).await;
            } else {
                app.deliver(2, &cancelled).await;
            }
        };
        tokio::join!(telling, async {
            let somebody_waits = async {
                while !sqlx::query_scalar::<_, bool>(waits)
                    .fetch_one(app.pool())
                    .await
                    .unwrap()
                {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), somebody_waits)
                .await
                .expect("it waits for the erasure");
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
