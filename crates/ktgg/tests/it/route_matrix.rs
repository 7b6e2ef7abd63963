//! Every route × every caller, on a system with two groups: each caller is allowed what the
//! permission tables say, sees nothing of the other group, and a refused call changes nothing.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use ktgg::client::Response;
use ktgg::demo::PASSWORD;
use serde_json::{Value, json};
use service_kit::auth::Role;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::actors::{Actors, Group, sign_in_customers};
use crate::callers::{CALLERS, Caller, Expected, Kind, Operation, described, rows, unmatched};
use crate::checker::Checker;
use crate::private_values::{self, PrivateValue, StreamRecorder, full_text, values_in};
use crate::system::{SessionIssuer, TestSystem, eventually};

#[test]
fn every_route_has_a_row_and_every_row_has_a_route() {
    let (described, mut rows) = (ktgg::openapi(), rows());
    assert_eq!(unmatched(&described, &rows), Vec::<String>::new());
    assert!(rows.len() > 55, "{}", rows.len());
    // A missing row and a missing route are reported.
    let (path, row) = rows.remove(0);
    assert_eq!(
        unmatched(&described, &rows),
        [format!("{} {path}", row.method)]
    );
    rows.push((path, row));
    rows.push(("/api/missing".to_owned(), row));
    assert_eq!(
        unmatched(&described, &rows),
        [format!("{} /api/missing", row.method)]
    );
}

/// The state of one run through the matrix.
struct Matrix<'a> {
    system: &'a TestSystem,
    actors: &'a Actors,
    sessions: SessionIssuer,
    consent: Value,
    failures: Vec<String>,
    /// All responses to each caller.
    responses: BTreeMap<Caller, String>,
    pair_count: usize,
    call_count: usize,
}

