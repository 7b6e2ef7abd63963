//! The event-storming board, gathered from the code: actors, commands, events and policies.

use std::collections::{BTreeMap, BTreeSet};

use events::schema::{self, EventSchema};
use events::{Topic, TypeName};
use serde_json::{Map, Value};
use service_kit::Service;

use super::names::{first_sentence, pascal, short};
use super::policies::PolicyDocs;

/// All lanes of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// One lane per service, in the order in which a programme becomes a consultation.
    pub lanes: Vec<Lane>,
}

/// One service with its aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    pub service: String,
    pub aggregate: String,
    pub commands: Vec<Command>,
    pub events: Vec<Event>,
    pub policies: Vec<Policy>,
}

/// A command. Several routes may lead to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    pub name: String,
    pub actors: Vec<String>,
    /// Method and path of each route.
    pub routes: Vec<String>,
    pub summary: String,
    /// Short names of the events that it can cause.
    pub events: Vec<String>,
}

/// A type of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Policies refer to events by number: 1, 2, 3, … over the whole board.
    pub number: usize,
    /// The short name.
    pub name: String,
    /// The type's name with its version.
    pub type_name: TypeName,
    pub summary: String,
}

/// A policy with everything that it reacts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub name: String,
    /// Numbers of the events; none when it reacts to the clock.
    pub whenever: Vec<usize>,
    /// Short names of the events that it causes.
    pub causes: Vec<String>,
    /// Each summary once, with the numbers of the events that it is about.
    pub summaries: Vec<(Vec<usize>, String)>,
}

impl Board {
    /// Gathers the board from the merged description, the services and their policies' docs.
    pub fn gather(openapi: &Value, services: &[Service], docs: &PolicyDocs) -> Self {
        let events = schema::all();
        let numbers: BTreeMap<TypeName, usize> = Topic::ALL
            .iter()
            .flat_map(|topic| of_topic(&events, *topic))
            .map(|event| event.type_name)
            .zip(1..)
            .collect();
        let mut commands = commands(openapi);
        let lane = |topic: Topic| {
            let name = topic.aggregate();
            let service = services.iter().find(|service| service.name() == name);
            Lane {
                service: topic.to_string(),
                aggregate: pascal(name),
                commands: commands.remove(name).unwrap_or_default(),
                events: of_topic(&events, topic)
                    .map(|event| card(event, &numbers))
                    .collect(),
                policies: service
                    .map(|it| policies(it, docs, &numbers))
                    .unwrap_or_default(),
            }
        };
        Self {
            lanes: Topic::ALL.into_iter().map(lane).collect(),
        }
    }

    /// All events with the service that publishes them.
    pub fn events(&self) -> impl Iterator<Item = (&Lane, &Event)> {
        self.lanes
            .iter()
            .flat_map(|lane| lane.events.iter().map(move |event| (lane, event)))
    }

    /// All policies with their service.
    pub fn policies(&self) -> impl Iterator<Item = (&Lane, &Policy)> {
        self.lanes
            .iter()
            .flat_map(|lane| lane.policies.iter().map(move |policy| (lane, policy)))
    }
}

/// The events of one topic.
pub(super) fn of_topic(events: &[EventSchema], topic: Topic) -> impl Iterator<Item = &EventSchema> {
    events.iter().filter(move |event| event.topic == topic)
}

fn card(event: &EventSchema, numbers: &BTreeMap<TypeName, usize>) -> Event {
    let description = event.schema.as_value()["description"]
        .as_str()
        .unwrap_or_default();
    Event {
        number: numbers.get(event.type_name).copied().unwrap_or_default(),
        name: short(event.type_name).to_owned(),
        type_name: event.type_name,
        summary: first_sentence(description),
    }
}

