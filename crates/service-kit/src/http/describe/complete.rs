//! Completes the description of routes.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema as _, ToSchema};

use crate::auth::token::Role;
use crate::http::body::{self, BODY_LIMIT};
use crate::http::describe::examples::{add_examples, add_schema_examples};
use crate::http::describe::fields::{rename_to_camel_case, require_fields, texts};
use crate::http::describe::headers::{add_headers, add_ktgg_after, problem_headers};
use crate::http::fields::required;
use crate::http::idempotency;
use crate::http::if_match::{if_match_required, wrong_if_match};
use crate::http::page::invalid_limit;
use crate::http::permissions::{self, Permission};
use crate::http::problem::{FieldError, FieldProblem, Language, Problem, ProblemDocument};

/// Completes the description of routes. `examples` is a JSON object from schema name to example.
pub fn complete(
    routes: OpenApi,
    examples: &str,
    problems: &[Problem],
    permissions: &[Permission],
) -> Value {
    let mut description = serde_json::to_value(routes).unwrap_or_default();
    add_schema_examples(&mut description["components"]["schemas"], examples);
    permissions::describe(&mut description, permissions);
    let mut own: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        own.entry(problem.slug()).or_default().push(problem);
    }
    if let Some(schemas) = description["components"]["schemas"].as_object_mut() {
        schemas.extend(problem_schemas());
    }
    rename_to_camel_case(&mut description["components"]["schemas"]);
    require_fields(&mut description);
    let schemas = description["components"]["schemas"].clone();
    let readable: BTreeSet<String> = description["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, item)| item.get("get").is_some())
        .map(|(path, _)| path.clone())
        .collect();
    for (path, item) in description["paths"].as_object_mut().into_iter().flatten() {
        // A new resource has a location if `GET {path}/{id}` exists.
        let item_prefix = format!("{path}/{{");
        let has_location = readable.iter().any(|other| {
            other
                .strip_prefix(&item_prefix)
                .is_some_and(|rest| !rest.contains('/'))
        });
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let Some(operation) = operation.as_object_mut() else {
                continue;
            };
            add_problems(operation, &problems_of(operation, &own));
            add_examples(operation, &schemas);
            add_headers(operation, &schemas, has_location);
            if method == "get" {
                add_ktgg_after(operation);
            }
        }
    }
    description
}

/// The schemas of problems.
pub fn problem_schemas() -> Map<String, Value> {
    let schema = |schema| serde_json::to_value(schema).unwrap_or_default();
    Map::from_iter([
        (PROBLEM.to_owned(), schema(ProblemDocument::schema())),
        (
            FieldError::name().into_owned(),
            schema(FieldError::schema()),
        ),
    ])
}

/// The name of the problem's schema.
const PROBLEM: &str = "Problem";

/// The problems of the operation.
fn problems_of(
    operation: &Map<String, Value>,
    own: &BTreeMap<&str, Vec<&Problem>>,
) -> Vec<Problem> {
    // A route's own example of a slug is more exact: an import may have a larger body.
    let named: Vec<&str> = texts(operation.get("x-problems")).collect();
    let mut problems = general_problems(operation);
    problems
        .retain(|problem| !(named.contains(&problem.slug()) && own.contains_key(problem.slug())));
    for slug in named {
        problems.extend(
            own.get(slug)
                .into_iter()
                .flatten()
                .map(|problem| (*problem).clone()),
        );
        // A route without an id in its path can answer with it, too.
        if slug == Problem::not_found().slug() && !own.contains_key(slug) {
            problems.push(Problem::not_found());
        }
    }
    problems
}

