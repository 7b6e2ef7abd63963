//! What every statement reads while the tables are large.

use axum::http::Method;
use chrono::Days;
use events::{Actor, Edition, ProjectCreated, ProjectId, SeriesId, Step};
use serde_json::json;
use service_kit::auth::{Identity, Role};
use service_kit::clock::seoul_date;
use service_kit::testing::{Plans, ROUNDS, TestApp, unmatched};
use uuid::Uuid;

use crate::{
    CONSULTATION, an_edition, consultation_edited, consultation_match, consultation_progressed,
    interest_match, interest_updated,
};

/// 100,000 assignments, outcomes and notifications, of 1,000 people, and 100,000 projects. One
/// person has half of them.
const FILL: &str = "
    create function pg_temp.id(n bigint) returns uuid language sql immutable as $$
        select lpad(to_hex(n), 32, '0')::uuid $$;
    insert into salesman (id, name, display_name, phone, role, regions, categories, capacity,
                          active, version, created_at)
    select pg_temp.id(n), 'x' || n, 'x' || n, '+8210' || (20000000 + n),
           case when n % 2 = 1 then 'salesman' else 'consultant' end, '[]', '[]', 30, n % 4 > 0,
           1, now()
    from generate_series(1, 1000) n;
    insert into known_project (id, series_id, name, status, version)
    select pg_temp.id(n), pg_temp.id(n / 2), 'x' || n, 'ongoing', 1
    from generate_series(1, 100000) n;
    insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id,
                            salesman_id, consultant_id, match_version, match_origin_version,
                            matched_at, wanted, closed_version)
    select case when n % 3 = 0 then 'interest' else 'consultation' end, pg_temp.id(n),
           pg_temp.id(n / 2), '0000', pg_temp.id(n % 50000 + 1),
           pg_temp.id(case when n % 2 = 0 then 1 else n % 1000 + 1 end), pg_temp.id(2), 1, 1,
           now(), n % 4 < 2, 0
    from generate_series(1, 100000) n;
    insert into outcome (consultation_id, salesman_id, succeeded, ended_at)
    select pg_temp.id(n), pg_temp.id(case when n % 2 = 0 then 1 else n % 1000 + 1 end),
           n % 5 < 2, now() - n % 1000 * interval '1 day'
    from generate_series(1, 100000) n;
    insert into outcome_day (salesman_id, day, succeeded, failed)
    select salesman_id, (ended_at at time zone interval '9 hours')::date,
           count(*) filter (where succeeded), count(*) filter (where not succeeded)
    from outcome group by 1, 2;
    insert into workload (salesman_id, open) select salesman_id, count(*) from assignment where open
    group by salesman_id;
    insert into notification (id, salesman_id, kind, event_id, origin_kind, origin_id, project_id,
                              details, created_at, read_at)
    select pg_temp.id(n), pg_temp.id(case when n % 2 = 0 then 1 else n % 1000 + 1 end),
           'assigned', pg_temp.id(n), 'consultation', pg_temp.id(n), pg_temp.id(n % 50000 + 1),
           case when n % 3 > 0 then jsonb_build_object('customerId', pg_temp.id(n / 2)) else '{}' end,
           now(), case when n % 4 < 2 then now() end
    from generate_series(1, 100000) n;";

/// The person with half of everything.
const BUSY: Uuid = Uuid::from_u128(1);
const CONSULTANT: Uuid = Uuid::from_u128(2);

