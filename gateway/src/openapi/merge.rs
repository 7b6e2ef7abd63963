//! Merges API descriptions. Pure functions of the descriptions.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use service_kit::Problem;
use service_kit::http::body::{incomplete_body, too_large};
use service_kit::http::describe;

use crate::config::Service;
use crate::edge::body::body_timeout;
use crate::edge::csrf::cross_site;
use crate::edge::rate_limit::too_many_requests;
use crate::edge::response_headers::CHALLENGE;
use crate::upstream::problems::{service_timeout, service_unavailable};
use crate::upstream::routes::{self, API, Callers, MAX_BODY_BYTES};

/// The name of the merged description's security scheme.
pub(crate) const SESSION_SCHEME: &str = "session";

/// The kind of components that only the gateway adds.
pub(crate) const SECURITY_SCHEMES: &str = "securitySchemes";

/// The gateway's tag.
const GATEWAY: &str = "gateway";

/// The gateway's own paths and components.
pub(crate) struct GatewayDescription {
    pub(crate) paths: Map<String, Value>,
    pub(crate) components: Map<String, Value>,
}

/// A component's kind (`schemas`, …) and name.
type ComponentKey = (String, String);

/// The description of everything below `/api`. It does not depend on the order of the services.
///
/// Equal components of several services appear once. Different ones with the same name, and equal
/// ones that refer to such, get the service's name as a prefix.
pub(crate) fn merge(gateway: GatewayDescription, mut services: Vec<(&str, Value)>) -> Value {
    services.sort_by_key(|(service, _)| *service);
    let conflicts = conflicts(&gateway.components, &services);
    let ids = OperationIds::of(&gateway.paths, &services);
    let GatewayDescription {
        mut paths,
        mut components,
    } = gateway;
    for (path, item) in &mut paths {
        for (method, operation) in operations(item) {
            complete(operation, GATEWAY, method, false);
            ids.make_unique(operation, GATEWAY, path);
        }
    }
    let mut tags = BTreeMap::from([(GATEWAY.to_owned(), json!({ "name": GATEWAY }))]);
    for (service, mut description) in services {
        let prefix = pascal_case(service);
        let renames = conflicts
            .iter()
            .map(|(kind, name)| {
                let renamed = format!("{prefix}{name}");
                (reference(kind, name), reference(kind, &renamed))
            })
            .collect();
        rename_references(&mut description, &renames);
        tags.insert(service.to_owned(), json!({ "name": service }));
        for tag in description["tags"].as_array().into_iter().flatten() {
            if let Some(name) = tag["name"].as_str() {
                tags.insert(name.to_owned(), tag.clone());
            }
        }
        for (kind, name, component) in components_of(&description) {
            if kind == SECURITY_SCHEMES {
                continue;
            }
            let key = (kind.to_owned(), name.to_owned());
            let prefix = if conflicts.contains(&key) {
                &*prefix
            } else {
                ""
            };
            let name = format!("{prefix}{name}");
            components.entry(kind).or_insert_with(|| json!({}))[name] = component.clone();
        }
        if let Value::Object(described) = description["paths"].take() {
            add_paths(&mut paths, service, described, &ids);
        }
    }
    let mut merged = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "KT.GG",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "지원사업과 영업대표를 잇습니다.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": components,
        "tags": tags.into_values().collect::<Vec<_>>(),
    });
    replace_challenges(&mut merged);
    sorted(merged)
}

/// Adds a service's public operations.
fn add_paths(
    paths: &mut Map<String, Value>,
    service: &str,
    described: Map<String, Value>,
    ids: &OperationIds,
) {
    for (path, mut item) in described {
        if let Some(item) = item.as_object_mut() {
            item.retain(|_, operation| operation["x-internal"] != true);
        }
        if operations(&mut item).next().is_none() {
            continue;
        }
        let is_open = routes::find_by_service_path(&path)
            .is_some_and(|route| route.callers == Callers::Anyone);
        for (method, operation) in operations(&mut item) {
            complete(operation, service, method, is_open);
            ids.make_unique(operation, service, &path);
            describe::add_problems(operation, &gateway_problems(operation, service, &path));
        }
        let merged = paths
            .entry(format!("{API}{path}"))
            .or_insert_with(|| json!({}));
        if let (Some(merged), Value::Object(item)) = (merged.as_object_mut(), item) {
            for (name, value) in item {
                merged.entry(name).or_insert(value);
            }
        }
    }
}

