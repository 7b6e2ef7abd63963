//! Projections end up the same in whichever order, and whenever, topics are consumed.

use chrono::TimeDelta;
use events::{
    Actor, ConsultationCreated, ConsultationId, CustomerId, CustomerRef, Event, Origin, PersonRole,
    ProjectId, SalesmanId, SalesmanMatched, SalesmanRegistered, SalesmanUpdated,
};
use serde_json::{Value, json};
use service_kit::testing::{TestApp, a_profile, an_edition, customer, envelope};
use uuid::Uuid;

use crate::{created, id_of, instant, interest_origin, person, salesman_matched, start, started};

/// The inputs, in the order of each aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The edition was created before the customer marked it, consumed by then or not.
    Created,
    /// The customer marks the first edition.
    Marked,
    /// The edition is started.
    Started,
    /// The next edition of its series exists.
    NextCreated,
    /// The interest is matched, and then re-matched.
    Matched,
    Rematched,
    /// The salesman is registered, and then renamed.
    Registered,
    Renamed,
    /// The customer asks for a consultation.
    ConsultationCreated,
    /// A salesman is matched to the consultation.
    ConsultationMatched,
}

/// Required orders: versions of one aggregate, and events that follow from each other.
const ORDERED: [(Step, Step); 6] = [
    (Step::Created, Step::Started),
    (Step::Marked, Step::Started),
    (Step::Marked, Step::NextCreated),
    (Step::Marked, Step::Matched),
    (Step::Matched, Step::Rematched),
    (Step::Registered, Step::Renamed),
];

const ALL: [Step; 10] = [
    Step::Created,
    Step::Marked,
    Step::Started,
    Step::NextCreated,
    Step::Matched,
    Step::Rematched,
    Step::Registered,
    Step::Renamed,
    Step::ConsultationCreated,
    Step::ConsultationMatched,
];

/// Collects every order that respects [`ORDERED`].
fn orders(done: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    if done.len() == ALL.len() {
        found.push(done.clone());
        return;
    }
    for step in ALL {
        let is_due = ORDERED
            .iter()
            .all(|(before, after)| *after != step || done.contains(before));
        if is_due && !done.contains(&step) {
            done.push(step);
            orders(done, found);
            done.pop();
        }
    }
}

/// The ids of one run: runs share a database and nothing else.
struct Run {
    number: u128,
    phone: String,
}

impl Run {
    fn id(&self, n: u128) -> Uuid {
        Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + self.number * 64 + n)
    }

    /// Delivers an event that was recorded `minutes` after the mark, with an id that is the same in
    /// every run.
    async fn deliver<E: Event>(&self, app: &TestApp, minutes: i64, version: i64, event: &E) {
        let id = self.id(32 + u128::try_from(minutes + 5).unwrap());
        let mut envelope = envelope(id, version, event);
        envelope.recorded_at = instant("2026-11-23T01:00:00Z") + TimeDelta::minutes(minutes);
        app.deliver_raw(&envelope, serde_json::to_vec(event).unwrap())
            .await;
    }

    async fn apply(&self, app: &TestApp, step: Step, interest: &mut Uuid) {
        let (project, next, series, salesman, other, matched) = (
            self.id(1),
            self.id(2),
            self.id(3),
            self.id(4),
            self.id(5),
            self.id(6),
        );
        let edition = |year: i32| events::Edition {
            year,
            ..an_edition(series, &format!("{year}년 사업"))
        };
        let matched_event = |salesman: Uuid, interest: Uuid| SalesmanMatched {
            match_id: events::MatchId(matched),
            salesman: person(salesman),
            ..salesman_matched(interest_origin(interest), salesman, None)
        };
        let salesman_id = SalesmanId(salesman);
        match step {
            Step::Created => {
                self.deliver(app, -1, 1, &created(project, edition(2026)))
                    .await;
            }
            Step::Started => {
                self.deliver(app, 2, 2, &started(project, edition(2026)))
                    .await;
            }
            Step::NextCreated => self.deliver(app, 3, 1, &created(next, edition(2027))).await,
            Step::Marked => {
                let body = json!({ "projectId": project, "projectName": "2026년 사업" });
                *interest = id_of(
                    &app.as_customer(&self.phone)
                        .post("/interests", &body)
                        .await
                        .expect(201),
                );
            }
            Step::Matched => {
                self.deliver(app, 4, 1, &matched_event(other, *interest))
                    .await;
            }
            Step::Rematched => {
                self.deliver(app, 5, 2, &matched_event(salesman, *interest))
                    .await;
            }
            Step::Registered => {
                let profile = a_profile("김하늘", PersonRole::Salesman, 1);
                self.deliver(
                    app,
                    6,
                    1,
                    &SalesmanRegistered {
                        salesman_id,
                        profile,
                        actor: Actor::System,
                    },
                )
                .await;
            }
            Step::Renamed => {
                let profile = a_profile("김바다", PersonRole::Salesman, 1);
                self.deliver(
                    app,
                    7,
                    2,
                    &SalesmanUpdated {
                        salesman_id,
                        profile,
                        actor: Actor::System,
                    },
                )
                .await;
            }
            Step::ConsultationCreated => {
                let created = ConsultationCreated {
                    consultation_id: ConsultationId(self.id(7)),
                    project_id: ProjectId(project),
                    project_name: None,
                    customer: self.customer(),
                    desired_on: crate::day("2027-01-04"),
                    actor: Actor::System,
                };
                self.deliver(app, 8, 1, &created).await;
            }
            Step::ConsultationMatched => {
                let origin = Origin::Consultation(ConsultationId(self.id(7)));
                let matched_event = SalesmanMatched {
                    match_id: events::MatchId(self.id(8)),
                    customer: self.customer(),
                    ..crate::salesman_matched(origin, other, None)
                };
                self.deliver(app, 9, 1, &matched_event).await;
            }
        }
    }

    fn customer(&self) -> CustomerRef {
        let phone: service_kit::forms::phone::Phone = self.phone.parse().unwrap();
        CustomerRef {
            customer_id: CustomerId(customer(&self.phone).subject),
            last_four: phone.last_four(),
        }
    }

    /// The rows of all tables, without what differs between runs.
    async fn tables(&self, app: &TestApp, interest: Uuid) -> Value {
        let customer_id = customer(&self.phone).subject;
        let mut tables = Vec::new();
        for (table, column, ids, order) in [
            ("interest", "id", vec![interest], "id"),
            ("notification", "customer_id", vec![customer_id], "event_id"),
            ("known_project", "id", vec![self.id(1), self.id(2)], "id"),
            ("known_salesman", "id", vec![self.id(4), self.id(5)], "id"),
            ("customer", "id", vec![customer_id], "id"),
            ("known_consultation", "customer_id", vec![customer_id], "id"),
            ("served", "customer_id", vec![customer_id], "person_id"),
            ("news", "series_id", vec![self.id(3)], "event_id"),
        ] {
            // The id of a notification is random.
            let row = if table == "notification" {
                "to_jsonb(t) - 'id'"
            } else {
                "to_jsonb(t)"
            };
            let sql = format!(
                "select coalesce(jsonb_agg({row} order by {order}), '[]') from {table} t
                    where {column} = any($1)"
            );
            let rows: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .bind(ids)
                .fetch_one(app.pool())
                .await
                .unwrap();
            tables.push(rows);
        }
        let mut text = Value::from(tables).to_string();
        let phone: service_kit::forms::phone::Phone = self.phone.parse().unwrap();
        for (text_id, label) in [
            (interest.to_string(), "interest"),
            (customer_id.to_string(), "customer"),
            (phone.e164().to_owned(), "phone"),
        ] {
            text = text.replace(&text_id, label);
        }
        for n in 1..64 {
            text = text.replace(&person(self.id(n)).display_name, &format!("name {n}"));
            text = text.replace(&self.id(n).to_string(), &format!("id {n}"));
        }
        serde_json::from_str(&text).unwrap()
    }
}

