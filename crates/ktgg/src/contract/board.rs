//! The board of an event storming, put together from the code: who does what, what happens then, and who reacts.

use std::collections::{BTreeMap, BTreeSet};

use events::schema::{self, Described};
use events::{Topic, TypeName};
use serde_json::{Map, Value};
use service_kit::Service;

use super::policies::Said;
use super::{first_sentence, short};

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// One lane for each service, in the order in which a programme becomes a consultation.
    pub lanes: Vec<Lane>,
}

/// One service with its aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The service.
    pub service: String,
    /// The aggregate it owns.
    pub aggregate: String,
    /// What can be asked of it.
    pub commands: Vec<Command>,
    /// What happens to it.
    pub events: Vec<Happening>,
    /// How it reacts to what happens here and elsewhere.
    pub policies: Vec<Reaction>,
}

/// A command, however many routes lead to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The domain's name.
    pub name: String,
    /// Who may give it.
    pub actors: Vec<String>,
    /// Method and path of each route.
    pub routes: Vec<String>,
    /// What it does, in the words of a route.
    pub does: String,
    /// Short names of what can happen then.
    pub events: Vec<String>,
}

/// A type of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// By this policies refer to it: 1, 2, 3, … over the whole board.
    pub number: usize,
    /// The short name.
    pub name: String,
    /// The type's name with its version.
    pub type_name: TypeName,
    /// What it tells, in one sentence.
    pub tells: String,
}

/// A policy with everything that makes it react.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The domain's name.
    pub name: String,
    /// Numbers of the events; none when it reacts to the clock.
    pub whenever: Vec<usize>,
    /// Short names of the events that follow from it.
    pub causes: Vec<String>,
    /// What it does, by the event that makes it; the same sentence for several is there once.
    pub does: Vec<(Vec<usize>, String)>,
}

impl Board {
    /// Gathers it from the merged description, the services and the comments of their policies.
    pub fn gather(openapi: &Value, services: &[Service], said: &Said) -> Self {
        let events = schema::all();
        let numbers: BTreeMap<TypeName, usize> = Topic::ALL
            .iter()
            .flat_map(|topic| of_topic(&events, *topic))
            .map(|event| event.type_name)
            .zip(1..)
            .collect();
        let mut commands = commands(openapi);
        let lane = |topic: Topic| {
            let service = services
                .iter()
                .find(|service| service.name() == topic.aggregate());
            Lane {
                service: topic.to_string(),
                aggregate: pascal(topic.aggregate()),
                commands: commands.remove(topic.aggregate()).unwrap_or_default(),
                events: of_topic(&events, topic)
                    .map(|event| happening(event, &numbers))
                    .collect(),
                policies: service
                    .map(|service| reactions(service, said, &numbers))
                    .unwrap_or_default(),
            }
        };
        Self {
            lanes: Topic::ALL.into_iter().map(lane).collect(),
        }
    }

    /// All events with the service that publishes them.
    pub fn events(&self) -> impl Iterator<Item = (&Lane, &Happening)> {
        self.lanes
            .iter()
            .flat_map(|lane| lane.events.iter().map(move |event| (lane, event)))
    }

    /// All policies with the service they are in.
    pub fn policies(&self) -> impl Iterator<Item = (&Lane, &Reaction)> {
        self.lanes
            .iter()
            .flat_map(|lane| lane.policies.iter().map(move |policy| (lane, policy)))
    }
}

fn of_topic(events: &[Described], topic: Topic) -> impl Iterator<Item = &Described> {
    events.iter().filter(move |event| event.topic == topic)
}

fn happening(event: &Described, numbers: &BTreeMap<TypeName, usize>) -> Happening {
    let description = event.schema.as_value()["description"]
        .as_str()
        .unwrap_or_default();
    Happening {
        number: numbers.get(event.type_name).copied().unwrap_or_default(),
        name: short(event.type_name).to_owned(),
        type_name: event.type_name,
        tells: first_sentence(description),
    }
}

