//! Who is on what and how it ended, whichever topic is ahead of which.

use chrono::TimeDelta;
use events::{
    Actor, ConsultationId, Edition, Origin, ProjectId, ProjectStarted, ProjectStatus,
    SalesmanMatched, Step,
};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    CONSULTANT, CONSULTATION, CUSTOMER, Delivery, INTEREST, OTHER, PROJECT, SALESMAN, a_match,
    a_match_of_interest, an_edition, consultation_created, consultation_edited, created, deliver,
    deliver_all, delivery, ended, interest_created, interest_updated, matched_again, progressed,
    register, rematched, somebody, start,
};

/// Every row of these tables, as it is.
async fn rows(app: &TestApp, tables: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for table in tables {
        // The id of a notification is made by chance when it is told.
        let sql = format!(
            "select coalesce(jsonb_agg(row order by row::text), '[]') from (select to_jsonb({table}) - 'id' as row from {table})"
        );
        all.push(
            sqlx::query_scalar(AssertSqlSafe(format!("{sql} every")))
                .fetch_one(app.pool())
                .await
                .unwrap(),
        );
    }
    all
}

const KEPT: [&str; 3] = ["assignment", "outcome", "known_project"];

/// Everything that events have left here, and that they were ever here.
async fn forget_everything(app: &TestApp) {
    let sql = "delete from inbox; delete from progress; delete from assignment; delete from outcome; delete from known_project;
               delete from notification";
    sqlx::raw_sql(sql).execute(app.pool()).await.unwrap();
}

