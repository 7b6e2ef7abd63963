//! A customer's data and its erasure.

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
    CONSULTANT, CONSULTATION, Delivery, INTEREST, OTHER, PROJECT, SALESMAN, an_edition,
    consultation_created, consultation_edited, consultation_match, consultation_progressed,
    deliver, deliver_all, delivery, interest_created, interest_match, interest_updated,
    notification_kinds, project_created, register, rematched, start,
};

const PHONE: &str = "010-7777-5678";
const OTHER_PHONE: &str = "010-8888-4321";
const OTHER_CONSULTATION: Uuid = Uuid::from_u128(0xC1);

fn customer(phone: &str) -> CustomerRef {
    let last_four = LastFour::try_from(phone[phone.len() - 4..].to_owned()).unwrap();
    CustomerRef {
        customer_id: CustomerId(testing::customer(phone).subject),
        last_four,
    }
}

/// The same match for the customer with [`PHONE`].
fn for_customer(matched: SalesmanMatched) -> SalesmanMatched {
    SalesmanMatched {
        customer: customer(PHONE),
        ..matched
    }
}

fn progressed_for_customer(to: (Step, Step), salesman: Uuid) -> ConsultationProgressed {
    ConsultationProgressed {
        customer: customer(PHONE),
        ..consultation_progressed(CONSULTATION, to, Some(salesman), Some(CONSULTANT))
    }
}

fn interest_updated_for_customer(interested: bool, salesman: Uuid) -> InterestUpdated {
    InterestUpdated {
        customer: customer(PHONE),
        ..interest_updated(interested, Some(salesman), Some(CONSULTANT))
    }
}

/// Erases the customer as the gateway does: without the phone number.
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

async fn card_status(app: &TestApp, phone: &str, id: Uuid) -> u16 {
    app.as_customer(phone)
        .get(&format!("/salesmen/{id}/card"))
        .await
        .status
        .as_u16()
}

/// The table of the migrations, which contain no data.
const IGNORED_TABLES: [&str; 1] = ["_sqlx_migrations"];

/// The rows of all other tables as text.
async fn all_rows(app: &TestApp) -> String {
    app.tables(&IGNORED_TABLES).await.into_values().collect()
}

/// Delivers an open interest and a succeeded consultation of one customer, and an open consultation
/// of another, all with the same salesman. Returns the salesman.
async fn seed(app: &TestApp) -> Uuid {
    let id = register(app, "010-1111-1111").await;
    deliver(app, 1, &project_created(PROJECT, an_edition())).await;
    deliver(
        app,
        1,
        &for_customer(consultation_match(id, Some(CONSULTANT))),
    )
    .await;
    deliver(app, 1, &consultation_created(CONSULTATION)).await;
    deliver(
        app,
        2,
        &progressed_for_customer((Step::Apply, Step::Approved), id),
    )
    .await;
    deliver(
        app,
        3,
        &progressed_for_customer((Step::Approved, Step::Succeeded), id),
    )
    .await;
    deliver(app, 1, &interest_created()).await;
    deliver(app, 1, &for_customer(interest_match(id, Some(CONSULTANT)))).await;
    let origin = Origin::Consultation(ConsultationId(OTHER_CONSULTATION));
    deliver(
        app,
        1,
        &SalesmanMatched {
            origin,
            customer: customer(OTHER_PHONE),
            ..consultation_match(id, None)
        },
    )
    .await;
    id
}

