//! The order of events of different topics is arbitrary. The result must not depend on it.

use chrono::TimeDelta;
use events::{
    Actor, Event, InterestCreated, Leave, PersonRole, ProjectCreated, ProjectEdited, ProjectEnded,
    ProjectId, ProjectStarted, ProjectStatus, Region, SalesmanId, Step,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRng, TestRunner};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, an_edition, envelope};
use uuid::Uuid;

use crate::{a_consultation, an_interest, assign, progressed, registered, start, turned, updated};

/// The envelope and the payload of an event.
type Record = (events::Envelope, Vec<u8>);

/// The events of each aggregate, in order. Aggregates start a minute apart; their events are one
/// second apart.
struct Topics(Vec<Vec<Record>>);

impl Topics {
    fn start_aggregate(&mut self) {
        self.0.push(Vec::new());
    }

    fn push<E: Event>(&mut self, event: &E) {
        let minutes = i64::try_from(self.0.len()).unwrap();
        let events = self.0.last_mut().unwrap();
        let version = i64::try_from(events.len()).unwrap() + 1;
        let mut sent = envelope(Uuid::new_v4(), version, event);
        sent.recorded_at += TimeDelta::minutes(minutes) + TimeDelta::seconds(version);
        events.push((sent, serde_json::to_vec(event).unwrap()));
    }
}

/// Three projects, people whose profiles change, and requests of both kinds that are closed and
/// reopened.
fn all_events() -> Vec<Vec<Record>> {
    let mut topics = Topics(Vec::new());
    for number in 0..3_u128 {
        let project_id = ProjectId(Uuid::from_u128(0x9407 + number));
        let mut edition = an_edition(Uuid::from_u128(0x5E), &format!("사업 {number}"));
        topics.start_aggregate();
        topics.push(&ProjectCreated {
            project_id,
            edition: edition.clone(),
            actor: Actor::System,
        });
        edition.status = ProjectStatus::Ongoing;
        topics.push(&ProjectStarted {
            project_id,
            edition: edition.clone(),
            actor: Actor::System,
        });
        edition.name = format!("사업 {number} (변경)");
        edition.regions = vec![Region::Seoul];
        let changed = vec![events::EditionField::Name];
        let edited = ProjectEdited {
            project_id,
            edition: edition.clone(),
            changed,
            previous_period: None,
            actor: Actor::System,
        };
        topics.push(&edited);
        edition.status = ProjectStatus::Ended;
        topics.push(&ProjectEnded {
            project_id,
            edition,
            actor: Actor::System,
        });
    }
    for (id, role) in [
        (1, PersonRole::Salesman),
        (2, PersonRole::Salesman),
        (9, PersonRole::Consultant),
    ] {
        let person = registered(id, role, 1);
        topics.start_aggregate();
        topics.push(&person);
        topics.push(&updated(&person, |profile| profile.active = false));
        let leave = Leave {
            from: "2026-11-01".parse().unwrap(),
            until: "2026-11-20".parse().unwrap(),
            hand_over: false,
        };
        topics.push(&updated(&person, |profile| {
            (profile.capacity, profile.leave) = (2, Some(leave));
        }));
    }
    for number in 0..3_u128 {
        let actor = Actor::Salesman(SalesmanId(Uuid::from_u128(2)));
        let interest = InterestCreated {
            actor,
            ..an_interest(Uuid::from_u128(0x11 + number), &format!("000{number}"))
        };
        topics.start_aggregate();
        topics.push(&interest);
        for interested in [false, true, false, true]
            .into_iter()
            .take(usize::try_from(number).unwrap() * 2)
        {
            topics.push(&turned(&interest, interested));
        }
    }
    for (id, to) in [(0xC0, Step::Approved), (0xC1, Step::Cancelled)] {
        let unnamed = events::ConsultationCreated {
            project_name: None,
            ..a_consultation(Uuid::from_u128(id), "0001")
        };
        topics.start_aggregate();
        topics.push(&unnamed);
        topics.push(&progressed(unnamed.consultation_id.0, to));
    }
    topics.0
}

/// The rows of all tables, without the ids that this service creates.
async fn tables(app: &TestApp) -> Vec<(String, Value)> {
    let mut tables = Vec::new();
    for (table, key) in [
        ("salesman_match", "origin_id"),
        ("known_salesman", "id"),
        ("known_project", "id"),
    ] {
        let generated = if table == "salesman_match" { "id" } else { "" };
        let sql = format!("select to_jsonb(t) - '{generated}' from {table} t order by {key}");
        let rows: Vec<Value> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(app.pool())
            .await
            .unwrap();
        assert!(!rows.is_empty(), "{table}");
        tables.extend(rows.into_iter().map(|row| (table.to_owned(), row)));
    }
    tables
}

#[tokio::test]
async fn any_topic_order_gives_the_same_tables_and_matches() {
    let app = start().await;
    let events = all_events();
    // The aggregate of each next event: each aggregate as often as it has events.
    let turns: Vec<usize> = events
        .iter()
        .enumerate()
        .flat_map(|(index, aggregate)| vec![index; aggregate.len()])
        .collect();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(Config::default().rng_algorithm),
    );
    let orders = std::iter::once(turns.clone())
        .chain(std::iter::once(turns.iter().rev().copied().collect()))
        .chain((0..30).map(|_| {
            Just(turns.clone())
                .prop_shuffle()
                .new_tree(&mut runner)
                .unwrap()
                .current()
        }));
    let mut first = None;
    for order in orders {
        let clear = "delete from salesman_match; delete from known_salesman;
                     delete from known_project; delete from progress; delete from inbox";
        sqlx::raw_sql(clear).execute(app.pool()).await.unwrap();
        let mut next = vec![0; events.len()];
        for &aggregate in &order {
            let (envelope, payload) = &events[aggregate][next[aggregate]];
            app.deliver_raw(envelope, payload.clone()).await;
            next[aggregate] += 1;
        }
        let requested = tables(&app).await;
        assign(&app).await;
        let matched = tables(&app).await;
        let result = (requested, matched);
        assert_eq!(
            result,
            *first.get_or_insert_with(|| result.clone()),
            "{order:?}"
        );
    }
    let (requested, matched) = first.unwrap();
    assert_eq!(requested.len(), 5 + 3 + 3);
    let has_salesman = |row: &Value| row["salesman_id"] != Value::Null;
    assert_eq!(
        requested
            .iter()
            .filter(|(_, row)| has_salesman(row))
            .count(),
        0
    );
    assert_eq!(
        matched.iter().filter(|(_, row)| has_salesman(row)).count(),
        4
    );
    assert_eq!(requested[5].1["capacity"], json!(2));
    assert_eq!(app.parked().await.len(), 0);
}
