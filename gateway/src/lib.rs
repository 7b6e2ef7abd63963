//! The gateway: the one public entry point. In reading order:
//!
//! - [`config`], [`state`], [`app`], [`process`]: what it needs, what requests share, how it serves and stops.
//! - [`edge`]: connections, client addresses, headers, CSRF, rate limits.
//! - [`auth`]: sessions, passwords, accounts, one-time codes.
//! - [`upstream`]: the services behind it; [`openapi`]: one description out of theirs.
//! - [`live`]: the live stream. [`sms`]: how a message leaves. [`erasure`]: the durable erasure job.
//! - [`api`]: what the gateway answers itself, and how a request passes through.

pub mod api;
mod app;
mod auth;
pub mod config;
mod edge;
mod erasure;
mod live;
pub mod openapi;
mod process;
mod sms;
mod state;
pub mod upstream;

pub use app::{Gateway, NAME, migrations};
pub use auth::sessions::{Begun, IDLE, MONTH, Sessions, WORKING_DAY};
pub use config::Config;
pub use process::run;
pub use sms::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, WebhookKey, WebhookUrl};
