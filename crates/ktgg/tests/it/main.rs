//! The whole system, end to end, on the real parts: in both shapes, with parts of it away, and while processes are killed.

mod bearers;
mod callers;
mod checker;
mod contract;
mod deactivation;
mod domain;
mod erasing;
mod everybody;
mod forged;
mod grepping;
mod importing;
mod kills;
mod lost_parts;
mod path;
mod secrets;
mod signing_in;
mod system;
mod walk;
