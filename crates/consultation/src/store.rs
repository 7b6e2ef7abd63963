//! All SQL of this service.

pub(crate) mod counts;
mod detail;
pub(crate) mod erasure;
pub(crate) mod list;
pub(crate) mod notes;
pub(crate) mod open;
pub(crate) mod projections;
mod read;
mod timeline;
mod write;

pub(crate) use detail::Detail;
pub(crate) use read::{Stored, load, load_shared};
pub(crate) use write::{Cause, change, create};
