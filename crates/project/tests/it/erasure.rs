//! A customer's data and its erasure.

use std::collections::BTreeSet;

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::{
    ConsultationCreated, CustomerId, CustomerRef, Event, InterestCreated, LastFour, Origin, Step,
};
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::Identity;
use service_kit::testing::{self, TestApp};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_SALESMAN, SALESMAN, consultation_created, consultation_edited,
    consultation_progressed, create_ongoing, customer_ref, get_project, interest_created,
    interest_updated, person, project_with, salesman_matched, start,
};

pub(crate) const PHONE: &str = "010-1234-5678";

pub(crate) fn test_customer() -> CustomerRef {
    let last_four = LastFour::try_from("5678".to_owned()).unwrap();
    CustomerRef {
        customer_id: CustomerId(testing::customer(PHONE).subject),
        last_four,
    }
}

pub(crate) fn interest_of_customer(id: Uuid, series: Uuid, project: Uuid) -> InterestCreated {
    InterestCreated {
        customer: test_customer(),
        ..interest_created(id.as_u128(), Some(series), project, 0)
    }
}

pub(crate) fn consultation_of_customer(id: Uuid, project: Uuid) -> ConsultationCreated {
    ConsultationCreated {
        customer: test_customer(),
        ..consultation_created(id.as_u128(), project, 0)
    }
}

/// Delivers an event recorded now, then advances the clock by one second.
pub(crate) async fn deliver<E: Event>(app: &TestApp, version: i64, event: &E) {
    let mut sent = testing::envelope(Uuid::new_v4(), version, event);
    sent.recorded_at = app.clock().now();
    app.deliver_raw(&sent, serde_json::to_vec(event).unwrap())
        .await;
    app.clock().advance(TimeDelta::seconds(1));
}

/// Erases the customer as the gateway does: its token contains no phone number.
pub(crate) async fn erase(app: &TestApp, phone: &str) {
    let gateway = app.with(&Identity {
        phone: None,
        ..testing::customer(phone)
    });
    let answer = gateway.send(Method::DELETE, "/me", &[], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), &answer.json), (204, &Value::Null));
    app.clock().advance(TimeDelta::seconds(1));
}

/// A `UUIDv7` of the current time of the test clock.
pub(crate) fn new_id(app: &TestApp) -> Uuid {
    let tail: [u8; 10] = Uuid::new_v4().into_bytes()[..10].try_into().unwrap();
    uuid::Builder::from_unix_timestamp_millis(
        app.clock().now().timestamp_millis().unsigned_abs(),
        &tail,
    )
    .into_uuid()
}

async fn view(caller: testing::Caller<'_>, id: Uuid) -> Value {
    caller
        .get(&format!("/projects/{id}/view"))
        .await
        .expect(200)
}

fn customers(view: &Value) -> &Vec<Value> {
    view["customers"]["items"].as_array().unwrap()
}

/// The rows of the tables without `erased_at`, which differs from run to run.
pub(crate) async fn stored_rows(app: &TestApp, names: &[&str]) -> Value {
    let mut tables = serde_json::Map::new();
    for table in names {
        let sql = format!(
            "select coalesce(jsonb_agg(to_jsonb(t) - 'erased_at' order by id), '[]') from {table} t"
        );
        tables.insert(
            (*table).to_owned(),
            sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(app.pool())
                .await
                .unwrap(),
        );
    }
    tables.into()
}

/// Tables that contain no data of customers.
const EXCLUDED_TABLES: [&str; 1] = ["_sqlx_migrations"];

/// The contents of all other tables as text.
pub(crate) async fn dump_tables(app: &TestApp) -> String {
    app.tables(&EXCLUDED_TABLES).await.into_values().collect()
}

struct Seeded {
    project: Uuid,
    interest: InterestCreated,
    succeeded: ConsultationCreated,
    open: ConsultationCreated,
}

