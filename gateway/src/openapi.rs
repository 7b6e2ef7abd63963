//! Merges the services' API descriptions with the gateway's own.

pub(crate) mod merge;

pub use merge::sorted;
