//! Every event as a JSON Schema (2020-12), for readers that are written in another language.
//!
//! A schema describes what is written: a field that is absent where there is nothing to tell is never null. Reading stays lenient, and a
//! field may be added at any time: no schema closes its object.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};

use crate::{
    ConsultationCreated, ConsultationEdited, ConsultationProgressed, Event, InterestCreated,
    InterestUpdated, ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanMatched,
    SalesmanRegistered, SalesmanUpdated, Topic, TypeName,
};

/// A type of event as others may read it.
#[derive(Debug, Clone)]
pub struct Described {
    /// The type's name with its version.
    pub type_name: TypeName,
    /// Where it is published.
    pub topic: Topic,
    /// What its payload is.
    pub schema: Schema,
    /// The golden file: a payload as it was published.
    pub golden: &'static str,
}

macro_rules! described {
    ($($event:ident $name:literal)*) => {
        /// Every type of event, in the order of [`TYPES`](crate::TYPES).
        pub fn all() -> Vec<Described> {
            vec![$(Described {
                type_name: $event::TYPE,
                topic: $event::TOPIC,
                schema: written::<$event>(),
                golden: include_str!(concat!("../tests/it/golden/", $name, ".json")),
            },)*]
        }
    };
}

described! {
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
    SalesmanRegistered "ktgg.SalesmanRegistered.v1"
    SalesmanUpdated "ktgg.SalesmanUpdated.v1"
}

/// What serde writes of a `T`.
fn written<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(NeverNull);
    settings.into_generator().into_root_schema_for::<T>()
}

/// Takes null from what an `Option` may be: every one of the contract is left out instead.
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
                    // What is said of the field stands before what is said of its type.
                    if schema.get(&name).is_none() {
                        schema.insert(name, value);
                    }
                }
            }
        }
    }
}
