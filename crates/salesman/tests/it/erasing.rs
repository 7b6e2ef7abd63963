//! What is kept of a customer, and how it is forgotten.

use axum::http::{Method, header};
use chrono::TimeDelta;
use events::{
    ConsultationId, ConsultationProgressed, CustomerId, CustomerRef, InterestId, InterestUpdated,
    LastFour, Origin, SalesmanMatched, Step,
};
use serde_json::{Value, json};
use service_kit::Clock as _;
use service_kit::auth::Identity;
use service_kit::testing::{self, TestApp};
use uuid::Uuid;

use crate::{
    CONSULTANT, CONSULTATION, Delivery, INTEREST, OTHER, PROJECT, SALESMAN, a_match,
    a_match_of_interest, an_edition, consultation_created, consultation_edited, created, deliver,
    deliver_all, delivery, interest_created, interest_updated, progressed, register, rematched,
    start, told,
};

const PHONE: &str = "010-7777-5678";
const OTHER_PHONE: &str = "010-8888-4321";
const OTHERS_CONSULTATION: Uuid = Uuid::from_u128(0xC1);

fn customer(phone: &str) -> CustomerRef {
    let last_four = LastFour::try_from(phone[phone.len() - 4..].to_owned()).unwrap();
    CustomerRef {
        customer_id: CustomerId(testing::customer(phone).subject),
        last_four,
    }
}

/// The usual match, of the customer who has the usual number here.
fn his(matched: SalesmanMatched) -> SalesmanMatched {
    SalesmanMatched {
        customer: customer(PHONE),
        ..matched
    }
}

fn his_step(to: (Step, Step), salesman: Uuid) -> ConsultationProgressed {
    ConsultationProgressed {
        customer: customer(PHONE),
        ..progressed(CONSULTATION, to, Some(salesman), Some(CONSULTANT))
    }
}

fn his_interest(interested: bool, salesman: Uuid) -> InterestUpdated {
    InterestUpdated {
        customer: customer(PHONE),
        ..interest_updated(interested, Some(salesman), Some(CONSULTANT))
    }
}

/// As the gateway asks for it: of an erasure it tells no number.
async fn erase(app: &TestApp, phone: &str) {
    app.clock().advance(TimeDelta::seconds(1));
    let gateway = app.with(&Identity {
        phone: None,
        ..testing::customer(phone)
    });
    let answer = gateway.send(Method::DELETE, "/me", &[], Vec::new()).await;
    assert_eq!((answer.status.as_u16(), &answer.json), (204, &Value::Null));
    app.clock().advance(TimeDelta::seconds(1));
}

async fn card(app: &TestApp, phone: &str, id: Uuid) -> u16 {
    app.as_customer(phone)
        .get(&format!("/salesmen/{id}/card"))
        .await
        .status
        .as_u16()
}

/// What the migrations note of themselves.
const UNSEEN: [&str; 1] = ["_sqlx_migrations"];

/// Whatever any other table holds.
async fn everything(app: &TestApp) -> String {
    app.tables(&UNSEEN).await.into_values().collect()
}

/// A customer with an interest that is open and a consultation that succeeded, and another with an open one, all with the same salesman.
async fn seeded(app: &TestApp) -> Uuid {
    let id = register(app, "010-1111-1111").await;
    deliver(app, 1, &created(PROJECT, an_edition())).await;
    deliver(app, 1, &his(a_match(id, Some(CONSULTANT)))).await;
    deliver(app, 1, &consultation_created(CONSULTATION)).await;
    deliver(app, 2, &his_step((Step::Apply, Step::Approved), id)).await;
    deliver(app, 3, &his_step((Step::Approved, Step::Succeeded), id)).await;
    deliver(app, 1, &interest_created()).await;
    deliver(app, 1, &his(a_match_of_interest(id, Some(CONSULTANT)))).await;
    let others = Origin::Consultation(ConsultationId(OTHERS_CONSULTATION));
    deliver(
        app,
        1,
        &SalesmanMatched {
            origin: others,
            customer: customer(OTHER_PHONE),
            ..a_match(id, None)
        },
    )
    .await;
    id
}

