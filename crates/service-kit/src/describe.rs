//! The description of a service's routes: what every operation has in common is added here, so that no route has to say it again, and
//! every problem and every body is shown by an example that the code itself made.
//!
//! A route says of itself, in `extensions(…)` of `#[utoipa::path]`:
//!
//! | extension | what it holds |
//! | --- | --- |
//! | `x-actors` | who may call: `["anyone"]`, or roles (`customer`, `staff`, `salesman`, `consultant`) |
//! | `x-command` | the domain's name of what it does, where it changes something: `StartProject` |
//! | `x-events` | the types of event that this can cause, without `ktgg.` and version: `["ProjectStarted"]` |
//! | `x-problems` | slugs of the service's own problems ([`Service::problems`](crate::Service::problems)) that it can answer with |
//!
//! From these, its parameters and its body follow the problems that every such route can answer with, and the headers of its answers.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema as _, ToSchema};

use crate::Problem;
use crate::problem::{FieldError, FieldProblem, Language, ProblemDocument, Text};

pub use words::{CategoryName, PeriodKindName, PersonRoleName, PhaseName, RegionName, RoleName, StatusName, StepName};

/// The description of these routes, completed.
pub fn complete(routes: OpenApi, own: &[Problem]) -> Value {
    let mut description = serde_json::to_value(routes).unwrap_or_default();
    let own: BTreeMap<&str, Vec<&Problem>> = own.iter().fold(BTreeMap::new(), |mut by_slug, problem| {
        by_slug.entry(problem.slug()).or_insert_with(Vec::new).push(problem);
        by_slug
    });
    if let Some(schemas) = description["components"]["schemas"].as_object_mut() {
        schemas.extend(problem_schemas());
    }
    require_what_is_read(&mut description);
    let schemas = description["components"]["schemas"].clone();
    for item in description["paths"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let Some(operation) = operation.as_object_mut() else { continue };
            add_problems(operation, &problems_of(operation, &own));
            add_examples(operation, &schemas);
            add_headers(operation, method == "get", &schemas);
        }
    }
    description
}

/// What problems are described with.
pub fn problem_schemas() -> Map<String, Value> {
    let schema = |schema| serde_json::to_value(schema).unwrap_or_default();
    Map::from_iter([
        (PROBLEM.to_owned(), schema(ProblemDocument::schema())),
        (FieldError::name().into_owned(), schema(FieldError::schema())),
    ])
}

/// The name of the problem's schema.
const PROBLEM: &str = "Problem";

