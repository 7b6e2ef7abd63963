//! The descriptions of routes, events and topics are complete and match the code. Needs no servers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use ktgg::contract::board::{Board, operations};
use ktgg::contract::policies::PolicyDocs;
use ktgg::contract::{self, short};
use serde_json::{Value, json};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Fails with all findings, so that one run shows everything to fix.
#[track_caller]
fn assert_none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} found:\n  {}",
        findings.len(),
        findings.join("\n  ")
    );
}

/// Checks every operation. Returns the findings, each with its operation.
fn check_operations(
    openapi: &Value,
    mut check: impl FnMut(&Value, &mut Vec<String>),
) -> Vec<String> {
    let mut all = Vec::new();
    for (path, method, operation) in operations(openapi) {
        let mut findings = Vec::new();
        check(operation, &mut findings);
        all.extend(
            findings
                .into_iter()
                .map(|finding| format!("{} {path}: {finding}", method.to_uppercase())),
        );
    }
    all
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// A validator of a schema, which may refer to components.
fn validator(schema: &Value, components: &Value) -> Validator {
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [schema], "components": components,
    });
    jsonschema::options()
        .should_validate_formats(true)
        .build(&document)
        .unwrap()
}

fn faults(schema: &Value, components: &Value, value: &Value) -> Vec<String> {
    let validator = validator(schema, components);
    validator
        .iter_errors(value)
        .map(|error| format!("{} at {:?}", error, error.instance_path().to_string()))
        .collect()
}

/// Every example of one content type: `example`, or `examples` by name.
fn examples(media: &Value) -> Vec<(&str, &Value)> {
    let one = media.get("example").map(|value| ("example", value));
    let many = media["examples"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, example)| (name.as_str(), &example["value"]));
    one.into_iter().chain(many).collect()
}

#[test]
fn every_operation_names_its_allowed_callers() {
    let openapi = ktgg::openapi();
    assert_none(&check_operations(&openapi, |operation, findings| {
        let actors = texts(&operation["x-actors"]);
        let known = ["anyone", "customer", "staff", "salesman", "consultant"];
        if actors.is_empty() || !actors.iter().all(|actor| known.contains(actor)) {
            findings.push(format!("x-actors is {}", operation["x-actors"]));
        }
    }));
}

#[test]
fn every_write_operation_names_its_command_and_events() {
    let openapi = ktgg::openapi();
    let events: BTreeSet<&str> = events::TYPES.iter().map(|name| short(name)).collect();
    let mut findings = Vec::new();
    for (path, method, operation) in operations(&openapi).filter(|(_, method, _)| *method != "get")
    {
        let at = format!("{} {path}", method.to_uppercase());
        let Some(command) = operation["x-command"].as_str() else {
            findings.push(format!("{at}: no x-command"));
            continue;
        };
        if !operation["summary"]
            .as_str()
            .unwrap_or_default()
            .starts_with(&format!("`{command}`"))
        {
            findings.push(format!(
                "{at}: its first line does not begin with `{command}`"
            ));
        }
        if !operation["x-events"].is_array() {
            findings.push(format!("{at}: no x-events, not even an empty list"));
        }
        findings.extend(
            texts(&operation["x-events"])
                .into_iter()
                .filter(|event| !events.contains(event))
                .map(|event| format!("{at}: no event {event}")),
        );
    }
    assert_none(&findings);
}

#[test]
fn every_body_has_an_example() {
    let openapi = ktgg::openapi();
    assert_none(&check_operations(&openapi, |operation, findings| {
        let no_example = |body: &Value| {
            body["content"]
                .get("application/json")
                .is_some_and(|media| examples(media).is_empty())
        };
        if no_example(&operation["requestBody"]) {
            findings.push("its body".to_owned());
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('2') && no_example(response) {
                findings.push(format!("its {status}"));
            }
        }
    }));
}

#[test]
fn every_example_matches_its_schema() {
    let openapi = ktgg::openapi();
    assert_none(&check_operations(&openapi, |operation, findings| {
        let responses = operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(status, response)| (status.as_str(), response));
        for (what, body) in responses.chain([("body", &operation["requestBody"])]) {
            for (kind, media) in body["content"].as_object().into_iter().flatten() {
                for (name, example) in examples(media) {
                    let faults = faults(&media["schema"], &openapi["components"], example);
                    findings.extend(
                        faults
                            .into_iter()
                            .map(|fault| format!("{what} {kind} {name}: {fault}")),
                    );
                }
            }
        }
    }));
}

