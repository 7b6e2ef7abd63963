//! Assignments, outcomes and projects are projected in any order of the topics.

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
    CONSULTANT, CONSULTATION, CUSTOMER, Delivery, INTEREST, OTHER, PROJECT, SALESMAN, an_edition,
    consultation_created, consultation_edited, consultation_match, consultation_progressed,
    deliver, deliver_all, deliver_ended_consultation, delivery, interest_created, interest_match,
    interest_updated, project_created, register, registration, rematched, rematched_after, start,
};

/// Every row of these tables, without the id.
async fn rows(app: &TestApp, tables: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    for table in tables {
        // The id of a notification is partly random.
        let sql = format!(
            "select coalesce(jsonb_agg(row order by row::text), '[]')
             from (select to_jsonb({table}) - 'id' as row from {table}) every"
        );
        all.push(
            sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(app.pool())
                .await
                .unwrap(),
        );
    }
    all
}

const PROJECTIONS: [&str; 3] = ["assignment", "outcome", "known_project"];

/// Deletes everything that events have left, and that they were consumed.
async fn clear_projections(app: &TestApp) {
    let sql = "delete from inbox; delete from progress; delete from assignment;
               delete from outcome; delete from known_project; delete from notification";
    sqlx::raw_sql(sql).execute(app.pool()).await.unwrap();
}

/// Every interleaving of these histories.
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

/// A pseudo-random interleaving of these histories.
fn shuffled(histories: &[&[Delivery]], mut seed: u64) -> Vec<Delivery> {
    let mut rest: Vec<&[Delivery]> = histories.to_vec();
    let mut order = Vec::new();
    loop {
        rest.retain(|history| !history.is_empty());
        if rest.is_empty() {
            return order;
        }
        // Knuth's MMIX generator; its low bits are poor.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(seed >> 33).unwrap() % rest.len();
        order.push(rest[index][0].clone());
        rest[index] = &rest[index][1..];
    }
}

fn consultation_history(to: Step) -> Vec<Delivery> {
    vec![
        delivery(1, &consultation_created(CONSULTATION)),
        delivery(
            2,
            &consultation_progressed(
                CONSULTATION,
                (Step::Apply, Step::Approved),
                Some(SALESMAN),
                None,
            ),
        ),
        delivery(
            3,
            &consultation_progressed(
                CONSULTATION,
                (Step::Approved, to),
                Some(OTHER),
                Some(CONSULTANT),
            ),
        ),
    ]
}

fn interest_history() -> Vec<Delivery> {
    vec![
        delivery(1, &interest_created()),
        delivery(2, &interest_updated(false, Some(SALESMAN), None)),
        delivery(3, &interest_updated(true, Some(SALESMAN), None)),
    ]
}

fn match_history(first: &SalesmanMatched) -> Vec<Delivery> {
    vec![
        delivery(1, first),
        delivery(2, &rematched(first, OTHER, Some(CONSULTANT))),
    ]
}

#[tokio::test]
async fn consultation_and_match_in_any_order_leave_the_same_rows() {
    let app = start().await;
    let (consultation, matched) = (
        consultation_history(Step::Succeeded),
        match_history(&consultation_match(SALESMAN, None)),
    );
    let orders = interleavings(&[&consultation, &matched]);
    assert_eq!(orders.len(), 10);
    for order in &orders {
        clear_projections(&app).await;
        deliver_all(&app, order).await;
        let assignment = json!([{
            "origin_kind": "consultation", "origin_id": CONSULTATION, "customer_id": CUSTOMER,
            "last_four": "5678", "project_id": PROJECT, "salesman_id": OTHER,
            "consultant_id": CONSULTANT, "match_version": 2, "match_origin_version": 1,
            "matched_at": "2026-11-23T01:00:00+00:00", "wanted": false, "open": false,
            "closed_as": "succeeded", "closed_at": "2026-11-23T01:00:00+00:00",
            "closed_version": 3, "state_version": 3, "erased_at": null,
        }]);
        let outcome = json!([{
            "consultation_id": CONSULTATION, "salesman_id": OTHER, "succeeded": true,
            "ended_at": "2026-11-23T01:00:00+00:00",
        }]);
        assert_eq!(
            rows(&app, &PROJECTIONS).await,
            [assignment, outcome, json!([])]
        );
    }
}

