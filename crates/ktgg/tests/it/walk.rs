//! Every route × everybody, on a system with two of everyone in it: each is let in to what the tables say, to nothing of the other's, and
//! whoever is refused has changed nothing.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use ktgg::client::Response;
use ktgg::demo::PASSWORD;
use serde_json::{Value, json};
use service_kit::auth::Role;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::callers::{Caller, EVERYBODY, Expected, Kind, Operation, described, rows, unmatched};
use crate::checker::Checker;
use crate::everybody::{Everybody, House, Side, customers};
use crate::secrets::{self, Overheard, Secret, found, said};
use crate::system::{LetIn, eventually};

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let (described, mut rows) = (ktgg::openapi(), rows());
    assert_eq!(unmatched(&described, &rows), Vec::<String>::new());
    assert!(rows.len() > 55, "{}", rows.len());
    // Whatever is missing is named.
    let (path, row) = rows.remove(0);
    assert_eq!(
        unmatched(&described, &rows),
        [format!("{} {path}", row.method)]
    );
    rows.push((path, row));
    rows.push(("/api/forgotten".to_owned(), row));
    assert_eq!(
        unmatched(&described, &rows),
        [format!("{} /api/forgotten", row.method)]
    );
}

/// Whoever walks, and what he has come upon.
struct Walk<'a> {
    house: &'a House,
    all: &'a Everybody,
    let_in: LetIn,
    consent: Value,
    wrong: Vec<String>,
    /// Everything that each was answered.
    heard: BTreeMap<Caller, String>,
    walked: usize,
    calls: usize,
}

