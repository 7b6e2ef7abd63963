//! Events of several topics come in any order between them; what this service makes of them is the same.

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

use crate::{a_consultation, an_interest, assign, progressed, somebody, start, turned, updated};

/// A record: its envelope and its payload.
type Sent = (events::Envelope, Vec<u8>);

/// The events of one aggregate, in their order; each aggregate begins a minute later, and each event lies a second after the one before it.
struct Told(Vec<Vec<Sent>>);

impl Told {
    fn begin(&mut self) {
        self.0.push(Vec::new());
    }

    fn then<E: Event>(&mut self, event: &E) {
        let minutes = i64::try_from(self.0.len()).unwrap();
        let told = self.0.last_mut().unwrap();
        let version = i64::try_from(told.len()).unwrap() + 1;
        let mut sent = envelope(Uuid::new_v4(), version, event);
        sent.recorded_at += TimeDelta::minutes(minutes) + TimeDelta::seconds(version);
        told.push((sent, serde_json::to_vec(event).unwrap()));
    }
}

/// Three projects, people who come and go, and requests of both kinds that are closed and opened again.
fn everything() -> Vec<Vec<Sent>> {
    let mut told = Told(Vec::new());
    for number in 0..3_u128 {
        let project_id = ProjectId(Uuid::from_u128(0x9407 + number));
        let mut edition = an_edition(Uuid::from_u128(0x5E), &format!("사업 {number}"));
        told.begin();
        told.then(&ProjectCreated {
            project_id,
            edition: edition.clone(),
            actor: Actor::System,
        });
        edition.status = ProjectStatus::Ongoing;
        told.then(&ProjectStarted {
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
        told.then(&edited);
        edition.status = ProjectStatus::Ended;
        told.then(&ProjectEnded {
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
        let registered = somebody(id, role, 1);
        told.begin();
        told.then(&registered);
        told.then(&updated(&registered, |profile| profile.active = false));
        let leave = Leave {
            from: "2026-11-01".parse().unwrap(),
            until: "2026-11-20".parse().unwrap(),
        };
        told.then(&updated(&registered, |profile| {
            (profile.capacity, profile.leave) = (2, Some(leave));
        }));
    }
    for number in 0..3_u128 {
        let actor = Actor::Salesman(SalesmanId(Uuid::from_u128(2)));
        let interest = InterestCreated {
            actor,
            ..an_interest(Uuid::from_u128(0x11 + number), &format!("000{number}"))
        };
        told.begin();
        told.then(&interest);
        for interested in [false, true, false, true]
            .into_iter()
            .take(usize::try_from(number).unwrap() * 2)
        {
            told.then(&turned(&interest, interested));
        }
    }
    for (id, to) in [(0xC0, Step::Approved), (0xC1, Step::Cancelled)] {
        let unnamed = events::ConsultationCreated {
            project_name: None,
            ..a_consultation(Uuid::from_u128(id), "0001")
        };
        told.begin();
        told.then(&unnamed);
        told.then(&progressed(unnamed.consultation_id.0, to));
    }
    told.0
}

/// Whole tables, but for the ids that this service makes itself.
async fn tables(app: &TestApp) -> Vec<(String, Value)> {
    let mut tables = Vec::new();
    for (table, key) in [
        ("salesman_match", "origin_id"),
        ("known_salesman", "id"),
        ("known_project", "id"),
    ] {
        let own = if table == "salesman_match" { "id" } else { "" };
        let sql = format!("select to_jsonb(it) - '{own}' from {table} it order by {key}");
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
async fn events_of_four_topics_in_any_order_between_them_make_the_same_tables_and_the_same_matches()
{
    let app = start().await;
    let told = everything();
    // Which aggregate tells its next event: each as often as it has events, in any order.
    let turns: Vec<usize> = told
        .iter()
        .enumerate()
        .flat_map(|(index, events)| vec![index; events.len()])
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
        sqlx::raw_sql("delete from salesman_match; delete from known_salesman; delete from known_project; delete from progress; delete from inbox")
            .execute(app.pool())
            .await
            .unwrap();
        let mut next = vec![0; told.len()];
        for &aggregate in &order {
            let (envelope, payload) = &told[aggregate][next[aggregate]];
            app.deliver_raw(envelope, payload.clone()).await;
            next[aggregate] += 1;
        }
        let kept = tables(&app).await;
        assign(&app).await;
        let matched = tables(&app).await;
        let result = (kept, matched);
        assert_eq!(
            result,
            *first.get_or_insert_with(|| result.clone()),
            "{order:?}"
        );
    }
    let (kept, matched) = first.unwrap();
    assert_eq!(kept.len(), 5 + 3 + 3);
    let on_it = |row: &Value| row["salesman_id"] != Value::Null;
    assert_eq!(kept.iter().filter(|(_, row)| on_it(row)).count(), 0);
    assert_eq!(matched.iter().filter(|(_, row)| on_it(row)).count(), 4);
    assert_eq!(kept[5].1["capacity"], json!(2));
    assert_eq!(app.parked().await.len(), 0);
}
