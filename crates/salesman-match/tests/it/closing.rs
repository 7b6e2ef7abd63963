//! A match is closed when what it was made for is over, and open again when it is wanted again.

use std::time::Duration;

use chrono::TimeDelta;
use events::{
    Actor, Edition, EditionField, Event, InterestCreated, Leave, PersonRole, Profile,
    ProjectCreated, ProjectEdited, SalesmanId, Step,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, an_edition, envelope};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    FOUR, a_consultation, an_interest, assign, consultant, match_of, progressed, requested,
    salesman, somebody, start, turned, updated, who,
};

const INTEREST: Uuid = Uuid::from_u128(0x11);

/// An interest with a salesman and a consultant on it.
async fn matched_interest(app: &TestApp) -> InterestCreated {
    salesman(app, 1, 1).await;
    consultant(app, 9, 1).await;
    let interest = an_interest(INTEREST, FOUR);
    app.deliver(1, &interest).await;
    assert_eq!(assign(app).await, 1);
    app.new_events().await;
    interest
}

/// Delivers an event that was recorded so many minutes after the tests begin.
async fn deliver_after<E: Event>(app: &TestApp, minutes: i64, version: i64, event: &E) {
    let mut sent = envelope(Uuid::new_v4(), version, event);
    sent.recorded_at += TimeDelta::minutes(minutes);
    app.deliver_raw(&sent, serde_json::to_vec(event).unwrap())
        .await;
}

/// Everything this service has of its matches.
async fn rows(app: &TestApp) -> Vec<Value> {
    sqlx::query_scalar("select to_jsonb(it) from salesman_match it order by id")
        .fetch_all(app.pool())
        .await
        .unwrap()
}

/// That, and everything it has of others.
async fn everything(app: &TestApp) -> Vec<Value> {
    let mut all = rows(app).await;
    for table in ["known_salesman", "known_project"] {
        let sql = format!("select to_jsonb(it) from {table} it order by id");
        let kept: Vec<Value> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(app.pool())
            .await
            .unwrap();
        all.extend(kept);
    }
    all
}

