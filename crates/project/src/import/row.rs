//! What a file says of one edition, and what is wrong with it.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use service_kit::http::problem::Text;

use crate::project::{Details, Source, SourceList};

/// Per file. The complete list of a year has five thousand.
pub const MAX_ROWS: u64 = 100_000;

/// The code of the warning that a row may be cut off within its key.
pub(crate) const MAYBE_CUT_OFF: &str = "maybe-cut-off";

events::text_enum! {
    /// Who publishes announcements and assigns their ids.
    pub enum Portal {
        /// 기업마당 (bizinfo.go.kr), also through the public data portal.
        Bizinfo = "bizinfo",
        /// 창업진흥원 K-Startup (k-startup.go.kr).
        Kstartup = "kstartup",
    }
}

/// What a file says of one edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub portal: Portal,
    /// The portal's id of the announcement, which is the key. 번호 is only the number of a row.
    pub source_id: String,
    /// The list it is from; `None` if its link leads to another site than the list's.
    #[serde(default)]
    pub list: Option<SourceList>,
    /// The year is that of the name, else of the period's first day, else of the registration,
    /// else of the import.
    #[serde(flatten)]
    pub details: Details,
    /// Whether the source gives a known category. Otherwise it is 기타, and an edit keeps the
    /// category of the edition.
    #[serde(rename = "categoryTold")]
    pub has_category: bool,
    /// Whether the source gives the regions. Otherwise they are derived from title and agency, and
    /// an edit keeps those of the edition.
    #[serde(rename = "regionsTold")]
    pub has_regions: bool,
    /// Whether the source gives a year. Otherwise it is that of the import, and an edit keeps the
    /// year of the edition.
    #[serde(rename = "yearTold", default = "yes")]
    pub has_year: bool,
    /// The day of the announcement.
    pub registered_on: Option<NaiveDate>,
}

/// Builds before this one refused rows without a year.
const fn yes() -> bool {
    true
}

impl Row {
    pub(crate) fn source(&self) -> Source {
        Source {
            name: self.portal.as_str().to_owned(),
            id: self.source_id.clone(),
        }
    }
}

/// A column of a table, or a field of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The heading, or the name of the field.
    pub name: String,
    /// Counted from 1; `None` for records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
}

/// Why a row is invalid, or a warning about it. Also the form in which it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `None` for the row as a whole.
    pub column: Option<Column>,
    /// For programs.
    pub code: Cow<'static, str>,
    /// For people, in Korean.
    pub ko: Cow<'static, str>,
    /// For people, in English.
    pub en: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(column: Option<Column>, code: &'static str, message: Text) -> Self {
        Self {
            column,
            code: code.into(),
            ko: message.ko,
            en: message.en,
        }
    }
}

/// A row of a file after its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedRow {
    /// Counted from 1, without headings and blank lines. Set by the reader.
    pub number: u64,
    /// The line of the file on which it starts, from 1.
    pub line: u64,
    /// The row, or everything that is wrong with it.
    pub row: Result<Row, Vec<Fault>>,
    /// Possible mistakes that do not prevent the import.
    pub warnings: Vec<Fault>,
}

impl ParsedRow {
    pub(super) fn invalid(line: u64, code: &'static str, message: Text) -> Self {
        Self {
            number: 0,
            line,
            row: Err(vec![Fault::new(None, code, message)]),
            warnings: Vec::new(),
        }
    }
}