#[test]
fn every_error_response_has_an_example_with_its_status() {
    let openapi = ktgg::openapi();
    assert_none(&check_operations(&openapi, |operation, findings| {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if !status.starts_with(['4', '5']) {
                continue;
            }
            let shown = examples(&response["content"]["application/problem+json"]);
            if shown.is_empty() {
                findings.push(format!("{status} has no example"));
            }
            for (name, example) in shown
                .into_iter()
                .filter(|(_, example)| example["status"].as_u64() != status.parse().ok())
            {
                findings.push(format!(
                    "{name} is an example of {status}, but its status is {}",
                    example["status"]
                ));
            }
        }
    }));
}

/// The slugs of the problems in the examples of an operation.
fn described_slugs(operation: &Value) -> BTreeSet<String> {
    let responses = operation["responses"]
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values);
    let examples =
        responses.flat_map(|response| examples(&response["content"]["application/problem+json"]));
    examples
        .filter_map(|(_, example)| {
            Some(
                example["type"]
                    .as_str()?
                    .strip_prefix("/problems/")?
                    .to_owned(),
            )
        })
        .collect()
}

#[test]
fn every_problem_that_an_operation_names_has_an_example() {
    let openapi = ktgg::openapi();
    assert_none(&check_operations(&openapi, |operation, findings| {
        let described = described_slugs(operation);
        findings.extend(
            texts(&operation["x-problems"])
                .into_iter()
                .filter(|slug| !described.contains(*slug))
                .map(|slug| format!("no example of {slug}")),
        );
    }));
}

#[test]
fn every_problem_in_the_sources_is_described() {
    // 405 is for a method that no operation has, and 500 for a fault of the server.
    const NOT_DESCRIBED: [&str; 2] = ["internal", "method-not-allowed"];
    // The whole text, because some problems are in the rows of a successful response.
    let text = ktgg::openapi().to_string();
    let described: BTreeSet<&str> = text
        .split("\"/problems/")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .collect();
    let mut sources = Vec::new();
    let services = ktgg::services();
    let crates = services
        .iter()
        .map(|service| format!("crates/{}", service.name()));
    for folder in crates.chain(["crates/service-kit".to_owned(), "gateway".to_owned()]) {
        read_sources(&root().join(folder).join("src"), &mut sources);
    }
    let in_sources: BTreeMap<String, PathBuf> = sources
        .iter()
        .flat_map(|(path, text)| slugs(text).into_iter().map(|slug| (slug, path.clone())))
        .collect();
    let unread: Vec<&&str> = described
        .iter()
        .filter(|slug| !in_sources.contains_key(**slug))
        .collect();
    assert_eq!(
        unread,
        Vec::<&&str>::new(),
        "`slugs` does not read the code that builds these problems"
    );
    let missing = in_sources.iter().filter(|(slug, _)| {
        !described.contains(slug.as_str()) && !NOT_DESCRIBED.contains(&slug.as_str())
    });
    assert_none(
        &missing
            .map(|(slug, path)| {
                format!(
                    "{slug} of {}",
                    path.strip_prefix(root()).unwrap_or(path).display()
                )
            })
            .collect::<Vec<_>>(),
    );
}

/// Reads the production code below a folder.
fn read_sources(folder: &Path, sources: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            let text = fs::read_to_string(&path).unwrap();
            let production = text.split("#[cfg(test)]").next().unwrap_or_default();
            sources.push((path, production.to_owned()));
        }
    }
}

/// The slugs of the problems that this code builds.
fn slugs(source: &str) -> Vec<String> {
    // With the index of the slug among the arguments.
    const CONSTRUCTORS: [(&str, usize); 4] = [
        ("Problem::new(", 1),
        ("Self::new(", 1),
        ("Problem::conflict(", 0),
        ("Self::conflict(", 0),
    ];
    let mut slugs = Vec::new();
    for (constructor, index) in CONSTRUCTORS {
        for (start, _) in source.match_indices(constructor) {
            let arguments = &source[start + constructor.len()..];
            // The arguments before the slug contain no comma.
            match arguments.split(',').nth(index).map(str::trim) {
                Some(argument) if argument.starts_with('"') => {
                    slugs.extend(literals(argument).take(1));
                }
                // One of the literals of the function, as in `let (slug, title) = match …`.
                Some("slug") => slugs.extend(literals(function_around(source, start))),
                _ => {}
            }
        }
    }
    slugs.retain(|slug| is_slug(slug));
    slugs
}

/// The function that contains the position, without what follows it.
fn function_around(source: &str, position: usize) -> &str {
    let start = source[..position].rfind("fn ").unwrap_or(0);
    let length = source[position..].find("fn ");
    &source[start..length.map_or(source.len(), |length| position + length)]
}

