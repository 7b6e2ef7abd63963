//! Tests of the salesman service through its routes and policies, on a real Postgres.

mod assignments;
mod card;
mod create;
mod dashboard;
mod edit;
mod erasure;
mod hand_over;
mod http;
mod list;
mod notifications;
mod openapi;
mod outcomes;
mod permissions;
mod phone;
mod plans;
mod policies;
mod series;
mod texts;
mod workload;

use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed,
    CustomerId, CustomerRef, Edition, Envelope, Event, InterestCreated, InterestId,
    InterestUpdated, LastFour, MatchId, Origin, PersonRef, ProjectCreated, ProjectId, SalesmanId,
    SalesmanMatched, Step, Strategy,
};
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::testing::{self, TestApp};
use uuid::Uuid;

const SALESMAN: Uuid = Uuid::from_u128(0x5A1E);
const CONSULTANT: Uuid = Uuid::from_u128(0xC045);
const OTHER: Uuid = Uuid::from_u128(0x07E4);
const CONSULTATION: Uuid = Uuid::from_u128(0xC0);
const INTEREST: Uuid = Uuid::from_u128(0x14);
const PROJECT: Uuid = Uuid::from_u128(0x9407);
const SERIES: Uuid = Uuid::from_u128(0x5E41);
const CUSTOMER: Uuid = Uuid::from_u128(0xC057);

async fn start() -> TestApp {
    TestApp::start(salesman::service()).await
}

/// A registration with this phone number.
fn registration(phone: &str) -> Value {
    json!({ "name": "김영업", "phone": phone })
}

/// Registers a salesman with this phone number and returns the id.
async fn register(app: &TestApp, phone: &str) -> Uuid {
    let view = app
        .as_staff()
        .post("/salesmen", &registration(phone))
        .await
        .expect(201);
    view["id"].as_str().unwrap().parse().unwrap()
}

fn person_ref(id: Uuid) -> PersonRef {
    PersonRef {
        id: SalesmanId(id),
        display_name: format!("담당 {}", id.as_u128()),
    }
}

fn default_customer() -> CustomerRef {
    CustomerRef {
        customer_id: CustomerId(CUSTOMER),
        last_four: LastFour::try_from("5678".to_owned()).unwrap(),
    }
}

/// A new match for [`CONSULTATION`].
fn consultation_match(salesman: Uuid, consultant: Option<Uuid>) -> SalesmanMatched {
    SalesmanMatched {
        match_id: MatchId(Uuid::new_v4()),
        origin: Origin::Consultation(ConsultationId(CONSULTATION)),
        origin_version: Some(1),
        project_id: ProjectId(PROJECT),
        project_name: Some("스마트상점".to_owned()),
        customer: default_customer(),
        salesman: person_ref(salesman),
        consultant: consultant.map(person_ref),
        previous_salesman_id: None,
        previous_consultant_id: None,
        strategy: Strategy::PhoneSuffix,
        actor: Actor::System,
    }
}

/// A new match for [`INTEREST`].
fn interest_match(salesman: Uuid, consultant: Option<Uuid>) -> SalesmanMatched {
    SalesmanMatched {
        origin: Origin::Interest(InterestId(INTEREST)),
        ..consultation_match(salesman, consultant)
    }
}

/// The next event of this match, in answer to this version of the interest.
fn rematched_after(
    first: &SalesmanMatched,
    origin_version: i64,
    salesman: Uuid,
    consultant: Option<Uuid>,
) -> SalesmanMatched {
    SalesmanMatched {
        origin_version: Some(origin_version),
        ..rematched(first, salesman, consultant)
    }
}

/// The next event of this match, with other people.
fn rematched(first: &SalesmanMatched, salesman: Uuid, consultant: Option<Uuid>) -> SalesmanMatched {
    SalesmanMatched {
        salesman: person_ref(salesman),
        consultant: consultant.map(person_ref),
        previous_salesman_id: Some(first.salesman.id),
        previous_consultant_id: first.consultant.as_ref().map(|person| person.id),
        ..first.clone()
    }
}

fn interest_created() -> InterestCreated {
    InterestCreated {
        interest_id: InterestId(INTEREST),
        series_id: None,
        project_id: ProjectId(PROJECT),
        project_name: None,
        customer: default_customer(),
        actor: Actor::Customer(CustomerId(CUSTOMER)),
    }
}

