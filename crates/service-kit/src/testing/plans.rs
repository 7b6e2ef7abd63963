//! What every statement of a service reads while its tables are large.
//!
//! Postgres sends the plan of each statement, with the rows that it read, to the connection that
//! ran it (`auto_explain`). So no statement can be forgotten: an operation is run as in production,
//! and all that it runs is checked.

use std::collections::{BTreeMap, BTreeSet};

use events::{
    Actor, Edition, EditionField, Event, PersonRole, ProjectEdited, ProjectEnded, ProjectId,
    ProjectStarted, SalesmanId, SalesmanRegistered, SalesmanUpdated,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use super::{Caller, Logs, TestApp, TestResponse, a_profile};
use crate::service::Service;

/// The maximum number of rows that one step of a plan may read: more than a page, a batch and a
/// person's own rows have, and far fewer than a table.
const MAX_ROWS: f64 = 2_000.0;

/// How often a test repeats its operations: Postgres considers a plan for any parameters from the
/// sixth execution of a statement on.
pub const ROUNDS: u16 = 7;

/// Collects the steps of plans that read too much, and what was run.
pub struct Plans {
    logs: Logs,
    description: Value,
    policies: BTreeSet<&'static str>,
    /// The query parameters that were used, by path of the description.
    called: BTreeMap<String, BTreeSet<String>>,
    delivered: BTreeSet<&'static str>,
    /// The relations and the plan, by operation and statement.
    faults: BTreeMap<(String, String), (BTreeSet<String>, String)>,
    statements: usize,
    max_rows: f64,
    /// How often each list was read.
    rounds: BTreeMap<String, u16>,
}

impl Plans {
    /// A service whose tables were filled by `fill`, a list of statements without triggers, and
    /// then analyzed. The test needs a single-threaded runtime.
    pub async fn start(service: fn() -> Service, fill: &str) -> (TestApp, Self) {
        let app = TestApp::start(service()).await;
        let mut connection = PgConnection::connect(app.url()).await.unwrap();
        let schema = service().name().replace('-', "_");
        let database: String = sqlx::query_scalar("select current_database()::text")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let settings = [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_analyze = on",
            "auto_explain.log_timing = off",
            "auto_explain.log_format = 'json'",
            "auto_explain.log_level = 'notice'",
        ]
        .map(|setting| format!("alter database {database} set {setting};"))
        .concat();
        for sql in [
            format!(
                "set search_path = {schema}, public; set session_replication_role = replica; {fill}"
            ),
            "vacuum analyze".to_owned(),
            settings,
        ] {
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        let plans = Self {
            logs: Logs::capture_json_info(),
            description: service().description(),
            policies: service().policies().iter().map(|(name, _)| *name).collect(),
            called: BTreeMap::new(),
            delivered: BTreeSet::new(),
            faults: BTreeMap::new(),
            statements: 0,
            max_rows: MAX_ROWS,
            rounds: BTreeMap::new(),
        };
        // With new connections: those of before are not explained.
        (app.replica(service()).await, plans)
    }

    /// Lets one step of a plan read up to this number of rows from now on.
    pub fn allow(&mut self, max_rows: f64) {
        self.max_rows = max_rows;
    }

    /// Runs an operation and checks its statements.
    pub async fn check<T>(&mut self, name: &str, operation: impl Future<Output = T>) -> T {
        self.logs.take();
        let result = operation.await;
        for line in self.logs.take().lines() {
            let Some(statement) = explained(line) else {
                continue;
            };
            self.statements += 1;
            let text = statement["Query Text"].as_str().unwrap_or_default();
            for (relation, rows) in excessive(&statement["Plan"], self.max_rows) {
                let words: Vec<&str> = text.split_whitespace().collect();
                let (relations, _) = self
                    .faults
                    .entry((name.to_owned(), words.join(" ")))
                    .or_insert_with(|| (BTreeSet::new(), outline(&statement["Plan"], 2)));
                relations.insert(format!("{rows} rows of {relation}"));
            }
        }
        result
    }

    /// Calls a `GET` operation, which has to succeed.
    pub async fn get(&mut self, caller: &Caller<'_>, path: &str) -> TestResponse {
        self.get_as(path, caller, path).await
    }

    async fn get_as(&mut self, name: &str, caller: &Caller<'_>, path: &str) -> TestResponse {
        let response = self.check(name, caller.get(path)).await;
        let status = response.status;
        assert!(status.is_success(), "{path}: {status} {}", response.json);
        self.note_call(path);
        response
    }

    /// Reads the first pages of a list that is longer; in the last round also pages far behind
    /// them, which cost the same if the list is not counted from its beginning.
    pub async fn pages(&mut self, caller: &Caller<'_>, path: &str) {
        let rounds = self.rounds.entry(path.to_owned()).or_default();
        *rounds += 1;
        let count = if *rounds == ROUNDS { 25 } else { 2 };
        let separator = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{separator}limit=100");
        let mut page = self.get_as(path, caller, &first).await.json;
        for number in 1..count {
            let Some(next) = next_of(&page) else {
                assert!(number > 1, "{path} has one page only");
                return;
            };
            let following = format!("{first}&after={next}");
            page = self.get_as(path, caller, &following).await.json;
        }
    }

    fn note_call(&mut self, path: &str) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let paths = self.description["paths"].as_object().unwrap();
        // A literal path is more specific than a template of the same length.
        let template = [false, true].iter().find_map(|may_vary| {
            paths.keys().find(|template| {
                let (mut template, mut path) = (template.split('/'), path.split('/'));
                template
                    .by_ref()
                    .zip(path.by_ref())
                    .all(|(own, segment)| own == segment || *may_vary && own.starts_with('{'))
                    && template.next().is_none()
                    && path.next().is_none()
            })
        });
        let template = template.unwrap_or_else(|| panic!("{path} is not described"));
        let used = self.called.entry(template.clone()).or_default();
        let names = query.split('&').filter(|part| !part.is_empty());
        used.extend(names.map(|part| part.split('=').next().unwrap_or(part).to_owned()));
    }

    /// Consumes an event as the next one of its aggregate, and checks all policies for it.
    pub async fn deliver<E: Event>(&mut self, app: &TestApp, event: &E) {
        let sql = "select coalesce(max(version), 0) + 1 from progress
                   where aggregateid = $1 and aggregatetype = $2";
        let version: i64 = sqlx::query_scalar(sql)
            .bind(event.aggregate_id())
            .bind(E::TOPIC.aggregate())
            .fetch_one(app.pool())
            .await
            .unwrap();
        self.check(E::TYPE, app.deliver(version, event)).await;
        assert_eq!(app.parked().await, [""; 0], "{}", E::TYPE);
        self.delivered.insert(E::TYPE);
    }

    /// Consumes the start, an edit and the end of an edition.
    pub async fn deliver_edition(
        &mut self,
        app: &TestApp,
        project_id: ProjectId,
        edition: &Edition,
    ) {
        let (edition, actor) = (|| edition.clone(), Actor::System);
        let started = ProjectStarted {
            project_id,
            edition: edition(),
            actor,
        };
        self.deliver(app, &started).await;
        let edited = ProjectEdited {
            project_id,
            edition: edition(),
            changed: vec![EditionField::Period],
            previous_period: Some(edition().period),
            actor,
        };
        self.deliver(app, &edited).await;
        let ended = ProjectEnded {
            project_id,
            edition: edition(),
            actor,
        };
        self.deliver(app, &ended).await;
    }

    /// Consumes the registration and an update of a salesman.
    pub async fn deliver_salesman(&mut self, app: &TestApp, id: Uuid) {
        let (salesman_id, actor) = (SalesmanId(id), Actor::System);
        let profile = a_profile("x", PersonRole::Salesman, 3);
        let registered = SalesmanRegistered {
            salesman_id,
            profile: profile.clone(),
            actor,
        };
        self.deliver(app, &registered).await;
        let updated = SalesmanUpdated {
            salesman_id,
            profile,
            actor,
        };
        self.deliver(app, &updated).await;
    }

    /// Ends the test.
    ///
    /// # Panics
    /// With every step that read too much; with `GET` operations and query parameters that were
    /// not called; with events of policies that were not delivered.
    pub fn finish(self) {
        assert!(self.statements > 0, "no plan was captured");
        let mut missing: Vec<String> = self
            .policies
            .difference(&self.delivered)
            .map(|name| format!("{name} was not delivered"))
            .collect();
        for (path, operations) in self.description["paths"].as_object().unwrap() {
            let Some(operation) = operations.get("get") else {
                continue;
            };
            let Some(used) = self.called.get(path) else {
                missing.push(format!("GET {path} was not called"));
                continue;
            };
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for name in parameters
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str())
                .filter(|name| !used.contains(*name))
            {
                missing.push(format!("GET {path} was not called with {name}"));
            }
        }
        let faults: Vec<String> = self
            .faults
            .iter()
            .map(|((name, text), (relations, plan))| {
                format!("{name}: {relations:?}\n{plan}  {text}\n")
            })
            .collect();
        assert!(
            missing.is_empty() && faults.is_empty(),
            "{}\n{}",
            missing.join("\n"),
            faults.join("\n")
        );
    }
}

