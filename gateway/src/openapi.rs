//! One description out of five, and the page to read it and try it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value, json};
use service_kit::Problem;
use service_kit::http::body::too_large;
use service_kit::http::describe;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::api::operations;
use crate::api::proxy::{self, Upstream};
use crate::edge::csrf;
use crate::edge::rate_limit;
use crate::edge::response_headers::CHALLENGE;
use crate::state::AppState;
use crate::upstream::routes::{self, API, Callers, DESCRIPTION, Service};

/// How long a service may take to describe itself.
const ASK: Duration = Duration::from_secs(1);

/// How long its description is used again: it changes only when the service is replaced.
const FRESH: Duration = Duration::from_secs(30);

/// How long a service that was not there is not asked again.
const ABSENT: Duration = Duration::from_secs(2);

/// No service describes itself at more length.
const LONGEST: usize = 4 * 1024 * 1024;

/// The sign-in of the merged description, by name.
pub(crate) const SCHEME: &str = "session";

/// The kind of component that only the gateway may add.
pub(crate) const SCHEMES: &str = "securitySchemes";

/// The page, at `/docs`.
pub(crate) fn page<S: Clone + Send + Sync + 'static>() -> Router<S> {
    SwaggerUi::new("/docs")
        .config(Config::from(DESCRIPTION))
        .into()
}

/// `GET /api/openapi.json`: what every service that is up can do. One that is down is left out and named.
pub(crate) async fn describe(State(door): State<Arc<AppState>>) -> Result<Response, Problem> {
    let merged = door.descriptions.merged().await;
    Ok(([(header::CONTENT_TYPE, "application/json")], merged).into_response())
}

/// The descriptions of the services, fetched when somebody asks.
pub(crate) struct Descriptions {
    upstream: Upstream,
    /// Held while they are fetched, so that many who ask at once cause one fetch.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    services: BTreeMap<Service, Fetched>,
    merged: Bytes,
}

struct Fetched {
    at: Instant,
    description: Option<Value>,
}

impl Fetched {
    fn is_fresh(&self) -> bool {
        self.at.elapsed()
            < if self.description.is_some() {
                FRESH
            } else {
                ABSENT
            }
    }
}

impl Descriptions {
    pub(crate) fn new(upstream: Upstream) -> Self {
        Self {
            upstream,
            known: Mutex::default(),
        }
    }

    async fn merged(&self) -> Bytes {
        let mut known = self.known.lock().await;
        let mut fetching = JoinSet::new();
        for service in Service::ALL {
            if !known.services.get(&service).is_some_and(Fetched::is_fresh) {
                let upstream = self.upstream.clone();
                fetching.spawn(async move { (service, fetch(&upstream, service).await) });
            }
        }
        let is_current = fetching.is_empty();
        while let Some(fetched) = fetching.join_next().await {
            if let Ok((service, description)) = fetched {
                known.services.insert(
                    service,
                    Fetched {
                        at: Instant::now(),
                        description,
                    },
                );
            }
        }
        if !is_current {
            let (mut there, mut away) = (Vec::new(), Vec::new());
            for (service, fetched) in &known.services {
                match &fetched.description {
                    Some(description) => there.push((service.name(), description.clone())),
                    None => away.push(service.name()),
                }
            }
            let mut merged = merge(there);
            if !away.is_empty() {
                merged["x-unavailable"] = json!(away);
            }
            known.merged = Bytes::from(merged.to_string());
        }
        known.merged.clone()
    }
}