/// Replaces the services' `WWW-Authenticate`, which is about internal tokens.
fn replace_challenges(value: &mut Value) {
    if let Some(header) = value.get_mut("WWW-Authenticate") {
        header["schema"] = json!({ "type": "string", "const": CHALLENGE });
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(replace_challenges),
        Value::Array(items) => items.iter_mut().for_each(replace_challenges),
        _ => {}
    }
}

/// Adds what every merged operation has: a tag, the session as security, and the CSRF header where
/// the gateway requires it.
fn complete(operation: &mut Map<String, Value>, service: &str, method: &str, is_open: bool) {
    let array = |operation: &Map<String, Value>, name: &str| {
        operation.get(name).and_then(Value::as_array).cloned()
    };
    if array(operation, "tags").is_none_or(|tags| tags.is_empty()) {
        operation.insert("tags".to_owned(), json!([service]));
    }
    let actors = array(operation, "x-actors").unwrap_or_default();
    let is_open = if actors.is_empty() {
        is_open
    } else {
        actors.iter().any(|actor| actor == "anyone")
    };
    // An empty requirement means anonymous callers; every other one becomes the session.
    let is_empty = |requirement: &Value| requirement.as_object().is_some_and(Map::is_empty);
    let (is_anonymous, is_signed_in) = match array(operation, "security") {
        None => (is_open, true),
        Some(security) => (
            security.iter().any(is_empty) || security.is_empty(),
            !security.iter().all(is_empty),
        ),
    };
    let anonymous = is_anonymous.then(|| json!({}));
    let signed_in = is_signed_in.then(|| json!({ SESSION_SCHEME: [] }));
    let security: Vec<Value> = anonymous.into_iter().chain(signed_in).collect();
    operation.insert("security".to_owned(), json!(security));
    let is_read = matches!(method, "get" | "head" | "options" | "trace");
    if !is_read {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(json!({
                "name": "Ktgg-Csrf",
                "in": "header",
                "required": true,
                "description": "Shows that a page of this site sends the request",
                "schema": { "type": "string", "enum": ["1"], "default": "1" },
            }));
        }
        describe::add_problems(operation, &[cross_site()]);
    }
    let kind = if is_read { "reads" } else { "writes" };
    describe::add_problems(operation, &[too_many_requests(kind, TimeDelta::seconds(1))]);
}

/// The services of each operation id. Services name operations after what they do, so an id can
/// appear in several services, and more than once in one.
struct OperationIds(BTreeMap<String, Vec<String>>);

impl OperationIds {
    fn of(gateway: &Map<String, Value>, services: &[(&str, Value)]) -> Self {
        let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let services = services.iter().filter_map(|(service, description)| {
            Some((*service, description["paths"].as_object()?))
        });
        for (service, paths) in std::iter::once((GATEWAY, gateway)).chain(services) {
            let items = paths.values().filter_map(Value::as_object);
            for operation in items.flat_map(Map::values) {
                if let Some(id) = operation["operationId"].as_str() {
                    ids.entry(id.to_owned())
                        .or_default()
                        .push(service.to_owned());
                }
            }
        }
        Self(ids)
    }

    /// Adds the service to an id that is not unique, and the path if it is not unique in the
    /// service either.
    fn make_unique(&self, operation: &mut Map<String, Value>, service: &str, path: &str) {
        let id = operation.get("operationId").and_then(Value::as_str);
        let Some((id, services)) = id.and_then(|id| self.0.get_key_value(id)) else {
            return;
        };
        if services.len() < 2 {
            return;
        }
        let mut parts = vec![service, id];
        if services.iter().filter(|other| *other == service).count() > 1 {
            let segments = path.split('/').skip(2);
            parts.extend(segments.filter(|part| !part.starts_with('{') && !part.is_empty()));
        }
        let unique: Vec<String> = parts.iter().map(|part| part.replace('-', "_")).collect();
        operation.insert("operationId".to_owned(), json!(unique.join("_")));
    }
}

