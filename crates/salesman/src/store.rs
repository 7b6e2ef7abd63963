//! All SQL of this service.
//!
//! - `roster`: salesmen and consultants; `list`: pages of them.
//! - `projections`: what policies store from other services' events; `assignments`: reading it.
//! - `notifications`: of salesmen and consultants.
//! - `erasure`: a customer's data, and erasing it.

pub(crate) mod assignments;
pub(crate) mod erasure;
pub(crate) mod list;
pub(crate) mod notifications;
pub(crate) mod outcomes;
pub(crate) mod projections;
pub(crate) mod roster;