async fn fetch(upstream: &Upstream, service: Service) -> Option<Value> {
    let deadline = Instant::now() + ASK;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = upstream.uri(service, PathAndQuery::from_static("/openapi.json"))?;
    let answer = upstream
        .send(request, deadline)
        .await
        .ok()
        .filter(|answer| answer.status().is_success())?;
    let body = Limited::new(answer.into_body(), LONGEST).collect();
    let bytes = tokio::time::timeout_at(deadline, body)
        .await
        .ok()?
        .ok()?
        .to_bytes();
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

/// Where a component is: its kind (`schemas`, …) and its name.
type Place = (String, String);

/// One description of everything behind `/api`, the gateway's own paths included.
///
/// The same descriptions in any order give the same text. Equal components are kept once; different ones under one name, and equal ones that
/// lead to such, get the service's name in front.
pub fn merge(mut descriptions: Vec<(&str, Value)>) -> Value {
    descriptions.sort_by(|one, other| one.0.cmp(other.0));
    let conflicts = conflicts(&descriptions);
    let repeated = repeated_operation_ids(&descriptions);
    let mut paths = Map::new();
    for (path, mut item) in operations::paths() {
        for (method, operation) in operations(&mut item) {
            finish(operation, GATEWAY, method, &path, false);
            name(operation, GATEWAY, &path, &repeated);
        }
        paths.insert(path, item);
    }
    let mut components: Map<String, Value> = operations::components();
    let mut tags = BTreeMap::from([(GATEWAY.to_owned(), json!({ "name": GATEWAY }))]);
    for (service, mut description) in descriptions {
        let renames: BTreeMap<String, String> = conflicts
            .iter()
            .map(|(kind, name)| {
                (
                    reference(kind, name),
                    reference(kind, &format!("{}{name}", pascal(service))),
                )
            })
            .collect();
        rename(&mut description, &renames);
        tags.insert(service.to_owned(), json!({ "name": service }));
        for tag in description["tags"].as_array().into_iter().flatten() {
            if let Some(name) = tag["name"].as_str() {
                tags.insert(name.to_owned(), tag.clone());
            }
        }
        for (kind, name, component) in components_of(&description) {
            if kind == SCHEMES {
                continue;
            }
            let is_conflict = conflicts.contains(&(kind.to_owned(), name.to_owned()));
            let name = if is_conflict {
                format!("{}{name}", pascal(service))
            } else {
                name.to_owned()
            };
            components.entry(kind).or_insert_with(|| json!({}))[name] = component.clone();
        }
        let Some(Value::Object(described)) = description.get_mut("paths").map(Value::take) else {
            continue;
        };
        for (path, mut item) in described {
            drop_internal(&mut item);
            if operations(&mut item).next().is_none() {
                continue;
            }
            let is_open = routes::row_of(&path).is_some_and(|row| row.callers == Callers::Anyone);
            for (method, operation) in operations(&mut item) {
                finish(operation, service, method, &path, is_open);
                name(operation, service, &path, &repeated);
                describe::add_problems(operation, &own_problems(operation, service, &path));
            }
            let there = paths
                .entry(format!("{API}{path}"))
                .or_insert_with(|| json!({}));
            if let (Some(there), Value::Object(item)) = (there.as_object_mut(), item) {
                for (name, value) in item {
                    there.entry(name).or_insert(value);
                }
            }
        }
    }
    let mut merged = json!({
        "openapi": "3.1.0",
        "info": { "title": "KT.GG", "version": env!("CARGO_PKG_VERSION"), "description": "지원사업과 영업대표를 잇습니다." },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": components,
        "tags": tags.into_values().collect::<Vec<_>>(),
    });
    ask_for_a_cookie(&mut merged);
    sorted(merged)
}

/// Every 401 asks for what the gateway asks for, and not for a service's token.
fn ask_for_a_cookie(value: &mut Value) {
    if let Some(header) = value.get_mut("WWW-Authenticate") {
        header["schema"] = json!({ "type": "string", "const": CHALLENGE });
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(ask_for_a_cookie),
        Value::Array(items) => items.iter_mut().for_each(ask_for_a_cookie),
        _ => {}
    }
}

/// Leaves out what nobody but the gateway calls.
fn drop_internal(item: &mut Value) {
    if let Some(item) = item.as_object_mut() {
        item.retain(|_, operation| operation["x-internal"] != true);
    }
}

/// What every operation has once it is one of many: a tag, whether one has to be signed in, and, where it writes or is written down, how it
/// is known that a page of ours asks.
fn finish(
    operation: &mut Map<String, Value>,
    service: &str,
    method: &str,
    path: &str,
    is_open: bool,
) {
    if operation
        .get("tags")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        operation.insert("tags".to_owned(), json!([service]));
    }
    // Services check tokens that only the gateway makes; whoever reads this signs in here, whatever a service calls its own check.
    let actors: Vec<&str> = operation
        .get("x-actors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let is_open = if actors.is_empty() {
        is_open
    } else {
        actors.contains(&"anyone")
    };
    let security = match operation.get("security").and_then(Value::as_array) {
        Some(said)
            if said
                .iter()
                .all(|one| one.as_object().is_some_and(Map::is_empty)) =>
        {
            json!([{}])
        }
        Some(said)
            if said
                .iter()
                .all(|one| one.as_object().is_some_and(|one| !one.is_empty())) =>
        {
            json!([{ SCHEME: [] }])
        }
        None if !is_open => json!([{ SCHEME: [] }]),
        // An empty requirement beside the other: signed in or not.
        _ => json!([{}, { SCHEME: [] }]),
    };
    operation.insert("security".to_owned(), security);
    if !matches!(method, "get" | "head" | "options" | "trace") || routes::is_recorded_read(path) {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(json!({
                "name": "Ktgg-Csrf",
                "in": "header",
                "required": true,
                "description": "Shows that a page of this site asks",
                "schema": { "type": "string", "enum": ["1"], "default": "1" },
            }));
        }
        describe::add_problems(
            operation,
            &[csrf::refused(), rate_limit::too_many(TimeDelta::seconds(1))],
        );
    }
}

