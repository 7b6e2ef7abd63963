//! Projections of projects and people, for any order and delay of events.

use chrono::{NaiveDate, TimeDelta};
use events::{
    Actor, EditionField, Event as _, MatchId, PeriodKind, PersonRole, ProjectEdited, ProjectEnded,
    ProjectId, ProjectStarted, ProjectStatus, SalesmanId, SalesmanMatched, SalesmanRegistered,
    SalesmanUpdated,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile};
use uuid::Uuid;

use crate::{
    CONSULTANT, OTHER_PHONE, PHONE, PROJECT, SALESMAN, create_consultation, get_consultation,
    match_event, origin, person, project_created, request_body, start,
};

/// State, name, sent name, status and phase of the project in the view.
async fn project(app: &TestApp, id: Uuid) -> Value {
    let view = get_consultation(&app.as_customer(PHONE), id).await;
    json!([
        view["projectState"],
        view["projectName"],
        view["sentProjectName"],
        view["projectStatus"],
        view["projectPhase"]
    ])
}

fn started(name: &str) -> ProjectStarted {
    let mut edition = project_created(name).edition;
    edition.status = ProjectStatus::Ongoing;
    ProjectStarted {
        project_id: ProjectId(PROJECT),
        edition,
        actor: Actor::System,
    }
}

fn edited(name: &str) -> ProjectEdited {
    let edition = started(name).edition;
    let changed = vec![EditionField::Name];
    ProjectEdited {
        project_id: ProjectId(PROJECT),
        edition,
        changed,
        previous_period: None,
        actor: Actor::System,
    }
}

fn ended(name: &str) -> ProjectEnded {
    let mut edition = started(name).edition;
    edition.status = ProjectStatus::Ended;
    ProjectEnded {
        project_id: ProjectId(PROJECT),
        edition,
        actor: Actor::System,
    }
}

fn registered(id: Uuid, name: &str) -> SalesmanRegistered {
    let profile = a_profile(name, PersonRole::Salesman, 10);
    SalesmanRegistered {
        salesman_id: SalesmanId(id),
        profile,
        actor: Actor::System,
    }
}

fn renamed(id: Uuid, name: &str) -> SalesmanUpdated {
    let profile = a_profile(name, PersonRole::Salesman, 10);
    SalesmanUpdated {
        salesman_id: SalesmanId(id),
        profile,
        actor: Actor::System,
    }
}

#[tokio::test]
async fn unknown_project_becomes_known_after_its_event() {
    let app = start().await;
    let id = create_consultation(&app).await;
    assert_eq!(
        project(&app, id).await,
        json!(["unknown", "스마트상점 기술보급사업", null, null, null])
    );
    app.deliver(1, &project_created("스마트상점  기술보급사업"))
        .await;
    assert_eq!(
        project(&app, id).await,
        json!([
            "known",
            "스마트상점  기술보급사업",
            null,
            "planned",
            "upcoming"
        ])
    );
}

#[tokio::test]
async fn project_with_other_name_shows_the_sent_name() {
    let app = start().await;
    let id = create_consultation(&app).await;
    app.deliver(1, &project_created("창업도약패키지")).await;
    let sent = "스마트상점 기술보급사업";
    assert_eq!(
        project(&app, id).await,
        json!(["differs", "창업도약패키지", sent, "planned", "upcoming"])
    );
    // The same for a request after the event.
    let view = app
        .as_customer(OTHER_PHONE)
        .post("/consultations", &request_body())
        .await
        .expect(201);
    assert_eq!(
        (&view["projectState"], &view["sentProjectName"]),
        (&json!("differs"), &json!(sent))
    );
    // A current or former name that equals the sent one makes it the intended project.
    app.deliver(2, &edited(sent)).await;
    assert_eq!(
        project(&app, id).await,
        json!(["known", sent, null, "ongoing", "always"])
    );
    app.deliver(3, &edited("2027년 창업도약패키지")).await;
    assert_eq!(
        project(&app, id).await,
        json!(["known", "2027년 창업도약패키지", null, "ongoing", "always"])
    );
}

