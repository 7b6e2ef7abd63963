//! The only SQL of this service.

pub(crate) mod counts;
pub(crate) mod erasure;
pub(crate) mod hand_over;
pub(crate) mod list;
pub(crate) mod matches;
pub(crate) mod projections;
pub(crate) mod queue;
pub(crate) mod row;
