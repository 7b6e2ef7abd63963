//! A real Postgres and a real Kafka in one data folder, without root and without installed servers.
//!
//! `cargo xtask up` and the tests run on it. It knows nothing about KT.GG: it gives the address of
//! each server, and can kill, restart and stop it. It blocks and uses threads instead of an async
//! runtime; call it from `spawn_blocking` where there is one.
//!
//! In reading order: `sandbox` (both servers), `options`, `checkout_paths`, `data_folder` (its lock
//! and its leftovers), `downloads`, `postgres`, `kafka`, `secure` (TLS and passwords),
//! `child_process`, `process_table`, `ports`, `run_as` (the unprivileged user), `tools`,
//! `progress`, `interrupt`.

mod checkout_paths;
mod child_process;
mod data_folder;
mod downloads;
mod interrupt;
mod kafka;
mod options;
mod ports;
mod postgres;
mod process_table;
mod progress;
mod run_as;
mod sandbox;
mod secure;
mod short_hash;
pub mod tools;

pub use checkout_paths::CheckoutPaths;
pub use child_process::{ChildProcess, SpawnOptions};
pub use data_folder::DataFolder;
pub use downloads::exist as downloads_exist;
pub use interrupt::{Interrupt, Interrupted};
pub use options::Options;
pub use ports::{check as check_ports, free as free_ports};
pub use process_table::StopSignal;
pub use progress::{Progress, Step};
pub use sandbox::Sandbox;
pub use secure::Secure;
