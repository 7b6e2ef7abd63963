//! The consultation service through its routes and its policies, on a real Postgres.

mod changing;
mod copies;
mod creating;
mod description;
mod erased;
mod erasing;
mod http;
mod listing;
mod logs;
mod me;
mod migrations;
mod notes;
mod permissions;
mod phone;
mod policies;
mod retrying;
mod strangers;
mod timeline;

use axum::http::Method;
use events::{
    Actor, ConsultationId, CustomerId, CustomerRef, LastFour, MatchId, Origin, PersonRef,
    ProjectCreated, ProjectId, SalesmanId, SalesmanMatched, Strategy,
};
use serde_json::{Value, json};
use service_kit::auth::Identity;
use service_kit::testing::{Caller, TestApp, TestResponse, an_edition, customer};
use uuid::Uuid;

/// The customer of most tests.
const PHONE: &str = "010-1234-5678";

/// A customer who has nothing to do with the one of most tests.
const STRANGER: &str = "010-9999-0000";

const SALESMAN: Uuid = Uuid::from_u128(0x5A1E);
const CONSULTANT: Uuid = Uuid::from_u128(0xC045);
const PROJECT: Uuid = Uuid::from_u128(0x9407);

const JSON: (&str, &str) = ("content-type", "application/json");

fn a_request() -> Value {
    json!({
        "projectId": PROJECT,
        "projectName": "스마트상점 기술보급사업",
        "desiredDate": "2026-12-01",
        "memo": "오전에 연락 주세요",
        "customerName": "홍길동",
    })
}

async fn start() -> TestApp {
    TestApp::start(consultation::service()).await
}

/// Requests a consultation as the usual customer, and forgets its event.
async fn requested(app: &TestApp) -> Uuid {
    let view = app
        .as_customer(PHONE)
        .post("/consultations", &a_request())
        .await
        .expect(201);
    app.new_events().await;
    view["id"].as_str().unwrap().parse().unwrap()
}

/// A request on which a salesman and a consultant are.
async fn requested_and_matched(app: &TestApp) -> Uuid {
    let id = requested(app).await;
    app.deliver(
        1,
        &a_match(
            Origin::Consultation(ConsultationId(id)),
            SALESMAN,
            Some(CONSULTANT),
        ),
    )
    .await;
    id
}

fn person(id: Uuid) -> PersonRef {
    PersonRef {
        id: SalesmanId(id),
        display_name: format!("담당 {}", id.as_u128()),
    }
}

/// A match of its own for the origin.
fn a_match(origin: Origin, salesman: Uuid, consultant: Option<Uuid>) -> SalesmanMatched {
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

fn a_project(name: &str) -> ProjectCreated {
    ProjectCreated {
        project_id: ProjectId(PROJECT),
        edition: an_edition(Uuid::from_u128(0x5E1), name),
        actor: Actor::System,
    }
}

async fn rows(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from consultation")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

/// A change that is right in everything but what the test is about.
async fn change(
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

/// Forgets the customer of that number as the gateway does: in his name, without his number.
async fn erase(app: &TestApp, phone: &str) -> TestResponse {
    let gateway = app.with(&Identity {
        phone: None,
        ..customer(phone)
    });
    gateway.send(Method::DELETE, "/me", &[], Vec::new()).await
}

/// One consultation as that caller sees it.
async fn shown(caller: &Caller<'_>, id: Uuid) -> Value {
    caller
        .get(&format!("/consultations/{id}"))
        .await
        .expect(200)
}
