//! Notifications of the people who serve a series when one of its editions changes.

use chrono::{NaiveDate, TimeDelta};
use events::{
    Actor, ConsultationId, CustomerId, CustomerRef, Edition, EditionField, InterestId, Origin,
    Period, PeriodKind, ProjectEdited, ProjectEnded, ProjectId, ProjectStarted, ProjectStatus,
    SalesmanMatched, SeriesId, Step,
};
use serde_json::{Value, json};
use service_kit::testing::TestApp;
use uuid::Uuid;

use crate::{
    CONSULTANT, CONSULTATION, OTHER, PROJECT, SALESMAN, an_edition, consultation_match, deliver,
    deliver_ended_consultation, interest_created, interest_match, interest_updated,
    newest_notification, notification_kinds, project_created, rematched_after, start,
};

const NEXT: Uuid = Uuid::from_u128(0x2027);

fn project_started(id: Uuid) -> ProjectStarted {
    let edition = Edition {
        status: ProjectStatus::Ongoing,
        ..an_edition()
    };
    ProjectStarted {
        project_id: ProjectId(id),
        edition,
        actor: Actor::System,
    }
}

fn project_ended(id: Uuid) -> ProjectEnded {
    let edition = Edition {
        status: ProjectStatus::Ended,
        ..an_edition()
    };
    ProjectEnded {
        project_id: ProjectId(id),
        edition,
        actor: Actor::System,
    }
}

fn period_until(day: Option<&str>) -> Period {
    let ends_on: Option<NaiveDate> = day.map(|day| day.parse().unwrap());
    Period {
        kind: if day.is_some() {
            PeriodKind::Range
        } else {
            PeriodKind::UntilBudget
        },
        text: day.map_or("예산 소진시까지".to_owned(), |day| {
            format!("~ {day}")
        }),
        starts_on: None,
        ends_on,
    }
}

fn project_edited(previous: Option<Period>, now: Period) -> ProjectEdited {
    let changed = vec![if previous.is_some() {
        EditionField::Period
    } else {
        EditionField::Summary
    }];
    let edition = Edition {
        period: now,
        ..an_edition()
    };
    ProjectEdited {
        project_id: ProjectId(PROJECT),
        edition,
        changed,
        previous_period: previous,
        actor: Actor::System,
    }
}

/// A match for a new consultation of another customer.
fn match_of_another_customer(number: u128) -> SalesmanMatched {
    let matched = consultation_match(SALESMAN, Some(CONSULTANT));
    let customer = CustomerRef {
        customer_id: CustomerId(Uuid::from_u128(number)),
        ..matched.customer.clone()
    };
    SalesmanMatched {
        origin: Origin::Consultation(ConsultationId(Uuid::from_u128(number))),
        customer,
        ..matched
    }
}

/// The edition is known, and two people are assigned to [`CONSULTATION`] about it.
async fn start_with_assignment() -> TestApp {
    let app = start().await;
    deliver(&app, 1, &project_created(PROJECT, an_edition())).await;
    deliver(&app, 1, &consultation_match(SALESMAN, Some(CONSULTANT))).await;
    app.clock().advance(TimeDelta::seconds(1));
    app
}

