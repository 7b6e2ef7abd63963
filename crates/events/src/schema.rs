//! Every event as a JSON Schema (2020-12), for consumers in other languages.
//!
//! A schema describes what is published: an optional field is absent, never null. Consumers must
//! accept additional fields: no schema closes its object.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};

use crate::{
    ConsultationCreated, ConsultationEdited, ConsultationProgressed, Event, InterestCreated,
    InterestUpdated, ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanMatched,
    SalesmanRegistered, SalesmanUnmatched, SalesmanUpdated, Topic, TypeName,
};

/// A type of event with its schema.
#[derive(Debug, Clone)]
pub struct EventSchema {
    /// The type's name with its version.
    pub type_name: TypeName,
    /// Where it is published.
    pub topic: Topic,
    /// The schema of the payload.
    pub schema: Schema,
    /// The golden file: a published payload.
    pub golden: &'static str,
}

macro_rules! event_schemas {
    ($($event:ident $name:literal)*) => {
        /// Every type of event, in the order of [`TYPES`](crate::TYPES).
        pub fn all() -> Vec<EventSchema> {
            vec![$(EventSchema {
                type_name: $event::TYPE,
                topic: $event::TOPIC,
                schema: serialized::<$event>(),
                golden: include_str!(concat!("../tests/it/golden/", $name, ".json")),
            },)*]
        }
    };
}

event_schemas! {
    ProjectCreated "ktgg.ProjectCreated.v1"
    ProjectStarted "ktgg.ProjectStarted.v1"
    ProjectEnded "ktgg.ProjectEnded.v1"
    ProjectEdited "ktgg.ProjectEdited.v1"
    InterestCreated "ktgg.InterestCreated.v1"
    InterestUpdated "ktgg.InterestUpdated.v1"
    ConsultationCreated "ktgg.ConsultationCreated.v1"
    ConsultationEdited "ktgg.ConsultationEdited.v1"
    ConsultationProgressed "ktgg.ConsultationProgressed.v1"
    SalesmanMatched "ktgg.SalesmanMatched.v1"
    SalesmanUnmatched "ktgg.SalesmanUnmatched.v1"
    SalesmanRegistered "ktgg.SalesmanRegistered.v1"
    SalesmanUpdated "ktgg.SalesmanUpdated.v1"
}

/// The schema of a serialized `T`.
fn serialized<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(NeverNull);
    settings.into_generator().into_root_schema_for::<T>()
}

/// Removes null from every `Option`: an absent value is left out instead.
#[derive(Debug, Clone)]
struct NeverNull;

impl Transform for NeverNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(kinds) = schema
            .get_mut("type")
            .and_then(|kinds| kinds.as_array_mut())
        {
            kinds.retain(|kind| kind != "null");
            if let [only] = kinds.as_slice() {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        if let Some(choices) = schema
            .get_mut("anyOf")
            .and_then(|choices| choices.as_array_mut())
        {
            choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
            if let [only] = choices.as_slice() {
                let only = only.as_object().cloned().unwrap_or_default();
                schema.remove("anyOf");
                for (name, value) in only {
                    // The description of the field wins over that of its type.
                    if schema.get(&name).is_none() {
                        schema.insert(name, value);
                    }
                }
            }
        }
    }
}