/// Every order in which these histories can come, each of them in its own order.
fn interleavings(histories: &[&[Delivery]]) -> Vec<Vec<Delivery>> {
    if histories.iter().all(|history| history.is_empty()) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, history) in histories.iter().enumerate() {
        let Some((first, rest)) = history.split_first() else {
            continue;
        };
        let mut others = histories.to_vec();
        others[index] = rest;
        for mut order in interleavings(&others) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

/// One order in which these histories can come, by dice that fall the same way every time.
fn shuffled(histories: &[&[Delivery]], mut seed: u64) -> Vec<Delivery> {
    let mut rest: Vec<&[Delivery]> = histories.to_vec();
    let mut order = Vec::new();
    loop {
        rest.retain(|history| !history.is_empty());
        if rest.is_empty() {
            return order;
        }
        // Knuth's generator; its low bits are poor.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(seed >> 33).unwrap() % rest.len();
        order.push(rest[index][0].clone());
        rest[index] = &rest[index][1..];
    }
}

fn history_of_consultation(to: Step) -> Vec<Delivery> {
    vec![
        delivery(1, &consultation_created(CONSULTATION)),
        delivery(
            2,
            &progressed(
                CONSULTATION,
                (Step::Apply, Step::Approved),
                Some(SALESMAN),
                None,
            ),
        ),
        delivery(
            3,
            &progressed(
                CONSULTATION,
                (Step::Approved, to),
                Some(OTHER),
                Some(CONSULTANT),
            ),
        ),
    ]
}

fn history_of_interest() -> Vec<Delivery> {
    vec![
        delivery(1, &interest_created()),
        delivery(2, &interest_updated(false, Some(SALESMAN), None)),
        delivery(3, &interest_updated(true, Some(SALESMAN), None)),
    ]
}

fn history_of_match(first: &SalesmanMatched) -> Vec<Delivery> {
    vec![
        delivery(1, first),
        delivery(2, &rematched(first, OTHER, Some(CONSULTANT))),
    ]
}

#[tokio::test]
async fn a_consultation_and_its_match_leave_the_same_rows_in_every_order() {
    let app = start().await;
    let (consultation, matched) = (
        history_of_consultation(Step::Succeeded),
        history_of_match(&a_match(SALESMAN, None)),
    );
    let orders = interleavings(&[&consultation, &matched]);
    assert_eq!(orders.len(), 10);
    for order in &orders {
        forget_everything(&app).await;
        deliver_all(&app, order).await;
        let assignment = json!([{
            "origin_kind": "consultation", "origin_id": CONSULTATION, "customer_id": CUSTOMER, "last_four": "5678", "project_id": PROJECT,
            "salesman_id": OTHER, "consultant_id": CONSULTANT, "match_version": 2, "match_origin_version": 1,
            "matched_at": "2026-11-23T01:00:00+00:00", "wanted": false, "open": false, "closed_as": "succeeded",
            "closed_at": "2026-11-23T01:00:00+00:00", "closed_version": 3, "state_version": 3, "erased_at": null,
        }]);
        let outcome = json!([{
            "consultation_id": CONSULTATION, "salesman_id": OTHER, "succeeded": true, "ended_at": "2026-11-23T01:00:00+00:00",
        }]);
        assert_eq!(rows(&app, &KEPT).await, [assignment, outcome, json!([])]);
    }
}

#[tokio::test]
async fn an_interest_that_goes_off_and_on_and_its_match_leave_the_same_rows_in_every_order() {
    let app = start().await;
    let first = a_match_of_interest(SALESMAN, None);
    let interest = history_of_interest();
    // On again it is open as soon as a match answers that, and not by one that was made for it before.
    let before = history_of_match(&first);
    let again = vec![
        delivery(1, &first),
        delivery(2, &matched_again(&first, 3, OTHER, Some(CONSULTANT))),
    ];
    for (events, matched, open) in [
        (1, &before, true),
        (2, &before, false),
        (3, &before, false),
        (3, &again, true),
    ] {
        let orders = interleavings(&[&interest[..events], matched]);
        assert_eq!(orders.len(), [3, 6, 10][events - 1]);
        let mut expected = None;
        for order in &orders {
            forget_everything(&app).await;
            deliver_all(&app, order).await;
            let kept = rows(&app, &["assignment"]).await;
            let [row] = kept[0].as_array().unwrap().as_slice() else {
                panic!("{kept:?}")
            };
            assert_eq!(
                (&row["open"], &row["salesman_id"], &row["match_version"]),
                (&json!(open), &json!(OTHER), &json!(2))
            );
            assert_eq!(&kept, expected.get_or_insert_with(|| kept.clone()));
        }
    }
}

#[tokio::test]
async fn whoever_was_on_an_interest_is_on_it_again_only_once_he_is_matched_again() {
    let app = start().await;
    let (id, other) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    let first = a_match_of_interest(id, Some(other));
    deliver(&app, 1, &first).await;
    deliver(&app, 1, &interest_created()).await;
    app.clock().advance(TimeDelta::hours(1));
    deliver(&app, 2, &interest_updated(false, Some(id), Some(other))).await;
    deliver(&app, 3, &interest_updated(true, None, None)).await;
    let detail = async |id| {
        app.as_staff()
            .get(&format!("/salesmen/{id}"))
            .await
            .expect(200)
    };
    for person in [id, other] {
        let detail = detail(person).await;
        assert_eq!(
            (&detail["openCount"], &detail["openAssignments"]),
            (&json!(0), &json!([]))
        );
        assert_eq!(
            detail["closedAssignments"][0]["closedAt"],
            "2026-11-23T02:00:00Z"
        );
    }
    deliver(&app, 2, &matched_again(&first, 3, id, None)).await;
    let (his, others) = (detail(id).await, detail(other).await);
    assert_eq!(
        (&his["openCount"], &his["closedAssignments"]),
        (&json!(1), &json!([]))
    );
    let open = &his["openAssignments"][0];
    assert_eq!(
        (&open["closedAt"], &open["matchedAt"]),
        (&Value::Null, &json!("2026-11-23T02:00:00Z"))
    );
    assert_eq!(
        (&others["openAssignments"], &others["closedAssignments"]),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn somebody_who_has_both_places_is_on_it_once() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    deliver(&app, 1, &a_match(id, Some(id))).await;
    let detail = app
        .as_staff()
        .get(&format!("/salesmen/{id}"))
        .await
        .expect(200);
    assert_eq!(
        (
            &detail["openCount"],
            detail["openAssignments"].as_array().unwrap().len()
        ),
        (&json!(1), 1)
    );
}

#[tokio::test]
async fn everything_at_once_leaves_the_same_rows_in_whatever_order_topics_and_aggregates_come() {
    let app = start().await;
    let running = Edition {
        status: ProjectStatus::Ongoing,
        ..an_edition()
    };
    let next = Uuid::from_u128(0x2027);
    let histories = [
        history_of_consultation(Step::Failed),
        history_of_match(&a_match(SALESMAN, None)),
        history_of_interest(),
        history_of_match(&a_match_of_interest(SALESMAN, None)),
        vec![
            delivery(1, &created(PROJECT, an_edition())),
            delivery(
                2,
                &ProjectStarted {
                    project_id: ProjectId(PROJECT),
                    edition: running,
                    actor: Actor::System,
                },
            ),
        ],
        vec![delivery(
            1,
            &created(
                next,
                Edition {
                    year: 2027,
                    ..an_edition()
                },
            ),
        )],
    ];
    let slices: Vec<&[Delivery]> = histories.iter().map(Vec::as_slice).collect();
    let mut backwards = slices.clone();
    backwards.reverse();
    let mut orders = vec![slices.concat(), backwards.concat()];
    orders.extend((0..20).map(|seed| shuffled(&slices, seed)));
    let mut expected = None;
    for order in &orders {
        forget_everything(&app).await;
        deliver_all(&app, order).await;
        // What is told of a programme goes to whoever serves it at that moment; the rest follows from the events alone.
        let about_programmes =
            "delete from notification where origin_kind = 'project' and kind <> 'taken_away'";
        sqlx::query(about_programmes)
            .execute(app.pool())
            .await
            .unwrap();
        let left = rows(
            &app,
            &["assignment", "outcome", "known_project", "notification"],
        )
        .await;
        assert_eq!(&left, expected.get_or_insert_with(|| left.clone()));
    }
    let left = expected.unwrap();
    assert_eq!(
        left.iter()
            .map(|rows| rows.as_array().unwrap().len())
            .collect::<Vec<_>>()[..3],
        [2, 1, 2]
    );
}

#[tokio::test]
async fn a_replay_with_nothing_remembered_of_what_was_taken_in_leaves_everything_as_it_was() {
    let app = start().await;
    let histories = [
        vec![delivery(1, &created(PROJECT, an_edition()))],
        history_of_match(&a_match(SALESMAN, None)),
        vec![
            delivery(1, &consultation_created(CONSULTATION)),
            delivery(2, &consultation_edited(Some(SALESMAN), None)),
            delivery(
                3,
                &progressed(
                    CONSULTATION,
                    (Step::Apply, Step::Approved),
                    Some(SALESMAN),
                    Some(CONSULTANT),
                ),
            ),
            delivery(
                4,
                &progressed(
                    CONSULTATION,
                    (Step::Approved, Step::Succeeded),
                    Some(SALESMAN),
                    Some(CONSULTANT),
                ),
            ),
        ],
        history_of_match(&a_match_of_interest(SALESMAN, None)),
        history_of_interest(),
        vec![delivery(
            1,
            &created(
                Uuid::from_u128(0x2027),
                Edition {
                    year: 2027,
                    ..an_edition()
                },
            ),
        )],
    ];
    let all = histories.concat();
    deliver_all(&app, &all).await;
    let everything = ["assignment", "outcome", "known_project", "notification"];
    let before = rows(&app, &everything).await;
    deliver_all(&app, &all).await;
    assert_eq!(rows(&app, &everything).await, before, "redelivered");
    for backwards in [false, true] {
        sqlx::raw_sql("delete from inbox; delete from progress")
            .execute(app.pool())
            .await
            .unwrap();
        app.clock().advance(TimeDelta::days(8));
        let mut topics = histories.to_vec();
        if backwards {
            topics.reverse();
        }
        deliver_all(&app, &topics.concat()).await;
        assert_eq!(rows(&app, &everything).await, before, "replayed");
    }
}

async fn numbers(app: &TestApp, id: Uuid) -> Value {
    let view = app.as_salesman(id).get("/salesmen/me").await.expect(200);
    json!([
        view["successCount"],
        view["failureCount"],
        view["openCount"],
        view["successRate"]
    ])
}

#[tokio::test]
async fn what_succeeded_and_failed_is_counted_for_the_salesman_it_names() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    let other = register(&app, "010-2222-2222").await;
    assert_eq!(numbers(&app, id).await, json!([0, 0, 0, null]));
    let ends = [
        Step::Succeeded,
        Step::Failed,
        Step::Succeeded,
        Step::Cancelled,
    ];
    for (number, to) in (1..).zip(ends) {
        ended(&app, Uuid::from_u128(number), to, Some(id)).await;
    }
    assert_eq!(numbers(&app, id).await, json!([2, 1, 0, 0.6667]));
    assert_eq!(numbers(&app, other).await, json!([0, 0, 0, null]));
    let roster = app.as_staff().get("/salesmen").await.expect(200);
    let of = |id: Uuid| {
        roster["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["id"] == json!(id))
            .unwrap()
            .clone()
    };
    assert_eq!(
        (&of(id)["successCount"], &of(other)["successCount"]),
        (&json!(2), &json!(0))
    );
    assert!(
        app.new_events()
            .await
            .iter()
            .all(|(name, ..)| name == "ktgg.SalesmanRegistered.v1"),
        "counting is no event"
    );
}

#[tokio::test]
async fn an_end_that_names_nobody_counts_for_nobody() {
    let app = start().await;
    ended(&app, CONSULTATION, Step::Succeeded, None).await;
    assert_eq!(rows(&app, &["outcome"]).await, [json!([])]);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn a_consultant_is_not_counted() {
    let app = start().await;
    let body = json!({ "name": "이바다", "phone": "010-1111-1111", "role": "consultant" });
    let id: Uuid = app.as_staff().post("/salesmen", &body).await.expect(201)["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    app.deliver(1, &consultation_created(CONSULTATION)).await;
    app.deliver(
        2,
        &progressed(
            CONSULTATION,
            (Step::Apply, Step::Approved),
            Some(SALESMAN),
            Some(id),
        ),
    )
    .await;
    app.deliver(
        3,
        &progressed(
            CONSULTATION,
            (Step::Approved, Step::Succeeded),
            Some(SALESMAN),
            Some(id),
        ),
    )
    .await;
    let view = app.as_consultant(id).get("/salesmen/me").await.expect(200);
    assert_eq!(
        (&view["successCount"], &view["successRate"]),
        (&json!(0), &Value::Null)
    );
}

#[tokio::test]
async fn a_redelivered_end_is_counted_once() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    let event_id = Uuid::new_v4();
    let end = progressed(
        CONSULTATION,
        (Step::Approved, Step::Succeeded),
        Some(id),
        None,
    );
    for round in 0..2 {
        app.deliver(1, &consultation_created(CONSULTATION)).await;
        app.deliver(
            2,
            &progressed(CONSULTATION, (Step::Apply, Step::Approved), Some(id), None),
        )
        .await;
        app.deliver_as(event_id, 3, &end).await;
        app.deliver_as(event_id, 3, &end).await;
        assert_eq!(
            numbers(&app, id).await,
            json!([1, 0, 0, 1.0]),
            "round {round}"
        );
        sqlx::raw_sql("delete from inbox; delete from progress")
            .execute(app.pool())
            .await
            .unwrap();
    }
}

/// The rows of the roster and of the event log belong to this service alone; the id is the one that the events name.
#[tokio::test]
async fn whoever_is_registered_after_events_have_named_him_has_his_numbers_at_once() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    sqlx::query("delete from salesman")
        .execute(app.pool())
        .await
        .unwrap();
    ended(&app, Uuid::from_u128(1), Step::Succeeded, Some(id)).await;
    app.deliver(1, &a_match(id, None)).await;
    assert_eq!(
        app.as_salesman(id).get("/salesmen/me").await.problem(404).0,
        "not-found"
    );
    let insert =
        "insert into salesman (id, name, display_name, phone, role, regions, categories, capacity, active, version, created_at)
                  values ($1, '김영업', '김영업', '+821011111111', 'salesman', '[]', '[]', 30, true, 1, now())";
    sqlx::query(insert)
        .bind(id)
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(numbers(&app, id).await, json!([1, 0, 1, 1.0]));
}

#[tokio::test]
async fn what_is_open_is_counted_and_shown_with_what_was() {
    let app = start().await;
    let (id, other) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    app.deliver(1, &created(PROJECT, an_edition())).await;
    let consultation = a_match(id, None);
    app.deliver(1, &consultation).await;
    let interest = SalesmanMatched {
        project_id: ProjectId(OTHER),
        ..a_match_of_interest(other, Some(id))
    };
    app.deliver(1, &interest).await;
    ended(&app, CONSULTATION, Step::Succeeded, Some(id)).await;
    assert_eq!(numbers(&app, id).await, json!([1, 0, 1, 1.0]));
    let detail = app.as_staff().get(&format!("/salesmen/{id}")).await;
    assert_eq!(detail.headers[axum::http::header::ETAG], "\"1\"");
    let detail = detail.expect(200);
    assert_eq!(
        (&detail["name"], &detail["openCount"]),
        (&json!("김영업"), &json!(1))
    );
    let open = json!([{
        "kind": "interest", "id": INTEREST, "customerId": CUSTOMER, "lastFour": "5678", "projectId": OTHER, "projectName": null,
        "matchedAt": "2026-11-23T01:00:00Z", "step": null, "closedAt": null,
    }]);
    let closed = json!([{
        "kind": "consultation", "id": CONSULTATION, "customerId": CUSTOMER, "lastFour": "5678", "projectId": PROJECT,
        "projectName": "2026년 스마트상점 보급사업", "matchedAt": "2026-11-23T01:00:00Z", "step": "succeeded",
        "closedAt": "2026-11-23T01:00:00Z",
    }]);
    assert_eq!(
        (&detail["openAssignments"], &detail["closedAssignments"]),
        (&open, &closed)
    );
}

#[tokio::test]
async fn whoever_was_replaced_is_on_it_no_longer() {
    let app = start().await;
    let (id, other) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    let first = a_match(id, None);
    app.deliver(1, &first).await;
    app.deliver(2, &rematched(&first, other, None)).await;
    assert_eq!(
        (numbers(&app, id).await, numbers(&app, other).await),
        (json!([0, 0, 0, null]), json!([0, 0, 1, null]))
    );
    let detail = app
        .as_staff()
        .get(&format!("/salesmen/{id}"))
        .await
        .expect(200);
    assert_eq!(
        (&detail["openAssignments"], &detail["closedAssignments"]),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn of_many_assignments_the_newest_fifty_are_shown() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    for number in 1..=52 {
        let origin = Origin::Consultation(ConsultationId(Uuid::from_u128(number)));
        app.deliver(
            1,
            &SalesmanMatched {
                origin,
                ..a_match(id, None)
            },
        )
        .await;
    }
    let detail = app
        .as_staff()
        .get(&format!("/salesmen/{id}"))
        .await
        .expect(200);
    let shown = detail["openAssignments"].as_array().unwrap();
    assert_eq!((&detail["openCount"], shown.len()), (&json!(52), 50));
    assert_eq!(
        (&shown[0]["id"], &shown[49]["id"]),
        (&json!(Uuid::from_u128(52)), &json!(Uuid::from_u128(3)))
    );
}

#[tokio::test]
async fn a_second_registration_with_the_same_number_takes_over_no_numbers() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    ended(&app, CONSULTATION, Step::Succeeded, Some(id)).await;
    assert_eq!(
        app.as_staff()
            .post("/salesmen", &somebody("010-1111-1111"))
            .await
            .problem(409)
            .0,
        "phone-taken"
    );
    assert_eq!(
        numbers(&app, register(&app, "010-2222-2222").await).await,
        json!([0, 0, 0, null])
    );
}

#[tokio::test]
async fn an_old_event_that_comes_again_to_an_empty_inbox_takes_nothing_back() {
    let app = start().await;
    let running = Edition {
        status: ProjectStatus::Ongoing,
        ..an_edition()
    };
    let histories = [
        history_of_match(&a_match_of_interest(SALESMAN, None)),
        history_of_interest(),
        vec![
            delivery(1, &created(PROJECT, an_edition())),
            delivery(
                2,
                &ProjectStarted {
                    project_id: ProjectId(PROJECT),
                    edition: running,
                    actor: Actor::System,
                },
            ),
        ],
    ];
    deliver_all(&app, &histories.concat()).await;
    let before = rows(&app, &KEPT).await;
    sqlx::raw_sql("delete from inbox; delete from progress")
        .execute(app.pool())
        .await
        .unwrap();
    for history in &histories {
        for event in &history[..history.len() - 1] {
            deliver_all(&app, [event]).await;
            assert_eq!(rows(&app, &KEPT).await, before);
        }
    }
}
