//! What every statement reads while the tables are large.

use axum::http::Method;
use events::{
    Actor, ConsultationCreated, ConsultationEdited, ConsultationId, ConsultationProgressed,
    CustomerId, CustomerRef, LastFour, ProjectId, ProjectStatus, SeriesId, Step,
};
use serde_json::json;
use service_kit::auth::{Identity, Role};
use service_kit::testing::{Plans, ROUNDS, TestApp, unmatched};
use uuid::Uuid;

use crate::{PROJECT, created, edition_of_year, interest_origin, salesman_matched};

/// 100,000 interests of 50,000 customers, half of them of one salesman, one consultation and two
/// notifications each, and 100,000 editions.
const FILL: &str = r"
    create function pg_temp.id(n bigint) returns uuid language sql immutable as $$
        select lpad(to_hex(n), 32, '0')::uuid $$;
    insert into known_salesman (id, display_name) select pg_temp.id(n), 'x'
    from generate_series(1, 1000) n;
    insert into known_project (id, series_id, name, status, name_key, year)
    select pg_temp.id(n), pg_temp.id(n / 5), 'x' || n, 'ended', 'x' || n, 2026
    from generate_series(1, 100000) n;
    insert into customer (id, last_four) select pg_temp.id(n), lpad((n % 10000)::text, 4, '0')
    from generate_series(0, 50000) n;
    insert into interest (id, subject_id, series_id, project_id, customer_id, phone, interested,
                          on_since, salesman_id, salesman_name, consultant_id, consultant_name,
                          version, created_at, updated_at)
    select pg_temp.id(n), pg_temp.id(n / 50), pg_temp.id(n / 50), pg_temp.id(n / 10),
           pg_temp.id(n % 50000), '+8210' || lpad((n % 50000)::text, 8, '0'), n % 5 < 4, now(),
           pg_temp.id(case when n % 2 = 0 then 1 else n % 1000 + 1 end), 'x', pg_temp.id(2), 'x', 1,
           now(), now()
    from generate_series(1, 100000) n;
    insert into known_consultation (id, customer_id, salesman_id, salesman_name, updated_at)
    select pg_temp.id(n), pg_temp.id(n / 2), pg_temp.id(1), 'x', now()
    from generate_series(1, 100000) n;
    insert into served (customer_id, role, person_id, person_name, interests, consultations,
                        last_activity_at)
    select pg_temp.id(n), role, pg_temp.id(case when role = 'consultant' then 2 when n % 2 = 0 then 1
                                                else n % 1000 + 1 end), 'x', '{}', '{}',
           timestamptz '2026-01-01' + n * interval '1 min'
    from generate_series(1, 50000) n, (values ('salesman'), ('consultant')) roles (role);
    insert into notification (id, customer_id, kind, event_id, series_id, project_id, project_name,
                              created_at, read_at)
    select pg_temp.id(n), pg_temp.id(case when n % 2 = 0 then 7 else n / 4 end), 'edited',
           pg_temp.id(n), pg_temp.id(n), pg_temp.id(n), 'x', now(),
           case when n % 4 < 2 then now() end
    from generate_series(1, 100000) n;
    insert into disclosure (id, role, viewer_id, customer_id, interest_id, at)
    select pg_temp.id(n), 'staff', pg_temp.id(1), pg_temp.id(n / 2), pg_temp.id(n), now()
    from generate_series(1, 100000) n;
    insert into news (event_id, kind, series_id, project_id, project_name, changed, deadline_moved,
                      at)
    select pg_temp.id(n), 'edited', pg_temp.id(n / 5), pg_temp.id(n), 'x', '{}', false, now()
    from generate_series(1, 100000) n;";

/// The salesman with half of the interests, the consultant of all, and the customer with half of
/// the notifications.
const BUSY: Uuid = Uuid::from_u128(1);
const CONSULTANT: Uuid = Uuid::from_u128(2);
const NOTIFIED: Uuid = Uuid::from_u128(7);

fn customer(subject: Uuid) -> Identity {
    Identity {
        role: Role::Customer,
        subject,
        phone: None,
    }
}

async fn list(plans: &mut Plans, app: &TestApp) {
    let staff = app.as_staff();
    let other = Uuid::from_u128(777);
    for path in [
        "/interests",
        "/interests?interested=true",
        "/interests?interested=false",
        "/interests/unattended",
        "/interests/customers",
    ] {
        plans.pages(&staff, path).await;
    }
    for path in [
        format!("/interests?salesman={BUSY}"),
        format!("/interests?consultant={CONSULTANT}&interested=true"),
        format!("/interests/customers?salesman={BUSY}"),
    ] {
        plans.pages(&staff, &path).await;
    }
    for path in [
        format!("/interests?project={other}"),
        format!("/interests?series={other}&interested=true"),
        format!("/interests?customer={other}"),
        format!("/interests/{other}"),
        "/interests?unassigned=true".to_owned(),
        "/interests?lastFour=0777".to_owned(),
        format!("/interests?salesman={BUSY}&lastFour=0778"),
        "/interests/customers?lastFour=0777".to_owned(),
        "/interests/counts".to_owned(),
    ] {
        plans.get(&staff, &path).await;
    }
    for caller in [app.as_salesman(BUSY), app.as_consultant(CONSULTANT)] {
        for path in [
            "/interests",
            "/interests?interested=true",
            "/interests?interested=false",
            "/interests/unattended",
            "/interests/customers",
        ] {
            plans.pages(&caller, path).await;
        }
        for path in ["/interests?lastFour=0778", "/interests/counts"] {
            plans.get(&caller, path).await;
        }
        plans
            .get(&caller, &format!("/interests?series={other}"))
            .await;
    }
    let notified = app.with(&customer(NOTIFIED));
    for path in [
        "/interests/notifications",
        "/interests/notifications?unread=true",
    ] {
        plans.pages(&notified, path).await;
    }
}

