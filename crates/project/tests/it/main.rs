//! The project service through its routes and its policies, on a real Postgres.

mod annual_edition;
mod concurrent_erasure;
mod dashboard;
mod description;
mod edit;
mod end_overdue;
mod engagement;
mod erasure;
mod facets;
mod figures;
mod hand_over;
mod http;
mod import_commit;
mod import_plan;
mod import_upload;
mod list;
mod permissions;
mod plans;
mod project_view;
mod public_data;
mod regions;
mod reimport;
mod search;
mod series;
mod status;
mod texts;
mod visit_card;

use chrono::{DateTime, TimeDelta, Utc};
use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed,
    CustomerId, CustomerRef, Envelope, InterestCreated, InterestId, InterestUpdated, LastFour,
    MatchId, Origin, PersonRef, ProjectId, SalesmanId, SalesmanMatched, SeriesId, Step, Strategy,
};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

/// The id of the caller of [`TestApp::as_staff`].
const STAFF: Uuid = Uuid::from_u128(0x57AFF);

const SALESMAN: Uuid = Uuid::from_u128(0x5A1);
const OTHER_SALESMAN: Uuid = Uuid::from_u128(0x5A2);
const CONSULTANT: Uuid = Uuid::from_u128(0xC05);

async fn start() -> TestApp {
    TestApp::start(project::service()).await
}

/// A body with the required fields only.
fn minimal_project() -> Value {
    json!({ "name": "2026년 스마트상점", "year": 2026, "category": "기술", "agency": "중소벤처기업부" })
}

fn full_project() -> Value {
    json!({
        "name": " 2026년 스마트상점 기술보급사업 ",
        "year": 2026,
        "category": "기술",
        "regions": ["서울", "경기"],
        "target": "소상공인",
        "scale": 30_000_000_000_i64,
        "agency": "중소벤처기업부",
        "host": "소상공인시장진흥공단",
        "summary": "스마트기술 도입을 지원합니다",
        "link": "https://www.bizinfo.go.kr/x?pblancId=1",
        "period": { "startsOn": "2026-03-02", "endsOn": "2026-03-31" },
    })
}

/// [`minimal_project`] with the given fields added or replaced.
fn project_with(fields: &Value) -> Value {
    let mut body = minimal_project();
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| {
        encoded + &format!("%{byte:02X}")
    })
}

fn id_of(view: &Value) -> Uuid {
    view["id"].as_str().unwrap().parse().unwrap()
}

async fn create_project(app: &TestApp, body: &Value) -> Uuid {
    id_of(&app.as_staff().post("/projects", body).await.expect(201))
}

/// Creates a project and starts it.
async fn create_ongoing(app: &TestApp, body: &Value) -> Uuid {
    let id = create_project(app, body).await;
    app.as_staff()
        .post_if(&format!("/projects/{id}/start"), 1, &json!({}))
        .await
        .expect(200);
    id
}

/// Creates a project, starts it and ends it.
async fn create_ended(app: &TestApp, body: &Value) -> Uuid {
    let id = create_ongoing(app, body).await;
    app.as_staff()
        .post_if(&format!("/projects/{id}/end"), 2, &json!({}))
        .await
        .expect(200);
    id
}

async fn get_project(app: &TestApp, id: Uuid) -> Value {
    app.anonymous()
        .get(&format!("/projects/{id}"))
        .await
        .expect(200)
}

/// Delivers an event of this service as if it were consumed from its own topic.
async fn deliver_own_event(
    app: &TestApp,
    event_id: Uuid,
    (name, version, payload): &(String, i64, Value),
) {
    let envelope = Envelope {
        id: event_id,
        type_name: name.clone(),
        aggregate_type: "project".to_owned(),
        aggregate_id: payload["projectId"].as_str().unwrap().parse().unwrap(),
        version: *version,
        recorded_at: app.context().db.now(),
        traceparent: None,
    };
    app.deliver_raw(&envelope, payload.to_string().into_bytes())
        .await;
}

