//! Files of programmes, read as they arrive: bytes in, rows or their faults out. Nothing here knows a database or the day.
//!
//! What a file is, its first bytes tell, and not its name. There are five kinds: the CSV of the public data portal (UTF-8, or CP949 as it is
//! published), answers of 기업마당 (its own and through the portal), answers of K-Startup, and 기업마당's records one a line.
//!
//! - [`Reader`]: takes bytes, gives [`Line`]s.
//! - [`Row`]: what a file says of one edition. [`Fault`]: why a row cannot be read. [`Wrong`]: why a file cannot.
//! - [`plan`]: what importing a row would do.
//! - `csv`, `json`: the two shapes; `bizinfo`, `kstartup`: the words of the two portals; `draft`: the checks both share; `texts`: how their
//!   texts and links are cleaned.

mod bizinfo;
mod csv;
mod draft;
mod json;
mod kstartup;
pub mod plan;
mod texts;
mod wrong;

use std::collections::VecDeque;

use chrono::NaiveDate;
use events::{Category, Period, Region};
use serde::{Deserialize, Serialize};
use service_kit::http::problem::Text;

pub use wrong::{Separator, Wrong};

use crate::project::List;

/// The largest file: the whole list of a year has 1.3 MB, an answer with every text some twenty.
pub const LARGEST: usize = 32 * 1024 * 1024;

/// The most rows of one file: the whole list of a year has five thousand.
pub const MOST_ROWS: u64 = 100_000;

/// After this many bytes it is certain what a file is: no header and no record's first line is longer.
const CERTAIN: usize = 16 * 1024;

/// Who announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Portal {
    /// 기업마당 (bizinfo.go.kr), also through the public data portal.
    Bizinfo,
    /// 창업진흥원 K-Startup (k-startup.go.kr).
    Kstartup,
}

impl Portal {
    /// The portal's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bizinfo => "bizinfo",
            Self::Kstartup => "kstartup",
        }
    }
}

/// What a file says of one edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Who announces it.
    pub portal: Portal,
    /// The portal's own id of it: the key. 번호 is only the number of a row.
    pub source_id: String,
    /// Which list it stands in, unless its link leads to another site than the list's: then nobody knows whose it is.
    #[serde(default)]
    pub list: Option<List>,
    /// Its name as announced.
    pub name: String,
    /// The edition's year: of the name, else of the period's first day, else of the day it was registered.
    pub year: i32,
    /// 분야; one that nobody knows is 기타.
    pub category: Category,
    /// Whether the source says a category that is known here; one that it does not say corrects nobody.
    pub category_told: bool,
    /// Where it applies.
    pub regions: Vec<Region>,
    /// Whether the source says the regions itself. Where it does not, they are only what title and agency suggest, and correct nobody.
    pub regions_told: bool,
    /// 지원대상, where the source tells it.
    pub target: Option<String>,
    /// 소관기관.
    pub agency: String,
    /// 수행기관; the agency where it carries it out itself.
    pub host: String,
    /// What it is about, where the source tells it.
    pub summary: Option<String>,
    /// Where it was announced.
    pub link: Option<String>,
    /// When one can apply.
    pub period: Period,
    /// The day it was announced.
    pub registered_on: Option<NaiveDate>,
}

/// Where in a row something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its heading, or the record's own name of it.
    pub name: String,
    /// Counted from 1; records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
}

/// Why a row cannot be read, or what may be wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where; `None` when it is the row as a whole.
    pub column: Option<Column>,
    /// Which rule it breaks, for a program.
    pub code: &'static str,
    /// The same for a person.
    pub message: Text,
}

/// One row of a file, or what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1, headings and blank lines aside.
    pub number: u64,
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// What it says, or every reason why it says nothing.
    pub read: Result<Row, Vec<Fault>>,
    /// What may be wrong with it, although it can be imported.
    pub warnings: Vec<Fault>,
}

/// Reads one file. Of a CSV and of records one a line it holds no more than the line it is at; an answer in JSON it holds whole.
#[derive(Debug)]
pub struct Reader {
    format: Format,
    received: usize,
    rows: u64,
    ready: VecDeque<Line>,
}

