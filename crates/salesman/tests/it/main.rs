//! The salesman service through its routes and its policies, on a real Postgres.

mod http;
mod policies;

use events::{
    Actor, ConsultationId, CustomerId, CustomerRef, LastFour, MatchId, Origin, PersonRef, ProjectId, SalesmanId, SalesmanMatched,
    Strategy,
};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

const SALESMAN: Uuid = Uuid::from_u128(0x5A1E);
const CONSULTANT: Uuid = Uuid::from_u128(0xC045);
const CONSULTATION: Uuid = Uuid::from_u128(0xC0);

async fn start() -> TestApp {
    TestApp::start(salesman::service()).await
}

/// Somebody who has this number.
fn somebody(phone: &str) -> Value {
    json!({ "name": "김영업", "phone": phone })
}

fn person(id: Uuid) -> PersonRef {
    PersonRef { id: SalesmanId(id), display_name: format!("담당 {}", id.as_u128()) }
}

/// A match of its own for the usual consultation.
fn a_match(salesman: Uuid, consultant: Option<Uuid>) -> SalesmanMatched {
    SalesmanMatched {
        match_id: MatchId(Uuid::new_v4()),
        origin: Origin::Consultation(ConsultationId(CONSULTATION)),
        project_id: ProjectId(Uuid::from_u128(0x9407)),
        project_name: Some("스마트상점".to_owned()),
        customer: CustomerRef {
            customer_id: CustomerId(Uuid::from_u128(0xC057)),
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