/// The gateway among the tags.
const GATEWAY: &str = "gateway";

/// A name that no other operation has: services call theirs after what the verb does, and two of one service may do it to different things.
fn name(operation: &mut Map<String, Value>, service: &str, path: &str, repeated: &Repeated) {
    let Some(id) = operation.get("operationId").and_then(Value::as_str) else {
        return;
    };
    if !repeated.anywhere.contains(id) {
        return;
    }
    let mut unique = format!("{}_{id}", service.replace('-', "_"));
    if repeated
        .within
        .contains(&(service.to_owned(), id.to_owned()))
    {
        for part in path
            .split('/')
            .skip(2)
            .filter(|part| !part.starts_with('{') && !part.is_empty())
        {
            unique.push('_');
            unique.push_str(&part.replace('-', "_"));
        }
    }
    operation.insert("operationId".to_owned(), json!(unique));
}

/// Names of operations that are not theirs alone.
struct Repeated {
    /// In all descriptions.
    anywhere: BTreeSet<String>,
    /// With the service in whose description they are there twice.
    within: BTreeSet<(String, String)>,
}

/// What the gateway answers itself, in the place of the service.
fn own_problems(operation: &Map<String, Value>, service: &str, path: &str) -> Vec<Problem> {
    let service = Service::ALL.into_iter().find(|it| it.name() == service);
    let mut problems: Vec<Problem> = service
        .into_iter()
        .flat_map(|service| {
            [
                proxy::service_unavailable(service),
                proxy::service_timeout(service),
            ]
        })
        .collect();
    if operation.contains_key("requestBody") {
        problems
            .extend([StatusCode::BAD_REQUEST, StatusCode::REQUEST_TIMEOUT].map(proxy::incomplete));
        // The service's own limit is lower, and the one that people meet.
        let responses = operation.get("responses");
        let is_described = responses
            .and_then(|responses| responses.get(StatusCode::PAYLOAD_TOO_LARGE.as_str()))
            .is_some();
        let limit =
            routes::upload(&Method::POST, path).map_or(proxy::BODY_LIMIT, |upload| upload.body);
        problems.extend((!is_described).then(|| too_large(limit)));
    }
    problems
}