#[derive(Debug)]
enum Format {
    /// Not enough bytes yet to know.
    Unknown(Vec<u8>),
    Csv(Box<csv::Table>),
    Lines(json::Lines),
    Json(Vec<u8>),
    TestResponse(json::TestResponse),
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            format: Format::Unknown(Vec::new()),
            received: 0,
            rows: 0,
            ready: VecDeque::new(),
        }
    }
}

impl Reader {
    /// Takes the next bytes in.
    ///
    /// # Errors
    /// When this is no file that can be imported. Then the rows before count for nothing.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        self.received += bytes.len();
        if self.received > LARGEST {
            return Err(Wrong::TooLarge);
        }
        match &mut self.format {
            Format::Unknown(held) => {
                held.extend_from_slice(bytes);
                if held.len() >= CERTAIN {
                    self.recognise()
                } else {
                    Ok(())
                }
            }
            Format::Csv(table) => table.push(bytes, &mut self.ready),
            Format::Lines(lines) => lines.push(bytes, &mut self.ready),
            Format::Json(held) => {
                held.extend_from_slice(bytes);
                Ok(())
            }
            Format::TestResponse(_) => Ok(()),
        }
    }

    /// Says that there are no more bytes.
    ///
    /// # Errors
    /// When the file is cut off, or is none that can be imported.
    pub fn finish(&mut self) -> Result<(), Wrong> {
        if matches!(self.format, Format::Unknown(_)) {
            self.recognise()?;
        }
        match &mut self.format {
            Format::Unknown(_) | Format::TestResponse(_) => {}
            Format::Csv(table) => table.finish(&mut self.ready)?,
            Format::Lines(lines) => lines.finish(&mut self.ready)?,
            Format::Json(held) => {
                let held = std::mem::take(held);
                // One record alone on its line may have been longer than what was looked at first.
                self.format = if json::is_records_one_a_line(&held) {
                    let mut lines = json::Lines::default();
                    lines.push(&held, &mut self.ready)?;
                    lines.finish(&mut self.ready)?;
                    Format::Lines(lines)
                } else {
                    Format::TestResponse(json::TestResponse::read(held)?)
                };
            }
        }
        if self.rows == 0
            && self.ready.is_empty()
            && !matches!(&self.format, Format::TestResponse(answer) if !answer.is_empty())
        {
            return Err(Wrong::NoRows);
        }
        Ok(())
    }

    /// The next row that has arrived whole.
    ///
    /// # Errors
    /// When there are more rows than any list has.
    pub fn take(&mut self) -> Result<Option<Line>, Wrong> {
        let next = match &mut self.format {
            Format::TestResponse(answer) => answer.take(),
            _ => self.ready.pop_front(),
        };
        let Some(mut line) = next else {
            return Ok(None);
        };
        self.rows += 1;
        if self.rows > MOST_ROWS {
            return Err(Wrong::TooManyRows);
        }
        line.number = self.rows;
        Ok(Some(line))
    }

    /// Knows what the file is by its first bytes, and reads them.
    fn recognise(&mut self) -> Result<(), Wrong> {
        let Format::Unknown(held) = &mut self.format else {
            return Ok(());
        };
        let held = std::mem::take(held);
        wrong::refuse_what_is_no_text(&held)?;
        let text = held.strip_prefix(UTF8_MARK).unwrap_or(&held);
        self.format = match text.trim_ascii_start().first() {
            None => return Err(Wrong::Empty),
            Some(b'{' | b'[') if json::is_records_one_a_line(text) => {
                let mut lines = json::Lines::default();
                lines.push(text, &mut self.ready)?;
                Format::Lines(lines)
            }
            Some(b'{' | b'[') => Format::Json(text.to_vec()),
            Some(_) => {
                let mut table = Box::new(csv::Table::recognise(text)?);
                table.push(text, &mut self.ready)?;
                Format::Csv(table)
            }
        };
        Ok(())
    }
}

/// The code of the warning that a row may be cut off within its key.
pub(crate) const MAYBE_CUT_OFF: &str = "maybe-cut-off";

/// What editors on Windows put before UTF-8.
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

#[cfg(test)]
mod tests;