/// The customer turns [`INTEREST`] off or on while these people are assigned.
fn interest_updated(
    interested: bool,
    salesman: Option<Uuid>,
    consultant: Option<Uuid>,
) -> InterestUpdated {
    InterestUpdated {
        interest_id: InterestId(INTEREST),
        series_id: None,
        project_id: ProjectId(PROJECT),
        project_name: None,
        customer: default_customer(),
        interested,
        salesman_id: salesman.map(SalesmanId),
        consultant_id: consultant.map(SalesmanId),
        actor: Actor::Customer(CustomerId(CUSTOMER)),
    }
}

fn consultation_created(id: Uuid) -> ConsultationCreated {
    ConsultationCreated {
        consultation_id: ConsultationId(id),
        project_id: ProjectId(PROJECT),
        project_name: None,
        customer: default_customer(),
        desired_on: "2026-12-01".parse().unwrap(),
        actor: Actor::Customer(CustomerId(CUSTOMER)),
    }
}

fn consultation_edited(salesman: Option<Uuid>, consultant: Option<Uuid>) -> ConsultationEdited {
    ConsultationEdited {
        consultation_id: ConsultationId(CONSULTATION),
        project_id: ProjectId(PROJECT),
        customer: default_customer(),
        desired_on: "2026-12-03".parse().unwrap(),
        memo_changed: true,
        salesman_id: salesman.map(SalesmanId),
        consultant_id: consultant.map(SalesmanId),
        actor: Actor::Customer(CustomerId(CUSTOMER)),
    }
}

/// The salesman moves the consultation, or the system if it has none.
fn consultation_progressed(
    id: Uuid,
    (from, to): (Step, Step),
    salesman: Option<Uuid>,
    consultant: Option<Uuid>,
) -> ConsultationProgressed {
    ConsultationProgressed {
        consultation_id: ConsultationId(id),
        project_id: ProjectId(PROJECT),
        customer: default_customer(),
        from,
        to,
        salesman_id: salesman.map(SalesmanId),
        consultant_id: consultant.map(SalesmanId),
        actor: salesman.map_or(Actor::System, |id| Actor::Salesman(SalesmanId(id))),
    }
}

/// Delivers the events of a consultation that is requested, approved, and ends with this step.
async fn deliver_ended_consultation(app: &TestApp, id: Uuid, to: Step, salesman: Option<Uuid>) {
    deliver(app, 1, &consultation_created(id)).await;
    deliver(
        app,
        2,
        &consultation_progressed(id, (Step::Apply, Step::Approved), salesman, None),
    )
    .await;
    deliver(
        app,
        3,
        &consultation_progressed(id, (Step::Approved, to), salesman, None),
    )
    .await;
}

fn an_edition() -> Edition {
    testing::an_edition(SERIES, "2026년 스마트상점 보급사업")
}

fn project_created(id: Uuid, edition: Edition) -> ProjectCreated {
    ProjectCreated {
        project_id: ProjectId(id),
        edition,
        actor: Actor::System,
    }
}

/// An event with its envelope, as delivered from Kafka.
type Delivery = (Envelope, Vec<u8>);

fn delivery<E: Event>(version: i64, event: &E) -> Delivery {
    (
        testing::envelope(Uuid::new_v4(), version, event),
        serde_json::to_vec(event).unwrap(),
    )
}

async fn deliver_all(app: &TestApp, deliveries: impl IntoIterator<Item = &Delivery>) {
    for (envelope, payload) in deliveries {
        app.deliver_raw(envelope, payload.clone()).await;
    }
    assert!(
        app.parked().await.is_empty(),
        "nothing is parked because another event is missing"
    );
}

/// Delivers an event that is recorded now, by the service's clock.
async fn deliver<E: Event>(app: &TestApp, version: i64, event: &E) {
    let mut envelope = testing::envelope(Uuid::new_v4(), version, event);
    envelope.recorded_at = app.clock().now();
    app.deliver_raw(&envelope, serde_json::to_vec(event).unwrap())
        .await;
}

/// The kinds of a person's notifications, oldest first.
async fn notification_kinds(app: &TestApp, id: Uuid) -> Vec<String> {
    let sql = "select kind from notification where salesman_id = $1 order by id";
    sqlx::query_scalar(sql)
        .bind(id)
        .fetch_all(app.pool())
        .await
        .unwrap()
}

/// A person's newest notification, as the API shows it.
async fn newest_notification(app: &TestApp, id: Uuid) -> Value {
    app.as_salesman(id)
        .get("/salesmen/me/notifications")
        .await
        .expect(200)["items"][0]
        .clone()
}
