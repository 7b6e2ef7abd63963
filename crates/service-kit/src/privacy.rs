//! Erasure of a customer, and records of who was shown a phone number.

pub mod disclosure;
pub mod erased_customers;
pub mod erasure;