/// The commands of each service, in the order of their paths.
fn commands(openapi: &Value) -> BTreeMap<String, Vec<Command>> {
    let mut by_service: BTreeMap<String, Vec<Command>> = BTreeMap::new();
    for (path, method, operation) in operations(openapi) {
        let Some(name) = operation["x-command"].as_str() else {
            continue;
        };
        let service = operation["tags"][0].as_str().unwrap_or_default().to_owned();
        let commands = by_service.entry(service).or_default();
        let index = commands
            .iter()
            .position(|command| command.name == name)
            .unwrap_or_else(|| {
                commands.push(Command {
                    name: name.to_owned(),
                    ..Command::default()
                });
                commands.len() - 1
            });
        let command = &mut commands[index];
        let summary = operation["summary"].as_str().unwrap_or_default();
        // A command with several routes has the summary that begins with its name, if there is one.
        if let Some(summary) = summary.strip_prefix(&format!("`{name}`:")) {
            summary.trim().clone_into(&mut command.summary);
        } else if command.summary.is_empty() {
            summary.clone_into(&mut command.summary);
        }
        command
            .routes
            .push(format!("{} {path}", method.to_uppercase()));
        extend(&mut command.actors, &operation["x-actors"]);
        extend(&mut command.events, &operation["x-events"]);
    }
    by_service
}

/// Every operation with its path and method.
pub fn operations(openapi: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let items = openapi["paths"].as_object().into_iter().flatten();
    items.flat_map(|(path, item)| {
        item.as_object()
            .into_iter()
            .flat_map(Map::iter)
            .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// Adds the texts of a JSON array that are not in the list yet.
fn extend(texts: &mut Vec<String>, more: &Value) {
    for text in more
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !texts.iter().any(|existing| existing == text) {
            texts.push(text.to_owned());
        }
    }
}

/// The policies of a service by name. Functions that share a name are one policy.
fn policies(
    service: &Service,
    docs: &PolicyDocs,
    numbers: &BTreeMap<TypeName, usize>,
) -> Vec<Policy> {
    let registered = service.policies();
    let by_event = registered
        .iter()
        .map(|(type_name, function)| (docs.of(service.name(), function), numbers.get(type_name)));
    let by_clock = docs
        .in_service(service.name())
        .filter(|(function, _)| !registered.iter().any(|(_, name)| name == function))
        .map(|(_, policy)| (policy.clone(), None));
    let mut summaries: BTreeMap<String, BTreeMap<String, BTreeSet<usize>>> = BTreeMap::new();
    let mut causes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (doc, number) in by_event.chain(by_clock) {
        causes
            .entry(doc.name.clone())
            .or_default()
            .extend(doc.causes);
        summaries
            .entry(doc.name)
            .or_default()
            .entry(doc.summary)
            .or_default()
            .extend(number);
    }
    let policy = |(name, summaries): (String, BTreeMap<String, BTreeSet<usize>>)| {
        let whenever: BTreeSet<usize> = summaries.values().flatten().copied().collect();
        let mut summaries: Vec<(Vec<usize>, String)> = summaries
            .into_iter()
            .map(|(summary, numbers)| (numbers.into_iter().collect(), summary))
            .collect();
        summaries.sort();
        Policy {
            causes: causes
                .remove(&name)
                .unwrap_or_default()
                .into_iter()
                .collect(),
            name,
            whenever: whenever.into_iter().collect(),
            summaries,
        }
    };
    let mut policies: Vec<Policy> = summaries.into_iter().map(policy).collect();
    // In the order of the events; policies that react to the clock come last.
    policies.sort_by_key(|policy| {
        (
            policy.whenever.is_empty(),
            policy.whenever.clone(),
            policy.name.clone(),
        )
    });
    policies
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_with_two_routes_is_one_note() {
        let openapi = json!({ "paths": {
            "/api/consultations/{id}/progress": { "post": {
                "tags": ["consultation"],
                "summary": "`ProgressConsultation`: move it.",
                "x-command": "ProgressConsultation",
                "x-actors": ["staff", "salesman"],
                "x-events": ["ConsultationProgressed"],
            } },
            "/api/consultations/{id}/cancel": { "post": {
                "tags": ["consultation"],
                "summary": "Cancel it.",
                "x-command": "ProgressConsultation",
                "x-actors": ["customer", "staff"],
                "x-events": ["ConsultationProgressed"],
            } },
            "/api/consultations": { "get": {
                "tags": ["consultation"],
                "x-actors": ["customer"],
            } },
        } });
        let commands = &commands(&openapi)["consultation"];
        assert_eq!(commands.len(), 1);
        assert_eq!(commands[0].actors, ["customer", "staff", "salesman"]);
        assert_eq!(commands[0].events, ["ConsultationProgressed"]);
        assert_eq!(
            (commands[0].routes.len(), commands[0].summary.as_str()),
            (2, "move it.")
        );
    }
}