impl Matrix<'_> {
    fn first_group(&self) -> &Group {
        &self.actors.groups[0]
    }

    /// The path with ids of the first group in place of its parameters.
    fn path(&self, operation: &Operation, caller: Caller) -> String {
        let first = self.first_group();
        // Only one caller can move a consultation, so staff move another one.
        let moved = operation.template.ends_with("/progress") && matches!(caller, Caller::Staff);
        let id = match operation.template.split('/').nth(2).unwrap() {
            "interests" => first.interests[0],
            "consultations" => first.consultations[usize::from(moved)],
            "salesman-matches" => first.matches[2],
            "salesmen" => first.salesman.id,
            "projects" if operation.template.starts_with("/api/projects/imports/") => {
                self.actors.import
            }
            "projects" => self.actors.projects[0]["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
            "accounts" => self.actors.account,
            _ => Uuid::nil(),
        };
        let segments = operation.template.split('/').map(|segment| {
            assert!(
                !segment.starts_with('{') || id != Uuid::nil(),
                "no id for {operation}"
            );
            if segment.starts_with('{') {
                id.to_string()
            } else {
                segment.to_owned()
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// The queries to call it with: none, and each filter with an id of the first group.
    fn queries(&self, operation: &Operation) -> Vec<String> {
        let first = self.first_group();
        let mut queries = vec![String::new()];
        for name in &operation.queries {
            queries.push(match name.as_str() {
                "customer" => format!("?customer={}", first.customer),
                "origin" => format!("?origin={}", first.consultations[0]),
                "salesman" => format!("?salesman={}", first.salesman.id),
                "actor" => format!("?actor={}", self.actors.staff[1].id),
                "project" => format!(
                    "?project={}",
                    self.actors.projects[0]["id"].as_str().unwrap()
                ),
                _ => continue,
            });
        }
        match operation.template.as_str() {
            // It requires a customer.
            "/api/projects/visit-card" => queries.split_off(1),
            _ => queries,
        }
    }

    /// The example of the description, with ids of this system.
    fn body(&self, operation: &Operation, caller: Caller) -> Option<Value> {
        let (first, other, projects) = (
            &self.actors.groups[0],
            &self.actors.groups[1],
            &self.actors.projects,
        );
        let mut body = operation.example.clone()?;
        let mut put = |name: &str, value: Value| body[name] = value;
        let is_customer = caller.role() == Some(Role::Customer);
        match (operation.method.as_str(), operation.template.as_str()) {
            ("POST", path @ ("/api/interests" | "/api/consultations")) => {
                let project = if path.ends_with("interests") {
                    &projects[1]
                } else {
                    &projects[2]
                };
                put("projectId", project["id"].clone());
                put("projectName", project["name"].clone());
                put("customerName", json!("누군가셋"));
                if path.ends_with("consultations") {
                    put("desiredDate", json!("2099-12-31"));
                }
                if is_customer {
                    body.as_object_mut().unwrap().remove("phone");
                } else {
                    put("phone", json!("010-1618-0339"));
                    put("consent", json!(true));
                }
            }
            (_, path) if path.ends_with("/phone") => put("why", json!("routes")),
            ("PATCH", "/api/consultations/{id}") => put("desiredDate", json!("2099-12-30")),
            (_, "/api/consultations/{id}/progress") => {
                put(
                    "step",
                    json!(if is_customer { "cancelled" } else { "approved" }),
                );
            }
            (_, "/api/interests/notifications/read") => {
                put("ids", json!(first.customer_notifications));
            }
            (_, "/api/salesmen/me/notifications/read") => {
                put(
                    "ids",
                    json!(
                        [
                            &first.salesman_notifications[..],
                            &first.consultant_notifications[..]
                        ]
                        .concat()
                    ),
                );
            }
            // An allowed call must not change the match, because later calls check who sees it.
            (_, "/api/salesman-matches/{id}") => {
                let people = if caller == Caller::Staff {
                    first
                } else {
                    other
                };
                put("salesmanId", json!(people.salesman.id));
                put("consultantId", json!(people.consultant.id));
            }
            (_, "/api/projects/imports/{id}/commit") => body = json!({ "confirm": "all" }),
            (_, "/api/accounts/invitations") => {
                put("salesmanId", json!(first.salesman.id));
                put("login", json!(first.salesman.login));
            }
            (_, "/api/auth/sign-in") => {
                body = json!({ "login": self.actors.staff[1].login, "password": PASSWORD });
            }
            (_, "/api/auth/password/change") => put("current", json!(PASSWORD)),
            (_, "/api/auth/otp") => {
                put("phone", json!("010-1618-0339"));
                put("consentVersion", self.consent["version"].clone());
            }
            _ => {}
        }
        Some(body)
    }

    /// The session to call it with: a new one if the call ends it.
    async fn session(&self, operation: &Operation, caller: Caller, expected: Expected) -> String {
        let Some(identity) = caller
            .identity(self.actors)
            .filter(|_| expected == Expected::Allowed && operation.changes_session())
        else {
            return caller.session(self.actors);
        };
        let login = match (caller.role(), caller.groups(self.actors)) {
            (Some(Role::Salesman), Some((_, own))) => &own.salesman.login,
            (Some(Role::Consultant), Some((_, own))) => &own.consultant.login,
            _ => &self.actors.staff[0].login,
        };
        if operation.template == "/api/auth/password/change" {
            return self.system.client.sign_in(login, PASSWORD).await.unwrap();
        }
        self.sessions.issue(&identity).await
    }

    async fn send(
        &self,
        operation: &Operation,
        path: &str,
        session: &str,
        body: Option<&Value>,
    ) -> Response {
        let client = &self.system.client;
        if operation.template == "/api/projects/imports" && operation.method == Method::POST {
            let file = "번호,사업명\n1,2026년 몰래 들여올 사업\n"
                .as_bytes()
                .to_vec();
            return client.upload(path, session, file).await.unwrap();
        }
        let key = Uuid::new_v4().to_string();
        let headers: &[(&str, &str)] = if operation.method.is_safe() {
            &[]
        } else {
            &[("if-match", "*"), ("idempotency-key", &key)]
        };
        client
            .call(operation.method.clone(), path, session, headers, body)
            .await
            .unwrap()
    }

    /// Calls one operation as one caller, with every query.
    async fn call(&mut self, operation: &Operation, caller: Caller) {
        let expected = operation.expected(caller);
        self.pair_count += 1;
        for query in self.queries(operation) {
            let path = format!("{}{query}", self.path(operation, caller));
            let (session, body) = (
                self.session(operation, caller, expected).await,
                self.body(operation, caller),
            );
            self.call_count += 1;
            if operation.template == "/api/stream" && expected == Expected::Allowed {
                // A stream does not end. Its events are recorded elsewhere.
                if self.system.client.stream(&session).await.is_err() {
                    self.failures
                        .push(format!("{caller:?} {operation}: no stream"));
                }
                continue;
            }
            let response = self.send(operation, &path, &session, body.as_ref()).await;
            let is_filtered = ["?customer=", "?salesman=", "?origin="]
                .iter()
                .any(|filter| query.starts_with(filter));
            if !expected.is_met_by(operation, response.status, is_filtered) {
                self.failures.push(format!(
                    "{caller:?} {operation} {query}: {} instead of {expected:?}: {}",
                    response.status, response.json
                ));
            }
            let text = full_text(&response);
            let is_phone =
                operation.template.ends_with("/phone") && response.status == StatusCode::OK;
            let mut hidden = caller.private_values(self.actors, is_phone);
            // A sign-in answers with the account of the login.
            hidden
                .retain(|(what, _)| *what != "staff" || operation.template != "/api/auth/sign-in");
            for (what, value) in values_in(&text, &hidden) {
                self.failures.push(format!(
                    "{caller:?} {operation} {query}: shows a {what}, {value}: {}",
                    response.json
                ));
            }
            self.responses.entry(caller).or_default().push_str(&text);
        }
    }
}

/// The row count and a digest of every table, except those that every request writes to.
async fn table_digests(pool: &PgPool) -> BTreeMap<String, (i64, Option<String>)> {
    const EXCLUDED: [&str; 6] = [
        "gateway.session",
        "gateway.rate_limit",
        "gateway.sign_in_delay",
        "gateway.audit",
        "gateway.audit_outcome",
        "leader",
    ];
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables
         where table_type = 'BASE TABLE'
           and table_schema not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut digests = BTreeMap::new();
    for table in tables {
        // An allowed write of the other customer stores its idempotency key.
        if EXCLUDED.contains(&table.as_str())
            || table.ends_with(".leader")
            || table.ends_with(".idempotency_key")
        {
            continue;
        }
        let sql = format!(
            "select count(*), md5(string_agg(t::text, '' order by t::text)) from {table} t"
        );
        let digest = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_one(pool)
            .await
            .unwrap();
        digests.insert(table, digest);
    }
    digests
}

async fn settled(checker: &Checker) {
    eventually("all events are consumed", async || {
        checker.is_quiet(true).await.unwrap().then_some(())
    })
    .await;
}

#[expect(clippy::print_stdout, reason = "shows how many pairs were checked")]
#[tokio::test(flavor = "multi_thread")]
async fn caller_gets_what_the_table_allows_and_no_foreign_data() {
    let system = TestSystem::start("routes").await;
    let (staff, colleagues) = Actors::create_colleagues(&system).await;
    let customers = sign_in_customers(&system).await;
    // In the order of CALLERS: customers, salesmen, consultants, staff.
    let of_colleagues = colleagues.iter().chain(&staff[..1]);
    let sessions: Vec<String> = customers
        .iter()
        .cloned()
        .chain(of_colleagues.map(|colleague| colleague.session.clone()))
        .collect();
    let mut recorders = BTreeMap::new();
    for (caller, session) in CALLERS[1..].iter().zip(&sessions) {
        recorders.insert(
            *caller,
            StreamRecorder::start(system.client.stream(session).await.unwrap()),
        );
    }
    let actors = Actors::seed(&system, staff, colleagues, customers).await;
    for (caller, session) in CALLERS[1..].iter().zip(&sessions) {
        assert_eq!(caller.session(&actors), *session, "{caller:?}");
    }
    let checker = Checker::new(
        &system.installation.postgres,
        system.installation.kafka.clone(),
    )
    .await;
    settled(&checker).await;

    let description = system.client.get("/api/openapi.json", "").await.unwrap();
    assert_eq!(unmatched(&description, &rows()), Vec::<String>::new());
    let mut operations = described(&description);
    operations.sort_by_key(Operation::order);
    let consent = system.client.get("/api/auth/consent", "").await.unwrap();
    let issuer = SessionIssuer::new(&system.installation, &system.keys);
    let mut matrix = Matrix {
        system: &system,
        actors: &actors,
        sessions: issuer,
        consent,
        failures: Vec::new(),
        responses: BTreeMap::new(),
        pair_count: 0,
        call_count: 0,
    };
    let pairs = || {
        operations
            .iter()
            .flat_map(|operation| CALLERS.map(|caller| (operation, caller)))
    };

    // First all refused calls, and those that mark the other group's notifications as read.
    let reads_foreign_notifications = |operation: &Operation, caller| {
        operation.template.ends_with("/notifications/read") && matches!(caller, Caller::Other(_))
    };
    let before = table_digests(&system.pool).await;
    let mut refused = 0;
    for (operation, caller) in pairs() {
        let is_refused = operation.expected(caller) != Expected::Allowed;
        if is_refused || reads_foreign_notifications(operation, caller) {
            matrix.call(operation, caller).await;
            refused += 1;
        }
    }
    settled(&checker).await;
    assert_eq!(
        table_digests(&system.pool).await,
        before,
        "a refused call has changed something"
    );
    assert_eq!(matrix.failures, Vec::<String>::new());

    let allowed =
        || pairs().filter(|(operation, caller)| operation.expected(*caller) == Expected::Allowed);
    for (operation, caller) in allowed().filter(|(operation, _)| operation.is_read()) {
        matrix.call(operation, caller).await;
    }
    assert_eq!(matrix.failures, Vec::<String>::new());
    check_that_values_are_found(&matrix);

    for (operation, caller) in allowed().filter(|(operation, _)| !operation.is_read()) {
        if !reads_foreign_notifications(operation, caller) {
            matrix.call(operation, caller).await;
        }
    }
    assert_eq!(matrix.failures, Vec::<String>::new());
    assert_eq!(matrix.pair_count, operations.len() * CALLERS.len());

    settled(&checker).await;
    for (caller, stream) in &recorders {
        let text = stream.text();
        assert_eq!(
            values_in(&text, &caller.private_values(&actors, false)),
            Vec::<&PrivateValue>::new(),
            "the stream of {caller:?}"
        );
    }
    check_own_events(&actors, &recorders);
    println!(
        "{} operations × {} callers: {} pairs, {} calls, {refused} pairs refused",
        operations.len(),
        CALLERS.len(),
        matrix.pair_count,
        matrix.call_count,
    );
    drop(recorders);
    system.stop().await;
}

/// The kinds of values that lists contain. Unmasked numbers, notes and notifications are read
/// elsewhere.
const LISTED: [&str; 6] = [
    "customer",
    "name",
    "memo",
    "interest",
    "consultation",
    "match",
];

/// Callers who may see the values got them in their responses, so the search finds what it is for.
fn check_that_values_are_found(matrix: &Matrix<'_>) {
    let [first, other] = &matrix.actors.groups;
    let responses = |caller| matrix.responses[&caller].as_str();
    for group in [first, other] {
        let listed = private_values::customer_values(group)
            .into_iter()
            .filter(|(what, _)| LISTED.contains(what));
        let missing: Vec<PrivateValue> = listed
            .filter(|(_, value)| !responses(Caller::Staff).contains(value.as_str()))
            .collect();
        assert_eq!(missing, Vec::new());
        assert!(
            !values_in(
                responses(Caller::Staff),
                &private_values::colleague_values(group)
            )
            .is_empty()
        );
    }
    for (kind, more) in [
        (
            Kind::Customer,
            ["why", "customer's notification", "salesman", "consultant"].as_slice(),
        ),
        (Kind::Salesman, &["salesman's notification"]),
        (Kind::Consultant, &["consultant's notification"]),
    ] {
        for (caller, hidden_from) in [
            (Caller::Owner(kind), Caller::Other(kind)),
            (Caller::Other(kind), Caller::Owner(kind)),
        ] {
            let hidden = hidden_from.private_values(matrix.actors, true);
            let shown: Vec<&str> = values_in(responses(caller), &hidden)
                .into_iter()
                .map(|(what, _)| *what)
                .collect();
            for kind in LISTED.iter().chain(more) {
                assert!(
                    shown.contains(kind),
                    "{caller:?} is not shown their own {kind}"
                );
            }
        }
    }
    // Read one by one, for the first group only.
    for secret in [
        private_values::phone_values(&first.phone),
        private_values::note_values(first),
    ] {
        for caller in [
            Caller::Owner(Kind::Salesman),
            Caller::Owner(Kind::Consultant),
            Caller::Staff,
        ] {
            assert!(
                !values_in(responses(caller), &secret).is_empty(),
                "{caller:?} read it"
            );
        }
    }
}

/// Every stream contains the events of the caller's own group, and only those.
fn check_own_events(actors: &Actors, recorders: &BTreeMap<Caller, StreamRecorder>) {
    for (caller, stream) in recorders {
        let text = stream.text();
        for (number, group) in actors.groups.iter().enumerate() {
            let is_own = match caller {
                Caller::Owner(_) => number == 0,
                Caller::Other(_) => number == 1,
                Caller::Anonymous | Caller::Staff => true,
            };
            for id in group.matches.iter().chain(&group.consultations) {
                assert_eq!(text.contains(&id.to_string()), is_own, "{caller:?}: {id}");
            }
        }
    }
}
