//! Every type of event that this build knows.

use crate::{
    ConsultationCreated, ConsultationEdited, ConsultationProgressed, Event, InterestCreated,
    InterestUpdated, ProjectCreated, ProjectEdited, ProjectEnded, ProjectStarted, SalesmanMatched,
    SalesmanRegistered, SalesmanUnmatched, SalesmanUpdated, TypeName,
};

/// Every type that this build knows. Consumers park records of other types until a build knows
/// them.
pub const TYPES: [TypeName; 13] = [
    ProjectCreated::TYPE,
    ProjectStarted::TYPE,
    ProjectEnded::TYPE,
    ProjectEdited::TYPE,
    InterestCreated::TYPE,
    InterestUpdated::TYPE,
    ConsultationCreated::TYPE,
    ConsultationEdited::TYPE,
    ConsultationProgressed::TYPE,
    SalesmanMatched::TYPE,
    SalesmanUnmatched::TYPE,
    SalesmanRegistered::TYPE,
    SalesmanUpdated::TYPE,
];

/// Whether this build knows the type.
pub fn is_known_type(type_name: &str) -> bool {
    TYPES.contains(&type_name)
}
