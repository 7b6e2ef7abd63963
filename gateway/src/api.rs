//! What the gateway answers itself, and how a request passes through it.

pub mod accounts;
pub(crate) mod audit;
pub(crate) mod authorize;
pub(crate) mod me;
pub(crate) mod operations;
pub mod permissions;
pub(crate) mod proxy;
pub(crate) mod session;
pub(crate) mod stream;
