//! The consultation service through its routes and its policies, on a real Postgres.

mod after_erasure;
mod closed;
mod counts;
mod create;
mod description;
mod edit;
mod erasure;
mod hand_over;
mod http;
mod idempotency;
mod list;
mod logs;
mod me;
mod migrations;
mod notes;
mod one_per_programme;
mod permissions;
mod phone;
mod plans;
mod policies;
mod progress;
mod projections;
mod texts;
mod timeline;
mod visibility;

use axum::http::Method;
use events::{
    Actor, ConsultationId, CustomerId, CustomerRef, LastFour, MatchId, Origin, PersonRef,
    ProjectCreated, ProjectId, SalesmanId, SalesmanMatched, Strategy,
};
use serde_json::{Value, json};
use service_kit::auth::Identity;
use service_kit::testing::{Caller, TestApp, TestResponse, an_edition, customer};
use uuid::Uuid;

/// The phone of the customer in most tests.
const PHONE: &str = "010-1234-5678";

/// The phone of another customer.
const OTHER_PHONE: &str = "010-9999-0000";

const SALESMAN: Uuid = Uuid::from_u128(0x5A1E);
const CONSULTANT: Uuid = Uuid::from_u128(0xC045);
const PROJECT: Uuid = Uuid::from_u128(0x9407);

const JSON: (&str, &str) = ("content-type", "application/json");

fn request_body() -> Value {
    json!({
        "projectId": PROJECT,
        "projectName": "스마트상점 기술보급사업",
        "desiredDate": "2026-12-01",
        "memo": "오전에 연락 주세요",
        "customerName": "홍길동",
    })
}

async fn start() -> TestApp {
    start_with_limit(1000).await
}

/// A service in which a customer may have this many open consultations.
async fn start_with_limit(limit: u32) -> TestApp {
    let service = consultation::service();
    TestApp::start(service.number(consultation::MAX_OPEN_CONSULTATIONS, limit)).await
}

/// A project for the next consultation: [`PROJECT`] first, and then others, because a customer has
/// one open consultation about each.
async fn next_project(app: &TestApp) -> Uuid {
    let count = consultation_count(app).await;
    Uuid::from_u128(PROJECT.as_u128() + u128::try_from(count).unwrap())
}

/// Creates a consultation of [`PHONE`] about the [`next_project`] and skips its event.
async fn create_consultation(app: &TestApp) -> Uuid {
    let mut body = request_body();
    body["projectId"] = json!(next_project(app).await);
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &body)
        .await
        .expect(201);
    app.new_events().await;
    view["id"].as_str().unwrap().parse().unwrap()
}

/// A consultation with a salesman and a consultant.
async fn create_matched(app: &TestApp) -> Uuid {
    let id = create_consultation(app).await;
    app.deliver(1, &match_event(origin(id), SALESMAN, Some(CONSULTANT)))
        .await;
    id
}

fn origin(consultation: Uuid) -> Origin {
    Origin::Consultation(ConsultationId(consultation))
}

fn person(id: Uuid) -> PersonRef {
    PersonRef {
        id: SalesmanId(id),
        display_name: format!("담당 {}", id.as_u128()),
    }
}

/// The first event of a new match.
fn match_event(origin: Origin, salesman: Uuid, consultant: Option<Uuid>) -> SalesmanMatched {
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

fn project_created(name: &str) -> ProjectCreated {
    ProjectCreated {
        project_id: ProjectId(PROJECT),
        edition: an_edition(Uuid::from_u128(0x5E1), name),
        actor: Actor::System,
    }
}

async fn consultation_count(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from consultation")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

/// Sends a valid edit (`PATCH`) or cancellation (`POST`) with this `If-Match`.
async fn send_change(
    caller: &Caller<'_>,
    id: impl std::fmt::Display,
    method: Method,
    version: &str,
) -> TestResponse {
    let (path, body) = match method {
        Method::PATCH => (
            format!("/consultations/{id}"),
            json!({ "memo": "오후가 좋습니다" }),
        ),
        _ => (
            format!("/consultations/{id}/progress"),
            json!({ "step": "cancelled", "reason": "사정" }),
        ),
    };
    caller
        .send(
            method,
            &path,
            &[JSON, ("if-match", version)],
            body.to_string().into_bytes(),
        )
        .await
}

/// Erases the customer as the gateway does: with the customer's identity, without the phone.
async fn erase(app: &TestApp, phone: &str) -> TestResponse {
    let gateway = app.with(&Identity {
        phone: None,
        ..customer(phone)
    });
    gateway.send(Method::DELETE, "/me", &[], Vec::new()).await
}

/// The consultation as the caller sees it.
async fn get_consultation(caller: &Caller<'_>, id: Uuid) -> Value {
    caller
        .get(&format!("/consultations/{id}"))
        .await
        .expect(200)
}
