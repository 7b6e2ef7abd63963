//! The gateway: the public entry point. In reading order:
//!
//! - [`config`]: the configuration. `app` binds, serves and stops; `process` hosts it.
//! - `edge`: connections, client addresses, cookies, response headers, CSRF, rate limits, pages.
//! - `auth`: sessions, passwords, accounts, invitations, one-time codes, the audit log.
//! - [`upstream`]: the services behind the gateway; [`openapi`] merges their descriptions.
//! - `live`: the live stream. `sms`: messages. `erasure`: the durable erasure jobs.
//! - [`api`]: the gateway's own operations, and the proxy. `state`: what they share.
//!
//! A module imports only from lower floors: `config`; `edge` and `auth`; `upstream`, `live` and
//! `sms`; `erasure` and `openapi`; `api`; `app`. Only `api` and `app` use `state::AppState`.

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
pub use auth::invitations::{Invited, invite_staff};
pub use auth::sessions::{CUSTOMER_LIFETIME, IDLE_TIMEOUT, NewSession, STAFF_LIFETIME, Sessions};
pub use config::{Config, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, WebhookKey};
pub use process::run;
