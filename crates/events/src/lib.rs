//! The contract between the services: every domain event with its ids, envelope and topic.
//!
//! Depends on serde, uuid and chrono only, so that any crate may depend on it. The feature `schema`
//! adds schemars, and a JSON Schema of every event. Everything here is published permanently: a
//! field is only ever added, as an `Option` or with a default; any other change is a new version of
//! the type. `tests/it/golden` has one file per published version, and all of them stay readable.
//!
//! No event contains a name, a full phone number, a memo or a reason of a customer: events are
//! permanent, and customers may be erased. An event names its customer by id and by the last four
//! digits, which the `phone-suffix` strategy reads.
//!
//! | event | published by | meaning |
//! | --- | --- | --- |
//! | [`ProjectCreated`] | project | an edition of a programme was created |
//! | [`ProjectStarted`] | project | … was started |
//! | [`ProjectEnded`] | project | … was ended: next year's edition follows |
//! | [`ProjectEdited`] | project | … has other details, or another period |
//! | [`InterestCreated`] | interest | a customer marked a series for the first time |
//! | [`InterestUpdated`] | interest | … turned the interest off, or on again |
//! | [`ConsultationCreated`] | consultation | a customer requested a consultation |
//! | [`ConsultationEdited`] | consultation | … changed its date or memo |
//! | [`ConsultationProgressed`] | consultation | it moved to another step |
//! | [`SalesmanMatched`] | salesman-match | an interest or consultation has these people now |
//! | [`SalesmanUnmatched`] | salesman-match | … lost a person who left, and waits for another |
//! | [`SalesmanRegistered`] | salesman | a salesman or consultant was registered |
//! | [`SalesmanUpdated`] | salesman | … has another profile |
//!
//! [`Phase`] is what people see of an edition on a given day: a pure function of its events.

#![warn(missing_docs)]

mod catalog;
mod consultation;
mod envelope;
mod ids;
mod interest;
mod people;
mod phase;
mod project;
mod region;
mod salesman;
mod salesman_match;
#[cfg(feature = "schema")]
pub mod schema;
mod text_enum;
mod topic;

pub use catalog::{TYPES, is_known_type};
pub use consultation::{ConsultationCreated, ConsultationEdited, ConsultationProgressed, Step};
pub use envelope::{Envelope, Event, TypeName};
pub use ids::{
    ConsultationId, CustomerId, InterestId, MatchId, ProjectId, SalesmanId, SeriesId, StaffId,
};
pub use interest::{InterestCreated, InterestUpdated};
pub use people::{Actor, CustomerRef, LastFour, NotFourDigits, PersonRef};
pub use phase::{Phase, phase};
pub use project::{
    Category, Edition, EditionField, HasEdition, Period, PeriodKind, ProjectCreated, ProjectEdited,
    ProjectEnded, ProjectStarted, ProjectStatus,
};
pub use region::{Region, WrittenRegions, written_regions};
pub use salesman::{
    DEFAULT_WEIGHT, HasProfile, Leave, PersonRole, Profile, SalesmanRegistered, SalesmanUpdated,
};
pub use salesman_match::{
    HasPeople, MatchedPeople, Origin, SalesmanMatched, SalesmanUnmatched, Strategy,
};
pub use text_enum::UnknownText;
pub use topic::Topic;