/// Every other part between quotes. Enough for code without quotes in its literals.
fn literals(code: &str) -> impl Iterator<Item = String> {
    code.split('"').skip(1).step_by(2).map(str::to_owned)
}

fn is_slug(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (text.contains('-') || text == "internal") && text.bytes().all(is_allowed)
}

#[test]
fn slugs_of_all_constructors_are_read() {
    let source = r#"
        fn not_found() -> Self {
            Self::new(
                StatusCode::NOT_FOUND,
                "not-found",
                Text::new("찾을 수 없습니다", "Not found"),
            )
        }
        fn other() { let name = "not-a-problem"; Fault::new(None, "not-this", name) }
        fn conflict() { Problem::conflict("one-conflict", title).with("current", 1) }
        fn from(refusal: Refusal) -> Self {
            let (slug, en) = match refusal {
                Refusal::Closed => ("is-closed", "It is closed"),
                Refusal::Erased => ("is-erased", "It is erased"),
            };
            Self::conflict(slug, Text::new(ko, en))
        }
        fn closure() {
            let conflict = |slug, ko| Self::conflict(slug, Text::new(ko, en));
            conflict("from-closure", "안내")
        }
        fn new(slug: &'static str) { Self::new(StatusCode::CONFLICT, slug, title) }"#;
    let read: BTreeSet<String> = slugs(source).into_iter().collect();
    let expected = [
        "from-closure",
        "is-closed",
        "is-erased",
        "not-found",
        "one-conflict",
    ];
    assert_eq!(read, expected.map(str::to_owned).into());
}

#[test]
fn references_resolve_and_operation_ids_are_unique() {
    let openapi = ktgg::openapi();
    let mut findings = Vec::new();
    unresolved_references(&openapi, &openapi, &mut findings);
    let asyncapi = contract::asyncapi(&PolicyDocs::read(&root()).unwrap());
    unresolved_references(&asyncapi, &asyncapi, &mut findings);
    let mut ids = BTreeSet::new();
    findings.extend(check_operations(&openapi, |operation, findings| {
        if !ids.insert(operation["operationId"].to_string()) {
            findings.push(format!("the id {} is not unique", operation["operationId"]));
        }
    }));
    assert_none(&findings);
}

fn unresolved_references(value: &Value, document: &Value, findings: &mut Vec<String>) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| unresolved_references(item, document, findings)),
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str)
                && reference
                    .strip_prefix('#')
                    .and_then(|pointer| document.pointer(pointer))
                    .is_none()
            {
                findings.push(format!("{reference} does not resolve"));
            }
            fields
                .values()
                .for_each(|field| unresolved_references(field, document, findings));
        }
        _ => {}
    }
}

#[test]
fn every_event_has_a_schema_that_its_golden_file_matches() {
    let described = events::schema::all();
    assert_eq!(
        described
            .iter()
            .map(|event| event.type_name)
            .collect::<Vec<_>>(),
        events::TYPES
    );
    let mut findings = Vec::new();
    for event in &described {
        let schema = contract::schema(event);
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        let golden = contract::golden(event);
        assert!(golden.is_object(), "{} has no golden file", event.type_name);
        findings.extend(
            validator
                .iter_errors(&golden)
                .map(|error| format!("{}: {error}", event.type_name)),
        );
        // The check would be void with a schema that accepts anything.
        assert!(
            !validator.is_valid(&json!({})),
            "the schema of {} accepts anything",
            event.type_name
        );
    }
    assert_none(&findings);
}

#[test]
fn event_schemas_have_every_field_and_none_is_nullable() {
    for event in &events::schema::all() {
        let schema = contract::schema(event);
        for (field, value) in contract::golden(event).as_object().unwrap() {
            assert!(
                schema["properties"].get(field).is_some(),
                "{} does not describe {field}",
                event.type_name
            );
            let mut with_null = contract::golden(event);
            with_null[field] = Value::Null;
            assert!(
                !jsonschema::is_valid(&schema, &with_null),
                "{}: {field} may be null; the golden file has {value}",
                event.type_name
            );
        }
    }
}

#[test]
fn every_record_example_matches_its_message_schema() {
    let asyncapi = contract::asyncapi(&PolicyDocs::read(&root()).unwrap());
    let components = &asyncapi["components"];
    let mut findings = Vec::new();
    for (name, message) in components["messages"].as_object().unwrap() {
        let example = &message["examples"][0];
        for part in ["headers", "payload"] {
            findings.extend(
                faults(&message[part], components, &example[part])
                    .into_iter()
                    .map(|fault| format!("{name} {part}: {fault}")),
            );
        }
        for header in example["headers"].as_object().unwrap().keys() {
            assert!(
                components["schemas"]["Headers"]["properties"]
                    .get(header)
                    .is_some(),
                "{header} is not described"
            );
        }
        // The payload of an example contains the id that is its key.
        assert!(
            example["payload"]
                .as_object()
                .unwrap()
                .values()
                .any(|field| *field == example["headers"]["ce_subject"]),
            "{name}"
        );
    }
    assert_none(&findings);
}