/// Problems with which the gateway answers in place of the service.
fn gateway_problems(operation: &Map<String, Value>, service: &str, path: &str) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    if let Ok(service) = service.parse::<Service>() {
        problems.extend([service_unavailable(service), service_timeout(service)]);
    }
    if operation.contains_key("requestBody") {
        problems.extend([incomplete_body(), body_timeout()]);
        // The service's own limit is lower, so callers meet that one.
        let responses = operation.get("responses");
        let is_described = responses
            .and_then(|responses| responses.get(StatusCode::PAYLOAD_TOO_LARGE.as_str()))
            .is_some();
        if !is_described {
            let upload = routes::upload(&Method::POST, path);
            let limit = upload.map_or(MAX_BODY_BYTES, |upload| upload.max_body_bytes);
            problems.push(too_large(limit));
        }
    }
    problems
}

/// Components that differ between services, or refer to such.
fn conflicts(gateway: &Map<String, Value>, services: &[(&str, Value)]) -> BTreeSet<ComponentKey> {
    let mut variants: BTreeMap<ComponentKey, Vec<&Value>> = BTreeMap::new();
    for (_, description) in services {
        for (kind, name, component) in components_of(description) {
            variants
                .entry((kind.to_owned(), name.to_owned()))
                .or_default()
                .push(component);
        }
    }
    // The gateway's own components keep their names.
    for (key, variants) in &mut variants {
        variants.extend(gateway.get(&key.0).and_then(|named| named.get(&key.1)));
    }
    variants.retain(|_, variants| variants.len() > 1);
    let mut conflicts: BTreeSet<ComponentKey> = BTreeSet::new();
    loop {
        let found: BTreeSet<ComponentKey> = variants
            .iter()
            .filter(|(_, variants)| {
                let differ = variants.windows(2).any(|pair| pair[0] != pair[1]);
                let mut references = conflicts.iter().map(|(kind, name)| reference(kind, name));
                differ || references.any(|conflict| refers_to(variants[0], &conflict))
            })
            .map(|(key, _)| key.clone())
            .collect();
        if found == conflicts {
            return conflicts;
        }
        conflicts = found;
    }
}

/// Kind, name and value of every component.
fn components_of(description: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let kinds = description["components"].as_object().into_iter().flatten();
    kinds.flat_map(|(kind, named)| {
        let named = named.as_object().into_iter().flatten();
        named.map(move |(name, component)| (kind.as_str(), name.as_str(), component))
    })
}

/// The operations of a path item, with their methods.
fn operations(item: &mut Value) -> impl Iterator<Item = (&str, &mut Map<String, Value>)> {
    const METHODS: [&str; 8] = [
        "get", "put", "post", "delete", "options", "head", "patch", "trace",
    ];
    let entries = item.as_object_mut().into_iter().flat_map(Map::iter_mut);
    let entries = entries.filter(|(name, _)| METHODS.contains(&name.as_str()));
    entries.filter_map(|(name, operation)| Some((name.as_str(), operation.as_object_mut()?)))
}

fn reference(kind: &str, name: &str) -> String {
    format!("#/components/{kind}/{name}")
}

/// `SalesmanMatch` for `salesman-match`.
fn pascal_case(service: &str) -> String {
    let capitalize = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next()?.to_uppercase();
        Some(first.chain(letters).collect::<String>())
    };
    service.split('-').filter_map(capitalize).collect()
}

fn refers_to(value: &Value, reference: &str) -> bool {
    match value {
        Value::String(text) => text == reference,
        Value::Array(items) => items.iter().any(|item| refers_to(item, reference)),
        Value::Object(fields) => fields.values().any(|field| refers_to(field, reference)),
        _ => false,
    }
}

/// Renames every `$ref`, and the mappings of discriminators, which are plain strings.
fn rename_references(value: &mut Value, renames: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(renamed) = renames.get(text.as_str()) {
                text.clone_from(renamed);
            }
        }
        Value::Array(items) => {
            for item in items {
                rename_references(item, renames);
            }
        }
        Value::Object(fields) => {
            for field in fields.values_mut() {
                rename_references(field, renames);
            }
        }
        _ => {}
    }
}

/// Sorts all keys. `serde_json` keeps the order of insertion if any crate enables that feature.
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
