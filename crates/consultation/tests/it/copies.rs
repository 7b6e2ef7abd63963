//! What this service keeps of projects and people, whenever and in whichever order it is told.

use chrono::{NaiveDate, TimeDelta};
use events::{
    Actor, ConsultationId, EditionField, Event, MatchId, Origin, PeriodKind, PersonRole,
    ProjectEdited, ProjectEnded, ProjectId, ProjectStarted, ProjectStatus, SalesmanId,
    SalesmanMatched, SalesmanRegistered, SalesmanUpdated,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile};
use uuid::Uuid;

use crate::{
    CONSULTANT, PHONE, PROJECT, SALESMAN, a_match, a_project, a_request, person, requested, shown,
    start,
};

/// What the view says of its project.
async fn project(app: &TestApp, id: Uuid) -> Value {
    let view = shown(&app.as_customer(PHONE), id).await;
    json!([
        view["projectState"],
        view["projectName"],
        view["sentProjectName"],
        view["projectStatus"],
        view["projectPhase"]
    ])
}

fn started(name: &str) -> ProjectStarted {
    let mut edition = a_project(name).edition;
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
async fn a_project_that_was_unheard_of_is_completed_when_it_is_told_of() {
    let app = start().await;
    let id = requested(&app).await;
    assert_eq!(
        project(&app, id).await,
        json!(["unheard", "스마트상점 기술보급사업", null, null, null])
    );
    app.deliver(1, &a_project("스마트상점  기술보급사업")).await;
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
async fn a_project_that_is_another_than_the_page_said_is_flagged_with_the_name_it_sent() {
    let app = start().await;
    let id = requested(&app).await;
    app.deliver(1, &a_project("창업도약패키지")).await;
    let sent = "스마트상점 기술보급사업";
    assert_eq!(
        project(&app, id).await,
        json!(["differs", "창업도약패키지", sent, "planned", "upcoming"])
    );
    // The same for one that is asked for after it was told of.
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &a_request())
        .await
        .expect(201);
    assert_eq!(
        (&view["projectState"], &view["sentProjectName"]),
        (&json!("differs"), &json!(sent))
    );
    // It once had, or now has, the name that was sent: it is the one that was meant.
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
async fn status_and_phase_follow_every_event_of_the_project_and_the_day() {
    let app = start().await;
    let id = requested(&app).await;
    let name = "스마트상점 기술보급사업";
    app.deliver(1, &a_project(name)).await;
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
async fn people_are_shown_by_the_newest_name_and_until_it_is_told_by_the_one_of_the_match() {
    let app = start().await;
    let id = requested(&app).await;
    app.deliver(
        1,
        &a_match(
            Origin::Consultation(ConsultationId(id)),
            SALESMAN,
            Some(CONSULTANT),
        ),
    )
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
        let view = shown(&app.as_customer(PHONE), id).await;
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

/// Something that happens in a system of services, in its place in the order of its own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happens {
    /// The next event of this project.
    OfProject,
    /// The next event of this salesman.
    OfSalesman,
    /// The first of the consultant.
    OfConsultant,
    /// The customer asks.
    Asked,
    /// The next event of its match, which cannot come before it exists.
    OfMatch,
}

/// The n-th order in which these can happen, out of very many: each kind keeps its own.
fn an_order(mut n: u64) -> Vec<Happens> {
    use Happens::{Asked, OfConsultant, OfMatch, OfProject, OfSalesman};
    let mut left = [
        vec![OfProject; 4],
        vec![OfSalesman; 2],
        vec![OfConsultant],
        vec![OfMatch, OfMatch, Asked],
    ];
    let mut order = Vec::new();
    while left.iter().any(|kind| !kind.is_empty()) {
        // A linear congruential generator: the same orders each time.
        n = n
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let kind = usize::try_from((n >> 33) % 4).unwrap();
        order.extend(left[kind].pop());
    }
    order
}

/// Carries them out on a database of its own, late or not, and gives every row of every table of this service's own.
async fn rows_after(order: &[Happens], days_late: i64) -> Vec<String> {
    const NAME: &str = "스마트상점 기술보급사업";
    let app = start().await;
    let event_id = |kind: u128, n: usize| Uuid::from_u128(kind * 100 + u128::try_from(n).unwrap());
    let origin = |id: Option<Uuid>| Origin::Consultation(ConsultationId(id.unwrap()));
    let (mut project, mut salesman, mut matched, mut asked) = (0_usize, 0_usize, 0_usize, None);
    let late = async |app: &TestApp| app.clock().advance(TimeDelta::days(days_late));
    for happens in order {
        match happens {
            Happens::Asked => asked = Some(requested(&app).await),
            Happens::OfProject => {
                project += 1;
                late(&app).await;
                let id = event_id(1, project);
                match project {
                    1 => app.deliver_as(id, 1, &a_project("처음 이름")).await,
                    2 => app.deliver_as(id, 2, &started("처음 이름")).await,
                    3 => app.deliver_as(id, 3, &edited(NAME)).await,
                    _ => app.deliver_as(id, 4, &ended(NAME)).await,
                }
            }
            Happens::OfSalesman => {
                salesman += 1;
                late(&app).await;
                let id = event_id(2, salesman);
                match salesman {
                    1 => app.deliver_as(id, 1, &registered(SALESMAN, "김하늘")).await,
                    _ => app.deliver_as(id, 2, &renamed(SALESMAN, "김바다")).await,
                }
            }
            Happens::OfConsultant => {
                app.deliver_as(event_id(3, 1), 1, &registered(CONSULTANT, "이산"))
                    .await;
            }
            Happens::OfMatch => {
                matched += 1;
                late(&app).await;
                let match_id = MatchId(Uuid::from_u128(0x3A7C));
                let (who, with) = if matched == 1 {
                    (Uuid::from_u128(0x0FF), None)
                } else {
                    (SALESMAN, Some(CONSULTANT))
                };
                let event = SalesmanMatched {
                    match_id,
                    ..a_match(origin(asked), who, with)
                };
                app.deliver_as(
                    event_id(4, matched),
                    i64::try_from(matched).unwrap(),
                    &event,
                )
                .await;
            }
        }
        // Each once more: what was taken in before changes nothing.
        if project > 0 {
            app.deliver_as(event_id(1, 1), 1, &a_project("처음 이름"))
                .await;
        }
    }
    assert!(app.parked().await.is_empty());
    let mut rows: Vec<String> = sqlx::query_scalar(
        "select 'known_project ' || to_jsonb(t)::text from known_project t
         union all select 'known_salesman ' || to_jsonb(t)::text from known_salesman t
         union all select 'consultation ' || (to_jsonb(t) - array['created_at', 'updated_at', 'id'])::text from consultation t
         union all select 'changed since ' || (updated_at <> created_at)::text from consultation
         union all select 'timeline ' || (to_jsonb(t) - 'consultation_id')::text from timeline t where what ->> 'kind' <> 'requested'
         union all select 'requested ' || what::text from timeline where what ->> 'kind' = 'requested'
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
async fn events_of_three_topics_end_in_the_same_rows_in_whichever_order_and_however_late_they_come()
{
    let expected = rows_after(&an_order(0), 0).await;
    // Two projects' worth of facts, two people, the consultation, its request and two matches.
    assert_eq!(expected.len(), 1 + 2 + 2 + 3, "{expected:#?}");
    let mut seen = vec![an_order(0)];
    for n in 1..=24 {
        let order = an_order(n);
        // Alternately on time, and a day late with each of them.
        assert_eq!(
            rows_after(&order, i64::try_from(n % 2).unwrap()).await,
            expected,
            "{order:?}"
        );
        if !seen.contains(&order) {
            seen.push(order);
        }
    }
    assert!(seen.len() > 20, "only {} orders", seen.len());
}

#[tokio::test]
async fn a_service_that_begins_when_everything_has_been_told_long_ago_knows_the_last_of_it() {
    let app = start().await;
    app.clock().advance(TimeDelta::days(1));
    for version in 1..=3 {
        match version {
            1 => app.deliver(1, &a_project("처음 이름")).await,
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
        "name": "마지막 이름", "name_key": "마지막이름", "names_told": names, "status": "ended", "year": 2026, "agency": "중소벤처기업부",
    });
    assert_eq!(rows, [expected]);
    let progress: i64 = sqlx::query_scalar("select version from progress where aggregateid = $1")
        .bind(ended("").aggregate_id())
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(progress, 3);
}