#[tokio::test]
async fn project_status_and_phase_follow_events_and_date() {
    let app = start().await;
    let id = create_consultation(&app).await;
    let name = "스마트상점 기술보급사업";
    app.deliver(1, &project_created(name)).await;
    app.deliver(2, &started(name)).await;
    assert_eq!(
        project(&app, id).await,
        json!(["known", name, null, "ongoing", "always"])
    );
    let mut dated = edited(name);
    dated.edition.period.kind = PeriodKind::Range;
    dated.edition.period.ends_on = NaiveDate::from_ymd_opt(2026, 11, 25);
    app.deliver(3, &dated).await;
    assert_eq!(
        project(&app, id).await,
        json!(["known", name, null, "ongoing", "closing"])
    );
    app.clock().advance(TimeDelta::days(3));
    assert_eq!(
        project(&app, id).await,
        json!(["known", name, null, "ongoing", "closed"])
    );
    app.deliver(4, &ended(name)).await;
    assert_eq!(
        project(&app, id).await,
        json!(["known", name, null, "ended", "ended"])
    );
    let items = app
        .as_customer(PHONE)
        .get("/consultations")
        .await
        .expect(200);
    assert_eq!(items["items"][0]["projectPhase"], "ended");
}

#[tokio::test]
async fn people_have_current_name_or_else_name_of_match() {
    let app = start().await;
    let id = create_consultation(&app).await;
    app.deliver(1, &match_event(origin(id), SALESMAN, Some(CONSULTANT)))
        .await;
    app.as_salesman(SALESMAN)
        .post_if(
            &format!("/consultations/{id}/progress"),
            1,
            &json!({ "step": "approved" }),
        )
        .await
        .expect(200);
    let names = async || {
        let view = get_consultation(&app.as_customer(PHONE), id).await;
        let listed = app
            .as_customer(PHONE)
            .get("/consultations")
            .await
            .expect(200)["items"][0]
            .clone();
        assert_eq!(listed["salesman"], view["salesman"]);
        assert_eq!(listed["consultant"], view["consultant"]);
        let matched = &view["timeline"][1];
        assert_eq!(
            (&matched["salesman"], &matched["consultant"]),
            (&view["salesman"], &view["consultant"])
        );
        assert_eq!(
            view["timeline"][2]["by"]["displayName"],
            view["salesman"]["displayName"]
        );
        json!([
            view["salesman"]["displayName"],
            view["consultant"]["displayName"]
        ])
    };
    let by_match = |id| person(id).display_name;
    assert_eq!(
        names().await,
        json!([by_match(SALESMAN), by_match(CONSULTANT)])
    );
    app.deliver(1, &registered(SALESMAN, "김하늘")).await;
    assert_eq!(names().await, json!(["김하늘", by_match(CONSULTANT)]));
    app.deliver(2, &renamed(SALESMAN, "김바다")).await;
    app.deliver(1, &registered(CONSULTANT, "이산")).await;
    assert_eq!(names().await, json!(["김바다", "이산"]));
}

/// A step of the scenario. Steps of the same kind keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Deliver the next event of the project.
    Project,
    /// Deliver the next event of the salesman.
    Salesman,
    /// Deliver the event of the consultant.
    Consultant,
    /// The customer requests the consultation.
    Request,
    /// Deliver the next event of the match, after the request.
    Match,
}

/// A pseudo-random order of the steps.
fn order_of_steps(mut n: u64) -> Vec<Step> {
    use Step::{Consultant, Match, Project, Request, Salesman};
    let mut remaining = [
        vec![Project; 4],
        vec![Salesman; 2],
        vec![Consultant],
        vec![Match, Match, Request],
    ];
    let mut order = Vec::new();
    while remaining.iter().any(|kind| !kind.is_empty()) {
        // A linear congruential generator: reproducible.
        n = n
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let kind = usize::try_from((n >> 33) % 4).unwrap();
        order.extend(remaining[kind].pop());
    }
    order
}

