//! The shared part of all services. In reading order:
//!
//! - [`service`]: a service as a value; [`bound`]: with open ports, ready to run; [`process`]: a
//!   process that runs one until SIGTERM.
//! - [`config`], [`db`], [`clock`], [`migrations`], [`telemetry`], [`trace`], [`health`]: parts of
//!   every process.
//! - [`messaging`]: the event path, `event_log` → `relay` → Kafka → `consumer` → `intake` →
//!   `policy`.
//! - [`http`]: how a request is read, authorized and answered; [`auth`]: the caller.
//! - [`privacy`]: erasure of a customer, and records of who was shown a phone number.
//! - [`forms`]: request fields that several services share.
//!
//! There is no repository trait for the one database, and no bus trait for the one broker.

#![warn(missing_docs)]

pub mod auth;
pub mod bound;
pub mod clock;
pub mod config;
pub mod db;
pub mod forms;
pub mod health;
pub mod http;
pub mod messaging;
pub mod migrations;
pub mod privacy;
pub mod process;
mod redacted;
mod retention;
pub mod service;
pub mod tasks;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trace;

pub use bound::Bound;
pub use clock::Clock;
pub use db::{Db, Tx};
pub use http::problem::Problem;
pub use messaging::policy::{PolicyError, Received};
pub use process::run;
pub use service::{Context, Service};
