//! Deadline reminders.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Edition, EditionField, ProjectStatus};
use interest::remind_deadlines;
use serde_json::{Value, json};
use service_kit::auth::{Signer, new_private_pem};
use service_kit::config::Env;
use service_kit::tasks::spawn;
use service_kit::testing::{MockClock, TestApp, an_edition};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    OTHER_PHONE, PHONE, PROJECT, create_body, created, edited, edition_of_year, ended, instant,
    period_until, start, started,
};

fn set_clock(app: &TestApp, to: &str) {
    let now: DateTime<Utc> = app.context().db.now();
    app.clock().advance(instant(to) - now);
}

fn edition_closing_on(end: &str) -> Edition {
    Edition {
        period: period_until(Some(end)),
        ..edition_of_year(2026, ProjectStatus::Ongoing)
    }
}

/// Two customers have an interest in an edition whose last day is 11 December.
async fn start_with_two_interests() -> TestApp {
    let app = start().await;
    app.deliver(1, &created(PROJECT, edition_closing_on("2026-12-11")))
        .await;
    for phone in [PHONE, OTHER_PHONE] {
        app.as_customer(phone)
            .post("/interests", &create_body())
            .await
            .expect(201);
    }
    app
}

/// The reminders of the usual customer, as kind and deadline, newest first.
async fn reminders(app: &TestApp) -> Vec<(Value, Value)> {
    let page = app
        .as_customer(PHONE)
        .get("/interests/notifications")
        .await
        .expect(200);
    let rows = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["kind"].as_str().unwrap().starts_with("deadline"));
    rows.map(|row| (row["kind"].clone(), row["deadline"].clone()))
        .collect()
}

#[tokio::test]
async fn reminders_are_sent_on_d7_and_d1_from_nine_in_seoul() {
    let app = start_with_two_interests().await;
    for (at, expected) in [
        ("2026-12-03T14:59:59Z", 0),
        // 4 December in Seoul: before nine, at nine, and again.
        ("2026-12-03T23:59:59Z", 0),
        ("2026-12-04T00:00:00Z", 2),
        ("2026-12-04T00:00:30Z", 0),
        ("2026-12-04T14:59:59Z", 0),
        ("2026-12-05T00:00:00Z", 0),
        // 10 December.
        ("2026-12-09T23:59:59Z", 0),
        ("2026-12-10T03:00:00Z", 2),
        ("2026-12-10T03:00:30Z", 0),
        ("2026-12-11T00:00:00Z", 0),
        ("2026-12-12T00:00:00Z", 0),
    ] {
        set_clock(&app, at);
        assert_eq!(
            remind_deadlines(app.context()).await.unwrap(),
            expected,
            "{at}"
        );
    }
    let deadline = json!("2026-12-11");
    assert_eq!(
        reminders(&app).await,
        [
            (json!("deadline_d1"), deadline.clone()),
            (json!("deadline_d7"), deadline)
        ]
    );
    let page = app
        .as_customer(PHONE)
        .get("/interests/notifications")
        .await
        .expect(200);
    let row = &page["items"][1];
    assert_eq!(
        (&row["projectId"], &row["createdAt"]),
        (&json!(PROJECT), &json!("2026-12-04T00:00:00Z"))
    );
    assert_eq!(
        (&page["unread"], app.new_events().await.len()),
        (&json!(2), 2)
    );
}

#[tokio::test]
async fn thousands_of_customers_are_reminded_once_each() {
    let app = start_with_two_interests().await;
    crate::notifications::insert_interests(&app, 2500).await;
    set_clock(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 2502);
    let reminders: (i64, i64) = sqlx::query_as(
        "select count(*), count(distinct customer_id) from notification where kind = 'deadline_d7'",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(reminders, (2502, 2502));
    // The next poll does not even try to insert.
    sqlx::raw_sql(
        "create function no_reminder() returns trigger language plpgsql as
         $$ begin raise 'a reminder is inserted again'; end $$;
         create trigger no_reminder before insert on notification
         for each row execute function no_reminder();",
    )
    .execute(app.pool())
    .await
    .unwrap();
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 0);
}

