//! What is kept of a customer, and how it is forgotten.

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
    CONSULTANT, OTHER_SALESMAN, SALESMAN, a_customer, consultation_created, consultation_edited,
    interest_created, interest_updated, matched, ongoing, person, progressed, shown, start, with,
};

pub(crate) const PHONE: &str = "010-1234-5678";

pub(crate) fn the_customer() -> CustomerRef {
    let last_four = LastFour::try_from("5678".to_owned()).unwrap();
    CustomerRef {
        customer_id: CustomerId(testing::customer(PHONE).subject),
        last_four,
    }
}

pub(crate) fn his_interest(id: Uuid, series: Uuid, project: Uuid) -> InterestCreated {
    InterestCreated {
        customer: the_customer(),
        ..interest_created(id.as_u128(), Some(series), project, 0)
    }
}

pub(crate) fn his_consultation(id: Uuid, project: Uuid) -> ConsultationCreated {
    ConsultationCreated {
        customer: the_customer(),
        ..consultation_created(id.as_u128(), project, 0)
    }
}

/// Delivers an event that was recorded just now, and lets a second go by.
pub(crate) async fn deliver<E: Event>(app: &TestApp, version: i64, event: &E) {
    let mut sent = testing::envelope(Uuid::new_v4(), version, event);
    sent.recorded_at = app.clock().now();
    app.deliver_raw(&sent, serde_json::to_vec(event).unwrap())
        .await;
    app.clock().advance(TimeDelta::seconds(1));
}

/// As the gateway asks for it: of an erasure it tells no number.
pub(crate) async fn erase(app: &TestApp, phone: &str) {
    let gateway = app.with(&Identity {
        phone: None,
        ..testing::customer(phone)
    });
    let answer = gateway.send(Method::DELETE, "/me", &[], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), &answer.json), (204, &Value::Null));
    app.clock().advance(TimeDelta::seconds(1));
}

/// An id as a service makes it at this moment.
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

/// What of a table is a customer's, without ids and the instant of the erasure, which tell nothing.
pub(crate) async fn kept(app: &TestApp, names: &[&str]) -> Value {
    let mut all = serde_json::Map::new();
    for table in names {
        let sql = format!(
            "select coalesce(jsonb_agg(to_jsonb(t) - 'erased_at' order by id), '[]') from {table} t"
        );
        all.insert(
            (*table).to_owned(),
            sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(app.pool())
                .await
                .unwrap(),
        );
    }
    all.into()
}

/// What the migrations note of themselves.
const UNSEEN: [&str; 1] = ["_sqlx_migrations"];

/// Whatever any other table holds.
pub(crate) async fn everything(app: &TestApp) -> String {
    app.tables(&UNSEEN).await.into_values().collect()
}

struct Seeded {
    project: Uuid,
    interest: InterestCreated,
    succeeded: ConsultationCreated,
    open: ConsultationCreated,
}