async fn read(plans: &mut Plans, app: &TestApp, round: u16) {
    let number = 2000 + u128::from(round);
    let caller = app.with(&customer(Uuid::from_u128(number)));
    for path in [
        "/interests",
        "/interests/counts",
        "/interests/marks",
        "/me/data",
        "/me/disclosures",
    ] {
        plans.get(&caller, path).await;
    }
    let body = json!({ "ids": [Uuid::from_u128(number)] });
    let notified = app.with(&customer(NOTIFIED));
    let mark = notified.post("/interests/notifications/read", &body);
    plans.check("ReadNotifications", mark).await;
    let asking = app.as_customer(&format!("010-7777-{round:04}"));
    for body in [
        json!({ "projectId": Uuid::from_u128(5) }),
        json!({ "projectName": "x7" }),
    ] {
        let request = asking.post("/interests", &body);
        plans.check("CreateInterest", request).await;
    }
    let path = format!("/interests/{}", Uuid::from_u128(2 * number + 1));
    let body = json!({ "interested": true });
    let staff = app.as_staff();
    plans
        .check("UpdateInterest", staff.patch_if(&path, 1, &body))
        .await;
    let erase = caller.send(Method::DELETE, "/me", &[], Vec::new());
    plans.check("EraseCustomer", erase).await.expect(204);
    let reminded = interest::remind_deadlines(app.context());
    plans.check("SendReminders", reminded).await.unwrap();
}

fn customer_ref(number: u128) -> CustomerRef {
    CustomerRef {
        customer_id: CustomerId(Uuid::from_u128(number)),
        last_four: LastFour::try_from("0000".to_owned()).unwrap(),
    }
}

async fn consume(plans: &mut Plans, app: &TestApp, round: u16) {
    let number = 6000 + 2 * u128::from(round);
    let origin = interest_origin(Uuid::from_u128(number));
    let mut matched = salesman_matched(origin, BUSY, Some(CONSULTANT));
    matched.customer = customer_ref(number);
    plans.deliver(app, &matched).await;
    let left = unmatched(&matched, &[BUSY, CONSULTANT]);
    plans.deliver(app, &left).await;
    consume_consultation(plans, app, number).await;
    let mut edition = edition_of_year(2026, ProjectStatus::Planned);
    edition.series_id = SeriesId(Uuid::from_u128(1500 + u128::from(round)));
    let id = Uuid::from_u128(7500 + 5 * u128::from(round));
    let next = created(Uuid::new_v4(), edition.clone());
    plans.deliver(app, &next).await;
    plans.deliver_edition(app, ProjectId(id), &edition).await;
    plans.deliver_salesman(app, Uuid::from_u128(number)).await;
}

async fn consume_consultation(plans: &mut Plans, app: &TestApp, number: u128) {
    let (consultation_id, customer) = (
        ConsultationId(Uuid::from_u128(number)),
        customer_ref(number / 2),
    );
    let (project_id, actor) = (ProjectId(PROJECT), Actor::System);
    let requested = ConsultationCreated {
        consultation_id,
        project_id,
        project_name: None,
        customer: customer.clone(),
        desired_on: "2026-12-01".parse().unwrap(),
        actor,
    };
    plans.deliver(app, &requested).await;
    let edited = ConsultationEdited {
        consultation_id,
        project_id,
        customer: customer.clone(),
        desired_on: "2026-12-02".parse().unwrap(),
        memo_changed: false,
        salesman_id: None,
        consultant_id: None,
        actor,
    };
    plans.deliver(app, &edited).await;
    let progressed = ConsultationProgressed {
        consultation_id,
        project_id,
        customer,
        from: Step::Apply,
        to: Step::Cancelled,
        salesman_id: None,
        consultant_id: None,
        actor,
    };
    plans.deliver(app, &progressed).await;
}

#[tokio::test]
async fn statement_reads_no_more_rows_than_it_needs() {
    let (app, mut plans) = Plans::start(interest::service, FILL).await;
    for round in 0..ROUNDS {
        list(&mut plans, &app).await;
        read(&mut plans, &app, round).await;
        consume(&mut plans, &app, round).await;
    }
    plans.finish();
}
