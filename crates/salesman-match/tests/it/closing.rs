//! Matches close with their origin, and reopen when the interest is turned on again.

use std::time::Duration;

use chrono::TimeDelta;
use events::{
    Actor, ConsultationCreated, Edition, EditionField, Event, InterestCreated, Leave, PersonRole,
    Profile, ProjectCreated, ProjectEdited, ProjectId, SalesmanId, SalesmanRegistered,
    SalesmanUpdated, Step,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, an_edition, envelope};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    FOUR, a_consultation, an_interest, assign, consultant, match_of, progressed, registered,
    requested, salesman, start, turned, updated, who,
};

const INTEREST: Uuid = Uuid::from_u128(0x11);

/// An interest with a salesman and a consultant.
async fn matched_interest(app: &TestApp) -> InterestCreated {
    salesman(app, 1, 1).await;
    consultant(app, 9, 1).await;
    let interest = an_interest(INTEREST, FOUR);
    app.deliver(1, &interest).await;
    assert_eq!(assign(app).await, 1);
    app.new_events().await;
    interest
}

/// Delivers an event that was recorded this many minutes after the start of the test.
async fn deliver_after<E: Event>(app: &TestApp, minutes: i64, version: i64, event: &E) {
    let mut sent = envelope(Uuid::new_v4(), version, event);
    sent.recorded_at += TimeDelta::minutes(minutes);
    app.deliver_raw(&sent, serde_json::to_vec(event).unwrap())
        .await;
}

/// All matches.
async fn rows(app: &TestApp) -> Vec<Value> {
    sqlx::query_scalar("select to_jsonb(m) from salesman_match m order by id")
        .fetch_all(app.pool())
        .await
        .unwrap()
}

/// All matches and projections.
async fn everything(app: &TestApp) -> Vec<Value> {
    let mut everything = rows(app).await;
    for table in ["known_salesman", "known_project"] {
        let sql = format!("select to_jsonb(t) from {table} t order by id");
        let rows: Vec<Value> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(app.pool())
            .await
            .unwrap();
        everything.extend(rows);
    }
    everything
}

#[tokio::test]
async fn closed_consultation_closes_its_match_without_an_event() {
    let app = start().await;
    salesman(&app, 1, 9).await;
    for (id, step) in (0xC0..).zip(Step::ALL) {
        let id = Uuid::from_u128(id);
        app.deliver(1, &a_consultation(id, FOUR)).await;
        assert_eq!(assign(&app).await, 1);
        app.new_events().await;
        deliver_after(&app, 5, 2, &progressed(id, step)).await;
        let view = match_of(&app, id).await;
        let closed_at = if step.is_closed() {
            json!("2026-11-23T01:05:00Z")
        } else {
            Value::Null
        };
        assert_eq!(view["closedAt"], closed_at, "{step}");
        // Its people stay visible, and its queue entry is gone.
        assert_eq!(
            (who(&view, "salesman"), &view["version"]),
            (Some(1), &json!(1))
        );
        assert_eq!(
            view["lacks"],
            if step.is_closed() {
                json!([])
            } else {
                json!(["consultant"])
            }
        );
        assert!(app.new_events().await.is_empty());
    }
}