/// Runs the steps on a new database, with a delay before each, and returns all rows.
async fn rows_after_steps(order: &[Step], delay_in_days: i64) -> Vec<String> {
    const NAME: &str = "스마트상점 기술보급사업";
    let app = start().await;
    let event_id = |kind: u128, n: usize| Uuid::from_u128(kind * 100 + u128::try_from(n).unwrap());
    let origin = |id: Option<Uuid>| origin(id.unwrap());
    let (mut project, mut salesman, mut matched, mut request) = (0_usize, 0_usize, 0_usize, None);
    let delay = async |app: &TestApp| app.clock().advance(TimeDelta::days(delay_in_days));
    for step in order {
        match step {
            Step::Request => request = Some(create_consultation(&app).await),
            Step::Project => {
                project += 1;
                delay(&app).await;
                let id = event_id(1, project);
                match project {
                    1 => {
                        app.deliver_with_id(id, 1, &project_created("처음 이름"))
                            .await;
                    }
                    2 => app.deliver_with_id(id, 2, &started("처음 이름")).await,
                    3 => app.deliver_with_id(id, 3, &edited("다음 이름")).await,
                    // Not its end, after which a request is another one.
                    _ => app.deliver_with_id(id, 4, &edited(NAME)).await,
                }
            }
            Step::Salesman => {
                salesman += 1;
                delay(&app).await;
                let id = event_id(2, salesman);
                match salesman {
                    1 => {
                        app.deliver_with_id(id, 1, &registered(SALESMAN, "김하늘"))
                            .await;
                    }
                    _ => {
                        app.deliver_with_id(id, 2, &renamed(SALESMAN, "김바다"))
                            .await;
                    }
                }
            }
            Step::Consultant => {
                app.deliver_with_id(event_id(3, 1), 1, &registered(CONSULTANT, "이산"))
                    .await;
            }
            Step::Match => {
                matched += 1;
                delay(&app).await;
                let match_id = MatchId(Uuid::from_u128(0x3A7C));
                let (new_salesman, new_consultant) = if matched == 1 {
                    (Uuid::from_u128(0x0FF), None)
                } else {
                    (SALESMAN, Some(CONSULTANT))
                };
                let event = SalesmanMatched {
                    match_id,
                    ..match_event(origin(request), new_salesman, new_consultant)
                };
                app.deliver_with_id(
                    event_id(4, matched),
                    i64::try_from(matched).unwrap(),
                    &event,
                )
                .await;
            }
        }
        // A redelivery changes nothing.
        if project > 0 {
            app.deliver_with_id(event_id(1, 1), 1, &project_created("처음 이름"))
                .await;
        }
    }
    assert!(app.parked().await.is_empty());
    let mut rows: Vec<String> = sqlx::query_scalar(
        "select 'known_project ' || to_jsonb(t)::text from known_project t
         union all select 'known_salesman ' || to_jsonb(t)::text from known_salesman t
         union all
         select 'consultation ' || (to_jsonb(t) - array['created_at', 'updated_at', 'id'])::text
         from consultation t
         union all select 'changed since ' || (updated_at <> created_at)::text from consultation
         union all
         select 'timeline ' || (to_jsonb(t) - 'consultation_id')::text
         from timeline t where what ->> 'kind' <> 'requested'
         union all
         select 'requested ' || what::text from timeline where what ->> 'kind' = 'requested'
         union all select 'note ' || to_jsonb(t)::text from note t
         union all select 'disclosure ' || to_jsonb(t)::text from disclosure t",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    rows.sort();
    rows
}

#[tokio::test]
async fn events_give_the_same_rows_in_any_order_and_delay() {
    let expected = rows_after_steps(&order_of_steps(0), 0).await;
    // The project; two people; the consultation twice; its request and two matches.
    assert_eq!(expected.len(), 1 + 2 + 2 + 3, "{expected:#?}");
    let mut orders = vec![order_of_steps(0)];
    for n in 1..=24 {
        let order = order_of_steps(n);
        // Alternately without delay and with a day before each event.
        assert_eq!(
            rows_after_steps(&order, i64::try_from(n % 2).unwrap()).await,
            expected,
            "{order:?}"
        );
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    assert!(orders.len() > 20, "only {} orders", orders.len());
}

#[tokio::test]
async fn late_started_service_stores_the_latest_state() {
    let app = start().await;
    app.clock().advance(TimeDelta::days(1));
    for version in 1..=3 {
        match version {
            1 => app.deliver(1, &project_created("처음 이름")).await,
            2 => app.deliver(2, &started("다음 이름")).await,
            _ => app.deliver(3, &ended("마지막 이름")).await,
        }
    }
    let rows: Vec<Value> =
        sqlx::query_scalar("select to_jsonb(p) - array['id', 'period'] from known_project p")
            .fetch_all(app.pool())
            .await
            .unwrap();
    let names = ["처음이름", "다음이름", "마지막이름"];
    let expected = json!({
        "name": "마지막 이름", "name_key": "마지막이름", "name_keys": names,
        "status": "ended", "year": 2026, "series_id": Uuid::from_u128(0x5E1), "agency": "중소벤처기업부",
    });
    assert_eq!(rows, [expected]);
    let progress: i64 = sqlx::query_scalar("select version from progress where aggregateid = $1")
        .bind(ended("").aggregate_id())
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(progress, 3);
}
