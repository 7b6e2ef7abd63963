//! What each of the five services would otherwise write again. In reading order:
//!
//! - [`service`]: a service is a value; [`run`] binds it and runs it until it is told to stop.
//! - [`config`]: the typed environment, all wrong variables reported at once.
//! - [`db`]: the pool and [`Tx`], the one unit of work.
//! - [`event_log`]: append an event in the transaction that caused it; `relay`: from there to Kafka; `leader`: one of many does it.
//! - `consumer`: from Kafka into inbox, progress and policies, in one transaction; `taking`: the decision about one record.
//! - [`policy`]: what a policy is, and how it fails.
//! - [`kafka`]: client settings, topics, headers.
//! - [`http`], [`problem`], [`idempotency`], `after`: how a request is read and refused.
//! - [`auth`], [`phone`]: who asks; [`permissions`]: who may call what; [`erasure`]: what is forgotten of a customer, [`forgotten`]: and
//!   when; [`people`]: who is shown, and for whom something is entered.
//! - [`asked_project`]: which project a body asks for; [`disclosure`]: why somebody is shown a whole number.
//! - [`notifications`]: how somebody lists and reads what he was told.
//! - [`describe`]: the description of the routes, with every problem and an example of everything.
//! - `health`, [`shutdown`], [`telemetry`], [`clock`]: the process.
//!
//! There are no repository traits here for the one database, and no bus trait for the one broker.

mod after;
pub mod asked_project;
pub mod auth;
pub mod clock;
pub mod config;
mod consumer;
pub mod db;
pub mod describe;
pub mod disclosure;
pub mod erasure;
pub mod event_log;
pub mod forgotten;
mod health;
pub mod http;
pub mod idempotency;
pub mod kafka;
pub mod leader;
pub mod notifications;
pub mod people;
pub mod permissions;
pub mod phone;
pub mod policy;
pub mod problem;
mod relay;
pub mod service;
pub mod shutdown;
mod taking;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::Clock;
pub use db::{Db, Tx};
pub use policy::{PolicyError, Received};
pub use problem::Problem;
pub use service::{Context, Service, run};
