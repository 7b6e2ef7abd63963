//! The interest service through its routes and its policies, on a real Postgres.

mod http;
mod policies;

use events::{
    Actor, CustomerId, CustomerRef, InterestId, LastFour, MatchId, Origin, PersonRef, ProjectCreated, ProjectId, SalesmanId,
    SalesmanMatched, Strategy,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, an_edition, customer};
use uuid::Uuid;

/// The customer of most tests.
const PHONE: &str = "010-1234-5678";

/// A customer who has nothing to do with the one of most tests.
const STRANGER: &str = "010-9999-0000";

const SALESMAN: Uuid = Uuid::from_u128(0x5A1E);
const CONSULTANT: Uuid = Uuid::from_u128(0xC045);
const PROJECT: Uuid = Uuid::from_u128(0x9407);
const SERIES: Uuid = Uuid::from_u128(0x5E1);

fn a_mark() -> Value {
    json!({ "projectId": PROJECT, "projectName": "스마트상점 기술보급사업", "customerName": "홍길동" })
}

async fn start() -> TestApp {
    TestApp::start(interest::service()).await
}

/// Marks a project as the usual customer, and forgets the event.
async fn marked(app: &TestApp) -> Uuid {
    let view = app.as_customer(PHONE).post("/interests", &a_mark()).await.expect(201);
    app.new_events().await;
    view["id"].as_str().unwrap().parse().unwrap()
}

/// A mark on which a salesman and a consultant are.
async fn marked_and_matched(app: &TestApp) -> Uuid {
    let id = marked(app).await;
    app.deliver(1, &a_match(of(id), SALESMAN, Some(CONSULTANT))).await;
    id
}

fn of(id: Uuid) -> Origin {
    Origin::Interest(InterestId(id))
}

fn person(id: Uuid) -> PersonRef {
    PersonRef { id: SalesmanId(id), display_name: format!("담당 {}", id.as_u128()) }
}

/// A match of its own for the origin.
fn a_match(origin: Origin, salesman: Uuid, consultant: Option<Uuid>) -> SalesmanMatched {
    SalesmanMatched {
        match_id: MatchId(Uuid::new_v4()),
        origin,
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

/// An edition of the usual programme.
fn a_project(id: Uuid, name: &str) -> ProjectCreated {
    ProjectCreated { project_id: ProjectId(id), edition: an_edition(SERIES, name), actor: Actor::System }
}