/// Consumes the events of this service's own topic until there are no new ones, and returns them.
async fn consume_own_events(app: &TestApp) -> Vec<(String, i64, Value)> {
    let mut events = Vec::new();
    loop {
        let new = app.new_events().await;
        if new.is_empty() {
            return events;
        }
        for event in &new {
            deliver_own_event(app, Uuid::new_v4(), event).await;
        }
        events.extend(new);
    }
}

fn customer_ref(n: u16) -> CustomerRef {
    CustomerRef {
        customer_id: CustomerId(Uuid::from_u128(0xCC00 + u128::from(n))),
        last_four: LastFour::try_from(format!("{n:04}")).unwrap(),
    }
}

fn person(id: Uuid, name: &str) -> PersonRef {
    PersonRef {
        id: SalesmanId(id),
        display_name: name.to_owned(),
    }
}

fn interest_created(
    id: u128,
    series: Option<Uuid>,
    project: Uuid,
    customer: u16,
) -> InterestCreated {
    InterestCreated {
        interest_id: InterestId(Uuid::from_u128(id)),
        series_id: series.map(SeriesId),
        project_id: ProjectId(project),
        project_name: None,
        customer: customer_ref(customer),
        actor: Actor::System,
    }
}

fn interest_updated(created: &InterestCreated, interested: bool) -> InterestUpdated {
    InterestUpdated {
        interest_id: created.interest_id,
        series_id: created.series_id,
        project_id: created.project_id,
        project_name: None,
        customer: created.customer.clone(),
        interested,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::System,
    }
}

fn consultation_created(id: u128, project: Uuid, customer: u16) -> ConsultationCreated {
    ConsultationCreated {
        consultation_id: ConsultationId(Uuid::from_u128(id)),
        project_id: ProjectId(project),
        project_name: None,
        customer: customer_ref(customer),
        desired_on: "2026-12-01".parse().unwrap(),
        actor: Actor::System,
    }
}

fn consultation_edited(created: &ConsultationCreated, desired_on: &str) -> ConsultationEdited {
    ConsultationEdited {
        consultation_id: created.consultation_id,
        project_id: created.project_id,
        customer: created.customer.clone(),
        desired_on: desired_on.parse().unwrap(),
        memo_changed: false,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::System,
    }
}

fn consultation_progressed(
    created: &ConsultationCreated,
    from: Step,
    to: Step,
) -> ConsultationProgressed {
    ConsultationProgressed {
        consultation_id: created.consultation_id,
        project_id: created.project_id,
        customer: created.customer.clone(),
        from,
        to,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::System,
    }
}

/// A match whose id is derived from its origin, so that a test can create its next version.
fn salesman_matched(
    origin: Origin,
    customer: &CustomerRef,
    salesman: PersonRef,
    consultant: Option<PersonRef>,
) -> SalesmanMatched {
    SalesmanMatched {
        match_id: MatchId(Uuid::from_u128(0x3A7C_0000 + origin.id().as_u128())),
        origin,
        origin_version: None,
        project_id: ProjectId(Uuid::nil()),
        project_name: None,
        customer: customer.clone(),
        salesman,
        consultant,
        previous_salesman_id: None,
        previous_consultant_id: None,
        strategy: Strategy::PhoneSuffix,
        actor: Actor::System,
    }
}

/// Delivers an event that was recorded `minutes` after the start of the test.
async fn deliver_at<E: events::Event>(app: &TestApp, minutes: i64, version: i64, event: &E) {
    let mut envelope = service_kit::testing::envelope(Uuid::new_v4(), version, event);
    envelope.recorded_at += TimeDelta::minutes(minutes);
    app.deliver_raw(&envelope, serde_json::to_vec(event).unwrap())
        .await;
}

/// `minutes` after the start of the test.
fn time_at_minute(minutes: i64) -> DateTime<Utc> {
    "2026-11-23T01:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
}