/// Names under which services mean different things.
fn conflicts(descriptions: &[(&str, Value)]) -> BTreeSet<Place> {
    let mut meanings: BTreeMap<Place, Vec<&Value>> = BTreeMap::new();
    for (_, description) in descriptions {
        for (kind, name, component) in components_of(description) {
            meanings
                .entry((kind.to_owned(), name.to_owned()))
                .or_default()
                .push(component);
        }
    }
    let own = operations::components();
    for (kind, own) in &own {
        for (name, component) in own.as_object().into_iter().flatten() {
            // A name of the gateway's own is never given away; what it has in common with the services is the same thing.
            if let Some(meanings) = meanings.get_mut(&(kind.clone(), name.clone())) {
                meanings.push(component);
            }
        }
    }
    meanings.retain(|_, meanings| meanings.len() > 1);
    let mut conflicts: BTreeSet<Place> = BTreeSet::new();
    loop {
        let found: BTreeSet<Place> = meanings
            .iter()
            .filter(|(_, meanings)| {
                let differ = meanings.windows(2).any(|pair| pair[0] != pair[1]);
                differ
                    || conflicts
                        .iter()
                        .any(|(kind, name)| leads_to(meanings[0], &reference(kind, name)))
            })
            .map(|(place, _)| place.clone())
            .collect();
        if found == conflicts {
            return conflicts;
        }
        conflicts = found;
    }
}

fn repeated_operation_ids(descriptions: &[(&str, Value)]) -> Repeated {
    let (mut seen, mut seen_here) = (BTreeSet::new(), BTreeSet::new());
    let mut repeated = Repeated {
        anywhere: BTreeSet::new(),
        within: BTreeSet::new(),
    };
    let own = operations::paths();
    let services = descriptions
        .iter()
        .filter_map(|(service, description)| Some((*service, description["paths"].as_object()?)));
    for (service, paths) in std::iter::once((GATEWAY, &own)).chain(services) {
        for operation in paths
            .values()
            .filter_map(Value::as_object)
            .flat_map(Map::values)
        {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            if !seen.insert(id) {
                repeated.anywhere.insert(id.to_owned());
            }
            if !seen_here.insert((service, id)) {
                repeated.within.insert((service.to_owned(), id.to_owned()));
            }
        }
    }
    repeated
}

pub(crate) fn components_of(description: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let kinds = description["components"].as_object().into_iter().flatten();
    kinds.flat_map(|(kind, named)| {
        named
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(name, component)| (kind.as_str(), name.as_str(), component))
    })
}

/// The operations of a path, each with its method.
fn operations(item: &mut Value) -> impl Iterator<Item = (&str, &mut Map<String, Value>)> {
    const METHODS: [&str; 8] = [
        "get", "put", "post", "delete", "options", "head", "patch", "trace",
    ];
    let entries = item.as_object_mut().into_iter().flat_map(Map::iter_mut);
    let entries = entries.filter(|(name, _)| METHODS.contains(&name.as_str()));
    entries.filter_map(|(name, operation)| Some((name.as_str(), operation.as_object_mut()?)))
}

pub(crate) fn reference(kind: &str, name: &str) -> String {
    format!("#/components/{kind}/{name}")
}

/// `salesman-match` as it begins a schema's name.
fn pascal(service: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    service.split('-').filter_map(capital).collect()
}

fn leads_to(value: &Value, target: &str) -> bool {
    match value {
        Value::String(text) => text == target,
        Value::Array(items) => items.iter().any(|item| leads_to(item, target)),
        Value::Object(fields) => fields.values().any(|field| leads_to(field, target)),
        _ => false,
    }
}

/// Renames every reference: `$ref`, and the mapping of a discriminator, which is plain text.
fn rename(value: &mut Value, renames: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(renamed) = renames.get(text.as_str()) {
                text.clone_from(renamed);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, renames)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, renames)),
        _ => {}
    }
}