/// Only a sample of the orders is run: there are tens of thousands.
const SAMPLE_STEP: usize = 2503;

#[tokio::test]
async fn every_order_of_the_topics_gives_the_same_tables() {
    let app = start().await;
    let mut all = Vec::new();
    orders(&mut Vec::new(), &mut all);
    assert_eq!(all.len(), 105_840);
    // The first order (everything is known before the mark), the last (nothing is), and a sample
    // of those between them.
    let mut sample: Vec<Vec<Step>> = all.iter().step_by(SAMPLE_STEP).cloned().collect();
    sample.extend(all.pop());
    let mut expected = None;
    for (number, order) in (1..).zip(&sample) {
        let run = Run {
            number,
            phone: format!("010-{number:04}-5678"),
        };
        let mut interest = Uuid::nil();
        for step in order {
            run.apply(&app, *step, &mut interest).await;
        }
        let tables = run.tables(&app, interest).await;
        assert_eq!(
            &tables,
            expected.get_or_insert_with(|| tables.clone()),
            "{order:?}"
        );
    }
    let [
        interest,
        notifications,
        projects,
        salesmen,
        _,
        consultations,
        served,
        news,
    ] = serde_json::from_value::<[Value; 8]>(expected.unwrap()).unwrap();
    let interest = &interest[0];
    assert_eq!(
        (&interest["series_id"], &interest["salesman_id"]),
        (&json!("id 3"), &json!("id 4"))
    );
    assert_eq!(
        (&interest["salesman_name"], &interest["version"]),
        (&json!("name 4"), &json!(1))
    );
    let kinds: Vec<&Value> = notifications
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["kind"])
        .collect();
    assert_eq!(
        (kinds, news.as_array().unwrap().len()),
        (vec![&json!("started"), &json!("new_edition")], 3)
    );
    assert_eq!(
        (&projects[0]["status"], &projects[1]["year"]),
        (&json!("ongoing"), &json!(2027))
    );
    assert_eq!(
        salesmen,
        json!([{ "id": "id 4", "display_name": "김바다" }])
    );
    assert_eq!(
        (
            &consultations[0]["is_open"],
            &consultations[0]["salesman_id"]
        ),
        (&json!(true), &json!("id 5"))
    );
    assert_eq!(
        (&served[0]["interests"], &served[1]["consultations"]),
        (&json!(["interest"]), &json!(["id 7"]))
    );
    assert!(app.parked().await.is_empty());
}

#[tokio::test]
async fn consuming_a_day_late_gives_the_same_tables() {
    let order = [
        Step::Marked,
        Step::Created,
        Step::NextCreated,
        Step::Started,
        Step::Registered,
        Step::Renamed,
        Step::Matched,
        Step::Rematched,
        Step::ConsultationCreated,
        Step::ConsultationMatched,
    ];
    let mut tables = Vec::new();
    for late in [false, true] {
        let app = start().await;
        let run = Run {
            number: 1,
            phone: "010-1234-5678".to_owned(),
        };
        let mut interest = Uuid::nil();
        for step in order {
            if late && step == Step::Created {
                app.clock().advance(TimeDelta::days(1));
            }
            run.apply(&app, step, &mut interest).await;
        }
        tables.push(run.tables(&app, interest).await);
    }
    assert_eq!(tables[0], tables[1]);
}
