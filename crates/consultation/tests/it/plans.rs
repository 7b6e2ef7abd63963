//! What every statement reads while the tables are large.

use axum::http::Method;
use events::ProjectId;
use serde_json::json;
use service_kit::auth::{Identity, Role};
use service_kit::testing::{Plans, ROUNDS, TestApp, an_edition, unmatched};
use uuid::Uuid;

use crate::{match_event, origin, project_created};

/// 100,000 consultations, half of them of one salesman and one programme, with three entries each,
/// and 100,000 programmes. Three in a thousand are open.
const FILL: &str = r#"
    create function pg_temp.id(n bigint) returns uuid language sql immutable as $$
        select lpad(to_hex(n), 32, '0')::uuid $$;
    insert into known_salesman (id, display_name) select pg_temp.id(n), 'x'
    from generate_series(1, 1000) n;
    insert into known_project (id, name, status, name_key, name_keys, year, series_id)
    select pg_temp.id(n), 'x' || n, 'ended', 'x' || n, array['x' || n], 2026, pg_temp.id(n / 5)
    from generate_series(1, 100000) n;
    insert into consultation (id, project_id, project_name, customer_id, phone, desired_on, memo,
                              step, salesman_id, salesman_name, consultant_id, consultant_name,
                              version, created_at, updated_at, closed_at)
    select pg_temp.id(n), pg_temp.id(case when n % 2 = 0 then 1 else n end), 'x',
           pg_temp.id(n / 4), '+8210' || lpad((n / 4)::text, 8, '0'), date '2026-01-01' + n::int / 300, '',
           case when n % 1000 < 2 then 'apply' when n % 1000 = 2 then 'approved'
                when n % 3 = 0 then 'succeeded' when n % 3 = 1 then 'failed' else 'cancelled' end,
           pg_temp.id(case when n % 2 = 0 then 1 else n % 1000 + 1 end), 'x', pg_temp.id(2), 'x', 1,
           now(), now(), case when n % 1000 > 2 then timestamptz '2026-01-01' + n * interval '1 min' end
    from generate_series(1, 100000) n;
    insert into consultation_count (person, step, count)
    select person, step, count(*) from consultation
    cross join lateral (values (salesman_id), (consultant_id), (pg_temp.id(0))) counted (person)
    group by person, step;
    insert into timeline (id, consultation_id, at, actor, version, what)
    select gen_random_uuid(), pg_temp.id(n), now(), '{"role": "system"}', version,
           '{"kind": "requested", "desiredDate": "2026-12-01"}'
    from generate_series(1, 100000) n, generate_series(1, 2) version;
    insert into note (id, consultation_id, at, actor, text)
    select pg_temp.id(n), pg_temp.id(n), now(), '{"role": "system"}', 'x'
    from generate_series(1, 100000) n;
    insert into disclosure (id, consultation_id, customer_id, role, viewer_id, at)
    select pg_temp.id(n), pg_temp.id(n), pg_temp.id(n / 4), 'staff', pg_temp.id(1), now()
    from generate_series(1, 100000) n;"#;

/// The salesman and the programme with half of the consultations, and the consultant of all.
const BUSY: Uuid = Uuid::from_u128(1);
const CONSULTANT: Uuid = Uuid::from_u128(2);