/// With its keys in order, whether or not another crate asks the JSON library to keep the order of insertion.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields
                .into_iter()
                .map(|(name, field)| (name, sorted(field)))
                .collect();
            fields.into_iter().collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::routes::STREAM;

    /// A service with one path, whose answer is the schema `View`.
    fn described(path: &str, view: &Value, others: &Value) -> Value {
        let mut schemas = json!({ "View": view });
        for (name, schema) in others.as_object().unwrap() {
            schemas[name] = schema.clone();
        }
        json!({
            "openapi": "3.1.0",
            "paths": { path: { "get": {
                "operationId": "list",
                "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/View" } } } } },
            } } },
            "components": { "schemas": schemas },
        })
    }

    fn answer(merged: &Value, path: &str) -> String {
        merged["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// All but the gateway's own.
    fn schemas(merged: &Value) -> Vec<&str> {
        let own = operations::components();
        let names = merged["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str);
        names
            .filter(|name| own["schemas"].get(name).is_none())
            .collect()
    }

    #[test]
    fn equal_schemas_are_kept_once() {
        let view = json!({ "type": "object" });
        let merged = merge(vec![
            ("interest", described("/interests", &view, &json!({}))),
            (
                "salesman-match",
                described("/salesman-matches", &view, &json!({})),
            ),
        ]);
        assert_eq!(schemas(&merged), ["View"]);
        assert_eq!(
            answer(&merged, "/api/interests"),
            "#/components/schemas/View"
        );
    }

    #[test]
    fn different_schemas_under_one_name_get_their_services_name() {
        let merged = merge(vec![
            (
                "salesman-match",
                described(
                    "/salesman-matches",
                    &json!({ "type": "string" }),
                    &json!({}),
                ),
            ),
            (
                "interest",
                described("/interests", &json!({ "type": "object" }), &json!({})),
            ),
        ]);
        assert_eq!(schemas(&merged), ["InterestView", "SalesmanMatchView"]);
        assert_eq!(
            answer(&merged, "/api/interests"),
            "#/components/schemas/InterestView"
        );
        assert_eq!(
            answer(&merged, "/api/salesman-matches"),
            "#/components/schemas/SalesmanMatchView"
        );
    }

    #[test]
    fn equal_schemas_that_lead_to_different_ones_are_different_too() {
        let view = json!({ "properties": { "step": { "$ref": "#/components/schemas/Step" } } });
        let page = json!({ "items": { "$ref": "#/components/schemas/View" } });
        let with = |step: &str| json!({ "Step": { "const": step }, "Page": page });
        let merged = merge(vec![
            ("interest", described("/interests", &view, &with("on"))),
            (
                "consultation",
                described("/consultations", &view, &with("apply")),
            ),
        ]);
        assert_eq!(
            schemas(&merged),
            [
                "ConsultationPage",
                "ConsultationStep",
                "ConsultationView",
                "InterestPage",
                "InterestStep",
                "InterestView"
            ]
        );
        let step = &merged["components"]["schemas"]["InterestView"]["properties"]["step"]["$ref"];
        assert_eq!(step, "#/components/schemas/InterestStep");
    }

    #[test]
    fn whoever_writes_or_is_written_down_shows_that_a_page_of_ours_asks() {
        let mut description = described("/interests", &json!({}), &json!({}));
        let list = description["paths"]["/interests"]["get"].clone();
        description["paths"]["/interests/{id}/phone"] = json!({ "get": list });
        description["paths"]["/interests"]["post"] = list;
        let merged = merge(vec![("interest", description)]);
        for (path, method, is_asked_for) in [
            ("/api/interests", "get", false),
            ("/api/interests", "post", true),
            ("/api/interests/{id}/phone", "get", true),
            ("/api/auth/me", "get", false),
            ("/api/auth/sign-out", "post", true),
        ] {
            let operation = &merged["paths"][path][method];
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let asked: Vec<&Value> = parameters.filter(|it| it["name"] == "Ktgg-Csrf").collect();
            assert_eq!(asked.len(), usize::from(is_asked_for), "{method} {path}");
            assert!(
                asked.iter().all(|it| it["required"] == true),
                "{method} {path}"
            );
            assert_eq!(
                operation["responses"]["403"]
                    .to_string()
                    .contains("cross-site"),
                is_asked_for,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn the_order_of_services_does_not_matter() {
        let one = (
            "interest",
            described("/interests", &json!({ "type": "object" }), &json!({})),
        );
        let other = (
            "project",
            described("/projects", &json!({ "type": "string" }), &json!({})),
        );
        assert_eq!(
            merge(vec![one.clone(), other.clone()]).to_string(),
            merge(vec![other, one]).to_string()
        );
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_who_may_call() {
        let view = json!({});
        let merged = merge(vec![
            ("project", described("/projects", &view, &json!({}))),
            (
                "salesman-match",
                described("/salesman-matches", &view, &json!({})),
            ),
        ]);
        let operation = |path: &str| &merged["paths"][path]["get"];
        assert_eq!(operation("/api/projects")["operationId"], "project_list");
        assert_eq!(
            operation("/api/salesman-matches")["operationId"],
            "salesman_match_list"
        );
        assert_eq!(
            operation("/api/projects")["security"],
            json!([{}, { "session": [] }])
        );
        assert_eq!(
            operation("/api/salesman-matches")["security"],
            json!([{ "session": [] }])
        );
        assert_eq!(
            operation("/api/salesman-matches")["tags"],
            json!(["salesman-match"])
        );
    }

    #[test]
    fn operations_of_one_service_by_the_same_name_are_told_apart_by_their_paths() {
        let mut description = described("/salesmen", &json!({}), &json!({}));
        let list = description["paths"]["/salesmen"].clone();
        description["paths"]["/salesmen/{id}/notifications"] = list;
        let merged = merge(vec![("salesman", description)]);
        let id = |path: &str| merged["paths"][path]["get"]["operationId"].clone();
        assert_eq!(id("/api/salesmen"), "salesman_list");
        assert_eq!(
            id("/api/salesmen/{id}/notifications"),
            "salesman_list_notifications"
        );
    }

    #[test]
    fn what_the_gateway_answers_itself_is_described_beside_what_the_service_answers() {
        let mut description = described("/interests", &json!({}), &json!({}));
        let away = Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "away",
            service_kit::http::problem::Text::new("없음", "Away"),
        );
        let operation = description["paths"]["/interests"]["get"]
            .as_object_mut()
            .unwrap();
        operation.insert("requestBody".to_owned(), json!({}));
        describe::add_problems(operation, &[away]);
        let merged = merge(vec![("interest", description)]);
        let operation = &merged["paths"]["/api/interests"]["get"];
        let slugs = |status: &str| {
            let examples =
                &operation["responses"][status]["content"]["application/problem+json"]["examples"];
            examples
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(slugs("503"), ["away", "service-unavailable"]);
        assert_eq!(slugs("504"), ["service-timeout"]);
        assert_eq!(
            (slugs("413"), slugs("408")),
            (
                vec!["too-large".to_owned()],
                vec!["unreadable-body".to_owned()]
            )
        );
        let problem = &merged["components"]["schemas"]["Problem"];
        assert!(problem["properties"]["title"].is_object());
    }

    #[test]
    fn a_schema_that_a_service_has_in_common_with_the_gateway_keeps_its_name() {
        let mut description = described("/interests", &json!({}), &json!({}));
        for (name, schema) in describe::problem_schemas() {
            description["components"]["schemas"][name] = schema;
        }
        let merged = merge(vec![("interest", description)]);
        assert_eq!(schemas(&merged), ["View"]);
    }

    #[test]
    fn whatever_a_service_calls_its_own_check_one_signs_in_at_the_gateway() {
        let mut description = described("/interests", &json!({}), &json!({}));
        description["components"]["securitySchemes"] =
            json!({ "internal": { "type": "http", "scheme": "bearer" } });
        description["paths"]["/interests"]["get"]["security"] = json!([{ "internal": [] }]);
        let merged = merge(vec![("interest", description)]);
        assert_eq!(
            merged["paths"]["/api/interests"]["get"]["security"],
            json!([{ "session": [] }])
        );
        let schemes = merged["components"]["securitySchemes"].as_object().unwrap();
        assert_eq!(schemes.keys().collect::<Vec<_>>(), ["session"]);
    }

    #[test]
    fn without_any_service_the_gateway_still_describes_itself() {
        let merged = merge(Vec::new());
        assert_eq!(merged["info"]["title"], "KT.GG");
        assert!(
            merged["paths"][STREAM]["get"].is_object()
                && merged["paths"][DESCRIPTION]["get"].is_object()
        );
        assert!(merged["components"]["securitySchemes"]["session"].is_object());
    }
}
