//! Files of programmes, parsed while they arrive: bytes in, rows or their faults out. No database
//! and no clock.
//!
//! The first bytes decide what a file is, not its name. There are five kinds: the CSV of the public
//! data portal (UTF-8, or CP949 as it is published), answers of 기업마당 (its own and through the
//! portal), answers of K-Startup, and records of 기업마당 as JSON lines.
//!
//! - [`Reader`]: takes bytes, returns [`ParsedRow`]s.
//! - [`Row`]: what a file says of one edition. [`Fault`]: why a row is invalid. [`ImportError`]:
//!   why a file is.
//! - [`plan`]: what importing a row would do.
//! - `csv`, `json`: the two formats. `bizinfo`, `kstartup`: the field names of the two portals.
//!   `draft`: the checks that all share. `texts`: cleans texts and links. `file_type`: recognizes
//!   files that are neither.

mod bizinfo;
mod csv;
mod draft;
mod error;
mod file_type;
mod json;
mod kstartup;
pub mod plan;
mod reader;
mod record;
mod row;
#[cfg(test)]
mod tests;
mod texts;

pub use self::error::{ImportError, Separator};
pub use self::reader::{MAX_FILE_SIZE, Reader};
pub(crate) use self::row::MAYBE_CUT_OFF;
pub use self::row::{Column, Fault, MAX_ROWS, ParsedRow, Portal, Row};
