//! All SQL of this service.
//!
//! Lock order: a transaction that changes data of a customer locks the customer
//! ([`served::lock_customer`]) before any other row of that customer. Without this order two
//! transactions could wait for each other.

pub(crate) mod counts;
pub(crate) mod erasure;
pub(crate) mod interests;
pub(crate) mod list;
mod merging;
pub(crate) mod notifications;
pub(crate) mod progress;
pub(crate) mod projections;
pub(crate) mod rematches;
pub(crate) mod row;
pub(crate) mod served;