/// The commands of each service, in the order of their paths.
fn commands(openapi: &Value) -> BTreeMap<String, Vec<Command>> {
    let mut found: BTreeMap<String, Vec<Command>> = BTreeMap::new();
    for (path, method, operation) in operations(openapi) {
        let Some(name) = operation["x-command"].as_str() else {
            continue;
        };
        let service = operation["tags"][0].as_str().unwrap_or_default().to_owned();
        let commands = found.entry(service).or_default();
        let at = commands
            .iter()
            .position(|command| command.name == name)
            .unwrap_or_else(|| {
                commands.push(Command {
                    name: name.to_owned(),
                    ..Command::default()
                });
                commands.len() - 1
            });
        let command = &mut commands[at];
        let summary = operation["summary"].as_str().unwrap_or_default();
        // The route that says it plainly; another may say that it does it many times.
        if let Some(does) = summary.strip_prefix(&format!("`{name}`:")) {
            does.trim().clone_into(&mut command.does);
        } else if command.does.is_empty() {
            summary.clone_into(&mut command.does);
        }
        command
            .routes
            .push(format!("{} {path}", method.to_uppercase()));
        add_new(&mut command.actors, &operation["x-actors"]);
        add_new(&mut command.events, &operation["x-events"]);
    }
    found
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

fn add_new(texts: &mut Vec<String>, more: &Value) {
    for text in more
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !texts.iter().any(|there| there == text) {
            texts.push(text.to_owned());
        }
    }
}

/// The policies of a service by name: one function for each type of event is still one policy.
fn reactions(service: &Service, said: &Said, numbers: &BTreeMap<TypeName, usize>) -> Vec<Reaction> {
    let mut by_name: BTreeMap<String, BTreeMap<String, BTreeSet<usize>>> = BTreeMap::new();
    let mut causes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (type_name, function) in service.policies() {
        let policy = said.of(service.name(), function);
        causes
            .entry(policy.name.clone())
            .or_default()
            .extend(policy.causes);
        let does = by_name.entry(policy.name).or_default();
        does.entry(policy.does)
            .or_default()
            .extend(numbers.get(type_name));
    }
    let registered: BTreeSet<&str> = service
        .policies()
        .iter()
        .map(|(_, function)| *function)
        .collect();
    for (_, policy) in said
        .in_service(service.name())
        .filter(|(function, _)| !registered.contains(function))
    {
        causes
            .entry(policy.name.clone())
            .or_default()
            .extend(policy.causes.iter().cloned());
        by_name
            .entry(policy.name.clone())
            .or_default()
            .entry(policy.does.clone())
            .or_default();
    }
    let reaction = |(name, does): (String, BTreeMap<String, BTreeSet<usize>>)| {
        let whenever: BTreeSet<usize> = does.values().flatten().copied().collect();
        let mut does: Vec<(Vec<usize>, String)> = does
            .into_iter()
            .map(|(does, numbers)| (numbers.into_iter().collect(), does))
            .collect();
        does.sort();
        let causes = causes.get(&name).into_iter().flatten().cloned().collect();
        Reaction {
            name,
            whenever: whenever.into_iter().collect(),
            causes,
            does,
        }
    };
    let mut reactions: Vec<Reaction> = by_name.into_iter().map(reaction).collect();
    // In the order of what makes them react; the clock comes last.
    reactions.sort_by_key(|reaction| {
        (
            reaction.whenever.is_empty(),
            reaction.whenever.clone(),
            reaction.name.clone(),
        )
    });
    reactions
}

/// `salesman-match` as the domain writes it.
fn pascal(service: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    service.split('-').filter_map(capital).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_with_two_routes_is_one_note() {
        let openapi = json!({ "paths": {
            "/api/consultations/{id}/progress": { "post": {
                "tags": ["consultation"], "summary": "`ProgressConsultation`: move it.", "x-command": "ProgressConsultation",
                "x-actors": ["staff", "salesman"], "x-events": ["ConsultationProgressed"],
            } },
            "/api/consultations/{id}/cancel": { "post": {
                "tags": ["consultation"], "summary": "Cancel it.", "x-command": "ProgressConsultation",
                "x-actors": ["customer", "staff"], "x-events": ["ConsultationProgressed"],
            } },
            "/api/consultations": { "get": { "tags": ["consultation"], "x-actors": ["customer"] } },
        } });
        let commands = &commands(&openapi)["consultation"];
        assert_eq!(commands.len(), 1);
        assert_eq!(commands[0].actors, ["customer", "staff", "salesman"]);
        assert_eq!(commands[0].events, ["ConsultationProgressed"]);
        assert_eq!(
            (commands[0].routes.len(), commands[0].does.as_str()),
            (2, "move it.")
        );
    }
}
