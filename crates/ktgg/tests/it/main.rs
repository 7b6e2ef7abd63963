//! The whole system, end to end, on the real parts: in both shapes, with parts of it away, and while processes are killed.

mod checker;
mod contract;
mod domain;
mod importing;
mod kills;
mod lost_parts;
mod path;
mod system;