#[tokio::test]
async fn a_consultation_that_comes_to_its_end_closes_its_match_and_tells_nobody() {
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
        // Who was on it can still be seen, and nobody is looked for any more.
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
async fn an_interest_that_is_turned_off_closes_its_match_and_one_that_is_turned_on_opens_it_with_nobody_on_it()
 {
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
    for nothing in ["salesman", "consultant", "closedAt", "matchedAt"] {
        assert_eq!(view[nothing], Value::Null, "{nothing}");
    }
    assert!(view.get("strategy").is_none() && view.get("reason").is_none());
    assert_eq!(
        (&view["lacks"], &view["version"]),
        (&json!(["salesman", "consultant"]), &json!(1))
    );
    // It is as old as the wish, so that it does not overtake who has waited in the meantime.
    assert_eq!(view["requestedAt"], "2026-11-23T01:09:00Z");
    assert!(app.new_events().await.is_empty());
}

#[tokio::test]
async fn the_next_match_after_a_closed_one_names_the_same_people_as_previous_or_who_they_were() {
    let app = start().await;
    let interest = matched_interest(&app).await;
    app.deliver(2, &turned(&interest, false)).await;
    app.deliver(3, &turned(&interest, true)).await;
    assert_eq!(assign(&app).await, 1);
    let people = |told: &Value| {
        let id = |name: &str| {
            told.get(name)
                .map(|id| id.as_str().unwrap().parse::<Uuid>().unwrap().as_u128())
        };
        [
            who(told, "salesman"),
            who(told, "consultant"),
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
    // The customer had them: that is why.
    assert_eq!(
        match_of(&app, INTEREST).await["reason"]["salesman"]["rule"],
        "kept"
    );

    app.deliver(4, &turned(&interest, false)).await;
    app.deliver(
        2,
        &updated(&somebody(1, PersonRole::Salesman, 1), |profile| {
            profile.active = false;
        }),
    )
    .await;
    app.deliver(
        2,
        &updated(&somebody(9, PersonRole::Consultant, 1), |profile| {
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
    assert!(events.iter().all(|(_, _, told)| told["originVersion"] == 5));
    let told: Vec<_> = events
        .iter()
        .map(|(_, version, told)| (*version, people(told)))
        .collect();
    assert_eq!(
        told,
        [
            (3, [Some(2), None, Some(1), Some(9)]),
            (4, [Some(2), Some(10), Some(2), None])
        ]
    );
}

#[tokio::test]
async fn an_interest_that_was_never_turned_off_keeps_its_match_when_it_is_turned_on() {
    let app = start().await;
    let interest = matched_interest(&app).await;
    let before = rows(&app).await;
    app.deliver(2, &turned(&interest, true)).await;
    assert_eq!((rows(&app).await, assign(&app).await), (before, 0));
}

#[tokio::test]
async fn what_is_closed_before_anybody_was_found_is_not_filled_any_more() {
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
async fn whoever_turns_it_on_again_for_the_customer_brought_him_in() {
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

#[tokio::test]
async fn both_directions_change_nothing_when_they_are_heard_again_even_from_the_beginning() {
    let app = start().await;
    let interest = matched_interest(&app).await;
    let consultation = a_consultation(Uuid::from_u128(0xC0), FOUR);
    app.deliver(1, &consultation).await;
    app.deliver(
        2,
        &progressed(consultation.consultation_id.0, Step::Approved),
    )
    .await;
    app.deliver(
        3,
        &progressed(consultation.consultation_id.0, Step::Succeeded),
    )
    .await;
    let gone = an_interest(Uuid::from_u128(0x12), FOUR);
    app.deliver(1, &gone).await;
    // One is wanted in the end, the other is not.
    let history = [false, true, false, true].map(|interested| turned(&interest, interested));
    let its_history = [false, true, false].map(|interested| turned(&gone, interested));
    for events in [&history[..], &its_history] {
        for (version, event) in (2..).zip(events) {
            let id = Uuid::new_v4();
            app.deliver_as(id, version, event).await;
            app.deliver_as(id, version, event).await;
            assign(&app).await;
        }
    }
    // People who cannot be chosen any more, or hold less, and a project that is called otherwise now.
    let people: Vec<_> = (2..=4)
        .map(|id| somebody(id, PersonRole::Salesman, 5))
        .collect();
    let leave = Leave {
        from: "2026-11-20".parse().unwrap(),
        until: "2026-11-30".parse().unwrap(),
    };
    let changes: [fn(&mut Profile, Leave); 3] = [
        |it, _| it.active = false,
        |it, _| it.capacity = 0,
        |it, leave| it.leave = Some(leave),
    ];
    let now: Vec<_> = people
        .iter()
        .zip(changes)
        .map(|(it, change)| updated(it, |profile| change(profile, leave)))
        .collect();
    let edition = an_edition(Uuid::from_u128(0x5E), "2026년 스마트상점");
    let created = ProjectCreated {
        project_id: interest.project_id,
        edition: edition.clone(),
        actor: Actor::System,
    };
    let edition = Edition {
        name: "2026년 스마트상점 기술보급".to_owned(),
        ..edition
    };
    let changed = vec![EditionField::Name];
    let edited = ProjectEdited {
        project_id: created.project_id,
        edition,
        changed,
        previous_period: None,
        actor: Actor::System,
    };
    for (registered, updated) in people.iter().zip(&now) {
        app.deliver(1, registered).await;
        app.deliver(2, updated).await;
    }
    app.deliver(1, &created).await;
    app.deliver(2, &edited).await;
    // Somebody waits, and nobody is free for him.
    let waiting = requested(&app, [FOUR]).await[0];
    assert_eq!(assign(&app).await, 0);
    app.new_events().await;
    let before = everything(&app).await;
    assert_eq!(who(&match_of(&app, INTEREST).await, "salesman"), Some(1));
    // A service that is told everything from the beginning once more, while the assigner goes on.
    sqlx::raw_sql("delete from progress; delete from inbox")
        .execute(app.pool())
        .await
        .unwrap();
    for registered in &people {
        app.deliver(1, registered).await;
        assert_eq!(
            (assign(&app).await, everything(&app).await),
            (0, before.clone())
        );
    }
    app.deliver(1, &created).await;
    assert_eq!(everything(&app).await, before);
    for updated in &now {
        app.deliver(2, updated).await;
    }
    app.deliver(2, &edited).await;
    assert_eq!(everything(&app).await, before);
    assert_eq!(
        match_of(&app, waiting).await["lacks"],
        json!(["salesman", "consultant"])
    );
    app.deliver(1, &interest).await;
    app.deliver(1, &consultation).await;
    app.deliver(
        2,
        &progressed(consultation.consultation_id.0, Step::Approved),
    )
    .await;
    app.deliver(
        3,
        &progressed(consultation.consultation_id.0, Step::Succeeded),
    )
    .await;
    app.deliver(1, &gone).await;
    for events in [&history[..], &its_history] {
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
async fn a_close_of_what_was_never_requested_does_not_fail() {
    let app = start().await;
    app.deliver(1, &turned(&an_interest(INTEREST, FOUR), false))
        .await;
    app.deliver(1, &progressed(Uuid::from_u128(0xC0), Step::Cancelled))
        .await;
    assert_eq!((rows(&app).await.len(), app.parked().await.len()), (0, 0));
    // And wanted again is wanted.
    app.deliver(2, &turned(&an_interest(INTEREST, FOUR), true))
        .await;
    assert_eq!(
        match_of(&app, INTEREST).await["lacks"],
        json!(["salesman", "consultant"])
    );
}

#[tokio::test]
async fn whoever_was_on_a_closed_match_has_room_again_for_the_oldest_in_the_queue() {
    let app = start().await;
    salesman(&app, 1, 1).await;
    consultant(&app, 9, 1).await;
    let origins = requested(&app, ["0000", "0001", "0002"]).await;
    assert_eq!(assign(&app).await, 1);
    let bell = app.context().db.committed();
    app.deliver(2, &progressed(origins[0], Step::Failed)).await;
    assert!(bell.has_changed().unwrap(), "the assigner is not woken");
    assert_eq!(assign(&app).await, 1);
    let mut on_it = Vec::new();
    for origin in origins {
        let view = match_of(&app, origin).await;
        on_it.push((who(&view, "salesman"), who(&view, "consultant")));
    }
    assert_eq!(
        on_it,
        [(Some(1), Some(9)), (Some(1), Some(9)), (None, None)]
    );
}

#[tokio::test]
async fn the_queue_moves_by_itself_while_the_assigner_runs() {
    let app = start().await;
    salesman(&app, 1, 1).await;
    let origins = requested(&app, ["0000", "0001"]).await;
    let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
    running.spawn(salesman_match::assign(app.context().clone(), stop.clone()));
    let served = async |origin| {
        while who(&match_of(&app, origin).await, "salesman").is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let soon = Duration::from_secs(20);
    tokio::time::timeout(soon, served(origins[0]))
        .await
        .expect("the first is not served");
    assert_eq!(who(&match_of(&app, origins[1]).await, "salesman"), None);
    app.deliver(2, &progressed(origins[0], Step::Succeeded))
        .await;
    tokio::time::timeout(soon, served(origins[1]))
        .await
        .expect("the queue did not move");
    stop.cancel();
    running.join_all().await;
}