/// The ranges of days contain the newest consultations: no index has the order of creation and
/// leaves out the days behind a range.
async fn list(plans: &mut Plans, app: &TestApp) {
    let staff = app.as_staff();
    let other = Uuid::from_u128(777);
    for sort in ["sort=newest", "sort=desired"] {
        for filter in [
            String::new(),
            "&step=succeeded".to_owned(),
            format!("&project={BUSY}"),
            "&from=2026-10-01".to_owned(),
            "&until=2026-12-05".to_owned(),
            "&step=failed&from=2026-02-01&until=2026-12-05".to_owned(),
        ] {
            plans
                .pages(&staff, &format!("/consultations?{sort}{filter}"))
                .await;
        }
        for filter in [
            "step=apply".to_owned(),
            "step=apply&step=approved&from=2026-10-01".to_owned(),
            "unassigned=true".to_owned(),
            "lastFour=0777".to_owned(),
            format!("salesman={BUSY}&lastFour=0777"),
            format!("project={BUSY}&step=approved"),
            format!("customer={other}"),
            format!("project={other}"),
        ] {
            plans
                .get(&staff, &format!("/consultations?{sort}&{filter}"))
                .await;
        }
        for caller in [app.as_salesman(BUSY), app.as_consultant(CONSULTANT)] {
            for filter in ["", "&step=failed"] {
                plans
                    .pages(&caller, &format!("/consultations?{sort}{filter}"))
                    .await;
            }
            for filter in [
                "step=apply",
                "step=apply&step=approved&from=2026-03-01",
                "lastFour=0778",
            ] {
                plans
                    .get(&caller, &format!("/consultations?{sort}&{filter}"))
                    .await;
            }
        }
        for filter in [
            format!("salesman={BUSY}"),
            format!("consultant={CONSULTANT}&step=failed"),
        ] {
            plans
                .pages(&staff, &format!("/consultations?{sort}&{filter}"))
                .await;
        }
    }
    list_closed(plans, app).await;
}

async fn list_closed(plans: &mut Plans, app: &TestApp) {
    let staff = app.as_staff();
    let callers = [
        app.as_staff(),
        app.as_salesman(BUSY),
        app.as_consultant(CONSULTANT),
    ];
    for caller in &callers {
        for filter in ["", "&step=failed", "&step=succeeded&step=failed"] {
            plans
                .pages(caller, &format!("/consultations?sort=closed{filter}"))
                .await;
        }
        plans.get(caller, "/consultations/counts").await;
    }
    for filter in [format!("salesman={BUSY}"), format!("project={BUSY}")] {
        plans
            .pages(&staff, &format!("/consultations?sort=closed&{filter}"))
            .await;
    }
}

async fn read(plans: &mut Plans, app: &TestApp, round: u16) {
    let staff = app.as_staff();
    let number = 1000 + 4 * u128::from(round);
    let path = format!("/consultations/{}", Uuid::from_u128(number));
    plans.get(&staff, &path).await;
    let customer = app.with(&Identity {
        role: Role::Customer,
        subject: Uuid::from_u128(number / 4),
        phone: None,
    });
    for path in [
        "/consultations",
        "/consultations?sort=closed",
        "/consultations/counts",
        "/me/data",
        "/me/disclosures",
    ] {
        plans.get(&customer, path).await;
    }
    let note = json!({ "text": "x" });
    let path = format!("{path}/notes");
    plans
        .check("AddNote", staff.post(&path, &note))
        .await
        .expect(201);
    let asking = format!("010-7777-{round:04}");
    let caller = app.as_customer(&asking);
    for project in [
        json!({ "projectId": Uuid::from_u128(5) }),
        json!({ "projectName": "x7" }),
    ] {
        let mut body = json!({ "desiredDate": "2026-12-01", "memo": "" });
        body.as_object_mut()
            .unwrap()
            .extend(project.as_object().unwrap().clone());
        let request = caller.post("/consultations", &body);
        plans.check("CreateConsultation", request).await;
    }
    let erase = customer.send(Method::DELETE, "/me", &[], Vec::new());
    plans.check("EraseCustomer", erase).await.expect(204);
}

async fn consume(plans: &mut Plans, app: &TestApp, round: u16) {
    let number = 2000 + 4 * u128::from(round);
    let matched = match_event(origin(Uuid::from_u128(number)), BUSY, Some(CONSULTANT));
    plans.deliver(app, &matched).await;
    plans.deliver(app, &unmatched(&matched, &[BUSY])).await;
    plans.deliver(app, &project_created("x")).await;
    let id = Uuid::from_u128(number);
    let edition = an_edition(Uuid::from_u128(number / 5), "x");
    plans.deliver_edition(app, ProjectId(id), &edition).await;
    plans.deliver_salesman(app, id).await;
}

#[tokio::test]
async fn statement_reads_no_more_rows_than_it_needs() {
    let (app, mut plans) = Plans::start(consultation::service, FILL).await;
    for round in 0..ROUNDS {
        list(&mut plans, &app).await;
        read(&mut plans, &app, round).await;
        consume(&mut plans, &app, round).await;
    }
    plans.finish();
}
