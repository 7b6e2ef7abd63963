//! The contract between the services: every domain event once, with its ids, its envelope and its topic.
//!
//! Depends on serde, uuid and chrono and on nothing else, so that anyone may depend on it; the feature `schema` adds schemars, and a JSON
//! Schema of every event. Everything here is published for
//! good: a field is only ever added, as an `Option` or with a default; whatever cannot be added becomes a new version of the type.
//! `tests/it/golden` holds one file for each version ever published, and all of them must stay readable.
//!
//! No event carries a name, a full phone number, a memo or a reason of a customer: events are kept for good, and people may ask to
//! be forgotten. An event names its customer by id and by the last four digits, which the `phone-suffix` strategy reads.
//!
//! | event | published by | tells |
//! | --- | --- | --- |
//! | [`ProjectCreated`] | project | an edition of a programme exists |
//! | [`ProjectStarted`] | project | … was started |
//! | [`ProjectEnded`] | project | … was ended: next year's edition follows |
//! | [`ProjectEdited`] | project | … is described otherwise, or its period moved |
//! | [`InterestCreated`] | interest | a customer marked a series for the first time |
//! | [`InterestUpdated`] | interest | … turned it off, or on again |
//! | [`ConsultationCreated`] | consultation | a customer asked for a consultation |
//! | [`ConsultationEdited`] | consultation | … changed its date or memo |
//! | [`ConsultationProgressed`] | consultation | it moved to another step |
//! | [`SalesmanMatched`] | salesman-match | these people are now on that interest or consultation |
//! | [`SalesmanRegistered`] | salesman | a salesman or consultant exists |
//! | [`SalesmanUpdated`] | salesman | … works elsewhere, holds more or less, is away, or works no longer |
//!
//! [`Phase`] is what people see of an edition on a given day: a pure function of what the events tell.

#![warn(missing_docs)]

mod consultation;
mod envelope;
mod ids;
mod interest;
mod people;
mod phase;
mod project;
mod salesman;
mod salesman_match;
#[cfg(feature = "schema")]
pub mod schema;
mod text_enum;
mod topic;

pub use consultation::{ConsultationCreated, ConsultationEdited, ConsultationProgressed, Step};
pub use envelope::{Envelope, Event, TYPES, TypeName, is_known_type};
pub use ids::{
    ConsultationId, CustomerId, InterestId, MatchId, ProjectId, SalesmanId, SeriesId, StaffId,
};
pub use interest::{InterestCreated, InterestUpdated};
pub use people::{Actor, CustomerRef, LastFour, NotFourDigits, PersonRef};
pub use phase::{Phase, phase};
pub use project::{
    Category, Edition, EditionField, HasEdition, Period, PeriodKind, ProjectCreated, ProjectEdited,
    ProjectEnded, ProjectStarted, ProjectStatus, Region,
};
pub use salesman::{
    DEFAULT_WEIGHT, HasProfile, Leave, PersonRole, Profile, SalesmanRegistered, SalesmanUpdated,
};
pub use salesman_match::{Origin, SalesmanMatched, Strategy};
pub use text_enum::UnknownText;
pub use topic::Topic;
