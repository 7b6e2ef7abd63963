//! What every statement reads while the tables are large.

use axum::http::Method;
use events::{Actor, PersonRole, ProjectCreated, ProjectId, Step};
use serde_json::json;
use service_kit::auth::{Identity, Role};
use service_kit::testing::{Plans, ROUNDS, TestApp, an_edition};
use uuid::Uuid;

use crate::{FOUR, a_consultation, an_interest, progressed, registered, turned, updated};

/// 100,000 matches of 1,000 people, a tenth of them open and a tenth in the queue, and 100,000
/// projects. One person has half of the closed ones.
const FILL: &str = "
    create function pg_temp.id(n bigint) returns uuid language sql immutable as $$
        select lpad(to_hex(n), 32, '0')::uuid $$;
    insert into known_salesman (id, display_name, role, capacity, active, version)
    select pg_temp.id(n), 'x', case when n <= 500 then 'salesman' else 'consultant' end,
           case when n in (1, 501) then 1000 else 100 end, n % 100 > 0, 1
    from generate_series(1, 1000) n;
    insert into known_project (id, name, category, regions, version)
    select pg_temp.id(n), 'x', '기술', '{}', 1 from generate_series(1, 100000) n;
    insert into salesman_match (id, origin_kind, origin_id, project_id, customer_id, last_four,
                                salesman_id, salesman_name, consultant_id, consultant_name,
                                strategy, reason, requested_at, matched_at, closed_at, version)
    select pg_temp.id(n), 'consultation', pg_temp.id(n), pg_temp.id(n % 50000 + 1),
           pg_temp.id(n / 2), '0000',
           case when n % 10 > 0 or n % 20 = 0
                then pg_temp.id(case when n % 10 > 1 and n % 2 = 0 then 1 else n % 499 + 1 end) end,
           case when n % 10 > 0 or n % 20 = 0 then 'x' end,
           case when n % 10 > 0
                then pg_temp.id(case when n % 10 > 1 and n % 2 = 0 then 501 else n % 499 + 502 end)
                end,
           case when n % 10 > 0 then 'x' end, 'phone-suffix', '{}',
           timestamptz '2026-11-01' + n * interval '1 s', now(),
           case when n % 10 > 1 then now() end, 1
    from generate_series(1, 100000) n;
    insert into workload (person, open)
    select person, count(*) from salesman_match
    cross join lateral (values (salesman_id), (consultant_id)) assigned (person)
    where closed_at is null and person is not null group by person;";

/// The person with half of the matches.
const BUSY: Uuid = Uuid::from_u128(1);
const BUSY_CONSULTANT: Uuid = Uuid::from_u128(501);

async fn read(plans: &mut Plans, app: &TestApp, round: u16) {
    let staff = app.as_staff();
    for path in [
        "/salesman-matches".to_owned(),
        "/salesman-matches?open=true".to_owned(),
        "/salesman-matches?open=false".to_owned(),
        "/salesman-matches?unassigned=true".to_owned(),
        "/salesman-matches?unassigned=true&open=true".to_owned(),
        format!("/salesman-matches?salesman={BUSY}"),
        format!("/salesman-matches?salesman={BUSY}&open=false"),
        format!("/salesman-matches?salesman={BUSY_CONSULTANT}&open=false"),
    ] {
        plans.pages(&staff, &path).await;
    }
    let id = Uuid::from_u128(1000 + 10 * u128::from(round));
    for path in [
        format!("/salesman-matches?origin={id}"),
        format!("/salesman-matches?origin={id}&unassigned=true"),
        format!("/salesman-matches?salesman={BUSY}&open=true"),
        format!(
            "/salesman-matches?salesman={}&open=true",
            Uuid::from_u128(3)
        ),
        format!("/salesman-matches?salesman={BUSY}&unassigned=true"),
        format!(
            "/salesman-matches?salesman={}&unassigned=true",
            Uuid::from_u128(3)
        ),
        "/salesman-matches?unassigned=true&open=false".to_owned(),
        format!("/salesman-matches/{id}"),
        "/salesman-matches/candidates?role=salesman".to_owned(),
        "/salesman-matches/candidates".to_owned(),
        "/salesman-matches/counts".to_owned(),
    ] {
        plans.get(&staff, &path).await;
    }
    for (caller, own) in [
        (app.as_salesman(BUSY), id),
        (app.as_consultant(BUSY_CONSULTANT), id),
    ] {
        plans.pages(&caller, "/salesman-matches").await;
        plans.pages(&caller, "/salesman-matches?open=false").await;
        plans.get(&caller, "/salesman-matches?open=true").await;
        plans
            .get(&caller, "/salesman-matches?unassigned=true")
            .await;
        let path = format!("/salesman-matches?salesman={BUSY}&open=false");
        plans.pages(&caller, &path).await;
        let path = format!("/salesman-matches/{own}");
        plans.check("show", caller.get(&path)).await;
    }
    read_as_customer(plans, app, round).await;
}

async fn read_as_customer(plans: &mut Plans, app: &TestApp, round: u16) {
    let customer = app.with(&Identity {
        role: Role::Customer,
        subject: Uuid::from_u128(1000 + u128::from(round)),
        phone: None,
    });
    for path in [
        "/salesman-matches",
        "/salesman-matches?unassigned=true",
        "/me/data",
    ] {
        plans.get(&customer, path).await;
    }
    let erase = customer.send(Method::DELETE, "/me", &[], Vec::new());
    plans.check("EraseCustomer", erase).await.expect(204);
}

async fn consume(plans: &mut Plans, app: &TestApp, round: u16) {
    let round = u128::from(round);
    let interest = an_interest(Uuid::new_v4(), FOUR);
    plans.deliver(app, &interest).await;
    for interested in [false, true] {
        plans.deliver(app, &turned(&interest, interested)).await;
    }
    let consultation = Uuid::new_v4();
    plans
        .deliver(app, &a_consultation(consultation, FOUR))
        .await;
    for to in [Step::Approved, Step::Cancelled] {
        plans.deliver(app, &progressed(consultation, to)).await;
    }
    let person = registered(2000 + round, PersonRole::Salesman, 5);
    plans.deliver(app, &person).await;
    plans
        .deliver(app, &updated(&person, |profile| profile.capacity = 6))
        .await;
    let project_id = ProjectId(Uuid::new_v4());
    let edition = an_edition(Uuid::new_v4(), "스마트상점");
    let created = ProjectCreated {
        project_id,
        edition: edition.clone(),
        actor: Actor::System,
    };
    plans.deliver(app, &created).await;
    plans.deliver_edition(app, project_id, &edition).await;
}

async fn assign(plans: &mut Plans, app: &TestApp, round: u16) {
    let path = format!(
        "/salesman-matches/{}",
        Uuid::from_u128(11 + 10 * u128::from(round))
    );
    let body = json!({ "salesmanId": Uuid::from_u128(3) });
    let staff = app.as_staff();
    let by_hand = staff.patch_if(&path, 1, &body);
    plans.check("MatchByHand", by_hand).await.expect(200);
    // People who are inactive still have matches: they are handed over first.
    let assigned = salesman_match::assign_waiting(app.context());
    assert!(plans.check("assigner", assigned).await.unwrap() > 0);
}

#[tokio::test]
async fn statement_reads_no_more_rows_than_it_needs() {
    let (app, mut plans) = Plans::start(salesman_match::service, FILL).await;
    for round in 0..ROUNDS {
        read(&mut plans, &app, round).await;
        consume(&mut plans, &app, round).await;
        assign(&mut plans, &app, round).await;
    }
    plans.finish();
}
