//! The table of the public data portal as a workbook (xlsx), read when it has arrived completely.
//!
//! - `contents`: what the zip file contains, within bounds, before anything else opens it.
//! - `sheet`: the lines of the first sheet that has the columns.

mod contents;
mod sheet;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::NaiveDate;
use service_kit::http::problem::Text;

use self::contents::Contents;
use self::sheet::{Line, Sheet};
use super::error::ImportError;
use super::file_type::ole_type;
use super::row::{Column, Fault, ParsedRow};
use super::table::{Columns, HEADINGS, draft_of_line};

/// The lines of a workbook. They are checked one after the other.
#[derive(Debug)]
pub(super) struct Workbook {
    today: NaiveDate,
    columns: Columns,
    lines: VecDeque<Line>,
}

impl Workbook {
    /// # Errors
    /// When it is no workbook of this kind, or one without the columns.
    pub(super) fn parse(bytes: &[u8], today: NaiveDate) -> Result<Self, ImportError> {
        if let Some(error) = ole_type(bytes) {
            return Err(error);
        }
        // calamine trusts some numbers of a file, such as the index of a shared text.
        let sheet = catch_unwind(AssertUnwindSafe(|| {
            let contents = Contents::inspect(bytes)?;
            sheet::read(bytes, &contents)
        }));
        let Sheet { columns, lines } = sheet.unwrap_or(Err(ImportError::DamagedWorkbook))?;
        Ok(Self {
            today,
            columns,
            lines,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn take(&mut self) -> Option<ParsedRow> {
        let line = self.lines.pop_front()?;
        let cells = line.cells.each_ref().map(String::as_str);
        let mut parsed = draft_of_line(cells, &self.columns).check(line.number, self.today);
        if line.is_hidden {
            let message = Text::new(
                "엑셀에서 숨긴 행입니다. 가져올 사업인지 확인해 주세요",
                "The row is hidden in the workbook. Check that it is to be imported",
            );
            parsed
                .warnings
                .push(Fault::new(None, "hidden-row", message));
        }
        for heading in line.errors {
            let column = Column {
                name: HEADINGS[heading].to_owned(),
                number: Some(self.columns[heading] + 1),
            };
            let message = Text::new(
                "수식에 오류가 있어 비워 두었습니다",
                "The formula has an error: the value is left out",
            );
            parsed
                .warnings
                .push(Fault::new(Some(column), "formula-error", message));
        }
        Some(parsed)
    }
}
