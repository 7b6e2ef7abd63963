//! The interest service through its routes and its policies, on a real Postgres.

mod after_erasure;
mod batches;
mod counts;
mod create;
mod customers;
mod description;
mod erasure;
mod hand_over;
mod http;
mod marks;
mod me;
mod merging;
mod migrations;
mod notifications;
mod permissions;
mod phone;
mod plans;
mod policies;
mod progress;
mod projections;
mod reminders;
mod texts;
mod unattended;
mod views;

use chrono::{DateTime, NaiveDate, Utc};
use events::{
    Actor, CustomerId, CustomerRef, Edition, EditionField, Event, InterestId, LastFour, MatchId,
    Origin, Period, PeriodKind, PersonRef, ProjectCreated, ProjectEdited, ProjectEnded, ProjectId,
    ProjectStarted, ProjectStatus, SalesmanId, SalesmanMatched, Strategy,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, an_edition, customer, envelope};
use uuid::Uuid;

/// The phone number of the customer of most tests.
const PHONE: &str = "010-1234-5678";

/// The phone number of another customer.
const OTHER_PHONE: &str = "010-9999-0000";

const SALESMAN: Uuid = Uuid::from_u128(0x5A1E);
const CONSULTANT: Uuid = Uuid::from_u128(0xC045);
const PROJECT: Uuid = Uuid::from_u128(0x9407);
const SERIES: Uuid = Uuid::from_u128(0x5E1);

fn create_body() -> Value {
    json!({ "projectId": PROJECT, "projectName": "스마트상점 기술보급사업", "customerName": "홍길동" })
}

async fn start() -> TestApp {
    TestApp::start(interest::service()).await
}

/// Creates an interest of the usual customer, and discards its event.
async fn create_interest(app: &TestApp) -> Uuid {
    let view = app
        .as_customer(PHONE)
        .post("/interests", &create_body())
        .await
        .expect(201);
    app.new_events().await;
    view["id"].as_str().unwrap().parse().unwrap()
}

/// Creates an interest with a salesman and a consultant.
async fn create_matched_interest(app: &TestApp) -> Uuid {
    let id = create_interest(app).await;
    app.deliver(
        1,
        &salesman_matched(interest_origin(id), SALESMAN, Some(CONSULTANT)),
    )
    .await;
    id
}

fn interest_origin(id: Uuid) -> Origin {
    Origin::Interest(InterestId(id))
}

fn person(id: Uuid) -> PersonRef {
    PersonRef {
        id: SalesmanId(id),
        display_name: format!("담당 {}", id.as_u128()),
    }
}

/// A new match for the origin.
fn salesman_matched(origin: Origin, salesman: Uuid, consultant: Option<Uuid>) -> SalesmanMatched {
    SalesmanMatched {
        match_id: MatchId(Uuid::new_v4()),
        origin,
        origin_version: None,
        project_id: ProjectId(PROJECT),
        project_name: Some("스마트상점 기술보급사업".to_owned()),
        customer: CustomerRef {
            customer_id: CustomerId(customer(PHONE).subject),
            last_four: LastFour::try_from("5678".to_owned()).unwrap(),
        },
        salesman: person(salesman),
        consultant: consultant.map(person),
        previous_salesman_id: None,
        previous_consultant_id: None,
        strategy: Strategy::PhoneSuffix,
        actor: Actor::System,
    }
}

/// A new edition of the usual programme.
fn project_created(id: Uuid, name: &str) -> ProjectCreated {
    ProjectCreated {
        project_id: ProjectId(id),
        edition: an_edition(SERIES, name),
        actor: Actor::System,
    }
}

/// An edition of the usual programme in that year.
fn edition_of_year(year: i32, status: ProjectStatus) -> Edition {
    Edition {
        year,
        status,
        ..an_edition(SERIES, &format!("{year}년 스마트상점"))
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A period with that last day, if any.
fn period_until(end: Option<&str>) -> Period {
    let ends_on = end.map(day);
    Period {
        kind: PeriodKind::Range,
        text: "공고문 참조".to_owned(),
        starts_on: None,
        ends_on,
    }
}

fn created(id: Uuid, edition: Edition) -> ProjectCreated {
    ProjectCreated {
        project_id: ProjectId(id),
        edition,
        actor: Actor::System,
    }
}

fn started(id: Uuid, edition: Edition) -> ProjectStarted {
    let edition = Edition {
        status: ProjectStatus::Ongoing,
        ..edition
    };
    ProjectStarted {
        project_id: ProjectId(id),
        edition,
        actor: Actor::System,
    }
}

fn ended(id: Uuid, edition: Edition) -> ProjectEnded {
    let edition = Edition {
        status: ProjectStatus::Ended,
        ..edition
    };
    ProjectEnded {
        project_id: ProjectId(id),
        edition,
        actor: Actor::System,
    }
}

fn edited(id: Uuid, edition: Edition, changed: &[EditionField]) -> ProjectEdited {
    ProjectEdited {
        project_id: ProjectId(id),
        edition,
        changed: changed.to_vec(),
        previous_period: None,
        actor: Actor::System,
    }
}

/// Delivers an event with that recorded time.
async fn deliver_at<E: Event>(app: &TestApp, at: DateTime<Utc>, version: i64, event: &E) {
    let mut envelope = envelope(Uuid::new_v4(), version, event);
    envelope.recorded_at = at;
    app.deliver_raw(&envelope, serde_json::to_vec(event).unwrap())
        .await;
}

/// An interest as staff see it.
async fn view_as_staff(app: &TestApp, id: Uuid) -> Value {
    app.as_staff()
        .get(&format!("/interests/{id}"))
        .await
        .expect(200)
}

fn id_of(view: &Value) -> Uuid {
    view["id"].as_str().unwrap().parse().unwrap()
}

/// The ids of a page, in order.
fn ids(page: &Value) -> Vec<Uuid> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(id_of)
        .collect()
}
