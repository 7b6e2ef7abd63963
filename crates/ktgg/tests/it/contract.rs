//! What others are told of the routes, the events and the topics is whole, and true as far as a program can see. Needs no servers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use ktgg::contract::board::{Board, operations};
use ktgg::contract::policies::PolicyDocs;
use ktgg::contract::{self, short};
use serde_json::{Value, json};

/// The checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Fails with everything that was found, so that one run shows all there is to mend.
#[track_caller]
fn assert_none(found: &[String]) {
    assert!(
        found.is_empty(),
        "{} found:\n  {}",
        found.len(),
        found.join("\n  ")
    );
}

/// A problem of each operation that has one, with the operation's name in front.
fn over_operations(openapi: &Value, mut look: impl FnMut(&Value, &mut Vec<String>)) -> Vec<String> {
    let mut all = Vec::new();
    for (path, method, operation) in operations(openapi) {
        let mut found = Vec::new();
        look(operation, &mut found);
        all.extend(
            found
                .into_iter()
                .map(|it| format!("{} {path}: {it}", method.to_uppercase())),
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

/// What a value must be where this schema is, which may refer to components.
fn validator(schema: &Value, components: &Value) -> Validator {
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema], "components": components,
    });
    jsonschema::options()
        .should_validate_formats(true)
        .build(&whole)
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
fn every_operation_says_who_may_call_it() {
    let openapi = ktgg::openapi();
    assert_none(&over_operations(&openapi, |operation, found| {
        let actors = texts(&operation["x-actors"]);
        let known = ["anyone", "customer", "staff", "salesman", "consultant"];
        if actors.is_empty() || !actors.iter().all(|actor| known.contains(actor)) {
            found.push(format!("x-actors is {}", operation["x-actors"]));
        }
    }));
}

#[test]
fn every_operation_that_changes_something_is_a_command_with_its_events() {
    let openapi = ktgg::openapi();
    let events: BTreeSet<&str> = events::TYPES.iter().map(|name| short(name)).collect();
    let mut found = Vec::new();
    for (path, method, operation) in operations(&openapi).filter(|(_, method, _)| *method != "get")
    {
        let at = format!("{} {path}", method.to_uppercase());
        let Some(command) = operation["x-command"].as_str() else {
            found.push(format!("{at}: no x-command"));
            continue;
        };
        if !operation["summary"]
            .as_str()
            .unwrap_or_default()
            .starts_with(&format!("`{command}`"))
        {
            found.push(format!(
                "{at}: its first line does not begin with `{command}`"
            ));
        }
        if !operation["x-events"].is_array() {
            found.push(format!("{at}: no x-events, not even an empty list"));
        }
        found.extend(
            texts(&operation["x-events"])
                .into_iter()
                .filter(|event| !events.contains(event))
                .map(|event| format!("{at}: no event {event}")),
        );
    }
    assert_none(&found);
}

#[test]
fn every_body_has_an_example() {
    let openapi = ktgg::openapi();
    assert_none(&over_operations(&openapi, |operation, found| {
        let no_example = |body: &Value| {
            body["content"]
                .get("application/json")
                .is_some_and(|media| examples(media).is_empty())
        };
        if no_example(&operation["requestBody"]) {
            found.push("its body".to_owned());
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('2') && no_example(response) {
                found.push(format!("its {status}"));
            }
        }
    }));
}

#[test]
fn every_example_is_what_its_schema_says() {
    let openapi = ktgg::openapi();
    assert_none(&over_operations(&openapi, |operation, found| {
        let responses = operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(status, response)| (status.as_str(), response));
        for (what, body) in responses.chain([("body", &operation["requestBody"])]) {
            for (kind, media) in body["content"].as_object().into_iter().flatten() {
                for (name, example) in examples(media) {
                    let faults = faults(&media["schema"], &openapi["components"], example);
                    found.extend(
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
fn every_refusal_is_shown_as_it_is_answered() {
    let openapi = ktgg::openapi();
    assert_none(&over_operations(&openapi, |operation, found| {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if !status.starts_with(['4', '5']) {
                continue;
            }
            let shown = examples(&response["content"]["application/problem+json"]);
            if shown.is_empty() {
                found.push(format!("{status} has no example"));
            }
            for (name, example) in shown
                .into_iter()
                .filter(|(_, example)| example["status"].as_u64() != status.parse().ok())
            {
                found.push(format!(
                    "{name} is shown at {status} and says {}",
                    example["status"]
                ));
            }
        }
    }));
}

/// Slugs of all problems that an operation, or any, is described with.
fn shown(operation: &Value) -> BTreeSet<String> {
    let responses = operation["responses"]
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values);
    let shown =
        responses.flat_map(|response| examples(&response["content"]["application/problem+json"]));
    shown
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
fn every_problem_that_an_operation_names_is_one_of_its_services() {
    let openapi = ktgg::openapi();
    assert_none(&over_operations(&openapi, |operation, found| {
        let shown = shown(operation);
        found.extend(
            texts(&operation["x-problems"])
                .into_iter()
                .filter(|slug| !shown.contains(*slug))
                .map(|slug| format!("no example of {slug}")),
        );
    }));
}

#[test]
fn every_problem_of_the_sources_is_shown_somewhere() {
    // Nobody plans for them: 405 is for a method that no operation has, and 500 is a fault of ours.
    const NOT_LISTED: [&str; 2] = ["internal", "method-not-allowed"];
    let openapi = ktgg::openapi();
    // Also in the answer about many things that says what became of each.
    let text = openapi.to_string();
    let mut sources = Vec::new();
    let services = ktgg::services();
    let crates = services
        .iter()
        .map(|service| format!("crates/{}", service.name()));
    for folder in crates.chain(["crates/service-kit".to_owned(), "gateway".to_owned()]) {
        read_sources(&root().join(folder).join("src"), &mut sources);
    }
    let said: BTreeMap<String, PathBuf> = sources
        .iter()
        .flat_map(|(path, text)| slugs(text).map(|slug| (slug, path.clone())))
        .collect();
    assert!(
        said.contains_key("not-found"),
        "the sources were not read as they are written"
    );
    let missing = said.iter().filter(|(slug, _)| {
        !text.contains(&format!("\"/problems/{slug}\"")) && !NOT_LISTED.contains(&slug.as_str())
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

fn read_sources(folder: &Path, sources: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            sources.push((
                path,
                text.split("#[cfg(test)]")
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            ));
        }
    }
}

/// What is given as a text to whatever makes a problem.
fn slugs(source: &str) -> impl Iterator<Item = String> {
    const MAKERS: [&str; 4] = [
        "Problem::new(",
        "Problem::conflict(",
        "Self::new(StatusCode",
        "Self::conflict(",
    ];
    let calls = MAKERS.iter().flat_map(|maker| source.split(maker).skip(1));
    let text = |call: &str| Some(call.split_once('"')?.1.split_once('"')?.0.to_owned());
    let slug = |text: &String| text.contains('-') || text == "internal";
    let found: Vec<String> = calls
        .filter_map(text)
        .filter(slug)
        .filter(|slug| {
            slug.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
        .collect();
    found.into_iter()
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    let openapi = ktgg::openapi();
    let mut found = Vec::new();
    lost_references(&openapi, &openapi, &mut found);
    let asyncapi = contract::asyncapi(&PolicyDocs::read(&root()).unwrap());
    lost_references(&asyncapi, &asyncapi, &mut found);
    let mut ids = BTreeSet::new();
    found.extend(over_operations(&openapi, |operation, found| {
        if !ids.insert(operation["operationId"].to_string()) {
            found.push(format!(
                "{} is another operation's name too",
                operation["operationId"]
            ));
        }
    }));
    assert_none(&found);
}

fn lost_references(value: &Value, whole: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| lost_references(item, whole, found)),
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str)
                && reference
                    .strip_prefix('#')
                    .and_then(|pointer| whole.pointer(pointer))
                    .is_none()
            {
                found.push(format!("{reference} leads nowhere"));
            }
            fields
                .values()
                .for_each(|field| lost_references(field, whole, found));
        }
        _ => {}
    }
}

#[test]
fn every_event_is_described_and_its_golden_file_is_what_its_schema_says() {
    let described = events::schema::all();
    assert_eq!(
        described
            .iter()
            .map(|event| event.type_name)
            .collect::<Vec<_>>(),
        events::TYPES
    );
    let mut found = Vec::new();
    for event in &described {
        let schema = contract::schema(event);
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        let golden = contract::golden(event);
        assert!(golden.is_object(), "{} has no golden file", event.type_name);
        found.extend(
            validator
                .iter_errors(&golden)
                .map(|error| format!("{}: {error}", event.type_name)),
        );
        // A schema that anything fits would prove nothing.
        assert!(
            !validator.is_valid(&json!({})),
            "{} asks for nothing",
            event.type_name
        );
    }
    assert_none(&found);
}

#[test]
fn a_schema_describes_every_field_that_is_written_and_none_of_them_as_null() {
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
                "{}: {field} may be null, and was {value}",
                event.type_name
            );
        }
    }
}

#[test]
fn every_record_that_the_topics_show_is_what_they_say() {
    let asyncapi = contract::asyncapi(&PolicyDocs::read(&root()).unwrap());
    let components = &asyncapi["components"];
    let mut found = Vec::new();
    for (name, message) in components["messages"].as_object().unwrap() {
        let example = &message["examples"][0];
        for part in ["headers", "payload"] {
            found.extend(
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
        // The key of an example is the id that its payload names.
        assert!(
            example["payload"]
                .as_object()
                .unwrap()
                .values()
                .any(|field| *field == example["headers"]["ce_subject"]),
            "{name}"
        );
    }
    assert_none(&found);
}

#[test]
fn every_topic_has_who_writes_it_and_whoever_reacts_reads_it() {
    let asyncapi = contract::asyncapi(&PolicyDocs::read(&root()).unwrap());
    let operations = asyncapi["operations"].as_object().unwrap();
    for service in &ktgg::services() {
        let name = service.name();
        assert_eq!(operations[&format!("{name}_send")]["action"], "send");
        for (type_name, _) in service.policies() {
            let is_read = operations.iter().any(|(operation, it)| {
                let messages = it["messages"].as_array().unwrap();
                operation.starts_with(&format!("{name}_receive_"))
                    && messages.iter().any(|message| {
                        message["$ref"]
                            .as_str()
                            .unwrap()
                            .ends_with(&format!("/{}", short(type_name)))
                    })
            });
            assert!(is_read, "{name} reacts to {type_name} and does not read it");
        }
    }
}

#[test]
fn every_event_is_caused_by_a_command_or_a_policy_and_every_policy_says_what_it_does() {
    let said = PolicyDocs::read(&root()).unwrap();
    let board = Board::gather(&ktgg::openapi(), &ktgg::services(), &said);
    let by_commands = board
        .lanes
        .iter()
        .flat_map(|lane| &lane.commands)
        .flat_map(|command| &command.events);
    let caused: BTreeSet<&str> = by_commands
        .chain(board.policies().flat_map(|(_, policy)| &policy.causes))
        .map(String::as_str)
        .collect();
    let happening: BTreeSet<&str> = board
        .events()
        .map(|(_, event)| event.name.as_str())
        .collect();
    let mut found: Vec<String> = happening
        .difference(&caused)
        .map(|event| format!("nothing causes {event}"))
        .collect();
    found.extend(
        caused
            .difference(&happening)
            .map(|event| format!("{event} is caused, and is no event")),
    );
    for service in &ktgg::services() {
        let silent = service
            .policies()
            .iter()
            .filter(|(_, function)| said.of(service.name(), function).summary.is_empty());
        found.extend(silent.map(|(_, function)| {
            format!(
                "{}: {function} has no comment \"`Name`: whenever …\"",
                service.name()
            )
        }));
    }
    // Every command of a service belongs to a lane: its tag is its service. Whom the gateway lets in is no event of the domain.
    let (openapi, services) = (ktgg::openapi(), ktgg::services());
    let described: Vec<Value> = services
        .iter()
        .map(service_kit::Service::description)
        .collect();
    let is_of_a_service = |path: &str, method: &str| {
        let is_this = |operation: &Value| operation.is_object() && operation["x-internal"] != true;
        described
            .iter()
            .any(|it| is_this(&it["paths"][path.trim_start_matches("/api")][method]))
    };
    let mut commands = BTreeSet::new();
    for (path, method, operation) in operations(&openapi) {
        if is_of_a_service(path, method) {
            commands.extend(operation["x-command"].as_str());
        } else if !texts(&operation["x-events"]).is_empty() {
            found.push(format!("{path} is the gateway's, which publishes nothing"));
        }
    }
    let drawn: BTreeSet<&str> = board
        .lanes
        .iter()
        .flat_map(|lane| &lane.commands)
        .map(|command| command.name.as_str())
        .collect();
    found.extend(
        commands
            .difference(&drawn)
            .map(|command| format!("{command} is in no lane")),
    );
    assert_none(&found);
}

/// The commands of the event storming the product began with, and the one that moves a consultation, each by the role it names.
#[test]
fn every_command_of_the_seed_is_a_route() {
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
        let is_it = |operation: &Value| {
            operation["x-command"] == command && texts(&operation["x-actors"]).contains(&actor)
        };
        assert!(
            operations(&openapi)
                .into_iter()
                .any(|(_, _, operation)| is_it(operation)),
            "{command} by {actor}"
        );
    }
}
