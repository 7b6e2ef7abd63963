//! The gateway's own operations, the middleware that authorizes and records every request, and the
//! proxy to the services.

mod accounts;
pub(crate) mod audit;
pub(crate) mod authorize;
mod me;
pub mod openapi;
pub(crate) mod operations;
mod otp;
pub mod permissions;
pub(crate) mod proxy;
mod session;
pub(crate) mod stream;
