//! Who is reminded of a deadline, and when.

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
    PHONE, PROJECT, STRANGER, a_mark, created, edited, ended, in_year, instant, start, started,
    until,
};

/// Moves the service's clock to that instant.
fn set(app: &TestApp, to: &str) {
    let now: DateTime<Utc> = app.context().db.now();
    app.clock().advance(instant(to) - now);
}

fn closing_on(end: &str) -> Edition {
    Edition {
        period: until(Some(end)),
        ..in_year(2026, ProjectStatus::Ongoing)
    }
}

/// Two customers have marked an edition that is taken until 11 December.
async fn two_who_wait() -> TestApp {
    let app = start().await;
    app.deliver(1, &created(PROJECT, closing_on("2026-12-11")))
        .await;
    for phone in [PHONE, STRANGER] {
        app.as_customer(phone)
            .post("/interests", &a_mark())
            .await
            .expect(201);
    }
    app
}

/// What the usual customer was reminded of: kind and deadline, newest first.
async fn reminded(app: &TestApp) -> Vec<(Value, Value)> {
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
async fn everybody_is_reminded_once_seven_days_and_one_day_before_from_nine_in_seoul() {
    let app = two_who_wait().await;
    for (at, expected) in [
        ("2026-12-03T14:59:59Z", 0),
        // 4 December in Seoul: before nine, at nine, and once more.
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
        set(&app, at);
        assert_eq!(
            remind_deadlines(app.context()).await.unwrap(),
            expected,
            "{at}"
        );
    }
    let deadline = json!("2026-12-11");
    assert_eq!(
        reminded(&app).await,
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
async fn however_many_are_interested_each_is_reminded_once() {
    let app = two_who_wait().await;
    crate::notifications::crowd(&app, 2500).await;
    set(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 2502);
    let reminders: (i64, i64) = sqlx::query_as(
        "select count(*), count(distinct customer_id) from notification where kind = 'deadline_d7'",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(reminders, (2502, 2502));
    // Looking again writes nothing, not even to find out that it is there.
    sqlx::raw_sql(
        "create function no_reminder() returns trigger language plpgsql as $$ begin raise 'a reminder is written again'; end $$;
         create trigger no_reminder before insert on notification for each row execute function no_reminder();",
    )
    .execute(app.pool())
    .await
    .unwrap();
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_day_on_which_nobody_looked_is_not_made_up_for() {
    let app = two_who_wait().await;
    set(&app, "2026-12-05T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 0);
}

#[tokio::test]
async fn another_instance_reminds_nobody_again() {
    let app = two_who_wait().await;
    let beside = app.beside(interest::service()).await;
    set(&app, "2026-12-04T00:00:00Z");
    let (a, b) = tokio::join!(
        remind_deadlines(app.context()),
        remind_deadlines(beside.context())
    );
    assert_eq!(a.unwrap() + b.unwrap(), 2);
    assert_eq!(remind_deadlines(beside.context()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_deadline_that_moves_brings_only_the_reminder_that_was_not_sent_yet() {
    let app = two_who_wait().await;
    set(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 2);
    app.deliver(
        2,
        &edited(PROJECT, closing_on("2026-12-20"), &[EditionField::Period]),
    )
    .await;
    for (at, expected) in [
        ("2026-12-10T00:00:00Z", 0),
        // Seven days before the new one: that was sent.
        ("2026-12-13T00:00:00Z", 0),
        ("2026-12-19T00:00:00Z", 2),
    ] {
        set(&app, at);
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
    assert_eq!(reminded(&app).await, sent);
}

#[tokio::test]
async fn each_edition_reminds_by_itself() {
    let app = two_who_wait().await;
    let second = Edition {
        name: "2차".to_owned(),
        ..closing_on("2026-12-11")
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
    set(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 4);
}

#[tokio::test]
async fn nobody_is_reminded_of_what_he_turned_off() {
    let app = two_who_wait().await;
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
    set(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 1);
    assert_eq!(reminded(&app).await, []);
}

#[tokio::test]
async fn nobody_is_reminded_of_an_edition_that_was_ended_or_is_only_expected() {
    let app = two_who_wait().await;
    app.deliver(2, &ended(PROJECT, closing_on("2026-12-11")))
        .await;
    let next = Uuid::from_u128(0x9408);
    let expected = Edition {
        status: ProjectStatus::Planned,
        ..closing_on("2026-12-11")
    };
    app.deliver(1, &created(next, expected.clone())).await;
    set(&app, "2026-12-04T00:00:00Z");
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 0);
    app.deliver(2, &started(next, expected)).await;
    assert_eq!(remind_deadlines(app.context()).await.unwrap(), 2);
}

/// How long the leader may take to remind before the test says that it did not.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_runs_reminds_by_itself() {
    let app = two_who_wait().await;
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
    let (listen, admin, nobody) = (free(), free(), free());
    let mut env = Env::of([
        ("INTEREST_DATABASE_URL", url.as_str()),
        ("INTEREST_LISTEN", listen.as_str()),
        ("INTEREST_ADMIN_LISTEN", admin.as_str()),
        // Reminders need no Kafka.
        ("KAFKA_BROKERS", nobody.as_str()),
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
        .unwrap_or_else(|| panic!("{:?}", env.wrong()));
    let clock = Arc::new(MockClock::at(instant("2026-12-04T00:00:00Z")));
    let bound = interest::service().bind(config, clock).await.unwrap();
    let stop = CancellationToken::new();
    let running = spawn(bound.run(stop.clone()));
    let reminding = async {
        while reminded(&app).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reminding)
        .await
        .expect("nobody was reminded");
    let led: Option<String> =
        sqlx::query_scalar("select name from leader where name = 'remind-deadline'")
            .fetch_optional(app.pool())
            .await
            .unwrap();
    assert_eq!(led.as_deref(), Some("remind-deadline"));
    stop.cancel();
    running.await.unwrap().unwrap();
}