#[tokio::test]
async fn interest_off_closes_and_on_reopens_an_empty_match() {
    let app = start().await;
    let interest = matched_interest(&app).await;
    deliver_after(&app, 5, 2, &turned(&interest, false)).await;
    let view = match_of(&app, INTEREST).await;
    assert_eq!(
        (&view["closedAt"], who(&view, "salesman")),
        (&json!("2026-11-23T01:05:00Z"), Some(1))
    );
    deliver_after(&app, 9, 3, &turned(&interest, true)).await;
    let view = match_of(&app, INTEREST).await;
    for field in ["salesman", "consultant", "closedAt", "matchedAt"] {
        assert_eq!(view[field], Value::Null, "{field}");
    }
    assert!(view.get("strategy").is_none() && view.get("reason").is_none());
    assert_eq!(
        (&view["lacks"], &view["version"]),
        (&json!(["salesman", "consultant"]), &json!(1))
    );
    // Its age counts from the reopening, so that it does not overtake those waiting since.
    assert_eq!(view["requestedAt"], "2026-11-23T01:09:00Z");
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn match_after_reopening_names_the_previous_people() {
    let app = start().await;
    let interest = matched_interest(&app).await;
    app.deliver(2, &turned(&interest, false)).await;
    app.deliver(3, &turned(&interest, true)).await;
    assert_eq!(assign(&app).await, 1);
    let people = |event: &Value| {
        let id = |name: &str| {
            event
                .get(name)
                .map(|id| id.as_str().unwrap().parse::<Uuid>().unwrap().as_u128())
        };
        [
            who(event, "salesman"),
            who(event, "consultant"),
            id("previousSalesmanId"),
            id("previousConsultantId"),
        ]
    };
    let events = app.new_events().await;
    assert_eq!(
        (events[0].1, people(&events[0].2)),
        (2, [Some(1), Some(9), Some(1), Some(9)])
    );
    assert_eq!(events[0].2["originVersion"], 3);
    // The customer keeps them.
    assert_eq!(
        match_of(&app, INTEREST).await["reason"]["salesman"]["rule"],
        "kept"
    );

    app.deliver(4, &turned(&interest, false)).await;
    app.deliver(
        2,
        &updated(&registered(1, PersonRole::Salesman, 1), |profile| {
            profile.active = false;
        }),
    )
    .await;
    app.deliver(
        2,
        &updated(&registered(9, PersonRole::Consultant, 1), |profile| {
            profile.active = false;
        }),
    )
    .await;
    salesman(&app, 2, 1).await;
    app.deliver(5, &turned(&interest, true)).await;
    assert_eq!(assign(&app).await, 1);
    consultant(&app, 10, 1).await;
    assert_eq!(assign(&app).await, 1);
    let events = app.new_events().await;
    assert!(
        events
            .iter()
            .all(|(_, _, event)| event["originVersion"] == 5)
    );
    let published: Vec<_> = events
        .iter()
        .map(|(_, version, event)| (*version, people(event)))
        .collect();
    assert_eq!(
        published,
        [
            (3, [Some(2), None, Some(1), Some(9)]),
            (4, [Some(2), Some(10), Some(2), None])
        ]
    );
}

#[tokio::test]
async fn turning_on_an_open_interest_keeps_its_match() {
    let app = start().await;
    let interest = matched_interest(&app).await;
    let before = rows(&app).await;
    app.deliver(2, &turned(&interest, true)).await;
    assert_eq!((rows(&app).await, assign(&app).await), (before, 0));
}

#[tokio::test]
async fn match_closed_while_waiting_is_never_filled() {
    let app = start().await;
    let origin = requested(&app, [FOUR]).await[0];
    app.deliver(2, &progressed(origin, Step::Cancelled)).await;
    salesman(&app, 1, 5).await;
    assert_eq!(assign(&app).await, 0);
    let view = match_of(&app, origin).await;
    assert_eq!(
        (&view["salesman"], &view["lacks"]),
        (&Value::Null, &json!([]))
    );
}

#[tokio::test]
async fn salesman_who_turns_an_interest_on_brings_the_customer() {
    let app = start().await;
    let interest = an_interest(INTEREST, "0000");
    app.deliver(1, &interest).await;
    app.deliver(2, &turned(&interest, false)).await;
    let actor = Actor::Salesman(SalesmanId(Uuid::from_u128(2)));
    app.deliver(
        3,
        &events::InterestUpdated {
            actor,
            ..turned(&interest, true)
        },
    )
    .await;
    salesman(&app, 1, 5).await;
    salesman(&app, 2, 5).await;
    assert_eq!(assign(&app).await, 1);
    assert_eq!(who(&match_of(&app, INTEREST).await, "salesman"), Some(2));
}

/// Delivers a consultation and its progress up to success.
async fn deliver_to_success(app: &TestApp, consultation: &ConsultationCreated) {
    let id = consultation.consultation_id.0;
    app.deliver(1, consultation).await;
    app.deliver(2, &progressed(id, Step::Approved)).await;
    app.deliver(3, &progressed(id, Step::Succeeded)).await;
}

/// Salesmen who are registered and then become unavailable, each for another reason.
fn people_who_become_unavailable() -> Vec<(SalesmanRegistered, SalesmanUpdated)> {
    let leave = Leave {
        from: "2026-11-20".parse().unwrap(),
        until: "2026-11-30".parse().unwrap(),
        hand_over: false,
    };
    let changes: [fn(&mut Profile, Leave); 3] = [
        |profile, _| profile.active = false,
        |profile, _| profile.capacity = 0,
        |profile, leave| profile.leave = Some(leave),
    ];
    (2..)
        .zip(changes)
        .map(|(id, change)| {
            let person = registered(id, PersonRole::Salesman, 5);
            let updated = updated(&person, |profile| change(profile, leave));
            (person, updated)
        })
        .collect()
}

/// A project that is created and then renamed.
fn renamed_project(project_id: ProjectId) -> (ProjectCreated, ProjectEdited) {
    let edition = an_edition(Uuid::from_u128(0x5E), "2026년 스마트상점");
    let created = ProjectCreated {
        project_id,
        edition: edition.clone(),
        actor: Actor::System,
    };
    let edited = ProjectEdited {
        project_id,
        edition: Edition {
            name: "2026년 스마트상점 기술보급".to_owned(),
            ..edition
        },
        changed: vec![EditionField::Name],
        previous_period: None,
        actor: Actor::System,
    };
    (created, edited)
}

#[tokio::test]
async fn replay_from_the_beginning_changes_nothing() {
    let app = start().await;
    let interest = matched_interest(&app).await;
    let consultation = a_consultation(Uuid::from_u128(0xC0), FOUR);
    deliver_to_success(&app, &consultation).await;
    let turned_off = an_interest(Uuid::from_u128(0x12), FOUR);
    app.deliver(1, &turned_off).await;
    // The first interest ends on, the second one off.
    let on_history = [false, true, false, true].map(|interested| turned(&interest, interested));
    let off_history = [false, true, false].map(|interested| turned(&turned_off, interested));
    for events in [&on_history[..], &off_history] {
        for (version, event) in (2..).zip(events) {
            let id = Uuid::new_v4();
            app.deliver_with_id(id, version, event).await;
            app.deliver_with_id(id, version, event).await;
            assign(&app).await;
        }
    }
    let people = people_who_become_unavailable();
    let (created, edited) = renamed_project(interest.project_id);
    for (registered, updated) in &people {
        app.deliver(1, registered).await;
        app.deliver(2, updated).await;
    }
    app.deliver(1, &created).await;
    app.deliver(2, &edited).await;
    // A request waits, because no salesman is eligible.
    let waiting = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 0);
    app.new_events().await;
    let before = everything(&app).await;
    assert_eq!(who(&match_of(&app, INTEREST).await, "salesman"), Some(1));
    // The service consumes every topic again from the beginning, while the assigner runs.
    sqlx::raw_sql("delete from progress; delete from inbox")
        .execute(app.pool())
        .await
        .unwrap();
    for (registered, _) in &people {
        app.deliver(1, registered).await;
        assert_eq!(
            (assign(&app).await, everything(&app).await),
            (0, before.clone())
        );
    }
    app.deliver(1, &created).await;
    assert_eq!(everything(&app).await, before);
    for (_, updated) in &people {
        app.deliver(2, updated).await;
    }
    app.deliver(2, &edited).await;
    assert_eq!(everything(&app).await, before);
    assert_eq!(
        match_of(&app, waiting).await["lacks"],
        json!(["salesman", "consultant"])
    );
    app.deliver(1, &interest).await;
    deliver_to_success(&app, &consultation).await;
    app.deliver(1, &turned_off).await;
    for events in [&on_history[..], &off_history] {
        for (version, event) in (2..).zip(events) {
            app.deliver(version, event).await;
            assert_eq!(everything(&app).await, before, "after version {version}");
        }
    }
    assert_eq!(
        (
            assign(&app).await,
            app.new_events().await.len(),
            app.parked().await.len()
        ),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn closing_without_a_request_does_not_fail() {
    let app = start().await;
    app.deliver(1, &turned(&an_interest(INTEREST, FOUR), false))
        .await;
    app.deliver(1, &progressed(Uuid::from_u128(0xC0), Step::Cancelled))
        .await;
    assert_eq!((rows(&app).await.len(), app.parked().await.len()), (0, 0));
    // Turning the interest on requests a match.
    app.deliver(2, &turned(&an_interest(INTEREST, FOUR), true))
        .await;
    assert_eq!(
        match_of(&app, INTEREST).await["lacks"],
        json!(["salesman", "consultant"])
    );
}

#[tokio::test]
async fn closing_frees_capacity_for_the_oldest_waiting_match() {
    let app = start().await;
    salesman(&app, 1, 1).await;
    consultant(&app, 9, 1).await;
    let origins = requested(&app, ["0000", "0001", "0002"]).await;
    assert_eq!(assign(&app).await, 1);
    let committed = app.context().db.committed();
    app.deliver(2, &progressed(origins[0], Step::Failed)).await;
    assert!(
        committed.has_changed().unwrap(),
        "the assigner is not woken"
    );
    assert_eq!(assign(&app).await, 1);
    let mut people = Vec::new();
    for origin in origins {
        let view = match_of(&app, origin).await;
        people.push((who(&view, "salesman"), who(&view, "consultant")));
    }
    assert_eq!(
        people,
        [(Some(1), Some(9)), (Some(1), Some(9)), (None, None)]
    );
}

#[tokio::test]
async fn running_assigner_moves_the_queue() {
    let app = start().await;
    salesman(&app, 1, 1).await;
    let origins = requested(&app, ["0000", "0001"]).await;
    let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
    running.spawn(salesman_match::run_assigner(
        app.context().clone(),
        stop.clone(),
    ));
    let matched = async |origin| {
        while who(&match_of(&app, origin).await, "salesman").is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let timeout = Duration::from_secs(20);
    tokio::time::timeout(timeout, matched(origins[0]))
        .await
        .expect("the first request is not matched");
    assert_eq!(who(&match_of(&app, origins[1]).await, "salesman"), None);
    app.deliver(2, &progressed(origins[0], Step::Succeeded))
        .await;
    tokio::time::timeout(timeout, matched(origins[1]))
        .await
        .expect("the second request is not matched");
    stop.cancel();
    running.join_all().await;
}