/// A customer with an interest, a consultation that succeeded and an open one, and another with an open one, all with the same people.
async fn seeded(app: &TestApp) -> Seeded {
    let project = ongoing(app, &with(&json!({}))).await;
    let interest = his_interest(
        new_id(app),
        shown(app, project).await["seriesId"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap(),
        project,
    );
    deliver(app, 1, &interest).await;
    let succeeded = his_consultation(new_id(app), project);
    deliver(app, 1, &succeeded).await;
    deliver(app, 2, &progressed(&succeeded, Step::Apply, Step::Approved)).await;
    deliver(
        app,
        3,
        &progressed(&succeeded, Step::Approved, Step::Succeeded),
    )
    .await;
    let open = his_consultation(new_id(app), project);
    deliver(app, 1, &open).await;
    let others = consultation_created(0x0C, project, 4321);
    deliver(app, 1, &others).await;
    for origin in [
        Origin::Interest(interest.interest_id),
        Origin::Consultation(succeeded.consultation_id),
        Origin::Consultation(open.consultation_id),
        Origin::Consultation(others.consultation_id),
    ] {
        let people = (
            person(SALESMAN, "김하늘"),
            Some(person(CONSULTANT, "박노을")),
        );
        let matched = matched(origin, &the_customer(), people.0, people.1);
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
async fn a_customer_gets_everything_that_is_kept_of_him_and_of_nobody_else() {
    let app = start().await;
    let it = seeded(&app).await;
    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let (salesman, consultant) = (
        json!({ "id": SALESMAN, "displayName": "김하늘" }),
        json!({ "id": CONSULTANT, "displayName": "박노을" }),
    );
    let consultation = |of: &ConsultationCreated, step: &str, since: &str| {
        json!({
            "id": of.consultation_id, "projectId": it.project, "projectName": "2026년 스마트상점", "lastFour": "5678", "step": step,
            "desiredDate": "2026-12-01", "since": since, "salesman": salesman, "consultant": consultant,
        })
    };
    assert_eq!(
        data,
        json!({
            "interests": [{
                "id": it.interest.interest_id, "seriesId": it.interest.series_id, "projectId": it.project,
                "projectName": "2026년 스마트상점", "lastFour": "5678", "interested": true, "since": "2026-11-23T01:00:00Z",
                "salesman": salesman, "consultant": consultant,
            }],
            "consultations": [
                consultation(&it.succeeded, "succeeded", "2026-11-23T01:00:01Z"),
                consultation(&it.open, "apply", "2026-11-23T01:00:04Z"),
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
async fn of_an_erased_customer_ids_and_counts_stay_staff_see_no_person_and_his_people_nothing() {
    let app = start().await;
    let it = seeded(&app).await;
    assert_eq!(
        customers(&view(app.as_salesman(SALESMAN), it.project).await).len(),
        2
    );
    let before = app.tables(&UNSEEN).await;
    for table in ["known_interest", "known_consultation"] {
        assert!(before[table].contains("5678"), "{table}: {before:?}");
    }
    // Saying it twice is fine.
    for _ in 0..2 {
        erase(&app, PHONE).await;
        let left = everything(&app).await;
        assert!(!left.contains("5678") && left.contains("4321"), "{left}");
        let staff = view(app.as_staff(), it.project).await;
        let progress = json!({
            "interested": 0, "applied": 1, "approved": 0, "succeeded": 1, "failed": 0, "cancelled": 1, "unassigned": 0,
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
            let view = view(caller, it.project).await;
            assert_eq!(
                customers(&view)
                    .iter()
                    .map(|it| &it["lastFour"])
                    .collect::<Vec<_>>(),
                ["4321"]
            );
            // What he did stays his.
            let done = json!({ "open": 1, "apply": 1, "approved": 0, "succeeded": 1, "failed": 0, "cancelled": 1 });
            assert_eq!(
                (&view["progress"], &view["salesmen"][0]["consultations"]),
                (&progress, &done)
            );
        }
    }
    let card = format!(
        "/projects/visit-card?customer={}",
        the_customer().customer_id
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
async fn a_customer_of_whom_nothing_is_kept_is_erased_all_the_same() {
    let app = start().await;
    for _ in 0..2 {
        erase(&app, "010-9999-0000").await;
    }
}

#[tokio::test]
async fn whoever_comes_again_is_another_customer_of_the_project_and_has_nothing_of_before() {
    let app = start().await;
    let it = seeded(&app).await;
    erase(&app, PHONE).await;
    assert_eq!(
        app.as_customer(PHONE).get("/me/data").await.expect(200),
        json!({ "interests": [], "consultations": [] })
    );
    let again = his_interest(new_id(&app), it.interest.series_id.unwrap().0, it.project);
    deliver(&app, 1, &again).await;
    let on = Origin::Interest(again.interest_id);
    deliver(
        &app,
        1,
        &matched(on, &again.customer, person(OTHER_SALESMAN, "이바다"), None),
    )
    .await;
    let data = app.as_customer(PHONE).get("/me/data").await.expect(200);
    assert_eq!(
        (&data["interests"][0]["id"], &data["consultations"]),
        (&json!(again.interest_id), &json!([]))
    );
    let staff = view(app.as_staff(), it.project).await;
    let seen: Vec<_> = customers(&staff)
        .iter()
        .map(|it| (it["customerId"].clone(), it["lastFour"].clone()))
        .collect();
    let other = a_customer(4321);
    assert_eq!(
        seen,
        [
            (json!(the_customer().customer_id), json!("5678")),
            (json!(other.customer_id), json!("4321")),
            (Value::Null, Value::Null)
        ]
    );
    assert_eq!(customers(&staff)[0]["consultation"], Value::Null);
    let his = view(app.as_salesman(OTHER_SALESMAN), it.project).await;
    assert_eq!(
        customers(&his)
            .iter()
            .map(|it| &it["lastFour"])
            .collect::<Vec<_>>(),
        ["5678"]
    );
    let card = format!(
        "/projects/visit-card?customer={}",
        the_customer().customer_id
    );
    app.as_salesman(OTHER_SALESMAN).get(&card).await.expect(200);
    assert_eq!(
        app.as_salesman(SALESMAN).get(&card).await.problem(404).0,
        "not-found"
    );
    // One a page, none is left out and none comes twice.
    let (mut paged, mut path) = (Vec::new(), format!("/projects/{}/view?limit=1", it.project));
    loop {
        let page = app.as_staff().get(&path).await.expect(200);
        paged.extend(
            customers(&page)
                .iter()
                .map(|it| (it["customerId"].clone(), it["lastFour"].clone())),
        );
        let Some(next) = page["customers"].get("next") else {
            break;
        };
        path = format!(
            "/projects/{}/view?limit=1&after={}",
            it.project,
            next.as_str().unwrap()
        );
    }
    assert_eq!(paged, seen);
}

#[tokio::test]
async fn old_things_leave_the_same_whenever_they_are_told_of_around_the_erasure() {
    let (project, series) = (Uuid::from_u128(0x9), Uuid::from_u128(0x5E1));
    let app = start().await;
    let (interest, asked) = (
        his_interest(new_id(&app), series, project),
        his_consultation(new_id(&app), project),
    );
    let made = app.clock().now();
    app.clock().advance(TimeDelta::seconds(1));
    let of_interest = matched(
        Origin::Interest(interest.interest_id),
        &interest.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    let mut of_consultation = matched(
        Origin::Consultation(asked.consultation_id),
        &asked.customer,
        person(SALESMAN, "김하늘"),
        None,
    );
    of_consultation.match_id = events::MatchId(Uuid::new_v4());
    let mut of_interest = of_interest;
    of_interest.match_id = events::MatchId(Uuid::new_v4());
    // What comes from an hour later on is recorded after the erasure: known by its id for what it is.
    let at = |hours: i64, (mut envelope, payload): (events::Envelope, Vec<u8>)| {
        envelope.recorded_at = made + TimeDelta::hours(hours);
        (envelope, payload)
    };
    let histories = [
        vec![
            at(0, delivery(1, &interest)),
            at(1, delivery(2, &interest_updated(&interest, false))),
            at(2, delivery(3, &interest_updated(&interest, true))),
        ],
        vec![
            at(0, delivery(1, &asked)),
            at(0, delivery(2, &consultation_edited(&asked, "2026-12-24"))),
            at(
                0,
                delivery(3, &progressed(&asked, Step::Apply, Step::Approved)),
            ),
            at(
                1,
                delivery(4, &progressed(&asked, Step::Approved, Step::Cancelled)),
            ),
        ],
        vec![at(1, delivery(1, &of_interest))],
        vec![at(1, delivery(1, &of_consultation))],
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
        let tables =
            "known_interest, known_consultation, known_match, erased_customer, inbox, progress";
        sqlx::raw_sql(AssertSqlSafe(format!("truncate {tables}")))
            .execute(app.pool())
            .await
            .unwrap();
        for (history, count) in histories.iter().zip(before) {
            take(&app, &history[..count]).await;
        }
        erase(&app, PHONE).await;
        for history in histories.iter().rev() {
            take(&app, history).await;
        }
        // All of it again, also to an empty inbox.
        sqlx::raw_sql("truncate inbox, progress")
            .execute(app.pool())
            .await
            .unwrap();
        for history in &histories {
            take(&app, history).await;
        }
        assert!(app.parked().await.is_empty(), "{before:?}");
        let left = everything(&app).await;
        assert!(!left.contains("5678"), "{left}");
        let kept = kept(&app, &["known_interest", "known_consultation"]).await;
        let mut interest = kept["known_interest"][0].clone();
        // When an interest that nobody has was last wanted is nobody's either.
        interest.as_object_mut().unwrap().remove("since");
        let kept = (interest, kept["known_consultation"].clone());
        assert_eq!(
            (&kept.0["interested"], &kept.1[0]["step"]),
            (&json!(false), &json!("cancelled"))
        );
        assert_eq!(
            &kept,
            expected.get_or_insert_with(|| kept.clone()),
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

async fn take(app: &TestApp, history: &[(events::Envelope, Vec<u8>)]) {
    for (envelope, payload) in history {
        app.deliver_raw(envelope, payload.clone()).await;
    }
}

#[tokio::test]
async fn an_end_that_is_told_only_after_the_erasure_is_counted() {
    let app = start().await;
    let it = seeded(&app).await;
    deliver(&app, 2, &progressed(&it.open, Step::Apply, Step::Approved)).await;
    erase(&app, PHONE).await;
    deliver(&app, 3, &progressed(&it.open, Step::Approved, Step::Failed)).await;
    let progress = &view(app.as_staff(), it.project).await["progress"];
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
async fn what_was_kept_aside_of_his_is_kept_without_what_says_who_he_is() {
    let app = start().await;
    let event = his_interest(new_id(&app), Uuid::from_u128(1), Uuid::from_u128(2));
    let mut payload = serde_json::to_value(interest_updated(&event, false)).unwrap();
    (payload["memo"], payload["phone"]) = (json!("급하게 부탁드립니다"), json!("+821012345678"));
    let sent = testing::envelope(Uuid::new_v4(), 3, &interest_updated(&event, false));
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
        !kept.contains("부탁") && kept.contains("interestId"),
        "{kept}"
    );
}

#[tokio::test]
async fn whoever_is_replaced_loses_sight_at_once() {
    let app = start().await;
    let it = seeded(&app).await;
    let card = format!(
        "/projects/visit-card?customer={}",
        the_customer().customer_id
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
        Origin::Interest(it.interest.interest_id),
        Origin::Consultation(it.succeeded.consultation_id),
        Origin::Consultation(it.open.consultation_id),
    ] {
        // Of any later match, whatever its version.
        let next = matched(
            origin,
            &the_customer(),
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
            customers(&view(before, it.project).await)
                .iter()
                .map(|it| &it["lastFour"])
                .collect::<Vec<_>>(),
            ["4321"]
        );
        assert_eq!(after.get(&card).await.status.as_u16(), 200);
        assert_eq!(
            customers(&view(after, it.project).await)
                .iter()
                .map(|it| &it["lastFour"])
                .collect::<Vec<_>>(),
            ["5678"]
        );
    }
}

#[tokio::test]
async fn each_erasure_of_a_number_is_a_customer_of_its_own_and_no_answer_tells_whose_it_was() {
    let app = start().await;
    let it = seeded(&app).await;
    let late = his_consultation(new_id(&app), it.project);
    app.clock().advance(TimeDelta::seconds(1));
    erase(&app, PHONE).await;
    // What is told of only now goes with what was erased.
    app.deliver(1, &late).await;
    assert_eq!(customers(&view(app.as_staff(), it.project).await).len(), 2);
    deliver(&app, 1, &his_consultation(new_id(&app), it.project)).await;
    erase(&app, PHONE).await;
    let all = view(app.as_staff(), it.project).await;
    let erased: BTreeSet<_> = customers(&all)
        .iter()
        .filter_map(|it| it["erasedAt"].as_str())
        .collect();
    assert_eq!((customers(&all).len(), erased.len()), (3, 2), "{all}");
    let id = the_customer().customer_id.to_string();
    let (mut paged, mut path) = (Vec::new(), format!("/projects/{}/view?limit=1", it.project));
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
        let within_link = link
            .as_deref()
            .and_then(|link| link.split("after=").nth(1)?.split(['&', '>']).next());
        for cursor in [Some(next), within_link].into_iter().flatten() {
            let place: Value = service_kit::http::page::decode_cursor(cursor).unwrap();
            assert!(
                place.is_array() && !place.to_string().contains(&id),
                "{place}"
            );
        }
        path = format!("/projects/{}/view?limit=1&after={next}", it.project);
    }
    assert_eq!(&paged, customers(&all));
}
