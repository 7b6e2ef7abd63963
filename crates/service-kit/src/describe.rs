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
//! From these, its parameters and its body follow the problems that every such route can answer with.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema as _, ToSchema};

use crate::Problem;
use crate::problem::{FieldError, FieldProblem, Language, ProblemDocument, Text};

/// The description of these routes, completed.
pub fn complete(routes: OpenApi, own: &[Problem]) -> Value {
    let mut description = serde_json::to_value(routes).unwrap_or_default();
    let own: BTreeMap<&str, Vec<&Problem>> = own.iter().fold(BTreeMap::new(), |mut by_slug, problem| {
        by_slug.entry(problem.slug()).or_insert_with(Vec::new).push(problem);
        by_slug
    });
    if let Some(schemas) = description["components"]["schemas"].as_object_mut() {
        schemas.insert(PROBLEM.to_owned(), serde_json::to_value(ProblemDocument::schema()).unwrap_or_default());
        schemas.insert(FieldError::name().into_owned(), serde_json::to_value(FieldError::schema()).unwrap_or_default());
    }
    let schemas = description["components"]["schemas"].clone();
    for item in description["paths"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            add_problems(operation, &own);
            add_examples(operation, &schemas);
        }
    }
    description
}

/// The name of the problem's schema.
const PROBLEM: &str = "Problem";

/// Everything the operation can be refused with, by status, each problem with an example.
fn add_problems(operation: &mut Map<String, Value>, own: &BTreeMap<&str, Vec<&Problem>>) {
    let mut problems = general_problems(operation);
    let named: Vec<String> = texts(operation.get("x-problems")).map(str::to_owned).collect();
    for slug in &named {
        problems.extend(own.get(slug.as_str()).into_iter().flatten().map(|problem| (*problem).clone()));
    }
    let mut by_status: BTreeMap<StatusCode, Vec<Problem>> = BTreeMap::new();
    for problem in problems {
        by_status.entry(problem.status()).or_default().push(problem);
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    for (status, problems) in by_status {
        let mut examples = Map::new();
        for problem in &problems {
            let document = serde_json::to_value(problem.document(Language::Korean)).unwrap_or_default();
            let count = examples
                .keys()
                .filter(|name| name.trim_end_matches(|end: char| end == '-' || end.is_ascii_digit()) == problem.slug())
                .count();
            let name = if count == 0 { problem.slug().to_owned() } else { format!("{}-{}", problem.slug(), count + 1) };
            examples.insert(name, json!({ "summary": problem.title(), "value": document }));
        }
        let mut titles: Vec<&str> = problems.iter().map(Problem::title).collect();
        titles.dedup();
        responses[status.as_str()] = json!({
            "description": titles.join(" · "),
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

/// Words of the contract as the description lists them: the events' own types must not depend on utoipa.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, ToSchema)]
        #[expect(missing_docs, reason = "only the description uses it; each variant is the word it is described as")]
        pub enum $name {
            $(#[schema(rename = $word)] $variant,)*
        }
    )*};
}

words! {
    /// 분야.
    CategoryName { Finance "금융" Technology "기술" Workforce "인력" Export "수출" Domestic "내수" Startup "창업" Management "경영" Other "기타" }
    /// 시도, or 전국.
    RegionName {
        Nationwide "전국" Seoul "서울" Busan "부산" Daegu "대구" Incheon "인천" Gwangju "광주" Daejeon "대전" Ulsan "울산" Sejong "세종"
        Gyeonggi "경기" Gangwon "강원" Chungbuk "충북" Chungnam "충남" Jeonbuk "전북" Jeonnam "전남" Gyeongbuk "경북" Gyeongnam "경남" Jeju "제주"
    }
    /// Planned, running, over.
    StatusName { Planned "planned" Ongoing "ongoing" Ended "ended" }
    /// 예정, 접수중, D-7 to D-day, 상시, 예산소진시, 마감, 종료.
    PhaseName {
        Upcoming "upcoming" Open "open" Closing "closing" Always "always" UntilBudget "until_budget" Closed "closed" Ended "ended"
    }
    /// How an application period is written.
    PeriodKindName {
        Range "range" UntilBudget "until_budget" Always "always" FirstCome "first_come" UntilFilled "until_filled"
        AnnouncedLater "announced_later" Varies "varies" Recurring "recurring" Invalid "invalid" Missing "missing" Other "other"
    }
    /// 신청, 승인, 성공, 실패, 취소.
    StepName { Apply "apply" Approved "approved" Succeeded "succeeded" Failed "failed" Cancelled "cancelled" }
    /// 영업대표 or 컨설턴트.
    PersonRoleName { Salesman "salesman" Consultant "consultant" }
    /// What somebody who is signed in may be.
    RoleName { Customer "customer" Staff "staff" Salesman "salesman" Consultant "consultant" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed<T: utoipa::PartialSchema>() -> Vec<String> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        texts(schema.get("enum")).map(str::to_owned).collect()
    }

    #[test]
    fn every_word_of_the_contract_is_described_and_no_other() {
        assert_eq!(listed::<CategoryName>(), events::Category::ALL.map(events::Category::as_str));
        assert_eq!(listed::<RegionName>(), events::Region::ALL.map(events::Region::as_str));
        assert_eq!(listed::<StatusName>(), events::ProjectStatus::ALL.map(events::ProjectStatus::as_str));
        assert_eq!(listed::<PhaseName>(), events::Phase::ALL.map(events::Phase::as_str));
        assert_eq!(listed::<PeriodKindName>(), events::PeriodKind::ALL.map(events::PeriodKind::as_str));
        assert_eq!(listed::<StepName>(), events::Step::ALL.map(events::Step::as_str));
        assert_eq!(listed::<PersonRoleName>(), ["salesman", "consultant"]);
        assert_eq!(listed::<RoleName>(), ["customer", "staff", "salesman", "consultant"]);
    }

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
    fn a_schema_that_leads_to_itself_has_an_end() {
        let schemas = json!({ "Loop": { "properties": { "again": { "$ref": "#/components/schemas/Loop" } } } });
        assert!(example(&json!({ "$ref": "#/components/schemas/Loop" }), &schemas, DEEPEST).is_object());
    }
}