#[tokio::test]
async fn customer_data_contains_all_of_the_own_data_only() {
    let app = start().await;
    let id = seed(&app).await;
    let answer = app.as_customer(PHONE).get("/me/data").await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let data = answer.expect(200);
    let (at, name) = ("2026-11-23T01:00:00Z", "2026년 스마트상점 보급사업");
    let salesman = json!({ "id": id, "displayName": "김영업" });
    assert_eq!(
        data["assignments"],
        json!([
            {
                "kind": "interest", "id": INTEREST, "lastFour": "5678", "projectId": PROJECT,
                "projectName": name, "salesman": salesman, "consultant": null, "matchedAt": at,
                "step": null, "closedAt": null,
            },
            {
                "kind": "consultation", "id": CONSULTATION, "lastFour": "5678",
                "projectId": PROJECT, "projectName": name, "salesman": salesman,
                "consultant": null, "matchedAt": at, "step": "succeeded", "closedAt": at,
            },
        ])
    );
    let about = data["notifications"].as_array().unwrap();
    assert_eq!(
        about.len(),
        6,
        "both matches to both people, and the two steps to the consultant: {about:#?}"
    );
    assert!(
        about
            .iter()
            .all(|item| item["details"]["lastFour"] == "5678"
                && item["createdAt"] == at
                && item["link"]["id"].is_string())
    );
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
async fn erasure_keeps_ids_counts_and_other_customers() {
    let app = start().await;
    let id = seed(&app).await;
    let other = app
        .as_customer(OTHER_PHONE)
        .get("/me/data")
        .await
        .expect(200);
    let before = app.tables(&IGNORED_TABLES).await;
    for table in ["assignment", "notification"] {
        assert!(before[table].contains("5678"), "{table}: {before:?}");
    }
    // Repeating the erasure has no further effect.
    for _ in 0..2 {
        erase(&app, PHONE).await;
        let left = all_rows(&app).await;
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
            closed.iter().map(|item| &item["id"]).collect::<Vec<_>>(),
            [&json!(CONSULTATION), &json!(INTEREST)]
        );
        for item in closed {
            assert_eq!(
                (&item["customerId"], &item["lastFour"]),
                (&Value::Null, &Value::Null)
            );
            assert!(
                item["erasedAt"].is_string() && item["closedAt"].is_string(),
                "{item}"
            );
        }
        assert_eq!(closed[0]["step"], "succeeded");
        assert_eq!(
            (
                notification_kinds(&app, id).await,
                notification_kinds(&app, CONSULTANT).await
            ),
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
    assert_eq!(card_status(&app, OTHER_PHONE, id).await, 200);
}

#[tokio::test]
async fn erasure_of_an_unknown_customer_succeeds() {
    let app = start().await;
    for _ in 0..2 {
        erase(&app, "010-9999-0000").await;
    }
}

#[tokio::test]
async fn erased_customer_gets_a_card_only_after_a_new_match() {
    let app = start().await;
    let id = seed(&app).await;
    assert_eq!(card_status(&app, PHONE, id).await, 200);
    erase(&app, PHONE).await;
    assert_eq!(card_status(&app, PHONE, id).await, 404);
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
            ..for_customer(consultation_match(id, None))
        },
    )
    .await;
    assert_eq!(
        (
            card_status(&app, PHONE, id).await,
            notification_kinds(&app, id).await.len()
        ),
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
    // The new consultation is visible for thirty days after closing, as usual.
    let ended = ConsultationProgressed {
        consultation_id: ConsultationId(new),
        ..progressed_for_customer((Step::Approved, Step::Failed), id)
    };
    deliver(&app, 1, &consultation_created(new)).await;
    deliver(&app, 2, &ended).await;
    assert_eq!(card_status(&app, PHONE, id).await, 200);
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
async fn erasure_deletes_notifications_without_details() {
    let app = start().await;
    seed(&app).await;
    let insert = "insert into notification (id, salesman_id, kind, event_id, origin_kind,
                                            origin_id, project_name, created_at)
                  select gen_random_uuid(), $1, 'assigned', gen_random_uuid(), 'consultation',
                         origin, '스마트상점', '2026-11-22T01:00:00Z'
                  from unnest($2::uuid[]) origin";
    let origins = vec![CONSULTATION, OTHER_CONSULTATION];
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

/// All events about an interest and a consultation from before the erasure, by topic. Some are
/// recorded after it and recognised by the time in the aggregate's id.
fn histories_before_erasure(app: &TestApp) -> [Vec<Delivery>; 4] {
    let created_at = app.clock().now();
    let new_id = || {
        let tail: [u8; 10] = Uuid::new_v4().into_bytes()[..10].try_into().unwrap();
        uuid::Builder::from_unix_timestamp_millis(
            created_at.timestamp_millis().unsigned_abs(),
            &tail,
        )
        .into_uuid()
    };
    let (consultation, interest) = (ConsultationId(new_id()), InterestId(new_id()));
    let later = |(mut envelope, payload): Delivery| {
        envelope.recorded_at = created_at + TimeDelta::hours(1);
        (envelope, payload)
    };
    let matched = SalesmanMatched {
        origin: Origin::Consultation(consultation),
        ..for_customer(consultation_match(SALESMAN, Some(CONSULTANT)))
    };
    let of_interest = SalesmanMatched {
        origin: Origin::Interest(interest),
        ..for_customer(interest_match(SALESMAN, Some(CONSULTANT)))
    };
    let step = |to| ConsultationProgressed {
        consultation_id: consultation,
        ..progressed_for_customer(to, OTHER)
    };
    let switched = |interested| InterestUpdated {
        interest_id: interest,
        ..interest_updated_for_customer(interested, SALESMAN)
    };
    let (mut requested, mut marked) = (consultation_created(consultation.0), interest_created());
    (requested.customer, marked.customer, marked.interest_id) =
        (customer(PHONE), customer(PHONE), interest);
    let mut edited = consultation_edited(Some(SALESMAN), Some(CONSULTANT));
    (edited.customer, edited.consultation_id) = (customer(PHONE), consultation);
    [
        vec![
            delivery(1, &requested),
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
async fn events_around_the_erasure_leave_the_same_rows() {
    let app = start().await;
    let histories = histories_before_erasure(&app);
    let mut expected = None;
    // How many events of each topic are consumed before the erasure.
    for before in [
        [0, 0, 0, 0],
        [4, 3, 2, 1],
        [4, 1, 0, 0],
        [0, 3, 1, 0],
        [1, 0, 2, 0],
        [1, 1, 2, 1],
        [2, 0, 1, 1],
    ] {
        let sql = "delete from inbox; delete from progress; delete from assignment;
                   delete from notification; delete from erased_customer";
        sqlx::raw_sql(sql).execute(app.pool()).await.unwrap();
        for (history, count) in histories.iter().zip(before) {
            deliver_all(&app, &history[..count]).await;
        }
        erase(&app, PHONE).await;
        // In the reverse order of topics, and every event twice.
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
        let left = all_rows(&app).await;
        assert!(!left.contains("5678"), "{left}");
        assert_eq!(
            (
                notification_kinds(&app, SALESMAN).await.len(),
                notification_kinds(&app, OTHER).await.len(),
                notification_kinds(&app, CONSULTANT).await.len()
            ),
            (0, 0, 0)
        );
        let rows: Value = sqlx::query_scalar(
            "select jsonb_agg(to_jsonb(assignment) - 'erased_at' order by origin_kind)
             from assignment where erased_at is not null",
        )
        .fetch_one(app.pool())
        .await
        .unwrap();
        assert_eq!(
            (&rows[0]["closed_as"], &rows[0]["open"], &rows[1]["open"]),
            (&json!("cancelled"), &json!(false), &json!(false))
        );
        assert_eq!(&rows, expected.get_or_insert_with(|| rows.clone()));
    }
}

#[tokio::test]
async fn outcome_received_after_the_erasure_is_counted() {
    let app = start().await;
    let id = register(&app, "010-1111-1111").await;
    erase(&app, PHONE).await;
    app.deliver(1, &consultation_created(CONSULTATION)).await;
    app.deliver(
        2,
        &progressed_for_customer((Step::Apply, Step::Approved), id),
    )
    .await;
    app.deliver(
        3,
        &progressed_for_customer((Step::Approved, Step::Succeeded), id),
    )
    .await;
    assert_eq!(
        app.as_salesman(id).get("/salesmen/me").await.expect(200)["successCount"],
        1
    );
    assert!(!all_rows(&app).await.contains("5678"));
}

#[tokio::test]
async fn assignment_from_before_the_erasure_serves_no_series() {
    let app = start().await;
    deliver(&app, 1, &project_created(PROJECT, an_edition())).await;
    deliver(
        &app,
        1,
        &for_customer(interest_match(SALESMAN, Some(CONSULTANT))),
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
            notification_kinds(&app, SALESMAN).await.len(),
            notification_kinds(&app, CONSULTANT).await.len()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn erasure_redacts_parked_records() {
    let app = start().await;
    let event = interest_updated_for_customer(false, SALESMAN);
    let mut payload = serde_json::to_value(&event).unwrap();
    (payload["customerName"], payload["phone"]) = (json!("홍길동"), json!("+821077775678"));
    app.deliver_raw(
        &testing::envelope(Uuid::new_v4(), 3, &event),
        payload.to_string().into_bytes(),
    )
    .await;
    assert!(app.tables(&IGNORED_TABLES).await["parked"].contains("1077775678"));
    erase(&app, PHONE).await;
    assert!(!all_rows(&app).await.contains("1077775678"));
    let payload: Vec<u8> = sqlx::query_scalar("select payload from parked")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let payload = String::from_utf8(payload).unwrap();
    assert!(
        !payload.contains("홍길동") && payload.contains("interestId"),
        "{payload}"
    );
}

#[tokio::test]
async fn erasure_waits_for_a_concurrent_transaction() {
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
    let insert =
        "insert into assignment (origin_kind, origin_id, customer_id, last_four, project_id)
                  values ('interest', $1, $2, '5678', $1)";
    sqlx::query(insert)
        .bind(INTEREST)
        .bind(customer.customer_id.0)
        .execute(&mut *batch)
        .await
        .unwrap();
    let waits = "select exists (select 1 from pg_stat_activity
                                where datname = current_database() and wait_event_type = 'Lock')";
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
    assert!(!all_rows(&app).await.contains("5678"));
}

#[tokio::test]
async fn replaced_person_is_linked_to_the_project() {
    let app = start().await;
    let first = for_customer(consultation_match(SALESMAN, Some(CONSULTANT)));
    deliver(&app, 1, &first).await;
    deliver(&app, 1, &consultation_created(CONSULTATION)).await;
    deliver(
        &app,
        2,
        &progressed_for_customer((Step::Apply, Step::Approved), SALESMAN),
    )
    .await;
    let links = async |caller: testing::Caller<'_>| {
        let list = caller.get("/salesmen/me/notifications").await.expect(200);
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["link"]["kind"].as_str().unwrap().to_owned())
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
    // An event may arrive before the match of its origin: then nothing shows a loss of access.
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
async fn replaced_person_sees_no_details_until_matched_again() {
    let app = start().await;
    let first = for_customer(consultation_match(SALESMAN, Some(CONSULTANT)));
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
            ..progressed_for_customer((Step::Apply, Step::Approved), SALESMAN)
        },
    )
    .await;
    let notifications_of = async |id: Uuid| {
        app.as_salesman(id)
            .get("/salesmen/me/notifications")
            .await
            .expect(200)["items"]
            .clone()
    };
    let personal = [
        &customer(PHONE).customer_id.to_string(),
        &CONSULTATION.to_string(),
        "5678",
        "2026-12-03",
        "approved",
    ];
    let before = notifications_of(SALESMAN).await;
    for text in personal {
        assert!(before.to_string().contains(text), "{text}: {before}");
    }
    app.clock().advance(TimeDelta::seconds(1));
    let second = rematched(&first, OTHER, Some(CONSULTANT));
    deliver(&app, 2, &second).await;
    let after = notifications_of(SALESMAN).await;
    for text in personal {
        assert!(!after.to_string().contains(text), "{text}: {after}");
    }
    let kinds: Vec<_> = after
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[0], "taken_away");
    assert_eq!(kinds.len(), 4);
    for item in after.as_array().unwrap() {
        assert_eq!(item["link"], json!({ "kind": "project", "id": PROJECT }));
        assert_eq!(
            item["details"]
                .as_object()
                .unwrap()
                .keys()
                .collect::<Vec<_>>(),
            ["projectId", "projectName"]
        );
    }
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 3, &rematched(&second, SALESMAN, Some(CONSULTANT))).await;
    let again = notifications_of(SALESMAN).await;
    assert_eq!(
        again.as_array().unwrap()[2..],
        before.as_array().unwrap()[..],
        "the newest is about the new match"
    );
    assert!(!notifications_of(OTHER).await.to_string().contains("5678"));
}

#[tokio::test]
async fn old_notification_links_to_the_project_after_replacement() {
    let app = start().await;
    deliver(&app, 1, &for_customer(consultation_match(SALESMAN, None))).await;
    let insert = "insert into notification (id, salesman_id, kind, event_id, origin_kind,
                                            origin_id, project_name, created_at)
                  values (gen_random_uuid(), $1, 'assigned', gen_random_uuid(), 'consultation',
                          $2, '스마트상점', '2026-11-22T01:00:00Z')";
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
async fn old_interest_is_closed_by_the_erasure_in_either_order() {
    let app = start().await;
    let (created, on) = (
        interest_created(),
        interest_updated_for_customer(true, SALESMAN),
    );
    let interest = [delivery(1, &created), delivery(2, &on)];
    let matched = [delivery(1, &for_customer(interest_match(SALESMAN, None)))];
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
        let rows: Value = sqlx::query_scalar("select to_jsonb(assignment) from assignment")
            .fetch_one(app.pool())
            .await
            .unwrap();
        assert!(
            rows["closed_at"].is_string() && rows["closed_at"] == rows["erased_at"],
            "{rows}"
        );
        left.push(rows);
    }
    assert_eq!(left[0], left[1]);
}
