//! Files of programmes, parsed while they arrive: bytes in, rows or their faults out. No database
//! and no clock.
//!
//! The first bytes decide what a file is, not its name. There are six kinds: the CSV of the public
//! data portal (UTF-8, or CP949 as it is published), the same table as a workbook (xlsx), answers
//! of 기업마당 (its own and through the portal), answers of K-Startup, answers of the portal's own
//! API with the names of that table, and records of 기업마당 as JSON lines.
//!
//! - [`Reader`]: takes bytes, returns [`ParsedRow`]s.
//! - [`Row`]: what a file says of one edition. [`Fault`]: why a row is invalid. [`ImportError`]:
//!   why a file is.
//! - [`plan`]: what importing a row would do.
//! - `csv`, `workbook`, `json`: the three formats. `table`, `bizinfo`, `kstartup`: the names of the
//!   columns and fields. `draft`: the checks that all share. `texts`, `html`, `cell_date`,
//!   `categories`: clean and translate what the sources write. `file_type`, `portal_error`:
//!   recognize files that contain no programmes.

mod bizinfo;
mod categories;
mod cell_date;
mod csv;
mod draft;
mod error;
mod file_type;
mod html;
mod json;
mod kstartup;
pub mod plan;
mod portal_error;
mod reader;
mod record;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod texts;
mod workbook;

pub use self::error::{ImportError, Separator};
pub use self::portal_error::PortalError;
pub use self::reader::{MAX_FILE_SIZE, Reader};
pub(crate) use self::row::MAYBE_CUT_OFF;
pub use self::row::{Column, Fault, MAX_ROWS, ParsedRow, Portal, Row};