#[tokio::test]
async fn missed_reminder_day_is_skipped() {
    let app = start_with_two_interests().await;
    set_clock(&app, "2026-12-05T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 0);
}

#[tokio::test]
async fn two_instances_send_each_reminder_once() {
    let app = start_with_two_interests().await;
    let beside = app.replica(interest::service()).await;
    set_clock(&app, "2026-12-04T00:00:00Z");
    let (a, b) = tokio::join!(
        remind_deadlines(app.context()),
        remind_deadlines(beside.context())
    );
    assert_eq!(a.unwrap() + b.unwrap(), 2);
    assert_eq!(remind_deadlines(beside.context()).await.unwrap(), 0);
}

#[tokio::test]
async fn moved_deadline_sends_only_the_missing_reminder() {
    let app = start_with_two_interests().await;
    set_clock(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 2);
    app.deliver(
        2,
        &edited(
            PROJECT,
            edition_closing_on("2026-12-20"),
            &[EditionField::Period],
        ),
    )
    .await;
    for (at, expected) in [
        ("2026-12-10T00:00:00Z", 0),
        // Seven days before the new deadline: this kind was already sent.
        ("2026-12-13T00:00:00Z", 0),
        ("2026-12-19T00:00:00Z", 2),
    ] {
        set_clock(&app, at);
        assert_eq!(
            remind_deadlines(app.context()).await.unwrap(),
            expected,
            "{at}"
        );
    }
    let sent = [
        (json!("deadline_d1"), json!("2026-12-20")),
        (json!("deadline_d7"), json!("2026-12-11")),
    ];
    assert_eq!(reminders(&app).await, sent);
}

#[tokio::test]
async fn each_edition_has_its_own_reminder() {
    let app = start_with_two_interests().await;
    let second = Edition {
        name: "2차".to_owned(),
        ..edition_closing_on("2026-12-11")
    };
    app.deliver(1, &created(Uuid::from_u128(0x9408), second))
        .await;
    app.deliver(
        1,
        &created(
            Uuid::from_u128(0xB),
            Edition {
                ..an_edition(Uuid::from_u128(0xB5), "다른 사업")
            },
        ),
    )
    .await;
    set_clock(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 4);
}

#[tokio::test]
async fn interest_that_is_off_gets_no_reminder() {
    let app = start_with_two_interests().await;
    let id = app.as_customer(PHONE).get("/interests").await.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.as_customer(PHONE)
        .patch_if(
            &format!("/interests/{id}"),
            1,
            &json!({ "interested": false }),
        )
        .await
        .expect(200);
    set_clock(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 1);
    assert_eq!(reminders(&app).await, []);
}

#[tokio::test]
async fn ended_and_planned_editions_send_no_reminder() {
    let app = start_with_two_interests().await;
    app.deliver(2, &ended(PROJECT, edition_closing_on("2026-12-11")))
        .await;
    let next = Uuid::from_u128(0x9408);
    let expected = Edition {
        status: ProjectStatus::Planned,
        ..edition_closing_on("2026-12-11")
    };
    app.deliver(1, &created(next, expected.clone())).await;
    set_clock(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 0);
    app.deliver(2, &started(next, expected)).await;
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 2);
}

/// How long the test waits for the leader's reminder.
const REMINDER_TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_service_sends_reminders() {
    let app = start_with_two_interests().await;
    let options = app.pool().connect_options();
    let url = format!(
        "postgres://ktgg_interest:test@{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap()
    );
    let signer: Signer = new_private_pem().parse().unwrap();
    let free = || {
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string()
    };
    let (listen, admin, unused) = (free(), free(), free());
    let mut env = Env::from_pairs([
        ("INTEREST_DATABASE_URL", url.as_str()),
        ("INTEREST_LISTEN", listen.as_str()),
        ("INTEREST_ADMIN_LISTEN", admin.as_str()),
        // Reminders do not need Kafka.
        ("KAFKA_BROKERS", unused.as_str()),
        ("MIGRATE", "check"),
        (
            "INTERNAL_TOKEN_PUBLIC_KEYS",
            signer.public_pem().unwrap().as_str(),
        ),
        ("CUSTOMER_ID_KEY", "a key that nothing but tests uses"),
        ("DRAIN_SECONDS", "0"),
    ]);
    let config = interest::service()
        .config(&mut env)
        .unwrap_or_else(|| panic!("{:?}", env.invalid()));
    let clock = Arc::new(MockClock::at(instant("2026-12-04T00:00:00Z")));
    let bound = interest::service().bind(config, clock).await.unwrap();
    let stop = CancellationToken::new();
    let running = spawn(bound.run(stop.clone()));
    let polling = async {
        while reminders(&app).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(REMINDER_TIMEOUT, polling)
        .await
        .expect("no reminder was sent");
    let leader: Option<String> =
        sqlx::query_scalar("select name from leader where name = 'remind-deadline'")
            .fetch_optional(app.pool())
            .await
            .unwrap();
    assert_eq!(leader.as_deref(), Some("remind-deadline"));
    stop.cancel();
    running.await.unwrap().unwrap();
}