#[test]
fn every_topic_has_a_sender_and_policies_receive_their_events() {
    let asyncapi = contract::asyncapi(&PolicyDocs::read(&root()).unwrap());
    let operations = asyncapi["operations"].as_object().unwrap();
    for service in &ktgg::services() {
        let name = service.name();
        assert_eq!(operations[&format!("{name}_send")]["action"], "send");
        for (type_name, _) in service.policies() {
            let is_received = operations.iter().any(|(operation, details)| {
                let messages = details["messages"].as_array().unwrap();
                operation.starts_with(&format!("{name}_receive_"))
                    && messages.iter().any(|message| {
                        message["$ref"]
                            .as_str()
                            .unwrap()
                            .ends_with(&format!("/{}", short(type_name)))
                    })
            });
            assert!(
                is_received,
                "{name} has a policy for {type_name}, but does not receive it"
            );
        }
    }
}

#[test]
fn every_event_has_a_cause_and_every_policy_is_documented() {
    let policy_docs = PolicyDocs::read(&root()).unwrap();
    let board = Board::gather(&ktgg::openapi(), &ktgg::services(), &policy_docs);
    let by_commands = board
        .lanes
        .iter()
        .flat_map(|lane| &lane.commands)
        .flat_map(|command| &command.events);
    let caused: BTreeSet<&str> = by_commands
        .chain(board.policies().flat_map(|(_, policy)| &policy.causes))
        .map(String::as_str)
        .collect();
    let published: BTreeSet<&str> = board
        .events()
        .map(|(_, event)| event.name.as_str())
        .collect();
    let mut findings: Vec<String> = published
        .difference(&caused)
        .map(|event| format!("nothing causes {event}"))
        .collect();
    findings.extend(
        caused
            .difference(&published)
            .map(|event| format!("{event} is caused, but is not an event")),
    );
    for service in &ktgg::services() {
        let undocumented = service
            .policies()
            .iter()
            .filter(|(_, function)| policy_docs.of(service.name(), function).summary.is_empty());
        findings.extend(undocumented.map(|(_, function)| {
            format!(
                "{}: {function} has no comment \"`Name`: whenever …\"",
                service.name()
            )
        }));
    }
    // Every command of a service is in a lane. The gateway publishes no events.
    let (openapi, services) = (ktgg::openapi(), ktgg::services());
    let described: Vec<Value> = services
        .iter()
        .map(service_kit::Service::description)
        .collect();
    let is_of_a_service = |path: &str, method: &str| {
        let is_this = |operation: &Value| operation.is_object() && operation["x-internal"] != true;
        described
            .iter()
            .any(|document| is_this(&document["paths"][path.trim_start_matches("/api")][method]))
    };
    let mut commands = BTreeSet::new();
    for (path, method, operation) in operations(&openapi) {
        if is_of_a_service(path, method) {
            commands.extend(operation["x-command"].as_str());
        } else if !texts(&operation["x-events"]).is_empty() {
            findings.push(format!(
                "{path} is an operation of the gateway, which publishes nothing"
            ));
        }
    }
    let drawn: BTreeSet<&str> = board
        .lanes
        .iter()
        .flat_map(|lane| &lane.commands)
        .map(|command| command.name.as_str())
        .collect();
    findings.extend(
        commands
            .difference(&drawn)
            .map(|command| format!("{command} is in no lane")),
    );
    assert_none(&findings);
}

/// The commands of the original event storming, and the one that moves a consultation, each with a
/// role that it names.
#[test]
fn every_command_of_the_seed_is_an_operation() {
    let openapi = ktgg::openapi();
    for (command, actor) in [
        ("CreateProject", "staff"),
        ("StartProject", "staff"),
        ("EndProject", "staff"),
        ("EditProject", "staff"),
        ("CreateInterest", "customer"),
        ("UpdateInterest", "customer"),
        ("CreateConsultation", "customer"),
        ("EditConsultation", "customer"),
        ("ProgressConsultation", "salesman"),
        ("MatchSalesman", "staff"),
    ] {
        let is_this = |operation: &Value| {
            operation["x-command"] == command && texts(&operation["x-actors"]).contains(&actor)
        };
        assert!(
            operations(&openapi)
                .into_iter()
                .any(|(_, _, operation)| is_this(operation)),
            "{command} by {actor}"
        );
    }
}
