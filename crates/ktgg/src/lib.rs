//! All of KT.GG in one process: the fastest local loop, the host of the end-to-end tests, and a
//! demo in one pod.
//!
//! - [`host`]: the five services and the gateway, each with its own schema, group and port, as in
//!   five deployments.
//! - [`keys`]: the secrets of a data folder.
//! - [`client`]: an HTTP client, and a reader of the stream.
//! - [`inbox`]: receives the one-time codes of a sandbox.
//! - [`import`]: imports a file of programmes through the API.
//! - [`topic`]: the records of a domain topic.
//! - [`demo`]: demo people, programmes and consultations.
//! - [`contract`]: the generated descriptions.
//! - [`mod@bench`]: the time that a change takes to reach a browser.
//!
//! This crate uses a service only through its `Service` value, and no service depends on being
//! alone.

pub mod bench;
pub mod client;
pub mod contract;
pub mod demo;
pub mod host;
pub mod import;
pub mod inbox;
pub mod keys;
mod services;
pub mod topic;

pub use services::{openapi, services};