impl Walk<'_> {
    fn one(&self) -> &Side {
        &self.all.sides[0]
    }

    /// The path, with the first side's things in the place of its parameters.
    fn path(&self, operation: &Operation, caller: Caller) -> String {
        let one = self.one();
        // Two people may not move the same thing: staff and its customer move the other one.
        let moved = operation.template.ends_with("/progress") && matches!(caller, Caller::Staff);
        let id = match operation.template.split('/').nth(2).unwrap() {
            "interests" => one.interests[0],
            "consultations" => one.consultations[usize::from(moved)],
            "salesman-matches" => one.matches[2],
            "salesmen" => one.salesman.id,
            "projects" if operation.template.starts_with("/api/projects/imports/") => {
                self.all.import
            }
            "projects" => self.all.projects[0]["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
            "accounts" => self.all.account,
            _ => Uuid::nil(),
        };
        let segments = operation.template.split('/').map(|segment| {
            assert!(
                !segment.starts_with('{') || id != Uuid::nil(),
                "nothing is seeded for {operation}"
            );
            if segment.starts_with('{') {
                id.to_string()
            } else {
                segment.to_owned()
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// Ways to ask: as it is, and by everything by which somebody could look for the first side's things.
    fn queries(&self, operation: &Operation) -> Vec<String> {
        let one = self.one();
        let mut queries = vec![String::new()];
        for name in &operation.queries {
            queries.push(match name.as_str() {
                "customer" => format!("?customer={}", one.customer),
                "origin" => format!("?origin={}", one.consultations[0]),
                "salesman" => format!("?salesman={}", one.salesman.id),
                "actor" => format!("?actor={}", self.all.staff[1].id),
                "project" => format!("?project={}", self.all.projects[0]["id"].as_str().unwrap()),
                _ => continue,
            });
        }
        match operation.template.as_str() {
            // It must be said of whom.
            "/api/projects/visit-card" => queries.split_off(1),
            path if path.ends_with("/phone") => vec!["?why=walk".to_owned()],
            _ => queries,
        }
    }

    /// The description's own example, about what is there.
    fn body(&self, operation: &Operation, caller: Caller) -> Option<Value> {
        let (one, other, projects) = (&self.all.sides[0], &self.all.sides[1], &self.all.projects);
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
            ("PATCH", "/api/consultations/{id}") => put("desiredDate", json!("2099-12-30")),
            (_, "/api/consultations/{id}/progress") => {
                put(
                    "step",
                    json!(if is_customer { "cancelled" } else { "approved" }),
                );
            }
            (_, "/api/interests/notifications/read") => put("ids", json!(one.told_customer)),
            (_, "/api/salesmen/me/notifications/read") => {
                put(
                    "ids",
                    json!([&one.told_salesman[..], &one.told_consultant[..]].concat()),
                );
            }
            // Whoever is let in leaves it as it is: what follows tells who sees it.
            (_, "/api/salesman-matches/{id}") => {
                let people = if caller == Caller::Staff { one } else { other };
                put("salesmanId", json!(people.salesman.id));
                put("consultantId", json!(people.consultant.id));
            }
            (_, "/api/projects/imports/{id}/commit") => body = json!({ "confirm": "all" }),
            (_, "/api/accounts/invitations") => {
                put("salesmanId", json!(one.salesman.id));
                put("login", json!(one.salesman.login));
            }
            (_, "/api/auth/sign-in") => {
                body = json!({ "login": self.all.staff[1].login, "password": PASSWORD });
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

    /// The session to call it with: one of its own where it will be gone afterwards.
    async fn session(&self, operation: &Operation, caller: Caller, expected: Expected) -> String {
        let Some(identity) = caller
            .identity(self.all)
            .filter(|_| expected == Expected::LetIn && operation.is_about_sessions())
        else {
            return caller.session(self.all);
        };
        let login = match (caller.role(), caller.sides(self.all)) {
            (Some(Role::Salesman), Some((_, his))) => &his.salesman.login,
            (Some(Role::Consultant), Some((_, his))) => &his.consultant.login,
            _ => &self.all.staff[0].login,
        };
        if operation.template == "/api/auth/password/change" {
            return self.house.client.sign_in(login, PASSWORD).await.unwrap();
        }
        self.let_in.somebody(&identity).await
    }

    async fn send(
        &self,
        operation: &Operation,
        path: &str,
        session: &str,
        body: Option<&Value>,
    ) -> Response {
        let client = &self.house.client;
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

    /// Calls one operation as somebody, in every way.
    async fn call(&mut self, operation: &Operation, caller: Caller) {
        let expected = operation.expected(caller);
        self.walked += 1;
        for query in self.queries(operation) {
            let path = format!("{}{query}", self.path(operation, caller));
            let (session, body) = (
                self.session(operation, caller, expected).await,
                self.body(operation, caller),
            );
            self.calls += 1;
            if operation.template == "/api/stream" && expected == Expected::LetIn {
                // It does not end by itself; what it tells is overheard elsewhere.
                if self.house.client.stream(&session).await.is_err() {
                    self.wrong
                        .push(format!("{caller:?} {operation}: no stream"));
                }
                continue;
            }
            let answer = self.send(operation, &path, &session, body.as_ref()).await;
            let is_filtered = ["?customer=", "?salesman=", "?origin="]
                .iter()
                .any(|filter| query.starts_with(filter));
            if !expected.is_met_by(operation, answer.status, is_filtered) {
                self.wrong.push(format!(
                    "{caller:?} {operation} {query}: {} in the place of {expected:?}: {}",
                    answer.status, answer.json
                ));
            }
            let text = said(&answer);
            let is_phone =
                operation.template.ends_with("/phone") && answer.status == StatusCode::OK;
            let mut hidden = caller.secrets(self.all, is_phone);
            // Whoever knows a login and its password is its owner.
            hidden
                .retain(|(what, _)| *what != "staff" || operation.template != "/api/auth/sign-in");
            for (what, written) in found(&text, &hidden) {
                self.wrong.push(format!(
                    "{caller:?} {operation} {query}: shows a {what}, {written}: {}",
                    answer.json
                ));
            }
            self.heard.entry(caller).or_default().push_str(&text);
        }
    }
}

/// What every table holds, but for what is kept of each request whoever made it: count and digest of its rows.
async fn everything(pool: &PgPool) -> BTreeMap<String, (i64, Option<String>)> {
    const OF_REQUESTS: [&str; 6] = [
        "gateway.session",
        "gateway.rate_limit",
        "gateway.sign_in_delay",
        "gateway.audit",
        "gateway.audit_outcome",
        "leader",
    ];
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables
         where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut all = BTreeMap::new();
    for table in tables {
        // A key that the other customer sent with a write of his own is his.
        if OF_REQUESTS.contains(&table.as_str())
            || table.ends_with(".leader")
            || table.ends_with(".idempotency_key")
        {
            continue;
        }
        let sql = format!(
            "select count(*), md5(string_agg(it::text, '' order by it::text)) from {table} it"
        );
        let digest = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_one(pool)
            .await
            .unwrap();
        all.insert(table, digest);
    }
    all
}

async fn settled(checker: &Checker) {
    eventually("the dust settles", async || {
        checker.is_quiet(true).await.unwrap().then_some(())
    })
    .await;
}

#[expect(
    clippy::print_stdout,
    reason = "the count says how much the test is worth"
)]
#[tokio::test(flavor = "multi_thread")]
async fn each_is_let_in_to_what_is_his_and_shown_nothing_of_the_others() {
    let house = House::open("walk").await;
    let (staff, people) = Everybody::gather(&house).await;
    let customers = customers(&house).await;
    let sessions: Vec<String> = {
        let [salesmen, consultants] =
            [&people[..2], &people[2..]].map(|two| two.iter().map(|it| it.session.clone()));
        customers
            .iter()
            .cloned()
            .chain(salesmen)
            .chain(consultants)
            .chain([staff[0].session.clone()])
            .collect()
    };
    // Of the customers, the salesmen, the consultants and staff, as they stand in EVERYBODY.
    let mut overheard = BTreeMap::new();
    for (caller, session) in EVERYBODY[1..].iter().zip(&sessions) {
        overheard.insert(
            *caller,
            Overheard::of(house.client.stream(session).await.unwrap()),
        );
    }
    let all = Everybody::seed(&house, staff, people, customers).await;
    for (caller, session) in EVERYBODY[1..].iter().zip(&sessions) {
        assert_eq!(caller.session(&all), *session, "{caller:?}");
    }
    let checker = Checker::new(&house.place.postgres, house.place.kafka.clone()).await;
    settled(&checker).await;

    let description = house.client.get("/api/openapi.json", "").await.unwrap();
    assert_eq!(unmatched(&description, &rows()), Vec::<String>::new());
    let mut operations = described(&description);
    operations.sort_by_key(Operation::lateness);
    let consent = house.client.get("/api/auth/consent", "").await.unwrap();
    let let_in = LetIn::to(&house.place, &house.keys);
    let mut walk = Walk {
        house: &house,
        all: &all,
        let_in,
        consent,
        wrong: Vec::new(),
        heard: BTreeMap::new(),
        walked: 0,
        calls: 0,
    };
    let pairs = || {
        operations
            .iter()
            .flat_map(|operation| EVERYBODY.map(|caller| (operation, caller)))
    };

    // Whatever is refused, and what is told of it to whoever reads it of the others'.
    let is_notes_of_others = |operation: &Operation, caller| {
        operation.template.ends_with("/notifications/read") && matches!(caller, Caller::Other(_))
    };
    let before = everything(&house.pool).await;
    let mut refused = 0;
    for (operation, caller) in pairs() {
        let is_refused = operation.expected(caller) != Expected::LetIn;
        if is_refused || is_notes_of_others(operation, caller) {
            walk.call(operation, caller).await;
            refused += 1;
        }
    }
    settled(&checker).await;
    assert_eq!(
        everything(&house.pool).await,
        before,
        "what was refused has changed nothing"
    );
    assert_eq!(walk.wrong, Vec::<String>::new());

    let let_in =
        || pairs().filter(|(operation, caller)| operation.expected(*caller) == Expected::LetIn);
    for (operation, caller) in let_in().filter(|(operation, _)| operation.method.is_safe()) {
        walk.call(operation, caller).await;
    }
    assert_eq!(walk.wrong, Vec::<String>::new());
    the_check_can_fail(&walk);

    for (operation, caller) in let_in().filter(|(operation, _)| !operation.method.is_safe()) {
        if !is_notes_of_others(operation, caller) {
            walk.call(operation, caller).await;
        }
    }
    assert_eq!(walk.wrong, Vec::<String>::new());
    assert_eq!(walk.walked, operations.len() * EVERYBODY.len());

    settled(&checker).await;
    for (caller, stream) in &overheard {
        let text = stream.text();
        assert_eq!(
            found(&text, &caller.secrets(&all, false)),
            Vec::<&Secret>::new(),
            "{caller:?} was told"
        );
    }
    each_was_told_of_his_own(&all, &overheard);
    println!(
        "{} operations × {} callers: {} pairs, {} calls, {refused} of the pairs refused",
        operations.len(),
        EVERYBODY.len(),
        walk.walked,
        walk.calls,
    );
    drop(overheard);
    house.close().await;
}

/// What lists tell of each thing to whoever may see it; numbers, notes and notifications are told elsewhere.
const LISTED: [&str; 6] = [
    "customer",
    "name",
    "memo",
    "interest",
    "consultation",
    "match",
];

/// Whoever may see what the check looks for is shown it, and the check finds it there.
fn the_check_can_fail(walk: &Walk<'_>) {
    let [one, other] = &walk.all.sides;
    let heard = |caller| walk.heard[&caller].as_str();
    for side in [one, other] {
        let listed = secrets::of_customer(side)
            .into_iter()
            .filter(|(what, _)| LISTED.contains(what));
        let missing: Vec<Secret> = listed
            .filter(|(_, written)| !heard(Caller::Staff).contains(written.as_str()))
            .collect();
        assert_eq!(missing, Vec::new());
        assert!(!found(heard(Caller::Staff), &secrets::of_colleagues(side)).is_empty());
    }
    for (kind, more) in [
        (
            Kind::Customer,
            ["why", "customer's notification", "salesman", "consultant"].as_slice(),
        ),
        (Kind::Salesman, &["salesman's notification"]),
        (Kind::Consultant, &["consultant's notification"]),
    ] {
        for (caller, from_whom) in [
            (Caller::Owner(kind), Caller::Other(kind)),
            (Caller::Other(kind), Caller::Owner(kind)),
        ] {
            let hidden = from_whom.secrets(walk.all, true);
            let seen: Vec<&str> = found(heard(caller), &hidden)
                .into_iter()
                .map(|(what, _)| *what)
                .collect();
            for kind in LISTED.iter().chain(more) {
                assert!(
                    seen.contains(kind),
                    "{caller:?} is not shown his own {kind}"
                );
            }
        }
    }
    // What is told of one thing alone: only the first's were asked for.
    for secret in [secrets::whole_phone(&one.phone), secrets::notes_of(one)] {
        for caller in [
            Caller::Owner(Kind::Salesman),
            Caller::Owner(Kind::Consultant),
            Caller::Staff,
        ] {
            assert!(
                !found(heard(caller), &secret).is_empty(),
                "{caller:?} asked for it"
            );
        }
    }
}

/// The streams that tell nothing of others tell of one's own.
fn each_was_told_of_his_own(all: &Everybody, overheard: &BTreeMap<Caller, Overheard>) {
    for (caller, stream) in overheard {
        let text = stream.text();
        for (number, side) in all.sides.iter().enumerate() {
            let is_his = match caller {
                Caller::Owner(_) => number == 0,
                Caller::Other(_) => number == 1,
                Caller::Anyone | Caller::Staff => true,
            };
            for id in side.matches.iter().chain(&side.consultations) {
                assert_eq!(text.contains(&id.to_string()), is_his, "{caller:?}: {id}");
            }
        }
    }
}
