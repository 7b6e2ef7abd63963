//! Tests of the service through its routes, policies and assigner, on a real Postgres.

mod assigner;
mod by_hand;
mod candidates;
mod closing;
mod counts;
mod description;
mod erasure;
mod event_order;
mod hand_over;
mod http;
mod load;
mod permissions;
mod plans;
mod policies;
mod projections;
mod workload;

use chrono::{DateTime, TimeDelta, Utc};
use events::{
    Actor, ConsultationCreated, ConsultationId, ConsultationProgressed, CustomerId, CustomerRef,
    Event, InterestCreated, InterestId, InterestUpdated, LastFour, PersonRole, ProjectId,
    SalesmanId, SalesmanRegistered, SalesmanUpdated, Step,
};
use serde_json::Value;
use service_kit::Clock as _;
use service_kit::testing::{TestApp, a_profile, envelope};
use uuid::Uuid;

/// The last four digits of [`PHONE`], the number of the customer in most tests.
const FOUR: &str = "5678";
const PHONE: &str = "010-1234-5678";

async fn start() -> TestApp {
    TestApp::start(salesman_match::service()).await
}

fn customer_ref(four: &str) -> CustomerRef {
    CustomerRef {
        customer_id: CustomerId(
            service_kit::testing::customer(&format!("010-1234-{four}")).subject,
        ),
        last_four: LastFour::try_from(four.to_owned()).unwrap(),
    }
}

fn a_consultation(id: Uuid, four: &str) -> ConsultationCreated {
    ConsultationCreated {
        consultation_id: ConsultationId(id),
        project_id: ProjectId(Uuid::from_u128(0x9407)),
        project_name: Some("스마트상점".to_owned()),
        customer: customer_ref(four),
        desired_on: "2026-12-01".parse().unwrap(),
        actor: Actor::System,
    }
}

fn an_interest(id: Uuid, four: &str) -> InterestCreated {
    InterestCreated {
        interest_id: InterestId(id),
        series_id: None,
        project_id: ProjectId(Uuid::from_u128(0x9407)),
        project_name: Some("스마트상점".to_owned()),
        customer: customer_ref(four),
        actor: Actor::System,
    }
}

/// The event that turns the interest on or off.
fn turned(interest: &InterestCreated, interested: bool) -> InterestUpdated {
    InterestUpdated {
        interest_id: interest.interest_id,
        series_id: interest.series_id,
        project_id: interest.project_id,
        project_name: interest.project_name.clone(),
        customer: interest.customer.clone(),
        interested,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::Customer(interest.customer.customer_id),
    }
}

/// The event that moves the consultation to a step.
fn progressed(consultation: Uuid, to: Step) -> ConsultationProgressed {
    ConsultationProgressed {
        consultation_id: ConsultationId(consultation),
        project_id: ProjectId(Uuid::from_u128(0x9407)),
        customer: customer_ref(FOUR),
        from: Step::Apply,
        to,
        salesman_id: None,
        consultant_id: None,
        actor: Actor::System,
    }
}

fn registered(id: u128, role: PersonRole, capacity: u32) -> SalesmanRegistered {
    SalesmanRegistered {
        salesman_id: SalesmanId(Uuid::from_u128(id)),
        profile: a_profile(&format!("담당 {id}"), role, capacity),
        actor: Actor::System,
    }
}

/// The event after staff changed the profile.
fn updated(
    registered: &SalesmanRegistered,
    change: impl FnOnce(&mut events::Profile),
) -> SalesmanUpdated {
    let mut profile = registered.profile.clone();
    change(&mut profile);
    SalesmanUpdated {
        salesman_id: registered.salesman_id,
        profile,
        actor: registered.actor,
    }
}

/// Registers a salesman.
async fn salesman(app: &TestApp, id: u128, capacity: u32) {
    app.deliver(1, &registered(id, PersonRole::Salesman, capacity))
        .await;
}

/// Registers a consultant.
async fn consultant(app: &TestApp, id: u128, capacity: u32) {
    app.deliver(1, &registered(id, PersonRole::Consultant, capacity))
        .await;
}

/// Requests consultations with these last digits, one minute apart. Returns their ids.
async fn requested<S: AsRef<str>>(app: &TestApp, fours: impl IntoIterator<Item = S>) -> Vec<Uuid> {
    let (mut ids, mut at): (_, DateTime<Utc>) = (Vec::new(), app.clock().now());
    for four in fours {
        let event = a_consultation(Uuid::new_v4(), four.as_ref());
        let mut sent = envelope(Uuid::new_v4(), 1, &event);
        sent.recorded_at = at;
        at += TimeDelta::minutes(1);
        app.deliver_raw(&sent, serde_json::to_vec(&event).unwrap())
            .await;
        ids.push(event.aggregate_id());
    }
    ids
}

/// Assigns until nothing changes. Returns the number of changed matches.
async fn assign(app: &TestApp) -> usize {
    let mut total = 0;
    loop {
        match salesman_match::assign_waiting(app.context()).await.unwrap() {
            0 => return total,
            changed => total += changed,
        }
    }
}

/// The match of a consultation or an interest, as staff see it.
async fn match_of(app: &TestApp, origin: Uuid) -> Value {
    app.as_staff()
        .get(&format!("/salesman-matches?origin={origin}"))
        .await
        .expect(200)["items"][0]
        .clone()
}

/// The id of the match of a consultation or an interest.
async fn match_id(app: &TestApp, origin: Uuid) -> Uuid {
    match_of(app, origin).await["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// The number in the id of the person in this role.
fn who(view: &Value, role: &str) -> Option<u128> {
    view[role]["id"]
        .as_str()
        .map(|id| id.parse::<Uuid>().unwrap().as_u128())
}