/// The cursor of a page, which may be a part of a view.
fn next_of(page: &Value) -> Option<&str> {
    let in_part = || {
        page.as_object()?
            .values()
            .find_map(|part| part["next"].as_str())
    };
    page["next"].as_str().or_else(in_part)
}

/// The statement and its plan in a line of the log.
fn explained(line: &str) -> Option<Value> {
    let line: Value = serde_json::from_str(line).ok()?;
    let message = line["fields"]["message"].as_str()?;
    let (_, plan) = message.strip_prefix("duration: ")?.split_once("plan:\n")?;
    serde_json::from_str(plan).ok()
}

/// The relations and indexes of which a step of the plan reads too many rows, filtered ones
/// included.
fn excessive(plan: &Value, max_rows: f64) -> Vec<(String, f64)> {
    let number = |name: &str| plan[name].as_f64().unwrap_or_default();
    let mut found: Vec<(String, f64)> = plan["Plans"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|below| excessive(below, max_rows))
        .collect();
    let is_scan = plan["Node Type"]
        .as_str()
        .is_some_and(|name| name.ends_with("Scan"));
    let relation = plan["Relation Name"]
        .as_str()
        .or(plan["Index Name"].as_str());
    // An entry of a bitmap takes a tenth of the time of a row.
    let weight = if plan["Node Type"] == "Bitmap Index Scan" {
        0.1
    } else {
        1.0
    };
    let read = (number("Actual Rows")
        + number("Rows Removed by Filter")
        + number("Rows Removed by Index Recheck"))
        * number("Actual Loops")
        * weight;
    if let Some(relation) = relation.filter(|_| is_scan && read > max_rows) {
        found.push((relation.to_owned(), read));
    }
    found
}

/// One line for each step: what it reads, and how.
fn outline(plan: &Value, indent: usize) -> String {
    let text = |name: &str| plan[name].as_str().unwrap_or_default();
    let conditions = format!("{} {}", text("Index Cond"), text("Filter"));
    let conditions: String = conditions.trim().chars().take(200).collect();
    let own = format!(
        "{:indent$}{} {} {} rows {} - {} loops {} {conditions}\n",
        "",
        text("Node Type"),
        text("Relation Name"),
        text("Index Name"),
        plan["Actual Rows"],
        plan["Rows Removed by Filter"],
        plan["Actual Loops"],
    );
    let below = plan["Plans"].as_array().into_iter().flatten();
    below.fold(own, |lines, step| lines + &outline(step, indent + 2))
}
