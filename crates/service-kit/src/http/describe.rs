//! The description of a service's routes: what every operation has in common is added here, so that no route has to say it again, and
//! every problem and every body is shown by an example that the code itself made.
//!
//! A route says of itself, in `extensions(…)` of `#[utoipa::path]`:
//!
//! | extension | what it holds |
//! | --- | --- |
//! | `x-command` | the domain's name of what it does, where it changes something: `StartProject` |
//! | `x-events` | the types of event that this can cause, without `ktgg.` and version: `["ProjectStarted"]` |
//! | `x-problems` | slugs of the service's own problems ([`Service::problems`](crate::Service::problems)) that it can answer with |
//!
//! Who may call it is told by its row in the [`permissions`], as `x-actors`: `["anyone"]`, or roles. What only the gateway
//! calls says `x-internal`.
//!
//! From these, its parameters and its body follow the problems that every such route can answer with, and the headers of its answers. A route
//! without an id in its path that looks for something all the same names `not-found` among its problems.

mod enums;
mod examples;
mod fields;
mod headers;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema as _, ToSchema};

use crate::Problem;
use crate::http::permissions::{self, Permission};
use crate::http::problem::{FieldError, FieldProblem, Language, ProblemDocument, Text};

pub use enums::{
    CategoryName, PeriodKindName, PersonRoleName, PhaseName, RegionName, RoleName, StatusName,
    StepName,
};
use examples::{add_examples, add_schema_examples};
use fields::{name_as_written, require_what_is_read};
use headers::{add_headers, add_waiting, problem_headers};

/// The description of these routes, completed. `examples` is a JSON object from schema name to example.
pub fn complete(
    routes: OpenApi,
    examples: &str,
    own: &[Problem],
    permissions: &[Permission],
) -> Value {
    let mut description = serde_json::to_value(routes).unwrap_or_default();
    add_schema_examples(&mut description["components"]["schemas"], examples);
    permissions::describe(&mut description, permissions);
    let own: BTreeMap<&str, Vec<&Problem>> =
        own.iter().fold(BTreeMap::new(), |mut by_slug, problem| {
            by_slug
                .entry(problem.slug())
                .or_insert_with(Vec::new)
                .push(problem);
            by_slug
        });
    if let Some(schemas) = description["components"]["schemas"].as_object_mut() {
        schemas.extend(problem_schemas());
    }
    name_as_written(&mut description["components"]["schemas"]);
    require_what_is_read(&mut description);
    let schemas = description["components"]["schemas"].clone();
    let shown: BTreeSet<String> = description["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, item)| item.get("get").is_some())
        .map(|(path, _)| path.clone())
        .collect();
    for (path, item) in description["paths"].as_object_mut().into_iter().flatten() {
        // What it makes can be looked at where its id is put behind the path.
        let made = format!("{path}/{{");
        let makes_what_is_shown = shown.iter().any(|it| {
            it.strip_prefix(&made)
                .is_some_and(|rest| !rest.contains('/'))
        });
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let Some(operation) = operation.as_object_mut() else {
                continue;
            };
            add_problems(operation, &problems_of(operation, &own));
            add_examples(operation, &schemas);
            add_headers(operation, &schemas, makes_what_is_shown);
            if method == "get" {
                add_waiting(operation);
            }
        }
    }
    description
}

/// What problems are described with.
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

/// Everything the operation can be refused with.
fn problems_of(
    operation: &Map<String, Value>,
    own: &BTreeMap<&str, Vec<&Problem>>,
) -> Vec<Problem> {
    // What a route says of a problem itself is more exact: an import's body may be larger than others.
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
        // Without an id in its path only the route knows that it looks for something.
        if slug == Problem::not_found().slug() && !own.contains_key(slug) {
            problems.push(Problem::not_found());
        }
    }
    problems
}

/// Adds what the operation can be refused with, by status, each problem with an example.
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
        let described = &response["content"]["application/problem+json"]["examples"];
        let mut examples = described.as_object().cloned().unwrap_or_default();
        // What a route says itself of a status is only that there are problems.
        let mut titles: Vec<String> = response["description"]
            .as_str()
            .filter(|_| !examples.is_empty())
            .map(str::to_owned)
            .into_iter()
            .collect();
        for problem in problems {
            let document =
                serde_json::to_value(problem.document(Language::Korean)).unwrap_or_default();
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

/// What any operation with such parameters, such a body and such callers can be refused with.
fn general_problems(operation: &Map<String, Value>) -> Vec<Problem> {
    let parameters: Vec<(&str, &str)> = operation
        .get("parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|parameter| Some((parameter["in"].as_str()?, parameter["name"].as_str()?)))
        .collect();
    let has = |place: &str, name: &str| parameters.contains(&(place, name));
    let body = operation
        .get("requestBody")
        .map(|body| body["content"].get("application/json").is_some());
    let actors: Vec<&str> = texts(operation.get("x-actors")).collect();
    let is_open = actors.contains(&"anyone");
    let mut problems = vec![Problem::unauthorized(), transient()];
    if !is_open && actors.len() < ROLES {
        problems.push(Problem::forbidden());
    }
    if parameters.iter().any(|(place, _)| *place == "path") {
        problems.push(Problem::not_found());
    }
    if parameters.iter().any(|(place, _)| *place == "query") {
        problems.push(crate::http::problem::invalid_query(Text::new(
            "limit는 1에서 100까지입니다",
            "limit is 1 to 100",
        )));
    }
    if has("header", "If-Match") {
        problems.push(crate::http::extract::if_match_required());
        problems.push(Problem::stale(4));
    }
    if body.is_some() {
        problems.push(crate::http::body::too_large(crate::http::BODY_LIMIT));
        problems.push(crate::http::body::incomplete_body());
    }
    if body == Some(true) {
        problems.push(crate::http::body::not_json(1, 18));
        problems.push(crate::http::body::wrong_content_type());
        problems.push(Problem::wrong_fields(vec![FieldProblem {
            pointer: "/name".to_owned(),
            code: "required",
            message: Text::new("필수 항목입니다", "This field is required"),
        }]));
    }
    if body == Some(true) || has("header", "Idempotency-Key") {
        problems.push(crate::http::idempotency::wrong_key());
    }
    if has("header", "Idempotency-Key") {
        problems.push(crate::http::idempotency::in_flight());
        problems.push(crate::http::idempotency::reused());
    }
    problems
}

/// How many roles somebody who is signed in can have: an operation for all of them refuses nobody for his role.
const ROLES: usize = 4;

/// [`Problem::unavailable`] without the line in the log: nothing has happened.
fn transient() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "temporarily-unavailable",
        Text::new("잠시 후 다시 시도해 주세요", "Try again in a moment"),
    )
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_that_is_described_already_is_not_described_twice() {
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