async fn read(plans: &mut Plans, app: &TestApp, round: u16) {
    let staff = app.as_staff();
    for path in [
        "/salesmen",
        "/salesmen?role=salesman",
        "/salesmen?role=consultant&active=true",
        "/salesmen?active=false",
        "/salesmen?q=x",
    ] {
        plans.pages(&staff, path).await;
    }
    plans.get(&staff, "/salesmen?q=x77").await;
    plans
        .get(&staff, &format!("/salesmen/{BUSY}/outcomes"))
        .await;
    let today = seoul_date(app.context().db.now());
    let from = today - Days::new(6);
    for path in [
        "/salesmen/dashboard".to_owned(),
        format!("/salesmen/dashboard?from={from}&until={today}"),
    ] {
        plans.get(&staff, &path).await;
    }
    plans.get(&staff, &format!("/salesmen/{BUSY}")).await;
    for caller in [app.as_salesman(BUSY), app.as_consultant(CONSULTANT)] {
        plans.get(&caller, "/salesmen/me").await;
        plans.get(&caller, "/salesmen/me/outcomes").await;
    }
    let busy = app.as_salesman(BUSY);
    for path in [
        "/salesmen/me/notifications",
        "/salesmen/me/notifications?unread=true",
    ] {
        plans.pages(&busy, path).await;
    }
    let read = json!({ "ids": [Uuid::from_u128(2 + 4 * u128::from(round))] });
    let mark = busy.post("/salesmen/me/notifications/read", &read);
    plans.check("ReadNotifications", mark).await;
    let customer = app.with(&Identity {
        role: Role::Customer,
        subject: Uuid::from_u128(100 + 2 * u128::from(round)),
        phone: None,
    });
    plans.get(&customer, "/me/data").await;
    plans
        .get(&customer, &format!("/salesmen/{CONSULTANT}/card"))
        .await;
    let erase = customer.send(Method::DELETE, "/me", &[], Vec::new());
    plans.check("EraseCustomer", erase).await.expect(204);
}

async fn edit_roster(plans: &mut Plans, app: &TestApp, round: u16) {
    let staff = app.as_staff();
    let body = json!({ "name": "김영업", "phone": format!("010-9999-{round:04}") });
    let registered = plans.check("RegisterSalesman", staff.post("/salesmen", &body));
    let registered = registered.await.expect(201);
    let path = format!("/salesmen/{}", registered["id"].as_str().unwrap());
    let body = json!({ "capacity": 40 });
    let update = staff.patch_if(&path, 1, &body);
    plans.check("UpdateSalesman", update).await.expect(200);
}

async fn consume(plans: &mut Plans, app: &TestApp, round: u16) {
    for event in [
        consultation_match(BUSY, Some(CONSULTANT)),
        interest_match(BUSY, None),
    ] {
        plans.deliver(app, &event).await;
    }
    let matched = interest_match(BUSY, None);
    plans.deliver(app, &unmatched(&matched, &[BUSY])).await;
    for interested in [false, true] {
        let event = interest_updated(interested, Some(BUSY), None);
        plans.deliver(app, &event).await;
    }
    plans
        .deliver(app, &consultation_edited(Some(BUSY), None))
        .await;
    for steps in [
        (Step::Apply, Step::Approved),
        (Step::Approved, Step::Succeeded),
    ] {
        let event = consultation_progressed(CONSULTATION, steps, Some(BUSY), None);
        plans.deliver(app, &event).await;
    }
    edit_projects(plans, app, round).await;
}

/// Of a series that people serve.
async fn edit_projects(plans: &mut Plans, app: &TestApp, round: u16) {
    let id = 6 + 2 * u128::from(round);
    let project_id = ProjectId(Uuid::from_u128(id));
    let edition = Edition {
        series_id: SeriesId(Uuid::from_u128(id / 2)),
        predecessor: Some(ProjectId(Uuid::from_u128(id + 1))),
        ..an_edition()
    };
    let created = ProjectCreated {
        project_id: ProjectId(Uuid::new_v4()),
        edition: edition.clone(),
        actor: Actor::System,
    };
    plans.deliver(app, &created).await;
    plans.deliver_edition(app, project_id, &edition).await;
}

#[tokio::test]
async fn statement_reads_no_more_rows_than_it_needs() {
    let (app, mut plans) = Plans::start(salesman::service, FILL).await;
    for round in 0..ROUNDS {
        read(&mut plans, &app, round).await;
        edit_roster(&mut plans, &app, round).await;
        consume(&mut plans, &app, round).await;
    }
    plans.finish();
}
