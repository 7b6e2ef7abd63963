//! Durable erasure jobs: each asks every service to erase a customer until each has confirmed.

pub(crate) mod driver;
pub(crate) mod store;