/// Adds problems to an operation, by status, each with an example.
pub fn add_problems(operation: &mut Map<String, Value>, problems: &[Problem]) {
    let mut by_status: BTreeMap<StatusCode, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        by_status.entry(problem.status()).or_default().push(problem);
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else {
        return;
    };
    for (status, problems) in by_status {
        let response = responses.entry(status.as_str()).or_insert(Value::Null);
        let existing = &response["content"]["application/problem+json"]["examples"];
        let mut examples = existing.as_object().cloned().unwrap_or_default();
        // Without examples, the description is the route's own, and says less than the titles.
        let mut titles: Vec<String> = response["description"]
            .as_str()
            .filter(|_| !examples.is_empty())
            .map(str::to_owned)
            .into_iter()
            .collect();
        for problem in problems {
            let mut document = problem.document(Language::Korean);
            // It would be that of the request for the description.
            document.trace_id = None;
            let document = serde_json::to_value(document).unwrap_or_default();
            if examples
                .values()
                .any(|example| example["value"] == document)
            {
                continue;
            }
            let count = examples
                .keys()
                .filter(|name| {
                    name.trim_end_matches(|end: char| end == '-' || end.is_ascii_digit())
                        == problem.slug()
                })
                .count();
            let name = if count == 0 {
                problem.slug().to_owned()
            } else {
                format!("{}-{}", problem.slug(), count + 1)
            };
            examples.insert(
                name,
                json!({ "summary": problem.title(), "value": document }),
            );
            if !titles.iter().any(|title| title == problem.title()) {
                titles.push(problem.title().to_owned());
            }
        }
        *response = json!({
            "description": titles.join(" · "),
            "headers": problem_headers(status),
            "content": { "application/problem+json": {
                "schema": { "$ref": format!("#/components/schemas/{PROBLEM}") },
                "examples": examples,
            } },
        });
    }
}

/// The problems of any operation with these parameters, body and actors.
fn general_problems(operation: &Map<String, Value>) -> Vec<Problem> {
    let parameters: Vec<(&str, &str)> = operation
        .get("parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|parameter| Some((parameter["in"].as_str()?, parameter["name"].as_str()?)))
        .collect();
    let has = |location: &str, name: &str| parameters.contains(&(location, name));
    let is_json = operation
        .get("requestBody")
        .map(|body| body["content"].get("application/json").is_some());
    let actors: Vec<&str> = texts(operation.get("x-actors")).collect();
    let is_open = actors.contains(&"anyone");
    let mut problems = vec![Problem::unauthorized(), Problem::temporarily_unavailable()];
    if !is_open && actors.len() < Role::ALL.len() {
        problems.push(Problem::forbidden());
    }
    if parameters.iter().any(|(location, _)| *location == "path") {
        problems.push(Problem::not_found());
    }
    if parameters.iter().any(|(location, _)| *location == "query") {
        problems.push(invalid_limit());
    }
    if has("header", "If-Match") {
        problems.push(wrong_if_match());
        problems.push(if_match_required());
        problems.push(Problem::stale(4));
    }
    if is_json.is_some() {
        problems.push(body::too_large(BODY_LIMIT));
        problems.push(body::incomplete_body());
    }
    if is_json == Some(true) {
        problems.push(body::not_json(1, 18));
        problems.push(body::wrong_content_type());
        problems.push(body::wrong_content_encoding("gzip"));
        problems.push(Problem::wrong_fields(vec![FieldProblem {
            pointer: "/name".to_owned(),
            code: "required",
            message: required(),
        }]));
    }
    if is_json == Some(true) || has("header", "Idempotency-Key") {
        problems.push(idempotency::wrong_key());
    }
    if has("header", "Idempotency-Key") {
        problems.push(idempotency::in_flight());
        problems.push(idempotency::reused());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{self, TraceContext};

    #[tokio::test]
    async fn examples_have_no_trace_id() {
        let mut operation = Map::new();
        let describe = async { add_problems(&mut operation, &[Problem::not_found()]) };
        trace::within(TraceContext::start(), describe).await;
        let described = Value::Object(operation).to_string();
        assert!(described.contains("/problems/not-found") && !described.contains("traceId"));
    }

    #[test]
    fn same_problem_is_not_described_twice() {
        let mut operation = Map::new();
        add_problems(&mut operation, &[Problem::not_found(), Problem::stale(4)]);
        add_problems(&mut operation, &[Problem::not_found(), Problem::stale(5)]);
        let examples = |status: &str| {
            let examples =
                &operation["responses"][status]["content"]["application/problem+json"]["examples"];
            examples
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(examples("404"), ["not-found"]);
        assert_eq!(examples("412"), ["stale-version", "stale-version-2"]);
    }
}