#[tokio::test]
async fn interest_switched_and_matched_in_any_order_leaves_same_rows() {
    let app = start().await;
    let first = interest_match(SALESMAN, None);
    let interest = interest_history();
    // Turned on again, it is open once a match answers that; an earlier match does not count.
    let before = match_history(&first);
    let again = vec![
        delivery(1, &first),
        delivery(2, &rematched_after(&first, 3, OTHER, Some(CONSULTANT))),
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
            clear_projections(&app).await;
            deliver_all(&app, order).await;
            let left = rows(&app, &["assignment"]).await;
            let [row] = left[0].as_array().unwrap().as_slice() else {
                panic!("{left:?}")
            };
            assert_eq!(
                (&row["open"], &row["salesman_id"], &row["match_version"]),
                (&json!(open), &json!(OTHER), &json!(2))
            );
            assert_eq!(&left, expected.get_or_insert_with(|| left.clone()));
        }
    }
}

#[tokio::test]
async fn reactivated_interest_is_open_only_after_a_new_match() {
    let app = start().await;
    let (id, other) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    let first = interest_match(id, Some(other));
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
    deliver(&app, 2, &rematched_after(&first, 3, id, None)).await;
    let (detail_again, detail_other) = (detail(id).await, detail(other).await);
    assert_eq!(
        (
            &detail_again["openCount"],
            &detail_again["closedAssignments"]
        ),
        (&json!(1), &json!([]))
    );
    let open = &detail_again["openAssignments"][0];
    assert_eq!(
        (&open["closedAt"], &open["matchedAt"]),
        (&Value::Null, &json!("2026-11-23T02:00:00Z"))
    );
    assert_eq!(
        (
            &detail_other["openAssignments"],
            &detail_other["closedAssignments"]
        ),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn salesman_who_is_also_consultant_is_counted_once() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    deliver(&app, 1, &consultation_match(id, Some(id))).await;
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
async fn all_topics_in_any_order_leave_the_same_rows() {
    let app = start().await;
    let running = Edition {
        status: ProjectStatus::Ongoing,
        ..an_edition()
    };
    let next = Uuid::from_u128(0x2027);
    let histories = [
        consultation_history(Step::Failed),
        match_history(&consultation_match(SALESMAN, None)),
        interest_history(),
        match_history(&interest_match(SALESMAN, None)),
        vec![
            delivery(1, &project_created(PROJECT, an_edition())),
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
            &project_created(
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
        clear_projections(&app).await;
        deliver_all(&app, order).await;
        // Notifications about a project depend on who serves it when the event is consumed.
        let about_projects =
            "delete from notification where origin_kind = 'project' and kind <> 'taken_away'";
        sqlx::query(about_projects)
            .execute(app.pool())
            .await
            .unwrap();
        let left = rows(
            &app,
            &[
                "assignment",
                "outcome",
                "known_project",
                "notification",
                "workload",
            ],
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
async fn replay_with_an_empty_inbox_changes_nothing() {
    let app = start().await;
    let histories = [
        vec![delivery(1, &project_created(PROJECT, an_edition()))],
        match_history(&consultation_match(SALESMAN, None)),
        vec![
            delivery(1, &consultation_created(CONSULTATION)),
            delivery(2, &consultation_edited(Some(SALESMAN), None)),
            delivery(
                3,
                &consultation_progressed(
                    CONSULTATION,
                    (Step::Apply, Step::Approved),
                    Some(SALESMAN),
                    Some(CONSULTANT),
                ),
            ),
            delivery(
                4,
                &consultation_progressed(
                    CONSULTATION,
                    (Step::Approved, Step::Succeeded),
                    Some(SALESMAN),
                    Some(CONSULTANT),
                ),
            ),
        ],
        match_history(&interest_match(SALESMAN, None)),
        interest_history(),
        vec![delivery(
            1,
            &project_created(
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

async fn counts(app: &TestApp, id: Uuid) -> Value {
    let view = app.as_salesman(id).get("/salesmen/me").await.expect(200);
    json!([
        view["successCount"],
        view["failureCount"],
        view["openCount"],
        view["successRate"]
    ])
}

#[tokio::test]
async fn outcomes_are_counted_for_the_salesman_of_the_event() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    let other = register(&app, "010-2222-2222").await;
    assert_eq!(counts(&app, id).await, json!([0, 0, 0, null]));
    let ends = [
        Step::Succeeded,
        Step::Failed,
        Step::Succeeded,
        Step::Cancelled,
    ];
    for (number, to) in (1..).zip(ends) {
        deliver_ended_consultation(&app, Uuid::from_u128(number), to, Some(id)).await;
    }
    assert_eq!(counts(&app, id).await, json!([2, 1, 0, 0.6667]));
    assert_eq!(counts(&app, other).await, json!([0, 0, 0, null]));
    let roster = app.as_staff().get("/salesmen").await.expect(200);
    let entry = |id: Uuid| {
        roster["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["id"] == json!(id))
            .unwrap()
            .clone()
    };
    assert_eq!(
        (&entry(id)["successCount"], &entry(other)["successCount"]),
        (&json!(2), &json!(0))
    );
    assert!(
        app.new_events()
            .await
            .iter()
            .all(|(name, ..)| name == "ktgg.SalesmanRegistered.v1"),
        "counting publishes nothing"
    );
}

#[tokio::test]
async fn outcome_without_salesman_is_not_counted() {
    let app = start().await;
    deliver_ended_consultation(&app, CONSULTATION, Step::Succeeded, None).await;
    assert_eq!(rows(&app, &["outcome"]).await, [json!([])]);
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn outcome_is_not_counted_for_the_consultant() {
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
        &consultation_progressed(
            CONSULTATION,
            (Step::Apply, Step::Approved),
            Some(SALESMAN),
            Some(id),
        ),
    )
    .await;
    app.deliver(
        3,
        &consultation_progressed(
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
async fn redelivered_outcome_is_counted_once() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    let event_id = Uuid::new_v4();
    let end = consultation_progressed(
        CONSULTATION,
        (Step::Approved, Step::Succeeded),
        Some(id),
        None,
    );
    for round in 0..2 {
        app.deliver(1, &consultation_created(CONSULTATION)).await;
        app.deliver(
            2,
            &consultation_progressed(CONSULTATION, (Step::Apply, Step::Approved), Some(id), None),
        )
        .await;
        app.deliver_with_id(event_id, 3, &end).await;
        app.deliver_with_id(event_id, 3, &end).await;
        assert_eq!(
            counts(&app, id).await,
            json!([1, 0, 0, 1.0]),
            "round {round}"
        );
        sqlx::raw_sql("delete from inbox; delete from progress")
            .execute(app.pool())
            .await
            .unwrap();
    }
}

/// Replaces the row of the roster, because ids are generated: events name a known id before it.
#[tokio::test]
async fn counts_include_events_from_before_registration() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    sqlx::query("delete from salesman")
        .execute(app.pool())
        .await
        .unwrap();
    deliver_ended_consultation(&app, Uuid::from_u128(1), Step::Succeeded, Some(id)).await;
    app.deliver(1, &consultation_match(id, None)).await;
    assert_eq!(
        app.as_salesman(id).get("/salesmen/me").await.problem(404).0,
        "not-found"
    );
    let insert =
        "insert into salesman (id, name, display_name, phone, role, regions, categories, capacity,
                               active, version, created_at)
         values ($1, '김영업', '김영업', '+821011111111', 'salesman', '[]', '[]', 30,
                 true, 1, now())";
    sqlx::query(insert)
        .bind(id)
        .execute(app.pool())
        .await
        .unwrap();
    assert_eq!(counts(&app, id).await, json!([1, 0, 1, 1.0]));
}

#[tokio::test]
async fn detail_shows_open_and_closed_assignments() {
    let app = start().await;
    let (id, other) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    app.deliver(1, &project_created(PROJECT, an_edition()))
        .await;
    let consultation = consultation_match(id, None);
    app.deliver(1, &consultation).await;
    let interest = SalesmanMatched {
        project_id: ProjectId(OTHER),
        ..interest_match(other, Some(id))
    };
    app.deliver(1, &interest).await;
    deliver_ended_consultation(&app, CONSULTATION, Step::Succeeded, Some(id)).await;
    assert_eq!(counts(&app, id).await, json!([1, 0, 1, 1.0]));
    let detail = app.as_staff().get(&format!("/salesmen/{id}")).await;
    assert_eq!(detail.headers[axum::http::header::ETAG], "\"1\"");
    let detail = detail.expect(200);
    assert_eq!(
        (&detail["name"], &detail["openCount"]),
        (&json!("김영업"), &json!(1))
    );
    let open = json!([{
        "kind": "interest", "id": INTEREST, "customerId": CUSTOMER, "lastFour": "5678",
        "projectId": OTHER, "projectName": null, "matchedAt": "2026-11-23T01:00:00Z",
        "step": null, "closedAt": null,
    }]);
    let closed = json!([{
        "kind": "consultation", "id": CONSULTATION, "customerId": CUSTOMER, "lastFour": "5678",
        "projectId": PROJECT, "projectName": "2026년 스마트상점 보급사업",
        "matchedAt": "2026-11-23T01:00:00Z", "step": "succeeded",
        "closedAt": "2026-11-23T01:00:00Z",
    }]);
    assert_eq!(
        (&detail["openAssignments"], &detail["closedAssignments"]),
        (&open, &closed)
    );
}

#[tokio::test]
async fn replaced_salesman_loses_the_assignment() {
    let app = start().await;
    let (id, other) = (
        register(&app, "010-1111-1111").await,
        register(&app, "010-2222-2222").await,
    );
    let first = consultation_match(id, None);
    app.deliver(1, &first).await;
    app.deliver(2, &rematched(&first, other, None)).await;
    assert_eq!(
        (counts(&app, id).await, counts(&app, other).await),
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
async fn detail_shows_the_newest_fifty_assignments() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    for number in 1..=52 {
        let origin = Origin::Consultation(ConsultationId(Uuid::from_u128(number)));
        app.deliver(
            1,
            &SalesmanMatched {
                origin,
                ..consultation_match(id, None)
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
async fn duplicate_registration_takes_over_no_counts() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    deliver_ended_consultation(&app, CONSULTATION, Step::Succeeded, Some(id)).await;
    assert_eq!(
        app.as_staff()
            .post("/salesmen", &registration("010-1111-1111"))
            .await
            .problem(409)
            .0,
        "phone-taken"
    );
    assert_eq!(
        counts(&app, register(&app, "010-2222-2222").await).await,
        json!([0, 0, 0, null])
    );
}

#[tokio::test]
async fn replayed_old_event_does_not_revert_newer_rows() {
    let app = start().await;
    let running = Edition {
        status: ProjectStatus::Ongoing,
        ..an_edition()
    };
    let histories = [
        match_history(&interest_match(SALESMAN, None)),
        interest_history(),
        vec![
            delivery(1, &project_created(PROJECT, an_edition())),
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
    let before = rows(&app, &PROJECTIONS).await;
    sqlx::raw_sql("delete from inbox; delete from progress")
        .execute(app.pool())
        .await
        .unwrap();
    for history in &histories {
        for event in &history[..history.len() - 1] {
            deliver_all(&app, [event]).await;
            assert_eq!(rows(&app, &PROJECTIONS).await, before);
        }
    }
}