#[tokio::test]
async fn a_customer_gets_everything_that_is_kept_of_him_and_of_nobody_else() {
    let app = start().await;
    let id = seeded(&app).await;
    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let (at, name) = ("2026-11-23T01:00:00Z", "2026년 스마트상점 보급사업");
    let salesman = json!({ "id": id, "displayName": "김영업" });
    assert_eq!(
        data["assignments"],
        json!([
            {
                "kind": "interest", "id": INTEREST, "lastFour": "5678", "projectId": PROJECT, "projectName": name, "salesman": salesman,
                "consultant": null, "matchedAt": at, "step": null, "closedAt": null,
            },
            {
                "kind": "consultation", "id": CONSULTATION, "lastFour": "5678", "projectId": PROJECT, "projectName": name,
                "salesman": salesman, "consultant": null, "matchedAt": at, "step": "succeeded", "closedAt": at,
            },
        ])
    );
    let news = data["notifications"].as_array().unwrap();
    assert_eq!(
        news.len(),
        6,
        "assigned twice to both, and the two steps to the consultant: {news:#?}"
    );
    assert!(news.iter().all(|it| it["details"]["lastFour"] == "5678"
        && it["createdAt"] == at
        && it["link"]["id"].is_string()));
    let other = app
        .as_customer(OTHER_PHONE)
        .get("/me/data")
        .await
        .expect(200);
    assert_eq!(
        (
            other["assignments"].as_array().unwrap().len(),
            other["notifications"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    let nothing = app
        .as_customer("010-9999-0000")
        .get("/me/data")
        .await
        .expect(200);
    assert_eq!(nothing, json!({ "assignments": [], "notifications": [] }));
}

#[tokio::test]
async fn of_an_erased_customer_ids_and_counts_stay_and_another_stays_as_he_is() {
    let app = start().await;
    let id = seeded(&app).await;
    let other = app
        .as_customer(OTHER_PHONE)
        .get("/me/data")
        .await
        .expect(200);
    let before = app.tables(&UNSEEN).await;
    for table in ["assignment", "notification"] {
        assert!(before[table].contains("5678"), "{table}: {before:?}");
    }
    // Saying it twice is fine.
    for _ in 0..2 {
        erase(&app, PHONE).await;
        let left = everything(&app).await;
        assert!(!left.contains("5678") && left.contains("4321"), "{left}");
        let view = app
            .as_staff()
            .get(&format!("/salesmen/{id}"))
            .await
            .expect(200);
        assert_eq!(
            (
                &view["successCount"],
                &view["failureCount"],
                &view["openCount"]
            ),
            (&json!(1), &json!(0), &json!(1))
        );
        let closed = view["closedAssignments"].as_array().unwrap();
        assert_eq!(
            closed.iter().map(|it| &it["id"]).collect::<Vec<_>>(),
            [&json!(CONSULTATION), &json!(INTEREST)]
        );
        for it in closed {
            assert_eq!(
                (&it["customerId"], &it["lastFour"]),
                (&Value::Null, &Value::Null)
            );
            assert!(
                it["erasedAt"].is_string() && it["closedAt"].is_string(),
                "{it}"
            );
        }
        assert_eq!(closed[0]["step"], "succeeded");
        assert_eq!(
            (told(&app, id).await, told(&app, CONSULTANT).await),
            (vec!["assigned".to_owned()], vec![])
        );
        assert_eq!(
            app.as_customer(OTHER_PHONE)
                .get("/me/data")
                .await
                .expect(200),
            other
        );
    }
    assert_eq!(card(&app, OTHER_PHONE, id).await, 200);
}

#[tokio::test]
async fn a_customer_of_whom_nothing_is_kept_is_erased_all_the_same() {
    let app = start().await;
    for _ in 0..2 {
        erase(&app, "010-9999-0000").await;
    }
}

#[tokio::test]
async fn whoever_comes_again_has_nobody_to_call_until_he_is_matched_again() {
    let app = start().await;
    let id = seeded(&app).await;
    assert_eq!(card(&app, PHONE, id).await, 200);
    erase(&app, PHONE).await;
    assert_eq!(card(&app, PHONE, id).await, 404);
    assert_eq!(
        app.as_customer(PHONE).get("/me/data").await.expect(200),
        json!({ "assignments": [], "notifications": [] })
    );
    let new = Uuid::from_u128(0xC2);
    let origin = Origin::Consultation(ConsultationId(new));
    deliver(
        &app,
        1,
        &SalesmanMatched {
            origin,
            ..his(a_match(id, None))
        },
    )
    .await;
    assert_eq!(
        (card(&app, PHONE, id).await, told(&app, id).await.len()),
        (200, 2)
    );
    let data = app.as_customer(PHONE).get("/me/data").await.expect(200);
    assert_eq!(
        (
            &data["assignments"][0]["id"],
            &data["assignments"][0]["lastFour"]
        ),
        (&json!(new), &json!("5678"))
    );
    assert_eq!(
        (
            data["assignments"].as_array().unwrap().len(),
            data["notifications"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    // What is closed of the new is there for thirty days, as for anybody.
    let ended = ConsultationProgressed {
        consultation_id: ConsultationId(new),
        ..his_step((Step::Approved, Step::Failed), id)
    };
    deliver(&app, 1, &consultation_created(new)).await;
    deliver(&app, 2, &ended).await;
    assert_eq!(card(&app, PHONE, id).await, 200);
    let view = app.as_salesman(id).get("/salesmen/me").await.expect(200);
    assert_eq!(
        (
            &view["successCount"],
            &view["failureCount"],
            &view["openCount"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn what_was_told_before_there_were_details_goes_too() {
    let app = start().await;
    seeded(&app).await;
    let insert = "insert into notification (id, salesman_id, kind, event_id, origin_kind, origin_id, project_name, created_at)
                  select gen_random_uuid(), $1, 'assigned', gen_random_uuid(), 'consultation', origin, '스마트상점', '2026-11-22T01:00:00Z'
                  from unnest($2::uuid[]) origin";
    let origins = vec![CONSULTATION, OTHERS_CONSULTATION];
    sqlx::query(insert)
        .bind(OTHER)
        .bind(origins)
        .execute(app.pool())
        .await
        .unwrap();
    erase(&app, PHONE).await;
    let list = app
        .as_salesman(OTHER)
        .get("/salesmen/me/notifications")
        .await
        .expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
}

/// Everything that is told of something old, each topic in its own order. What is recorded only after the erasure is known by its id for what
/// it is.
fn old_things(app: &TestApp) -> [Vec<Delivery>; 4] {
    let made = app.clock().now();
    let new_id = || {
        let tail: [u8; 10] = Uuid::new_v4().into_bytes()[..10].try_into().unwrap();
        uuid::Builder::from_unix_timestamp_millis(made.timestamp_millis().unsigned_abs(), &tail)
            .into_uuid()
    };
    let (consultation, interest) = (ConsultationId(new_id()), InterestId(new_id()));
    let later = |(mut envelope, payload): Delivery| {
        envelope.recorded_at = made + TimeDelta::hours(1);
        (envelope, payload)
    };
    let matched = SalesmanMatched {
        origin: Origin::Consultation(consultation),
        ..his(a_match(SALESMAN, Some(CONSULTANT)))
    };
    let of_interest = SalesmanMatched {
        origin: Origin::Interest(interest),
        ..his(a_match_of_interest(SALESMAN, Some(CONSULTANT)))
    };
    let step = |to| ConsultationProgressed {
        consultation_id: consultation,
        ..his_step(to, OTHER)
    };
    let switched = |interested| InterestUpdated {
        interest_id: interest,
        ..his_interest(interested, SALESMAN)
    };
    let (mut asked, mut marked) = (consultation_created(consultation.0), interest_created());
    (asked.customer, marked.customer, marked.interest_id) =
        (customer(PHONE), customer(PHONE), interest);
    let mut edited = consultation_edited(Some(SALESMAN), Some(CONSULTANT));
    (edited.customer, edited.consultation_id) = (customer(PHONE), consultation);
    [
        vec![
            delivery(1, &asked),
            delivery(2, &edited),
            delivery(3, &step((Step::Apply, Step::Approved))),
            later(delivery(4, &step((Step::Approved, Step::Cancelled)))),
        ],
        vec![
            delivery(1, &marked),
            later(delivery(2, &switched(false))),
            later(delivery(3, &switched(true))),
        ],
        vec![
            delivery(1, &matched),
            later(delivery(2, &rematched(&matched, OTHER, None))),
        ],
        vec![later(delivery(1, &of_interest))],
    ]
}

#[tokio::test]
async fn old_things_leave_the_same_whenever_they_are_told_of_around_the_erasure() {
    let app = start().await;
    let histories = old_things(&app);
    let mut expected = None;
    // How much of each topic was read before.
    for before in [
        [0, 0, 0, 0],
        [4, 3, 2, 1],
        [4, 1, 0, 0],
        [0, 3, 1, 0],
        [1, 0, 2, 0],
        [1, 1, 2, 1],
        [2, 0, 1, 1],
    ] {
        let sql = "delete from inbox; delete from progress; delete from assignment; delete from notification; delete from erased_customer";
        sqlx::raw_sql(sql).execute(app.pool()).await.unwrap();
        for (history, count) in histories.iter().zip(before) {
            deliver_all(&app, &history[..count]).await;
        }
        erase(&app, PHONE).await;
        // In the other order of topics, and all of it twice.
        for _ in 0..2 {
            for history in histories.iter().rev() {
                deliver_all(&app, history).await;
            }
        }
        sqlx::raw_sql("delete from inbox; delete from progress")
            .execute(app.pool())
            .await
            .unwrap();
        for history in &histories {
            deliver_all(&app, history).await;
        }
        let left = everything(&app).await;
        assert!(!left.contains("5678"), "{left}");
        assert_eq!(
            (
                told(&app, SALESMAN).await.len(),
                told(&app, OTHER).await.len(),
                told(&app, CONSULTANT).await.len()
            ),
            (0, 0, 0)
        );
        let kept: Value = sqlx::query_scalar(
            "select jsonb_agg(to_jsonb(it) - 'erased_at' order by origin_kind) from assignment it where erased_at is not null",
        )
        .fetch_one(app.pool())
        .await
        .unwrap();
        assert_eq!(
            (&kept[0]["closed_as"], &kept[0]["open"], &kept[1]["open"]),
            (&json!("cancelled"), &json!(false), &json!(false))
        );
        assert_eq!(&kept, expected.get_or_insert_with(|| kept.clone()));
    }
}

#[tokio::test]
async fn an_end_that_is_told_only_after_the_erasure_is_counted() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    erase(&app, PHONE).await;
    app.deliver(1, &consultation_created(CONSULTATION)).await;
    app.deliver(2, &his_step((Step::Apply, Step::Approved), id))
        .await;
    app.deliver(3, &his_step((Step::Approved, Step::Succeeded), id))
        .await;
    assert_eq!(
        app.as_salesman(id).get("/salesmen/me").await.expect(200)["successCount"],
        1
    );
    assert!(!everything(&app).await.contains("5678"));
}

#[tokio::test]
async fn whoever_was_on_an_old_thing_serves_its_series_no_longer() {
    let app = start().await;
    deliver(&app, 1, &created(PROJECT, an_edition())).await;
    deliver(
        &app,
        1,
        &his(a_match_of_interest(SALESMAN, Some(CONSULTANT))),
    )
    .await;
    erase(&app, PHONE).await;
    let started = events::ProjectStarted {
        project_id: events::ProjectId(PROJECT),
        edition: an_edition(),
        actor: events::Actor::System,
    };
    deliver(&app, 2, &started).await;
    assert_eq!(
        (
            told(&app, SALESMAN).await.len(),
            told(&app, CONSULTANT).await.len()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn what_was_kept_aside_of_his_is_kept_without_what_says_who_he_is() {
    let app = start().await;
    let event = his_interest(false, SALESMAN);
    let mut payload = serde_json::to_value(&event).unwrap();
    (payload["customerName"], payload["phone"]) = (json!("홍길동"), json!("+821077775678"));
    app.deliver_raw(
        &testing::envelope(Uuid::new_v4(), 3, &event),
        payload.to_string().into_bytes(),
    )
    .await;
    assert!(app.tables(&UNSEEN).await["parked"].contains("1077775678"));
    erase(&app, PHONE).await;
    assert!(!everything(&app).await.contains("1077775678"));
    let kept: Vec<u8> = sqlx::query_scalar("select payload from parked")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let kept = String::from_utf8(kept).unwrap();
    assert!(
        !kept.contains("홍길동") && kept.contains("interestId"),
        "{kept}"
    );
}

#[tokio::test]
async fn an_erasure_waits_for_whoever_is_in_the_midst_of_keeping_something_of_his() {
    let app = start().await;
    let mut batch = app.context().db.begin().await.unwrap();
    let now = app.clock().now();
    let customer = customer(PHONE);
    assert!(
        !service_kit::privacy::erased_customers::predates_erasure(
            &mut batch,
            customer.customer_id,
            INTEREST,
            now
        )
        .await
        .unwrap()
    );
    sqlx::query("insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id) values ('interest', $1, $2, '5678', $1)")
        .bind(INTEREST)
        .bind(customer.customer_id.0)
        .execute(&mut *batch)
        .await
        .unwrap();
    let waits = "select exists (select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    tokio::join!(erase(&app, PHONE), async {
        while !sqlx::query_scalar::<_, bool>(waits)
            .fetch_one(app.pool())
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
        batch.commit().await.unwrap();
    });
    assert!(!everything(&app).await.contains("5678"));
}

#[tokio::test]
async fn whoever_is_replaced_is_led_to_the_programme_by_whatever_he_was_told_before() {
    let app = start().await;
    let first = his(a_match(SALESMAN, Some(CONSULTANT)));
    deliver(&app, 1, &first).await;
    deliver(&app, 1, &consultation_created(CONSULTATION)).await;
    deliver(&app, 2, &his_step((Step::Apply, Step::Approved), SALESMAN)).await;
    let links = async |caller: testing::Caller<'_>| {
        let list = caller.get("/salesmen/me/notifications").await.expect(200);
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["link"]["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(links(app.as_salesman(SALESMAN)).await, ["consultation"]);
    assert_eq!(
        links(app.as_consultant(CONSULTANT)).await,
        ["consultation", "consultation"]
    );
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 2, &rematched(&first, OTHER, Some(CONSULTANT))).await;
    assert_eq!(
        links(app.as_salesman(SALESMAN)).await,
        ["project", "project"]
    );
    assert_eq!(links(app.as_salesman(OTHER)).await, ["consultation"]);
    assert_eq!(
        links(app.as_consultant(CONSULTANT)).await,
        ["consultation", "consultation"]
    );
    // An event of the consultation may be heard of before its match is: then nothing is known that says he lost it.
    let unmatched = InterestUpdated {
        customer: customer(PHONE),
        ..interest_updated(false, Some(OTHER), None)
    };
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 1, &interest_created()).await;
    deliver(&app, 2, &unmatched).await;
    assert_eq!(
        links(app.as_salesman(OTHER)).await,
        ["interest", "consultation"]
    );
}

#[tokio::test]
async fn whoever_is_replaced_reads_no_longer_whose_it_was_or_how_it_went_until_he_is_on_it_again() {
    let app = start().await;
    let first = his(a_match(SALESMAN, Some(CONSULTANT)));
    deliver(&app, 1, &first).await;
    deliver(&app, 1, &consultation_created(CONSULTATION)).await;
    let mut edited = consultation_edited(Some(SALESMAN), Some(CONSULTANT));
    edited.customer = customer(PHONE);
    deliver(&app, 2, &edited).await;
    deliver(
        &app,
        3,
        &ConsultationProgressed {
            actor: events::Actor::System,
            ..his_step((Step::Apply, Step::Approved), SALESMAN)
        },
    )
    .await;
    let told_to = async |id: Uuid| {
        app.as_salesman(id)
            .get("/salesmen/me/notifications")
            .await
            .expect(200)["items"]
            .clone()
    };
    let sought = [
        &customer(PHONE).customer_id.to_string(),
        &CONSULTATION.to_string(),
        "5678",
        "2026-12-03",
        "approved",
    ];
    let before = told_to(SALESMAN).await;
    for text in sought {
        assert!(before.to_string().contains(text), "{text}: {before}");
    }
    app.clock().advance(TimeDelta::seconds(1));
    let second = rematched(&first, OTHER, Some(CONSULTANT));
    deliver(&app, 2, &second).await;
    let after = told_to(SALESMAN).await;
    for text in sought {
        assert!(!after.to_string().contains(text), "{text}: {after}");
    }
    let kinds: Vec<_> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[0], "taken_away");
    assert_eq!(kinds.len(), 4);
    for it in after.as_array().unwrap() {
        assert_eq!(it["link"], json!({ "kind": "project", "id": PROJECT }));
        assert_eq!(
            it["details"]
                .as_object()
                .unwrap()
                .keys()
                .collect::<Vec<_>>(),
            ["projectId", "projectName"]
        );
    }
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 3, &rematched(&second, SALESMAN, Some(CONSULTANT))).await;
    let again = told_to(SALESMAN).await;
    assert_eq!(
        again.as_array().unwrap()[2..],
        before.as_array().unwrap()[..],
        "the newest says that he is on it again"
    );
    assert!(!told_to(OTHER).await.to_string().contains("5678"));
}

#[tokio::test]
async fn what_was_told_before_editions_were_noted_leads_to_the_programme_of_what_he_lost() {
    let app = start().await;
    deliver(&app, 1, &his(a_match(SALESMAN, None))).await;
    let insert = "insert into notification (id, salesman_id, kind, event_id, origin_kind, origin_id, project_name, created_at)
                  values (gen_random_uuid(), $1, 'assigned', gen_random_uuid(), 'consultation', $2, '스마트상점', '2026-11-22T01:00:00Z')";
    sqlx::query(insert)
        .bind(OTHER)
        .bind(CONSULTATION)
        .execute(app.pool())
        .await
        .unwrap();
    let list = app
        .as_salesman(OTHER)
        .get("/salesmen/me/notifications")
        .await
        .expect(200);
    assert_eq!(
        list["items"][0]["link"],
        json!({ "kind": "project", "id": PROJECT })
    );
    assert_eq!(
        list["items"][0]["details"],
        json!({ "projectId": PROJECT, "projectName": "스마트상점" })
    );
}

#[tokio::test]
async fn an_old_thing_that_is_wanted_and_matched_is_closed_at_the_erasure_in_either_order() {
    let app = start().await;
    let (created, on) = (interest_created(), his_interest(true, SALESMAN));
    let interest = [delivery(1, &created), delivery(2, &on)];
    let matched = [delivery(1, &his(a_match_of_interest(SALESMAN, None)))];
    app.clock().advance(TimeDelta::hours(1));
    erase(&app, PHONE).await;
    let mut left = Vec::new();
    for histories in [[&interest[..], &matched[..]], [&matched[..], &interest[..]]] {
        sqlx::raw_sql("delete from inbox; delete from progress; delete from assignment")
            .execute(app.pool())
            .await
            .unwrap();
        for history in histories {
            deliver_all(&app, history).await;
            app.clock().advance(TimeDelta::seconds(1));
        }
        let kept: Value = sqlx::query_scalar("select to_jsonb(it) from assignment it")
            .fetch_one(app.pool())
            .await
            .unwrap();
        assert!(
            kept["closed_at"].is_string() && kept["closed_at"] == kept["erased_at"],
            "{kept}"
        );
        left.push(kept);
    }
    assert_eq!(left[0], left[1]);
}
