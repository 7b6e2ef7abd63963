//! What whoever serves a programme is told when one of its editions moves.

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
    CONSULTANT, CONSULTATION, OTHER, PROJECT, SALESMAN, a_match, a_match_of_interest, an_edition,
    created, deliver, ended, interest_created, interest_updated, matched_again, newest, start,
    told,
};

const NEXT: Uuid = Uuid::from_u128(0x2027);

fn started(id: Uuid) -> ProjectStarted {
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

fn ended_edition(id: Uuid) -> ProjectEnded {
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

fn until(day: Option<&str>) -> Period {
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

fn edited(previous: Option<Period>, now: Period) -> ProjectEdited {
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

/// A match for a consultation of its own, of another customer's.
fn of_another_customer(number: u128) -> SalesmanMatched {
    let matched = a_match(SALESMAN, Some(CONSULTANT));
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

/// The edition is known, and two people are on the usual consultation about it.
async fn serving() -> TestApp {
    let app = start().await;
    deliver(&app, 1, &created(PROJECT, an_edition())).await;
    deliver(&app, 1, &a_match(SALESMAN, Some(CONSULTANT))).await;
    app.clock().advance(TimeDelta::seconds(1));
    app
}

async fn known(app: &TestApp) -> Vec<Value> {
    sqlx::query_scalar("select to_jsonb(known_project) from known_project order by id")
        .fetch_all(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_start_and_an_end_are_told_to_both_who_serve_it() {
    let app = serving().await;
    deliver(&app, 2, &started(PROJECT)).await;
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 3, &ended_edition(PROJECT)).await;
    for person in [SALESMAN, CONSULTANT] {
        assert_eq!(
            told(&app, person).await,
            ["assigned", "project_started", "project_ended"]
        );
    }
    let told = newest(&app, SALESMAN).await;
    assert_eq!(told["link"], json!({ "kind": "project", "id": PROJECT }));
    let details = json!({
        "projectId": PROJECT, "projectName": "2026년 스마트상점 보급사업", "periodText": "상시", "year": 2026, "customers": 1,
    });
    assert_eq!(told["details"], details);
}

#[tokio::test]
async fn one_is_told_once_however_many_of_his_customers_it_concerns() {
    let app = serving().await;
    // Two more customers; the usual one marked it too, which is no further customer.
    for number in [1, 2] {
        deliver(&app, 1, &of_another_customer(number)).await;
    }
    deliver(&app, 1, &a_match_of_interest(SALESMAN, None)).await;
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 2, &started(PROJECT)).await;
    for (person, customers) in [(SALESMAN, 3), (CONSULTANT, 3)] {
        assert_eq!(
            newest(&app, person).await["details"]["customers"],
            customers
        );
        assert_eq!(
            told(&app, person)
                .await
                .iter()
                .filter(|kind| *kind == "project_started")
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn a_deadline_that_moved_is_told_with_both_days() {
    let app = serving().await;
    let moves = [
        (
            until(None),
            until(Some("2026-12-11")),
            json!(null),
            json!("2026-12-11"),
        ),
        (
            until(Some("2026-12-11")),
            until(Some("2026-12-18")),
            json!("2026-12-11"),
            json!("2026-12-18"),
        ),
        (
            until(Some("2026-12-18")),
            until(None),
            json!("2026-12-18"),
            json!(null),
        ),
    ];
    for (version, (before, now, previous, new)) in (2..).zip(moves) {
        let text = now.text.clone();
        deliver(&app, version, &edited(Some(before), now)).await;
        let told = newest(&app, SALESMAN).await;
        let details = &told["details"];
        assert_eq!(
            (&told["kind"], &details["periodText"]),
            (&json!("deadline_moved"), &json!(text))
        );
        assert_eq!((&details["previous"], &details["new"]), (&previous, &new));
        app.clock().advance(TimeDelta::seconds(1));
    }
}

#[tokio::test]
async fn an_edit_that_leaves_the_deadline_where_it_is_is_told_to_nobody() {
    let app = serving().await;
    deliver(&app, 2, &edited(None, until(Some("2026-12-11")))).await;
    let same_day = Period {
        text: "12월 11일까지".to_owned(),
        ..until(Some("2026-12-11"))
    };
    deliver(&app, 3, &edited(Some(until(Some("2026-12-11"))), same_day)).await;
    assert_eq!(told(&app, SALESMAN).await, ["assigned"]);
    assert_eq!(known(&app).await[0]["ends_on"], "2026-12-11");
}

#[tokio::test]
async fn a_new_edition_is_told_to_whoever_serves_an_edition_before_it() {
    let app = serving().await;
    let next = Edition {
        year: 2027,
        name: "2027년 스마트상점 보급사업".to_owned(),
        ..an_edition()
    };
    deliver(&app, 1, &created(NEXT, next)).await;
    for person in [SALESMAN, CONSULTANT] {
        let told = newest(&app, person).await;
        assert_eq!(
            (&told["kind"], &told["link"]),
            (
                &json!("new_edition"),
                &json!({ "kind": "project", "id": NEXT })
            )
        );
        assert_eq!(
            (&told["details"]["year"], &told["details"]["customers"]),
            (&json!(2027), &json!(1))
        );
    }
    // What moves in the new edition concerns him too: he serves the series.
    app.clock().advance(TimeDelta::seconds(1));
    deliver(&app, 2, &started(NEXT)).await;
    assert_eq!(
        told(&app, SALESMAN).await,
        ["assigned", "new_edition", "project_started"]
    );
}

#[tokio::test]
async fn an_edition_that_is_over_another_series_and_the_edition_he_serves_himself_are_no_new_edition()
 {
    let app = serving().await;
    let past = Edition {
        status: ProjectStatus::Ended,
        year: 2024,
        ..an_edition()
    };
    deliver(&app, 1, &created(Uuid::from_u128(1), past)).await;
    let other = Edition {
        series_id: SeriesId(OTHER),
        ..an_edition()
    };
    deliver(&app, 1, &created(Uuid::from_u128(2), other.clone())).await;
    deliver(
        &app,
        2,
        &ProjectStarted {
            edition: other,
            ..started(Uuid::from_u128(2))
        },
    )
    .await;
    // Somebody was matched before this service heard of the edition.
    let early = Uuid::from_u128(3);
    deliver(
        &app,
        1,
        &SalesmanMatched {
            project_id: ProjectId(early),
            ..a_match_of_interest(OTHER, None)
        },
    )
    .await;
    deliver(
        &app,
        1,
        &created(
            early,
            Edition {
                series_id: SeriesId(early),
                ..an_edition()
            },
        ),
    )
    .await;
    assert_eq!(
        (told(&app, SALESMAN).await, told(&app, OTHER).await),
        (vec!["assigned".to_owned()], vec!["assigned".to_owned()])
    );
}

#[tokio::test]
async fn whoever_serves_an_edition_of_which_nothing_was_heard_yet_is_told_of_its_successor() {
    let app = start().await;
    deliver(&app, 1, &a_match(SALESMAN, None)).await;
    app.clock().advance(TimeDelta::seconds(1));
    let next = Edition {
        predecessor: Some(ProjectId(PROJECT)),
        year: 2027,
        ..an_edition()
    };
    deliver(&app, 1, &created(NEXT, next)).await;
    assert_eq!(told(&app, SALESMAN).await, ["assigned", "new_edition"]);
}

#[tokio::test]
async fn whoever_is_on_nothing_open_any_more_is_not_told() {
    let app = serving().await;
    ended(&app, CONSULTATION, Step::Cancelled, Some(SALESMAN)).await;
    let interest = a_match_of_interest(OTHER, None);
    deliver(&app, 1, &interest).await;
    deliver(&app, 1, &interest_created()).await;
    deliver(&app, 2, &interest_updated(false, Some(OTHER), None)).await;
    deliver(&app, 2, &started(PROJECT)).await;
    let sql = "select count(*) from notification where kind = 'project_started'";
    assert_eq!(
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(app.pool())
            .await
            .unwrap(),
        0
    );
    // Turned on again, he serves it again once he is on it again.
    deliver(&app, 3, &interest_updated(true, Some(OTHER), None)).await;
    let deadline = edited(Some(until(None)), until(Some("2026-12-11")));
    deliver(&app, 3, &deadline).await;
    assert!(
        !told(&app, OTHER)
            .await
            .contains(&"deadline_moved".to_owned())
    );
    deliver(&app, 2, &matched_again(&interest, 3, OTHER, None)).await;
    deliver(&app, 4, &ended_edition(PROJECT)).await;
    assert!(
        told(&app, OTHER)
            .await
            .contains(&"project_ended".to_owned())
    );
    assert!(
        !told(&app, SALESMAN)
            .await
            .contains(&"project_ended".to_owned())
    );
}

#[tokio::test]
async fn a_redelivered_and_a_replayed_event_of_a_project_tells_nobody_again_and_nobody_else() {
    let app = serving().await;
    let (event_id, event) = (Uuid::new_v4(), started(PROJECT));
    app.deliver_as(event_id, 2, &event).await;
    app.deliver_as(event_id, 2, &event).await;
    // Somebody who came to it later.
    let interest = Origin::Interest(InterestId(Uuid::from_u128(9)));
    deliver(
        &app,
        1,
        &SalesmanMatched {
            origin: interest,
            ..a_match(OTHER, None)
        },
    )
    .await;
    sqlx::raw_sql("delete from inbox; delete from progress")
        .execute(app.pool())
        .await
        .unwrap();
    deliver(&app, 1, &created(PROJECT, an_edition())).await;
    app.deliver_as(event_id, 2, &event).await;
    assert_eq!(
        (told(&app, SALESMAN).await.len(), told(&app, OTHER).await),
        (2, vec!["assigned".to_owned()])
    );
    assert_eq!(known(&app).await[0]["status"], "ongoing");
}

#[tokio::test]
async fn what_is_kept_of_a_project_is_what_its_latest_event_told() {
    let app = start().await;
    deliver(&app, 1, &created(PROJECT, an_edition())).await;
    let renamed = Edition {
        name: "스마트상점 2026".to_owned(),
        period: until(Some("2026-12-11")),
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
            ..started(PROJECT)
        },
    )
    .await;
    let row = json!({
        "id": PROJECT, "series_id": crate::SERIES, "name": "스마트상점 2026", "ends_on": "2026-12-11", "status": "ongoing", "version": 3,
    });
    assert_eq!(known(&app).await, [row]);
}