async fn known_projects(app: &TestApp) -> Vec<Value> {
    sqlx::query_scalar("select to_jsonb(known_project) from known_project order by id")
        .fetch_all(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn start_and_end_notify_both_people_of_the_series() {
    let app = start_with_assignment().await;
    deliver(&app, 2, &project_started(PROJECT)).await;
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 3, &project_ended(PROJECT)).await;
    for person in [SALESMAN, CONSULTANT] {
        assert_eq!(
            notification_kinds(&app, person).await,
            ["assigned", "project_started", "project_ended"]
        );
    }
    let notification = newest_notification(&app, SALESMAN).await;
    assert_eq!(
        notification["link"],
        json!({ "kind": "project", "id": PROJECT })
    );
    let details = json!({
        "projectId": PROJECT, "projectName": "2026년 스마트상점 보급사업",
        "periodText": "상시", "year": 2026, "customers": 1,
    });
    assert_eq!(notification["details"], details);
}

#[tokio::test]
async fn start_notifies_once_with_the_number_of_customers() {
    let app = start_with_assignment().await;
    // Two more customers; the interest belongs to the first customer.
    for number in [1, 2] {
        deliver(&app, 1, &match_of_another_customer(number)).await;
    }
    deliver(&app, 1, &interest_match(SALESMAN, None)).await;
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 2, &project_started(PROJECT)).await;
    for (person, customers) in [(SALESMAN, 3), (CONSULTANT, 3)] {
        assert_eq!(
            newest_notification(&app, person).await["details"]["customers"],
            customers
        );
        assert_eq!(
            notification_kinds(&app, person)
                .await
                .iter()
                .filter(|kind| *kind == "project_started")
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn moved_deadline_notifies_with_both_days() {
    let app = start_with_assignment().await;
    let moves = [
        (
            period_until(None),
            period_until(Some("2026-12-11")),
            json!(null),
            json!("2026-12-11"),
        ),
        (
            period_until(Some("2026-12-11")),
            period_until(Some("2026-12-18")),
            json!("2026-12-11"),
            json!("2026-12-18"),
        ),
        (
            period_until(Some("2026-12-18")),
            period_until(None),
            json!("2026-12-18"),
            json!(null),
        ),
    ];
    for (version, (before, now, previous, new)) in (2..).zip(moves) {
        let text = now.text.clone();
        deliver(&app, version, &project_edited(Some(before), now)).await;
        let notification = newest_notification(&app, SALESMAN).await;
        let details = &notification["details"];
        assert_eq!(
            (&notification["kind"], &details["periodText"]),
            (&json!("deadline_moved"), &json!(text))
        );
        assert_eq!((&details["previous"], &details["new"]), (&previous, &new));
        app.clock().advance(TimeDelta::seconds(1));
    }
}

#[tokio::test]
async fn edit_with_unchanged_deadline_notifies_no_one() {
    let app = start_with_assignment().await;
    deliver(
        &app,
        2,
        &project_edited(None, period_until(Some("2026-12-11"))),
    )
    .await;
    let same_day = Period {
        text: "12월 11일까지".to_owned(),
        ..period_until(Some("2026-12-11"))
    };
    deliver(
        &app,
        3,
        &project_edited(Some(period_until(Some("2026-12-11"))), same_day),
    )
    .await;
    assert_eq!(notification_kinds(&app, SALESMAN).await, ["assigned"]);
    assert_eq!(known_projects(&app).await[0]["ends_on"], "2026-12-11");
}

#[tokio::test]
async fn new_edition_notifies_people_of_earlier_editions() {
    let app = start_with_assignment().await;
    let next = Edition {
        year: 2027,
        name: "2027년 스마트상점 보급사업".to_owned(),
        ..an_edition()
    };
    deliver(&app, 1, &project_created(NEXT, next)).await;
    for person in [SALESMAN, CONSULTANT] {
        let notification = newest_notification(&app, person).await;
        assert_eq!(
            (&notification["kind"], &notification["link"]),
            (
                &json!("new_edition"),
                &json!({ "kind": "project", "id": NEXT })
            )
        );
        assert_eq!(
            (
                &notification["details"]["year"],
                &notification["details"]["customers"]
            ),
            (&json!(2027), &json!(1))
        );
    }
    // The start of the new edition notifies too: the people serve the series.
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 2, &project_started(NEXT)).await;
    assert_eq!(
        notification_kinds(&app, SALESMAN).await,
        ["assigned", "new_edition", "project_started"]
    );
}

#[tokio::test]
async fn ended_unrelated_and_own_editions_notify_no_one() {
    let app = start_with_assignment().await;
    let past = Edition {
        status: ProjectStatus::Ended,
        year: 2024,
        ..an_edition()
    };
    deliver(&app, 1, &project_created(Uuid::from_u128(1), past)).await;
    let other = Edition {
        series_id: SeriesId(OTHER),
        ..an_edition()
    };
    deliver(&app, 1, &project_created(Uuid::from_u128(2), other.clone())).await;
    deliver(
        &app,
        2,
        &ProjectStarted {
            edition: other,
            ..project_started(Uuid::from_u128(2))
        },
    )
    .await;
    // A match that arrives before its edition.
    let early = Uuid::from_u128(3);
    deliver(
        &app,
        1,
        &SalesmanMatched {
            project_id: ProjectId(early),
            ..interest_match(OTHER, None)
        },
    )
    .await;
    deliver(
        &app,
        1,
        &project_created(
            early,
            Edition {
                series_id: SeriesId(early),
                ..an_edition()
            },
        ),
    )
    .await;
    assert_eq!(
        (
            notification_kinds(&app, SALESMAN).await,
            notification_kinds(&app, OTHER).await
        ),
        (vec!["assigned".to_owned()], vec!["assigned".to_owned()])
    );
}

#[tokio::test]
async fn new_edition_notifies_people_of_an_unknown_predecessor() {
    let app = start().await;
    deliver(&app, 1, &consultation_match(SALESMAN, None)).await;
    app.clock().advance(TimeDelta::seconds(1));
    let next = Edition {
        predecessor: Some(ProjectId(PROJECT)),
        year: 2027,
        ..an_edition()
    };
    deliver(&app, 1, &project_created(NEXT, next)).await;
    assert_eq!(
        notification_kinds(&app, SALESMAN).await,
        ["assigned", "new_edition"]
    );
}

#[tokio::test]
async fn people_without_open_assignments_are_not_notified() {
    let app = start_with_assignment().await;
    deliver_ended_consultation(&app, CONSULTATION, Step::Cancelled, Some(SALESMAN)).await;
    let interest = interest_match(OTHER, None);
    deliver(&app, 1, &interest).await;
    deliver(&app, 1, &interest_created()).await;
    deliver(&app, 2, &interest_updated(false, Some(OTHER), None)).await;
    deliver(&app, 2, &project_started(PROJECT)).await;
    let sql = "select count(*) from notification where kind = 'project_started'";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(app.pool())
            .await
            .unwrap(),
        0
    );
    // Turned on again, it counts once the next match arrives.
    deliver(&app, 3, &interest_updated(true, Some(OTHER), None)).await;
    let deadline = project_edited(Some(period_until(None)), period_until(Some("2026-12-11")));
    deliver(&app, 3, &deadline).await;
    assert!(
        !notification_kinds(&app, OTHER)
            .await
            .contains(&"deadline_moved".to_owned())
    );
    deliver(&app, 2, &rematched_after(&interest, 3, OTHER, None)).await;
    deliver(&app, 4, &project_ended(PROJECT)).await;
    assert!(
        notification_kinds(&app, OTHER)
            .await
            .contains(&"project_ended".to_owned())
    );
    assert!(
        !notification_kinds(&app, SALESMAN)
            .await
            .contains(&"project_ended".to_owned())
    );
}

#[tokio::test]
async fn replayed_project_event_notifies_no_one_else() {
    let app = start_with_assignment().await;
    let (event_id, event) = (Uuid::new_v4(), project_started(PROJECT));
    app.deliver_with_id(event_id, 2, &event).await;
    app.deliver_with_id(event_id, 2, &event).await;
    // A person who is matched after the event.
    let interest = Origin::Interest(InterestId(Uuid::from_u128(9)));
    deliver(
        &app,
        1,
        &SalesmanMatched {
            origin: interest,
            ..consultation_match(OTHER, None)
        },
    )
    .await;
    sqlx::raw_sql("delete from inbox; delete from progress")
        .execute(app.pool())
        .await
        .unwrap();
    deliver(&app, 1, &project_created(PROJECT, an_edition())).await;
    app.deliver_with_id(event_id, 2, &event).await;
    assert_eq!(
        (
            notification_kinds(&app, SALESMAN).await.len(),
            notification_kinds(&app, OTHER).await
        ),
        (2, vec!["assigned".to_owned()])
    );
    assert_eq!(known_projects(&app).await[0]["status"], "ongoing");
}

#[tokio::test]
async fn latest_project_event_is_projected() {
    let app = start().await;
    deliver(&app, 1, &project_created(PROJECT, an_edition())).await;
    let renamed = Edition {
        name: "스마트상점 2026".to_owned(),
        period: period_until(Some("2026-12-11")),
        ..an_edition()
    };
    let changed = vec![EditionField::Name, EditionField::Period];
    let previous_period = Some(an_edition().period);
    let edit = ProjectEdited {
        project_id: ProjectId(PROJECT),
        edition: renamed.clone(),
        changed,
        previous_period,
        actor: Actor::System,
    };
    deliver(&app, 2, &edit).await;
    let running = Edition {
        status: ProjectStatus::Ongoing,
        ..renamed
    };
    deliver(
        &app,
        3,
        &ProjectStarted {
            edition: running,
            ..project_started(PROJECT)
        },
    )
    .await;
    let row = json!({
        "id": PROJECT, "series_id": crate::SERIES, "name": "스마트상점 2026",
        "ends_on": "2026-12-11", "status": "ongoing", "version": 3,
    });
    assert_eq!(known_projects(&app).await, [row]);
}