/// Everything the operation can be refused with.
fn problems_of(operation: &Map<String, Value>, own: &BTreeMap<&str, Vec<&Problem>>) -> Vec<Problem> {
    // What a route says of a problem itself is more exact: an import's body may be larger than others.
    let named: Vec<&str> = texts(operation.get("x-problems")).collect();
    let mut problems = general_problems(operation);
    problems.retain(|problem| !(named.contains(&problem.slug()) && own.contains_key(problem.slug())));
    for slug in named {
        problems.extend(own.get(slug).into_iter().flatten().map(|problem| (*problem).clone()));
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
    let Some(responses) = responses.as_object_mut() else { return };
    for (status, problems) in by_status {
        let response = responses.entry(status.as_str()).or_insert(Value::Null);
        let described = &response["content"]["application/problem+json"]["examples"];
        let mut examples = described.as_object().cloned().unwrap_or_default();
        // What a route says itself of a status is only that there are problems.
        let mut titles: Vec<String> =
            response["description"].as_str().filter(|_| !examples.is_empty()).map(str::to_owned).into_iter().collect();
        for problem in problems {
            let document = serde_json::to_value(problem.document(Language::Korean)).unwrap_or_default();
            if examples.values().any(|example| example["value"] == document) {
                continue;
            }
            let count = examples
                .keys()
                .filter(|name| name.trim_end_matches(|end: char| end == '-' || end.is_ascii_digit()) == problem.slug())
                .count();
            let name = if count == 0 { problem.slug().to_owned() } else { format!("{}-{}", problem.slug(), count + 1) };
            examples.insert(name, json!({ "summary": problem.title(), "value": document }));
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

/// A header of an answer.
fn header(description: &str, required: bool, schema: &Value) -> Value {
    json!({ "description": description, "required": required, "schema": schema })
}

fn problem_headers(status: StatusCode) -> Value {
    let mut headers = json!({
        "Content-Language": header("By `Accept-Language`", true, &json!({ "type": "string", "enum": ["ko", "en"] })),
    });
    if status == StatusCode::UNAUTHORIZED {
        headers["WWW-Authenticate"] = header("How to sign in", true, &json!({ "type": "string", "const": "Bearer" }));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = json!({ "type": "integer", "minimum": 1 });
        headers["Retry-After"] = header("When to try again, in seconds", true, &seconds);
    }
    headers
}

/// The headers of what it answers when it says yes, and the one by which a read waits for an event.
fn add_headers(operation: &mut Map<String, Value>, reads: bool, schemas: &Value) {
    for (status, response) in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten() {
        if !status.starts_with('2') {
            continue;
        }
        if response["description"].as_str().unwrap_or_default().is_empty() {
            let reason = StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
            response["description"] = json!(reason.unwrap_or(status));
        }
        let properties = &resolved(&response["content"]["application/json"]["schema"], schemas)["properties"];
        let mut headers = Map::new();
        if properties.get("version").is_some() {
            let tag = json!({ "type": "string", "pattern": "^\"[0-9]+\"$" });
            headers.insert("ETag".to_owned(), header("The version, for `If-Match`", true, &tag));
        }
        if properties.get("items").is_some() && properties.get("next").is_some() {
            let link = json!({ "type": "string", "example": "<?limit=50&after=…>; rel=\"next\"" });
            headers.insert("Link".to_owned(), header("The next page, where there is one", false, &link));
        }
        if status == "201" {
            headers.insert("Location".to_owned(), header("Where it is now", true, &json!({ "type": "string" })));
        }
        if reads {
            let stale = json!({ "type": "string", "const": "1" });
            headers.insert("Ktgg-Stale".to_owned(), header("What `Ktgg-After` names is not in here yet", false, &stale));
        }
        if !headers.is_empty() {
            let there = response["headers"].as_object().cloned().unwrap_or_default();
            headers.extend(there);
            response["headers"] = Value::Object(headers);
        }
    }
    if reads {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        parameters.as_array_mut().into_iter().for_each(|parameters| {
            parameters.push(json!({
                "name": "Ktgg-After",
                "in": "header",
                "required": false,
                "description": "Wait up to two seconds until this event is taken in: `salesman-match/ID@3`",
                "schema": { "type": "string", "example": "consultation/0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01@2" },
            }));
        });
    }
}

/// What a reference leads to.
fn resolved<'a>(schema: &'a Value, schemas: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => &schemas[reference.rsplit('/').next().unwrap_or_default()],
        None => schema,
    }
}

/// Says which fields of a body must be there.
///
/// Every field of a body may be missing for serde, so that all wrong ones can be told at once: the description would say so too. A field that
/// may really be missing is described as one that may be null.
fn require_what_is_read(description: &mut Value) {
    let mut read = BTreeSet::new();
    for item in description["paths"].as_object().into_iter().flat_map(Map::values) {
        for operation in item.as_object().into_iter().flat_map(Map::values) {
            collect_schemas(&operation["requestBody"], &description["components"]["schemas"], &mut read);
        }
    }
    let mut written = BTreeSet::new();
    for item in description["paths"].as_object().into_iter().flat_map(Map::values) {
        for operation in item.as_object().into_iter().flat_map(Map::values) {
            collect_schemas(&operation["responses"], &description["components"]["schemas"], &mut written);
        }
    }
    for name in read.difference(&written) {
        let schema = &mut description["components"]["schemas"][name];
        let Some(properties) = schema["properties"].as_object() else { continue };
        let required: Vec<&String> =
            properties.iter().filter(|(_, property)| !may_be_missing(property)).map(|(name, _)| name).collect();
        schema["required"] = json!(required);
    }
}

fn may_be_missing(property: &Value) -> bool {
    let kinds = property["type"].as_array().into_iter().flatten();
    let choices = ["oneOf", "anyOf"].into_iter().filter_map(|choice| property[choice].as_array()).flatten();
    property.get("default").is_some() || kinds.chain(choices.map(|choice| &choice["type"])).any(|kind| kind == "null")
}

/// The names of all schemas that this leads to.
fn collect_schemas(value: &Value, schemas: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_schemas(item, schemas, found)),
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str).and_then(|to| to.rsplit('/').next())
                && found.insert(name.to_owned())
            {
                collect_schemas(&schemas[name], schemas, found);
            }
            fields.values().for_each(|field| collect_schemas(field, schemas, found));
        }
        _ => {}
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
    let body = operation.get("requestBody").map(|body| body["content"].get("application/json").is_some());
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
        problems.push(crate::http::wrong_query(Text::new("limit는 1에서 100까지입니다", "limit is 1 to 100")));
    }
    if has("header", "If-Match") {
        problems.push(crate::http::if_match_required());
        problems.push(Problem::stale(4));
    }
    if body.is_some() {
        problems.push(crate::http::too_large(crate::http::BODY_LIMIT));
        problems.push(crate::http::unreadable_body());
    }
    if body == Some(true) {
        problems.push(crate::http::not_json(1, 18));
        problems.push(crate::http::wrong_content_type());
        problems.push(Problem::wrong_fields(vec![FieldProblem {
            pointer: "/name".to_owned(),
            code: "required",
            message: Text::new("필수 항목입니다", "This field is required"),
        }]));
    }
    if body == Some(true) || has("header", "Idempotency-Key") {
        problems.push(crate::http::wrong_idempotency_key());
    }
    if has("header", "Idempotency-Key") {
        problems.push(crate::idempotency::in_flight());
        problems.push(crate::idempotency::reused());
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
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// An example of each body that has none of its own, from the examples of what it is made of.
fn add_examples(operation: &mut Map<String, Value>, schemas: &Value) {
    let mut media: Vec<&mut Value> = Vec::new();
    if let Some(Value::Object(responses)) = operation.get_mut("responses") {
        media.extend(responses.iter_mut().filter(|(status, _)| status.starts_with('2')).map(|(_, response)| response));
    }
    // A map is borrowed whole: the request's body comes in a second round.
    for body in media {
        give_example(body, schemas);
    }
    if let Some(body) = operation.get_mut("requestBody") {
        give_example(body, schemas);
    }
}

fn give_example(body: &mut Value, schemas: &Value) {
    let Some(media) = body.get_mut("content").and_then(|content| content.get_mut("application/json")) else { return };
    if media.get("example").is_none() && media.get("examples").is_none() {
        media["example"] = example(&media["schema"], schemas, DEEPEST);
    }
}

/// Views do not nest deeper than this.
const DEEPEST: usize = 12;

/// An example of what the schema describes: its own, or one put together from those of its parts.
fn example(schema: &Value, schemas: &Value, depth: usize) -> Value {
    if let Some(example) = schema.get("example").or_else(|| schema["examples"].get(0)).or_else(|| schema.get("default")) {
        return example.clone();
    }
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return example(&schemas[name], schemas, depth);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let fields = properties.iter().map(|(name, property)| (name.clone(), example(property, schemas, depth)));
        return Value::Object(fields.collect());
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let choices = schema[choice].as_array().into_iter().flatten();
        if let Some(chosen) = choices.rev().find(|choice| choice["type"] != "null") {
            return example(chosen, schemas, depth);
        }
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str));
    match (kind, schema["format"].as_str()) {
        (Some("array"), _) => json!([example(&schema["items"], schemas, depth)]),
        (Some("integer" | "number"), _) => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        (Some("boolean"), _) => json!(true),
        (Some("string"), Some("uuid")) => json!("0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01"),
        (Some("string"), Some("date")) => json!("2026-12-01"),
        (Some("string"), Some("date-time")) => json!("2026-11-24T01:00:00Z"),
        (Some("string"), _) => json!("…"),
        (Some("object"), _) => json!({}),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_put_together_from_those_of_the_parts() {
        let schemas = json!({ "Person": { "type": "object", "example": { "name": "김하늘" } } });
        let page = json!({ "type": "object", "properties": {
            "items": { "type": "array", "items": { "$ref": "#/components/schemas/Person" } },
            "next": { "type": ["string", "null"], "example": "abc" },
            "by": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Person" }] },
        } });
        let expected = json!({ "items": [{ "name": "김하늘" }], "next": "abc", "by": { "name": "김하늘" } });
        assert_eq!(example(&page, &schemas, DEEPEST), expected);
    }

    #[test]
    fn a_field_of_a_body_must_be_there_unless_it_may_be_null() {
        let mut description = json!({
            "paths": { "/things": { "post": {
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Make" } } } },
                "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Made" } } } } },
            } } },
            "components": { "schemas": {
                "Make": { "properties": {
                    "name": { "type": "string" },
                    "memo": { "type": ["string", "null"] },
                    "role": { "type": "string", "default": "salesman" },
                    "part": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Part" }] },
                } },
                "Part": { "properties": { "kind": { "type": "string" } } },
                "Made": { "properties": { "id": { "type": "string" } } },
            } },
        });
        require_what_is_read(&mut description);
        let required = |name: &str| description["components"]["schemas"][name].get("required").cloned();
        assert_eq!(required("Make"), Some(json!(["name"])));
        assert_eq!(required("Part"), Some(json!(["kind"])));
        assert_eq!(required("Made"), None);
    }

    #[test]
    fn a_problem_that_is_described_already_is_not_described_twice() {
        let mut operation = Map::new();
        add_problems(&mut operation, &[Problem::not_found(), Problem::stale(4)]);
        add_problems(&mut operation, &[Problem::not_found(), Problem::stale(5)]);
        let examples = |status: &str| {
            let examples = &operation["responses"][status]["content"]["application/problem+json"]["examples"];
            examples.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(examples("404"), ["not-found"]);
        assert_eq!(examples("412"), ["stale-version", "stale-version-2"]);
    }

    #[test]
    fn an_answer_tells_its_version_its_place_and_the_next_page() {
        let schemas = json!({
            "Thing": { "properties": { "version": { "type": "integer" } } },
            "Page": { "properties": { "items": {}, "next": {} } },
        });
        let answer = |name: &str| json!({ "content": { "application/json": { "schema": { "$ref": name } } } });
        let mut operation = Map::from_iter([(
            "responses".to_owned(),
            json!({ "200": answer("#/components/schemas/Page"), "201": answer("#/components/schemas/Thing"), "404": {} }),
        )]);
        add_headers(&mut operation, false, &schemas);
        let headers = |status: &str| {
            let headers = operation["responses"][status]["headers"].as_object();
            headers.into_iter().flat_map(Map::keys).cloned().collect::<Vec<_>>()
        };
        assert_eq!(headers("200"), ["Link"]);
        assert_eq!(headers("201"), ["ETag", "Location"]);
        assert!(headers("404").is_empty());
        assert_eq!(operation["responses"]["201"]["description"], "Created");
    }

    #[test]
    fn a_schema_that_leads_to_itself_has_an_end() {
        let schemas = json!({ "Loop": { "properties": { "again": { "$ref": "#/components/schemas/Loop" } } } });
        assert!(example(&json!({ "$ref": "#/components/schemas/Loop" }), &schemas, DEEPEST).is_object());
    }
}