/// A customer with an interest, a succeeded and an open consultation, and another customer with
/// an open consultation. All of them are matched with the same salesman and consultant.
async fn seed(app: &TestApp) -> Seeded {
    let project = create_ongoing(app, &project_with(&json!({}))).await;
    let interest = interest_of_customer(
        new_id(app),
        get_project(app, project).await["seriesId"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap(),
        project,
    );
    deliver(app, 1, &interest).await;
    let succeeded = consultation_of_customer(new_id(app), project);
    deliver(app, 1, &succeeded).await;
    deliver(
        app,
        2,
        &consultation_progressed(&succeeded, Step::Apply, Step::Approved),
    )
    .await;
    deliver(
        app,
        3,
        &consultation_progressed(&succeeded, Step::Approved, Step::Succeeded),
    )
    .await;
    let open = consultation_of_customer(new_id(app), project);
    deliver(app, 1, &open).await;
    let other = consultation_created(0x0C, project, 4321);
    deliver(app, 1, &other).await;
    for origin in [
        Origin::Interest(interest.interest_id),
        Origin::Consultation(succeeded.consultation_id),
        Origin::Consultation(open.consultation_id),
        Origin::Consultation(other.consultation_id),
    ] {
        let people = (
            person(SALESMAN, "김하늘"),
            Some(person(CONSULTANT, "박노을")),
        );
        let matched = salesman_matched(origin, &test_customer(), people.0, people.1);
        deliver(
            app,
            1,
            &events::SalesmanMatched {
                match_id: events::MatchId(Uuid::new_v4()),
                ..matched
            },
        )
        .await;
    }
    Seeded {
        project,
        interest,
        succeeded,
        open,
    }
}

#[tokio::test]
async fn customer_data_contains_everything_of_that_customer_only() {
    let app = start().await;
    let seeded = seed(&app).await;
    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let (salesman, consultant) = (
        json!({ "id": SALESMAN, "displayName": "김하늘" }),
        json!({ "id": CONSULTANT, "displayName": "박노을" }),
    );
    let consultation = |created: &ConsultationCreated, step: &str, since: &str| {
        json!({
            "id": created.consultation_id, "projectId": seeded.project,
            "projectName": "2026년 스마트상점", "lastFour": "5678", "step": step,
            "desiredDate": "2026-12-01", "since": since, "salesman": salesman,
            "consultant": consultant,
        })
    };
    assert_eq!(
        data,
        json!({
            "interests": [{
                "id": seeded.interest.interest_id, "seriesId": seeded.interest.series_id,
                "projectId": seeded.project,
                "projectName": "2026년 스마트상점", "lastFour": "5678", "interested": true,
                "since": "2026-11-23T01:00:00Z",
                "salesman": salesman, "consultant": consultant,
            }],
            "consultations": [
                consultation(&seeded.succeeded, "succeeded", "2026-11-23T01:00:01Z"),
                consultation(&seeded.open, "apply", "2026-11-23T01:00:04Z"),
            ],
        })
    );
    let nothing = app
        .as_customer("010-9999-0000")
        .get("/me/data")
        .await
        .expect(200);
    assert_eq!(nothing, json!({ "interests": [], "consultations": [] }));
}

#[tokio::test]
async fn erasure_keeps_ids_and_counts_and_hides_the_customer() {
    let app = start().await;
    let seeded = seed(&app).await;
    assert_eq!(
        customers(&view(app.as_salesman(SALESMAN), seeded.project).await).len(),
        2
    );
    let before = app.tables(&EXCLUDED_TABLES).await;
    for table in ["known_interest", "known_consultation"] {
        assert!(before[table].contains("5678"), "{table}: {before:?}");
    }
    // Erasing twice changes nothing more.
    for _ in 0..2 {
        erase(&app, PHONE).await;
        let dump = dump_tables(&app).await;
        assert!(!dump.contains("5678") && dump.contains("4321"), "{dump}");
        let staff = view(app.as_staff(), seeded.project).await;
        let progress = json!({
            "interested": 0, "applied": 1, "approved": 0, "succeeded": 1, "failed": 0,
            "cancelled": 1, "unassigned": 0,
        });
        assert_eq!(staff["progress"], progress);
        let [other, erased] = customers(&staff).as_slice() else {
            panic!("{staff}")
        };
        assert_eq!(
            (&other["lastFour"], other.get("erasedAt")),
            (&json!("4321"), None)
        );
        assert_eq!(
            (
                &erased["customerId"],
                &erased["lastFour"],
                &erased["interested"]
            ),
            (&Value::Null, &Value::Null, &json!(false))
        );
        assert!(erased["erasedAt"].is_string());
        assert_eq!(erased["consultation"]["step"], "cancelled");
        for caller in [app.as_salesman(SALESMAN), app.as_consultant(CONSULTANT)] {
            let view = view(caller, seeded.project).await;
            assert_eq!(
                customers(&view)
                    .iter()
                    .map(|customer| &customer["lastFour"])
                    .collect::<Vec<_>>(),
                ["4321"]
            );
            // Completed work still counts for the salesman.
            let done = json!({
                "open": 1, "apply": 1, "approved": 0, "succeeded": 1, "failed": 0, "cancelled": 1,
            });
            assert_eq!(
                (&view["progress"], &view["salesmen"][0]["consultations"]),
                (&progress, &done)
            );
        }
    }
    let card = format!(
        "/projects/visit-card?customer={}",
        test_customer().customer_id
    );
    assert_eq!(
        app.as_salesman(SALESMAN).get(&card).await.problem(404).0,
        "not-found"
    );
    assert_eq!(
        app.as_staff().get(&card).await.expect(200)["items"],
        json!([])
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
async fn returning_customer_is_listed_as_a_new_customer() {
    let app = start().await;
    let seeded = seed(&app).await;
    erase(&app, PHONE).await;
    assert_eq!(
        app.as_customer(PHONE).get("/me/data").await.expect(200),
        json!({ "interests": [], "consultations": [] })
    );
    let again = interest_of_customer(
        new_id(&app),
        seeded.interest.series_id.unwrap().0,
        seeded.project,
    );
    deliver(&app, 1, &again).await;
    let origin = Origin::Interest(again.interest_id);
    deliver(
        &app,
        1,
        &salesman_matched(
            origin,
            &again.customer,
            person(OTHER_SALESMAN, "이바다"),
            None,
        ),
    )
    .await;
    let data = app.as_customer(PHONE).get("/me/data").await.expect(200);
    assert_eq!(
        (&data["interests"][0]["id"], &data["consultations"]),
        (&json!(again.interest_id), &json!([]))
    );
    let staff = view(app.as_staff(), seeded.project).await;
    let listed: Vec<_> = customers(&staff)
        .iter()
        .map(|customer| (customer["customerId"].clone(), customer["lastFour"].clone()))
        .collect();
    let other = customer_ref(4321);
    assert_eq!(
        listed,
        [
            (json!(test_customer().customer_id), json!("5678")),
            (json!(other.customer_id), json!("4321")),
            (Value::Null, Value::Null)
        ]
    );
    assert_eq!(customers(&staff)[0]["consultation"], Value::Null);
    let salesman_view = view(app.as_salesman(OTHER_SALESMAN), seeded.project).await;
    assert_eq!(
        customers(&salesman_view)
            .iter()
            .map(|customer| &customer["lastFour"])
            .collect::<Vec<_>>(),
        ["5678"]
    );
    let card = format!(
        "/projects/visit-card?customer={}",
        test_customer().customer_id
    );
    app.as_salesman(OTHER_SALESMAN).get(&card).await.expect(200);
    assert_eq!(
        app.as_salesman(SALESMAN).get(&card).await.problem(404).0,
        "not-found"
    );
    // With one customer per page, each is listed exactly once.
    let (mut paged, mut path) = (
        Vec::new(),
        format!("/projects/{}/view?limit=1", seeded.project),
    );
    loop {
        let page = app.as_staff().get(&path).await.expect(200);
        paged.extend(
            customers(&page)
                .iter()
                .map(|customer| (customer["customerId"].clone(), customer["lastFour"].clone())),
        );
        let Some(next) = page["customers"].get("next") else {
            break;
        };
        path = format!(
            "/projects/{}/view?limit=1&after={}",
            seeded.project,
            next.as_str().unwrap()
        );
    }
    assert_eq!(paged, listed);
}

/// Delivers the first events of each history, erases the customer, and delivers all of them twice.
async fn erase_between(
    app: &TestApp,
    histories: &[Vec<(events::Envelope, Vec<u8>)>; 4],
    before: [usize; 4],
) {
    let tables =
        "known_interest, known_consultation, known_match, erased_customer, inbox, progress";
    sqlx::raw_sql(AssertSqlSafe(format!("truncate {tables}")))
        .execute(app.pool())
        .await
        .unwrap();
    for (history, count) in histories.iter().zip(before) {
        deliver_all(app, &history[..count]).await;
    }
    erase(app, PHONE).await;
    for history in histories.iter().rev() {
        deliver_all(app, history).await;
    }
    // The same again with an empty inbox.
    sqlx::raw_sql("truncate inbox, progress")
        .execute(app.pool())
        .await
        .unwrap();
    for history in histories {
        deliver_all(app, history).await;
    }
}

#[tokio::test]
async fn events_around_the_erasure_leave_the_same_rows() {
    let (project, series) = (Uuid::from_u128(0x9), Uuid::from_u128(0x5E1));
    let app = start().await;
    let (interest, consultation) = (
        interest_of_customer(new_id(&app), series, project),
        consultation_of_customer(new_id(&app), project),
    );
    let created_at = app.clock().now();
    app.clock().advance(TimeDelta::seconds(1));
    let of_interest = salesman_matched(
        Origin::Interest(interest.interest_id),
        &interest.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    let mut of_consultation = salesman_matched(
        Origin::Consultation(consultation.consultation_id),
        &consultation.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    of_consultation.match_id = events::MatchId(Uuid::new_v4());
    let mut of_interest = of_interest;
    of_interest.match_id = events::MatchId(Uuid::new_v4());
    // Events recorded an hour later come after the erasure, but their ids show that the data is
    // older.
    let recorded_after = |hours: i64, (mut envelope, payload): (events::Envelope, Vec<u8>)| {
        envelope.recorded_at = created_at + TimeDelta::hours(hours);
        (envelope, payload)
    };
    let histories = [
        vec![
            recorded_after(0, delivery(1, &interest)),
            recorded_after(1, delivery(2, &interest_updated(&interest, false))),
            recorded_after(2, delivery(3, &interest_updated(&interest, true))),
        ],
        vec![
            recorded_after(0, delivery(1, &consultation)),
            recorded_after(
                0,
                delivery(2, &consultation_edited(&consultation, "2026-12-24")),
            ),
            recorded_after(
                0,
                delivery(
                    3,
                    &consultation_progressed(&consultation, Step::Apply, Step::Approved),
                ),
            ),
            recorded_after(
                1,
                delivery(
                    4,
                    &consultation_progressed(&consultation, Step::Approved, Step::Cancelled),
                ),
            ),
        ],
        vec![recorded_after(1, delivery(1, &of_interest))],
        vec![recorded_after(1, delivery(1, &of_consultation))],
    ];
    let mut expected = None;
    for before in [
        [0, 0, 0, 0],
        [3, 4, 1, 1],
        [1, 1, 0, 0],
        [1, 3, 1, 0],
        [2, 2, 0, 1],
        [0, 3, 1, 1],
        [3, 0, 1, 0],
    ] {
        erase_between(&app, &histories, before).await;
        assert!(app.parked().await.is_empty(), "{before:?}");
        let dump = dump_tables(&app).await;
        assert!(!dump.contains("5678"), "{dump}");
        let stored = stored_rows(&app, &["known_interest", "known_consultation"]).await;
        let mut interest = stored["known_interest"][0].clone();
        // When an interest that is off was turned on depends on the order and is not shown.
        for column in ["since", "on_version"] {
            interest.as_object_mut().unwrap().remove(column);
        }
        let stored = (interest, stored["known_consultation"].clone());
        assert_eq!(
            (&stored.0["interested"], &stored.1[0]["step"]),
            (&json!(false), &json!("cancelled"))
        );
        assert_eq!(
            &stored,
            expected.get_or_insert_with(|| stored.clone()),
            "{before:?}"
        );
        let empty = json!({ "interests": [], "consultations": [] });
        assert_eq!(
            app.as_customer(PHONE).get("/me/data").await.expect(200),
            empty
        );
    }
}

pub(crate) fn delivery<E: Event>(version: i64, event: &E) -> (events::Envelope, Vec<u8>) {
    (
        testing::envelope(Uuid::new_v4(), version, event),
        serde_json::to_vec(event).unwrap(),
    )
}

async fn deliver_all(app: &TestApp, history: &[(events::Envelope, Vec<u8>)]) {
    for (envelope, payload) in history {
        app.deliver_raw(envelope, payload.clone()).await;
    }
}

#[tokio::test]
async fn outcome_received_after_the_erasure_is_counted() {
    let app = start().await;
    let seeded = seed(&app).await;
    deliver(
        &app,
        2,
        &consultation_progressed(&seeded.open, Step::Apply, Step::Approved),
    )
    .await;
    erase(&app, PHONE).await;
    deliver(
        &app,
        3,
        &consultation_progressed(&seeded.open, Step::Approved, Step::Failed),
    )
    .await;
    let progress = &view(app.as_staff(), seeded.project).await["progress"];
    assert_eq!(
        (
            &progress["succeeded"],
            &progress["failed"],
            &progress["cancelled"]
        ),
        (&json!(1), &json!(1), &json!(0))
    );
}

#[tokio::test]
async fn erasure_redacts_parked_records() {
    let app = start().await;
    let event = interest_of_customer(new_id(&app), Uuid::from_u128(1), Uuid::from_u128(2));
    let mut payload = serde_json::to_value(interest_updated(&event, false)).unwrap();
    (payload["memo"], payload["phone"]) = (json!("급하게 부탁드립니다"), json!("+821012345678"));
    let sent = testing::envelope(Uuid::new_v4(), 3, &interest_updated(&event, false));
    app.deliver_raw(&sent, payload.to_string().into_bytes())
        .await;
    assert_eq!(app.parked().await, ["gap"]);
    assert!(app.tables(&EXCLUDED_TABLES).await["parked"].contains("1012345678"));
    erase(&app, PHONE).await;
    assert!(!dump_tables(&app).await.contains("1012345678"));
    let payload: Vec<u8> = sqlx::query_scalar("select payload from parked")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let payload = String::from_utf8(payload).unwrap();
    assert!(
        !payload.contains("부탁") && payload.contains("interestId"),
        "{payload}"
    );
}

#[tokio::test]
async fn replaced_people_lose_access_immediately() {
    let app = start().await;
    let seeded = seed(&app).await;
    let card = format!(
        "/projects/visit-card?customer={}",
        test_customer().customer_id
    );
    let callers = || {
        [
            (app.as_salesman(SALESMAN), app.as_salesman(OTHER_SALESMAN)),
            (app.as_consultant(CONSULTANT), app.as_consultant(SALESMAN)),
        ]
    };
    for (before, _) in callers() {
        assert_eq!(before.get(&card).await.status.as_u16(), 200);
    }
    for origin in [
        Origin::Interest(seeded.interest.interest_id),
        Origin::Consultation(seeded.succeeded.consultation_id),
        Origin::Consultation(seeded.open.consultation_id),
    ] {
        // The next version of the match names other people.
        let next = salesman_matched(
            origin,
            &test_customer(),
            person(OTHER_SALESMAN, "이바다"),
            Some(person(SALESMAN, "김하늘")),
        );
        let match_id: Uuid =
            sqlx::query_scalar("select match_id from known_match where origin_id = $1")
                .bind(origin.id())
                .fetch_one(app.pool())
                .await
                .unwrap();
        deliver(
            &app,
            2,
            &events::SalesmanMatched {
                match_id: events::MatchId(match_id),
                ..next
            },
        )
        .await;
    }
    for (before, after) in callers() {
        assert_eq!(before.get(&card).await.problem(404).0, "not-found");
        assert_eq!(
            customers(&view(before, seeded.project).await)
                .iter()
                .map(|customer| &customer["lastFour"])
                .collect::<Vec<_>>(),
            ["4321"]
        );
        assert_eq!(after.get(&card).await.status.as_u16(), 200);
        assert_eq!(
            customers(&view(after, seeded.project).await)
                .iter()
                .map(|customer| &customer["lastFour"])
                .collect::<Vec<_>>(),
            ["5678"]
        );
    }
}

#[tokio::test]
async fn each_erasure_is_listed_separately_without_customer_id() {
    let app = start().await;
    let seeded = seed(&app).await;
    let late = consultation_of_customer(new_id(&app), seeded.project);
    app.clock().advance(TimeDelta::seconds(1));
    erase(&app, PHONE).await;
    // A consultation from before the erasure, received after it, belongs to the erased customer.
    app.deliver(1, &late).await;
    assert_eq!(
        customers(&view(app.as_staff(), seeded.project).await).len(),
        2
    );
    deliver(
        &app,
        1,
        &consultation_of_customer(new_id(&app), seeded.project),
    )
    .await;
    erase(&app, PHONE).await;
    let all = view(app.as_staff(), seeded.project).await;
    let erased: BTreeSet<_> = customers(&all)
        .iter()
        .filter_map(|customer| customer["erasedAt"].as_str())
        .collect();
    assert_eq!((customers(&all).len(), erased.len()), (3, 2), "{all}");
    let id = test_customer().customer_id.to_string();
    let (mut paged, mut path) = (
        Vec::new(),
        format!("/projects/{}/view?limit=1", seeded.project),
    );
    loop {
        let page = app.as_staff().get(&path).await;
        let link = page
            .headers
            .get(header::LINK)
            .map(|link| link.to_str().unwrap().to_owned());
        let page = page.expect(200);
        assert!(!page.to_string().contains(&id), "{page}");
        paged.extend(customers(&page).clone());
        let Some(next) = page["customers"]["next"].as_str() else {
            break;
        };
        let link_cursor = link
            .as_deref()
            .and_then(|link| link.split("after=").nth(1)?.split(['&', '>']).next());
        for cursor in [Some(next), link_cursor].into_iter().flatten() {
            let position: Value = service_kit::http::page::decode_cursor(cursor).unwrap();
            assert!(
                position.is_array() && !position.to_string().contains(&id),
                "{position}"
            );
        }
        path = format!("/projects/{}/view?limit=1&after={next}", seeded.project);
    }
    assert_eq!(&paged, customers(&all));
}
