//! What every service is built on. In reading order:
//!
//! - [`service`]: a service is a value; [`bound`] is one that holds its ports and runs; [`process`]
//!   hosts one from its environment until SIGTERM.
//! - [`config`], [`db`], [`clock`], [`migrations`], [`telemetry`], [`trace`]: what a process needs.
//! - [`messaging`]: the event path. `event_log` → `relay` → Kafka → `consumer` → `intake` → `policy`.
//! - [`http`]: how a request is read, authorized, refused and answered; [`auth`]: who sends it.
//! - [`privacy`]: erasing a customer, and recording who was shown a phone number.
//! - [`forms`]: input that several services share, such as phone numbers and project references.
//!
//! There are no repository traits here for the one database, and no bus trait for the one broker.

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
