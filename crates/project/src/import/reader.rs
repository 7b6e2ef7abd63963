//! Parses one file of any format while it arrives.

use std::collections::VecDeque;

use chrono::NaiveDate;

use super::error::ImportError;
use super::file_type::{UTF8_BOM, check_is_text, is_container};
use super::row::{MAX_ROWS, ParsedRow};
use super::{csv, json, workbook};

/// In bytes. The list of a year has 1.3 MB, an answer with all texts about twenty.
pub const MAX_FILE_SIZE: usize = 32 * 1024 * 1024;

/// After this many bytes the format is decided: every header and first record is shorter.
pub(super) const RECOGNITION_SIZE: usize = 16 * 1024;

/// Parses one file. Keeps only the current line of CSV and JSON lines, but the whole of an answer
/// or a workbook.
#[derive(Debug)]
pub struct Reader {
    today: NaiveDate,
    format: Format,
    received: usize,
    rows: u64,
    ready: VecDeque<ParsedRow>,
}

#[derive(Debug)]
enum Format {
    /// Not enough bytes yet.
    Unknown(Vec<u8>),
    Csv(Box<csv::Table>),
    Lines(json::Lines),
    /// An answer that has not arrived completely.
    Json(Vec<u8>),
    Answer(json::PortalAnswer),
    /// A zip or OLE file that has not arrived completely.
    Container(Vec<u8>),
    Workbook(workbook::Workbook),
}

impl Reader {
    /// `today` is the day in Seoul, whose year an announcement without any gets.
    pub const fn new(today: NaiveDate) -> Self {
        Self {
            today,
            format: Format::Unknown(Vec::new()),
            received: 0,
            rows: 0,
            ready: VecDeque::new(),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the file cannot be imported. The rows returned before are void.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        self.received += bytes.len();
        if self.received > MAX_FILE_SIZE {
            return Err(ImportError::TooLarge);
        }
        match &mut self.format {
            Format::Unknown(buffer) => {
                buffer.extend_from_slice(bytes);
                if buffer.len() >= RECOGNITION_SIZE {
                    self.recognize()?;
                }
            }
            Format::Csv(table) => table.push(bytes, &mut self.ready)?,
            Format::Lines(lines) => lines.push(bytes, &mut self.ready)?,
            Format::Json(buffer) | Format::Container(buffer) => buffer.extend_from_slice(bytes),
            Format::Answer(_) | Format::Workbook(_) => {}
        }
        Ok(())
    }

    /// Ends the file. This parses an answer or a workbook, which may take a second.
    ///
    /// # Errors
    /// When the file is cut off or cannot be imported.
    pub fn finish(&mut self) -> Result<(), ImportError> {
        if matches!(self.format, Format::Unknown(_)) {
            self.recognize()?;
        }
        match &mut self.format {
            Format::Unknown(_) | Format::Answer(_) | Format::Workbook(_) => {}
            Format::Container(buffer) => {
                let bytes = std::mem::take(buffer);
                self.format = Format::Workbook(workbook::Workbook::parse(&bytes, self.today)?);
            }
            Format::Csv(table) => table.finish(&mut self.ready)?,
            Format::Lines(lines) => lines.finish(&mut self.ready)?,
            Format::Json(buffer) => {
                let bytes = std::mem::take(buffer);
                // A single record may be longer than what decided the format.
                self.format = if json::has_record_lines(&bytes) {
                    let mut lines = json::Lines::new(self.today);
                    lines.push(&bytes, &mut self.ready)?;
                    lines.finish(&mut self.ready)?;
                    Format::Lines(lines)
                } else {
                    Format::Answer(json::PortalAnswer::parse(bytes, self.today)?)
                };
            }
        }
        let is_empty = match &self.format {
            Format::Answer(answer) => answer.is_empty(),
            Format::Workbook(workbook) => workbook.is_empty(),
            _ => self.ready.is_empty(),
        };
        if self.rows == 0 && is_empty {
            return Err(ImportError::NoRows);
        }
        Ok(())
    }

    /// The next complete row.
    ///
    /// # Errors
    /// When there are more than [`MAX_ROWS`].
    pub fn take(&mut self) -> Result<Option<ParsedRow>, ImportError> {
        let next = match &mut self.format {
            Format::Answer(answer) => answer.take(),
            Format::Workbook(workbook) => workbook.take(),
            _ => self.ready.pop_front(),
        };
        let Some(mut row) = next else {
            return Ok(None);
        };
        self.rows += 1;
        if self.rows > MAX_ROWS {
            return Err(ImportError::TooManyRows);
        }
        row.number = self.rows;
        Ok(Some(row))
    }

    /// Decides the format by the first bytes, and parses them.
    fn recognize(&mut self) -> Result<(), ImportError> {
        let Format::Unknown(buffer) = &mut self.format else {
            return Ok(());
        };
        let bytes = std::mem::take(buffer);
        if is_container(&bytes) {
            self.format = Format::Container(bytes);
            return Ok(());
        }
        check_is_text(&bytes)?;
        let text = bytes.strip_prefix(UTF8_BOM).unwrap_or(&bytes);
        self.format = match text.trim_ascii_start().first() {
            None => return Err(ImportError::Empty),
            Some(b'{' | b'[') if json::has_record_lines(text) => {
                let mut lines = json::Lines::new(self.today);
                lines.push(text, &mut self.ready)?;
                Format::Lines(lines)
            }
            Some(b'{' | b'[') => Format::Json(text.to_vec()),
            Some(_) => {
                let mut table = Box::new(csv::Table::recognize(text, self.today)?);
                table.push(text, &mut self.ready)?;
                Format::Csv(table)
            }
        };
        Ok(())
    }
}
